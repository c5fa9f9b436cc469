// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows: the acceptability table, flow control both ways, probes, Nagle, delayed
 * acknowledgments (RFC 9293, 3.4, 3.7.4, 3.8.6, 3.10.7.4; RFC 5681, 4.2).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include "peer_test.h"

/* Longer than the interval of answers to invalid segments (Linux: 500 ms). */
#define QUIET_MS	600

WIRE_FIXTURE_ESTABLISHED(window)

/* Length 0, window open: RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND. */
TEST_F(window, empty_segment_edges)
{
	uint32_t wnd = peer_k_window(&self->p);

	ROW("DATA-02");
	ROW("DATA-03");
	send_seg(.flags = ACK);
	send_seg(.flags = ACK, .seq = wnd - 1);
	silence(QUIET_MS);
	send_seg(.flags = ACK, .seq = -1);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	wnd = peer_k_window(&self->p);
	peer_pump(&self->p, QUIET_MS);
	send_seg(.flags = ACK, .seq = wnd + 1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
}

/* The first number beyond the window: a peer that has filled it acknowledges from there (D25). */
TEST_F(window, ack_from_right_edge_counts)
{
	ROW("DATA-02");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	send_seg(.flags = ACK, .seq = peer_k_window(&self->p));
	/* Neither refused nor resent. */
	silence(2000);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	send_seg(.flags = ACK, .seq = peer_k_window(&self->p) + 1);
	expect(.flags = ACK, .within = NOW);
	expect(.flags = ACK | PSH, .len = 100, .seq = -100);
}

/* Length above 0, window open: the first or the last byte is in it. */
TEST_F(window, data_edges)
{
	uint32_t wnd = peer_k_window(&self->p);

	ROW("DATA-02");
	ROW("DATA-03");
	send_seg(.flags = ACK | PSH, .len = 10, .seq = wnd);
	expect(.flags = ACK, .within = NOW);
	peer_pump(&self->p, QUIET_MS);
	send_seg(.flags = ACK | PSH, .len = 10, .seq = wnd + 100000);
	expect(.flags = ACK, .within = NOW);
	peer_pump(&self->p, QUIET_MS);
	/* All of it old. */
	send_seg(.flags = ACK | PSH, .len = 10, .seq = -10);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	peer_pump(&self->p, QUIET_MS);
	/* The last ten bytes of the window: kept, and reported by SACK. */
	send_seg(.flags = ACK | PSH, .len = 10, .seq = wnd - 10);
	expect(.flags = ACK, .opts = "nop,nop,TS,nop,nop,sack *", .within = NOW);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK, .opts = "nop,nop,TS,nop,nop,sack *");
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* Old bytes on the left are removed; the pattern proves which ones were used. */
TEST_F(window, left_edge_is_trimmed)
{
	ROW("DATA-04");
	send_seg(.flags = ACK | PSH, .len = 300);
	expect(.flags = ACK);
	send_seg(.flags = ACK | PSH, .len = 1000, .seq = -300);
	self->p.snd_nxt += 700;
	expect(.flags = ACK, .any_opts = true);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 1000));
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	/* One new byte at the end of nine old ones. */
	send_seg(.flags = ACK | PSH, .len = 10, .seq = -9);
	self->p.snd_nxt += 1;
	expect(.flags = ACK, .any_opts = true);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 1));
}

/* What lies beyond the right edge is removed; the block SACK reports ends there. */
TEST_F(window, right_edge_is_trimmed)
{
	uint32_t wnd = peer_k_window(&self->p);

	ROW("DATA-04");
	send_seg(.flags = ACK | PSH, .len = 1000, .seq = wnd - 400);
	expect(.flags = ACK, .opts = "nop,nop,TS,nop,nop,sack *", .within = NOW);
	ASSERT_EQ(self->p.snd_nxt + wnd - 400, self->p.last.sack[0][0]);
	ASSERT_EQ(self->p.snd_nxt + wnd, self->p.last.sack[0][1]);
}

/* A retransmission may carry the FIN with data already received. */
TEST_F(window, old_data_with_fin)
{
	ROW("DATA-04");
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK);
	send_seg(.flags = FIN | ACK | PSH, .len = 100, .seq = -100);
	self->p.snd_nxt += 1;
	expect(.flags = ACK, .any_opts = true);
	state_is(ST_CLOSE_WAIT);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(window, reverse_order)
{
	int i, full = self->p.mss - 12;

	ROW("DATA-10");
	ROW("DATA-12");
	for (i = 9; i > 0; i--) {
		send_seg(.flags = ACK | PSH, .len = full, .seq = i * full);
		expect(.flags = ACK, .opts = "nop,nop,TS,nop,nop,sack *", .within = NOW);
		must(peer_read_nothing(&self->p, self->fd));
	}
	send_seg(.flags = ACK | PSH, .len = full);
	self->p.snd_nxt += 9 * full;
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10 * full));
}

TEST_F(window, gap_and_duplicate_are_acknowledged_at_once)
{
	ROW("DATA-12");
	/* Past the first quick acknowledgments of a connection. */
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_QUICKACK, 0));
	send_seg(.flags = ACK | PSH, .len = 100, .seq = 200);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	/* Fills part of the gap: still immediate. */
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	send_seg(.flags = ACK | PSH, .len = 100);
	self->p.snd_nxt += 100;
	expect(.flags = ACK, .within = NOW);
	/* A full duplicate. */
	send_seg(.flags = ACK | PSH, .len = 100, .seq = -100);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 300));
}

TEST_F(window, delayed_ack)
{
	int i, delayed = 0;
	uint64_t sent;

	ROW("DATA-13");
	for (i = 0; i < 40; i++) {
		sent = peer_now_us();
		send_seg(.flags = ACK | PSH, .len = 10);
		expect(.flags = ACK, .within = 490);
		delayed += self->p.last_us - sent > 5000;
		must(peer_read(&self->p, self->fd, 10));
	}
	ASSERT_LT(0, delayed);
}

/* TCP_QUICKACK: off, an ACK waits; odd, none does any more; even, only what is due now. */
TEST_F(window, quickack)
{
	ROW("API-33");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_QUICKACK, 0));
	send_seg(.flags = ACK | PSH, .len = 10);
	must(peer_read(&self->p, self->fd, 10));
	silence(20);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_QUICKACK, 2));
	expect(.flags = ACK, .within = NOW);
	ASSERT_EQ(0, xt_get_int(self->fd, SOL_TCP, TCP_QUICKACK));
	send_seg(.flags = ACK | PSH, .len = 10);
	must(peer_read(&self->p, self->fd, 10));
	silence(20);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_QUICKACK, 1));
	expect(.flags = ACK, .within = NOW);
	ASSERT_EQ(1, xt_get_int(self->fd, SOL_TCP, TCP_QUICKACK));
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK, .within = NOW);
	must(peer_read(&self->p, self->fd, 10));
}

/* Stream of full segments, read at once: at least every second one is acknowledged. */
TEST_F(window, every_second_full_segment)
{
	int full = self->p.mss - 12, i, acks = 0;

	ROW("DATA-14");
	for (i = 0; i < 60; i++) {
		send_seg(.flags = ACK, .len = full);
		acks += peer_drain(&self->p, 1);
		must(peer_read(&self->p, self->fd, full));
	}
	acks += peer_drain(&self->p, 1);
	ASSERT_LE(29, acks);
}

TEST_F(window, peer_window_limits_flight)
{
	int sum;

	ROW("DATA-08");
	/* Shift 7: 3072 bytes. */
	ASSERT_TRUE(peer_lower_window(&self->p, 3072 >> 7));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10000));
	sum = peer_new_bytes(&self->p, 100);
	ASSERT_GE(3072, sum);
	ASSERT_LE(2 * (self->p.mss - 12), sum);
	send_seg(.flags = ACK);
	sum = peer_new_bytes(&self->p, 100);
	ASSERT_GE(3072, sum);
	ASSERT_LE(2 * (self->p.mss - 12), sum);
}

/* An ACK that is older than the last one by its number says nothing about the window. */
TEST_F(window, old_ack_does_not_move_window)
{
	int sum;

	ROW("DATA-07");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	send_seg(.flags = ACK, .win = 2048 >> 7);
	send_seg(.flags = ACK, .win = 30000, .ack = -100);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 8000));
	sum = peer_new_bytes(&self->p, 100);
	ASSERT_GE(2048, sum);
	ASSERT_LE(self->p.mss - 12, sum);
}

/* By sequence number: the older segment arrives last. */
TEST_F(window, old_sequence_does_not_move_window)
{
	int sum;

	ROW("DATA-07");
	ASSERT_TRUE(peer_lower_window(&self->p, 2048 >> 7));
	send_seg(.flags = ACK | PSH, .len = 15, .seq = -20, .win = 30000);
	peer_drain(&self->p, 50);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 8000));
	sum = peer_new_bytes(&self->p, 100);
	ASSERT_GE(2048, sum);
}

TEST_F(window, nagle)
{
	int i;

	ROW("DATA-18");
	for (i = 0; i < 5; i++)
		must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10, .within = NOW);
	silence(50);
	send_seg(.flags = ACK);
	expect(.flags = ACK | PSH, .len = 40, .within = NOW);
	send_seg(.flags = ACK);
	silence(500);
}

TEST_F(window, nodelay)
{
	int i;

	ROW("DATA-18");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_NODELAY, 1));
	for (i = 0; i < 5; i++)
		must(peer_write(&self->p, self->fd, 10));
	for (i = 0; i < 5; i++)
		expect(.flags = ACK | PSH, .len = 10, .within = NOW);
}

TEST_F(window, nodelay_flushes_what_nagle_held)
{
	ROW("DATA-18");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10, .within = NOW);
	silence(20);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_NODELAY, 1));
	expect(.flags = ACK | PSH, .len = 10, .within = NOW);
}

/* Pages of a file are one stream: no small segment at the end of each, even without Nagle. */
TEST_F(window, sendfile_fills_segments)
{
	int full = self->p.mss - 12, file = memfd_create("pages", MFD_CLOEXEC), i;
	off_t from = 0;

	ROW("API-38");
	ASSERT_EQ(0, ftruncate(file, 3 * 4096));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_NODELAY, 1));
	ASSERT_EQ(3 * 4096, sendfile(self->fd, file, &from, 3 * 4096));
	for (i = 0; i < 3 * 4096 / full; i++)
		expect(.flags = ACK, .any_psh = true, .len = full, .any_data = true);
	expect(.flags = ACK | PSH, .len = 3 * 4096 % full, .any_data = true);
	close(file);
}

/* 3.5 segments: PSH on the last. Received data needs no PSH to be delivered. */
TEST_F(window, push)
{
	int full = self->p.mss - 12;

	ROW("DATA-20");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_NODELAY, 1));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 3 * full + 700));
	expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK | PSH, .len = 700);
	send_seg(.flags = ACK, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* A large window once seen, now it opens by crumbs: no stream of crumbs follows. */
TEST_F(window, no_silly_segments)
{
	int i;

	ROW("DATA-17");
	ASSERT_TRUE(peer_lower_window(&self->p, 0));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 5000));
	silence(20);
	for (i = 1; i <= 3; i++) {
		/* Shift 7: 128 bytes more each time. */
		send_seg(.flags = ACK, .win = i);
		silence(25);
	}
	send_seg(.flags = ACK, .win = 60000);
	expect(.flags = ACK, .any_psh = true, .len = self->p.mss - 12, .within = NOW);
}

/* The peer takes back window it gave: RFC 9293, 3.8.6 (MUST-34, SHLD-15, 16, 17). */
TEST_F_TIMEOUT(window, shrunk_window, 200)
{
	int full = self->p.mss - 12, i;
	struct got seen;
	uint32_t end;

	ROW("DATA-23");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 20 * full));
	for (i = 0; i < 10; i++)
		expect(.flags = ACK, .any_psh = true, .len = full);
	end = self->p.rcv_nxt;
	/* The first segment was taken; room for two more, of nine under way. */
	send_seg(.flags = ACK, .ack = -9 * full, .win = (2 * full + 127) >> 7);
	/* No new data; what is inside the window may be repeated, for a minute. */
	for (i = 0; i < 6; i++) {
		if (!peer_next(&self->p, &seen, 10000)) {
			break;
		}
		ASSERT_TRUE((int32_t)(seen.seq + seen.len - end) <= 0);
	}
	state_is(ST_ESTABLISHED);
	ASSERT_EQ(0, peer_so_error(self->fd));
	/* To zero: it is asked about. */
	peer_drain(&self->p, 10);
	send_seg(.flags = ACK, .ack = -9 * full, .win = WIN_ZERO);
	ASSERT_TRUE(peer_next(&self->p, &seen, 60000));
	ASSERT_TRUE((int32_t)(seen.seq + seen.len - end) <= 0);
	/* Open again; the transfer completes. */
	for (i = 0; i < 400 && self->p.rcv_nxt - self->p.irs - 1 < 20u * full; i++) {
		send_seg(.flags = ACK);
		peer_next(&self->p, &seen, 1000);
		ASSERT_EQ(NULL, seen.bad);
	}
	ASSERT_EQ(20u * full, self->p.rcv_nxt - self->p.irs - 1);
}

/* Ten segments under way, one of them taken, and no room for the others any more. */
static bool shrink_window(struct peer *p, int fd)
{
	struct want data = { .flags = ACK, .any_psh = true, .len = p->mss - 12 };
	int i;

	if (!peer_write(p, fd, 10 * data.len))
		return false;
	for (i = 0; i < 10; i++)
		if (!peer_expect(p, &data))
			return false;
	peer_send(p, &(struct seg){ .flags = ACK, .ack = -9 * data.len, .win = WIN_ZERO });
	return true;
}

/* An ACK beyond the window would be dropped, and what it acknowledges sent for ever. */
TEST_F(window, ack_stays_in_a_shrunk_window)
{
	int flight = 9 * (self->p.mss - 12), wnd = 2 * (self->p.mss - 12) >> 7;

	ROW("DATA-23");
	ASSERT_TRUE(shrink_window(&self->p, self->fd));
	send_seg(.flags = ACK | PSH, .len = 10, .ack = -flight, .win = WIN_ZERO);
	expect(.flags = ACK, .seq = -flight, .within = 100);
	send_seg(.flags = ACK | PSH, .len = 10, .ack = -flight, .win = wnd);
	expect(.flags = ACK, .seq = (wnd << 7) - flight, .within = 100);
	/* As the field rounds down, the edge may be where it has been. */
	send_seg(.flags = ACK | PSH, .len = 10, .ack = -flight, .win = flight >> 7);
	expect(.flags = ACK, .within = 100);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 30));
}

TEST_F(window, rst_stays_in_a_shrunk_window)
{
	struct linger linger = { .l_onoff = 1 };
	int flight = 9 * (self->p.mss - 12);

	ROW("DATA-23");
	ROW("CLS-27");
	ASSERT_TRUE(shrink_window(&self->p, self->fd));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->fd);
	must(peer_expect_either(&self->p,
				&(struct want){ .flags = RST | ACK, .seq = -flight, .within = NOW },
				&(struct want){ .flags = RST, .seq = -flight }));
	listed_is(ST_NONE);
}

/* Data that a crumb of window lets go in a probe's place is guarded by the RTO as it was. */
TEST_F_TIMEOUT(window, probing_leaves_no_back_off, 100)
{
	int i;

	ROW("DATA-24");
	ROW("LOSS-07");
	ASSERT_TRUE(peer_lower_window(&self->p, 0));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 5000));
	for (i = 0; i < 6; i++) {
		expect(.flags = ACK, .seq = -1, .within = 15000);
		send_seg(.flags = ACK);
	}
	send_seg(.flags = ACK, .win = 640 >> 7);
	expect(.flags = ACK, .any_psh = true, .len = 640, .within = 30000);
	expect(.flags = ACK, .any_psh = true, .seq = -640, .len = 640, .within = 1100);
}

/*
 * Room for a full segment as it is now, with a SACK block in its header, but not for one as
 * it was: data leaves, and is resent for as long as any other.
 */
TEST_F_TIMEOUT(window, probing_leaves_no_clock, 3000)
{
	int reduced = self->p.mss - 12 - 12, i;
	uint64_t start;

	ROW("DATA-25");
	ROW("LOSS-11");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.wscale = 2;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_lower_window(&self->p, 0));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 5000));
	start = peer_now_us();
	while (peer_now_us() - start < 1000000000) {
		expect(.flags = ACK, .seq = -1, .within = 140000);
		send_seg(.flags = ACK);
	}
	send_seg(.flags = ACK | PSH, .len = 10, .seq = 100, .win = reduced >> 2);
	expect(.flags = ACK, .any_psh = true, .len = reduced, .any_opts = true, .within = NOW);
	for (i = 0; i < 3; i++)
		expect(.flags = ACK, .any_psh = true, .seq = -reduced, .len = reduced,
		       .any_opts = true, .within = 300 << i);
	state_is(ST_ESTABLISHED);
	ASSERT_EQ(0, peer_so_error(self->fd));
}

WIRE_FIXTURE(zero_window)

/* The peer's window is closed from the start. */
FIXTURE_SETUP(zero_window)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.win = 0;
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
}

/*
 * First after one RTO, then at doubling intervals up to 120 s; acknowledged probes
 * keep the connection for longer than data would be retransmitted (924 s).
 */
TEST_F_TIMEOUT(zero_window, probes_back_off_and_never_give_up, 3000)
{
	int before = 0, gap = 0, n = 0, full = self->p.mss - 12;
	uint64_t start = peer_now_us(), last_us;

	ROW("DATA-24");
	ROW("DATA-25");
	ROW("DATA-26");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 2 * full));
	self->p.last_us = start;
	while (peer_now_us() - start < 1200000000ull) {
		last_us = self->p.last_us;
		/* D10: an empty segment below SND.UNA; it must draw an answer. */
		expect(.flags = ACK, .seq = -1, .within = 140000);
		before = gap;
		gap = (self->p.last_us - last_us) / 1000;
		printf("# probe %d after %d ms\n", ++n, gap);
		if (n == 1) {
			ASSERT_LE(190, gap);
			ASSERT_GE(1100, gap);
		} else if (before < 55000) {
			ASSERT_LE(2 * before - before / 4, gap);
			ASSERT_GE(2 * before + before / 3, gap);
		} else {
			ASSERT_LE(before - before / 8, gap);
			ASSERT_GE(136000, gap);
		}
		send_seg(.flags = ACK);
	}
	state_is(ST_ESTABLISHED);
	ASSERT_EQ(0, peer_so_error(self->fd));
	/* The window opens: everything goes. */
	self->p.win = 1000;
	send_seg(.flags = ACK);
	expect(.flags = ACK, .any_psh = true, .len = full, .within = NOW);
	expect(.flags = ACK | PSH, .len = full, .within = NOW);
}

/* The update that opened the window was lost: the answer to the next probe tells it. */
TEST_F(zero_window, lost_update_is_repaired_by_probe)
{
	ROW("DATA-26");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK, .seq = -1);
	self->p.win = 1000;
	send_seg(.flags = ACK);
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
}

/* Text that an opened window lets go is unsent no longer: room, before it is acknowledged. */
TEST_F(zero_window, opening_makes_room_for_unsent_text)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ROW("API-26");
	ROW("API-33");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_NOTSENT_LOWAT, 3000));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 4000));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &event));
	ASSERT_EQ(0, epoll_wait(ep, &event, 1, 0));
	send_seg(.flags = ACK, .win = 30000 >> 7);
	ASSERT_LE(3000, peer_new_bytes(&self->p, 20));
	ASSERT_EQ(1, epoll_wait(ep, &event, 1, 0));
	ASSERT_EQ(EPOLLOUT, event.events);
	close(ep);
}

/* A closed window does not stop the FIN from being queued, nor the probes. */
TEST_F(zero_window, close_with_data_queued)
{
	ROW("DATA-24");
	ROW("CLS-01");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	close(self->fd);
	expect(.flags = ACK, .seq = -1);
	listed_is(ST_FIN_WAIT_1);
	self->p.win = 1000;
	send_seg(.flags = ACK);
	must(peer_expect_either(&self->p,
				&(struct want){ .flags = ACK | PSH, .len = 100, .within = NOW },
				&(struct want){ .flags = FIN | ACK | PSH, .len = 100 }));
	if (!(self->p.last.flags & FIN))
		expect(.flags = FIN | ACK, .within = NOW);
}

/* Hours, with an impatient keepalive beside it: answered probes are all it takes. */
TEST_F_TIMEOUT(zero_window, stays_for_hours, 20000)
{
	uint64_t start = peer_now_us();
	struct got seen;
	int n = 0;

	ROW("DATA-25");
	ROW("KEEP-02");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_KEEPIDLE, 60) &&
		    peer_set_int(self->fd, SOL_TCP, TCP_KEEPINTVL, 10) &&
		    peer_set_int(self->fd, SOL_TCP, TCP_KEEPCNT, 1) &&
		    peer_set_int(self->fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	while (peer_now_us() - start < 2 * 3600 * 1000000ull) {
		ASSERT_TRUE(peer_next(&self->p, &seen, 140000));
		ASSERT_EQ(ACK, seen.flags);
		ASSERT_EQ(0, seen.len);
		send_seg(.flags = ACK);
		n++;
	}
	/* One in 120 s after the first few: keepalive adds none. */
	ASSERT_GE(80, n);
	state_is(ST_ESTABLISHED);
	ASSERT_EQ(0, peer_so_error(self->fd));
	self->p.win = 1000;
	send_seg(.flags = ACK);
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
}

/* What nobody owns any more cannot be held by a peer that never reads, but answers. */
TEST_F_TIMEOUT(zero_window, answers_do_not_hold_an_orphan, 600)
{
	uint64_t start;
	struct got seen;

	ROW("SEC-19");
	ROW("CLS-11");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	close(self->fd);
	start = peer_now_us();
	while (peer_listed(&self->p) != ST_NONE) {
		ASSERT_GT(400000000, peer_now_us() - start);
		if (!peer_next(&self->p, &seen, 200)) {
			continue;
		}
		ASSERT_EQ(ACK, seen.flags);
		send_seg(.flags = ACK);
	}
	/* Nor is it dropped at once: the peer may read yet. */
	ASSERT_LE(50000000, peer_now_us() - start);
}

TEST_F_TIMEOUT(zero_window, silence_does_not_hold_an_orphan, 600)
{
	uint64_t start;

	ROW("SEC-19");
	ROW("CLS-11");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	close(self->fd);
	start = peer_now_us();
	while (peer_listed(&self->p) != ST_NONE) {
		ASSERT_GT(150000000, peer_now_us() - start);
		peer_drain(&self->p, 200);
	}
	ASSERT_LE(50000000, peer_now_us() - start);
}

/* Nothing but the FIN to send: it is what probes the window, and it ends as well. */
TEST_F_TIMEOUT(zero_window, fin_alone, 600)
{
	uint64_t start;

	ROW("SEC-19");
	ROW("CLS-01");
	close(self->fd);
	start = peer_now_us();
	listed_is(ST_FIN_WAIT_1);
	while (peer_listed(&self->p) != ST_NONE) {
		ASSERT_GT(150000000, peer_now_us() - start);
		peer_drain(&self->p, 200);
	}
	ASSERT_LE(50000000, peer_now_us() - start);
}

/* The orphan's data is in flight when the peer takes its window back for good. */
TEST_F_TIMEOUT(window, shrunk_window_does_not_hold_an_orphan, 600)
{
	uint64_t start;
	struct got seen;

	ROW("SEC-19");
	ROW("DATA-23");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	start = peer_now_us();
	while (peer_listed(&self->p) != ST_NONE) {
		ASSERT_GT(400000000, peer_now_us() - start);
		if (peer_next(&self->p, &seen, 200))
			send_seg(.flags = ACK, .ack = -101, .win = WIN_ZERO);
	}
	ASSERT_LE(50000000, peer_now_us() - start);
}

static uint32_t cwnd_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
	return info.tcpi_snd_cwnd;
}

/*
 * One segment each round trip, for a minute: a window that is not used does not grow, and
 * what waits afterwards does not leave in one burst.
 */
TEST_F_TIMEOUT(window, unused_window_does_not_grow, 200)
{
	int i;

	ROW("CC-10");
	ASSERT_EQ(10, cwnd_of(self->fd));
	for (i = 0; i < 600; i++) {
		must(peer_write(&self->p, self->fd, 100));
		expect(.flags = ACK | PSH, .len = 100);
		peer_pump(&self->p, 100);
		send_seg(.flags = ACK);
	}
	ASSERT_EQ(10, cwnd_of(self->fd));
	must(peer_write(&self->p, self->fd, 40000));
	ASSERT_EQ(10, peer_drain(&self->p, 50));
	/* In use, it does grow. */
	self->p.rcv_nxt += 10 * (self->p.mss - 12);
	send_seg(.flags = ACK);
	peer_pump(&self->p, 10);
	ASSERT_LT(10, cwnd_of(self->fd));
}

TEST_HARNESS_MAIN
