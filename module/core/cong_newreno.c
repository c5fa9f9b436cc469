// SPDX-License-Identifier: GPL-2.0-only
/*
 * NewReno's window: slow start and congestion avoidance, counted in bytes.
 *
 * RFC 5681, 3.1; RFC 3465. Its recovery (RFC 6582) is in recovery.c, as every
 * algorithm's. Pure: any context; the caller holds the lock of the connection.
 */
#include "cong.h"

/*
 * How many segments one ACK may add in slow start, L of RFC 3465.
 *
 * deviates: RFC 5681, eq. 2, allows one and RFC 3465, 2.3, two, both after a delayed
 * ACK of one or two segments. Receivers with GRO or LRO acknowledge up to 64 KiB
 * at once; with L = 1 the window would then grow by a fortieth each round trip. 8
 * is RFC 9406's (4.2) limit for senders without pacing. What an ACK sets free at
 * once stays below the ten segments a connection may start with. Growth never
 * exceeds the bytes acknowledged, so splitting ACKs gains a receiver nothing.
 */
#define SLOW_START_SEGS	8

/* Returns the acknowledged bytes that slow start did not use up. */
static u32 slow_start(struct xtcp_cong *cong, u32 acked_bytes)
{
	u32 room = cong->ssthresh_bytes - cong->cwnd_bytes;
	u32 grow = min_t(u32, acked_bytes, SLOW_START_SEGS * cong->mss_bytes);

	if (grow < room) {
		cong->cwnd_bytes += grow;
		return 0;
	}

	cong->cwnd_bytes = cong->ssthresh_bytes;
	return grow - room;
}

/* One segment for each window acknowledged (RFC 5681, 3.1; RFC 3465, 2.1). */
static void congestion_avoidance(struct xtcp_cong *cong, u32 acked_bytes)
{
	cong->acked_bytes = min_t(u64, (u64)cong->acked_bytes + acked_bytes,
				  XTCP_CWND_MAX);
	if (cong->acked_bytes < cong->cwnd_bytes)
		return;

	/* Never more than one segment per ACK, and no credit for a second one. */
	cong->acked_bytes = min(cong->acked_bytes - cong->cwnd_bytes, cong->cwnd_bytes);
	cong->cwnd_bytes += cong->mss_bytes;
}

static void newreno_ack(struct xtcp_cong *cong, u32 acked_bytes, u64 now_us)
{
	if (xtcp_cong_is_slow_start(cong))
		acked_bytes = slow_start(cong, acked_bytes);
	if (acked_bytes)
		congestion_avoidance(cong, acked_bytes);
	cong->cwnd_bytes = min_t(u32, cong->cwnd_bytes, XTCP_CWND_MAX);
}

/* RFC 5681, 3.1, eq. 4. */
static u32 newreno_ssthresh(struct xtcp_cong *cong, u32 flight_bytes, u64 now_us)
{
	return max_t(u32, flight_bytes / 2, 2 * cong->mss_bytes);
}

/* RFC 5681's algorithm; "reno" is the name TCP_CONGESTION has for it. */
const struct xtcp_cong_ops xtcp_cong_newreno = {
	.name		= "reno",
	.ack		= newreno_ack,
	.ssthresh	= newreno_ssthresh,
};
