// SPDX-License-Identifier: GPL-2.0-only
/* socket(): arguments, flags, errno, and what a fresh socket says about itself. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(socket)

TEST_F(socket, opens_plain)
{
	int fd;

	ROW("API-01");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	EXPECT_RET(0, close(fd));
}

TEST_F(socket, type_flags)
{
	int fd;

	ROW("API-01");
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_CLOEXEC));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK | SOCK_CLOEXEC));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

TEST_F(socket, wrong_flags)
{
	ROW("API-01");
	EXPECT_ERR(EINVAL, xt_socket_flags(variant->family, 0x100000));
}

TEST_F(socket, wrong_type)
{
	int family = xt_is_control() ? variant->family : AF_XTCP;

	ROW("API-01");
	EXPECT_ERR(ESOCKTNOSUPPORT, socket(family, SOCK_RDM, 0));
	EXPECT_ERR(ESOCKTNOSUPPORT, socket(family, SOCK_SEQPACKET, 0));
	EXPECT_ERR(EINVAL, socket(family, 11, 0));
	/* Datagrams exist in the inet families, in this one they do not. */
	if (family == AF_XTCP) {
		EXPECT_ERR(ESOCKTNOSUPPORT, socket(family, SOCK_DGRAM, 0));
		EXPECT_ERR(ESOCKTNOSUPPORT, socket(family, SOCK_RAW, 0));
	}
}

TEST_F(socket, wrong_protocol)
{
	int family = xt_is_control() ? variant->family : AF_XTCP;

	ROW("API-01");
	EXPECT_ERR(EPROTONOSUPPORT, socket(family, SOCK_STREAM, 99));
	EXPECT_ERR(EPROTONOSUPPORT, socket(family, SOCK_STREAM, IPPROTO_UDP));
}

TEST_F(socket, second_door)
{
	int fd;

	ROW("API-01");
	fd = ASSERT_FD(xt_socket_inet(variant->family));
	EXPECT_EQ(SOCK_STREAM, xt_get_int(fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(variant->family, xt_get_int(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(xt_ipproto(), xt_get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	close(fd);
	EXPECT_ERR(EPROTONOSUPPORT, socket(variant->family, SOCK_DGRAM, xt_ipproto()));
}

/* Both doors open the same kind of socket: one can connect to the other. */
TEST_F(socket, doors_meet)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	char byte = 'x';
	int inet, first, accepted;

	ROW("API-01");
	inet = ASSERT_FD(xt_socket_inet(variant->family));
	ASSERT_RET(0, xt_bind(inet, &addr));
	ASSERT_RET(0, listen(inet, 1));
	ASSERT_RET(0, xt_sockname(inet, &addr));
	EXPECT_EQ(variant->family, addr.sa.sa_family);
	first = ASSERT_FD(xt_dial(variant->family, &addr));
	accepted = ASSERT_FD(accept(inet, NULL, NULL));
	EXPECT_RET(1, send(first, &byte, 1, 0));
	byte = 0;
	EXPECT_RET(1, recv(accepted, &byte, 1, 0));
	EXPECT_EQ('x', byte);
	close(first);
	close(accepted);
	close(inet);
}

TEST_F(socket, describes_itself)
{
	int fd;

	ROW("API-28");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_EQ(SOCK_STREAM, xt_get_int(fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(variant->family, xt_get_int(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(xt_ipproto(), xt_get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(0, xt_get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(0, xt_so_error(fd));
	close(fd);
}

/* Opened and closed unused, a thousand times, nothing stays. */
TEST_F(socket, many)
{
	struct rlimit limit = { 4096, 4096 };
	int fds[1000];
	int i;

	ROW("API-01");
	ASSERT_RET(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < 1000; i++)
		fds[i] = ASSERT_FD(xt_socket(variant->family));
	for (i = 0; i < 1000; i++)
		EXPECT_RET(0, close(fds[i]));
}

TEST_HARNESS_MAIN
