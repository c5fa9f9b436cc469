// SPDX-License-Identifier: GPL-2.0-only
/*
 * TIME_WAIT: 60 seconds after the active close (RFC 9293, 3.6.1, 3.10.7.4; RFC 1337; RFC 6191).
 */
#include "peer_test.h"

WIRE_FIXTURE(time_wait)

/* The whole active close; the entry was made just now. */
FIXTURE_SETUP(time_wait)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = ACK);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
	peer_mark(&self->p);
}

TEST_F_TIMEOUT(time_wait, lasts_60_s, 200)
{
	uint64_t start = peer_now_us();

	ROW("CLS-14");
	silence(59500);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 9000));
	ASSERT_LE(59900000, peer_now_us() - start);
	send_seg(.flags = FIN | ACK, .seq = -1);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F_TIMEOUT(time_wait, repeated_fin_restarts_timer, 200)
{
	ROW("CLS-13");
	peer_pump(&self->p, 40000);
	send_seg(.flags = FIN | ACK, .seq = -1);
	expect(.flags = ACK, .within = NOW);
	peer_pump(&self->p, 58000);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 11000));
}

/* D7: RFC 1337's hazard F1. */
TEST_F_TIMEOUT(time_wait, rst_does_not_end_it, 200)
{
	ROW("CLS-16");
	send_seg(.flags = RST);
	silence(500);
	listed_is(ST_TIME_WAIT);
	send_seg(.flags = RST | ACK);
	send_seg(.flags = RST, .seq = 100);
	silence(500);
	listed_is(ST_TIME_WAIT);
	peer_pump(&self->p, 57000);
	listed_is(ST_TIME_WAIT);
}

TEST_F(time_wait, newer_syn_is_accepted)
{
	uint32_t snd_nxt = self->p.snd_nxt, old_end = self->p.rcv_nxt;

	ROW("CLS-17");
	ROW("ISN-04");
	peer_pump(&self->p, 1100);
	self->p.iss = snd_nxt + 1000;
	self->p.irs_known = false;
	/* The timestamp clock goes on: newer than the last. */
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	ASSERT_LT(0, (int32_t)(self->p.irs - old_end));
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
}

/* The numbers may go back if the timestamps do not (RFC 6191). */
TEST_F(time_wait, newer_timestamp_alone_is_enough)
{
	ROW("CLS-17");
	peer_pump(&self->p, 1100);
	self->p.iss = self->p.snd_nxt - 10000;
	self->p.irs_known = false;
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
}

TEST_F(time_wait, old_syn_is_not_accepted)
{
	struct got seen;

	ROW("CLS-17");
	send_seg(.flags = SYN, .seq = -10000, .set_ts = true, .tsval = peer_tsval(&self->p) - 5000,
		 .stray = true);
	while (peer_next(&self->p, &seen, 500))
		ASSERT_EQ(ACK, seen.flags);
	listed_is(ST_TIME_WAIT);
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 0));
}

TEST_F(time_wait, old_data_draws_ack)
{
	ROW("CLS-18");
	send_seg(.flags = ACK | PSH, .len = 10, .seq = -5000);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
}

TEST_F_TIMEOUT(time_wait, answers_are_rate_limited, 60)
{
	int i, n = 0;

	ROW("CLS-18");
	ROW("SEC-04");
	for (i = 0; i < 500; i++) {
		send_seg(.flags = ACK, .seq = -5000);
		n += peer_drain(&self->p, 10);
	}
	ASSERT_LE(1, n);
	ASSERT_GE(15, n);
	listed_is(ST_TIME_WAIT);
}

TEST_F(time_wait, exact_ack_is_silent)
{
	ROW("CLS-18");
	send_seg(.flags = ACK);
	silence(500);
	listed_is(ST_TIME_WAIT);
}

TEST_HARNESS_MAIN
