// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an acceptable acknowledgment does: RFC 9293, 3.10.7.4, fifth step.
 *
 * Clears the rtx queue, measures the round trip (RFC 6298, RFC 7323, 4), moves the send
 * window, lets recovery and congestion control judge, restarts the timer. Socket lock.
 */
#include <linux/errqueue.h>

#include "xtcp.h"
#include "rtxq.h"
#include "timer.h"

/**
 * struct acked - what one ACK has covered
 * @bytes: sequence space newly acknowledged
 * @sent_us: when the first segment that this very ACK took off left; 0: none
 * @resent_us: when the last of it that was sent more than once left; 0: none was
 * @gap: a segment sent once has come, in order
 * @reordered: and so has a later one, before it
 */
struct acked {
	u32 bytes;
	u64 sent_us;
	u64 resent_us;
	bool gap;
	bool reordered;
};

/* Drop what is acknowledged from rtx. */
static void clean_rtx(struct sock *sk, struct acked *acked)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = xtcp_rtxq_head(sk))) {
		struct xtcp_cb *cb = XTCP_CB(skb);

		if (xtcp_seq_gt(cb->end_seq, xp->snd_una)) {
			/* Part of it: cut, so that only the rest is ever resent. */
			if (!xtcp_seq_lt(cb->seq, xp->snd_una) ||
			    xtcp_rtxq_split(sk, skb, xp->snd_una - cb->seq, XTCP_SPLIT_HEAD))
				break;
		}
		if (cb->marks & XTCP_TX_EVER_RESENT)
			acked->resent_us = max(acked->resent_us, cb->sent_us);
		else if (!(cb->marks & XTCP_TX_SACKED) && !acked->sent_us)
			acked->sent_us = cb->sent_us;
		if (cb->marks & XTCP_TX_SACKED)
			acked->reordered |= acked->gap;
		else
			xtcp_rtxq_count_delivered(sk, skb);
		acked->gap |= !(cb->marks & (XTCP_TX_SACKED | XTCP_TX_EVER_RESENT));
		xtcp_rtxq_del(sk, skb);
		skb->dev = NULL;	/* was the rtx tree's */
		if (unlikely(cb->marks & XTCP_TX_STAMP_ACK))
			__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
		xtcp_rtxq_free(sk, skb);
	}
}

/*
 * One round-trip sample per ACK that advances SND.UNA: from a segment if none was resent
 * (Karn), else from the echoed timestamp (RFC 7323, 4.1).
 */
static void measure_rtt(struct sock *sk, const struct acked *acked, const struct xtcp_opts *opts)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u64 now_us = xtcp_now_us(), rtt_us = 0;

	if (acked->sent_us && !acked->resent_us) {
		rtt_us = now_us - acked->sent_us;
		rtt_us = clamp_t(u64, rtt_us, 1, XTCP_RTO_MAX_US);
	} else if (xp->ts_ok && (opts->seen & XTCP_OPT_TS) && opts->tsecr) {
		rtt_us = xtcp_rtt_of_echo(xtcp_now_ts() + xp->ts_offset, opts->tsecr,
					  now_us - acked->resent_us);
	}
	if (rtt_us)
		xtcp_rtt_sample(&xp->rtt, rtt_us);
}

/* SND.WND, with the scale except in a SYN (RFC 9293, 3.10.7.4; RFC 7323, 2.3). */
static bool update_window(struct sock *sk, const struct xtcp_cb *cb)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 wnd = cb->win;
	bool changed;

	if (!(cb->flags & XTCP_SYN))
		wnd <<= xp->snd_wscale;
	if (!xtcp_segment_updates_window(xp->snd_wl1, xp->snd_wl2, cb->seq, cb->ack))
		return false;
	changed = wnd != xp->snd_wnd;
	xp->snd_wl1 = cb->seq;
	xp->snd_wl2 = cb->ack;
	xp->snd_wnd = wnd;
	xp->max_snd_wnd = max(xp->max_snd_wnd, wnd);
	return changed;
}

/* Let the send buffer hold twice what the congestion window allows in flight. */
static void grow_sndbuf(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 wanted, per_mss;

	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		return;
	per_mss = roundup_pow_of_two(xp->mss + SKB_DATA_ALIGN(sizeof(struct skb_shared_info))) +
		  SKB_DATA_ALIGN(sizeof(struct sk_buff));
	wanted = max_t(u32, XTCP_INIT_CWND_SEGS, xp->cong.cwnd_bytes / max_t(u16, xp->mss, 1) + 1);
	wanted = min_t(u64, 2ull * wanted * per_mss, READ_ONCE(xtcp_sk_net(sk)->wmem[2]));
	if (wanted > READ_ONCE(sk->sk_sndbuf) && !sk_under_memory_pressure(sk))
		WRITE_ONCE(sk->sk_sndbuf, wanted);
}

/* RFC 6298, 5.2 and 5.3; a probe timer stays as it is while the window is closed. */
static void restart_timer(struct sock *sk, u32 acked_bytes)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (xp->rtx_tail) {
		if (acked_bytes || xp->rto_kind != XTCP_RTO_RETRANSMIT)
			xtcp_timer_arm_rto(sk, XTCP_RTO_RETRANSMIT, xtcp_timer_rto_jif(sk));
	} else if (xp->rto_kind == XTCP_RTO_RETRANSMIT) {
		xtcp_timer_stop_rto(sk);
	}
}

/* The window has come open again: probing is over, and so is its back-off. */
static void end_probing(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	const struct sk_buff *skb = skb_peek(&sk->sk_write_queue);

	xp->probes = 0;
	if (xp->rto_kind != XTCP_RTO_PROBE || !skb)
		return;
	if (xtcp_seq_leq(XTCP_CB(skb)->end_seq, xp->snd_una + xp->snd_wnd) ||
	    xp->snd_wnd >= xp->mss) {
		xtcp_timer_end_probing(sk);
		xtcp_timer_stop_rto(sk);
	}
}

/* LOSS-13: what RFC 5681, 2 calls a duplicate. */
static bool is_duplicate(const struct xtcp_sock *xp, const struct xtcp_cb *cb, bool window_moved)
{
	return xp->rtx_tail && cb->ack == xp->snd_una && cb->seq == cb->end_seq &&
	       !(cb->flags & (XTCP_SYN | XTCP_FIN)) && !window_moved;
}

/**
 * xtcp_ack_rcv - process an acknowledgment within SND.UNA - MAX.SND.WND ... SND.NXT
 * @sk: the socket
 * @skb: the segment, cb filled in; not consumed
 * @opts: its options
 *
 * Context: socket lock.
 */
void xtcp_ack_rcv(struct sock *sk, const struct sk_buff *skb, const struct xtcp_opts *opts)
{
	const struct xtcp_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct acked acked = {};
	bool duplicate, window_moved = false, echo = xtcp_ecn_is_echo(&xp->ecn, cb->flags);
	u32 flight = xp->snd_nxt - xp->snd_una, delivered_segs = xp->tally.delivered_segs;
	bool current_ack = xtcp_seq_geq(cb->ack, xp->snd_una);

	WRITE_ONCE(sk->sk_err_soft, 0);		/* the path is there (RFC 9293, 3.9.2.2) */
	if (xtcp_seq_gt(cb->ack, xp->snd_una)) {
		acked.bytes = cb->ack - xp->snd_una;
		xp->snd_una = cb->ack;
		xp->bytes_acked += acked.bytes;
		xp->retries = 0;
		xp->retrans_since_us = 0;
		clean_rtx(sk, &acked);
		xp->tally.reordered += acked.reordered || (acked.gap && xp->sacked_bytes);
		measure_rtt(sk, &acked, opts);
	}
	if (current_ack)
		window_moved = update_window(sk, cb);
	duplicate = !acked.bytes && is_duplicate(xp, cb, window_moved);

	if (acked.bytes && !echo &&
	    (xp->recovery == XTCP_RECOVERY_LOSS ||
	     (xp->recovery == XTCP_RECOVERY_OPEN && xp->cwnd_limited)))
		xp->cong.ops->ack(&xp->cong, acked.bytes, xtcp_now_us());
	xtcp_recovery_ack(sk, opts, cb->ack, acked.bytes, duplicate);
	if (current_ack)
		xtcp_recovery_echo(sk, echo, flight);
	if (xp->urg_sent && xtcp_seq_geq(xp->snd_una, xp->snd_up))
		xp->urg_sent = 0;

	if (xp->tally.delivered_segs != delivered_segs) {
		xtcp_rate_end_ack(&xp->tally.rate, xtcp_now_us(), xp->rtt.min_us);
		if (echo)
			xp->tally.delivered_ce_segs += xp->tally.delivered_segs - delivered_segs;
	}
	restart_timer(sk, acked.bytes);
	end_probing(sk);
	xtcp_recovery_resend(sk);
	if (!acked.bytes)
		return;
	sk_dst_confirm(sk);
	grow_sndbuf(sk);
}
