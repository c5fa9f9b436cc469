// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fields of the IP header that an application sets: DSCP, hop limit, DF, flow label
 * (RFC 9293, 3.9.1.9, 3.9.2; RFC 6437).
 */
#include "peer_test.h"

/* Not in the C library's headers, and the kernel's clash with them. */
#define FLOWINFO_SEND		33
#define FLOWLABEL_MGR		32
#ifndef IPV6_AUTOFLOWLABEL
#define IPV6_AUTOFLOWLABEL	70
#endif
#define FL_GET			0
#define FL_CREATE		1
#define FL_SHARE_ANY		255

struct flowlabel_request {
	struct in6_addr dst;
	uint32_t label;
	uint8_t action, share;
	uint16_t flags, expires, linger;
	uint32_t pad;
};

WIRE_FIXTURE_PLAIN(ip_fields)

static bool set_dscp(int family, int fd, int value)
{
	return family == AF_INET ? peer_set_int(fd, SOL_IP, IP_TOS, value) :
				   peer_set_int(fd, SOL_IPV6, IPV6_TCLASS, value);
}

static bool set_hops(int family, int fd, int value)
{
	return family == AF_INET ? peer_set_int(fd, SOL_IP, IP_TTL, value) :
				   peer_set_int(fd, SOL_IPV6, IPV6_UNICAST_HOPS, value);
}

/* A socket that may be set up before it connects. */
static int unconnected(struct peer *p)
{
	return xt_socket_flags(p->family, SOCK_NONBLOCK);
}

static bool connect_to_peer(struct peer *p, int fd, uint32_t flowinfo)
{
	struct sockaddr_storage ss;

	peer_sockaddr(p, false, p->port, &ss);
	if (p->family == AF_INET6)
		((struct sockaddr_in6 *)&ss)->sin6_flowinfo = htonl(flowinfo);
	p->kport = 0;
	return connect(fd, (void *)&ss, p->family == AF_INET6 ? sizeof(struct sockaddr_in6) :
		       sizeof(struct sockaddr_in)) && errno == EINPROGRESS;
}

/* Every segment from the SYN on; the ECN bits are not the application's. */
TEST_F(ip_fields, set_before_connect)
{
	ROW("API-41");
	self->fd = unconnected(&self->p);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(set_dscp(variant->family, self->fd, 0xbb));
	ASSERT_TRUE(set_hops(variant->family, self->fd, 33));
	ASSERT_TRUE(connect_to_peer(&self->p, self->fd, 0));
	expect(.flags = SYN);
	ASSERT_EQ(0xb8, self->p.last.tos);
	ASSERT_EQ(33, self->p.last.ttl);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK);
	ASSERT_EQ(0xb8, self->p.last.tos);
	ASSERT_EQ(33, self->p.last.ttl);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_EQ(0xb8, self->p.last.tos);
	ASSERT_EQ(33, self->p.last.ttl);
}

TEST_F(ip_fields, changed_while_connected)
{
	ROW("API-41");
	self->fd = peer_connected(&self->p);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_EQ(0, self->p.last.tos);
	ASSERT_EQ(64, self->p.last.ttl);
	send_seg(.flags = ACK);
	ASSERT_TRUE(set_dscp(variant->family, self->fd, 0x28));
	ASSERT_TRUE(set_hops(variant->family, self->fd, 7));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_EQ(0x28, self->p.last.tos);
	ASSERT_EQ(7, self->p.last.ttl);
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK);
	ASSERT_EQ(0x28, self->p.last.tos);
	ASSERT_EQ(7, self->p.last.ttl);
}

/* A listener's are those of its SYN-ACKs and of what it accepts. */
TEST_F(ip_fields, of_a_listener)
{
	ROW("API-41");
	self->lfd = peer_listen(&self->p, 4);
	ASSERT_LE(0, self->lfd);
	ASSERT_TRUE(set_dscp(variant->family, self->lfd, 0x48));
	ASSERT_TRUE(set_hops(variant->family, self->lfd, 99));
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK);
	ASSERT_EQ(0x48, self->p.last.tos);
	ASSERT_EQ(99, self->p.last.ttl);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_EQ(0x48, self->p.last.tos);
	ASSERT_EQ(99, self->p.last.ttl);
}

/* Also where nothing is kept but a cookie; and no flow label if none is wanted. */
TEST_F(ip_fields, of_a_cookie)
{
	ROW("API-41");
	ASSERT_TRUE(peer_tunable("syncookies", "2"));
	self->lfd = peer_listen(&self->p, 4);
	ASSERT_LE(0, self->lfd);
	ASSERT_TRUE(set_dscp(variant->family, self->lfd, 0x48));
	ASSERT_TRUE(set_hops(variant->family, self->lfd, 99));
	if (variant->family == AF_INET6)
		ASSERT_TRUE(peer_set_int(self->lfd, SOL_IPV6, IPV6_AUTOFLOWLABEL, 0));
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .any_opts = true);
	ASSERT_EQ(0x48, self->p.last.tos);
	ASSERT_EQ(99, self->p.last.ttl);
	ASSERT_EQ(0, self->p.last.flow_label);
}

/* One that is bound to a device answers by it, whatever the routing table prefers. */
TEST_F(ip_fields, of_a_bound_listener)
{
	int v = variant->family == AF_INET6 ? 6 : 4;

	ROW("SEC-30");
	self->lfd = peer_listen(&self->p, 4);
	ASSERT_LE(0, self->lfd);
	ASSERT_EQ(0, setsockopt(self->lfd, SOL_SOCKET, SO_BINDTODEVICE, "peer0", 5));
	ASSERT_TRUE(xt_run("ip -%d route add %s dev lo", v, peer_ip(variant->family)));
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK);
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
}

/* One that answers for other addresses than the host's. */
TEST_F(ip_fields, of_a_transparent_listener)
{
	int v = variant->family == AF_INET6 ? 6 : 4;
	const char *other = v == 6 ? "2001:db8:1::1" : "198.51.100.1";
	struct xt_addr any = xt_any(variant->family, SERVER_PORT);
	struct got seen;

	ROW("SEC-30");
	self->lfd = unconnected(&self->p);
	ASSERT_LE(0, self->lfd);
	ASSERT_EQ(0, xt_bind(self->lfd, &any));
	ASSERT_EQ(0, listen(self->lfd, 4));
	ASSERT_TRUE(v == 6 ? peer_set_int(self->lfd, SOL_IPV6, IPV6_TRANSPARENT, 1) :
			     peer_set_int(self->lfd, SOL_IP, IP_TRANSPARENT, 1));
	if (!xt_run("ip -%d rule add pref 1 iif peer0 lookup 100", v))
		SKIP(return, "this kernel has no routing rules for the family");
	ASSERT_TRUE(xt_run("ip -%d route add local %s dev lo table 100", v, other));
	send_seg(.flags = SYN, .dst = other);
	ASSERT_TRUE(peer_next(&self->p, &seen, 1000));
	ASSERT_EQ(SYN | ACK, seen.flags);
	ASSERT_STREQ(other, seen.src);
}

/* Every segment has the application's IP options; the peer's MSS counts none (RFC 6691). */
TEST_F(ip_fields, options_count_against_the_peers_mss)
{
	uint8_t nops[40], padding[40] = { [1] = sizeof(padding) / 8 - 1, 1, sizeof(padding) - 4 };

	ROW("WIRE-15");
	memset(nops, 1, sizeof(nops));
	self->fd = unconnected(&self->p);
	ASSERT_LE(0, self->fd);
	if (variant->family == AF_INET) {
		ASSERT_EQ(0, setsockopt(self->fd, SOL_IP, IP_OPTIONS, nops, sizeof(nops)));
	} else {
		ASSERT_EQ(0, setsockopt(self->fd, SOL_IPV6, IPV6_DSTOPTS, padding,
					sizeof(padding)));
	}
	self->p.mss = 1360;
	ASSERT_TRUE(connect_to_peer(&self->p, self->fd, 0));
	expect(.flags = SYN);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 3000));
	expect(.flags = ACK, .any_psh = true, .len = 1360 - 12 - 40);
}

/* DF as path-MTU discovery says; IPv6 routers never cut anyway. */
TEST_F(ip_fields, discovery_off_clears_df)
{
	ROW("DATA-31");
	self->fd = peer_connected(&self->p);
	ASSERT_LE(0, self->fd);
	if (variant->family == AF_INET) {
		ASSERT_TRUE(peer_set_int(self->fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT));
	} else {
		ASSERT_TRUE(peer_set_int(self->fd, SOL_IPV6, IPV6_MTU_DISCOVER,
					 IPV6_PMTUDISC_DONT));
	}
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_FALSE(self->p.last.df);
}

/* Chosen for the flow: there, the same all the time, and another one for another flow. */
TEST_F(ip_fields, automatic_flow_label)
{
	uint32_t labels[8];
	int i, same = 0;

	ROW("API-41");
	if (variant->family == AF_INET)
		return;		/* IPv4 has no such field */
	for (i = 0; i < 8; i++) {
		peer_reset(&self->p, PEER_PORT + i, 0);
		self->fd = unconnected(&self->p);
		must(connect_to_peer(&self->p, self->fd, 0));
		expect(.flags = SYN);
		labels[i] = self->p.last.flow_label;
		ASSERT_NE(0, labels[i]);
		send_seg(.flags = SYN | ACK);
		expect(.flags = ACK);
		ASSERT_EQ(labels[i], self->p.last.flow_label);
		must(peer_write(&self->p, self->fd, 10));
		expect(.flags = ACK | PSH, .len = 10);
		ASSERT_EQ(labels[i], self->p.last.flow_label);
		same += i && labels[i] == labels[0];
		/* Nothing of it may come again among the segments of the next one. */
		ASSERT_EQ(0, xt_reset(self->fd));
		peer_drain(&self->p, 5);
	}
	ASSERT_GE(1, same);
}

/* One label from the SYN-ACK on, and another for another peer. */
TEST_F(ip_fields, flow_label_of_an_accepted_one)
{
	uint32_t labels[4];
	int i, same = 0;

	ROW("API-41");
	if (variant->family == AF_INET)
		return;		/* IPv4 has no such field */
	self->lfd = peer_listen(&self->p, 8);
	ASSERT_LE(0, self->lfd);
	for (i = 0; i < 4; i++) {
		peer_reset(&self->p, PEER_PORT + i, SERVER_PORT);
		send_seg(.flags = SYN);
		expect(.flags = SYN | ACK);
		labels[i] = self->p.last.flow_label;
		ASSERT_NE(0, labels[i]);
		send_seg(.flags = ACK);
		self->fd = peer_accept(&self->p, self->lfd);
		ASSERT_LE(0, self->fd);
		must(peer_write(&self->p, self->fd, 10));
		expect(.flags = ACK | PSH, .len = 10);
		ASSERT_EQ(labels[i], self->p.last.flow_label);
		same += i && labels[i] == labels[0];
	}
	ASSERT_GE(1, same);
}

/* One of the application's own, leased. */
TEST_F(ip_fields, own_flow_label)
{
	struct flowlabel_request lease = {
		.label = htonl(0x12345),
		.action = FL_GET,
		.share = FL_SHARE_ANY,
		.flags = FL_CREATE,
	};

	ROW("API-41");
	if (variant->family == AF_INET)
		return;		/* IPv4 has no such field */
	self->fd = unconnected(&self->p);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_IPV6, FLOWINFO_SEND, 1));
	peer_addr(AF_INET6, peer_ip(AF_INET6), &lease.dst);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_IPV6, FLOWLABEL_MGR, &lease, sizeof(lease)));
	ASSERT_TRUE(connect_to_peer(&self->p, self->fd, 0x12345));
	expect(.flags = SYN);
	ASSERT_EQ(0x12345, self->p.last.flow_label);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_EQ(0x12345, self->p.last.flow_label);
}

TEST_HARNESS_MAIN
