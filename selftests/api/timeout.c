// SPDX-License-Identifier: GPL-2.0-only
/* SO_RCVTIMEO and SO_SNDTIMEO: how long blocking calls block, and what they return then. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/time.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(timeout)

/* A call that must take @ms, give or take what an emulated machine needs. */
#define EXPECT_TAKES(ms, start)						\
	do {								\
		int64_t took = xt_now_ms() - (start);			\
									\
		EXPECT_LE((ms) - 10, took);				\
		EXPECT_GE((ms) + 1500, took);				\
	} while (0)

TEST_F(timeout, recv)
{
	int client, server;
	int64_t start;
	char buf[8];

	ROW("API-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_timeout(server, SO_RCVTIMEO, 300));
	start = xt_now_ms();
	EXPECT_ERR(EAGAIN, recv(server, buf, sizeof(buf), 0));
	EXPECT_TAKES(300, start);
	/* With a part there, the part. */
	EXPECT_RET(3, send(client, "abc", 3, 0));
	start = xt_now_ms();
	EXPECT_RET(3, recv(server, buf, sizeof(buf), MSG_WAITALL));
	EXPECT_TAKES(300, start);
	close(client);
	close(server);
}

TEST_F(timeout, accept)
{
	struct xt_addr addr;
	int64_t start;
	int lfd;

	ROW("API-30");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	ASSERT_RET(0, xt_set_timeout(lfd, SO_RCVTIMEO, 300));
	start = xt_now_ms();
	EXPECT_ERR(EAGAIN, accept(lfd, NULL, NULL));
	EXPECT_TAKES(300, start);
	close(lfd);
}

TEST_F(timeout, connect)
{
	struct xt_addr to = xt_hole_addr(variant->family, 7);
	int64_t start;
	int tun, fd;

	ROW("API-30");
	tun = ASSERT_FD(xt_hole());
	fd = ASSERT_FD(xt_socket(variant->family));
	ASSERT_RET(0, xt_set_timeout(fd, SO_SNDTIMEO, 300));
	start = xt_now_ms();
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &to));
	EXPECT_TAKES(300, start);
	EXPECT_EQ(TCP_SYN_SENT, xt_state(fd));
	EXPECT_ERR(EALREADY, xt_connect(fd, &to));
	close(fd);
	close(tun);
}

TEST_F(timeout, send)
{
	static uint8_t buf[8 << 20];
	int client, server;
	int64_t start;
	ssize_t n;

	ROW("API-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVBUF, 65536));
	ASSERT_RET(0, xt_set_timeout(client, SO_SNDTIMEO, 300));
	n = send(client, buf, sizeof(buf), 0);
	EXPECT_LT(0, n);
	EXPECT_GT(sizeof(buf), n);
	/* Until nothing at all is taken. */
	do {
		start = xt_now_ms();
		n = send(client, buf, sizeof(buf), 0);
	} while (n > 0);
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_TAKES(300, start);
	close(client);
	close(server);
}

TEST_F(timeout, values)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);
	int fd;

	ROW("API-30");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT_EQ(0, tv.tv_sec);
	EXPECT_EQ(0, tv.tv_usec);
	ASSERT_RET(0, xt_set_timeout(fd, SO_RCVTIMEO, 2500));
	EXPECT_RET(0, getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT_EQ(2, tv.tv_sec);
	EXPECT_EQ(500000, tv.tv_usec);
	tv.tv_usec = 1000000;
	EXPECT_ERR(EDOM, setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	EXPECT_ERR(EINVAL, setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, 4));
	close(fd);
}

/* A blocking read waits for the low-water mark. */
TEST_F(timeout, low_water)
{
	int client, server;
	char buf[8];

	ROW("API-30");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_RCVLOWAT, 4));
	ASSERT_RET(0, xt_set_timeout(server, SO_RCVTIMEO, 200));
	EXPECT_RET(3, send(client, "abc", 3, 0));
	ASSERT_TRUE(xt_wait_unread(server, 3));
	/* Given up at the time-out, with what there is. */
	EXPECT_RET(3, recv(server, buf, sizeof(buf), 0));
	EXPECT_RET(4, send(client, "abcd", 4, 0));
	EXPECT_RET(4, recv(server, buf, sizeof(buf), 0));
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
