// SPDX-License-Identifier: GPL-2.0-only
/*
 * Window scaling, timestamps, PAWS (RFC 7323).
 */
#include "peer_test.h"

/* Longer than the interval of answers to invalid segments (Linux: 500 ms). */
#define QUIET_MS	600

WIRE_FIXTURE_ESTABLISHED(timestamps)

/* expect() wants the option in every segment that is no RST; here are all kinds. */
TEST_F(timestamps, in_every_segment)
{
	ROW("TS-05");
	ASSERT_TRUE(self->p.ts_on);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK | PSH, .len = 100, .seq = -100);
	send_seg(.flags = ACK);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	close(self->fd);
	expect(.flags = FIN | ACK);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK);
}

TEST_F(timestamps, syn_tsecr_has_no_effect)
{
	ROW("TS-05");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	send_seg(.flags = SYN, .set_ts = true, .tsval = peer_tsval(&self->p), .tsecr = 0xdeadbeef);
	expect(.flags = SYN | ACK, .within = NOW);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

/* What is echoed is the peer's own number. */
TEST_F(timestamps, synack_echoes_syn)
{
	ROW("TS-05");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	send_seg(.flags = SYN, .set_ts = true, .tsval = 0x01020304);
	expect(.flags = SYN | ACK, .set_tsecr = true, .tsecr = 0x01020304, .within = NOW);
}

/* D5: dropped silently; Linux takes it. */
TEST_F(timestamps, segment_without_option_is_dropped)
{
	ROW("TS-06");
	send_seg(.flags = ACK | PSH, .len = 10, .no_opts = true, .stray = true);
	silence(300);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* A peer that has started anew may do without: its SYN is answered, so that it can reset. */
TEST_F(timestamps, syn_without_option_is_challenged)
{
	ROW("SEC-02");
	send_seg(.flags = SYN, .seq = 100000, .no_opts = true, .stray = true);
	expect(.flags = ACK, .within = NOW);
	send_seg(.flags = RST);
	peer_pump(&self->p, 5);
	ASSERT_EQ(ECONNRESET, peer_so_error(self->fd));
}

/* A RST needs none. */
TEST_F(timestamps, rst_without_option_resets)
{
	ROW("TS-06");
	ROW("TS-11");
	send_seg(.flags = RST, .no_opts = true);
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
}

TEST_F(timestamps, earliest_unacknowledged_is_echoed)
{
	uint32_t first, second;
	struct got seen;

	ROW("TS-08");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_QUICKACK, 0));
	peer_pump(&self->p, 50);
	first = peer_tsval(&self->p);
	send_seg(.flags = ACK | PSH, .len = 10, .set_ts = true, .tsval = first,
		 .tsecr = self->p.ts_recent);
	/* The ACK waits at least 40 ms, or did not wait and echoes the first. */
	if (peer_next(&self->p, &seen, 20)) {
		ASSERT_EQ(first, seen.tsecr);
	}
	second = peer_tsval(&self->p);
	ASSERT_NE(first, second);
	send_seg(.flags = ACK | PSH, .len = 10, .set_ts = true, .tsval = second,
		 .tsecr = self->p.ts_recent);
	if (self->p.last.ack == self->p.snd_nxt - 10) {
		expect(.flags = ACK, .set_tsecr = true, .tsecr = second);
	} else {
		expect(.flags = ACK, .set_tsecr = true, .tsecr = first);
	}
}

TEST_F(timestamps, out_of_order_does_not_change_echo)
{
	uint32_t recent;

	ROW("TS-08");
	recent = peer_tsval(&self->p);
	send_seg(.flags = ACK | PSH, .len = 10, .set_ts = true, .tsval = recent,
		 .tsecr = self->p.ts_recent);
	expect(.flags = ACK, .set_tsecr = true, .tsecr = recent);
	peer_pump(&self->p, 50);
	send_seg(.flags = ACK | PSH, .len = 10, .seq = 10);
	expect(.flags = ACK, .any_opts = true, .set_tsecr = true, .tsecr = recent, .within = NOW);
	/* The one that fills the gap is echoed, with its own number. */
	recent = peer_tsval(&self->p) + 1;
	send_seg(.flags = ACK | PSH, .len = 10, .set_ts = true, .tsval = recent,
		 .tsecr = self->p.ts_recent);
	self->p.snd_nxt += 10;
	expect(.flags = ACK, .any_opts = true, .set_tsecr = true, .tsecr = recent);
}

TEST_F(timestamps, paws)
{
	ROW("TS-10");
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	peer_pump(&self->p, QUIET_MS);
	send_seg(.flags = ACK | PSH, .len = 10, .set_ts = true, .stray = true,
		 .tsval = peer_tsval(&self->p) - 5000, .tsecr = self->p.ts_recent);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* FIN and acknowledgments fall under it as well. */
TEST_F(timestamps, paws_applies_to_fin)
{
	ROW("TS-10");
	send_seg(.flags = FIN | ACK, .set_ts = true, .stray = true,
		 .tsval = peer_tsval(&self->p) - 5000, .tsecr = self->p.ts_recent);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	state_is(ST_ESTABLISHED);
}

TEST_F(timestamps, paws_does_not_apply_to_rst)
{
	ROW("TS-11");
	send_seg(.flags = RST, .set_ts = true, .tsval = peer_tsval(&self->p) - 5000);
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
	listed_is(ST_NONE);
}

TEST_F(timestamps, rst_does_not_update_recent)
{
	ROW("TS-11");
	send_seg(.flags = RST, .seq = 1, .set_ts = true, .tsval = peer_tsval(&self->p) + 1000000);
	expect(.flags = ACK, .within = NOW);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* The numbers wrap: newer is a question of the difference. */
TEST_F(timestamps, tsval_wraps)
{
	uint32_t tsval;

	ROW("TS-12");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.ts_base = 0xffffff80;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	peer_pump(&self->p, 500);
	tsval = peer_tsval(&self->p);
	ASSERT_GT(1000, tsval);
	send_seg(.flags = ACK | PSH, .len = 10, .set_ts = true, .tsval = tsval);
	expect(.flags = ACK, .set_tsecr = true, .tsecr = tsval);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 20));
}

/* The stack's own clock: between 1 ms and 1 s a tick, never backward. */
TEST_F(timestamps, clock)
{
	uint32_t tsval[3];
	int i;

	ROW("TS-13");
	for (i = 0; i < 3; i++) {
		send_seg(.flags = ACK | PSH, .len = 10);
		expect(.flags = ACK);
		tsval[i] = self->p.last.tsval;
		peer_pump(&self->p, 1000);
	}
	for (i = 0; i < 2; i++) {
		ASSERT_LE(1, tsval[i + 1] - tsval[i]);
		ASSERT_GE(1250, tsval[i + 1] - tsval[i]);
	}
	ASSERT_LE(950, tsval[1] - tsval[0]);
}

/* Of the SYN-ACK of one passive attempt, which is then reset: TSval without the clock [ms]. */
static bool ts_offset(struct peer *p, uint16_t port, uint32_t *offset)
{
	peer_reset(p, port, SERVER_PORT);
	if (!peer_send_syn(p))
		return false;
	*offset = p->last.tsval - (uint32_t)(p->last_us / 1000);
	peer_send(p, &(struct seg){ .flags = RST });
	return true;
}

/* Neighbouring ports: what one connection's timestamps are says nothing of another's. */
TEST_F(timestamps, tuples_have_offsets_of_their_own)
{
	uint32_t offset[100], again;
	int i, j, near = 0;

	ROW("TS-14");
	for (i = 0; i < 100; i++) {
		must(ts_offset(&self->p, 20000 + i, &offset[i]));
		for (j = 0; j < i; j++)
			near += offset[i] - offset[j] + (1u << 20) < 1u << 21;
	}
	/* Each of 4950 pairs is that near with a chance of 1 in 2048. */
	ASSERT_GE(20, near);
	/* One tuple: PAWS across its reuse needs a clock that goes on. */
	peer_pump(&self->p, 50);
	must(ts_offset(&self->p, 20000, &again));
	ASSERT_GE(40, again - offset[0] + 20);
}

WIRE_FIXTURE_LISTENING(no_timestamps)

TEST_F(no_timestamps, option_is_ignored_if_not_negotiated)
{
	ROW("TS-07");
	self->p.offer_ts = false;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = ACK | PSH, .len = 10, .set_ts = true, .tsval = 1, .tsecr = 2);
	expect(.flags = ACK, .opts = "");
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	send_seg(.flags = ACK | PSH, .len = 10, .set_ts = true, .tsval = 0x90000000, .tsecr = 2);
	expect(.flags = ACK, .opts = "");
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

WIRE_FIXTURE_PLAIN(scaling)

TEST_F(scaling, large_windows_are_usable)
{
	ROW("TS-01");
	self->lfd = peer_listen(&self->p, 16);
	self->p.wscale = 8;
	self->p.win = 2000;	/* 512000 bytes */
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	ASSERT_LE(100000, peer_grow_flight(&self->p, self->fd, 100000, 30));
}

/* All 16 bits of the field without scaling, and not one byte more. */
TEST_F(scaling, unscaled_window_is_the_limit)
{
	ROW("TS-01");
	ROW("WIRE-08");
	self->lfd = peer_listen(&self->p, 16);
	self->p.wscale = WS_NONE;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	ASSERT_EQ(0, self->p.k_wscale);
	ASSERT_GE(65535, peer_grow_flight(&self->p, self->fd, 65000, 30));
	/* The last segment is cut to the window when nothing else can be sent. */
	ASSERT_LE(65535 - self->p.mss, peer_grow_flight(&self->p, self->fd, 65000, 10));
}

/* The peer's SYN had no scale: ours is not used either. */
TEST_F(scaling, active_open_without_answer)
{
	ROW("TS-01");
	self->p.kport = 0;
	self->p.wscale = WS_NONE;
	self->fd = peer_connected(&self->p);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = ACK | PSH, .len = 10);
	/* Unscaled: tens of thousands, where a scaled field would be some hundreds. */
	expect(.flags = ACK, .win_min = 20000);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

static int flight_with_shift(struct peer *p, int shift, uint16_t win)
{
	int lfd = peer_listen(p, 16), fd;

	p->wscale = shift;
	p->win = 65535;
	fd = peer_established(p, lfd);
	if (fd < 0 || !peer_set_int(fd, SOL_SOCKET, SO_SNDBUF, 1 << 20) ||
	    peer_grow_flight(p, fd, 100000, 20) < 60000)
		return -1;
	if (!peer_lower_window(p, win))
		return -1;
	peer_write_some(p, fd, 200000);
	return peer_new_bytes(p, 50);
}

/* A window field of 3 and a shift of 14 are 49152 bytes; of 15 they would be 98304. */
TEST_F(scaling, shift_15_is_14)
{
	int flight = flight_with_shift(&self->p, 15, 3);

	ROW("TS-02");
	ASSERT_LE(49152 - self->p.mss, flight);
	ASSERT_GE(49152, flight);
}

TEST_F(scaling, shift_255_is_14)
{
	int flight = flight_with_shift(&self->p, 255, 3);

	ROW("TS-02");
	ASSERT_LE(49152 - self->p.mss, flight);
	ASSERT_GE(49152, flight);
}

TEST_F(scaling, own_offer_is_at_most_14)
{
	ROW("TS-02");
	self->p.kport = 0;
	self->fd = peer_connected(&self->p);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->p.k_wscale);
	ASSERT_GE(14, self->p.k_wscale);
}

/* Windows in SYN and SYN-ACK are never scaled. */
TEST_F(scaling, synack_window_is_not_scaled)
{
	int sum;

	ROW("TS-03");
	self->p.kport = 0;
	self->fd = peer_connect_start(&self->p);
	expect(.flags = SYN, .within = NOW);
	send_seg(.flags = SYN | ACK, .win = 1000);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 5000));
	sum = peer_new_bytes(&self->p, 100);
	ASSERT_GE(1000, sum);
	self->p.win = 1000;
	send_seg(.flags = ACK);
	sum = peer_new_bytes(&self->p, 100);
	ASSERT_LE(3000, sum);
}

/* The same for a peer's SYN to a listener. */
TEST_F(scaling, syn_window_is_not_scaled)
{
	ROW("TS-03");
	self->lfd = peer_listen(&self->p, 16);
	send_seg(.flags = SYN, .win = 1000);
	expect(.flags = SYN | ACK, .within = NOW);
	/* As every SYN-ACK: unscaled, so it cannot say more than 65535. */
	ASSERT_LE(10000, self->p.last.win);
}

TEST_HARNESS_MAIN
