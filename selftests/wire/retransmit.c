// SPDX-License-Identifier: GPL-2.0-only
/*
 * Retransmission: the timer, its back-off, Karn's rule, fast retransmit
 * (RFC 6298; RFC 5681, 3.2; RFC 6582; RFC 9293, 3.8.1 to 3.8.3).
 *
 * SACK is not offered, so that neither RACK nor loss probes take part.
 */
#include "peer_test.h"

/* With a round trip of nothing the time-out is its minimum (D4). */
#define RTO_MIN_MS	200

static unsigned int srtt_us(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
	return info.tcpi_rtt;
}

/* 100 octets leave, and again when nothing was heard for @gap ms. */
static bool repeats_after(struct peer *p, int fd, int gap)
{
	const struct want first = { .flags = ACK | PSH, .len = 100 };
	const struct want again = { .flags = ACK | PSH, .len = 100, .seq = -100, .gap = gap };

	return peer_write(p, fd, 100) && peer_expect(p, &first) && peer_expect(p, &again);
}

WIRE_FIXTURE(retransmit)

FIXTURE_SETUP(retransmit)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.offer_sack = false;
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
}

TEST_F_TIMEOUT(retransmit, backoff, 200)
{
	int i, gap = RTO_MIN_MS;

	ROW("LOSS-07");
	ROW("LOSS-04");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	for (i = 0; i < 7; i++, gap *= 2)
		expect(.flags = ACK | PSH, .len = 100, .seq = -100, .gap = gap);
	send_seg(.flags = ACK);
	silence(30000);
	state_is(ST_ESTABLISHED);
}

/* With timestamps a repeated segment gives a sample, and that ends the back-off. */
TEST_F(retransmit, echo_of_the_repeat)
{
	unsigned int before = srtt_us(self->fd);

	ROW("LOSS-05");
	must(repeats_after(&self->p, self->fd, RTO_MIN_MS));
	peer_pump(&self->p, 50);
	send_seg(.flags = ACK);
	ASSERT_LE(before + 4000, srtt_us(self->fd));
	ASSERT_GE(before + 12000, srtt_us(self->fd));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK | PSH, .len = 100, .seq = -100, .within = 350);
}

/*
 * The ACK of the first was lost: the repeat is outside the peer's window, which records no
 * timestamp then (RFC 7323, 5.3), and the echo is that of the first. It measures our own
 * wait: a time-out that grew from it would grow from itself. Linux takes it (D26).
 */
TEST_F(retransmit, echo_older_than_the_repeat)
{
	unsigned int before = srtt_us(self->fd);
	uint32_t first;

	ROW("LOSS-05");
	ROW("LOSS-08");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	first = self->p.last.tsval;
	expect(.flags = ACK | PSH, .len = 100, .seq = -100, .gap = RTO_MIN_MS);
	send_seg(.flags = ACK, .set_ts = true, .tsval = peer_tsval(&self->p), .tsecr = first);
	if (xt_is_control()) {
		ASSERT_LE(before + 20000, srtt_us(self->fd));
		return;
	}
	ASSERT_EQ(before, srtt_us(self->fd));
	must(repeats_after(&self->p, self->fd, 2 * RTO_MIN_MS));
}

/* 15 copies: 924.6 s at least, the gaps not above 120 s; then ETIMEDOUT and no RST. */
TEST_F_TIMEOUT(retransmit, gives_up, 1500)
{
	uint64_t start;
	struct got seen;
	int n = 0, gap = 0;
	uint64_t last_us;

	ROW("LOSS-11");
	ROW("LOSS-04");
	CELL("ESTABLISHED", "GIVE_UP");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	start = last_us = self->p.last_us;
	while (peer_next(&self->p, &seen, 140000)) {
		ASSERT_EQ(ACK | PSH, seen.flags);
		ASSERT_EQ(self->p.rcv_nxt - 100, seen.seq);
		gap = (seen.us - last_us) / 1000;
		last_us = seen.us;
		n++;
		ASSERT_GE(136000, gap);
	}
	ASSERT_EQ(15, n);
	ASSERT_LE(100000, gap);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	listed_is(ST_NONE);
	ASSERT_LE(800000000, last_us - start);
}

/* Only the earliest segment is repeated. */
TEST_F(retransmit, earliest_segment_only)
{
	int full = self->p.mss - 12;

	ROW("LOSS-07");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 3 * full));
	expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK | PSH, .len = full);
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -3 * full, .gap = RTO_MIN_MS);
	silence(RTO_MIN_MS * 2 - 20);
}

/* The timer restarts with each ACK of new data. */
TEST_F(retransmit, timer_restarts_on_ack)
{
	int full = self->p.mss - 12;

	ROW("LOSS-06");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 2 * full));
	expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK | PSH, .len = full);
	peer_pump(&self->p, RTO_MIN_MS - 40);
	send_seg(.flags = ACK, .ack = -full);
	/* A whole time-out from here; the sample of 160 ms has made it longer. */
	silence(RTO_MIN_MS - 10);
	expect(.flags = ACK | PSH, .len = full, .seq = -full, .within = 1500);
}

/* All acknowledged: the timer is off; data sent later starts it anew. */
TEST_F(retransmit, timer_stops_and_starts)
{
	ROW("LOSS-06");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	send_seg(.flags = ACK);
	silence(3000);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	expect(.flags = ACK | PSH, .len = 100, .seq = -100, .gap = RTO_MIN_MS);
}

/* The third duplicate ACK, and not the second. */
TEST_F(retransmit, fast_retransmit)
{
	int full = self->p.mss - 12;

	ROW("LOSS-14");
	ASSERT_TRUE(peer_write_full(&self->p, self->fd, 10));
	send_seg(.flags = ACK, .ack = -10 * full);
	send_seg(.flags = ACK, .ack = -10 * full);
	silence(20);
	send_seg(.flags = ACK, .ack = -10 * full);
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -10 * full, .within = NOW);
	send_seg(.flags = ACK);
	silence(1000);
}

/* The first two release a new segment each, the third repairs (RFC 3042, 2). */
TEST_F(retransmit, limited_transmit)
{
	int full = self->p.mss - 12, i;

	ROW("LOSS-16");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_SNDBUF, 200000));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 20 * full));
	for (i = 0; i < 10; i++)
		expect(.flags = ACK, .any_psh = true, .len = full);
	silence(5);
	for (i = 10; i < 12; i++) {
		send_seg(.flags = ACK, .ack = -i * full);
		expect(.flags = ACK, .any_psh = true, .len = full, .within = NOW);
		silence(5);
	}
	send_seg(.flags = ACK, .ack = -12 * full);
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -12 * full, .within = NOW);
}

/* RFC 6582: a partial ACK repairs the next hole at once. */
TEST_F(retransmit, partial_ack)
{
	int full = self->p.mss - 12, i;

	ROW("LOSS-15");
	ASSERT_TRUE(peer_write_full(&self->p, self->fd, 10));
	/* The first and the fifth are lost. */
	for (i = 0; i < 8; i++)
		send_seg(.flags = ACK, .ack = -10 * full);
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -10 * full, .within = NOW);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK, .ack = -6 * full);
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -6 * full, .within = NOW);
	send_seg(.flags = ACK);
	silence(1000);
}

/* Updates of the window and segments with data are no duplicate ACKs (RFC 5681, 2). */
TEST_F(retransmit, window_updates_are_no_duplicates)
{
	int full = self->p.mss - 12, i;

	ROW("LOSS-13");
	ASSERT_TRUE(peer_lower_window(&self->p, 20000));
	ASSERT_TRUE(peer_write_full(&self->p, self->fd, 5));
	for (i = 1; i <= 4; i++)
		send_seg(.flags = ACK, .ack = -5 * full, .win = 30000 + i);
	silence(50);
	send_seg(.flags = ACK);
	silence(300);
}

/* Segments with data and an old ACK number are no duplicate ACKs either. */
TEST_F(retransmit, data_both_ways)
{
	int i;

	ROW("LOSS-13");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	for (i = 0; i < 5; i++) {
		send_seg(.flags = ACK | PSH, .len = 10, .ack = -100);
		expect(.flags = ACK, .within = 150);
	}
	send_seg(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 50));
	silence(1000);
}

WIRE_FIXTURE_LISTENING(initial_window)

/* How many segments the connection sends before the first ACK of data. */
static int first_flight(struct peer *p, int fd)
{
	struct got seen;
	int n = 0;

	peer_set_int(fd, SOL_SOCKET, SO_SNDBUF, 200000);
	peer_write_some(p, fd, 20 * (p->mss - 12));
	while (peer_next(p, &seen, 3))
		n++;
	return n;
}

/* One lost SYN is an accident, two are congestion (RFC 6928, 2; D11). */
TEST_F_TIMEOUT(initial_window, after_lost_syns, 60)
{
	struct peer q;
	int lost, i, fd;

	ROW("CC-03");
	for (lost = 0; lost <= 2; lost++) {
		q = peer_flow(&self->p, PEER_PORT + lost);
		q.kport = 0;
		fd = peer_connect_start(&q);
		ASSERT_LE(0, fd);
		expect_on(&q, .flags = SYN, .within = NOW);
		for (i = 0; i < lost; i++)
			expect_on(&q, .flags = SYN, .gap = 1000 << i);
		send_on(&q, .flags = SYN | ACK);
		expect_on(&q, .flags = ACK, .within = NOW);
		ASSERT_EQ(lost > 1 ? 1 : 10, first_flight(&q, fd));
		send_on(&q, .flags = RST);
		close(fd);
	}
}

TEST_F_TIMEOUT(initial_window, after_lost_synacks, 60)
{
	struct peer q;
	int lost, i, fd;

	ROW("CC-03");
	for (lost = 0; lost <= 2; lost++) {
		q = peer_flow(&self->p, PEER_PORT + lost);
		must(peer_send_syn(&q));
		for (i = 0; i < lost; i++)
			expect_on(&q, .flags = SYN | ACK, .gap = 1000 << i);
		send_on(&q, .flags = ACK);
		fd = peer_accept(&q, self->lfd);
		ASSERT_LE(0, fd);
		ASSERT_EQ(lost > 1 ? 1 : 10, first_flight(&q, fd));
		send_on(&q, .flags = RST);
		close(fd);
	}
}

/* With timestamps the echo says which SYN-ACK it answers: the first time-out is no longer. */
TEST_F_TIMEOUT(initial_window, rto_after_lost_synack, 60)
{
	struct peer q = peer_flow(&self->p, PEER_PORT);
	int fd;

	ROW("LOSS-05");
	ROW("LOSS-09");
	must(peer_send_syn(&q));
	expect_on(&q, .flags = SYN | ACK, .gap = 1000);
	send_on(&q, .flags = ACK);
	fd = peer_accept(&q, self->lfd);
	ASSERT_LE(0, fd);
	must(repeats_after(&q, fd, RTO_MIN_MS));
	close(fd);
}

/* Nor if the peer repeats its SYN first. */
TEST_F(initial_window, rto_after_repeated_syn)
{
	struct peer q = peer_flow(&self->p, PEER_PORT);
	int fd;

	ROW("LOSS-05");
	ROW("LOSS-09");
	q.offer_sack = false;
	must(peer_send_syn(&q));
	peer_pump(&q, 900);
	send_on(&q, .flags = SYN);
	expect_on(&q, .flags = SYN | ACK, .within = NOW);
	send_on(&q, .flags = ACK);
	fd = peer_accept(&q, self->lfd);
	ASSERT_LE(0, fd);
	must(repeats_after(&q, fd, RTO_MIN_MS));
	close(fd);
}

/* However long the first time-out is: what is outstanding at close() is repeated once. */
TEST_F_TIMEOUT(initial_window, orphan_repeats_once, 60)
{
	struct peer q = peer_flow(&self->p, PEER_PORT);
	int fd;

	ROW("LOSS-11");
	ROW("CLS-11");
	ASSERT_TRUE(peer_tunable("orphan_retries", "1"));
	q.kport = 0;
	q.offer_sack = false;
	fd = peer_connect_start(&q);
	ASSERT_LE(0, fd);
	expect_on(&q, .flags = SYN, .within = NOW);
	peer_pump(&q, 500);
	send_on(&q, .flags = SYN | ACK);
	expect_on(&q, .flags = ACK, .within = NOW);
	must(peer_write(&q, fd, 100));
	expect_on(&q, .flags = ACK | PSH, .len = 100);
	close(fd);
	expect_on(&q, .flags = FIN | ACK);
	must(peer_expect_either(&q,
				&(struct want){ .flags = ACK | PSH, .len = 100, .seq = -101,
						.within = 2000 },
				&(struct want){ .flags = FIN | PSH | ACK, .len = 100, .seq = -101,
						.within = 2000 }));
	must(peer_await_listed(&q, ST_NONE, 8000));
}

/* The peer answers with the echo of the first SYN-ACK: it had that, its ACK was lost. */
TEST_F_TIMEOUT(initial_window, rto_after_lost_ack, 60)
{
	struct peer q = peer_flow(&self->p, PEER_PORT);
	uint32_t first;
	int fd;

	ROW("LOSS-05");
	ROW("LOSS-09");
	q.offer_sack = false;
	must(peer_send_syn(&q));
	first = q.last.tsval;
	expect_on(&q, .flags = SYN | ACK, .gap = 1000);
	send_on(&q, .flags = ACK, .set_ts = true, .tsval = peer_tsval(&q), .tsecr = first);
	fd = peer_accept(&q, self->lfd);
	ASSERT_LE(0, fd);
	ASSERT_EQ(xt_is_control(), srtt_us(fd) >= 1000000);
	must(repeats_after(&q, fd, 3000));
	close(fd);
}

/* Likewise the peer's SYN-ACK, repeated, with the echo of our first SYN. */
TEST_F_TIMEOUT(initial_window, rto_after_late_synack, 60)
{
	struct peer q = peer_flow(&self->p, PEER_PORT);
	uint32_t first;
	int fd;

	ROW("LOSS-05");
	ROW("LOSS-09");
	q.offer_sack = false;
	q.kport = 0;
	fd = peer_connect_start(&q);
	ASSERT_LE(0, fd);
	expect_on(&q, .flags = SYN, .within = NOW);
	first = q.last.tsval;
	expect_on(&q, .flags = SYN, .gap = 1000);
	send_on(&q, .flags = SYN | ACK, .set_ts = true, .tsval = peer_tsval(&q), .tsecr = first);
	expect_on(&q, .flags = ACK, .within = NOW);
	ASSERT_EQ(xt_is_control(), srtt_us(fd) >= 1000000);
	must(repeats_after(&q, fd, 3000));
	close(fd);
}

WIRE_FIXTURE(karn)

/* Without timestamps an ACK of a repeated segment is ambiguous. */
FIXTURE_SETUP(karn)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.offer_sack = false;
	self->p.offer_ts = false;
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
}

TEST_F(karn, no_sample_from_a_repeated_segment)
{
	unsigned int before;

	ROW("LOSS-05");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	send_seg(.flags = ACK);
	before = srtt_us(self->fd);
	must(repeats_after(&self->p, self->fd, RTO_MIN_MS));
	peer_pump(&self->p, 100);
	send_seg(.flags = ACK);
	ASSERT_EQ(before, srtt_us(self->fd));
}

/* The backed-off time-out stays until new data is acknowledged the first time. */
TEST_F_TIMEOUT(karn, backed_off_rto_is_kept, 60)
{
	ROW("LOSS-08");
	must(repeats_after(&self->p, self->fd, RTO_MIN_MS));
	expect(.flags = ACK | PSH, .len = 100, .seq = -100, .gap = 2 * RTO_MIN_MS);
	expect(.flags = ACK | PSH, .len = 100, .seq = -100, .gap = 4 * RTO_MIN_MS);
	send_seg(.flags = ACK);
	must(repeats_after(&self->p, self->fd, 8 * RTO_MIN_MS));
	send_seg(.flags = ACK);
	/* A segment sent once and acknowledged ends it. */
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	send_seg(.flags = ACK);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK | PSH, .len = 100, .seq = -100, .within = 400);
}

/* The SYN was lost: before data the time-out is 3 s (RFC 6298, 5.7). */
TEST_F_TIMEOUT(karn, rto_after_lost_syn, 60)
{
	ROW("LOSS-09");
	send_seg(.flags = RST);
	peer_reset(&self->p, PEER_PORT + 1, 0);
	self->fd = peer_connect_start(&self->p);
	expect(.flags = SYN, .within = NOW);
	expect(.flags = SYN, .gap = 1000);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK);
	must(repeats_after(&self->p, self->fd, 3000));
}

/* Which SYN-ACK is answered nobody knows: no sample, and 3 s as if our timer had run out. */
TEST_F(karn, rto_after_repeated_syn)
{
	ROW("LOSS-05");
	ROW("LOSS-09");
	send_seg(.flags = RST);
	peer_reset(&self->p, PEER_PORT + 1, self->p.kport);
	self->p.offer_ts = false;
	self->p.offer_sack = false;
	must(peer_send_syn(&self->p));
	peer_pump(&self->p, 900);
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	send_seg(.flags = ACK);
	close(self->fd);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, srtt_us(self->fd));
	must(repeats_after(&self->p, self->fd, 3000));
}

/* IPv6 only: nothing in an IPv4 packet tells routers that the sender doubts them. */
FIXTURE(doubt) {
	struct peer p;
	int lfd, fd;
};

FIXTURE_VARIANT(doubt) {
	bool active;
};

FIXTURE_VARIANT_ADD(doubt, passive) { .active = false };
FIXTURE_VARIANT_ADD(doubt, active) { .active = true };

FIXTURE_SETUP(doubt)
{
	ASSERT_TRUE(peer_open(&self->p, AF_INET6));
	self->p.offer_sack = false;
	self->lfd = -1;
	if (variant->active) {
		self->p.kport = 0;
		self->fd = peer_connected(&self->p);
	} else {
		self->lfd = peer_listen(&self->p, 16);
		ASSERT_LE(0, self->lfd);
		self->fd = peer_established(&self->p, self->lfd);
	}
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(doubt)
{
	peer_close(&self->p);
}

/*
 * After three copies the path is doubted (R1): what routers choose it by, the flow label,
 * changes. Before, the label is that of the connection (RFC 6437, 3).
 */
TEST_F_TIMEOUT(doubt, after_three_copies, 60)
{
	uint32_t label;
	int i;

	ROW("LOSS-10");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	label = self->p.last.flow_label;
	ASSERT_NE(0, label);
	for (i = 0; i < 3; i++) {
		expect(.flags = ACK | PSH, .len = 100, .seq = -100, .within = 3000);
		/* Linux doubts it each time. */
		if (!xt_is_control())
			must(self->p.last.flow_label == label);
	}
	expect(.flags = ACK | PSH, .len = 100, .seq = -100, .within = 5000);
	ASSERT_NE(label, self->p.last.flow_label);
}

TEST_HARNESS_MAIN
