// SPDX-License-Identifier: GPL-2.0-only
/*
 * CLOSING: both sides sent a FIN before seeing the other's (RFC 9293, 3.6 figure 13, 3.10.7.4).
 */
#include "peer_test.h"

WIRE_FIXTURE(closing)

FIXTURE_SETUP(closing)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = FIN | ACK, .ack = -1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_CLOSING);
}

TEST_F(closing, ack_of_fin_leads_to_time_wait)
{
	ROW("CLS-07");
	CELL("CLOSING", "RCV_ACK_OF_FIN");
	send_seg(.flags = ACK);
	listed_is(ST_TIME_WAIT);
	silence(2000);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F_TIMEOUT(closing, time_wait_lasts, 200)
{
	uint64_t start;

	ROW("CLS-07");
	ROW("CLS-14");
	close(self->fd);
	send_seg(.flags = ACK);
	start = peer_now_us();
	listed_is(ST_TIME_WAIT);
	peer_pump(&self->p, 59000);
	listed_is(ST_TIME_WAIT);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 10000));
	ASSERT_LE(59900000, peer_now_us() - start);
}

TEST_F(closing, repeated_fin_is_acknowledged_again)
{
	ROW("CLS-12");
	CELL("CLOSING", "RCV_FIN");
	send_seg(.flags = FIN | ACK, .seq = -1, .ack = -1);
	/* Our own FIN may be repeated first. */
	must(peer_expect_either(&self->p,
				&(struct want){ .flags = ACK, .any_opts = true, .within = 400 },
				&(struct want){ .flags = FIN | ACK, .seq = -1 }));
	state_is(ST_CLOSING);
}

/* As peers do that repeat their FIN in LAST_ACK or CLOSING: it acknowledges ours. */
TEST_F(closing, repeated_fin_with_ack_of_ours)
{
	ROW("CLS-07");
	ROW("CLS-12");
	send_seg(.flags = FIN | ACK, .seq = -1);
	peer_drain(&self->p, 50);
	/* RFC 9293, 3.10.7.4: an unacceptable segment is answered and dropped, ACK and all. */
	send_seg(.flags = ACK);
	listed_is(ST_TIME_WAIT);
}

TEST_F_TIMEOUT(closing, fin_is_retransmitted, 100)
{
	ROW("CLS-11");
	expect(.flags = FIN | ACK, .seq = -1, .within = 600);
	expect(.flags = FIN | ACK, .seq = -1, .within = 1200);
	expect(.flags = FIN | ACK, .seq = -1, .within = 2500);
	state_is(ST_CLOSING);
	send_seg(.flags = ACK);
	listed_is(ST_TIME_WAIT);
	silence(3000);
}

TEST_F_TIMEOUT(closing, orphan_gives_up, 600)
{
	uint64_t start = peer_now_us();

	ROW("CLS-11");
	CELL("CLOSING", "GIVE_UP");
	close(self->fd);
	/* 8 doublings from an RTO of 200 ms; timers of that length may be an eighth late. */
	while (peer_listed(&self->p) != ST_NONE) {
		ASSERT_GT(130000000, peer_now_us() - start);
		peer_drain(&self->p, 500);
	}
	ASSERT_LE(95000000, peer_now_us() - start);
	silence(1000);
}

TEST_F(closing, text_beyond_fin_is_ignored)
{
	ROW("CLS-12");
	send_seg(.flags = ACK | PSH, .len = 100, .ack = -1, .stray = true);
	peer_drain(&self->p, 50);
	state_is(ST_CLOSING);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(closing, rst_is_silent)
{
	ROW("CLS-33");
	CELL("CLOSING", "RCV_RST");
	send_seg(.flags = RST);
	silence(1000);
	listed_is(ST_NONE);
}

/* RFC 9293, 3.10.5: nothing is sent in this state. */
TEST_F(closing, abort_sends_nothing)
{
	struct linger linger = { .l_onoff = 1 };

	ROW("CLS-27");
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->fd);
	silence(1000);
	listed_is(ST_NONE);
}

WIRE_FIXTURE_ESTABLISHED(closing_text)

TEST_F(closing_text, close_with_unread_text_is_told)
{
	ROW("CLS-23");
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = FIN | ACK | PSH, .len = 10, .ack = -1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_CLOSING);
	close(self->fd);
	expect_abort();
	listed_is(ST_NONE);
	silence(1000);
}

TEST_HARNESS_MAIN
