// SPDX-License-Identifier: GPL-2.0-only
/*
 * LAST_ACK: the passive closer waits for the acknowledgment of its FIN (RFC 9293, 3.6, 3.10.7.4).
 */
#include "peer_test.h"

WIRE_FIXTURE(last_ack)

FIXTURE_SETUP(last_ack)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	state_is(ST_LAST_ACK);
}

TEST_F(last_ack, ack_removes_without_time_wait)
{
	ROW("CLS-04");
	CELL("LAST_ACK", "RCV_ACK_OF_FIN");
	send_seg(.flags = ACK);
	silence(1000);
	listed_is(ST_NONE);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_TIME_WAIT));
	ASSERT_EQ(ST_CLOSED, peer_state(self->fd));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	send_seg(.flags = ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F(last_ack, old_ack_does_not_remove)
{
	ROW("CLS-04");
	send_seg(.flags = ACK, .ack = -1);
	state_is(ST_LAST_ACK);
}

TEST_F(last_ack, orphan_ends_with_ack)
{
	ROW("CLS-04");
	close(self->fd);
	listed_is(ST_LAST_ACK);
	send_seg(.flags = ACK);
	silence(1000);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_TIME_WAIT));
	listed_is(ST_NONE);
}

TEST_F_TIMEOUT(last_ack, fin_is_retransmitted, 100)
{
	ROW("CLS-11");
	expect(.flags = FIN | ACK, .seq = -1, .within = 600);
	expect(.flags = FIN | ACK, .seq = -1, .within = 1200);
	expect(.flags = FIN | ACK, .seq = -1, .within = 2500);
	state_is(ST_LAST_ACK);
	send_seg(.flags = ACK);
	listed_is(ST_NONE);
	silence(3000);
}

TEST_F_TIMEOUT(last_ack, orphan_gives_up, 600)
{
	uint64_t start = peer_now_us();

	ROW("CLS-11");
	CELL("LAST_ACK", "GIVE_UP");
	close(self->fd);
	/* 8 doublings from an RTO of 200 ms; timers of that length may be an eighth late. */
	while (peer_listed(&self->p) != ST_NONE) {
		ASSERT_GT(130000000, peer_now_us() - start);
		peer_drain(&self->p, 500);
	}
	ASSERT_LE(95000000, peer_now_us() - start);
	silence(1000);
}

TEST_F(last_ack, repeated_fin_is_acknowledged_again)
{
	ROW("CLS-12");
	CELL("LAST_ACK", "RCV_FIN");
	send_seg(.flags = FIN | ACK, .seq = -1, .ack = -1);
	must(peer_expect_either(&self->p,
				&(struct want){ .flags = ACK, .any_opts = true, .within = 400 },
				&(struct want){ .flags = FIN | ACK, .seq = -1 }));
	state_is(ST_LAST_ACK);
}

TEST_F(last_ack, text_beyond_fin_is_ignored)
{
	ROW("CLS-12");
	send_seg(.flags = ACK | PSH, .len = 100, .ack = -1, .stray = true);
	peer_drain(&self->p, 50);
	state_is(ST_LAST_ACK);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(last_ack, rst_is_silent)
{
	ROW("CLS-33");
	CELL("LAST_ACK", "RCV_RST");
	send_seg(.flags = RST);
	silence(1000);
	listed_is(ST_NONE);
}

/* RFC 9293, 3.10.5: nothing is sent in this state. */
TEST_F(last_ack, abort_sends_nothing)
{
	struct linger linger = { .l_onoff = 1 };

	ROW("CLS-27");
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->fd);
	silence(1000);
	listed_is(ST_NONE);
}

/* The owner's TCP_USER_TIMEOUT holds after it has gone, and repeats keep their gaps. */
TEST_F_TIMEOUT(last_ack, orphan_with_user_timeout, 200)
{
	uint64_t start = peer_now_us();
	struct got seen;
	int n = 0;

	ROW("CLS-11");
	ROW("KEEP-07");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 5000));
	close(self->fd);
	while (peer_listed(&self->p) != ST_NONE) {
		ASSERT_GT(20000000, peer_now_us() - start);
		n += peer_next(&self->p, &seen, 100);
	}
	ASSERT_LE(4500000, peer_now_us() - start);
	ASSERT_GE(8000000, peer_now_us() - start);
	ASSERT_LE(3, n);
	ASSERT_GE(8, n);
	silence(1000);
}

/* ---- while our FIN waits behind a closed window ----------------------------------- */

WIRE_FIXTURE(last_ack_unsent)

FIXTURE_SETUP(last_ack_unsent)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_lower_window(&self->p, 0));
	ASSERT_TRUE(peer_read(&self->p, self->fd, 20));
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	peer_drain(&self->p, 10);
	state_is(ST_LAST_ACK);
}

/* Text is destroyed: the peer must not take silence for our FIN on its way. */
TEST_F(last_ack_unsent, abort_is_told)
{
	ROW("CLS-27");
	ASSERT_EQ(0, xt_reset(self->fd));
	expect_abort();
	listed_is(ST_NONE);
}

TEST_F(last_ack_unsent, dissolving_is_told_and_reported)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	ROW("CLS-27");
	ROW("API-10");
	ASSERT_EQ(0, connect(self->fd, &none, sizeof(none)));
	expect_abort();
	ASSERT_EQ(ECONNRESET, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

TEST_F(last_ack_unsent, rst_is_reported)
{
	ROW("CLS-33");
	send_seg(.flags = RST);
	ASSERT_EQ(ECONNRESET, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

/* ---- with text on its way ----------------------------------------------------------- */

WIRE_FIXTURE_ESTABLISHED(last_ack_text)

/* Whether the text has arrived nobody will ever know. */
TEST_F(last_ack_text, rst_is_reported)
{
	ROW("CLS-33");
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	state_is(ST_LAST_ACK);
	send_seg(.flags = RST);
	ASSERT_EQ(ECONNRESET, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

/* What was sent may have been lost, and would not be repeated: the peer is told. */
TEST_F(last_ack_text, close_with_unread_text_is_told)
{
	ROW("CLS-23");
	send_seg(.flags = FIN | ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	state_is(ST_LAST_ACK);
	close(self->fd);
	expect_abort();
	listed_is(ST_NONE);
	silence(1000);
}

/* Likewise where there is no place for an orphan. */
TEST_F(last_ack_text, orphan_beyond_the_limit_is_told)
{
	ROW("SEC-19");
	if (xt_is_control())
		SKIP(return, "net.ipv4.tcp_max_orphans cannot be set here");
	ASSERT_TRUE(peer_tunable("max_orphans", "0"));
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	close(self->fd);
	expect_abort();
	listed_is(ST_NONE);
	silence(1000);
}

TEST_HARNESS_MAIN
