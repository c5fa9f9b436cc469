// SPDX-License-Identifier: GPL-2.0-only
/*
 * Selective acknowledgment on the wire: what is reported, what is resent, and what a
 * hostile peer can do with it (RFC 2018; RFC 2883; RFC 6675; CVE-2018-5390,
 * CVE-2019-11477, CVE-2019-11478).
 */
#include <linux/sock_diag.h>
#include "peer_test.h"

WIRE_FIXTURE_ESTABLISHED(sack)

static uint32_t meminfo(int fd, int which)
{
	uint32_t values[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(values);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &len);
	return values[which];
}

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
	return info;
}

/* ---- what a receiver reports ------------------------------------------------------ */

/* The segment that draws the ACK is in its first block, then the latest others. */
TEST_F(sack, blocks_latest_first)
{
	static const int hole[] = { 100, 300, 500, 700, 900 };
	uint32_t base = self->p.snd_nxt;
	int i, j;

	ROW("LOSS-18");
	ROW("WIRE-17");
	for (i = 0; i < 5; i++) {
		send_seg(.flags = ACK, .seq = hole[i], .len = 50);
		expect(.flags = ACK, .any_opts = true, .within = NOW);
		ASSERT_EQ(i < 3 ? i + 1 : 3, self->p.last.nsack);
		for (j = 0; j < self->p.last.nsack; j++) {
			ASSERT_EQ(base + hole[i - j], self->p.last.sack[j][0]);
			ASSERT_EQ(base + hole[i - j] + 50, self->p.last.sack[j][1]);
		}
	}
	/* An older one grows: it is the first again, joined. */
	send_seg(.flags = ACK, .seq = 550, .len = 50);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	ASSERT_EQ(base + 500, self->p.last.sack[0][0]);
	ASSERT_EQ(base + 600, self->p.last.sack[0][1]);
	ASSERT_EQ(base + 900, self->p.last.sack[1][0]);
}

/*
 * The first block is the whole of what is contiguous there, also where the list, which holds
 * four, had forgotten a part of it.
 */
TEST_F(sack, forgotten_block_comes_back_whole)
{
	static const int hole[] = { 100, 300, 500, 700, 900 };
	uint32_t base = self->p.snd_nxt;
	unsigned int i;

	ROW("WIRE-17");
	for (i = 0; i < sizeof(hole) / sizeof(hole[0]); i++) {
		send_seg(.flags = ACK, .seq = hole[i], .len = 50);
		expect(.flags = ACK, .any_opts = true, .within = NOW);
	}
	send_seg(.flags = ACK, .seq = 150, .len = 50);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	ASSERT_EQ(base + 100, self->p.last.sack[0][0]);
	ASSERT_EQ(base + 200, self->p.last.sack[0][1]);
}

/* D-SACKs by the counters; TCP has one for text below RCV.NXT and one for text above. */
static long duplicates_reported(void)
{
	if (!xt_is_control())
		return peer_counter("DsackSent");
	return peer_counter("TCPDSACKOldSent") + peer_counter("TCPDSACKOfoSent");
}

/* What arrives twice is reported once, in front, below the cumulative ACK. */
TEST_F(sack, duplicate_is_reported_once)
{
	ROW("LOSS-19");
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK, .within = 150);
	send_seg(.flags = ACK | PSH, .len = 100, .seq = -100);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	ASSERT_EQ(1, self->p.last.nsack);
	ASSERT_EQ(self->p.snd_nxt - 100, self->p.last.sack[0][0]);
	ASSERT_EQ(self->p.snd_nxt, self->p.last.sack[0][1]);
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK, .within = 250);		/* without any block */
	ASSERT_EQ(1, duplicates_reported());
}

/* The octets before RCV.NXT of a segment that brings new ones, too. */
TEST_F(sack, duplicate_with_new_text)
{
	ROW("LOSS-19");
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK, .within = 150);
	send_seg(.flags = ACK | PSH, .len = 150, .seq = -100);
	expect(.flags = ACK, .ack = 50, .any_opts = true, .within = 250);
	ASSERT_EQ(1, self->p.last.nsack);
	ASSERT_EQ(self->p.snd_nxt - 100, self->p.last.sack[0][0]);
	ASSERT_EQ(self->p.snd_nxt, self->p.last.sack[0][1]);
	ASSERT_EQ(1, duplicates_reported());
}

/* A duplicate of what waits: the block it lies in comes second. */
TEST_F(sack, duplicate_above_the_hole)
{
	uint32_t base = self->p.snd_nxt;

	ROW("LOSS-19");
	send_seg(.flags = ACK, .seq = 100, .len = 100);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	send_seg(.flags = ACK, .seq = 120, .len = 30);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	ASSERT_EQ(2, self->p.last.nsack);
	ASSERT_EQ(base + 120, self->p.last.sack[0][0]);
	ASSERT_EQ(base + 150, self->p.last.sack[0][1]);
	ASSERT_EQ(base + 100, self->p.last.sack[1][0]);
	ASSERT_EQ(base + 200, self->p.last.sack[1][1]);
	ASSERT_EQ(1, duplicates_reported());
}

/* ---- what a sender resends -------------------------------------------------------- */

TEST_F(sack, sacked_is_not_resent)
{
	int full = self->p.mss - 12;

	ROW("LOSS-17");
	ROW("LOSS-20");
	must(peer_write_full(&self->p, self->fd, 4));
	send_seg(.flags = ACK, .ack = -4 * full, .nsack = 1, .sack = { { -3 * full, -2 * full } });
	send_seg(.flags = ACK, .ack = -4 * full, .nsack = 1, .sack = { { -3 * full, -full } });
	silence(2);
	send_seg(.flags = ACK, .ack = -4 * full, .nsack = 1, .sack = { { -3 * full, 0 } });
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -4 * full, .within = NOW);
	silence(100);
	send_seg(.flags = ACK);
	silence(1000);
	ASSERT_EQ(1, info_of(self->fd).tcpi_total_retrans);
}

/* The receiver gives up what it has SACKed (RFC 2018, 8): all of it comes again. */
TEST_F(sack, reneging)
{
	int full = self->p.mss - 12, i;

	ROW("LOSS-21");
	must(peer_write_full(&self->p, self->fd, 4));
	send_seg(.flags = ACK, .ack = -4 * full, .nsack = 1, .sack = { { -3 * full, 0 } });
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -4 * full, .within = 20);
	/* Its queue is gone now: it has the first segment and nothing else. */
	for (i = 3; i > 0; i--) {
		send_seg(.flags = ACK, .ack = -i * full);
		expect(.flags = ACK, .any_psh = true, .len = full, .seq = -i * full,
		       .within = 2000);
		if (i == 2) {		/* the last two may come together */
			peer_drain(&self->p, 20);
			break;
		}
	}
	send_seg(.flags = ACK);
	silence(1000);
	state_is(ST_ESTABLISHED);
}

/* The left edge is resent by the timer even if it is SACKed (RFC 6675, 5.1; D12). */
TEST_F(sack, left_edge_after_timeout)
{
	int full = self->p.mss - 12;

	ROW("LOSS-21");
	must(peer_write_full(&self->p, self->fd, 2));
	send_seg(.flags = ACK, .ack = -2 * full, .nsack = 1, .sack = { { -full, 0 } });
	/* The hole is closed, but the ACK that says so has a block at its own edge. */
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -2 * full, .within = 1000);
	send_seg(.flags = ACK, .ack = -full);
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -full, .within = 2000);
	send_seg(.flags = ACK);
	silence(500);
}

/* Three of ten are lost: each comes again once, in order, without the timer. */
TEST_F(sack, three_holes)
{
	int full = self->p.mss - 12, i, n = 0;
	uint32_t base, seqs[8];
	struct got seen;

	ROW("LOSS-20");
	ROW("LOSS-17");
	must(peer_write_full(&self->p, self->fd, 10));
	base = self->p.rcv_nxt - 10 * full;
	/* The first, third and fifth are missing; each of the others draws an ACK. */
#define DUP(...) send_seg(.flags = ACK, .ack = -10 * full, __VA_ARGS__)
	DUP(.nsack = 1, .sack = { { -9 * full, -8 * full } });
	DUP(.nsack = 2, .sack = { { -7 * full, -6 * full }, { -9 * full, -8 * full } });
	for (i = 4; i >= 0; i--)
		DUP(.nsack = 3,
		    .sack = { { -5 * full, -i * full }, { -7 * full, -6 * full },
			      { -9 * full, -8 * full } });
#undef DUP
	while (n < 8 && peer_next(&self->p, &seen, 50))
		seqs[n++] = seen.seq;
	ASSERT_EQ(3, n);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(base + 2 * i * full, seqs[i]);
	send_seg(.flags = ACK);
	silence(1000);
	ASSERT_EQ(3, info_of(self->fd).tcpi_total_retrans);
}

/* Small segments are segments, too: the third one above the hole counts, not the second. */
TEST_F(sack, small_segments)
{
	int i;

	ROW("LOSS-20");
	must(peer_set_int(self->fd, SOL_TCP, TCP_NODELAY, 1));
	for (i = 0; i < 10; i++) {
		must(peer_write(&self->p, self->fd, 100));
		expect(.flags = ACK | PSH, .len = 100);
	}
	for (i = 800; i >= 0; i -= 100) {
		/* Linux waits for a reordered one by the clock (RFC 8985, 6.2). */
		if (i == 600 && !xt_is_control())
			silence(2);
		send_seg(.flags = ACK, .ack = -1000, .nsack = 1, .sack = { { -900, -i } });
		if (i == 600)
			expect(.flags = ACK | PSH, .len = 100, .seq = -1000, .within = NOW);
	}
	silence(100);
	send_seg(.flags = ACK);
	silence(1000);
	ASSERT_EQ(1, info_of(self->fd).tcpi_total_retrans);
}

/* One ACK that reports three of them, apart, is enough (RFC 6675, 4: IsLost). */
TEST_F(sack, small_segments_with_gaps)
{
	int i;

	ROW("LOSS-20");
	must(peer_set_int(self->fd, SOL_TCP, TCP_NODELAY, 1));
	for (i = 0; i < 10; i++) {
		must(peer_write(&self->p, self->fd, 100));
		expect(.flags = ACK | PSH, .len = 100);
	}
	send_seg(.flags = ACK, .ack = -1000, .nsack = 3,
		 .sack = { { -500, -400 }, { -700, -600 }, { -900, -800 } });
	expect(.flags = ACK | PSH, .len = 100, .seq = -1000, .within = NOW);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK);
	silence(1000);
}

/* A hole with less above it is repaired by the recovery that goes on (NextSeg, rule 3). */
TEST_F(sack, hole_near_the_end)
{
	int full = self->p.mss - 12, i;

	ROW("LOSS-20");
	must(peer_write_full(&self->p, self->fd, 10));
	/* The first and the ninth are missing. */
	for (i = 8; i >= 2; i--)
		send_seg(.flags = ACK, .ack = -10 * full, .nsack = 1,
			 .sack = { { -9 * full, -i * full } });
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -10 * full, .within = NOW);
	send_seg(.flags = ACK, .ack = -10 * full, .nsack = 2,
		 .sack = { { -full, 0 }, { -9 * full, -2 * full } });
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -2 * full, .within = NOW);
	/* Once, by the time the first repair is acknowledged. */
	send_seg(.flags = ACK, .ack = -2 * full, .nsack = 1, .sack = { { -full, 0 } });
	silence(100);
	send_seg(.flags = ACK);
	silence(1000);
	ASSERT_EQ(2, info_of(self->fd).tcpi_total_retrans);
}

/* Many losses of one window are one sign of congestion; the next window counts anew. */
TEST_F(sack, one_reduction_per_window)
{
	int full = self->p.mss - 12, i, round;
	uint32_t before, ssthresh = 0;

	ROW("LOSS-32");
	for (round = 0; round < 2; round++) {
		must(peer_write_full(&self->p, self->fd, round ? 5 : 10));
		before = info_of(self->fd).tcpi_snd_cwnd;
		i = round ? 5 : 10;
		send_seg(.flags = ACK, .ack = -i * full, .nsack = 1,
			 .sack = { { -(i - 1) * full, -full } });
		peer_drain(&self->p, 20);
		ASSERT_LT(info_of(self->fd).tcpi_snd_ssthresh, before);
		if (round)
			ASSERT_NE(info_of(self->fd).tcpi_snd_ssthresh, ssthresh);
		ssthresh = info_of(self->fd).tcpi_snd_ssthresh;
		/* One more hole in the same window turns up: the last segment comes first. */
		send_seg(.flags = ACK, .ack = -(i - 1) * full, .nsack = 1,
			 .sack = { { -full, 0 } });
		peer_drain(&self->p, 20);
		ASSERT_EQ(ssthresh, info_of(self->fd).tcpi_snd_ssthresh);
		send_seg(.flags = ACK);
		peer_drain(&self->p, 50);
	}
}

/* ---- what a hostile peer can do ---------------------------------------------------- */

#define SNDBUF	65536

/*
 * Have every other octet of a flight SACKed one by one, from below or from above: memory
 * stays near the send buffer, and it is still one stream, which goes on.
 */
static bool survives_single_octets(struct peer *p, int fd, bool descending)
{
	/* Twice the send buffer, and as much as two of the largest segments. */
	const uint32_t limit = 2 * 2 * SNDBUF + 4 * 70000;
	uint32_t flight = 10 * (p->mss - 12), most = 0, queued;
	struct seg ack = { .flags = ACK, .nsack = 3, .ack = -(int64_t)flight };
	int64_t at;
	int i, j;

	if (!peer_set_int(fd, SOL_SOCKET, SO_SNDBUF, SNDBUF) || !peer_write_full(p, fd, 10))
		return false;
	for (i = 0; i < 6000; i += 6) {
		for (j = 0; j < 3; j++) {
			at = descending ? -i - 2 * j - 2 : ack.ack + i + 2 * j + 1;
			ack.sack[j][0] = at;
			ack.sack[j][1] = at + 1;
		}
		peer_send(p, &ack);
		peer_drain(p, 0);
		queued = meminfo(fd, SK_MEMINFO_WMEM_QUEUED);
		if (queued > most)
			most = queued;
	}
	printf("# send buffer %d, most queued %u, limit %u, in flight %u\n", 2 * SNDBUF, most,
	       limit, flight);
	if (most > limit || most < flight)
		return false;
	peer_send(p, &(struct seg){ .flags = ACK });
	peer_drain(p, 50);
	if (!peer_write(p, fd, 100) ||
	    !peer_expect(p, &(struct want){ .flags = ACK | PSH, .len = 100 }))
		return false;
	peer_send(p, &(struct seg){ .flags = ACK });
	return true;
}

TEST_F_TIMEOUT(sack, every_other_octet, 300)
{
	ROW("SEC-12");
	must(survives_single_octets(&self->p, self->fd, false));
}

/* From above, each cut would be one of the oldest segment, which must be cut to be resent. */
TEST_F_TIMEOUT(sack, every_other_octet_from_above, 300)
{
	ROW("SEC-12");
	must(survives_single_octets(&self->p, self->fd, true));
}

/* The smallest MSS, a large buffer, and blocks across it: counts do not overflow. */
TEST_F_TIMEOUT(sack, smallest_mss, 300)
{
	int i, bytes;

	ROW("SEC-11");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.mss = 48;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	must(peer_set_int(self->fd, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	for (bytes = 360; bytes < 6000; bytes += bytes) {
		must(peer_write(&self->p, self->fd, bytes));
		while (peer_new_bytes(&self->p, 50))
			send_seg(.flags = ACK);
	}
	must(peer_write(&self->p, self->fd, 6000));
	bytes = peer_new_bytes(&self->p, 50);
	printf("# in flight: %d bytes\n", bytes);
	ASSERT_LT(2000, bytes);
	for (i = 0; i < 300; i++) {
		int at = (i * 7919) % (bytes - 900);

		send_seg(.flags = ACK, .ack = -bytes, .nsack = 1,
			 .sack = { { at + 7 - bytes, at + 800 - bytes } });
		peer_drain(&self->p, 0);
	}
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK);
	peer_drain(&self->p, 20);
	state_is(ST_ESTABLISHED);
}

/* Segments of one octet with gaps, and nobody reads: memory stays within the buffer. */
TEST_F_TIMEOUT(sack, tiny_segments_with_gaps, 300)
{
	const int n = 4000;
	uint32_t most = 0, now, rcvbuf;
	int i;

	ROW("SEC-17");
	for (i = 0; i < n; i++) {
		send_seg(.flags = ACK, .seq = 2 * i + 1, .len = 1);
		if (i % 50)
			continue;
		peer_drain(&self->p, 0);
		now = meminfo(self->fd, SK_MEMINFO_RMEM_ALLOC);
		if (now > most)
			most = now;
	}
	peer_drain(&self->p, 5);
	rcvbuf = meminfo(self->fd, SK_MEMINFO_RCVBUF);
	printf("# receive buffer %u, most used %u\n", rcvbuf, most);
	ASSERT_GE(rcvbuf + 2048, most);
	/* It goes on all the same. */
	send_seg(.flags = ACK | PSH, .len = 1000);
	peer_drain(&self->p, 5);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 1000));
	state_is(ST_ESTABLISHED);
}

TEST_HARNESS_MAIN
