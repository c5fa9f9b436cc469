// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our own window: what is taken when it is closed, when it opens, and that what it has offered
 * has room (RFC 9293, 3.8.6, 3.10.7.4).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include "peer_test.h"

/* Longer than the interval of answers to invalid segments (Linux: 500 ms). */
#define QUIET_MS	600

WIRE_FIXTURE(closed_window)

/* Our own window is closed: the application does not read. No scaling, small buffer. */
FIXTURE_SETUP(closed_window)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.wscale = WS_NONE;
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	ASSERT_TRUE(peer_set_int(self->lfd, SOL_SOCKET, SO_RCVBUF, 16384));
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_fill_window(&self->p));
	peer_pump(&self->p, QUIET_MS);
}

/* Length 0: only SEG.SEQ = RCV.NXT. Length above 0: never. */
TEST_F(closed_window, acceptability)
{
	ROW("DATA-02");
	ROW("DATA-22");
	send_seg(.flags = ACK);
	silence(QUIET_MS);
	send_seg(.flags = ACK, .seq = 1);
	expect(.flags = ACK, .win = WIN_ZERO, .within = NOW);
	peer_pump(&self->p, QUIET_MS);
	send_seg(.flags = ACK, .seq = -1);
	expect(.flags = ACK, .win = WIN_ZERO, .any_opts = true, .within = NOW);
	peer_pump(&self->p, QUIET_MS);
	send_seg(.flags = ACK | PSH, .len = 1, .stray = true);
	expect(.flags = ACK, .win = WIN_ZERO, .any_opts = true, .within = 300);
}

/* Nobody will read what is sent now: not even a closed window hides that. */
TEST_F(closed_window, text_that_nobody_will_read)
{
	ROW("CLS-22");
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
	send_seg(.flags = ACK | PSH, .len = 1);
	must(peer_expect_either(&self->p, &(struct want){ .flags = RST | ACK, .any_ack = true },
				&(struct want){ .flags = RST, .any_ack = true }));
	listed_is(ST_NONE);
}

/* Both forms of probe are answered with RCV.NXT and the window as it is (D10). */
TEST_F(closed_window, both_probe_forms_are_answered)
{
	int i;

	ROW("DATA-26");
	for (i = 0; i < 3; i++) {
		send_seg(.flags = ACK, .seq = -1);
		expect(.flags = ACK, .win = WIN_ZERO, .any_opts = true, .within = NOW);
		peer_pump(&self->p, 1000);
		send_seg(.flags = ACK | PSH, .len = 1, .stray = true);
		expect(.flags = ACK, .win = WIN_ZERO, .any_opts = true, .within = 300);
		peer_pump(&self->p, 1000);
	}
}

TEST_F(closed_window, ack_is_processed)
{
	ROW("DATA-09");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .win = WIN_ZERO);
	send_seg(.flags = ACK);
	/* Acknowledged: no copy follows. */
	silence(2000);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .win = WIN_ZERO);
}

/* The segment's text is not acceptable, its ACK is taken all the same. */
TEST_F(closed_window, ack_on_unacceptable_text_is_harmless)
{
	ROW("DATA-09");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .win = WIN_ZERO);
	send_seg(.flags = ACK | PSH, .len = 1, .stray = true);
	peer_drain(&self->p, 150);
	state_is(ST_ESTABLISHED);
}

TEST_F(closed_window, exact_rst_resets)
{
	ROW("DATA-09");
	send_seg(.flags = RST);
	peer_pump(&self->p, 5);
	ASSERT_EQ(ECONNRESET, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

TEST_F(closed_window, reading_opens_it)
{
	uint32_t queued = self->p.snd_nxt - self->p.iss - 1;

	ROW("DATA-16");
	ASSERT_TRUE(peer_read(&self->p, self->fd, queued));
	expect(.flags = ACK, .win_min = self->p.mss, .within = NOW);
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
}

/* splice() is reading, too. */
TEST_F(closed_window, splicing_opens_it)
{
	uint32_t queued = self->p.snd_nxt - self->p.iss - 1;
	char buf[4096];
	int ends[2];

	ROW("DATA-16");
	ROW("API-38");
	ASSERT_EQ(0, pipe(ends));
	while (queued) {
		ssize_t n = splice(self->fd, NULL, ends[1], NULL, sizeof(buf), SPLICE_F_NONBLOCK);

		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(ends[0], buf, sizeof(buf)));
		queued -= n;
	}
	expect(.flags = ACK, .win_min = self->p.mss, .within = NOW);
	close(ends[0]);
	close(ends[1]);
}

/* Byte by byte: no update of the window smaller than a segment or half the buffer. */
TEST_F(closed_window, no_silly_updates)
{
	uint32_t queued = self->p.snd_nxt - self->p.iss - 1, i;
	struct got seen;

	ROW("DATA-16");
	for (i = 0; i < queued; i++) {
		must(peer_read(&self->p, self->fd, 1));
		if (peer_next(&self->p, &seen, 0)) {
			ASSERT_EQ(ACK, seen.flags);
			ASSERT_LE(self->p.mss - 12, seen.win);
			break;
		}
	}
	ASSERT_LE(self->p.mss / 2, i);
}

/*
 * What the window has offered has room, however small the segments and whatever the kernel
 * adds to each.
 */
static bool fill_with_small_segments(struct peer *p, int fd)
{
	const struct want ack = { .flags = ACK, .any_opts = true };
	const int len = 100;
	int total, window = peer_k_window(p);

	for (total = 0; total + len <= window; total += len) {
		peer_send(p, &(struct seg){ .flags = ACK, .len = len });
		if (!peer_expect(p, &ack))
			return false;
	}
	printf("# %d bytes\n", total);
	return peer_read(p, fd, total);
}

WIRE_FIXTURE_ESTABLISHED(open_window)

TEST_F_TIMEOUT(open_window, has_room_for_small_segments, 600)
{
	ROW("DATA-22");
	must(fill_with_small_segments(&self->p, self->fd));
}

WIRE_FIXTURE(fixed_buffer)

FIXTURE_SETUP(fixed_buffer)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	ASSERT_TRUE(peer_set_int(self->lfd, SOL_SOCKET, SO_RCVBUF, 40000));
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
}

TEST_F_TIMEOUT(fixed_buffer, has_room_for_small_segments, 600)
{
	ROW("DATA-22");
	must(fill_with_small_segments(&self->p, self->fd));
	if (!xt_is_control())
		ASSERT_LT(0, peer_counter("RcvCollapsed"));
}

TEST_HARNESS_MAIN
