// SPDX-License-Identifier: GPL-2.0-only
/* send() and its relatives: every call, blocking and not, EPIPE, SIGPIPE, resets. */
#define _GNU_SOURCE
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(send)

/* Reads @len bytes of the stream of @seed in a thread. */
struct reader {
	pthread_t thread;
	int fd;
	uint64_t seed;
	uint64_t len;
	int delay_ms;
	bool right;
};

static void *read_stream(void *arg)
{
	struct reader *reader = arg;

	if (reader->delay_ms)
		xt_pause_ms(reader->delay_ms);
	reader->right = xt_recv_stream(reader->fd, reader->seed, reader->len);
	return NULL;
}

/* The same stream written by every call that can write. */
TEST_F(send, every_call)
{
	static uint8_t buf[8192];
	struct reader reader = { .seed = xt_seed(), .len = sizeof(buf) };
	struct iovec iov[2];
	struct mmsghdr msgs[2];
	struct msghdr msg = { 0 };
	size_t at = 0;
	int client, server;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	xt_fill(buf, sizeof(buf), reader.seed, 0);
	reader.fd = server;
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_stream, &reader));
	EXPECT_RET(1000, write(client, buf + at, 1000));
	at += 1000;
	EXPECT_RET(1000, send(client, buf + at, 1000, 0));
	at += 1000;
	EXPECT_RET(1000, sendto(client, buf + at, 1000, 0, NULL, 0));
	at += 1000;
	iov[0] = (struct iovec){ buf + at, 1 };
	iov[1] = (struct iovec){ buf + at + 1, 999 };
	EXPECT_RET(1000, writev(client, iov, 2));
	at += 1000;
	iov[0].iov_base = buf + at;
	iov[1].iov_base = buf + at + 1;
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	EXPECT_RET(1000, sendmsg(client, &msg, 0));
	at += 1000;
	memset(msgs, 0, sizeof(msgs));
	iov[0] = (struct iovec){ buf + at, 500 };
	iov[1] = (struct iovec){ buf + at + 500, 500 };
	msgs[0].msg_hdr.msg_iov = iov;
	msgs[0].msg_hdr.msg_iovlen = 1;
	msgs[1].msg_hdr.msg_iov = iov + 1;
	msgs[1].msg_hdr.msg_iovlen = 1;
	EXPECT_RET(2, sendmmsg(client, msgs, 2, 0));
	EXPECT_EQ(500, msgs[0].msg_len);
	EXPECT_EQ(500, msgs[1].msg_len);
	at += 1000;
	EXPECT_RET(sizeof(buf) - at, send(client, buf + at, sizeof(buf) - at, MSG_EOR));
	pthread_join(reader.thread, NULL);
	EXPECT_TRUE(reader.right);
	close(client);
	close(server);
}

TEST_F(send, iovec_limit)
{
	static uint8_t out[IOV_MAX + 1], in[IOV_MAX];
	struct iovec iov[IOV_MAX + 1];
	struct msghdr msg = { .msg_iov = iov };
	int client, server, i;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	xt_fill(out, sizeof(out), 3, 0);
	for (i = 0; i <= IOV_MAX; i++)
		iov[i] = (struct iovec){ out + i, 1 };
	EXPECT_RET(IOV_MAX, writev(client, iov, IOV_MAX));
	EXPECT_RET(IOV_MAX, recv(server, in, IOV_MAX, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(in, out, IOV_MAX));
	msg.msg_iovlen = IOV_MAX;
	EXPECT_RET(IOV_MAX, sendmsg(client, &msg, 0));
	EXPECT_RET(IOV_MAX, recv(server, in, IOV_MAX, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(in, out, IOV_MAX));
	EXPECT_ERR(EINVAL, writev(client, iov, IOV_MAX + 1));
	msg.msg_iovlen = IOV_MAX + 1;
	EXPECT_ERR(EMSGSIZE, sendmsg(client, &msg, 0));
	close(client);
	close(server);
}

TEST_F(send, zero_length)
{
	int client, server;
	char byte;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(0, send(client, "", 0, 0));
	EXPECT_RET(0, write(client, "", 0));
	EXPECT_RET(0, send(client, NULL, 0, 0));
	/* Nothing arrived, the connection lives. */
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, MSG_DONTWAIT));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

/* TCP ignores an address given with data on a connection. */
TEST_F(send, address_ignored)
{
	struct xt_addr addr = xt_loopback(variant->family, 9);
	int client, server;
	char byte;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(1, sendto(client, "x", 1, 0, &addr.sa, addr.len));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

TEST_F(send, bad_pointer)
{
	int client, server;
	char byte;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_ERR(EFAULT, send(client, (void *)1, 10, 0));
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, MSG_DONTWAIT));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_EQ('x', byte);
	close(client);
	close(server);
}

/* A blocking call takes everything, however slow the reader. */
TEST_F(send, blocking_full_length)
{
	const size_t len = 3 << 20;
	struct reader reader = { .seed = xt_seed(), .len = len, .delay_ms = 100 };
	uint8_t *buf = malloc(len);
	int client, server;

	ROW("API-12");
	ASSERT_NE(NULL, buf);
	xt_fill(buf, len, reader.seed, 0);
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 20000));
	reader.fd = server;
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_stream, &reader));
	EXPECT_RET(len, send(client, buf, len, 0));
	pthread_join(reader.thread, NULL);
	EXPECT_TRUE(reader.right);
	free(buf);
	close(client);
	close(server);
}

/* Fills @fd without blocking; bytes taken. */
static uint64_t fill_up(int fd, uint64_t seed, int flags)
{
	static uint8_t buf[65536];
	uint64_t sent = 0;
	int refused = 0;

	/* Until the peer's window is shut as well, what is queued goes on leaving. */
	while (refused < 50) {
		ssize_t n;

		xt_fill(buf, sizeof(buf), seed, sent);
		n = send(fd, buf, sizeof(buf), flags | MSG_NOSIGNAL);
		if (n > 0) {
			sent += n;
			refused = 0;
		} else {
			refused++;
			xt_pause_ms(5);
		}
	}
	return sent;
}

TEST_F(send, nonblocking_full)
{
	uint64_t seed = xt_seed();
	uint64_t sent;
	int client, server;

	ROW("API-12");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_nonblock(client));
	sent = fill_up(client, seed, 0);
	EXPECT_LT(0, sent);
	EXPECT_ERR(EAGAIN, send(client, "x", 1, 0));
	EXPECT_ERR(EAGAIN, write(client, "x", 1));
	EXPECT_EQ(0, xt_revents(client, POLLOUT));
	/* Exactly what was said to be taken arrives. */
	EXPECT_TRUE(xt_recv_stream(server, seed, sent));
	EXPECT_TRUE(xt_poll(client, POLLOUT, XT_DEADLINE_MS) & POLLOUT);
	shutdown(client, SHUT_WR);
	EXPECT_RET(0, recv(server, &seed, 1, 0));
	close(client);
	close(server);
}

TEST_F(send, dontwait_full)
{
	uint64_t seed = xt_seed();
	uint64_t sent;
	int client, server;

	ROW("API-12");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	sent = fill_up(client, seed, MSG_DONTWAIT);
	EXPECT_ERR(EAGAIN, send(client, "x", 1, MSG_DONTWAIT));
	EXPECT_TRUE(xt_recv_stream(server, seed, sent));
	close(client);
	close(server);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	alarms++;
}

/* Signals every 5 ms at random moments of a transfer lose and double nothing. */
TEST_F(send, interrupted_at_random)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = { { 0, 5000 }, { 0, 5000 } };
	const uint64_t len = 4 << 20;
	static uint8_t buf[300000];
	uint64_t seed = xt_seed(), sent = 0, short_counts = 0;
	int client, server;
	pid_t pid;
	int status;

	ROW("API-12");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 50000));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		bool right;

		close(client);
		right = xt_recv_stream(server, seed, len);
		_exit(right && recv(server, buf, 1, 0) == 0 ? 0 : 1);
	}
	close(server);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (sent < len) {
		size_t piece = len - sent < sizeof(buf) ? len - sent : sizeof(buf);
		ssize_t n;

		xt_fill(buf, piece, seed, sent);
		n = send(client, buf, piece, 0);
		if (n < 0) {
			ASSERT_EQ(EINTR, errno);
			n = 0;
		}
		sent += n;
		short_counts += n != (ssize_t)piece;
	}
	timer = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &timer, NULL);
	close(client);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	TH_LOG("%d signals, %llu calls cut short", (int)alarms, (unsigned long long)short_counts);
}

TEST_F(send, never_connected)
{
	struct xt_addr addr = xt_loopback(variant->family, 9);
	int fd, lfd;

	ROW("API-13");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERR(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERR(EPIPE, sendto(fd, "x", 1, MSG_NOSIGNAL, &addr.sa, addr.len));
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	EXPECT_ERR(EPIPE, send(lfd, "x", 1, MSG_NOSIGNAL));
	close(fd);
	close(lfd);
}

TEST_F(send, after_shutdown)
{
	int client, server;

	ROW("API-13");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_ERR(EPIPE, send(client, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERR(EPIPE, send(client, "x", 1, MSG_NOSIGNAL));
	close(client);
	close(server);
}

TEST_F(send, after_reset)
{
	int client, server;

	ROW("API-13");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_reset(server));
	ASSERT_TRUE(xt_wait_state(client, TCP_CLOSE));
	EXPECT_ERR(ECONNRESET, send(client, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERR(EPIPE, send(client, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERR(EPIPE, send(client, "x", 1, MSG_NOSIGNAL));
	close(client);
}

/* The peer has closed altogether: the first data draw a RST, which in CLOSE_WAIT means EPIPE. */
TEST_F(send, after_peer_close)
{
	int client, server;
	char byte;

	ROW("API-13");
	ROW("CLS-33");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	close(server);
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	EXPECT_RET(1, send(client, "x", 1, MSG_NOSIGNAL));
	ASSERT_TRUE(xt_wait_state(client, TCP_CLOSE));
	EXPECT_ERR(EPIPE, send(client, "x", 1, MSG_NOSIGNAL));
	EXPECT_RET(0, recv(client, &byte, 1, 0));
	close(client);
}

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	pipes++;
}

TEST_F(send, sigpipe)
{
	struct sigaction action = { .sa_handler = on_pipe };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int client, server, fd;

	ROW("API-14");
	sigaction(SIGPIPE, &action, NULL);
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_ERR(EPIPE, send(client, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, pipes);
	EXPECT_ERR(EPIPE, send(client, "x", 1, 0));
	EXPECT_EQ(1, pipes);
	EXPECT_ERR(EPIPE, write(client, "x", 1));
	EXPECT_EQ(2, pipes);
	EXPECT_ERR(EPIPE, sendmsg(client, &msg, 0));
	EXPECT_EQ(3, pipes);
	EXPECT_ERR(EPIPE, sendmsg(client, &msg, MSG_NOSIGNAL));
	EXPECT_EQ(3, pipes);
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(EPIPE, send(fd, "x", 1, 0));
	EXPECT_EQ(4, pipes);
	/* The reset itself is no broken pipe, what follows is. */
	close(server);
	close(client);
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_reset(server));
	ASSERT_TRUE(xt_wait_state(client, TCP_CLOSE));
	EXPECT_ERR(ECONNRESET, send(client, "x", 1, 0));
	EXPECT_EQ(4, pipes);
	EXPECT_ERR(EPIPE, send(client, "x", 1, 0));
	EXPECT_EQ(5, pipes);
	close(fd);
	close(client);
}

/* Who blocks in send() learns of the reset. */
TEST_F(send, blocked_then_reset)
{
	static uint8_t buf[65536];
	int client, server, status;
	pid_t pid;

	ROW("API-13");
	ROW("CLS-33");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(server);
		while (send(client, buf, sizeof(buf), MSG_NOSIGNAL) == sizeof(buf))
			;
		/* A short count, then the error. */
		if (errno != ECONNRESET)
			send(client, buf, 1, MSG_NOSIGNAL);
		_exit(errno);
	}
	close(client);
	xt_wait_unread(server, 65536);
	xt_pause_ms(200);
	ASSERT_RET(0, xt_reset(server));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(ECONNRESET, WEXITSTATUS(status))
		TH_LOG("errno %s", strerrorname_np(WEXITSTATUS(status)));
}

/* Held back by MSG_MORE or TCP_CORK, sent when the reason ends. */
TEST_F(send, more_and_cork)
{
	char buf[16];
	int client, server;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(2, send(client, "ab", 2, MSG_MORE));
	EXPECT_RET(2, send(client, "cd", 2, 0));
	EXPECT_RET(4, recv(server, buf, 4, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
	ASSERT_RET(0, xt_set_int(client, SOL_TCP, TCP_CORK, 1));
	EXPECT_RET(2, send(client, "ef", 2, 0));
	EXPECT_RET(2, send(client, "gh", 2, 0));
	ASSERT_RET(0, xt_set_int(client, SOL_TCP, TCP_CORK, 0));
	EXPECT_RET(4, recv(server, buf, 4, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "efgh", 4));
	/* Never uncorked: the ceiling of about 200 ms sends it. */
	ASSERT_RET(0, xt_set_int(client, SOL_TCP, TCP_CORK, 1));
	EXPECT_RET(2, send(client, "ij", 2, 0));
	EXPECT_TRUE(xt_wait_unread(server, 2));
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
