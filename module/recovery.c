// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loss recovery: which segments are lost, and when they may be sent again.
 *
 * With SACK: RFC 2018, RFC 6675 (scoreboard, IsLost, pipe). Without: RFC 5681, 3.2 and
 * RFC 6582 (NewReno). After a time-out: RFC 5681, 3.1, with the scoreboard kept and the
 * left edge always resent (RFC 6675, 5.1). Recovery marks, output sends. Socket lock.
 */
#include "xtcp.h"
#include "rtxq.h"

#define DUP_THRESH	3	/* RFC 5681, 3.2 */

/* First segment of rtx that reaches beyond @seq. */
static struct sk_buff *first_beyond(const struct xtcp_sock *xp, u32 seq)
{
	struct rb_node *node = xp->rtx.rb_node;
	struct sk_buff *found = NULL;

	while (node) {
		struct sk_buff *skb = rb_to_skb(node);

		if (xtcp_seq_gt(XTCP_CB(skb)->end_seq, seq)) {
			found = skb;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/*
 * The part of @skb that lies within a SACK block, cut out of it; NULL: none.
 *
 * A receiver has segments or has not, so cuts are made only between segments as they were
 * sent: a peer that reports every other octet must not multiply our buffers
 * (CVE-2019-11478). What is reported in part waits for a wider block.
 */
static struct sk_buff *part_within(struct sock *sk, struct sk_buff *skb, u32 start, u32 end)
{
	const struct xtcp_cb *cb = XTCP_CB(skb);
	u32 len = cb->end_seq - cb->seq, from = 0, to = len;

	if (xtcp_seq_gt(start, cb->seq))
		from = roundup(start - cb->seq, cb->mss);
	if (xtcp_seq_lt(end, cb->end_seq))
		to = rounddown(end - cb->seq, cb->mss);
	if (from >= to || (to < len && xtcp_rtxq_split(sk, skb, to, XTCP_SPLIT_SACKED)))
		return NULL;
	if (!from)
		return skb;
	return xtcp_rtxq_split(sk, skb, from, XTCP_SPLIT_SACKED) ? NULL : xtcp_rtxq_next(skb);
}

/**
 * struct sacking - what an ACK's SACK blocks have told
 * @news: anything
 * @highest: end of the last segment SACKed before this ACK; looked for with the first news,
 *	as the search goes over all that is outstanding
 * @overtaken: one below @highest, sent once, had been overtaken on its way
 */
struct sacking {
	bool news;
	u32 highest;
	bool overtaken;
};

static u32 highest_sacked(const struct xtcp_sock *xp)
{
	struct sk_buff *skb = xp->sacked_bytes ? xp->rtx_tail : NULL;

	while (skb && !(XTCP_CB(skb)->marks & XTCP_TX_SACKED))
		skb = skb_rb_prev(skb);
	return skb ? XTCP_CB(skb)->end_seq : xp->snd_una;
}

/* Mark what lies within one SACK block. */
static void mark_block(struct sock *sk, u32 start, u32 end, struct sacking *sacking)
{
	struct sk_buff *skb = first_beyond(xtcp_sk(sk), start);

	for (; skb && xtcp_seq_lt(XTCP_CB(skb)->seq, end); skb = xtcp_rtxq_next(skb)) {
		struct sk_buff *part = NULL;

		if (!(XTCP_CB(skb)->marks & XTCP_TX_SACKED))
			part = part_within(sk, skb, start, end);
		if (!part)
			continue;
		skb = part;
		if (!sacking->news)
			sacking->highest = highest_sacked(xtcp_sk(sk));
		sacking->news = true;
		sacking->overtaken |= xtcp_seq_lt(XTCP_CB(skb)->seq, sacking->highest) &&
				      !(XTCP_CB(skb)->marks & XTCP_TX_EVER_RESENT);
		xtcp_rtxq_mark(sk, skb, XTCP_TX_SACKED, XTCP_TX_LOST | XTCP_TX_RESENT);
	}
}

/* Enter the SACK blocks of an ACK into the scoreboard; true if they told something new. */
static bool mark_sacked(struct sock *sk, const struct xtcp_opts *opts, u32 ack)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sacking sacking = {};
	unsigned int i;

	if (!xp->sack_ok || !(opts->seen & XTCP_OPT_SACK) || !xp->rtx_tail)
		return false;
	for (i = 0; i < opts->nr_sacks; i++) {
		if (xtcp_sack_check(opts, i, ack, xp->snd_una, xp->snd_nxt,
				    xp->max_snd_wnd) == XTCP_SACK_NEW)
			mark_block(sk, opts->sack[i].start, opts->sack[i].end, &sacking);
	}
	xp->tally.reordered += sacking.overtaken;
	return sacking.news;
}

/* Is one of our segments reported to have come twice? For TCP_INFO only. */
static void count_dsack(struct xtcp_sock *xp, const struct xtcp_opts *opts, u32 ack)
{
	if (xp->sack_ok && (opts->seen & XTCP_OPT_SACK) &&
	    xtcp_sack_check(opts, 0, ack, xp->snd_una, xp->snd_nxt, xp->max_snd_wnd) ==
	    XTCP_SACK_DUPLICATE)
		xp->tally.dsacks++;
}

/* Above this number are @thresh SACKed segments; SND.UNA: fewer are above anything. */
static u32 end_of_lost(const struct xtcp_sock *xp, u32 thresh)
{
	struct sk_buff *skb;
	u32 above = 0;

	for (skb = xp->rtx_tail; skb; skb = skb_rb_prev(skb)) {
		if (!(XTCP_CB(skb)->marks & XTCP_TX_SACKED))
			continue;
		above += xtcp_rtxq_segs(skb);
		if (above >= thresh)
			return XTCP_CB(skb)->seq;
	}
	return xp->snd_una;
}

/* Is there a segment of new text that the peer's window admits? */
static bool has_new_text(const struct xtcp_sock *xp)
{
	s32 room = xp->snd_una + xp->snd_wnd - xp->snd_nxt;

	return xp->write_seq - xp->snd_nxt >= xp->mss && room >= xp->mss;
}

/*
 * IsLost() for all that was sent before the SACKed segments (RFC 6675, 4). We know what
 * left as a segment, and count them: octets miss small ones. In recovery one SACKed above
 * is enough if there is nothing new to send: NextSeg(), rule 3.
 */
static void mark_lost_by_sack(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	bool drained = xp->recovery == XTCP_RECOVERY_FAST && !has_new_text(xp);
	u32 end = end_of_lost(xp, drained ? 1 : DUP_THRESH);
	struct sk_buff *skb;

	for (skb = xtcp_rtxq_head(sk); skb && xtcp_seq_lt(XTCP_CB(skb)->seq, end);
	     skb = xtcp_rtxq_next(skb)) {
		if (!(XTCP_CB(skb)->marks & (XTCP_TX_SACKED | XTCP_TX_LOST | XTCP_TX_RESENT)))
			xtcp_rtxq_mark(sk, skb, XTCP_TX_LOST, 0);
	}
}

/* The oldest segment is the hole; only one MSS of it is known to be lost. */
static void mark_head_lost(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_rtxq_head(sk);

	if (!skb || (XTCP_CB(skb)->marks & (XTCP_TX_SACKED | XTCP_TX_LOST)))
		return;
	if (skb->len > xp->mss)
		xtcp_rtxq_split(sk, skb, xp->mss, XTCP_SPLIT_HEAD);
	xtcp_rtxq_mark(sk, skb, XTCP_TX_LOST, XTCP_TX_RESENT);
}

/* What was outstanding when ECE came is lost in part: the window was reduced for it. */
static bool is_answered_by_cwr(const struct xtcp_sock *xp)
{
	return xp->recovery == XTCP_RECOVERY_CWR && xtcp_seq_lt(xp->snd_una, xp->recover_seq);
}

/* What limited transmit added to a full window does not count (RFC 5681, 3.2, 2). */
static u32 flight_in_window(const struct xtcp_sock *xp, u32 flight)
{
	return min(flight, xp->cong.cwnd_bytes);
}

static void enter_recovery(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 flight = flight_in_window(xp, xp->snd_nxt - xp->snd_una);

	if (!is_answered_by_cwr(xp)) {
		xp->recover_seq = xp->snd_nxt;
		xtcp_cong_enter_recovery(&xp->cong, flight, xtcp_now_us());
		xtcp_ecn_reduced(&xp->ecn);
	}
	xp->recovery = XTCP_RECOVERY_FAST;
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_FAST_RETRANS);
}

/*
 * Everything that was outstanding when recovery began has arrived. After an ECE that is
 * not enough: our CWR comes with the text beyond, and until then the echo goes on.
 */
static bool is_over(const struct xtcp_sock *xp)
{
	return xp->recovery == XTCP_RECOVERY_CWR ? xtcp_seq_gt(xp->snd_una, xp->recover_seq) :
						   xtcp_seq_geq(xp->snd_una, xp->recover_seq);
}

static void leave_recovery(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->recovery = XTCP_RECOVERY_OPEN;
	xp->dup_acks = 0;
}

/* Without SACK: count duplicates, and fill one hole per partial ACK (RFC 6582, 3.2). */
static void judge_by_duplicates(struct sock *sk, u32 acked_bytes, bool duplicate)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (acked_bytes) {
		u32 segs = max_t(u32, acked_bytes / xp->mss, 1);

		/* The ACK took segments that duplicates had stood for, less the hole. */
		xp->dup_acks -= min_t(u32, xp->dup_acks, segs - 1);
		if (xp->recovery == XTCP_RECOVERY_FAST)
			mark_head_lost(sk);
		else if (xp->recovery != XTCP_RECOVERY_LOSS)
			xp->dup_acks = 0;
		return;
	}
	if (!duplicate || xp->recovery == XTCP_RECOVERY_LOSS)
		return;
	if (xp->dup_acks < 255)
		xp->dup_acks++;
	/* Duplicates of what a time-out resent needlessly are no loss (RFC 6582, 3.2, 2). */
	if (xp->dup_acks == DUP_THRESH &&
	    (xp->recovery == XTCP_RECOVERY_CWR ||
	     (xp->recovery == XTCP_RECOVERY_OPEN && xtcp_seq_gt(xp->snd_una, xp->recover_seq))))
		mark_head_lost(sk);
}

/**
 * xtcp_recovery_ack - an ACK has come: mark, enter or leave recovery
 * @sk: the socket; acknowledged segments are off rtx already
 * @opts: the ACK's options
 * @ack: SEG.ACK
 * @acked_bytes: newly acknowledged, 0: none
 * @duplicate: a duplicate ACK in the sense of RFC 5681, 2
 *
 * Context: socket lock.
 */
void xtcp_recovery_ack(struct sock *sk, const struct xtcp_opts *opts, u32 ack, u32 acked_bytes,
		       bool duplicate)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	count_dsack(xp, opts, ack);
	if (xp->recovery != XTCP_RECOVERY_OPEN && is_over(xp))
		leave_recovery(sk);
	/* Follow, lest half of the sequence space pass without a loss. */
	if (xp->recovery == XTCP_RECOVERY_OPEN && xtcp_seq_gt(xp->snd_una, xp->recover_seq))
		xp->recover_seq = xp->snd_una - 1;
	if (!xp->rtx_tail) {
		xp->dup_acks = 0;
		return;
	}
	if (xp->sack_ok) {
		if (mark_sacked(sk, opts, ack) || acked_bytes)
			mark_lost_by_sack(sk);
	} else {
		judge_by_duplicates(sk, acked_bytes, duplicate);
	}
	if (xp->lost_bytes && (xp->recovery == XTCP_RECOVERY_OPEN ||
			       xp->recovery == XTCP_RECOVERY_CWR))
		enter_recovery(sk);
}

/**
 * xtcp_recovery_echo - does an ACK report congestion (ECE)?
 * @sk: the socket; xtcp_recovery_ack() has judged the ACK
 * @echo: it does
 * @flight_bytes: sent and not acknowledged before this ACK
 *
 * RFC 3168, 6.1.2: one reduction per window of data, be it for ECE or for a loss. An echo
 * counts when it comes after the CWR for the last reduction can have ended the last one.
 *
 * Context: socket lock.
 */
void xtcp_recovery_echo(struct sock *sk, bool echo, u32 flight_bytes)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (!echo) {
		xp->ecn.hold = 0;
		return;
	}
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_ECE_RCVD);
	if (xp->recovery != XTCP_RECOVERY_OPEN || !xtcp_seq_gt(xp->snd_una, xp->recover_seq))
		return;
	xp->recovery = XTCP_RECOVERY_CWR;
	xp->recover_seq = xp->snd_nxt;
	xp->ecn.hold = xtcp_cong_echo(&xp->cong, flight_in_window(xp, flight_bytes),
				      xtcp_now_us());
	xtcp_ecn_reduced(&xp->ecn);
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_ECN_REDUCTIONS);
}

/**
 * xtcp_recovery_timeout - the retransmission timer has expired
 * @sk: with outstanding data
 *
 * All that is not SACKed counts as lost. A SACKed left edge means that the receiver gave
 * text up again (RFC 2018, 8): then nothing it SACKed can be relied on.
 *
 * Context: socket lock.
 */
void xtcp_recovery_timeout(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_rtxq_head(sk);
	u8 forget = XTCP_TX_RESENT;
	u32 flight = xp->snd_nxt - xp->snd_una;
	bool first = xp->recovery == XTCP_RECOVERY_LOSS ? !xp->retries : !is_answered_by_cwr(xp);

	if (XTCP_CB(skb)->marks & XTCP_TX_SACKED) {
		forget |= XTCP_TX_SACKED;
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_SACK_RENEGED);
	}
	for (; skb; skb = xtcp_rtxq_next(skb)) {
		xtcp_rtxq_mark(sk, skb, 0, forget);
		if (!(XTCP_CB(skb)->marks & XTCP_TX_SACKED))
			xtcp_rtxq_mark(sk, skb, XTCP_TX_LOST, 0);
	}
	xtcp_cong_timeout(&xp->cong, flight, first, xtcp_now_us());
	xtcp_ecn_reduced(&xp->ecn);
	xp->recovery = XTCP_RECOVERY_LOSS;
	xp->recover_seq = xp->snd_nxt;
	xp->dup_acks = 0;
}

/**
 * xtcp_recovery_repair - what is marked as lost was not lost to congestion
 * @sk: the socket
 *
 * A recovery begins, so that no ACK takes the marks for congestion, but the window stays.
 *
 * Context: socket lock.
 */
void xtcp_recovery_repair(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (!xp->lost_bytes || xp->recovery == XTCP_RECOVERY_FAST ||
	    xp->recovery == XTCP_RECOVERY_LOSS)
		return;
	xp->recovery = XTCP_RECOVERY_FAST;
	xp->recover_seq = xp->snd_nxt;
}

/**
 * xtcp_recovery_resend - send lost segments again, as far as the window allows
 * @sk: the socket
 *
 * The first retransmission of a recovery leaves whatever the pipe holds (RFC 6675, 5, 4.3).
 *
 * Context: socket lock.
 */
void xtcp_recovery_resend(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb, *next;

	if (!xp->lost_bytes)
		return;
	for (skb = xtcp_rtxq_head(sk); skb; skb = next) {
		if ((XTCP_CB(skb)->marks & (XTCP_TX_LOST | XTCP_TX_RESENT)) == XTCP_TX_LOST) {
			if (xtcp_rtxq_pipe(sk) + xp->mss > xp->cong.cwnd_bytes &&
			    xp->resent_bytes)
				return;
			if (xtcp_output_resend(sk, skb))
				return;
		}
		next = xtcp_rtxq_next(skb);
	}
}
