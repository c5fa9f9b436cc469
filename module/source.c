// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fairness between sources: so many new connections a second from each, if asked for.
 *
 * RFC 4987, 3.4 (LSN-20). A source is an IPv4 address or an IPv6 /64, and only one that has
 * completed a handshake, so that nobody can spend another's share by forging it.
 *
 * The table has a fixed size and is allocated when net.xtcp.accept_source_rate is first
 * set. A source may lie in one set of ways, chosen by a hash with a secret key. It is compared
 * as a whole, so two sources never share a bucket. When a set is full, the bucket with most in
 * it is forgotten: that loses least, as a bucket forgotten begins again full. So whoever
 * makes many sources collide, which without the key takes thousands of real addresses, can
 * only give a source more than its share, never less.
 *
 * Softirq, but for xtcp_source_prepare() and _exit_net(). A set's lock is innermost.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "xtcp.h"
#include "core/bucket.h"
#include "source.h"

#define SOURCE_SETS	1024
#define SOURCE_WAYS	4

/**
 * struct source - one that has connected
 * @bucket: what it may still do
 * @prefix: IPv4 address, or upper half of an IPv6 address
 * @family: AF_INET or AF_INET6; 0: not in use
 */
struct source {
	struct xtcp_bucket bucket;
	u64 prefix;
	u16 family;
};

struct source_set {
	spinlock_t lock;		/* protects way */
	struct source way[SOURCE_WAYS];
};

struct xtcp_sources {
	struct source_set set[SOURCE_SETS];
};

/* The bucket of a source: its own, or that of the one that makes room for it. */
static struct xtcp_bucket *find_bucket(struct source_set *set, u64 prefix, u16 family, u32 rate,
				       u64 now_us)
{
	struct source *victim = set->way;
	u64 level, most = 0;
	unsigned int i;

	lockdep_assert_held(&set->lock);
	for (i = 0; i < SOURCE_WAYS; i++) {
		struct source *source = &set->way[i];

		if (source->family == family && source->prefix == prefix)
			return &source->bucket;
		level = source->family ? xtcp_bucket_level(&source->bucket, rate, now_us) : U64_MAX;
		if (level > most) {
			most = level;
			victim = source;
		}
	}
	victim->prefix = prefix;
	victim->family = family;
	xtcp_bucket_fill(&victim->bucket, rate, now_us);
	return &victim->bucket;
}

/**
 * xtcp_source_may_connect - is a peer within what its source may do, one connection more?
 * @flow: of a segment that completes its handshake
 *
 * Context: softirq.
 * Return: false if it is to be refused.
 */
bool xtcp_source_may_connect(const struct xtcp_flow *flow)
{
	struct xtcp_net *xn = xtcp_net(flow->net);
	int rate = READ_ONCE(xn->accept_source_rate);
	struct xtcp_sources *sources;
	struct source_set *set;
	u64 prefix, now_us;
	bool ok;

	if (!rate)
		return true;
	sources = smp_load_acquire(&xn->sources);	/* pairs with xtcp_source_prepare() */
	if (!sources)
		return true;
	if (flow->family == AF_INET6)
		memcpy(&prefix, &flow->v6.raddr, sizeof(prefix));
	else
		prefix = (__force u32)flow->v4.raddr;
	set = &sources->set[xtcp_keys_hash_source(flow->net, prefix, flow->family) % SOURCE_SETS];
	spin_lock(&set->lock);
	now_us = xtcp_now_us();		/* under the lock: time never runs backward in a bucket */
	ok = xtcp_bucket_take(find_bucket(set, prefix, flow->family, rate, now_us), rate, now_us);
	spin_unlock(&set->lock);
	return ok;
}

/**
 * xtcp_source_prepare - make sure that a namespace has its table
 * @xn: the namespace
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int xtcp_source_prepare(struct xtcp_net *xn)
{
	struct xtcp_sources *sources;
	unsigned int i;

	if (READ_ONCE(xn->sources))
		return 0;
	sources = kvzalloc(sizeof(*sources), GFP_KERNEL_ACCOUNT);
	if (!sources)
		return -ENOMEM;
	for (i = 0; i < SOURCE_SETS; i++)
		spin_lock_init(&sources->set[i].lock);
	/* Pairs with the acquire of the readers; who comes second frees his own. */
	if (cmpxchg_release(&xn->sources, NULL, sources))
		kvfree(sources);
	return 0;
}

/**
 * xtcp_source_exit_net - free a namespace's table
 * @xn: the namespace; no segment can reach it any more
 *
 * Context: process.
 */
void xtcp_source_exit_net(struct xtcp_net *xn)
{
	kvfree(xn->sources);
}
