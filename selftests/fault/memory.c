// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not there: each allocation of each call fails once, and then whatever
 * softirq allocates fails now and then while data flow. A call says so or succeeds, and no
 * connection is the worse for it.
 *
 * Needs the kernel's fault injection: the debug kernel has it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define SITES_MAX	200	/* more than any call has */

FIXTURE(memory)
{
	int unused;
};

FIXTURE_VARIANT(memory)
{
	int family;
};

FIXTURE_VARIANT_ADD(memory, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(memory, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(memory)
{
	if (access("/proc/self/fail-nth", F_OK) || access(FAILSLAB "probability", F_OK))
		SKIP(return, "this kernel has no fault injection");
	ASSERT_EQ(0, xt_netns());
}

FIXTURE_TEARDOWN(memory)
{
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written;
}

static long get(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = 0;
	close(fd);
	return atol(text);
}

/* ---- one allocation of one call ---------------------------------------------------------- */

/* Where a connection stands; -1: no such socket yet. */
struct scene {
	int family;
	int lfd, client, server;
	struct xt_addr addr;
};

static int do_socket(struct scene *s)
{
	s->client = xt_socket(s->family);
	return s->client < 0 ? -errno : 0;
}

static int do_bind(struct scene *s)
{
	struct xt_addr any = xt_loopback(s->family, 0);

	return xt_bind(s->client, &any) ? -errno : 0;
}

static int do_listen(struct scene *s)
{
	if (listen(s->lfd, 4))
		return -errno;
	return xt_sockname(s->lfd, &s->addr) ? -errno : 0;
}

static int do_connect(struct scene *s)
{
	return xt_connect(s->client, &s->addr) ? -errno : 0;
}

static int do_accept(struct scene *s)
{
	s->server = accept(s->lfd, NULL, NULL);
	return s->server < 0 ? -errno : 0;
}

static int do_setsockopt(struct scene *s)
{
	return xt_set_int(s->client, SOL_SOCKET, SO_KEEPALIVE, 1) ||
	       setsockopt(s->client, SOL_TCP, TCP_CONGESTION, "newreno", 7) ||
	       xt_set_int(s->client, SOL_TCP, TCP_CORK, 1) ||
	       xt_set_int(s->client, SOL_TCP, TCP_CORK, 0) ? -errno : 0;
}

/* The calls in the order of a connection's life. */
static const struct call {
	const char *name;
	int (*run)(struct scene *s);
} calls[] = {
	{ "listen", do_listen }, { "socket", do_socket }, { "bind", do_bind },
	{ "connect", do_connect }, { "accept", do_accept }, { "setsockopt", do_setsockopt },
};

#define NR_CALLS	((int)(sizeof(calls) / sizeof(calls[0])))

static bool is_shortage(int err)
{
	return err == -ENOMEM || err == -ENOBUFS;
}

/*
 * The life of a connection in which allocation @nth of call @which fails; true: there is
 * no such allocation. @right tells if all was well.
 */
static bool live(int family, int which, int nth, bool *right)
{
	struct scene s = { .family = family, .lfd = xt_socket(family), .client = -1, .server = -1 };
	bool beyond = false;
	char number[16];
	int i, err;

	*right = s.lfd >= 0;
	for (i = 0; i < NR_CALLS && *right; i++) {
		if (i == which) {
			snprintf(number, sizeof(number), "%d", nth);
			*right = put("/proc/self/fail-nth", number);
		}
		err = calls[i].run(&s);
		if (i == which) {
			beyond = get("/proc/self/fail-nth") > 0;
			put("/proc/self/fail-nth", "0");
			/* Whoever says that memory was short can be asked again. */
			if (is_shortage(err))
				err = calls[i].run(&s);
		}
		if (err) {
			printf("# allocation %d of %s: %s\n", nth, calls[which].name,
			       strerror(-err));
			*right = false;
		}
	}
	if (*right)
		*right = xt_send_stream(s.client, nth, 3000) &&
			 xt_recv_stream(s.server, nth, 3000) &&
			 xt_send_stream(s.server, nth + 1, 3000) &&
			 xt_recv_stream(s.client, nth + 1, 3000);
	close(s.client);
	close(s.server);
	close(s.lfd);
	return beyond;
}

TEST_F_TIMEOUT(memory, each_allocation_of_opening, 600)
{
	int which, nth;
	bool right;

	ROW("API-44");
	for (which = 0; which < NR_CALLS; which++) {
		for (nth = 1; nth < SITES_MAX; nth++) {
			bool beyond = live(variant->family, which, nth, &right);

			ASSERT_TRUE(right)
				TH_LOG("allocation %d of %s", nth, calls[which].name);
			if (beyond)
				break;
		}
		printf("# %s: %d allocations\n", calls[which].name, nth - 1);
		EXPECT_GT(SITES_MAX, nth);
	}
}

#define TEXT	40000

/* Every byte arrives, in however many calls, and then the end. */
TEST_F_TIMEOUT(memory, each_allocation_of_transfer, 600)
{
	static uint8_t text[TEXT], got[TEXT];
	int nth, client, server, refused = 0;
	bool beyond = false;
	char number[16];
	ssize_t n, sent;

	ROW("API-44");
	xt_fill(text, TEXT, 1, 0);
	for (nth = 1; nth < SITES_MAX && !beyond; nth++) {
		ASSERT_RET(0, xt_pair(variant->family, &client, &server));
		snprintf(number, sizeof(number), "%d", nth);
		ASSERT_TRUE(put("/proc/self/fail-nth", number));
		sent = send(client, text, TEXT, MSG_NOSIGNAL);
		n = recv(server, got, 100, 0);
		beyond = get("/proc/self/fail-nth") > 0;
		ASSERT_TRUE(put("/proc/self/fail-nth", "0"));
		if (sent < 0) {
			ASSERT_TRUE(errno == ENOMEM || errno == ENOBUFS || errno == EAGAIN);
			sent = 0;
			refused++;
		}
		n = n < 0 ? 0 : n;
		ASSERT_RET(TEXT - sent, xt_send_all(client, text + sent, TEXT - sent));
		ASSERT_RET(0, shutdown(client, SHUT_WR));
		ASSERT_RET(TEXT - n, xt_recv_all(server, got + n, TEXT - n));
		ASSERT_EQ(0, memcmp(text, got, TEXT));
		ASSERT_RET(0, recv(server, got, 1, 0));
		close(client);
		close(server);
	}
	printf("# %d allocations, %d calls refused\n", nth - 2, refused);
	EXPECT_LT(3, nth);
	EXPECT_TRUE(beyond);
}

/* close() cannot fail, so the FIN comes, if late; and nothing stays behind. */
TEST_F_TIMEOUT(memory, each_allocation_of_closing, 600)
{
	bool beyond = false;
	int nth, client, server;
	char number[16], byte;

	ROW("API-44");
	for (nth = 1; nth < SITES_MAX && !beyond; nth++) {
		ASSERT_RET(0, xt_pair(variant->family, &client, &server));
		ASSERT_RET(0, xt_set_timeout(server, SO_RCVTIMEO, XT_DEADLINE_MS));
		snprintf(number, sizeof(number), "%d", nth);
		ASSERT_TRUE(put("/proc/self/fail-nth", number));
		close(client);
		beyond = get("/proc/self/fail-nth") > 0;
		ASSERT_TRUE(put("/proc/self/fail-nth", "0"));
		EXPECT_RET(0, recv(server, &byte, 1, 0));
		close(server);
	}
	printf("# %d allocations\n", nth - 2);
	EXPECT_LT(2, nth);
	EXPECT_TRUE(beyond);
}

/* ---- now and then, wherever --------------------------------------------------------------- */

static const char *const caches[] = {
	"skbuff_head_cache", "skbuff_fclone_cache", "XTCP", "XTCPv6", "xtcp_halfopen",
	"xtcp_halfopen6", "xtcp_timewait", "xtcp_timewait6", "xtcp_port",
};

/* Fail @percent of the allocations from the transport's caches, in all contexts. */
static bool make_scarce(int percent)
{
	char path[128], number[16];
	unsigned int i;

	for (i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", caches[i]);
		if (!put(path, percent ? "1" : "0")) {
			printf("# %s: %s\n", path, strerror(errno));
			return false;
		}
	}
	snprintf(number, sizeof(number), "%d", percent);
	/* The filter first: without it the whole machine would starve. */
	return put(FAILSLAB "cache-filter", "Y") && put(FAILSLAB "ignore-gfp-wait", "N") &&
	       put(FAILSLAB "verbose", "0") && put(FAILSLAB "times", "1000000") &&
	       put(FAILSLAB "probability", number);
}

struct flow {
	pthread_t thread;
	int fd;
	uint64_t len;
	bool right;
};

static void *receive(void *arg)
{
	struct flow *flow = arg;

	flow->right = xt_recv_stream(flow->fd, 7, flow->len);
	return NULL;
}

/* A sender that is told of a shortage goes on a little later. */
static bool send_patiently(int fd, uint64_t len)
{
	static uint8_t text[20000];
	uint64_t done = 0;

	while (done < len) {
		size_t piece = len - done < sizeof(text) ? len - done : sizeof(text);
		ssize_t n;

		xt_fill(text, piece, 7, done);
		n = send(fd, text, piece, MSG_NOSIGNAL);
		if (n < 0 && errno != ENOMEM && errno != ENOBUFS)
			return false;
		done += n > 0 ? n : 0;
	}
	return true;
}

TEST_F_TIMEOUT(memory, scarce_in_softirq, 600)
{
	struct flow flow = { .len = 2 << 20 };
	int client, server, lfd, i;
	struct xt_addr addr;
	char byte;

	ROW("API-44");
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	flow.fd = server;
	ASSERT_TRUE(make_scarce(5));
	ASSERT_EQ(0, pthread_create(&flow.thread, NULL, receive, &flow));
	EXPECT_TRUE(send_patiently(client, flow.len));
	pthread_join(flow.thread, NULL);
	EXPECT_TRUE(flow.right);
	EXPECT_GT(1000000 - 20, get(FAILSLAB "times"));

	/* Opening and closing, too: SYNs, entries, children, FINs may all be lost. */
	lfd = xt_listen(variant->family, 16, &addr);
	for (i = 0; i < 40 && lfd >= 0; i++) {
		int fd = xt_dial(variant->family, &addr);
		int peer = fd < 0 ? -1 : accept(lfd, NULL, NULL);

		if (peer >= 0) {
			EXPECT_TRUE(send_patiently(fd, 1000));
			EXPECT_TRUE(xt_recv_stream(peer, 7, 1000));
			close(fd);
			EXPECT_RET(0, recv(peer, &byte, 1, 0));
			close(peer);
		} else {
			EXPECT_TRUE(errno == ENOMEM || errno == ENOBUFS);
			close(fd);
		}
	}
	EXPECT_TRUE(make_scarce(0));
	close(lfd);
	close(client);
	close(server);
	/* And everything works again. */
	ASSERT_RET(0, xt_pair(variant->family, &client, &server));
	EXPECT_TRUE(xt_send_stream(client, 3, 10000));
	EXPECT_TRUE(xt_recv_stream(server, 3, 10000));
}

TEST_HARNESS_MAIN
