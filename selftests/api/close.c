// SPDX-License-Identifier: GPL-2.0-only
/* close(): the four-way close, resets, SO_LINGER, process exit, shared descriptors. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(close)

static uint16_t local_port(int fd)
{
	struct xt_addr addr;

	xt_sockname(fd, &addr);
	return xt_port(&addr);
}

/* The textbook's four segments, with the state of both sides at each step. */
TEST_F(close, four_way)
{
	int client, server;
	uint16_t port;
	char byte;

	ROW("CLS-02");
	ROW("CLS-03");
	ROW("CLS-04");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	port = local_port(client);
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_TRUE(xt_wait_state(server, TCP_CLOSE_WAIT));
	EXPECT_TRUE(xt_wait_state(client, TCP_FIN_WAIT2));
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	close(server);
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	/* One entry is left, the active closer's. */
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, port, TCP_TIME_WAIT) == 1));
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, port, 0) == 1));
	close(client);
	EXPECT_EQ(1, xt_proc_count(variant->family, port, TCP_TIME_WAIT));
	EXPECT_EQ(1, xt_proc_count(variant->family, port, 0));
}

TEST_F(close, simultaneous)
{
	int client, server;
	uint16_t port;

	ROW("CLS-07");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	port = local_port(client);
	ASSERT_TRUE(xt_lo_delay(200));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	ASSERT_RET(0, shutdown(server, SHUT_WR));
	EXPECT_EQ(TCP_FIN_WAIT1, xt_state(client));
	EXPECT_EQ(TCP_FIN_WAIT1, xt_state(server));
	close(client);
	close(server);
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, port, TCP_CLOSING) == 2));
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, port, TCP_TIME_WAIT) == 2));
	EXPECT_EQ(2, xt_proc_count(variant->family, port, 0));
}

TEST_F(close, unread_data_resets)
{
	int client, server;
	uint16_t port;
	char byte;

	ROW("CLS-23");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	port = local_port(client);
	EXPECT_RET(2, send(client, "xy", 2, 0));
	ASSERT_TRUE(xt_wait_unread(server, 2));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(server);
	EXPECT_ERR(ECONNRESET, recv(client, &byte, 1, 0));
	close(client);
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, port, 0) == 0));
}

TEST_F(close, all_read_fin)
{
	int client, server;
	char byte;

	ROW("CLS-23");
	ROW("CLS-32");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(server);
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	EXPECT_EQ(0, xt_so_error(client));
	close(client);
}

TEST_F(close, linger_zero)
{
	static uint8_t buf[1 << 20];
	int client, server;
	uint16_t port;
	ssize_t n;
	char byte;

	ROW("CLS-24");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	port = local_port(client);
	EXPECT_LT(0, send(client, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_RET(0, xt_set_linger(client, 1, 0));
	EXPECT_RET(0, close(client));
	do {
		n = recv(server, buf, sizeof(buf), 0);
	} while (n > 0);
	EXPECT_EQ(-1, n);
	EXPECT_EQ(ECONNRESET, errno);
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	EXPECT_EQ(0, xt_proc_count(variant->family, port, TCP_TIME_WAIT));
	close(server);
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, port, 0) == 0));
}

/* Waits for the acknowledgment of the data and the FIN, though non-blocking. */
TEST_F(close, linger_live_peer)
{
	int client, server;
	int64_t start, took;

	ROW("CLS-25");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_TRUE(xt_lo_delay(100));
	ASSERT_RET(0, xt_nonblock(client));
	ASSERT_RET(0, xt_set_linger(client, 1, 10));
	EXPECT_RET(1, send(client, "x", 1, 0));
	start = xt_now_ms();
	EXPECT_RET(0, close(client));
	took = xt_now_ms() - start;
	EXPECT_LE(190, took);
	EXPECT_GE(5000, took);
	close(server);
}

/* A peer that vanished: the wait is the time given, the closing goes on behind. */
TEST_F(close, linger_timeout)
{
	int client, server;
	int64_t start, took;
	uint16_t port;

	ROW("CLS-25");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	port = local_port(client);
	ASSERT_TRUE(xt_run("modprobe -q sch_netem; tc qdisc add dev lo root netem loss 100%%"));
	ASSERT_RET(0, xt_set_linger(client, 1, 1));
	EXPECT_RET(1, send(client, "x", 1, 0));
	start = xt_now_ms();
	EXPECT_RET(0, close(client));
	took = xt_now_ms() - start;
	EXPECT_LE(990, took);
	EXPECT_GE(5000, took);
	EXPECT_EQ(1, xt_proc_count(variant->family, port, TCP_FIN_WAIT1));
	close(server);
}

/* At process exit nobody waits, and nothing is lost. */
TEST_F(close, linger_exit)
{
	int client, server, status, closed[2];
	int64_t start;
	pid_t pid;
	char byte;

	ROW("CLS-25");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_TRUE(xt_lo_delay(3000));
	ASSERT_EQ(0, pipe(closed));
	start = xt_now_ms();
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(server);
		xt_set_linger(client, 1, 20);
		send(client, "x", 1, 0);
		/* The socket is closed by this exit only when the parent has closed its own. */
		close(closed[1]);
		read(closed[0], &byte, 1);
		_exit(0);
	}
	close(client);
	close(closed[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	/* The acknowledgment takes 6 s. */
	EXPECT_GE(5000, xt_now_ms() - start);
	close(closed[0]);
	close(server);
}

/* Without linger close() returns at once and everything is delivered all the same. */
TEST_F(close, delivers_at_exit)
{
	const uint64_t len = 4 << 20;
	uint64_t seed = xt_seed();
	int client, server, status, how;
	char byte;
	pid_t pid;

	ROW("CLS-26");
	for (how = 0; how < 2; how++) {
		ASSERT_RET(0, xt_pair(variant->family, &client, &server));
		ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 1 << 20));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			close(server);
			xt_send_stream(client, seed, len);
			if (how)
				raise(SIGKILL);
			close(client);
			_exit(0);
		}
		close(client);
		EXPECT_TRUE(xt_recv_stream(server, seed, len));
		EXPECT_RET(0, recv(server, &byte, 1, 0));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(how ? SIGKILL : 0, status);
		close(server);
	}
}

/* Killed with 10 MB in the send buffer that the peer has not even begun to read. */
TEST_F(close, killed_with_data_queued)
{
	const uint64_t len = 10 << 20;
	uint64_t seed = xt_seed();
	int client, server, status;
	int done[2];
	char byte;
	pid_t pid;

	ROW("CLS-26");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUFFORCE, 32 << 20));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVBUF, 65536));
	ASSERT_RET(0, pipe(done));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(server);
		byte = xt_send_stream(client, seed, len);
		if (write(done[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	close(client);
	ASSERT_RET(1, read(done[0], &byte, 1));
	ASSERT_EQ(1, byte);
	ASSERT_RET(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(xt_recv_stream(server, seed, len));
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	close(server);
	close(done[0]);
	close(done[1]);
}

TEST_F(close, returns_at_once)
{
	int client, server;
	int64_t start;
	char byte;

	ROW("CLS-26");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_TRUE(xt_lo_delay(500));
	EXPECT_RET(1, send(client, "x", 1, 0));
	start = xt_now_ms();
	EXPECT_RET(0, close(client));
	EXPECT_GE(400, xt_now_ms() - start);
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	close(server);
}

/* The FIN leaves when the last of several descriptors is closed. */
TEST_F(close, dup)
{
	int client, server, copy;
	char byte;

	ROW("API-37");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	copy = ASSERT_FD(dup(client));
	close(client);
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, MSG_DONTWAIT));
	EXPECT_RET(1, send(copy, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_EQ(TCP_ESTABLISHED, xt_state(copy));
	close(copy);
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	close(server);
}

TEST_F(close, fork)
{
	int client, server, status;
	int go[2];
	char byte;
	pid_t pid;

	ROW("API-37");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(go[1]);
		read(go[0], &byte, 1);
		/* shutdown() acts for all who share it. */
		if (send(client, "c", 1, 0) != 1 || shutdown(client, SHUT_WR))
			_exit(1);
		_exit(0);
	}
	EXPECT_RET(1, send(client, "p", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(go[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_EQ('c', byte);
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	EXPECT_ERR(EPIPE, send(client, "x", 1, MSG_NOSIGNAL));
	EXPECT_RET(1, send(server, "s", 1, 0));
	EXPECT_RET(1, recv(client, &byte, 1, 0));
	close(client);
	close(server);
}

/* A descriptor on its way to another process keeps the connection. */
TEST_F(close, passed)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 'm';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int client, server, received;
	int unix_fds[2];

	ROW("API-37");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, socketpair(AF_UNIX, SOCK_STREAM, 0, unix_fds));
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &client, sizeof(int));
	ASSERT_RET(1, sendmsg(unix_fds[0], &msg, 0));
	close(client);
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, MSG_DONTWAIT));
	msg.msg_controllen = sizeof(control);
	ASSERT_RET(1, recvmsg(unix_fds[1], &msg, 0));
	memcpy(&received, CMSG_DATA(&control.header), sizeof(int));
	EXPECT_RET(1, send(received, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	/* Lost on the way, it is closed when the carrier goes. */
	ASSERT_RET(0, close(received));
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	close(server);
	close(unix_fds[0]);
	close(unix_fds[1]);
}

/* Data for a connection nobody holds any more: answered with RST. */
TEST_F(close, late_data_reset)
{
	int client, server;
	uint16_t port;
	char byte;

	ROW("CLS-22");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	port = local_port(client);
	close(client);
	EXPECT_RET(0, recv(server, &byte, 1, 0));
	EXPECT_RET(1, send(server, "x", 1, 0));
	EXPECT_TRUE(xt_wait_state(server, TCP_CLOSE));
	EXPECT_EQ(EPIPE, xt_so_error(server));
	close(server);
	EXPECT_TRUE(XT_WAIT(xt_proc_count(variant->family, port, 0) == 0));
}

TEST_HARNESS_MAIN
