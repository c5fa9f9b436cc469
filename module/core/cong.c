// SPDX-License-Identifier: GPL-2.0-only
/*
 * Congestion control: what all algorithms have in common.
 *
 * RFC 5681, 3.1 and 4.1; RFC 6928. The algorithm supplies the growth and the
 * threshold, this file the moments: start, loss, time-out, idle. Pure: any context;
 * the caller holds the lock of the connection.
 */
#include "cong.h"

/* RFC 6928, 2: min(10*MSS, max(2*MSS, 14600)). */
#define INIT_CWND_BYTES	14600u

static u32 initial_window(u32 mss_bytes)
{
	return min_t(u32, XTCP_INIT_CWND_SEGS * mss_bytes,
		     max_t(u32, 2 * mss_bytes, INIT_CWND_BYTES));
}

/* A new threshold from the algorithm, and counting starts anew. */
static void reduce(struct xtcp_cong *cong, u32 flight_bytes, u64 now_us)
{
	cong->ssthresh_bytes = min_t(u32, cong->ops->ssthresh(cong, flight_bytes, now_us),
				     XTCP_CWND_MAX);
}

/**
 * xtcp_cong_start() - congestion state of a new connection
 * @cong: what to initialise
 * @ops: the algorithm
 * @mss_bytes: sender's maximum segment size, not 0
 *
 * Context: any, pure.
 */
void xtcp_cong_start(struct xtcp_cong *cong, const struct xtcp_cong_ops *ops, u32 mss_bytes)
{
	memset(cong, 0, sizeof(*cong));
	cong->ops = ops;
	cong->mss_bytes = mss_bytes;
	cong->cwnd_bytes = initial_window(mss_bytes);
	cong->ssthresh_bytes = XTCP_SSTHRESH_INFINITE;
	if (ops->init)
		ops->init(cong);
}

/**
 * xtcp_cong_set_mss() - the path's segment size changed
 * @cong: congestion state
 * @mss_bytes: the new sender's maximum segment size, not 0
 *
 * The window is bytes in flight and keeps its size (a smaller path MTU alone is no
 * sign of congestion, RFC 1191, 6.4), but never holds less than one segment.
 *
 * Context: any, pure.
 */
void xtcp_cong_set_mss(struct xtcp_cong *cong, u32 mss_bytes)
{
	cong->mss_bytes = mss_bytes;
	cong->cwnd_bytes = max(cong->cwnd_bytes, mss_bytes);
}

/**
 * xtcp_cong_enter_recovery() - a loss was found without the timer
 * @cong: congestion state
 * @flight_bytes: sent and not acknowledged when the loss was found
 * @now_us: monotonic clock
 *
 * Once per window of data (RFC 5681, 3.2 and 4.3): the caller knows the window.
 *
 * Context: any, pure.
 */
void xtcp_cong_enter_recovery(struct xtcp_cong *cong, u32 flight_bytes, u64 now_us)
{
	reduce(cong, flight_bytes, now_us);
	cong->cwnd_bytes = cong->ssthresh_bytes;
	cong->acked_bytes = 0;
}

/**
 * xtcp_cong_echo() - the path reported congestion without a loss (ECE)
 * @cong: congestion state
 * @flight_bytes: sent and not acknowledged before the ACK that reported it
 * @now_us: monotonic clock
 *
 * As for a loss, once per window of data, but the window may go down to one segment
 * (RFC 3168, 6.1.2; RFC 9438, 4.6). So the threshold is of what is in flight, not of a
 * window that may be larger than what is used of it (RFC 5681, eq. 4): D24.
 *
 * Context: any, pure.
 * Return: true if it was one segment already: only time can slow the sender down.
 */
bool xtcp_cong_echo(struct xtcp_cong *cong, u32 flight_bytes, u64 now_us)
{
	bool least = cong->cwnd_bytes <= cong->mss_bytes;

	reduce(cong, flight_bytes, now_us);
	if (cong->cwnd_bytes <= 2 * cong->mss_bytes)
		cong->cwnd_bytes = cong->mss_bytes;
	else
		cong->cwnd_bytes = min(cong->cwnd_bytes, cong->ssthresh_bytes);
	cong->acked_bytes = 0;
	return least;
}

/**
 * xtcp_cong_timeout() - the retransmission timer expired
 * @cong: congestion state
 * @flight_bytes: sent and not acknowledged when it expired
 * @first: first expiry for this data; repeated ones keep the threshold
 * @now_us: monotonic clock
 *
 * RFC 5681, 3.1, eq. 4 and below: one segment, then slow start.
 *
 * Context: any, pure.
 */
void xtcp_cong_timeout(struct xtcp_cong *cong, u32 flight_bytes, bool first, u64 now_us)
{
	if (first)
		reduce(cong, flight_bytes, now_us);
	cong->cwnd_bytes = cong->mss_bytes;
	cong->acked_bytes = 0;
}

/**
 * xtcp_cong_restart_after_idle() - nothing was sent for longer than an RTO
 * @cong: congestion state
 *
 * RFC 5681, 4.1: RW = min(IW, cwnd); what was learned about the path, the
 * threshold, stays.
 *
 * Context: any, pure.
 */
void xtcp_cong_restart_after_idle(struct xtcp_cong *cong)
{
	cong->cwnd_bytes = min_t(u32, cong->cwnd_bytes, initial_window(cong->mss_bytes));
	cong->acked_bytes = 0;
}
