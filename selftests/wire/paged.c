// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments whose text lies in page fragments, as most drivers deliver it: trimming at
 * both edges and overlaps, octet by octet (RFC 9293, 3.4, 3.10.7.4; D14).
 */
#include <stdlib.h>
#include "peer_test.h"

#define MTU		65000
#define MOST		(1 << 20)	/* octets of a stream */

/* What the stream must be when the first to arrive wins. */
static uint8_t model[MOST];
static bool held[MOST];
static int arrivals;

/* A place in the stream looks different in each segment, and unlike a page further on. */
static uint8_t octet(int arrival, int offset)
{
	return arrival * 83 + offset * 7 + (offset >> 8) * 13;
}

/* Octets @from..@to of the stream arrive; those from @edge on must not be taken. */
static void arrive_beyond(struct peer *p, int from, int to, int edge)
{
	static uint8_t text[MTU];
	/* Stray: offsets keep counting from the first octet of the stream. */
	const struct seg seg = {
		.flags = ACK | PSH, .seq = from, .len = to - from, .data = text, .stray = true,
	};
	int i;

	arrivals++;
	for (i = from; i < to; i++) {
		text[i - from] = octet(arrivals, i);
		if (i >= edge || held[i])
			continue;
		held[i] = true;
		model[i] = text[i - from];
	}
	peer_send(p, &seg);
}

static void arrive(struct peer *p, int from, int to)
{
	arrive_beyond(p, from, to, MOST);
}

/* Read what the stack has to say; the last of it acknowledges @len octets. */
static bool acked(struct peer *p, int len)
{
	struct got seen = {};
	uint32_t ack;

	do {
		if (seen.bad || seen.flags & RST) {
			printf("# peer: %s\n", seen.bad ?: "reset");
			return false;
		}
	} while (peer_next(p, &seen, 600));
	ack = p->last.ack - p->snd_nxt;
	if (ack != (uint32_t)len)
		printf("# peer: %d octets acknowledged, not %d\n", ack, len);
	return ack == (uint32_t)len;
}

/* Octets @from..@to can be read, they are the model's, and nothing follows. */
static bool reads(struct peer *p, int fd, int from, int to)
{
	static uint8_t got[MOST];
	int n, i;

	for (i = from; i < to; i += n) {
		n = recv(fd, got + i, MOST - i, MSG_DONTWAIT);
		if (n <= 0 || n > to - i) {
			printf("# peer: recv at %d of %d octets: %d\n", i, to, n);
			return false;
		}
	}
	for (i = from; i < to; i++) {
		if (got[i] == model[i])
			continue;
		printf("# peer: octet %d is 0x%02x, not 0x%02x of the first to arrive\n",
		       i, got[i], model[i]);
		return false;
	}
	return peer_read_nothing(p, fd);
}

WIRE_FIXTURE(paged)

FIXTURE_SETUP(paged)
{
	ASSERT_TRUE(peer_open_link(&self->p, variant->family, MTU, LINK_PAGED));
	self->p.mss = 8900;
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(40000, peer_k_window(&self->p));
}

/* Each script: segments in the order of arrival, then the whole stream is there. */
#define arrive_all(...)							\
	do {								\
		static const int edges[][2] = { __VA_ARGS__ };		\
		unsigned int edge;					\
									\
		for (edge = 0; edge < sizeof(edges) / sizeof(edges[0]); edge++)	\
			arrive(&self->p, edges[edge][0], edges[edge][1]);	\
	} while (0)

#define complete(len)							\
	do {								\
		must(acked(&self->p, (len)));				\
		must(reads(&self->p, self->fd, 0, (len)));		\
	} while (0)

TEST_F(paged, in_order)
{
	ROW("DATA-10");
	arrive_all({ 0, 5000 }, { 5000, 25000 }, { 25000, 30000 });
	complete(30000);
}

TEST_F(paged, reverse_order)
{
	ROW("DATA-10");
	arrive_all({ 25000, 30000 }, { 5000, 25000 }, { 0, 5000 });
	complete(30000);
}

/* The later one begins inside of one that waits. */
TEST_F(paged, overlap_on_the_left)
{
	ROW("DATA-10");
	ROW("DATA-11");
	arrive_all({ 5000, 10000 }, { 7000, 12500 }, { 0, 5000 });
	complete(12500);
}

/* The later one ends inside of one that waits. */
TEST_F(paged, overlap_on_the_right)
{
	ROW("DATA-10");
	ROW("DATA-11");
	arrive_all({ 8000, 14000 }, { 3000, 10000 }, { 0, 3000 });
	complete(14000);
}

TEST_F(paged, overlap_on_both_sides)
{
	ROW("DATA-10");
	ROW("DATA-11");
	arrive_all({ 3000, 9000 }, { 15000, 21000 }, { 7000, 17000 }, { 0, 3000 });
	complete(21000);
}

/* It spans two that wait, and fills the holes around and between them. */
TEST_F(paged, later_one_covers)
{
	ROW("DATA-10");
	ROW("DATA-11");
	arrive_all({ 5000, 10000 }, { 15000, 20000 }, { 3000, 22000 }, { 0, 3000 });
	complete(22000);
}

/* It begins where one that waits begins, and is longer. */
TEST_F(paged, later_one_extends)
{
	ROW("DATA-10");
	ROW("DATA-11");
	arrive_all({ 5000, 10000 }, { 5000, 16000 }, { 0, 5000 });
	complete(16000);
}

TEST_F(paged, later_one_is_covered)
{
	ROW("DATA-10");
	ROW("DATA-11");
	arrive_all({ 5000, 15000 }, { 6000, 13000 }, { 0, 5000 });
	complete(15000);
}

/* The one that arrives in order reaches into one that waits. */
TEST_F(paged, in_order_overlaps)
{
	ROW("DATA-10");
	ROW("DATA-11");
	arrive_all({ 5000, 12000 }, { 0, 7000 });
	complete(12000);
}

/* The one that arrives in order spans two that wait. */
TEST_F(paged, in_order_covers)
{
	ROW("DATA-10");
	ROW("DATA-11");
	arrive_all({ 5000, 10000 }, { 15000, 20000 }, { 0, 22000 });
	complete(22000);
}

/* It begins with octets held already, unread and read. */
TEST_F(paged, head_is_trimmed)
{
	ROW("DATA-04");
	arrive_all({ 0, 6000 }, { 1500, 12000 });
	complete(12000);
	arrive_all({ 6500, 18000 });
	must(acked(&self->p, 18000));
	must(reads(&self->p, self->fd, 12000, 18000));
	/* All of it is old, or all but the last octet. */
	arrive_all({ 12000, 18000 }, { 12000, 18001 });
	must(acked(&self->p, 18001));
	must(reads(&self->p, self->fd, 18000, 18001));
}

/* It begins with old octets and reaches into one that waits. */
TEST_F(paged, head_is_trimmed_before_overlap)
{
	ROW("DATA-04");
	ROW("DATA-11");
	arrive_all({ 0, 6000 }, { 10000, 16000 }, { 1000, 12000 });
	complete(16000);
}

/* Out of order: octets beyond the window are not taken, those before it are. */
TEST_F(paged, tail_is_trimmed)
{
	int edge = peer_k_window(&self->p);

	ROW("DATA-04");
	arrive_beyond(&self->p, edge - 6000, edge + 5000, edge);
	arrive(&self->p, 0, 20000);
	arrive(&self->p, 20000, edge - 6000);
	complete(edge);
}

/* In order: old octets in front, octets beyond the window at the end. */
TEST_F(paged, both_ends_are_trimmed)
{
	int next = 0, edge;

	ROW("DATA-04");
	for (;;) {
		must(acked(&self->p, next));
		edge = next + peer_k_window(&self->p);
		if (edge - next <= 30000 || edge > MOST - MTU) {
			break;
		}
		arrive(&self->p, next, next + 10000);
		next += 10000;
	}
	ASSERT_LT(0, edge - next);
	ASSERT_GE(30000, edge - next);
	arrive_beyond(&self->p, next - 5000, edge + 7000, edge);
	complete(edge);
}

/* Headers in fragments too, in one piece or not. */
TEST_F(paged, headers_in_fragments)
{
	static const int linear[] = { 1, 20, 40, 50, 60, 70 };
	int whole = 5000;
	unsigned int i;

	ROW("WIRE-01");
	for (i = 0; i < sizeof(linear) / sizeof(linear[0]); i++) {
		send_seg(.flags = ACK | PSH, .len = whole, .linear = linear[i]);
		must(peer_read(&self->p, self->fd, whole));
	}
	must(acked(&self->p, 0));
}

/* Many long segments at random places, most of them overlapping others. */
TEST_F(paged, any_order)
{
	unsigned int seed = 20260000;
	int round, i, from, base = 0;

	ROW("DATA-10");
	ROW("DATA-11");
	/* Pieces of one segment are charged like the whole: room for all of them. */
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20));
	for (round = 0; round < 12; round++) {
		printf("# seed %u\n", seed);
		for (i = 0; i < 12; i++) {
			from = rand_r(&seed) % 28000;
			arrive(&self->p, base + from, base + from + 1 + rand_r(&seed) % 12000);
		}
		for (i = 0; i < 40000; i += 8000)
			arrive(&self->p, base + i, base + i + 8000);
		must(acked(&self->p, base + 40000));
		must(reads(&self->p, self->fd, base, base + 40000));
		base += 40000;
	}
}

TEST_HARNESS_MAIN
