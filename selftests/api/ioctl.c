// SPDX-License-Identifier: GPL-2.0-only
/* ioctl(): the queue lengths, the urgent mark, and what sockets of any kind answer. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(ioctl)

/* The number, or -errno. */
static int ask(int fd, unsigned long request)
{
	int value = -1;

	return ioctl(fd, request, &value) ? -errno : value;
}

TEST_F(ioctl, unread)
{
	char buf[100];
	int client, server;

	ROW("API-35");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_EQ(0, ask(server, SIOCINQ));
	memset(buf, 'x', sizeof(buf));
	EXPECT_RET(100, send(client, buf, 100, 0));
	EXPECT_TRUE(XT_WAIT(ask(server, SIOCINQ) == 100));
	EXPECT_EQ(100, ask(server, FIONREAD));
	EXPECT_RET(30, recv(server, buf, 30, 0));
	EXPECT_EQ(70, ask(server, SIOCINQ));
	/* The FIN is no byte. */
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_TRUE(xt_wait_state(server, TCP_CLOSE_WAIT));
	EXPECT_EQ(70, ask(server, SIOCINQ));
	EXPECT_RET(70, recv(server, buf, sizeof(buf), 0));
	EXPECT_EQ(0, ask(server, SIOCINQ));
	close(client);
	close(server);
}

TEST_F(ioctl, unacknowledged)
{
	static uint8_t buf[200000];
	int client, server;

	ROW("API-35");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_EQ(0, ask(client, SIOCOUTQ));
	EXPECT_EQ(0, ask(client, SIOCOUTQNSD));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	ASSERT_TRUE(xt_lo_delay(300));
	EXPECT_RET(100, send(client, buf, 100, 0));
	/* Sent, but the acknowledgment takes 600 ms. */
	EXPECT_EQ(100, ask(client, SIOCOUTQ));
	EXPECT_EQ(0, ask(client, SIOCOUTQNSD));
	EXPECT_TRUE(XT_WAIT(ask(client, SIOCOUTQ) == 0));
	/* A FIN counts here until it is acknowledged. */
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_EQ(1, ask(client, SIOCOUTQ));
	EXPECT_TRUE(XT_WAIT(ask(client, SIOCOUTQ) == 0));
	close(client);
	close(server);
}

TEST_F(ioctl, unsent)
{
	static uint8_t buf[65536];
	int client, server, refused = 0;
	int64_t sent = 0;
	int unread;

	ROW("API-35");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
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
	/* The peer's window is shut: what it has not taken waits here. */
	unread = ask(server, SIOCINQ);
	EXPECT_LT(0, unread);
	EXPECT_EQ(sent - unread, ask(client, SIOCOUTQ));
	EXPECT_LT(0, ask(client, SIOCOUTQNSD));
	EXPECT_GE(ask(client, SIOCOUTQ), ask(client, SIOCOUTQNSD));
	close(client);
	close(server);
}

TEST_F(ioctl, listener)
{
	struct xt_addr addr;
	int lfd;

	ROW("API-35");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	EXPECT_EQ(-EINVAL, ask(lfd, SIOCINQ));
	EXPECT_EQ(-EINVAL, ask(lfd, SIOCOUTQ));
	EXPECT_EQ(-EINVAL, ask(lfd, SIOCOUTQNSD));
	close(lfd);
}

TEST_F(ioctl, unconnected)
{
	int fd;

	ROW("API-35");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_EQ(0, ask(fd, SIOCINQ));
	EXPECT_EQ(0, ask(fd, SIOCOUTQ));
	EXPECT_EQ(0, ask(fd, SIOCOUTQNSD));
	close(fd);
}

/* Unread bytes are counted up to the urgent mark. */
TEST_F(ioctl, urgent_mark)
{
	char buf[8];
	int client, server;

	ROW("API-35");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_RET(3, send(client, "abc", 3, 0));
	EXPECT_RET(1, send(client, "U", 1, MSG_OOB));
	EXPECT_TRUE(xt_poll(server, POLLPRI, XT_DEADLINE_MS) & POLLPRI);
	EXPECT_RET(2, send(client, "de", 2, 0));
	EXPECT_TRUE(XT_WAIT(recv(server, buf, 1, MSG_OOB | MSG_PEEK) == 1));
	EXPECT_EQ(3, ask(server, SIOCINQ));
	EXPECT_EQ(0, ask(server, SIOCATMARK));
	EXPECT_RET(3, recv(server, buf, sizeof(buf), 0));
	EXPECT_EQ(1, ask(server, SIOCATMARK));
	EXPECT_RET(2, recv(server, buf, 2, MSG_WAITALL));
	EXPECT_EQ(0, ask(server, SIOCATMARK));
	close(client);
	close(server);
}

TEST_F(ioctl, nonblocking)
{
	int client, server, on = 1;
	char byte;

	ROW("API-12");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, ioctl(server, FIONBIO, &on));
	EXPECT_EQ(O_NONBLOCK, fcntl(server, F_GETFL) & O_NONBLOCK);
	EXPECT_ERR(EAGAIN, recv(server, &byte, 1, 0));
	close(client);
	close(server);
}

TEST_F(ioctl, unknown)
{
	int fd, value = 0;

	ROW("API-35");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_ERR(ENOTTY, ioctl(fd, 0x89e0, &value));
	EXPECT_ERR(ENOTTY, ioctl(fd, 0x1234, &value));
	close(fd);
}

/* Programs ask interfaces through whatever socket they have. */
TEST_F(ioctl, interface)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd;

	ROW("API-35");
	fd = ASSERT_FD(xt_socket(variant->family));
	EXPECT_RET(0, ioctl(fd, SIOCGIFINDEX, &ifr));
	EXPECT_EQ(1, ifr.ifr_ifindex);
	EXPECT_RET(0, ioctl(fd, SIOCGIFFLAGS, &ifr));
	EXPECT_TRUE(ifr.ifr_flags & IFF_LOOPBACK);
	if (variant->family == AF_INET)
		EXPECT_RET(0, ioctl(fd, SIOCGIFADDR, &ifr));
	close(fd);
}

TEST_HARNESS_MAIN
