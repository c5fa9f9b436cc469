// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flood generator as a program: SYNs from sources that do not exist, at a listener of
 * the caller's namespace.
 *
 *   helper_flood [-6] [-b] [-c] [-d ADDRESS] [-n COUNT] [-r RATE] [-s SECONDS] PORT
 *
 *   -6  over IPv6 (2001:db8::1), not IPv4 (192.0.2.1)
 *   -b  bare SYNs with their MSS alone, not with the options Linux offers
 *   -c  at the kernel's TCP, not at xtcp
 *   -d  at this address, which the caller's namespace forwards to
 *   -n  so many SYNs at most
 *   -r  so many a second; default: as fast as it goes
 *   -s  for so many seconds; default: 10
 *
 * The device "hole" is made in the caller's namespace and goes with the program. A line for
 * every second says how many SYNs were sent and how many answers came since the start.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "flood.h"
#include "sock.h"

static void die_usage(void)
{
	fputs("usage: helper_flood [-6] [-b] [-c] [-d ADDRESS] [-n COUNT] [-r RATE] "
	      "[-s SECONDS] PORT\n", stderr);
	exit(2);
}

/* A number from @min to @max, or the usage and the end. */
static int number(const char *text, int min, int max)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < min || value > max)
		die_usage();
	return value;
}

static void report(const struct flood *f)
{
	printf("sent %d replies %d\n", f->sent, f->replies);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int option, family = AF_INET, count = FLOOD_COUNT_MAX, rate = 0, seconds = 10, second;
	const char *target = NULL;
	bool bare = false;
	struct flood f;
	int64_t start;

	while ((option = getopt(argc, argv, "6bcd:n:r:s:")) != -1) {
		switch (option) {
		case '6':
			family = AF_INET6;
			break;
		case 'b':
			bare = true;
			break;
		case 'c':
			setenv("XTCP_TEST_CONTROL", "1", 1);
			break;
		case 'd':
			target = optarg;
			break;
		case 'n':
			count = number(optarg, 1, FLOOD_COUNT_MAX);
			break;
		case 'r':
			rate = number(optarg, 1, FLOOD_COUNT_MAX);
			break;
		case 's':
			seconds = number(optarg, 1, 3600);
			break;
		default:
			die_usage();
		}
	}
	if (optind + 1 != argc)
		die_usage();
	if (!flood_open(&f, family, number(argv[optind], 1, 65535))) {
		fprintf(stderr, "helper_flood: no device: %s\n", strerror(errno));
		return 1;
	}
	if (target && !inet_pton(family, target, family == AF_INET6 ? (void *)&f.target_v6 :
								    (void *)&f.target_v4))
		die_usage();
	f.timestamps = !bare;
	f.count = count;
	f.rate = rate;
	start = xt_now_ms();
	if (!flood_start(&f)) {
		fprintf(stderr, "helper_flood: no thread: %s\n", strerror(errno));
		return 1;
	}
	for (second = 1; second <= seconds && f.sent < count; second++) {
		while (xt_now_ms() < start + 1000 * second && f.sent < count)
			xt_pause_ms(10);
		report(&f);
	}
	flood_stop(&f);
	report(&f);
	flood_close(&f);
	return 0;
}
