/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A token bucket: so many events a second on average, one second's worth at once.
 */
#ifndef XTCP_CORE_BUCKET_H
#define XTCP_CORE_BUCKET_H

#include "types.h"

#define XTCP_BUCKET_SECOND_US	1000000u
#define XTCP_BUCKET_RATE_MAX	1000000u	/* events a second: one each microsecond */

/**
 * struct xtcp_bucket - how much one source may still do
 * @filled_us: when @level was right [us]
 * @level: a token is XTCP_BUCKET_SECOND_US of these, so that a microsecond adds the rate
 */
struct xtcp_bucket {
	u64 filled_us;
	u64 level;
};

void xtcp_bucket_fill(struct xtcp_bucket *bucket, u32 rate, u64 now_us);
u64 xtcp_bucket_level(const struct xtcp_bucket *bucket, u32 rate, u64 now_us);
bool xtcp_bucket_take(struct xtcp_bucket *bucket, u32 rate, u64 now_us);

#endif /* XTCP_CORE_BUCKET_H */
