// SPDX-License-Identifier: GPL-2.0-only
/* Timestamps of received text, and of sent text on its way: SO_TIMESTAMP and its relatives. */
#define _GNU_SOURCE
#include <time.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/time.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(timestamp)

#define NSEC 1000000000ll

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NSEC + now.tv_nsec;
}

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec * NSEC + ts->tv_nsec;
}

/* --- received --------------------------------------------------------------- */

/* Reads up to @len bytes; the time that came with them as control message @type, or 0 [ns]. */
static int64_t read_stamped(int fd, size_t len, int type, ssize_t *got)
{
	char buf[64], control[256];
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct scm_timestamping stamps;
	struct cmsghdr *cmsg;
	struct timespec ts;
	struct timeval tv;

	*got = recvmsg(fd, &msg, 0);
	for (cmsg = CMSG_FIRSTHDR(&msg); *got > 0 && cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != type)
			continue;
		if (type == SCM_TIMESTAMP) {
			memcpy(&tv, CMSG_DATA(cmsg), sizeof(tv));
			return tv.tv_sec * NSEC + tv.tv_usec * 1000;
		}
		if (type == SCM_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(cmsg), sizeof(ts));
			return ns_of(&ts);
		}
		memcpy(&stamps, CMSG_DATA(cmsg), sizeof(stamps));
		return ns_of(&stamps.ts[0]);
	}
	return 0;
}

static const struct {
	int option, value, type;
} received[] = {
	{ SO_TIMESTAMP, 1, SCM_TIMESTAMP },
	{ SO_TIMESTAMPNS, 1, SCM_TIMESTAMPNS },
	{ SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE,
	  SCM_TIMESTAMPING },
};

TEST_F(timestamp, received)
{
	int64_t before, between, stamp;
	int client, server;
	unsigned int i;
	ssize_t got;

	ROW("API-11");
	for (i = 0; i < sizeof(received) / sizeof(received[0]); i++) {
		ASSERT_RET(0, xt_pair(variant->family, &client, &server));
		ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, received[i].option,
					 received[i].value));
		/* The network's clock is switched on by a worker of the kernel. */
		xt_pause_ms(50);
		before = now_ns() - 1000;
		EXPECT_RET(5, send(client, "abcde", 5, 0));
		ASSERT_TRUE(xt_wait_unread(server, 5));
		between = now_ns() - 1000;
		stamp = read_stamped(server, 2, received[i].type, &got);
		EXPECT_EQ(2, got);
		EXPECT_LE(before, stamp) TH_LOG("option %d", received[i].option);
		EXPECT_GE(now_ns(), stamp) TH_LOG("option %d", received[i].option);
		/* What is read of two segments has the time of the later one. */
		EXPECT_RET(3, send(client, "fgh", 3, 0));
		ASSERT_TRUE(xt_wait_unread(server, 6));
		stamp = read_stamped(server, 6, received[i].type, &got);
		EXPECT_EQ(6, got);
		EXPECT_LE(between, stamp) TH_LOG("option %d", received[i].option);
		EXPECT_GE(now_ns(), stamp) TH_LOG("option %d", received[i].option);
		/* Switched off: nothing comes with the text. */
		ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, received[i].option, 0));
		EXPECT_RET(1, send(client, "i", 1, 0));
		EXPECT_EQ(0, read_stamped(server, 1, received[i].type, &got));
		EXPECT_EQ(1, got);
		close(client);
		close(server);
	}
}

/* Is text that came before timestamps were on read without one? */
static bool early_text_has_none(int family)
{
	bool none = false;
	int client, server;
	ssize_t got;

	/* The network's clock runs while any socket wants it: let an earlier one go. */
	xt_pause_ms(50);
	if (xt_pair(family, &client, &server))
		return false;
	if (send(client, "a", 1, 0) == 1 && xt_wait_unread(server, 1) &&
	    !xt_set_int(server, SOL_SOCKET, SO_TIMESTAMP, 1))
		none = !read_stamped(server, 1, SCM_TIMESTAMP, &got) && got == 1;
	close(client);
	close(server);
	return none;
}

TEST_F(timestamp, none_of_early_text)
{
	ROW("API-11");
	EXPECT_TRUE(XT_WAIT(early_text_has_none(variant->family)));
}

/* The time is that of text; the end of the stream has none. */
TEST_F(timestamp, none_of_the_end)
{
	char byte, control[256];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int client, server;
	ssize_t got;

	ROW("API-11");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(server, SOL_SOCKET, SO_TIMESTAMP, 1));
	xt_pause_ms(50);
	EXPECT_RET(1, send(client, "a", 1, 0));
	ASSERT_TRUE(xt_wait_unread(server, 1));
	EXPECT_NE(0, read_stamped(server, 1, SCM_TIMESTAMP, &got));
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_RET(0, recvmsg(server, &msg, 0));
	EXPECT_EQ(0, msg.msg_controllen);
	close(client);
	close(server);
}

/* --- sent -------------------------------------------------------------------- */

#define WAYPOINTS (SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | \
		   SOF_TIMESTAMPING_TX_ACK)
#define NR_WAYPOINTS 3

/* Notifications about one octet, by kind: SCM_TSTAMP_SND, _SCHED, _ACK. */
struct told {
	int64_t ns[NR_WAYPOINTS];
	uint32_t id[NR_WAYPOINTS];
	int count;
	int bytes;	/* of payload in the last one */
};

/* One notification of @fd; false if there is none. */
static bool read_notification(int fd, struct told *told)
{
	char buf[512], control[512];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct sock_extended_err ee = {};
	struct scm_timestamping stamps = {};
	struct cmsghdr *cmsg;
	ssize_t got = recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);

	if (got < 0)
		return false;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_TIMESTAMPING)
			memcpy(&stamps, CMSG_DATA(cmsg), sizeof(stamps));
		else if (cmsg->cmsg_level == SOL_IP || cmsg->cmsg_level == SOL_IPV6)
			memcpy(&ee, CMSG_DATA(cmsg), sizeof(ee));
	}
	if (ee.ee_errno != ENOMSG || ee.ee_origin != SO_EE_ORIGIN_TIMESTAMPING ||
	    ee.ee_info >= NR_WAYPOINTS)
		return false;
	told->ns[ee.ee_info] = ns_of(&stamps.ts[0]);
	told->id[ee.ee_info] = ee.ee_data;
	told->count++;
	told->bytes = got;
	return true;
}

/* Everything that comes until @want were there, and what else is there then. */
static struct told await(int fd, int want)
{
	struct told told = {};

	XT_WAIT((read_notification(fd, &told), told.count >= want));
	while (read_notification(fd, &told))
		;
	return told;
}

TEST_F(timestamp, sent)
{
	struct told told;
	int64_t before;
	char buf[16];
	int client, server;

	ROW("API-21");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_TIMESTAMPING, WAYPOINTS |
				 SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
				 SOF_TIMESTAMPING_OPT_TSONLY));
	before = now_ns() - 1000;
	EXPECT_RET(10, send(client, "0123456789", 10, 0));
	EXPECT_RET(10, recv(server, buf, 10, MSG_WAITALL));
	EXPECT_TRUE(xt_poll(client, 0, XT_DEADLINE_MS) & POLLERR);
	told = await(client, 3);
	EXPECT_EQ(3, told.count);
	EXPECT_EQ(0, told.bytes);
	/* The last octet of the call, counted from when the option was set. */
	EXPECT_EQ(9, told.id[SCM_TSTAMP_SCHED]);
	EXPECT_EQ(9, told.id[SCM_TSTAMP_SND]);
	EXPECT_EQ(9, told.id[SCM_TSTAMP_ACK]);
	EXPECT_LE(before, told.ns[SCM_TSTAMP_SCHED]);
	EXPECT_LE(told.ns[SCM_TSTAMP_SCHED], told.ns[SCM_TSTAMP_SND]);
	EXPECT_LE(told.ns[SCM_TSTAMP_SND], told.ns[SCM_TSTAMP_ACK]);
	EXPECT_GE(now_ns(), told.ns[SCM_TSTAMP_ACK]);
	EXPECT_FALSE(xt_revents(client, 0) & POLLERR);
	EXPECT_RET(5, send(client, "abcde", 5, 0));
	EXPECT_RET(5, recv(server, buf, 5, MSG_WAITALL));
	told = await(client, 3);
	EXPECT_EQ(3, told.count);
	EXPECT_EQ(14, told.id[SCM_TSTAMP_ACK]);
	/* Set anew, it counts anew. */
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_TIMESTAMPING, 0));
	EXPECT_RET(3, send(client, "fgh", 3, 0));
	EXPECT_RET(3, recv(server, buf, 3, MSG_WAITALL));
	EXPECT_TRUE(XT_WAIT(xt_unacked(client) == 0));
	EXPECT_FALSE(xt_revents(client, 0) & POLLERR);
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_TIMESTAMPING, WAYPOINTS |
				 SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
				 SOF_TIMESTAMPING_OPT_TSONLY));
	EXPECT_RET(2, send(client, "ij", 2, 0));
	EXPECT_RET(2, recv(server, buf, 2, MSG_WAITALL));
	told = await(client, 3);
	EXPECT_EQ(1, told.id[SCM_TSTAMP_SND]);
	EXPECT_EQ(1, told.id[SCM_TSTAMP_ACK]);
	close(client);
	close(server);
}

/* A long write is cut into many segments: its end is what is timed, once. */
TEST_F(timestamp, sent_in_many_segments)
{
	static uint8_t buf[300000];
	struct told told;
	int client, server;

	ROW("API-21");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20));
	/* Small segments, or loopback takes it whole. */
	ASSERT_TRUE(xt_run("ip link set lo mtu 1500"));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_TIMESTAMPING, WAYPOINTS |
				 SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
				 SOF_TIMESTAMPING_OPT_TSONLY));
	xt_fill(buf, sizeof(buf), 1, 0);
	EXPECT_RET(sizeof(buf), send(client, buf, sizeof(buf), 0));
	EXPECT_TRUE(xt_recv_stream(server, 1, sizeof(buf)));
	EXPECT_TRUE(XT_WAIT(xt_unacked(client) == 0));
	told = await(client, 3);
	EXPECT_LE(3, told.count);
	EXPECT_EQ(sizeof(buf) - 1, told.id[SCM_TSTAMP_SND]);
	EXPECT_EQ(sizeof(buf) - 1, told.id[SCM_TSTAMP_ACK]);
	EXPECT_LE(told.ns[SCM_TSTAMP_SND], told.ns[SCM_TSTAMP_ACK]);
	close(client);
	close(server);
}

/* All of what a short write took may be on its way when the call returns: timed as well. */
TEST_F(timestamp, sent_in_part)
{
	static uint8_t buf[1 << 20];
	struct told told;
	int client, server;
	ssize_t n;

	ROW("API-21");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_nonblock(client));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_SNDBUF, 30000));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_TIMESTAMPING,
				 SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
				 SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY));
	xt_fill(buf, sizeof(buf), 1, 0);
	n = send(client, buf, sizeof(buf), 0);
	ASSERT_LT(0, n);
	ASSERT_GT(sizeof(buf), n);
	EXPECT_TRUE(xt_recv_stream(server, 1, n));
	EXPECT_TRUE(XT_WAIT(xt_unacked(client) == 0));
	told = await(client, 1);
	EXPECT_EQ(1, told.count);
	EXPECT_EQ(n - 1, told.id[SCM_TSTAMP_ACK]);
	close(client);
	close(server);
}

/* Without TSONLY the text comes back; without OPT_ID it is what tells one from another. */
TEST_F(timestamp, sent_with_text)
{
	struct told told;
	char buf[16];
	int client, server;

	ROW("API-21");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_TIMESTAMPING,
				 SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE));
	EXPECT_RET(7, send(client, "0123456", 7, 0));
	EXPECT_RET(7, recv(server, buf, 7, MSG_WAITALL));
	told = await(client, 1);
	EXPECT_EQ(1, told.count);
	EXPECT_EQ(7, told.bytes);
	EXPECT_NE(0, told.ns[SCM_TSTAMP_ACK]);
	/* Notifications are no text: the stream has none. */
	EXPECT_ERR(EAGAIN, recv(client, buf, sizeof(buf), MSG_DONTWAIT));
	close(client);
	close(server);
}

/* A new connection of the same socket counts from its own beginning. */
TEST_F(timestamp, sent_when_connected_anew)
{
	struct xt_addr unspec = { .len = sizeof(struct sockaddr) }, addr;
	struct told told;
	int lfd, fd, server, round;
	char buf[16];

	ROW("API-21");
	unspec.sa.sa_family = AF_UNSPEC;
	lfd = ASSERT_FD(xt_listen(variant->family, 2, &addr));
	fd = ASSERT_FD(xt_dial(variant->family, &addr));
	ASSERT_RET(0, xt_set_int(fd, SOL_SOCKET, SO_TIMESTAMPING,
				 SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
				 SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY));
	for (round = 0; round < 2; round++) {
		server = ASSERT_FD(accept(lfd, NULL, NULL));
		EXPECT_RET(5, send(fd, "abcde", 5, 0));
		EXPECT_RET(5, recv(server, buf, 5, MSG_WAITALL));
		told = await(fd, 1);
		EXPECT_EQ(4, told.id[SCM_TSTAMP_ACK]);
		ASSERT_RET(0, xt_connect(fd, &unspec));
		ASSERT_RET(0, xt_connect(fd, &addr));
		close(server);
	}
	close(fd);
	close(lfd);
}

/* Asked for by one call only, as control data. */
TEST_F(timestamp, sent_by_one_call)
{
	char buf[16], control[CMSG_SPACE(sizeof(uint32_t))] = {};
	struct iovec iov = { "0123", 4 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	uint32_t flags = SOF_TIMESTAMPING_TX_ACK;
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct told told;
	int client, server;

	ROW("API-21");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	ASSERT_RET(0, xt_set_int(client, SOL_SOCKET, SO_TIMESTAMPING,
				 SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
				 SOF_TIMESTAMPING_OPT_TSONLY));
	EXPECT_RET(5, send(client, "abcde", 5, 0));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SO_TIMESTAMPING;
	cmsg->cmsg_len = CMSG_LEN(sizeof(flags));
	memcpy(CMSG_DATA(cmsg), &flags, sizeof(flags));
	EXPECT_RET(4, sendmsg(client, &msg, 0));
	EXPECT_RET(5, send(client, "fghij", 5, 0));
	EXPECT_RET(14, recv(server, buf, 14, MSG_WAITALL));
	told = await(client, 1);
	EXPECT_EQ(1, told.count);
	EXPECT_EQ(8, told.id[SCM_TSTAMP_ACK]);
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
