/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Window scaling and silly-window avoidance (RFC 7323, 2; RFC 9293, 3.8.6).
 */
#ifndef XTCP_CORE_WINDOW_H
#define XTCP_CORE_WINDOW_H

#include "types.h"

/* Largest window the 16-bit field can hold at @shift [bytes]. */
static inline u32 xtcp_window_max(u8 shift)
{
	return 65535u << shift;
}

u8 xtcp_window_shift(u32 space_bytes);
u32 xtcp_window_select(u32 offered_bytes, u32 free_bytes, u32 buffer_bytes, u32 mss_bytes,
		       u8 shift);
bool xtcp_window_allows(u32 unsent_bytes, u32 usable_bytes, u32 max_snd_wnd, u32 mss_bytes);

#endif /* XTCP_CORE_WINDOW_H */
