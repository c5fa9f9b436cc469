/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How fast a connection's text arrives (draft-cheng-iccrg-delivery-rate-estimation-02).
 */
#ifndef XTCP_CORE_RATE_H
#define XTCP_CORE_RATE_H

#include "types.h"

/**
 * struct xtcp_rate_stamp - what a segment remembers of the moment it was sent
 * @delivered_bytes: of struct xtcp_rate
 * @delivered_us: of struct xtcp_rate
 * @first_sent_us: of struct xtcp_rate
 * @app_limited: of struct xtcp_rate
 */
struct xtcp_rate_stamp {
	u32 delivered_bytes;
	u32 delivered_us;
	u32 first_sent_us;
	bool app_limited;
};

/**
 * struct xtcp_rate - delivery-rate estimator of one connection; times are low 32 bits [us]
 * @delivered_bytes: acknowledged or SACKed so far, modulo 2^32
 * @delivered_us: when the last of it was
 * @first_sent_us: when the last segment delivered was sent, or the first after idleness
 * @app_limited_end: @app_limited until more than this is delivered [@delivered_bytes]
 * @prior: of the last-sent segment that the ACK at hand delivers
 * @send_us: time it took to send what @prior measures
 * @bytes: the last measurement: delivered ... [bytes]
 * @interval_us: ... within; 0: none yet [us]
 * @app_limited: the application has sent less than could have been sent
 * @bytes_app_limited: @bytes were measured at such a time: the path may be faster
 * @is_sampling: @prior and @send_us are valid
 */
struct xtcp_rate {
	u32 delivered_bytes;
	u32 delivered_us;
	u32 first_sent_us;
	u32 app_limited_end;
	struct xtcp_rate_stamp prior;
	u32 send_us;
	u32 bytes;
	u32 interval_us;
	bool app_limited;
	bool bytes_app_limited;
	bool is_sampling;
};

void xtcp_rate_sent(struct xtcp_rate *rate, struct xtcp_rate_stamp *stamp, u32 now_us, bool idle);
void xtcp_rate_delivered(struct xtcp_rate *rate, const struct xtcp_rate_stamp *stamp, u32 bytes,
			 u32 sent_us);
void xtcp_rate_end_ack(struct xtcp_rate *rate, u32 now_us, u32 min_rtt_us);
void xtcp_rate_app_limited(struct xtcp_rate *rate, u32 pipe_bytes);

#endif /* XTCP_CORE_RATE_H */
