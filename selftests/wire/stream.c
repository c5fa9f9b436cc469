// SPDX-License-Identifier: GPL-2.0-only
/*
 * Corners of the byte stream: overlapping segments, cork, tiny MSS, wrap-around
 * (RFC 9293, 3.4, 3.10; CVE-2019-11479).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include "peer_test.h"

WIRE_FIXTURE_ESTABLISHED(stream)

/* D14: what is queued stays; a later copy with other contents changes nothing. */
TEST_F(stream, first_copy_wins)
{
	uint8_t a[100], b[100], got[200];

	ROW("DATA-11");
	memset(a, 'A', sizeof(a));
	memset(b, 'B', sizeof(b));
	/* Out of order: A at 50..150, then B at 100..200, then the first 50 bytes. */
	send_seg(.flags = ACK | PSH, .len = 100, .data = a, .seq = 50);
	send_seg(.flags = ACK | PSH, .len = 100, .data = b, .seq = 100);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK | PSH, .len = 50, .data = b);
	self->p.snd_nxt += 150;
	expect(.flags = ACK, .any_opts = true);
	ASSERT_EQ(200, recv(self->fd, got, sizeof(got), MSG_DONTWAIT));
	ASSERT_EQ(0, memcmp(got, b, 50));
	ASSERT_EQ(0, memcmp(got + 50, a, 100));
	ASSERT_EQ(0, memcmp(got + 150, b, 50));
}

/* A covering segment around a queued one. */
TEST_F(stream, covering_segment_fills_both_sides)
{
	int i;

	ROW("DATA-10");
	send_seg(.flags = ACK | PSH, .len = 100, .seq = 200);
	send_seg(.flags = ACK | PSH, .len = 300, .seq = 100);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK | PSH, .len = 500);
	expect(.flags = ACK, .any_opts = true);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 500));
	/* Random pieces of the same kilobytes, many times over, in any order. */
	for (i = 0; i < 400; i++) {
		int from = rand() % 3000, len = 1 + rand() % 600;

		send_seg(.flags = ACK, .len = len, .seq = from + 1);
		peer_drain(&self->p, 0);
	}
	for (i = 0; i < 4; i++) {
		send_seg(.flags = ACK | PSH, .len = 1000);
		peer_drain(&self->p, 5);
	}
	ASSERT_TRUE(peer_read(&self->p, self->fd, 4000));
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
}

/*
 * Another process reads on, beyond what the one that waits with MSG_PEEK has seen: that one
 * goes on where the stream is then. It does not get to run before: SCHED_IDLE, on one CPU.
 */
TEST_F(stream, peek_is_overtaken)
{
	const struct sched_param none = { 0 };
	uint8_t buf[50];
	int i, status;
	pid_t pid;

	ROW("API-16");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (sched_setscheduler(0, SCHED_IDLE, &none) || fcntl(self->fd, F_SETFL, 0) ||
		    recv(self->fd, buf, sizeof(buf), MSG_PEEK | MSG_WAITALL) != sizeof(buf))
			_exit(1);
		for (i = 0; i < 50; i++)
			if (buf[i] != peer_pattern(i < 10 ? i : i + 30))
				_exit(2);
		_exit(0);
	}
	send_seg(.flags = ACK | PSH, .len = 10);
	peer_drain(&self->p, 100);
	send_seg(.flags = ACK | PSH, .len = 30);
	must(peer_read(&self->p, self->fd, 40));
	peer_drain(&self->p, 100);
	send_seg(.flags = ACK | PSH, .len = 60);
	peer_drain(&self->p, 100);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	must(peer_read(&self->p, self->fd, 60));
}

TEST_F(stream, cork_holds_until_removed)
{
	ROW("DATA-19");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_CORK, 1));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 20));
	silence(100);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_CORK, 0));
	expect(.flags = ACK | PSH, .len = 30, .within = NOW);
}

TEST_F(stream, cork_does_not_hold_forever)
{
	ROW("DATA-19");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_CORK, 1));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	silence(150);
	expect(.flags = ACK | PSH, .len = 10, .within = 150);
}

TEST_F(stream, msg_more_holds)
{
	uint8_t byte = peer_pattern(0), rest[2] = { peer_pattern(1), peer_pattern(2) };

	ROW("DATA-19");
	ASSERT_EQ(1, send(self->fd, &byte, 1, MSG_MORE));
	silence(50);
	ASSERT_EQ(2, send(self->fd, rest, 2, 0));
	expect(.flags = ACK | PSH, .len = 3, .within = NOW);
}

/* MSG_EOR: what is written next begins a segment of its own. */
TEST_F(stream, msg_eor_ends_a_segment)
{
	uint8_t buf[30];
	int i;

	ROW("DATA-19");
	for (i = 0; i < 30; i++)
		buf[i] = peer_pattern(i);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_CORK, 1));
	ASSERT_EQ(10, send(self->fd, buf, 10, MSG_EOR));
	silence(20);
	/* More behind it: there is nothing to wait for any more. */
	ASSERT_EQ(20, send(self->fd, buf + 10, 20, 0));
	expect(.flags = ACK, .any_psh = true, .len = 10, .within = NOW);
	send_seg(.flags = ACK);
	silence(20);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_CORK, 0));
	expect(.flags = ACK | PSH, .len = 20, .within = NOW);
}

/* A byte at a time while the window is shut; whole segments when it opens. */
TEST_F(stream, single_bytes_fill_segments)
{
	int full = self->p.mss - 12, total = 10000, i;

	ROW("DATA-21");
	must(peer_lower_window(&self->p, 0));
	for (i = 0; i < total; i++)
		must(peer_write(&self->p, self->fd, 1));
	peer_drain(&self->p, 0);
	self->p.win = 512;		/* 64 KiB with the scale of this peer */
	send_seg(.flags = ACK);
	for (i = 0; i < total / full; i++)
		expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK | PSH, .len = total % full);
	send_seg(.flags = ACK);
	silence(300);
}

/* However large a segment is inside, on the wire it looks as if it had never been. */
TEST_F(stream, super_segments_do_not_show)
{
	int full = self->p.mss - 12, i;

	ROW("DATA-37");
	ROW("DATA-20");
	must(peer_lower_window(&self->p, 0));
	must(peer_write(&self->p, self->fd, 7 * full + 5));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	peer_drain(&self->p, 0);
	self->p.win = 512;
	send_seg(.flags = ACK);
	/* Neither PSH nor FIN but where the text ends; Linux pushes each skb of its own. */
	for (i = 0; i < 7; i++)
		expect(.flags = ACK, .len = full, .any_psh = xt_is_control());
	expect(.flags = FIN | ACK | PSH, .len = 5);
	send_seg(.flags = ACK);
	silence(300);
}

/* What a gap has held back is acknowledged as one. */
TEST_F(stream, gap_filler_draws_one_ack)
{
	int i;

	ROW("DATA-15");
	for (i = 1; i < 10; i++) {
		send_seg(.flags = ACK | PSH, .len = 500, .seq = 500 * i);
		expect(.flags = ACK, .any_opts = true, .within = NOW);
		ASSERT_EQ(self->p.snd_nxt, self->p.last.ack);
	}
	send_seg(.flags = ACK | PSH, .len = 500);
	self->p.snd_nxt += 9 * 500;
	expect(.flags = ACK, .within = NOW);
	silence(300);
	must(peer_read(&self->p, self->fd, 5000));
}

/* Bytes 2^32 - n and n of the sequence space follow each other, both ways in one flow. */
TEST_F(stream, peer_numbers_wrap)
{
	int full = self->p.mss - 12, i;

	ROW("DATA-35");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.iss = 0xffffffff - 3 * full;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < 8; i++) {
		/* Each pair in reverse order, so that the queue wraps too. */
		send_seg(.flags = ACK, .len = full, .seq = full);
		expect(.flags = ACK, .opts = "nop,nop,TS,nop,nop,sack *", .within = NOW);
		send_seg(.flags = ACK, .len = full);
		self->p.snd_nxt += full;
		expect(.flags = ACK, .within = NOW);
		must(peer_read(&self->p, self->fd, 2 * full));
	}
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK);
	state_is(ST_CLOSE_WAIT);
}

/* The FIN's own number is 2^32 - 1, its acknowledgment 0. */
TEST_F(stream, fin_at_the_wrap)
{
	ROW("DATA-35");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.iss = 0xffffffff - 11;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_seg(.flags = FIN | ACK | PSH, .len = 10);
	ASSERT_EQ(0, self->p.snd_nxt);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

/* The ISN itself is 2^32 - 1: RCV.NXT of the new connection is 0. */
TEST_F(stream, syn_at_the_wrap)
{
	ROW("DATA-35");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.iss = 0xffffffff;
	self->p.snd_nxt = self->p.iss;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, self->p.snd_nxt);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* However small the MSS offered, a segment carries at least 8 bytes. */
TEST_F(stream, tiny_mss)
{
	static const int offer[] = { 0, 1, 20, 48 };
	unsigned int i;

	ROW("SEC-13");
	for (i = 0; i < 4; i++) {
		peer_reset(&self->p, PEER_PORT + 1 + i, SERVER_PORT);
		self->p.mss = offer[i];
		self->fd = peer_established(&self->p, self->lfd);
		ASSERT_LE(0, self->fd);
		must(peer_write(&self->p, self->fd, 2000));
		expect(.flags = ACK, .any_psh = true, .any_len = true);
		printf("# MSS %d: first segment of %d bytes\n", offer[i], self->p.last.len);
		ASSERT_LE(8, self->p.last.len);
		ASSERT_GE(1220, self->p.last.len);
		send_seg(.flags = RST);
		peer_drain(&self->p, 5);
	}
}

/* The administrator's floor wins over the peer; options count against it. */
TEST_F(stream, mss_floor)
{
	ROW("SEC-13");
	ASSERT_TRUE(peer_tunable("min_snd_mss", "400"));
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.mss = 200;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	must(peer_write(&self->p, self->fd, 2000));
	expect(.flags = ACK, .any_psh = true, .len = 400 - 12);
}

TEST_HARNESS_MAIN
