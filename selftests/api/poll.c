// SPDX-License-Identifier: GPL-2.0-only
/* poll(): the complete mask in every state. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(poll)

TEST_F(poll, fresh)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	int fd;

	ROW("API-22");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_EQ(XT_POLL_WRITE | POLLHUP, xt_revents(fd, XT_POLL_ALL));
	ASSERT_RET(0, xt_bind(fd, &addr));
	EXPECT_EQ(XT_POLL_WRITE | POLLHUP, xt_revents(fd, XT_POLL_ALL));
	close(fd);
}

TEST_F(poll, listener)
{
	struct xt_addr addr;
	int lfd, a, b, fd;

	ROW("API-22");
	lfd = ASSERT_FD(xt_listen(variant->family, 4, &addr));
	EXPECT_EQ(0, xt_revents(lfd, XT_POLL_ALL));
	a = ASSERT_FD(xt_dial(variant->family, &addr));
	b = ASSERT_FD(xt_dial(variant->family, &addr));
	EXPECT_TRUE(xt_wait_revents(lfd, XT_POLL_READ));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	close(fd);
	EXPECT_TRUE(xt_wait_revents(lfd, XT_POLL_READ));
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	close(fd);
	EXPECT_EQ(0, xt_revents(lfd, XT_POLL_ALL));
	close(a);
	close(b);
	close(lfd);
}

TEST_F(poll, syn_sent)
{
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	int tun, fd;

	ROW("API-23");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	EXPECT_EQ(0, xt_revents(fd, XT_POLL_ALL));
	close(fd);
	close(tun);
}

TEST_F(poll, established)
{
	int client, server;

	ROW("API-24");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_EQ(XT_POLL_WRITE, xt_revents(client, XT_POLL_ALL));
	EXPECT_EQ(XT_POLL_WRITE, xt_revents(server, XT_POLL_ALL));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_TRUE(xt_wait_revents(server, XT_POLL_READ | XT_POLL_WRITE));
	close(client);
	close(server);
}

TEST_F(poll, low_water)
{
	static char buf[1000];
	int client, server;

	ROW("API-24");
	ROW("API-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVLOWAT, 1000));
	EXPECT_RET(999, send(client, buf, 999, 0));
	ASSERT_TRUE(xt_wait_unread(server, 999));
	EXPECT_EQ(XT_POLL_WRITE, xt_revents(server, XT_POLL_ALL));
	EXPECT_RET(1, send(client, buf, 1, 0));
	EXPECT_TRUE(xt_wait_revents(server, XT_POLL_READ | XT_POLL_WRITE));
	/* Lowered, what is there suffices; and end of file always does. */
	EXPECT_RET(500, recv(server, buf, 500, 0));
	EXPECT_TRUE(xt_wait_revents(server, XT_POLL_WRITE));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVLOWAT, 100));
	EXPECT_TRUE(xt_wait_revents(server, XT_POLL_READ | XT_POLL_WRITE));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVLOWAT, 1000));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_TRUE(xt_wait_revents(server, XT_POLL_READ | XT_POLL_WRITE | POLLRDHUP));
	close(client);
	close(server);
}

/* The window closes before the low-water mark is reached: the reader must come all the same. */
TEST_F(poll, low_water_out_of_reach)
{
	static char buf[65536];
	int lfd, client, server;
	struct xt_addr addr;

	ROW("API-24");
	ROW("API-30");
	lfd = xt_listen(variant->family, 1, &addr);
	ASSERT_LE(0, lfd);
	ASSERT_RET(0, xt_set_int(lfd, SOL_SOCKET, SO_RCVBUF, 8192));
	client = xt_dial(variant->family, &addr);
	server = accept(lfd, NULL, NULL);
	ASSERT_LE(0, server);
	/* The mark is one of a larger buffer, which the peer never learns of. */
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVBUF, 65536));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVLOWAT, 65536));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVBUF, 8192));
	while (send(client, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	EXPECT_TRUE(xt_wait_revents(server, XT_POLL_READ | XT_POLL_WRITE));
	EXPECT_LT(0, recv(server, buf, sizeof(buf), MSG_DONTWAIT));
	close(client);
	close(server);
	close(lfd);
}

/* Writable again only when a third of the send buffer is free. */
TEST_F(poll, write_space)
{
	static uint8_t buf[65536];
	int client, server, refused = 0;
	uint64_t sent = 0, got = 0;

	ROW("API-24");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 65536));
	while (refused < 50) {
		ssize_t n = send(client, buf, sizeof(buf), MSG_DONTWAIT);

		if (n > 0) {
			sent += n;
			refused = 0;
		} else {
			refused++;
			xt_pause_ms(5);
		}
	}
	EXPECT_EQ(0, xt_revents(client, POLLOUT));
	while (got < sent) {
		ssize_t n = recv(server, buf, sizeof(buf), 0);

		ASSERT_LT(0, n);
		got += n;
	}
	EXPECT_TRUE(xt_wait_revents(client, XT_POLL_WRITE));
	close(client);
	close(server);
}

TEST_F(poll, unsent_low_water)
{
	static uint8_t buf[65536];
	int client, server;

	ROW("API-24");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 4 << 20));
	ASSERT_RET(0, xt_set_int(client, SOL_TCP, TCP_NOTSENT_LOWAT, 16384));
	EXPECT_EQ(XT_POLL_WRITE, xt_revents(client, XT_POLL_ALL));
	ASSERT_TRUE(xt_lo_delay(500));
	/* The window of the start lets less out than this. */
	EXPECT_LT(0, send(client, buf, sizeof(buf), MSG_DONTWAIT));
	while (send(client, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	EXPECT_EQ(0, xt_revents(client, XT_POLL_ALL));
	close(client);
	close(server);
}

TEST_F(poll, peer_shut)
{
	int client, server;

	ROW("API-25");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	/* End of file; writing is still possible, both here and there. */
	EXPECT_TRUE(xt_wait_revents(server, XT_POLL_READ | XT_POLL_WRITE | POLLRDHUP));
	EXPECT_EQ(XT_POLL_WRITE, xt_revents(client, XT_POLL_ALL));
	EXPECT_TRUE(xt_wait_state(client, TCP_FIN_WAIT2));
	EXPECT_EQ(XT_POLL_WRITE, xt_revents(client, XT_POLL_ALL));
	ASSERT_RET(0, shutdown(server, SHUT_WR));
	EXPECT_TRUE(xt_wait_revents(client,
				    XT_POLL_READ | XT_POLL_WRITE | POLLRDHUP | POLLHUP));
	EXPECT_TRUE(xt_wait_revents(server,
				    XT_POLL_READ | XT_POLL_WRITE | POLLRDHUP | POLLHUP));
	close(client);
	close(server);
}

TEST_F(poll, local_shut)
{
	int client, server;

	ROW("API-25");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, shutdown(client, SHUT_RD));
	EXPECT_EQ(XT_POLL_READ | XT_POLL_WRITE | POLLRDHUP, xt_revents(client, XT_POLL_ALL));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_EQ(XT_POLL_READ | XT_POLL_WRITE | POLLRDHUP | POLLHUP,
		  xt_revents(client, XT_POLL_ALL));
	close(client);
	close(server);
}

TEST_F(poll, reset)
{
	int client, server;

	ROW("API-25");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_reset(server));
	EXPECT_TRUE(xt_wait_revents(client, XT_POLL_READ | XT_POLL_WRITE | POLLRDHUP | POLLHUP |
				    POLLERR));
	EXPECT_EQ(ECONNRESET, xt_so_error(client));
	/* The error read, the hang-up stays. */
	EXPECT_EQ(XT_POLL_READ | XT_POLL_WRITE | POLLRDHUP | POLLHUP,
		  xt_revents(client, XT_POLL_ALL));
	close(client);
}

/* A waiter that a reset wakes sees all of it, though much is to be thrown away first. */
TEST_F(poll, reset_is_seen_whole)
{
	static uint8_t buf[65536];
	int client, server, i, status;
	pid_t pid;

	ROW("API-25");
	for (i = 0; i < 20; i++) {
		ASSERT_RET(0, xt_pair(variant->family, &client, &server));
		ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUFFORCE, 16 << 20));
		while (send(client, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			xt_pause_ms(20);
			xt_reset(server);
			_exit(0);
		}
		close(server);
		EXPECT_EQ(POLLIN | POLLRDHUP | POLLERR | POLLHUP,
			  xt_poll(client, POLLIN | POLLRDHUP, XT_DEADLINE_MS));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		close(client);
	}
}

TEST_F(poll, urgent)
{
	int client, server;
	char byte;

	ROW("API-25");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(1, send(client, "U", 1, MSG_OOB));
	EXPECT_TRUE(xt_wait_revents(server, POLLPRI | XT_POLL_WRITE));
	EXPECT_RET(1, recv(server, &byte, 1, MSG_OOB));
	EXPECT_EQ('U', byte);
	EXPECT_TRUE(xt_wait_revents(server, XT_POLL_WRITE));
	close(client);
	close(server);
}

/* A waiter that sleeps in poll() wakes for each kind of event. */
TEST_F(poll, wakes)
{
	int client, server, step, status;
	char byte;
	pid_t pid;

	ROW("API-26");
	for (step = 0; step < 4; step++) {
		ASSERT_RET(0, xt_pair(variant->family, &client, &server));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			xt_pause_ms(50);
			if (step == 0)
				send(client, "x", 1, 0);
			else if (step == 1)
				shutdown(client, SHUT_WR);
			else if (step == 2)
				send(client, "x", 1, MSG_OOB);
			else
				connect(client, &(struct sockaddr){ .sa_family = AF_UNSPEC },
					sizeof(struct sockaddr));
			_exit(0);
		}
		EXPECT_NE(0, xt_poll(server, POLLIN | POLLPRI, XT_DEADLINE_MS));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (step == 0)
			EXPECT_RET(1, recv(server, &byte, 1, 0));
		close(client);
		close(server);
	}
}

TEST_HARNESS_MAIN
