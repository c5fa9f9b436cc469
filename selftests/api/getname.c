// SPDX-License-Identifier: GPL-2.0-only
/* getsockname() and getpeername(): in each state, exactly. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(getname)

TEST_F(getname, fresh)
{
	struct xt_addr name, zero = xt_any(variant->family, 0);
	int fd;

	ROW("API-27");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, xt_sockname(fd, &name));
	EXPECT_TRUE(xt_addr_equal(&zero, &name));
	EXPECT_ERR(ENOTCONN, xt_peername(fd, &name));
	close(fd);
}

TEST_F(getname, bound)
{
	struct xt_addr name, addr = xt_loopback(variant->family, 4711);
	int fd;

	ROW("API-27");
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_bind(fd, &addr));
	EXPECT_RET(0, xt_sockname(fd, &name));
	EXPECT_TRUE(xt_addr_equal(&addr, &name));
	EXPECT_ERR(ENOTCONN, xt_peername(fd, &name));
	ASSERT_RET(0, listen(fd, 1));
	EXPECT_RET(0, xt_sockname(fd, &name));
	EXPECT_TRUE(xt_addr_equal(&addr, &name));
	EXPECT_ERR(ENOTCONN, xt_peername(fd, &name));
	close(fd);
}

TEST_F(getname, connecting)
{
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	struct xt_addr name, mine;
	int tun, fd;

	ROW("API-27");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	EXPECT_RET(0, xt_sockname(fd, &name));
	mine = xt_addr_parse(variant->family == AF_INET6 ? "2001:db8::1" : "192.0.2.1",
			     xt_port(&name));
	EXPECT_NE(0, xt_port(&name));
	EXPECT_TRUE(xt_addr_equal(&mine, &name));
	EXPECT_ERR(ENOTCONN, xt_peername(fd, &name));
	close(fd);
	close(tun);
}

/* Both ends agree, and no padding byte is left unset (the helpers fill with 0xff before). */
TEST_F(getname, established)
{
	struct xt_addr addr, a, b;
	int lfd, client, server;

	ROW("API-27");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_RET(0, xt_peername(client, &a));
	EXPECT_TRUE(xt_addr_equal(&addr, &a));
	EXPECT_RET(0, xt_sockname(server, &a));
	EXPECT_TRUE(xt_addr_equal(&addr, &a));
	EXPECT_RET(0, xt_sockname(client, &a));
	EXPECT_RET(0, xt_peername(server, &b));
	EXPECT_TRUE(xt_addr_equal(&a, &b));
	EXPECT_EQ(variant->family, a.sa.sa_family);
	EXPECT_EQ(variant->family == AF_INET6 ? sizeof(a.in6) : sizeof(a.in), a.len);
	if (variant->family == AF_INET) {
		EXPECT_EQ(0, memcmp(a.in.sin_zero, "\0\0\0\0\0\0\0", 8));
	}
	close(client);
	close(server);
	close(lfd);
}

TEST_F(getname, closing)
{
	struct xt_addr name;
	int client, server;

	ROW("API-27");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_TRUE(xt_wait_state(client, TCP_FIN_WAIT2));
	EXPECT_RET(0, xt_peername(client, &name));
	EXPECT_EQ(TCP_CLOSE_WAIT, xt_state(server));
	EXPECT_RET(0, xt_peername(server, &name));
	close(client);
	close(server);
	/* Reset, there is no peer any more. */
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_reset(server));
	ASSERT_TRUE(xt_wait_state(client, TCP_CLOSE));
	EXPECT_ERR(ENOTCONN, xt_peername(client, &name));
	EXPECT_RET(0, xt_sockname(client, &name));
	close(client);
}

TEST_F(getname, truncated)
{
	struct xt_addr addr;
	uint8_t buf[sizeof(struct sockaddr_storage)];
	socklen_t len = 3, bad = -1;
	int fd;

	ROW("API-27");
	fd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	memset(buf, 0xee, sizeof(buf));
	EXPECT_RET(0, getsockname(fd, (struct sockaddr *)buf, &len));
	EXPECT_EQ(addr.len, len);
	EXPECT_EQ(0, memcmp(buf, &addr.ss, 3));
	EXPECT_EQ(0xee, buf[3]);
	EXPECT_ERR(EINVAL, getsockname(fd, &addr.sa, &bad));
	len = sizeof(addr.ss);
	EXPECT_ERR(EFAULT, getsockname(fd, (struct sockaddr *)1, &len));
	close(fd);
}

TEST_HARNESS_MAIN
