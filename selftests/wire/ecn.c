// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explicit congestion notification (RFC 3168, 6.1): who asks, which packets are
 * ECN-capable, what CE makes of a receiver and ECE of a sender.
 */
#include <netinet/ip.h>
#include <stdlib.h>
#include "peer_test.h"

#define SETUP	(ECE | CWR)	/* on a SYN: the wish for ECN */
#define WINDOW	10		/* initial window [segments] */
#define MOST	64

/* net.xtcp.NAME, or in a control run what TCP calls it. */
static bool set_knob(const char *name, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), xt_is_control() ? "net/ipv4/tcp_%s" : "net/xtcp/%s", name);
	return peer_sysctl(path, value);
}

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len))
		perror("# TCP_INFO");
	return info;
}

static bool uses_ecn(int fd)
{
	return info_of(fd).tcpi_options & TCPI_OPT_ECN;
}

/* ---- negotiation ---------------------------------------------------------------- */

FIXTURE(ecn_setup)
{
	struct peer p;
	int lfd, fd;
};

FIXTURE_VARIANT(ecn_setup)
{
	int family;
	const char *mode;
};

FIXTURE_VARIANT_ADD(ecn_setup, v4_off) { AF_INET, "0" };
FIXTURE_VARIANT_ADD(ecn_setup, v4_ask) { AF_INET, "1" };
FIXTURE_VARIANT_ADD(ecn_setup, v4_answer) { AF_INET, "2" };
FIXTURE_VARIANT_ADD(ecn_setup, v6_off) { AF_INET6, "0" };
FIXTURE_VARIANT_ADD(ecn_setup, v6_ask) { AF_INET6, "1" };
FIXTURE_VARIANT_ADD(ecn_setup, v6_answer) { AF_INET6, "2" };

FIXTURE_SETUP(ecn_setup)
{
	self->fd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	ASSERT_TRUE(set_knob("ecn", variant->mode));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
}

FIXTURE_TEARDOWN(ecn_setup)
{
	peer_close(&self->p);
}

TEST_F(ecn_setup, syn_is_answered)
{
	static const struct {
		uint8_t flags, ecn, reserved;
		bool asks;
	} syns[] = {
		{ 0, 0, 0, false }, { ECE, 0, 0, false }, { CWR, 0, 0, false },
		{ SETUP, 0, 0, true },
		/* Marked by a middlebox that marks everything (as Linux). */
		{ SETUP, ECT_0, 0, false }, { SETUP, CE, 0, false },
		/* Accurate ECN, which a classic peer answers as usual (RFC 9768, 3.1.2). */
		{ SETUP, 0, 1, true }, { SETUP, ECT_0, 1, true },
	};
	unsigned int i;

	ROW("CC-15");
	for (i = 0; i < sizeof(syns) / sizeof(syns[0]); i++) {
		bool agreed = syns[i].asks && *variant->mode != '0';
		struct peer q = peer_flow(&self->p, PEER_PORT + i);
		int fd;

		send_on(&q, .flags = SYN | syns[i].flags, .ecn = syns[i].ecn,
			.reserved = syns[i].reserved);
		expect_on(&q, .flags = SYN | ACK | (agreed ? ECE : 0), .within = NOW);
		send_on(&q, .flags = ACK);
		fd = peer_accept(&q, self->lfd);
		ASSERT_LE(0, fd);
		ASSERT_EQ(agreed, uses_ecn(fd));
		must(peer_write(&q, fd, 10));
		expect_on(&q, .flags = ACK | PSH, .len = 10, .ecn = agreed ? ECT_0 : 0);
		/* And the other half: CE means something only where both agreed. */
		send_on(&q, .flags = ACK | PSH, .len = 10, .ecn = CE);
		expect_on(&q, .flags = ACK | (agreed ? ECE : 0));
		send_on(&q, .flags = RST);
		close(fd);
	}
}

TEST_F(ecn_setup, connect_asks)
{
	static const uint8_t answers[] = { 0, ECE, CWR, SETUP };
	bool ask = *variant->mode == '1';
	unsigned int i;

	ROW("CC-15");
	for (i = 0; i < sizeof(answers); i++) {
		struct peer q = peer_flow(&self->p, PEER_PORT + i);
		bool agreed = ask && answers[i] == ECE;
		int fd;

		q.kport = 0;
		fd = peer_connect_start(&q);
		ASSERT_LE(0, fd);
		expect_on(&q, .flags = SYN | (ask ? SETUP : 0), .within = NOW);
		send_on(&q, .flags = SYN | ACK | answers[i]);
		expect_on(&q, .flags = ACK, .within = NOW);
		ASSERT_EQ(agreed, uses_ecn(fd));
		must(peer_write(&q, fd, 10));
		expect_on(&q, .flags = ACK | PSH, .len = 10, .ecn = agreed ? ECT_0 : 0);
		send_on(&q, .flags = RST);
		close(fd);
	}
}

/* The agreement stays with the half-open entry: a SYN-ACK that is repeated says the same. */
TEST_F(ecn_setup, synack_is_repeated_alike)
{
	uint8_t answer = SYN | ACK | (*variant->mode == '0' ? 0 : ECE);

	ROW("CC-15");
	send_seg(.flags = SYN | SETUP);
	expect(.flags = answer, .within = NOW);
	expect(.flags = answer, .gap = 1000);
}

WIRE_FIXTURE(ecn_ask)

/* The stack asks: its SYN is out. */
FIXTURE_SETUP(ecn_ask)
{
	self->lfd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	ASSERT_TRUE(set_knob("ecn", "1"));
	self->p.kport = 0;
	self->fd = peer_connect_start(&self->p);
	ASSERT_LE(0, self->fd);
	expect(.flags = SYN | SETUP, .within = NOW);
}

TEST_F(ecn_ask, repeated_syn_falls_back)
{
	ROW("CC-19");
	expect(.flags = SYN, .gap = 1000);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
	ASSERT_FALSE(uses_ecn(self->fd));
}

/* Not lost, but late: the peer has agreed to the first SYN. */
TEST_F(ecn_ask, late_answer_counts)
{
	ROW("CC-19");
	expect(.flags = SYN, .gap = 1000);
	send_seg(.flags = SYN | ACK | ECE);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(uses_ecn(self->fd));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
}

TEST_F(ecn_ask, fallback_can_be_switched_off)
{
	ROW("CC-19");
	ASSERT_TRUE(set_knob("ecn_fallback", "0"));
	expect(.flags = SYN | SETUP, .gap = 1000);
	expect(.flags = SYN | SETUP, .gap = 2000);
	send_seg(.flags = SYN | ACK | ECE);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(uses_ecn(self->fd));
}

TEST_F(ecn_ask, simultaneous_open_does_without)
{
	ROW("CC-15");
	send_seg(.flags = SYN | SETUP);
	expect(.flags = SYN | ACK, .within = NOW);
	send_seg(.flags = SYN | ACK | ECE);
	peer_drain(&self->p, 100);
	state_is(ST_ESTABLISHED);
	ASSERT_FALSE(uses_ecn(self->fd));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
}

WIRE_FIXTURE_PLAIN(ecn_route)

/* ip-route(8), "features ecn": asked for that destination only. */
TEST_F(ecn_route, feature_asks)
{
	struct peer *q = &self->p;

	ROW("CC-15");
	ASSERT_EQ(0, system(variant->family == AF_INET6 ?
			    "ip -6 route add 2001:db8::2/128 dev peer0 features ecn" :
			    "ip route add 192.0.2.2/32 dev peer0 features ecn"));
	q->kport = 0;
	self->fd = peer_connect_start(q);
	ASSERT_LE(0, self->fd);
	expect(.flags = SYN | SETUP, .within = NOW);
	send_seg(.flags = SYN | ACK | ECE);
	expect(.flags = ACK, .within = NOW);
	ASSERT_TRUE(uses_ecn(self->fd));
}

/* ---- connections with ECN --------------------------------------------------------- */

WIRE_FIXTURE(ecn)

FIXTURE_SETUP(ecn)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	/* A tail loss probe would be one more segment than the tests count. */
	if (xt_is_control()) {
		ASSERT_TRUE(peer_sysctl("net/ipv4/tcp_early_retrans", "0"));
	}
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	send_seg(.flags = SYN | SETUP);
	expect(.flags = SYN | ACK | ECE, .within = NOW);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(uses_ecn(self->fd));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_TCP, TCP_CONGESTION, "reno", 4));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_SNDBUF, 200000));
}

TEST_F(ecn, only_new_text_is_ect)
{
	int full = self->p.mss - 12;

	ROW("CC-16");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 2 * full));
	expect(.flags = ACK, .any_psh = true, .len = full, .ecn = ECT_0);
	expect(.flags = ACK | PSH, .len = full, .ecn = ECT_0);
	/* An ACK alone. */
	send_seg(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
	expect(.flags = ACK);
	/* A window probe; what it holds back is new when it leaves. */
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .ecn = ECT_0);
	send_seg(.flags = ACK, .win = WIN_ZERO);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK, .seq = -1);
	send_seg(.flags = ACK);
	expect(.flags = ACK | PSH, .len = 100, .ecn = ECT_0);
	/* A retransmission. */
	expect(.flags = ACK | PSH, .len = 100, .seq = -100);
	send_seg(.flags = ACK);
	/* A FIN alone. */
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	expect(.flags = FIN | ACK);
}

/* A time-out reduces the window as well, and a CWR ends any echo there may be. */
TEST_F(ecn, time_out_is_told)
{
	ROW("CC-18");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .ecn = ECT_0);
	expect(.flags = ACK | PSH, .len = 100, .seq = -100);
	expect(.flags = ACK | PSH, .len = 100, .seq = -100);
	send_seg(.flags = ACK);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH | CWR, .len = 100, .ecn = ECT_0);
	send_seg(.flags = ACK);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100, .ecn = ECT_0);
}

TEST_F(ecn, rst_is_not_ect)
{
	ROW("CC-16");
	send_seg(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
	expect(.flags = ACK);
	close(self->fd);	/* with text unread */
	expect(.flags = RST | ACK);
}

TEST_F(ecn, ce_is_echoed_until_cwr)
{
	int i;

	ROW("CC-17");
	send_seg(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
	expect(.flags = ACK);
	send_seg(.flags = ACK | PSH, .len = 10, .ecn = CE);
	expect(.flags = ACK | ECE, .within = NOW);
	for (i = 0; i < 3; i++) {
		send_seg(.flags = ACK | PSH, .len = 10, .ecn = i == 1 ? 0 : ECT_0);
		expect(.flags = ACK | ECE);
	}
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH | ECE, .len = 100, .ecn = ECT_0);
	expect(.flags = ACK | PSH | ECE, .len = 100, .seq = -100);
	send_seg(.flags = ACK);
	send_seg(.flags = ACK | PSH | CWR, .len = 10, .ecn = ECT_0);
	expect(.flags = ACK, .within = NOW);
	send_seg(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
	expect(.flags = ACK);
	/* One packet ends the echo and begins another. */
	send_seg(.flags = ACK | PSH | CWR, .len = 10, .ecn = CE);
	expect(.flags = ACK | ECE, .within = NOW);
	send_seg(.flags = ACK | PSH, .len = 10, .ecn = ECT_1);
	expect(.flags = ACK | ECE);
	ASSERT_NE(0, info_of(self->fd).tcpi_options & TCPI_OPT_ECN_SEEN);
	if (!xt_is_control()) {
		ASSERT_EQ(2, peer_counter("CeRcvd"));
	}
}

/* Out of order: the network is congested all the same. */
TEST_F(ecn, ce_out_of_order_is_echoed)
{
	ROW("CC-17");
	send_seg(.flags = ACK | PSH, .len = 10, .seq = 10, .ecn = CE);
	expect(.flags = ACK | ECE, .any_opts = true, .within = NOW);
}

/* RFC 3168, 6.1.4 and 6.1.5: no text, or none that is in the window. */
TEST_F(ecn, ce_elsewhere_is_ignored)
{
	ROW("CC-17");
	send_seg(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
	expect(.flags = ACK);
	send_seg(.flags = ACK, .ecn = CE);
	send_seg(.flags = ACK | PSH, .len = 10, .seq = -10, .stray = true, .ecn = CE);
	expect(.flags = ACK, .any_opts = true);
	send_seg(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
	expect(.flags = ACK);
}

/* What left the stack in answer to one segment. */
struct burst {
	struct got seg[MOST];
	int n;
};

static void collect(struct peer *p, struct burst *b)
{
	while (b->n < MOST && peer_next(p, &b->seg[b->n], 5))
		b->n++;
}

/* Nothing is sent twice, all is ECN-capable, and CWR is on the first segment only. */
static bool is_first_cwr(const struct burst *b, uint32_t from)
{
	int i;

	for (i = 0; i < b->n; i++) {
		const struct got *seen = &b->seg[i];

		if (seen->bad || (int32_t)(seen->seq - from) < 0 || (seen->tos & 3) != ECT_0 ||
		    !(seen->flags & CWR) != !!i) {
			printf("# segment %d of %d: %s, flags %s, tos %#x\n", i, b->n,
			       seen->bad ?: "as new text should be", flags_text(seen->flags),
			       seen->tos);
			return false;
		}
	}
	return true;
}

/* A flight of WINDOW segments is out, and much more waits. */
#define send_window(full)							\
	do {									\
		int sent;							\
										\
		must(peer_write(&self->p, self->fd, 40 * (full)));		\
		for (sent = 0; sent < WINDOW; sent++)				\
			expect(.flags = ACK, .any_psh = true, .len = (full), .ecn = ECT_0); \
		silence(5);							\
	} while (0)

TEST_F(ecn, ece_reduces_once_per_round_trip)
{
	int full = self->p.mss - 12, i;
	uint32_t una = self->p.rcv_nxt, end;
	struct burst sent = {}, next = {};
	struct tcp_info info;

	ROW("CC-18");
	ROW("LOSS-32");
	send_window(full);
	end = self->p.rcv_nxt;
	/* The whole flight was acknowledged with ECE: one reduction, from 10 to 5. */
	for (i = 1; i <= WINDOW; i++) {
		send_seg(.flags = ACK | ECE, .abs_ack = true, .ack = una + i * full);
		collect(&self->p, &sent);
	}
	ASSERT_TRUE(is_first_cwr(&sent, end));
	ASSERT_EQ(WINDOW / 2, sent.n);
	info = info_of(self->fd);
	ASSERT_EQ(WINDOW / 2, info.tcpi_snd_ssthresh);
	ASSERT_EQ(WINDOW / 2, info.tcpi_snd_cwnd);
	ASSERT_EQ(2, info.tcpi_ca_state);
	/* Behind the CWR an echo tells of another CE. */
	una = end;
	end = self->p.rcv_nxt;
	for (i = 1; i <= WINDOW / 2; i++) {
		send_seg(.flags = ACK | ECE, .abs_ack = true, .ack = una + i * full);
		collect(&self->p, &next);
	}
	ASSERT_LT(0, next.n);
	ASSERT_TRUE(is_first_cwr(&next, end));
	info = info_of(self->fd);
	ASSERT_LE(2, info.tcpi_snd_ssthresh);
	ASSERT_GE(3, info.tcpi_snd_ssthresh);
	ASSERT_EQ(0, info.tcpi_total_retrans);
	/* Without an echo the window grows again, and CWR is over. */
	for (i = 0; i < 4; i++) {
		sent.n = 0;
		send_seg(.flags = ACK);
		collect(&self->p, &sent);
	}
	ASSERT_LT(0, sent.n);
	for (i = 0; i < sent.n; i++)
		ASSERT_EQ(0, sent.seg[i].flags & CWR);
	ASSERT_EQ(0, info_of(self->fd).tcpi_ca_state);
	if (!xt_is_control()) {
		ASSERT_EQ(2, peer_counter("EcnReductions"));
		ASSERT_EQ(WINDOW + WINDOW / 2, peer_counter("EceRcvd"));
	}
}

/* A super-segment is cut late: CWR stays on its first piece. */
TEST_F(ecn, cwr_is_on_one_piece)
{
	int full = self->p.mss - 12;
	struct burst sent = {};
	uint32_t end;

	ROW("CC-18");
	send_window(full);
	end = self->p.rcv_nxt;
	send_seg(.flags = ACK | ECE);
	collect(&self->p, &sent);
	ASSERT_LE(2, sent.n);
	ASSERT_TRUE(is_first_cwr(&sent, end));
}

/* The third segment was dropped where the first was marked. */
TEST_F(ecn, loss_in_the_same_window_reduces_no_more)
{
	int full = self->p.mss - 12, i;
	uint32_t una = self->p.rcv_nxt;
	struct burst sent = {};

	ROW("LOSS-32");
	ROW("CC-16");
	send_window(full);
	send_seg(.flags = ACK | ECE, .abs_ack = true, .ack = una + 2 * full);
	collect(&self->p, &sent);
	ASSERT_EQ(WINDOW / 2, info_of(self->fd).tcpi_snd_ssthresh);
	for (i = 4; i <= WINDOW; i++) {
		int32_t base = una - self->p.rcv_nxt;

		send_seg(.flags = ACK | ECE, .abs_ack = true, .ack = una + 2 * full, .nsack = 1,
			 .sack = { { base + 3 * full, base + i * full } });
		collect(&self->p, &sent);
	}
	for (i = 0; i < sent.n && sent.seg[i].seq != una + 2 * full; i++)
		;
	ASSERT_GT(sent.n, i);
	ASSERT_EQ(0, sent.seg[i].tos & 3);
	ASSERT_EQ(0, sent.seg[i].flags & CWR);
	ASSERT_EQ(1, info_of(self->fd).tcpi_total_retrans);
	ASSERT_EQ(WINDOW / 2, info_of(self->fd).tcpi_snd_ssthresh);
	send_seg(.flags = ACK);
	ASSERT_EQ(WINDOW / 2, info_of(self->fd).tcpi_snd_ssthresh);
}

/* The rest of the window never arrives: one segment now, but the same threshold. */
TEST_F(ecn, time_out_in_the_same_window_keeps_ssthresh)
{
	int full = self->p.mss - 12;
	uint32_t una = self->p.rcv_nxt;
	struct burst sent = {};
	struct got seen;

	ROW("LOSS-32");
	send_window(full);
	send_seg(.flags = ACK | ECE, .abs_ack = true, .ack = una + 2 * full);
	collect(&self->p, &sent);
	ASSERT_TRUE(peer_next(&self->p, &seen, 1000));
	ASSERT_EQ(una + 2 * full, seen.seq);
	ASSERT_EQ(0, seen.tos & 3);
	ASSERT_EQ(1, info_of(self->fd).tcpi_snd_cwnd);
	ASSERT_EQ(WINDOW / 2, info_of(self->fd).tcpi_snd_ssthresh);
}

/* The reverse: a loss, and then the echo of a mark in the same window. */
TEST_F(ecn, ece_in_recovery_reduces_no_more)
{
	int full = self->p.mss - 12, i, resent, told;
	uint32_t una = self->p.rcv_nxt;
	struct burst sent = {};

	ROW("LOSS-32");
	ROW("CC-18");
	send_window(full);
	for (i = 2; i <= WINDOW; i++) {
		int32_t base = una - self->p.rcv_nxt;

		send_seg(.flags = ACK | (i > 6 ? ECE : 0), .abs_ack = true, .ack = una,
			 .nsack = 1, .sack = { { base + full, base + i * full } });
		collect(&self->p, &sent);
	}
	ASSERT_EQ(WINDOW / 2, info_of(self->fd).tcpi_snd_ssthresh);
	ASSERT_EQ(1, info_of(self->fd).tcpi_total_retrans);
	/* Two segments of limited transmit, the lost one, and CWR on the next new text. */
	for (resent = 0; resent < sent.n && sent.seg[resent].seq != una; resent++)
		;
	ASSERT_EQ(2, resent);
	told = resent + 1;
	ASSERT_GT(sent.n, told);
	for (i = 0; i < sent.n; i++)
		ASSERT_EQ(i == told ? CWR : 0, sent.seg[i].flags & CWR);
	/* All that was out at the time of the loss has arrived, the CWR has not. */
	send_seg(.flags = ACK | ECE, .abs_ack = true, .ack = sent.seg[told].seq);
	collect(&self->p, &sent);
	ASSERT_EQ(WINDOW / 2, info_of(self->fd).tcpi_snd_ssthresh);
}

/* An echo counts for what is acknowledged now, not when it comes late. */
TEST_F(ecn, ece_of_an_old_ack_is_ignored)
{
	int full = self->p.mss - 12;
	uint32_t una = self->p.rcv_nxt;

	ROW("CC-18");
	send_window(full);
	send_seg(.flags = ACK, .abs_ack = true, .ack = una + 2 * full);
	peer_drain(&self->p, 10);
	send_seg(.flags = ACK | ECE, .abs_ack = true, .ack = una + full);
	peer_drain(&self->p, 10);
	ASSERT_LT(1000000, info_of(self->fd).tcpi_snd_ssthresh);
}

/* Every packet is marked: down to one segment, then to one per retransmission time-out. */
TEST_F(ecn, constant_ece_slows_down_to_the_timer)
{
	int full = self->p.mss - 12, i;
	struct burst sent = {};
	struct got seen;
	uint64_t then;

	ROW("CC-18");
	send_window(full);
	for (i = 0; i < 20; i++) {
		send_seg(.flags = ACK | ECE);
		sent.n = 0;
		collect(&self->p, &sent);
		if (!sent.n)
			break;
	}
	ASSERT_GT(20, i);
	ASSERT_EQ(1, info_of(self->fd).tcpi_snd_cwnd);
	for (i = 0; i < 3; i++) {
		then = peer_now_us();
		if (i)
			send_seg(.flags = ACK | ECE);
		ASSERT_TRUE(peer_next(&self->p, &seen, 1000));
		ASSERT_EQ(full, seen.len);
		ASSERT_EQ(CWR, seen.flags & CWR);
		ASSERT_LE(180000, seen.us - then);
		silence(5);
	}
	send_seg(.flags = ACK);
	expect(.flags = ACK, .any_psh = true, .len = full, .ecn = ECT_0, .within = NOW);
	ASSERT_EQ(0, info_of(self->fd).tcpi_total_retrans);
}

/* The two low bits are the transport's, the six above them the application's. */
TEST_F(ecn, dscp_stays)
{
	bool v6 = variant->family == AF_INET6;
	int tos = 0;
	socklen_t len = sizeof(tos);

	ROW("API-41");
	ROW("CC-16");
	ASSERT_TRUE(peer_set_int(self->fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TCLASS : IP_TOS,
				 0x48 | CE));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10, .ecn = ECT_0);
	ASSERT_EQ(0x48 | ECT_0, self->p.last.tos);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_EQ(0x48, self->p.last.tos);
	if (!xt_is_control()) {
		ASSERT_EQ(0, getsockopt(self->fd, v6 ? SOL_IPV6 : SOL_IP,
					v6 ? IPV6_TCLASS : IP_TOS, &tos, &len));
		ASSERT_EQ(0x48, tos);
	}
}

TEST_HARNESS_MAIN
