// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/sack.c: a receiver's report against a map of single octets, a sender's
 * belief at each edge.
 */
#include "ktap.h"
#include "sack.h"
#include "seq.h"

static const u32 anchors[] = { 0, 1, 1000, 0x7ffffff0, 0x80000000, 0xffffffe0, 0xffffffff };

static bool block_is(const struct xtcp_sack *block, u32 start, u32 end)
{
	return block->start == start && block->end == end;
}

TEST(sack_add__most_recent_first)
{
	ROW("LOSS-18");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		struct xtcp_sack_list list = { 0 };
		u32 s = anchors[a];

		EXPECT(xtcp_sack_is_empty(&list));
		for (u32 i = 1; i <= 6; i++) {
			xtcp_sack_add(&list, s + 20 * i, s + 20 * i + 10);
			EXPECT_EQ(list.nr, min_t(u32, i, 4));
		}
		/* The first two were reported longest ago. */
		for (u32 i = 0; i < 4; i++)
			EXPECT(block_is(&list.block[i], s + 20 * (6 - i), s + 20 * (6 - i) + 10));
	}
}

TEST(sack_add__merges_what_touches)
{
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		struct xtcp_sack_list list = { 0 };
		u32 s = anchors[a];

		xtcp_sack_add(&list, s + 10, s + 20);
		xtcp_sack_add(&list, s + 30, s + 40);
		xtcp_sack_add(&list, s + 50, s + 60);
		/* to the right of one, to the left of one */
		xtcp_sack_add(&list, s + 20, s + 25);
		EXPECT_EQ(list.nr, 3);
		EXPECT(block_is(&list.block[0], s + 10, s + 25));
		xtcp_sack_add(&list, s + 45, s + 50);
		EXPECT(block_is(&list.block[0], s + 45, s + 60));
		/* fills a hole: three become one */
		xtcp_sack_add(&list, s + 25, s + 45);
		EXPECT_EQ(list.nr, 1);
		EXPECT(block_is(&list.block[0], s + 10, s + 60));
		/* inside, and covering */
		xtcp_sack_add(&list, s + 12, s + 13);
		EXPECT(block_is(&list.block[0], s + 10, s + 60));
		xtcp_sack_add(&list, s + 1, s + 99);
		EXPECT_EQ(list.nr, 1);
		EXPECT(block_is(&list.block[0], s + 1, s + 99));
	}
}

TEST(sack_add__nothing_and_inverted_are_ignored)
{
	struct xtcp_sack_list list = { 0 };

	xtcp_sack_add(&list, 5, 5);
	xtcp_sack_add(&list, 6, 5);
	xtcp_sack_dup(&list, 5, 5);
	xtcp_sack_dup(&list, 6, 5);
	EXPECT(xtcp_sack_is_empty(&list));
}

TEST(sack_remove__what_is_acknowledged_cumulatively)
{
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		struct xtcp_sack_list list = { 0 };
		u32 s = anchors[a];

		xtcp_sack_add(&list, s + 10, s + 20);
		xtcp_sack_add(&list, s + 50, s + 60);
		xtcp_sack_add(&list, s + 30, s + 40);
		xtcp_sack_remove(&list, s + 9);
		EXPECT_EQ(list.nr, 3);
		xtcp_sack_remove(&list, s + 20);
		EXPECT_EQ(list.nr, 2);
		EXPECT(block_is(&list.block[0], s + 30, s + 40));
		EXPECT(block_is(&list.block[1], s + 50, s + 60));
		xtcp_sack_remove(&list, s + 49);
		EXPECT_EQ(list.nr, 1);
		xtcp_sack_remove(&list, s + 50);
		EXPECT(xtcp_sack_is_empty(&list));
		xtcp_sack_remove(&list, s + 60);
		EXPECT(xtcp_sack_is_empty(&list));
	}
}

TEST(sack_dup__first_block_once)
{
	struct xtcp_sack_list list = { 0 };
	struct xtcp_opts opt = { 0 };

	ROW("LOSS-19");
	xtcp_sack_add(&list, 100, 110);
	xtcp_sack_dup(&list, 40, 50);
	xtcp_sack_fill(&list, &opt, 3);
	EXPECT_EQ(opt.seen, XTCP_OPT_SACK);
	EXPECT_EQ(opt.nr_sacks, 2);
	EXPECT(block_is(&opt.sack[0], 40, 50));
	EXPECT(block_is(&opt.sack[1], 100, 110));

	memset(&opt, 0, sizeof(opt));
	xtcp_sack_fill(&list, &opt, 3);
	EXPECT_EQ(opt.nr_sacks, 1);
	EXPECT(block_is(&opt.sack[0], 100, 110));
}

TEST(sack_dup__its_block_comes_second)
{
	struct xtcp_sack_list list = { 0 };
	struct xtcp_opts opt = { 0 };

	ROW("LOSS-19");
	xtcp_sack_add(&list, 100, 120);
	xtcp_sack_add(&list, 200, 220);
	xtcp_sack_add(&list, 300, 320);
	xtcp_sack_dup(&list, 105, 110);
	xtcp_sack_fill(&list, &opt, 4);
	EXPECT_EQ(opt.nr_sacks, 4);
	EXPECT(block_is(&opt.sack[0], 105, 110));
	EXPECT(block_is(&opt.sack[1], 100, 120));
	EXPECT(block_is(&opt.sack[2], 300, 320));
	EXPECT(block_is(&opt.sack[3], 200, 220));
	/* And the sender sees it that way. */
	EXPECT(xtcp_sack_is_dsack(&opt, 50));
}

TEST(sack_dup__all_or_no_part_of_a_block)
{
	struct xtcp_sack_list list = { 0 };

	xtcp_sack_add(&list, 100, 120);
	xtcp_sack_add(&list, 200, 220);
	xtcp_sack_dup(&list, 100, 120);
	EXPECT(block_is(&list.block[0], 100, 120));
	xtcp_sack_add(&list, 300, 320);
	list.has_dsack = false;
	/* Sticks out by one on either side: the order stays. */
	xtcp_sack_dup(&list, 199, 205);
	EXPECT(block_is(&list.block[0], 300, 320));
	list.has_dsack = false;
	xtcp_sack_dup(&list, 215, 221);
	EXPECT(block_is(&list.block[0], 300, 320));
	EXPECT_EQ(list.nr, 3);
}

TEST(sack_dup__two_before_one_ack)
{
	struct xtcp_sack_list list = { 0 };

	xtcp_sack_dup(&list, 40, 50);
	xtcp_sack_dup(&list, 50, 60);
	EXPECT(block_is(&list.dsack, 40, 60));
	xtcp_sack_dup(&list, 10, 20);
	EXPECT(block_is(&list.dsack, 10, 20));
}

TEST(sack_fill__room)
{
	ROW("WIRE-17");
	for (unsigned int room = 0; room <= 6; room++) {
		struct xtcp_sack_list list = { 0 };
		struct xtcp_opts opt = { .seen = XTCP_OPT_TS };

		for (u32 i = 1; i <= 4; i++)
			xtcp_sack_add(&list, 20 * i, 20 * i + 10);
		xtcp_sack_dup(&list, 1, 2);
		xtcp_sack_fill(&list, &opt, room);
		EXPECT_EQ(opt.nr_sacks, min_t(unsigned int, room, 4));
		EXPECT_EQ(opt.seen, XTCP_OPT_TS | (room ? XTCP_OPT_SACK : 0));
		EXPECT_EQ(list.has_dsack, !room);
	}
}

TEST(sack_fill__nothing_to_report)
{
	struct xtcp_sack_list list = { 0 };
	struct xtcp_opts opt = { 0 };

	xtcp_sack_fill(&list, &opt, 4);
	EXPECT_EQ(opt.seen, 0);
	EXPECT_EQ(opt.nr_sacks, 0);
}

#define OCTETS	64

/* The contiguous run of received octets around @at. */
static void run_around(const bool *have, u32 at, u32 *start, u32 *end)
{
	*start = at;
	*end = at + 1;
	while (*start > 0 && have[*start - 1])
		(*start)--;
	while (*end < OCTETS && have[*end])
		(*end)++;
}

/* Disjoint, not touching, and every octet of every block was received. */
static void check_blocks(const struct xtcp_sack_list *list, const bool *have, u32 base, bool whole)
{
	for (unsigned int i = 0; i < list->nr; i++) {
		u32 start = list->block[i].start - base;
		u32 end = list->block[i].end - base;

		EXPECT(start < end && end <= OCTETS);
		for (u32 o = start; o < end && o < OCTETS; o++)
			EXPECT(have[o]);
		if (whole) {
			EXPECT(start == 0 || !have[start - 1]);
			EXPECT(end == OCTETS || !have[end]);
		}
		for (unsigned int j = 0; j < i; j++)
			EXPECT(xtcp_seq_lt(list->block[j].end, list->block[i].start) ||
			       xtcp_seq_lt(list->block[i].end, list->block[j].start));
	}
}

TEST(sack_add__random_receivers)
{
	ROW("LOSS-18");
	for (int trial = 0; trial < 4000; trial++) {
		u32 base = anchors[trial % ARRAY_SIZE(anchors)];
		bool give_run = trial & 1;
		struct xtcp_sack_list list = { 0 };
		bool have[OCTETS] = { false };
		u32 nxt = 0;

		for (int step = 0; step < 40; step++) {
			u32 start = ktap_below(OCTETS - 1);
			u32 end = min_t(u32, start + 1 + ktap_below(6), OCTETS);
			u32 first, last;

			start = max(start, nxt);
			if (start >= end)
				continue;
			for (u32 o = start; o < end; o++)
				have[o] = true;
			run_around(have, start, &first, &last);
			NOTE("trial %d step %d: %u to %u", trial, step, start, end);
			if (start > nxt) {
				xtcp_sack_add(&list, base + (give_run ? first : start),
					      base + (give_run ? last : end));
				/* The first block holds what has just come. */
				EXPECT(xtcp_seq_leq(list.block[0].start, base + start));
				EXPECT(xtcp_seq_geq(list.block[0].end, base + end));
			}
			while (nxt < OCTETS && have[nxt])
				nxt++;
			xtcp_sack_remove(&list, base + nxt);
			check_blocks(&list, have, base, give_run);
			if (nxt == OCTETS)
				break;
		}
	}
}

TEST(sack_is_valid__each_edge)
{
	ROW("SEC-14");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		u32 una = anchors[a];
		u32 nxt = una + 100;

		for (int s = -5; s <= 105; s++) {
			for (int e = -5; e <= 105; e++) {
				NOTE("una %#x start %+d end %+d", una, s, e);
				EXPECT_EQ(xtcp_sack_is_valid(una, nxt, una + s, una + e),
					  s > 0 && s < e && e <= 100);
			}
		}
		EXPECT(!xtcp_sack_is_valid(una, una, una, una + 1));
		EXPECT(!xtcp_sack_is_valid(una, una, una + 1, una + 2));
	}
}

static enum xtcp_sack_verdict check(u32 una, u32 nxt, u32 ack, unsigned int i, s32 s0, s32 e0,
				    s32 s1, s32 e1)
{
	struct xtcp_opts opt = {
		.seen = XTCP_OPT_SACK, .nr_sacks = 2,
		.sack = { { una + s0, una + e0 }, { una + s1, una + e1 } },
	};

	return xtcp_sack_check(&opt, i, ack, una, nxt, 1000);
}

TEST(sack_check__new_and_duplicate)
{
	ROW("SEC-14");
	for (size_t a = 0; a < ARRAY_SIZE(anchors); a++) {
		u32 una = anchors[a];
		u32 nxt = una + 500;

		/* an ordinary report of two blocks */
		EXPECT_EQ(check(una, nxt, una, 0, 10, 20, 40, 50), XTCP_SACK_NEW);
		EXPECT_EQ(check(una, nxt, una, 1, 10, 20, 40, 50), XTCP_SACK_NEW);
		/* D-SACK below the ACK, and inside the second block */
		EXPECT_EQ(check(una, nxt, una, 0, -10, 0, 40, 50), XTCP_SACK_DUPLICATE);
		EXPECT_EQ(check(una, nxt, una, 1, -10, 0, 40, 50), XTCP_SACK_NEW);
		EXPECT_EQ(check(una, nxt, una, 0, 42, 45, 40, 50), XTCP_SACK_DUPLICATE);
		EXPECT_EQ(check(una, nxt, una, 0, 40, 50, 40, 50), XTCP_SACK_DUPLICATE);
		EXPECT_EQ(check(una, nxt, una, 0, 42, 51, 40, 50), XTCP_SACK_NEW);
		/* only the first block can be one */
		EXPECT_EQ(check(una, nxt, una, 1, 40, 50, -10, 0), XTCP_SACK_IGNORE);
		/* too old, beyond what was sent, inverted, empty */
		EXPECT_EQ(check(una, nxt, una, 0, -1000, -990, 40, 50), XTCP_SACK_DUPLICATE);
		EXPECT_EQ(check(una, nxt, una, 0, -1001, -990, 40, 50), XTCP_SACK_IGNORE);
		EXPECT_EQ(check(una, nxt, una, 0, -10, 501, 40, 50), XTCP_SACK_IGNORE);
		EXPECT_EQ(check(una, nxt, una, 0, -10, -11, 40, 50), XTCP_SACK_IGNORE);
		EXPECT_EQ(check(una, nxt, una, 0, -10, -10, 40, 50), XTCP_SACK_IGNORE);
		EXPECT_EQ(check(una, nxt, una, 0, 490, 501, 40, 50), XTCP_SACK_IGNORE);
		EXPECT_EQ(check(una, nxt, una, 1, 10, 20, 490, 501), XTCP_SACK_IGNORE);
	}
}

TEST(sack_is_dsack__no_or_one_block)
{
	struct xtcp_opts opt = { .seen = XTCP_OPT_SACK };

	EXPECT(!xtcp_sack_is_dsack(&opt, 100));
	opt.nr_sacks = 1;
	opt.sack[0] = (struct xtcp_sack){ 100, 110 };
	opt.sack[1] = (struct xtcp_sack){ 90, 200 };	/* not there */
	EXPECT(!xtcp_sack_is_dsack(&opt, 100));
	EXPECT(xtcp_sack_is_dsack(&opt, 101));
}

/* Whatever a peer invents, what is believed lies in what was sent. */
TEST(sack_check__random_blocks)
{
	ROW("SEC-14");
	for (int i = 0; i < 300000; i++) {
		u32 una = anchors[i % ARRAY_SIZE(anchors)];
		u32 nxt = una + ktap_below(200);
		struct xtcp_opts opt = { .seen = XTCP_OPT_SACK };
		u32 ack = una - ktap_below(20);

		opt.nr_sacks = 1 + ktap_below(4);
		for (unsigned int j = 0; j < opt.nr_sacks; j++) {
			opt.sack[j].start = ktap_below(8) ? una - 50 + ktap_below(300) :
							    (u32)ktap_random();
			opt.sack[j].end = ktap_below(8) ? una - 50 + ktap_below(300) :
							  (u32)ktap_random();
		}
		for (unsigned int j = 0; j < opt.nr_sacks; j++) {
			enum xtcp_sack_verdict got = xtcp_sack_check(&opt, j, ack, una, nxt, 40);
			s64 start = (s32)(opt.sack[j].start - una);
			s64 end = (s32)(opt.sack[j].end - una);

			if (got == XTCP_SACK_IGNORE)
				continue;
			EXPECT(start < end);
			EXPECT(end <= (s64)(nxt - una));
			EXPECT(start >= (got == XTCP_SACK_NEW ? 1 : -40));
			EXPECT(got == XTCP_SACK_NEW || j == 0);
		}
	}
}
