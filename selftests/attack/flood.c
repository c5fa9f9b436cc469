// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN floods from sources that do not exist, forged ACKs, and honest clients beside them.
 *
 * The attacker writes packets with random sources into a TUN device, in numbers that are
 * bounded; the honest clients use the loopback device of the same namespace. Counters must
 * add up to the last SYN.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

#define BACKLOG		64
#define HONEST		200

enum { SYN = 2, ACK = 16 };

/* ---- the generator --------------------------------------------------------------- */

struct attack {
	int tun, family;
	uint16_t port;
	uint8_t flags;
	bool timestamps;
	int count;		/* packets at most */
	atomic_int sent;
	atomic_bool stop;
	uint64_t state;		/* of the random numbers */
};

static uint64_t draw(struct attack *a)
{
	a->state ^= a->state << 13;
	a->state ^= a->state >> 7;
	a->state ^= a->state << 17;
	return a->state * 0x2545f4914f6cdd1dull;
}

static uint32_t add_up(uint32_t total, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += data[i] << 8 | data[i + 1];
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* One packet from a random source; options as Linux has them, or MSS alone. */
static void forge(struct attack *a)
{
	static const uint8_t rich[20] = {
		2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7
	};
	uint8_t packet[100] = { 0 };
	bool v6 = a->family == AF_INET6;
	uint8_t *segment = packet + (v6 ? 40 : 20);
	size_t options = 0, size;
	uint64_t r = draw(a);

	put16(segment, 1024 + r % 60000);
	put16(segment + 2, a->port);
	put32(segment + 4, draw(a));
	if (a->flags & ACK)
		put32(segment + 8, draw(a));
	segment[13] = a->flags;
	put16(segment + 14, 65000);
	if (a->flags & SYN) {
		options = a->timestamps ? sizeof(rich) : 4;
		memcpy(segment + 20, rich, options);
	} else if (a->timestamps) {
		options = 12;
		memcpy(segment + 20, "\x01\x01\x08\x0a", 4);
		put32(segment + 24, draw(a));
		put32(segment + 28, draw(a));
	}
	size = 20 + options;
	segment[12] = size / 4 << 4;
	if (v6) {
		packet[0] = 0x60;
		put16(packet + 4, size);
		packet[6] = xt_ipproto();
		packet[7] = 64;
		inet_pton(AF_INET6, "2001:db8:1::", packet + 8);
		put32(packet + 16, draw(a));
		put32(packet + 20, draw(a));
		inet_pton(AF_INET6, "2001:db8::1", packet + 24);
		put16(segment + 16, ~add_up(add_up(xt_ipproto() + size, packet + 8, 32),
					    segment, size));
		size += 40;
	} else {
		packet[0] = 0x45;
		put16(packet + 2, 20 + size);
		packet[8] = 64;
		packet[9] = xt_ipproto();
		put32(packet + 12, 0x0a000000 | (draw(a) & 0xffffff));
		inet_pton(AF_INET, "192.0.2.1", packet + 16);
		put16(packet + 10, ~add_up(0, packet, 20));
		put16(segment + 16, ~add_up(add_up(xt_ipproto() + size, packet + 12, 8),
					    segment, size));
		size += 20;
	}
	if (write(a->tun, packet, size) == (ssize_t)size)
		a->sent++;
}

static void *attack_thread(void *arg)
{
	struct attack *a = arg;
	char sink[2048];
	int i;

	for (i = 0; i < a->count && !a->stop; i++) {
		forge(a);
		/* What comes back goes nowhere. */
		while (read(a->tun, sink, sizeof(sink)) > 0)
			;
	}
	return NULL;
}

/* ---- counters --------------------------------------------------------------------- */

/* A counter of this namespace, or -1. */
static long counter(const char *name)
{
	static char names[8192], values[8192];
	char *n, *v, *np, *vp;
	long value = -1;
	FILE *file = fopen("/proc/net/xtcp_snmp", "r");

	if (!file)
		return -1;
	while (fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
		n = strtok_r(names, " \n", &np);
		v = strtok_r(values, " \n", &vp);
		for (; n && v; n = strtok_r(NULL, " \n", &np), v = strtok_r(NULL, " \n", &vp)) {
			if (!strcmp(n, name))
				value = atol(v);
		}
	}
	fclose(file);
	return value;
}

static long outcomes(void)
{
	return counter("HalfopenAdded") + counter("SyncookiesSent") +
	       counter("DropHalfopenFull") + counter("DropListenOverflow") +
	       counter("DropListenNoRoute") + counter("DropListenNoMemory") +
	       counter("DropListenRace") + counter("DropListenClosed");
}

static bool set_mode(const char *mode)
{
	return xt_sysctl("net/xtcp/syncookies", mode);
}

/* ---- under attack ------------------------------------------------------------------ */

FIXTURE(flood)
{
	struct attack a;
	struct xt_addr addr;
	int lfd;
};

FIXTURE_VARIANT(flood)
{
	int family;
	const char *mode;
	bool timestamps;
};

FIXTURE_VARIANT_ADD(flood, v4_mode_1) { AF_INET, "1", true };
FIXTURE_VARIANT_ADD(flood, v4_mode_1_bare) { AF_INET, "1", false };
FIXTURE_VARIANT_ADD(flood, v4_mode_2) { AF_INET, "2", true };
FIXTURE_VARIANT_ADD(flood, v6_mode_1) { AF_INET6, "1", true };
FIXTURE_VARIANT_ADD(flood, v6_mode_2) { AF_INET6, "2", true };

FIXTURE_SETUP(flood)
{
	ASSERT_EQ(0, xt_netns());
	self->a.tun = xt_hole();
	ASSERT_LE(0, self->a.tun);
	ASSERT_EQ(0, xt_nonblock(self->a.tun));
	ASSERT_TRUE(xt_run("ip route add 10.0.0.0/8 via 192.0.2.2"));
	ASSERT_TRUE(xt_run("ip route add 2001:db8:1::/64 via 2001:db8::2"));
	ASSERT_TRUE(set_mode(variant->mode));
	self->addr = xt_any(variant->family, 8080);
	self->lfd = xt_socket_flags(variant->family, SOCK_NONBLOCK);
	ASSERT_LE(0, self->lfd);
	ASSERT_EQ(0, xt_bind(self->lfd, &self->addr));
	ASSERT_EQ(0, listen(self->lfd, BACKLOG));
	self->addr = xt_loopback(variant->family, 8080);
	self->a.family = variant->family;
	self->a.port = 8080;
	self->a.flags = SYN;
	self->a.timestamps = variant->timestamps;
	self->a.state = xt_seed() | 1;
}

FIXTURE_TEARDOWN(flood)
{
	close(self->lfd);
	close(self->a.tun);
}

/* Ten times the backlog and far more, while honest clients connect and talk. */
TEST_F_TIMEOUT(flood, honest_clients_connect, 300)
{
	int64_t start, worst = 0, sum = 0;
	int i, client, server, late = 0;
	pthread_t thread;
	char byte;

	ROW("LSN-18");
	ROW("LSN-27");
	ROW("LSN-19");
	self->a.count = 10000000;
	/* First the bound is reached. */
	for (i = 0; i < 10 * BACKLOG; i++)
		forge(&self->a);
	ASSERT_EQ(0, pthread_create(&thread, NULL, attack_thread, &self->a));
	for (i = 0; i < HONEST; i++) {
		start = xt_now_ms();
		client = xt_dial(variant->family, &self->addr);
		ASSERT_LE(0, client) TH_LOG("client %d: %s", i, strerror(errno));
		ASSERT_TRUE(XT_WAIT((server = accept(self->lfd, NULL, NULL)) >= 0));
		ASSERT_EQ(1, send(client, "x", 1, 0));
		ASSERT_EQ(1, recv(server, &byte, 1, 0));
		ASSERT_EQ(1, send(server, "y", 1, 0));
		ASSERT_EQ(1, recv(client, &byte, 1, 0));
		start = xt_now_ms() - start;
		sum += start;
		if (start > worst)
			worst = start;
		late += start > 3000;
		ASSERT_GE(BACKLOG + 1, xt_proc_count(variant->family, 8080, 3));
		ASSERT_EQ(0, xt_reset(client));
		close(server);
	}
	self->a.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%d forged SYNs, %d honest connections: mean %d ms, worst %d ms", self->a.sent,
	       HONEST, (int)(sum / HONEST), (int)worst);
	ASSERT_GE(HONEST / 100, late);
	ASSERT_LT(10 * BACKLOG, self->a.sent);
	ASSERT_EQ(HONEST, counter("PassiveOpens"));
	/* To the last SYN. */
	ASSERT_TRUE(XT_WAIT(counter("SynRcvd") == outcomes()));
	ASSERT_LE(self->a.sent + HONEST, counter("SynRcvd"));
	if (!strcmp(variant->mode, "2")) {
		ASSERT_EQ(0, counter("HalfopenAdded"));
		ASSERT_EQ(counter("SynRcvd"), counter("SyncookiesSent"));
	}
}

/* What one entry takes, by the allocator's own account [bytes]; -1: it does not say. */
static int entry_bytes(const char *cache)
{
	char path[100];
	int size = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/object_size", cache);
	file = fopen(path, "r");
	if (file && fscanf(file, "%d", &size) != 1)
		size = -1;
	if (file)
		fclose(file);
	return size;
}

TEST_F(flood, entry_is_small)
{
	bool v6 = variant->family == AF_INET6;
	int size = entry_bytes(v6 ? "xtcp_halfopen6" : "xtcp_halfopen");

	ROW("LSN-06");
	if (size < 0)
		SKIP(return, "no /sys/kernel/slab");
	TH_LOG("%d bytes", size);
	ASSERT_GE(v6 ? 160 : 128, size);
}

/* Numbers out of the air make no connection, whatever they cost. */
TEST_F_TIMEOUT(flood, forged_acks_create_nothing, 300)
{
	ROW("LSN-10");
	ROW("SEC-05");
	ROW("SEC-26");
	if (strcmp(variant->mode, "2"))
		return;
	self->a.flags = ACK;
	self->a.count = getenv("XTCP_TEST_FULL") ? 4000000 : 100000;
	attack_thread(&self->a);
	ASSERT_EQ(self->a.sent, counter("SyncookiesFailed"));
	ASSERT_EQ(0, counter("SyncookiesRecv"));
	ASSERT_EQ(0, counter("PassiveOpens"));
	ASSERT_EQ(self->a.sent, counter("DropListenAck"));
	ASSERT_EQ(self->a.sent, counter("OutRsts") + counter("RstsLimited"));
	ASSERT_EQ(-1, accept(self->lfd, NULL, NULL));
}

/* Listeners come and go in the middle of it. */
TEST_F_TIMEOUT(flood, listener_closes, 120)
{
	struct xt_addr any = xt_any(variant->family, 8080);
	pthread_t thread;
	int i;

	ROW("LSN-24");
	self->a.count = 10000000;
	ASSERT_EQ(0, pthread_create(&thread, NULL, attack_thread, &self->a));
	for (i = 0; i < 30; i++) {
		long before = counter("SynRcvd");

		ASSERT_TRUE(XT_WAIT(counter("SynRcvd") > before + BACKLOG));
		close(self->lfd);
		ASSERT_TRUE(XT_WAIT(!xt_proc_count(variant->family, 8080, 3)));
		self->lfd = xt_socket_flags(variant->family, SOCK_NONBLOCK);
		ASSERT_LE(0, self->lfd);
		ASSERT_EQ(0, xt_bind(self->lfd, &any));
		ASSERT_EQ(0, listen(self->lfd, BACKLOG));
	}
	self->a.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_TRUE(XT_WAIT(counter("SynRcvd") == outcomes()));
}

/* ---- ghosts ------------------------------------------------------------------------- */

FIXTURE(ghosts)
{
	int unused;
};

FIXTURE_VARIANT(ghosts)
{
	const char *mode;
};

FIXTURE_VARIANT_ADD(ghosts, mode_0) { "0" };
FIXTURE_VARIANT_ADD(ghosts, mode_1) { "1" };
FIXTURE_VARIANT_ADD(ghosts, mode_2) { "2" };

FIXTURE_SETUP(ghosts)
{
	ASSERT_EQ(0, xt_netns());
	ASSERT_TRUE(set_mode(variant->mode));
}

FIXTURE_TEARDOWN(ghosts)
{
}

/* Backlog 1, six clients that say nothing, a path of 100 ms: none believes what is not so. */
TEST_F_TIMEOUT(ghosts, backlog_1_six_clients, 120)
{
	int lfd, fd, i, client[6], accepted = 0, reset = 0;
	uint16_t port[6];
	struct xt_addr addr, peer;
	bool served[6] = { 0 };
	int64_t end;

	ROW("LSN-03");
	if (!xt_lo_delay(50))
		SKIP(return, "no netem");
	lfd = xt_listen(AF_INET, 1, &addr);
	ASSERT_LE(0, lfd);
	ASSERT_EQ(0, xt_nonblock(lfd));
	for (i = 0; i < 6; i++) {
		client[i] = xt_socket_flags(AF_INET, SOCK_NONBLOCK);
		ASSERT_LE(0, client[i]);
		ASSERT_EQ(-1, xt_connect(client[i], &addr));
		ASSERT_EQ(EINPROGRESS, errno);
		ASSERT_EQ(0, xt_sockname(client[i], &peer));
		port[i] = xt_port(&peer);
	}
	xt_pause_ms(1000);
	end = xt_now_ms() + 40000;
	while (accepted + reset < 6 && xt_now_ms() < end) {
		fd = accept(lfd, NULL, NULL);
		if (fd >= 0) {
			ASSERT_EQ(0, xt_peername(fd, &peer));
			for (i = 0; i < 6; i++) {
				if (port[i] != xt_port(&peer))
					continue;
				ASSERT_FALSE(served[i]);
				served[i] = true;
				accepted++;
			}
		}
		for (i = 0, reset = 0; i < 6; i++)
			reset += !served[i] && (xt_revents(client[i], POLLIN) & POLLERR);
		xt_pause_ms(10);
	}
	TH_LOG("mode %s: %d accepted, %d reset, %ld parked, %ld promoted", variant->mode, accepted,
	       reset, counter("HalfopenParked"), counter("HalfopenPromoted"));
	ASSERT_EQ(6, accepted + reset);
	ASSERT_LE(2, accepted);
	ASSERT_EQ(0, xt_proc_count(AF_INET, xt_port(&addr), 3));
}

/* ---- TCP_DEFER_ACCEPT ---------------------------------------------------------------- */

XT_FIXTURE(defer)

static int deferring_listener(int family, struct xt_addr *addr)
{
	int lfd = xt_listen(family, 5, addr);

	if (lfd < 0 || xt_nonblock(lfd) || xt_set_int(lfd, SOL_TCP, TCP_DEFER_ACCEPT, 3))
		return -1;
	return lfd;
}

TEST_F(defer, data_makes_the_connection)
{
	struct xt_addr addr;
	int lfd, client, server;
	char byte;

	ROW("LSN-28");
	lfd = deferring_listener(variant->family, &addr);
	ASSERT_LE(0, lfd);
	client = xt_dial(variant->family, &addr);
	ASSERT_LE(0, client);
	ASSERT_EQ(0, xt_poll(lfd, POLLIN, 500));
	ASSERT_EQ(1, xt_proc_count(variant->family, xt_port(&addr), 3));
	ASSERT_EQ(1, send(client, "x", 1, 0));
	ASSERT_NE(0, xt_poll(lfd, POLLIN, 2000));
	server = accept(lfd, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(1, recv(server, &byte, 1, 0));
}

TEST_F(defer, time_is_over)
{
	struct xt_addr addr;
	int lfd, client;
	int64_t start;

	ROW("LSN-28");
	lfd = deferring_listener(variant->family, &addr);
	ASSERT_LE(0, lfd);
	start = xt_now_ms();
	client = xt_dial(variant->family, &addr);
	ASSERT_LE(0, client);
	ASSERT_NE(0, xt_poll(lfd, POLLIN, 9000));
	ASSERT_LE(2500, xt_now_ms() - start);
	ASSERT_LE(0, accept(lfd, NULL, NULL));
}

TEST_HARNESS_MAIN
