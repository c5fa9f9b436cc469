// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/bucket.c: the rate is exact, at every rate and however the attempts fall.
 */
#include "ktap.h"
#include "bucket.h"

/* Attempts every @step_us for @span_us, all of one moment until one fails; how many succeed. */
static u64 greedy(u32 rate, u64 start_us, u64 span_us, u64 step_us)
{
	struct xtcp_bucket bucket;
	u64 taken = 0, at;

	xtcp_bucket_fill(&bucket, rate, start_us);
	for (at = start_us; at <= start_us + span_us; at += step_us)
		while (xtcp_bucket_take(&bucket, rate, at))
			taken++;
	return taken;
}

TEST(bucket_take__burst_is_one_second)
{
	ROW("LSN-20");
	for (u32 rate = 1; rate <= 1000; rate++)
		EXPECT_EQ(greedy(rate, 12345, 0, 1), rate);
	EXPECT_EQ(greedy(XTCP_BUCKET_RATE_MAX, 0, 0, 1), XTCP_BUCKET_RATE_MAX);
}

TEST(bucket_take__rate_is_exact)
{
	static const u32 rates[] = { 1, 2, 3, 7, 10, 97, 999, 1000, 3333, 99991 };
	static const u64 steps[] = { 1, 7, 10, 997 };

	ROW("LSN-20");
	for (unsigned int i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		for (unsigned int j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			/* The last attempt is at the last multiple of the step. */
			u64 seen_us = 1500000 / steps[j] * steps[j];
			u64 want = rates[i] + seen_us * rates[i] / XTCP_BUCKET_SECOND_US;

			/* A bucket that is full wastes time: only steps that leave it unfilled. */
			if ((u64)rates[i] * steps[j] <= XTCP_BUCKET_SECOND_US)
				EXPECT_EQ(greedy(rates[i], 5, 1500000, steps[j]), want);
		}
}

TEST(bucket_take__refusals_cost_nothing)
{
	struct xtcp_bucket bucket;

	ROW("LSN-20");
	xtcp_bucket_fill(&bucket, 1, 0);
	EXPECT(xtcp_bucket_take(&bucket, 1, 0));
	for (u64 at = 0; at < XTCP_BUCKET_SECOND_US; at += 999)
		EXPECT(!xtcp_bucket_take(&bucket, 1, at));
	EXPECT(xtcp_bucket_take(&bucket, 1, XTCP_BUCKET_SECOND_US));
}

TEST(bucket_level__extremes)
{
	struct xtcp_bucket bucket = { .filled_us = 0, .level = 0 };

	ROW("LSN-20");
	ROW("SEC-16");
	EXPECT_EQ(xtcp_bucket_level(&bucket, XTCP_BUCKET_RATE_MAX, ~0ull),
		  (u64)XTCP_BUCKET_RATE_MAX * XTCP_BUCKET_SECOND_US);
	/* A lower rate than before: what was saved is cut down to its burst. */
	xtcp_bucket_fill(&bucket, XTCP_BUCKET_RATE_MAX, 10);
	EXPECT_EQ(xtcp_bucket_level(&bucket, 2, 10), 2 * XTCP_BUCKET_SECOND_US);
	/* A higher one: what was left, and from now on more. */
	xtcp_bucket_fill(&bucket, 1, 10);
	EXPECT_EQ(xtcp_bucket_level(&bucket, 100, 10), XTCP_BUCKET_SECOND_US);
	EXPECT_EQ(xtcp_bucket_level(&bucket, 100, 11), XTCP_BUCKET_SECOND_US + 100);
}
