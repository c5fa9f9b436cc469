// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of the header: MSS, unknown and malformed ones, SACK's form
 * (RFC 9293, 3.1, 3.2, 3.7.1; RFC 2018; RFC 7323).
 */
#include "peer_test.h"

WIRE_FIXTURE_LISTENING(options)

/*
 * A handshake with exactly these option bytes in the SYN; returns the payload of the
 * stack's first full segment plus its options, so that timestamps do not matter.
 */
static int segment_size(struct peer *p, int lfd, const uint8_t *opts, int optlen)
{
	const struct want synack = { .flags = SYN | ACK, .any_opts = true, .within = NOW };
	const struct want data = { .flags = ACK, .any_psh = true, .any_len = true };
	int fd, size;

	/* Timestamps of a script begin at 1. */
	p->ts_base = 2;
	peer_send(p, &(struct seg){ .flags = SYN, .no_opts = !optlen,
		  .opts = optlen ? opts : NULL, .optlen = optlen });
	if (!peer_expect(p, &synack))
		return -1;
	peer_send(p, &(struct seg){ .flags = ACK });
	fd = peer_accept(p, lfd);
	if (fd < 0 || !peer_write(p, fd, 6000))
		return -1;
	if (!peer_expect(p, &data))
		return -1;
	size = p->last.len + p->last.optlen;
	peer_send(p, &(struct seg){ .flags = RST });
	peer_drain(p, 5);
	return size;
}

#define SIZE_WITH(...)							\
	segment_size(&self->p, self->lfd, (const uint8_t[]){ __VA_ARGS__ },	\
		     sizeof((const uint8_t[]){ __VA_ARGS__ }))

TEST_F(options, mss_is_honoured)
{
	ROW("WIRE-15");
	ASSERT_EQ(1000, SIZE_WITH(2, 4, 1000 >> 8, 1000 & 255));
}

TEST_F(options, no_mss)
{
	ROW("WIRE-14");
	ASSERT_EQ(variant->family == AF_INET6 ? 1220 : 536,
		  segment_size(&self->p, self->lfd, NULL, 0));
}

/* With timestamps their 12 bytes count against the 536 or 1220 (RFC 6691). */
TEST_F(options, no_mss_with_timestamps)
{
	ROW("WIRE-14");
	ASSERT_EQ(variant->family == AF_INET6 ? 1220 : 536,
		  SIZE_WITH(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0));
}

TEST_F(options, mss_at_odd_offset)
{
	ROW("WIRE-09");
	ASSERT_EQ(1000, SIZE_WITH(1, 2, 4, 1000 >> 8, 1000 & 255, 1, 1, 0));
}

TEST_F(options, nothing_after_end_of_list)
{
	ROW("WIRE-09");
	ASSERT_EQ(variant->family == AF_INET6 ? 1220 : 536,
		  SIZE_WITH(0, 1, 1, 1, 2, 4, 1000 >> 8, 1000 & 255));
}

TEST_F(options, unknown_kinds_are_skipped)
{
	ROW("WIRE-10");
	ASSERT_EQ(1000, SIZE_WITH(19, 6, 1, 2, 3, 4, 30, 2, 200, 5, 9, 9, 9, 253, 4, 0x12, 0x34,
				  254, 3, 0, 2, 4, 1000 >> 8, 1000 & 255));
}

TEST_F(options, wrong_lengths_are_skipped)
{
	ROW("WIRE-10");
	/* MSS of 3, window scale of 4, SACK-permitted of 3, timestamps of 6. */
	ASSERT_EQ(1000, SIZE_WITH(2, 3, 5, 3, 4, 1, 1, 4, 3, 0, 8, 6, 1, 2, 3, 4,
				  2, 4, 1000 >> 8, 1000 & 255));
	ASSERT_FALSE(self->p.ts_on);
	ASSERT_FALSE(self->p.sack_on);
	ASSERT_FALSE(self->p.ws_on);
}

/* RFC 5482's option is one more unknown kind. */
TEST_F(options, user_timeout_is_ignored)
{
	ROW("KEEP-08");
	ASSERT_EQ(1000, SIZE_WITH(28, 4, 0x80, 1, 2, 4, 1000 >> 8, 1000 & 255));
}

/* Does a segment carry Fast Open's option (RFC 7413, 4.1.1)? */
static bool has_fastopen(const struct got *got)
{
	int i = 0;

	while (i < got->optlen && got->opts[i] != OPT_EOL) {
		if (got->opts[i] == 34)
			return true;
		i += got->opts[i] == OPT_NOP ? 1 : got->opts[i + 1];
	}
	return false;
}

/* Who has not asked for Fast Open gets none: no cookie is given, none is taken. */
TEST_F(options, fastopen_is_declined)
{
	static const uint8_t request[] = { 2, 4, 1000 >> 8, 1000 & 255, 34, 2, 1, 1 };
	static const uint8_t cookie[] = { 2, 4, 1000 >> 8, 1000 & 255, 34, 10, 1, 2, 3, 4, 5, 6,
					  7, 8, 1, 1 };

	ROW("TFO-02");
	send_seg(.flags = SYN, .opts = request, .optlen = sizeof(request));
	expect(.flags = SYN | ACK, .any_opts = true);
	ASSERT_FALSE(has_fastopen(&self->p.last));
	/* The text beside a cookie is not acknowledged, nor is there anything to accept. */
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	send_seg(.flags = SYN, .opts = cookie, .optlen = sizeof(cookie), .len = 10);
	expect(.flags = SYN | ACK, .ack = -10, .any_opts = true);
	ASSERT_FALSE(has_fastopen(&self->p.last));
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 300));
}

/* Length 0, 1, or past the end: parsing stops, what stood before counts. */
TEST_F(options, broken_length_stops_parsing)
{
	ROW("WIRE-11");
	ASSERT_EQ(1000, SIZE_WITH(2, 4, 1000 >> 8, 1000 & 255, 3, 0, 7, 1));
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	ASSERT_EQ(1000, SIZE_WITH(2, 4, 1000 >> 8, 1000 & 255, 30, 1, 1, 1));
	peer_reset(&self->p, PEER_PORT + 2, SERVER_PORT);
	ASSERT_EQ(1000, SIZE_WITH(2, 4, 1000 >> 8, 1000 & 255, 8, 10, 1, 1));
	peer_reset(&self->p, PEER_PORT + 3, SERVER_PORT);
	ASSERT_EQ(1000, SIZE_WITH(2, 4, 1000 >> 8, 1000 & 255, 1, 1, 1, 3));
}

TEST_F_TIMEOUT(options, random_bytes, 120)
{
	unsigned int seed = peer_now_us(), state;
	uint8_t opts[40];
	int round, i, len;

	ROW("WIRE-11");
	if (getenv("XTCP_TEST_SEED"))
		seed = atoi(getenv("XTCP_TEST_SEED"));
	printf("# seed %u\n", seed);
	state = seed;
	for (round = 0; round < 2000; round++) {
		len = 4 * (1 + rand_r(&state) % 10);
		for (i = 0; i < len; i++)
			opts[i] = rand_r(&state) % 3 ? rand_r(&state) % 12 : rand_r(&state);
		/* On SYNs of changing ports, and on segments for nobody. */
		send_seg(.flags = round % 2 ? SYN : ACK, .opts = opts, .optlen = len,
			 .sport = 1024 + round, .stray = true);
		peer_drain(&self->p, 0);
	}
	peer_drain(&self->p, 50);
	ASSERT_EQ(-1, accept(self->lfd, NULL, NULL));
	close(self->lfd);
	peer_drain(&self->p, 1500);
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, peer_established(&self->p, self->lfd));
}

TEST_F_TIMEOUT(options, random_bytes_on_data, 120)
{
	unsigned int seed = peer_now_us(), state;
	uint8_t opts[40];
	int round, i, len;

	ROW("WIRE-11");
	printf("# seed %u\n", seed);
	state = seed;
	self->p.offer_ts = false;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	for (round = 0; round < 1000; round++) {
		len = 4 * (1 + rand_r(&state) % 10);
		for (i = 0; i < len; i++)
			opts[i] = rand_r(&state) % 3 ? rand_r(&state) % 12 : rand_r(&state);
		send_seg(.flags = ACK | PSH, .opts = opts, .optlen = len, .len = 5);
		must(peer_read(&self->p, self->fd, 5));
		peer_drain(&self->p, 0);
	}
	peer_drain(&self->p, 300);
	state_is(ST_ESTABLISHED);
}

/* MSS, window scale and SACK-permitted mean something with SYN only. */
TEST_F(options, syn_options_on_data_are_ignored)
{
	int full = self->p.mss;

	ROW("WIRE-12");
	self->p.offer_ts = false;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = ACK | PSH, .len = 10,
		 OPTS(2, 4, 0, 100, 1, 3, 3, 14, 4, 2, 1, 1));
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 2 * full));
	expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK | PSH, .len = full);
}

TEST_F(options, full_segment_with_timestamps)
{
	ROW("WIRE-15");
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 3000));
	expect(.flags = ACK, .any_psh = true, .len = variant->family == AF_INET6 ? 1428 : 1448);
}

/* Our own, where the route says what to announce (ip-route(8), advmss). */
TEST_F(options, mss_of_the_route)
{
	ROW("WIRE-13");
	ASSERT_TRUE(xt_run("ip -%d route add %s dev peer0 advmss 600",
			   variant->family == AF_INET6 ? 6 : 4, peer_ip(variant->family)));
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .any_opts = true);
	ASSERT_EQ(600, self->p.last.mss);
	peer_reset(&self->p, PEER_PORT + 1, 0);
	self->fd = peer_connect_start(&self->p);
	ASSERT_LE(0, self->fd);
	expect(.flags = SYN, .any_opts = true);
	ASSERT_EQ(600, self->p.last.mss);
}

/* The peer can take more than the path: the device's MTU limits. */
TEST_F(options, large_mss_is_limited_by_mtu)
{
	ROW("WIRE-15");
	self->p.mss = 9000;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 3000));
	expect(.flags = ACK, .any_psh = true, .len = variant->family == AF_INET6 ? 1428 : 1448);
}

/* expect() compares the options of the SYN-ACK with what was offered, each in its place. */
TEST_F(options, synack_answers_only_what_was_offered)
{
	int bits;

	ROW("WIRE-13");
	ROW("WIRE-16");
	ROW("TS-01");
	ROW("TS-05");
	for (bits = 0; bits < 8; bits++) {
		peer_reset(&self->p, PEER_PORT + bits, SERVER_PORT);
		self->p.offer_ts = bits & 1;
		self->p.offer_sack = bits & 2;
		self->p.wscale = bits & 4 ? 7 : WS_NONE;
		must(peer_established(&self->p, self->lfd) >= 0);
		ASSERT_EQ(self->p.offer_ts, self->p.ts_on);
	}
}

TEST_F(options, no_sack_unless_offered)
{
	ROW("WIRE-16");
	self->p.offer_sack = false;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = ACK | PSH, .len = 100, .seq = 100);
	expect(.flags = ACK, .within = NOW);
	send_seg(.flags = ACK | PSH, .len = 100);
	self->p.snd_nxt += 100;
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 200));
}

/* Six holes; room for three blocks beside timestamps. The newest block comes first. */
TEST_F(options, sack_blocks_with_timestamps)
{
	int i;

	ROW("WIRE-17");
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	for (i = 1; i <= 6; i++) {
		send_seg(.flags = ACK | PSH, .len = 10, .seq = 20 * i);
		expect(.flags = ACK, .opts = "nop,nop,TS,nop,nop,sack *", .within = NOW);
		ASSERT_EQ(i < 3 ? i : 3, self->p.last.nsack);
		ASSERT_EQ(self->p.snd_nxt + 20 * i, self->p.last.sack[0][0]);
		ASSERT_EQ(self->p.snd_nxt + 20 * i + 10, self->p.last.sack[0][1]);
		ASSERT_GE(15, self->p.last.doff);
	}
}

TEST_F(options, sack_blocks_without_timestamps)
{
	int i;

	ROW("WIRE-17");
	self->p.offer_ts = false;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	for (i = 1; i <= 6; i++) {
		send_seg(.flags = ACK | PSH, .len = 10, .seq = 20 * i);
		expect(.flags = ACK, .opts = "nop,nop,sack *", .within = NOW);
		ASSERT_EQ(i < 4 ? i : 4, self->p.last.nsack);
		ASSERT_EQ(self->p.snd_nxt + 20 * i, self->p.last.sack[0][0]);
	}
}

TEST_HARNESS_MAIN
