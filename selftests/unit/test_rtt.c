// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/rtt.c against RFC 6298 computed in double precision.
 */
#include <math.h>

#include "ktap.h"
#include "rtt.h"

#define MIN_US	((double)XTCP_RTO_MIN_US)
#define MAX_US	((double)XTCP_RTO_MAX_US)

/* RFC 6298, 2.2 and 2.3, in real numbers. */
struct model {
	double srtt, rttvar;
	bool started;
};

static double model_sample(struct model *m, double r)
{
	if (!m->started) {
		m->srtt = r;
		m->rttvar = r / 2;
		m->started = true;
	} else {
		m->rttvar = 0.75 * m->rttvar + 0.25 * fabs(m->srtt - r);
		m->srtt = 0.875 * m->srtt + 0.125 * r;
	}

	return fmin(m->srtt + fmax(MIN_US, 4 * m->rttvar), MAX_US);
}

/* Rounding of the shifts: SRTT by at most 1 us a step, RTTVAR by a few. */
static void expect_near(const struct xtcp_rtt *rtt, const struct model *m, double rto)
{
	EXPECT(fabs(rtt->srtt_us / 8.0 - m->srtt) <= 2);
	EXPECT(fabs(rtt->rttvar_us / 4.0 - m->rttvar) <= 4);
	EXPECT(fabs(rtt->rto_us - rto) <= 16);
}

TEST(rtt_init__one_second_until_measured)
{
	struct xtcp_rtt rtt;

	ROW("LOSS-01");
	xtcp_rtt_init(&rtt);
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), 1000000);
	EXPECT_EQ(rtt.srtt_us, 0);
	EXPECT_EQ(rtt.min_us, ~0u);
	EXPECT_EQ(rtt.backoff, 0);
}

TEST(rtt_of_echo__what_was_never_sent)
{
	ROW("LOSS-05");
	EXPECT_EQ(xtcp_rtt_of_echo(1000, 900, ~0ull - 1000), 100000);
	EXPECT_EQ(xtcp_rtt_of_echo(1000, 1000, 0), 1000);
	EXPECT_EQ(xtcp_rtt_of_echo(5, 0xfffffffbu, 1000000), 10000);
	EXPECT_EQ(xtcp_rtt_of_echo(1000, 1001, 1000000), 0);
	EXPECT_EQ(xtcp_rtt_of_echo(200000, 200000 - 120000, 1ull << 32), XTCP_RTO_MAX_US);
	EXPECT_EQ(xtcp_rtt_of_echo(200000, 200000 - 120001, 1ull << 32), 0);
}

/* Two readings of a clock of 1 ms are up to one tick further apart than they were taken. */
TEST(rtt_of_echo__older_than_the_last_repeat)
{
	ROW("LOSS-05");
	EXPECT_EQ(xtcp_rtt_of_echo(1000, 900, 99000), 100000);
	EXPECT_EQ(xtcp_rtt_of_echo(1000, 900, 98999), 0);
	EXPECT_EQ(xtcp_rtt_of_echo(1000, 900, 0), 0);
	EXPECT_EQ(xtcp_rtt_of_echo(1000, 999, 0), 1000);
}

TEST(rtt_sample__first)
{
	struct xtcp_rtt rtt;

	ROW("LOSS-02");
	xtcp_rtt_init(&rtt);
	xtcp_rtt_sample(&rtt, 100000);
	EXPECT_EQ(rtt.srtt_us / 8, 100000);
	EXPECT_EQ(rtt.rttvar_us / 4, 50000);
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), 300000);
	EXPECT_EQ(rtt.min_us, 100000);
}

TEST(rtt_sample__second_uses_the_old_srtt)
{
	struct xtcp_rtt rtt;

	ROW("LOSS-03");
	xtcp_rtt_init(&rtt);
	xtcp_rtt_sample(&rtt, 100000);
	xtcp_rtt_sample(&rtt, 180000);
	/* RTTVAR = 0.75*50 + 0.25*80 = 57.5 ms, SRTT = 0.875*100 + 0.125*180 = 110 ms */
	EXPECT_EQ(rtt.rttvar_us / 4, 57500);
	EXPECT_EQ(rtt.srtt_us / 8, 110000);
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), 340000);
}

TEST(rtt_sample__random_series_follow_the_model)
{
	ROW("LOSS-03");
	for (int series = 0; series < 300; series++) {
		u32 scale = 1u << (4 + ktap_below(22));
		struct model m = { 0 };
		struct xtcp_rtt rtt;
		u32 least = ~0u;

		xtcp_rtt_init(&rtt);
		for (int i = 0; i < 300; i++) {
			u32 sample = 1 + ktap_below(scale);
			double rto = model_sample(&m, sample);

			xtcp_rtt_sample(&rtt, sample);
			least = sample < least ? sample : least;
			NOTE("series %d sample %d of %u us", series, i, sample);
			expect_near(&rtt, &m, rto);
			EXPECT_EQ(rtt.min_us, least);
		}
	}
}

TEST(rtt_sample__steady_path_keeps_the_floor)
{
	struct xtcp_rtt rtt;

	ROW("LOSS-04");
	ROW("TS-09");
	xtcp_rtt_init(&rtt);
	for (int i = 0; i < 100000; i++)
		xtcp_rtt_sample(&rtt, 50000);
	EXPECT(rtt.rttvar_us <= 4);
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), 250000);
}

TEST(rtt_sample__extremes_stay_in_bounds)
{
	static const u32 samples[] = { 0, 1, 2, 199999, 119999999, 120000000, 120000001,
				       0x7fffffff, 0x80000000, 0xffffffff };

	ROW("SEC-16");
	for (size_t a = 0; a < ARRAY_SIZE(samples); a++) {
		for (size_t b = 0; b < ARRAY_SIZE(samples); b++) {
			struct xtcp_rtt rtt;

			xtcp_rtt_init(&rtt);
			xtcp_rtt_sample(&rtt, samples[a]);
			EXPECT(rtt.srtt_us);
			for (int i = 0; i < 200; i++) {
				xtcp_rtt_sample(&rtt, samples[i & 1 ? a : b]);
				EXPECT(rtt.srtt_us);
				EXPECT(rtt.srtt_us <= 8u * XTCP_RTO_MAX_US);
				EXPECT(rtt.rto_us >= XTCP_RTO_MIN_US);
				EXPECT(rtt.rto_us <= XTCP_RTO_MAX_US);
			}
			for (int i = 0; i < 200; i++)
				xtcp_rtt_sample(&rtt, samples[b]);
			/* Rounding leaves an estimate within a few microseconds. */
			EXPECT(fabs(rtt.srtt_us / 8.0 -
				    fmin(fmax(samples[b], 1), MAX_US)) <= 4);
		}
	}
}

TEST(rtt_backoff__doubles_up_to_two_minutes)
{
	struct xtcp_rtt rtt;
	u64 want = 1000000;

	ROW("HS-12");
	ROW("LOSS-04");
	ROW("LOSS-07");
	xtcp_rtt_init(&rtt);
	for (int i = 0; i < 300; i++) {
		EXPECT_EQ(xtcp_rtt_rto_us(&rtt), want < 120000000 ? want : 120000000);
		xtcp_rtt_backoff(&rtt);
		want = want < 120000000 ? want * 2 : want;
	}
	EXPECT_EQ(rtt.backoff, XTCP_BACKOFF_MAX);
	/* Even the shortest time-out reaches the ceiling before back-off ends. */
	EXPECT(((u64)XTCP_RTO_MIN_US << XTCP_BACKOFF_MAX) > XTCP_RTO_MAX_US);
	rtt.rto_us = XTCP_RTO_MAX_US;
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), XTCP_RTO_MAX_US);
}

TEST(rtt_backoff__ends_with_a_sample)
{
	struct xtcp_rtt rtt;

	ROW("LOSS-08");
	xtcp_rtt_init(&rtt);
	xtcp_rtt_sample(&rtt, 100000);
	xtcp_rtt_backoff(&rtt);
	xtcp_rtt_backoff(&rtt);
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), 1200000);
	xtcp_rtt_sample(&rtt, 100000);
	EXPECT_EQ(rtt.backoff, 0);
	/* RTTVAR = 37.5 ms is below the floor. */
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), 300000);
}

TEST(rtt_syn_lost__three_seconds_without_a_sample)
{
	struct xtcp_rtt rtt;

	ROW("LOSS-09");
	xtcp_rtt_init(&rtt);
	xtcp_rtt_backoff(&rtt);
	xtcp_rtt_syn_lost(&rtt);
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), 3000000);

	xtcp_rtt_init(&rtt);
	xtcp_rtt_sample(&rtt, 10000);
	xtcp_rtt_syn_lost(&rtt);
	EXPECT_EQ(xtcp_rtt_rto_us(&rtt), 210000);
}
