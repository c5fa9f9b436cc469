// SPDX-License-Identifier: GPL-2.0-only
/* shutdown(): half-close, both directions, states, errno, what the peer sees. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(shutdown)

TEST_F(shutdown, wrong_direction)
{
	int client, server;

	ROW("CLS-31");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_ERR(EINVAL, shutdown(client, 7));
	EXPECT_ERR(EINVAL, shutdown(client, -1));
	EXPECT_ERR(EINVAL, shutdown(client, 3));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(client));
	close(client);
	close(server);
}

TEST_F(shutdown, unconnected)
{
	int fd;

	ROW("CLS-31");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ENOTCONN, shutdown(fd, SHUT_RD));
	EXPECT_ERR(ENOTCONN, shutdown(fd, SHUT_WR));
	EXPECT_ERR(ENOTCONN, shutdown(fd, SHUT_RDWR));
	close(fd);
}

/* Writing ended, reading goes on until the peer ends too. */
TEST_F(shutdown, half_close)
{
	const uint64_t len = getenv("XTCP_TEST_FULL") ? 100 << 20 : 10 << 20;
	uint64_t seed = xt_seed();
	int client, server, status;
	char byte;
	pid_t pid;

	ROW("CLS-05");
	ROW("CLS-06");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(5, send(client, "hello", 5, 0));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char buf[8];

		if (recv(server, buf, 8, MSG_WAITALL) != 5 || recv(server, buf, 8, 0) != 0 ||
		    xt_state(server) != TCP_CLOSE_WAIT)
			_exit(1);
		if (!xt_send_stream(server, seed, len))
			_exit(2);
		_exit(shutdown(server, SHUT_WR) ? 3 : 0);
	}
	close(server);
	EXPECT_TRUE(xt_wait_state(client, TCP_FIN_WAIT2));
	EXPECT_TRUE(xt_recv_stream(client, seed, len));
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(client);
}

/* All data first, the FIN after it. */
TEST_F(shutdown, data_before_fin)
{
	const uint64_t len = 1 << 20;
	uint64_t seed = xt_seed();
	int client, server, status;
	char byte;
	pid_t pid;

	ROW("CLS-01");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(server);
		_exit(!xt_send_stream(client, seed, len) || shutdown(client, SHUT_WR));
	}
	EXPECT_TRUE(xt_recv_stream(server, seed, len));
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(client);
	close(server);
}

TEST_F(shutdown, read)
{
	char buf[16];
	int client, server;

	ROW("CLS-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(3, send(client, "abc", 3, 0));
	ASSERT_TRUE(xt_wait_unread(server, 3));
	ASSERT_RET(0, shutdown(server, SHUT_RD));
	EXPECT_RET(3, recv(server, buf, sizeof(buf), 0));
	EXPECT_RET(0, recv(server, buf, sizeof(buf), 0));
	/* The peer knows nothing of it and may go on. */
	EXPECT_RET(3, send(client, "def", 3, 0));
	EXPECT_TRUE(XT_WAIT(xt_unacked(client) == 0));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(client));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(server));
	/* The other direction works. */
	EXPECT_RET(3, send(server, "ghi", 3, 0));
	EXPECT_RET(3, recv(client, buf, sizeof(buf), 0));
	close(client);
	close(server);
}

struct blocked {
	pthread_t thread;
	int fd;
	ssize_t got;
};

static void *block_in_recv(void *arg)
{
	struct blocked *blocked = arg;
	char byte;

	blocked->got = recv(blocked->fd, &byte, 1, 0);
	return NULL;
}

TEST_F(shutdown, both)
{
	struct blocked blocked = { .got = -2 };
	int client;
	char byte;

	ROW("CLS-31");
	ASSERT_RET(0, xt_pair(variant->family, &blocked.fd, &client));
	ASSERT_EQ(0, pthread_create(&blocked.thread, NULL, block_in_recv, &blocked));
	xt_pause_ms(20);
	ASSERT_RET(0, shutdown(blocked.fd, SHUT_RDWR));
	pthread_join(blocked.thread, NULL);
	EXPECT_EQ(0, blocked.got);
	EXPECT_ERR(EPIPE, send(blocked.fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_RET(0, recv(blocked.fd, &byte, 1, 0));
	EXPECT_TRUE(xt_revents(blocked.fd, XT_POLL_ALL) & POLLHUP);
	/* The descriptor is still a connection. */
	EXPECT_TRUE(xt_wait_state(blocked.fd, TCP_FIN_WAIT2));
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	EXPECT_EQ(TCP_CLOSE_WAIT, xt_state(client));
	close(client);
	close(blocked.fd);
}

TEST_F(shutdown, repeated)
{
	int client, server;
	char byte;

	ROW("CLS-29");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_RET(0, shutdown(client, SHUT_RDWR));
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	EXPECT_RET(0, shutdown(server, SHUT_WR));
	/* Both FINs acknowledged: the socket itself is done. */
	EXPECT_TRUE(xt_wait_state(client, TCP_CLOSE));
	EXPECT_TRUE(xt_wait_state(server, TCP_CLOSE));
	EXPECT_ERR(ENOTCONN, shutdown(client, SHUT_WR));
	close(client);
	close(server);
}

/* Each half in turn; the peer sees end of file with the second only. */
TEST_F(shutdown, read_then_write)
{
	int client, server;
	char byte;

	ROW("CLS-31");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(0, shutdown(client, SHUT_RD));
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, MSG_DONTWAIT));
	EXPECT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

TEST_F(shutdown, connecting)
{
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	int tun, fd;

	ROW("CLS-31");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	EXPECT_EQ(1, xt_hole_count(tun, 1));
	EXPECT_RET(0, shutdown(fd, SHUT_RDWR));
	EXPECT_EQ(TCP_CLOSE, xt_state(fd));
	EXPECT_EQ(0, xt_hole_count(tun, 0));
	close(fd);
	close(tun);
}

TEST_F(shutdown, listener)
{
	struct xt_addr addr;
	int lfd, waiting, late;
	char byte;

	ROW("CLS-31");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	waiting = ASSERT_FD(xt_dial(variant->family, &addr));
	/* Writing means nothing to a listener. */
	EXPECT_RET(0, shutdown(lfd, SHUT_WR));
	EXPECT_EQ(TCP_LISTEN, xt_state(lfd));
	EXPECT_RET(0, shutdown(lfd, SHUT_RD));
	EXPECT_EQ(TCP_CLOSE, xt_state(lfd));
	EXPECT_ERR(EINVAL, accept(lfd, NULL, NULL));
	EXPECT_ERR(ECONNRESET, recv(waiting, &byte, 1, 0));
	late = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ECONNREFUSED, xt_connect(late, &addr));
	/* It can listen again; a port it had not asked for may be another now. */
	EXPECT_RET(0, listen(lfd, 4));
	ASSERT_RET(0, xt_sockname(lfd, &addr));
	EXPECT_RET(0, xt_connect(late, &addr));
	close(waiting);
	close(late);
	close(lfd);
}

TEST_HARNESS_MAIN
