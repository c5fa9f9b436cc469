// SPDX-License-Identifier: GPL-2.0-only
/*
 * An attacker who chooses his sources so that they would share one chain of a table without
 * a secret: what a SYN costs does not rise (LSN-06).
 *
 * In virtual time, where an instruction is a nanosecond: cost is a time that repeats.
 */
#include <arpa/inet.h>
#include "peer_test.h"
#include "flood.h"

#define ENTRIES		4000	/* in the chain, if there were one */
#define MEASURED	2000
#define PORTIONS	20
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

static bool renew(int family, int *lfd)
{
	struct xt_addr any = xt_any(family, SERVER_PORT);

	close(*lfd);
	*lfd = xt_socket(family);
	return *lfd >= 0 && !xt_bind(*lfd, &any) && !listen(*lfd, 65535);
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

TEST_HARNESS_MAIN
