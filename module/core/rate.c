// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery rate (draft-cheng-iccrg-delivery-rate-estimation-02, 3).
 *
 * A measurement spans what was delivered between two moments: when the last-sent segment of
 * this ACK was sent, and now. Sending and acknowledging it took two times, of which the longer
 * one counts: neither a burst of sending nor one of ACKs makes the path look faster.
 */
#include "rate.h"

/**
 * xtcp_rate_sent() - a segment leaves, for the first time or again
 * @rate: the estimator
 * @stamp: the segment's
 * @now_us: low 32 bits [us]
 * @idle: nothing is outstanding: the time before does not count
 *
 * Context: any, pure.
 */
void xtcp_rate_sent(struct xtcp_rate *rate, struct xtcp_rate_stamp *stamp, u32 now_us, bool idle)
{
	if (idle) {
		rate->first_sent_us = now_us;
		rate->delivered_us = now_us;
	}
	stamp->delivered_bytes = rate->delivered_bytes;
	stamp->delivered_us = rate->delivered_us;
	stamp->first_sent_us = rate->first_sent_us;
	stamp->app_limited = rate->app_limited;
}

/**
 * xtcp_rate_delivered() - a segment is acknowledged or SACKed, for the first time
 * @rate: the estimator
 * @stamp: the segment's
 * @bytes: its length
 * @sent_us: when it left last, low 32 bits [us]
 *
 * Context: any, pure.
 */
void xtcp_rate_delivered(struct xtcp_rate *rate, const struct xtcp_rate_stamp *stamp, u32 bytes,
			 u32 sent_us)
{
	rate->delivered_bytes += bytes;
	if (rate->is_sampling && (s32)(sent_us - rate->first_sent_us) < 0)
		return;
	rate->is_sampling = true;
	rate->prior = *stamp;
	rate->send_us = sent_us - stamp->first_sent_us;
	rate->first_sent_us = sent_us;
}

/**
 * xtcp_rate_end_ack() - all that one ACK delivers has been told
 * @rate: the estimator
 * @now_us: low 32 bits [us]
 * @min_rtt_us: least round trip seen; what took less is an artefact [us]
 *
 * Context: any, pure.
 */
void xtcp_rate_end_ack(struct xtcp_rate *rate, u32 now_us, u32 min_rtt_us)
{
	u32 bytes = rate->delivered_bytes - rate->prior.delivered_bytes;
	u32 interval_us = max(rate->send_us, now_us - rate->prior.delivered_us);

	if (!rate->is_sampling)
		return;
	rate->is_sampling = false;
	rate->delivered_us = now_us;
	if (rate->app_limited && (s32)(rate->delivered_bytes - rate->app_limited_end) > 0)
		rate->app_limited = false;
	if (!interval_us || interval_us < min_rtt_us)
		return;
	/* What the application held back says something only if it is faster. */
	if (rate->prior.app_limited &&
	    (u64)bytes * rate->interval_us < (u64)rate->bytes * interval_us)
		return;
	rate->bytes = bytes;
	rate->interval_us = interval_us;
	rate->bytes_app_limited = rate->prior.app_limited;
}

/**
 * xtcp_rate_app_limited() - there was nothing to send though it could have been sent
 * @rate: the estimator
 * @pipe_bytes: under way: until more than that has been delivered, measurements are too low
 *
 * Context: any, pure.
 */
void xtcp_rate_app_limited(struct xtcp_rate *rate, u32 pipe_bytes)
{
	rate->app_limited_end = rate->delivered_bytes + pipe_bytes;
	rate->app_limited = true;
}
