// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers on behalf of no socket: RST to strangers, and what half-open and TIME_WAIT
 * entries have to say.
 *
 * RFC 9293, 3.5.2, 3.5.3, 3.10.7.1. Runs in softirq; nothing is retained.
 */
#include <linux/bpf-cgroup.h>
#include <linux/random.h>
#include <net/ip.h>

#include "xtcp.h"
#include "af_ops.h"
#include "trace.h"

/* The numbers of a segment to build. */
struct answer {
	u32 seq;
	u32 ack;
	u16 win;
	u8 flags;
};

/* ip6_xmit() moves a segment without room for a jumbogram's option, which none here is. */
#define IP_SPARE	8

/*
 * Link-local peers are reached through the device they were heard on, others by route: that
 * of the VRF, if they were heard in one.
 */
static int out_ifindex(const struct xtcp_flow *flow)
{
	if (flow->family == AF_INET6 && ipv6_addr_type(&flow->v6.raddr) & IPV6_ADDR_LINKLOCAL)
		return flow->ifindex;
	return netif_index_is_l3_master(flow->net, flow->ifindex) ? flow->ifindex : 0;
}

static void send_answer(const struct xtcp_reply *r, const struct answer *a,
			const struct xtcp_opts *opts)
{
	unsigned int hdr_len = XTCP_HDR_LEN + (opts ? xtcp_options_len(opts) : 0);
	const struct xtcp_flow *flow = r->flow;
	const struct xtcp_af_ops *af = xtcp_af_ops(flow->family);
	/* A device that is known needs less than any may: often half as large a block. */
	unsigned int room = af->net_hdr_len + IP_SPARE +
			    (r->dst ? LL_RESERVED_SPACE(r->dst->dev) : MAX_HEADER);
	struct xtcp_hdr *hdr;
	struct sk_buff *skb;

	skb = alloc_skb(room + hdr_len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		dst_release(r->dst);
		return;
	}
	skb_reserve(skb, room);
	hdr = __skb_put(skb, hdr_len);
	skb_reset_transport_header(skb);
	hdr->sport = flow->lport;
	hdr->dport = flow->rport;
	hdr->seq = htonl(a->seq);
	hdr->ack = htonl(a->ack);
	hdr->off = (hdr_len / 4) << 4;
	hdr->flags = a->flags;
	hdr->win = htons(a->win);
	hdr->check = 0;
	hdr->urg = 0;
	if (opts)
		xtcp_options_build(opts, (u8 *)(hdr + 1));
	/* Random already, and the same for each repeat: a SYN-ACK's flow label, its queue. */
	if (a->flags & XTCP_SYN)
		skb_set_hash(skb, a->seq, PKT_HASH_TYPE_L4);
	trace_xtcp_send(flow, hdr, 0);
	xtcp_mib_inc(flow->net, XTCP_MIB_OUT_SEGS);
	af->reply(r, skb);
}

/*
 * RSTs to strangers per second and namespace: far more than an honest peer ever needs, so
 * that we are no reflector at full speed; and drawn anew each second, so that counting
 * the rest tells an off-path attacker nothing about anybody's connection (CVE-2016-5696).
 */
#define RST_BUDGET_MIN	10000
#define RST_BUDGET_SPAN	0x3fff	/* mask of what chance adds */

static bool may_send_rst(struct xtcp_net *xn)
{
	u32 now = jiffies, filled = READ_ONCE(xn->rst_budget_jif);

	if (now - filled >= HZ && cmpxchg(&xn->rst_budget_jif, filled, now) == filled)
		atomic_set(&xn->rst_budget,
			   RST_BUDGET_MIN + (get_random_u32() & RST_BUDGET_SPAN));
	return atomic_dec_if_positive(&xn->rst_budget) >= 0;
}

/**
 * xtcp_reply_rst - tell the sender of a segment that there is no such connection
 * @flow: of the segment
 * @skb: the segment, cb filled in
 *
 * <SEQ=SEG.ACK><RST>, or <SEQ=0><ACK=SEG.SEQ+SEG.LEN><RST,ACK>; never in answer to a RST
 * (RFC 9293, 3.10.7.1). At most as long as what it answers.
 *
 * Context: softirq.
 */
void xtcp_reply_rst(const struct xtcp_flow *flow, const struct sk_buff *skb)
{
	const struct xtcp_cb *cb = XTCP_CB(skb);
	struct xtcp_flow out = *flow;
	struct xtcp_reply r = { .flow = &out };
	struct answer a = {};

	if (cb->flags & XTCP_RST)
		return;
	if (!may_send_rst(xtcp_net(flow->net))) {
		xtcp_mib_inc(flow->net, XTCP_MIB_RSTS_LIMITED);
		return;
	}
	xtcp_segment_answer_closed(cb->seq, cb->ack, cb->end_seq - cb->seq, cb->flags,
				   &a.seq, &a.ack, &a.flags);
	out.ifindex = out_ifindex(flow);
	r.mark = flow->family == AF_INET6 ? IP6_REPLY_MARK(flow->net, skb->mark) :
					    IP4_REPLY_MARK(flow->net, skb->mark);
	xtcp_mib_inc(flow->net, XTCP_MIB_OUT_RSTS);
	send_answer(&r, &a, NULL);
}

static void halfopen_reply(const struct xtcp_halfopen *ho, struct xtcp_reply *r)
{
	r->flow = &ho->node.flow;
	r->mark = ho->mark;
	r->tos = ho->tos;
	r->sk = ho->listener;
	r->owned = true;
}

/*
 * No option the SYN did not have: the answer is never longer than the SYN (SEC-26). Where all
 * of a flood would take and give back references of one listener (not @owned), only the
 * policy of a cgroup makes it so, which must see every segment.
 */
static void send_synack(const struct xtcp_halfopen *ho, u32 tsval, struct dst_entry *dst,
			bool owned)
{
	struct answer a = {
		.seq = ho->iss,
		.ack = ho->irs + 1,
		.win = ho->rcv_wnd,
		.flags = XTCP_SYN | XTCP_ACK | (ho->ecn ? XTCP_ECE : 0),
	};
	struct xtcp_opts opts = {
		.seen = ho->opts & (XTCP_OPT_MSS | XTCP_OPT_TS | XTCP_OPT_SACK_OK |
				    XTCP_OPT_WSCALE),
		.mss = ho->advmss,
		.wscale = ho->rcv_wscale,
		.tsval = tsval,
		.tsecr = ho->ts_recent,
	};
	struct xtcp_reply r = { .dst = dst };

	halfopen_reply(ho, &r);
	r.owned = owned || cgroup_bpf_enabled(CGROUP_INET_EGRESS);
	xtcp_mib_inc(r.flow->net, XTCP_MIB_SYNACK_SENT);
	send_answer(&r, &a, &opts);
}

/**
 * xtcp_reply_synack - <SEQ=k><ACK=j+1><SYN,ACK>
 * @ho: the half-open entry, referenced
 * @dst: the way to the peer, its reference is consumed; NULL: to be looked up
 *
 * Context: softirq.
 */
void xtcp_reply_synack(struct xtcp_halfopen *ho, struct dst_entry *dst)
{
	send_synack(ho, xtcp_now_ts() + ho->ts_offset, dst, true);
}

/**
 * xtcp_reply_cookie - the same, with a cookie for ISN and timestamp
 * @ho: what an entry would have held, k being the cookie
 * @tsval: the rest of the cookie
 * @dst: the way to the peer, its reference is consumed
 *
 * Context: softirq.
 */
void xtcp_reply_cookie(struct xtcp_halfopen *ho, u32 tsval, struct dst_entry *dst)
{
	send_synack(ho, tsval, dst, false);
}

/**
 * xtcp_reply_halfopen_rst - <SEQ=k+1><RST>: to a peer that waited in vain for accept()
 * @ho: the half-open entry, referenced
 *
 * Context: any.
 */
void xtcp_reply_halfopen_rst(struct xtcp_halfopen *ho)
{
	struct answer a = {
		.seq = ho->iss + 1,
		.flags = XTCP_RST,
	};
	struct xtcp_reply r = {};

	halfopen_reply(ho, &r);
	xtcp_mib_inc(r.flow->net, XTCP_MIB_OUT_RSTS);
	local_bh_disable();
	send_answer(&r, &a, NULL);
	local_bh_enable();
}

/**
 * xtcp_reply_halfopen_ack - <SEQ=k+1><ACK=j+1><ACK>: challenge to a doubtful segment
 * @ho: the half-open entry, referenced
 *
 * Context: softirq.
 */
void xtcp_reply_halfopen_ack(struct xtcp_halfopen *ho)
{
	struct answer a = {
		.seq = ho->iss + 1,
		.ack = ho->irs + 1,
		.win = ho->rcv_wnd >> ho->rcv_wscale,
		.flags = XTCP_ACK,
	};
	struct xtcp_opts opts = {
		.seen = ho->opts & XTCP_OPT_TS,
		.tsval = xtcp_now_ts() + ho->ts_offset,
		.tsecr = ho->ts_recent,
	};
	struct xtcp_reply r = {};

	halfopen_reply(ho, &r);
	xtcp_mib_inc(r.flow->net, XTCP_MIB_CHALLENGE_ACKS);
	send_answer(&r, &a, &opts);
}

/**
 * xtcp_reply_timewait_ack - acknowledge with the connection's final numbers
 * @tw: the TIME_WAIT entry, referenced
 *
 * Context: softirq.
 */
void xtcp_reply_timewait_ack(struct xtcp_timewait *tw)
{
	struct answer a = {
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.win = tw->rcv_wnd >> tw->rcv_wscale,
		.flags = XTCP_ACK,
	};
	struct xtcp_opts opts = {
		.seen = tw->ts_ok ? XTCP_OPT_TS : 0,
		.tsval = xtcp_now_ts() + tw->ts_offset,
		.tsecr = tw->ts_recent,
	};
	struct xtcp_reply r = {
		.flow = &tw->node.flow,
		.mark = tw->mark,
		.tos = tw->tos,
		.transparent = tw->transparent,
	};

	send_answer(&r, &a, &opts);
}
