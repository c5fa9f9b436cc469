// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN_RCVD: half-open connections, passive and by simultaneous open
 * (RFC 9293, 3.5, 3.10.7.4; RFC 5961).
 */
#include "peer_test.h"

WIRE_FIXTURE(syn_rcvd)

/* Half open: SYN and SYN-ACK have been exchanged. */
FIXTURE_SETUP(syn_rcvd)
{
	self->fd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	ASSERT_TRUE(peer_send_syn(&self->p));
	listed_is(ST_SYN_RCVD);
}

TEST_F(syn_rcvd, ack_establishes_once)
{
	ROW("HS-04");
	send_seg(.flags = ACK);
	send_seg(.flags = ACK);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 1000));
	ASSERT_EQ(-1, accept(self->lfd, NULL, NULL));
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
}

TEST_F_TIMEOUT(syn_rcvd, synack_retransmission_and_expiry, 200)
{
	static const int at[] = { 1000, 3000, 7000, 15000, 31000 };
	uint64_t start = self->p.last_us;
	int i;

	ROW("LSN-04");
	self->p.mark_us = start;
	for (i = 0; i < 5; i++) {
		expect(.flags = SYN | ACK, .at = at[i]);
		listed_is(ST_SYN_RCVD);
	}
	peer_pump(&self->p, 60000 - (peer_now_us() - start) / 1000);
	listed_is(ST_SYN_RCVD);
	/* The last wait is 32 s, so the end is at 63 s. */
	ASSERT_TRUE(peer_await_listed(&self->p, ST_NONE, 12000));
	ASSERT_LE(62900000, peer_now_us() - start);
	silence(1000);
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 0));
	ASSERT_EQ(0, peer_so_error(self->lfd));
	/* What was forgotten has no connection any more. */
	send_seg(.flags = ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F(syn_rcvd, exact_rst_removes_entry)
{
	ROW("HS-10");
	ROW("LSN-21");
	send_seg(.flags = RST);
	silence(1500);
	listed_is(ST_NONE);
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 0));
	ASSERT_EQ(0, peer_so_error(self->lfd));
}

TEST_F(syn_rcvd, inexact_rst_draws_challenge_ack)
{
	ROW("LSN-22");
	ROW("SEC-01");
	send_seg(.flags = RST, .seq = 1);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

TEST_F(syn_rcvd, rst_out_of_window_is_ignored)
{
	ROW("DATA-03");
	send_seg(.flags = RST, .seq = -1);
	send_seg(.flags = RST, .seq = 100000);
	silence(500);
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

TEST_F(syn_rcvd, repeated_syn_gets_same_synack)
{
	struct got seen;
	int i, n = 0;

	ROW("HS-19");
	for (i = 0; i < 5; i++) {
		send_seg(.flags = SYN);
		peer_pump(&self->p, 10);
	}
	while (peer_next(&self->p, &seen, 0)) {
		ASSERT_EQ(NULL, seen.bad);
		ASSERT_NE(0, seen.flags & ACK);
		ASSERT_EQ(self->p.iss + 1, seen.ack);
		if (seen.flags & SYN) {
			ASSERT_EQ(self->p.irs, seen.seq);
		}
		n++;
	}
	ASSERT_LE(1, n);
	ASSERT_GE(2, n);
	ASSERT_EQ(1, peer_count_listed(&self->p, ST_SYN_RCVD));
	self->p.snd_nxt = self->p.iss + 1;
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 500));
}

/* RFC 9293, 3.5, figure 8: the first SYN was an old duplicate. */
TEST_F(syn_rcvd, old_duplicate_syn)
{
	ROW("HS-20");
	/* The client, in SYN_SENT with another ISS, resets what it did not ask for. */
	send_seg(.flags = RST);
	peer_pump(&self->p, 10);
	listed_is(ST_NONE);
	peer_reset(&self->p, PEER_PORT, SERVER_PORT);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

TEST_F(syn_rcvd, new_syn_in_window_returns_to_listen)
{
	ROW("HS-21");
	send_seg(.flags = SYN, .seq = 1000, .stray = true);
	/* A reset may come with it; the SYN-ACK of a new attempt may not yet. */
	peer_drain(&self->p, 100);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
	peer_reset(&self->p, PEER_PORT, SERVER_PORT);
	ASSERT_TRUE(peer_handshake(&self->p));
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

TEST_F(syn_rcvd, new_syn_out_of_window_draws_ack)
{
	ROW("HS-21");
	send_seg(.flags = SYN, .seq = -100000, .stray = true);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

TEST_F(syn_rcvd, data_with_ack_completes)
{
	ROW("HS-23");
	send_seg(.flags = ACK | PSH, .len = 100);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	state_is(ST_ESTABLISHED);
}

TEST_F(syn_rcvd, lost_ack_after_synack_retransmission)
{
	ROW("HS-23");
	expect(.flags = SYN | ACK, .gap = 1000);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
	silence(3000);
}

TEST_F(syn_rcvd, data_and_fin_ride_on_ack)
{
	ROW("HS-24");
	ROW("CLS-09");
	send_seg(.flags = FIN | ACK | PSH, .len = 100);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	expect(.flags = ACK);
	state_is(ST_CLOSE_WAIT);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_F(syn_rcvd, wrong_ack_draws_rst_and_entry_survives)
{
	ROW("HS-25");
	send_seg(.flags = ACK, .ack = 1);
	expect(.flags = RST, .seq = 1, .within = NOW);
	send_seg(.flags = ACK, .ack = -1);
	expect(.flags = RST, .seq = -1, .within = NOW);
	listed_is(ST_SYN_RCVD);
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 100));
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

TEST_F(syn_rcvd, segment_without_ack_is_dropped)
{
	ROW("DATA-05");
	send_seg(.flags = 0, .len = 10, .stray = true);
	send_seg(.flags = FIN, .stray = true);
	silence(500);
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
}

TEST_F(syn_rcvd, out_of_window_draws_ack)
{
	ROW("DATA-02");
	ROW("DATA-03");
	send_seg(.flags = ACK | PSH, .len = 10, .seq = 100000);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

WIRE_FIXTURE(simultaneous_open)

/* Both sides have sent a SYN; the stack's was first on the wire. */
FIXTURE_SETUP(simultaneous_open)
{
	self->lfd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->fd = peer_connect_start(&self->p);
	ASSERT_LE(0, self->fd);
	expect(.flags = SYN, .within = NOW);
	state_is(ST_SYN_SENT);
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	state_is(ST_SYN_RCVD);
}

/* RFC 9293, 3.5, figure 7; appendix A.2: the SYN-ACK's own number is below RCV.NXT. */
TEST_F(simultaneous_open, synack_establishes)
{
	ROW("HS-08");
	ROW("HS-09");
	send_seg(.flags = SYN | ACK, .stray = true);
	self->p.snd_nxt = self->p.iss + 1;
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLOUT, 500));
	ASSERT_EQ(0, peer_so_error(self->fd));
	state_is(ST_ESTABLISHED);
	peer_drain(&self->p, 10);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 20));
	expect(.flags = ACK | PSH, .len = 20);
}

TEST_F(simultaneous_open, ack_establishes)
{
	ROW("HS-08");
	CELL("SYN_SENT", "RCV_SYN");
	CELL("SYN_RCVD", "RCV_ACK_OF_SYN");
	send_seg(.flags = ACK);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLOUT, 500));
	ASSERT_EQ(0, peer_so_error(self->fd));
	state_is(ST_ESTABLISHED);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 20));
	expect(.flags = ACK | PSH, .len = 20);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

TEST_F(simultaneous_open, rst_refuses)
{
	ROW("HS-10");
	CELL("SYN_RCVD", "RCV_RST");
	send_seg(.flags = RST);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLERR, 500));
	ASSERT_EQ(ECONNREFUSED, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

TEST_F(simultaneous_open, synack_is_retransmitted)
{
	ROW("HS-08");
	expect(.flags = SYN | ACK, .within = 2500);
	send_seg(.flags = ACK);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLOUT, 500));
	state_is(ST_ESTABLISHED);
}

/* Nobody answers the SYN-ACK. */
TEST_F_TIMEOUT(simultaneous_open, gives_up, 200)
{
	uint64_t start = peer_now_us();
	struct got seen;
	int n = 0;

	ROW("HS-13");
	CELL("SYN_RCVD", "GIVE_UP");
	while (!peer_poll(&self->p, self->fd, POLLERR, 100)) {
		ASSERT_GT(150000000, peer_now_us() - start);
		while (peer_next(&self->p, &seen, 0)) {
			ASSERT_EQ(SYN | ACK, seen.flags);
			n++;
		}
	}
	ASSERT_LE(4, n);
	ASSERT_GE(7, n);
	ASSERT_LE(30000000, peer_now_us() - start);
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
	listed_is(ST_NONE);
	silence(1000);
}

/* RFC 9293, 3.10.4: nothing was sent, so the FIN may go at once; neither it nor our SYN is lost. */
TEST_F_TIMEOUT(simultaneous_open, close_sends_fin, 60)
{
	ROW("CLS-01");
	ROW("HS-08");
	close(self->fd);
	expect(.flags = FIN | ACK, .within = NOW);
	listed_is(ST_FIN_WAIT_1);
	/* The peer may have got neither: first what must come first. */
	expect(.flags = SYN | ACK, .within = 3500);
	send_seg(.flags = ACK, .ack = -1);
	expect(.flags = FIN | ACK, .seq = -1, .within = 3500);
	send_seg(.flags = ACK);
	listed_is(ST_FIN_WAIT_2);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK, .within = NOW);
	listed_is(ST_TIME_WAIT);
	silence(1000);
}

/* The FIN goes at once, or when the handshake is complete: one number, no loss. */
TEST_F_TIMEOUT(simultaneous_open, shutdown_sends_fin, 60)
{
	ROW("CLS-29");
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	peer_drain(&self->p, 50);
	send_seg(.flags = ACK);
	expect(.flags = FIN | ACK, .within = 3500);
	state_is(ST_FIN_WAIT_1);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
	ASSERT_EQ(-1, send(self->fd, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(EPIPE, errno);
	silence(5000);
}

TEST_F(simultaneous_open, abort_sends_rst)
{
	struct linger linger = { .l_onoff = 1 };

	ROW("CLS-27");
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->fd);
	expect_abort();
	listed_is(ST_NONE);
	silence(2500);
}

WIRE_FIXTURE(shut_open)

/* As above, but the peer, whose SYN offers no window, leaves no room for our FIN. */
FIXTURE_SETUP(shut_open)
{
	self->lfd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.win = 0;
	ASSERT_TRUE(peer_tunable("orphan_retries", "4"));
	self->fd = peer_connect_start(&self->p);
	ASSERT_LE(0, self->fd);
	expect(.flags = SYN, .within = NOW);
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	state_is(ST_SYN_RCVD);
}

/* The FIN waits for the window; the SYN before it is repeated, and given up in the end. */
TEST_F_TIMEOUT(shut_open, close_ends, 120)
{
	uint64_t start;
	struct got seen;
	int n = 0;

	ROW("CLS-11");
	ROW("SEC-19");
	close(self->fd);
	start = peer_now_us();
	while (peer_listed(&self->p) != ST_NONE) {
		ASSERT_GT(40000000, peer_now_us() - start);
		if (!peer_next(&self->p, &seen, 200))
			continue;
		ASSERT_EQ(SYN | ACK, seen.flags);
		n++;
	}
	ASSERT_LE(2, n);
	ASSERT_LE(3000000, peer_now_us() - start);
}

/* The peer, which had missed our SYN, sees it after all, and has a window. */
TEST_F_TIMEOUT(shut_open, shutdown_waits_for_room, 60)
{
	ROW("CLS-29");
	ROW("HS-08");
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = SYN | ACK, .within = 2500);
	expect(.flags = SYN | ACK, .within = 3500);
	self->p.win = 1000;
	send_seg(.flags = ACK);
	expect(.flags = FIN | ACK, .within = NOW);
	state_is(ST_FIN_WAIT_1);
	send_seg(.flags = ACK);
	state_is(ST_FIN_WAIT_2);
	silence(5000);
}

TEST_HARNESS_MAIN
