// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SYN cookie: pack, mask, verify. Layout and odds stand in cookie.h.
 *
 * RFC 4987, 3.6 and appendix A. Nothing is looked up, allocated or kept: two hashes
 * for a SYN, two per key for its ACK, one more for IPv6. Pure: any context, no locks.
 */
#include "cookie.h"

/* What the last word of a hash begins with, so that no hash serves two purposes. */
enum domain {
	DOMAIN_TAG	= 1,
	DOMAIN_MASK	= 2,
	DOMAIN_ISN_TAG	= 3,
	DOMAIN_ISN_MASK	= 4,
	DOMAIN_IPV6	= 8,	/* set in addition */
};

#define DOMAIN_SHIFT	56

/* 64-bit cookie: 40 bits of tag, 24 of fields. */
#define TAG_BITS	40
#define TAG_MASK	((1ull << TAG_BITS) - 1)
#define FIELD_BITS	24
#define FIELD_MASK	((1u << FIELD_BITS) - 1)
#define WSCALE_SHIFT	16
#define SACK_BIT	0x00100000u
#define ECN_BIT		0x00200000u
#define EPOCH_SHIFT	22
#define EPOCH_MASK	3u

/* 32-bit cookie: 28 bits of tag, 4 of fields. */
#define ISN_FIELD_BITS	4
#define ISN_FIELD_MASK	((1u << ISN_FIELD_BITS) - 1)
#define ISN_TAG_MASK	((1u << (32 - ISN_FIELD_BITS)) - 1)
#define ISN_EPOCH_SHIFT	3
#define ISN_EPOCH_MASK	1u
#define ISN_MSS_MASK	7u

/*
 * Rounded down to one of these without timestamps, never up. The first is the
 * floor of any send MSS; between are the MSS of the defaults without option (536,
 * 1220), of tunnels (1300, 1400), of Ethernet with IPv6 and IPv4, and of jumbo
 * frames with IPv6.
 */
static const u16 isn_mss[ISN_MSS_MASK + 1] = {
	XTCP_MSS_FLOOR, XTCP_MSS_DEFAULT_V4, XTCP_MSS_DEFAULT_V6, 1300, 1400, 1440, 1460, 8940,
};

static_assert(TAG_BITS + FIELD_BITS == 64);

/* What all hashes of one SYN have in common. */
struct origin {
	u64 addresses;
	u64 numbers;
	u64 family;
};

static u64 two_words(const __be32 words[2])
{
	__be64 both;

	memcpy(&both, words, sizeof(both));
	return be64_to_cpu(both);
}

static void make_origin(struct origin *from, const siphash_key_t *key,
			const struct xtcp_cookie_flow *flow, u32 client_isn)
{
	from->numbers = (u64)be16_to_cpu(flow->sport) << 48 |
			(u64)be16_to_cpu(flow->dport) << 32 | client_isn;

	if (flow->is_ipv6) {
		from->family = DOMAIN_IPV6;
		from->addresses = siphash_4u64(two_words(flow->saddr), two_words(flow->saddr + 2),
					       two_words(flow->daddr), two_words(flow->daddr + 2),
					       key);
	} else {
		from->family = 0;
		from->addresses = (u64)be32_to_cpu(flow->saddr[0]) << 32 |
				  be32_to_cpu(flow->daddr[0]);
	}
}

/* The one keyed function; @value has DOMAIN_SHIFT bits at most. */
static u64 prf(const struct origin *from, const siphash_key_t *key, enum domain domain, u64 value)
{
	return siphash_3u64(from->addresses, from->numbers,
			    (from->family | domain) << DOMAIN_SHIFT | value, key);
}

static u64 make_tag(const struct origin *from, const siphash_key_t *key, u32 packed, u32 epoch)
{
	return prf(from, key, DOMAIN_TAG, (u64)epoch << FIELD_BITS | packed) & TAG_MASK;
}

static u32 make_mask(const struct origin *from, const siphash_key_t *key, u64 tag)
{
	return prf(from, key, DOMAIN_MASK, tag) & FIELD_MASK;
}

static u32 pack(const struct xtcp_cookie_fields *fields, u32 epoch)
{
	return (epoch & EPOCH_MASK) << EPOCH_SHIFT |
	       (fields->ecn ? ECN_BIT : 0) |
	       (fields->sack ? SACK_BIT : 0) |
	       min_t(u32, fields->wscale, XTCP_COOKIE_NO_WSCALE) << WSCALE_SHIFT |
	       fields->mss;
}

static void unpack(struct xtcp_cookie_fields *fields, u32 packed)
{
	fields->mss = packed;
	fields->wscale = packed >> WSCALE_SHIFT & XTCP_COOKIE_NO_WSCALE;
	fields->sack = packed & SACK_BIT;
	fields->ecn = packed & ECN_BIT;
}

/**
 * xtcp_cookie_make() - cookie for a SYN that has timestamps
 * @key: the current key
 * @flow: addresses and ports of the SYN
 * @client_isn: SEG.SEQ of the SYN
 * @fields: what it offered
 * @epoch: number of the current period of XTCP_COOKIE_PERIOD_S
 * @isn: ISS of the SYN-ACK
 * @tsval: TSval of the SYN-ACK
 *
 * Context: any, pure.
 */
void xtcp_cookie_make(const siphash_key_t *key, const struct xtcp_cookie_flow *flow,
		      u32 client_isn, const struct xtcp_cookie_fields *fields, u32 epoch,
		      u32 *isn, u32 *tsval)
{
	u32 packed = pack(fields, epoch);
	struct origin from;
	u64 tag;

	make_origin(&from, key, flow, client_isn);
	tag = make_tag(&from, key, packed, epoch);

	*isn = tag;
	*tsval = (u32)(tag >> 32) << FIELD_BITS | (packed ^ make_mask(&from, key, tag));
}

/* One comparison of whole words: its time does not depend on how much agrees. */
static bool open_cookie(const siphash_key_t *key, const struct xtcp_cookie_flow *flow,
			u32 client_isn, u32 isn, u32 tsval, u32 epoch, u32 *packed)
{
	u64 tag = (u64)(tsval >> FIELD_BITS) << 32 | isn;
	struct origin from;
	u32 age;

	make_origin(&from, key, flow, client_isn);
	*packed = (tsval & FIELD_MASK) ^ make_mask(&from, key, tag);
	age = (epoch - (*packed >> EPOCH_SHIFT)) & EPOCH_MASK;

	return age <= 1 && make_tag(&from, key, *packed, epoch - age) == tag;
}

/**
 * xtcp_cookie_check() - is this the echo of a cookie we sent?
 * @keys: current and previous key
 * @flow: addresses and ports of the ACK
 * @client_isn: SEG.SEQ - 1
 * @isn: SEG.ACK - 1
 * @tsval: SEG.TSecr
 * @epoch: number of the current period of XTCP_COOKIE_PERIOD_S
 * @fields: filled in if so, else undefined
 *
 * A cookie lives in its own period and the next one: 60 to 120 s (LSN-11).
 *
 * Context: any, pure.
 * Return: true if so.
 */
bool xtcp_cookie_check(const siphash_key_t keys[XTCP_COOKIE_NR_KEYS],
		       const struct xtcp_cookie_flow *flow, u32 client_isn, u32 isn, u32 tsval,
		       u32 epoch, struct xtcp_cookie_fields *fields)
{
	unsigned int i;
	u32 packed;

	for (i = 0; i < XTCP_COOKIE_NR_KEYS; i++) {
		if (open_cookie(&keys[i], flow, client_isn, isn, tsval, epoch, &packed)) {
			unpack(fields, packed);
			return true;
		}
	}

	return false;
}

static u32 make_isn_tag(const struct origin *from, const siphash_key_t *key, u32 packed,
			u32 epoch)
{
	return prf(from, key, DOMAIN_ISN_TAG, (u64)epoch << ISN_FIELD_BITS | packed) &
	       ISN_TAG_MASK;
}

static u32 make_isn_mask(const struct origin *from, const siphash_key_t *key, u32 tag)
{
	return prf(from, key, DOMAIN_ISN_MASK, tag) & ISN_FIELD_MASK;
}

/* Index of the largest entry that is not above @mss. */
static u32 mss_index(u16 mss)
{
	u32 i = ISN_MSS_MASK;

	while (i && isn_mss[i] > mss)
		i--;

	return i;
}

/**
 * xtcp_cookie_make_isn() - cookie for a SYN without timestamps
 * @key: the current key
 * @flow: addresses and ports of the SYN
 * @client_isn: SEG.SEQ of the SYN
 * @mss: maximum segment size it offered [bytes]
 * @epoch: number of the current period of XTCP_COOKIE_PERIOD_S
 *
 * The SYN-ACK must offer neither window scale nor SACK nor ECN: there is no room
 * to remember them (LSN-15).
 *
 * Context: any, pure.
 * Return: ISS of the SYN-ACK.
 */
u32 xtcp_cookie_make_isn(const siphash_key_t *key, const struct xtcp_cookie_flow *flow,
			 u32 client_isn, u16 mss, u32 epoch)
{
	u32 packed = (epoch & ISN_EPOCH_MASK) << ISN_EPOCH_SHIFT | mss_index(mss);
	struct origin from;
	u32 tag;

	make_origin(&from, key, flow, client_isn);
	tag = make_isn_tag(&from, key, packed, epoch);

	return tag << ISN_FIELD_BITS | (packed ^ make_isn_mask(&from, key, tag));
}

static bool open_isn(const siphash_key_t *key, const struct xtcp_cookie_flow *flow,
		     u32 client_isn, u32 isn, u32 epoch, u32 *packed)
{
	u32 tag = isn >> ISN_FIELD_BITS;
	struct origin from;
	u32 age;

	make_origin(&from, key, flow, client_isn);
	*packed = (isn & ISN_FIELD_MASK) ^ make_isn_mask(&from, key, tag);
	age = (epoch - (*packed >> ISN_EPOCH_SHIFT)) & ISN_EPOCH_MASK;

	return make_isn_tag(&from, key, *packed, epoch - age) == tag;
}

/**
 * xtcp_cookie_check_isn() - is this the echo of a cookie without timestamps?
 * @keys: current and previous key
 * @flow: addresses and ports of the ACK
 * @client_isn: SEG.SEQ - 1
 * @isn: SEG.ACK - 1
 * @epoch: number of the current period of XTCP_COOKIE_PERIOD_S
 * @fields: filled in if so: the rounded MSS, everything else off; else undefined
 *
 * Only for a segment without timestamps: one that has them was given 64 bits.
 *
 * Context: any, pure.
 * Return: true if so.
 */
bool xtcp_cookie_check_isn(const siphash_key_t keys[XTCP_COOKIE_NR_KEYS],
			   const struct xtcp_cookie_flow *flow, u32 client_isn, u32 isn,
			   u32 epoch, struct xtcp_cookie_fields *fields)
{
	unsigned int i;
	u32 packed;

	for (i = 0; i < XTCP_COOKIE_NR_KEYS; i++) {
		if (open_isn(&keys[i], flow, client_isn, isn, epoch, &packed)) {
			fields->mss = isn_mss[packed & ISN_MSS_MASK];
			fields->wscale = XTCP_COOKIE_NO_WSCALE;
			fields->sack = false;
			fields->ecn = false;
			return true;
		}
	}

	return false;
}
