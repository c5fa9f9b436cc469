// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN cookies (RFC 4987, 3.6): a listener that keeps nothing until the peer has answered.
 */
#include <fcntl.h>
#include "peer_test.h"

#define KEY_A	"000102030405060708090a0b0c0d0e0f"
#define KEY_B	"101112131415161718191a1b1c1d1e1f"
#define KEY_C	"202122232425262728292a2b2c2d2e2f"

WIRE_FIXTURE(cookie)

/* Every SYN is answered with a cookie. */
FIXTURE_SETUP(cookie)
{
	self->fd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "2"));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
}

TEST_F(cookie, ack_establishes)
{
	ROW("LSN-08");
	ASSERT_TRUE(peer_send_syn(&self->p));
	listed_is(ST_NONE);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
	ASSERT_EQ(1, peer_counter("SyncookiesSent"));
	ASSERT_EQ(0, peer_counter("HalfopenAdded"));
	/* Exactly one SYN-ACK. */
	silence(4000);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
	ASSERT_EQ(1, peer_counter("SyncookiesRecv"));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 1000));
	expect(.flags = ACK | PSH, .len = 1000);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

TEST_F(cookie, syn_repeated_is_answered_alike)
{
	uint32_t isn, tsval;

	ROW("LSN-21");
	ASSERT_TRUE(peer_send_syn(&self->p));
	isn = self->p.last.seq;
	tsval = self->p.last.tsval;
	self->p.snd_nxt = self->p.iss;
	self->p.irs_known = false;
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	/* The two differ if an epoch began in between: then neither number is the same. */
	if (self->p.last.seq == isn) {
		ASSERT_EQ(tsval, self->p.last.tsval);
	}
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

TEST_F(cookie, rst_finds_nothing)
{
	ROW("LSN-21");
	ASSERT_TRUE(peer_send_syn(&self->p));
	send_seg(.flags = RST);
	silence(4000);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
}

/* Any number that went into the cookie, changed by the least. */
TEST_F(cookie, changed_ack_is_refused)
{
	struct peer q;
	int i;

	ROW("LSN-09");
	for (i = 0; i < 5; i++) {
		uint32_t tsecr;

		q = peer_flow(&self->p, PEER_PORT + i);
		must(peer_send_syn(&q));
		tsecr = q.last.tsval;
		switch (i) {
		case 0:
			send_on(&q, .flags = ACK, .ack = 1, .stray = true);
			expect_on(&q, .flags = RST, .seq = 1, .within = NOW);
			break;
		case 1:
			send_on(&q, .flags = ACK, .seq = 1, .stray = true);
			expect_on(&q, .flags = RST, .seq = 0, .within = NOW);
			break;
		case 2:
			send_on(&q, .flags = ACK, .set_ts = true, .tsval = 1, .tsecr = tsecr + 1);
			expect_on(&q, .flags = RST, .seq = 0, .within = NOW);
			break;
		case 3:
			send_on(&q, .flags = ACK, .no_opts = true);
			expect_on(&q, .flags = RST, .seq = 0, .within = NOW);
			break;
		case 4:
			q.port++;
			send_on(&q, .flags = ACK);
			expect_on(&q, .flags = RST, .seq = 0, .within = NOW);
			break;
		}
	}
	ASSERT_EQ(5, peer_counter("SyncookiesFailed"));
	ASSERT_EQ(0, peer_counter("PassiveOpens"));
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 100));
}

#define FLIGHT	10	/* initial window [segments] */
#define LOST	2	/* the third of them does not arrive */

/* One segment of a lossy transfer: new text in order, or the lost one again. */
static bool is_sane(struct peer *q, const struct got *seen, uint32_t lost, int full, bool *repaired)
{
	int i;

	for (i = 0; i < seen->len; i++)
		if (seen->data[i] != peer_pattern(seen->seq - q->irs - 1 + i))
			return false;
	if (seen->bad || seen->len != full)
		return false;
	if (seen->seq != lost)
		return (seen->tos & 3) == ECT_0;
	*repaired = true;
	return !(seen->tos & 3);
}

/*
 * 30 segments of @full bytes, one of them lost: SACK tells, it is resent once, the window
 * is reduced and the peer is told so by CWR. True if all of that happened.
 */
static bool send_with_loss(struct peer *q, int fd, int full)
{
	uint32_t una = q->rcv_nxt, lost = una + LOST * full;
	bool repaired = false, told = false;
	struct got seen;
	int n;

	if (!peer_write(q, fd, 30 * full))
		return false;
	for (n = 0; n < FLIGHT; n++)
		if (!peer_next(q, &seen, 100) || !is_sane(q, &seen, ~lost, full, &repaired))
			return false;
	for (n = LOST + 1; n < FLIGHT; n++) {
		struct seg sack = { .flags = ACK, .ack = (int32_t)(lost - q->rcv_nxt), .nsack = 1 };

		sack.sack[0][0] = sack.ack + full;
		sack.sack[0][1] = sack.ack + (n - LOST + 1) * full;
		peer_send(q, &sack);
		while (peer_next(q, &seen, 3)) {
			if (!is_sane(q, &seen, lost, full, &repaired))
				return false;
			told |= seen.flags & CWR;
		}
	}
	while (repaired && q->rcv_nxt - una < 30u * full) {
		peer_send(q, &(struct seg){ .flags = ACK });
		for (n = 0; peer_next(q, &seen, 3); n++) {
			if (!is_sane(q, &seen, ~lost, full, &repaired))
				return false;
			told |= seen.flags & CWR;
		}
		if (!n)
			return false;
	}
	peer_send(q, &(struct seg){ .flags = ACK });
	return repaired && told;
}

/* The other way: a gap is told by SACK, CE by ECE, and all can be read. */
static bool receive_with_loss(struct peer *q, int fd)
{
	peer_send(q, &(struct seg){ .flags = ACK | PSH, .len = 100, .seq = 100, .ecn = ECT_0 });
	if (!peer_expect(q, &(struct want){ .flags = ACK, .opts = "nop,nop,TS,nop,nop,sack*" }))
		return false;
	peer_send(q, &(struct seg){ .flags = ACK | PSH, .len = 100, .ecn = CE });
	q->snd_nxt += 100;
	return peer_expect(q, &(struct want){ .flags = ACK | ECE }) && peer_read(q, fd, 200);
}

/* Peers that never answer take all the room there is. */
static bool fill_queue(struct peer *p)
{
	int i;

	for (i = 0; i < 17; i++) {
		struct peer q = peer_flow(p, PEER_PORT + 100 + i);

		if (!peer_send_syn(&q))
			return false;
	}
	return true;
}

/*
 * What the SYN-ACK offers and what the connection is and does are the same without cookies,
 * with a cookie at the bound, and with cookies always; in mode 0 there must be room.
 */
TEST_F(cookie, options_are_those_of_other_modes)
{
	static const char *const modes[] = { "0", "1", "2" };
	struct tcp_info info[3];
	char opts[3][128];
	int i, fd, full = 1387 - 12;
	struct peer q;

	ROW("LSN-09");
	ROW("LSN-14");
	ROW("LSN-15");
	for (i = 0; i < 3; i++) {
		socklen_t len = sizeof(info[i]);

		must(peer_sysctl("net/xtcp/syncookies", modes[i]));
		must(i != 1 || fill_queue(&self->p));
		q = peer_flow(&self->p, PEER_PORT + i);
		q.mss = 1387;
		q.wscale = 5;
		q.win = 20000;
		send_on(&q, .flags = SYN | ECE | CWR);
		expect_on(&q, .flags = SYN | ACK | ECE, .within = NOW);
		ASSERT_EQ(i, peer_counter("SyncookiesSent"));
		opts_text(&q, &q.last, false, opts[i], sizeof(opts[i]));
		send_on(&q, .flags = ACK);
		fd = peer_accept(&q, self->lfd);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, getsockopt(fd, SOL_TCP, TCP_INFO, &info[i], &len));
		must(peer_set_int(fd, SOL_SOCKET, SO_SNDBUF, 200000));
		must(send_with_loss(&q, fd, full));
		must(receive_with_loss(&q, fd));
		send_on(&q, .flags = RST);
		close(fd);
	}
	ASSERT_EQ(TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE | TCPI_OPT_ECN,
		  info[0].tcpi_options);
	ASSERT_EQ(5, (int)info[0].tcpi_snd_wscale);
	ASSERT_EQ(full, info[0].tcpi_snd_mss);
	for (i = 1; i < 3; i++) {
		ASSERT_STREQ(opts[0], opts[i]);
		ASSERT_EQ(info[0].tcpi_options, info[i].tcpi_options);
		ASSERT_EQ((int)info[0].tcpi_snd_wscale, (int)info[i].tcpi_snd_wscale);
		ASSERT_EQ((int)info[0].tcpi_rcv_wscale, (int)info[i].tcpi_rcv_wscale);
		ASSERT_EQ(info[0].tcpi_snd_mss, info[i].tcpi_snd_mss);
		ASSERT_EQ(info[0].tcpi_advmss, info[i].tcpi_advmss);
		ASSERT_EQ(info[0].tcpi_snd_cwnd, info[i].tcpi_snd_cwnd);
	}
}

/* The agreement is in the cookie, not in the knob of the moment; and not without asking. */
TEST_F(cookie, ecn_is_kept_as_agreed)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);
	int fd;

	ROW("LSN-15");
	send_seg(.flags = SYN | ECE | CWR);
	expect(.flags = SYN | ACK | ECE, .within = NOW);
	must(peer_send_syn(&q));
	ASSERT_TRUE(peer_sysctl("net/xtcp/ecn", "0"));
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
	send_on(&q, .flags = ACK);
	fd = peer_accept(&q, self->lfd);
	ASSERT_LE(0, fd);
	must(peer_write(&q, fd, 10));
	expect_on(&q, .flags = ACK | PSH, .len = 10);
}

TEST_F(cookie, without_timestamps)
{
	ROW("LSN-14");
	ROW("LSN-15");
	self->p.offer_ts = false;
	self->p.mss = 1400;
	send_seg(.flags = SYN | ECE | CWR);
	expect(.flags = SYN | ACK, .within = NOW, .opts = "mss *");
	ASSERT_EQ(-1, self->p.last.wscale);
	ASSERT_FALSE(self->p.last.sackok);
	self->p.ws_on = false;
	self->p.sack_on = false;
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(5000, peer_write_some(&self->p, self->fd, 5000));
	expect(.flags = ACK, .len = 1400, .any_psh = true);
}

TEST_F(cookie, timestamps_continue)
{
	uint32_t tsval;

	ROW("LSN-15");
	ASSERT_TRUE(peer_send_syn(&self->p));
	tsval = self->p.last.tsval;
	peer_pump(&self->p, 5000);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10, .within = NOW);
	ASSERT_LE(0, (int32_t)(self->p.last.tsval - tsval));
	ASSERT_GE(2000, (int32_t)(self->p.last.tsval - tsval));
}

TEST_F(cookie, data_on_ack)
{
	ROW("LSN-17");
	ASSERT_TRUE(peer_send_syn(&self->p));
	/* The bare ACK is lost: this is what follows. */
	send_seg(.flags = ACK | PSH, .len = 100);
	expect(.flags = ACK, .within = 300);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
}

TEST_F(cookie, fin_on_ack)
{
	ROW("LSN-17");
	ASSERT_TRUE(peer_send_syn(&self->p));
	send_seg(.flags = ACK | PSH | FIN, .len = 100);
	expect(.flags = ACK, .within = 300);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
	state_is(ST_CLOSE_WAIT);
}

TEST_F_TIMEOUT(cookie, lifetime, 400)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);

	ROW("LSN-11");
	ASSERT_TRUE(peer_send_syn(&self->p));
	must(peer_send_syn(&q));
	peer_pump(&self->p, 30000);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	peer_pump(&self->p, 100000);
	send_on(&q, .flags = ACK);
	expect_on(&q, .flags = RST, .seq = 0, .within = NOW);
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 100));
}

/* The secret of one period is good for cookies of the next, whoever asks first. */
TEST_F_TIMEOUT(cookie, rotation, 400)
{
	struct peer q;
	int i;

	ROW("LSN-12");
	for (i = 0; i < 6; i++) {
		q = peer_flow(&self->p, PEER_PORT + i);
		must(peer_send_syn(&q));
		peer_pump(&self->p, 45000);
		send_on(&q, .flags = ACK);
		ASSERT_LE(0, peer_accept(&q, self->lfd));
	}
	ASSERT_EQ(6, peer_counter("SyncookiesRecv"));
}

TEST_F(cookie, shared_secret)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);

	ROW("LSN-12");
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookie_key", KEY_A));
	ASSERT_TRUE(peer_send_syn(&self->p));
	must(peer_send_syn(&q));
	/* One change: the old one stays good. */
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookie_key", KEY_B));
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	/* Two: it does not; unless it is set again. */
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookie_key", KEY_C));
	send_on(&q, .flags = ACK);
	expect_on(&q, .flags = RST, .seq = 0, .within = NOW);
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookie_key", KEY_A));
	send_on(&q, .flags = ACK);
	ASSERT_LE(0, peer_accept(&q, self->lfd));
}

TEST_F(cookie, secret_is_never_shown)
{
	char text[64];
	int fd;

	ROW("LSN-12");
	ROW("SEC-29");
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookie_key", KEY_A));
	fd = open("/proc/sys/net/xtcp/syncookie_key", O_RDONLY);
	if (fd >= 0) {
		ASSERT_GE(0, read(fd, text, sizeof(text)));
		close(fd);
	}
	ASSERT_FALSE(peer_sysctl("net/xtcp/syncookie_key", "0123"));
	ASSERT_FALSE(peer_sysctl("net/xtcp/syncookie_key", "x00102030405060708090a0b0c0d0e0f"));
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookie_key", "\n"));
}

TEST_F(cookie, replayed_ack)
{
	struct seg ack = { .flags = ACK, .stray = true };
	int i, n = 0;

	ROW("LSN-16");
	ASSERT_TRUE(peer_send_syn(&self->p));
	for (i = 0; i < 100; i++)
		peer_send(&self->p, &ack);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_FALSE(peer_poll(&self->p, self->lfd, POLLIN, 200));
	ASSERT_EQ(1, peer_counter("PassiveOpens"));
	/* After a reset each replay makes one at most, within the bound of the accept queue. */
	send_seg(.flags = RST);
	peer_pump(&self->p, 50);
	for (i = 0; i < 100; i++)
		peer_send(&self->p, &ack);
	while (accept(self->lfd, NULL, NULL) >= 0)
		n++;
	ASSERT_GE(17, n);
	peer_drain(&self->p, 100);
}

WIRE_FIXTURE_LISTENING(overflow)

/* Mode 1: an entry while there is room, a cookie at the bound. */
TEST_F(overflow, cookie_at_the_bound)
{
	struct peer q;
	int i;

	ROW("LSN-07");
	ROW("LSN-01");
	ROW("LSN-27");
	for (i = 0; i < 40; i++) {
		q = peer_flow(&self->p, PEER_PORT + i);
		must(peer_send_syn(&q));
	}
	ASSERT_EQ(17, peer_count_listed(&self->p, ST_SYN_RCVD));
	ASSERT_EQ(40, peer_counter("SynRcvd"));
	ASSERT_EQ(17, peer_counter("HalfopenAdded"));
	ASSERT_EQ(23, peer_counter("SyncookiesSent"));
	send_on(&q, .flags = ACK);
	ASSERT_LE(0, peer_accept(&q, self->lfd));
}

TEST_F(overflow, mode_0_drops)
{
	struct peer q;
	int i;

	ROW("LSN-07");
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "0"));
	for (i = 0; i < 40; i++) {
		q = peer_flow(&self->p, PEER_PORT + i);
		send_on(&q, .flags = SYN);
	}
	peer_drain(&self->p, 50);
	ASSERT_EQ(17, peer_counter("HalfopenAdded"));
	ASSERT_EQ(0, peer_counter("SyncookiesSent"));
	ASSERT_EQ(23, peer_counter("DropHalfopenFull"));
}

/* A good cookie that comes when none can have been sent. */
TEST_F_TIMEOUT(overflow, cookie_needs_overflow, 400)
{
	ROW("LSN-13");
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "2"));
	ASSERT_TRUE(peer_send_syn(&self->p));
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "1"));
	send_seg(.flags = ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
	ASSERT_EQ(0, peer_counter("SyncookiesFailed"));
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "2"));
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

/* An overflow is remembered for as long as a cookie of its time may live, and no longer. */
TEST_F_TIMEOUT(overflow, is_remembered_as_long_as_its_cookies_live, 400)
{
	struct peer q;

	ROW("LSN-13");
	ASSERT_TRUE(fill_queue(&self->p));
	ASSERT_TRUE(peer_send_syn(&self->p));
	ASSERT_EQ(1, peer_counter("SyncookiesSent"));
	peer_drain(&self->p, 50000);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	peer_drain(&self->p, 75000);
	/* A good cookie, of which this listener knows nothing any more. */
	q = peer_flow(&self->p, PEER_PORT + 1);
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "2"));
	must(peer_send_syn(&q));
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "1"));
	send_on(&q, .flags = ACK, .stray = true);
	expect_on(&q, .flags = RST, .seq = 0, .within = NOW);
	ASSERT_EQ(0, peer_counter("SyncookiesFailed"));
	ASSERT_EQ(1, peer_counter("SyncookiesRecv"));
}

/* Answers are never longer than the SYN, whatever options it has (TUN: no padding). */
TEST_F(overflow, synack_is_not_longer_than_syn)
{
	static const struct {
		int len;
		uint8_t opts[24];
	} syns[] = {
		{ 0, { 0 } },
		{ 4, { 2, 4, 5, 0xb4 } },
		{ 4, { 4, 2, 1, 1 } },
		{ 4, { 3, 3, 7, 0 } },
		{ 12, { 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 1 } },
		{ 12, { 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 4, 2 } },
		{ 8, { 4, 2, 3, 3, 7, 0, 0, 0 } },
		{ 20, { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 3, 3, 7, 0 } },
	};
	const char *const modes[] = { "1", "2" };
	unsigned int i, mode;

	ROW("SEC-26");
	for (mode = 0; mode < 2; mode++) {
		must(peer_sysctl("net/xtcp/syncookies", modes[mode]));
		for (i = 0; i < sizeof(syns) / sizeof(syns[0]); i++) {
			struct peer q = peer_flow(&self->p, PEER_PORT + 100 * mode + i);

			send_on(&q, .flags = SYN, .opts = syns[i].opts, .optlen = syns[i].len);
			expect_on(&q, .flags = SYN | ACK, .within = NOW, .any_opts = true);
			ASSERT_GE(syns[i].len, q.last.optlen);
		}
	}
}

/* ---- peers that find the accept queue full ------------------------------------- */

FIXTURE(full)
{
	struct peer p;
	int lfd, fd;
	struct peer q[6];
};

FIXTURE_VARIANT(full)
{
	int family;
	const char *mode;
};

FIXTURE_VARIANT_ADD(full, v4_mode_0) { AF_INET, "0" };
FIXTURE_VARIANT_ADD(full, v4_mode_1) { AF_INET, "1" };
FIXTURE_VARIANT_ADD(full, v4_mode_2) { AF_INET, "2" };
FIXTURE_VARIANT_ADD(full, v6_mode_1) { AF_INET6, "1" };
FIXTURE_VARIANT_ADD(full, v6_mode_2) { AF_INET6, "2" };

/* Six clients have a SYN-ACK and answer at once; the accept queue takes four. */
FIXTURE_SETUP(full)
{
	int i;

	self->fd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 3);
	ASSERT_LE(0, self->lfd);
	/* Room for all, and fewer places for those who get that far. */
	ASSERT_EQ(0, listen(self->lfd, 5));
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", variant->mode));
	for (i = 0; i < 6; i++) {
		self->q[i] = peer_flow(&self->p, PEER_PORT + i);
		must(peer_send_syn(&self->q[i]));
	}
	ASSERT_EQ(0, listen(self->lfd, 3));
}

FIXTURE_TEARDOWN(full)
{
	peer_close(&self->p);
}

TEST_F(full, accept_promotes_in_order)
{
	struct sockaddr_storage ss;
	struct peer *q;
	int i, fd;

	ROW("LSN-03");
	for (i = 0; i < 6; i++)
		send_on(&self->q[i], .flags = ACK);
	ASSERT_EQ(4, peer_count_listed(&self->p, ST_ESTABLISHED));
	ASSERT_EQ(2, peer_counter("HalfopenParked"));
	ASSERT_EQ(2, peer_count_listed(&self->p, ST_SYN_RCVD));
	/* What a parked peer sends is not acknowledged, nor lost: it comes again. */
	q = &self->q[5];
	send_on(q, .flags = ACK | PSH, .len = 10, .stray = true);
	silence(1500);
	for (i = 0; i < 6; i++) {
		socklen_t len = sizeof(ss);

		must(peer_poll(&self->p, self->lfd, POLLIN, 0));
		fd = accept(self->lfd, (struct sockaddr *)&ss, &len);
		ASSERT_LE(0, fd);
		ASSERT_EQ(PEER_PORT + i, ntohs(((struct sockaddr_in *)&ss)->sin_port));
		ASSERT_EQ(ST_ESTABLISHED, peer_state(fd));
	}
	ASSERT_EQ(2, peer_counter("HalfopenPromoted"));
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
	send_on(q, .flags = ACK | PSH, .len = 10);
	expect_on(q, .flags = ACK);
	must(peer_read(q, fd, 10));
	must(peer_write(q, fd, 1000));
	expect_on(q, .flags = ACK | PSH, .len = 1000);
}

TEST_F_TIMEOUT(full, time_out_resets, 200)
{
	int i;

	ROW("LSN-03");
	for (i = 0; i < 6; i++)
		send_on(&self->q[i], .flags = ACK);
	silence(60000);
	/* 63 s, and what the timer wheel rounds them up to. */
	for (i = 4; i < 6; i++)
		expect_on(&self->q[i], .flags = RST, .seq = 0, .within = 11000);
	ASSERT_EQ(2, peer_counter("HalfopenAbandoned"));
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
	for (i = 0; i < 4; i++)
		ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	ASSERT_EQ(-1, accept(self->lfd, NULL, NULL));
}

TEST_F(full, abort_on_overflow_resets_at_once)
{
	int i;

	ROW("LSN-03");
	ASSERT_TRUE(peer_sysctl("net/xtcp/abort_on_overflow", "1"));
	for (i = 0; i < 6; i++)
		send_on(&self->q[i], .flags = ACK);
	for (i = 4; i < 6; i++)
		expect_on(&self->q[i], .flags = RST, .seq = 0, .within = NOW);
	ASSERT_EQ(0, peer_count_listed(&self->p, ST_SYN_RCVD));
}

TEST_F(full, close_resets_those_who_wait)
{
	int i, n = 0;
	struct got seen;

	ROW("LSN-24");
	for (i = 0; i < 6; i++)
		send_on(&self->q[i], .flags = ACK);
	close(self->lfd);
	peer_pump(&self->p, 100);
	while (peer_next(&self->p, &seen, 0)) {
		ASSERT_NE(0, seen.flags & RST);
		n++;
	}
	ASSERT_EQ(6, n);
}

TEST_F(full, rst_of_a_waiting_peer)
{
	int i;

	ROW("LSN-03");
	for (i = 0; i < 6; i++)
		send_on(&self->q[i], .flags = ACK);
	send_on(&self->q[4], .flags = RST);
	ASSERT_EQ(1, peer_count_listed(&self->p, ST_SYN_RCVD));
	/* An ACK draws nothing: neither answer nor a second entry. */
	send_on(&self->q[5], .flags = ACK);
	silence(200);
	for (i = 0; i < 5; i++)
		ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	ASSERT_EQ(-1, accept(self->lfd, NULL, NULL));
}

TEST_HARNESS_MAIN
