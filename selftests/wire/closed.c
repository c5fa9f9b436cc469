// SPDX-License-Identifier: GPL-2.0-only
/*
 * CLOSED: segments for which there is no connection and no listener (RFC 9293, 3.5.2, 3.10.7.1).
 */
#include "peer_test.h"

WIRE_FIXTURE(closed)

/* Any number will do as the acknowledgment of a connection that does not exist. */
FIXTURE_SETUP(closed)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.rcv_nxt = 0x12345678;
}

TEST_F(closed, syn_draws_rst_ack)
{
	ROW("HS-14");
	send_seg(.flags = SYN);
	expect(.flags = RST | ACK, .abs_seq = true, .seq = 0, .win = WIN_ZERO, .within = NOW);
	silence(1500);
}

TEST_F(closed, connect_is_refused)
{
	struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	struct sockaddr_in to4 = {
		.sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = xt_socket(variant->family);
	uint64_t start = peer_now_us();

	ROW("HS-14");
	ASSERT_LE(0, fd);
	if (variant->family == AF_INET6) {
		ASSERT_EQ(-1, connect(fd, (void *)&to6, sizeof(to6)));
	} else {
		ASSERT_EQ(-1, connect(fd, (void *)&to4, sizeof(to4)));
	}
	ASSERT_EQ(ECONNREFUSED, errno);
	ASSERT_GT(100000, peer_now_us() - start);
}

TEST_F(closed, ack_draws_rst)
{
	ROW("HS-15");
	send_seg(.flags = ACK);
	expect(.flags = RST, .seq = 0, .win = WIN_ZERO, .within = NOW);
}

TEST_F(closed, data_and_ack_draws_rst)
{
	ROW("HS-15");
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F(closed, syn_ack_draws_rst)
{
	ROW("HS-15");
	send_seg(.flags = SYN | ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

TEST_F(closed, fin_ack_draws_rst)
{
	ROW("HS-15");
	send_seg(.flags = FIN | ACK);
	expect(.flags = RST, .seq = 0, .within = NOW);
}

/* Without ACK the answer acknowledges SEG.SEQ + SEG.LEN; FIN counts as one. */
TEST_F(closed, fin_without_ack_draws_rst_ack)
{
	ROW("HS-15");
	send_seg(.flags = FIN);
	expect(.flags = RST | ACK, .abs_seq = true, .seq = 0, .within = NOW);
}

/* SYN, FIN and data all count; snd_nxt has moved by all three. */
TEST_F(closed, syn_fin_data_draws_rst_ack)
{
	ROW("HS-15");
	send_seg(.flags = SYN | FIN, .len = 10);
	ASSERT_EQ(self->p.iss + 12, self->p.snd_nxt);
	expect(.flags = RST | ACK, .abs_seq = true, .seq = 0, .within = NOW);
}

TEST_F(closed, data_without_flags_draws_rst_ack)
{
	ROW("HS-15");
	send_seg(.len = 5);
	expect(.flags = RST | ACK, .abs_seq = true, .seq = 0, .within = NOW);
}

TEST_F(closed, rst_is_never_answered)
{
	ROW("HS-15");
	send_seg(.flags = RST);
	send_seg(.flags = RST | ACK);
	send_seg(.flags = RST | SYN);
	send_seg(.flags = RST | ACK, .len = 20);
	silence(1500);
}

/* A reset for nobody's connection must not be drawn by a damaged segment. */
TEST_F(closed, bad_checksum_is_silent)
{
	ROW("WIRE-04");
	send_seg(.flags = SYN, .csum_xor = 0x0100);
	send_seg(.flags = ACK, .csum_xor = 0x0001);
	send_seg(.flags = ACK, .len = 11, .csum_xor = 0x8000);
	silence(1500);
}

/* The answer goes back to the port the segment came from, whatever that is. */
TEST_F(closed, every_port_is_answered)
{
	static const uint16_t ports[] = { 1, 80, 1024, 32768, 65535 };
	unsigned int i;

	ROW("HS-14");
	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		peer_reset(&self->p, ports[i], ports[(i + 2) % 5]);
		send_seg(.flags = SYN);
		expect(.flags = RST | ACK, .abs_seq = true, .seq = 0, .within = NOW);
	}
}

TEST_HARNESS_MAIN
