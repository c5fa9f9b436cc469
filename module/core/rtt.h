/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Round-trip time and retransmission time-out (RFC 6298; RFC 7323, 4).
 */
#ifndef XTCP_CORE_RTT_H
#define XTCP_CORE_RTT_H

#include "types.h"

#define XTCP_RTO_INITIAL_US	1000000u	/* RFC 6298, 2.1 */
#define XTCP_RTO_SYN_LOST_US	3000000u	/* RFC 6298, 5.7 */
/* deviates: RFC 6298, 2.4 asks for 1 s; Linux TCP's 200 ms floor is on the variance term. */
#define XTCP_RTO_MIN_US		200000u
#define XTCP_RTO_MAX_US		120000000u
#define XTCP_BACKOFF_MAX	16		/* 2^16 * RTO_MIN is far above RTO_MAX */

/**
 * struct xtcp_rtt - round-trip estimator of one connection
 * @srtt_us: smoothed round-trip time, 8 times the value [us/8]; 0: no sample yet
 * @rttvar_us: variation, 4 times the value [us/4]
 * @rto_us: time-out without back-off [us]
 * @min_us: smallest sample seen [us]; ~0: none yet
 * @backoff: doublings in force
 */
struct xtcp_rtt {
	u32 srtt_us;
	u32 rttvar_us;
	u32 rto_us;
	u32 min_us;
	u8 backoff;
};

void xtcp_rtt_init(struct xtcp_rtt *rtt);
void xtcp_rtt_sample(struct xtcp_rtt *rtt, u32 sample_us);
u32 xtcp_rtt_of_echo(u32 now_ts, u32 tsecr, u64 resent_us);
void xtcp_rtt_syn_lost(struct xtcp_rtt *rtt);
void xtcp_rtt_backoff(struct xtcp_rtt *rtt);
u32 xtcp_rtt_rto_us(const struct xtcp_rtt *rtt);

#endif /* XTCP_CORE_RTT_H */
