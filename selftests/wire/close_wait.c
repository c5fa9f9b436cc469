// SPDX-License-Identifier: GPL-2.0-only
/*
 * CLOSE_WAIT: the peer has closed, this side has not (RFC 9293, 3.6, 3.10.7.4).
 */
#include "peer_test.h"

WIRE_FIXTURE(close_wait)

FIXTURE_SETUP(close_wait)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_CLOSE_WAIT);
}

TEST_F_TIMEOUT(close_wait, eof_and_stays, 8000)
{
	ROW("CLS-02");
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	silence(7200000);
	state_is(ST_CLOSE_WAIT);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(close_wait, sending_goes_on)
{
	int mss = self->p.mss - 12, i;

	ROW("CLS-06");
	for (i = 0; i < 50; i++) {
		must(peer_write(&self->p, self->fd, mss));
		expect(.flags = ACK | PSH, .len = mss, .within = NOW);
		send_seg(.flags = ACK);
	}
	state_is(ST_CLOSE_WAIT);
	silence(500);
}

TEST_F(close_wait, close_leads_to_last_ack)
{
	ROW("CLS-04");
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	listed_is(ST_LAST_ACK);
	send_seg(.flags = ACK);
	silence(500);
	listed_is(ST_NONE);
}

TEST_F(close_wait, shutdown_leads_to_last_ack)
{
	ROW("CLS-04");
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	state_is(ST_LAST_ACK);
	send_seg(.flags = ACK);
	silence(500);
	listed_is(ST_NONE);
	ASSERT_EQ(ST_CLOSED, peer_state(self->fd));
	ASSERT_EQ(0, peer_so_error(self->fd));
}

TEST_F(close_wait, repeated_fin_is_acknowledged_again)
{
	int i, n = 0;

	ROW("CLS-12");
	CELL("CLOSE_WAIT", "RCV_FIN");
	for (i = 0; i < 3; i++) {
		send_seg(.flags = FIN | ACK, .seq = -1);
		n += peer_drain(&self->p, 600);
	}
	ASSERT_LE(1, n);
	ASSERT_GE(3, n);
	state_is(ST_CLOSE_WAIT);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(close_wait, text_beyond_fin_is_ignored)
{
	ROW("CLS-12");
	send_seg(.flags = ACK | PSH, .len = 100, .stray = true);
	peer_drain(&self->p, 300);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	state_is(ST_CLOSE_WAIT);
	/* Nothing of it was acknowledged either. */
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10, .any_opts = true);
}

/* ECONNRESET, or EPIPE as on Linux, where the other direction has ended already. */
TEST_F(close_wait, exact_rst_resets)
{
	int err;

	ROW("CLS-33");
	CELL("CLOSE_WAIT", "RCV_RST");
	send_seg(.flags = RST);
	peer_pump(&self->p, 10);
	err = peer_so_error(self->fd);
	ASSERT_TRUE(err == ECONNRESET || err == EPIPE);
	listed_is(ST_NONE);
	silence(500);
}

TEST_F(close_wait, inexact_rst_draws_challenge_ack)
{
	ROW("SEC-01");
	send_seg(.flags = RST, .seq = 100);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_CLOSE_WAIT);
}

TEST_F(close_wait, syn_draws_challenge_ack)
{
	ROW("SEC-02");
	send_seg(.flags = SYN, .seq = 1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_CLOSE_WAIT);
}

TEST_F(close_wait, linger_zero_aborts)
{
	struct linger linger = { .l_onoff = 1 };

	ROW("CLS-27");
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->fd);
	expect_abort();
	listed_is(ST_NONE);
}

/* What we still send is not acknowledged any more. */
TEST_F_TIMEOUT(close_wait, gives_up, 100)
{
	struct got seen;

	ROW("LOSS-12");
	ROW("KEEP-07");
	CELL("CLOSE_WAIT", "GIVE_UP");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 5000));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	peer_mark(&self->p);
	while (peer_state(self->fd) == ST_CLOSE_WAIT) {
		ASSERT_GT(7000000, peer_now_us() - self->p.mark_us);
		while (peer_next(&self->p, &seen, 20))
			ASSERT_EQ(100, seen.len);
	}
	ASSERT_LE(4900000, peer_now_us() - self->p.mark_us);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	listed_is(ST_NONE);
	silence(1000);
}

/* Nothing to send for hours; SO_KEEPALIVE finds out that the peer is gone. */
TEST_F_TIMEOUT(close_wait, keepalive_gives_up, 100)
{
	ROW("KEEP-04");
	CELL("CLOSE_WAIT", "GIVE_UP");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_KEEPIDLE, 2) &&
		    peer_set_int(self->fd, SOL_TCP, TCP_KEEPINTVL, 1) &&
		    peer_set_int(self->fd, SOL_TCP, TCP_KEEPCNT, 2) &&
		    peer_set_int(self->fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	expect(.flags = ACK, .seq = -1, .within = 2500);
	expect(.flags = ACK, .seq = -1, .gap = 1000);
	expect(.flags = RST | ACK, .gap = 1000);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

TEST_HARNESS_MAIN
