// SPDX-License-Identifier: GPL-2.0-only
/* accept() and accept4(): flags, errno, addresses, inheritance, order. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(accept)

TEST_F(accept, flags)
{
	struct xt_addr addr;
	int lfd, fd, i;
	int clients[4];
	static const int flags[4] = {
		0, SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC,
	};

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	for (i = 0; i < 4; i++)
		clients[i] = ASSERT_FD(xt_dial(variant->family, &addr));
	for (i = 0; i < 4; i++) {
		fd = ASSERT_FD(accept4(lfd, NULL, NULL, flags[i]));
		EXPECT_EQ(!!(flags[i] & SOCK_NONBLOCK), !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
		EXPECT_EQ(!!(flags[i] & SOCK_CLOEXEC), !!(fcntl(fd, F_GETFD) & FD_CLOEXEC));
		close(fd);
		close(clients[i]);
	}
	EXPECT_ERR(EINVAL, accept4(lfd, NULL, NULL, 1));
	EXPECT_ERR(EINVAL, accept4(lfd, NULL, NULL, SOCK_STREAM | SOCK_NONBLOCK));
	close(lfd);
}

TEST_F(accept, not_listening)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int fd, client, server;

	ROW("API-06");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EINVAL, accept(fd, NULL, NULL));
	ASSERT_RET(0, xt_bind(fd, &addr));
	EXPECT_ERR(EINVAL, accept(fd, NULL, NULL));
	close(fd);
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_ERR(EINVAL, accept(client, NULL, NULL));
	EXPECT_ERR(EINVAL, accept(server, NULL, NULL));
	close(client);
	close(server);
}

TEST_F(accept, empty_nonblocking)
{
	struct xt_addr addr;
	int lfd;

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	ASSERT_RET(0, xt_nonblock(lfd));
	EXPECT_ERR(EAGAIN, accept(lfd, NULL, NULL));
	EXPECT_ERR(EAGAIN, accept4(lfd, NULL, NULL, SOCK_CLOEXEC));
	close(lfd);
}

TEST_F(accept, nonblock_not_inherited)
{
	struct xt_addr addr;
	int lfd, client, fd;

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	ASSERT_RET(0, xt_nonblock(lfd));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	ASSERT_EQ(POLLIN, xt_poll(lfd, POLLIN, XT_DEADLINE_MS));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	close(client);
	close(lfd);
}

TEST_F(accept, address)
{
	struct xt_addr addr, peer, name;
	int lfd, client, fd;

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	ASSERT_RET(0, xt_sockname(client, &name));
	memset(&peer, 0xff, sizeof(peer));
	peer.len = sizeof(peer.ss);
	fd = ASSERT_FD(accept(lfd, &peer.sa, &peer.len));
	EXPECT_TRUE(xt_addr_equal(&name, &peer));
	EXPECT_EQ(variant->family, peer.sa.sa_family);
	close(fd);
	close(client);
	close(lfd);
}

TEST_F(accept, address_truncated)
{
	struct xt_addr addr, name;
	uint8_t buf[sizeof(struct sockaddr_storage)];
	socklen_t len = 5;
	int lfd, client, fd;
	unsigned int i;

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	ASSERT_RET(0, xt_sockname(client, &name));
	memset(buf, 0xee, sizeof(buf));
	fd = ASSERT_FD(accept(lfd, (struct sockaddr *)buf, &len));
	EXPECT_EQ(name.len, len);
	EXPECT_EQ(0, memcmp(buf, &name.ss, 5));
	for (i = 5; i < sizeof(buf); i++)
		EXPECT_EQ(0xee, buf[i]);
	close(fd);
	close(client);
	close(lfd);
}

TEST_F(accept, address_bad)
{
	struct xt_addr addr;
	socklen_t len = -1;
	int lfd, client;

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	EXPECT_ERR(EINVAL, accept(lfd, &addr.sa, &len));
	close(client);
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	len = sizeof(addr.ss);
	EXPECT_ERR(EFAULT, accept(lfd, (struct sockaddr *)1, &len));
	close(client);
	close(lfd);
}

TEST_F(accept, state)
{
	struct xt_addr addr;
	int lfd, client, fd;

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(fd));
	EXPECT_EQ(TCP_LISTEN, xt_state(lfd));
	EXPECT_EQ(0, xt_so_error(fd));
	EXPECT_EQ(0, xt_get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(xt_ipproto(), xt_get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(variant->family, xt_get_int(fd, SOL_SOCKET, SO_DOMAIN));
	close(fd);
	close(client);
	close(lfd);
}

TEST_F(accept, in_order)
{
	struct xt_addr addr, name, peer;
	int clients[8];
	int lfd, fd, i;

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 8, &addr));
	for (i = 0; i < 8; i++)
		clients[i] = ASSERT_FD(xt_dial(variant->family, &addr));
	for (i = 0; i < 8; i++) {
		fd = ASSERT_FD(accept(lfd, NULL, NULL));
		ASSERT_RET(0, xt_sockname(clients[i], &name));
		ASSERT_RET(0, xt_peername(fd, &peer));
		EXPECT_TRUE(xt_addr_equal(&name, &peer));
		close(fd);
	}
	for (i = 0; i < 8; i++)
		close(clients[i]);
	close(lfd);
}

struct waiter {
	pthread_t thread;
	int lfd;
	int fd;
	int err;
};

static void *wait_accept(void *arg)
{
	struct waiter *waiter = arg;

	waiter->fd = accept(waiter->lfd, NULL, NULL);
	waiter->err = errno;
	return NULL;
}

TEST_F(accept, blocking_wakes)
{
	struct xt_addr addr;
	struct waiter waiter = { 0 };
	int client;

	ROW("API-06");
	waiter.lfd = ASSERT_FD(xt_listen(variant->family, 8, &addr));
	ASSERT_EQ(0, pthread_create(&waiter.thread, NULL, wait_accept, &waiter));
	xt_pause_ms(20);
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	pthread_join(waiter.thread, NULL);
	EXPECT_LE(0, waiter.fd);
	close(waiter.fd);
	close(client);
	close(waiter.lfd);
}

/* Shutting a listener down wakes who waits in accept(). */
TEST_F(accept, shutdown_wakes)
{
	struct xt_addr addr;
	struct waiter waiter = { 0 };

	ROW("API-06");
	waiter.lfd = ASSERT_FD(xt_listen(variant->family, 8, &addr));
	ASSERT_EQ(0, pthread_create(&waiter.thread, NULL, wait_accept, &waiter));
	xt_pause_ms(20);
	EXPECT_RET(0, shutdown(waiter.lfd, SHUT_RD));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(-1, waiter.fd);
	EXPECT_EQ(EINVAL, waiter.err);
	close(waiter.lfd);
}

TEST_F(accept, two_waiters)
{
	struct xt_addr addr;
	struct waiter waiters[2] = { 0 };
	int clients[2];
	int lfd, i;

	ROW("API-06");
	lfd = ASSERT_FD(xt_listen(variant->family, 8, &addr));
	for (i = 0; i < 2; i++) {
		waiters[i].lfd = lfd;
		ASSERT_EQ(0, pthread_create(&waiters[i].thread, NULL, wait_accept, &waiters[i]));
	}
	for (i = 0; i < 2; i++)
		clients[i] = ASSERT_FD(xt_dial(variant->family, &addr));
	for (i = 0; i < 2; i++) {
		pthread_join(waiters[i].thread, NULL);
		EXPECT_LE(0, waiters[i].fd);
		close(waiters[i].fd);
		close(clients[i]);
	}
	close(lfd);
}

TEST_F(accept, inherits_options)
{
	struct xt_addr addr;
	struct linger linger = { 0 };
	socklen_t len = sizeof(linger);
	int lfd, client, fd;

	ROW("API-07");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_OOBINLINE, 1));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_RCVLOWAT, 7));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_RCVBUF, 30000));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_SNDBUF, 30000));
	ASSERT_RET(0, xt_set_linger(lfd, 1, 17));
	ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_NODELAY, 1));
	ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_KEEPIDLE, 123));
	ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_KEEPINTVL, 12));
	ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_KEEPCNT, 5));
	ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_LINGER2, 33));
	ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_USER_TIMEOUT, 45000));
	ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_WINDOW_CLAMP, 20000));
	if (variant->family == AF_INET) {
		ASSERT_RET(0, xt_set_int(lfd, SOL_IP, IP_TOS, 0x28));
		ASSERT_RET(0, xt_set_int(lfd, SOL_IP, IP_TTL, 61));
	} else {
		ASSERT_RET(0, xt_set_int(lfd, SOL_IPV6, IPV6_TCLASS, 0x28));
		ASSERT_RET(0, xt_set_int(lfd, SOL_IPV6, IPV6_UNICAST_HOPS, 61));
	}
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_EQ(1, xt_get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(1, xt_get_int(fd, SOL_SOCKET, SO_OOBINLINE));
	EXPECT_EQ(7, xt_get_int(fd, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_EQ(60000, xt_get_int(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(60000, xt_get_int(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_RET(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(1, linger.l_onoff);
	EXPECT_EQ(17, linger.l_linger);
	EXPECT_EQ(1, xt_get_int(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_EQ(123, xt_get_int(fd, SOL_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(12, xt_get_int(fd, SOL_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(5, xt_get_int(fd, SOL_TCP, TCP_KEEPCNT));
	EXPECT_EQ(33, xt_get_int(fd, SOL_TCP, TCP_LINGER2));
	EXPECT_EQ(45000, xt_get_int(fd, SOL_TCP, TCP_USER_TIMEOUT));
	EXPECT_EQ(20000, xt_get_int(fd, SOL_TCP, TCP_WINDOW_CLAMP));
	if (variant->family == AF_INET) {
		EXPECT_EQ(0x28, xt_get_int(fd, SOL_IP, IP_TOS));
		EXPECT_EQ(61, xt_get_int(fd, SOL_IP, IP_TTL));
	} else {
		EXPECT_EQ(0x28, xt_get_int(fd, SOL_IPV6, IPV6_TCLASS));
		EXPECT_EQ(61, xt_get_int(fd, SOL_IPV6, IPV6_UNICAST_HOPS));
	}
	xt_set_linger(fd, 0, 0);
	close(fd);
	close(client);
	close(lfd);
}

/* Control message @type of @level as the options of the last packet have it, or -1. */
static int packet_option(int fd, int level, int name, int type)
{
	char control[512];
	struct msghdr msg = { .msg_control = control };
	socklen_t len = sizeof(control);
	struct cmsghdr *cmsg;
	int value;

	if (getsockopt(fd, level, name, control, &len))
		return -1;
	msg.msg_controllen = len;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		/* Of an in6_pktinfo, the index, which stands last. */
		if (cmsg->cmsg_level == level && cmsg->cmsg_type == type) {
			memcpy(&value, (char *)cmsg + cmsg->cmsg_len -
			       (type == IP_PKTINFO && level == SOL_IP ?
				sizeof(struct in_pktinfo) : sizeof(value)), sizeof(value));
			return value;
		}
	}
	return -1;
}

/* An accepted socket knows how the segment arrived that made it. */
TEST_F(accept, packet_options)
{
	bool v6 = variant->family == AF_INET6;
	int level = v6 ? SOL_IPV6 : SOL_IP;
	int name = v6 ? IPV6_2292PKTOPTIONS : IP_PKTOPTIONS;
	struct xt_addr addr;
	int lfd, client, fd;

	ROW("API-41");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(client, level, v6 ? IPV6_TCLASS : IP_TOS, 0x20));
	ASSERT_RET(0, xt_set_int(client, level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, 77));
	ASSERT_RET(0, xt_connect(client, &addr));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	ASSERT_RET(0, xt_set_int(fd, level, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1));
	ASSERT_RET(0, xt_set_int(fd, level, v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1));
	ASSERT_RET(0, xt_set_int(fd, level, v6 ? IPV6_RECVTCLASS : IP_RECVTOS, 1));
	EXPECT_EQ(1, packet_option(fd, level, name, v6 ? IPV6_PKTINFO : IP_PKTINFO));
	EXPECT_EQ(77, packet_option(fd, level, name, v6 ? IPV6_HOPLIMIT : IP_TTL));
	EXPECT_EQ(0x20, packet_option(fd, level, name, v6 ? IPV6_TCLASS : IP_TOS));
	close(client);
	close(fd);
	close(lfd);
}

static int ask_packet_options(int fd)
{
	return xt_set_int(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1) ?:
	       xt_set_int(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1) ?:
	       xt_set_int(fd, SOL_IPV6, IPV6_RECVTCLASS, 1);
}

/* A byte from @from, with another hop limit and traffic class, to @to. */
static bool send_unlike(int from, int to, int hops, int tclass)
{
	char byte;

	return !xt_set_int(from, SOL_IPV6, IPV6_UNICAST_HOPS, hops) &&
	       !xt_set_int(from, SOL_IPV6, IPV6_TCLASS, tclass) &&
	       send(from, "x", 1, 0) == 1 && recv(to, &byte, 1, 0) == 1;
}

/* In IPv6, either end tells of the last segment in order, once it has been asked to. */
TEST(accept__packet_options_follow)
{
	int name = IPV6_2292PKTOPTIONS, lfd, client, fd;
	struct xt_addr addr;

	ROW("API-41");
	ASSERT_RET(0, xt_netns());
	lfd = ASSERT_FD(xt_listen(AF_INET6, 4, &addr));
	ASSERT_RET(0, xt_set_int(lfd, SOL_IPV6, IPV6_UNICAST_HOPS, 77));
	client = ASSERT_FD(xt_socket(AF_INET6));
	ASSERT_RET(0, ask_packet_options(client));
	ASSERT_RET(0, xt_connect(client, &addr));
	EXPECT_EQ(1, packet_option(client, SOL_IPV6, name, IPV6_PKTINFO));
	EXPECT_EQ(77, packet_option(client, SOL_IPV6, name, IPV6_HOPLIMIT));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	ASSERT_TRUE(send_unlike(fd, client, 55, 0x20));
	EXPECT_EQ(55, packet_option(client, SOL_IPV6, name, IPV6_HOPLIMIT));
	EXPECT_EQ(0x20, packet_option(client, SOL_IPV6, name, IPV6_TCLASS));
	ASSERT_RET(0, ask_packet_options(fd));
	ASSERT_TRUE(send_unlike(client, fd, 44, 0x40));
	EXPECT_EQ(1, packet_option(fd, SOL_IPV6, name, IPV6_PKTINFO));
	EXPECT_EQ(44, packet_option(fd, SOL_IPV6, name, IPV6_HOPLIMIT));
	EXPECT_EQ(0x40, packet_option(fd, SOL_IPV6, name, IPV6_TCLASS));
	close(client);
	close(fd);
	close(lfd);
}

TEST_F(accept, inherits_congestion)
{
	char name[16] = "";
	struct xt_addr addr;
	socklen_t len = sizeof(name);
	int lfd, client, fd;

	ROW("API-07");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	ASSERT_RET(0, setsockopt(lfd, SOL_TCP, TCP_CONGESTION, "reno", 4));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_RET(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_STREQ("reno", name);
	close(fd);
	close(client);
	close(lfd);
}

TEST_F(accept, reset_before)
{
	struct xt_addr addr;
	int lfd, client, fd;
	char byte;

	ROW("API-08");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	ASSERT_RET(0, xt_reset(client));
	/* Still in the queue: the listener stays readable. */
	EXPECT_EQ(POLLIN, xt_poll(lfd, POLLIN, XT_DEADLINE_MS));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_ERR(ECONNRESET, recv(fd, &byte, 1, 0));
	EXPECT_RET(0, recv(fd, &byte, 1, 0));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	close(fd);
	close(lfd);
}

/* Data and end of file that came before accept() are there after it. */
TEST_F(accept, closed_before)
{
	struct xt_addr addr;
	int lfd, client, fd;
	char buf[8];

	ROW("API-08");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	EXPECT_RET(5, send(client, "hello", 5, 0));
	close(client);
	ASSERT_TRUE(XT_WAIT(xt_proc_count(variant->family, xt_port(&addr), TCP_CLOSE_WAIT) == 1));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_RET(5, recv(fd, buf, sizeof(buf), 0));
	EXPECT_RET(0, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(TCP_CLOSE_WAIT, xt_state(fd));
	close(fd);
	close(lfd);
}

TEST_HARNESS_MAIN
