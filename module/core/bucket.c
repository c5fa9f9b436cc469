// SPDX-License-Identifier: GPL-2.0-only
/*
 * Token-bucket arithmetic, in whole numbers and without rounding: in t seconds no more than
 * rate * t events and one second's burst, at any rate and however the calls fall.
 *
 * Pure: any context, no locks.
 */
#include "bucket.h"

static u64 full_level(u32 rate)
{
	return (u64)rate * XTCP_BUCKET_SECOND_US;
}

/**
 * xtcp_bucket_fill - start with all a source may do at once: one second's worth
 * @bucket: to set
 * @rate: tokens a second, 1 ... XTCP_BUCKET_RATE_MAX
 * @now_us: the time, never less than in a call before
 *
 * Context: any.
 */
void xtcp_bucket_fill(struct xtcp_bucket *bucket, u32 rate, u64 now_us)
{
	bucket->filled_us = now_us;
	bucket->level = full_level(rate);
}

/**
 * xtcp_bucket_level - how full is a bucket?
 * @bucket: the bucket
 * @rate: tokens a second; may have changed since
 * @now_us: the time
 *
 * Context: any.
 * Return: the level, as in struct xtcp_bucket.
 */
u64 xtcp_bucket_level(const struct xtcp_bucket *bucket, u32 rate, u64 now_us)
{
	u64 gone_us = now_us - bucket->filled_us;
	u64 full = full_level(rate);

	/* A second fills any bucket; below, no product overflows. */
	if (gone_us >= XTCP_BUCKET_SECOND_US)
		return full;
	return min(full, bucket->level + gone_us * rate);
}

/**
 * xtcp_bucket_take - take one token, if there is one
 * @bucket: the bucket
 * @rate: tokens a second; may have changed since
 * @now_us: the time
 *
 * Context: any.
 * Return: true if there was one. A refusal costs nothing.
 */
bool xtcp_bucket_take(struct xtcp_bucket *bucket, u32 rate, u64 now_us)
{
	u64 level = xtcp_bucket_level(bucket, rate, now_us);
	bool has_token = level >= XTCP_BUCKET_SECOND_US;

	bucket->filled_us = now_us;
	bucket->level = has_token ? level - XTCP_BUCKET_SECOND_US : level;
	return has_token;
}
