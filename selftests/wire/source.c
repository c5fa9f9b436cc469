// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fairness between sources: net.xtcp.accept_source_rate (RFC 4987, 3.4).
 *
 * Over the loopback device, whose addresses are the sources. Here and not in api/, because the
 * rate is only exact where time does not run away.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"
#include "peer.h"

#define RATE	"net/xtcp/accept_source_rate"
#define PORT	8080

FIXTURE(source)
{
	int lfd;
};

FIXTURE_VARIANT(source)
{
	int family;		/* of the listener */
	int client_family;
	const char *mode;	/* net.xtcp.syncookies */
};

FIXTURE_VARIANT_ADD(source, ipv4) { AF_INET, AF_INET, "1" };
FIXTURE_VARIANT_ADD(source, ipv6) { AF_INET6, AF_INET6, "1" };
FIXTURE_VARIANT_ADD(source, mapped) { AF_INET6, AF_INET, "1" };
FIXTURE_VARIANT_ADD(source, ipv4_cookies) { AF_INET, AF_INET, "2" };
FIXTURE_VARIANT_ADD(source, ipv6_cookies) { AF_INET6, AF_INET6, "2" };

FIXTURE_SETUP(source)
{
	struct xt_addr any = xt_any(variant->family, PORT);

	ASSERT_EQ(0, xt_netns());
	/* Every address of these networks is a host of its own on the loopback device. */
	ASSERT_TRUE(xt_run("ip route add local 10.0.0.0/8 dev lo && "
			   "ip -6 route add local 2001:db8::/32 dev lo"));
	ASSERT_TRUE(xt_sysctl("net/ipv6/ip_nonlocal_bind", "1"));
	ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", variant->mode));
	self->lfd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	ASSERT_EQ(0, xt_bind(self->lfd, &any));
	ASSERT_EQ(0, listen(self->lfd, 128));
}

FIXTURE_TEARDOWN(source)
{
	close(self->lfd);
}

enum outcome { ACCEPTED, REFUSED, NEITHER };

/* The @host-th address of the @network-th source: of an IPv4 address there is one alone. */
static struct xt_addr source_addr(int family, int network, int host)
{
	char text[64];

	if (family == AF_INET6)
		snprintf(text, sizeof(text), "2001:db8:%x:%x::%x", network >> 16,
			 network & 0xffff, host);
	else
		snprintf(text, sizeof(text), "10.%d.%d.%d", network >> 16 & 0xff,
			 network >> 8 & 0xff, network & 0xff);
	return xt_addr_parse(text, 0);
}

/* One client of this source connects; what becomes of it. */
static enum outcome try(int lfd, int family, int network, int host)
{
	struct xt_addr from = source_addr(family, network, host);
	struct xt_addr to = xt_loopback(family, PORT);
	int client = xt_socket(family), server = -1;
	enum outcome outcome = NEITHER;

	if (client < 0 || xt_bind(client, &from))
		perror("# bind");
	else if (xt_connect(client, &to))
		outcome = errno == ECONNRESET ? REFUSED : NEITHER;
	else if (XT_WAIT((server = accept(lfd, NULL, NULL)) >= 0 ||
			 xt_revents(client, POLLIN) & POLLERR))
		outcome = server >= 0 ? ACCEPTED : REFUSED;
	if (outcome == NEITHER)
		perror("# neither accepted nor refused");
	if (client >= 0)
		xt_reset(client);
	if (server >= 0)
		close(server);
	return outcome;
}

/* So many of @attempts are accepted; -1: there was another outcome than two. */
static int accepted(int lfd, int family, int network, int attempts)
{
	int count = 0, i;

	for (i = 0; i < attempts; i++) {
		enum outcome outcome = try(lfd, family, network, 1);

		if (outcome == NEITHER)
			return -1;
		count += outcome == ACCEPTED;
	}
	return count;
}

/*
 * Of the connections of one source since @start its shares and what the rate has added
 * meanwhile were accepted: nothing, except where a connection takes its time.
 */
#define ASSERT_SHARES(shares, rate, count, start)				\
	do {									\
		ASSERT_LE(shares, count);					\
		ASSERT_GE((shares) + (rate) * (xt_now_ms() - (start)) / 1000, count); \
	} while (0)

TEST_F(source, off_by_default)
{
	ROW("LSN-20");
	ASSERT_EQ(300, accepted(self->lfd, variant->client_family, 1, 300));
	ASSERT_EQ(0, peer_counter("DropSourceRate"));
}

TEST_F(source, above_its_rate_it_is_refused_and_others_are_not)
{
	int family = variant->client_family, count, i;
	int64_t start = xt_now_ms();

	ROW("LSN-20");
	ASSERT_TRUE(xt_sysctl(RATE, "10"));
	count = accepted(self->lfd, family, 1, 20);
	ASSERT_SHARES(10, 10, count, start);
	ASSERT_EQ(20 - count, peer_counter("DropSourceRate"));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(ACCEPTED, try(self->lfd, family, 100 + i, 1));
		count += accepted(self->lfd, family, 1, 1);
	}
	ASSERT_SHARES(10, 10, count, start);
	ASSERT_EQ(10 + count, peer_counter("PassiveOpens"));
	/* Nothing is left of those refused. */
	ASSERT_EQ(0, xt_proc_count(family, PORT, 3));
	ASSERT_TRUE(xt_sysctl(RATE, "0"));
	ASSERT_EQ(20, accepted(self->lfd, family, 1, 20));
}

/* All of an IPv6 /64 is one source, the next /64 another. */
TEST_F(source, a_64_counts_as_one)
{
	int i;

	ROW("LSN-20");
	if (variant->client_family != AF_INET6)
		return;
	ASSERT_TRUE(xt_sysctl(RATE, "5"));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(i < 5 ? ACCEPTED : REFUSED, try(self->lfd, AF_INET6, 1, 1000 + i));
	ASSERT_EQ(5, accepted(self->lfd, AF_INET6, 2, 10));
}

/* Whatever comes in between, over ten seconds: one second's worth, and then the rate. */
TEST_F_TIMEOUT(source, rate_is_exact, 200)
{
	int family = variant->client_family, count = 0;
	int64_t start;

	ROW("LSN-20");
	ASSERT_TRUE(xt_sysctl(RATE, "20"));
	start = xt_now_ms();
	while (xt_now_ms() < start + 10000) {
		enum outcome outcome = try(self->lfd, family, 1, 1);

		ASSERT_NE(NEITHER, outcome);
		count += outcome == ACCEPTED;
		xt_pause_ms(7);
	}
	TH_LOG("%d in 10 s", count);
	ASSERT_LE(20 + 10 * 20 - 1, count);
	ASSERT_GE(20 + 10 * 20, count);
}

/* A source that comes back after a second has its whole burst, after half of it half. */
TEST_F(source, shares_are_saved_for_a_second)
{
	int family = variant->client_family, count;
	int64_t start = xt_now_ms();

	ROW("LSN-20");
	ASSERT_TRUE(xt_sysctl(RATE, "10"));
	count = accepted(self->lfd, family, 1, 12);
	xt_pause_ms(450);
	count += accepted(self->lfd, family, 1, 12);
	ASSERT_LE(14, count);
	ASSERT_SHARES(10, 10, count, start);
	xt_pause_ms(5000);
	start = xt_now_ms();
	count = accepted(self->lfd, family, 1, 12);
	ASSERT_SHARES(10, 10, count, start);
}

/* What a table of sources could grow in: caches of the module, and those of kmalloc() [KiB]. */
static long slab_kib(void)
{
	char line[512], name[64];
	unsigned long objects, size, sum = 0;
	FILE *file = fopen("/proc/slabinfo", "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %*u %lu %lu", name, &objects, &size) == 3 &&
		    (strstr(name, "xtcp") || !strncmp(name, "kmalloc-", 8)))
			sum += objects * size;
	}
	if (file)
		fclose(file);
	return sum >> 10;
}

#define SOURCES	5000		/* more than there are buckets: 4096 */

/*
 * SOURCES connect once, of which nobody is refused, and one beside them again and again; how
 * often that one was refused, or -1. @grown: by so much memory did.
 */
static int many_sources(int lfd, int family, int first, long *grown)
{
	int i, refused = 0;
	long before;

	for (i = 0; i < 200; i++)
		try(lfd, family, first + i, 1);
	before = slab_kib();
	for (i = 200; i < SOURCES; i++) {
		if (try(lfd, family, first + i, 1) != ACCEPTED)
			return -1;
		if (i % 20 == 0)
			refused += try(lfd, family, 1, 1) == REFUSED;
	}
	*grown = slab_kib() - before;
	return refused;
}

/*
 * More sources than there are buckets: each is let in, no memory is taken beyond what connections
 * from so many addresses take anyway, and one that is always at its limit is not forgotten.
 */
TEST_F_TIMEOUT(source, memory_stays, 600)
{
	int family = variant->client_family, refused;
	long without, with, seconds;

	ROW("LSN-20");
	ROW("LSN-19");
	/* Ten thousand connections: once for each family. */
	if (variant->family != family || !strcmp(variant->mode, "2"))
		return;
	ASSERT_EQ(0, many_sources(self->lfd, family, 1000, &without));
	ASSERT_TRUE(xt_sysctl(RATE, "1"));
	seconds = xt_now_ms() / 1000;
	refused = many_sources(self->lfd, family, 100000, &with);
	seconds = xt_now_ms() / 1000 - seconds;
	TH_LOG("grown by %ld KiB without, %ld KiB with; %d of %d refused", without, with, refused,
	       (SOURCES - 200) / 20);
	/* 64 bytes for each would be 300 KiB. */
	ASSERT_GE(without + 150, with);
	/* Its share of each second was accepted. */
	ASSERT_LE((SOURCES - 200) / 20 * 9 / 10, refused + seconds);
}

TEST_F(source, knob)
{
	ROW("LSN-20");
	ASSERT_FALSE(xt_sysctl(RATE, "-1"));
	ASSERT_FALSE(xt_sysctl(RATE, "1000001"));
	ASSERT_TRUE(xt_sysctl(RATE, "1000000"));
	ASSERT_EQ(50, accepted(self->lfd, variant->client_family, 1, 50));
	/* A namespace of its own, with its own knob and buckets. */
	ASSERT_EQ(0, xt_netns());
	ASSERT_TRUE(xt_run("grep -qx 0 /proc/sys/" RATE));
}

TEST_HARNESS_MAIN
