// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any numbers in a segment and in the connection: verdicts agree with each other
 * and cuts stay within the segment.
 */
#include "fuzz.h"
#include "segment.h"
#include "seq.h"
#include "wire.h"

/* Text and window as large as they can get in the kernel. */
#define TEXT_MAX	0x00100000u
#define WINDOW_MAX	0x40000000u

static void judge_sequence(u32 rcv_nxt, u32 rcv_wnd, u32 seq, u32 text, u8 flags)
{
	u32 len = text + xtcp_wire_flag_len(flags);
	bool fin = flags & XTCP_FIN;
	struct xtcp_cut cut;
	u32 kept;

	xtcp_segment_trim(rcv_nxt, rcv_wnd, seq, text, fin, &cut);
	MUST((u64)cut.head_bytes + cut.tail_bytes <= text);
	MUST(!cut.fin || fin);
	kept = text - cut.head_bytes - cut.tail_bytes;
	MUST(kept <= rcv_wnd);
	if (kept) {
		MUST(seq + cut.head_bytes - rcv_nxt < rcv_wnd);
		MUST(xtcp_segment_is_acceptable(rcv_nxt, rcv_wnd, seq, len));
	}
	if (xtcp_segment_check_rst(rcv_nxt, rcv_wnd, seq) != XTCP_RST_DROP)
		MUST(xtcp_segment_is_acceptable(rcv_nxt, rcv_wnd, seq, 0));
	if (xtcp_segment_has_allowance(rcv_nxt, rcv_wnd, seq))
		MUST(!kept && !cut.head_bytes);
}

static void judge_ack(u32 iss, u32 una, u32 nxt, u32 max_wnd, u32 ack, u8 flags)
{
	enum xtcp_ack_verdict verdict = xtcp_segment_check_ack(iss, una, nxt, max_wnd, ack);

	MUST((verdict == XTCP_ACK_DUPLICATE) == (ack == una));
	MUST((verdict == XTCP_ACK_NEW) == (ack != una && ack - una <= nxt - una));
	if (verdict == XTCP_ACK_OLD)
		MUST(una - ack <= max_wnd);

	switch (xtcp_segment_check_syn_sent(iss, nxt, ack, flags)) {
	case XTCP_SYN_SENT_ESTABLISH:
		MUST((flags & (XTCP_SYN | XTCP_ACK | XTCP_RST)) == (XTCP_SYN | XTCP_ACK));
		break;
	case XTCP_SYN_SENT_CROSSED:
		MUST((flags & (XTCP_SYN | XTCP_ACK | XTCP_RST)) == XTCP_SYN);
		break;
	case XTCP_SYN_SENT_REFUSED:
		MUST((flags & (XTCP_ACK | XTCP_RST)) == (XTCP_ACK | XTCP_RST));
		break;
	case XTCP_SYN_SENT_RESET:
		MUST((flags & (XTCP_ACK | XTCP_RST)) == XTCP_ACK);
		break;
	case XTCP_SYN_SENT_DROP:
		break;
	}
}

static void judge_closed(u32 seq, u32 ack, u32 len, u8 flags)
{
	u32 rst_seq, rst_ack;
	u8 rst_flags;

	xtcp_segment_answer_closed(seq, ack, len, flags, &rst_seq, &rst_ack, &rst_flags);
	MUST(!!rst_flags == !(flags & XTCP_RST));
	if (rst_flags)
		MUST(rst_flags & XTCP_RST && !(rst_flags & XTCP_ACK) == !!(flags & XTCP_ACK));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	u32 rcv_nxt = take32(&in);
	u32 rcv_wnd = take32(&in) % (WINDOW_MAX + 1);
	u32 seq = take32(&in);
	u32 text = take32(&in) % (TEXT_MAX + 1);
	u32 iss = take32(&in);
	u32 una = take32(&in);
	u32 nxt = una + take32(&in) % (WINDOW_MAX + 1);
	u32 max_wnd = take32(&in) % (WINDOW_MAX + 1);
	u32 ack = take32(&in);
	u8 flags = take8(&in);
	enum xtcp_state state = 1 + take8(&in) % (XTCP_NR_STATES - 1);
	enum xtcp_event event;

	/* Near is where it is interesting. */
	if (take8(&in) & 1) {
		seq = rcv_nxt + (s32)seq % 4096;
		ack = una + (s32)ack % 4096;
	}
	judge_sequence(rcv_nxt, rcv_wnd, seq, text, flags);
	judge_ack(iss, una, nxt, max_wnd, ack, flags);
	judge_closed(seq, ack, text, flags);
	xtcp_segment_is_paws_old(una, ack, nxt);
	xtcp_segment_updates_window(una, nxt, seq, ack);
	event = xtcp_segment_ack_event(state, ack, nxt, flags & 1);
	if (event != XTCP_NR_EVENTS)
		MUST(xtcp_state_cell(state, event)->verdict == XTCP_CELL_GO);

	return 0;
}
