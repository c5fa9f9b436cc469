// SPDX-License-Identifier: GPL-2.0-only
/*
 * LISTEN: what a listener answers, ignores and refuses (RFC 9293, 3.10.7.2).
 */
#include <fcntl.h>
#include <pthread.h>
#include "peer_test.h"

WIRE_FIXTURE_LISTENING(listen)

TEST_F(listen, syn_is_answered)
{
	ROW("HS-02");
	CELL("LISTEN", "RCV_SYN");
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	listed_is(ST_SYN_RCVD);
	ASSERT_EQ(1, peer_count_listed(&self->p, ST_SYN_RCVD));
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 500));
	ASSERT_EQ(-1, accept(self->lfd, NULL, NULL));
	ASSERT_EQ(EAGAIN, errno);
}

TEST_F(listen, rst_is_ignored)
{
	ROW("HS-16");
	CELL("LISTEN", "RCV_RST");
	send_seg(.flags = RST);
	send_seg(.flags = RST | ACK);
	send_seg(.flags = RST | SYN);
	silence(1500);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
	ASSERT_TRUE(peer_handshake(&self->p));
}

TEST_F(listen, ack_draws_rst)
{
	ROW("HS-16");
	self->p.rcv_nxt = 0x89abcdef;
	send_seg(.flags = ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
	send_seg(.flags = ACK, .len = 20, .stray = true);
	expect(.flags = RST, .seq = 0, .within = NOW);
	send_seg(.flags = FIN | ACK, .stray = true);
	expect(.flags = RST, .seq = 0, .within = NOW);
	send_seg(.flags = SYN | ACK, .stray = true);
	expect(.flags = RST, .seq = 0, .within = NOW);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
}

TEST_F(listen, neither_syn_ack_nor_rst_is_dropped)
{
	ROW("HS-16");
	send_seg(.flags = 0, .stray = true);
	send_seg(.flags = 0, .len = 10, .stray = true);
	send_seg(.flags = FIN, .stray = true);
	send_seg(.flags = PSH | URG, .urg = 1, .len = 1, .stray = true);
	silence(1500);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
}

TEST_F(listen, syn_fin_is_dropped)
{
	ROW("HS-17");
	send_seg(.flags = SYN | FIN, .stray = true);
	silence(1500);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 0));
	ASSERT_TRUE(peer_handshake(&self->p));
}

/* Whether the stack queues or discards the data, they are read once. */
TEST_F(listen, syn_with_data)
{
	ROW("HS-18");
	send_seg(.flags = SYN, .len = 10);
	must(peer_expect_either(&self->p, &(struct want){ .flags = SYN | ACK, .ack = -10 },
				&(struct want){ .flags = SYN | ACK }));
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 100));
	self->p.snd_nxt = self->p.iss + 1;
	send_seg(.flags = ACK | PSH, .len = 10);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	expect(.flags = ACK, .any_opts = true);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	send_seg(.flags = ACK | PSH, .len = 10, .seq = -10);
	expect(.flags = ACK, .any_opts = true);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
}

/* RFC 9293, 3.9.2.3 (MUST-57): the address must be this host's own, unicast. */
TEST_F(listen, broadcast_and_multicast_destination)
{
	static const char *const v4[] = {
		"255.255.255.255", "192.0.2.255", "192.0.2.0", "224.0.0.1", NULL
	};
	static const char *const v6[] = { "ff02::1", "ff01::1", "ff0e::1", NULL };
	const char *const *dst = variant->family == AF_INET6 ? v6 : v4;

	ROW("SEC-23");
	self->p.rcv_nxt = 1;
	for (; *dst; dst++) {
		send_seg(.flags = SYN, .dst = *dst, .stray = true);
		send_seg(.flags = ACK, .dst = *dst, .stray = true);
		send_seg(.flags = FIN, .dst = *dst, .stray = true);
	}
	silence(1500);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
}

/* RFC 9293, 3.9.2.3 (MUST-63). */
TEST_F(listen, invalid_source)
{
	static const char *const v4[] = {
		"224.0.0.1", "239.255.255.255", "255.255.255.255", "0.0.0.0", "0.1.2.3",
		"127.0.0.1", NULL
	};
	static const char *const v6[] = { "ff02::1", "ff0e::1", "::1", NULL };
	const char *const *src = variant->family == AF_INET6 ? v6 : v4;

	ROW("SEC-24");
	for (; *src; src++) {
		printf("# from %s\n", *src);
		send_seg(.flags = SYN, .src = *src, .stray = true);
		silence(300);
		ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
	}
}

/* Apart, because Linux lets these in: the subnet's broadcast, IPv6's unspecified address. */
TEST_F(listen, invalid_source_on_link)
{
	ROW("SEC-24");
	send_seg(.flags = SYN, .stray = true,
		 .src = variant->family == AF_INET6 ? "::" : "192.0.2.255");
	silence(500);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
}

TEST_F_TIMEOUT(listen, land_attack_is_bounded, 200)
{
	ROW("SEC-25");
	send_seg(.flags = SYN, .src = stack_ip(variant->family), .sport = SERVER_PORT,
		 .stray = true);
	ASSERT_GE(2, peer_drain(&self->p, 5000));
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_ESTABLISHED));
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 0));
	ASSERT_TRUE(peer_handshake(&self->p));
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	peer_pump(&self->p, 70000);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
}

TEST_F(listen, close_resets_unaccepted_children)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);

	ROW("LSN-24");
	ASSERT_TRUE(peer_handshake(&self->p));
	ASSERT_TRUE(peer_send_syn(&q));
	close(self->lfd);
	expect(.flags = RST | ACK, .within = NOW);
	silence(1500);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_NONE));
	/* Nobody listens any more. */
	send_on(&q, .flags = ACK);
	expect_on(&q, .flags = RST, .within = NOW);
}

/* What became of @q when its listener was closed: flags of the one segment it got. */
static int told(struct peer *p, struct peer *q, int n, uint8_t *flags)
{
	struct got seen;
	int i, got = 0;

	memset(flags, 0, n);
	while (peer_next(p, &seen, 50)) {
		for (i = 0; i < n && seen.dport != q[i].port; i++)
			;
		if (i == n || seen.bad || flags[i])
			return -1;
		/* Where the peer expects it, or it would not count (RFC 5961, 3). */
		if (seen.seq != q[i].rcv_nxt)
			return -1;
		flags[i] = seen.flags;
		got++;
	}
	return got;
}

/*
 * Waiting for accept(), two of them; waiting for room in its queue; and half open. False with
 * a message when it did not come to that.
 */
static bool four_kinds(struct peer *p, int *lfd, struct peer q[4])
{
	int i;

	close(*lfd);
	*lfd = peer_listen(p, 1);
	/* A bound of one half-open entry: a cookie would leave nothing behind. */
	if (*lfd < 0 || !peer_tunable("syncookies", "0"))
		return false;
	for (i = 0; i < 4; i++)
		q[i] = peer_flow(p, PEER_PORT + 1 + i);
	/* Two fit, one more than asked for. The third comes while there is room, and stays. */
	if (!peer_handshake(&q[0]) || !peer_send_syn(&q[1]) || listen(*lfd, 4) ||
	    !peer_send_syn(&q[2]) || !peer_send_syn(&q[3]) || listen(*lfd, 1))
		return false;
	send_on(&q[1], .flags = ACK);
	send_on(&q[2], .flags = ACK);
	return peer_count_listed(p, ST_ESTABLISHED) == 2 && peer_count_listed(p, ST_SYN_RCVD) == 2;
}

/* The first three think they are connected and get a RST each, the fourth when it asks. */
TEST_F(listen, close_tells_each_child_what_it_should)
{
	struct peer q[4];
	uint8_t flags[4];

	ROW("LSN-24");
	ROW("LSN-03");
	if (xt_is_control())
		SKIP(return, "TCP has no parked connections");
	ASSERT_TRUE(four_kinds(&self->p, &self->lfd, q));
	close(self->lfd);
	ASSERT_EQ(3, told(&self->p, q, 4, flags));
	ASSERT_EQ(RST | ACK, flags[0]);
	ASSERT_EQ(RST | ACK, flags[1]);
	ASSERT_EQ(RST, flags[2]);
	ASSERT_EQ(0, flags[3]);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_NONE));
	send_on(&q[3], .flags = ACK);
	expect_on(&q[3], .flags = RST, .within = NOW);
	silence(2000);
}

/* A child that has data nobody read, or whose peer has closed, is reset like any other. */
TEST_F(listen, close_resets_children_in_any_state)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);

	ROW("LSN-24");
	ASSERT_TRUE(peer_handshake(&self->p));
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_handshake(&q));
	send_on(&q, .flags = FIN | ACK);
	expect_on(&q, .flags = ACK);
	close(self->lfd);
	expect(.flags = RST | ACK, .within = NOW);
	expect_on(&q, .flags = RST | ACK, .within = NOW);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_NONE));
	silence(1000);
}

/* The other way to end listening, which leaves the descriptor. */
TEST_F(listen, shutdown_ends_it_and_listen_begins_anew)
{
	static const int ways[] = { SHUT_RD, SHUT_RDWR };
	unsigned int i;

	ROW("LSN-25");
	for (i = 0; i < 2; i++) {
		struct peer q = peer_flow(&self->p, PEER_PORT + 10 * i + 1);
		struct peer r = peer_flow(&self->p, PEER_PORT + 10 * i + 2);

		printf("# shutdown(%d)\n", ways[i]);
		must(peer_handshake(&q));
		must(peer_send_syn(&r));
		ASSERT_EQ(0, shutdown(self->lfd, ways[i]));
		/* Those in the queue are told, those half open are when they ask. */
		expect_on(&q, .flags = RST | ACK, .within = NOW);
		silence(4000);
		ASSERT_EQ(0, peer_count_listed(&self->p, ST_NONE));
		send_on(&r, .flags = ACK);
		expect_on(&r, .flags = RST, .within = NOW);
		r = peer_flow(&self->p, PEER_PORT + 10 * i + 3);
		send_on(&r, .flags = SYN);
		expect_on(&r, .flags = RST | ACK, .within = NOW);
		ASSERT_EQ(-1, accept(self->lfd, NULL, NULL));
		ASSERT_EQ(EINVAL, errno);
		ASSERT_EQ(0, peer_so_error(self->lfd));
		ASSERT_EQ(ST_CLOSED, peer_state(self->lfd));
		/* Again, on the port it is bound to. */
		ASSERT_EQ(0, listen(self->lfd, 16));
		r = peer_flow(&self->p, PEER_PORT + 10 * i + 4);
		must(peer_handshake(&r));
		self->fd = peer_accept(&r, self->lfd);
		ASSERT_LE(0, self->fd);
		send_on(&r, .flags = ACK | PSH, .len = 10);
		expect_on(&r, .flags = ACK);
		must(peer_read(&r, self->fd, 10));
		ASSERT_EQ(0, xt_reset(self->fd));
		expect_on(&r, .flags = RST | ACK, .within = NOW);
	}
	/* There is nothing to write to. */
	ASSERT_EQ(0, shutdown(self->lfd, SHUT_WR));
	ASSERT_EQ(ST_LISTEN, peer_state(self->lfd));
}

TEST_F(listen, shutdown_tells_each_child_what_it_should)
{
	struct peer q[4];
	uint8_t flags[4];
	int i;

	ROW("LSN-25");
	ROW("LSN-03");
	if (xt_is_control())
		SKIP(return, "TCP has no parked connections");
	ASSERT_TRUE(four_kinds(&self->p, &self->lfd, q));
	ASSERT_EQ(0, shutdown(self->lfd, SHUT_RDWR));
	ASSERT_EQ(3, told(&self->p, q, 4, flags));
	ASSERT_EQ(RST | ACK, flags[0]);
	ASSERT_EQ(RST | ACK, flags[1]);
	ASSERT_EQ(RST, flags[2]);
	ASSERT_EQ(0, flags[3]);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_NONE));
	/* Nothing of them is left to take the room of those who come now. */
	ASSERT_EQ(0, listen(self->lfd, 1));
	for (i = 0; i < 2; i++) {
		q[i] = peer_flow(&self->p, PEER_PORT + 11 + i);
		must(peer_handshake(&q[i]));
		ASSERT_LE(0, peer_accept(&q[i], self->lfd));
	}
	silence(2000);
}

#define WAITERS	3

/* A thread in accept(), and what that returned. */
struct waiter {
	pthread_t thread;
	int lfd;
	int fd, err;
};

static void *wait_for_client(void *arg)
{
	struct waiter *waiter = arg;

	waiter->fd = accept(waiter->lfd, NULL, NULL);
	waiter->err = errno;
	return NULL;
}

/* All of them sleep exclusively, and all of them must wake. */
TEST_F(listen, shutdown_wakes_those_in_accept)
{
	struct waiter waiters[WAITERS];
	int i;

	ROW("LSN-25");
	ASSERT_EQ(0, fcntl(self->lfd, F_SETFL, 0));
	for (i = 0; i < WAITERS; i++) {
		waiters[i].lfd = self->lfd;
		ASSERT_EQ(0, pthread_create(&waiters[i].thread, NULL, wait_for_client,
					    &waiters[i]));
	}
	peer_pump(&self->p, 200);
	ASSERT_EQ(0, shutdown(self->lfd, SHUT_RD));
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, pthread_join(waiters[i].thread, NULL));
		ASSERT_EQ(-1, waiters[i].fd);
		ASSERT_EQ(EINVAL, waiters[i].err);
	}
}

TEST_F(listen, two_peers_do_not_mix)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);
	int fd;

	ROW("HS-04");
	ASSERT_TRUE(peer_send_syn(&self->p));
	ASSERT_TRUE(peer_send_syn(&q));
	send_on(&q, .flags = ACK);
	fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, fd);
	listed_is(ST_SYN_RCVD);
	ASSERT_TRUE(peer_state_is(&q, fd, ST_ESTABLISHED));
	send_on(&q, .flags = ACK | PSH, .len = 30);
	expect_on(&q, .flags = ACK);
	ASSERT_TRUE(peer_read(&q, fd, 30));
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	listed_is(ST_ESTABLISHED);
}

TEST_HARNESS_MAIN
