// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening: LISTEN, half-open entries, SYN_SENT.
 *
 * RFC 9293, 3.10.7.2 (LISTEN), 3.10.7.3 (SYN-SENT), 3.10.7.4 (SYN-RECEIVED, passive).
 * Softirq. A listener is never locked for a SYN nor for the ACK that completes one.
 */
#include <linux/security.h>

#include "xtcp.h"
#include "af_ops.h"
#include "source.h"
#include "timer.h"
#include "trace.h"

/* ---- LISTEN: SYN ------------------------------------------------------------- */

/* What the SYN-ACK offers, and the connection will have, from the SYN's options. */
static void negotiate(struct xtcp_halfopen *ho, const struct sock *listener,
		      const struct xtcp_opts *opts)
{
	const struct xtcp_sock *xp = xtcp_sk(listener);
	struct xtcp_net *xn = xtcp_sk_net(listener);
	u32 space = READ_ONCE(listener->sk_rcvbuf) >> 1;
	u32 largest = max_t(u32, space, READ_ONCE(xn->rmem[2]));

	ho->mss = opts->mss;
	ho->opts = opts->seen & (XTCP_OPT_MSS | XTCP_OPT_WSCALE | XTCP_OPT_SACK_OK | XTCP_OPT_TS);
	if (!READ_ONCE(xn->window_scaling))
		ho->opts &= ~XTCP_OPT_WSCALE;
	if (!READ_ONCE(xn->sack))
		ho->opts &= ~XTCP_OPT_SACK_OK;
	if (!READ_ONCE(xn->timestamps))
		ho->opts &= ~XTCP_OPT_TS;
	if (ho->opts & XTCP_OPT_TS)
		ho->ts_recent = opts->tsval;
	if (xp->window_clamp)
		space = min(space, xp->window_clamp);
	if (space > ho->advmss)
		space = rounddown(space, ho->advmss);
	ho->rcv_wnd = min(space, 65535u);
	if (!(ho->opts & XTCP_OPT_WSCALE))
		return;
	ho->snd_wscale = opts->wscale;
	if (listener->sk_userlocks & SOCK_RCVBUF_LOCK)
		largest = space;
	if (xp->window_clamp)
		largest = min(largest, xp->window_clamp);
	ho->rcv_wscale = xtcp_window_shift(largest);
}

/*
 * The half-open entry, zero as yet, for a SYN with @opts but for its numbers; false: there
 * is no way to answer its source (RFC 9293, 3.9.2.3, MUST-63). The same for the SYN itself
 * and for the ACK that brings it back in a cookie, so that both give the same connection.
 * The way is left in @dst, with a reference for the caller.
 */
static bool fill_halfopen(struct xtcp_halfopen *ho, struct sock *listener,
			  const struct xtcp_flow *flow, const struct sk_buff *skb,
			  const struct xtcp_opts *opts, struct dst_entry **dst)
{
	const struct xtcp_sock *xp = xtcp_sk(listener);
	const struct xtcp_af_ops *af = xtcp_af_ops(flow->family);
	struct xtcp_reply r = { .flow = &ho->node.flow, .sk = listener };

	ho->listener = listener;
	ho->node.flow = *flow;
	ho->node.flow.ifindex = listener->sk_bound_dev_if;
	if (flow->family == AF_INET6 &&
	    (ipv6_addr_type(&flow->v6.raddr) & IPV6_ADDR_LINKLOCAL))
		ho->node.flow.ifindex = flow->ifindex;
	ho->mark = inet_request_mark(listener, (struct sk_buff *)skb);
	ho->tos = ho->node.flow.family == AF_INET ? inet_sk(listener)->tos :
						    inet6_sk(listener)->tclass;
	r.mark = ho->mark;
	r.tos = ho->tos;
	if (!af->route_reply(&r))
		return false;
	*dst = r.dst;
	ho->advmss = min(dst_metric_advmss(r.dst), 65535u);
	if (xp->user_mss)
		ho->advmss = min(ho->advmss, xp->user_mss);
	negotiate(ho, listener, opts);
	return true;
}

/* Does a SYN ask for ECN, and do we answer? */
static bool agrees_on_ecn(const struct xtcp_flow *flow, const struct sk_buff *skb)
{
	const struct xtcp_hdr *hdr = (const struct xtcp_hdr *)skb_transport_header(skb);

	return READ_ONCE(xtcp_net(flow->net)->ecn) != XTCP_ECN_OFF &&
	       xtcp_ecn_is_setup_syn(hdr->flags, hdr->off & 0xf, XTCP_CB(skb)->ecn);
}

static void parse_options(struct xtcp_opts *opts, const struct sk_buff *skb, bool syn)
{
	const struct xtcp_hdr *hdr = (const struct xtcp_hdr *)skb_transport_header(skb);

	xtcp_options_parse(opts, (const u8 *)(hdr + 1), xtcp_wire_hdr_len(hdr) - XTCP_HDR_LEN,
			   syn);
}

/*
 * Keep a connection half-open and answer its SYN by @dst. XTCP_NR_DROPS: done, @skb and
 * the reference of @dst are consumed.
 */
static enum xtcp_drop keep_halfopen(struct sock *sk, const struct xtcp_halfopen *proto,
				    struct sk_buff *skb, struct dst_entry *dst)
{
	struct xtcp_halfopen *ho = xtcp_halfopen_add(sk, proto);

	if (IS_ERR(ho)) {
		switch (PTR_ERR(ho)) {
		case -ENOMEM:
			return XTCP_DROP_LISTEN_NO_MEMORY;
		case -ENOBUFS:
			return XTCP_DROP_HALFOPEN_FULL;
		case -ENOTCONN:
			return XTCP_DROP_LISTEN_CLOSED;
		default:
			return XTCP_DROP_LISTEN_RACE;
		}
	}
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_HALFOPEN_ADDED);
	trace_xtcp_state(&ho->node.flow, XTCP_LISTEN, XTCP_SYN_RCVD, XTCP_EV_RCV_SYN);
	/* A listener that closed meanwhile has purged its entries before this one came. */
	smp_mb();	/* pairs with the one in xtcp_halfopen_purge_listener() */
	if (READ_ONCE(sk->sk_state) != TCP_LISTEN) {
		xtcp_halfopen_del(ho);
		dst_release(dst);
	} else {
		xtcp_reply_synack(ho, dst);
	}
	xtcp_halfopen_put(ho);
	consume_skb(skb);
	return XTCP_NR_DROPS;
}

/*
 * A SYN. Each ends in one of HALFOPEN_ADDED, SYNCOOKIES_SENT or a reason for its drop that
 * no other segment has: LISTEN_*, HALFOPEN_FULL. One that succeeds a TIME_WAIT entry needs
 * an ISN above that one's, which no cookie can have.
 */
static void rcv_new_syn(struct sock *sk, const struct xtcp_flow *flow, struct sk_buff *skb,
			u32 min_iss)
{
	bool full = xtcp_halfopen_is_full(sk);
	enum xtcp_drop reason;
	struct xtcp_halfopen proto = {};
	struct dst_entry *dst;
	struct xtcp_opts opts;

	xtcp_mib_inc(flow->net, XTCP_MIB_SYN_RCVD);
	if (sk_acceptq_is_full(sk)) {
		xtcp_mib_drop(flow->net, skb, XTCP_DROP_LISTEN_OVERFLOW);
		return;
	}
	if (min_iss || !xtcp_syncookie_is_wanted(sk, full)) {
		if (full) {
			xtcp_mib_drop(flow->net, skb, XTCP_DROP_HALFOPEN_FULL);
			return;
		}
	} else {
		full = true;
	}
	parse_options(&opts, skb, true);
	if (!fill_halfopen(&proto, sk, flow, skb, &opts, &dst)) {
		xtcp_mib_drop(flow->net, skb, XTCP_DROP_LISTEN_NO_ROUTE);
		return;
	}
	proto.irs = XTCP_CB(skb)->seq;
	proto.ecn = agrees_on_ecn(flow, skb);
	if (full) {
		xtcp_syncookie_send(&proto, dst);
		consume_skb(skb);
		return;
	}
	proto.iss = xtcp_keys_isn(flow, &proto.ts_offset);
	if (min_iss)
		proto.iss = min_iss;
	proto.synack_us = (u32)xtcp_now_us() ?: 1;
	reason = keep_halfopen(sk, &proto, skb, dst);
	if (reason == XTCP_NR_DROPS)
		return;
	if (reason == XTCP_DROP_HALFOPEN_FULL && !min_iss && xtcp_syncookie_is_wanted(sk, true)) {
		xtcp_syncookie_send(&proto, dst);
		consume_skb(skb);
		return;
	}
	dst_release(dst);
	xtcp_mib_drop(flow->net, skb, reason);
}

/* ---- SYN_RCVD, passive ------------------------------------------------------- */

/* One answer per 500 ms and entry to what does not fit (SEC-04). */
static bool may_answer(struct xtcp_halfopen *ho)
{
	u32 limit = msecs_to_jiffies(READ_ONCE(xtcp_net(ho->node.flow.net)->invalid_ratelimit_ms));
	u32 now = jiffies, last = READ_ONCE(ho->last_ack_jif);

	if (last && now - last < limit)
		return false;
	WRITE_ONCE(ho->last_ack_jif, now ?: 1);
	return true;
}

static void challenge(struct xtcp_halfopen *ho)
{
	if (may_answer(ho))
		xtcp_reply_halfopen_ack(ho);
}

/* A RST for a half-open entry: RFC 5961, 3.2; RFC 9293, 3.10.7.4, second (MUST-11). */
static enum xtcp_drop rcv_rst(struct xtcp_halfopen *ho, const struct xtcp_cb *cb)
{
	switch (xtcp_segment_check_rst(ho->irs + 1, ho->rcv_wnd, cb->seq)) {
	case XTCP_RST_ACCEPT:
		trace_xtcp_state(&ho->node.flow, XTCP_SYN_RCVD, XTCP_CLOSED, XTCP_EV_RCV_RST);
		xtcp_mib_inc(ho->node.flow.net, XTCP_MIB_HALFOPEN_RESET);
		xtcp_halfopen_del(ho);
		return XTCP_DROP_HALFOPEN_RST;
	case XTCP_RST_CHALLENGE:
		challenge(ho);
		break;
	case XTCP_RST_DROP:
		break;
	}
	return XTCP_DROP_RST_INEXACT;
}

/* A SYN for a half-open entry: a repeat, or somebody with another ISN (HS-19, HS-21). */
static enum xtcp_drop rcv_syn(struct xtcp_halfopen *ho, const struct xtcp_cb *cb)
{
	if (ho->parked) {
		challenge(ho);		/* synchronised, if not yet a socket (RFC 5961, 4) */
	} else if (cb->seq == ho->irs && !(cb->flags & XTCP_ACK)) {
		if (may_answer(ho)) {
			xtcp_mib_inc(ho->node.flow.net, XTCP_MIB_SYNACK_RESENT);
			xtcp_reply_synack(ho, NULL);
		}
	} else if (xtcp_segment_is_acceptable(ho->irs + 1, ho->rcv_wnd, cb->seq, 1)) {
		/* In the window: the passive open starts anew (RFC 9293, 3.10.7.4, fourth). */
		trace_xtcp_state(&ho->node.flow, XTCP_SYN_RCVD, XTCP_LISTEN, XTCP_EV_RCV_SYN);
		xtcp_halfopen_del(ho);
	} else {
		challenge(ho);
	}
	return XTCP_DROP_HALFOPEN_SYN;
}

/*
 * Judge a segment for a half-open entry by the steps of RFC 9293, 3.10.7.4.
 * XTCP_NR_DROPS: it completes the handshake.
 */
static enum xtcp_drop judge(struct xtcp_halfopen *ho, const struct xtcp_flow *flow,
			    struct sk_buff *skb, const struct xtcp_opts *opts)
{
	const struct xtcp_cb *cb = XTCP_CB(skb);
	u32 rcv_nxt = ho->irs + 1;

	if (cb->flags & XTCP_RST)
		return rcv_rst(ho, cb);
	if (cb->flags & XTCP_SYN)
		return rcv_syn(ho, cb);
	if (ho->opts & XTCP_OPT_TS) {
		if (!(opts->seen & XTCP_OPT_TS))
			return XTCP_DROP_NO_TIMESTAMP;
		if (xtcp_seq_lt(opts->tsval, ho->ts_recent)) {
			challenge(ho);
			return XTCP_DROP_PAWS;
		}
	}
	if (!xtcp_segment_is_acceptable(rcv_nxt, ho->rcv_wnd, cb->seq, cb->end_seq - cb->seq)) {
		challenge(ho);
		return XTCP_DROP_OUTSIDE_WINDOW;
	}
	if (!(cb->flags & XTCP_ACK))
		return XTCP_DROP_HALFOPEN_NO_ACK;
	if (cb->ack != ho->iss + 1) {
		xtcp_reply_rst(flow, skb);
		return XTCP_DROP_HALFOPEN_BAD_ACK;
	}
	return XTCP_NR_DROPS;
}

/**
 * xtcp_handshake_can_promote - would xtcp_handshake_promote() let a peer in?
 * @listener: the listener
 *
 * Context: any.
 * Return: true if a peer is parked and there is a place for it.
 */
bool xtcp_handshake_can_promote(const struct sock *listener)
{
	return atomic_read(&xtcp_sk(listener)->parked_len) && !sk_acceptq_is_full(listener);
}

/*
 * A place was given back, or a peer parked: where both have met, no accept() is due that would
 * bring them together. One must come.
 */
static void call_for_accept(struct sock *listener)
{
	smp_mb();	/* what this CPU has changed before what the other one has */
	if (xtcp_handshake_can_promote(listener))
		listener->sk_data_ready(listener);
}

/*
 * Reserve a place in the accept queue for a peer; false: none is free, or the listener has
 * closed. Places go to those who have waited longest, by xtcp_handshake_promote(), which the
 * accept() of those in the queue calls.
 */
static bool reserve_place(struct sock *listener, bool has_waited)
{
	struct xtcp_sock *lp = xtcp_sk(listener);
	bool reserved = false;

	if (!has_waited && atomic_read(&lp->parked_len) && READ_ONCE(listener->sk_ack_backlog))
		return false;
	spin_lock_bh(&lp->accept_lock);
	if (listener->sk_state == TCP_LISTEN && !sk_acceptq_is_full(listener)) {
		sk_acceptq_added(listener);
		reserved = true;
	}
	spin_unlock_bh(&lp->accept_lock);
	return reserved;
}

/* Offer @child to accept() in the reserved place, or, with NULL, give the place back. */
static bool use_place(struct sock *listener, struct sock *child)
{
	struct xtcp_sock *lp = xtcp_sk(listener);
	bool used = false;

	spin_lock_bh(&lp->accept_lock);
	if (child && listener->sk_state == TCP_LISTEN) {
		list_add_tail(&xtcp_sk(child)->accept_link, &lp->accept_queue);
		used = true;
	} else {
		sk_acceptq_removed(listener);
	}
	spin_unlock_bh(&lp->accept_lock);
	if (!used)
		call_for_accept(listener);
	return used;
}

/* Put the child in its entry's place in the table, and in the accept queue. */
static bool publish_child(struct xtcp_halfopen *ho, struct sock *child)
{
	bool entered = ho->stateless ? !xtcp_hash_add(&xtcp_sk(child)->node) :
				       xtcp_halfopen_take(ho, child);

	if (!entered) {
		use_place(ho->listener, NULL);
		return false;
	}
	if (use_place(ho->listener, child))
		return true;
	/* The listener closed this moment: the peer learns like those in its queue. */
	xtcp_hash_del(&xtcp_sk(child)->node);
	xtcp_output_rst(child);
	return false;
}

/*
 * The first round trip, from the ACK that ends it [us]; 0: unknown. After repeats, also those
 * that the peer's SYN drew, its echo says which SYN-ACK it answers (Karn); what
 * TCP_DEFER_ACCEPT waited for says nothing.
 */
static u32 handshake_rtt_us(const struct xtcp_halfopen *ho, const struct xtcp_opts *opts)
{
	u32 rtt_us = (u32)xtcp_now_us() - READ_ONCE(ho->synack_us);

	if (ho->parked)
		return READ_ONCE(ho->synack_us);
	if (ho->acked)
		return 0;
	if (!ho->retries && !READ_ONCE(ho->last_ack_jif))
		return max(rtt_us, 1u);
	return ho->opts & XTCP_OPT_TS ?
	       xtcp_rtt_of_echo(xtcp_now_ts() + ho->ts_offset, opts->tsecr, rtt_us) : 0;
}

/*
 * The socket of a peer that has proved to be there, a round trip of @rtt_us away if that is
 * known; locked, referenced; or NULL. @dst is the way to it or NULL; its reference goes.
 */
static struct sock *make_child(struct xtcp_halfopen *ho, u32 rtt_us, struct dst_entry *dst)
{
	struct sock *child = xtcp_conn_spawn(ho);

	if (!child) {
		dst_release(dst);
		use_place(ho->listener, NULL);
		return NULL;
	}
	xtcp_timer_init_sock(child);
	/* Once acked, repeats were for TCP_DEFER_ACCEPT: the first SYN-ACK had got through. */
	if (!ho->acked)
		xtcp_sk(child)->retries = ho->retries ?: !!READ_ONCE(ho->last_ack_jif);
	if (xtcp_conn_settle(child, ho, dst)) {
		use_place(ho->listener, NULL);
	} else {
		if (rtt_us)
			xtcp_rtt_sample(&xtcp_sk(child)->rtt, min_t(u32, rtt_us, XTCP_RTO_MAX_US));
		if (publish_child(ho, child)) {
			xtcp_mib_inc(sock_net(child), XTCP_MIB_PASSIVE_OPENS);
			return child;
		}
	}
	xtcp_conn_discard(child);
	return NULL;
}

/*
 * The accept queue has no room for a peer that is there: it waits in its half-open entry,
 * its text unacknowledged, until accept() calls for it (LSN-03), or is reset, as by a
 * listener that has closed.
 */
static enum xtcp_drop overflow(struct xtcp_halfopen *ho, const struct xtcp_flow *flow,
			       struct sk_buff *skb)
{
	if (READ_ONCE(xtcp_net(flow->net)->abort_on_overflow) ||
	    READ_ONCE(ho->listener->sk_state) != TCP_LISTEN) {
		/* Not where another CPU has just made its child. */
		if (xtcp_halfopen_del(ho))
			xtcp_reply_halfopen_rst(ho);
		return XTCP_DROP_ACCEPT_OVERFLOW;
	}
	if (xtcp_halfopen_park(ho, XTCP_CB(skb)->win)) {
		xtcp_mib_inc(flow->net, XTCP_MIB_HALFOPEN_PARKED);
		call_for_accept(ho->listener);
	}
	return XTCP_DROP_HALFOPEN_PARKED;
}

/*
 * A peer that is there, but whose source has had its share (LSN-20). It thinks it is connected
 * and is told otherwise, whatever the budget of RSTs to strangers: it is none.
 */
static enum xtcp_drop refuse_source(struct xtcp_halfopen *ho)
{
	if (ho->stateless) {
		xtcp_reply_halfopen_rst(ho);
	} else if (xtcp_halfopen_del(ho)) {
		trace_xtcp_state(&ho->node.flow, XTCP_SYN_RCVD, XTCP_CLOSED, XTCP_EV_ABORT);
		xtcp_reply_halfopen_rst(ho);
	}
	return XTCP_DROP_SOURCE_RATE;
}

/* TCP_DEFER_ACCEPT: a bare ACK makes no child before the time given is over (LSN-28). */
static bool is_deferred(const struct xtcp_halfopen *ho, const struct xtcp_cb *cb)
{
	return cb->end_seq == ho->irs + 1 &&
	       ho->retries < xtcp_halfopen_defer_retries(ho->listener);
}

/**
 * xtcp_handshake_halfopen - a segment for a half-open entry
 * @ho: referenced by the caller
 * @flow: of the segment
 * @skb: cb filled in, transport header set; consumed unless a child is returned
 *
 * Context: softirq, RCU read side.
 * Return: the child that is to process @skb, locked and referenced; or NULL.
 */
struct sock *xtcp_handshake_halfopen(struct xtcp_halfopen *ho, const struct xtcp_flow *flow,
				     struct sk_buff *skb)
{
	struct xtcp_opts opts;
	enum xtcp_drop reason;
	struct sock *child;

	parse_options(&opts, skb, false);
	reason = judge(ho, flow, skb, &opts);
	if (reason != XTCP_NR_DROPS)
		goto drop;
	if (is_deferred(ho, XTCP_CB(skb))) {
		xtcp_halfopen_defer(ho);
		reason = XTCP_DROP_HALFOPEN_DEFERRED;
		goto drop;
	}
	/* One that is parked has passed already. */
	if (!ho->parked && !xtcp_source_may_connect(flow)) {
		reason = refuse_source(ho);
		goto drop;
	}
	if (!reserve_place(ho->listener, ho->parked)) {
		reason = overflow(ho, flow, skb);
		goto drop;
	}
	child = make_child(ho, handshake_rtt_us(ho, &opts), NULL);
	if (child) {
		security_inet_conn_established(child, skb);
		return child;
	}
	reason = XTCP_DROP_NO_MEMORY;
drop:
	xtcp_mib_drop(flow->net, skb, reason);
	return NULL;
}

/**
 * xtcp_handshake_promote - let peers that wait for room in the accept queue in, in order
 * @listener: in LISTEN, with room perhaps
 *
 * Context: process, socket lock of @listener.
 */
void xtcp_handshake_promote(struct sock *listener)
{
	struct xtcp_halfopen *ho;
	struct sock *child;

	sock_owned_by_me(listener);
	while (atomic_read(&xtcp_sk(listener)->parked_len) && reserve_place(listener, true)) {
		struct xtcp_cb cb = { .flags = XTCP_ACK };

		ho = xtcp_halfopen_next_parked(listener);
		if (!ho) {
			use_place(listener, NULL);
			return;
		}
		local_bh_disable();
		rcu_read_lock();
		child = make_child(ho, ho->synack_us, NULL);
		if (child) {
			cb.seq = ho->irs + 1;
			cb.ack = ho->iss + 1;
			cb.win = ho->peer_win;
			xtcp_mib_inc(sock_net(listener), XTCP_MIB_HALFOPEN_PROMOTED);
			xtcp_handshake_established(child, &cb);
			xtcp_conn_fsm_run(child, XTCP_EV_RCV_ACK_OF_SYN);
			bh_unlock_sock(child);
			sock_put(child);
			listener->sk_data_ready(listener);
		} else if (xtcp_halfopen_del(ho)) {
			/* It must not be in the way of the others. */
			xtcp_mib_inc(sock_net(listener), XTCP_MIB_HALFOPEN_ABANDONED);
			xtcp_reply_halfopen_rst(ho);
		}
		rcu_read_unlock();
		local_bh_enable();
		xtcp_halfopen_put(ho);
	}
}

/* ---- LISTEN: every segment --------------------------------------------------- */

/* No room for a peer with a good cookie: an entry, parked at once, or a RST. */
static enum xtcp_drop park_stateless(struct xtcp_halfopen *proto, struct sk_buff *skb)
{
	const struct xtcp_flow *flow = &proto->node.flow;
	struct xtcp_halfopen *ho = ERR_PTR(-ENOBUFS);

	proto->stateless = 0;
	proto->parked = 1;
	proto->peer_win = XTCP_CB(skb)->win;
	if (!READ_ONCE(xtcp_net(flow->net)->abort_on_overflow) &&
	    !xtcp_halfopen_is_full(proto->listener))
		ho = xtcp_halfopen_add(proto->listener, proto);
	if (IS_ERR(ho)) {
		if (PTR_ERR(ho) != -EADDRNOTAVAIL)
			xtcp_reply_halfopen_rst(proto);
		return XTCP_DROP_ACCEPT_OVERFLOW;
	}
	xtcp_mib_inc(flow->net, XTCP_MIB_HALFOPEN_PARKED);
	/* A listener that closed meanwhile has purged its entries before this one came. */
	if (READ_ONCE(proto->listener->sk_state) != TCP_LISTEN && xtcp_halfopen_del(ho))
		xtcp_reply_halfopen_rst(ho);
	call_for_accept(proto->listener);
	xtcp_halfopen_put(ho);
	return XTCP_DROP_HALFOPEN_PARKED;
}

/*
 * An ACK for a listener: the half-open connection it was, if it brings back our cookie.
 * Text and FIN on it are processed by the child, as is what follows a lost bare ACK.
 */
static struct sock *rcv_cookie(struct sock *sk, const struct xtcp_flow *flow,
			       struct sk_buff *skb, enum xtcp_drop *reason)
{
	const struct xtcp_cb *cb = XTCP_CB(skb);
	struct xtcp_opts opts, syn;
	struct xtcp_halfopen ho = {};
	struct dst_entry *dst;
	struct sock *child;
	bool ecn;

	parse_options(&opts, skb, false);
	if (!xtcp_syncookie_check(flow, cb, &opts, &syn, &ecn)) {
		xtcp_reply_rst(flow, skb);
		*reason = XTCP_DROP_LISTEN_ACK;
		return NULL;
	}
	*reason = XTCP_DROP_NO_MEMORY;
	if (!fill_halfopen(&ho, sk, flow, skb, &syn, &dst))
		return NULL;
	ho.stateless = 1;
	ho.ecn = ecn;
	ho.irs = cb->seq - 1;
	ho.iss = cb->ack - 1;
	/* The clock goes on from the cookie, never back (RFC 7323, 5.4; LSN-15). */
	if (ho.opts & XTCP_OPT_TS)
		ho.ts_offset = opts.tsecr - xtcp_now_ts();
	if (is_deferred(&ho, cb)) {
		*reason = XTCP_DROP_HALFOPEN_DEFERRED;
	} else if (!xtcp_source_may_connect(flow)) {
		*reason = refuse_source(&ho);
	} else if (!reserve_place(sk, false)) {
		*reason = park_stateless(&ho, skb);
	} else {
		child = make_child(&ho, 0, dst);	/* the echo is the cookie (LSN-15) */
		if (child)
			security_inet_conn_established(child, skb);
		return child;
	}
	dst_release(dst);
	return NULL;
}

/**
 * xtcp_handshake_listen - a segment for a listener (RFC 9293, 3.10.7.2)
 * @sk: in LISTEN, valid under RCU, not locked
 * @flow: of the segment
 * @skb: cb filled in, transport header set; consumed unless a child is returned
 * @min_iss: ISN to use when a TIME_WAIT entry gives way, else 0
 *
 * Context: softirq, RCU read side.
 * Return: the child that is to process @skb, locked and referenced; or NULL.
 */
struct sock *xtcp_handshake_listen(struct sock *sk, const struct xtcp_flow *flow,
				   struct sk_buff *skb, u32 min_iss)
{
	u8 flags = XTCP_CB(skb)->flags;
	struct sock *child = NULL;
	enum xtcp_drop reason;

	if (flags & XTCP_RST) {				/* first */
		reason = XTCP_DROP_LISTEN_RST;
	} else if (flags & XTCP_ACK) {			/* second */
		reason = XTCP_DROP_LISTEN_ACK;
		if (!(flags & XTCP_SYN) && xtcp_syncookie_can_come(sk) &&
		    refcount_inc_not_zero(&sk->sk_refcnt)) {
			child = rcv_cookie(sk, flow, skb, &reason);
			sock_put(sk);
		} else {
			xtcp_reply_rst(flow, skb);
		}
	} else if (!(flags & XTCP_SYN)) {		/* fourth */
		reason = XTCP_DROP_LISTEN_NO_SYN;
	} else if (flags & XTCP_FIN) {
		reason = XTCP_DROP_LISTEN_SYN_FIN;
	} else {					/* third */
		rcv_new_syn(sk, flow, skb, min_iss);
		return NULL;
	}
	if (!child)
		xtcp_mib_drop(flow->net, skb, reason);
	return child;
}

/* ---- SYN_SENT ---------------------------------------------------------------- */

/**
 * xtcp_handshake_established - set up the send side from the first acceptable ACK
 * @sk: in SYN_SENT or SYN_RCVD, about to be ESTABLISHED
 * @cb: of the segment
 *
 * Context: socket lock.
 */
void xtcp_handshake_established(struct sock *sk, const struct xtcp_cb *cb)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	WRITE_ONCE(sk->sk_err_soft, 0);		/* the path is there (RFC 9293, 3.9.2.2) */
	xp->last_rcv_jif = jiffies;
	xp->snd_una = cb->ack;
	xp->recover_seq = xp->iss;
	xp->tally.delivered_segs = 1;
	xp->snd_wl1 = cb->seq;
	xp->snd_wl2 = cb->ack;
	xp->snd_wnd = cb->flags & XTCP_SYN ? cb->win : (u32)cb->win << xp->snd_wscale;
	xp->max_snd_wnd = xp->snd_wnd;
	xtcp_timer_stop_rto(sk);
	xp->pmtu = 0;			/* options are known now: derive the MSS again */
	xtcp_output_mss(sk);
	xtcp_cong_start(&xp->cong, xp->cong.ops, xp->mss);
	if (xp->retries > 1)		/* RFC 6928, 2; CC-03 */
		xp->cong.cwnd_bytes = xp->mss;
	if (xp->retries)
		xtcp_rtt_syn_lost(&xp->rtt);
	xp->retries = 0;
	xp->retrans_since_us = 0;
	xp->last_data_jif = jiffies - XTCP_DELACK_MAX;
	xp->last_send_jif = jiffies;
	xp->rcvq_us = xtcp_now_us();
	xp->rcvq_seq = xp->rcv_nxt;
}

/* Options of the peer's SYN or SYN-ACK, as far as we offered them too. */
static void adopt_options(struct sock *sk, const struct xtcp_opts *opts)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_net *xn = xtcp_sk_net(sk);
	u16 mss = opts->mss ?: xp->af->mss_default;

	xp->mss_clamp = xp->user_mss ? min(xp->user_mss, mss) : mss;
	xp->ts_ok = (opts->seen & XTCP_OPT_TS) && READ_ONCE(xn->timestamps);
	xp->sack_ok = (opts->seen & XTCP_OPT_SACK_OK) && READ_ONCE(xn->sack);
	xp->wscale_ok = (opts->seen & XTCP_OPT_WSCALE) && READ_ONCE(xn->window_scaling);
	if (xp->wscale_ok)
		xp->snd_wscale = opts->wscale;
	else
		xp->rcv_wscale = 0;
	if (xp->ts_ok) {
		xp->ts_recent = opts->tsval;
		xp->ts_recent_s = ktime_get_seconds();
	}
}

static void adopt_irs(struct sock *sk, u32 irs)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->irs = irs;
	xp->rcv_nxt = irs + 1;
	xp->rcv_wup = irs + 1;
	xp->copied_seq = irs + 1;
	xp->rcvq_seq = irs + 1;
}

/* First round trip: of the SYN, or of its timestamp if it was sent more than once. */
static void measure_syn(struct sock *sk, const struct xtcp_opts *opts)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u64 rtt_us = xtcp_now_us() - xp->rcv_rtt_start_us;

	rtt_us = clamp_t(u64, rtt_us, 1, XTCP_RTO_MAX_US);
	if (xp->retries)
		rtt_us = xp->ts_ok ? xtcp_rtt_of_echo(xtcp_now_ts() + xp->ts_offset,
						      opts->tsecr, rtt_us) : 0;
	if (rtt_us)
		xtcp_rtt_sample(&xp->rtt, rtt_us);
}

/**
 * xtcp_handshake_syn_sent - a segment in SYN_SENT (RFC 9293, 3.10.7.3)
 * @sk: in SYN_SENT
 * @skb: cb filled in; not consumed
 * @opts: its options, parsed as those of a SYN
 *
 * Context: socket lock.
 * Return: true if @skb's text and FIN are to be processed: the connection is ESTABLISHED;
 *	false: drop it.
 */
bool xtcp_handshake_syn_sent(struct sock *sk, struct sk_buff *skb, const struct xtcp_opts *opts)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	const struct xtcp_cb *cb = XTCP_CB(skb);

	switch (xtcp_segment_check_syn_sent(xp->iss, xp->snd_nxt, cb->ack, cb->flags)) {
	case XTCP_SYN_SENT_RESET:
		xtcp_reply_rst(&xp->node.flow, skb);
		xtcp_mib_count_drop(sock_net(sk), skb, XTCP_DROP_SYN_SENT_BAD_ACK);
		return false;
	case XTCP_SYN_SENT_REFUSED:
		xtcp_conn_fsm_run(sk, XTCP_EV_RCV_RST);
		return false;
	case XTCP_SYN_SENT_ESTABLISH:
		adopt_options(sk, opts);
		adopt_irs(sk, cb->seq);
		xtcp_ecn_rcv_synack(&xp->ecn, cb->flags);
		measure_syn(sk, opts);
		xtcp_handshake_established(sk, cb);
		security_inet_conn_established(sk, skb);
		xtcp_conn_fsm_run(sk, XTCP_EV_RCV_SYN_ACK);
		xp->ack_now = 1;
		return true;
	case XTCP_SYN_SENT_CROSSED:
		/* Simultaneous open (MUST-10): text on their SYN is left for them to resend. */
		adopt_options(sk, opts);
		adopt_irs(sk, cb->seq);
		xp->snd_wnd = cb->win;
		xp->max_snd_wnd = cb->win;
		xp->snd_wl1 = cb->seq;
		xtcp_conn_fsm_run(sk, XTCP_EV_RCV_SYN);
		xtcp_output_syn(sk);
		return false;
	case XTCP_SYN_SENT_DROP:
		break;
	}
	xtcp_mib_count_drop(sock_net(sk), skb, XTCP_DROP_SYN_SENT_NO_SYN);
	return false;
}
