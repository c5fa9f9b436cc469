// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keepalive and user timeout at their real values (RFC 9293, 3.8.3, 3.8.4; RFC 5482).
 */
#include "peer_test.h"

WIRE_FIXTURE_ESTABLISHED(keepalive)

static bool keepalive_on(int fd, int idle, int interval, int count)
{
	return peer_set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
	       (!idle || peer_set_int(fd, SOL_TCP, TCP_KEEPIDLE, idle)) &&
	       (!interval || peer_set_int(fd, SOL_TCP, TCP_KEEPINTVL, interval)) &&
	       (!count || peer_set_int(fd, SOL_TCP, TCP_KEEPCNT, count));
}

TEST_F_TIMEOUT(keepalive, off_by_default, 12000)
{
	ROW("KEEP-01");
	silence(10800000);
	state_is(ST_ESTABLISHED);
	ASSERT_TRUE(keepalive_on(self->fd, 5, 5, 3));
	expect(.flags = ACK, .seq = -1, .within = 6000);
}

/* Two hours, and an empty segment with SND.NXT - 1. */
TEST_F_TIMEOUT(keepalive, default_idle_time, 20000)
{
	ROW("KEEP-02");
	ROW("KEEP-03");
	ASSERT_TRUE(keepalive_on(self->fd, 0, 0, 0));
	peer_mark(&self->p);
	expect(.flags = ACK, .seq = -1, .at = 7200000);
	send_seg(.flags = ACK);
	expect(.flags = ACK, .seq = -1, .gap = 7200000);
}

TEST_F_TIMEOUT(keepalive, traffic_postpones_the_probe, 60)
{
	ROW("KEEP-02");
	ROW("KEEP-05");
	ASSERT_TRUE(keepalive_on(self->fd, 5, 5, 3));
	peer_pump(&self->p, 3000);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	peer_mark(&self->p);
	expect(.flags = ACK, .seq = -1, .at = 5000);
}

/* Nothing comes back: three probes, then reset and ETIMEDOUT. */
TEST_F_TIMEOUT(keepalive, dead_peer, 60)
{
	ROW("KEEP-04");
	ASSERT_TRUE(keepalive_on(self->fd, 2, 1, 3));
	peer_mark(&self->p);
	expect(.flags = ACK, .seq = -1, .at = 2000);
	expect(.flags = ACK, .seq = -1, .gap = 1000);
	expect(.flags = ACK, .seq = -1, .gap = 1000);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLIN, 1500));
	ASSERT_EQ(ETIMEDOUT, peer_read_errno(&self->p, self->fd));
	ASSERT_EQ(0, peer_read_errno(&self->p, self->fd));
	expect(.flags = RST | ACK, .within = NOW);
	listed_is(ST_NONE);
}

TEST_F_TIMEOUT(keepalive, one_answer_is_enough, 60)
{
	int i;

	ROW("KEEP-05");
	ASSERT_TRUE(keepalive_on(self->fd, 2, 1, 3));
	for (i = 0; i < 4; i++) {
		expect(.flags = ACK, .seq = -1, .within = 3000);
		expect(.flags = ACK, .seq = -1, .within = 1500);
		send_seg(.flags = ACK);
	}
	state_is(ST_ESTABLISHED);
	ASSERT_EQ(0, peer_so_error(self->fd));
}

/* Data outstanding: retransmission asks already. */
TEST_F_TIMEOUT(keepalive, no_probe_while_data_is_outstanding, 60)
{
	struct got seen;
	int i;

	ROW("KEEP-02");
	ASSERT_TRUE(keepalive_on(self->fd, 1, 1, 3));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(peer_next(&self->p, &seen, 10000));
		ASSERT_EQ(100, seen.len);
	}
}

TEST_F_TIMEOUT(keepalive, user_timeout_on_data, 60)
{
	uint64_t start, took;
	struct got seen;

	ROW("KEEP-07");
	ROW("LOSS-12");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 5000));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	start = self->p.last_us;
	while (!peer_poll(&self->p, self->fd, POLLERR, 100)) {
		ASSERT_GT(20000000, peer_now_us() - start);
	}
	took = (peer_now_us() - start) / 1000;
	ASSERT_LE(4900, took);
	ASSERT_GE(6300, took);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	while (peer_next(&self->p, &seen, 0)) {
		ASSERT_EQ(100, seen.len);
	}
	listed_is(ST_NONE);
}

TEST_F_TIMEOUT(keepalive, user_timeout_on_zero_window, 60)
{
	uint64_t start, took;

	ROW("KEEP-07");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 3000));
	ASSERT_TRUE(peer_lower_window(&self->p, 0));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	start = peer_now_us();
	while (!peer_poll(&self->p, self->fd, POLLERR, 50)) {
		ASSERT_GT(20000000, peer_now_us() - start);
		/* Answered probes do not help: the window stays closed. */
		if (peer_drain(&self->p, 0))
			send_seg(.flags = ACK);
	}
	took = (peer_now_us() - start) / 1000;
	ASSERT_LE(2900, took);
	ASSERT_GE(5000, took);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
}

/* A socket with a deadline: it counts, not the number of probes. */
TEST_F_TIMEOUT(keepalive, user_timeout_overrides_the_count, 60)
{
	ROW("KEEP-07");
	ASSERT_TRUE(keepalive_on(self->fd, 2, 1, 9));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 3000));
	peer_mark(&self->p);
	expect(.flags = ACK, .seq = -1, .at = 2000);
	expect(.flags = RST | ACK, .at = 3000);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

/* Fewer probes than the time allows do not end it either. */
TEST_F_TIMEOUT(keepalive, user_timeout_outlasts_the_count, 60)
{
	int i;

	ROW("KEEP-07");
	ASSERT_TRUE(keepalive_on(self->fd, 1, 1, 2));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 6000));
	peer_mark(&self->p);
	for (i = 1; i <= 5; i++)
		expect(.flags = ACK, .seq = -1, .at = i * 1000);
	expect(.flags = RST | ACK, .at = 6000);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
}

/* The interval of probes, 75 s, does not put the deadline off. Linux waits it out. */
TEST_F_TIMEOUT(keepalive, user_timeout_within_the_interval, 200)
{
	ROW("KEEP-07");
	ASSERT_TRUE(keepalive_on(self->fd, 2, 0, 0));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 3000));
	peer_mark(&self->p);
	expect(.flags = ACK, .seq = -1, .at = 2000);
	expect(.flags = RST | ACK, .at = 3000);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
}

/* An answered probe starts the idle time anew, deadline or not. */
TEST_F_TIMEOUT(keepalive, user_timeout_and_a_live_peer, 60)
{
	int i;

	ROW("KEEP-07");
	ROW("KEEP-05");
	ASSERT_TRUE(keepalive_on(self->fd, 2, 1, 1));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 3000));
	for (i = 0; i < 5; i++) {
		expect(.flags = ACK, .seq = -1, .within = 2600);
		send_seg(.flags = ACK);
	}
	state_is(ST_ESTABLISHED);
}

/* TCP_KEEPIDLE counts from the last segment received, not from the call. */
TEST_F_TIMEOUT(keepalive, idle_time_changed_on_an_idle_connection, 60)
{
	ROW("KEEP-01");
	ROW("KEEP-02");
	ASSERT_TRUE(keepalive_on(self->fd, 0, 1, 3));
	peer_mark(&self->p);
	silence(6000);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_KEEPIDLE, 8));
	expect(.flags = ACK, .seq = -1, .at = 8000);
	send_seg(.flags = ACK);
	silence(6000);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_KEEPIDLE, 3));
	expect(.flags = ACK, .seq = -1, .within = 50);
}

TEST_F_TIMEOUT(keepalive, switched_off_on_a_live_connection, 60)
{
	ROW("KEEP-01");
	ASSERT_TRUE(keepalive_on(self->fd, 2, 1, 3));
	expect(.flags = ACK, .seq = -1, .within = 2600);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_KEEPALIVE, 0));
	silence(30000);
	state_is(ST_ESTABLISHED);
	ASSERT_TRUE(keepalive_on(self->fd, 2, 1, 3));
	expect(.flags = ACK, .seq = -1, .within = 2600);
}

/*
 * The window shrank to nothing under data in flight, and the peer keeps answering: the
 * deadline counts all the same.
 */
TEST_F_TIMEOUT(keepalive, user_timeout_on_a_shrunk_window, 60)
{
	uint64_t start;
	struct got seen;

	ROW("KEEP-07");
	ROW("DATA-23");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 3000));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	start = self->p.last_us;
	self->p.win = 0;
	/* In a segment newer than the last, or the window would not be believed. */
	send_seg(.flags = ACK | PSH, .len = 10, .ack = -100);
	while (!peer_poll(&self->p, self->fd, POLLERR, 10)) {
		ASSERT_GT(20000000, peer_now_us() - start);
		while (peer_next(&self->p, &seen, 0))
			send_seg(.flags = ACK, .ack = -100);
	}
	ASSERT_LE(2900000, peer_now_us() - start);
	ASSERT_GE(5000000, peer_now_us() - start);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
}

TEST_HARNESS_MAIN
