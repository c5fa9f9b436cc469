// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/ecn.c: RFC 3168, 6.1, by its tables.
 */
#include "ecn.h"
#include "ktap.h"

#define BOTH	(XTCP_ECE | XTCP_CWR)

static const struct xtcp_ecn agreed = { .ok = 1 };

TEST(ecn_syn__asks_until_it_falls_back)
{
	const struct xtcp_ecn mute = {}, asking = { .asked = 1 };

	ROW("CC-15");
	ROW("CC-19");
	for (int again = 0; again < 2; again++) {
		for (int fallback = 0; fallback < 2; fallback++) {
			EXPECT_EQ(xtcp_ecn_syn_flags(&mute, again, fallback), 0);
			EXPECT_EQ(xtcp_ecn_syn_flags(&asking, again, fallback),
				  again && fallback ? 0 : BOTH);
		}
	}
}

TEST(ecn_syn__is_setup_with_both_flags_and_unmarked)
{
	ROW("CC-15");
	for (unsigned int flags = 0; flags < 256; flags++) {
		for (u8 ip = 0; ip < 4; ip++) {
			bool both = (flags & BOTH) == BOTH;

			EXPECT_EQ(xtcp_ecn_is_setup_syn(flags, 0, ip),
				  both && ip == XTCP_ECN_NOT_ECT);
			/* Accurate ECN asks with a reserved bit (RFC 9768, 3.1.1). */
			EXPECT_EQ(xtcp_ecn_is_setup_syn(flags, 1, ip), both);
		}
	}
}

TEST(ecn_synack__agrees_with_ece_alone)
{
	ROW("CC-15");
	for (int asked = 0; asked < 2; asked++) {
		for (unsigned int flags = 0; flags < 256; flags++) {
			struct xtcp_ecn ecn = { .asked = asked };

			xtcp_ecn_rcv_synack(&ecn, flags);
			EXPECT_EQ(ecn.ok, asked && (flags & BOTH) == XTCP_ECE);
		}
	}
}

TEST(ecn_rcv__echo_lasts_from_ce_to_cwr)
{
	static const struct {
		u8 flags, ip;
		bool text, echo, news, seen;
	} facts[] = {
		{ 0, XTCP_ECN_NOT_ECT, true, false, false, false },
		{ 0, XTCP_ECN_CE, false, false, false, false },	/* a bare ACK */
		{ 0, XTCP_ECN_ECT_0, true, false, false, true },
		{ 0, XTCP_ECN_CE, true, true, true, true },
		{ 0, XTCP_ECN_CE, true, true, false, true },
		{ 0, XTCP_ECN_ECT_0, true, true, false, true },
		{ 0, XTCP_ECN_NOT_ECT, false, true, false, true },
		{ XTCP_ECE, XTCP_ECN_ECT_1, true, true, false, true },
		{ XTCP_CWR, XTCP_ECN_ECT_0, true, false, true, true },
		{ XTCP_CWR, XTCP_ECN_ECT_0, true, false, true, true },
		{ XTCP_CWR, XTCP_ECN_CE, true, true, true, true },	/* one ends, one begins */
		{ XTCP_CWR, XTCP_ECN_CE, false, false, false, true },
		{ 0, XTCP_ECN_ECT_0, true, false, false, true },
	};
	struct xtcp_ecn ecn = agreed;

	ROW("CC-17");
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		EXPECT_EQ(xtcp_ecn_rcv(&ecn, facts[i].flags, facts[i].ip, facts[i].text),
			  facts[i].news);
		EXPECT_EQ(ecn.echo, facts[i].echo);
		EXPECT_EQ(ecn.seen, facts[i].seen);
	}
}

TEST(ecn_rcv__nothing_counts_without_agreement)
{
	ROW("CC-15");
	for (unsigned int flags = 0; flags < 256; flags++) {
		for (u8 ip = 0; ip < 4; ip++) {
			struct xtcp_ecn ecn = {};

			EXPECT(!xtcp_ecn_rcv(&ecn, flags, ip, true));
			EXPECT(!ecn.echo && !ecn.seen);
			EXPECT(!xtcp_ecn_is_echo(&ecn, flags));
		}
	}
}

/* All 256 flags, all states: ECT and CWR for new text alone, ECE for every ACK. */
TEST(ecn_stamp__marks_new_text_only)
{
	ROW("CC-16");
	ROW("CC-17");
	ROW("CC-18");
	for (unsigned int bits = 0; bits < 16; bits++) {
		const struct xtcp_ecn ecn = {
			.ok = bits & 1, .echo = !!(bits & 2), .tell = !!(bits & 4),
		};
		bool text = bits & 8;

		for (unsigned int given = 0; given < 64; given++) {
			bool counts = ecn.ok && !(given & (XTCP_SYN | XTCP_RST));
			u8 flags = given;
			u8 ip = xtcp_ecn_stamp(&ecn, text, &flags);

			EXPECT_EQ(ip, counts && text ? XTCP_ECN_ECT_0 : XTCP_ECN_NOT_ECT);
			EXPECT_EQ(flags, given | (counts && ecn.echo ? XTCP_ECE : 0) |
				  (counts && text && ecn.tell ? XTCP_CWR : 0));
		}
	}
}

TEST(ecn_reduced__is_told_once)
{
	struct xtcp_ecn ecn = agreed, off = {};
	u8 flags = XTCP_ACK;

	ROW("CC-18");
	xtcp_ecn_reduced(&off);
	EXPECT(!off.tell);
	xtcp_ecn_reduced(&ecn);
	xtcp_ecn_stamp(&ecn, false, &flags);
	EXPECT_EQ(flags, XTCP_ACK);
	EXPECT(ecn.tell);
	xtcp_ecn_stamp(&ecn, true, &flags);
	EXPECT_EQ(flags, XTCP_ACK | XTCP_CWR);
	xtcp_ecn_new_text_sent(&ecn);
	flags = XTCP_ACK;
	xtcp_ecn_stamp(&ecn, true, &flags);
	EXPECT_EQ(flags, XTCP_ACK);
}
