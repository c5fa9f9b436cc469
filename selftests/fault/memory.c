// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not there: each allocation of each call fails once. The call says so or
 * succeeds, and no connection is the worse for it.
 *
 * Needs the kernel's fault injection: the debug kernel has it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

#define SITES_MAX	200	/* more than any call has */

/* Which allocation of this task fails, counted from now on; opening the file counts, too. */
static int nth_fd = -1;

static bool fail_nth(int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(nth_fd, text, len, 0) == len;
}

/* Has it not come to that allocation? Ends the counting. */
static bool not_reached(void)
{
	char text[16] = "0";
	bool left = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) > 0;

	fail_nth(0);
	return left;
}

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
	if (access("/proc/self/fail-nth", F_OK))
		SKIP(return, "this kernel has no fault injection");
	ASSERT_EQ(0, xt_netns());
	nth_fd = ASSERT_FD(open("/proc/self/fail-nth", O_RDWR));
	setlinebuf(stdout);
}

FIXTURE_TEARDOWN(memory)
{
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
	int i, err;

	*right = s.lfd >= 0;
	for (i = 0; i < NR_CALLS && *right; i++) {
		if (i == which)
			*right = fail_nth(nth);
		err = calls[i].run(&s);
		if (i == which) {
			beyond = not_reached();
			/* Whoever says that memory was short can be asked again. */
			if (is_shortage(err))
				err = calls[i].run(&s);
		}
		if (err) {
			printf("# allocation %d of %s: %s: %s\n", nth, calls[which].name,
			       calls[i].name, strerror(-err));
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
	int nth, client, server, err, refused = 0;
	bool beyond = false;
	ssize_t n, sent;

	ROW("API-44");
	xt_fill(text, TEXT, 1, 0);
	for (nth = 1; nth < SITES_MAX && !beyond; nth++) {
		ASSERT_RET(0, xt_pair(variant->family, &client, &server));
		ASSERT_TRUE(fail_nth(nth));
		sent = send(client, text, TEXT, MSG_NOSIGNAL);
		err = errno;
		n = recv(server, got, 100, 0);
		beyond = not_reached();
		if (sent < 0) {
			ASSERT_TRUE(err == ENOMEM || err == ENOBUFS)
				TH_LOG("allocation %d: %s", nth, strerror(err));
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
	EXPECT_LT(2, nth);
	EXPECT_TRUE(beyond);
}

/* close() cannot fail, so the FIN comes, if late; and nothing stays behind. */
TEST_F_TIMEOUT(memory, each_allocation_of_closing, 600)
{
	bool beyond = false;
	int nth, client, server;
	char byte;

	ROW("API-44");
	for (nth = 1; nth < SITES_MAX && !beyond; nth++) {
		ASSERT_RET(0, xt_pair(variant->family, &client, &server));
		ASSERT_RET(0, xt_set_timeout(server, SO_RCVTIMEO, XT_DEADLINE_MS));
		ASSERT_TRUE(fail_nth(nth));
		close(client);
		beyond = not_reached();
		EXPECT_RET(0, recv(server, &byte, 1, 0));
		close(server);
	}
	printf("# %d allocations\n", nth - 2);
	EXPECT_LT(2, nth);
	EXPECT_TRUE(beyond);
}

TEST_HARNESS_MAIN
