// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYNs whose options are anything but options: every kind with every length, cut off, at every
 * place in the header. Each is answered, kept or dropped for a reason, and none does harm.
 */
#include "peer_test.h"
#include "flood.h"

#define OPTIONS_MAX	40
#define BACKLOG		64

FIXTURE(syn_options)
{
	struct flood f;
	int lfd;
};

FIXTURE_VARIANT(syn_options)
{
	int family;
	const char *mode;
};

FIXTURE_VARIANT_ADD(syn_options, v4_mode_1) { AF_INET, "1" };
FIXTURE_VARIANT_ADD(syn_options, v4_mode_2) { AF_INET, "2" };
FIXTURE_VARIANT_ADD(syn_options, v6_mode_1) { AF_INET6, "1" };
FIXTURE_VARIANT_ADD(syn_options, v6_mode_2) { AF_INET6, "2" };

FIXTURE_SETUP(syn_options)
{
	self->lfd = flood_victim(&self->f, variant->family, SERVER_PORT, variant->mode, BACKLOG);
	ASSERT_LE(0, self->lfd);
	/* What comes back answers the last SYN, however slow this kernel is. */
	ASSERT_TRUE(xt_sysctl("net/xtcp/synack_retries", "0"));
}

FIXTURE_TEARDOWN(syn_options)
{
	close(self->lfd);
	flood_close(&self->f);
}

/* Those that mean something, to us or to others, and their neighbours; all of them if asked. */
static bool is_tried(int kind)
{
	static const uint8_t kinds[] = {
		0, 1, 2, 3, 4, 5, 6, 8, 9, 19, 28, 29, 30, 34, 69, 253, 254, 255
	};
	unsigned int i;

	for (i = 0; i < sizeof(kinds); i++)
		if (kinds[i] == kind)
			return true;
	return getenv("XTCP_TEST_FULL");
}

/* The answer to a SYN is never longer than it. */
static bool answer_fits(struct flood *f)
{
	int header = f->family == AF_INET6 ? 40 : 20;

	f->longest_reply = 0;
	flood_packet(f);
	flood_drain(f);
	return f->longest_reply <= header + 20 + f->optlen;
}

/* Sends a SYN with an option of @kind and @length at @offset, the header ending right there. */
static bool try(struct flood *f, uint8_t *opts, int kind, int length, int offset)
{
	memset(opts, OPT_NOP, OPTIONS_MAX);
	opts[offset] = kind;
	if (offset + 1 < OPTIONS_MAX)
		opts[offset + 1] = length;
	/* With room for all of it, and cut off as early as a header can end. */
	f->optlen = (offset + 4) & ~3;
	if (!answer_fits(f))
		return false;
	f->optlen = OPTIONS_MAX;
	return answer_fits(f);
}

TEST_F_TIMEOUT(syn_options, every_kind_length_and_place, 600)
{
	uint8_t opts[OPTIONS_MAX];
	int kind, length, offset;

	ROW("WIRE-10");
	ROW("WIRE-11");
	ROW("LSN-27");
	self->f.opts = opts;
	for (kind = 0; kind < 256; kind++) {
		if (!is_tried(kind))
			continue;
		for (length = 0; length <= OPTIONS_MAX + 1; length++)
			for (offset = 0; offset < OPTIONS_MAX; offset += offset < 12 ? 1 : 3)
				ASSERT_TRUE(try(&self->f, opts, kind, length, offset))
					TH_LOG("kind %d, length %d at %d", kind, length, offset);
	}
	TH_LOG("%d SYNs", self->f.sent);
	ASSERT_LT(10000, self->f.sent);
	ASSERT_EQ(self->f.sent, peer_counter("SynRcvd"));
	ASSERT_EQ(0, flood_unaccounted());
	ASSERT_GE(BACKLOG + 1, xt_proc_count(variant->family, SERVER_PORT, ST_SYN_RCVD));
}

/* The header claims more than there is, or less than a header. */
TEST_F(syn_options, truncated_header)
{
	uint8_t opts[OPTIONS_MAX] = { OPT_MSS, 4, 5, 0xb4 };
	int have, claim, good = 0;

	ROW("WIRE-11");
	self->f.opts = opts;
	for (have = 0; have <= OPTIONS_MAX; have += 4) {
		self->f.optlen = have;
		for (claim = 1; claim <= 15; claim++) {
			self->f.doff = claim;
			flood_packet(&self->f);
			/* Less is legal: the rest is text on the SYN. */
			good += claim >= 5 && 4 * claim <= 20 + have;
		}
	}
	flood_drain(&self->f);
	ASSERT_EQ(good, peer_counter("SynRcvd"));
	ASSERT_EQ(self->f.sent - good, peer_counter("InErrs"));
	ASSERT_EQ(0, flood_unaccounted());
}

/* Random bytes, whole headers of them. */
TEST_F_TIMEOUT(syn_options, random_bytes, 200)
{
	uint64_t opts[OPTIONS_MAX / 8];
	unsigned int i, j;

	ROW("WIRE-11");
	ROW("SEC-28");
	self->f.opts = (uint8_t *)opts;
	for (i = 0; i < 5000; i++) {
		for (j = 0; j < OPTIONS_MAX / 8; j++)
			opts[j] = flood_random(&self->f);
		/* Small numbers are kinds and lengths more often. */
		if (i % 2)
			for (j = 0; j < OPTIONS_MAX; j++)
				((uint8_t *)opts)[j] &= 15;
		self->f.optlen = i % 11 * 4;
		ASSERT_TRUE(answer_fits(&self->f));
	}
	ASSERT_EQ(self->f.sent, peer_counter("SynRcvd"));
	ASSERT_EQ(0, flood_unaccounted());
}

TEST_HARNESS_MAIN
