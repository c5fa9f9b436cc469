// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors about our segments: hard ones end an attempt to connect, soft ones end
 * nothing (RFC 9293, 3.9.2.2; RFC 5461; RFC 5927).
 */
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include "peer_test.h"

#define QUOTE_LEN	8	/* of the segment: ports and sequence number */

static void put16_at(uint8_t *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, sizeof(value));
}

/* The segment an error is about, from the stack, as routers see it. */
static int quote(struct peer *p, uint32_t seq, uint8_t *at)
{
	uint32_t be_seq = htonl(seq);
	int len;

	if (p->family == AF_INET6) {
		struct ip6_hdr *ip6 = (void *)at;

		len = sizeof(*ip6);
		memset(ip6, 0, len);
		ip6->ip6_vfc = 6 << 4;
		ip6->ip6_plen = htons(40);
		ip6->ip6_nxt = xt_ipproto();
		ip6->ip6_hlim = 60;
		peer_addr(AF_INET6, stack_ip(AF_INET6), &ip6->ip6_src);
		peer_addr(AF_INET6, peer_ip(AF_INET6), &ip6->ip6_dst);
	} else {
		struct iphdr *ip = (void *)at;

		len = sizeof(*ip);
		memset(ip, 0, len);
		ip->version = 4;
		ip->ihl = 5;
		ip->tot_len = htons(60);
		ip->ttl = 60;
		ip->protocol = xt_ipproto();
		peer_addr(AF_INET, stack_ip(AF_INET), &ip->saddr);
		peer_addr(AF_INET, peer_ip(AF_INET), &ip->daddr);
		put16_at((void *)&ip->check, ~inet_sum(0, at, len));
	}
	put16_at(at + len, p->kport);
	put16_at(at + len + 2, p->port);
	memcpy(at + len + 4, &be_seq, sizeof(be_seq));
	return len + QUOTE_LEN;
}

/* An ICMP or ICMPv6 error of @type and @code about the segment with @seq. */
static bool send_error(struct peer *p, uint8_t type, uint8_t code, uint32_t seq)
{
	uint8_t pkt[256] = {}, *icmp;
	int hdr = p->family == AF_INET6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
	uint32_t sum = 0;
	int len;

	icmp = pkt + hdr;
	icmp[0] = type;
	icmp[1] = code;
	len = 8 + quote(p, seq, icmp + 8);
	if (p->family == AF_INET6) {
		struct ip6_hdr *ip6 = (void *)pkt;
		uint8_t pseudo[40] = {};

		ip6->ip6_vfc = 6 << 4;
		ip6->ip6_plen = htons(len);
		ip6->ip6_nxt = IPPROTO_ICMPV6;
		ip6->ip6_hlim = 60;
		peer_addr(AF_INET6, peer_ip(AF_INET6), &ip6->ip6_src);
		peer_addr(AF_INET6, stack_ip(AF_INET6), &ip6->ip6_dst);
		memcpy(pseudo, &ip6->ip6_src, 32);
		put16_at(pseudo + 34, len);
		pseudo[39] = IPPROTO_ICMPV6;
		sum = inet_sum(0, pseudo, sizeof(pseudo));
	} else {
		struct iphdr *ip = (void *)pkt;

		ip->version = 4;
		ip->ihl = 5;
		ip->tot_len = htons(hdr + len);
		ip->ttl = 60;
		ip->protocol = IPPROTO_ICMP;
		peer_addr(AF_INET, peer_ip(AF_INET), &ip->saddr);
		peer_addr(AF_INET, stack_ip(AF_INET), &ip->daddr);
		put16_at((void *)&ip->check, ~inet_sum(0, pkt, hdr));
	}
	put16_at(icmp + 2, ~inet_sum(sum, icmp, len));
	return write(p->link->tun, pkt, hdr + len) == hdr + len;
}

struct icmp_case {
	uint8_t type, code;
	int err;
};

/* What says that there is nobody to talk to. */
static const struct icmp_case hard4[] = {
	{ ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, ENOPROTOOPT },
	{ ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, ECONNREFUSED },
};

static const struct icmp_case hard6[] = {
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, ECONNREFUSED },
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN, EACCES },
};

/* What may be over the next moment (RFC 1122, 4.2.3.9). */
static const struct icmp_case soft4[] = {
	{ ICMP_DEST_UNREACH, ICMP_NET_UNREACH, ENETUNREACH },
	{ ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, EHOSTUNREACH },
	{ ICMP_DEST_UNREACH, ICMP_SR_FAILED, EOPNOTSUPP },
	{ ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, EHOSTUNREACH },
	{ ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, EHOSTUNREACH },
	{ ICMP_PARAMETERPROB, 0, EPROTO },
};

static const struct icmp_case soft6[] = {
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, ENETUNREACH },
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, EHOSTUNREACH },
	{ ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT, EHOSTUNREACH },
	{ ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_REASSEMBLY, EHOSTUNREACH },
	{ ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, EPROTO },
};

#define of_family(list)								\
	(variant->family == AF_INET6 ? list ## 6 : list ## 4)
#define count_of(list)								\
	(variant->family == AF_INET6 ? sizeof(list ## 6) / sizeof(list ## 6[0]) :	\
				       sizeof(list ## 4) / sizeof(list ## 4[0]))

WIRE_FIXTURE_PLAIN(connecting)

/* A new attempt to connect, its SYN seen. */
#define dial(n)									\
	do {									\
		peer_reset(&self->p, PEER_PORT + (n), 0);			\
		self->fd = peer_connect_start(&self->p);			\
		ASSERT_LE(0, self->fd);						\
		expect(.flags = SYN, .within = NOW);				\
	} while (0)

TEST_F(connecting, hard_error_ends_it)
{
	unsigned int i;

	ROW("HS-26");
	for (i = 0; i < count_of(hard); i++) {
		const struct icmp_case *c = &of_family(hard)[i];

		printf("# type %u, code %u\n", c->type, c->code);
		dial(i);
		must(send_error(&self->p, c->type, c->code, self->p.irs));
		must(peer_poll(&self->p, self->fd, POLLERR, 0));
		ASSERT_EQ(c->err, peer_so_error(self->fd));
		ASSERT_EQ(ST_CLOSED, peer_state(self->fd));
		listed_is(ST_NONE);
		silence(1500);
	}
}

/* Simultaneous open: the attempt is no further. */
TEST_F(connecting, hard_error_ends_syn_rcvd)
{
	const struct icmp_case *c = &of_family(hard)[0];

	ROW("HS-26");
	dial(0);
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	state_is(ST_SYN_RCVD);
	ASSERT_TRUE(send_error(&self->p, c->type, c->code, self->p.irs));
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLERR, 0));
	ASSERT_EQ(c->err, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

/* Who did not see the SYN cannot end the attempt (RFC 5927, 4.1). */
TEST_F(connecting, error_about_another_number_is_ignored)
{
	static const int offset[] = { -1, 2, 100000 };
	const struct icmp_case *c = &of_family(hard)[0];
	unsigned int i;

	ROW("HS-26");
	dial(0);
	for (i = 0; i < 3; i++)
		must(send_error(&self->p, c->type, c->code, self->p.irs + offset[i]));
	peer_pump(&self->p, 10);
	state_is(ST_SYN_SENT);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
}

/* D2: Linux ends the attempt. The error is reported if nothing better comes. */
TEST_F_TIMEOUT(connecting, soft_error_is_remembered, 100)
{
	const struct icmp_case *c = &of_family(soft)[1];

	ROW("HS-27");
	dial(0);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_SYNCNT, 1));
	ASSERT_TRUE(send_error(&self->p, c->type, c->code, self->p.irs));
	peer_pump(&self->p, 10);
	state_is(ST_SYN_SENT);
	expect(.flags = SYN, .gap = 1000);
	ASSERT_TRUE(peer_poll(&self->p, self->fd, POLLERR, 5000));
	ASSERT_EQ(c->err, peer_so_error(self->fd));
}

TEST_F(connecting, soft_error_and_late_answer)
{
	const struct icmp_case *c = &of_family(soft)[0];

	ROW("HS-27");
	dial(0);
	ASSERT_TRUE(send_error(&self->p, c->type, c->code, self->p.irs));
	expect(.flags = SYN, .gap = 1000);
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK, .within = NOW);
	state_is(ST_ESTABLISHED);
	ASSERT_EQ(0, peer_so_error(self->fd));
}

WIRE_FIXTURE_ESTABLISHED(connected)

/* Of either kind: what comes through proves it wrong. */
TEST_F(connected, errors_end_nothing)
{
	unsigned int i;

	ROW("HS-27");
	for (i = 0; i < count_of(soft) + count_of(hard); i++) {
		const struct icmp_case *c = i < count_of(soft) ? &of_family(soft)[i] :
					    &of_family(hard)[i - count_of(soft)];

		printf("# type %u, code %u\n", c->type, c->code);
		must(peer_write(&self->p, self->fd, 100));
		expect(.flags = ACK | PSH, .len = 100);
		must(send_error(&self->p, c->type, c->code, self->p.last.seq));
		peer_pump(&self->p, 5);
		state_is(ST_ESTABLISHED);
		send_seg(.flags = ACK | PSH, .len = 10);
		expect(.flags = ACK);
		must(peer_read(&self->p, self->fd, 10));
	}
	silence(1000);
	ASSERT_EQ(0, peer_so_error(self->fd));
}

/* When the connection ends by time-out, the reason is told (MUST-56). */
TEST_F_TIMEOUT(connected, time_out_tells_the_soft_error, 100)
{
	const struct icmp_case *c = &of_family(soft)[1];

	ROW("HS-27");
	ROW("LOSS-11");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 2000));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	ASSERT_TRUE(send_error(&self->p, c->type, c->code, self->p.last.seq));
	while (!peer_poll(&self->p, self->fd, POLLERR, 100)) {
		ASSERT_GT(10000000, peer_now_us() - self->p.last_us);
	}
	ASSERT_EQ(c->err, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

/* An error that was over before: an acknowledgment has come since. */
TEST_F_TIMEOUT(connected, acknowledgment_forgets_the_soft_error, 100)
{
	const struct icmp_case *c = &of_family(soft)[1];

	ROW("HS-27");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 2000));
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	ASSERT_TRUE(send_error(&self->p, c->type, c->code, self->p.last.seq));
	peer_pump(&self->p, 5);
	send_seg(.flags = ACK);
	ASSERT_TRUE(peer_write(&self->p, self->fd, 100));
	expect(.flags = ACK | PSH, .len = 100);
	while (!peer_poll(&self->p, self->fd, POLLERR, 100)) {
		ASSERT_GT(10000000, peer_now_us() - self->p.last_us);
	}
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
}

TEST_HARNESS_MAIN
