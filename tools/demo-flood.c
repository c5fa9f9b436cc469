// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo-flood: the attacker of the demo. SYNs from addresses nobody has arrive at this namespace.
 *
 *	demo-flood PORT RATE SECONDS
 *
 * Makes the device "hole" with the address 192.0.2.1, says its seed and "ready", and waits
 * for a line on standard input. Then SYNs for that address and PORT come out of the device,
 * RATE a second for SECONDS; "done SYNS CPU_US" says how many they were and the processor
 * time that making them and the kernel's dealing with them took. Until standard input ends
 * what is sent to the sources is swallowed, as the internet would. Nothing ever leaves the
 * namespace.
 * XTCP_TEST_CONTROL=1 floods TCP.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "flood.h"
#include "sock.h"

#define NSEC_PER_SEC	1000000000ll
#define RATE_MAX	1000000
#define SECONDS_MAX	3600
/* The attacker stands for other machines: it steps aside for what runs on this one. */
#define NICENESS	10
/* After a pause of the machine so much is made up for, not more: a flood, not a burst. */
#define BEHIND_NS_MAX	(50 * 1000000ll)

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "demo-flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int parse(const char *text, int highest)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || value < 1 || value > highest) {
		errno = EINVAL;
		die(text);
	}
	return value;
}

static int64_t read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static int64_t now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

static void flood(struct flood *f, int rate, int seconds)
{
	int64_t gap_ns = NSEC_PER_SEC / rate, start = now_ns(), due = start, now = start;
	struct timespec nap = { .tv_nsec = 1000000 };

	while (now < start + seconds * NSEC_PER_SEC) {
		if (due < now - BEHIND_NS_MAX)
			due = now - BEHIND_NS_MAX;
		for (; due <= now; due += gap_ns)
			flood_packet(f);
		flood_drain(f);
		nanosleep(&nap, NULL);
		now = now_ns();
	}
}

int main(int argc, char **argv)
{
	struct pollfd wait[2];
	struct flood f;
	int64_t before_ns;
	int rate, seconds;
	char line[16];

	if (argc != 4) {
		fputs("usage: demo-flood PORT RATE SECONDS\n", stderr);
		return 2;
	}
	rate = parse(argv[2], RATE_MAX);
	seconds = parse(argv[3], SECONDS_MAX);
	if (setpriority(PRIO_PROCESS, 0, NICENESS))
		die("setpriority");
	if (!flood_open(&f, AF_INET, parse(argv[1], 65535)))
		die("no TUN device");
	puts("ready");
	fflush(stdout);
	wait[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	wait[1] = (struct pollfd){ .fd = f.tun, .events = POLLIN };
	for (;;) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			die("poll");
		flood_drain(&f);
		if (!wait[0].revents)
			continue;
		if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
			return 0;
		/* The kernel takes in a SYN, and answers it, in the time of who writes it. */
		before_ns = read_ns(CLOCK_PROCESS_CPUTIME_ID);
		flood(&f, rate, seconds);
		printf("done %d %lld\n", f.sent,
		       (long long)(read_ns(CLOCK_PROCESS_CPUTIME_ID) - before_ns) / 1000);
		fflush(stdout);
	}
}
