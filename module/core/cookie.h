/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SYN cookie: a half-open connection kept in the client's memory instead of ours.
 *
 * RFC 4987, 3.6. With timestamps the cookie is 64 bits wide, the SYN-ACK's ISN and
 * TSval, and holds everything negotiated; without, the ISN alone holds a rounded MSS.
 *
 *   64 bits:  ISN    = tag[31:0]
 *             TSval  = tag[39:32] << 24 | fields[23:0] ^ mask
 *             fields = epoch[1:0] << 22 | ecn << 21 | sack << 20 | wscale << 16 | mss
 *   32 bits:  ISN    = tag[27:0] << 4 | fields[3:0] ^ mask
 *             fields = epoch[0] << 3 | MSS index
 *
 *   tag  = SipHash(key, "tag",  flow, client ISN, fields, whole epoch)
 *   mask = SipHash(key, "mask", flow, client ISN, tag)
 *
 * The tag is at once authenticator and nonce of the mask, so both numbers look
 * random, and equal SYNs in one period get equal SYN-ACKs.
 *
 * Odds of one random ACK, with both keys tried: 64 bits: two of the four epochs
 * are valid, 2 keys * 1/2 * 2^-40 = 2^-40. 32 bits: 2 keys * 2^-28 = 2^-27.
 */
#ifndef XTCP_CORE_COOKIE_H
#define XTCP_CORE_COOKIE_H

#include "types.h"
#include "wire.h"

#define XTCP_COOKIE_PERIOD_S	60	/* one epoch [s]; valid in its own and the next */
#define XTCP_COOKIE_NR_KEYS	2	/* current, previous */
#define XTCP_COOKIE_NO_WSCALE	15	/* client offered no window scale */

/**
 * struct xtcp_cookie_flow - whose connection, as the SYN has it
 * @saddr: client's address; IPv4: [0] only, the rest is not read
 * @daddr: our address; IPv4: [0] only, the rest is not read
 * @sport: client's port
 * @dport: our port
 * @is_ipv6: which kind of address
 */
struct xtcp_cookie_flow {
	__be32 saddr[4];
	__be32 daddr[4];
	__be16 sport;
	__be16 dport;
	bool is_ipv6;
};

/**
 * struct xtcp_cookie_fields - what the client's SYN offered
 * @mss: maximum segment size [bytes], not 0
 * @wscale: window scale, or XTCP_COOKIE_NO_WSCALE
 * @sack: SACK permitted
 * @ecn: ECN-setup SYN
 */
struct xtcp_cookie_fields {
	u16 mss;
	u8 wscale;
	bool sack;
	bool ecn;
};

void xtcp_cookie_make(const siphash_key_t *key, const struct xtcp_cookie_flow *flow,
		      u32 client_isn, const struct xtcp_cookie_fields *fields, u32 epoch,
		      u32 *isn, u32 *tsval);
bool xtcp_cookie_check(const siphash_key_t keys[XTCP_COOKIE_NR_KEYS],
		       const struct xtcp_cookie_flow *flow, u32 client_isn, u32 isn, u32 tsval,
		       u32 epoch, struct xtcp_cookie_fields *fields);
u32 xtcp_cookie_make_isn(const siphash_key_t *key, const struct xtcp_cookie_flow *flow,
			 u32 client_isn, u16 mss, u32 epoch);
bool xtcp_cookie_check_isn(const siphash_key_t keys[XTCP_COOKIE_NR_KEYS],
			   const struct xtcp_cookie_flow *flow, u32 client_isn, u32 isn,
			   u32 epoch, struct xtcp_cookie_fields *fields);

#endif /* XTCP_CORE_COOKIE_H */
