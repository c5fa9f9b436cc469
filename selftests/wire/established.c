// SPDX-License-Identifier: GPL-2.0-only
/*
 * ESTABLISHED: acknowledgments, resets, SYNs and FINs on a live connection
 * (RFC 9293, 3.5.1, 3.10.4, 3.10.5, 3.10.7.4; RFC 5961).
 */
#include <sys/socket.h>
#include "peer_test.h"

/* Longer than the interval of answers to invalid segments (Linux: 500 ms). */
#define QUIET_MS	600

WIRE_FIXTURE_ESTABLISHED(established)

TEST_F(established, numbers)
{
	ROW("HS-05");
	ROW("DATA-01");
	state_is(ST_ESTABLISHED);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .within = NOW);
	ASSERT_EQ(self->p.irs + 1, self->p.last.seq);
	send_seg(.flags = ACK);
	silence(300);
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	/* A pure ACK takes no number: the next byte follows the last one. */
	send_seg(.flags = ACK);
	send_seg(.flags = ACK | PSH, .len = 7);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 7));
	expect(.flags = ACK | PSH, .len = 7, .within = NOW);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 7));
}

TEST_F(established, large_write_is_cut_into_segments)
{
	int mss = self->p.mss - 12, i;

	ROW("DATA-01");
	ROW("WIRE-15");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 4 * mss + 10));
	for (i = 0; i < 4; i++)
		expect(.flags = ACK, .any_psh = true, .len = mss);
	/* Nagle: the rest waits for the acknowledgment of what is under way. */
	send_seg(.flags = ACK);
	expect(.flags = ACK | PSH, .len = 10);
	send_seg(.flags = ACK);
	silence(500);
}

TEST_F(established, rebooted_peer)
{
	struct peer old = self->p;

	ROW("HS-22");
	ROW("SEC-02");
	/* The rebooted peer knows nothing and picks another ISS. */
	peer_reset(&self->p, PEER_PORT, SERVER_PORT);
	send_seg(.flags = SYN);
	expect_on(&old, .flags = ACK, .any_opts = true, .within = NOW);
	/* In SYN_SENT that ACK is unacceptable: RST with its number. */
	send_on(&old, .flags = RST);
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
	self->p.snd_nxt = self->p.iss;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
}

TEST_F(established, segment_without_ack_is_dropped)
{
	ROW("DATA-05");
	send_seg(.flags = PSH, .len = 10, .stray = true);
	send_seg(.flags = FIN, .stray = true);
	send_seg(.flags = 0, .stray = true);
	silence(QUIET_MS);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* D18: answered as RFC 9293 says, where Linux is silent. */
TEST_F(established, ack_above_snd_nxt_draws_ack)
{
	ROW("DATA-06");
	send_seg(.flags = ACK | PSH, .len = 10, .ack = 1, .stray = true);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
}

TEST_F(established, ack_above_snd_nxt_drops_segment)
{
	ROW("DATA-06");
	send_seg(.flags = ACK | PSH | FIN, .len = 10, .ack = 1, .stray = true);
	peer_drain(&self->p, 100);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

TEST_F(established, old_ack_with_data_is_processed)
{
	ROW("DATA-06");
	ROW("SEC-03");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	send_seg(.flags = ACK);
	send_seg(.flags = ACK | PSH, .len = 10, .ack = -50);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* RFC 5961, 5.2: nothing older than the largest window, and never before the own ISN. */
TEST_F(established, ack_before_isn_is_not_acceptable)
{
	ROW("SEC-03");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	send_seg(.flags = ACK);
	send_seg(.flags = ACK | PSH, .len = 10, .ack = -20000000, .stray = true);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	peer_pump(&self->p, QUIET_MS);
	send_seg(.flags = ACK | PSH, .len = 10, .ack = 0x7fff0000, .stray = true);
	peer_drain(&self->p, 100);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
}

/* The window is large, the connection young: still not before the ISN. */
TEST_F(established, ack_just_before_isn_is_not_acceptable)
{
	ROW("SEC-03");
	send_seg(.flags = ACK | PSH, .len = 10, .ack = -1000, .stray = true);
	peer_drain(&self->p, 100);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
}

TEST_F(established, exact_rst_resets)
{
	ROW("SEC-01");
	ROW("CLS-33");
	ROW("CLS-32");
	CELL("ESTABLISHED", "RCV_RST");
	send_seg(.flags = RST);
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
	/* Once; then it is a closed socket. */
	ASSERT_EQ(0, peer_read_errno(&self->p, self->fd));
	listed_is(ST_NONE);
	silence(500);
	send_seg(.flags = ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F(established, exact_rst_with_ack_resets)
{
	ROW("SEC-01");
	ROW("CLS-33");
	send_seg(.flags = RST | ACK);
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
	listed_is(ST_NONE);
}

TEST_F(established, rst_with_payload_resets)
{
	ROW("CLS-34");
	send_seg(.flags = RST | ACK, .len = 20);
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
	listed_is(ST_NONE);
}

TEST_F(established, inexact_rst_draws_challenge_ack)
{
	uint32_t wnd = peer_k_window(&self->p);

	ROW("SEC-01");
	send_seg(.flags = RST, .seq = 1);
	expect(.flags = ACK, .within = NOW);
	peer_pump(&self->p, QUIET_MS);
	send_seg(.flags = RST, .seq = wnd - 1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

TEST_F(established, rst_out_of_window_is_silent)
{
	uint32_t wnd = peer_k_window(&self->p);

	ROW("SEC-01");
	ROW("DATA-03");
	send_seg(.flags = RST, .seq = -1);
	send_seg(.flags = RST, .seq = wnd + 1000);
	send_seg(.flags = RST | ACK, .seq = -1000);
	send_seg(.flags = RST, .seq = 0x7fffffff);
	silence(QUIET_MS);
	state_is(ST_ESTABLISHED);
}

/* The first number beyond the window; Linux counts it in. */
TEST_F(established, rst_at_right_edge_is_silent)
{
	uint32_t wnd = peer_k_window(&self->p);

	ROW("SEC-01");
	send_seg(.flags = RST, .seq = wnd);
	silence(QUIET_MS);
	state_is(ST_ESTABLISHED);
}

TEST_F(established, syn_draws_challenge_ack)
{
	static const int64_t offset[] = { 1, 100, -100000, 0x40000000 };
	unsigned int i;

	ROW("SEC-02");
	/* .seq of a SYN counts from the ISS, so 1 is RCV.NXT of the stack. */
	for (i = 0; i < sizeof(offset) / sizeof(offset[0]); i++) {
		send_seg(.flags = SYN, .seq = offset[i]);
		expect(.flags = ACK, .within = NOW);
		peer_pump(&self->p, QUIET_MS);
	}
	send_seg(.flags = SYN | ACK, .seq = 1);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

TEST_F_TIMEOUT(established, invalid_acks_are_rate_limited, 60)
{
	int i, n = 0;

	ROW("SEC-04");
	for (i = 0; i < 2000; i++) {
		send_seg(.flags = ACK, .seq = -1000000);
		n += peer_drain(&self->p, 5);
	}
	ASSERT_LE(5, n);
	ASSERT_GE(25, n);
	state_is(ST_ESTABLISHED);
}

TEST_F_TIMEOUT(established, challenge_acks_are_rate_limited, 60)
{
	int i, n = 0;

	ROW("SEC-04");
	for (i = 0; i < 1000; i++) {
		send_seg(.flags = i % 2 ? SYN : RST, .seq = 100);
		n += peer_drain(&self->p, 5);
	}
	ASSERT_LE(2, n);
	ASSERT_GE(25, n);
	state_is(ST_ESTABLISHED);
}

/* A peer out of step that answers each ACK with an unacceptable one of its own. */
TEST_F_TIMEOUT(established, no_endless_exchange_of_acks, 60)
{
	uint64_t end = peer_now_us() + 10000000;
	struct got seen;
	int n = 0;

	ROW("SEC-06");
	send_seg(.flags = ACK, .seq = -1000000);
	while (peer_now_us() < end && n < 1000) {
		if (!peer_next(&self->p, &seen, 2000))
			break;
		n++;
		send_seg(.flags = ACK, .seq = -1000000);
	}
	ASSERT_GE(50, n);
	state_is(ST_ESTABLISHED);
}

TEST_F(established, received_keepalive_probe)
{
	static const uint8_t garbage[] = { 0xee };
	int i;

	ROW("KEEP-06");
	ROW("DATA-26");
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	peer_pump(&self->p, QUIET_MS);
	send_seg(.flags = ACK, .seq = -1);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	peer_pump(&self->p, QUIET_MS);
	/* Whoever sends text waits for its ACK: these are not rationed. */
	for (i = 0; i < 3; i++) {
		send_seg(.flags = ACK, .seq = -1, .len = 1, .data = garbage);
		expect(.flags = ACK, .any_opts = true, .within = NOW);
	}
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
}

TEST_F(established, fin_with_data)
{
	ROW("CLS-09");
	CELL("ESTABLISHED", "RCV_FIN");
	send_seg(.flags = FIN | ACK | PSH, .len = 100);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	state_is(ST_CLOSE_WAIT);
}

TEST_F(established, fin_ahead_of_a_gap_waits)
{
	ROW("CLS-10");
	send_seg(.flags = FIN | ACK | PSH, .len = 50, .seq = 50);
	expect(.flags = ACK, .opts = "nop,nop,TS,nop,nop,sack *", .within = NOW);
	state_is(ST_ESTABLISHED);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	send_seg(.flags = ACK | PSH, .len = 50);
	self->p.snd_nxt += 51;
	expect(.flags = ACK, .any_opts = true);
	state_is(ST_CLOSE_WAIT);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

/* A FIN alone, ahead of everything it follows. */
TEST_F(established, bare_fin_ahead_of_a_gap_waits)
{
	ROW("CLS-10");
	send_seg(.flags = FIN | ACK, .seq = 10);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	self->p.snd_nxt += 1;
	expect(.flags = ACK, .any_opts = true);
	state_is(ST_CLOSE_WAIT);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(established, data_before_fin_on_close)
{
	int mss = self->p.mss - 12, i;

	ROW("CLS-01");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 3 * mss + 10));
	close(self->fd);
	for (i = 0; i < 3; i++)
		expect(.flags = ACK, .any_psh = true, .len = mss);
	/* No Nagle: nothing can follow. The FIN may ride on the last data. */
	must(peer_expect_either(&self->p,
				&(struct want){ .flags = ACK | PSH, .len = 10, .within = NOW },
				&(struct want){ .flags = FIN | ACK | PSH, .len = 10 }));
	if (!(self->p.last.flags & FIN))
		expect(.flags = FIN | ACK, .within = NOW);
	listed_is(ST_FIN_WAIT_1);
	send_seg(.flags = ACK);
	listed_is(ST_FIN_WAIT_2);
}

TEST_F(established, one_fin_however_often_closed)
{
	ROW("CLS-29");
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK, .within = NOW);
	send_seg(.flags = ACK);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	ASSERT_EQ(0, close(self->fd));
	silence(2000);
	listed_is(ST_FIN_WAIT_2);
}

TEST_F(established, shutdown_read_sends_nothing)
{
	ROW("CLS-30");
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
	silence(500);
	state_is(ST_ESTABLISHED);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	state_is(ST_ESTABLISHED);
}

TEST_F(established, shutdown_both)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN | POLLOUT };

	ROW("CLS-31");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	expect(.flags = ACK | PSH, .len = 10);
	expect(.flags = FIN | ACK);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	ASSERT_EQ(-1, send(self->fd, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(EPIPE, errno);
	ASSERT_EQ(1, poll(&pfd, 1, 0));
	ASSERT_NE(0, pfd.revents & POLLHUP);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
	ASSERT_EQ(-1, shutdown(self->fd, 7));
	ASSERT_EQ(EINVAL, errno);
}

TEST_F(established, close_with_unread_data_resets)
{
	ROW("CLS-23");
	send_seg(.flags = ACK | PSH, .len = 1);
	expect(.flags = ACK);
	close(self->fd);
	expect(.flags = RST | ACK, .within = NOW);
	listed_is(ST_NONE);
	silence(500);
}

TEST_F(established, close_with_all_read_sends_fin)
{
	ROW("CLS-23");
	send_seg(.flags = ACK | PSH, .len = 1);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 1));
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
}

TEST_F(established, linger_zero_aborts)
{
	struct linger linger = { .l_onoff = 1 };

	ROW("CLS-24");
	ROW("CLS-27");
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	/* D17: with or without ACK. */
	close(self->fd);
	expect_abort();
	listed_is(ST_NONE);
	silence(1000);
}

TEST_F(established, dissolve_aborts)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	ROW("CLS-27");
	ASSERT_EQ(0, connect(self->fd, &none, sizeof(none)));
	expect_abort();
	listed_is(ST_NONE);
	silence(1000);
}

/* D20: what came in order before the reset is still read, then the error, then the end. */
TEST_F(established, data_queued_before_rst_is_readable)
{
	ROW("CLS-33");
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK);
	send_seg(.flags = ACK | PSH, .len = 100, .seq = 200);
	expect(.flags = ACK, .any_opts = true);
	send_seg(.flags = RST);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	ASSERT_EQ(ECONNRESET, peer_read_errno(&self->p, self->fd));
	ASSERT_EQ(0, peer_read_errno(&self->p, self->fd));
}

WIRE_FIXTURE(active)

/* Established by connect(). */
FIXTURE_SETUP(active)
{
	self->lfd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.kport = 0;
	self->fd = peer_connected(&self->p);
	ASSERT_LE(0, self->fd);
}

/* The last ACK of the handshake was lost. */
TEST_F(active, retransmitted_synack_draws_ack)
{
	ROW("HS-23");
	send_seg(.flags = SYN | ACK, .stray = true);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
}

TEST_HARNESS_MAIN
