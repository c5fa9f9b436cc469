// SPDX-License-Identifier: GPL-2.0-only
/* recv() and its relatives: every call, peeking, waiting, discarding, end of file, errors. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(recv)

TEST_F(recv, every_call)
{
	static uint8_t out[6000], in[6000];
	struct xt_addr addr;
	struct iovec iov[2];
	struct mmsghdr msgs[2];
	struct msghdr msg = { 0 };
	int client, server;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	xt_fill(out, sizeof(out), xt_seed(), 0);
	EXPECT_RET(sizeof(out), send(client, out, sizeof(out), 0));
	ASSERT_TRUE(xt_wait_unread(server, sizeof(out)));
	EXPECT_RET(1000, read(server, in, 1000));
	EXPECT_RET(1000, recv(server, in + 1000, 1000, 0));
	/* A stream has no sender address. */
	addr.len = sizeof(addr.ss);
	EXPECT_RET(1000, recvfrom(server, in + 2000, 1000, 0, &addr.sa, &addr.len));
	EXPECT_EQ(0, addr.len);
	iov[0] = (struct iovec){ in + 3000, 1 };
	iov[1] = (struct iovec){ in + 3001, 999 };
	EXPECT_RET(1000, readv(server, iov, 2));
	iov[0].iov_base = in + 4000;
	iov[1].iov_base = in + 4001;
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	msg.msg_name = &addr.ss;
	msg.msg_namelen = sizeof(addr.ss);
	EXPECT_RET(1000, recvmsg(server, &msg, 0));
	EXPECT_EQ(0, msg.msg_namelen);
	EXPECT_EQ(0, msg.msg_flags);
	memset(msgs, 0, sizeof(msgs));
	iov[0] = (struct iovec){ in + 5000, 500 };
	iov[1] = (struct iovec){ in + 5500, 500 };
	msgs[0].msg_hdr.msg_iov = iov;
	msgs[0].msg_hdr.msg_iovlen = 1;
	msgs[1].msg_hdr.msg_iov = iov + 1;
	msgs[1].msg_hdr.msg_iovlen = 1;
	EXPECT_RET(2, recvmmsg(server, msgs, 2, 0, NULL));
	EXPECT_EQ(500, msgs[0].msg_len);
	EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
	EXPECT_ERR(EAGAIN, recv(server, in, 1, MSG_DONTWAIT));
	close(client);
	close(server);
}

TEST_F(recv, zero_length)
{
	int client, server;
	char byte;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	/* As TCP: even for nothing it waits until there is something. */
	EXPECT_ERR(EAGAIN, recv(server, &byte, 0, MSG_DONTWAIT));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_TRUE(xt_wait_unread(server, 1));
	EXPECT_RET(0, recv(server, NULL, 0, 0));
	EXPECT_RET(0, recv(server, &byte, 0, 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

TEST_F(recv, nonblocking_empty)
{
	int client, server;
	char byte;

	ROW("API-12");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, MSG_DONTWAIT));
	ASSERT_RET(0, xt_nonblock(server));
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, 0));
	EXPECT_ERR(EAGAIN, read(server, &byte, 1));
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, MSG_PEEK));
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_TRUE(xt_poll(server, POLLIN, XT_DEADLINE_MS) & POLLIN);
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

TEST_F(recv, never_connected)
{
	struct xt_addr addr;
	char byte;
	int fd, lfd;

	ROW("API-15");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ENOTCONN, recv(fd, &byte, 1, 0));
	EXPECT_ERR(ENOTCONN, recv(fd, &byte, 1, MSG_DONTWAIT));
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	EXPECT_ERR(ENOTCONN, recv(lfd, &byte, 1, 0));
	close(fd);
	close(lfd);
}

TEST_F(recv, data_then_fin)
{
	char buf[200];
	int client, server;

	ROW("API-15");
	ROW("CLS-09");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	memset(buf, 'x', sizeof(buf));
	EXPECT_RET(100, send(client, buf, 100, 0));
	close(client);
	EXPECT_RET(100, recv(server, buf, sizeof(buf), MSG_WAITALL));
	EXPECT_RET(0, recv(server, buf, sizeof(buf), 0));
	EXPECT_RET(0, recv(server, buf, sizeof(buf), 0));
	EXPECT_RET(0, recv(server, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, xt_so_error(server));
	close(server);
}

TEST_F(recv, data_then_reset)
{
	char buf[200];
	int client, server;

	ROW("API-15");
	ROW("CLS-32");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	memset(buf, 'x', sizeof(buf));
	EXPECT_RET(100, send(client, buf, 100, 0));
	ASSERT_TRUE(xt_wait_unread(server, 100));
	ASSERT_RET(0, xt_reset(client));
	ASSERT_TRUE(xt_wait_state(server, TCP_CLOSE));
	EXPECT_RET(100, recv(server, buf, sizeof(buf), 0));
	EXPECT_ERR(ECONNRESET, recv(server, buf, sizeof(buf), 0));
	EXPECT_RET(0, recv(server, buf, sizeof(buf), 0));
	close(server);
}

struct blocked {
	pthread_t thread;
	int fd;
	int flags;
	size_t len;
	char buf[256];
	ssize_t got;
	int err;
};

static void *block_in_recv(void *arg)
{
	struct blocked *blocked = arg;

	errno = 0;
	blocked->got = recv(blocked->fd, blocked->buf, blocked->len, blocked->flags);
	blocked->err = errno;
	return NULL;
}

TEST_F(recv, blocked_wakes)
{
	struct blocked blocked = { .len = 256 };
	int client;

	ROW("API-12");
	ASSERT_RET(0, xt_pair(variant->family, &client, &blocked.fd));
	/* By data. */
	ASSERT_EQ(0, pthread_create(&blocked.thread, NULL, block_in_recv, &blocked));
	xt_pause_ms(20);
	EXPECT_RET(3, send(client, "abc", 3, 0));
	pthread_join(blocked.thread, NULL);
	EXPECT_EQ(3, blocked.got);
	/* By end of file. */
	ASSERT_EQ(0, pthread_create(&blocked.thread, NULL, block_in_recv, &blocked));
	xt_pause_ms(20);
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	pthread_join(blocked.thread, NULL);
	EXPECT_EQ(0, blocked.got);
	close(client);
	close(blocked.fd);
	/* By a reset. */
	ASSERT_RET(0, xt_pair(variant->family, &client, &blocked.fd));
	ASSERT_EQ(0, pthread_create(&blocked.thread, NULL, block_in_recv, &blocked));
	xt_pause_ms(20);
	ASSERT_RET(0, xt_reset(client));
	pthread_join(blocked.thread, NULL);
	EXPECT_EQ(-1, blocked.got);
	EXPECT_EQ(ECONNRESET, blocked.err);
	close(blocked.fd);
}

TEST_F(recv, peek)
{
	char buf[16];
	int client, server;

	ROW("API-16");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(6, send(client, "abcdef", 6, 0));
	ASSERT_TRUE(xt_wait_unread(server, 6));
	EXPECT_RET(6, recv(server, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
	EXPECT_RET(3, recv(server, buf, 3, MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	EXPECT_RET(2, recv(server, buf, 2, 0));
	EXPECT_RET(4, recv(server, buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(0, memcmp(buf, "cdef", 4));
	EXPECT_RET(4, recv(server, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "cdef", 4));
	EXPECT_ERR(EAGAIN, recv(server, buf, 1, MSG_PEEK | MSG_DONTWAIT));
	/* Peeking at the end of file does not consume it either. */
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_RET(0, recv(server, buf, 1, MSG_PEEK));
	EXPECT_RET(0, recv(server, buf, 1, 0));
	close(client);
	close(server);
}

TEST_F(recv, peek_waitall)
{
	struct blocked blocked = { .len = 6, .flags = MSG_PEEK | MSG_WAITALL };
	char buf[16];
	int client;

	ROW("API-16");
	ASSERT_RET(0, xt_pair(variant->family, &client, &blocked.fd));
	ASSERT_EQ(0, pthread_create(&blocked.thread, NULL, block_in_recv, &blocked));
	EXPECT_RET(3, send(client, "abc", 3, 0));
	ASSERT_TRUE(xt_wait_unread(blocked.fd, 3));
	xt_pause_ms(20);
	EXPECT_RET(3, send(client, "def", 3, 0));
	pthread_join(blocked.thread, NULL);
	EXPECT_EQ(6, blocked.got);
	EXPECT_EQ(0, memcmp(blocked.buf, "abcdef", 6));
	EXPECT_RET(6, recv(blocked.fd, buf, sizeof(buf), 0));
	close(client);
	close(blocked.fd);
}

TEST_F(recv, peek_trunc)
{
	char buf[16] = "untouched";
	int client, server;

	ROW("API-16");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(6, send(client, "abcdef", 6, 0));
	ASSERT_TRUE(xt_wait_unread(server, 6));
	EXPECT_RET(4, recv(server, buf, 4, MSG_PEEK | MSG_TRUNC));
	EXPECT_STREQ("untouched", buf);
	EXPECT_RET(6, recv(server, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
	close(client);
	close(server);
}

TEST_F(recv, waitall)
{
	struct blocked blocked = { .len = 100, .flags = MSG_WAITALL };
	char out[100];
	int client, i;

	ROW("API-17");
	ASSERT_RET(0, xt_pair(variant->family, &client, &blocked.fd));
	xt_fill(out, sizeof(out), 5, 0);
	ASSERT_RET(0, xt_set_int(client, SOL_TCP, TCP_NODELAY, 1));
	ASSERT_EQ(0, pthread_create(&blocked.thread, NULL, block_in_recv, &blocked));
	for (i = 0; i < 100; i += 10) {
		EXPECT_RET(10, send(client, out + i, 10, 0));
		xt_pause_ms(2);
	}
	pthread_join(blocked.thread, NULL);
	EXPECT_EQ(100, blocked.got);
	EXPECT_EQ(0, memcmp(blocked.buf, out, 100));
	close(client);
	close(blocked.fd);
}

/* End of file, error, or not being allowed to wait end it early. */
TEST_F(recv, waitall_short)
{
	struct blocked blocked = { .len = 100, .flags = MSG_WAITALL };
	int client;

	ROW("API-17");
	ASSERT_RET(0, xt_pair(variant->family, &client, &blocked.fd));
	EXPECT_RET(7, send(client, "0123456", 7, 0));
	ASSERT_TRUE(xt_wait_unread(blocked.fd, 7));
	EXPECT_RET(7, recv(blocked.fd, blocked.buf, 100, MSG_WAITALL | MSG_DONTWAIT));
	EXPECT_ERR(EAGAIN, recv(blocked.fd, blocked.buf, 100, MSG_WAITALL | MSG_DONTWAIT));
	EXPECT_RET(7, send(client, "0123456", 7, 0));
	ASSERT_EQ(0, pthread_create(&blocked.thread, NULL, block_in_recv, &blocked));
	xt_pause_ms(20);
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	pthread_join(blocked.thread, NULL);
	EXPECT_EQ(7, blocked.got);
	EXPECT_RET(0, recv(blocked.fd, blocked.buf, 100, MSG_WAITALL));
	close(client);
	close(blocked.fd);

	ASSERT_RET(0, xt_pair(variant->family, &client, &blocked.fd));
	EXPECT_RET(7, send(client, "0123456", 7, 0));
	ASSERT_TRUE(xt_wait_unread(blocked.fd, 7));
	ASSERT_EQ(0, pthread_create(&blocked.thread, NULL, block_in_recv, &blocked));
	xt_pause_ms(50);
	ASSERT_RET(0, xt_reset(client));
	pthread_join(blocked.thread, NULL);
	EXPECT_EQ(7, blocked.got);
	EXPECT_ERR(ECONNRESET, recv(blocked.fd, blocked.buf, 100, MSG_WAITALL));
	close(blocked.fd);
}

static void on_alarm(int sig)
{
}

TEST_F(recv, waitall_interrupted)
{
	/* SA_RESTART does not matter once something was read. */
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval timer = { .it_value = { .tv_usec = 100000 } };
	char buf[100];
	int client, server;

	ROW("API-17");
	ROW("API-36");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	sigaction(SIGALRM, &action, NULL);
	EXPECT_RET(7, send(client, "0123456", 7, 0));
	setitimer(ITIMER_REAL, &timer, NULL);
	EXPECT_RET(7, recv(server, buf, 100, MSG_WAITALL));
	EXPECT_RET(3, send(client, "789", 3, 0));
	EXPECT_RET(3, recv(server, buf + 7, 3, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "0123456789", 10));
	close(client);
	close(server);
}

/* More than the receive buffer holds at once. */
TEST_F(recv, waitall_large)
{
	const size_t len = 2 << 20;
	uint64_t seed = xt_seed();
	uint8_t *buf = malloc(len);
	int client, server, status;
	pid_t pid;

	ROW("API-17");
	ASSERT_NE(NULL, buf);
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(!xt_send_stream(client, seed, len));
	EXPECT_RET(len, recv(server, buf, len, MSG_WAITALL));
	EXPECT_EQ(-1, xt_mismatch(buf, len, seed, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	free(buf);
	close(client);
	close(server);
}

TEST_F(recv, discard)
{
	static uint8_t out[3000], in[3000];
	int client, server;

	ROW("API-18");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	xt_fill(out, sizeof(out), 6, 0);
	EXPECT_RET(sizeof(out), send(client, out, sizeof(out), 0));
	ASSERT_TRUE(xt_wait_unread(server, sizeof(out)));
	EXPECT_RET(1000, recv(server, NULL, 1000, MSG_TRUNC));
	memset(in, 0xee, sizeof(in));
	EXPECT_RET(500, recv(server, in, 500, MSG_TRUNC));
	EXPECT_EQ(0xee, in[0]);
	EXPECT_RET(1500, recv(server, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, out + 1500, 1500));
	close(client);
	close(server);
}

/* A copy that fails takes nothing from the stream. */
TEST_F(recv, bad_pointer)
{
	char buf[8];
	int client, server;

	ROW("API-15");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(6, send(client, "abcdef", 6, 0));
	ASSERT_TRUE(xt_wait_unread(server, 6));
	EXPECT_ERR(EFAULT, recv(server, (void *)1, 6, 0));
	EXPECT_RET(6, recv(server, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
	close(client);
	close(server);
}

TEST_F(recv, error_queue_empty)
{
	char buf[8];
	int client, server;

	ROW("API-21");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(6, send(client, "abcdef", 6, 0));
	ASSERT_TRUE(xt_wait_unread(server, 6));
	EXPECT_ERR(EAGAIN, recv(server, buf, sizeof(buf), MSG_ERRQUEUE));
	EXPECT_RET(6, recv(server, buf, sizeof(buf), 0));
	close(client);
	close(server);
}

TEST_F(recv, no_urgent_data)
{
	char byte;
	int client, server;

	ROW("API-19");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_ERR(EINVAL, recv(server, &byte, 1, MSG_OOB));
	EXPECT_RET(1, send(client, "x", 1, 0));
	ASSERT_TRUE(xt_wait_unread(server, 1));
	EXPECT_ERR(EINVAL, recv(server, &byte, 1, MSG_OOB));
	close(client);
	close(server);
}

TEST_F(recv, urgent_byte)
{
	char buf[8];
	int client, server, mark;

	ROW("API-19");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(3, send(client, "abU", 3, MSG_OOB));
	EXPECT_TRUE(xt_poll(server, POLLPRI, XT_DEADLINE_MS) & POLLPRI);
	EXPECT_RET(2, send(client, "cd", 2, 0));
	ASSERT_TRUE(XT_WAIT(recv(server, buf, 1, MSG_OOB | MSG_PEEK) == 1));
	EXPECT_RET(1, recv(server, buf, 1, MSG_OOB));
	EXPECT_EQ('U', buf[0]);
	EXPECT_ERR(EINVAL, recv(server, buf, 1, MSG_OOB));
	/* Reading stops at the mark. */
	EXPECT_EQ(0, sockatmark(server));
	EXPECT_RET(2, recv(server, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
	mark = sockatmark(server);
	EXPECT_EQ(1, mark);
	EXPECT_RET(2, recv(server, buf, 2, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "cd", 2));
	close(client);
	close(server);
}

TEST_F(recv, urgent_inline)
{
	char buf[8];
	int client, server;

	ROW("API-19");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_OOBINLINE, 1));
	EXPECT_RET(3, send(client, "abU", 3, MSG_OOB));
	ASSERT_TRUE(xt_wait_unread(server, 2));
	EXPECT_ERR(EINVAL, recv(server, buf, 1, MSG_OOB));
	EXPECT_RET(2, recv(server, buf, sizeof(buf), 0));
	EXPECT_EQ(1, sockatmark(server));
	EXPECT_RET(1, recv(server, buf, sizeof(buf), 0));
	EXPECT_EQ('U', buf[0]);
	close(client);
	close(server);
}

/* What is set in a namespace, for the transport under test. */
static bool set_moderation(const char *value)
{
	return xt_sysctl(xt_is_control() ? "net/ipv4/tcp_moderate_rcvbuf" :
					   "net/xtcp/moderate_rcvbuf", value);
}

/* Sends @len bytes over a path with a delay; the receive buffer at the end, or -1. */
static int buffer_after(int family, size_t len, int rcvbuf)
{
	int client, server, status, result;
	pid_t child;

	if (xt_pair(family, &client, &server) ||
	    (rcvbuf && xt_set_int(server, SOL_SOCKET, SO_RCVBUF, rcvbuf)))
		return -1;
	child = fork();
	if (!child) {
		close(server);
		_exit(!xt_send_stream(client, 3, len));
	}
	close(client);
	result = xt_recv_stream(server, 3, len) ? xt_get_int(server, SOL_SOCKET, SO_RCVBUF) : -1;
	close(server);
	if (waitpid(child, &status, 0) != child || status)
		return -1;
	return result;
}

/* The buffer follows the rate, unless the application or the administrator has a say. */
TEST_F_TIMEOUT(recv, buffer_grows, 120)
{
	size_t len = 6 << 20;

	ROW("DATA-38");
	ASSERT_TRUE(xt_lo_delay(10));
	EXPECT_LT(2 * 131072, buffer_after(variant->family, len, 0));
	EXPECT_EQ(131072, buffer_after(variant->family, 1 << 20, 65536));
	ASSERT_TRUE(set_moderation("0"));
	EXPECT_EQ(131072, buffer_after(variant->family, len / 4, 0));
}

TEST_HARNESS_MAIN
