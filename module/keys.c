// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets: one random SipHash key for each use, so that what one use shows of its
 * values says nothing about another's.
 *
 * RFC 6528 (initial sequence numbers), RFC 7323, 7.1 (timestamp offsets), RFC 6056
 * (ports). Context: any; the keys are written once, at module load.
 */
#include <linux/ktime.h>
#include <linux/random.h>
#include <net/netns/hash.h>

#include "xtcp.h"

static siphash_aligned_key_t isn_key __read_mostly;
static siphash_aligned_key_t ts_key __read_mostly;
static siphash_aligned_key_t port_key __read_mostly;
static siphash_aligned_key_t hash_key __read_mostly;

/* What a flow looks like to SipHash: no holes, nothing that is not part of the key. */
struct flow_words {
	struct in6_addr laddr;
	struct in6_addr raddr;
	__be16 lport;
	__be16 rport;
	u32 net;
} __aligned(8);

static u64 hash_words(const struct xtcp_flow *flow, __be16 lport, __be16 rport,
		      const siphash_key_t *key)
{
	u32 net = net_hash_mix(flow->net);
	struct flow_words words;

	if (flow->family == AF_INET)
		return siphash_4u32((__force u32)flow->v4.laddr, (__force u32)flow->v4.raddr,
				    (__force u32)lport << 16 | (__force u32)rport, net, key);
	words.laddr = flow->v6.laddr;
	words.raddr = flow->v6.raddr;
	words.lport = lport;
	words.rport = rport;
	words.net = net;
	return siphash(&words, sizeof(words), key);
}

/**
 * xtcp_keys_init - draw the keys
 *
 * Context: module load.
 */
void xtcp_keys_init(void)
{
	get_random_bytes(&isn_key, sizeof(isn_key));
	get_random_bytes(&ts_key, sizeof(ts_key));
	get_random_bytes(&port_key, sizeof(port_key));
	get_random_bytes(&hash_key, sizeof(hash_key));
}

/**
 * xtcp_keys_hash_flow - place of a connection in the demux table
 * @flow: its key; the device does not count
 *
 * Context: any.
 * Return: 32 hash bits.
 */
u32 xtcp_keys_hash_flow(const struct xtcp_flow *flow)
{
	return hash_words(flow, flow->lport, flow->rport, &hash_key);
}

/**
 * xtcp_keys_hash_port - place of a local port in the tables
 * @net: namespace
 * @port: local port
 *
 * Context: any.
 * Return: 32 hash bits.
 */
u32 xtcp_keys_hash_port(const struct net *net, __be16 port)
{
	return siphash_2u32(net_hash_mix(net), (__force u32)port, &hash_key);
}

/**
 * xtcp_keys_isn - initial sequence number of a new connection
 * @flow: its key
 *
 * RFC 9293, 3.4.1 (MUST-8, MUST-9, SHLD-1); RFC 6528, 3: ISN = M + F(flow, secret),
 * M ticking every 64 ns, so that it wraps in 274 s, later than a segment dies.
 *
 * Context: any.
 * Return: the number.
 */
u32 xtcp_keys_isn(const struct xtcp_flow *flow)
{
	u32 f = hash_words(flow, flow->lport, flow->rport, &isn_key);

	return f + (u32)(ktime_get_ns() >> 6);
}

/**
 * xtcp_keys_ts_offset - what a connection adds to the timestamp clock
 * @flow: its key
 *
 * The same for all connections between two addresses: PAWS across a reused 4-tuple,
 * and RFC 6191 at the peer, need timestamps that go on growing.
 *
 * Context: any.
 * Return: the offset [ms]; 0 if net.xtcp.timestamps asks for the bare clock.
 */
u32 xtcp_keys_ts_offset(const struct xtcp_flow *flow)
{
	if (READ_ONCE(xtcp_net(flow->net)->timestamps) == 2)
		return 0;
	return hash_words(flow, 0, 0, &ts_key);
}

/**
 * xtcp_keys_port_offset - where the search for a local port begins
 * @flow: addresses and remote port of the connection to be
 *
 * RFC 6056, 3.3.4: unrelated between destinations.
 *
 * Context: any.
 * Return: 64 hash bits, for the first index and the step table.
 */
u64 xtcp_keys_port_offset(const struct xtcp_flow *flow)
{
	return hash_words(flow, 0, flow->rport, &port_key);
}
