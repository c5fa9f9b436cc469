// SPDX-License-Identifier: GPL-2.0-only
/*
 * The demux table: sockets, listeners, half-open and TIME_WAIT entries in one place.
 *
 * Readers hold RCU only and take a reference by inc-not-zero; chains end in a "nulls"
 * marker with the bucket's number, so that a reader carried into another chain by an
 * object that was taken out and put back elsewhere notices and starts again. Writers
 * hold the bucket's spinlock, BH off; no other lock is taken under it. The hashes are
 * keyed with boot-random secrets, so nobody can choose collisions: a listener's covers its
 * local address, lest one user's listeners be in the way of another's.
 *
 * The table owns one reference of each half-open and TIME_WAIT entry in it, none of a
 * socket: sockets leave the table before they die.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/sock_reuseport.h>

#include "xtcp.h"

#define HASH_BITS_MIN	8
#define HASH_BITS_MAX	16	/* bits of xtcp_flow.slot */

struct bucket {
	struct hlist_nulls_head chain;
	spinlock_t lock;		/* writers */
};

static struct bucket *table;
static unsigned int table_mask;

static unsigned int flow_slot(const struct xtcp_flow *flow)
{
	return flow->slot ?: xtcp_keys_hash_flow(flow) & table_mask;
}

static unsigned int listener_slot(const struct xtcp_flow *flow)
{
	return xtcp_keys_hash_listener(flow) & table_mask;
}

/* Where those are who listen on all addresses of a port, of either family. */
static unsigned int any_slot(const struct xtcp_flow *flow)
{
	return xtcp_keys_hash_port(flow->net, flow->lport) & table_mask;
}

static unsigned int node_slot(const struct xtcp_node *node)
{
	return node->kind == XTCP_KIND_LISTENER ? listener_slot(&node->flow) :
						  flow_slot(&node->flow);
}

/**
 * xtcp_hash_place - work out once where a flow is in the table
 * @flow: complete; from now on neither addresses nor ports may change
 *
 * For what is looked up and then added, and each copy of it.
 *
 * Context: any.
 */
void xtcp_hash_place(struct xtcp_flow *flow)
{
	flow->slot = flow_slot(flow);
}

/* A socket bound to no device takes no part in a VRF (as net.ipv4.tcp_l3mdev_accept = 0). */
static bool dev_matches(int bound, int dif, int sdif)
{
	return bound ? bound == dif || (sdif && bound == sdif) : !sdif;
}

static bool addrs_equal(const struct xtcp_flow *a, const struct xtcp_flow *b)
{
	if (a->family == AF_INET)
		return a->v4.laddr == b->v4.laddr && a->v4.raddr == b->v4.raddr;
	return ipv6_addr_equal(&a->v6.laddr, &b->v6.laddr) &&
	       ipv6_addr_equal(&a->v6.raddr, &b->v6.raddr);
}

/* The device a node is bound to; SO_BINDTODEVICE may come after connect() and listen(). */
static int node_dev(struct xtcp_node *node)
{
	if (node->kind == XTCP_KIND_SOCK || node->kind == XTCP_KIND_LISTENER)
		return READ_ONCE(xtcp_node_sk(node)->sk_bound_dev_if);
	return node->flow.ifindex;
}

static bool flow_matches(struct xtcp_node *node, const struct xtcp_flow *flow, int sdif)
{
	const struct xtcp_flow *key = &node->flow;

	return node->kind != XTCP_KIND_LISTENER &&
	       key->lport == flow->lport && key->rport == flow->rport &&
	       key->family == flow->family && net_eq(key->net, flow->net) &&
	       addrs_equal(key, flow) && dev_matches(node_dev(node), flow->ifindex, sdif);
}

static bool is_sock(const struct xtcp_node *node)
{
	u8 kind = READ_ONCE(node->kind);

	return kind == XTCP_KIND_SOCK || kind == XTCP_KIND_LISTENER;
}

/**
 * xtcp_hash_get - take a reference on an object found in the table
 * @node: seen under RCU
 *
 * Context: RCU read side or bucket lock.
 * Return: false if the object is on its way out.
 */
bool xtcp_hash_get(struct xtcp_node *node)
{
	if (is_sock(node))
		return refcount_inc_not_zero(&xtcp_node_sk(node)->sk_refcnt);
	return refcount_inc_not_zero(&node->ref);
}

/**
 * xtcp_hash_find - the connection, half-open or TIME_WAIT entry a segment belongs to
 * @flow: of the segment
 * @sdif: l3 slave device it came in by, 0: none
 *
 * Context: RCU read side.
 * Return: the node with a reference for the caller, or NULL.
 */
struct xtcp_node *xtcp_hash_find(const struct xtcp_flow *flow, int sdif)
{
	unsigned int slot = flow_slot(flow);
	const struct hlist_nulls_node *pos;
	struct xtcp_node *node;

again:
	hlist_nulls_for_each_entry_rcu(node, pos, &table[slot].chain, link) {
		if (!flow_matches(node, flow, sdif) || !xtcp_hash_get(node))
			continue;
		/* A socket may have been dissolved, and connect elsewhere or listen now. */
		if (is_sock(node) && !flow_matches(node, flow, sdif)) {
			sock_put(xtcp_node_sk(node));
			goto again;
		}
		return node;
	}
	if (get_nulls_value(pos) != slot)
		goto again;
	return NULL;
}

/*
 * How well a listener fits: 0 not at all. A bound address beats the wildcard, then a
 * bound device, then a socket of the segment's own family, as in Linux TCP.
 */
static int listener_score(struct xtcp_node *node, const struct xtcp_flow *flow, int sdif)
{
	const struct xtcp_flow *key = &node->flow;
	const struct sock *sk = xtcp_node_sk(node);
	int score = 1, dev;

	if (node->kind != XTCP_KIND_LISTENER || key->lport != flow->lport ||
	    !net_eq(key->net, flow->net))
		return 0;
	dev = node_dev(node);
	if (!dev_matches(dev, flow->ifindex, sdif))
		return 0;
	if (key->family == flow->family) {
		bool any = key->family == AF_INET ? !key->v4.laddr :
						    ipv6_addr_any(&key->v6.laddr);
		bool same = key->family == AF_INET ?
			key->v4.laddr == flow->v4.laddr :
			ipv6_addr_equal(&key->v6.laddr, &flow->v6.laddr);

		if (!any && !same)
			return 0;
		score += any ? 2 : 10;
	} else if (key->family != AF_INET6 || !ipv6_addr_any(&key->v6.laddr) ||
		   ipv6_only_sock(sk)) {
		return 0;
	}
	if (dev)
		score += 4;
	if (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id())
		score++;
	return score;
}

/* Spread over the members of a SO_REUSEPORT group, by its BPF program or by @flow. */
static struct sock *reuseport_pick(struct sock *sk, const struct xtcp_flow *flow,
				   struct sk_buff *skb)
{
	const struct xtcp_hdr *hdr = (const struct xtcp_hdr *)skb_transport_header(skb);
	struct sock *picked;

	if (!sk->sk_reuseport)
		return sk;
	picked = reuseport_select_sock(sk, xtcp_keys_hash_flow(flow), skb,
				       xtcp_wire_hdr_len(hdr));
	return !IS_ERR_OR_NULL(picked) ? picked : sk;
}

/* The listener of one chain that fits best, the first of equals; or NULL. */
static struct sock *best_listener(unsigned int slot, const struct xtcp_flow *flow, int sdif)
{
	const struct hlist_nulls_node *pos;
	struct xtcp_node *node;
	struct sock *best;
	int best_score;

again:
	best = NULL;
	best_score = 0;
	hlist_nulls_for_each_entry_rcu(node, pos, &table[slot].chain, link) {
		int score = listener_score(node, flow, sdif);

		if (score > best_score) {
			best = xtcp_node_sk(node);
			best_score = score;
		}
	}
	if (get_nulls_value(pos) != slot)
		goto again;
	return best;
}

/**
 * xtcp_hash_find_listener - the listener a SYN is for
 * @flow: of the segment
 * @sdif: l3 slave device it came in by, 0: none
 * @skb: the segment, for a BPF program that selects within a SO_REUSEPORT group
 *
 * First those bound to the very address: each beats whoever listens on all, whatever else
 * counts (listener_score()), and where both are in one chain they are compared there.
 *
 * Context: RCU read side.
 * Return: a listener, valid until the read side ends, without a reference; or NULL.
 */
struct sock *xtcp_hash_find_listener(const struct xtcp_flow *flow, int sdif,
				     struct sk_buff *skb)
{
	struct sock *best = best_listener(listener_slot(flow), flow, sdif);

	if (!best)
		best = best_listener(any_slot(flow), flow, sdif);
	return best ? reuseport_pick(best, flow, skb) : NULL;
}

static struct bucket *lock_bucket(const struct xtcp_node *node)
{
	struct bucket *bucket = &table[node_slot(node)];

	spin_lock_bh(&bucket->lock);
	return bucket;
}

/* Put @new into @old's very place, so that a reader meets one of the two. */
static void replace_locked(struct xtcp_node *old, struct xtcp_node *new)
{
	struct hlist_nulls_node *next = old->link.next;

	new->link.next = next;
	WRITE_ONCE(new->link.pprev, old->link.pprev);
	rcu_assign_pointer(*(struct hlist_nulls_node __rcu **)new->link.pprev, &new->link);
	if (!is_a_nulls(next))
		WRITE_ONCE(next->pprev, &new->link.next);
	WRITE_ONCE(old->link.pprev, LIST_POISON2);
	old->hashed = 0;
	new->hashed = 1;
}

/**
 * xtcp_hash_add_reusing - enter an object unless its 4-tuple is taken
 * @node: with kind and flow set; not a listener
 * @may_reuse: asked about a TIME_WAIT entry that holds the 4-tuple; NULL: never
 * @reused: the entry that gave way, with the table's reference, or NULL
 *
 * Context: any, BH is switched off inside; @may_reuse runs under the bucket's lock.
 * Return: 0, or -EADDRNOTAVAIL.
 */
int xtcp_hash_add_reusing(struct xtcp_node *node, bool (*may_reuse)(struct xtcp_node *old),
			  struct xtcp_node **reused)
{
	struct bucket *bucket = lock_bucket(node);
	const struct hlist_nulls_node *pos;
	struct xtcp_node *old;
	int err = 0;

	if (reused)
		*reused = NULL;
	hlist_nulls_for_each_entry(old, pos, &bucket->chain, link) {
		if (!flow_matches(old, &node->flow, 0))
			continue;
		if (old->kind == XTCP_KIND_TIMEWAIT && may_reuse && may_reuse(old)) {
			replace_locked(old, node);
			*reused = old;
		} else {
			err = -EADDRNOTAVAIL;
		}
		goto unlock;
	}
	hlist_nulls_add_head_rcu(&node->link, &bucket->chain);
	node->hashed = 1;
unlock:
	spin_unlock_bh(&bucket->lock);
	return err;
}

/**
 * xtcp_hash_add - enter an object whose 4-tuple must be free
 * @node: with kind and flow set; not a listener
 *
 * Context: any, BH is switched off inside.
 * Return: 0, or -EADDRNOTAVAIL.
 */
int xtcp_hash_add(struct xtcp_node *node)
{
	return xtcp_hash_add_reusing(node, NULL, NULL);
}

/* Join the SO_REUSEPORT group of a listener with the same key and owner, or found one. */
static int join_reuseport(struct bucket *bucket, struct xtcp_node *node)
{
	const struct xtcp_flow *key = &node->flow;
	struct sock *sk = xtcp_node_sk(node);
	const struct hlist_nulls_node *pos;
	struct xtcp_node *old;
	bool any = key->family == AF_INET ? !key->v4.laddr : ipv6_addr_any(&key->v6.laddr);

	hlist_nulls_for_each_entry(old, pos, &bucket->chain, link) {
		struct sock *other = xtcp_node_sk(old);

		if (old->kind == XTCP_KIND_LISTENER && old->flow.lport == key->lport &&
		    net_eq(old->flow.net, key->net) && old->flow.family == key->family &&
		    addrs_equal(&old->flow, key) && old->flow.ifindex == key->ifindex &&
		    other->sk_reuseport && uid_eq(xtcp_compat_uid(other), xtcp_compat_uid(sk)) &&
		    ipv6_only_sock(other) == ipv6_only_sock(sk))
			return reuseport_add_sock(sk, other, any);
	}
	return reuseport_alloc(sk, any);
}

/**
 * xtcp_hash_add_listener - start finding a listener
 * @node: of kind XTCP_KIND_LISTENER, flow's local half set, remote half zero
 *
 * port.c has made sure that the local address and port may be listened on.
 *
 * Context: process, socket lock.
 * Return: 0, or -ENOMEM for the SO_REUSEPORT group.
 */
int xtcp_hash_add_listener(struct xtcp_node *node)
{
	struct bucket *bucket = lock_bucket(node);
	int err = 0;

	if (xtcp_node_sk(node)->sk_reuseport)
		err = join_reuseport(bucket, node);
	if (!err) {
		hlist_nulls_add_head_rcu(&node->link, &bucket->chain);
		node->hashed = 1;
	}
	spin_unlock_bh(&bucket->lock);
	return err;
}

/**
 * xtcp_hash_del - take an object out of the table
 * @node: may be out already
 *
 * Context: any, BH is switched off inside.
 * Return: true if it was in: the caller now owns the table's reference of an entry.
 */
bool xtcp_hash_del(struct xtcp_node *node)
{
	struct bucket *bucket;
	bool was_in;

	if (!READ_ONCE(node->hashed))
		return false;
	bucket = lock_bucket(node);
	was_in = node->hashed;
	if (was_in) {
		hlist_nulls_del_rcu(&node->link);
		node->hashed = 0;
		if (node->kind == XTCP_KIND_LISTENER &&
		    rcu_access_pointer(xtcp_node_sk(node)->sk_reuseport_cb))
			reuseport_detach_sock(xtcp_node_sk(node));
	}
	spin_unlock_bh(&bucket->lock);
	return was_in;
}

/**
 * xtcp_hash_replace - let one object take another's place under the same key
 * @old: leaves the table; the caller owns the table's reference of an entry
 * @new: same flow, enters it
 *
 * A segment that arrives meanwhile finds one of the two, never nothing.
 *
 * Context: any, BH is switched off inside.
 * Return: false, and nothing changed, if @old was out already.
 */
bool xtcp_hash_replace(struct xtcp_node *old, struct xtcp_node *new)
{
	struct bucket *bucket = lock_bucket(old);
	bool was_in = old->hashed;

	if (was_in)
		replace_locked(old, new);
	spin_unlock_bh(&bucket->lock);
	return was_in;
}

/**
 * xtcp_hash_size - number of buckets, for xtcp_hash_walk()
 *
 * Context: any.
 * Return: buckets, a power of two.
 */
unsigned int xtcp_hash_size(void)
{
	return table_mask + 1;
}

/**
 * xtcp_hash_walk - visit every object of one bucket
 * @bucket: 0 ... xtcp_hash_size() - 1
 * @visit: called under the bucket's lock; returns false to stop
 * @arg: for @visit
 *
 * Context: any, BH is switched off inside.
 */
void xtcp_hash_walk(unsigned int bucket, bool (*visit)(struct xtcp_node *node, void *arg),
		    void *arg)
{
	const struct hlist_nulls_node *pos;
	struct xtcp_node *node;

	if (hlist_nulls_empty(&table[bucket].chain))
		return;
	spin_lock_bh(&table[bucket].lock);
	hlist_nulls_for_each_entry(node, pos, &table[bucket].chain, link) {
		if (!visit(node, arg))
			break;
	}
	spin_unlock_bh(&table[bucket].lock);
}

/**
 * xtcp_hash_init - allocate the table: one bucket per 128 KiB of memory, 256 to 65536
 *
 * Context: module load.
 * Return: 0 or -ENOMEM.
 */
int xtcp_hash_init(void)
{
	unsigned long wanted = totalram_pages() >> (17 - PAGE_SHIFT);
	unsigned int bits = clamp_t(unsigned int, ilog2(wanted | 1), HASH_BITS_MIN, HASH_BITS_MAX);
	unsigned int i;

	table = kvcalloc(1u << bits, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	table_mask = (1u << bits) - 1;
	for (i = 0; i <= table_mask; i++) {
		INIT_HLIST_NULLS_HEAD(&table[i].chain, i);
		spin_lock_init(&table[i].lock);
	}
	return 0;
}

/**
 * xtcp_hash_exit - free the table, empty by now
 *
 * Context: module unload, after RCU readers are gone.
 */
void xtcp_hash_exit(void)
{
	kvfree(table);
}
