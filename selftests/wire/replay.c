// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cookies of a client that does exist, sent back again and again: connections stay within the
 * bounds of the accept queue and of those who wait for it (LSN-16, LSN-03).
 */
#include "peer_test.h"
#include "flood.h"

#define BACKLOG		16
#define BOUND		(BACKLOG + 1)
#define COOKIES		10000
#define FIRST_PORT	20000

FIXTURE(replay)
{
	struct peer p;
	int lfd;
	struct seg *acks;
};

FIXTURE_VARIANT(replay)
{
	int family;
};

FIXTURE_VARIANT_ADD(replay, v4) { AF_INET };
FIXTURE_VARIANT_ADD(replay, v6) { AF_INET6 };

FIXTURE_SETUP(replay)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "2"));
	self->lfd = peer_listen(&self->p, BACKLOG);
	ASSERT_LE(0, self->lfd);
	self->acks = calloc(COOKIES, sizeof(*self->acks));
	ASSERT_NE(NULL, self->acks);
}

FIXTURE_TEARDOWN(replay)
{
	free(self->acks);
	peer_close(&self->p);
}

/* The third packet of a handshake from each of COOKIES ports. */
static bool collect(struct peer *p, struct seg *acks)
{
	int i;

	for (i = 0; i < COOKIES; i++) {
		struct peer q = peer_flow(p, FIRST_PORT + i);

		if (!peer_send_syn(&q))
			return false;
		acks[i] = (struct seg){
			.flags = ACK, .stray = true, .sport = FIRST_PORT + i,
			.abs_seq = true, .seq = q.snd_nxt, .abs_ack = true, .ack = q.rcv_nxt,
			.set_ts = true, .tsval = peer_tsval(&q), .tsecr = q.last.tsval,
		};
	}
	return true;
}

static void send_all(struct peer *p, const struct seg *acks)
{
	int i;

	for (i = 0; i < COOKIES; i++) {
		peer_send(p, &acks[i]);
		if (i % 100 == 0)
			peer_drain(p, 0);
	}
	peer_drain(p, 10);
}

/* All that can be accepted now, into @fds. */
static int accept_all(struct peer *p, int lfd, int *fds)
{
	int n = 0;

	while (n < COOKIES && (fds[n] = accept(lfd, NULL, NULL)) >= 0) {
		n++;
		peer_drain(p, 0);
	}
	return n;
}

/*
 * To the last segment: every good cookie has become a connection, waits for room, or was reset
 * for want of it; and all who have waited were let in, or wait still.
 */
static bool adds_up(struct peer *p)
{
	long opens = peer_counter("PassiveOpens"), parked = peer_counter("HalfopenParked");
	long promoted = peer_counter("HalfopenPromoted"), good = peer_counter("SyncookiesRecv");
	long overflows = peer_counter("DropAcceptOverflow");
	int waiting = peer_count_listed(p, ST_SYN_RCVD);

	printf("# %ld cookies: %ld opens, %ld parked, %ld promoted, %ld overflows, %d waiting\n",
	       good, opens, parked, promoted, overflows, waiting);
	return good == opens - promoted + parked + overflows && parked == promoted + waiting &&
	       overflows == peer_counter("OutRsts") && !flood_unaccounted();
}

TEST_F_TIMEOUT(replay, ten_thousand_cookies_are_bounded, 300)
{
	static int fds[COOKIES];
	int round, n, i;

	ROW("LSN-16");
	ROW("LSN-03");
	ROW("LSN-02");
	ROW("LSN-27");
	ASSERT_TRUE(collect(&self->p, self->acks));
	ASSERT_EQ(COOKIES, peer_counter("SyncookiesSent"));
	ASSERT_EQ(0, xt_proc_count(variant->family, SERVER_PORT, ST_SYN_RCVD));
	/* Nobody accepts: the queue, those who wait for it, and a RST for each of the others. */
	for (round = 0; round < 3; round++) {
		send_all(&self->p, self->acks);
		ASSERT_EQ(BOUND, xt_proc_count(variant->family, SERVER_PORT, ST_ESTABLISHED));
		ASSERT_EQ(BOUND, xt_proc_count(variant->family, SERVER_PORT, ST_SYN_RCVD));
		ASSERT_EQ(BOUND, peer_counter("PassiveOpens"));
		ASSERT_EQ(BOUND, peer_counter("HalfopenParked"));
	}
	/* They are no strangers, so the budget of RSTs is not for them. */
	ASSERT_EQ(3 * (COOKIES - 2 * BOUND), peer_counter("DropAcceptOverflow"));
	ASSERT_EQ(0, peer_counter("RstsLimited"));
	ASSERT_TRUE(adds_up(&self->p));
	n = accept_all(&self->p, self->lfd, fds);
	ASSERT_EQ(2 * BOUND, n);
	/* While they live a replay is a duplicate, and the others are as many again. */
	send_all(&self->p, self->acks);
	ASSERT_EQ(3 * BOUND, peer_counter("PassiveOpens"));
	ASSERT_EQ(3 * BOUND, xt_proc_count(variant->family, SERVER_PORT, ST_ESTABLISHED));
	ASSERT_TRUE(adds_up(&self->p));
	/* And after their end each makes one at most, within the same bounds. */
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, xt_reset(fds[i]));
	n = accept_all(&self->p, self->lfd, fds);
	ASSERT_EQ(2 * BOUND, n);
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, xt_reset(fds[i]));
	send_all(&self->p, self->acks);
	ASSERT_EQ(BOUND, xt_proc_count(variant->family, SERVER_PORT, ST_ESTABLISHED));
	ASSERT_EQ(BOUND, xt_proc_count(variant->family, SERVER_PORT, ST_SYN_RCVD));
}

TEST_HARNESS_MAIN
