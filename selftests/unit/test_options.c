// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/options.c: hand-made option bytes, the exact order on the wire, and random
 * round trips. Input lies in buffers of its exact size, so that ASan sees any
 * over-read.
 */
#include <stdlib.h>

#include "ktap.h"
#include "wire.h"

#define SEEN_SYN	(XTCP_OPT_MSS | XTCP_OPT_WSCALE | XTCP_OPT_SACK_OK)
#define SEEN_ALL	(SEEN_SYN | XTCP_OPT_TS | XTCP_OPT_SACK)

/* Parses a copy that ends where malloc's block ends. */
static struct xtcp_opts parse(const void *bytes, size_t len, bool syn)
{
	struct xtcp_opts opt;
	u8 *copy = malloc(len ? len : 1);

	memset(&opt, 0xa5, sizeof(opt));
	memcpy(copy, bytes, len);
	xtcp_options_parse(&opt, len ? copy : copy + 1, len, syn);
	free(copy);

	return opt;
}

#define PARSE(syn, ...)							\
	({								\
		static const u8 bytes[] = { __VA_ARGS__ };		\
									\
		parse(bytes, sizeof(bytes), syn);			\
	})

TEST(options_parse__nothing)
{
	struct xtcp_opts opt = parse("", 0, true);

	EXPECT_EQ(opt.seen, 0);
	EXPECT_EQ(opt.nr_sacks, 0);
}

TEST(options_parse__each_kind_at_each_alignment)
{
	static const u8 mss[] = { 2, 4, 0x05, 0xb4 };
	static const u8 wscale[] = { 3, 3, 7 };
	static const u8 sack_ok[] = { 4, 2 };
	static const u8 sack[] = { 5, 18, 0, 0, 0, 1, 0, 0, 0, 9, 0xff, 0, 0, 2, 0xff, 0, 0, 8 };
	static const u8 ts[] = { 8, 10, 0x80, 1, 2, 3, 4, 5, 6, 7 };

	ROW("WIRE-09");
	for (unsigned int pad = 0; pad <= 8; pad++) {
		u8 bytes[40];
		struct xtcp_opts opt;

		memset(bytes, 1, sizeof(bytes));
		NOTE("after %u no-ops", pad);

		memcpy(bytes + pad, mss, sizeof(mss));
		opt = parse(bytes, pad + sizeof(mss), true);
		EXPECT_EQ(opt.seen, XTCP_OPT_MSS);
		EXPECT_EQ(opt.mss, 1460);

		memcpy(bytes + pad, wscale, sizeof(wscale));
		opt = parse(bytes, pad + sizeof(wscale), true);
		EXPECT_EQ(opt.seen, XTCP_OPT_WSCALE);
		EXPECT_EQ(opt.wscale, 7);

		memcpy(bytes + pad, sack_ok, sizeof(sack_ok));
		opt = parse(bytes, pad + sizeof(sack_ok), true);
		EXPECT_EQ(opt.seen, XTCP_OPT_SACK_OK);

		memcpy(bytes + pad, sack, sizeof(sack));
		opt = parse(bytes, pad + sizeof(sack), false);
		EXPECT_EQ(opt.seen, XTCP_OPT_SACK);
		EXPECT_EQ(opt.nr_sacks, 2);
		EXPECT_EQ(opt.sack[0].start, 1);
		EXPECT_EQ(opt.sack[0].end, 9);
		EXPECT_EQ(opt.sack[1].start, 0xff000002);
		EXPECT_EQ(opt.sack[1].end, 0xff000008);

		memcpy(bytes + pad, ts, sizeof(ts));
		for (int syn = 0; syn <= 1; syn++) {
			opt = parse(bytes, pad + sizeof(ts), syn);
			EXPECT_EQ(opt.seen, XTCP_OPT_TS);
			EXPECT_EQ(opt.tsval, 0x80010203);
			EXPECT_EQ(opt.tsecr, 0x04050607);
		}
	}
}

TEST(options_parse__wrong_length_is_skipped)
{
	static const u8 kinds[] = { 2, 3, 4, 5, 8 };

	ROW("WIRE-10");
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (unsigned int len = 2; len <= 36; len++) {
			u8 kind = kinds[k];
			bool right = (kind == 2 && len == 4) || (kind == 3 && len == 3) ||
				     (kind == 4 && len == 2) || (kind == 8 && len == 10) ||
				     (kind == 5 && len >= 10 && len <= 34 && len % 8 == 2);
			bool syn = kind != 5;
			u8 bytes[40] = { kind, len };
			struct xtcp_opts opt;

			/* Behind it an option of a kind not under test must be found. */
			memset(bytes + 2, 0x11, 34);
			if (kind == 4)
				memcpy(bytes + len, "\x03\x03\x05", 3);
			else
				memcpy(bytes + len, syn ? "\x04\x02\x01" : "\x01\x01\x01", 3);
			opt = parse(bytes, len + 3, syn);
			NOTE("kind %u length %u", kind, len);
			if (syn)
				EXPECT(opt.seen & (kind == 4 ? XTCP_OPT_WSCALE : XTCP_OPT_SACK_OK));
			opt.seen &= ~(kind == 4 ? XTCP_OPT_WSCALE : XTCP_OPT_SACK_OK);
			if (kind == 4 && right)
				continue;
			EXPECT_EQ(!!opt.seen, right);
		}
	}
}

TEST(options_parse__unknown_kinds_are_skipped)
{
	ROW("WIRE-10");
	ROW("KEEP-08");
	for (unsigned int kind = 0; kind < 256; kind++) {
		if (kind <= 5 || kind == 8)
			continue;
		for (unsigned int len = 2; len <= 36; len++) {
			u8 bytes[40] = { kind, len };
			struct xtcp_opts opt;

			memset(bytes + 2, 2, 34);
			memcpy(bytes + len, "\x02\x04\x05\xdc", 4);
			opt = parse(bytes, len + 4, true);
			EXPECT_EQ(opt.seen, XTCP_OPT_MSS);
			EXPECT_EQ(opt.mss, 1500);
		}
	}
}

TEST(options_parse__wrong_mss_before_the_real_one)
{
	struct xtcp_opts opt = PARSE(true, 2, 3, 9, 2, 4, 5, 0xb4);

	ROW("WIRE-10");
	EXPECT_EQ(opt.seen, XTCP_OPT_MSS);
	EXPECT_EQ(opt.mss, 1460);
}

TEST(options_parse__end_of_list_ends)
{
	struct xtcp_opts opt = PARSE(true, 1, 4, 2, 0, 2, 4, 5, 0xb4);

	ROW("WIRE-09");
	EXPECT_EQ(opt.seen, XTCP_OPT_SACK_OK);
}

TEST(options_parse__impossible_length_ends)
{
	ROW("WIRE-11");
	for (unsigned int kind = 2; kind < 256; kind++) {
		for (unsigned int len = 0; len < 256; len++) {
			u8 bytes[12] = { 4, 2, kind, len, 0, 0, 0, 0, 2, 4, 5, 0xb4 };
			struct xtcp_opts opt;

			if (len >= 2 && len <= 10)
				continue;
			opt = parse(bytes, sizeof(bytes), true);
			EXPECT_EQ(opt.seen, XTCP_OPT_SACK_OK);
		}
	}
}

TEST(options_parse__every_truncation)
{
	static const u8 bytes[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7,
				    5, 18, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 12, 0, 0, 0, 15 };

	ROW("WIRE-11");
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct xtcp_opts syn = parse(bytes, len, true);
		struct xtcp_opts data = parse(bytes, len, false);

		NOTE("%zu bytes", len);
		EXPECT_EQ(!!(syn.seen & XTCP_OPT_MSS), len >= 4);
		EXPECT_EQ(!!(syn.seen & XTCP_OPT_SACK_OK), len >= 6);
		EXPECT_EQ(!!(syn.seen & XTCP_OPT_TS), len >= 16);
		EXPECT_EQ(!!(syn.seen & XTCP_OPT_WSCALE), len >= 20);
		EXPECT_EQ(data.seen, (len >= 16 ? XTCP_OPT_TS : 0) |
				     (len >= 38 ? XTCP_OPT_SACK : 0));
	}
}

TEST(options_parse__syn_only_options_count_only_there)
{
	struct xtcp_opts opt;

	ROW("WIRE-12");
	opt = PARSE(false, 2, 4, 0, 100, 3, 3, 9, 4, 2);
	EXPECT_EQ(opt.seen, 0);
	EXPECT_EQ(opt.mss, 0);
	EXPECT_EQ(opt.wscale, 0);
	opt = PARSE(true, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9);
	EXPECT_EQ(opt.seen, 0);
	EXPECT_EQ(opt.nr_sacks, 0);
}

TEST(options_parse__window_scale_above_14_is_14)
{
	ROW("TS-02");
	for (unsigned int shift = 0; shift < 256; shift++) {
		u8 bytes[3] = { 3, 3, shift };

		EXPECT_EQ(parse(bytes, 3, true).wscale, shift > 14 ? 14 : shift);
	}
}

TEST(options_parse__mss_zero_says_nothing)
{
	struct xtcp_opts opt = PARSE(true, 2, 4, 0, 0);

	ROW("SEC-13");
	EXPECT_EQ(opt.seen, XTCP_OPT_MSS);
	EXPECT_EQ(opt.mss, 0);
	opt = PARSE(true, 2, 4, 5, 0xb4, 2, 4, 0, 0);
	EXPECT_EQ(opt.mss, 1460);
	opt = PARSE(true, 2, 4, 0, 1);
	EXPECT_EQ(opt.mss, 1);
	opt = PARSE(true, 2, 4, 0xff, 0xff);
	EXPECT_EQ(opt.mss, 65535);
}

TEST(options_parse__the_last_of_two_counts)
{
	struct xtcp_opts opt = PARSE(true, 2, 4, 5, 0xb4, 2, 4, 2, 0x18);

	EXPECT_EQ(opt.mss, 536);
}

/* The quick way for nop, nop, timestamps agrees with the slow one. */
TEST(options_parse__quick_and_slow_agree)
{
	u8 quick[12] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };
	u8 slow[13] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0 };

	for (int syn = 0; syn <= 1; syn++) {
		struct xtcp_opts a = parse(quick, sizeof(quick), syn);
		struct xtcp_opts b = parse(slow, sizeof(slow), syn);

		EXPECT_EQ(a.seen, XTCP_OPT_TS);
		EXPECT_EQ(a.seen, b.seen);
		EXPECT_EQ(a.tsval, b.tsval);
		EXPECT_EQ(a.tsecr, b.tsecr);
	}
}

/* A no-op in front says nothing new, and leads away from the quick way, or to it. */
static void expect_same_with_nop(const u8 *bytes, unsigned int len, bool syn)
{
	struct xtcp_opts plain, padded;
	u8 longer[64];

	longer[0] = 1;
	memcpy(longer + 1, bytes, len);
	plain = parse(bytes, len, syn);
	padded = parse(longer, len + 1, syn);
	EXPECT(!memcmp(&plain, &padded, sizeof(plain)));
}

TEST(options_parse__nearly_the_quick_pattern)
{
	static const u8 others[] = { 0, 1, 2, 3, 4, 8, 9, 10, 11, 200 };
	u8 bytes[12];

	for (int at = 0; at < 4; at++) {
		for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
			memcpy(bytes, "\1\1\10\12\1\2\3\4\5\6\7\10", 12);
			bytes[at] = others[i];
			NOTE("byte %d is %u", at, others[i]);
			expect_same_with_nop(bytes, 12, false);
			expect_same_with_nop(bytes, 12, true);
		}
	}
}

TEST(options_parse__a_no_op_adds_nothing)
{
	for (int i = 0; i < 100000; i++) {
		unsigned int len = ktap_below(41);
		u8 bytes[48];

		for (unsigned int j = 0; j < len; j++)
			bytes[j] = ktap_random() & 3 ? ktap_below(11) : ktap_random();
		expect_same_with_nop(bytes, len, i & 1);
	}
}

TEST(options_parse__random_bytes)
{
	ROW("WIRE-11");
	for (int i = 0; i < 200000; i++) {
		unsigned int len = ktap_below(48);
		u8 bytes[48];
		struct xtcp_opts opt;

		for (unsigned int j = 0; j < len; j++)
			bytes[j] = ktap_random() & 3 ? ktap_below(11) : ktap_random();
		opt = parse(bytes, len, i & 1);
		EXPECT(!(opt.seen & ~SEEN_ALL));
		EXPECT(opt.nr_sacks <= XTCP_SACKS_MAX);
		EXPECT(opt.wscale <= XTCP_WSCALE_MAX);
		EXPECT_EQ(!!(opt.seen & XTCP_OPT_SACK), !!opt.nr_sacks);
		EXPECT((opt.seen & XTCP_OPT_MSS) || !opt.mss);
	}
}

/* Builds into a block of the announced size and checks the announcement. */
static unsigned int build(const struct xtcp_opts *opt, u8 out[XTCP_OPT_SPACE])
{
	unsigned int len = xtcp_options_len(opt);
	u8 *exact = malloc(len ? len : 1);

	EXPECT_EQ(len % 4, 0);
	EXPECT(len <= XTCP_OPT_SPACE);
	EXPECT_EQ(xtcp_options_build(opt, exact), len);
	memcpy(out, exact, min_t(unsigned int, len, XTCP_OPT_SPACE));
	free(exact);

	return len;
}

static void expect_bytes(const struct xtcp_opts *opt, const u8 *want, size_t want_len)
{
	u8 out[XTCP_OPT_SPACE];

	if (EXPECT_EQ(build(opt, out), want_len))
		EXPECT(!memcmp(out, want, want_len));
}

#define EXPECT_BYTES(opt, ...)						\
	do {								\
		static const u8 want[] = { __VA_ARGS__ };		\
									\
		expect_bytes(opt, want, sizeof(want));			\
	} while (0)

TEST(options_build__order_of_linux)
{
	struct xtcp_opts opt = {
		.seen = SEEN_SYN | XTCP_OPT_TS, .mss = 1460, .wscale = 7,
		.tsval = 0x01020304, .tsecr = 0x05060708,
	};

	EXPECT_BYTES(&opt, 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7);
	opt.seen &= ~XTCP_OPT_SACK_OK;
	EXPECT_BYTES(&opt, 2, 4, 5, 0xb4, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7);
	opt.seen = SEEN_SYN;
	EXPECT_BYTES(&opt, 2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7);
	opt.seen = XTCP_OPT_MSS;
	EXPECT_BYTES(&opt, 2, 4, 5, 0xb4);
	opt.seen = XTCP_OPT_TS;
	EXPECT_BYTES(&opt, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8);
	opt.seen = XTCP_OPT_TS | XTCP_OPT_SACK;
	opt.nr_sacks = 1;
	opt.sack[0] = (struct xtcp_sack){ 0x11121314, 0x21222324 };
	EXPECT_BYTES(&opt, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8,
		     1, 1, 5, 10, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24);
}

TEST(options_build__as_many_sack_blocks_as_fit)
{
	struct xtcp_opts opt = { .seen = XTCP_OPT_SACK }, back;
	u8 out[XTCP_OPT_SPACE];

	ROW("WIRE-17");
	for (unsigned int nr = 0; nr < 256; nr++) {
		opt.nr_sacks = nr;
		opt.seen = XTCP_OPT_SACK;
		back = parse(out, build(&opt, out), false);
		EXPECT_EQ(back.nr_sacks, min_t(unsigned int, nr, 4));
		opt.seen = XTCP_OPT_SACK | XTCP_OPT_TS;
		back = parse(out, build(&opt, out), false);
		EXPECT_EQ(back.nr_sacks, min_t(unsigned int, nr, 3));
	}
}

TEST(options_build__only_what_is_named)
{
	struct xtcp_opts opt = {
		.mss = 1460, .wscale = 7, .nr_sacks = 3, .tsval = 1, .tsecr = 2,
	};
	u8 out[XTCP_OPT_SPACE];

	EXPECT_EQ(build(&opt, out), 0);
	opt.seen = XTCP_OPT_TS;
	EXPECT_EQ(build(&opt, out), XTCP_OPTLEN_TS);
}

TEST(options_len__what_build_writes)
{
	struct xtcp_opts opt = { .mss = 1, .wscale = 15 };
	u8 out[XTCP_OPT_SPACE];

	ROW("WIRE-17");
	for (unsigned int seen = 0; seen < 256; seen++) {
		for (unsigned int nr = 0; nr <= 5; nr++) {
			opt.seen = seen;
			opt.nr_sacks = nr;
			NOTE("seen %#x nr %u", seen, nr);
			build(&opt, out);
		}
	}
}

TEST(options_round_trip__random)
{
	for (int i = 0; i < 200000; i++) {
		bool syn = i & 1;
		struct xtcp_opts opt = { 0 }, back;
		u8 out[XTCP_OPT_SPACE];

		opt.seen = ktap_random() & (syn ? SEEN_SYN | XTCP_OPT_TS :
						  XTCP_OPT_SACK | XTCP_OPT_TS);
		if (opt.seen & XTCP_OPT_MSS)
			opt.mss = 1 + ktap_below(65535);
		if (opt.seen & XTCP_OPT_WSCALE)
			opt.wscale = ktap_below(15);
		if (opt.seen & XTCP_OPT_TS) {
			opt.tsval = ktap_random();
			opt.tsecr = ktap_random();
		}
		if (opt.seen & XTCP_OPT_SACK) {
			opt.nr_sacks = 1 + ktap_below(opt.seen & XTCP_OPT_TS ? 3 : 4);
			for (unsigned int j = 0; j < opt.nr_sacks; j++) {
				opt.sack[j].start = ktap_random();
				opt.sack[j].end = ktap_random();
			}
		}
		back = parse(out, build(&opt, out), syn);
		EXPECT(!memcmp(&opt, &back, sizeof(opt)));
	}
}
