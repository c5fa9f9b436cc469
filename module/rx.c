// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where segments enter: check once, look up once, dispatch on what was found.
 *
 * RFC 9293, 3.10.7. Softirq, RCU read side. Lower files return verdicts; this file, the
 * only dispatcher, acts on them.
 */
#include <linux/filter.h>
#include <linux/icmpv6.h>
#include <linux/sizes.h>
#include <net/busy_poll.h>
#include <net/dsfield.h>
#include <net/protocol.h>
#include <net/xfrm.h>

#include "xtcp.h"
#include "af_ops.h"
#include "trace.h"

/* Every length is checked here, once: afterwards header and options are in linear memory. */
static bool check_segment(struct sk_buff *skb, const struct xtcp_af_ops *af, struct net *net)
{
	enum xtcp_drop reason;
	unsigned int hdr_len;

	if (skb->pkt_type != PACKET_HOST) {
		reason = XTCP_DROP_NOT_UNICAST;
	} else if (!pskb_may_pull(skb, XTCP_HDR_LEN)) {
		reason = XTCP_DROP_TOO_SHORT;
	} else {
		hdr_len = xtcp_wire_hdr_len((const struct xtcp_hdr *)skb->data);
		if (hdr_len < XTCP_HDR_LEN || !pskb_may_pull(skb, hdr_len))
			reason = XTCP_DROP_BAD_OFFSET;
		else if (!af->csum_ok(skb))
			reason = XTCP_DROP_BAD_CHECKSUM;
		else if (!af->addr_ok(skb))
			reason = XTCP_DROP_BAD_SOURCE;
		else
			return true;
	}
	xtcp_mib_drop(net, skb, reason);
	return false;
}

static void fill_cb(struct sk_buff *skb, u16 family)
{
	const struct xtcp_hdr *hdr = (const struct xtcp_hdr *)skb->data;
	struct xtcp_cb *cb = XTCP_CB(skb);

	cb->seq = ntohl(hdr->seq);
	cb->end_seq = cb->seq + skb->len - xtcp_wire_hdr_len(hdr) + xtcp_wire_flag_len(hdr->flags);
	cb->ack = ntohl(hdr->ack);
	cb->win = ntohs(hdr->win);
	cb->urg = ntohs(hdr->urg);
	cb->flags = hdr->flags;
	cb->marks = 0;
	/* CE is a matter of the IP header, which nobody looks at later. */
	cb->ecn = XTCP_ECN_MASK & (family == AF_INET6 ? ipv6_get_dsfield(ipv6_hdr(skb)) :
							ipv4_get_dsfield(ip_hdr(skb)));
}

/* IPsec policy: the protocol handler is registered with no_policy. */
static bool is_allowed(struct sock *sk, struct sk_buff *skb, u16 family)
{
	return family == AF_INET6 ? xfrm6_policy_check(sk, XFRM_POLICY_IN, skb) :
				    xfrm4_policy_check(sk, XFRM_POLICY_IN, skb);
}

/* IP_MINTTL, IPV6_MINHOPCOUNT: has it come from as near as the socket demands (RFC 5082)? */
static bool is_near(const struct sock *sk, const struct sk_buff *skb, u16 family)
{
	const struct ipv6_pinfo *np = inet_sk(sk)->pinet6;

	if (family == AF_INET)
		return ip_hdr(skb)->ttl >= READ_ONCE(inet_sk(sk)->min_ttl);
	return !np || ipv6_hdr(skb)->hop_limit >= READ_ONCE(np->min_hopcount);
}

static bool has_classic_filter(const struct sock *sk)
{
	const struct sk_filter *filter;
	bool classic;

	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	classic = filter && bpf_prog_was_classic(filter->prog);
	rcu_read_unlock();
	return classic;
}

/*
 * The socket's filter. A classic program may be anybody's, and its verdict shows: what would
 * let it forge segments of the connection, numbers, checksum and options, reads as zero
 * (CVE-2026-53236; TCP refuses the program instead, which takes more than a module can).
 */
static int run_filter(struct sock *sk, struct sk_buff *skb)
{
	unsigned int hdr_len = xtcp_wire_hdr_len((const struct xtcp_hdr *)skb->data);
	u8 saved[XTCP_HDR_MAX];
	struct xtcp_hdr *hdr;
	int err;

	if (!has_classic_filter(sk))
		return sk_filter_trim_cap(sk, skb, hdr_len);
	/* A packet socket may share the header. */
	if (skb_ensure_writable(skb, hdr_len))
		return -ENOMEM;
	hdr = (struct xtcp_hdr *)skb->data;
	memcpy(saved, hdr, hdr_len);
	hdr->seq = 0;
	hdr->ack = 0;
	hdr->check = 0;
	memset(hdr + 1, 0, hdr_len - XTCP_HDR_LEN);
	err = sk_filter_trim_cap(sk, skb, hdr_len);
	memcpy(skb->data, saved, hdr_len);
	return err;
}

/* May the socket, and the namespace's policy, see this segment at all? */
static bool is_admitted(struct sock *sk, struct sk_buff *skb, u16 family)
{
	struct net *net = sock_net(sk);
	unsigned int len = skb->len;

	if (!is_near(sk, skb, family) || !is_allowed(sk, skb, family)) {
		xtcp_mib_drop(net, skb, XTCP_DROP_POLICY);
		return false;
	}
	nf_reset_ct(skb);
	/* Filters see header and text; never less than the header stays. */
	if (run_filter(sk, skb)) {
		xtcp_mib_drop(net, skb, XTCP_DROP_FILTER);
		return false;
	}
	/* A filter may have cut text off: the numbers follow. */
	if (skb->len != len)
		fill_cb(skb, family);
	return true;
}

/* Plain text that follows @tail and says nothing else new? */
static bool continues(const struct sk_buff *tail, const struct sk_buff *skb)
{
	const struct xtcp_hdr *a = (const struct xtcp_hdr *)skb_transport_header(tail);
	const struct xtcp_hdr *b = (const struct xtcp_hdr *)skb_transport_header(skb);
	const struct xtcp_cb *first = XTCP_CB(tail), *next = XTCP_CB(skb);

	return (first->flags & ~XTCP_PSH) == XTCP_ACK && (next->flags & ~XTCP_PSH) == XTCP_ACK &&
	       first->end_seq == next->seq && first->seq != first->end_seq &&
	       next->seq != next->end_seq && first->ack == next->ack &&
	       first->ecn == next->ecn && a->off == b->off &&
	       !memcmp(a + 1, b + 1, xtcp_wire_hdr_len(b) - XTCP_HDR_LEN);
}

/*
 * Add the text of @skb to the end of the backlog if it continues it; true: @skb is gone. While
 * a user holds the socket for long, small segments would take more room than the window meant.
 */
static bool coalesce_backlog(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *tail = sk->sk_backlog.tail;
	unsigned int hdr_len = xtcp_wire_hdr_len((struct xtcp_hdr *)skb_transport_header(skb));
	struct skb_shared_info *info;
	u32 first_text;		/* no SYN, no FIN: all its numbers are of text */
	bool stolen;
	int delta;

	if (!tail || !continues(tail, skb))
		return false;
	first_text = XTCP_CB(tail)->end_seq - XTCP_CB(tail)->seq;
	__skb_pull(skb, hdr_len);
	if (!skb_try_coalesce(tail, skb, &stolen, &delta)) {
		__skb_push(skb, hdr_len);
		return false;
	}
	info = skb_shinfo(tail);
	/* The peer's segment size is guessed from what they were. */
	if (!info->gso_size)
		info->gso_size = first_text;
	info->gso_segs = min(max_t(u32, 1, info->gso_segs) +
			     max_t(u32, 1, skb_shinfo(skb)->gso_segs), U16_MAX);
	XTCP_CB(tail)->end_seq = XTCP_CB(skb)->end_seq;
	XTCP_CB(tail)->win = XTCP_CB(skb)->win;
	XTCP_CB(tail)->flags |= XTCP_CB(skb)->flags;
	if (skb->tstamp) {
		tail->tstamp = skb->tstamp;	/* of what is read last */
		skb_shinfo(tail)->hwtstamps = skb_shinfo(skb)->hwtstamps;
	}
	sk->sk_backlog.len += delta;
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_RCV_COALESCED);
	kfree_skb_partial(skb, stolen);
	return true;
}

/*
 * What a socket's receive queue and backlog may hold together [truesize]. A segment counts in
 * both until all of the backlog is worked off, so each may hold a receive buffer's worth: a
 * full window, sent in good faith, fits. Pure ACKs come on top.
 */
static unsigned int backlog_limit(const struct sock *sk)
{
	u64 limit = 2ULL * READ_ONCE(sk->sk_rcvbuf) + READ_ONCE(sk->sk_sndbuf) / 2 + SZ_64K;

	return min_t(u64, limit, UINT_MAX);
}

/* A connected socket: now, or on its backlog while a user owns it. Drops the reference. */
static void rcv_sock(struct sock *sk, struct sk_buff *skb, u16 family)
{
	if (!is_admitted(sk, skb, family))
		goto put;
	sk_incoming_cpu_update(sk);	/* SO_INCOMING_CPU, SO_INCOMING_NAPI_ID */
	sk_mark_napi_id(sk, skb);
	skb->dev = NULL;
	bh_lock_sock_nested(sk);
	if (!sock_owned_by_user(sk))
		xtcp_input_rcv(sk, skb);
	else if (!coalesce_backlog(sk, skb) && sk_add_backlog(sk, skb, backlog_limit(sk)))
		xtcp_mib_drop(sock_net(sk), skb, XTCP_DROP_BACKLOG);
	bh_unlock_sock(sk);
put:
	sock_put(sk);
}

/**
 * xtcp_rx_backlog - proto.backlog_rcv: a segment that waited for the socket's user
 * @sk: the socket
 * @skb: as rcv_sock() left it; consumed
 *
 * Context: socket lock, process.
 * Return: 0.
 */
int xtcp_rx_backlog(struct sock *sk, struct sk_buff *skb)
{
	xtcp_input_rcv(sk, skb);
	return 0;
}

/* A child, locked and referenced, and the segment that made it. */
static void rcv_child(struct sock *listener, struct sock *child, const struct xtcp_flow *flow,
		      struct sk_buff *skb)
{
	xtcp_sk(child)->af->note_arrival(child, skb, flow->ifindex);
	sk_mark_napi_id(child, skb);
	xtcp_input_rcv(child, skb);
	bh_unlock_sock(child);
	sock_put(child);
	listener->sk_data_ready(listener);
}

static void rcv_halfopen(struct xtcp_halfopen *ho, const struct xtcp_flow *flow,
			 struct sk_buff *skb)
{
	struct sock *listener = ho->listener;
	struct sock *child;

	if (!is_admitted(listener, skb, flow->family))
		goto put;
	child = xtcp_handshake_halfopen(ho, flow, skb);
	if (child)
		rcv_child(listener, child, flow, skb);
put:
	xtcp_halfopen_put(ho);
}

static void rcv_listener(const struct xtcp_flow *flow, int sdif, struct sk_buff *skb, u32 min_iss)
{
	struct sock *listener = xtcp_hash_find_listener(flow, sdif, skb);
	struct sock *child;

	if (listener) {
		if (!is_admitted(listener, skb, flow->family))
			return;
		child = xtcp_handshake_listen(listener, flow, skb, min_iss);
		if (child)
			rcv_child(listener, child, flow, skb);
		return;
	}
	if (!is_allowed(NULL, skb, flow->family)) {
		xtcp_mib_drop(flow->net, skb, XTCP_DROP_POLICY);
		return;
	}
	xtcp_reply_rst(flow, skb);
	xtcp_mib_drop(flow->net, skb, XTCP_DROP_NO_CONNECTION);
}

static void rcv_timewait(struct xtcp_timewait *tw, const struct xtcp_flow *flow, int sdif,
			 struct sk_buff *skb)
{
	const struct xtcp_hdr *hdr = (const struct xtcp_hdr *)skb->data;
	struct xtcp_opts opts;
	u32 min_iss = 0;

	if (!is_allowed(NULL, skb, flow->family)) {
		xtcp_mib_drop(flow->net, skb, XTCP_DROP_POLICY);
		xtcp_timewait_put(tw);
		return;
	}
	xtcp_options_parse(&opts, (const u8 *)(hdr + 1), xtcp_wire_hdr_len(hdr) - XTCP_HDR_LEN,
			   hdr->flags & XTCP_SYN);
	switch (xtcp_timewait_rcv(tw, skb, &opts, &min_iss)) {
	case XTCP_TIMEWAIT_REUSE:
		if (xtcp_hash_find_listener(flow, sdif, skb)) {
			xtcp_mib_inc(flow->net, XTCP_MIB_TIME_WAIT_REUSED);
			xtcp_timewait_del(tw);
			rcv_listener(flow, sdif, skb, min_iss ?: 1);
			skb = NULL;
		} else {
			xtcp_reply_timewait_ack(tw);
		}
		break;
	case XTCP_TIMEWAIT_ANSWER:
		xtcp_reply_timewait_ack(tw);
		break;
	case XTCP_TIMEWAIT_DROP:
		break;
	}
	if (skb)
		xtcp_mib_drop(flow->net, skb, XTCP_CB(skb)->flags & XTCP_RST ?
			      XTCP_DROP_TIME_WAIT_RST : XTCP_DROP_TIME_WAIT_OLD);
	xtcp_timewait_put(tw);
}

/* Segments of both IP versions: @skb->data is at the transport header. */
static int rcv(struct sk_buff *skb, const struct xtcp_af_ops *af)
{
	struct net *net = dev_net(skb->dev);
	struct xtcp_flow flow;
	struct xtcp_node *node;
	int sdif;

	xtcp_mib_add(net, XTCP_MIB_IN_SEGS, max_t(u16, 1, skb_shinfo(skb)->gso_segs));
	if (!check_segment(skb, af, net))
		return 0;
	sdif = af->flow_of_skb(skb, &flow);
	xtcp_hash_place(&flow);
	fill_cb(skb, flow.family);
	trace_xtcp_rcv(&flow, (const struct xtcp_hdr *)skb->data,
		       skb->len - xtcp_wire_hdr_len((const struct xtcp_hdr *)skb->data));

	node = xtcp_hash_find(&flow, sdif);
	if (!node) {
		rcv_listener(&flow, sdif, skb, 0);
		return 0;
	}
	switch (node->kind) {
	case XTCP_KIND_LISTENER:	/* since it was found: takes nothing any more */
	case XTCP_KIND_SOCK:
		rcv_sock(xtcp_node_sk(node), skb, flow.family);
		break;
	case XTCP_KIND_HALFOPEN:
		rcv_halfopen(container_of(node, struct xtcp_halfopen, node), &flow, skb);
		break;
	case XTCP_KIND_TIMEWAIT:
		rcv_timewait(container_of(node, struct xtcp_timewait, node), &flow, sdif, skb);
		break;
	}
	return 0;
}

static int rcv_v4(struct sk_buff *skb)
{
	return rcv(skb, &xtcp_ipv4_ops);
}

static const struct net_protocol protocol_v4 = {
	.handler	= rcv_v4,
	.err_handler	= xtcp_icmp_rcv_v4,
	.no_policy	= 1,
	.icmp_strict_tag_validation = 1,
};

#if IS_ENABLED(CONFIG_IPV6)
static int rcv_v6(struct sk_buff *skb)
{
	return rcv(skb, &xtcp_ipv6_ops);
}

static const struct inet6_protocol protocol_v6 = {
	.handler	= rcv_v6,
	.err_handler	= xtcp_icmp_rcv_v6,
	.flags		= INET6_PROTO_NOPOLICY | INET6_PROTO_FINAL,
};
#endif

/**
 * xtcp_rx_init - receive the protocol's segments and ICMP errors
 *
 * Context: module load; everything a segment can reach is ready.
 * Return: 0, or -EEXIST when another module has the protocol number.
 */
int xtcp_rx_init(void)
{
	int err = inet_add_protocol(&protocol_v4, xtcp_sysctl_protocol);

	if (err)
		return -EEXIST;
#if IS_ENABLED(CONFIG_IPV6)
	err = inet6_add_protocol(&protocol_v6, xtcp_sysctl_protocol);
	if (err) {
		inet_del_protocol(&protocol_v4, xtcp_sysctl_protocol);
		return -EEXIST;
	}
#endif
	return 0;
}

/**
 * xtcp_rx_exit - receive no more; none is on its way when this returns
 *
 * Context: module unload.
 */
void xtcp_rx_exit(void)
{
#if IS_ENABLED(CONFIG_IPV6)
	inet6_del_protocol(&protocol_v6, xtcp_sysctl_protocol);
#endif
	inet_del_protocol(&protocol_v4, xtcp_sysctl_protocol);
}
