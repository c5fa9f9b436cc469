// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/cong.c and core/cong_newreno.c: RFC 5681 and RFC 6928 by their numbers.
 */
#include "cong.h"
#include "ktap.h"

#define MSS	1460u

static struct xtcp_cong start(u32 mss)
{
	struct xtcp_cong cong;

	memset(&cong, 0xa5, sizeof(cong));
	xtcp_cong_start(&cong, &xtcp_cong_newreno, mss);
	return cong;
}

static void ack(struct xtcp_cong *cong, u32 bytes)
{
	cong->ops->ack(cong, bytes, 0);
}

TEST(cong_start__initial_window)
{
	static const struct {
		u32 mss, window;
	} facts[] = {
		{ 48, 480 }, { 536, 5360 }, { 1220, 12200 }, { 1440, 14400 }, { 1460, 14600 },
		{ 1461, 14600 }, { 7300, 14600 }, { 7301, 14602 }, { 8960, 17920 },
		{ 65483, 130966 },
	};

	ROW("CC-02");
	ROW("CC-04");
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		struct xtcp_cong cong = start(facts[i].mss);

		EXPECT_EQ(cong.cwnd_bytes, facts[i].window);
		EXPECT_EQ(cong.ssthresh_bytes, XTCP_SSTHRESH_INFINITE);
		EXPECT_EQ(cong.acked_bytes, 0);
		EXPECT(xtcp_cong_is_slow_start(&cong));
		for (int w = 0; w < XTCP_CONG_PRIV_WORDS; w++)
			EXPECT_EQ(cong.priv[w], 0);
	}
	EXPECT(!strcmp(xtcp_cong_newreno.name, "reno"));
}

TEST(cong_newreno__slow_start_doubles_each_round_trip)
{
	struct xtcp_cong cong = start(MSS);

	ROW("CC-01");
	ROW("CC-04");
	for (int trip = 0; trip < 6; trip++) {
		u32 window = cong.cwnd_bytes;

		for (u32 left = window; left; left -= min(left, 2 * MSS))
			ack(&cong, min(left, 2 * MSS));
		EXPECT_EQ(cong.cwnd_bytes, 2 * window);
	}
}

TEST(cong_newreno__split_acks_gain_nothing)
{
	struct xtcp_cong whole = start(MSS), split = start(MSS);

	ROW("SEC-15");
	ROW("CC-04");
	for (int i = 0; i < 40; i++) {
		ack(&whole, MSS);
		for (u32 j = 0; j < MSS; j++)
			ack(&split, 1);
		EXPECT_EQ(split.cwnd_bytes, whole.cwnd_bytes);
	}
	/* The same in congestion avoidance. */
	whole.ssthresh_bytes = whole.cwnd_bytes;
	split.ssthresh_bytes = whole.cwnd_bytes;
	for (int i = 0; i < 200; i++) {
		ack(&whole, MSS);
		for (u32 j = 0; j < MSS; j++)
			ack(&split, 1);
		EXPECT_EQ(split.cwnd_bytes, whole.cwnd_bytes);
	}
}

TEST(cong_newreno__a_stretch_ack_adds_eight_segments_at_most)
{
	struct xtcp_cong cong = start(MSS);

	ack(&cong, 8 * MSS);
	EXPECT_EQ(cong.cwnd_bytes, 18 * MSS);
	ack(&cong, 44 * MSS);
	EXPECT_EQ(cong.cwnd_bytes, 26 * MSS);
}

TEST(cong_newreno__crossing_the_threshold_is_exact)
{
	struct xtcp_cong cong = start(MSS);

	cong.ssthresh_bytes = cong.cwnd_bytes + 1000;
	ack(&cong, MSS);
	EXPECT_EQ(cong.cwnd_bytes, cong.ssthresh_bytes);
	EXPECT_EQ(cong.acked_bytes, MSS - 1000);
	EXPECT(!xtcp_cong_is_slow_start(&cong));
}

TEST(cong_newreno__avoidance_adds_one_segment_each_round_trip)
{
	struct xtcp_cong cong = start(MSS);

	ROW("CC-05");
	cong.cwnd_bytes = 20 * MSS;
	cong.ssthresh_bytes = cong.cwnd_bytes;
	for (int trip = 0; trip < 50; trip++) {
		u32 window = cong.cwnd_bytes;

		for (u32 left = window; left; left -= min(left, 2 * MSS))
			ack(&cong, min(left, 2 * MSS));
		EXPECT_EQ(cong.cwnd_bytes, window + MSS);
		EXPECT_EQ(cong.acked_bytes, 0);
	}
}

TEST(cong_newreno__one_ack_adds_one_segment_at_most)
{
	struct xtcp_cong cong = start(MSS);

	ROW("CC-05");
	cong.ssthresh_bytes = cong.cwnd_bytes;
	for (int i = 0; i < 100; i++) {
		u32 window = cong.cwnd_bytes;

		ack(&cong, ktap_below(2) ? ~0u : ktap_below(1u << 20));
		EXPECT(cong.cwnd_bytes - window <= MSS);
		EXPECT(cong.acked_bytes <= cong.cwnd_bytes);
	}
}

TEST(cong_newreno__the_window_ends_at_1_gib)
{
	struct xtcp_cong cong = start(65483);

	ROW("SEC-16");
	for (int i = 0; i < 20000; i++)
		ack(&cong, 1u << 20);
	EXPECT(cong.cwnd_bytes <= XTCP_CWND_MAX);
	cong = start(65483);
	cong.cwnd_bytes = XTCP_CWND_MAX;
	cong.ssthresh_bytes = XTCP_CWND_MAX;
	for (int i = 0; i < 20000; i++)
		ack(&cong, 1u << 20);
	EXPECT_EQ(cong.cwnd_bytes, XTCP_CWND_MAX);
}

TEST(cong_enter_recovery__halves_the_flight)
{
	struct xtcp_cong cong = start(MSS);

	ROW("CC-06");
	cong.cwnd_bytes = 100 * MSS;
	cong.acked_bytes = 77;
	xtcp_cong_enter_recovery(&cong, 60 * MSS, 0);
	EXPECT_EQ(cong.ssthresh_bytes, 30 * MSS);
	EXPECT_EQ(cong.cwnd_bytes, 30 * MSS);
	EXPECT_EQ(cong.acked_bytes, 0);
	EXPECT(!xtcp_cong_is_slow_start(&cong));
	xtcp_cong_enter_recovery(&cong, MSS, 0);
	EXPECT_EQ(cong.ssthresh_bytes, 2 * MSS);
	xtcp_cong_enter_recovery(&cong, ~0u, 0);
	EXPECT(cong.ssthresh_bytes <= XTCP_CWND_MAX);
}

TEST(cong_timeout__one_segment_and_only_the_first_sets_the_threshold)
{
	struct xtcp_cong cong = start(MSS);

	ROW("CC-06");
	cong.cwnd_bytes = 100 * MSS;
	cong.acked_bytes = 77;
	xtcp_cong_timeout(&cong, 60 * MSS, true, 0);
	EXPECT_EQ(cong.ssthresh_bytes, 30 * MSS);
	EXPECT_EQ(cong.cwnd_bytes, MSS);
	EXPECT_EQ(cong.acked_bytes, 0);
	EXPECT(xtcp_cong_is_slow_start(&cong));
	xtcp_cong_timeout(&cong, MSS, false, 0);
	EXPECT_EQ(cong.ssthresh_bytes, 30 * MSS);
	EXPECT_EQ(cong.cwnd_bytes, MSS);
}

TEST(cong_restart_after_idle__initial_window_at_most)
{
	struct xtcp_cong cong = start(MSS);

	ROW("CC-13");
	cong.cwnd_bytes = 100 * MSS;
	cong.ssthresh_bytes = 80 * MSS;
	cong.acked_bytes = 77;
	xtcp_cong_restart_after_idle(&cong);
	EXPECT_EQ(cong.cwnd_bytes, 10 * MSS);
	EXPECT_EQ(cong.acked_bytes, 0);
	EXPECT_EQ(cong.ssthresh_bytes, 80 * MSS);
	cong.cwnd_bytes = 3 * MSS;
	xtcp_cong_restart_after_idle(&cong);
	EXPECT_EQ(cong.cwnd_bytes, 3 * MSS);
}

TEST(cong_set_mss__keeps_bytes_but_one_segment_at_least)
{
	struct xtcp_cong cong = start(MSS);

	cong.cwnd_bytes = 20 * MSS;
	xtcp_cong_set_mss(&cong, 500);
	EXPECT_EQ(cong.cwnd_bytes, 20 * MSS);
	EXPECT_EQ(cong.mss_bytes, 500);
	cong.cwnd_bytes = 500;
	xtcp_cong_set_mss(&cong, 8960);
	EXPECT_EQ(cong.cwnd_bytes, 8960);
}

/* RFC 3168, 6.1.2: half, and on down to one segment, which a loss does not do. */
TEST(cong_echo__goes_down_to_one_segment)
{
	static const struct {
		u32 cwnd, flight, left, ssthresh;
		bool least;
	} facts[] = {
		{ 20, 20, 10, 10, false },
		{ 20, 6, 3, 3, false },		/* as for a loss: half of what was in flight */
		{ 5, 4, 2, 2, false },
		{ 3, 3, 2, 2, false },
		{ 2, 2, 1, 2, false },
		{ 1, 1, 1, 2, true },
		{ 1, 0, 1, 2, true },
		{ 3, 40, 3, 20, false },	/* never up */
	};

	ROW("CC-18");
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		struct xtcp_cong cong = start(MSS);

		cong.cwnd_bytes = facts[i].cwnd * MSS;
		cong.acked_bytes = 1;
		EXPECT_EQ(xtcp_cong_echo(&cong, facts[i].flight * MSS, 0), facts[i].least);
		EXPECT_EQ(cong.cwnd_bytes, facts[i].left * MSS);
		EXPECT_EQ(cong.ssthresh_bytes, facts[i].ssthresh * MSS);
		EXPECT_EQ(cong.acked_bytes, 0);
	}
}
