// SPDX-License-Identifier: GPL-2.0-only
/* Signals: interrupted and restarted calls, SIGIO and SIGURG. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

static volatile sig_atomic_t alarms, ios, urgents;

static void count(int sig)
{
	if (sig == SIGALRM)
		alarms++;
	else if (sig == SIGURG)
		urgents++;
	else
		ios++;
}

static void handle(int sig, int flags)
{
	struct sigaction action = { .sa_handler = count, .sa_flags = flags };

	sigaction(sig, &action, NULL);
}

/* SIGALRM once, in @milliseconds. */
static void alarm_in_ms(int milliseconds)
{
	struct itimerval timer = { .it_value = { .tv_usec = milliseconds * 1000 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

XT_FIXTURE(signal)

TEST_F(signal, recv_interrupted)
{
	int client, server;
	char byte;

	ROW("API-36");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	handle(SIGALRM, 0);
	alarm_in_ms(50);
	EXPECT_ERR(EINTR, recv(server, &byte, 1, 0));
	EXPECT_EQ(1, alarms);
	close(client);
	close(server);
}

/* After the signal the call goes on by itself. */
TEST_F(signal, recv_restarted)
{
	int client, server, status;
	char byte;
	pid_t pid;

	ROW("API-36");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	handle(SIGALRM, SA_RESTART);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		xt_pause_ms(300);
		_exit(send(client, "x", 1, 0) != 1);
	}
	alarm_in_ms(50);
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_EQ(1, alarms);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(client);
	close(server);
}

/* A socket with a time-out is never restarted. */
TEST_F(signal, timeout_not_restarted)
{
	int client, server;
	char byte;

	ROW("API-36");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_timeout(server, SO_RCVTIMEO, 10000));
	handle(SIGALRM, SA_RESTART);
	alarm_in_ms(50);
	EXPECT_ERR(EINTR, recv(server, &byte, 1, 0));
	EXPECT_EQ(1, alarms);
	close(client);
	close(server);
}

TEST_F(signal, accept_interrupted)
{
	struct xt_addr addr;
	int lfd, status, fd;
	pid_t pid;

	ROW("API-36");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	handle(SIGALRM, 0);
	alarm_in_ms(50);
	EXPECT_ERR(EINTR, accept(lfd, NULL, NULL));
	EXPECT_EQ(1, alarms);
	handle(SIGALRM, SA_RESTART);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		xt_pause_ms(300);
		_exit(xt_dial(variant->family, &addr) < 0);
	}
	alarm_in_ms(50);
	fd = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_EQ(2, alarms);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(fd);
	close(lfd);
}

/* What was taken before the signal is reported. */
TEST_F(signal, send_partial)
{
	static uint8_t buf[16 << 20];
	int client, server;
	ssize_t n;

	ROW("API-36");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	handle(SIGALRM, SA_RESTART);
	alarm_in_ms(300);
	n = send(client, buf, sizeof(buf), 0);
	EXPECT_LT(0, n);
	EXPECT_GT(sizeof(buf), n);
	EXPECT_EQ(1, alarms);
	/* Nothing more can be taken: now the error itself. */
	while (send(client, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	handle(SIGALRM, 0);
	alarm_in_ms(50);
	n = send(client, buf, sizeof(buf), 0);
	if (n < 0) {
		EXPECT_EQ(EINTR, errno);
	}
	close(client);
	close(server);
}

/* poll() is not restarted, whatever the flags. */
TEST_F(signal, poll_interrupted)
{
	int client, server;
	struct pollfd pfd;

	ROW("API-36");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	handle(SIGALRM, SA_RESTART);
	alarm_in_ms(50);
	pfd = (struct pollfd){ .fd = server, .events = POLLIN };
	EXPECT_ERR(EINTR, poll(&pfd, 1, XT_DEADLINE_MS));
	close(client);
	close(server);
}

TEST_F(signal, sigio)
{
	int client, server, before;
	char byte;

	ROW("API-36");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	handle(SIGIO, SA_RESTART);
	ASSERT_RET(0, fcntl(server, F_SETOWN, getpid()));
	ASSERT_RET(0, fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_ASYNC));
	EXPECT_EQ(0, ios);
	EXPECT_RET(1, send(client, "x", 1, 0));
	EXPECT_TRUE(XT_WAIT(ios > 0));
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	before = ios;
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_TRUE(XT_WAIT(ios > before));
	close(client);
	close(server);
}

TEST_F(signal, sigio_listener)
{
	struct xt_addr addr;
	int lfd, client;

	ROW("API-36");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	handle(SIGIO, SA_RESTART);
	ASSERT_RET(0, fcntl(lfd, F_SETOWN, getpid()));
	ASSERT_RET(0, fcntl(lfd, F_SETFL, fcntl(lfd, F_GETFL) | O_ASYNC));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	EXPECT_TRUE(XT_WAIT(ios > 0));
	close(client);
	close(lfd);
}

TEST_F(signal, sigurg)
{
	int client, server;

	ROW("API-36");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	handle(SIGURG, SA_RESTART);
	ASSERT_RET(0, fcntl(server, F_SETOWN, getpid()));
	EXPECT_RET(1, send(client, "x", 1, 0));
	ASSERT_TRUE(xt_wait_unread(server, 1));
	EXPECT_EQ(0, urgents);
	EXPECT_RET(1, send(client, "U", 1, MSG_OOB));
	EXPECT_TRUE(XT_WAIT(urgents == 1));
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
