// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round-trip time estimation and the retransmission time-out.
 *
 * RFC 6298, 2 and 5; RFC 7323, 4. Integer arithmetic of Jacobson and Karels: SRTT
 * is kept eightfold and RTTVAR fourfold, so that the weights 1/8 and 1/4 are
 * shifts and nothing is lost to rounding. Pure: any context, no locks.
 */
#include "rtt.h"

/* A longer trip than this cannot be told from a stalled one; keeps sums in u32. */
#define SAMPLE_MAX_US	XTCP_RTO_MAX_US

#define TICK_US		1000u	/* of the timestamp clock */

static_assert(8ull * SAMPLE_MAX_US + SAMPLE_MAX_US < 1ull << 32);

/**
 * xtcp_rtt_init() - estimator of a new connection
 * @rtt: what to initialise
 *
 * RFC 6298, 2.1: 1 s until there is a sample.
 *
 * Context: any, pure.
 */
void xtcp_rtt_init(struct xtcp_rtt *rtt)
{
	memset(rtt, 0, sizeof(*rtt));
	rtt->rto_us = XTCP_RTO_INITIAL_US;
	rtt->min_us = ~0u;
}

/**
 * xtcp_rtt_sample() - take a measured round-trip time
 * @rtt: the estimator
 * @sample_us: time from a transmission to its acknowledgment [us]; 0 counts as 1
 *
 * RFC 6298, 2.2 and 2.3: RTTVAR is updated with the old SRTT, then SRTT, then
 * RTO = SRTT + max(XTCP_RTO_MIN_US, 4*RTTVAR), at most XTCP_RTO_MAX_US. The floor
 * stands on the variance term, so that many samples per round trip (RFC 7323, 4.2)
 * cannot make RTO collapse onto SRTT.
 *
 * The caller gives samples that are unambiguous only (Karn: RFC 6298, 3), therefore
 * a sample also ends the back-off (RFC 6298, 5).
 *
 * Context: any, pure.
 */
void xtcp_rtt_sample(struct xtcp_rtt *rtt, u32 sample_us)
{
	u32 r_us = min_t(u32, max_t(u32, sample_us, 1), SAMPLE_MAX_US);
	u32 srtt;

	if (!rtt->srtt_us) {
		rtt->srtt_us = r_us * 8;
		rtt->rttvar_us = r_us * 2;		/* R/2, fourfold */
	} else {
		srtt = rtt->srtt_us / 8;
		rtt->rttvar_us -= rtt->rttvar_us / 4;
		rtt->rttvar_us += r_us > srtt ? r_us - srtt : srtt - r_us;
		rtt->srtt_us += r_us - srtt;
	}

	rtt->min_us = min(rtt->min_us, r_us);
	rtt->rto_us = rtt->srtt_us / 8 + max_t(u32, rtt->rttvar_us, XTCP_RTO_MIN_US);
	rtt->rto_us = min_t(u32, rtt->rto_us, XTCP_RTO_MAX_US);
	rtt->backoff = 0;
}

/**
 * xtcp_rtt_of_echo() - how long ago was an echoed timestamp sent?
 * @now_ts: the connection's timestamp clock [ms]
 * @tsecr: the echo
 * @resent_us: age of the last transmission of what is acknowledged [us]
 *
 * RFC 7323, 4.1. The echo tells which transmission is answered, but for one case: the ACK of
 * an earlier one was lost. The resent segment is then outside the peer's window, which
 * records no timestamp (RFC 7323, 5.3), so that its answer echoes the earlier one, and what
 * is measured is our own wait. Therefore no echo older than @resent_us counts.
 *
 * Context: any, pure.
 * Return: [us], at least one tick; 0: no sample, also for an echo of what we never sent.
 */
u32 xtcp_rtt_of_echo(u32 now_ts, u32 tsecr, u64 resent_us)
{
	u32 age_ms = now_ts - tsecr;

	if (age_ms > XTCP_RTO_MAX_US / TICK_US || (u64)age_ms * TICK_US > resent_us + TICK_US)
		return 0;
	return max(age_ms, 1u) * TICK_US;
}

/**
 * xtcp_rtt_syn_lost() - data transmission begins after a SYN had to be resent
 * @rtt: the estimator
 *
 * RFC 6298, 5.7: without a sample (no timestamps) RTO is at least 3 s now. The
 * back-off of the SYN ends with the handshake.
 *
 * Context: any, pure.
 */
void xtcp_rtt_syn_lost(struct xtcp_rtt *rtt)
{
	if (!rtt->srtt_us)
		rtt->rto_us = max_t(u32, rtt->rto_us, XTCP_RTO_SYN_LOST_US);
	rtt->backoff = 0;
}

/**
 * xtcp_rtt_backoff() - the timer expired: double the time-out
 * @rtt: the estimator
 *
 * RFC 6298, 5.5.
 *
 * Context: any, pure.
 */
void xtcp_rtt_backoff(struct xtcp_rtt *rtt)
{
	if (rtt->backoff < XTCP_BACKOFF_MAX)
		rtt->backoff++;
}

/**
 * xtcp_rtt_rto_us() - the time-out in force
 * @rtt: the estimator
 *
 * Context: any, pure.
 * Return: RTO with back-off, at most XTCP_RTO_MAX_US [us].
 */
u32 xtcp_rtt_rto_us(const struct xtcp_rtt *rtt)
{
	return min_t(u64, (u64)rtt->rto_us << rtt->backoff, XTCP_RTO_MAX_US);
}
