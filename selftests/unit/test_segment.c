// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/segment.c: each judgement against a model that looks at single octets, or
 * that follows the RFC's steps word by word.
 */
#include "ktap.h"
#include "segment.h"
#include "seq.h"
#include "wire.h"

static const u32 anchors[] = { 0, 1, 5, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xfffffff8,
			       0xffffffff };

/* Is octet @seq inside the window, by distance in whole numbers? */
static bool octet_in(u32 rcv_nxt, u32 rcv_wnd, u32 seq)
{
	s64 distance = (s32)(seq - rcv_nxt);

	return distance >= 0 && distance < (s64)rcv_wnd;
}

/* RFC 9293, table 6, as printed. */
static bool table_6(u32 rcv_nxt, u32 rcv_wnd, u32 seq, u32 len)
{
	if (len == 0 && rcv_wnd == 0)
		return seq == rcv_nxt;
	if (len == 0)
		return octet_in(rcv_nxt, rcv_wnd, seq);
	if (rcv_wnd == 0)
		return false;

	return octet_in(rcv_nxt, rcv_wnd, seq) || octet_in(rcv_nxt, rcv_wnd, seq + len - 1);
}

static bool any_octet_in(u32 rcv_nxt, u32 rcv_wnd, u32 seq, u32 len)
{
	for (u32 i = 0; i < len; i++) {
		if (octet_in(rcv_nxt, rcv_wnd, seq + i))
			return true;
	}

	return false;
}

TEST(segment_is_acceptable__small_windows_exhaustively)
{
	ROW("DATA-02");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		for (u32 wnd = 0; wnd <= 9; wnd++) {
			for (int d = -14; d <= 14; d++) {
				for (u32 len = 0; len <= 14; len++) {
					u32 nxt = anchors[a];
					u32 seq = nxt + d;
					bool got = xtcp_segment_is_acceptable(nxt, wnd, seq, len);
					bool table = table_6(nxt, wnd, seq, len);

					NOTE("nxt %#x wnd %u seq %+d len %u", nxt, wnd, d, len);
					if (len)
						EXPECT_EQ(got, any_octet_in(nxt, wnd, seq, len));
					else
						EXPECT_EQ(got, table);
					/* The only liberty: sticking out on both sides. */
					if (got != table)
						EXPECT(d < 0 && wnd && d + (int)len > (int)wnd);
				}
			}
		}
	}
}

TEST(segment_is_acceptable__edges_of_large_windows)
{
	static const u32 windows[] = { 1, 1000, 65535, 0x3fffffff };

	ROW("DATA-02");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		for (size_t w = 0; w < ARRAY_SIZE(windows); w++) {
			u32 nxt = anchors[a];
			u32 wnd = windows[w];

			for (u32 len = 0; len <= 3000; len = len * 2 + 1) {
				for (int d = -1; d <= 1; d++) {
					u32 left = nxt - len + d;
					u32 right = nxt + wnd + d;
					bool want;

					NOTE("nxt %#x wnd %u len %u %+d", nxt, wnd, len, d);
					EXPECT_EQ(xtcp_segment_is_acceptable(nxt, wnd, right, len),
						  d < 0);
					want = len ? d > 0 : d >= 0 && d < (int)min_t(u32, wnd, 2);
					EXPECT_EQ(xtcp_segment_is_acceptable(nxt, wnd, left, len),
						  want);
				}
			}
			EXPECT(!xtcp_segment_is_acceptable(nxt, wnd, nxt + 0x80000000, 1));
		}
	}
}

TEST(segment_has_allowance__only_right_behind_the_window)
{
	ROW("DATA-09");
	EXPECT(xtcp_segment_has_allowance(7, 0, 7));
	EXPECT(!xtcp_segment_has_allowance(7, 0, 6));
	EXPECT(!xtcp_segment_has_allowance(7, 0, 8));
	EXPECT(!xtcp_segment_has_allowance(7, 1, 7));
	EXPECT(xtcp_segment_has_allowance(7, 1, 8));
	EXPECT(xtcp_segment_has_allowance(0xfffffff0, 0x20, 0x10));
	EXPECT(!xtcp_segment_has_allowance(0xfffffff0, 0x20, 0x11));
}

static void check_trim(u32 nxt, u32 wnd, u32 seq, u32 text, bool fin)
{
	u32 head = 0, tail = 0, kept = 0;
	struct xtcp_cut cut;

	xtcp_segment_trim(nxt, wnd, seq, text, fin, &cut);
	for (u32 i = 0; i < text; i++) {
		if (xtcp_seq_lt(seq + i, nxt))
			head++;
		else if (octet_in(nxt, wnd, seq + i))
			kept++;
		else
			tail++;
	}
	NOTE("nxt %#x wnd %u seq %+d text %u fin %d", nxt, wnd, (s32)(seq - nxt), text, fin);
	EXPECT_EQ(cut.head_bytes, head);
	EXPECT_EQ(cut.tail_bytes, tail);
	EXPECT_EQ(text - cut.head_bytes - cut.tail_bytes, kept);
	/* A FIN before the window is a part of an old segment, never of one to trim. */
	fin = fin && xtcp_seq_geq(seq + text, nxt) && !octet_in(nxt, wnd, seq + text);
	EXPECT_EQ(cut.fin, fin);
}

TEST(segment_trim__small_windows_exhaustively)
{
	ROW("DATA-04");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		for (u32 wnd = 0; wnd <= 6; wnd++) {
			for (int d = -9; d <= 9; d++) {
				for (u32 text = 0; text <= 9; text++) {
					check_trim(anchors[a], wnd, anchors[a] + d, text, false);
					check_trim(anchors[a], wnd, anchors[a] + d, text, true);
				}
			}
		}
	}
}

TEST(segment_trim__examples_of_the_checklist)
{
	struct xtcp_cut cut;

	ROW("DATA-04");
	xtcp_segment_trim(5000, 10000, 4700, 1000, false, &cut);
	EXPECT_EQ(cut.head_bytes, 300);
	EXPECT_EQ(cut.tail_bytes, 0);
	xtcp_segment_trim(5000, 400, 5000, 1000, true, &cut);
	EXPECT_EQ(cut.head_bytes, 0);
	EXPECT_EQ(cut.tail_bytes, 600);
	EXPECT(cut.fin);
}

TEST(segment_check_rst__exact_in_window_outside)
{
	ROW("SEC-01");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		static const u32 windows[] = { 0, 1, 2, 65535, 0x3fffffff };
		u32 nxt = anchors[a];

		for (size_t w = 0; w < ARRAY_SIZE(windows); w++) {
			u32 wnd = windows[w];

			NOTE("nxt %#x wnd %u", nxt, wnd);
			EXPECT_EQ(xtcp_segment_check_rst(nxt, wnd, nxt), XTCP_RST_ACCEPT);
			EXPECT_EQ(xtcp_segment_check_rst(nxt, wnd, nxt - 1), XTCP_RST_DROP);
			EXPECT_EQ(xtcp_segment_check_rst(nxt, wnd, nxt + 1),
				  wnd > 1 ? XTCP_RST_CHALLENGE : XTCP_RST_DROP);
			if (wnd > 1)
				EXPECT_EQ(xtcp_segment_check_rst(nxt, wnd, nxt + wnd - 1),
					  XTCP_RST_CHALLENGE);
			if (wnd)
				EXPECT_EQ(xtcp_segment_check_rst(nxt, wnd, nxt + wnd),
					  XTCP_RST_DROP);
			EXPECT_EQ(xtcp_segment_check_rst(nxt, wnd, nxt + 0x80000000),
				  XTCP_RST_DROP);
		}
	}
}

TEST(segment_check_ack__each_edge)
{
	ROW("SEC-03");
	ROW("DATA-06");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		u32 una = anchors[a];
		u32 nxt = una + 3000;
		u32 iss = una - 100000;

		NOTE("una %#x", una);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, nxt, 500, nxt + 1), XTCP_ACK_FUTURE);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, nxt, 500, nxt), XTCP_ACK_NEW);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, nxt, 500, una + 1), XTCP_ACK_NEW);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, nxt, 500, una), XTCP_ACK_DUPLICATE);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, nxt, 500, una - 1), XTCP_ACK_OLD);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, nxt, 500, una - 500), XTCP_ACK_OLD);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, nxt, 500, una - 501),
			  XTCP_ACK_TOO_OLD);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, una, 500, una + 1), XTCP_ACK_FUTURE);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, una, 500, una), XTCP_ACK_DUPLICATE);
	}
}

TEST(segment_check_ack__young_connection_with_a_huge_window)
{
	ROW("SEC-03");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		u32 iss = anchors[a];
		u32 una = iss + 11;

		EXPECT_EQ(xtcp_segment_check_ack(iss, una, una, 0x3fffffff, iss), XTCP_ACK_OLD);
		EXPECT_EQ(xtcp_segment_check_ack(iss, una, una, 0x3fffffff, iss - 1),
			  XTCP_ACK_TOO_OLD);
	}
}

TEST(segment_updates_window__newer_segment_or_newer_ack)
{
	ROW("DATA-07");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		u32 wl1 = anchors[a];
		u32 wl2 = anchors[a] ^ 0x55555555;

		for (int d = -2; d <= 2; d++) {
			for (int e = -2; e <= 2; e++) {
				bool want = d > 0 || (d == 0 && e >= 0);

				NOTE("wl1 %#x seq %+d ack %+d", wl1, d, e);
				EXPECT_EQ(xtcp_segment_updates_window(wl1, wl2, wl1 + d, wl2 + e),
					  want);
			}
		}
	}
}

/* RFC 9293, 3.10.7.3, step by step. */
static enum xtcp_syn_sent_verdict syn_sent_steps(int ack_distance, int snd_nxt_distance, u8 flags)
{
	bool ack_acceptable = false;

	if (flags & XTCP_ACK) {		/* first */
		if (ack_distance <= 0 || ack_distance > snd_nxt_distance)
			return flags & XTCP_RST ? XTCP_SYN_SENT_DROP : XTCP_SYN_SENT_RESET;
		ack_acceptable = true;
	}
	if (flags & XTCP_RST) {		/* second */
		if (ack_acceptable)
			return XTCP_SYN_SENT_REFUSED;
		return XTCP_SYN_SENT_DROP;
	}
	if (flags & XTCP_SYN) {		/* fourth */
		if (ack_acceptable)
			return XTCP_SYN_SENT_ESTABLISH;
		return XTCP_SYN_SENT_CROSSED;
	}

	return XTCP_SYN_SENT_DROP;	/* fifth */
}

TEST(segment_check_syn_sent__all_flags_and_ack_numbers)
{
	ROW("HS-06");
	ROW("HS-07");
	ROW("HS-08");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		for (unsigned int flags = 0; flags < 256; flags++) {
			for (int nxt = 1; nxt <= 4; nxt++) {
				for (int d = -3; d <= 7; d++) {
					u32 iss = anchors[a];
					int got = xtcp_segment_check_syn_sent(iss, iss + nxt,
									      iss + d, flags);

					NOTE("iss %#x flags %#x ack %+d", iss, flags, d);
					EXPECT_EQ(got, syn_sent_steps(d, nxt, flags));
				}
			}
		}
	}
}

TEST(segment_is_paws_old__modulo_and_age)
{
	ROW("TS-10");
	ROW("TS-12");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		u32 recent = anchors[a];

		EXPECT(!xtcp_segment_is_paws_old(recent, recent, 0));
		EXPECT(!xtcp_segment_is_paws_old(recent, recent + 1, 0));
		EXPECT(xtcp_segment_is_paws_old(recent, recent - 1, 0));
		EXPECT(xtcp_segment_is_paws_old(recent, recent - 1000, 3600));
		EXPECT(xtcp_segment_is_paws_old(recent, recent - 0x7fffffff, 0));
		EXPECT(xtcp_segment_is_paws_old(recent, recent - 1, 24 * 86400 - 1));
		EXPECT(!xtcp_segment_is_paws_old(recent, recent - 1, 24 * 86400));
		EXPECT(!xtcp_segment_is_paws_old(recent, recent - 1, ~0u));
	}
}

TEST(segment_ack_event__where_it_means_something)
{
	u32 waits = XTCP_F(XTCP_FIN_WAIT_1) | XTCP_F(XTCP_CLOSING) | XTCP_F(XTCP_LAST_ACK);

	ROW("CLS-03");
	for (unsigned int state = 1; state < XTCP_NR_STATES; state++) {
		for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
			for (int d = -2; d <= 0; d++) {
				enum xtcp_event sent, unsent;
				enum xtcp_event want = XTCP_NR_EVENTS;
				u32 end = anchors[a];

				sent = xtcp_segment_ack_event(state, end + d, end, true);
				unsent = xtcp_segment_ack_event(state, end + d, end, false);
				NOTE("%s end %#x ack %+d", xtcp_state_name(state), end, d);
				if (state == XTCP_SYN_RCVD)
					want = XTCP_EV_RCV_ACK_OF_SYN;
				EXPECT_EQ(unsent, want);
				if (!d && waits & XTCP_F(state))
					want = XTCP_EV_RCV_ACK_OF_FIN;
				EXPECT_EQ(sent, want);
			}
		}
	}
}

TEST(segment_ack_event__the_table_knows_every_event)
{
	for (unsigned int state = 1; state < XTCP_NR_STATES; state++) {
		enum xtcp_event event = xtcp_segment_ack_event(state, 9, 9, true);

		if (event == XTCP_NR_EVENTS)
			continue;
		EXPECT_EQ(xtcp_state_cell(state, event)->verdict, XTCP_CELL_GO);
	}
}

TEST(segment_answer_closed__every_flag)
{
	ROW("HS-14");
	ROW("HS-15");
	for (unsigned int flags = 0; flags < 256; flags++) {
		u32 seq = 0xfffffff0, ack = 0x12345678, len = 100;
		u32 rst_seq = 1, rst_ack = 1;
		u8 rst_flags = 1;

		xtcp_segment_answer_closed(seq, ack, len, flags, &rst_seq, &rst_ack, &rst_flags);
		NOTE("flags %#x", flags);
		if (flags & XTCP_RST) {
			EXPECT_EQ(rst_flags, 0);
		} else if (flags & XTCP_ACK) {
			EXPECT_EQ(rst_flags, XTCP_RST);
			EXPECT_EQ(rst_seq, ack);
			EXPECT_EQ(rst_ack, 0);
		} else {
			EXPECT_EQ(rst_flags, XTCP_RST | XTCP_ACK);
			EXPECT_EQ(rst_seq, 0);
			EXPECT_EQ(rst_ack, 84);		/* wrapped */
		}
	}
}
