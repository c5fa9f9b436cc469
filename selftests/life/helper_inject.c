// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments from a TUN device, as from peers that never answer.
 *
 *   helper_inject halfopen COUNT    a listener gets COUNT SYNs over each IP version, in its
 *                                   own namespace; prints how many half-open entries there
 *                                   are, then exits, which closes the listener
 *   helper_inject hold COUNT        the same, but the listener stays until standard input ends
 *   helper_inject storm SECONDS     segments of every kind at ports 7000 to 7007, in the
 *                                   namespace of the caller
 *   helper_inject serve MS          listeners on those ports that accept and close
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "sock.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static uint32_t sum(uint32_t total, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += data[i] << 8 | data[i + 1];
	if (len & 1)
		total += data[len - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* A segment from the hole's peer to the host; @len bytes of text. */
static bool inject(int tun, int family, uint16_t sport, uint16_t dport, uint32_t seq,
		   uint32_t ack, uint8_t flags, size_t len)
{
	uint8_t packet[1500] = { 0 };
	size_t header = family == AF_INET6 ? 40 : 20;
	/* A SYN says its MSS. */
	size_t options = flags & SYN ? 4 : 0;
	uint8_t *segment = packet + header;
	size_t size = 20 + options + len;

	put16(segment, sport);
	put16(segment + 2, dport);
	put32(segment + 4, seq);
	put32(segment + 8, ack);
	segment[12] = (20 + options) / 4 << 4;
	segment[13] = flags;
	put16(segment + 14, 65000);
	if (options)
		memcpy(segment + 20, "\x02\x04\x05\xb4", 4);
	if (family == AF_INET6) {
		packet[0] = 0x60;
		put16(packet + 4, size);
		packet[6] = xt_ipproto();
		packet[7] = 64;
		inet_pton(AF_INET6, "2001:db8::2", packet + 8);
		inet_pton(AF_INET6, "2001:db8::1", packet + 24);
		put16(segment + 16, ~sum(sum(xt_ipproto() + size, packet + 8, 32), segment, size));
	} else {
		packet[0] = 0x45;
		put16(packet + 2, header + size);
		packet[8] = 64;
		packet[9] = xt_ipproto();
		inet_pton(AF_INET, "192.0.2.2", packet + 12);
		inet_pton(AF_INET, "192.0.2.1", packet + 16);
		put16(packet + 10, ~sum(0, packet, header));
		put16(segment + 16, ~sum(sum(xt_ipproto() + size, packet + 12, 8), segment, size));
	}
	return write(tun, packet, header + size) == (ssize_t)(header + size);
}

static int half_open(int count, bool hold)
{
	struct xt_addr addr = xt_any(AF_INET6, 0);
	int tun, lfd, i, v4 = 0, v6 = 0;
	char byte;

	tun = xt_hole();
	lfd = xt_socket(AF_INET6);
	if (tun < 0 || lfd < 0 || xt_bind(lfd, &addr) || listen(lfd, 4 * count) ||
	    xt_sockname(lfd, &addr)) {
		perror("half-open");
		return 1;
	}
	for (i = 0; i < count; i++)
		if (!inject(tun, AF_INET, 20000 + i, xt_port(&addr), i, 0, SYN, 0) ||
		    !inject(tun, AF_INET6, 20000 + i, xt_port(&addr), i, 0, SYN, 0)) {
			perror("inject");
			return 1;
		}
	/* IPv4 peers of an IPv6 listener stand in one listing or the other. */
	XT_WAIT((v4 = xt_proc_count(AF_INET, xt_port(&addr), TCP_SYN_RECV)) +
		(v6 = xt_proc_count(AF_INET6, xt_port(&addr), TCP_SYN_RECV)) >= 2 * count);
	printf("halfopen %d\n", v4 + v6);
	fflush(stdout);
	if (hold)
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	return v4 + v6 == 2 * count ? 0 : 1;
}

static int storm(int seconds)
{
	static const uint8_t flags[] = {
		SYN, SYN, ACK, ACK | PSH, RST, RST | ACK, FIN | ACK, SYN | ACK, 0, SYN | FIN,
	};
	int64_t end = xt_now_ms() + 1000 * seconds;
	uint64_t state = xt_seed();
	unsigned long count = 0;
	int tun = xt_hole();

	if (tun < 0)
		return 1;
	printf("storming\n");
	fflush(stdout);
	while (xt_now_ms() < end) {
		int i;

		for (i = 0; i < 100; i++) {
			state = state * 6364136223846793005ULL + 1442695040888963407ULL;
			inject(tun, state >> 63 ? AF_INET6 : AF_INET, 1024 + (state >> 40) % 1000,
			       7000 + (state >> 50) % 8, state >> 20, state >> 10,
			       flags[(state >> 33) % sizeof(flags)],
			       (state >> 36) % 4 ? 0 : (state >> 24) % 1200);
			count++;
		}
		xt_hole_count(tun, 0);
	}
	printf("%lu segments\n", count);
	return 0;
}

static int serve(int milliseconds)
{
	int64_t end = xt_now_ms() + milliseconds;
	int lfd[8], i, fd;

	for (i = 0; i < 8; i++) {
		struct xt_addr addr = xt_any(AF_INET6, 7000 + i);

		lfd[i] = xt_socket_flags(AF_INET6, SOCK_NONBLOCK);
		if (lfd[i] < 0 || xt_set_int(lfd[i], SOL_SOCKET, SO_REUSEADDR, 1) ||
		    xt_bind(lfd[i], &addr) || listen(lfd[i], 4)) {
			perror("serve");
			return 1;
		}
	}
	while (xt_now_ms() < end)
		for (i = 0; i < 8; i++) {
			fd = accept(lfd[i], NULL, NULL);
			if (fd >= 0)
				close(fd);
		}
	/* With half-open entries and perhaps unaccepted connections on them. */
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "halfopen"))
		return half_open(atoi(argv[2]), false);
	if (argc == 3 && !strcmp(argv[1], "hold"))
		return half_open(atoi(argv[2]), true);
	if (argc == 3 && !strcmp(argv[1], "storm"))
		return storm(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	return 2;
}
