// SPDX-License-Identifier: GPL-2.0-only
/* listen(): automatic bind, states that refuse it, the length of the accept queue. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(listen)

/* A connect() on its way, non-blocking. */
static int dial_async(int family, const struct xt_addr *to)
{
	int fd = xt_socket_flags(family, SOCK_NONBLOCK);

	if (fd < 0)
		return -1;
	if (xt_connect(fd, to) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Clients that complete one after the other without any accept(); stops at the first that waits. */
static int admitted(int family, const struct xt_addr *to, int most, int fds[])
{
	int count = 0;

	while (count < most) {
		fds[count] = dial_async(family, to);
		if (fds[count] < 0)
			return -1;
		/* On loopback a handshake is over at once; a dropped SYN is repeated after 1 s. */
		if (!(xt_poll(fds[count], POLLOUT, 500) & POLLOUT)) {
			close(fds[count]);
			break;
		}
		count++;
	}
	return count;
}

TEST_F(listen, binds_itself)
{
	struct xt_addr addr;
	struct xt_addr zero = xt_any(variant->family, 0);
	int fd, client;

	ROW("API-05");
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, listen(fd, 1));
	ASSERT_RET(0, xt_sockname(fd, &addr));
	EXPECT_NE(0, xt_port(&addr));
	xt_set_port(&zero, xt_port(&addr));
	EXPECT_TRUE(xt_addr_equal(&zero, &addr));
	EXPECT_EQ(TCP_LISTEN, xt_state(fd));
	EXPECT_EQ(1, xt_get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	addr = xt_loopback(variant->family, xt_port(&addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	close(client);
	close(fd);
}

TEST_F(listen, connected)
{
	int client, server;

	ROW("API-05");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_ERR(EINVAL, listen(client, 1));
	EXPECT_ERR(EINVAL, listen(server, 1));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(client));
	close(client);
	close(server);
}

TEST_F(listen, connecting)
{
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	int tun, fd;

	ROW("API-05");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	EXPECT_EQ(TCP_SYN_SENT, xt_state(fd));
	EXPECT_ERR(EINVAL, listen(fd, 1));
	EXPECT_EQ(TCP_SYN_SENT, xt_state(fd));
	close(fd);
	close(tun);
}

/* Linux admits one connection more than the number given. */
TEST_F(listen, queue_bound)
{
	struct xt_addr addr;
	int fds[8];
	int lfd, count, i, late, fd;

	ROW("LSN-02");
	lfd = ASSERT_FD(xt_listen(variant->family, 2, &addr));
	count = admitted(variant->family, &addr, 8, fds);
	EXPECT_EQ(3, count);
	/* accept() makes room: what waited gets in by its repeated SYN. */
	late = ASSERT_FD(dial_async(variant->family, &addr));
	for (i = 0; i < count; i++) {
		fd = ASSERT_FD(accept(lfd, NULL, NULL));
		close(fd);
	}
	EXPECT_TRUE(xt_poll(late, POLLOUT, XT_DEADLINE_MS) & POLLOUT);
	EXPECT_EQ(0, xt_so_error(late));
	fd = accept(lfd, NULL, NULL);
	EXPECT_LE(0, fd);
	close(fd);
	close(late);
	for (i = 0; i < count; i++)
		close(fds[i]);
	close(lfd);
}

TEST_F(listen, backlog_zero)
{
	struct xt_addr addr;
	int fds[4];
	int lfd, count;

	ROW("LSN-26");
	lfd = ASSERT_FD(xt_listen(variant->family, 0, &addr));
	count = admitted(variant->family, &addr, 4, fds);
	EXPECT_EQ(1, count);
	while (count-- > 0)
		close(fds[count]);
	close(lfd);
}

/* A negative or huge number means somaxconn. */
TEST_F(listen, backlog_clipped)
{
	struct xt_addr addr;
	int fds[8];
	int lfd, count;

	ROW("LSN-26");
	ASSERT_TRUE(xt_sysctl("net/core/somaxconn", "3"));
	lfd = ASSERT_FD(xt_listen(variant->family, -1, &addr));
	count = admitted(variant->family, &addr, 8, fds);
	EXPECT_EQ(4, count);
	while (count-- > 0)
		close(fds[count]);
	close(lfd);
	lfd = ASSERT_FD(xt_listen(variant->family, 1000000, &addr));
	count = admitted(variant->family, &addr, 8, fds);
	EXPECT_EQ(4, count);
	while (count-- > 0)
		close(fds[count]);
	close(lfd);
}

TEST_F(listen, again_changes_backlog)
{
	struct xt_addr addr;
	int fds[8];
	int lfd, count, more;

	ROW("LSN-26");
	lfd = ASSERT_FD(xt_listen(variant->family, 0, &addr));
	count = admitted(variant->family, &addr, 4, fds);
	EXPECT_EQ(1, count);
	EXPECT_RET(0, listen(lfd, 2));
	EXPECT_EQ(TCP_LISTEN, xt_state(lfd));
	more = admitted(variant->family, &addr, 4, fds + count);
	EXPECT_EQ(2, more);
	for (count += more; count > 0; count--)
		close(fds[count - 1]);
	close(lfd);
}

TEST_F(listen, port_free_after_close)
{
	struct xt_addr addr;
	int lfd, fd;

	ROW("API-05");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	close(lfd);
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ECONNREFUSED, xt_connect(fd, &addr));
	close(fd);
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, xt_bind(fd, &addr));
	EXPECT_RET(0, listen(fd, 1));
	close(fd);
}

/* Those still waiting in the queue of a listener that closes are told. */
TEST_F(listen, close_resets_waiting)
{
	struct xt_addr addr;
	int lfd, client;
	char byte;

	ROW("API-05");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	close(lfd);
	EXPECT_ERR(ECONNRESET, recv(client, &byte, 1, 0));
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	close(client);
}

/* A port with a connection being opened on it can be listened on. */
TEST_F(listen, beside_connecting)
{
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	struct xt_addr addr = xt_any(variant->family, 0);
	int tun, opening, lfd, client, server;

	ROW("HS-30");
	tun = ASSERT_FD(xt_hole());
	opening = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	ASSERT_RET(0, xt_set_int(opening, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_RET(0, xt_bind(opening, &addr));
	ASSERT_RET(0, xt_sockname(opening, &addr));
	EXPECT_ERR(EINPROGRESS, xt_connect(opening, &to));

	lfd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_REUSEADDR, 1));
	addr = xt_any(variant->family, xt_port(&addr));
	ASSERT_RET(0, xt_bind(lfd, &addr));
	EXPECT_RET(0, listen(lfd, 1));
	addr = xt_loopback(variant->family, xt_port(&addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_EQ(TCP_SYN_SENT, xt_state(opening));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(server));
	close(client);
	close(server);
	close(lfd);
	close(opening);
	close(tun);
}

/*
 * Connections accepted from a listener outlive it, and a new listener on the port does not
 * disturb them.
 */
TEST_F(listen, connections_undisturbed)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int lfd, client, server;
	char byte = 'a';

	ROW("HS-30");
	lfd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_RET(0, xt_bind(lfd, &addr));
	ASSERT_RET(0, listen(lfd, 1));
	ASSERT_RET(0, xt_sockname(lfd, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	close(lfd);
	EXPECT_RET(1, send(client, &byte, 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	lfd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_RET(0, xt_bind(lfd, &addr));
	ASSERT_RET(0, listen(lfd, 1));
	EXPECT_RET(1, send(server, &byte, 1, 0));
	EXPECT_RET(1, recv(client, &byte, 1, 0));
	close(client);
	close(server);
	close(lfd);
}

/* listen() in vain leaves the socket bound as it was, also to a port that bind() found. */
TEST_F(listen, busy_port_stays_bound)
{
	struct xt_addr any = xt_any(variant->family, 0), name;
	uint16_t port;
	int fd, other;

	ROW("API-05");
	fd = ASSERT_FD(xt_socket(variant->family));
	other = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_RET(0, xt_set_int(other, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_RET(0, xt_bind(fd, &any));
	ASSERT_RET(0, xt_sockname(fd, &name));
	port = xt_port(&name);
	ASSERT_RET(0, xt_bind(other, &name));
	ASSERT_RET(0, listen(other, 1));
	EXPECT_ERR(EADDRINUSE, listen(fd, 1));
	close(other);
	EXPECT_ERR(EINVAL, xt_bind(fd, &any));
	EXPECT_RET(0, listen(fd, 1));
	ASSERT_RET(0, xt_sockname(fd, &name));
	EXPECT_EQ(port, xt_port(&name));
	close(fd);
}

TEST_HARNESS_MAIN
