// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/cookie.c: nothing is lost, nothing is forged, nothing shows.
 */
#include <math.h>

#include "cookie.h"
#include "ktap.h"

#define EPOCH	12345u

static siphash_key_t keys[XTCP_COOKIE_NR_KEYS];

static void new_keys(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		keys[i].key[0] = ktap_random();
		keys[i].key[1] = ktap_random();
	}
}

static struct xtcp_cookie_flow random_flow(bool is_ipv6)
{
	struct xtcp_cookie_flow flow;

	memset(&flow, 0, sizeof(flow));
	flow.is_ipv6 = is_ipv6;
	for (int i = 0; i < (is_ipv6 ? 4 : 1); i++) {
		flow.saddr[i] = ktap_random();
		flow.daddr[i] = ktap_random();
	}
	flow.sport = ktap_random();
	flow.dport = ktap_random();

	return flow;
}

static struct xtcp_cookie_fields random_fields(void)
{
	return (struct xtcp_cookie_fields) {
		.mss = 1 + ktap_below(65535),
		.wscale = ktap_below(16),
		.sack = ktap_below(2),
		.ecn = ktap_below(2),
	};
}

static bool same_fields(const struct xtcp_cookie_fields *a, const struct xtcp_cookie_fields *b)
{
	return a->mss == b->mss && a->wscale == b->wscale && a->sack == b->sack &&
	       a->ecn == b->ecn;
}

static bool comes_back(const struct xtcp_cookie_flow *flow, u32 client_isn,
		       const struct xtcp_cookie_fields *fields, u32 made, u32 checked)
{
	struct xtcp_cookie_fields back;
	u32 isn, tsval;

	xtcp_cookie_make(&keys[0], flow, client_isn, fields, made, &isn, &tsval);

	return xtcp_cookie_check(keys, flow, client_isn, isn, tsval, checked, &back) &&
	       same_fields(fields, &back);
}

TEST(cookie_check__every_mss_comes_back_exactly)
{
	struct xtcp_cookie_flow flow;
	struct xtcp_cookie_fields fields;

	ROW("LSN-09");
	ROW("LSN-14");
	new_keys();
	flow = random_flow(false);
	fields = random_fields();
	for (u32 mss = 1; mss <= 65535; mss++) {
		fields.mss = mss;
		NOTE("mss %u", mss);
		EXPECT(comes_back(&flow, 1, &fields, EPOCH, EPOCH));
	}
}

TEST(cookie_check__every_other_field_comes_back)
{
	ROW("LSN-15");
	new_keys();
	for (int is_ipv6 = 0; is_ipv6 <= 1; is_ipv6++) {
		for (u32 wscale = 0; wscale <= 15; wscale++) {
			for (u32 flags = 0; flags < 4; flags++) {
				struct xtcp_cookie_flow flow = random_flow(is_ipv6);
				struct xtcp_cookie_fields fields = {
					.mss = 1400, .wscale = wscale,
					.sack = flags & 1, .ecn = flags & 2,
				};

				EXPECT(comes_back(&flow, ktap_random(), &fields, EPOCH, EPOCH));
			}
		}
	}
}

TEST(cookie_check__two_periods_and_no_more)
{
	static const u32 epochs[] = { 0, 1, 2, 3, EPOCH, 0x7fffffff, 0xfffffffe, 0xffffffff };

	ROW("LSN-11");
	new_keys();
	for (int is_ipv6 = 0; is_ipv6 <= 1; is_ipv6++) {
		for (size_t i = 0; i < ARRAY_SIZE(epochs); i++) {
			struct xtcp_cookie_flow flow = random_flow(is_ipv6);
			struct xtcp_cookie_fields fields = random_fields(), back;
			u32 client_isn = ktap_random();
			u32 isn = xtcp_cookie_make_isn(&keys[0], &flow, client_isn, 1460,
						       epochs[i]);

			for (int age = -20; age <= 20; age++) {
				bool fresh = age == 0 || age == 1;

				NOTE("epoch %u age %d", epochs[i], age);
				EXPECT_EQ(comes_back(&flow, client_isn, &fields, epochs[i],
						     epochs[i] + age), fresh);
				EXPECT_EQ(xtcp_cookie_check_isn(keys, &flow, client_isn, isn,
								epochs[i] + age, &back), fresh);
			}
		}
	}
}

TEST(cookie_check__current_and_previous_key)
{
	ROW("LSN-12");
	for (int i = 0; i < 100; i++) {
		struct xtcp_cookie_flow flow = random_flow(i & 1);
		struct xtcp_cookie_fields fields = random_fields(), back;
		siphash_key_t old[2], now[2], later[2];
		u32 isn, tsval, short_isn;

		new_keys();
		memcpy(old, keys, sizeof(old));
		new_keys();
		now[0] = keys[0];
		now[1] = old[0];
		later[0] = keys[1];
		later[1] = now[0];
		xtcp_cookie_make(&old[0], &flow, 7, &fields, EPOCH, &isn, &tsval);
		EXPECT(xtcp_cookie_check(old, &flow, 7, isn, tsval, EPOCH, &back));
		EXPECT(xtcp_cookie_check(now, &flow, 7, isn, tsval, EPOCH, &back));
		EXPECT(same_fields(&fields, &back));
		EXPECT(!xtcp_cookie_check(later, &flow, 7, isn, tsval, EPOCH, &back));
		short_isn = xtcp_cookie_make_isn(&old[0], &flow, 7, 1460, EPOCH);
		EXPECT(xtcp_cookie_check_isn(now, &flow, 7, short_isn, EPOCH, &back));
		EXPECT(!xtcp_cookie_check_isn(later, &flow, 7, short_isn, EPOCH, &back));
	}
}

/* A cookie as a client sees it, for tests that bend one bit. */
struct sent {
	struct xtcp_cookie_flow flow;
	u32 client_isn, isn, tsval, short_isn;
};

static struct sent send_cookie(bool is_ipv6)
{
	struct xtcp_cookie_fields fields = random_fields();
	struct sent sent = { .flow = random_flow(is_ipv6), .client_isn = ktap_random() };

	xtcp_cookie_make(&keys[0], &sent.flow, sent.client_isn, &fields, EPOCH, &sent.isn,
			 &sent.tsval);
	sent.short_isn = xtcp_cookie_make_isn(&keys[0], &sent.flow, sent.client_isn, fields.mss,
					      EPOCH);
	return sent;
}

static bool passes(const struct sent *sent)
{
	struct xtcp_cookie_fields back;

	return xtcp_cookie_check(keys, &sent->flow, sent->client_isn, sent->isn, sent->tsval,
				 EPOCH, &back);
}

static bool short_passes(const struct sent *sent)
{
	struct xtcp_cookie_fields back;

	return xtcp_cookie_check_isn(keys, &sent->flow, sent->client_isn, sent->short_isn, EPOCH,
				     &back);
}

/* Every bit of @object in turn; the short cookie's odds allow one stray hit in 6,000 runs. */
static void expect_rejected(struct sent *sent, void *object, size_t len, const char *what)
{
	u8 *bytes = object;

	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= 1 << bit % 8;
		NOTE("%s, bit %zu", what, bit);
		EXPECT(!passes(sent));
		EXPECT(!short_passes(sent));
		bytes[bit / 8] ^= 1 << bit % 8;
	}
}

TEST(cookie_check__any_changed_input_is_rejected)
{
	ROW("LSN-09");
	new_keys();
	for (int i = 0; i < 40; i++) {
		struct sent sent = send_cookie(i & 1);
		size_t address = sent.flow.is_ipv6 ? 16 : 4;

		EXPECT(passes(&sent));
		EXPECT(short_passes(&sent));
		expect_rejected(&sent, sent.flow.saddr, address, "client address");
		expect_rejected(&sent, sent.flow.daddr, address, "our address");
		expect_rejected(&sent, &sent.flow.sport, 2, "client port");
		expect_rejected(&sent, &sent.flow.dport, 2, "our port");
		expect_rejected(&sent, &sent.client_isn, 4, "client ISN");
		sent.flow.is_ipv6 = !sent.flow.is_ipv6;
		EXPECT(!passes(&sent));
		EXPECT(!short_passes(&sent));
	}
}

TEST(cookie_check__any_changed_bit_of_the_cookie_is_rejected)
{
	ROW("LSN-09");
	new_keys();
	for (int i = 0; i < 200; i++) {
		struct sent sent = send_cookie(i & 1);

		for (int bit = 0; bit < 32; bit++) {
			struct sent bent = sent;

			bent.isn ^= 1u << bit;
			bent.short_isn ^= 1u << bit;
			EXPECT(!passes(&bent));
			EXPECT(!short_passes(&bent));
			bent = sent;
			bent.tsval ^= 1u << bit;
			EXPECT(!passes(&bent));
		}
	}
}

TEST(cookie_check__addresses_beyond_ipv4_are_not_read)
{
	struct sent sent;

	new_keys();
	sent = send_cookie(false);
	memset(&sent.flow.saddr[1], 0xa5, 12);
	memset(&sent.flow.daddr[1], 0x5a, 12);
	EXPECT(passes(&sent));
	EXPECT(short_passes(&sent));
}

TEST(cookie_make__repeated_syn_gets_the_same_answer)
{
	struct xtcp_cookie_fields fields;
	u32 isn[2], tsval[2];
	struct xtcp_cookie_flow flow;

	ROW("HS-19");
	new_keys();
	flow = random_flow(true);
	fields = random_fields();
	for (int i = 0; i < 2; i++)
		xtcp_cookie_make(&keys[0], &flow, 9, &fields, EPOCH, &isn[i], &tsval[i]);
	EXPECT_EQ(isn[0], isn[1]);
	EXPECT_EQ(tsval[0], tsval[1]);
}

TEST(cookie_check__random_acks_create_nothing)
{
	unsigned int accepted = 0;
	struct sent sent;

	ROW("LSN-10");
	new_keys();
	sent = send_cookie(false);
	/* Mean of false accepts: 2^22 * 2^-40. */
	for (u32 i = 0; i < 1u << 22; i++) {
		sent.isn = ktap_random();
		sent.tsval = ktap_random();
		accepted += passes(&sent);
	}
	EXPECT_EQ(accepted, 0);
}

/*
 * With the tag of a real cookie all 2^24 values of the field bits are possible
 * forgeries; a quarter of them is tried. Exactly one, the real one, opens; the
 * others decode to other fields, whose tag would have to agree in 40 bits.
 */
TEST(cookie_check__of_all_field_bits_one_value_opens)
{
	unsigned int accepted = 0;
	struct sent sent;
	u32 real;

	ROW("LSN-10");
	new_keys();
	sent = send_cookie(false);
	real = sent.tsval;
	for (u32 bits = 0; bits < 1u << 24; bits++) {
		if (bits & 3 && bits != (real & 0xffffff))
			continue;
		sent.tsval = (real & 0xff000000) | bits;
		if (passes(&sent)) {
			accepted++;
			EXPECT_EQ(sent.tsval, real);
		}
	}
	EXPECT_EQ(accepted, 1);
}

static bool is_one_of(const u32 *values, unsigned int nr, u32 value)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (values[i] == value)
			return true;
	}

	return false;
}

/*
 * The short cookie: for one flow, two keys, two epochs and eight sizes make at most
 * 32 of 2^32 numbers valid: odds of 2^-27. All of them open, and of millions of
 * others, among them each with the same tag, none does.
 */
TEST(cookie_check_isn__odds_over_the_reduced_space)
{
	static const u16 sizes[] = { 1, 536, 1220, 1300, 1400, 1440, 1460, 65535 };
	struct xtcp_cookie_fields back;
	unsigned int nr = 0, accepted = 0;
	u32 valid[32];
	struct sent sent;

	ROW("LSN-10");
	new_keys();
	sent = send_cookie(true);
	for (int k = 0; k < 2; k++) {
		for (u32 age = 0; age <= 1; age++) {
			for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
				valid[nr++] = xtcp_cookie_make_isn(&keys[k], &sent.flow,
								   sent.client_isn, sizes[i],
								   EPOCH - age);
		}
	}
	EXPECT_EQ(nr, 32);

	for (unsigned int i = 0; i < nr; i++) {
		for (u32 low = 0; low < 16; low++) {
			sent.short_isn = (valid[i] & ~15u) | low;
			EXPECT_EQ(short_passes(&sent), is_one_of(valid, nr, sent.short_isn));
		}
	}
	for (u32 i = 0; i < 1u << 21; i++) {
		sent.short_isn = ktap_random();
		if (xtcp_cookie_check_isn(keys, &sent.flow, sent.client_isn, sent.short_isn, EPOCH,
					  &back)) {
			accepted++;
			EXPECT(is_one_of(valid, nr, sent.short_isn));
		}
	}
	/* Mean 2^21 * 2^-27. */
	EXPECT(accepted <= 2);
}

TEST(cookie_make_isn__mss_is_rounded_down_never_up)
{
	struct xtcp_cookie_fields back;
	struct xtcp_cookie_flow flow;
	u32 last = 0;

	ROW("LSN-14");
	new_keys();
	flow = random_flow(false);
	for (u32 mss = 1; mss <= 65535; mss++) {
		u32 isn = xtcp_cookie_make_isn(&keys[0], &flow, mss, mss, EPOCH);

		NOTE("mss %u", mss);
		if (!EXPECT(xtcp_cookie_check_isn(keys, &flow, mss, isn, EPOCH, &back)))
			continue;
		/* Below the floor of any send MSS the floor holds. */
		EXPECT(back.mss <= max_t(u32, mss, XTCP_MSS_FLOOR));
		EXPECT(back.mss >= last);
		EXPECT(mss < 1300 || back.mss >= mss - 140 || mss > 1600);
		EXPECT_EQ(back.wscale, XTCP_COOKIE_NO_WSCALE);
		EXPECT(!back.sack);
		EXPECT(!back.ecn);
		last = back.mss;
		if (mss == 536 || mss == 1220 || mss == 1400 || mss == 1440 || mss == 1460)
			EXPECT_EQ(back.mss, mss);
	}
}

/* Chi-square of one byte position, 255 degrees of freedom: mean 255, deviation 22.6. */
static void expect_uniform(const u32 counts[256], u32 total, const char *what, int byte)
{
	double want = total / 256.0, sum = 0;

	for (int i = 0; i < 256; i++)
		sum += (counts[i] - want) * (counts[i] - want) / want;
	NOTE("%s byte %d: chi-square %.1f", what, byte, sum);
	EXPECT(sum > 255 - 6 * 22.6 && sum < 255 + 6 * 22.6);
}

/* Flows that differ as little as a flood's: counting ports and ISNs, same fields. */
TEST(cookie_make__looks_random)
{
	static u32 counts[3][4][256];
	u32 total = 1u << 18;
	struct xtcp_cookie_fields fields = { .mss = 1460, .wscale = 7, .sack = true };
	struct xtcp_cookie_flow flow;

	ROW("LSN-09");
	new_keys();
	memset(counts, 0, sizeof(counts));
	flow = random_flow(false);
	for (u32 i = 0; i < total; i++) {
		u32 word[3];

		flow.sport = cpu_to_be16(i);
		xtcp_cookie_make(&keys[0], &flow, i >> 16, &fields, EPOCH, &word[0], &word[1]);
		word[2] = xtcp_cookie_make_isn(&keys[0], &flow, i >> 16, 1460, EPOCH);
		for (int w = 0; w < 3; w++) {
			for (int b = 0; b < 4; b++)
				counts[w][b][word[w] >> 8 * b & 255]++;
		}
	}
	for (int b = 0; b < 4; b++) {
		expect_uniform(counts[0][b], total, "ISN", b);
		expect_uniform(counts[1][b], total, "TSval", b);
		expect_uniform(counts[2][b], total, "short ISN", b);
	}
}

/* One bit of the fields, or of the epoch, changes half of the cookie. */
TEST(cookie_make__fields_do_not_show)
{
	u64 flipped = 0, trials = 0;

	ROW("LSN-09");
	new_keys();
	for (int i = 0; i < 3000; i++) {
		struct xtcp_cookie_fields a = random_fields();
		struct xtcp_cookie_flow flow = random_flow(i & 1);
		u32 isn[2], tsval[2];

		a.mss = 2 + ktap_below(60000);
		for (int what = 0; what < 5; what++) {
			struct xtcp_cookie_fields b = a;

			b.mss ^= what == 0;
			b.wscale ^= what == 1;
			b.sack ^= what == 2;
			b.ecn ^= what == 3;
			xtcp_cookie_make(&keys[0], &flow, i, &a, EPOCH, &isn[0], &tsval[0]);
			xtcp_cookie_make(&keys[0], &flow, i, &b, EPOCH + (what == 4), &isn[1],
					 &tsval[1]);
			flipped += __builtin_popcount(isn[0] ^ isn[1]);
			flipped += __builtin_popcount(tsval[0] ^ tsval[1]);
			trials++;
		}
	}
	NOTE("%.3f of 64 bits", (double)flipped / trials);
	EXPECT(fabs((double)flipped / trials - 32) < 0.25);
}

/* The two kinds share nothing an attacker could carry over. */
TEST(cookie_check_isn__the_long_cookie_is_no_short_one)
{
	unsigned int accepted = 0;

	ROW("ISN-07");
	new_keys();
	for (int i = 0; i < 20000; i++) {
		struct sent sent = send_cookie(i & 1);

		sent.short_isn = sent.isn;
		accepted += short_passes(&sent);
	}
	EXPECT_EQ(accepted, 0);
}
