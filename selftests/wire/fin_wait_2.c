// SPDX-License-Identifier: GPL-2.0-only
/*
 * FIN_WAIT_2: our FIN is acknowledged, the peer may still send (RFC 9293, 3.6, 3.6.1, 3.10.7.4).
 */
#include "peer_test.h"

WIRE_FIXTURE(fin_wait_2)

/* Half closed; the descriptor stays. */
FIXTURE_SETUP(fin_wait_2)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
}

TEST_F(fin_wait_2, fin_leads_to_time_wait)
{
	ROW("CLS-03");
	CELL("FIN_WAIT_2", "RCV_FIN");
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	close(self->fd);
	listed_is(ST_TIME_WAIT);
	silence(2000);
}

TEST_F(fin_wait_2, data_flows_until_fin)
{
	int mss = self->p.mss - 12, i;
	struct got seen;

	ROW("CLS-05");
	for (i = 0; i < 100; i++) {
		send_seg(.flags = ACK, .len = mss);
		must(peer_read(&self->p, self->fd, mss));
		while (peer_next(&self->p, &seen, 0))
			ASSERT_EQ(ACK, seen.flags);
	}
	peer_drain(&self->p, 300);
	state_is(ST_FIN_WAIT_2);
	send_seg(.flags = FIN | ACK | PSH, .len = 10);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	listed_is(ST_TIME_WAIT);
}

TEST_F_TIMEOUT(fin_wait_2, stays_while_owned, 700)
{
	ROW("CLS-21");
	silence(600000);
	state_is(ST_FIN_WAIT_2);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

TEST_F(fin_wait_2, exact_rst_resets)
{
	ROW("CLS-33");
	CELL("FIN_WAIT_2", "RCV_RST");
	send_seg(.flags = RST);
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
	listed_is(ST_NONE);
}

TEST_F(fin_wait_2, inexact_rst_draws_challenge_ack)
{
	ROW("SEC-01");
	send_seg(.flags = RST, .seq = 100);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_FIN_WAIT_2);
}

TEST_F(fin_wait_2, fin_ahead_of_a_gap_waits)
{
	ROW("CLS-10");
	send_seg(.flags = FIN | ACK, .seq = 10);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	state_is(ST_FIN_WAIT_2);
	send_seg(.flags = ACK | PSH, .len = 10);
	self->p.snd_nxt += 1;
	expect(.flags = ACK, .any_opts = true);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(fin_wait_2, linger_zero_aborts)
{
	struct linger linger = { .l_onoff = 1 };

	ROW("CLS-27");
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->fd);
	expect_abort();
	listed_is(ST_NONE);
}

/* Half closed for ever, but not with a peer that is gone. */
TEST_F_TIMEOUT(fin_wait_2, keepalive_gives_up, 100)
{
	ROW("KEEP-04");
	CELL("FIN_WAIT_2", "GIVE_UP");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_KEEPIDLE, 2) &&
		    peer_set_int(self->fd, SOL_TCP, TCP_KEEPINTVL, 1) &&
		    peer_set_int(self->fd, SOL_TCP, TCP_KEEPCNT, 2) &&
		    peer_set_int(self->fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	expect(.flags = ACK, .seq = -1, .within = 2500);
	expect(.flags = ACK, .seq = -1, .gap = 1000);
	expect(.flags = RST | ACK, .gap = 1000);
	ASSERT_EQ(ETIMEDOUT, peer_read_errno(&self->p, self->fd));
	listed_is(ST_NONE);
	silence(1000);
}

TEST_F(fin_wait_2, linger2_negative_ends_at_once)
{
	ROW("CLS-21");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_LINGER2, -1));
	close(self->fd);
	peer_drain(&self->p, 100);
	listed_is(ST_NONE);
}

TEST_F_TIMEOUT(fin_wait_2, linger2_shortens, 100)
{
	ROW("CLS-21");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_LINGER2, 5));
	close(self->fd);
	peer_pump(&self->p, 4500);
	listed_is(ST_FIN_WAIT_2);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 1500));
}

/* One timer serves both: SO_KEEPALIVE must not make an orphan wait for hours. */
TEST_F_TIMEOUT(fin_wait_2, keepalive_does_not_hold_an_orphan, 200)
{
	uint64_t start;

	ROW("CLS-21");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	close(self->fd);
	start = peer_now_us();
	silence(59500);
	listed_is(ST_FIN_WAIT_2);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 9000));
	ASSERT_LE(59900000, peer_now_us() - start);
	silence(10000);
}

/* However short the wait: two losses of the peer's FIN must fit (3.5 RTO, as Linux). */
TEST_F(fin_wait_2, orphan_waits_for_the_path)
{
	ROW("CLS-21");
	ASSERT_TRUE(peer_tunable("fin_timeout", "0"));
	close(self->fd);
	peer_pump(&self->p, 500);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
}

WIRE_FIXTURE(fin_wait_2_orphan)

/* The application has closed. */
FIXTURE_SETUP(fin_wait_2_orphan)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = ACK);
	listed_is(ST_FIN_WAIT_2);
}

TEST_F_TIMEOUT(fin_wait_2_orphan, ends_after_60_s, 200)
{
	uint64_t start = peer_now_us();

	ROW("CLS-21");
	CELL("FIN_WAIT_2", "FIN_WAIT_2_TIMEOUT");
	silence(59500);
	listed_is(ST_FIN_WAIT_2);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 9000));
	ASSERT_LE(59900000, peer_now_us() - start);
	silence(100);
	send_seg(.flags = FIN | ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F(fin_wait_2_orphan, fin_leads_to_time_wait)
{
	ROW("CLS-03");
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
}

TEST_F(fin_wait_2_orphan, data_draws_rst)
{
	ROW("CLS-22");
	send_seg(.flags = ACK | PSH, .len = 10);
	must(peer_expect_either(&self->p, &(struct want){ .flags = RST, .within = NOW },
				&(struct want){ .flags = RST | ACK, .any_ack = true }));
	listed_is(ST_NONE);
}

TEST_F(fin_wait_2_orphan, rst_ends_silently)
{
	ROW("CLS-33");
	send_seg(.flags = RST);
	silence(500);
	listed_is(ST_NONE);
}

/*
 * Orphans that wait for a FIN have nothing to deliver: they take no place from those that have,
 * and those too many end in silence.
 */
TEST_F(fin_wait_2, orphans_are_counted_apart)
{
	struct peer q[5], late;
	int i, fd;

	ROW("SEC-19");
	ROW("CLS-21");
	if (xt_is_control())
		SKIP(return, "net.ipv4.tcp_max_orphans cannot be set here");
	ASSERT_TRUE(peer_tunable("max_orphans", "3"));
	for (i = 0; i < 5; i++) {
		q[i] = peer_flow(&self->p, PEER_PORT + 1 + i);
		fd = peer_established(&q[i], self->lfd);
		ASSERT_LE(0, fd);
		close(fd);
		expect_on(&q[i], .flags = FIN | ACK, .within = NOW);
		send_on(&q[i], .flags = ACK);
		must(peer_await_listed(&q[i], i < 3 ? ST_FIN_WAIT_2 : ST_NONE, 1000));
	}
	late = peer_flow(&self->p, PEER_PORT + 10);
	fd = peer_established(&late, self->lfd);
	ASSERT_LE(0, fd);
	must(peer_write(&late, fd, 100));
	expect_on(&late, .flags = ACK | PSH, .len = 100, .within = NOW);
	close(fd);
	expect_on(&late, .flags = FIN | ACK, .within = NOW);
	must(peer_await_listed(&late, ST_FIN_WAIT_1, 0));
	send_on(&late, .flags = FIN | ACK);
	expect_on(&late, .flags = ACK, .within = NOW);
	must(peer_await_listed(&late, ST_TIME_WAIT, 0));
	/* The socket that has an owner is none of them. */
	state_is(ST_FIN_WAIT_2);
}

TEST_HARNESS_MAIN
