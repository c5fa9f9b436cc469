// SPDX-License-Identifier: GPL-2.0-only
/*
 * FIN_WAIT_1: our FIN is out and not acknowledged (RFC 9293, 3.6, 3.10.7.4).
 */
#include "peer_test.h"

WIRE_FIXTURE(fin_wait_1)

/* Writing is shut down; the descriptor stays. */
FIXTURE_SETUP(fin_wait_1)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	state_is(ST_FIN_WAIT_1);
}

TEST_F(fin_wait_1, ack_of_fin)
{
	ROW("CLS-03");
	CELL("FIN_WAIT_1", "RCV_ACK_OF_FIN");
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
	silence(1000);
}

TEST_F(fin_wait_1, fin_without_ack_of_ours)
{
	ROW("CLS-07");
	CELL("FIN_WAIT_1", "RCV_FIN");
	send_seg(.flags = FIN | ACK, .ack = -1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_CLOSING);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(fin_wait_1, fin_with_ack_of_ours)
{
	ROW("CLS-08");
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
	silence(2000);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

/* Everything in one segment: acknowledgment of our FIN, data, FIN. */
TEST_F(fin_wait_1, ack_data_and_fin)
{
	ROW("CLS-08");
	ROW("CLS-09");
	send_seg(.flags = FIN | ACK | PSH, .len = 100);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(fin_wait_1, data_still_flows)
{
	ROW("CLS-05");
	send_seg(.flags = ACK | PSH, .len = 100, .ack = -1);
	expect(.flags = ACK, .within = 300);
	state_is(ST_FIN_WAIT_1);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
}

TEST_F(fin_wait_1, send_is_refused)
{
	ROW("DATA-34");
	ASSERT_EQ(-1, send(self->fd, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(EPIPE, errno);
}

/* FIN copies at doubling gaps; the first may come early as a loss probe. */
TEST_F_TIMEOUT(fin_wait_1, fin_is_retransmitted, 100)
{
	ROW("CLS-11");
	expect(.flags = FIN | ACK, .seq = -1, .within = 400);
	expect(.flags = FIN | ACK, .seq = -1, .within = 1000);
	expect(.flags = FIN | ACK, .seq = -1, .within = 2000);
	expect(.flags = FIN | ACK, .seq = -1, .within = 4000);
	state_is(ST_FIN_WAIT_1);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
	silence(5000);
}

TEST_F(fin_wait_1, exact_rst_resets)
{
	ROW("CLS-33");
	CELL("FIN_WAIT_1", "RCV_RST");
	send_seg(.flags = RST);
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
	listed_is(ST_NONE);
	silence(1000);
}

TEST_F(fin_wait_1, inexact_rst_draws_challenge_ack)
{
	ROW("SEC-01");
	send_seg(.flags = RST, .seq = 100);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_FIN_WAIT_1);
}

TEST_F(fin_wait_1, syn_draws_challenge_ack)
{
	ROW("SEC-02");
	send_seg(.flags = SYN, .seq = 1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_FIN_WAIT_1);
}

/* D18. */
TEST_F(fin_wait_1, ack_above_snd_nxt_draws_ack)
{
	ROW("DATA-06");
	send_seg(.flags = ACK, .ack = 1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_FIN_WAIT_1);
}

TEST_F(fin_wait_1, linger_zero_aborts)
{
	struct linger linger = { .l_onoff = 1 };

	ROW("CLS-27");
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->fd);
	expect_abort();
	listed_is(ST_NONE);
	silence(1000);
}

WIRE_FIXTURE(fin_wait_1_orphan)

/* The application has closed; nobody will read any more. */
FIXTURE_SETUP(fin_wait_1_orphan)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	listed_is(ST_FIN_WAIT_1);
}

TEST_F(fin_wait_1_orphan, normal_close)
{
	ROW("CLS-03");
	ROW("CLS-05");
	send_seg(.flags = ACK);
	listed_is(ST_FIN_WAIT_2);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
}

/*
 * No acknowledgment ever comes. Copies of the FIN with doubled gaps, then the end
 * in bounded time: about 8 tries from an RTO of 200 ms are 102 s.
 */
TEST_F_TIMEOUT(fin_wait_1_orphan, gives_up, 600)
{
	uint64_t start = peer_now_us();
	int gap = 0, before, n = 0;
	struct got seen;

	ROW("CLS-11");
	CELL("FIN_WAIT_1", "GIVE_UP");
	while (peer_listed(&self->p) != ST_NONE) {
		uint64_t last_us = self->p.last_us;

		ASSERT_GT(130000000, peer_now_us() - start);
		if (!peer_next(&self->p, &seen, 1000)) {
			continue;
		}
		ASSERT_EQ(FIN | ACK, seen.flags);
		ASSERT_EQ(self->p.rcv_nxt - 1, seen.seq);
		before = gap;
		gap = (seen.us - last_us) / 1000;
		n++;
		/* The first two may be a loss probe and the first time-out. */
		if (n > 2) {
			ASSERT_LE(2 * before - before / 4 - 20, gap);
			ASSERT_GE(2 * before + before / 2 + 40, gap);
		}
	}
	ASSERT_LE(6, n);
	ASSERT_GE(12, n);
	ASSERT_LE(95000000, peer_now_us() - start);
}

TEST_F(fin_wait_1_orphan, data_draws_rst)
{
	ROW("CLS-22");
	send_seg(.flags = ACK | PSH, .len = 100);
	must(peer_expect_either(&self->p, &(struct want){ .flags = RST, .within = NOW },
				&(struct want){ .flags = RST | ACK, .any_ack = true }));
	listed_is(ST_NONE);
}

TEST_F(fin_wait_1_orphan, rst_ends_silently)
{
	ROW("CLS-33");
	send_seg(.flags = RST);
	silence(1000);
	listed_is(ST_NONE);
}

/* With an owner the limit is R2, and the owner learns of it (RFC 9293, 3.8.3). */
TEST_F_TIMEOUT(fin_wait_1, owned_gives_up, 1500)
{
	uint64_t start = peer_now_us();

	ROW("LOSS-11");
	ROW("CLS-11");
	CELL("FIN_WAIT_1", "GIVE_UP");
	while (!peer_poll(&self->p, self->fd, POLLERR, 1000)) {
		ASSERT_GT(1200000000, peer_now_us() - start);
		peer_drain(&self->p, 0);
	}
	ASSERT_LE(900000000, peer_now_us() - start);
	ASSERT_EQ(ETIMEDOUT, peer_read_errno(&self->p, self->fd));
	listed_is(ST_NONE);
}

WIRE_FIXTURE_LISTENING(orphan_limit)

#define NR_PEERS	50
#define NR_ORPHANS	20

/* Peers that never read, and programs that are gone: so many are kept, the others reset. */
TEST_F_TIMEOUT(orphan_limit, peers_with_closed_windows, 600)
{
	int i, n, resets = 0, owned, fd[NR_PEERS];
	struct peer q[NR_PEERS];
	struct got seen;
	long before;

	ROW("SEC-19");
	/* TCP's limit is one for all namespaces. */
	if (xt_is_control())
		SKIP(return, "net.ipv4.tcp_max_orphans cannot be set here");
	ASSERT_TRUE(peer_tunable("max_orphans", "20"));
	before = peer_counter("AbortOnMemory");
	/* One that has an owner does not count, and is never touched. */
	owned = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, owned);
	for (i = 0; i < NR_PEERS; i++) {
		q[i] = peer_flow(&self->p, PEER_PORT + 1 + i);
		q[i].win = 0;
		fd[i] = peer_established(&q[i], self->lfd);
		ASSERT_LE(0, fd[i]);
	}
	/* From here on probes of the first mix with what the others get. */
	for (i = 0; i < NR_PEERS; i++) {
		must(peer_write(&q[i], fd[i], 100));
		close(fd[i]);
		q[i].wr_off = 0;
		if (i < NR_ORPHANS) {
			must(peer_await_listed(&q[i], ST_FIN_WAIT_1, 0));
			continue;
		}
		must(peer_await_listed(&q[i], ST_NONE, 0));
		while (peer_next(&q[i], &seen, 0))
			if (seen.dport == q[i].port && seen.flags == (RST | ACK) &&
			    seen.seq == q[i].rcv_nxt)
				resets++;
	}
	ASSERT_EQ(NR_PEERS - NR_ORPHANS, resets);
	ASSERT_EQ(before + resets, peer_counter("AbortOnMemory"));
	ASSERT_EQ(NR_ORPHANS, peer_count_listed(&self->p, ST_FIN_WAIT_1));
	ASSERT_TRUE(peer_state_is(&self->p, owned, ST_ESTABLISHED));
	/* The others end by themselves, and make room for new ones. */
	for (n = 0; peer_count_listed(&self->p, ST_FIN_WAIT_1); n++) {
		ASSERT_GT(140, n);
		peer_drain(&self->p, 1000);
	}
	ASSERT_EQ(before + resets, peer_counter("AbortOnMemory"));
	close(owned);
	expect(.flags = FIN | ACK, .within = NOW);
	listed_is(ST_FIN_WAIT_1);
}

/* ---- the FIN and the text before it ------------------------------------------------- */

WIRE_FIXTURE_ESTABLISHED(fin_apart)

/* All text is acknowledged, the FIN behind it is not: the FIN alone comes again. */
TEST_F(fin_apart, lost_with_its_text_received)
{
	int mss = self->p.mss - 12;

	ROW("CLS-11");
	ROW("CLS-01");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_CORK, 1));
	ASSERT_TRUE(peer_write(&self->p, self->fd, mss / 2));
	silence(50);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK | PSH, .len = mss / 2, .within = NOW);
	send_seg(.flags = ACK, .ack = -1);
	expect(.flags = FIN | ACK, .seq = -1, .any_psh = true, .within = 1500);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
	silence(2000);
}

/* The same with a FIN on a super-segment. */
TEST_F(fin_apart, lost_with_long_text_received)
{
	int mss = self->p.mss - 12;

	ROW("CLS-11");
	ASSERT_TRUE(peer_lower_window(&self->p, 0));
	ASSERT_TRUE(peer_read(&self->p, self->fd, 20));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 3 * mss));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	silence(50);
	self->p.win = 65535;
	send_seg(.flags = ACK);
	expect(.flags = ACK, .len = mss, .within = NOW);
	expect(.flags = ACK, .len = mss, .within = NOW);
	expect(.flags = FIN | ACK | PSH, .len = mss, .within = NOW);
	send_seg(.flags = ACK, .ack = -1);
	expect(.flags = FIN | ACK, .seq = -1, .any_psh = true, .within = 1500);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
}

/* Room for the text and not for the FIN: nothing leaves beyond the window's edge. */
TEST_F_TIMEOUT(fin_apart, waits_for_the_window, 60)
{
	ROW("CLS-09");
	ROW("DATA-08");
	ASSERT_TRUE(peer_lower_window(&self->p, 1));		/* 128 bytes */
	ASSERT_TRUE(peer_read(&self->p, self->fd, 20));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_CORK, 1));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 128));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = ACK | PSH, .len = 128, .within = 1500);
	self->p.win = 0;
	send_seg(.flags = ACK);
	/* Nothing but probes below the window. */
	ASSERT_EQ(0, peer_new_bytes(&self->p, 3000));
	self->p.win = 1000;
	send_seg(.flags = ACK);
	expect(.flags = FIN | ACK, .any_psh = true, .within = NOW);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
}

TEST_HARNESS_MAIN
