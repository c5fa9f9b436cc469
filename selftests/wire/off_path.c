// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody who is not on the path of a connection can learn of it by counting answers of
 * his own: nothing (CVE-2016-5696; RFC 5961, 7).
 */
#include "peer_test.h"
#include "flood.h"

#define RST_BUDGET_MIN	10000		/* reply.c */
#define RST_BUDGET_MAX	(RST_BUDGET_MIN + 0x3fff)
#define DRAIN_EVERY	64

WIRE_FIXTURE_ESTABLISHED(off_path)

/*
 * The attack: in one second, a guess at the victim with a forged source, then as many segments
 * as it takes to use up every limit, on a connection of the attacker's own. How often he is
 * answered must not depend on whether the guess was right.
 */
static int answers(struct peer *victim, struct peer *attacker, const struct seg *guess)
{
	struct got seen;
	int i, count = 0;

	/* Not before every limit is as new. */
	peer_drain(victim, 3000);
	if (guess)
		for (i = 0; i < 50; i++)
			peer_send(victim, guess);
	for (i = 0; i < 200; i++) {
		const struct seg seg = { .flags = i % 2 ? SYN : RST, .seq = 100, .stray = true };

		peer_send(attacker, &seg);
		while (peer_next(attacker, &seen, 5))
			count += seen.dport == attacker->port;
	}
	return count;
}

TEST_F_TIMEOUT(off_path, challenge_acks_tell_nothing, 120)
{
	static const struct {
		const char *what;
		struct seg seg;
	} guesses[] = {
		{ "RST in the window", { .flags = RST, .seq = 100, .stray = true } },
		{ "RST outside", { .flags = RST, .seq = -100000, .stray = true } },
		{ "SYN", { .flags = SYN, .seq = 7, .stray = true } },
		{ "early data", { .flags = ACK, .len = 1, .seq = 100, .stray = true } },
		{ "bad ACK", { .flags = ACK, .ack = 1000000, .len = 1, .stray = true } },
	};
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);
	int fd = peer_established(&q, self->lfd);
	int none, count;
	unsigned int i;

	ROW("SEC-05");
	ASSERT_LE(0, fd);
	none = answers(&self->p, &q, NULL);
	ASSERT_LT(0, none);
	for (i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
		count = answers(&self->p, &q, &guesses[i].seg);
		printf("# %s: %d answers, %d without\n", guesses[i].what, count, none);
		ASSERT_EQ(none, count);
	}
	state_is(ST_ESTABLISHED);
}

FIXTURE(rst_budget)
{
	struct flood f;
};

FIXTURE_VARIANT(rst_budget)
{
	int family;
};

FIXTURE_VARIANT_ADD(rst_budget, v4) { AF_INET };
FIXTURE_VARIANT_ADD(rst_budget, v6) { AF_INET6 };

FIXTURE_SETUP(rst_budget)
{
	ASSERT_EQ(0, xt_netns());
	ASSERT_TRUE(flood_open(&self->f, variant->family, 9999));
	self->f.flags = FLOOD_ACK;
	self->f.bare = true;
}

FIXTURE_TEARDOWN(rst_budget)
{
	flood_close(&self->f);
}

/* RSTs until they stop; 0: they never did, -1: not before the next second's began. */
static int use_up(struct flood *f)
{
	uint64_t start = peer_now_us();
	int i, sent = 0;

	for (i = 0; i < 2 * RST_BUDGET_MAX / DRAIN_EVERY; i++) {
		int j, replies = 0;

		if (peer_now_us() - start > 900000)
			return -1;
		for (j = 0; j < DRAIN_EVERY; j++)
			flood_packet(f);
		replies = flood_drain(f);
		if (!replies)
			return sent;
		sent += replies;
	}
	return 0;
}

/* Enough for all honest peers, bounded for a reflector, and another number every second. */
TEST_F_TIMEOUT(rst_budget, is_large_and_drawn_anew, 200)
{
	int i, budget[4], different = 0;

	ROW("SEC-05");
	ROW("SEC-26");
	for (i = 0; i < 4; i++) {
		xt_pause_ms(1100);
		budget[i] = use_up(&self->f);
		if (budget[i] < 0)
			SKIP(return, "this kernel is too slow to use a budget up");
		printf("# %d RSTs in one second\n", budget[i]);
		ASSERT_LE(RST_BUDGET_MIN, budget[i]);
		ASSERT_GE(RST_BUDGET_MAX, budget[i]);
		different += i && budget[i] != budget[0];
	}
	ASSERT_LT(0, different);
	ASSERT_EQ(self->f.sent, peer_counter("OutRsts") + peer_counter("RstsLimited"));
}

TEST_HARNESS_MAIN
