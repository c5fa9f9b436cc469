// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secrets: one random SipHash key for each use, so that what one use shows of its
 * values says nothing about another's.
 *
 * RFC 6528 (initial sequence numbers), RFC 7323, 7.1 (timestamp offsets), RFC 6056
 * (ports), RFC 4987, 3.6 (SYN cookies). Context: any; the keys are written once, at
 * module load, but for those of the cookies, which belong to a namespace and change.
 */
#include <linux/ktime.h>
#include <linux/random.h>
#include <net/netns/hash.h>

#include "xtcp.h"
#include "source.h"

static siphash_aligned_key_t isn_key __read_mostly;
static siphash_aligned_key_t port_key __read_mostly;
static hsiphash_key_t hash_key __read_mostly;
static hsiphash_key_t local_key __read_mostly;
static siphash_aligned_key_t source_key __read_mostly;

/* What a flow looks like to SipHash: no holes, nothing that is not part of the key. */
struct flow_words {
	struct in6_addr laddr;
	struct in6_addr raddr;
	__be16 lport;
	__be16 rport;
	u32 net;
} __aligned(8);

static void fill_words(struct flow_words *words, const struct xtcp_flow *flow, __be16 lport)
{
	words->laddr = flow->v6.laddr;
	words->raddr = flow->v6.raddr;
	words->lport = lport;
	words->rport = flow->rport;
	words->net = net_hash_mix(flow->net);
}

static u32 two_ports(__be16 lport, __be16 rport)
{
	return (__force u32)lport << 16 | (__force u32)rport;
}

static u64 hash_words(const struct xtcp_flow *flow, __be16 lport, const siphash_key_t *key)
{
	struct flow_words words;

	if (flow->family == AF_INET)
		return siphash_4u32((__force u32)flow->v4.laddr, (__force u32)flow->v4.raddr,
				    two_ports(lport, flow->rport), net_hash_mix(flow->net), key);
	fill_words(&words, flow, lport);
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
	get_random_bytes(&port_key, sizeof(port_key));
	get_random_bytes(&hash_key, sizeof(hash_key));
	get_random_bytes(&local_key, sizeof(local_key));
	get_random_bytes(&source_key, sizeof(source_key));
}

/**
 * xtcp_keys_hash_flow - place of a connection in the demux table
 * @flow: its key; the device does not count
 *
 * The variant of SipHash for tables: nobody outside sees a place, and each segment pays.
 *
 * Context: any.
 * Return: 32 hash bits.
 */
u32 xtcp_keys_hash_flow(const struct xtcp_flow *flow)
{
	struct flow_words words;

	if (flow->family == AF_INET)
		return hsiphash_4u32((__force u32)flow->v4.laddr, (__force u32)flow->v4.raddr,
				     two_ports(flow->lport, flow->rport),
				     net_hash_mix(flow->net), &hash_key);
	fill_words(&words, flow, flow->lport);
	return hsiphash(&words, sizeof(words), &hash_key);
}

/**
 * xtcp_keys_hash_port - place of a local port, and of those who listen on all its addresses
 * @net: namespace
 * @port: local port
 *
 * With a key as well: users of this machine choose ports, too, and must not choose a chain.
 *
 * Context: any.
 * Return: 32 hash bits.
 */
u32 xtcp_keys_hash_port(const struct net *net, __be16 port)
{
	return hsiphash_3u32(0, (__force u32)port, net_hash_mix(net), &local_key);
}

/**
 * xtcp_keys_hash_listener - place of a listener in the demux table
 * @flow: its key, or that of a segment: the local half counts
 *
 * The any-address of either family has the place of xtcp_keys_hash_port().
 *
 * Context: any.
 * Return: 32 hash bits.
 */
u32 xtcp_keys_hash_listener(const struct xtcp_flow *flow)
{
	struct flow_words words = { .lport = flow->lport, .net = net_hash_mix(flow->net) };

	if (flow->family == AF_INET)
		return hsiphash_3u32((__force u32)flow->v4.laddr, (__force u32)flow->lport,
				     words.net, &local_key);
	if (ipv6_addr_any(&flow->v6.laddr))
		return xtcp_keys_hash_port(flow->net, flow->lport);
	words.laddr = flow->v6.laddr;
	return hsiphash(&words, sizeof(words), &local_key);
}

/**
 * xtcp_keys_hash_source - place of a source in the table of source.c
 * @net: namespace
 * @prefix: IPv4 address, or upper half of an IPv6 address
 * @family: AF_INET or AF_INET6
 *
 * Context: any.
 * Return: 32 hash bits.
 */
u32 xtcp_keys_hash_source(const struct net *net, u64 prefix, u16 family)
{
	return siphash_2u64(prefix, (u64)family << 32 | net_hash_mix(net), &source_key);
}

/**
 * xtcp_keys_isn - initial sequence number and timestamp offset of a new connection
 * @flow: its key
 * @ts_offset: what it is to add to the timestamp clock [ms]; 0 if net.xtcp.timestamps
 *	asks for the bare clock
 *
 * RFC 9293, 3.4.1 (MUST-8, MUST-9, SHLD-1); RFC 6528, 3: ISN = M + F(flow, secret),
 * M ticking every 64 ns, so that it wraps in 274 s, later than a segment dies.
 *
 * RFC 7323, 5.4, 7.1: the offset is constant for a 4-tuple, as PAWS across its reuse and
 * RFC 6191 at the peer need timestamps that go on growing; and it covers the ports, lest one
 * connection's timestamps tell of another's. F and offset are halves of one hash, of which
 * neither shows the other.
 *
 * Context: any.
 * Return: the ISN.
 */
u32 xtcp_keys_isn(const struct xtcp_flow *flow, u32 *ts_offset)
{
	u64 hash = hash_words(flow, flow->lport, &isn_key);

	*ts_offset = READ_ONCE(xtcp_net(flow->net)->timestamps) == 2 ? 0 : hash >> 32;
	return (u32)hash + (u32)(ktime_get_ns() >> 6);
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
	return hash_words(flow, 0, &port_key);
}

/* ---- SYN cookies ------------------------------------------------------------- */

#define GENERATION_EPOCHS	2	/* a key makes cookies for so many epochs: 120 s */

/* Hosts that share a secret share the wall clock, too; others need one that never jumps. */
static u32 cookie_epoch(bool is_shared)
{
	u64 now_s = is_shared ? ktime_get_real_seconds() : ktime_get_seconds();

	return div_u64(now_s, XTCP_COOKIE_PERIOD_S);
}

/* The key of one generation: drawn, or derived so that all who share the secret have it. */
static void make_cookie_key(const struct xtcp_cookie_keys *ck, u32 generation, siphash_key_t *key)
{
	if (!ck->is_shared) {
		get_random_bytes(key, sizeof(*key));
		return;
	}
	key->key[0] = siphash_2u32(generation, 0, &ck->shared);
	key->key[1] = siphash_2u32(generation, 1, &ck->shared);
}

/* Bring the keys up to @generation. The previous key outlives every cookie made with it. */
static void rotate_cookie_keys(struct xtcp_cookie_keys *ck, u32 generation)
{
	if (ck->generation == generation)
		return;
	if (generation - ck->generation == 1)
		ck->key[1] = ck->key[0];
	else
		make_cookie_key(ck, generation - 1, &ck->key[1]);
	make_cookie_key(ck, generation, &ck->key[0]);
	ck->generation = generation;
}

/**
 * xtcp_keys_cookie - the secrets of SYN cookies in force now
 * @net: namespace
 * @keys: filled in: current, previous
 *
 * Rotated here, every other epoch, by whoever comes first: without use there is nothing
 * to protect, and no timer.
 *
 * Context: softirq.
 * Return: number of the current epoch.
 */
u32 xtcp_keys_cookie(struct net *net, siphash_key_t keys[XTCP_COOKIE_NR_KEYS])
{
	struct xtcp_cookie_keys *ck = &xtcp_net(net)->cookie_keys;
	u32 epoch, generation;
	unsigned int seq;

	do {
		seq = read_seqbegin(&ck->lock);
		epoch = cookie_epoch(ck->is_shared);
		generation = ck->generation;
		memcpy(keys, ck->key, sizeof(ck->key));
	} while (read_seqretry(&ck->lock, seq));
	if (generation == epoch / GENERATION_EPOCHS)
		return epoch;

	write_seqlock_bh(&ck->lock);
	epoch = cookie_epoch(ck->is_shared);
	rotate_cookie_keys(ck, epoch / GENERATION_EPOCHS);
	memcpy(keys, ck->key, sizeof(ck->key));
	write_sequnlock_bh(&ck->lock);
	return epoch;
}

/**
 * xtcp_keys_share_cookie - set the secret that several hosts have in common
 * @xn: namespace
 * @secret: sizeof(siphash_key_t) bytes; NULL: back to random keys of our own
 *
 * Cookies under way stay good for their time, as the current key becomes the previous one,
 * unless the clock changes from monotonic to wall or back.
 *
 * Context: process.
 */
void xtcp_keys_share_cookie(struct xtcp_net *xn, const u8 *secret)
{
	struct xtcp_cookie_keys *ck = &xn->cookie_keys;

	write_seqlock_bh(&ck->lock);
	ck->is_shared = secret;
	memzero_explicit(&ck->shared, sizeof(ck->shared));
	if (secret)
		memcpy(&ck->shared, secret, sizeof(ck->shared));
	ck->generation = cookie_epoch(ck->is_shared) / GENERATION_EPOCHS;
	ck->key[1] = ck->key[0];
	make_cookie_key(ck, ck->generation, &ck->key[0]);
	write_sequnlock_bh(&ck->lock);
}

/**
 * xtcp_keys_init_net - draw a namespace's keys
 * @xn: the namespace
 *
 * Context: process.
 */
void xtcp_keys_init_net(struct xtcp_net *xn)
{
	seqlock_init(&xn->cookie_keys.lock);
	xtcp_keys_share_cookie(xn, NULL);
	make_cookie_key(&xn->cookie_keys, 0, &xn->cookie_keys.key[1]);
}
