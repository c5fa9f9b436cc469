// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long an honest client takes to connect beside a SYN flood: xtcp and the kernel's own
 * TCP, measured in turns. For scripts/bench.
 *
 *   helper_connect ROUNDS  tab-separated lines on standard output:
 *                          set NAME VALUE
 *                          connect ROUND IPv4|IPv6 LOAD TRANSPORT CLIENTS NANOSECONDS...
 *
 * Nanoseconds are those of each connect() that succeeded, in no order. The flood comes from a
 * thread that writes SYNs of random sources to a TUN device at a fixed rate; the clients use
 * the loopback device of the same namespace, which delays, one after the other, at random
 * distances. The clock runs over connect() alone.
 *
 * Meant for virtual time (scripts/vm --icount), where an instruction is a nanosecond and
 * attackers, clients and server share one CPU.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "flood.h"
#include "peer.h"
#include "sock.h"

#define CLIENTS		250	/* per measurement */
#define DELAY_MS	1	/* one way */
#define BACKLOG		64
#define RATE		20000	/* forged SYNs a second */
#define RATE_LEAST	(RATE / 10 * 9)	/* with less than this it was not the same load */
#define ACCEPT_MS	5000	/* until a client counts as lost */
#define PAUSE_US	2000	/* between clients at most */

struct load {
	const char *name;
	const char *mode;	/* of syncookies */
	bool flooded;
};

static const struct load loads[] = {
	{ "quiet",		"1", false },
	{ "flood_mode_1",	"1", true },
	{ "flood_mode_2",	"2", true },
};

static struct flood flood;

static bool complain(const char *what)
{
	fprintf(stderr, "helper_connect: %s\n", what);
	return false;
}

static const char *transport(void)
{
	return xt_is_control() ? "tcp" : "xtcp";
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Nanoseconds of one connect() to @to, or -1; the connection ends here, too. */
static int64_t connect_once(int family, int lfd, const struct xt_addr *to)
{
	int client = xt_socket(family), server;
	int64_t took = -1, begin;

	if (client < 0)
		return -1;
	begin = now_ns();
	if (!xt_connect(client, to))
		took = now_ns() - begin;
	xt_reset(client);
	server = took < 0 ? -1 : accept(lfd, NULL, NULL);
	if (server < 0)
		return -1;
	close(server);
	return took;
}

/* Fills @took with the times of those that were served; how many. */
static int serve_clients(int family, int lfd, const struct xt_addr *to, int64_t *took)
{
	unsigned int state = 1;
	int i, served = 0;

	for (i = 0; i < CLIENTS; i++) {
		usleep(rand_r(&state) % PAUSE_US);
		took[served] = connect_once(family, lfd, to);
		served += took[served] >= 0;
	}
	return served;
}

/* Has the flood that began at @begin been what it should, and met a full listener? */
static bool was_flooded(int64_t begin, long cookies, uint16_t port)
{
	if (flood.sent < RATE_LEAST * ((now_ns() - begin) / 1e9))
		return complain("the flood was too slow");
	if (cookies < flood.sent / 2)
		return complain("the flood was not answered with cookies");
	return xt_proc_count(flood.family, port, 0) >= 1 || complain("the listener has gone");
}

static bool start_flood(int family, uint16_t port)
{
	flood.family = family;
	flood.port = port;
	flood.rate = RATE;
	flood.sent = 0;
	return flood_start(&flood);
}

static void print_times(const struct load *l, int round, int family, const int64_t *took,
			int served)
{
	int i;

	printf("connect\t%d\t%s\t%s\t%s\t%d", round, family == AF_INET6 ? "IPv6" : "IPv4",
	       l->name, transport(), CLIENTS);
	for (i = 0; i < served; i++)
		printf("\t%lld", (long long)took[i]);
	printf("\n");
	fflush(stdout);
}

static bool measure(const struct load *l, int round, int family, uint16_t port)
{
	struct xt_addr any = xt_any(family, port), to = xt_loopback(family, port);
	static int64_t took[CLIENTS];
	int lfd = xt_socket(family), served;
	int64_t begin = now_ns();
	long cookies;
	bool ok;

	if (lfd < 0 || !peer_tunable("syncookies", l->mode) || xt_bind(lfd, &any) ||
	    listen(lfd, BACKLOG))
		return complain("no listener");
	/* Whom the server does not get to see has not been served. */
	xt_set_timeout(lfd, SO_RCVTIMEO, ACCEPT_MS);
	cookies = peer_counter("SyncookiesSent");
	if (l->flooded) {
		if (!start_flood(family, port))
			return complain("no flood");
		while (peer_counter("SyncookiesSent") - cookies < BACKLOG)
			xt_pause_ms(1);
	}
	served = serve_clients(family, lfd, &to, took);
	ok = served > 0 || complain("nobody was served");
	if (l->flooded) {
		flood_stop(&flood);
		ok = ok && was_flooded(begin, peer_counter("SyncookiesSent") - cookies, port);
	}
	close(lfd);
	if (!ok)
		return false;
	print_times(l, round, family, took, served);
	return true;
}

static bool run_round(int round, int family)
{
	static uint16_t port = 10000;
	unsigned int i, turn;

	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		for (turn = 0; turn < 2; turn++) {
			/* Who goes first changes from round to round. */
			setenv("XTCP_TEST_CONTROL", (round + turn) % 2 ? "1" : "0", 1);
			if (!measure(&loads[i], round, family, port++))
				return false;
			xt_pause_ms(500);
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	int round, rounds = argc == 2 ? atoi(argv[1]) : 0;

	if (rounds < 1) {
		fprintf(stderr, "usage: helper_connect ROUNDS\n");
		return 2;
	}
	if (xt_netns() || !xt_lo_delay(DELAY_MS) || !flood_open(&flood, AF_INET, 1)) {
		complain("no namespace, no netem or no TUN device");
		return 1;
	}
	printf("set\tflood\t%d SYNs a second, backlog %d\n", RATE, BACKLOG);
	printf("set\tclients\t%d a round, %d ms away\n", CLIENTS, DELAY_MS);
	/* Round 0 only warms up. */
	for (round = 0; round <= rounds; round++) {
		if (!run_round(round, AF_INET) || !run_round(round, AF_INET6))
			return 1;
	}
	return 0;
}
