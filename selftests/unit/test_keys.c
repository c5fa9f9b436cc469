// SPDX-License-Identifier: GPL-2.0-only
/*
 * keys.c: each secret serves one use, and what the uses make of them.
 *
 * Not of the core, but a file of hashes all the same: it is included here whole, with the few
 * names of the kernel it needs. Chance and clock are the test's.
 */
#include <sys/socket.h>
#include <linux/in6.h>
#include "ktap.h"

#define __force
#define __read_mostly
#define __aligned(n)		__attribute__((aligned(n)))
#define READ_ONCE(x)		(x)
#define div_u64(a, b)		((u64)(a) / (b))
#define memzero_explicit(p, len)	memset(p, 0, len)

typedef siphash_key_t siphash_aligned_key_t;
typedef siphash_key_t hsiphash_key_t;

static u64 siphash_2u32(u32 first, u32 second, const siphash_key_t *key)
{
	return siphash_1u64((u64)second << 32 | first, key);
}

static u64 siphash_4u32(u32 first, u32 second, u32 third, u32 forth, const siphash_key_t *key)
{
	return siphash_2u64((u64)second << 32 | first, (u64)forth << 32 | third, key);
}

/* The kernel's has fewer rounds: what counts here is which key and which words go in. */
static u32 hsiphash(const void *data, size_t len, const hsiphash_key_t *key)
{
	return siphash(data, len, key);
}

static u32 hsiphash_3u32(u32 first, u32 second, u32 third, const hsiphash_key_t *key)
{
	return siphash_2u64((u64)second << 32 | first, third, key);
}

static u32 hsiphash_4u32(u32 first, u32 second, u32 third, u32 forth, const hsiphash_key_t *key)
{
	return siphash_4u32(first, second, third, forth, key);
}

/* Of module/xtcp.h, which is the kernel's, what keys.c uses. */
#define XTCP_H

#include "syncookie.h"

struct xtcp_flow {
	struct net *net;
	__be16 lport;
	__be16 rport;
	u16 family;
	union {
		struct {
			__be32 laddr;
			__be32 raddr;
		} v4;
		struct {
			struct in6_addr laddr;
			struct in6_addr raddr;
		} v6;
	};
};

struct xtcp_net {
	struct xtcp_cookie_keys cookie_keys;
	int timestamps;
};

struct net {
	struct xtcp_net xn;
	u32 mix;
};

static bool ipv6_addr_any(const struct in6_addr *addr)
{
	static const struct in6_addr any;

	return !memcmp(addr, &any, sizeof(any));
}

static struct xtcp_net *xtcp_net(struct net *net)
{
	return &net->xn;
}

void xtcp_keys_init(void);
u32 xtcp_keys_hash_flow(const struct xtcp_flow *flow);
u32 xtcp_keys_hash_port(const struct net *net, __be16 port);
u32 xtcp_keys_hash_listener(const struct xtcp_flow *flow);
u32 xtcp_keys_isn(const struct xtcp_flow *flow, u32 *ts_offset);
u64 xtcp_keys_port_offset(const struct xtcp_flow *flow);

#include "../../module/keys.c"

/* ---- the test's chance and clock ----------------------------------------------------- */

#define MAX_DRAWS	16
#define KEY_BYTES	16	/* of at least 128 bits (RFC 6528, 3) */

static u8 draws[MAX_DRAWS][KEY_BYTES];
static unsigned int nr_draws;
static u64 clock_ns, wall_s;

static void fill(void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((u8 *)buf)[i] = ktap_random();
}

void get_random_bytes(void *buf, size_t len)
{
	EXPECT_EQ(len, KEY_BYTES);
	/* After those of module and namespace come the cookies' new keys. */
	if (nr_draws < MAX_DRAWS)
		memcpy(buf, draws[nr_draws++], KEY_BYTES);
	else
		fill(buf, len);
}

u64 ktime_get_ns(void)
{
	return clock_ns;
}

s64 ktime_get_seconds(void)
{
	return clock_ns / 1000000000;
}

s64 ktime_get_real_seconds(void)
{
	return wall_s;
}

u32 net_hash_mix(const struct net *net)
{
	return net->mix;
}

static struct net net_a, net_b;

/* Module and namespace, with the draws as they are. */
static void load(void)
{
	nr_draws = 0;
	memset(&net_a, 0, sizeof(net_a));
	net_a.mix = 1;
	net_a.xn.timestamps = 1;
	xtcp_keys_init();
	xtcp_keys_init_net(&net_a.xn);
}

static void load_anew(void)
{
	fill(draws, sizeof(draws));
	load();
}

static struct xtcp_flow random_flow(bool is_ipv6)
{
	struct xtcp_flow flow = { .net = &net_a, .family = is_ipv6 ? AF_INET6 : AF_INET };

	flow.lport = ktap_random();
	flow.rport = ktap_random();
	fill(&flow.v6, is_ipv6 ? sizeof(flow.v6) : sizeof(flow.v4));
	return flow;
}

static u64 isn_and_offset(const struct xtcp_flow *flow)
{
	u32 ts_offset, isn = xtcp_keys_isn(flow, &ts_offset);

	return (u64)ts_offset << 32 | isn;
}

/* ---- one key, one use ----------------------------------------------------------------- */

enum use {
	USE_ISN, USE_PORT, USE_HASH, USE_LISTENER, USE_SOURCE, USE_COOKIE, USE_OLD_COOKIE, NR_USES
};

/* What each use makes of the same flow. */
static void use_all(const struct xtcp_flow *flow, u64 uses[NR_USES])
{
	siphash_key_t keys[XTCP_COOKIE_NR_KEYS];

	uses[USE_ISN] = isn_and_offset(flow);
	uses[USE_PORT] = xtcp_keys_port_offset(flow);
	uses[USE_HASH] = xtcp_keys_hash_flow(flow);
	uses[USE_LISTENER] = xtcp_keys_hash_listener(flow);
	uses[USE_SOURCE] = xtcp_keys_hash_source(&net_a, flow->v4.raddr, flow->family);
	xtcp_keys_cookie(&net_a, keys);
	uses[USE_COOKIE] = siphash(&flow->v4, sizeof(flow->v4), &keys[0]);
	uses[USE_OLD_COOKIE] = siphash(&flow->v4, sizeof(flow->v4), &keys[1]);
}

/* Whatever byte of a secret changes, one use of all changes, and each has a secret. */
TEST(keys_init__each_secret_has_one_use)
{
	ROW("ISN-07");
	ROW("ISN-02");
	for (int v6 = 0; v6 < 2; v6++) {
		unsigned int secrets[NR_USES] = { 0 };
		u64 before[NR_USES], after[NR_USES];
		struct xtcp_flow flow;

		clock_ns = 0;
		load_anew();
		flow = random_flow(v6);
		use_all(&flow, before);
		for (unsigned int i = 0; i < nr_draws; i++) {
			int affected = -1;

			for (unsigned int j = 0; j < KEY_BYTES; j++) {
				unsigned int changed = 0;

				draws[i][j] ^= 1 << j % 8;
				load();
				use_all(&flow, after);
				draws[i][j] ^= 1 << j % 8;
				for (int use = 0; use < NR_USES; use++) {
					if (after[use] == before[use])
						continue;
					changed++;
					EXPECT(affected < 0 || affected == use);
					affected = use;
				}
				NOTE("byte %u of draw %u", j, i);
				EXPECT_EQ(changed, 1);
			}
			if (affected >= 0)
				secrets[affected]++;
		}
		for (int use = 0; use < NR_USES; use++) {
			NOTE("use %d", use);
			EXPECT_EQ(secrets[use], 1);
		}
	}
}

/*
 * The same input to each use: what comes out has nothing in common. Without a local port, as
 * there is none yet where a port is looked for.
 */
TEST(keys__the_same_input_gives_unrelated_outputs)
{
	unsigned int trials = 2000, differing[NR_USES][NR_USES] = { 0 };

	ROW("ISN-07");
	clock_ns = 0;
	for (unsigned int i = 0; i < trials; i++) {
		struct xtcp_flow flow;
		u64 uses[NR_USES];

		load_anew();
		flow = random_flow(i & 1);
		flow.lport = 0;
		use_all(&flow, uses);
		for (int a = 0; a < NR_USES; a++)
			for (int b = 0; b < a; b++)
				differing[a][b] += __builtin_popcount((u32)(uses[a] ^ uses[b]));
	}
	for (int a = 0; a < NR_USES; a++)
		for (int b = 0; b < a; b++) {
			/* 16 of 32 bits; six standard deviations of the mean are 0.38. */
			NOTE("uses %d and %d: %u bits in %u", a, b, differing[a][b], trials);
			EXPECT(differing[a][b] > trials * 15.6 && differing[a][b] < trials * 16.4);
		}
}

/* ---- initial sequence numbers --------------------------------------------------------- */

#define TICK_NS		64
#define WRAP_NS		((u64)TICK_NS << 32)

TEST(keys_isn__clock_plus_function)
{
	ROW("ISN-01");
	ROW("ISN-03");
	load_anew();
	for (int i = 0; i < 1000; i++) {
		struct xtcp_flow flow = random_flow(i & 1);
		u64 start_ns = ktap_random() >> 1, step_ns = ktap_random() % (WRAP_NS / 2);
		u64 before, after;

		clock_ns = start_ns;
		before = isn_and_offset(&flow);
		clock_ns += step_ns;
		after = isn_and_offset(&flow);
		/* One tick more or less, as the start may lie within one. */
		EXPECT((u32)(after - before - step_ns / TICK_NS) <= 1);
		EXPECT(step_ns < TICK_NS || (s32)(after - before) > 0);
		/* Of the flow's timestamps the clock is elsewhere. */
		EXPECT_EQ(after >> 32, before >> 32);
	}
	/* As seldom as that: a segment lives two minutes at most. */
	EXPECT(WRAP_NS > 240 * 1000000000ull);
}

/* Each bit of addresses and ports, and the namespace. */
TEST(keys_isn__all_of_the_tuple_counts)
{
	ROW("ISN-01");
	ROW("ISN-02");
	clock_ns = 0;
	for (int v6 = 0; v6 < 2; v6++) {
		struct xtcp_flow flow;
		size_t len = v6 ? sizeof(flow.v6) : sizeof(flow.v4);
		u64 before;

		load_anew();
		flow = random_flow(v6);
		before = isn_and_offset(&flow);
		for (size_t i = 0; i < 8 * len; i++) {
			((u8 *)&flow.v6)[i / 8] ^= 1 << i % 8;
			EXPECT((u32)isn_and_offset(&flow) != (u32)before);
			((u8 *)&flow.v6)[i / 8] ^= 1 << i % 8;
		}
		for (int i = 0; i < 16; i++) {
			flow.lport ^= 1 << i;
			EXPECT((u32)isn_and_offset(&flow) != (u32)before);
			flow.lport ^= 1 << i;
			flow.rport ^= 1 << i;
			EXPECT((u32)isn_and_offset(&flow) != (u32)before);
			flow.rport ^= 1 << i;
		}
		net_a.mix++;
		EXPECT((u32)isn_and_offset(&flow) != (u32)before);
		net_a.mix--;
		EXPECT_EQ(isn_and_offset(&flow), before);
	}
}

/* The search for a port: another start for another destination, whatever the port will be. */
TEST(keys_port_offset__destination_counts)
{
	ROW("ISN-05");
	for (int v6 = 0; v6 < 2; v6++) {
		struct xtcp_flow flow;
		u64 before;

		load_anew();
		flow = random_flow(v6);
		before = xtcp_keys_port_offset(&flow);
		flow.lport ^= 1;
		EXPECT_EQ(xtcp_keys_port_offset(&flow), before);
		flow.rport ^= 1;
		EXPECT(xtcp_keys_port_offset(&flow) != before);
		flow.rport ^= 1;
		if (v6)
			flow.v6.raddr.s6_addr[15] ^= 1;
		else
			flow.v4.raddr ^= 1;
		EXPECT(xtcp_keys_port_offset(&flow) != before);
	}
}

/* ---- places in the tables --------------------------------------------------------------- */

/* Of a listener: each bit of its address and port, the namespace, and nothing of the peer. */
TEST(keys_hash_listener__local_half_counts)
{
	ROW("LSN-06");
	for (int v6 = 0; v6 < 2; v6++) {
		struct xtcp_flow flow, other;
		u8 *laddr = (u8 *)&flow.v6.laddr;
		u32 before;

		load_anew();
		flow = random_flow(v6);
		before = xtcp_keys_hash_listener(&flow);
		for (int i = 0; i < (v6 ? 128 : 32); i++) {
			laddr[i / 8] ^= 1 << i % 8;
			EXPECT(xtcp_keys_hash_listener(&flow) != before);
			laddr[i / 8] ^= 1 << i % 8;
		}
		for (int i = 0; i < 16; i++) {
			flow.lport ^= 1 << i;
			EXPECT(xtcp_keys_hash_listener(&flow) != before);
			flow.lport ^= 1 << i;
		}
		net_a.mix++;
		EXPECT(xtcp_keys_hash_listener(&flow) != before);
		net_a.mix--;
		other = random_flow(v6);
		other.lport = flow.lport;
		if (v6)
			other.v6.laddr = flow.v6.laddr;
		else
			other.v4.laddr = flow.v4.laddr;
		EXPECT_EQ(xtcp_keys_hash_listener(&other), before);
	}
}

/* Who listens on all addresses has one place, whatever the family: that of the port. */
TEST(keys_hash_port__place_of_the_any_address)
{
	ROW("LSN-06");
	for (int i = 0; i < 100; i++) {
		struct xtcp_flow flow = random_flow(true);
		u32 before;

		load_anew();
		before = xtcp_keys_hash_port(&net_a, flow.lport);
		EXPECT(xtcp_keys_hash_listener(&flow) != before);
		memset(&flow.v6.laddr, 0, sizeof(flow.v6.laddr));
		EXPECT_EQ(xtcp_keys_hash_listener(&flow), before);
		flow.family = AF_INET;
		EXPECT_EQ(xtcp_keys_hash_listener(&flow), before);
	}
}

/* Ports in one chain under one secret, here by their low bits, are not so under another. */
TEST(keys_hash_port__nobody_can_choose_a_chain)
{
	unsigned int together = 0;

	ROW("LSN-06");
	for (int i = 0; i < 2000; i++) {
		load_anew();
		together += !((xtcp_keys_hash_port(&net_a, htons(1000)) ^
			       xtcp_keys_hash_port(&net_a, htons(1000 + 256))) & 0xff);
	}
	/* 7.8 by chance. */
	NOTE("%u", together);
	EXPECT(together < 32);
}

/* ---- the cookies' keys ------------------------------------------------------------------ */

static bool keys_equal(const siphash_key_t *a, const siphash_key_t *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* A new key every 120 s, and the one before stays for as long; after a pause two new ones. */
TEST(keys_cookie__rotation)
{
	siphash_key_t keys[2], seen[2];

	ROW("LSN-12");
	clock_ns = 1200 * 1000000000ull;
	load_anew();
	xtcp_keys_cookie(&net_a, keys);
	EXPECT(!keys_equal(&keys[0], &keys[1]));
	for (int s = 1; s < 120; s++) {
		clock_ns += 1000000000;
		EXPECT_EQ(xtcp_keys_cookie(&net_a, seen), (1200 + s) / 60);
		EXPECT(!memcmp(seen, keys, sizeof(keys)));
	}
	clock_ns += 1000000000;
	xtcp_keys_cookie(&net_a, seen);
	EXPECT(keys_equal(&seen[1], &keys[0]));
	EXPECT(!keys_equal(&seen[0], &keys[0]) && !keys_equal(&seen[0], &keys[1]));
	memcpy(keys, seen, sizeof(keys));
	clock_ns += 240 * 1000000000ull;
	xtcp_keys_cookie(&net_a, seen);
	for (int i = 0; i < 2; i++)
		EXPECT(!keys_equal(&seen[i], &keys[0]) && !keys_equal(&seen[i], &keys[1]));
}

/* Hosts that share a secret have the same keys at the same time, however long they are up. */
TEST(keys_share_cookie__same_keys_at_the_same_time)
{
	siphash_key_t ours[2], theirs[2];
	u8 secret[sizeof(siphash_key_t)];

	ROW("LSN-12");
	load_anew();
	net_b = (struct net) { .mix = 2 };
	xtcp_keys_init_net(&net_b.xn);
	fill(secret, sizeof(secret));
	wall_s = 1000000;
	clock_ns = 0;
	xtcp_keys_share_cookie(&net_a.xn, secret);
	for (int i = 0; i < 20; i++, wall_s += 97) {
		u32 epoch;

		clock_ns = ktap_random() >> 8;
		if (i == 5)
			xtcp_keys_share_cookie(&net_b.xn, secret);
		epoch = xtcp_keys_cookie(&net_a, ours);
		EXPECT_EQ(epoch, wall_s / 60);
		EXPECT_EQ(keys_equal(&ours[0], &ours[1]), 0);
		xtcp_keys_cookie(&net_b, theirs);
		EXPECT_EQ(keys_equal(&ours[0], &theirs[0]), i >= 5);
		EXPECT_EQ(keys_equal(&ours[1], &theirs[1]), i >= 6);
		/* It is no key itself, nor is one a part of it. */
		EXPECT(memcmp(&ours[0], secret, sizeof(secret)));
	}
	secret[3] ^= 1;
	xtcp_keys_share_cookie(&net_b.xn, secret);
	xtcp_keys_cookie(&net_a, ours);
	xtcp_keys_cookie(&net_b, theirs);
	EXPECT(!keys_equal(&ours[0], &theirs[0]));
}
