// SPDX-License-Identifier: GPL-2.0-only
/*
 * Judging a received segment, one function per question RFC 9293, 3.10.7 asks.
 *
 * RFC 9293, 3.4, 3.5.2, 3.10.7; RFC 5961, 3 to 5; RFC 7323, 5. Nothing is changed
 * here: the caller acts on the verdict. Pure: any context, no locks.
 */
#include "segment.h"
#include "seq.h"
#include "wire.h"

/* RFC 7323, 5.5: a timestamp this old says nothing any more. */
#define PAWS_VALID_S	(24 * 24 * 3600u)

/* @seq lies in [RCV.NXT, RCV.NXT+RCV.WND); nothing does when the window is zero. */
static bool in_window(u32 rcv_nxt, u32 rcv_wnd, u32 seq)
{
	return seq - rcv_nxt < rcv_wnd;
}

/**
 * xtcp_segment_is_acceptable() - the four-case sequence test
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND as offered, below 2^31
 * @seq: SEG.SEQ
 * @seg_len: SEG.LEN: text, SYN and FIN
 *
 * RFC 9293, 3.4, table 6; 3.10.7.4, first. A segment with text overlaps the window
 * if it starts in it or contains RCV.NXT. deviates: the RFC looks at the first and
 * the last octet only and so refuses a segment that sticks out of a small window
 * on both sides; it would never get through, and xtcp_segment_trim() can cut both.
 *
 * Nothing else is acceptable, yet the ACK of a segment right behind the window counts:
 * see xtcp_segment_has_allowance().
 *
 * Context: any, pure.
 * Return: true if the segment, or a part of it, belongs into the window.
 */
bool xtcp_segment_is_acceptable(u32 rcv_nxt, u32 rcv_wnd, u32 seq, u32 seg_len)
{
	if (!seg_len)
		return seq == rcv_nxt || in_window(rcv_nxt, rcv_wnd, seq);
	if (!rcv_wnd)
		return false;

	return in_window(rcv_nxt, rcv_wnd, seq) || rcv_nxt - seq < seg_len;
}

/**
 * xtcp_segment_trim() - find what of a segment lies outside the window
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND as offered, below 2^31
 * @seq: number of the first octet of text
 * @text_bytes: length of the text, without SYN and FIN
 * @fin: the FIN flag is set
 * @cut: filled in; head and tail together are never longer than the text
 *
 * RFC 9293, 3.10.7.4, first: "trim off any portions that lie outside the window
 * (including SYN and FIN)". The FIN occupies the number after the last octet of
 * text, so it needs one number of window for itself.
 *
 * Context: any, pure.
 */
void xtcp_segment_trim(u32 rcv_nxt, u32 rcv_wnd, u32 seq, u32 text_bytes, bool fin,
		       struct xtcp_cut *cut)
{
	bool late = xtcp_seq_lt(seq, rcv_nxt);
	u32 old = late ? rcv_nxt - seq : 0;		/* numbers before RCV.NXT */
	u32 ahead = late ? 0 : seq - rcv_nxt;		/* numbers skipped after it */
	u32 room = ahead < rcv_wnd ? rcv_wnd - ahead : 0;
	u32 rest;

	cut->head_bytes = min(old, text_bytes);
	rest = text_bytes - cut->head_bytes;
	cut->tail_bytes = rest > room ? rest - room : 0;
	cut->fin = fin && old <= text_bytes && rest >= room;
}

/**
 * xtcp_segment_check_rst() - what a RST in a synchronised state, or SYN_RCVD, deserves
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND as offered
 * @seq: SEG.SEQ
 *
 * RFC 5961, 3.2; RFC 9293, 3.10.7.4, second: only the exact number resets, so that
 * a blind sender has one chance in 2^32.
 *
 * Context: any, pure.
 * Return: enum xtcp_rst_verdict.
 */
enum xtcp_rst_verdict xtcp_segment_check_rst(u32 rcv_nxt, u32 rcv_wnd, u32 seq)
{
	if (seq == rcv_nxt)
		return XTCP_RST_ACCEPT;

	return in_window(rcv_nxt, rcv_wnd, seq) ? XTCP_RST_CHALLENGE : XTCP_RST_DROP;
}

/**
 * xtcp_segment_check_ack() - what an acknowledgment number means
 * @iss: ISS, the number of our SYN
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 * @max_snd_wnd: MAX.SND.WND, the largest window the peer ever offered
 * @ack: SEG.ACK
 *
 * RFC 9293, 3.10.7.4, fifth; RFC 5961, 5.2 (MAY-12). The lower limit never reaches
 * before @iss, or a young connection with a huge peer window would take nearly
 * half of all numbers. After each 4 GiB the distance to @iss starts at zero again
 * and the limit is tight for a moment; the price is an ACK and a retransmission of
 * a segment that was late at that moment.
 *
 * Context: any, pure.
 * Return: enum xtcp_ack_verdict. In SYN_RCVD anything but XTCP_ACK_NEW deserves a
 * reset instead (RFC 9293, 3.10.7.4, fifth).
 */
enum xtcp_ack_verdict xtcp_segment_check_ack(u32 iss, u32 snd_una, u32 snd_nxt,
					     u32 max_snd_wnd, u32 ack)
{
	u32 reach = min_t(u32, max_snd_wnd, snd_una - iss);

	if (xtcp_seq_gt(ack, snd_nxt))
		return XTCP_ACK_FUTURE;
	if (xtcp_seq_gt(ack, snd_una))
		return XTCP_ACK_NEW;
	if (ack == snd_una)
		return XTCP_ACK_DUPLICATE;

	return snd_una - ack > reach ? XTCP_ACK_TOO_OLD : XTCP_ACK_OLD;
}

/**
 * xtcp_segment_updates_window() - is this segment's window newer than SND.WND?
 * @snd_wl1: SEG.SEQ of the last window update
 * @snd_wl2: SEG.ACK of the last window update
 * @seq: SEG.SEQ
 * @ack: SEG.ACK, in SND.UNA <= SEG.ACK <= SND.NXT
 *
 * RFC 9293, 3.10.7.4, fifth: an old segment that comes late must not bring an old
 * window back.
 *
 * Context: any, pure.
 * Return: true if SND.WND, SND.WL1 and SND.WL2 shall be set from the segment.
 */
bool xtcp_segment_updates_window(u32 snd_wl1, u32 snd_wl2, u32 seq, u32 ack)
{
	return xtcp_seq_lt(snd_wl1, seq) ||
	       (snd_wl1 == seq && xtcp_seq_leq(snd_wl2, ack));
}

/**
 * xtcp_segment_check_syn_sent() - what a segment does in SYN_SENT
 * @iss: ISS
 * @snd_nxt: SND.NXT
 * @ack: SEG.ACK, looked at only with XTCP_ACK
 * @flags: the segment's flags
 *
 * RFC 9293, 3.10.7.3, steps one to five; SND.UNA is @iss in this state.
 *
 * Context: any, pure.
 * Return: enum xtcp_syn_sent_verdict.
 */
enum xtcp_syn_sent_verdict xtcp_segment_check_syn_sent(u32 iss, u32 snd_nxt, u32 ack, u8 flags)
{
	bool acks = flags & XTCP_ACK;

	if (acks && (xtcp_seq_leq(ack, iss) || xtcp_seq_gt(ack, snd_nxt)))
		return flags & XTCP_RST ? XTCP_SYN_SENT_DROP : XTCP_SYN_SENT_RESET;
	if (flags & XTCP_RST)
		return acks ? XTCP_SYN_SENT_REFUSED : XTCP_SYN_SENT_DROP;
	if (flags & XTCP_SYN)
		return acks ? XTCP_SYN_SENT_ESTABLISH : XTCP_SYN_SENT_CROSSED;

	return XTCP_SYN_SENT_DROP;
}

/**
 * xtcp_segment_is_paws_old() - protection against wrapped sequence numbers
 * @ts_recent: TS.Recent
 * @tsval: SEG.TSval
 * @ts_age_s: time since TS.Recent was taken [s]
 *
 * RFC 7323, 5.3 (R1) and 5.5. Not for RST segments (5.2), which the caller knows.
 *
 * Context: any, pure.
 * Return: true if the segment is an old duplicate: answer with an ACK and drop.
 */
bool xtcp_segment_is_paws_old(u32 ts_recent, u32 tsval, u32 ts_age_s)
{
	return ts_age_s < PAWS_VALID_S && xtcp_seq_lt(tsval, ts_recent);
}

/**
 * xtcp_segment_ack_event() - what an acceptable ACK means to the state machine
 * @state: the connection's state
 * @ack: SEG.ACK, already found to be at most SND.NXT
 * @write_seq: number after everything the application has queued, the FIN included
 * @fin_sent: our FIN has been sent at least once
 *
 * Right for retransmitted ACKs too: a state in which the ACK was already taken
 * gives no event a second time.
 *
 * Context: any, pure.
 * Return: XTCP_EV_RCV_ACK_OF_SYN in SYN_RCVD, XTCP_EV_RCV_ACK_OF_FIN where our FIN
 * waits for its ACK and this is it, else XTCP_NR_EVENTS: nothing for the machine.
 */
enum xtcp_event xtcp_segment_ack_event(enum xtcp_state state, u32 ack, u32 write_seq,
				       bool fin_sent)
{
	switch (state) {
	case XTCP_SYN_RCVD:
		return XTCP_EV_RCV_ACK_OF_SYN;
	case XTCP_FIN_WAIT_1:
	case XTCP_CLOSING:
	case XTCP_LAST_ACK:
		return fin_sent && ack == write_seq ? XTCP_EV_RCV_ACK_OF_FIN : XTCP_NR_EVENTS;
	default:
		return XTCP_NR_EVENTS;
	}
}

/**
 * xtcp_segment_answer_closed() - the RST for a segment that belongs to nothing
 * @seq: SEG.SEQ
 * @ack: SEG.ACK, looked at only with XTCP_ACK
 * @seg_len: SEG.LEN: text, SYN and FIN
 * @flags: the segment's flags
 * @rst_seq: the answer's sequence number
 * @rst_ack: the answer's acknowledgment number, 0 without XTCP_ACK
 * @rst_flags: the answer's flags; 0: a RST is never answered, send nothing
 *
 * RFC 9293, 3.5.2 and 3.10.7.1: the answer looks acceptable to whom sent the
 * segment. Also the answer of a listener to an ACK (3.10.7.2).
 *
 * Context: any, pure.
 */
void xtcp_segment_answer_closed(u32 seq, u32 ack, u32 seg_len, u8 flags,
				u32 *rst_seq, u32 *rst_ack, u8 *rst_flags)
{
	*rst_seq = 0;
	*rst_ack = 0;
	*rst_flags = 0;

	if (flags & XTCP_RST)
		return;
	if (flags & XTCP_ACK) {
		*rst_seq = ack;
		*rst_flags = XTCP_RST;
	} else {
		*rst_ack = seq + seg_len;
		*rst_flags = XTCP_RST | XTCP_ACK;
	}
}
