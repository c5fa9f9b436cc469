// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP_INFO of a scripted connection, field by field: every value is known from the script.
 * The control group runs the same script, so that both stacks mean the same by a field.
 */
#define _NETINET_TCP_H		/* the C library's header has only part of the structure */
#include <linux/tcp.h>
#include "peer_test.h"

#define SOL_TCP IPPROTO_TCP

WIRE_FIXTURE_ESTABLISHED(info)

static struct tcp_info read_info(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len))
		info.tcpi_state = 0xff;
	return info;
}

#define equals(field, value)						\
	do {								\
		EXPECT_EQ(value, info.tcpi_##field + 0)			\
			TH_LOG(#field);					\
	} while (0)

#define between(low, field, high)					\
	do {								\
		EXPECT_LE(low, info.tcpi_##field)			\
			TH_LOG(#field);					\
		EXPECT_GE(high, info.tcpi_##field)			\
			TH_LOG(#field);					\
	} while (0)

/* After the handshake and nothing else. */
TEST_F(info, fresh)
{
	struct tcp_info info = read_info(self->fd);

	ROW("API-34");
	equals(state, ST_ESTABLISHED);
	equals(ca_state, 0);
	equals(retransmits, 0);
	equals(probes, 0);
	equals(backoff, 0);
	equals(options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
	equals(snd_wscale, 7);
	equals(rcv_wscale, self->p.k_wscale);
	equals(snd_mss, self->p.mss - 12);
	equals(unacked, 0);
	equals(sacked, 0);
	equals(lost, 0);
	equals(retrans, 0);
	equals(pmtu, PEER_MTU);
	equals(advmss, self->p.k_mss - 12);
	equals(snd_cwnd, 10);
	equals(snd_ssthresh, 0x7fffffff);
	equals(reordering, 3);
	equals(total_retrans, 0);
	equals(bytes_received, 0);
	equals(bytes_sent, 0);
	equals(bytes_retrans, 0);
	equals(segs_out, 0);	/* the SYN-ACK left before there was a socket */
	equals(data_segs_in, 0);
	equals(data_segs_out, 0);
	equals(notsent_bytes, 0);
	equals(delivered, 1);
	equals(dsack_dups, 0);
	equals(rcv_ooopack, 0);
	equals(snd_wnd, 65535u << 7);
	/* The SYN-ACK's round trip. */
	between(1, rtt, 20000);
	between(1, min_rtt, 20000);
	between(200000, rto, 300000);
	between(536, rcv_mss, self->p.k_mss);
	between(1, rcv_ssthresh, 65535);
	between(0, last_ack_recv, 100);
}

TEST_F(info, sender)
{
	int full = self->p.mss - 12;
	struct tcp_info info;

	ROW("API-34");
	must(peer_write_full(&self->p, self->fd, 3));
	info = read_info(self->fd);
	equals(unacked, 3);
	equals(bytes_acked, 0);
	equals(bytes_sent, 3 * full);
	equals(segs_out, 3);
	equals(data_segs_out, 3);
	equals(delivered, 1);
	between(0, last_data_sent, 20);
	/* The answer takes 50 ms, and the clock counts them. */
	peer_drain(&self->p, 50);
	send_seg(.flags = ACK);
	peer_drain(&self->p, 10);
	info = read_info(self->fd);
	equals(unacked, 0);
	equals(bytes_acked, 3 * full);
	between(3, delivered, 4);
	between(1, rtt, 60000);
	between(1, rttvar, 60000);
	between(4, last_ack_recv, 30);
	between(50, last_data_sent, 80);
}

/* A segment is lost; the SACKs of those behind it say so. */
TEST_F(info, loss)
{
	int full = self->p.mss - 12;
	struct tcp_info info;
	int i;

	ROW("API-34");
	must(peer_write_full(&self->p, self->fd, 5));
	for (i = 2; i <= 4; i++)
		send_seg(.flags = ACK, .ack = -5 * full, .nsack = 1,
			 .sack = { { -4 * full, (i - 5) * full } });
	expect(.flags = ACK, .any_psh = true, .len = full, .seq = -5 * full, .within = 50);
	info = read_info(self->fd);
	equals(ca_state, 3);			/* TCP_CA_Recovery */
	equals(unacked, 5);
	equals(sacked, 3);
	equals(retrans, 1);
	equals(total_retrans, 1);
	equals(bytes_retrans, full);
	equals(bytes_sent, 6 * full);
	equals(delivered, 4);
	between(1, lost, 2);
	between(2, snd_ssthresh, 9);
	/* It was only late: the repeat is reported as a duplicate. */
	send_seg(.flags = ACK, .nsack = 1, .sack = { { -5 * full, -4 * full } });
	peer_drain(&self->p, 10);
	info = read_info(self->fd);
	equals(unacked, 0);
	equals(sacked, 0);
	equals(lost, 0);
	equals(retrans, 0);
	equals(total_retrans, 1);
	equals(dsack_dups, 1);
	between(6, delivered, 7);	/* Linux counts the duplicate, too */
	equals(bytes_acked, 5 * full);
}

TEST_F(info, timeout)
{
	struct tcp_info info;
	int i;

	ROW("API-34");
	must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	/* A tail probe may come before the time-outs. */
	for (i = 0; i < 3; i++)
		expect(.flags = ACK | PSH, .len = 10, .seq = -10, .within = 1500);
	info = read_info(self->fd);
	equals(ca_state, 4);			/* TCP_CA_Loss */
	between(2, retransmits, 3);
	equals(retransmits, info.tcpi_backoff);
	equals(total_retrans, 3);
	equals(bytes_retrans, 30);
	equals(snd_cwnd, 1);
	equals(unacked, 1);
	between(200000 * 4, rto, 300000 * 8);
	send_seg(.flags = ACK);
	peer_drain(&self->p, 10);
	info = read_info(self->fd);
	equals(retransmits, 0);
	equals(backoff, 0);
	equals(unacked, 0);
}

TEST_F(info, receiver)
{
	int full = self->p.k_mss - 12;
	struct tcp_info info;

	ROW("API-34");
	send_seg(.flags = ACK | PSH, .len = full);
	send_seg(.flags = ACK | PSH, .len = full);
	peer_drain(&self->p, 60);
	info = read_info(self->fd);
	equals(bytes_received, 2 * full);
	equals(rcv_mss, full);
	equals(data_segs_in, 2);
	between(2, segs_in, 4);
	between(60, last_data_recv, 90);
	between(60, last_ack_recv, 90);
	/* Three come behind a gap. */
	send_seg(.flags = ACK, .len = 100, .seq = 100);
	send_seg(.flags = ACK, .len = 100, .seq = 300);
	send_seg(.flags = ACK, .len = 100, .seq = 400);
	peer_drain(&self->p, 5);
	info = read_info(self->fd);
	equals(rcv_ooopack, 3);
	equals(bytes_received, 2 * full);
	equals(data_segs_in, 5);
}

TEST_F(info, window)
{
	struct tcp_info info;

	ROW("API-34");
	must(peer_lower_window(&self->p, 0));
	must(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK, .seq = -1, .within = 400);
	expect(.flags = ACK, .seq = -1, .within = 800);
	info = read_info(self->fd);
	equals(snd_wnd, 0);
	equals(notsent_bytes, 100);
	equals(unacked, 0);
	equals(probes, 2);
	equals(backoff, 2);
}

/* Later ones came first, and none was sent twice: each ACK that tells so counts. */
TEST_F(info, overtaken)
{
	int full = self->p.mss - 12;
	struct tcp_info info;

	ROW("API-34");
	must(peer_write_full(&self->p, self->fd, 3));
	send_seg(.flags = ACK, .ack = -3 * full, .nsack = 1, .sack = { { -full, 0 } });
	info = read_info(self->fd);
	equals(reord_seen, 0);
	send_seg(.flags = ACK, .ack = -3 * full, .nsack = 1, .sack = { { -2 * full, 0 } });
	info = read_info(self->fd);
	equals(reord_seen, 1);
	send_seg(.flags = ACK);
	info = read_info(self->fd);
	equals(reord_seen, 2);
	equals(delivered, 4);
	/* In order: nothing to report. */
	must(peer_write_full(&self->p, self->fd, 2));
	send_seg(.flags = ACK, .ack = -full);
	send_seg(.flags = ACK);
	info = read_info(self->fd);
	equals(reord_seen, 2);
}

/* Lost, not late: who is resent has not been overtaken, in whatever order copies come. */
TEST_F(info, lost_is_not_overtaken)
{
	int full = self->p.mss - 12;
	struct tcp_info info;
	int i;

	ROW("API-34");
	must(peer_write_full(&self->p, self->fd, 8));
	for (i = 3; i <= 8; i++)
		send_seg(.flags = ACK, .ack = -8 * full, .nsack = 1,
			 .sack = { { -6 * full, (i - 8) * full } });
	for (i = 0; i < 2; i++)
		expect(.flags = ACK, .any_psh = true, .len = full, .seq = (i - 8) * full,
		       .within = 50);
	send_seg(.flags = ACK, .ack = -8 * full, .nsack = 1, .sack = { { -7 * full, 0 } });
	send_seg(.flags = ACK);
	info = read_info(self->fd);
	equals(unacked, 0);
	between(2, total_retrans, 3);	/* RACK resends one more */
	equals(reord_seen, 0);
}

/* The time text waits for its acknowledgment, and none else. */
TEST_F(info, busy_time)
{
	struct tcp_info info;

	ROW("API-34");
	peer_pump(&self->p, 100);
	must(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	peer_pump(&self->p, 100);
	info = read_info(self->fd);
	between(90000, busy_time, 130000);
	send_seg(.flags = ACK);
	peer_pump(&self->p, 200);
	info = read_info(self->fd);
	between(90000, busy_time, 130000);
	equals(rwnd_limited, 0);
	equals(sndbuf_limited, 0);
}

TEST_F(info, limited_by_the_peers_window)
{
	struct tcp_info info;

	ROW("API-34");
	must(peer_lower_window(&self->p, 0));
	must(peer_write(&self->p, self->fd, 100));
	peer_drain(&self->p, 150);
	info = read_info(self->fd);
	between(140000, rwnd_limited, 190000);
	between(140000, busy_time, 190000);
	self->p.win = 65535;
	send_seg(.flags = ACK);
	expect(.flags = ACK | PSH, .len = 100);
	/* Now it is the path's time. */
	peer_pump(&self->p, 100);
	send_seg(.flags = ACK);
	info = read_info(self->fd);
	between(140000, rwnd_limited, 190000);
	between(240000, busy_time, 320000);
	equals(sndbuf_limited, 0);
}

/* All is sent, more could be, and the application was told that there is no room. */
TEST_F(info, limited_by_the_send_buffer)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);
	struct tcp_info info;
	/* D28: TCP counts only from the next segment on that it sends while the buffer is full. */
	uint64_t least = xt_is_control() ? 0 : 140000;
	int fd, n;

	ROW("API-34");
	/* With a window of 5120 the segments in the buffer are small, and all find room there. */
	q.win = 40;
	must(peer_handshake(&q));
	fd = peer_accept(&q, self->lfd);
	ASSERT_LE(0, fd);
	must(peer_set_int(fd, SOL_SOCKET, SO_SNDBUF, 1));
	n = peer_write_some(&q, fd, 8000);
	ASSERT_LE(q.mss - 12, n);
	ASSERT_GE(5120, n);
	ASSERT_EQ(n, peer_new_bytes(&q, 150));
	info = read_info(fd);
	between(least, sndbuf_limited, 190000);
	between(140000, busy_time, 190000);
	equals(rwnd_limited, 0);
	send_on(&q, .flags = ACK);
	peer_pump(&q, 100);
	info = read_info(fd);
	between(least, sndbuf_limited, 190000);
	between(140000, busy_time, 190000);
	close(fd);
}

/* Bytes in the time from when they left until they were acknowledged. */
TEST_F(info, delivery_rate)
{
	unsigned int full = self->p.mss - 12, bytes = 0;
	struct tcp_info info;
	int i;

	ROW("API-34");
	info = read_info(self->fd);
	equals(delivery_rate, 0);
	must(peer_write(&self->p, self->fd, 5 * full));
	ASSERT_EQ(5 * full, (unsigned int)peer_new_bytes(&self->p, 100));
	send_seg(.flags = ACK);
	info = read_info(self->fd);
	between(5 * full * 8, delivery_rate, 5 * full * 10);
	equals(delivery_rate_app_limited, 1);
	/* Slower because less was given: no news of the path. */
	must(peer_write(&self->p, self->fd, full));
	ASSERT_EQ(full, (unsigned int)peer_new_bytes(&self->p, 100));
	send_seg(.flags = ACK);
	info = read_info(self->fd);
	between(5 * full * 8, delivery_rate, 5 * full * 10);
	/* More than fits into the window is always there: the path's own rate. */
	for (i = 0; i < 3; i++) {
		peer_write_some(&self->p, self->fd, 100 * full);
		bytes = peer_new_bytes(&self->p, 100);
		ASSERT_LE(5 * full, bytes);
		send_seg(.flags = ACK);
	}
	info = read_info(self->fd);
	between(1, notsent_bytes, 200 * full);
	between(bytes * 8, delivery_rate, bytes * 10);
	equals(delivery_rate_app_limited, 0);
}

/* What ACKs with ECE acknowledge. */
TEST_F(info, delivered_under_congestion)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);
	int full = q.mss - 12, fd, i;
	struct tcp_info info;

	ROW("API-34");
	send_on(&q, .flags = SYN | ECE | CWR);
	expect_on(&q, .flags = SYN | ACK | ECE, .within = NOW);
	send_on(&q, .flags = ACK);
	fd = peer_accept(&q, self->lfd);
	ASSERT_LE(0, fd);
	must(peer_write(&q, fd, 4 * full));
	for (i = 0; i < 4; i++)
		expect_on(&q, .flags = ACK, .any_psh = true, .len = full, .ecn = ECT_0);
	send_on(&q, .flags = ACK, .ack = -3 * full);
	info = read_info(fd);
	equals(delivered, 2);
	equals(delivered_ce, 0);
	send_on(&q, .flags = ACK | ECE, .ack = -full);
	send_on(&q, .flags = ACK | ECE, .ack = -full);
	info = read_info(fd);
	equals(delivered, 4);
	equals(delivered_ce, 2);
	close(fd);
}

/* Two fields have another meaning for a listener. */
TEST_F(info, listener)
{
	struct tcp_info info;

	ROW("API-34");
	info = read_info(self->lfd);
	equals(state, ST_LISTEN);
	equals(unacked, 0);
	equals(sacked, 16);
	equals(snd_cwnd, 10);
	equals(reordering, 3);
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	must(peer_handshake(&self->p));
	peer_drain(&self->p, 10);
	info = read_info(self->lfd);
	equals(unacked, 1);
}

/* Nothing beyond what there is room for; nothing left from the stack behind it. */
TEST_F(info, cut_to_length)
{
	uint8_t got[512], want[512];
	socklen_t len, full = sizeof(want);
	unsigned int n;

	ROW("API-34");
	ROW("SEC-27");
	memset(want, 0xa5, sizeof(want));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, want, &full));
	ASSERT_LE(offsetof(struct tcp_info, tcpi_snd_wnd) + 4, full);
	for (n = 0; n <= full; n++) {
		memset(got, 0xa5, sizeof(got));
		len = n;
		ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, got, &len));
		ASSERT_EQ(n, len);
		ASSERT_EQ(0xa5, got[n]);
		/* State to window scales; what follows counts milliseconds. */
		ASSERT_EQ(0, memcmp(got, want, n < 8 ? n : 8));
	}
}

TEST_HARNESS_MAIN
