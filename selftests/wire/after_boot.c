// SPDX-License-Identifier: GPL-2.0-only
/*
 * Five minutes after boot the kernel's tick counter goes through zero in 32 bits. Linux
 * starts it there so that whoever keeps ticks in 32 bits finds out; so does this test,
 * which is the first of its collection by name. It needs virtual time: it waits for it.
 */
#include <time.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"
#include "flood.h"
#include "peer.h"
#include "sock.h"

#define PORT		8080
#define BACKLOG		8
#define WRAP_MS		300000	/* since boot */
#define AROUND_MS	300	/* before and after; clock and ticks do not begin together */

static int64_t uptime_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* No room for half-open connections of this family's sources; then its listener. */
static int full_listener(struct flood *f, int family, uint16_t port)
{
	int lfd = flood_listen(family, port, BACKLOG), i;

	f->family = family;
	f->port = port;
	for (i = 0; i < 2 * BACKLOG; i++)
		flood_packet(f);
	return lfd;
}

/* A client that gets a cookie, and gets in with it. */
static bool is_served(int family, int lfd, uint16_t port)
{
	struct xt_addr to = xt_loopback(family, port);
	int client = xt_dial(family, &to);
	int server = client < 0 ? -1 : accept(lfd, NULL, NULL);

	if (client >= 0)
		xt_reset(client);
	if (server >= 0)
		close(server);
	return server >= 0;
}

/* A stranger learns at once that nobody listens. */
static bool is_refused(int family)
{
	struct xt_addr to = xt_loopback(family, PORT + 2);
	int fd = xt_dial(family, &to);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ECONNREFUSED;
}

FIXTURE(after_boot)
{
	struct flood f;
	int lfd[2];
};

FIXTURE_SETUP(after_boot)
{
	self->lfd[0] = flood_victim(&self->f, AF_INET, PORT + 3, "1", BACKLOG);
	ASSERT_LE(0, self->lfd[0]);
	close(self->lfd[0]);
}

FIXTURE_TEARDOWN(after_boot)
{
	flood_close(&self->f);
}

TEST_F_TIMEOUT(after_boot, ticks_go_through_zero, 3000)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int i, count = 0;

	ROW("LSN-13");
	ROW("LSN-18");
	ROW("HS-14");
	if (uptime_ms() > WRAP_MS - 10 * AROUND_MS)
		SKIP(return, "more than five minutes since boot");
	while (uptime_ms() < WRAP_MS - AROUND_MS)
		xt_pause_ms(10);
	for (i = 0; i < 2; i++) {
		self->lfd[i] = full_listener(&self->f, families[i], PORT + i);
		ASSERT_LE(0, self->lfd[i]);
	}
	for (; uptime_ms() < WRAP_MS + AROUND_MS; count++) {
		for (i = 0; i < 2; i++) {
			ASSERT_TRUE(is_served(families[i], self->lfd[i], PORT + i));
			ASSERT_TRUE(is_refused(families[i]));
		}
	}
	TH_LOG("%d clients of each family", count);
	/* It was about cookies. */
	ASSERT_LE(2 * count, peer_counter("SyncookiesRecv"));
}

TEST_HARNESS_MAIN
