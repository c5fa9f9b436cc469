// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters, per CPU and namespace, and the one way a segment is dropped.
 *
 * Context: any; nothing is taken.
 */
#include "xtcp.h"
#include "trace.h"

/* Finds struct xtcp_net: here because this is the lowest file that needs it. */
unsigned int xtcp_mib_net_id __read_mostly;

#define MIB_NAME(id, name)		name,
#define DROP_NAME(id, name, word)	name,

static const char * const mib_names[XTCP_NR_MIBS + XTCP_NR_DROPS] = {
	XTCP_MIB_LIST(MIB_NAME)
	XTCP_DROP_LIST(DROP_NAME)
};

/**
 * xtcp_mib_add - count an event several times
 * @net: where it happened
 * @id: what happened
 * @n: how often
 *
 * Context: any.
 */
void xtcp_mib_add(const struct net *net, enum xtcp_mib_id id, unsigned long n)
{
	this_cpu_add(xtcp_net(net)->mib->count[id], n);
}

/**
 * xtcp_mib_count_drop - count and trace a dropped segment that someone else frees
 * @net: where it was dropped
 * @skb: the segment, its IP and transport header still in place
 * @reason: why
 *
 * Context: any.
 */
void xtcp_mib_count_drop(const struct net *net, const struct sk_buff *skb, enum xtcp_drop reason)
{
	this_cpu_inc(xtcp_net(net)->mib->count[XTCP_NR_MIBS + reason]);
	trace_xtcp_drop(net, skb, reason);
}

/**
 * xtcp_mib_drop - count, trace and free a segment
 * @net: where it was dropped
 * @skb: the segment, its IP and transport header still in place; consumed
 * @reason: why
 *
 * Context: any.
 */
void xtcp_mib_drop(const struct net *net, struct sk_buff *skb, enum xtcp_drop reason)
{
	xtcp_mib_count_drop(net, skb, reason);
	kfree_skb(skb);
}

/**
 * xtcp_mib_sum - value of a counter over all CPUs
 * @net: whose
 * @index: enum xtcp_mib_id, or XTCP_NR_MIBS + enum xtcp_drop
 *
 * Context: any; the sum is not a snapshot.
 * Return: the value.
 */
unsigned long xtcp_mib_sum(const struct net *net, unsigned int index)
{
	const struct xtcp_net *xn = xtcp_net(net);
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(xn->mib, cpu)->count[index];
	return sum;
}

/**
 * xtcp_mib_name - name of a counter in /proc/net/xtcp_snmp
 * @index: enum xtcp_mib_id, or XTCP_NR_MIBS + enum xtcp_drop
 *
 * Context: any.
 * Return: the name, or NULL past the last one.
 */
const char *xtcp_mib_name(unsigned int index)
{
	return index < ARRAY_SIZE(mib_names) ? mib_names[index] : NULL;
}

/**
 * xtcp_mib_init_net - allocate a namespace's counters
 * @xn: the namespace
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int xtcp_mib_init_net(struct xtcp_net *xn)
{
	xn->mib = alloc_percpu(struct xtcp_mib);
	return xn->mib ? 0 : -ENOMEM;
}

/**
 * xtcp_mib_exit_net - free a namespace's counters
 * @xn: the namespace
 *
 * Context: process, nobody counts any more.
 */
void xtcp_mib_exit_net(struct xtcp_net *xn)
{
	free_percpu(xn->mib);
}
