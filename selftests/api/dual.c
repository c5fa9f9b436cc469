// SPDX-License-Identifier: GPL-2.0-only
/* IPv4 peers of IPv6 sockets: mapped addresses, IPV6_V6ONLY, bind conflicts of the families. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

FIXTURE(dual)
{
	int unused;
};

FIXTURE_SETUP(dual)
{
	ASSERT_EQ(0, xt_netns());
}

FIXTURE_TEARDOWN(dual)
{
}

static int listen_any6(int v6only, uint16_t *port)
{
	struct xt_addr addr = xt_any(AF_INET6, 0);
	int fd = xt_socket(AF_INET6);

	if (fd < 0)
		return -1;
	if (xt_set_int(fd, SOL_IPV6, IPV6_V6ONLY, v6only) || xt_bind(fd, &addr) ||
	    listen(fd, 4) || xt_sockname(fd, &addr)) {
		close(fd);
		return -1;
	}
	*port = xt_port(&addr);
	return fd;
}

TEST_F(dual, any_takes_both)
{
	struct xt_addr addr, name, want;
	uint16_t port;
	int lfd, client, server;
	char buf[8];

	ROW("API-40");
	lfd = ASSERT_FD(listen_any6(0, &port));
	addr = xt_loopback(AF_INET6, port);
	client = ASSERT_FD(xt_dial(AF_INET6, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	close(client);
	close(server);

	addr = xt_loopback(AF_INET, port);
	client = ASSERT_FD(xt_dial(AF_INET, &addr));
	name.len = sizeof(name.ss);
	memset(&name.ss, 0xff, sizeof(name.ss));
	server = ASSERT_FD(accept(lfd, &name.sa, &name.len));
	ASSERT_RET(0, xt_sockname(client, &addr));
	want = xt_addr_parse("::ffff:127.0.0.1", xt_port(&addr));
	EXPECT_TRUE(xt_addr_equal(&want, &name));
	EXPECT_RET(0, xt_sockname(server, &name));
	want = xt_addr_parse("::ffff:127.0.0.1", port);
	EXPECT_TRUE(xt_addr_equal(&want, &name));
	EXPECT_EQ(AF_INET6, xt_get_int(server, SOL_SOCKET, SO_DOMAIN));
	EXPECT_RET(5, send(client, "hello", 5, 0));
	EXPECT_RET(5, recv(server, buf, sizeof(buf), 0));
	EXPECT_RET(5, send(server, "world", 5, 0));
	EXPECT_RET(5, recv(client, buf, sizeof(buf), 0));
	/* It goes on as any other: half-close and the rest. */
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_RET(0, recv(server, buf, sizeof(buf), 0));
	close(server);
	EXPECT_RET(0, recv(client, buf, sizeof(buf), 0));
	close(client);
	close(lfd);
}

TEST_F(dual, v6only_refuses_ipv4)
{
	struct xt_addr addr;
	uint16_t port;
	int lfd, fd;

	ROW("API-40");
	lfd = ASSERT_FD(listen_any6(1, &port));
	addr = xt_loopback(AF_INET, port);
	fd = ASSERT_FD(xt_socket(AF_INET));
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	close(fd);
	addr = xt_loopback(AF_INET6, port);
	fd = ASSERT_FD(xt_dial(AF_INET6, &addr));
	close(fd);
	close(lfd);
}

TEST_F(dual, connect_mapped)
{
	struct xt_addr addr, name;
	int lfd, fd, server;
	char byte;

	ROW("API-40");
	lfd = ASSERT_FD(xt_listen(AF_INET, 4, &addr));
	addr = xt_addr_parse("::ffff:127.0.0.1", xt_port(&addr));
	fd = ASSERT_FD(xt_dial(AF_INET6, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_RET(0, xt_peername(fd, &name));
	EXPECT_TRUE(xt_addr_equal(&addr, &name));
	EXPECT_RET(0, xt_sockname(fd, &name));
	addr = xt_addr_parse("::ffff:127.0.0.1", xt_port(&name));
	EXPECT_TRUE(xt_addr_equal(&addr, &name));
	EXPECT_RET(1, send(fd, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_RET(1, send(server, "y", 1, 0));
	EXPECT_RET(1, recv(fd, &byte, 1, 0));
	close(fd);
	close(server);
	close(lfd);
}

TEST_F(dual, connect_mapped_v6only)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("API-40");
	lfd = ASSERT_FD(xt_listen(AF_INET, 4, &addr));
	addr = xt_addr_parse("::ffff:127.0.0.1", xt_port(&addr));
	fd = ASSERT_FD(xt_socket(AF_INET6));
	ASSERT_RET(0, xt_set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
	EXPECT_ERR(ENETUNREACH, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

TEST_F(dual, bind_conflicts)
{
	struct xt_addr addr4;
	uint16_t port;
	int lfd, fd;

	ROW("API-40");
	lfd = ASSERT_FD(listen_any6(0, &port));
	addr4 = xt_any(AF_INET, port);
	fd = ASSERT_FD(xt_socket(AF_INET));
	EXPECT_ERR(EADDRINUSE, xt_bind(fd, &addr4));
	addr4 = xt_loopback(AF_INET, port);
	EXPECT_ERR(EADDRINUSE, xt_bind(fd, &addr4));
	close(lfd);
	close(fd);
	lfd = ASSERT_FD(listen_any6(1, &port));
	addr4 = xt_any(AF_INET, port);
	fd = ASSERT_FD(xt_socket(AF_INET));
	EXPECT_RET(0, xt_bind(fd, &addr4));
	EXPECT_RET(0, listen(fd, 1));
	close(fd);
	close(lfd);
}

TEST_F(dual, bind_mapped)
{
	struct xt_addr addr = xt_addr_parse("::ffff:127.0.0.1", 0);
	int lfd, fd;

	ROW("API-40");
	lfd = ASSERT_FD(xt_socket(AF_INET6));
	ASSERT_RET(0, xt_bind(lfd, &addr));
	ASSERT_RET(0, listen(lfd, 1));
	ASSERT_RET(0, xt_sockname(lfd, &addr));
	addr = xt_loopback(AF_INET, xt_port(&addr));
	fd = ASSERT_FD(xt_dial(AF_INET, &addr));
	close(fd);
	addr = xt_loopback(AF_INET6, xt_port(&addr));
	fd = ASSERT_FD(xt_socket(AF_INET6));
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	close(fd);
	close(lfd);
}

TEST_HARNESS_MAIN
