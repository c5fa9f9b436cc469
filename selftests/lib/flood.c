// SPDX-License-Identifier: GPL-2.0-only
/* The flood generator: see flood.h. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bytes.h"
#include "flood.h"
#include "peer.h"
#include "sock.h"

#define DRAIN_EVERY	64	/* packets; the device queues 500 answers */

/* Options of a SYN as Linux sends it, and of a segment after it; TSval is filled in. */
static const uint8_t linux_syn[20] = {
	2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7
};

static const uint8_t mss_alone[4] = { 2, 4, 5, 0xb4 };
static const uint8_t stamps[12] = { 1, 1, 8, 10 };

bool flood_open(struct flood *f, int family, uint16_t port)
{
	memset(f, 0, sizeof(*f));
	f->family = family;
	f->port = port;
	f->flags = FLOOD_SYN;
	f->timestamps = true;
	f->count = FLOOD_COUNT_MAX;
	f->state = xt_seed() | 1;
	inet_pton(AF_INET, "192.0.2.1", &f->target_v4);
	inet_pton(AF_INET6, "2001:db8::1", &f->target_v6);
	f->tun = xt_hole();
	if (f->tun < 0 || xt_nonblock(f->tun))
		return false;
	return xt_run("ip route add 10.0.0.0/8 via 192.0.2.2 && "
		      "ip route add 2001:db8:1::/64 via 2001:db8::2");
}

void flood_close(struct flood *f)
{
	if (f->tun >= 0)
		close(f->tun);
	f->tun = -1;
}

int flood_listen(int family, uint16_t port, int backlog)
{
	struct xt_addr any = xt_any(family, port);
	int lfd = xt_socket_flags(family, SOCK_NONBLOCK);

	if (lfd >= 0 && !xt_bind(lfd, &any) && !listen(lfd, backlog))
		return lfd;
	if (lfd >= 0)
		close(lfd);
	return -1;
}

int flood_victim(struct flood *f, int family, uint16_t port, const char *mode, int backlog)
{
	if (xt_netns() || !flood_open(f, family, port) ||
	    !xt_sysctl("net/xtcp/syncookies", mode))
		return -1;
	return flood_listen(family, port, backlog);
}

/* xorshift64*: fast, and nobody's secret. */
uint64_t flood_random(struct flood *f)
{
	f->state ^= f->state << 13;
	f->state ^= f->state >> 7;
	f->state ^= f->state << 17;
	return f->state * 0x2545f4914f6cdd1dull;
}

static void random_source(struct flood *f, struct flood_source *source)
{
	static const uint8_t prefix[8] = { 0x20, 0x01, 0x0d, 0xb8, 0, 1 };
	uint64_t r = flood_random(f);

	source->port = 1024 + r % 60000;
	source->v4.s_addr = htonl(0x0a000000 | (r >> 32 & 0xffffff));
	if (f->family == AF_INET6) {
		r = flood_random(f);
		memcpy(&source->v6, prefix, 8);
		memcpy((uint8_t *)&source->v6 + 8, &r, 8);
	}
}

/* The ones' complement sum is the same in either byte order, and so are its results. */
static uint32_t add_up(uint32_t total, const uint8_t *data, int len)
{
	uint16_t word;
	int i;

	for (i = 0; i + 1 < len; i += 2) {
		memcpy(&word, data + i, 2);
		total += word;
	}
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static void put_sum(uint8_t *at, uint32_t total)
{
	uint16_t word = ~total;

	memcpy(at, &word, 2);
}

/* The options of this packet into @at; their length. */
static int put_options(struct flood *f, uint8_t *at)
{
	if (f->opts) {
		memcpy(at, f->opts, f->optlen);
		return f->optlen;
	}
	if (f->bare)
		return 0;
	if (f->flags & FLOOD_SYN) {
		int len = f->timestamps ? sizeof(linux_syn) : sizeof(mss_alone);

		memcpy(at, f->timestamps ? linux_syn : mss_alone, len);
		return len;
	}
	if (!f->timestamps)
		return 0;
	memcpy(at, stamps, sizeof(stamps));
	put32(at + 4, flood_random(f));
	put32(at + 8, flood_random(f));
	return sizeof(stamps);
}

/* The header and options; their length. */
static int put_segment(struct flood *f, const struct flood_source *source, uint8_t *at)
{
	uint64_t numbers = flood_random(f);
	int size;

	put16(at, source->port);
	put16(at + 2, f->port);
	put32(at + 4, f->fixed ? f->seq : numbers);
	if (f->flags & FLOOD_ACK)
		put32(at + 8, f->fixed ? f->ack : numbers >> 32);
	at[13] = f->flags;
	put16(at + 14, 65000);
	size = 20 + put_options(f, at + 20);
	at[12] = (f->doff ? f->doff : size / 4) << 4;
	return size;
}

bool flood_packet(struct flood *f)
{
	uint32_t proto_and_len;
	struct flood_source source;
	uint8_t packet[100] = { 0 };
	int header = f->family == AF_INET6 ? 40 : 20;
	uint8_t *segment = packet + header;
	int size;

	if (f->choose)
		f->choose(f, f->sent, &source);
	else
		random_source(f, &source);
	size = put_segment(f, &source, segment);
	proto_and_len = htons(xt_ipproto()) + htons(size);
	if (f->family == AF_INET6) {
		packet[0] = 0x60;
		put16(packet + 4, size);
		packet[6] = xt_ipproto();
		packet[7] = 64;
		memcpy(packet + 8, &source.v6, 16);
		memcpy(packet + 24, &f->target_v6, 16);
		put_sum(segment + 16, add_up(add_up(proto_and_len, packet + 8, 32), segment, size));
	} else {
		packet[0] = 0x45;
		put16(packet + 2, header + size);
		packet[8] = 64;
		packet[9] = xt_ipproto();
		memcpy(packet + 12, &source.v4, 4);
		memcpy(packet + 16, &f->target_v4, 4);
		put_sum(packet + 10, add_up(0, packet, header));
		put_sum(segment + 16, add_up(add_up(proto_and_len, packet + 12, 8), segment, size));
	}
	if (write(f->tun, packet, header + size) != header + size)
		return false;
	f->sent_bytes += header + size;
	f->sent++;
	return true;
}

void flood_overflow(struct flood *f, int backlog)
{
	int i;

	f->flags = FLOOD_SYN;
	for (i = 0; i < 2 * backlog; i++)
		flood_packet(f);
	flood_drain(f);
}

int flood_drain(struct flood *f)
{
	uint8_t packet[2048];
	ssize_t len;
	int count = 0;

	while ((len = read(f->tun, packet, sizeof(packet))) > 0) {
		if ((packet[0] >> 4 == 6 ? packet[6] : packet[9]) != xt_ipproto())
			continue;
		count++;
		f->reply_bytes += len;
		if (len > f->longest_reply)
			f->longest_reply = len;
	}
	f->replies += count;
	return count;
}

/* Not before packet @i of a flood that began at @start is due. */
static void wait_for_turn(const struct flood *f, int i, int64_t start_ms)
{
	int64_t ahead_ms;

	if (!f->rate)
		return;
	ahead_ms = (int64_t)i * 1000 / f->rate - (xt_now_ms() - start_ms);
	if (ahead_ms > 0)
		xt_pause_ms(ahead_ms);
}

void flood_run(struct flood *f)
{
	int64_t start_ms = xt_now_ms();
	int i;

	for (i = 0; i < f->count && !f->stop; i++) {
		if (i % DRAIN_EVERY == 0) {
			flood_drain(f);
			wait_for_turn(f, i, start_ms);
		}
		flood_packet(f);
	}
	flood_drain(f);
}

static void *flood_thread(void *arg)
{
	flood_run(arg);
	return NULL;
}

bool flood_start(struct flood *f)
{
	f->stop = false;
	errno = pthread_create(&f->thread, NULL, flood_thread, f);
	return !errno;
}

bool flood_stop(struct flood *f)
{
	f->stop = true;
	errno = pthread_join(f->thread, NULL);
	return !errno;
}

long flood_unaccounted(void)
{
	static const char *const outcomes[] = {
		"HalfopenAdded", "SyncookiesSent", "DropHalfopenFull", "DropListenOverflow",
		"DropListenNoRoute", "DropListenNoMemory", "DropListenRace", "DropListenClosed",
	};
	long sum = 0;
	unsigned int i;

	for (i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		sum += peer_counter(outcomes[i]);
	return peer_counter("SynRcvd") - sum;
}
