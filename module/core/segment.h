/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judging a received segment: RFC 9293, 3.10.7, as pure functions.
 */
#ifndef XTCP_CORE_SEGMENT_H
#define XTCP_CORE_SEGMENT_H

#include "types.h"
#include "state.h"

/* What a RST deserves (RFC 5961, 3.2; RFC 9293, 3.10.7.4, second). */
enum xtcp_rst_verdict {
	XTCP_RST_ACCEPT,	/* exactly RCV.NXT */
	XTCP_RST_CHALLENGE,	/* elsewhere in the window */
	XTCP_RST_DROP,		/* outside */
};

/* What an acknowledgment number means (RFC 9293, 3.10.7.4, fifth; RFC 5961, 5.2). */
enum xtcp_ack_verdict {
	XTCP_ACK_NEW,		/* SND.UNA < ACK <= SND.NXT */
	XTCP_ACK_DUPLICATE,	/* ACK = SND.UNA */
	XTCP_ACK_OLD,		/* before SND.UNA, text still counts */
	XTCP_ACK_TOO_OLD,	/* before SND.UNA - MAX.SND.WND or the own ISN: answer, drop */
	XTCP_ACK_FUTURE,	/* after SND.NXT: answer, drop */
};

/* What to do with a segment in SYN_SENT (RFC 9293, 3.10.7.3). */
enum xtcp_syn_sent_verdict {
	XTCP_SYN_SENT_DROP,
	XTCP_SYN_SENT_RESET,		/* answer <SEQ=SEG.ACK><RST>, drop */
	XTCP_SYN_SENT_REFUSED,		/* RST with an ACK of our SYN */
	XTCP_SYN_SENT_ESTABLISH,	/* SYN with an ACK of our SYN */
	XTCP_SYN_SENT_CROSSED,		/* SYN alone: simultaneous open */
};

/**
 * struct xtcp_cut - what to remove from a segment so that the rest fits the window
 * @head_bytes: text before RCV.NXT
 * @tail_bytes: text beyond RCV.NXT + RCV.WND
 * @fin: the FIN lies beyond the window as well
 */
struct xtcp_cut {
	u32 head_bytes;
	u32 tail_bytes;
	bool fin;
};

/*
 * The first number beyond the window: its text is not for now, its ACK and URG are. The RFC
 * says so of a full receiver only (9293, 3.4, MUST-66); deviates (D25): of any. All the ACKs
 * of a peer that has filled an open window come from there while a hole in it is mended.
 */
static inline bool xtcp_segment_has_allowance(u32 rcv_nxt, u32 rcv_wnd, u32 seq)
{
	return seq - rcv_nxt == rcv_wnd;
}

bool xtcp_segment_is_acceptable(u32 rcv_nxt, u32 rcv_wnd, u32 seq, u32 seg_len);
void xtcp_segment_trim(u32 rcv_nxt, u32 rcv_wnd, u32 seq, u32 text_bytes, bool fin,
		       struct xtcp_cut *cut);
enum xtcp_rst_verdict xtcp_segment_check_rst(u32 rcv_nxt, u32 rcv_wnd, u32 seq);
enum xtcp_ack_verdict xtcp_segment_check_ack(u32 iss, u32 snd_una, u32 snd_nxt,
					     u32 max_snd_wnd, u32 ack);
bool xtcp_segment_updates_window(u32 snd_wl1, u32 snd_wl2, u32 seq, u32 ack);
enum xtcp_syn_sent_verdict xtcp_segment_check_syn_sent(u32 iss, u32 snd_nxt, u32 ack, u8 flags);
bool xtcp_segment_is_paws_old(u32 ts_recent, u32 tsval, u32 ts_age_s);
enum xtcp_event xtcp_segment_ack_event(enum xtcp_state state, u32 ack, u32 write_seq,
				       bool fin_sent);
void xtcp_segment_answer_closed(u32 seq, u32 ack, u32 seg_len, u8 flags,
				u32 *rst_seq, u32 *rst_ack, u8 *rst_flags);

#endif /* XTCP_CORE_SEGMENT_H */
