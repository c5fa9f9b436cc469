/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arming and stopping a socket's timers; handling them is timer.c's business.
 *
 * Each armed timer holds a reference on the socket (sk_reset_timer()).
 */
#ifndef XTCP_TIMER_H
#define XTCP_TIMER_H

#include "xtcp.h"

/* Arm the retransmission or probe timer @delay_jif from now. */
static inline void xtcp_timer_arm_rto(struct sock *sk, u8 kind, u32 delay_jif)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->rto_kind = kind;
	xp->rto_expires_jif = jiffies + delay_jif;
	sk_reset_timer(sk, &xp->rto_timer, jiffies + delay_jif);
}

static inline void xtcp_timer_stop_rto(struct sock *sk)
{
	xtcp_sk(sk)->rto_kind = XTCP_RTO_NONE;
	sk_stop_timer(sk, &xtcp_sk(sk)->rto_timer);
}

/*
 * Probing, if there was any, is over. Neither its back-off nor its clock, which answers do not
 * stop, is for the data that leaves now. What an acknowledged but resent segment has left of a
 * back-off (RFC 6298, 5) stays where no probe was due.
 */
static inline void xtcp_timer_end_probing(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (xp->retrans_since_us)
		xp->rtt.backoff = 0;
	xp->retrans_since_us = 0;
	xp->probes = 0;
}

/* Retransmission time-out in force [jiffies], at least one. */
static inline u32 xtcp_timer_rto_jif(const struct sock *sk)
{
	return max_t(u32, 1, usecs_to_jiffies(xtcp_rtt_rto_us(&xtcp_sk(sk)->rtt)));
}

static inline void xtcp_timer_arm_delack(struct sock *sk, u32 delay_jif)
{
	sk_reset_timer(sk, &xtcp_sk(sk)->delack_timer, jiffies + delay_jif);
}

static inline void xtcp_timer_stop_delack(struct sock *sk)
{
	sk_stop_timer(sk, &xtcp_sk(sk)->delack_timer);
}

/* sk_timer: keepalive while open, FIN_WAIT_2 of an orphan. */
static inline void xtcp_timer_arm_keepalive(struct sock *sk, u32 delay_jif)
{
	sk_reset_timer(sk, &sk->sk_timer, jiffies + delay_jif);
}

static inline void xtcp_timer_stop_all(struct sock *sk)
{
	xtcp_timer_stop_rto(sk);
	xtcp_timer_stop_delack(sk);
	sk_stop_timer(sk, &sk->sk_timer);
}

#endif /* XTCP_TIMER_H */
