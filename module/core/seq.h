/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sequence number arithmetic modulo 2^32 (RFC 9293, 3.4).
 *
 * Two numbers compare meaningfully while they are less than 2^31 apart.
 */
#ifndef XTCP_CORE_SEQ_H
#define XTCP_CORE_SEQ_H

#include "types.h"

/* a < b */
static inline bool xtcp_seq_lt(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* a <= b */
static inline bool xtcp_seq_leq(u32 a, u32 b)
{
	return (s32)(a - b) <= 0;
}

/* a > b */
static inline bool xtcp_seq_gt(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}

/* a >= b */
static inline bool xtcp_seq_geq(u32 a, u32 b)
{
	return (s32)(a - b) >= 0;
}

/* lo <= x <= hi, for any distance between lo and hi */
static inline bool xtcp_seq_between(u32 x, u32 lo, u32 hi)
{
	return hi - lo >= x - lo;
}

static inline u32 xtcp_seq_max(u32 a, u32 b)
{
	return xtcp_seq_gt(a, b) ? a : b;
}

static inline u32 xtcp_seq_min(u32 a, u32 b)
{
	return xtcp_seq_lt(a, b) ? a : b;
}

#endif /* XTCP_CORE_SEQ_H */
