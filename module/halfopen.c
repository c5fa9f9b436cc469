// SPDX-License-Identifier: GPL-2.0-only
/*
 * Half-open connections: a SYN has come, the ACK that completes the handshake has not.
 *
 * RFC 9293, 3.10.7.2; RFC 4987, 3. A small entry in the demux table instead of a socket.
 * Bounds: per listener, per namespace, and in bytes for the whole module, half of them for
 * namespaces that anybody may make; at a bound new SYNs are refused and nothing is evicted, so
 * a flood cannot push out a genuine peer.
 *
 * All entries that have seen n SYN-ACK repeats expire in the order they came, so one FIFO
 * per n and one timer per namespace serve all. One more FIFO holds those whose peers have
 * completed the handshake and wait for room in the accept queue. halfopen_lock protects
 * the FIFOs; it is taken under no other lock of ours, and the demux table's are not taken
 * under it. The table owns one reference, whoever takes an entry out of it gets it.
 */
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "xtcp.h"

#define FIRST_WAIT	HZ		/* RFC 6298, 2.1; doubles with every repeat */
#define LONGEST_WAIT	(120 * HZ)
#define PRESSED_RETRIES	2		/* repeats of an entry while its queue is half full */
#define PARKED_WAIT	(63 * HZ)	/* for room in the accept queue: as for an ACK */
#define TIMER_BATCH	256		/* entries in one run of the timer; the rest a tick later */

static struct kmem_cache *ho_cache_v4, *ho_cache_v6;
static atomic_long_t bytes_in_use;
static atomic_long_t guest_bytes_in_use;	/* of these, in namespaces that anybody may make */

static struct kmem_cache *ho_cache(const struct xtcp_flow *flow)
{
	return flow->family == AF_INET6 ? ho_cache_v6 : ho_cache_v4;
}

/* Whoever may make a user namespace has network namespaces, listeners and peers at will. */
static bool is_guest(const struct net *net)
{
	return net->user_ns != &init_user_ns;
}

/* Add @ho's size to the account, or with @sign -1 take it off. */
static void account(const struct xtcp_halfopen *ho, int sign)
{
	long bytes = sign * (long)kmem_cache_size(ho_cache(&ho->node.flow));

	atomic_long_add(bytes, &bytes_in_use);
	if (is_guest(ho->node.flow.net))
		atomic_long_add(bytes, &guest_bytes_in_use);
}

/* May no namespace, or not this one, have any more bytes? */
static bool is_out_of_bytes(const struct net *net)
{
	unsigned long limit = READ_ONCE(xtcp_sysctl_halfopen_bytes);

	return atomic_long_read(&bytes_in_use) >= limit ||
	       (is_guest(net) && atomic_long_read(&guest_bytes_in_use) >= limit / 2);
}

static void free_ho_rcu(struct rcu_head *rcu)
{
	struct xtcp_halfopen *ho = container_of(rcu, struct xtcp_halfopen, node.rcu);

	kmem_cache_free(ho_cache(&ho->node.flow), ho);
}

/**
 * xtcp_halfopen_put - drop a reference
 * @ho: the entry
 *
 * Context: any.
 */
void xtcp_halfopen_put(struct xtcp_halfopen *ho)
{
	if (!refcount_dec_and_test(&ho->node.ref))
		return;
	account(ho, -1);		/* while the listener still holds the namespace */
	sock_put(ho->listener);
	call_rcu(&ho->node.rcu, free_ho_rcu);
}

static u32 wait_jif(unsigned int retries)
{
	return min_t(u32, FIRST_WAIT << min(retries, 7u), LONGEST_WAIT);
}

/* Queue @ho for its next SYN-ACK or its end. */
static void enqueue(struct xtcp_net *xn, struct xtcp_halfopen *ho)
{
	unsigned int level = min_t(unsigned int, ho->retries, XTCP_SYNACK_LEVELS - 1);

	lockdep_assert_held(&xn->halfopen_lock);
	if (ho->parked) {
		level = XTCP_PARKED_LEVEL;
		ho->expires_jif = jiffies + PARKED_WAIT;
	} else {
		ho->expires_jif = jiffies + wait_jif(ho->retries);
	}
	list_move_tail(&ho->node.fifo, &xn->halfopen_fifo[level]);
}

/* Off its FIFO, and out of all counts, once. */
static void unlink_ho(struct xtcp_net *xn, struct xtcp_halfopen *ho)
{
	spin_lock_bh(&xn->halfopen_lock);
	if (!list_empty(&ho->node.fifo)) {
		list_del_init(&ho->node.fifo);
		if (ho->parked)
			atomic_dec(&xtcp_sk(ho->listener)->parked_len);
		atomic_dec(&xtcp_sk(ho->listener)->halfopen_len);
		atomic_dec(&xn->halfopen_len);
	}
	spin_unlock_bh(&xn->halfopen_lock);
}

/**
 * xtcp_halfopen_del - end an entry
 * @ho: referenced by the caller
 *
 * Context: softirq, or process.
 * Return: false if another CPU has completed or ended it already.
 */
bool xtcp_halfopen_del(struct xtcp_halfopen *ho)
{
	bool was_in;

	/* First off the FIFO: xtcp_halfopen_add() looks there last. */
	unlink_ho(xtcp_net(ho->node.flow.net), ho);
	was_in = xtcp_hash_del(&ho->node);
	if (was_in)
		xtcp_halfopen_put(ho);
	return was_in;
}

/**
 * xtcp_halfopen_take - let the child take its half-open entry's place in the demux table
 * @ho: referenced by the caller
 * @child: from xtcp_conn_spawn()
 *
 * Context: softirq.
 * Return: false if another CPU has completed or ended the entry meanwhile.
 */
bool xtcp_halfopen_take(struct xtcp_halfopen *ho, struct sock *child)
{
	if (!xtcp_hash_replace(&ho->node, &xtcp_sk(child)->node))
		return false;
	unlink_ho(xtcp_net(ho->node.flow.net), ho);
	xtcp_halfopen_put(ho);
	return true;
}

/**
 * xtcp_halfopen_is_full - is there no room for another entry?
 * @listener: valid under RCU
 *
 * LSN-01: the backlog plus one (as Linux counts), checked before memory is taken.
 *
 * Context: softirq.
 * Return: true at the bound of the listener, the namespace, its kind or the module.
 */
bool xtcp_halfopen_is_full(const struct sock *listener)
{
	struct xtcp_net *xn = xtcp_sk_net(listener);

	return atomic_read(&xtcp_sk(listener)->halfopen_len) >
			(int)READ_ONCE(listener->sk_max_ack_backlog) ||
	       atomic_read(&xn->halfopen_len) >= READ_ONCE(xn->max_syn_backlog) ||
	       is_out_of_bytes(xn->net);
}

/*
 * Was @ho ended between its FIFO and the table? Whoever did it could not take it out of there,
 * and nobody would any more.
 */
static bool was_unlinked(struct xtcp_net *xn, struct xtcp_halfopen *ho)
{
	bool unlinked;

	spin_lock_bh(&xn->halfopen_lock);
	unlinked = list_empty(&ho->node.fifo);
	spin_unlock_bh(&xn->halfopen_lock);
	return unlinked;
}

/**
 * xtcp_halfopen_add - keep a half-open connection
 * @listener: valid under RCU; the entry takes a reference
 * @proto: the entry to be, node.flow included; copied
 *
 * Context: softirq, RCU read side.
 * Return: the entry with a reference for the caller, its timer running; ERR_PTR(-ENOMEM);
 *	-ENOBUFS: at the bound, which other CPUs have reached meanwhile; -EADDRNOTAVAIL when
 *	the 4-tuple has an entry by now; -ENOTCONN: listener is gone.
 */
struct xtcp_halfopen *xtcp_halfopen_add(struct sock *listener, const struct xtcp_halfopen *proto)
{
	const struct xtcp_flow *flow = &proto->node.flow;
	struct xtcp_net *xn = xtcp_net(flow->net);
	struct kmem_cache *cache = ho_cache(flow);
	struct xtcp_halfopen *ho;
	int err;

	ho = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!ho)
		return ERR_PTR(-ENOMEM);
	if (!refcount_inc_not_zero(&listener->sk_refcnt)) {
		kmem_cache_free(cache, ho);
		return ERR_PTR(-ENOTCONN);
	}
	memcpy(ho, proto, kmem_cache_size(cache));
	ho->listener = listener;
	ho->node.kind = XTCP_KIND_HALFOPEN;
	ho->node.hashed = 0;
	INIT_LIST_HEAD(&ho->node.fifo);
	refcount_set(&ho->node.ref, 2);
	account(ho, 1);

	spin_lock_bh(&xn->halfopen_lock);
	if (xtcp_halfopen_is_full(listener)) {
		spin_unlock_bh(&xn->halfopen_lock);
		refcount_set(&ho->node.ref, 1);
		xtcp_halfopen_put(ho);
		return ERR_PTR(-ENOBUFS);
	}
	atomic_inc(&xtcp_sk(listener)->halfopen_len);
	atomic_inc(&xn->halfopen_len);
	if (ho->parked)
		atomic_inc(&xtcp_sk(listener)->parked_len);
	enqueue(xn, ho);
	if (!timer_pending(&xn->halfopen_timer) ||
	    time_after(xn->halfopen_timer.expires, jiffies + FIRST_WAIT))
		mod_timer(&xn->halfopen_timer, jiffies + FIRST_WAIT);
	spin_unlock_bh(&xn->halfopen_lock);

	err = xtcp_hash_add(&ho->node);
	if (err) {
		unlink_ho(xn, ho);
		xtcp_halfopen_put(ho);
	} else if (was_unlinked(xn, ho) && xtcp_halfopen_del(ho)) {
		err = -ENOTCONN;
	} else {
		return ho;
	}
	xtcp_halfopen_put(ho);
	return ERR_PTR(err);
}

/* ---- waiting for accept() ---------------------------------------------------- */

/**
 * xtcp_halfopen_defer - the peer is there, but TCP_DEFER_ACCEPT waits for its data
 * @ho: referenced by the caller
 *
 * Context: softirq.
 */
void xtcp_halfopen_defer(struct xtcp_halfopen *ho)
{
	struct xtcp_net *xn = xtcp_net(ho->node.flow.net);

	spin_lock_bh(&xn->halfopen_lock);
	ho->acked = 1;
	spin_unlock_bh(&xn->halfopen_lock);
}

/**
 * xtcp_halfopen_park - keep a peer that is there until accept() makes room for it
 * @ho: referenced by the caller
 * @win: window field of its ACK
 *
 * Takes no memory: the entry stays, among the listener's others and within their bound. A
 * listener that has closed is about to purge them: there the entry keeps its place, or it
 * would slip away from the purge and hold the listener, and is marked as to be told.
 *
 * Context: softirq.
 * Return: true if it was not parked before.
 */
bool xtcp_halfopen_park(struct xtcp_halfopen *ho, u16 win)
{
	struct xtcp_net *xn = xtcp_net(ho->node.flow.net);
	bool parked = false;

	spin_lock_bh(&xn->halfopen_lock);
	if (READ_ONCE(ho->listener->sk_state) != TCP_LISTEN) {
		ho->acked = 1;
	} else if (!ho->parked && !list_empty(&ho->node.fifo)) {
		if (ho->synack_us && !ho->retries && !ho->last_ack_jif && !ho->acked)
			ho->synack_us = (u32)xtcp_now_us() - ho->synack_us;
		else
			ho->synack_us = 0;
		ho->peer_win = win;
		ho->parked = 1;
		atomic_inc(&xtcp_sk(ho->listener)->parked_len);
		enqueue(xn, ho);
		parked = true;
	}
	spin_unlock_bh(&xn->halfopen_lock);
	return parked;
}

/**
 * xtcp_halfopen_next_parked - who has waited longest for a place in the accept queue?
 * @listener: whose
 *
 * Context: process, or softirq.
 * Return: the entry with a reference for the caller, still parked; or NULL.
 */
struct xtcp_halfopen *xtcp_halfopen_next_parked(struct sock *listener)
{
	struct xtcp_net *xn = xtcp_sk_net(listener);
	struct xtcp_halfopen *ho, *found = NULL;

	if (!atomic_read(&xtcp_sk(listener)->parked_len))
		return NULL;
	spin_lock_bh(&xn->halfopen_lock);
	list_for_each_entry(ho, &xn->halfopen_fifo[XTCP_PARKED_LEVEL], node.fifo) {
		if (ho->listener == listener) {
			refcount_inc(&ho->node.ref);
			found = ho;
			break;
		}
	}
	spin_unlock_bh(&xn->halfopen_lock);
	return found;
}

/**
 * xtcp_halfopen_defer_retries - SYN-ACK repeats for which TCP_DEFER_ACCEPT waits for data
 * @listener: whose
 *
 * The n-th repeat comes 2^n - 1 seconds after the first SYN-ACK.
 *
 * Context: any.
 * Return: the number; 0: a bare ACK is enough.
 */
unsigned int xtcp_halfopen_defer_retries(const struct sock *listener)
{
	unsigned int seconds = READ_ONCE(xtcp_sk(listener)->defer_accept_s);

	return seconds ? ilog2(seconds) + 1 : 0;
}

/* ---- repeats and expiry ------------------------------------------------------ */

/* How many SYN-ACK repeats this entry gets: fewer while its queue is half full (LSN-05). */
static unsigned int retry_limit(const struct xtcp_net *xn, const struct xtcp_halfopen *ho)
{
	unsigned int limit = xtcp_sk(ho->listener)->syn_retries ?: READ_ONCE(xn->synack_retries);

	if (2 * atomic_read(&xtcp_sk(ho->listener)->halfopen_len) >
	    (int)READ_ONCE(ho->listener->sk_max_ack_backlog) + 1)
		limit = min_t(unsigned int, limit, PRESSED_RETRIES);
	if (ho->parked)
		return 0;
	if (ho->acked)		/* as often as TCP_DEFER_ACCEPT waits, and once for the ACK */
		limit = max(limit, xtcp_halfopen_defer_retries(ho->listener) + 1);
	return limit;
}

/* While TCP_DEFER_ACCEPT waits there is nothing to repeat; the last repeat asks for the ACK. */
static bool wants_synack(const struct xtcp_halfopen *ho)
{
	return !ho->acked || ho->retries >= xtcp_halfopen_defer_retries(ho->listener);
}

/* An entry whose wait is over, referenced, already queued for its next repeat if any. */
static struct xtcp_halfopen *next_due(struct xtcp_net *xn, bool *give_up)
{
	struct xtcp_halfopen *ho, *due = NULL;
	long next = LONG_MAX;
	unsigned int i;

	spin_lock_bh(&xn->halfopen_lock);
	for (i = 0; i <= XTCP_PARKED_LEVEL && !due; i++) {
		s32 left;

		ho = list_first_entry_or_null(&xn->halfopen_fifo[i], struct xtcp_halfopen,
					      node.fifo);
		if (!ho)
			continue;
		left = ho->expires_jif - (u32)jiffies;
		if (left > 0) {
			next = min_t(long, next, left);
			continue;
		}
		refcount_inc(&ho->node.ref);
		*give_up = ho->retries >= retry_limit(xn, ho);
		if (!*give_up) {
			ho->retries++;
			WRITE_ONCE(ho->synack_us, (u32)xtcp_now_us());
			enqueue(xn, ho);
		}
		due = ho;
	}
	if (!due && next != LONG_MAX)
		mod_timer(&xn->halfopen_timer, jiffies + next);
	spin_unlock_bh(&xn->halfopen_lock);
	return due;
}

/* Nobody will accept a peer that thinks it is connected: tell it (LSN-03, LSN-24). */
static void abandon(struct xtcp_halfopen *ho)
{
	if (!xtcp_halfopen_del(ho))
		return;
	xtcp_mib_inc(ho->node.flow.net, XTCP_MIB_HALFOPEN_ABANDONED);
	xtcp_reply_halfopen_rst(ho);
}

static void halfopen_timer(struct timer_list *t)
{
	struct xtcp_net *xn = xtcp_from_timer(xn, t, halfopen_timer);
	unsigned int left = TIMER_BATCH;
	struct xtcp_halfopen *ho;
	bool give_up;

	for (;;) {
		if (!left--) {
			mod_timer(&xn->halfopen_timer, jiffies + 1);
			return;
		}
		ho = next_due(xn, &give_up);
		if (!ho)
			return;
		if (give_up && ho->parked) {
			abandon(ho);
		} else if (give_up) {
			xtcp_mib_inc(xn->net, XTCP_MIB_HALFOPEN_EXPIRED);
			xtcp_halfopen_del(ho);
		} else if (wants_synack(ho)) {
			xtcp_mib_inc(xn->net, XTCP_MIB_SYNACK_RESENT);
			xtcp_reply_synack(ho, NULL);
		}
		xtcp_halfopen_put(ho);
	}
}

/* ---- mass endings ------------------------------------------------------------ */

/*
 * End every entry on @list, which halfopen_lock protects; @tell those that think they are
 * connected.
 */
static void purge_list(struct xtcp_net *xn, struct list_head *list, bool tell)
{
	struct xtcp_halfopen *ho;

	for (;;) {
		spin_lock_bh(&xn->halfopen_lock);
		ho = list_first_entry_or_null(list, struct xtcp_halfopen, node.fifo);
		if (ho)
			refcount_inc(&ho->node.ref);
		spin_unlock_bh(&xn->halfopen_lock);
		if (!ho)
			return;
		if (tell && (ho->parked || ho->acked))
			abandon(ho);
		else
			xtcp_halfopen_del(ho);
		xtcp_halfopen_put(ho);
		cond_resched();
	}
}

/**
 * xtcp_halfopen_purge_listener - drop all entries of a listener that closes
 * @listener: no longer in LISTEN
 *
 * Context: process.
 */
void xtcp_halfopen_purge_listener(struct sock *listener)
{
	struct xtcp_net *xn = xtcp_sk_net(listener);
	struct xtcp_halfopen *ho, *next;
	LIST_HEAD(doomed);
	unsigned int i;

	smp_mb();	/* state before tables: who adds an entry after this sees it closed */
	spin_lock_bh(&xn->halfopen_lock);
	for (i = 0; i <= XTCP_PARKED_LEVEL; i++) {
		list_for_each_entry_safe(ho, next, &xn->halfopen_fifo[i], node.fifo) {
			if (ho->listener == listener)
				list_move_tail(&ho->node.fifo, &doomed);
		}
	}
	spin_unlock_bh(&xn->halfopen_lock);
	purge_list(xn, &doomed, true);
}

/**
 * xtcp_halfopen_init_net - prepare a namespace
 * @xn: the namespace
 *
 * Context: process.
 */
void xtcp_halfopen_init_net(struct xtcp_net *xn)
{
	unsigned int i;

	spin_lock_init(&xn->halfopen_lock);
	for (i = 0; i <= XTCP_PARKED_LEVEL; i++)
		INIT_LIST_HEAD(&xn->halfopen_fifo[i]);
	timer_setup(&xn->halfopen_timer, halfopen_timer, 0);
}

/**
 * xtcp_halfopen_exit_net - drop everything half-open in a namespace
 * @xn: the namespace; no segment can reach it any more
 *
 * Context: process.
 */
void xtcp_halfopen_exit_net(struct xtcp_net *xn)
{
	unsigned int i;

	timer_shutdown_sync(&xn->halfopen_timer);
	for (i = 0; i <= XTCP_PARKED_LEVEL; i++)
		purge_list(xn, &xn->halfopen_fifo[i], false);
}

/**
 * xtcp_halfopen_init - create the object caches
 *
 * Context: module load.
 * Return: 0 or -ENOMEM.
 */
int xtcp_halfopen_init(void)
{
	ho_cache_v4 = kmem_cache_create("xtcp_halfopen", XTCP_NODE_SIZE_V4(struct xtcp_halfopen),
					0, 0, NULL);
	ho_cache_v6 = kmem_cache_create("xtcp_halfopen6", sizeof(struct xtcp_halfopen), 0, 0, NULL);
	if (ho_cache_v4 && ho_cache_v6)
		return 0;
	xtcp_halfopen_exit();
	return -ENOMEM;
}

/**
 * xtcp_halfopen_exit - destroy the caches, empty by now
 *
 * Context: module unload, after rcu_barrier().
 */
void xtcp_halfopen_exit(void)
{
	kmem_cache_destroy(ho_cache_v6);
	kmem_cache_destroy(ho_cache_v4);
}
