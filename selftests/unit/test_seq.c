// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/seq.h and core/wire.h: arithmetic modulo 2^32, the header's layout.
 */
#include "ktap.h"
#include "seq.h"
#include "wire.h"

static const u32 anchors[] = { 0, 1, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff };

TEST(seq_compare__around_every_anchor)
{
	ROW("DATA-35");
	for (size_t i = 0; i < ARRAY_SIZE(anchors); i++) {
		for (int d = -100; d <= 100; d++) {
			u32 a = anchors[i];
			u32 b = a + d;

			EXPECT_EQ(xtcp_seq_lt(a, b), d > 0);
			EXPECT_EQ(xtcp_seq_leq(a, b), d >= 0);
			EXPECT_EQ(xtcp_seq_gt(a, b), d < 0);
			EXPECT_EQ(xtcp_seq_geq(a, b), d <= 0);
			EXPECT_EQ(xtcp_seq_max(a, b), d > 0 ? b : a);
			EXPECT_EQ(xtcp_seq_min(a, b), d < 0 ? b : a);
		}
	}
}

TEST(seq_compare__largest_distances)
{
	for (size_t i = 0; i < ARRAY_SIZE(anchors); i++) {
		EXPECT(xtcp_seq_lt(anchors[i], anchors[i] + 0x7fffffff));
		EXPECT(xtcp_seq_gt(anchors[i], anchors[i] - 0x7fffffff));
	}
}

TEST(seq_between__any_distance)
{
	static const u32 widths[] = { 0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe };

	for (size_t i = 0; i < ARRAY_SIZE(anchors); i++) {
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
			u32 lo = anchors[i];
			u32 hi = lo + widths[w];

			EXPECT(xtcp_seq_between(lo, lo, hi));
			EXPECT(xtcp_seq_between(hi, lo, hi));
			EXPECT(!xtcp_seq_between(lo - 1, lo, hi));
			EXPECT(!xtcp_seq_between(hi + 1, lo, hi));
		}
	}
}

TEST(wire_hdr__layout_is_tcp)
{
	ROW("WIRE-01");
	EXPECT_EQ(sizeof(struct xtcp_hdr), XTCP_HDR_LEN);
	EXPECT_EQ(offsetof(struct xtcp_hdr, sport), 0);
	EXPECT_EQ(offsetof(struct xtcp_hdr, dport), 2);
	EXPECT_EQ(offsetof(struct xtcp_hdr, seq), 4);
	EXPECT_EQ(offsetof(struct xtcp_hdr, ack), 8);
	EXPECT_EQ(offsetof(struct xtcp_hdr, off), 12);
	EXPECT_EQ(offsetof(struct xtcp_hdr, flags), 13);
	EXPECT_EQ(offsetof(struct xtcp_hdr, win), 14);
	EXPECT_EQ(offsetof(struct xtcp_hdr, check), 16);
	EXPECT_EQ(offsetof(struct xtcp_hdr, urg), 18);
}

TEST(wire_hdr_len__ignores_reserved_bits)
{
	ROW("WIRE-07");
	for (unsigned int off = 0; off < 16; off++) {
		for (unsigned int reserved = 0; reserved < 16; reserved++) {
			struct xtcp_hdr hdr = { .off = off << 4 | reserved };

			EXPECT_EQ(xtcp_wire_hdr_len(&hdr), off * 4);
		}
	}
}

TEST(wire_flag_len__syn_and_fin_take_one_each)
{
	ROW("HS-05");
	for (unsigned int flags = 0; flags < 256; flags++)
		EXPECT_EQ(xtcp_wire_flag_len(flags), (flags & 1) + (flags >> 1 & 1));
}
