// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two network namespaces with the same addresses, ports and numbers: neither knows of the
 * other. One scripted peer each, so that a segment meant for one can be shown to the other.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include "peer_test.h"

FIXTURE(namespaces)
{
	struct peer p, q;
	int p_net, q_net;
	int p_lfd, q_lfd;
	int fd;
};

FIXTURE_VARIANT(namespaces)
{
	int family;
};

FIXTURE_VARIANT_ADD(namespaces, v4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(namespaces, v6) { .family = AF_INET6 };

/* Sockets opened, tunables written and counters read from now on are that namespace's. */
#define enter(net)	must(!setns((net), CLONE_NEWNET))

FIXTURE_SETUP(namespaces)
{
	self->fd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p_net = open("/proc/thread-self/ns/net", O_RDONLY);
	ASSERT_LE(0, self->p_net);
	self->p_lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->p_lfd);
	ASSERT_TRUE(peer_open(&self->q, variant->family));
	self->q_net = open("/proc/thread-self/ns/net", O_RDONLY);
	ASSERT_LE(0, self->q_net);
	/* The same port: there is nothing it could be in conflict with. */
	self->q_lfd = peer_listen(&self->q, 16);
	ASSERT_LE(0, self->q_lfd);
}

FIXTURE_TEARDOWN(namespaces)
{
	peer_close(&self->p);
	peer_close(&self->q);
}

/* Both connections have one 4-tuple; what comes for one is nothing to the other. */
TEST_F(namespaces, same_connection_in_both)
{
	int p_fd, q_fd;

	ROW("SEC-20");
	p_fd = peer_established(&self->p, self->p_lfd);
	ASSERT_LE(0, p_fd);
	q_fd = peer_established(&self->q, self->q_lfd);
	ASSERT_LE(0, q_fd);
	ASSERT_EQ(1, peer_count_listed(&self->q, ST_ESTABLISHED));
	enter(self->p_net);
	ASSERT_EQ(1, peer_count_listed(&self->p, ST_ESTABLISHED));

	send_on(&self->p, .flags = ACK | PSH, .len = 10);
	expect_on(&self->p, .flags = ACK);
	must(peer_silence(&self->q, 300));
	ASSERT_TRUE(peer_read(&self->p, p_fd, 10));
	ASSERT_TRUE(peer_read_nothing(&self->q, q_fd));
	/* The end of one is not the end of both. */
	send_on(&self->p, .flags = RST);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 1000));
	enter(self->q_net);
	ASSERT_EQ(1, peer_count_listed(&self->q, ST_ESTABLISHED));
	send_on(&self->q, .flags = ACK | PSH, .len = 20);
	expect_on(&self->q, .flags = ACK);
	ASSERT_TRUE(peer_read(&self->q, q_fd, 20));
	must(peer_silence(&self->p, 300));
}

/* A listener and its half-open entries. */
TEST_F(namespaces, half_open_in_one)
{
	ROW("SEC-20");
	close(self->q_lfd);
	send_on(&self->q, .flags = SYN);
	expect_on(&self->q, .flags = RST | ACK, .any_seq = true);
	send_on(&self->p, .flags = SYN);
	expect_on(&self->p, .flags = SYN | ACK);
	ASSERT_EQ(0, peer_count_listed(&self->q, ST_SYN_RCVD));
	enter(self->p_net);
	ASSERT_EQ(1, peer_count_listed(&self->p, ST_SYN_RCVD));
	/* The ACK that would complete it, at a listener of the same port elsewhere. */
	enter(self->q_net);
	self->q_lfd = peer_listen(&self->q, 16);
	ASSERT_LE(0, self->q_lfd);
	self->q.snd_nxt = self->p.snd_nxt;
	self->q.rcv_nxt = self->p.rcv_nxt;
	send_on(&self->q, .flags = ACK);
	expect_on(&self->q, .flags = RST, .any_seq = true, .any_opts = true);
	ASSERT_FALSE(peer_poll(&self->q, self->q_lfd, POLLIN, 300));
	send_on(&self->p, .flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->p_lfd));
}

/* A cookie is good where it was made. Linux has one secret for the whole machine. */
TEST_F(namespaces, cookie_of_the_other)
{
	ROW("SEC-20");
	ASSERT_TRUE(peer_tunable("syncookies", "2"));
	enter(self->p_net);
	ASSERT_TRUE(peer_tunable("syncookies", "2"));
	send_on(&self->p, .flags = SYN);
	expect_on(&self->p, .flags = SYN | ACK, .any_opts = true);
	/* To the listener it is none. Here is what it needs to be one: the same peer, numbers. */
	self->q.ts_on = self->p.ts_on;
	self->q.ts_recent = self->p.ts_recent;
	self->q.iss = self->p.iss;
	self->q.snd_nxt = self->p.snd_nxt;
	self->q.rcv_nxt = self->p.rcv_nxt;
	send_on(&self->q, .flags = ACK);
	expect_on(&self->q, .flags = RST, .any_seq = true, .any_opts = true);
	ASSERT_FALSE(peer_poll(&self->q, self->q_lfd, POLLIN, 300));
	send_on(&self->p, .flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->p_lfd));
}

/*
 * The same 4-tuple has another first number: one namespace's tell nothing about another's.
 * Two numbers may be near each other by chance, four pairs are not.
 */
TEST_F(namespaces, first_numbers)
{
	int i, apart = 0;

	ROW("SEC-20");
	if (xt_is_control())
		SKIP(return, "TCP's first numbers do not depend on the namespace");
	for (i = 0; i < 4; i++) {
		struct peer p = peer_flow(&self->p, PEER_PORT + i);
		struct peer q = peer_flow(&self->q, PEER_PORT + i);
		int32_t gap;

		send_on(&p, .flags = SYN);
		expect_on(&p, .flags = SYN | ACK);
		send_on(&q, .flags = SYN);
		expect_on(&q, .flags = SYN | ACK);
		gap = p.irs - q.irs;
		/* The clock in them advances by 2^24 a second. */
		apart += gap < -(1 << 24) || gap > 1 << 24;
	}
	ASSERT_LE(1, apart);
}

/* TIME_WAIT here is no obstacle there, and nobody answers for the other. */
TEST_F(namespaces, time_wait_in_one)
{
	ROW("SEC-20");
	self->fd = peer_established(&self->p, self->p_lfd);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	expect_on(&self->p, .flags = FIN | ACK);
	send_on(&self->p, .flags = FIN | ACK);
	expect_on(&self->p, .flags = ACK);
	ASSERT_EQ(0, peer_count_listed(&self->q, ST_TIME_WAIT));
	enter(self->p_net);
	ASSERT_TRUE(peer_await_listed(&self->p, ST_TIME_WAIT, 0));
	self->q.snd_nxt = self->p.snd_nxt;
	self->q.rcv_nxt = self->p.rcv_nxt;
	send_on(&self->q, .flags = FIN | ACK, .seq = -1, .stray = true);
	expect_on(&self->q, .flags = RST, .any_seq = true, .any_opts = true);
	/* A SYN that TIME_WAIT would refuse: older than what it has seen. */
	peer_reset(&self->q, PEER_PORT, SERVER_PORT);
	self->q.iss = self->p.snd_nxt - 100000;
	self->q.snd_nxt = self->q.iss;
	self->q.ts_base = self->p.ts_base - 100000;
	enter(self->q_net);
	self->fd = peer_established(&self->q, self->q_lfd);
	ASSERT_LE(0, self->fd);
	must(peer_silence(&self->p, 300));
}

/* The first number of a file below /proc/sys; -1: cannot be read. */
static int tunable(const char *name)
{
	char path[200];
	int value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/%s%s",
		 xt_is_control() ? "ipv4/tcp_" : "xtcp/", name);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

/* Tunables are set, and counters count, in one. */
TEST_F(namespaces, tunables_and_counters)
{
	long p_errors, q_errors;
	int timeout;

	ROW("SEC-20");
	timeout = tunable("fin_timeout");
	ASSERT_LT(0, timeout);
	q_errors = peer_counter("InCsumErrors");
	ASSERT_LE(0, q_errors);
	enter(self->p_net);
	p_errors = peer_counter("InCsumErrors");
	ASSERT_TRUE(peer_tunable("fin_timeout", "7"));
	ASSERT_TRUE(peer_tunable("syn_retries", "1"));
	ASSERT_EQ(7, tunable("fin_timeout"));
	send_on(&self->p, .flags = SYN, .csum_xor = 1, .stray = true);
	must(peer_silence(&self->p, 300));
	ASSERT_EQ(p_errors + 1, peer_counter("InCsumErrors"));
	enter(self->q_net);
	ASSERT_EQ(timeout, tunable("fin_timeout"));
	ASSERT_EQ(6, tunable("syn_retries"));
	ASSERT_EQ(q_errors, peer_counter("InCsumErrors"));
}

TEST_HARNESS_MAIN
