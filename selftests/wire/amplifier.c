// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a host that never spoke to us receives when its address is forged: no more bytes than
 * the forger sent, in every state a segment without a connection can meet (RFC 4987).
 */
#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "flood.h"
#include "peer.h"
#include "sock.h"

#define PORT		8080
#define CLOSED_PORT	9999
#define BACKLOG		16
#define PACKETS		100

FIXTURE(amplifier)
{
	struct flood f;
	int lfd;
};

FIXTURE_VARIANT(amplifier)
{
	int family;
	const char *mode;
};

FIXTURE_VARIANT_ADD(amplifier, v4_mode_0) { AF_INET, "0" };
FIXTURE_VARIANT_ADD(amplifier, v4_mode_1) { AF_INET, "1" };
FIXTURE_VARIANT_ADD(amplifier, v4_mode_2) { AF_INET, "2" };
FIXTURE_VARIANT_ADD(amplifier, v6_mode_1) { AF_INET6, "1" };
FIXTURE_VARIANT_ADD(amplifier, v6_mode_2) { AF_INET6, "2" };

FIXTURE_SETUP(amplifier)
{
	self->lfd = flood_victim(&self->f, variant->family, PORT, variant->mode, BACKLOG);
	ASSERT_LE(0, self->lfd);
}

FIXTURE_TEARDOWN(amplifier)
{
	close(self->lfd);
	flood_close(&self->f);
}

/* Every kind of segment a forger may choose, with the options that fit it. */
static const uint8_t all_flags[] = {
	FLOOD_SYN, FLOOD_ACK, FLOOD_RST, FLOOD_FIN, 0, FLOOD_SYN | FLOOD_ACK,
	FLOOD_FIN | FLOOD_ACK, FLOOD_RST | FLOOD_ACK, FLOOD_SYN | FLOOD_FIN,
	FLOOD_SYN | FLOOD_RST, 0xff,
};

/* PACKETS of one kind; false when more came back than was sent. */
static bool is_no_amplifier(struct flood *f, uint8_t flags, bool timestamps, bool bare)
{
	int i;

	xt_pause_ms(10);
	flood_drain(f);
	f->sent_bytes = 0;
	f->reply_bytes = 0;
	f->replies = 0;
	f->flags = flags;
	f->timestamps = timestamps;
	f->bare = bare;
	for (i = 0; i < PACKETS; i++) {
		flood_packet(f);
		flood_drain(f);
	}
	xt_pause_ms(10);
	flood_drain(f);
	printf("# flags 0x%02x, timestamps %d, bare %d: %d answers, ratio %.2f\n", flags,
	       timestamps, bare, f->replies, (double)f->reply_bytes / f->sent_bytes);
	return f->replies <= PACKETS && f->reply_bytes <= f->sent_bytes;
}

/* The flags and options in turn; false when one of them amplifies. */
static bool none_amplifies(struct flood *f)
{
	bool none = true;
	unsigned int i;

	for (i = 0; i < sizeof(all_flags); i++) {
		none &= is_no_amplifier(f, all_flags[i], true, false);
		none &= is_no_amplifier(f, all_flags[i], false, false);
		none &= is_no_amplifier(f, all_flags[i], false, true);
	}
	return none;
}

TEST_F(amplifier, closed_port)
{
	ROW("SEC-26");
	self->f.port = CLOSED_PORT;
	ASSERT_TRUE(none_amplifies(&self->f));
	/* It was no silence that passed. */
	ASSERT_LT(1000, peer_counter("OutRsts"));
}

TEST_F(amplifier, listener)
{
	ROW("SEC-26");
	ROW("LSN-21");
	ASSERT_TRUE(none_amplifies(&self->f));
	ASSERT_LT(BACKLOG, peer_counter("SynAckSent"));
	ASSERT_EQ(0, flood_unaccounted());
}

static void one_source(const struct flood *f, int i, struct flood_source *source)
{
	source->port = 5000;
	inet_pton(AF_INET, "10.1.2.3", &source->v4);
	inet_pton(AF_INET6, "2001:db8:1::123", &source->v6);
}

/* The entry of a forged address, by segments with any numbers and with those of its SYN. */
TEST_F(amplifier, half_open)
{
	ROW("SEC-26");
	self->f.choose = one_source;
	self->f.fixed = true;
	self->f.seq = 1000;
	flood_packet(&self->f);
	if (strcmp(variant->mode, "2")) {
		ASSERT_EQ(1, xt_proc_count(variant->family, PORT, 3));
	}
	ASSERT_TRUE(none_amplifies(&self->f));
	self->f.seq = 1001;
	ASSERT_TRUE(none_amplifies(&self->f));
	self->f.seq = 1101;
	ASSERT_TRUE(none_amplifies(&self->f));
	self->f.fixed = false;
	ASSERT_TRUE(none_amplifies(&self->f));
	ASSERT_EQ(0, flood_unaccounted());
}

/* Till the last repeat: one answer for a cookie, 1 + synack_retries for an entry. */
TEST_F_TIMEOUT(amplifier, repeats_are_few, 200)
{
	int entries = strcmp(variant->mode, "2") ? 5 : 0;
	int i;

	ROW("LSN-21");
	for (i = 0; i < 5; i++)
		flood_packet(&self->f);
	for (i = 0; i < 130; i++) {
		xt_pause_ms(1000);
		flood_drain(&self->f);
	}
	ASSERT_EQ(entries ? 5 * 6 : 5, self->f.replies);
	ASSERT_EQ(entries, peer_counter("HalfopenExpired"));
	ASSERT_EQ(0, xt_proc_count(variant->family, PORT, 3));
}

TEST_HARNESS_MAIN
