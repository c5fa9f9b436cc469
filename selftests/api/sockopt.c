// SPDX-License-Identifier: GPL-2.0-only
/* setsockopt() and getsockopt(): SOL_SOCKET, SOL_TCP, SOL_IP, SOL_IPV6; numbers, ranges, errno. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(sockopt)

static int set(int fd, int level, int name, int value)
{
	return xt_set_int(fd, level, name, value);
}

static int get(int fd, int level, int name)
{
	return xt_get_int(fd, level, name);
}

/* --- SOL_SOCKET ------------------------------------------------------------- */

TEST_F(sockopt, error_cleared)
{
	struct xt_addr addr = xt_loopback(variant->family, xt_closed_port(variant->family));
	int client, server, fd;

	ROW("API-28");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_reset(server));
	ASSERT_TRUE(xt_wait_state(client, TCP_CLOSE));
	EXPECT_EQ(ECONNRESET, xt_so_error(client));
	EXPECT_EQ(0, xt_so_error(client));
	close(client);
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_TRUE(xt_poll(fd, 0, XT_DEADLINE_MS) & POLLERR);
	EXPECT_EQ(ECONNREFUSED, xt_so_error(fd));
	EXPECT_EQ(0, xt_so_error(fd));
	close(fd);
}

TEST_F(sockopt, identity)
{
	struct xt_addr addr;
	int lfd, client, server;

	ROW("API-28");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	EXPECT_EQ(1, get(lfd, SOL_SOCKET, SO_ACCEPTCONN));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_EQ(0, get(client, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(0, get(server, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(SOCK_STREAM, get(server, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(variant->family, get(server, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(xt_ipproto(), get(server, SOL_SOCKET, SO_PROTOCOL));
	/* These can only be read. */
	EXPECT_ERR(ENOPROTOOPT, set(client, SOL_SOCKET, SO_ERROR, 0));
	EXPECT_ERR(ENOPROTOOPT, set(client, SOL_SOCKET, SO_TYPE, 1));
	EXPECT_ERR(ENOPROTOOPT, set(client, SOL_SOCKET, SO_DOMAIN, 1));
	EXPECT_ERR(ENOPROTOOPT, set(client, SOL_SOCKET, SO_PROTOCOL, 1));
	close(client);
	close(server);
	close(lfd);
}

TEST_F(sockopt, flags)
{
	static const int names[] = {
		SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_OOBINLINE, SO_DONTROUTE,
		SO_DEBUG, SO_TIMESTAMP, SO_LOCK_FILTER,
	};
	int fd;
	unsigned int i;

	ROW("API-31");
	fd = ASSERT_FD(xt_socket(variant->family));
	for (i = 0; i < sizeof(names) / sizeof(names[0]) - 1; i++) {
		EXPECT_EQ(0, get(fd, SOL_SOCKET, names[i])) TH_LOG("option %d", names[i]);
		EXPECT_EQ(0, set(fd, SOL_SOCKET, names[i], 1)) TH_LOG("option %d", names[i]);
		EXPECT_EQ(1, get(fd, SOL_SOCKET, names[i])) TH_LOG("option %d", names[i]);
		EXPECT_EQ(0, set(fd, SOL_SOCKET, names[i], 0)) TH_LOG("option %d", names[i]);
		EXPECT_EQ(0, get(fd, SOL_SOCKET, names[i])) TH_LOG("option %d", names[i]);
	}
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_PRIORITY, 5));
	EXPECT_EQ(5, get(fd, SOL_SOCKET, SO_PRIORITY));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_MARK, 77));
	EXPECT_EQ(77, get(fd, SOL_SOCKET, SO_MARK));
	EXPECT_ERR(ENOPROTOOPT, set(fd, SOL_SOCKET, 4095, 1));
	EXPECT_EQ(-ENOPROTOOPT, get(fd, SOL_SOCKET, 4095));
	close(fd);
}

TEST_F(sockopt, linger)
{
	struct linger linger = { -1, -1 };
	socklen_t len = sizeof(linger);
	int fd;

	ROW("CLS-25");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(0, linger.l_onoff);
	EXPECT_RET(0, xt_set_linger(fd, 1, 12));
	EXPECT_RET(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(1, linger.l_onoff);
	EXPECT_EQ(12, linger.l_linger);
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4));
	close(fd);
}

/* Doubled, floored, capped; the FORCE forms break the cap for who may. */
TEST_F(sockopt, buffers)
{
	int fd, max;

	ROW("API-29");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_RCVBUF, 40000));
	EXPECT_EQ(80000, get(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_SNDBUF, 40000));
	EXPECT_EQ(80000, get(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_RCVBUF, 1));
	EXPECT_LE(2048, get(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_GE(4096, get(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_SNDBUF, 1));
	EXPECT_LE(4096, get(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_GE(8192, get(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_RCVBUF, 1 << 30));
	max = get(fd, SOL_SOCKET, SO_RCVBUF);
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_RCVBUFFORCE, max));
	EXPECT_EQ(2 * max, get(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_SNDBUFFORCE, max));
	EXPECT_EQ(2 * max, get(fd, SOL_SOCKET, SO_SNDBUF));
	ASSERT_RET(0, seteuid(65534));
	EXPECT_ERR(EPERM, set(fd, SOL_SOCKET, SO_RCVBUFFORCE, max));
	EXPECT_ERR(EPERM, set(fd, SOL_SOCKET, SO_SNDBUFFORCE, max));
	ASSERT_RET(0, seteuid(0));
	close(fd);
}

TEST_F(sockopt, default_buffers)
{
	int fd;

	ROW("API-29");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_EQ(131072, get(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(16384, get(fd, SOL_SOCKET, SO_SNDBUF));
	close(fd);
}

TEST_F(sockopt, low_water)
{
	int fd;

	ROW("API-30");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_EQ(1, get(fd, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_RCVLOWAT, 1000));
	EXPECT_EQ(1000, get(fd, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_RET(0, set(fd, SOL_SOCKET, SO_RCVLOWAT, 0));
	EXPECT_EQ(1, get(fd, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_EQ(1, get(fd, SOL_SOCKET, SO_SNDLOWAT));
	EXPECT_ERR(ENOPROTOOPT, set(fd, SOL_SOCKET, SO_SNDLOWAT, 10));
	close(fd);
}

TEST_F(sockopt, bind_to_device)
{
	struct xt_addr addr, to = xt_hole_addr(variant->family, 7);
	char name[16] = "";
	socklen_t len = sizeof(name);
	int tun, lfd, fd;

	ROW("API-31");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(ENODEV, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nosuch", 7));
	EXPECT_RET(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	EXPECT_RET(0, getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	EXPECT_STREQ("lo", name);
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	EXPECT_TRUE(xt_wait_revents(fd, XT_POLL_WRITE));
	close(fd);
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_RET(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "hole", 5));
	xt_hole_count(tun, 0);
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	EXPECT_EQ(1, xt_hole_count(tun, 1));
	close(fd);
	close(lfd);
	close(tun);
}

/* --- lengths and levels ------------------------------------------------------- */

TEST_F(sockopt, arguments)
{
	void *volatile nowhere = (void *)1;
	int fd, value = 1;
	socklen_t len = -1;
	char byte = 0x55;

	ROW("API-31");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 3));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_TCP, TCP_NODELAY, &value, 3));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_TCP, TCP_NODELAY, &value, 0));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_TCP, TCP_NODELAY, &value, -1));
	EXPECT_ERR(EFAULT, setsockopt(fd, SOL_TCP, TCP_NODELAY, nowhere, sizeof(value)));
	EXPECT_ERR(EINVAL, getsockopt(fd, SOL_TCP, TCP_NODELAY, &value, &len));
	len = sizeof(value);
	EXPECT_ERR(EFAULT, getsockopt(fd, SOL_TCP, TCP_NODELAY, nowhere, &len));
	/* A longer value is read as far as it is known, a shorter buffer is filled. */
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_NODELAY, 1));
	len = 1;
	EXPECT_RET(0, getsockopt(fd, SOL_TCP, TCP_NODELAY, &byte, &len));
	EXPECT_EQ(1, byte);
	EXPECT_EQ(1, len);
	EXPECT_ERR(ENOPROTOOPT, set(fd, SOL_TCP, 999, 1));
	EXPECT_EQ(-ENOPROTOOPT, get(fd, SOL_TCP, 999));
	EXPECT_ERR(ENOPROTOOPT, set(fd, 12345, 1, 1));
	EXPECT_EQ(variant->family == AF_INET ? -EOPNOTSUPP : -ENOPROTOOPT, get(fd, 12345, 1));
	if (variant->family == AF_INET)
		EXPECT_EQ(-EOPNOTSUPP, get(fd, SOL_IPV6, IPV6_V6ONLY));
	EXPECT_ERR(ENOPROTOOPT, set(fd, SOL_IP, 999, 1));
	close(fd);
}

/* A stream has no group. */
TEST_F(sockopt, multicast)
{
	struct ipv6_mreq mreq6 = { .ipv6mr_multiaddr = { { { 0xff, 2, [15] = 0x77 } } } };
	struct ip_mreq mreq = { .imr_multiaddr.s_addr = htonl(0xe0010101) };
	int fd;

	ROW("API-31");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EPROTO, setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)));
	EXPECT_ERR(EPROTO, setsockopt(fd, SOL_IP, IP_DROP_MEMBERSHIP, &mreq, sizeof(mreq)));
	EXPECT_ERR(EPROTO, set(fd, SOL_IP, IP_ADD_MEMBERSHIP, 1));
	if (variant->family == AF_INET6) {
		EXPECT_ERR(EINVAL, set(fd, SOL_IPV6, IPV6_ADD_MEMBERSHIP, 1));
		EXPECT_ERR(EPROTO, setsockopt(fd, SOL_IPV6, IPV6_ADD_MEMBERSHIP, &mreq6,
					      sizeof(mreq6)));
		EXPECT_ERR(EPROTO, setsockopt(fd, SOL_IPV6, IPV6_DROP_MEMBERSHIP, &mreq6,
					      sizeof(mreq6)));
	}
	close(fd);
}

/* --- SOL_TCP -------------------------------------------------------------------- */

TEST_F(sockopt, tcp_defaults)
{
	int fd;

	ROW("API-31");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_CORK));
	EXPECT_EQ(7200, get(fd, SOL_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(75, get(fd, SOL_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(9, get(fd, SOL_TCP, TCP_KEEPCNT));
	EXPECT_EQ(6, get(fd, SOL_TCP, TCP_SYNCNT));
	EXPECT_EQ(60, get(fd, SOL_TCP, TCP_LINGER2));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_DEFER_ACCEPT));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_WINDOW_CLAMP));
	EXPECT_EQ(1, get(fd, SOL_TCP, TCP_QUICKACK));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_USER_TIMEOUT));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_FASTOPEN));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_FASTOPEN_CONNECT));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_NOTSENT_LOWAT));
	EXPECT_EQ(0, get(fd, SOL_TCP, TCP_INQ));
	/* Without a connection, the default of RFC 9293. */
	EXPECT_EQ(536, get(fd, SOL_TCP, TCP_MAXSEG));
	close(fd);
}

TEST_F(sockopt, tcp_set_and_get)
{
	static const struct {
		int name;
		int value;
	} table[] = {
		{ TCP_NODELAY, 1 }, { TCP_CORK, 1 }, { TCP_KEEPIDLE, 111 },
		{ TCP_KEEPINTVL, 22 }, { TCP_KEEPCNT, 33 }, { TCP_SYNCNT, 4 },
		{ TCP_LINGER2, 55 }, { TCP_WINDOW_CLAMP, 66666 },
		{ TCP_USER_TIMEOUT, 77777 }, { TCP_NOTSENT_LOWAT, 88888 }, { TCP_INQ, 1 },
	};
	unsigned int i;
	int fd;

	ROW("API-31");
	fd = ASSERT_FD(xt_socket(variant->family));
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		EXPECT_EQ(0, set(fd, SOL_TCP, table[i].name, table[i].value))
			TH_LOG("option %d", table[i].name);
		EXPECT_EQ(table[i].value, get(fd, SOL_TCP, table[i].name))
			TH_LOG("option %d", table[i].name);
	}
	close(fd);
}

/* The options work on a connection as well, and do not disturb it. */
TEST_F(sockopt, tcp_connected)
{
	int client, server;
	char byte;

	ROW("API-31");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(0, set(client, SOL_TCP, TCP_NODELAY, 1));
	EXPECT_RET(0, set(client, SOL_TCP, TCP_QUICKACK, 0));
	EXPECT_EQ(0, get(client, SOL_TCP, TCP_QUICKACK));
	EXPECT_RET(0, set(client, SOL_TCP, TCP_QUICKACK, 1));
	EXPECT_EQ(1, get(client, SOL_TCP, TCP_QUICKACK));
	EXPECT_RET(0, set(client, SOL_TCP, TCP_KEEPIDLE, 10));
	EXPECT_RET(0, set(client, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_RET(0, set(client, SOL_TCP, TCP_KEEPIDLE, 20));
	EXPECT_RET(0, set(client, SOL_TCP, TCP_CORK, 1));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_RET(0, set(client, SOL_TCP, TCP_CORK, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

TEST_F(sockopt, tcp_ranges)
{
	int fd;

	ROW("API-32");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_MAXSEG, 87));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_MAXSEG, 88));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_MAXSEG, 32767));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_MAXSEG, 32768));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_MAXSEG, -1));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_MAXSEG, 0));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_KEEPIDLE, 0));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_KEEPIDLE, 1));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_KEEPIDLE, 32767));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_KEEPIDLE, 32768));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_KEEPINTVL, 0));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_KEEPINTVL, 1));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_KEEPINTVL, 32767));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_KEEPINTVL, 32768));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_KEEPCNT, 0));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_KEEPCNT, 1));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_KEEPCNT, 127));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_KEEPCNT, 128));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_SYNCNT, 0));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_SYNCNT, 1));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_SYNCNT, 127));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_SYNCNT, 128));
	EXPECT_ERR(EINVAL, set(fd, SOL_TCP, TCP_USER_TIMEOUT, -1));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_USER_TIMEOUT, 0));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_USER_TIMEOUT, 0x7fffffff));
	close(fd);
}

/* What TCP's numbers up to 37 stand for; what is not here xtcp does not know. */
static const struct {
	int name;
	bool set, get;
} supported[] = {
	{ TCP_NODELAY, true, true }, { TCP_MAXSEG, true, true }, { TCP_CORK, true, true },
	{ TCP_KEEPIDLE, true, true }, { TCP_KEEPINTVL, true, true },
	{ TCP_KEEPCNT, true, true }, { TCP_SYNCNT, true, true }, { TCP_LINGER2, true, true },
	{ TCP_DEFER_ACCEPT, true, true }, { TCP_WINDOW_CLAMP, true, true },
	{ TCP_INFO, false, true }, { TCP_QUICKACK, true, true }, { TCP_CONGESTION, true, true },
	{ TCP_USER_TIMEOUT, true, true }, { TCP_FASTOPEN, true, true },
	{ TCP_NOTSENT_LOWAT, true, true }, { TCP_CC_INFO, false, true },
	{ TCP_FASTOPEN_CONNECT, true, true }, { TCP_INQ, true, true },
};

/* An option is there, both ways, or it is ENOPROTOOPT: nothing between. */
TEST_F(sockopt, tcp_every_number)
{
	uint8_t value[512];
	bool can_set, can_get;
	int name, fd, err;
	socklen_t len;
	unsigned int i;

	ROW("API-31");
	if (xt_is_control())
		SKIP(return, "TCP has more options than xtcp");
	fd = ASSERT_FD(xt_socket(variant->family));
	for (name = -1; name <= 100; name++) {
		can_set = can_get = false;
		for (i = 0; i < sizeof(supported) / sizeof(supported[0]); i++) {
			if (supported[i].name == name) {
				can_set = supported[i].set;
				can_get = supported[i].get;
			}
		}
		memset(value, 0, sizeof(value));
		len = sizeof(value);
		err = getsockopt(fd, SOL_TCP, name, value, &len) ? errno : 0;
		EXPECT_EQ(can_get ? 0 : ENOPROTOOPT, err) TH_LOG("getting option %d", name);
		/* What was read may be written back, if anything may be written at all. */
		if (!can_get)
			len = sizeof(int);
		err = setsockopt(fd, SOL_TCP, name, value, len) ? errno : 0;
		if (name == TCP_CC_INFO)	/* it has no length, and that is found first */
			err = setsockopt(fd, SOL_TCP, name, value, sizeof(int)) ? errno : 0;
		EXPECT_EQ(can_set ? 0 : ENOPROTOOPT, err) TH_LOG("setting option %d", name);
	}
	close(fd);
}

TEST_F(sockopt, tcp_linger2)
{
	int fd;

	ROW("API-31");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_LINGER2, 120));
	EXPECT_EQ(120, get(fd, SOL_TCP, TCP_LINGER2));
	/* Longer than the longest means the longest, negative means not at all. */
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_LINGER2, 1000));
	EXPECT_EQ(120, get(fd, SOL_TCP, TCP_LINGER2));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_LINGER2, -5));
	EXPECT_EQ(-1, get(fd, SOL_TCP, TCP_LINGER2));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_LINGER2, 0));
	EXPECT_EQ(60, get(fd, SOL_TCP, TCP_LINGER2));
	close(fd);
}

TEST_F(sockopt, tcp_maxseg)
{
	struct xt_addr addr;
	int lfd, fd, server;

	ROW("API-33");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, set(fd, SOL_TCP, TCP_MAXSEG, 500));
	/* Until there is a connection what was set reads back. */
	EXPECT_EQ(500, get(fd, SOL_TCP, TCP_MAXSEG));
	ASSERT_RET(0, xt_connect(fd, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	/* Timestamps take 12 bytes of each segment. */
	EXPECT_EQ(488, get(fd, SOL_TCP, TCP_MAXSEG));
	EXPECT_EQ(488, get(server, SOL_TCP, TCP_MAXSEG));
	close(fd);
	close(server);
	close(lfd);
}

TEST_F(sockopt, tcp_congestion)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	int fd;

	ROW("API-31");
	ROW("CC-12");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_NE('\0', name[0]);
	EXPECT_EQ(16, len);
	EXPECT_RET(0, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "reno", 4));
	len = sizeof(name);
	EXPECT_RET(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_STREQ("reno", name);
	EXPECT_ERR(ENOENT, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "nosuchcc", 8));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "", 0));
	len = sizeof(name);
	EXPECT_RET(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_STREQ("reno", name);
	close(fd);
}

TEST_F(sockopt, tcp_inq)
{
	char buf[4], control[64];
	struct iovec iov = { buf, 2 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int client, server, left = -1;

	ROW("API-31");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, set(server, SOL_TCP, TCP_INQ, 1));
	EXPECT_RET(5, send(client, "abcde", 5, 0));
	ASSERT_TRUE(xt_wait_unread(server, 5));
	EXPECT_RET(2, recvmsg(server, &msg, 0));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	EXPECT_EQ(SOL_TCP, cmsg->cmsg_level);
	EXPECT_EQ(TCP_CM_INQ, cmsg->cmsg_type);
	memcpy(&left, CMSG_DATA(cmsg), sizeof(left));
	EXPECT_EQ(3, left);
	close(client);
	close(server);
}

/* The kernel's layout, cut to the length the caller has. */
TEST_F(sockopt, tcp_info)
{
	struct tcp_info info;
	uint8_t part[8];
	socklen_t len;
	char byte;
	int fd, client, server;

	ROW("API-34");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	close(fd);
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_TRUE(XT_WAIT(xt_unacked(client) == 0));
	memset(&info, 0xff, sizeof(info));
	len = sizeof(info);
	EXPECT_RET(0, getsockopt(client, SOL_TCP, TCP_INFO, &info, &len));
	EXPECT_EQ(sizeof(info), len);
	EXPECT_EQ(TCP_ESTABLISHED, info.tcpi_state);
	EXPECT_EQ(0, info.tcpi_ca_state);
	EXPECT_EQ(0, info.tcpi_retransmits);
	EXPECT_EQ(0, info.tcpi_probes);
	EXPECT_EQ(0, info.tcpi_backoff);
	EXPECT_EQ(TCPI_OPT_TIMESTAMPS, info.tcpi_options & TCPI_OPT_TIMESTAMPS);
	EXPECT_EQ(TCPI_OPT_WSCALE, info.tcpi_options & TCPI_OPT_WSCALE);
	EXPECT_LE(200000, info.tcpi_rto);
	EXPECT_GE(2000000, info.tcpi_rto);
	EXPECT_EQ(0, info.tcpi_unacked);
	EXPECT_EQ(0, info.tcpi_lost);
	EXPECT_EQ(0, info.tcpi_retrans);
	EXPECT_LT(0, info.tcpi_rtt);
	EXPECT_GE(1000000, info.tcpi_rtt);
	/* RFC 6928 allows ten segments of Ethernet, two of those of loopback. */
	EXPECT_LE(2, info.tcpi_snd_cwnd);
	EXPECT_LT(500, info.tcpi_snd_mss);
	EXPECT_LT(500, info.tcpi_advmss);
	EXPECT_LT(1279, info.tcpi_pmtu);
	EXPECT_EQ(0, info.tcpi_total_retrans);
	len = sizeof(part);
	EXPECT_RET(0, getsockopt(client, SOL_TCP, TCP_INFO, part, &len));
	EXPECT_EQ(sizeof(part), len);
	EXPECT_EQ(0, memcmp(part, &info, 6));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_TRUE(xt_wait_state(client, TCP_FIN_WAIT2));
	EXPECT_TRUE(xt_wait_state(server, TCP_CLOSE_WAIT));
	close(client);
	close(server);
}

/* Byte and segment counters of the kernel's longer structure. */
TEST_F(sockopt, tcp_info_counts)
{
	struct {
		struct tcp_info info;
		uint64_t pacing_rate;
		uint64_t max_pacing_rate;
		uint64_t bytes_acked;
		uint64_t bytes_received;
		uint32_t segs_out;
		uint32_t segs_in;
	} at_client, at_server;
	static uint8_t buf[5000];
	socklen_t len = sizeof(at_client);
	int client, server;

	ROW("API-34");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(5000, send(client, buf, 5000, 0));
	EXPECT_RET(5000, recv(server, buf, 5000, MSG_WAITALL));
	EXPECT_TRUE(XT_WAIT(xt_unacked(client) == 0));
	EXPECT_RET(0, getsockopt(client, SOL_TCP, TCP_INFO, &at_client, &len));
	EXPECT_EQ(sizeof(at_client), len);
	EXPECT_RET(0, getsockopt(server, SOL_TCP, TCP_INFO, &at_server, &len));
	/* The SYN counts as one byte. */
	EXPECT_LE(5000, at_client.bytes_acked);
	EXPECT_GE(5001, at_client.bytes_acked);
	EXPECT_EQ(5000, at_server.bytes_received);
	EXPECT_LE(3, at_client.segs_out);
	EXPECT_LE(2, at_client.segs_in);
	EXPECT_LE(2, at_server.segs_in);
	close(client);
	close(server);
}

/* --- SOL_IP and SOL_IPV6 --------------------------------------------------------- */

TEST_F(sockopt, ip_header)
{
	int client, server;
	char byte;

	ROW("API-41");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	/* First, for a changed header has the route looked up anew. */
	if (variant->family == AF_INET) {
		/* No IPv4 packet is longer, whatever the device says. */
		EXPECT_EQ(65535, get(client, SOL_IP, IP_MTU));
	} else {
		EXPECT_EQ(65536, get(client, SOL_IPV6, IPV6_MTU));
	}
	if (variant->family == AF_INET) {
		EXPECT_RET(0, set(client, SOL_IP, IP_TOS, 0x10));
		EXPECT_EQ(0x10, get(client, SOL_IP, IP_TOS));
		/* The ECN bits belong to the transport. */
		EXPECT_RET(0, set(client, SOL_IP, IP_TOS, 0x13));
		EXPECT_EQ(0x10, get(client, SOL_IP, IP_TOS));
		EXPECT_EQ(64, get(client, SOL_IP, IP_TTL));
		EXPECT_RET(0, set(client, SOL_IP, IP_TTL, 33));
		EXPECT_EQ(33, get(client, SOL_IP, IP_TTL));
		EXPECT_ERR(EINVAL, set(client, SOL_IP, IP_TTL, 256));
		EXPECT_ERR(EINVAL, set(client, SOL_IP, IP_TTL, 0));
		EXPECT_RET(0, set(client, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
		EXPECT_EQ(IP_PMTUDISC_DO, get(client, SOL_IP, IP_MTU_DISCOVER));
		EXPECT_RET(0, set(client, SOL_IP, IP_RECVERR, 1));
		EXPECT_EQ(1, get(client, SOL_IP, IP_RECVERR));
	} else {
		EXPECT_RET(0, set(client, SOL_IPV6, IPV6_TCLASS, 0x10));
		EXPECT_EQ(0x10, get(client, SOL_IPV6, IPV6_TCLASS));
		EXPECT_EQ(64, get(client, SOL_IPV6, IPV6_UNICAST_HOPS));
		EXPECT_RET(0, set(client, SOL_IPV6, IPV6_UNICAST_HOPS, 33));
		EXPECT_EQ(33, get(client, SOL_IPV6, IPV6_UNICAST_HOPS));
		EXPECT_ERR(EINVAL, set(client, SOL_IPV6, IPV6_UNICAST_HOPS, 256));
		EXPECT_RET(0, set(client, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO));
		EXPECT_EQ(IPV6_PMTUDISC_DO, get(client, SOL_IPV6, IPV6_MTU_DISCOVER));
		EXPECT_RET(0, set(client, SOL_IPV6, IPV6_RECVERR, 1));
		EXPECT_EQ(1, get(client, SOL_IPV6, IPV6_RECVERR));
	}
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

TEST_F(sockopt, v6only)
{
	struct xt_addr addr = xt_any(variant->family, 0);
	int fd;

	ROW("API-40");
	fd = ASSERT_FD(xt_socket(variant->family));
	if (variant->family == AF_INET) {
		EXPECT_ERR(ENOPROTOOPT, set(fd, SOL_IPV6, IPV6_V6ONLY, 1));
	} else {
		EXPECT_EQ(0, get(fd, SOL_IPV6, IPV6_V6ONLY));
		EXPECT_RET(0, set(fd, SOL_IPV6, IPV6_V6ONLY, 1));
		EXPECT_EQ(1, get(fd, SOL_IPV6, IPV6_V6ONLY));
		ASSERT_RET(0, xt_bind(fd, &addr));
		EXPECT_ERR(EINVAL, set(fd, SOL_IPV6, IPV6_V6ONLY, 0));
	}
	close(fd);
}

TEST_F(sockopt, transparent)
{
	int fd;

	ROW("API-31");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, set(fd, SOL_IP, IP_TRANSPARENT, 1));
	EXPECT_EQ(1, get(fd, SOL_IP, IP_TRANSPARENT));
	EXPECT_RET(0, set(fd, SOL_IP, IP_FREEBIND, 1));
	EXPECT_EQ(1, get(fd, SOL_IP, IP_FREEBIND));
	EXPECT_RET(0, set(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1));
	EXPECT_EQ(1, get(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT));
	close(fd);
}

TEST_HARNESS_MAIN
