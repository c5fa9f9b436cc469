// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors about segments we sent.
 *
 * RFC 9293, 3.9.2.2; RFC 5927 (a message counts only if it quotes something in flight);
 * RFC 5461; RFC 1191 and RFC 8201 (path MTU); RFC 6633 (source quench).
 * Context: softirq, under RCU; takes the socket's spinlock.
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ndisc.h>

#include "xtcp.h"
#include "af_ops.h"

#define MIN_MTU_V4	68	/* RFC 791: every link carries this [bytes] */

enum message_kind {
	MESSAGE_IGNORE,
	MESSAGE_SOFT,		/* may pass: remember, go on */
	MESSAGE_HARD,		/* will not pass, if the connection is still opening */
	MESSAGE_TOO_BIG,
	MESSAGE_REDIRECT,
};

/**
 * struct message - an ICMP error, of either IP version
 * @skb: with skb->data at the quoted IP header
 * @flow: whose segment is quoted, as seen from here
 * @sdif: l3 slave device it came in by, 0: none
 * @kind: enum message_kind
 * @err: errno it stands for
 * @origin: SO_EE_ORIGIN_*
 * @type: ICMP type
 * @code: ICMP code
 * @info: for the error queue: the MTU, host byte order
 * @quoted: transport header quoted, eight octets of it
 * @quoted_daddr: destination address quoted
 * @quoted_len: length of the whole packet quoted [bytes]
 * @hops: TTL or hop limit that IP_MINTTL, IPV6_MINHOPCOUNT ask for
 */
struct message {
	struct sk_buff *skb;
	struct xtcp_flow flow;
	int sdif;
	u8 kind;
	int err;
	u8 origin;
	u8 type;
	u8 code;
	u32 info;
	const struct xtcp_hdr *quoted;
	const void *quoted_daddr;
	u32 quoted_len;
	u8 hops;
};

static void ignore(const struct message *msg)
{
	xtcp_mib_inc(msg->flow.net, XTCP_MIB_ICMP_IGNORED);
}

/* Tell an application that asked for it (IP_RECVERR); the connection goes on. */
static void queue_error(struct sock *sk, const struct message *msg)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;
	bool wanted;

	/* By the wire, as TCP: an AF_INET6 socket with an IPv4 peer sets IP_RECVERR for this. */
	if (msg->flow.family == AF_INET)
		wanted = xtcp_inet_test(sk, recverr, RECVERR);
	else
		wanted = xtcp_inet6_test(sk, recverr, RECVERR6);
	if (!wanted)
		return;
	skb = skb_clone(msg->skb, GFP_ATOMIC);
	if (!skb)
		return;
	serr = SKB_EXT_ERR(skb);
	/* Not the header, from which IP_PKTINFO is answered. */
	memset(&serr->ee, 0, sizeof(serr->ee));
	serr->opt_stats = 0;
	serr->ee.ee_errno = msg->err;
	serr->ee.ee_origin = msg->origin;
	serr->ee.ee_type = msg->type;
	serr->ee.ee_code = msg->code;
	serr->ee.ee_info = msg->info;
	serr->addr_offset = (const u8 *)msg->quoted_daddr - skb_network_header(skb);
	serr->port = msg->flow.rport;
	__skb_pull(skb, (const u8 *)msg->quoted - skb->data);
	skb_reset_transport_header(skb);
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

static bool accepts_pmtu(const struct sock *sk)
{
	if (xtcp_sk(sk)->af->family == AF_INET)
		return ip_sk_accept_pmtu(sk) && inet_sk(sk)->pmtudisc != IP_PMTUDISC_DONT;
	return ip6_sk_accept_pmtu(sk);
}

/*
 * A smaller path MTU is believed if the segment quoted is still in flight and really was
 * larger (RFC 5927, 7.2); the route knows how small it may get.
 */
static void handle_too_big(struct sock *sk, const struct message *msg)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 floor = msg->flow.family == AF_INET ? MIN_MTU_V4 : IPV6_MIN_MTU;
	struct dst_entry *dst;

	if (ntohl(msg->quoted->seq) == xp->snd_nxt || msg->info < floor ||
	    msg->info >= msg->quoted_len || msg->info >= xp->pmtu || !accepts_pmtu(sk)) {
		ignore(msg);
		return;
	}
	dst = sk_dst_get(sk);
	/* A socket option of IP drops the route until the next segment. */
	if (!dst && !sock_owned_by_user(sk) && !xp->af->route(sk))
		dst = sk_dst_get(sk);
	if (!dst)
		return;
	dst->ops->update_pmtu(dst, sk, NULL, msg->info, true);
	dst_release(dst);
	if (!sock_owned_by_user(sk))
		xtcp_timer_mtu_reduced(sk);
	else if (!test_and_set_bit(XTCP_DEFER_MTU, &xp->deferred))
		sock_hold(sk);
}

static void handle_redirect(struct sock *sk, struct sk_buff *skb)
{
	struct dst_entry *dst = sk_dst_get(sk);

	if (!dst)
		return;
	dst->ops->redirect(dst, sk, skb);
	dst_release(dst);
}

/*
 * A hard error ends an attempt to connect (RFC 9293, 3.9.2.2, SHLD-26). Once both ends
 * have talked it is as soft as any other (deviates: RFC 5927, 5.2): what still comes
 * through proves it wrong, and else the time-out reports it.
 */
static void handle_error(struct sock *sk, const struct message *msg)
{
	bool opening = XTCP_F(sk->sk_state) & (XTCP_F(XTCP_SYN_SENT) | XTCP_F(XTCP_SYN_RCVD));

	WRITE_ONCE(sk->sk_err_soft, msg->err);
	queue_error(sk, msg);
	if (opening && msg->kind == MESSAGE_HARD && !sock_owned_by_user(sk))
		xtcp_conn_fsm_run(sk, XTCP_EV_GIVE_UP);
}

/* IP_MINTTL, IPV6_MINHOPCOUNT: may it have come from as near as the socket demands (RFC 5082)? */
static bool is_near_enough(const struct sock *sk, const struct message *msg)
{
	if (msg->flow.family == AF_INET)
		return msg->hops >= READ_ONCE(inet_sk(sk)->min_ttl);
	return msg->hops >= READ_ONCE(inet_sk(sk)->pinet6->min_hopcount);
}

static void handle_sock(struct sock *sk, const struct message *msg)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);

	bh_lock_sock(sk);
	if (sk->sk_state == XTCP_CLOSED || sk->sk_state == XTCP_LISTEN)
		goto unlock;
	/* RFC 5927, 4.1: who cannot see the segments has to guess. */
	if (!is_near_enough(sk, msg) ||
	    !xtcp_seq_between(ntohl(msg->quoted->seq), xp->snd_una, xp->snd_nxt)) {
		ignore(msg);
		goto unlock;
	}
	if (msg->kind == MESSAGE_TOO_BIG)
		handle_too_big(sk, msg);
	else if (msg->kind == MESSAGE_REDIRECT)
		handle_redirect(sk, msg->skb);
	else
		handle_error(sk, msg);
unlock:
	bh_unlock_sock(sk);
	sock_put(sk);
}

/* An error about our SYN-ACK; accept() never hears of it. */
static void handle_halfopen(struct xtcp_halfopen *ho, const struct message *msg)
{
	bool error = msg->kind == MESSAGE_SOFT || msg->kind == MESSAGE_HARD;

	/* A peer that has completed the handshake is told by RST or served, nothing between. */
	if (error && ntohl(msg->quoted->seq) == ho->iss && !ho->acked && !ho->parked) {
		xtcp_mib_inc(msg->flow.net, XTCP_MIB_HALFOPEN_RESET);
		xtcp_halfopen_del(ho);
	} else {
		ignore(msg);
	}
	xtcp_halfopen_put(ho);
}

static int dispatch(const struct message *msg)
{
	struct xtcp_node *node;

	if (msg->kind == MESSAGE_IGNORE)
		return 0;
	node = xtcp_hash_find(&msg->flow, msg->sdif);
	if (!node) {
		ignore(msg);
		return -ENOENT;
	}
	switch (node->kind) {
	case XTCP_KIND_SOCK:
	case XTCP_KIND_LISTENER:
		handle_sock(xtcp_node_sk(node), msg);
		break;
	case XTCP_KIND_HALFOPEN:
		handle_halfopen(container_of(node, struct xtcp_halfopen, node), msg);
		break;
	case XTCP_KIND_TIMEWAIT:
		xtcp_timewait_put(container_of(node, struct xtcp_timewait, node));
		break;
	}
	return 0;
}

static void judge_v4(struct message *msg)
{
	switch (msg->type) {
	case ICMP_REDIRECT:
		msg->kind = MESSAGE_REDIRECT;
		break;
	case ICMP_PARAMETERPROB:
		msg->kind = MESSAGE_SOFT;
		msg->err = EPROTO;
		break;
	case ICMP_TIME_EXCEEDED:
		msg->kind = MESSAGE_SOFT;
		msg->err = EHOSTUNREACH;
		break;
	case ICMP_DEST_UNREACH:
		if (msg->code > NR_ICMP_UNREACH)
			break;
		msg->err = icmp_err_convert[msg->code].errno;
		if (msg->code == ICMP_FRAG_NEEDED)
			msg->kind = MESSAGE_TOO_BIG;
		else
			msg->kind = icmp_err_convert[msg->code].fatal ? MESSAGE_HARD :
									MESSAGE_SOFT;
		break;
	}
}

/**
 * xtcp_icmp_rcv_v4 - net_protocol.err_handler
 * @skb: skb->data at the quoted IP header, eight octets of the segment behind it
 * @info: with ICMP_FRAG_NEEDED the MTU of the next link [bytes]
 *
 * Context: softirq, under RCU.
 * Return: 0, or -ENOENT if the quoted segment is nobody's.
 */
int xtcp_icmp_rcv_v4(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct xtcp_hdr *quoted = (const struct xtcp_hdr *)(skb->data + iph->ihl * 4);
	struct message msg = {
		.skb = skb,
		.flow = {
			.net = dev_net(skb->dev),
			.ifindex = inet_iif(skb),
			.family = AF_INET,
			.lport = quoted->sport,
			.rport = quoted->dport,
			.v4.laddr = iph->saddr,
			.v4.raddr = iph->daddr,
		},
		.sdif = inet_sdif(skb),
		.kind = MESSAGE_IGNORE,
		.origin = SO_EE_ORIGIN_ICMP,
		.type = icmp_hdr(skb)->type,
		.code = icmp_hdr(skb)->code,
		.info = info,
		.quoted = quoted,
		.quoted_daddr = &iph->daddr,
		.quoted_len = ntohs(iph->tot_len),
		.hops = iph->ttl,
	};

	judge_v4(&msg);
	return dispatch(&msg);
}

#if IS_ENABLED(CONFIG_IPV6)
static void judge_v6(struct message *msg)
{
	bool fatal = icmpv6_err_convert(msg->type, msg->code, &msg->err);

	switch (msg->type) {
	case NDISC_REDIRECT:
		msg->kind = MESSAGE_REDIRECT;
		break;
	case ICMPV6_PKT_TOOBIG:
		msg->kind = MESSAGE_TOO_BIG;
		break;
	case ICMPV6_DEST_UNREACH:
		msg->kind = fatal ? MESSAGE_HARD : MESSAGE_SOFT;
		break;
	case ICMPV6_PARAMPROB:
		/* A host without xtcp: what "protocol unreachable" is in IPv4. */
		msg->kind = msg->code == ICMPV6_UNK_NEXTHDR ? MESSAGE_HARD : MESSAGE_SOFT;
		break;
	case ICMPV6_TIME_EXCEED:
		msg->kind = MESSAGE_SOFT;
		break;
	}
}

/**
 * xtcp_icmp_rcv_v6 - inet6_protocol.err_handler
 * @skb: skb->data at the quoted IPv6 header
 * @opt: not used
 * @type: ICMPv6 type
 * @code: ICMPv6 code
 * @offset: of the quoted segment from skb->data, eight octets of it are there [bytes]
 * @info: with ICMPV6_PKT_TOOBIG the MTU of the next link, network byte order [bytes]
 *
 * Context: softirq, under RCU.
 * Return: 0, or -ENOENT if the quoted segment is nobody's.
 */
int xtcp_icmp_rcv_v6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		     int offset, __be32 info)
{
	const struct ipv6hdr *ip6h = (const struct ipv6hdr *)skb->data;
	const struct xtcp_hdr *quoted = (const struct xtcp_hdr *)(skb->data + offset);
	struct message msg = {
		.skb = skb,
		.flow = {
			.net = dev_net(skb->dev),
			.ifindex = inet6_iif(skb),
			.family = AF_INET6,
			.lport = quoted->sport,
			.rport = quoted->dport,
			.v6.laddr = ip6h->saddr,
			.v6.raddr = ip6h->daddr,
		},
		.sdif = inet6_sdif(skb),
		.kind = MESSAGE_IGNORE,
		.origin = SO_EE_ORIGIN_ICMP6,
		.type = type,
		.code = code,
		.info = ntohl(info),
		.quoted = quoted,
		.quoted_daddr = &ip6h->daddr,
		.quoted_len = sizeof(*ip6h) + ntohs(ip6h->payload_len),
		.hops = ipv6_hdr(skb)->hop_limit,
	};

	judge_v6(&msg);
	return dispatch(&msg);
}
#endif
