// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens when a socket's timer expires.
 *
 * RFC 6298, 5 (retransmission); RFC 9293, 3.8.3 (R1, R2), 3.8.4 (keepalive), 3.8.6.1
 * (probes), 3.8.6.3 (delayed ACK). Softirq; a socket that a user owns is not touched:
 * the work is noted in xtcp_sock.deferred and done by release_cb.
 */
#include <net/dst.h>

#include "xtcp.h"
#include "af_ops.h"
#include "rtxq.h"
#include "timer.h"

#define ORPHAN_RETRIES	8	/* net.xtcp.orphan_retries = 0 stands for this */

static bool is_opening(const struct sock *sk)
{
	return XTCP_F(sk->sk_state) & (XTCP_F(XTCP_SYN_SENT) | XTCP_F(XTCP_SYN_RCVD));
}

static void give_up(struct sock *sk)
{
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_ABORT_ON_TIMEOUT);
	xtcp_conn_fsm_run(sk, XTCP_EV_GIVE_UP);
}

/* Time that @retries time-outs take from the smallest RTO, doubling up to the largest. */
static u64 backoff_sum_us(unsigned int retries)
{
	unsigned int doublings = ilog2(XTCP_RTO_MAX_US / XTCP_RTO_MIN_US);

	if (retries <= doublings)
		return ((2ull << retries) - 1) * XTCP_RTO_MIN_US;
	return ((2ull << doublings) - 1) * XTCP_RTO_MIN_US +
	       (u64)(retries - doublings) * XTCP_RTO_MAX_US;
}

static int orphan_retries(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk_net(sk)->orphan_retries) ?: ORPHAN_RETRIES;
}

/* R2 (MUST-20c), or TCP_USER_TIMEOUT (MUST-21), counted from the first time-out in a row. */
static bool retransmitted_too_long(const struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_net *xn = xtcp_sk_net(sk);
	u64 since_us, limit_us;

	if (is_opening(sk)) {
		int limit = xp->syn_retries ?: sk->sk_state == TCP_SYN_SENT ?
			    READ_ONCE(xn->syn_retries) : READ_ONCE(xn->synack_retries);

		if (xp->retries >= limit)
			return true;
		if (!xp->user_timeout_ms)
			return false;
	}
	if (!xp->retrans_since_us || !xp->retries)	/* once at least, however late it is */
		return false;
	since_us = xtcp_now_us() - xp->retrans_since_us;
	limit_us = backoff_sum_us(sock_flag(sk, SOCK_DEAD) ? orphan_retries(sk) :
							     READ_ONCE(xn->retries2));
	if (xp->user_timeout_ms) {
		u64 user_us = (u64)xp->user_timeout_ms * USEC_PER_MSEC;

		/* The owner's word holds after it has gone, but an orphan gets no longer. */
		limit_us = sock_flag(sk, SOCK_DEAD) ? min(limit_us, user_us) : user_us;
	}
	return since_us >= limit_us;
}

/* The next time-out of @kind; none comes later than the end of TCP_USER_TIMEOUT. */
static void rearm_rto(struct sock *sk, enum xtcp_rto_kind kind)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u32 wait = xtcp_timer_rto_jif(sk);

	if (xp->user_timeout_ms && xp->retrans_since_us) {
		s64 left_us = xp->retrans_since_us +
			      (u64)xp->user_timeout_ms * USEC_PER_MSEC - xtcp_now_us();

		wait = min_t(u64, wait, left_us > 0 ?
			     msecs_to_jiffies(div_u64(left_us, USEC_PER_MSEC)) + 1 : 1);
	}
	xtcp_timer_arm_rto(sk, kind, wait);
}

/* RFC 6298, 5.4 to 5.7 for the SYN, which is on no queue. */
static void resend_syn(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xtcp_mib_inc(sock_net(sk), XTCP_MIB_RTO_TIMEOUTS);
	if (!xp->retrans_since_us)
		xp->retrans_since_us = xtcp_now_us() - xtcp_rtt_rto_us(&xp->rtt);
	if (retransmitted_too_long(sk)) {
		give_up(sk);
		return;
	}
	xp->retries++;
	xp->total_retrans++;
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_RETRANS_SEGS);
	xtcp_output_syn(sk);
	xtcp_rtt_backoff(&xp->rtt);
	rearm_rto(sk, XTCP_RTO_RETRANSMIT);
}

/*
 * The peer shrank its window to nothing under our data: keep asking while it answers,
 * unless the application, or its absence, has set a limit.
 */
static bool is_shut_out(const struct sock *sk)
{
	return !xtcp_sk(sk)->snd_wnd && !sock_flag(sk, SOCK_DEAD) &&
	       !xtcp_sk(sk)->user_timeout_ms &&
	       (u32)jiffies - xtcp_sk(sk)->last_rcv_jif < usecs_to_jiffies(XTCP_RTO_MAX_US);
}

static void retransmit(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	bool syn_unacked = xtcp_has_syn_unacked(xp);

	if (is_opening(sk)) {
		resend_syn(sk);
		return;
	}
	if (!xp->rtx_tail && !syn_unacked)
		return;
	if (!xp->retrans_since_us)
		xp->retrans_since_us = xtcp_now_us() - xtcp_rtt_rto_us(&xp->rtt);
	if (syn_unacked || !is_shut_out(sk)) {
		if (retransmitted_too_long(sk)) {
			give_up(sk);
			return;
		}
		/* RFC 9293, 3.8.3 (MUST-20b): let network and routing table choose another way. */
		if (xp->retries == READ_ONCE(xtcp_sk_net(sk)->retries1))
			dst_negative_advice(sk);
	} else {
		xp->retrans_since_us = 0;
	}
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_RTO_TIMEOUTS);
	if (xp->rtx_tail)
		xtcp_recovery_timeout(sk);
	if (xp->retries < 255)
		xp->retries++;
	if (syn_unacked) {
		/* Closed in SYN_RCVD: without our SYN the FIN, sent or not, means nothing. */
		xp->total_retrans++;
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_RETRANS_SEGS);
		xtcp_output_syn(sk);
	} else if (xtcp_output_resend(sk, xtcp_rtxq_head(sk))) {
		/* Local shortage is no sign of congestion: try again soon, without back-off. */
		xtcp_timer_arm_rto(sk, XTCP_RTO_RETRANSMIT, XTCP_RESOURCE_PROBE);
		return;
	}
	xtcp_rtt_backoff(&xp->rtt);
	rearm_rto(sk, XTCP_RTO_RETRANSMIT);
}

/* An orphan, or a user with a deadline, does not wait for ever at a closed window. */
static bool probed_too_long(struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);

	if (xp->user_timeout_ms && xp->retrans_since_us &&
	    xtcp_now_us() - xp->retrans_since_us >= (u64)xp->user_timeout_ms * USEC_PER_MSEC)
		return true;
	/* Answers do not help an orphan: a peer that never reads must not hold it (SEC-19). */
	if (sock_flag(sk, SOCK_DEAD))
		return max(xp->probes, xp->rtt.backoff) >=
		       min(orphan_retries(sk), XTCP_BACKOFF_MAX);
	return xp->probes >= READ_ONCE(xtcp_sk_net(sk)->retries2);
}

/* RFC 9293, 3.8.6.1: the gaps double; answers keep the connection open for ever. */
static void probe(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (xtcp_output_owes_fin(sk))
		xtcp_output_fin(sk);
	if (xp->rtx_tail || skb_queue_empty(&sk->sk_write_queue)) {
		xp->probes = 0;
		return;
	}
	if (!xp->retrans_since_us)
		xp->retrans_since_us = xtcp_now_us();
	if (probed_too_long(sk)) {
		give_up(sk);
		return;
	}
	xtcp_output_probe(sk);
	if (xp->rtx_tail) {
		/* Data went out: it is guarded like any other. */
		xtcp_timer_end_probing(sk);
		xtcp_timer_arm_rto(sk, XTCP_RTO_RETRANSMIT, xtcp_timer_rto_jif(sk));
		return;
	}
	if (xp->probes < 255)
		xp->probes++;
	xtcp_rtt_backoff(&xp->rtt);
	rearm_rto(sk, XTCP_RTO_PROBE);
}

static void rto_expired(struct sock *sk)
{
	u8 kind = xtcp_sk(sk)->rto_kind;

	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
		return;
	if (timer_pending(&xtcp_sk(sk)->rto_timer))
		return;		/* armed anew while this expiry waited for the lock */
	xtcp_sk(sk)->rto_kind = XTCP_RTO_NONE;
	if (sock_flag(sk, SOCK_DEAD) && xtcp_conn_shed_orphan(sk))
		return;
	if (kind == XTCP_RTO_RETRANSMIT)
		retransmit(sk);
	else if (kind == XTCP_RTO_PROBE)
		probe(sk);
}

static void delack_expired(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN || !xp->ack_pending)
		return;
	/* The data we hoped to answer with did not come: wait longer, or stop hoping. */
	if (xp->pingpong) {
		xp->pingpong = 0;
		xp->ato_jif = XTCP_DELACK_MIN;
	} else {
		xp->ato_jif = min_t(u32, xp->ato_jif << 1, XTCP_DELACK_MAX);
	}
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_DELAYED_ACKS);
	xtcp_output_ack(sk);
}

/* The peer is gone: so many probes, or TCP_USER_TIMEOUT, without an answer (MUST-29). */
static bool keepalive_failed(const struct sock *sk, u32 idle_jif)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u8 limit = xp->keepalive_probes ?: READ_ONCE(xtcp_sk_net(sk)->keepalive_probes);

	if (xp->user_timeout_ms)
		return idle_jif >= msecs_to_jiffies(xp->user_timeout_ms) && xp->probes > 0;
	return xp->probes >= limit;
}

/* How long a probe may stay unanswered: the end of TCP_USER_TIMEOUT is not slept through. */
static u32 keepalive_gap(const struct sock *sk, u32 idle_jif, u32 interval_jif)
{
	u32 limit_jif = msecs_to_jiffies(xtcp_sk(sk)->user_timeout_ms);

	if (!limit_jif)
		return interval_jif;
	return min(interval_jif, idle_jif < limit_jif ? limit_jif - idle_jif : limit_jif);
}

static void keepalive(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_net *xn = xtcp_sk_net(sk);
	u32 idle_limit = xp->keepalive_time_jif ?: READ_ONCE(xn->keepalive_time_jif);
	u32 interval = xp->keepalive_intvl_jif ?: READ_ONCE(xn->keepalive_intvl_jif);
	u32 idle = (u32)jiffies - xp->last_rcv_jif;

	if (xp->rtx_tail || !skb_queue_empty(&sk->sk_write_queue)) {
		xtcp_timer_arm_keepalive(sk, idle_limit);	/* MUST-26: only when idle */
		return;
	}
	if (idle < idle_limit) {
		xtcp_timer_arm_keepalive(sk, idle_limit - idle);
		return;
	}
	if (keepalive_failed(sk, idle)) {
		xtcp_output_rst(sk);
		give_up(sk);
		return;
	}
	/* A probe that could not be sent is none that the peer did not answer. */
	if (!xtcp_output_keepalive(sk)) {
		xtcp_timer_arm_keepalive(sk, XTCP_RESOURCE_PROBE);
		return;
	}
	xp->probes++;
	xtcp_timer_arm_keepalive(sk, keepalive_gap(sk, idle, interval));
}

/* sk_timer: keepalive, or the end of an orphan's FIN_WAIT_2. */
static void keepalive_expired(struct sock *sk)
{
	if (timer_pending(&sk->sk_timer))
		return;		/* armed anew while this expiry waited for the lock */
	if (sk->sk_state == TCP_FIN_WAIT2 && sock_flag(sk, SOCK_DEAD)) {
		xtcp_conn_fsm_run(sk, XTCP_EV_FIN_WAIT_2_TIMEOUT);
		return;
	}
	if (!sock_flag(sk, SOCK_KEEPOPEN) || is_opening(sk) || sk->sk_state == TCP_CLOSE ||
	    sk->sk_state == TCP_LISTEN)
		return;
	keepalive(sk);
}

/* ---- from timer to handler --------------------------------------------------- */

/* Run @handler now, or have release_cb do it when a user owns the socket. */
static void run_or_defer(struct sock *sk, enum xtcp_deferred bit, void (*handler)(struct sock *sk))
{
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		handler(sk);
	else if (!test_and_set_bit(bit, &xtcp_sk(sk)->deferred))
		sock_hold(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
}

static void rto_timer(struct timer_list *t)
{
	struct xtcp_sock *xp = xtcp_from_timer(xp, t, rto_timer);

	run_or_defer((struct sock *)xp, XTCP_DEFER_RTO, rto_expired);
}

static void delack_timer(struct timer_list *t)
{
	struct xtcp_sock *xp = xtcp_from_timer(xp, t, delack_timer);

	run_or_defer((struct sock *)xp, XTCP_DEFER_DELACK, delack_expired);
}

static void keepalive_timer(struct timer_list *t)
{
	struct sock *sk = xtcp_from_timer(sk, t, sk_timer);

	run_or_defer(sk, XTCP_DEFER_KEEPALIVE, keepalive_expired);
}

/**
 * xtcp_timer_run_deferred - proto.release_cb: do what timers had to leave
 * @sk: being released by its user, spinlock held
 *
 * Context: BH off.
 */
void xtcp_timer_run_deferred(struct sock *sk)
{
	unsigned long *deferred = &xtcp_sk(sk)->deferred;

	if (likely(!READ_ONCE(*deferred)))
		return;
	if (test_and_clear_bit(XTCP_DEFER_RTO, deferred)) {
		rto_expired(sk);
		__sock_put(sk);
	}
	if (test_and_clear_bit(XTCP_DEFER_DELACK, deferred)) {
		delack_expired(sk);
		__sock_put(sk);
	}
	if (test_and_clear_bit(XTCP_DEFER_KEEPALIVE, deferred)) {
		keepalive_expired(sk);
		__sock_put(sk);
	}
	if (test_and_clear_bit(XTCP_DEFER_MTU, deferred)) {
		xtcp_timer_mtu_reduced(sk);
		__sock_put(sk);
	}
}

/**
 * xtcp_timer_mtu_reduced - the path MTU went down: cut, and send again what is lost
 * @sk: the socket; the routing table knows
 *
 * No congestion response, neither now nor when the ACKs come: nothing was lost to
 * congestion (RFC 1191, 6.4).
 *
 * Context: socket lock.
 */
void xtcp_timer_mtu_reduced(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb;
	u16 old = xp->mss;

	if (!xtcp_state_is_synchronized(sk->sk_state))
		return;
	/* The MTU came with a new route entry; the one at hand still has the old. */
	if (xp->af->route(sk))
		return;
	xtcp_output_mss(sk);
	if (xp->mss >= old)
		return;
	for (skb = xtcp_rtxq_head(sk); skb; skb = xtcp_rtxq_next(skb)) {
		const struct xtcp_cb *cb = XTCP_CB(skb);

		if (min_t(u32, skb->len, cb->mss) > xp->mss && !(cb->marks & XTCP_TX_SACKED))
			xtcp_rtxq_mark(sk, skb, XTCP_TX_LOST, XTCP_TX_RESENT);
	}
	xtcp_recovery_repair(sk);
	xtcp_recovery_resend(sk);
}

/**
 * xtcp_timer_set_keepalive - SO_KEEPALIVE was switched: sk->sk_prot->keepalive
 * @sk: the socket
 * @on: new value
 *
 * Context: socket lock.
 */
void xtcp_timer_set_keepalive(struct sock *sk, int on)
{
	if (XTCP_F(sk->sk_state) & (XTCP_F(XTCP_CLOSED) | XTCP_F(XTCP_LISTEN)))
		return;
	if (on && !sock_flag(sk, SOCK_KEEPOPEN))
		xtcp_timer_arm_keepalive(sk, xtcp_sk(sk)->keepalive_time_jif ?:
				READ_ONCE(xtcp_sk_net(sk)->keepalive_time_jif));
	else if (!on)
		sk_stop_timer(sk, &sk->sk_timer);
}

/**
 * xtcp_timer_init_sock - give a new socket its timers
 * @sk: fresh, or a clone whose timers are the listener's bytes
 *
 * Context: socket not visible to others yet.
 */
void xtcp_timer_init_sock(struct sock *sk)
{
	timer_setup(&xtcp_sk(sk)->rto_timer, rto_timer, 0);
	timer_setup(&xtcp_sk(sk)->delack_timer, delack_timer, 0);
	timer_setup(&sk->sk_timer, keepalive_timer, 0);
}
