/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Congestion control: the interface an algorithm fills in (RFC 5681).
 *
 * All quantities are bytes, as in the RFC. Loss recovery (what to resend, when)
 * is not the algorithm's business; it says how large the window is.
 */
#ifndef XTCP_CORE_CONG_H
#define XTCP_CORE_CONG_H

#include "types.h"

#define XTCP_CONG_NAME_MAX	16
#define XTCP_CONG_PRIV_WORDS	8
#define XTCP_SSTHRESH_INFINITE	0x7fffffffu	/* RFC 5681, 3.1: arbitrarily high */
#define XTCP_CWND_MAX		0x3fffffffu	/* 1 GiB: the largest window there is */
#define XTCP_INIT_CWND_SEGS	10		/* RFC 6928, 2 */

struct xtcp_cong_ops;

/**
 * struct xtcp_cong - congestion state of one connection
 * @ops: the algorithm
 * @cwnd_bytes: congestion window
 * @ssthresh_bytes: slow-start threshold
 * @mss_bytes: sender's maximum segment size, follows the path
 * @acked_bytes: acknowledged towards the next growth in congestion avoidance
 * @priv: the algorithm's own
 */
struct xtcp_cong {
	const struct xtcp_cong_ops *ops;
	u32 cwnd_bytes;
	u32 ssthresh_bytes;
	u32 mss_bytes;
	u32 acked_bytes;
	u64 priv[XTCP_CONG_PRIV_WORDS];
};

/**
 * struct xtcp_cong_ops - a congestion-control algorithm
 * @name: as in TCP_CONGESTION
 * @init: private state of a new connection, or after a switch of algorithm; NULL: none
 * @ack: @acked_bytes were newly acknowledged outside recovery and cwnd was in use;
 *	grow the window; @now_us is a monotonic clock
 * @ssthresh: slow-start threshold after a loss with @flight_bytes outstanding
 */
struct xtcp_cong_ops {
	char name[XTCP_CONG_NAME_MAX];
	void (*init)(struct xtcp_cong *cong);
	void (*ack)(struct xtcp_cong *cong, u32 acked_bytes, u64 now_us);
	u32 (*ssthresh)(struct xtcp_cong *cong, u32 flight_bytes, u64 now_us);
};

extern const struct xtcp_cong_ops xtcp_cong_newreno;

/* Below the threshold: exponential growth. */
static inline bool xtcp_cong_is_slow_start(const struct xtcp_cong *cong)
{
	return cong->cwnd_bytes < cong->ssthresh_bytes;
}

/* cong.c */
void xtcp_cong_start(struct xtcp_cong *cong, const struct xtcp_cong_ops *ops, u32 mss_bytes);
void xtcp_cong_set_mss(struct xtcp_cong *cong, u32 mss_bytes);
void xtcp_cong_enter_recovery(struct xtcp_cong *cong, u32 flight_bytes, u64 now_us);
bool xtcp_cong_echo(struct xtcp_cong *cong, u32 flight_bytes, u64 now_us);
void xtcp_cong_timeout(struct xtcp_cong *cong, u32 flight_bytes, bool first, u64 now_us);
void xtcp_cong_restart_after_idle(struct xtcp_cong *cong);

#endif /* XTCP_CORE_CONG_H */
