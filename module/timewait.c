// SPDX-License-Identifier: GPL-2.0-only
/*
 * TIME_WAIT: what is left of a connection for two segment lifetimes.
 *
 * RFC 9293, 3.6.1, 3.10.7.4; RFC 6191 (reuse by a new SYN); RFC 1337 (RST is ignored).
 * A small entry without a socket. All last equally long, so each namespace has one FIFO
 * and one timer; timewait_lock protects the FIFO and is taken under no other lock of
 * ours. The demux table owns one reference, whoever takes an entry out of it gets it.
 */
#include <linux/slab.h>

#include "xtcp.h"
#include "trace.h"

static struct kmem_cache *tw_cache_v4, *tw_cache_v6;

static struct kmem_cache *tw_cache(const struct xtcp_timewait *tw)
{
	return tw->node.flow.family == AF_INET6 ? tw_cache_v6 : tw_cache_v4;
}

static void free_tw_rcu(struct rcu_head *rcu)
{
	struct xtcp_timewait *tw = container_of(rcu, struct xtcp_timewait, node.rcu);

	kmem_cache_free(tw_cache(tw), tw);
}

/**
 * xtcp_timewait_put - drop a reference
 * @tw: the entry
 *
 * Context: any.
 */
void xtcp_timewait_put(struct xtcp_timewait *tw)
{
	if (refcount_dec_and_test(&tw->node.ref))
		call_rcu(&tw->node.rcu, free_tw_rcu);
}

static struct xtcp_timewait *of_node(struct xtcp_node *node)
{
	return container_of(node, struct xtcp_timewait, node);
}

/* Take @tw off its FIFO; false if another has done so. */
static bool unlink_tw(struct xtcp_net *xn, struct xtcp_timewait *tw)
{
	bool linked;

	spin_lock_bh(&xn->timewait_lock);
	linked = !list_empty(&tw->node.fifo);
	list_del_init(&tw->node.fifo);
	spin_unlock_bh(&xn->timewait_lock);
	return linked;
}

/**
 * xtcp_timewait_del - end an entry before its time, or at it
 * @tw: referenced by the caller; in the demux table or just replaced there
 *
 * Context: any.
 */
void xtcp_timewait_del(struct xtcp_timewait *tw)
{
	struct xtcp_net *xn = xtcp_net(tw->node.flow.net);
	bool was_in = xtcp_hash_del(&tw->node);

	if (unlink_tw(xn, tw)) {
		xtcp_port_del_timewait(tw);
		atomic_dec(&xn->timewait_len);
		trace_xtcp_state(&tw->node.flow, XTCP_TIME_WAIT, XTCP_CLOSED,
				 XTCP_EV_2MSL_TIMEOUT);
	}
	if (was_in)
		xtcp_timewait_put(tw);
}

/* A new entry: at the end of the FIFO with its full time to live. */
static void start_timer(struct xtcp_net *xn, struct xtcp_timewait *tw)
{
	spin_lock_bh(&xn->timewait_lock);
	tw->expires_jif = jiffies + XTCP_TIMEWAIT_LEN;
	list_add_tail(&tw->node.fifo, &xn->timewait_fifo);
	if (!timer_pending(&xn->timewait_timer))
		mod_timer(&xn->timewait_timer, jiffies + XTCP_TIMEWAIT_LEN);
	spin_unlock_bh(&xn->timewait_lock);
}

/* 2 MSL begin anew, unless another CPU has ended the entry meanwhile. */
static void restart_2msl(struct xtcp_net *xn, struct xtcp_timewait *tw)
{
	spin_lock_bh(&xn->timewait_lock);
	if (!list_empty(&tw->node.fifo)) {
		tw->expires_jif = jiffies + XTCP_TIMEWAIT_LEN;
		list_move_tail(&tw->node.fifo, &xn->timewait_fifo);
	}
	spin_unlock_bh(&xn->timewait_lock);
}

/* First entry whose time is over, referenced; or arm the timer for the next one. */
static struct xtcp_timewait *next_tw_over(struct xtcp_net *xn)
{
	struct xtcp_timewait *tw;

	spin_lock_bh(&xn->timewait_lock);
	tw = list_first_entry_or_null(&xn->timewait_fifo, struct xtcp_timewait, node.fifo);
	if (tw && (s32)(tw->expires_jif - (u32)jiffies) > 0) {
		mod_timer(&xn->timewait_timer, jiffies + (s32)(tw->expires_jif - (u32)jiffies));
		tw = NULL;
	}
	if (tw)
		refcount_inc(&tw->node.ref);
	spin_unlock_bh(&xn->timewait_lock);
	return tw;
}

static void timewait_timer(struct timer_list *t)
{
	struct xtcp_net *xn = xtcp_from_timer(xn, t, timewait_timer);
	struct xtcp_timewait *tw;

	while ((tw = next_tw_over(xn))) {
		xtcp_timewait_del(tw);
		xtcp_timewait_put(tw);
	}
}

static struct xtcp_timewait *alloc_entry(const struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	bool v6 = xp->node.flow.family == AF_INET6;
	struct xtcp_timewait *tw = kmem_cache_zalloc(v6 ? tw_cache_v6 : tw_cache_v4,
						     GFP_ATOMIC | __GFP_NOWARN);

	if (!tw)
		return NULL;
	memcpy(&tw->node.flow, &xp->node.flow,
	       v6 ? sizeof(struct xtcp_flow) : offsetofend(struct xtcp_flow, v4));
	tw->node.flow.ifindex = sk->sk_bound_dev_if;	/* may have changed since */
	tw->node.kind = XTCP_KIND_TIMEWAIT;
	refcount_set(&tw->node.ref, 1);
	INIT_LIST_HEAD(&tw->node.fifo);
	tw->snd_nxt = xp->snd_nxt;
	tw->rcv_nxt = xp->rcv_nxt;
	tw->rcv_wnd = xtcp_window_left(xp);
	tw->ts_recent = xp->ts_recent;
	tw->ts_recent_s = xp->ts_recent_s;
	tw->ts_offset = xp->ts_offset;
	tw->mark = sk->sk_mark;
	tw->rcv_wscale = xp->rcv_wscale;
	tw->tos = tw->node.flow.family == AF_INET ? inet_sk(sk)->tos : inet6_sk(sk)->tclass;
	tw->ts_ok = xp->ts_ok;
	tw->reuse = sk->sk_reuse;
	tw->reuseport = sk->sk_reuseport;
	tw->v6only = ipv6_only_sock(sk);
	tw->transparent = xtcp_inet_test(sk, transparent, TRANSPARENT);
	tw->mapped = sk->sk_family != tw->node.flow.family;
	return tw;
}

/**
 * xtcp_timewait_start - let an entry take a finished connection's place
 * @sk: hashed; all numbers final
 *
 * At the namespace's bound (net.xtcp.max_tw_buckets), or without memory, the connection
 * ends at once, and that is counted: nothing else may fail for it.
 *
 * Context: socket lock, BH off.
 * Return: false if there is no entry.
 */
bool xtcp_timewait_start(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_sk_net(sk);
	struct xtcp_timewait *tw;

	if (atomic_inc_return(&xn->timewait_len) > READ_ONCE(xn->max_tw_buckets))
		goto overflow;
	tw = alloc_entry(sk);
	if (!tw)
		goto overflow;
	/* Complete before it can be found: a SYN may reuse it the next moment. */
	xtcp_port_add_timewait(tw, sk);
	refcount_inc(&tw->node.ref);
	start_timer(xn, tw);
	if (!xtcp_hash_replace(&xtcp_sk(sk)->node, &tw->node)) {
		xtcp_timewait_del(tw);
		xtcp_timewait_put(tw);	/* the table's, which it did not take */
	}
	xtcp_timewait_put(tw);
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_TIME_WAIT);
	return true;
overflow:
	atomic_dec(&xn->timewait_len);
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_TIME_WAIT_OVERFLOW);
	return false;
}

/**
 * xtcp_timewait_may_follow - may a socket bound to the port take this 4-tuple over (RFC 6191)
 * @node: a TIME_WAIT entry
 *
 * The application insists on this very port, so no other will do, and bind() has let it have
 * the port: as in Linux TCP, timestamps are enough, with numbers above the old ones.
 *
 * Context: bucket lock of the demux table.
 * Return: yes or no.
 */
bool xtcp_timewait_may_follow(struct xtcp_node *node)
{
	return of_node(node)->ts_ok;
}

/**
 * xtcp_timewait_may_reuse - may connect() choose this 4-tuple again (RFC 6191)
 * @node: a TIME_WAIT entry
 *
 * Only with timestamps, a second or more after the last one seen, and by default
 * (net.xtcp.tw_reuse = 2) only on loopback.
 *
 * Context: bucket lock of the demux table.
 * Return: yes or no.
 */
bool xtcp_timewait_may_reuse(struct xtcp_node *node)
{
	const struct xtcp_timewait *tw = of_node(node);
	const struct xtcp_flow *flow = &node->flow;
	int mode = READ_ONCE(xtcp_net(flow->net)->timewait_reuse);
	bool local = flow->family == AF_INET ? ipv4_is_loopback(flow->v4.raddr) :
					       ipv6_addr_loopback(&flow->v6.raddr);

	if (!tw->ts_ok || (u32)(ktime_get_seconds() - tw->ts_recent_s) < 1)
		return false;
	return mode == 1 || (mode == 2 && local);
}

/* One challenge per 500 ms and entry: no two ends can keep each other talking. */
static bool may_answer_tw(struct xtcp_timewait *tw)
{
	struct xtcp_net *xn = xtcp_net(tw->node.flow.net);
	u32 limit = msecs_to_jiffies(READ_ONCE(xn->invalid_ratelimit_ms));
	u32 now = jiffies, last = READ_ONCE(tw->last_ack_jif);

	if (last && now - last < limit)
		return false;
	WRITE_ONCE(tw->last_ack_jif, now ?: 1);
	return true;
}

/*
 * May a SYN start a new incarnation (RFC 6191, 2)? With timestamps in both, the newer
 * timestamp says so, whatever the numbers; with timestamps in the new one only, what is
 * left of the old one is known by their absence (RFC 7323, 3.2); else the numbers decide.
 */
static bool syn_is_newer(const struct xtcp_timewait *tw, const struct xtcp_cb *cb,
			 const struct xtcp_opts *opts)
{
	bool ts = (opts->seen & XTCP_OPT_TS) && READ_ONCE(xtcp_net(tw->node.flow.net)->timestamps);

	if (ts && !tw->ts_ok)
		return true;
	if (ts && opts->tsval != tw->ts_recent)
		return xtcp_seq_gt(opts->tsval, tw->ts_recent);
	return xtcp_seq_gt(cb->seq, tw->rcv_nxt);
}

/**
 * xtcp_timewait_rcv - a segment for a connection in TIME_WAIT
 * @tw: referenced
 * @skb: cb filled in; not consumed
 * @opts: its options
 * @min_iss: with XTCP_TIMEWAIT_REUSE: the new ISN must lie above this
 *
 * Context: softirq.
 * Return: what the dispatcher has to do; on XTCP_TIMEWAIT_ANSWER: xtcp_reply_timewait_ack().
 */
enum xtcp_timewait_verdict xtcp_timewait_rcv(struct xtcp_timewait *tw, struct sk_buff *skb,
					     const struct xtcp_opts *opts, u32 *min_iss)
{
	const struct xtcp_cb *cb = XTCP_CB(skb);
	bool old;

	if (cb->flags & XTCP_RST)		/* RFC 1337, 3: deviates from RFC 9293 */
		return XTCP_TIMEWAIT_DROP;
	old = tw->ts_ok && (opts->seen & XTCP_OPT_TS) &&
	      xtcp_segment_is_paws_old(tw->ts_recent, opts->tsval,
				       ktime_get_seconds() - tw->ts_recent_s);
	if ((cb->flags & (XTCP_SYN | XTCP_ACK)) == XTCP_SYN && !old &&
	    syn_is_newer(tw, cb, opts)) {
		*min_iss = tw->snd_nxt + 65537;	/* RFC 9293, 3.6.1; ISN-04 */
		return XTCP_TIMEWAIT_REUSE;
	}
	/* The peer did not get our last ACK: it waits in LAST_ACK as long as it takes. */
	if ((cb->flags & XTCP_FIN) && !old && cb->end_seq == tw->rcv_nxt) {
		restart_2msl(xtcp_net(tw->node.flow.net), tw);
		return XTCP_TIMEWAIT_ANSWER;
	}
	if (!(cb->flags & XTCP_SYN) && !old && cb->seq == tw->rcv_nxt && cb->end_seq == cb->seq)
		return XTCP_TIMEWAIT_DROP;	/* an ordinary ACK in sequence */
	return may_answer_tw(tw) ? XTCP_TIMEWAIT_ANSWER : XTCP_TIMEWAIT_DROP;
}

/**
 * xtcp_timewait_init_net - prepare a namespace
 * @xn: the namespace
 *
 * Context: process.
 */
void xtcp_timewait_init_net(struct xtcp_net *xn)
{
	spin_lock_init(&xn->timewait_lock);
	INIT_LIST_HEAD(&xn->timewait_fifo);
	timer_setup(&xn->timewait_timer, timewait_timer, 0);
}

/**
 * xtcp_timewait_exit_net - end every TIME_WAIT of a namespace
 * @xn: the namespace; no segment and no socket can reach it any more
 *
 * Context: process.
 */
void xtcp_timewait_exit_net(struct xtcp_net *xn)
{
	struct xtcp_timewait *tw;

	timer_shutdown_sync(&xn->timewait_timer);
	while ((tw = list_first_entry_or_null(&xn->timewait_fifo, struct xtcp_timewait,
					      node.fifo))) {
		refcount_inc(&tw->node.ref);
		xtcp_timewait_del(tw);
		xtcp_timewait_put(tw);
	}
}

/**
 * xtcp_timewait_init - create the object caches
 *
 * Context: module load.
 * Return: 0 or -ENOMEM.
 */
int xtcp_timewait_init(void)
{
	tw_cache_v4 = kmem_cache_create("xtcp_timewait", XTCP_NODE_SIZE_V4(struct xtcp_timewait),
					0, 0, NULL);
	tw_cache_v6 = kmem_cache_create("xtcp_timewait6", sizeof(struct xtcp_timewait), 0, 0, NULL);
	if (tw_cache_v4 && tw_cache_v6)
		return 0;
	xtcp_timewait_exit();
	return -ENOMEM;
}

/**
 * xtcp_timewait_exit - destroy the caches, empty by now
 *
 * Context: module unload, after rcu_barrier().
 */
void xtcp_timewait_exit(void)
{
	kmem_cache_destroy(tw_cache_v6);
	kmem_cache_destroy(tw_cache_v4);
}
