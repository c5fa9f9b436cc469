// SPDX-License-Identifier: GPL-2.0-only
/*
 * A half-open queue under pressure: old entries go sooner (RFC 4987, 3.3), and however many are
 * due at once, the timer does them in small portions.
 */
#include "peer_test.h"
#include "flood.h"

#define BACKLOG		16
#define BOUND		(BACKLOG + 1)

FIXTURE(pressure)
{
	struct flood f;
	struct xt_addr addr;
	int lfd;
};

FIXTURE_VARIANT(pressure)
{
	int family;
};

FIXTURE_VARIANT_ADD(pressure, v4) { AF_INET };
FIXTURE_VARIANT_ADD(pressure, v6) { AF_INET6 };

/* Without cookies: what counts is the room in the queue. */
FIXTURE_SETUP(pressure)
{
	self->lfd = flood_victim(&self->f, variant->family, SERVER_PORT, "0", BACKLOG);
	ASSERT_LE(0, self->lfd);
	ASSERT_TRUE(xt_sysctl("net/core/somaxconn", "8192"));
	self->addr = xt_loopback(variant->family, SERVER_PORT);
}

FIXTURE_TEARDOWN(pressure)
{
	close(self->lfd);
	flood_close(&self->f);
}

/* Entries there are at @s seconds after @start_ms. */
static int entries_at(struct flood *f, int64_t start_ms, int s)
{
	while (xt_now_ms() < start_ms + s * 1000) {
		flood_drain(f);
		xt_pause_ms(100);
	}
	return xt_proc_count(f->family, SERVER_PORT, ST_SYN_RCVD);
}

/* Up to half of the bound all live for 63 s; of more, those too many go after 1 + 2 + 4 s. */
TEST_F_TIMEOUT(pressure, lifetime_shrinks_above_half, 300)
{
	static const int counts[] = { BOUND / 2, BOUND / 2 + 1, BOUND };
	unsigned int i;

	ROW("LSN-05");
	for (i = 0; i < 3; i++) {
		int64_t start = xt_now_ms();
		int j;

		for (j = 0; j < counts[i]; j++)
			flood_packet(&self->f);
		ASSERT_EQ(counts[i], entries_at(&self->f, start, 6));
		ASSERT_EQ(BOUND / 2, entries_at(&self->f, start, 9));
		ASSERT_EQ(BOUND / 2, entries_at(&self->f, start, 62));
		ASSERT_EQ(0, entries_at(&self->f, start, 67));
	}
}

/*
 * The slow drip: a SYN of nobody every half second would fill the queue with entries of 63 s
 * each. With lives of 7 s there is always room for an honest client.
 */
TEST_F_TIMEOUT(pressure, slow_drip_leaves_room, 200)
{
	int i, fd, server, most = 0, count;

	ROW("LSN-05");
	for (i = 0; i < 200; i++) {
		flood_packet(&self->f);
		flood_drain(&self->f);
		xt_pause_ms(500);
		count = xt_proc_count(variant->family, SERVER_PORT, ST_SYN_RCVD);
		most = count > most ? count : most;
		if (i < 60 || i % 10)
			continue;
		fd = xt_dial(variant->family, &self->addr);
		ASSERT_LE(0, fd) TH_LOG("after %d s: %s", i / 2, strerror(errno));
		ASSERT_TRUE(XT_WAIT((server = accept(self->lfd, NULL, NULL)) >= 0));
		close(server);
		xt_reset(fd);
	}
	TH_LOG("at most %d of %d entries", most, BOUND);
	ASSERT_LT(BOUND / 2, most);
	ASSERT_GT(BOUND, most);
	ASSERT_EQ(0, peer_counter("DropHalfopenFull"));
	ASSERT_EQ(0, flood_unaccounted());
}

#define MANY		4000
#define BATCH		256		/* halfopen.c: TIMER_BATCH */

/* MANY SYN-ACKs are due in one tick, and later MANY ends: never all in one softirq. */
TEST_F_TIMEOUT(pressure, timer_works_in_portions, 200)
{
	long resent, expired, most = 0, now;
	int i;

	ROW("LSN-04");
	ROW("LSN-19");
	ASSERT_EQ(0, listen(self->lfd, 2 * MANY));
	ASSERT_TRUE(xt_sysctl("net/xtcp/synack_retries", "1"));
	for (i = 0; i < MANY; i++)
		flood_packet(&self->f);
	ASSERT_EQ(MANY, peer_counter("HalfopenAdded"));
	/* Where a SYN takes milliseconds some are due already. */
	resent = peer_counter("SynAckResent");
	expired = peer_counter("HalfopenExpired");
	/* On one CPU nobody looks on while the timer runs. */
	for (i = 0; i < 100000 && expired < MANY; i++) {
		now = peer_counter("SynAckResent");
		most = now - resent > most ? now - resent : most;
		resent = now;
		now = peer_counter("HalfopenExpired");
		most = now - expired > most ? now - expired : most;
		expired = now;
		xt_pause_ms(1);
	}
	TH_LOG("%ld resent, %ld expired, at most %ld at once", resent, expired, most);
	ASSERT_EQ(MANY, resent);
	ASSERT_EQ(MANY, expired);
	ASSERT_GE(2 * BATCH, most);
	ASSERT_EQ(0, xt_proc_count(variant->family, SERVER_PORT, ST_SYN_RCVD));
}

TEST_HARNESS_MAIN
