// SPDX-License-Identifier: GPL-2.0-only
/*
 * An attacker who chooses his sources, or a user of this machine what he listens on, so that
 * they would share one chain of a table without a secret: what a SYN costs does not rise
 * (LSN-06).
 *
 * In virtual time, where an instruction is a nanosecond: cost is a time that repeats.
 */
#include <arpa/inet.h>
#include <sys/resource.h>
#include "peer_test.h"
#include "flood.h"

#define ENTRIES		4000	/* in the chain, if there were one */
#define MEASURED	2000
#define PORTIONS	20
#define CROWD		1000	/* listeners of somebody else */
#define WORST_PERCENT	120	/* of what random sources cost; a chain costs many times as much */

FIXTURE(collision)
{
	struct flood f;
	int lfd;
};

FIXTURE_VARIANT(collision)
{
	int family;
};

FIXTURE_VARIANT_ADD(collision, v4) { AF_INET };
FIXTURE_VARIANT_ADD(collision, v6) { AF_INET6 };

FIXTURE_SETUP(collision)
{
	struct xt_addr any = xt_any(variant->family, SERVER_PORT);

	ASSERT_EQ(0, xt_netns());
	ASSERT_TRUE(flood_open(&self->f, variant->family, SERVER_PORT));
	ASSERT_TRUE(xt_run("ip route add default via 192.0.2.2"));
	ASSERT_TRUE(xt_sysctl("net/xtcp/syncookies", "0"));
	ASSERT_TRUE(xt_sysctl("net/core/somaxconn", "65535"));
	self->lfd = xt_socket(variant->family);
	ASSERT_LE(0, self->lfd);
	ASSERT_EQ(0, xt_bind(self->lfd, &any));
	ASSERT_EQ(0, listen(self->lfd, 65535));
}

FIXTURE_TEARDOWN(collision)
{
	close(self->lfd);
	flood_close(&self->f);
}

/* ---- sources that collide ----------------------------------------------------------- */

/* The same low 16 bits of everything, and the difference where a sum or XOR folds it away. */
static void same_low_bits(const struct flood *f, int i, struct flood_source *source)
{
	source->port = 5000;
	source->v4.s_addr = htonl((0x1000 + i) << 16 | 0x0101);
	inet_pton(AF_INET6, "2001:db8:1::", &source->v6);
	source->v6.s6_addr32[2] = htonl(i << 16);
	source->v6.s6_addr32[3] = htonl(0x0101);
}

static uint32_t rotate(uint32_t word, int bits)
{
	return word << bits | word >> (32 - bits);
}

/* Bob Jenkins's final mix of three words, as kernels used it with a key of 0. */
static uint32_t unkeyed_hash(uint32_t a, uint32_t b, uint32_t c)
{
	a += 0xdeadbeef + 12;
	b += 0xdeadbeef + 12;
	c += 0xdeadbeef + 12;
	c = (c ^ b) - rotate(b, 14);
	a = (a ^ c) - rotate(c, 11);
	b = (b ^ a) - rotate(a, 25);
	c = (c ^ b) - rotate(b, 16);
	a = (a ^ c) - rotate(c, 4);
	b = (b ^ a) - rotate(a, 14);
	c = (c ^ b) - rotate(b, 24);
	return c;
}

static struct flood_source found[ENTRIES + MEASURED];

/* As many as are needed of those with the same 8 low bits of the hash: a chain in 256. */
static void search(struct flood *f)
{
	uint32_t ports = 5000u << 16 | SERVER_PORT, candidate = 0;
	int i;

	for (i = 0; i < ENTRIES + MEASURED; candidate++) {
		uint32_t addr = htonl(0x0a000000 | candidate);

		if (unkeyed_hash(addr, f->target_v4.s_addr, htonl(ports)) & 0xff)
			continue;
		same_low_bits(f, 0, &found[i]);
		found[i].v4.s_addr = addr;
		found[i].v6.s6_addr32[3] = addr;
		i++;
	}
}

static void same_unkeyed_hash(const struct flood *f, int i, struct flood_source *source)
{
	*source = found[i % (ENTRIES + MEASURED)];
}

/* ---- what a SYN costs --------------------------------------------------------------- */

/*
 * One SYN beside ENTRIES of the same kind [ns of virtual time], in the best of PORTIONS:
 * the rest has what else the kernel found to do. All of them go with the listener's second
 * listen() generation: the caller closes it.
 */
static int cost_ns(struct flood *f, void (*choose)(const struct flood *, int,
						   struct flood_source *))
{
	uint64_t start, took, best = UINT64_MAX;
	int i, portion;

	f->choose = choose;
	f->sent = 0;
	for (i = 0; i < ENTRIES; i++)
		flood_packet(f);
	for (portion = 0; portion < PORTIONS; portion++) {
		start = peer_now_us();
		for (i = 0; i < MEASURED / PORTIONS; i++)
			flood_packet(f);
		took = peer_now_us() - start;
		best = took < best ? took : best;
	}
	return best * 1000 / (MEASURED / PORTIONS);
}

static bool renew_at(const struct xt_addr *addr, int *lfd)
{
	close(*lfd);
	*lfd = xt_socket(addr->sa.sa_family);
	return *lfd >= 0 && !xt_bind(*lfd, addr) && !listen(*lfd, 65535);
}

static bool renew(int family, int *lfd)
{
	struct xt_addr any = xt_any(family, SERVER_PORT);

	return renew_at(&any, lfd);
}

/* Each SYN makes an entry: the look-up goes to the end of the chain, and so does the insertion. */
TEST_F_TIMEOUT(collision, chosen_sources_cost_no_more, 300)
{
	int random, low_bits, hashed;

	ROW("LSN-06");
	ROW("ISN-02");
	ASSERT_TRUE(xt_sysctl("net/xtcp/max_syn_backlog", "65535"));
	search(&self->f);
	/* The first round warms up. */
	cost_ns(&self->f, NULL);
	ASSERT_TRUE(renew(variant->family, &self->lfd));
	random = cost_ns(&self->f, NULL);
	ASSERT_TRUE(renew(variant->family, &self->lfd));
	low_bits = cost_ns(&self->f, same_low_bits);
	ASSERT_TRUE(renew(variant->family, &self->lfd));
	hashed = cost_ns(&self->f, same_unkeyed_hash);
	TH_LOG("random %d ns, same low bits %d ns, same unkeyed hash %d ns", random, low_bits,
	       hashed);
	ASSERT_LE(4 * ENTRIES + 3 * MEASURED, peer_counter("HalfopenAdded"));
	ASSERT_EQ(0, flood_unaccounted());
	ASSERT_GE(random * WORST_PERCENT / 100, low_bits);
	ASSERT_GE(random * WORST_PERCENT / 100, hashed);
}

/* ---- listeners that would collide ---------------------------------------------------- */

/* CROWD listeners on @port, each on an address of its own. */
static bool gather(int family, uint16_t port, int *crowd)
{
	struct xt_addr addr = xt_addr_parse(family == AF_INET ? "127.1.0.0" : "2001:db8:9::",
					    port);
	int i;

	for (i = 0; i < CROWD; i++) {
		if (family == AF_INET)
			addr.in.sin_addr.s_addr = htonl(0x7f010000 + i);
		else
			addr.in6.sin6_addr.s6_addr32[3] = htonl(i);
		crowd[i] = xt_socket(family);
		if (crowd[i] < 0 || xt_set_int(crowd[i], SOL_IP, IP_FREEBIND, 1) ||
		    xt_bind(crowd[i], &addr) || listen(crowd[i], 1))
			return false;
	}
	return true;
}

static void disperse(const int *crowd)
{
	int i;

	for (i = 0; i < CROWD; i++)
		close(crowd[i]);
}

/*
 * Of the same port, beside a listener on one address; and of a port that is the same in the
 * lower bits, beside one on all.
 */
TEST_F_TIMEOUT(collision, listeners_elsewhere_cost_no_more, 300)
{
	const struct rlimit limit = { CROWD + 100, CROWD + 100 };
	struct xt_addr addr = xt_addr_parse(variant->family == AF_INET ? "192.0.2.1" :
					    "2001:db8::1", SERVER_PORT);
	int alone, same_port, same_bits, crowd[CROWD];

	ROW("LSN-06");
	ASSERT_TRUE(xt_sysctl("net/xtcp/max_syn_backlog", "65535"));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	/* The first round warms up. */
	cost_ns(&self->f, NULL);
	ASSERT_TRUE(renew_at(&addr, &self->lfd));
	alone = cost_ns(&self->f, NULL);
	ASSERT_TRUE(renew_at(&addr, &self->lfd));
	ASSERT_TRUE(gather(variant->family, SERVER_PORT, crowd));
	same_port = cost_ns(&self->f, NULL);
	disperse(crowd);
	ASSERT_TRUE(renew(variant->family, &self->lfd));
	ASSERT_TRUE(gather(variant->family, SERVER_PORT ^ 1 << 15, crowd));
	same_bits = cost_ns(&self->f, NULL);
	disperse(crowd);
	TH_LOG("alone %d ns, beside others of the port %d ns, of lower bits alike %d ns", alone,
	       same_port, same_bits);
	ASSERT_LE(4 * (ENTRIES + MEASURED), peer_counter("HalfopenAdded"));
	ASSERT_EQ(0, flood_unaccounted());
	ASSERT_GE(alone * WORST_PERCENT / 100, same_port);
	ASSERT_GE(alone * WORST_PERCENT / 100, same_bits);
}

TEST_HARNESS_MAIN
