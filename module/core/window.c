// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive window to offer, and when a sender may use the peer's.
 *
 * RFC 9293, 3.8.6.2 (silly-window avoidance, both sides), RFC 7323, 2 (scaling).
 * Pure: any context, no locks.
 */
#include "window.h"
#include "wire.h"

/**
 * xtcp_window_shift() - the window scale to offer
 * @space_bytes: the largest receive buffer the connection may ever get
 *
 * Context: any, pure.
 * Return: the smallest shift with which @space_bytes fits the 16-bit field, at most
 * XTCP_WSCALE_MAX (RFC 7323, 2.3).
 */
u8 xtcp_window_shift(u32 space_bytes)
{
	u8 shift = 0;

	/* Within one of it by the length of the number alone: each SYN pays for this. */
	if (space_bytes >> 16)
		shift = 16 - __builtin_clz(space_bytes);
	if (shift < XTCP_WSCALE_MAX && xtcp_window_max(shift) < space_bytes)
		shift++;

	return min_t(u8, shift, XTCP_WSCALE_MAX);
}

/**
 * xtcp_window_select() - the receive window of the next segment
 * @offered_bytes: what is still offered: right edge last sent minus RCV.NXT
 * @free_bytes: room for text in the receive buffer
 * @buffer_bytes: size of the receive buffer, RCV.BUFF
 * @mss_bytes: segments we expect, Eff.snd.MSS of the peer
 * @shift: our window scale, 0 in a SYN or without scaling
 *
 * Receiver's silly-window avoidance (RFC 9293, 3.8.6.2.2, MUST-39): the right edge
 * moves only if it moves by min(RCV.BUFF/2, MSS) at least.
 *
 * The right edge never moves left (RFC 9293, 3.8.6, SHLD-14), neither because room
 * was lost nor by scaling: RCV.NXT advances in bytes and the field counts units of
 * 1 << @shift, so an edge that stays is rounded up (RFC 7323, 2.4) and may creep
 * right by less than one unit. A new edge is rounded down: no more is promised
 * than is there, unless the buffer is smaller than one unit.
 *
 * Context: any, pure.
 * Return: the window, a multiple of 1 << @shift that fits the field [bytes]; 0 shuts
 * the window.
 */
u32 xtcp_window_select(u32 offered_bytes, u32 free_bytes, u32 buffer_bytes, u32 mss_bytes,
		       u8 shift)
{
	u32 unit = 1u << shift;
	u32 offered = min_t(u32, offered_bytes, xtcp_window_max(shift));
	u32 keep = (offered + unit - 1) & ~(unit - 1);
	u32 open = min_t(u32, free_bytes, xtcp_window_max(shift)) & ~(unit - 1);
	u32 least = max_t(u32, min_t(u32, buffer_bytes / 2, mss_bytes), 1);

	/* All of the buffer is less than the field can say: say the least it can. */
	if (buffer_bytes < unit && free_bytes >= least)
		open = unit;

	return open >= keep && open - offered >= least ? open : keep;
}

/**
 * xtcp_window_allows() - is there enough data and window for a segment?
 * @unsent_bytes: D, data queued and not yet sent
 * @usable_bytes: U, SND.UNA + SND.WND - SND.NXT, limited by the congestion window
 * @max_snd_wnd: Max(SND.WND), the largest window the peer ever offered
 * @mss_bytes: Eff.snd.MSS
 *
 * Sender's silly-window avoidance (RFC 9293, 3.8.6.2.1, MUST-38) without its Nagle
 * term, which the caller adds where it applies. All queued data counts as pushed.
 * The override timer that ends a wait is the caller's (the persist timer).
 *
 * Context: any, pure.
 * Return: true if a full segment can go, or all there is, or half of the largest
 * window the peer ever had.
 */
bool xtcp_window_allows(u32 unsent_bytes, u32 usable_bytes, u32 max_snd_wnd, u32 mss_bytes)
{
	u32 sendable = min(unsent_bytes, usable_bytes);

	if (!sendable)
		return false;

	return sendable >= mss_bytes || sendable == unsent_bytes ||
	       sendable >= max_snd_wnd - max_snd_wnd / 2;
}
