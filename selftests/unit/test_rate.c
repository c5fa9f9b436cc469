// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/rate.c on a simulated path: what is sent when, and when the peer has it, is known.
 */
#include <string.h>

#include "ktap.h"
#include "rate.h"

#define MSS	1000u
#define RTT_US	10000u

struct segment {
	struct xtcp_rate_stamp stamp;
	u32 sent_us;
};

static void send_at(struct xtcp_rate *rate, struct segment *segment, u32 now_us, bool idle)
{
	segment->sent_us = now_us;
	xtcp_rate_sent(rate, &segment->stamp, now_us, idle);
}

/* One ACK for segments @first to @last. */
static void ack_at(struct xtcp_rate *rate, const struct segment *segments, int first, int last,
		   u32 now_us)
{
	int i;

	for (i = first; i <= last; i++)
		xtcp_rate_delivered(rate, &segments[i].stamp, MSS, segments[i].sent_us);
	xtcp_rate_end_ack(rate, now_us, 1);
}

static double bytes_per_s(const struct xtcp_rate *rate)
{
	return rate->interval_us ? rate->bytes * 1e6 / rate->interval_us : 0;
}

/*
 * @n segments, one each @gap_us, each acknowledged RTT_US later; the clock starts at @start_us.
 */
static void run_path(struct xtcp_rate *rate, int n, u32 gap_us, u32 start_us)
{
	static struct segment segments[1000];
	int flight = RTT_US / gap_us, i;

	for (i = 0; i < n + flight; i++) {
		u32 now_us = start_us + i * gap_us;

		if (i >= flight)
			ack_at(rate, segments, i - flight, i - flight, now_us);
		if (i < n)
			send_at(rate, &segments[i], now_us, i == 0);
	}
}

TEST(rate__nothing_before_the_first_ack)
{
	struct xtcp_rate rate = {};
	struct segment segment;

	ROW("API-34");
	send_at(&rate, &segment, 5, true);
	xtcp_rate_end_ack(&rate, 10, 1);
	EXPECT_EQ(rate.interval_us, 0);
	EXPECT_EQ(rate.bytes, 0);
}

TEST(rate__is_that_of_a_steady_path)
{
	static const u32 gaps[] = { 100, 500, 1000, 5000 };
	unsigned int i;

	ROW("API-34");
	for (i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		struct xtcp_rate rate = {};
		double want = MSS * 1e6 / gaps[i];

		run_path(&rate, 500, gaps[i], 0);
		EXPECT(bytes_per_s(&rate) > want * 0.95 && bytes_per_s(&rate) < want * 1.05);
		EXPECT(!rate.bytes_app_limited);
	}
}

/* Clock and count of bytes go round. */
TEST(rate__of_a_long_life)
{
	struct xtcp_rate rate = { .delivered_bytes = -50 * MSS };

	ROW("API-34");
	run_path(&rate, 100, 1000, -50000u);
	EXPECT(bytes_per_s(&rate) > 0.95e6 && bytes_per_s(&rate) < 1.05e6);
	EXPECT_EQ(rate.delivered_bytes, 50 * MSS);
}

/* Sent in 9 ms, acknowledged at once: the time of sending counts. */
TEST(rate__of_acks_that_come_together)
{
	struct xtcp_rate rate = {};
	struct segment segments[20];
	int i;

	ROW("API-34");
	send_at(&rate, &segments[0], 0, true);
	ack_at(&rate, segments, 0, 0, 10000);
	for (i = 1; i < 20; i++)
		send_at(&rate, &segments[i], 10000 + i * 1000, i == 1);
	/* Two ACKs within a microsecond: the second is not ten thousand times as fast. */
	ack_at(&rate, segments, 1, 10, 40000);
	ack_at(&rate, segments, 11, 19, 40001);
	EXPECT(bytes_per_s(&rate) < 1.1e6);
}

/* Sent at once, acknowledged one each millisecond: the time of the ACKs counts. */
TEST(rate__of_a_burst)
{
	struct xtcp_rate rate = {};
	struct segment segments[10];
	int i;

	ROW("API-34");
	for (i = 0; i < 10; i++)
		send_at(&rate, &segments[i], i, i == 0);
	for (i = 0; i < 10; i++)
		ack_at(&rate, segments, i, i, 10000 + i * 1000);
	EXPECT_EQ(rate.bytes, 10 * MSS);
	EXPECT_EQ(rate.interval_us, 19000);
}

/* The pause before it is not part of a measurement. */
TEST(rate__begins_anew_after_idleness)
{
	struct xtcp_rate rate = {};
	struct segment segments[2];

	ROW("API-34");
	send_at(&rate, &segments[0], 0, true);
	ack_at(&rate, segments, 0, 0, RTT_US);
	send_at(&rate, &segments[1], 60000000, true);
	ack_at(&rate, segments, 1, 1, 60000000 + RTT_US);
	EXPECT_EQ(rate.bytes, MSS);
	EXPECT_EQ(rate.interval_us, RTT_US);
}

/* Of an ACK's segments the last sent decides, in whatever order they are told. */
TEST(rate__goes_by_the_last_sent)
{
	struct xtcp_rate ascending = {}, descending;
	struct segment segments[3];

	ROW("API-34");
	send_at(&ascending, &segments[0], 0, true);
	ack_at(&ascending, segments, 0, 0, 10000);
	send_at(&ascending, &segments[1], 10000, false);
	send_at(&ascending, &segments[2], 15000, false);
	descending = ascending;
	ack_at(&ascending, segments, 1, 2, 30000);
	xtcp_rate_delivered(&descending, &segments[2].stamp, MSS, segments[2].sent_us);
	xtcp_rate_delivered(&descending, &segments[1].stamp, MSS, segments[1].sent_us);
	xtcp_rate_end_ack(&descending, 30000, 1);
	EXPECT_EQ(ascending.bytes, 2 * MSS);
	EXPECT_EQ(ascending.interval_us, 20000);
	EXPECT_EQ(descending.bytes, ascending.bytes);
	EXPECT_EQ(descending.interval_us, ascending.interval_us);
	EXPECT_EQ(descending.first_sent_us, ascending.first_sent_us);
}

/* Faster than a round trip ever was: an ACK for what was not there yet, or a coarse clock. */
TEST(rate__shorter_than_a_round_trip_is_none)
{
	struct xtcp_rate rate = {};
	struct segment segment;

	ROW("API-34");
	send_at(&rate, &segment, 0, true);
	xtcp_rate_delivered(&rate, &segment.stamp, MSS, segment.sent_us);
	xtcp_rate_end_ack(&rate, 99, 100);
	EXPECT_EQ(rate.interval_us, 0);
	send_at(&rate, &segment, 200, true);
	xtcp_rate_delivered(&rate, &segment.stamp, MSS, segment.sent_us);
	xtcp_rate_end_ack(&rate, 300, 100);
	EXPECT_EQ(rate.interval_us, 100);
}

/* What the application holds back replaces a measurement only if it is faster. */
TEST(rate__of_an_application_that_gives_little)
{
	struct xtcp_rate rate = {};
	struct segment segments[3];

	ROW("API-34");
	run_path(&rate, 100, 1000, 0);
	EXPECT(!rate.bytes_app_limited);
	xtcp_rate_app_limited(&rate, 0);
	send_at(&rate, &segments[0], 1000000, true);
	ack_at(&rate, segments, 0, 0, 1000000 + RTT_US);
	EXPECT(bytes_per_s(&rate) > 0.9e6);
	EXPECT(!rate.bytes_app_limited);
	/* It was over with what was under way. */
	EXPECT(!rate.app_limited);
	xtcp_rate_app_limited(&rate, 0);
	send_at(&rate, &segments[1], 2000000, true);
	ack_at(&rate, segments, 1, 1, 2000000 + 500);
	EXPECT_EQ(rate.bytes, MSS);
	EXPECT_EQ(rate.interval_us, 500);
	EXPECT(rate.bytes_app_limited);
	/* And the path's own is believed, though it is slower. */
	send_at(&rate, &segments[2], 3000000, true);
	ack_at(&rate, segments, 2, 2, 3000000 + RTT_US);
	EXPECT_EQ(rate.interval_us, RTT_US);
	EXPECT(!rate.bytes_app_limited);
}

/* Until all that was under way is there, it was sent while the application gave little. */
TEST(rate__app_limited_lasts_as_long_as_the_flight)
{
	struct xtcp_rate rate = {};
	struct segment segments[4];
	int i;

	ROW("API-34");
	for (i = 0; i < 3; i++)
		send_at(&rate, &segments[i], i, i == 0);
	xtcp_rate_app_limited(&rate, 3 * MSS);
	ack_at(&rate, segments, 0, 1, RTT_US);
	EXPECT(rate.app_limited);
	send_at(&rate, &segments[3], RTT_US, false);
	EXPECT(segments[3].stamp.app_limited);
	ack_at(&rate, segments, 2, 2, RTT_US + 10);
	EXPECT(rate.app_limited);
	ack_at(&rate, segments, 3, 3, 2 * RTT_US);
	EXPECT(!rate.app_limited);
}
