// SPDX-License-Identifier: GPL-2.0-only
/*
 * The header on the wire: protocol, checksum, lengths, reserved bits, IP options
 * (RFC 9293, 3.1, 3.9.2; RFC 8200, 8.1).
 */
#include "peer_test.h"

WIRE_FIXTURE_ESTABLISHED(header)

/* Every packet's protocol, checksum and layout is checked by the peer as it is read. */
TEST_F(header, whole_connection)
{
	ROW("WIRE-01");
	ROW("WIRE-02");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_EQ(xt_ipproto(), self->p.last.proto);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	close(self->fd);
	expect(.flags = FIN | ACK);
	send_seg(.flags = FIN | ACK);
	expect(.flags = ACK);
	ASSERT_EQ(xt_ipproto(), self->p.last.proto);
	silence(100);
}

TEST_F(header, checksum_of_every_length)
{
	int full = self->p.mss - 12;
	int lens[] = { 1, 2, 3, 17, 255, 256, 999, full - 1, full };
	unsigned int i;

	ROW("WIRE-02");
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		must(peer_write(&self->p, self->fd, lens[i]));
		expect(.flags = ACK | PSH, .len = lens[i]);
		send_seg(.flags = ACK | PSH, .len = lens[i]);
		expect(.flags = ACK);
		must(peer_read(&self->p, self->fd, lens[i]));
	}
}

/* A checksum over the other protocol's pseudo-header is wrong. */
TEST_F(header, pseudo_header_has_the_real_protocol)
{
	int wrong = xt_ipproto() == IPPROTO_TCP ? IPPROTO_XTCP : IPPROTO_TCP;

	ROW("WIRE-03");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	send_seg(.flags = SYN, .csum_proto = wrong, .stray = true);
	silence(300);
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
}

TEST_F(header, bad_checksum_is_dropped_and_counted)
{
	long before = peer_counter("InCsumErrors");

	ROW("WIRE-04");
	ASSERT_LE(0, before);
	send_seg(.flags = ACK | PSH, .len = 10, .csum_xor = 0x0400, .stray = true);
	send_seg(.flags = RST, .csum_xor = 0x0001);
	send_seg(.flags = FIN | ACK, .csum_xor = 0x8000, .stray = true);
	silence(500);
	ASSERT_EQ(before + 3, peer_counter("InCsumErrors"));
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* Header lengths that cannot be; the IP packet itself is sound. */
TEST_F(header, impossible_lengths_are_dropped_and_counted)
{
	long before = peer_counter("InErrs");
	int n = 0, doff;

	ROW("WIRE-06");
	ASSERT_LE(0, before);
	send_seg(.flags = ACK, .cut = 19, .stray = true);
	send_seg(.flags = ACK, .cut = 8, .stray = true);
	send_seg(.flags = ACK, .cut = 1, .stray = true);
	n += 3;
	for (doff = 1; doff <= 4; doff++, n++)
		send_seg(.flags = ACK | PSH, .len = 10, .doff = doff, .stray = true);
	send_seg(.flags = ACK | PSH, .len = 10, .doff = -1, .stray = true);
	send_seg(.flags = ACK, .no_opts = true, .doff = 15, .stray = true);
	send_seg(.flags = SYN, .no_opts = true, .doff = 6, .stray = true);
	n += 3;
	silence(300);
	/* Linux counts the impossible offsets only. */
	ASSERT_LE(before + 5, peer_counter("InErrs"));
	ASSERT_GE(before + n, peer_counter("InErrs"));
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
}

TEST_F(header, reserved_bits_are_ignored)
{
	ROW("WIRE-07");
	send_seg(.flags = ACK | PSH, .len = 10, .reserved = 0xf);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

TEST_F(header, reserved_bits_on_syn_are_ignored)
{
	ROW("WIRE-07");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	send_seg(.flags = SYN, .reserved = 0xe);
	expect(.flags = SYN | ACK, .within = NOW);
	send_seg(.flags = ACK, .reserved = 0xe);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

/* IPv4 options, or an IPv6 destination options header, in front of the segment. */
TEST_F(header, ip_options_are_skipped)
{
	ROW("WIRE-18");
	send_seg(.flags = ACK | PSH, .len = 10, .ip_options = true);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	send_seg(.flags = SYN, .ip_options = true);
	expect(.flags = SYN | ACK, .within = NOW);
	send_seg(.flags = ACK, .ip_options = true);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

/* An option IP hands up without knowing it: kind 30 here, in IPv6 of the kind to skip. */
TEST_F(header, unknown_ip_options_are_ignored)
{
	static const uint8_t v4[] = { 30, 4, 0xaa, 0xbb };
	static const uint8_t v6[] = { 0, 0x1e, 4, 1, 2, 3, 4 };

	ROW("WIRE-18");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	if (variant->family == AF_INET6)
		send_seg(.flags = SYN, .ip_opts = v6, .ip_optlen = sizeof(v6));
	else
		send_seg(.flags = SYN, .ip_opts = v4, .ip_optlen = sizeof(v4));
	expect(.flags = SYN | ACK, .within = NOW);
}

TEST_F(header, hop_by_hop_options_are_skipped)
{
	/* Pad1 and PadN only; and an unknown option of the kind that is to be skipped. */
	static const uint8_t unknown[] = { 0, 0x1e, 4, 1, 2, 3, 4 };

	ROW("WIRE-18");
	if (variant->family == AF_INET)
		return;		/* IPv4's options are in its header: see above */
	send_seg(.flags = ACK | PSH, .len = 10, .ip_options = true, .hop_by_hop = true);
	expect(.flags = ACK);
	send_seg(.flags = ACK | PSH, .len = 10, .hop_by_hop = true, .ip_opts = unknown,
		 .ip_optlen = sizeof(unknown));
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 20));
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	send_seg(.flags = SYN, .ip_options = true, .hop_by_hop = true);
	expect(.flags = SYN | ACK, .within = NOW);
}

#define send_pieces(size, reverse, overlap, ...)				\
	peer_send_pieces(&self->p, &(struct seg){ __VA_ARGS__ }, (size), (reverse), (overlap))

/* IP puts fragments together again, whatever their order and wherever they are cut. */
TEST_F(header, fragments)
{
	/* Linux wants the whole header of TCP in the first IPv6 fragment (RFC 7112). */
	bool whole = xt_is_control() && variant->family == AF_INET6;
	int sizes[] = { whole ? 64 : 8, whole ? 80 : 24, 512, 1400 };
	unsigned int i;

	ROW("SEC-31");
	ROW("WIRE-18");
	for (i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		must(send_pieces(sizes[i / 2], i % 2, 0, .flags = ACK | PSH, .len = 1600));
		expect(.flags = ACK);
		must(peer_read(&self->p, self->fd, 1600));
	}
	/* The handshake, too. */
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.snd_nxt = self->p.iss;
	send_pieces(sizes[0], false, 0, .flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	send_pieces(sizes[0], true, 0, .flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

/* A fragment header around the whole of a packet (RFC 6946); in IPv4 there is no such thing. */
TEST_F(header, atomic_fragment)
{
	ROW("WIRE-18");
	must(!send_pieces(4096, false, 0, .flags = ACK | PSH, .len = 100));
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 100));
}

/* What overlaps in IPv6 never arrives (RFC 5722, 4), nor does what is not complete. */
TEST_F(header, overlapping_fragments)
{
	ROW("SEC-31");
	send_pieces(512, false, 64, .flags = ACK | PSH, .len = 1600, .stray = true);
	silence(200);
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	state_is(ST_ESTABLISHED);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* MUST-48, 49 apart: what every segment's IP header looks like. */
TEST_F(header, ip_header)
{
	ROW("DATA-31");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_EQ(64, self->p.last.ttl);
	ASSERT_EQ(0, self->p.last.tos);
	if (variant->family == AF_INET) {
		ASSERT_TRUE(self->p.last.df);
	}
}

WIRE_FIXTURE(offload)

/* The device claims to finish checksums of any protocol; the peer then is that device. */
FIXTURE_SETUP(offload)
{
	ASSERT_TRUE(peer_open_link(&self->p, variant->family, PEER_MTU, LINK_CSUM));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
}

TEST_F(offload, checksums_are_right)
{
	ROW("WIRE-05");
	ASSERT_TRUE(peer_write(&self->p, self->fd, 11));
	expect(.flags = ACK | PSH, .len = 11);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_write_full(&self->p, self->fd, 5));
	close(self->lfd);
	self->p.port++;
	self->p.rcv_nxt = 77;
	send_seg(.flags = ACK);
	expect(.flags = RST, .seq = 0, .any_opts = true);
	printf("# the stack left checksums to the device: %s\n",
	       self->p.link->finishes_csum ? "yes" : "no");
}

WIRE_FIXTURE(jumbo)

FIXTURE_SETUP(jumbo)
{
	ASSERT_TRUE(peer_open_link(&self->p, variant->family, 9000, 0));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
}

/* The SYN-ACK's MSS was compared with the MTU in the handshake. */
TEST_F(jumbo, mss_follows_mtu)
{
	int full = self->p.mss - 12;

	ROW("WIRE-13");
	ASSERT_EQ(variant->family == AF_INET6 ? 8940 : 8960, self->p.k_mss);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 2 * full));
	expect(.flags = ACK, .any_psh = true, .len = full);
	expect(.flags = ACK | PSH, .len = full);
	send_seg(.flags = ACK | PSH, .len = full);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, full));
}

TEST_HARNESS_MAIN
