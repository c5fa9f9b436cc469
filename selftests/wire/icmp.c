// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors about segments in flight: which count, what they do, what they cannot
 * (RFC 9293, 3.9.2.2; RFC 5927; RFC 1191; RFC 8201; RFC 6633).
 */
#define _GNU_SOURCE
#include <net/if.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include "peer_test.h"

/* One kind of error in both families. */
struct kind {
	const char *name;
	uint8_t type[2], code[2];	/* IPv4, IPv6 */
	int err[2];
};

#define V(family)	((family) == AF_INET6)

#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT	73
#endif

/* What says that the peer is not, and will not be, there. */
static const struct kind hard[] = {
	{ "port unreachable", { ICMP_DEST_UNREACH, ICMP6_DST_UNREACH },
	  { ICMP_PORT_UNREACH, ICMP6_DST_UNREACH_NOPORT }, { ECONNREFUSED, ECONNREFUSED } },
	{ "protocol unreachable", { ICMP_DEST_UNREACH, ICMP6_PARAM_PROB },
	  { ICMP_PROT_UNREACH, ICMP6_PARAMPROB_NEXTHEADER }, { ENOPROTOOPT, EPROTO } },
};

/* What may pass. */
static const struct kind soft[] = {
	{ "no route", { ICMP_DEST_UNREACH, ICMP6_DST_UNREACH },
	  { ICMP_NET_UNREACH, ICMP6_DST_UNREACH_NOROUTE }, { ENETUNREACH, ENETUNREACH } },
	{ "host unreachable", { ICMP_DEST_UNREACH, ICMP6_DST_UNREACH },
	  { ICMP_HOST_UNREACH, ICMP6_DST_UNREACH_ADDR }, { EHOSTUNREACH, EHOSTUNREACH } },
	{ "time exceeded", { ICMP_TIME_EXCEEDED, ICMP6_TIME_EXCEEDED },
	  { ICMP_EXC_TTL, ICMP6_TIME_EXCEED_TRANSIT }, { EHOSTUNREACH, EHOSTUNREACH } },
	{ "parameter problem", { ICMP_PARAMETERPROB, ICMP6_PARAM_PROB },
	  { 0, ICMP6_PARAMPROB_HEADER }, { EPROTO, EPROTO } },
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* The @k'th error about the segment @seq. */
#define send_kind(k, ...)							\
	send_icmp(.type = (k)->type[V(variant->family)],			\
		  .code = (k)->code[V(variant->family)], __VA_ARGS__)

/* --- while connect() is under way ------------------------------------------ */

WIRE_FIXTURE_PLAIN(opening)

static bool start(struct peer *p, int *fd, uint16_t port)
{
	peer_reset(p, port, 0);
	*fd = peer_connect_start(p);
	return *fd >= 0 && peer_expect(p, &(struct want){ .flags = SYN, .within = NOW });
}

TEST_F(opening, hard_errors_end_it)
{
	unsigned int i;

	ROW("HS-26");
	for (i = 0; i < COUNT(hard); i++) {
		printf("# %s\n", hard[i].name);
		must(start(&self->p, &self->fd, PEER_PORT + i));
		send_kind(&hard[i], .seq = -1);
		must(peer_poll(&self->p, self->fd, POLLOUT, 50));
		ASSERT_EQ(hard[i].err[V(variant->family)], peer_so_error(self->fd));
		ASSERT_EQ(ST_CLOSED, peer_state(self->fd));
		close(self->fd);
	}
}

/* Simultaneous open: the attempt is no further. */
TEST_F(opening, hard_error_ends_syn_rcvd)
{
	ROW("HS-26");
	must(start(&self->p, &self->fd, PEER_PORT));
	send_seg(.flags = SYN);
	expect(.flags = SYN | ACK, .within = NOW);
	state_is(ST_SYN_RCVD);
	send_kind(&hard[0], .seq = -1);
	must(peer_poll(&self->p, self->fd, POLLERR, 50));
	ASSERT_EQ(ECONNREFUSED, peer_so_error(self->fd));
	listed_is(ST_NONE);
}

TEST_F(opening, soft_errors_do_not)
{
	unsigned int i;

	ROW("HS-27");
	for (i = 0; i < COUNT(soft); i++) {
		printf("# %s\n", soft[i].name);
		must(start(&self->p, &self->fd, PEER_PORT + i));
		send_kind(&soft[i], .seq = -1);
		must(!peer_poll(&self->p, self->fd, POLLOUT, 50));
		state_is(ST_SYN_SENT);
		send_seg(.flags = SYN | ACK);
		expect(.flags = ACK, .within = NOW);
		state_is(ST_ESTABLISHED);
		ASSERT_EQ(0, peer_so_error(self->fd));
		close(self->fd);
		peer_drain(&self->p, 10);
	}
}

/* When time is up, the error heard last says why. */
TEST_F(opening, soft_error_is_the_reason_at_the_end)
{
	ROW("HS-27");
	must(start(&self->p, &self->fd, PEER_PORT));
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_SYNCNT, 1));
	send_kind(&soft[1], .seq = -1);
	expect(.flags = SYN, .within = 1100);
	must(peer_poll(&self->p, self->fd, POLLOUT, 4000));
	ASSERT_EQ(EHOSTUNREACH, peer_so_error(self->fd));
}

/* Who cannot see the SYN has to guess its number and its ports. */
TEST_F(opening, wrong_quotes_are_ignored)
{
	ROW("SEC-07");
	must(start(&self->p, &self->fd, PEER_PORT));
	send_kind(&hard[0], .seq = -2);
	send_kind(&hard[0], .seq = 1);
	send_kind(&hard[0], .seq = 1 << 30);
	send_kind(&hard[0], .seq = -1, .sport = self->p.kport + 1);
	must(!peer_poll(&self->p, self->fd, POLLOUT, 100));
	state_is(ST_SYN_SENT);
	if (!xt_is_control()) {
		/* Those of this connection, and the one of none. */
		ASSERT_EQ(4, peer_counter("IcmpIgnored"));
	}
	send_seg(.flags = SYN | ACK);
	expect(.flags = ACK);
}

static bool set_nearness(int family, int fd, int hops)
{
	return family == AF_INET ? peer_set_int(fd, SOL_IP, IP_MINTTL, hops) :
				   peer_set_int(fd, SOL_IPV6, IPV6_MINHOPCOUNT, hops);
}

/* Who is farther away than any peer of the socket's says nothing to it (RFC 5082). */
TEST_F(opening, errors_from_afar_are_ignored)
{
	ROW("SEC-07");
	must(start(&self->p, &self->fd, PEER_PORT));
	ASSERT_TRUE(set_nearness(variant->family, self->fd, 65));
	send_kind(&hard[0], .seq = -1);
	must(!peer_poll(&self->p, self->fd, POLLOUT, 50));
	state_is(ST_SYN_SENT);
	ASSERT_TRUE(set_nearness(variant->family, self->fd, 64));
	send_kind(&hard[0], .seq = -1);
	must(peer_poll(&self->p, self->fd, POLLOUT, 50));
	ASSERT_EQ(ECONNREFUSED, peer_so_error(self->fd));
}

/* An AF_INET6 socket's error queue has what its IPv4 peer causes, if IP_RECVERR is set. */
TEST_F(opening, error_queue_of_a_mapped_peer)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(PEER_PORT) };
	char control[256];
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct sock_extended_err err = {};
	struct cmsghdr *cmsg;

	ROW("API-21");
	if (variant->family == AF_INET6)
		return;		/* the peer is an IPv4 one */
	peer_reset(&self->p, PEER_PORT, 0);
	self->fd = xt_socket_flags(AF_INET6, SOCK_NONBLOCK);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(peer_set_int(self->fd, SOL_IP, IP_RECVERR, 1));
	peer_addr(AF_INET6, "::ffff:192.0.2.2", &to.sin6_addr);
	ASSERT_EQ(-1, connect(self->fd, (void *)&to, sizeof(to)));
	expect(.flags = SYN);
	send_kind(&soft[1], .seq = -1);
	must(peer_poll(&self->p, self->fd, 0, 50));
	ASSERT_LE(0, recvmsg(self->fd, &msg, MSG_ERRQUEUE));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	ASSERT_EQ(IPV6_RECVERR, cmsg->cmsg_type);
	memcpy(&err, CMSG_DATA(cmsg), sizeof(err));
	ASSERT_EQ(EHOSTUNREACH, err.ee_errno);
	ASSERT_EQ(SO_EE_ORIGIN_ICMP, err.ee_origin);
}

/* --- about the SYN-ACK of a listener ------------------------------------------ */

WIRE_FIXTURE(half_open)

FIXTURE_SETUP(half_open)
{
	self->fd = -1;
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	ASSERT_TRUE(peer_send_syn(&self->p));
	listed_is(ST_SYN_RCVD);
}

/* The listener has nothing to say about it: no error, no message, nothing to accept. */
static bool is_unmoved(struct peer *p, int lfd)
{
	char control[256];
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };

	return !peer_poll(p, lfd, POLLIN | POLLERR, 50) && !peer_so_error(lfd) &&
	       recvmsg(lfd, &msg, MSG_ERRQUEUE) < 0 && errno == EAGAIN &&
	       accept(lfd, NULL, NULL) < 0 && errno == EAGAIN;
}

/* Who has not seen the SYN-ACK has to guess its number, next to it is not near enough. */
TEST_F(half_open, wrong_quotes_are_ignored)
{
	static const int64_t wrong[] = { -2, 0, 1, 1 << 30, -(1 << 30) };
	unsigned int i, j;

	ROW("LSN-23");
	for (j = 0; j < COUNT(wrong); j++) {
		for (i = 0; i < COUNT(hard); i++)
			send_kind(&hard[i], .seq = wrong[j]);
		for (i = 0; i < COUNT(soft); i++)
			send_kind(&soft[i], .seq = wrong[j]);
	}
	send_kind(&soft[1], .seq = -1, .sport = SERVER_PORT + 1);
	must(is_unmoved(&self->p, self->lfd));
	listed_is(ST_SYN_RCVD);
	if (!xt_is_control()) {
		ASSERT_EQ(COUNT(wrong) * (COUNT(hard) + COUNT(soft)) + 1,
			  peer_counter("IcmpIgnored"));
		ASSERT_EQ(0, peer_counter("HalfopenReset"));
	}
	send_seg(.flags = ACK);
	self->fd = peer_accept(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	state_is(ST_ESTABLISHED);
}

static void quote_synack(struct peer *q, const struct kind *kind)
{
	struct path_error error = {
		.type = kind->type[V(q->family)], .code = kind->code[V(q->family)], .seq = -1,
	};

	peer_icmp(q, &error);
}

/* One that quotes the SYN-ACK ends the entry, and accept() never hears of it. */
TEST_F(half_open, right_quote_ends_it)
{
	struct peer q;
	unsigned int i;

	ROW("LSN-23");
	ASSERT_TRUE(peer_set_int(self->lfd, V(variant->family) ? SOL_IPV6 : SOL_IP,
				 V(variant->family) ? IPV6_RECVERR : IP_RECVERR, 1));
	for (i = 0; i < COUNT(hard) + COUNT(soft); i++) {
		const struct kind *kind = i < COUNT(hard) ? &hard[i] : &soft[i - COUNT(hard)];

		printf("# %s\n", kind->name);
		q = peer_flow(&self->p, PEER_PORT + 1 + i);
		must(peer_send_syn(&q));
		quote_synack(&q, kind);
		must(peer_await_listed(&q, ST_NONE, 50));
		must(is_unmoved(&self->p, self->lfd));
	}
	if (!xt_is_control()) {
		ASSERT_EQ(i, peer_counter("HalfopenReset"));
	}
	/* The one nobody spoke of is still there, and those gone can come again. */
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	q = peer_flow(&self->p, PEER_PORT + i);
	must(peer_handshake(&q));
	ASSERT_LE(0, peer_accept(&q, self->lfd));
}

/* A path that is too narrow for something, or another path: the peer may well be there. */
TEST_F(half_open, what_is_no_error_ends_nothing)
{
	bool v6 = V(variant->family);

	ROW("LSN-23");
	send_icmp(.type = v6 ? ICMP6_PACKET_TOO_BIG : ICMP_DEST_UNREACH,
		  .code = v6 ? 0 : ICMP_FRAG_NEEDED, .info = 1300, .seq = -1);
	must(is_unmoved(&self->p, self->lfd));
	listed_is(ST_SYN_RCVD);
	send_seg(.flags = ACK);
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
}

/* A peer that waits for accept() has proved that it is there; so has one that is deferred. */
TEST_F(half_open, peers_that_have_answered_stay)
{
	struct peer q = peer_flow(&self->p, PEER_PORT + 1);

	ROW("LSN-23");
	if (xt_is_control())
		SKIP(return, "TCP has no parked connections");
	ASSERT_TRUE(peer_sysctl("net/xtcp/syncookies", "0"));
	must(peer_send_syn(&q));
	ASSERT_EQ(0, listen(self->lfd, 0));
	send_seg(.flags = ACK);
	send_on(&q, .flags = ACK);
	must(peer_await_listed(&q, ST_SYN_RCVD, 0));
	ASSERT_EQ(1, peer_counter("HalfopenParked"));
	quote_synack(&q, &hard[0]);
	peer_pump(&self->p, 50);
	must(peer_await_listed(&q, ST_SYN_RCVD, 0));
	ASSERT_EQ(0, peer_counter("HalfopenReset"));
	ASSERT_LE(0, peer_accept(&self->p, self->lfd));
	ASSERT_LE(0, peer_accept(&q, self->lfd));
	/* TCP_DEFER_ACCEPT: the bare ACK has come, the text has not. */
	q = peer_flow(&self->p, PEER_PORT + 2);
	ASSERT_TRUE(peer_set_int(self->lfd, SOL_TCP, TCP_DEFER_ACCEPT, 10));
	must(peer_send_syn(&q));
	send_on(&q, .flags = ACK, .stray = true);
	quote_synack(&q, &hard[0]);
	peer_pump(&self->p, 50);
	must(peer_await_listed(&q, ST_SYN_RCVD, 0));
	send_on(&q, .flags = ACK | PSH, .len = 10);
	self->fd = peer_accept(&q, self->lfd);
	ASSERT_LE(0, self->fd);
	must(peer_read(&q, self->fd, 10));
}

/* --- in an established connection ------------------------------------------- */

WIRE_FIXTURE_ESTABLISHED(running)

/* Neither the kind that passes nor the other kind stops a connection that works. */
TEST_F(running, errors_do_not_abort)
{
	const struct kind *kind;
	unsigned int i;

	ROW("HS-27");
	ROW("SEC-08");
	for (i = 0; i < COUNT(soft) + COUNT(hard); i++) {
		kind = i < COUNT(soft) ? &soft[i] : &hard[i - COUNT(soft)];
		printf("# %s\n", kind->name);
		must(peer_write(&self->p, self->fd, 10));
		expect(.flags = ACK | PSH, .len = 10);
		send_kind(kind, .seq = -10);
		must(!peer_poll(&self->p, self->fd, POLLIN, 20));
		/* It is remembered for who asks, once. */
		ASSERT_EQ(kind->err[V(variant->family)], peer_so_error(self->fd));
		ASSERT_EQ(0, peer_so_error(self->fd));
		send_seg(.flags = ACK | PSH, .len = 5);
		expect(.flags = ACK);
		must(peer_read(&self->p, self->fd, 5));
		state_is(ST_ESTABLISHED);
	}
}

/* The peer has gone: what the path said last is the reason. */
TEST_F(running, soft_error_is_the_reason_at_the_end)
{
	ROW("HS-27");
	ROW("LOSS-11");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 2000));
	must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	send_kind(&soft[0], .seq = -10);
	must(peer_poll(&self->p, self->fd, POLLHUP, 5000));
	ASSERT_EQ(ENETUNREACH, peer_so_error(self->fd));
}

/* What was said before the peer was heard again explains nothing. */
TEST_F(running, soft_error_is_forgotten_when_the_peer_answers)
{
	ROW("HS-27");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 2000));
	must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	send_kind(&soft[0], .seq = -10);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK);
	must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	must(peer_poll(&self->p, self->fd, POLLHUP, 5000));
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
}

/* A number that is not in flight: not yet sent, or acknowledged long ago. */
TEST_F(running, wrong_quotes_are_ignored)
{
	ROW("SEC-07");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_TCP, TCP_USER_TIMEOUT, 2000));
	must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	send_kind(&soft[0], .seq = -11);
	send_kind(&soft[0], .seq = 1);
	send_kind(&soft[0], .seq = -10, .sport = SERVER_PORT + 1);
	must(peer_poll(&self->p, self->fd, POLLHUP, 5000));
	ASSERT_EQ(ETIMEDOUT, peer_so_error(self->fd));
}

/* Type 4 may not slow anybody down (RFC 6633); it says the same in no other family. */
TEST_F(running, source_quench_is_ignored)
{
	struct tcp_info before = {}, after = {};
	socklen_t len = sizeof(before);

	ROW("SEC-09");
	must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, &before, &len));
	if (variant->family == AF_INET)
		send_icmp(.type = ICMP_SOURCE_QUENCH, .seq = -10);
	else
		send_icmp(.type = 5, .seq = -10);	/* an error type not assigned */
	must(!peer_poll(&self->p, self->fd, POLLIN, 20));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, &after, &len));
	ASSERT_EQ(before.tcpi_snd_cwnd, after.tcpi_snd_cwnd);
	ASSERT_EQ(before.tcpi_snd_ssthresh, after.tcpi_snd_ssthresh);
	ASSERT_EQ(0, peer_so_error(self->fd));
}

/* IP_RECVERR: the error, its origin, whose it was and which way it came, beside the stream. */
TEST_F(running, error_queue)
{
	struct {
		struct sock_extended_err ee;
		struct sockaddr_storage offender;
	} err = {};
	char control[512], text[256];
	struct iovec iov = { text, sizeof(text) };
	struct sockaddr_storage peer, to = {};
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	union {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
	} arrival = {};
	bool v6 = V(variant->family);
	struct in6_addr stack;
	struct cmsghdr *cmsg;

	ROW("API-21");
	if (xt_is_control())
		SKIP(return, "TCP sets the socket's error instead");
	ASSERT_TRUE(peer_set_int(self->fd, v6 ? SOL_IPV6 : SOL_IP,
				 v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1));
	must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	/* Not asked for: nothing is queued. */
	send_kind(&soft[1], .seq = -10);
	must(!peer_poll(&self->p, self->fd, POLLIN, 20));
	ASSERT_EQ(-1, recvmsg(self->fd, &msg, MSG_ERRQUEUE));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_TRUE(peer_set_int(self->fd, v6 ? SOL_IPV6 : SOL_IP,
				 v6 ? IPV6_RECVERR : IP_RECVERR, 1));
	send_kind(&soft[1], .seq = -10);
	must(peer_poll(&self->p, self->fd, 0, 50));
	/* Stream and error queue are two things. */
	send_seg(.flags = ACK | PSH, .len = 5);
	expect(.flags = ACK);
	must(peer_read(&self->p, self->fd, 5));
	msg.msg_controllen = sizeof(control);
	ASSERT_LE(0, recvmsg(self->fd, &msg, MSG_ERRQUEUE));
	ASSERT_EQ(MSG_ERRQUEUE, msg.msg_flags & MSG_ERRQUEUE);
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != (v6 ? SOL_IPV6 : SOL_IP))
			continue;
		if (cmsg->cmsg_type == (v6 ? IPV6_RECVERR : IP_RECVERR))
			memcpy(&err, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
		else if (cmsg->cmsg_type == (v6 ? IPV6_PKTINFO : IP_PKTINFO))
			memcpy(&arrival, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
	}
	ASSERT_EQ(EHOSTUNREACH, err.ee.ee_errno);
	ASSERT_EQ(v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP, err.ee.ee_origin);
	ASSERT_EQ(soft[1].type[v6], err.ee.ee_type);
	ASSERT_EQ(soft[1].code[v6], err.ee.ee_code);
	ASSERT_EQ(variant->family, err.offender.ss_family);
	/* Where the segment went, and how the message came. */
	peer_sockaddr(&self->p, false, self->p.port, &peer);
	ASSERT_EQ(v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in), msg.msg_namelen);
	ASSERT_EQ(0, memcmp(&peer, &to, msg.msg_namelen));
	ASSERT_EQ(if_nametoindex("peer0"), v6 ? arrival.v6.ipi6_ifindex :
		  (unsigned int)arrival.v4.ipi_ifindex);
	peer_addr(variant->family, stack_ip(variant->family), &stack);
	ASSERT_EQ(0, v6 ? memcmp(&arrival.v6.ipi6_addr, &stack, 16) :
			  memcmp(&arrival.v4.ipi_addr, &stack, 4));
	ASSERT_EQ(-1, recvmsg(self->fd, &msg, MSG_ERRQUEUE));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_FALSE(peer_poll(&self->p, self->fd, 0, 0));
	state_is(ST_ESTABLISHED);
}

/* --- path MTU ----------------------------------------------------------------- */

/* "Packet too big" about the segment @offset, sent with @text bytes of text. */
#define too_big(mtu, offset, text)						\
	send_icmp(.type = V(variant->family) ? ICMP6_PACKET_TOO_BIG : ICMP_DEST_UNREACH, \
		  .code = V(variant->family) ? 0 : ICMP_FRAG_NEEDED, .info = (mtu),	\
		  .seq = (offset), .size = headers(variant->family) + (text))

/* IP and TCP header with timestamps. */
static int headers(int family)
{
	return (family == AF_INET6 ? 40 : 20) + 32;
}

/* Two full segments, not acknowledged. */
#define send_two(full)								\
	do {									\
		must(peer_write(&self->p, self->fd, 2 * (full)));		\
		expect(.flags = ACK, .any_psh = true, .len = (full));		\
		expect(.flags = ACK | PSH, .len = (full));			\
	} while (0)

TEST_F(running, too_big_recuts_and_resends_at_once)
{
	int full = self->p.mss - 12, less = 1300 - headers(variant->family);
	struct tcp_info before = {}, after = {};
	socklen_t len = sizeof(before);
	uint32_t una;

	ROW("DATA-31");
	send_two(full);
	una = self->p.rcv_nxt - 2 * full;
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, &before, &len));
	too_big(1300, -2 * full, full);
	/* Not the time-out: nothing has been lost to congestion. */
	self->p.rcv_nxt = una;
	expect(.flags = ACK, .any_psh = true, .len = less, .within = NOW);
	peer_drain(&self->p, 5);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, &after, &len));
	ASSERT_EQ(before.tcpi_snd_ssthresh, after.tcpi_snd_ssthresh);
	ASSERT_LE(before.tcpi_snd_cwnd, after.tcpi_snd_cwnd);
	ASSERT_EQ(1300, after.tcpi_pmtu);
	/* All of it is acknowledged: from now on everything is cut so. */
	self->p.rcv_nxt = una + 2 * full;
	send_seg(.flags = ACK);
	peer_drain(&self->p, 5);
	must(peer_write(&self->p, self->fd, 2 * less));
	expect(.flags = ACK, .any_psh = true, .len = less);
	expect(.flags = ACK | PSH, .len = less);
}

/* Nor do the ACKs of what is sent again slow anything down (RFC 1191, 6.4). */
TEST_F(running, too_big_is_no_congestion)
{
	int full = self->p.mss - 12, less = 1300 - headers(variant->family);
	struct tcp_info before = {}, after = {};
	socklen_t len = sizeof(before);
	struct got seen;
	uint32_t end;

	ROW("DATA-31");
	/* Not CUBIC: HyStart would set the threshold. */
	ASSERT_EQ(0, setsockopt(self->fd, SOL_TCP, TCP_CONGESTION, "reno", 4));
	must(peer_write_full(&self->p, self->fd, 10));
	end = self->p.rcv_nxt;
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, &before, &len));
	too_big(1300, -10 * full, full);
	self->p.rcv_nxt = end - 10 * full;
	while (self->p.rcv_nxt != end) {
		must(peer_next(&self->p, &seen, 50));
		ASSERT_GE(less, seen.len);
		send_seg(.flags = ACK);
	}
	peer_drain(&self->p, 20);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, &after, &len));
	ASSERT_EQ(before.tcpi_snd_ssthresh, after.tcpi_snd_ssthresh);
	ASSERT_LE(before.tcpi_snd_cwnd, after.tcpi_snd_cwnd);
}

/* What was small enough before is not sent again, whatever SACK blocks take from the next. */
TEST_F(running, too_big_for_none_in_flight)
{
	int full = 1000 - 12;

	ROW("DATA-31");
	peer_reset(&self->p, PEER_PORT + 1, SERVER_PORT);
	self->p.mss = 1000;
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
	send_two(full);
	send_seg(.flags = ACK, .seq = 100, .ack = -2 * full, .len = 50);
	expect(.flags = ACK, .any_opts = true, .within = NOW);
	too_big(1300, -2 * full, PEER_MTU - headers(variant->family));
	silence(150);
	send_seg(.flags = ACK);
	silence(500);
}

/* A socket option of IP in between takes nothing from what is known of the path. */
TEST_F(running, too_big_after_an_option_of_ip)
{
	int full = self->p.mss - 12, less = 1300 - headers(variant->family);
	int v6 = V(variant->family);
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	ROW("DATA-31");
	send_two(full);
	must(peer_set_int(self->fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TCLASS : IP_TOS, 0x20));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_INFO, &info, &len));
	ASSERT_EQ(1500, info.tcpi_pmtu);
	too_big(1300, -2 * full, full);
	self->p.rcv_nxt -= 2 * full;
	expect(.flags = ACK, .any_psh = true, .len = less, .within = NOW);
}

TEST_F_TIMEOUT(running, a_larger_size_is_not_tried_soon, 400)
{
	int full = self->p.mss - 12, less = 1300 - headers(variant->family);

	ROW("DATA-32");
	send_two(full);
	too_big(1300, -2 * full, full);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK);
	peer_pump(&self->p, 299000);
	must(peer_write(&self->p, self->fd, less + 1));
	expect(.flags = ACK, .any_psh = true, .len = less);
	expect(.flags = ACK | PSH, .len = 1);
}

/* Nonsense: below what every link carries. Tiny, but legal: to a floor (IPv4). */
TEST_F(running, too_big_has_a_floor)
{
	int full = self->p.mss - 12, floor = 552 - headers(AF_INET);

	ROW("DATA-32");
	ROW("SEC-10");
	send_two(full);
	too_big(60, -2 * full, full);
	too_big(variant->family == AF_INET6 ? 1279 : 67, -2 * full, full);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK);
	send_two(full);
	send_seg(.flags = ACK);
	if (variant->family == AF_INET6)
		return;
	send_two(full);
	too_big(300, -2 * full, full);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK);
	peer_drain(&self->p, 20);
	must(peer_write(&self->p, self->fd, floor + 1));
	/* With DF clear, as so small a path is locked: a router may cut it further. */
	expect(.flags = ACK, .any_psh = true, .len = floor);
}

/* Forged: about nothing in flight, no smaller than what is used. */
TEST_F(running, too_big_must_fit_what_is_in_flight)
{
	int full = self->p.mss - 12;

	ROW("SEC-10");
	ROW("SEC-07");
	send_two(full);
	send_seg(.flags = ACK);
	too_big(1300, -2 * full, full);
	too_big(1300, -full, full);
	too_big(1300, 0, full);
	send_two(full);
	too_big(1300, -2 * full - 1, full);
	too_big(1300, 1, full);
	too_big(1500, -2 * full, full);
	too_big(9000, -2 * full, full);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK);
	send_two(full);
}

/* A small segment cannot have been too big for a path larger than itself. */
TEST_F(running, too_big_must_be_smaller_than_its_cause)
{
	int full = self->p.mss - 12;

	ROW("SEC-10");
	if (xt_is_control())
		SKIP(return, "TCP does not look at the length quoted");
	must(peer_write(&self->p, self->fd, 10));
	expect(.flags = ACK | PSH, .len = 10);
	too_big(1300, -10, 10);
	peer_drain(&self->p, 20);
	send_seg(.flags = ACK);
	send_two(full);
}

TEST_HARNESS_MAIN
