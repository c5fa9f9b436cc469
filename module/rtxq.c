// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transmit queues: what is written but unsent, and what is sent but unacknowledged.
 *
 * Unsent segments wait on sk_write_queue; once sent they move to the rtx tree, ordered
 * by sequence number. Marks say what became of each (RFC 6675, 3: the scoreboard), and
 * byte counts per mark make the pipe estimate an addition. All under the socket lock.
 */
#include <linux/skbuff.h>

#include "xtcp.h"
#include "rtxq.h"

static u32 seq_len(struct sk_buff *skb)
{
	return XTCP_CB(skb)->end_seq - XTCP_CB(skb)->seq;
}

/**
 * xtcp_rtxq_schedule - may so much be added to what the socket has to send?
 * @sk: the socket
 * @bytes: wanted
 *
 * Asks the protocol's account and the cgroup's. When they have nothing, the first bytes pass on
 * credit, up to the least send buffer (as tcp_wmem_schedule() in Linux): no socket starves
 * because others hold all the memory there is.
 *
 * Context: socket lock.
 * Return: @bytes, or fewer, or 0.
 */
int xtcp_rtxq_schedule(struct sock *sk, int bytes)
{
	if (sk_wmem_schedule(sk, bytes))
		return bytes;
	return clamp(READ_ONCE(xtcp_sk_net(sk)->wmem[0]) - sk->sk_wmem_queued, 0, bytes);
}

static struct sk_buff *alloc_segment(const struct sock *sk, unsigned int linear, gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb_fclone(linear + sk->sk_prot->max_header, gfp);

	if (!skb)
		return NULL;
	skb_reserve(skb, sk->sk_prot->max_header);
	memset(XTCP_CB(skb), 0, sizeof(struct xtcp_cb));
	skb->ip_summed = CHECKSUM_PARTIAL;	/* copying text in need not sum it */
	return skb;
}

/**
 * xtcp_rtxq_alloc - an empty segment with room for all headers in front
 * @sk: the socket
 * @linear: bytes of linear space for text
 * @gfp: allocation flags
 *
 * Context: socket lock. Nothing is charged until xtcp_rtxq_append().
 * Return: the skb; NULL without memory.
 */
struct sk_buff *xtcp_rtxq_alloc(struct sock *sk, unsigned int linear, gfp_t gfp)
{
	struct sk_buff *skb = alloc_segment(sk, linear, gfp);

	if (skb && xtcp_rtxq_schedule(sk, skb->truesize) == skb->truesize)
		return skb;
	if (skb)
		__kfree_skb(skb);
	else
		sk_stream_moderate_sndbuf(sk);
	return NULL;
}

static void charge(struct sock *sk, int bytes)
{
	sk_wmem_queued_add(sk, bytes);
	if (bytes > 0)
		sk_mem_charge(sk, bytes);
	else
		sk_mem_uncharge(sk, -bytes);
}

/**
 * xtcp_rtxq_append - put a fresh segment at the end of what is to be sent
 * @sk: the socket
 * @skb: from xtcp_rtxq_alloc(), still without text
 *
 * Context: socket lock.
 */
void xtcp_rtxq_append(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_cb *cb = XTCP_CB(skb);

	cb->seq = xtcp_sk(sk)->write_seq;
	cb->end_seq = cb->seq;
	cb->flags = XTCP_ACK;
	__skb_queue_tail(&sk->sk_write_queue, skb);
	charge(sk, skb->truesize);
}

static void rtx_insert(struct xtcp_sock *xp, struct sk_buff *skb)
{
	struct rb_node **link = &xp->rtx.rb_node;
	struct rb_node *parent = NULL;

	while (*link) {
		parent = *link;
		if (xtcp_seq_lt(XTCP_CB(skb)->seq, XTCP_CB(rb_to_skb(parent))->seq))
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, link);
	rb_insert_color(&skb->rbnode, &xp->rtx);
	if (!xp->rtx_tail || xtcp_seq_gt(XTCP_CB(skb)->seq, XTCP_CB(xp->rtx_tail)->seq))
		xp->rtx_tail = skb;
}

/* A peer that SACKs every other octet must not multiply our buffers (CVE-2019-11478). */
static bool too_fragmented(const struct sock *sk)
{
	return (sk->sk_wmem_queued >> 1) > sk->sk_sndbuf + 2 * SKB_TRUESIZE(GSO_LEGACY_MAX_SIZE);
}

/* The request for timestamps goes with the octet they are about. */
static void split_stamp(struct sk_buff *skb, struct sk_buff *rest)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb), *rest_shinfo = skb_shinfo(rest);
	struct xtcp_cb *cb = XTCP_CB(skb), *rest_cb = XTCP_CB(rest);

	if (xtcp_seq_lt(cb->stamp_seq, rest_cb->seq)) {
		rest_cb->marks &= ~XTCP_TX_STAMP_ACK;
		return;
	}
	rest_shinfo->tx_flags |= shinfo->tx_flags & SKBTX_ANY_TSTAMP;
	rest_shinfo->tskey = shinfo->tskey;
	shinfo->tx_flags &= ~SKBTX_ANY_TSTAMP;
	cb->marks &= ~XTCP_TX_STAMP_ACK;
}

/**
 * xtcp_rtxq_split - cut a queued segment in two
 * @sk: the socket
 * @skb: on sk_write_queue, or in rtx
 * @bytes: text that stays in @skb; all it has: only the FIN is parted from it
 * @reason: why, and so which queue it is on
 *
 * FIN and MSG_EOR go to the second half, PSH stays with the last octet of text; both keep
 * marks and time of transmission.
 *
 * Context: socket lock.
 * Return: 0, or -ENOMEM with @skb unchanged.
 */
int xtcp_rtxq_split(struct sock *sk, struct sk_buff *skb, u32 bytes,
		    enum xtcp_split_reason reason)
{
	struct xtcp_cb *cb = XTCP_CB(skb), *rest_cb;
	unsigned int truesize = skb->truesize;
	struct sk_buff *rest;
	u32 moved;

	/* What must be resent first can always be cut: each time a segment of it leaves. */
	if (reason != XTCP_SPLIT_UNSENT && too_fragmented(sk) &&
	    (reason != XTCP_SPLIT_HEAD || skb != xtcp_rtxq_head(sk)))
		return -ENOMEM;
	/* A clone may still be below us and share the fragments; our charge stays as it is. */
	if (skb_unclone(skb, GFP_ATOMIC))
		return -ENOMEM;
	skb->truesize = truesize;
	rest = alloc_segment(sk, skb_headlen(skb) > bytes ? skb_headlen(skb) - bytes : 0,
			     GFP_ATOMIC);
	if (!rest)
		return -ENOMEM;
	/* Also beyond all limits, as Linux: text that cannot be cut could never be resent. */
	charge(sk, rest->truesize);
	moved = skb->len - bytes;
	rest->truesize += moved;
	skb->truesize -= moved;

	rest_cb = XTCP_CB(rest);
	*rest_cb = *cb;
	rest_cb->seq = cb->seq + bytes;
	cb->end_seq = rest_cb->seq;
	cb->flags &= ~XTCP_FIN;
	if (moved)
		cb->flags &= ~XTCP_PSH;
	else
		rest_cb->flags &= ~XTCP_PSH;
	cb->marks &= ~XTCP_TX_EOR;
	split_stamp(skb, rest);
	skb_split(skb, rest, bytes);

	if (reason == XTCP_SPLIT_UNSENT)
		__skb_queue_after(&sk->sk_write_queue, skb, rest);
	else
		rtx_insert(xtcp_sk(sk), rest);
	return 0;
}

/**
 * xtcp_rtxq_sent - a segment has been sent for the first time
 * @sk: the socket
 * @skb: head of sk_write_queue
 *
 * Context: socket lock.
 */
void xtcp_rtxq_sent(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	__skb_unlink(skb, &sk->sk_write_queue);
	rtx_insert(xp, skb);
	xp->rtx_bytes += seq_len(skb);
}

/**
 * xtcp_rtxq_head - the oldest unacknowledged segment
 * @sk: the socket
 *
 * Context: socket lock.
 * Return: NULL when everything sent is acknowledged.
 */
struct sk_buff *xtcp_rtxq_head(const struct sock *sk)
{
	return skb_rb_first(&xtcp_sk(sk)->rtx);
}

/**
 * xtcp_rtxq_next - the next sent segment in sequence order
 * @skb: in rtx
 *
 * Context: socket lock.
 * Return: NULL at the end.
 */
struct sk_buff *xtcp_rtxq_next(struct sk_buff *skb)
{
	return skb_rb_next(skb);
}

/**
 * xtcp_rtxq_segs - segments on the wire that a queued one stands for
 * @skb: in rtx
 *
 * Context: socket lock.
 * Return: at least 1.
 */
u32 xtcp_rtxq_segs(const struct sk_buff *skb)
{
	return max_t(u32, DIV_ROUND_UP(skb->len, XTCP_CB(skb)->mss), 1);
}

/**
 * xtcp_rtxq_count_delivered - the peer has a segment: count it, for TCP_INFO
 * @sk: the socket
 * @skb: in rtx, acknowledged or SACKed, for the first time
 *
 * Context: socket lock.
 */
void xtcp_rtxq_count_delivered(struct sock *sk, const struct sk_buff *skb)
{
	struct xtcp_tally *tally = &xtcp_sk(sk)->tally;
	const struct xtcp_cb *cb = XTCP_CB(skb);

	tally->delivered_segs += xtcp_rtxq_segs(skb);
	xtcp_rate_delivered(&tally->rate, &cb->rate, skb->len, cb->sent_us);
}

/**
 * xtcp_rtxq_mark - change what is known of a sent segment
 * @sk: the socket
 * @skb: in rtx
 * @set: XTCP_TX_* to set
 * @clear: XTCP_TX_* to clear
 *
 * Context: socket lock.
 */
void xtcp_rtxq_mark(struct sock *sk, struct sk_buff *skb, u8 set, u8 clear)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u8 old = XTCP_CB(skb)->marks;
	u8 now = (old & ~clear) | set;
	u32 len = seq_len(skb);

	if (now & ~old & XTCP_TX_SACKED)
		xtcp_rtxq_count_delivered(sk, skb);
	xp->sacked_bytes += (!!(now & XTCP_TX_SACKED) - !!(old & XTCP_TX_SACKED)) * len;
	xp->lost_bytes += (!!(now & XTCP_TX_LOST) - !!(old & XTCP_TX_LOST)) * len;
	xp->resent_bytes += (!!(now & XTCP_TX_RESENT) - !!(old & XTCP_TX_RESENT)) * len;
	XTCP_CB(skb)->marks = now;
}

/**
 * xtcp_rtxq_del - take an acknowledged segment out of rtx; the caller frees it
 * @sk: the socket
 * @skb: in rtx
 *
 * Context: socket lock.
 */
void xtcp_rtxq_del(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xtcp_rtxq_mark(sk, skb, 0, XTCP_TX_SACKED | XTCP_TX_LOST | XTCP_TX_RESENT);
	xp->rtx_bytes -= seq_len(skb);
	if (skb == xp->rtx_tail)
		xp->rtx_tail = skb_rb_prev(skb);
	rb_erase(&skb->rbnode, &xp->rtx);
	RB_CLEAR_NODE(&skb->rbnode);
}

/**
 * xtcp_rtxq_free - free a segment that was charged to the socket
 * @sk: the socket
 * @skb: on no queue
 *
 * Context: socket lock.
 */
void xtcp_rtxq_free(struct sock *sk, struct sk_buff *skb)
{
	charge(sk, -(int)skb->truesize);
	__kfree_skb(skb);
}

/**
 * xtcp_rtxq_purge - drop everything unsent and unacknowledged
 * @sk: the socket
 *
 * Context: socket lock.
 */
void xtcp_rtxq_purge(struct sock *sk)
{
	struct sk_buff *skb;

	while ((skb = xtcp_rtxq_head(sk))) {
		xtcp_rtxq_del(sk, skb);
		xtcp_rtxq_free(sk, skb);
	}
	while ((skb = __skb_dequeue(&sk->sk_write_queue)))
		xtcp_rtxq_free(sk, skb);
	sk_mem_reclaim(sk);
}

/**
 * xtcp_rtxq_pipe - estimate of what is still in the network (RFC 6675, 4: pipe)
 * @sk: the socket
 *
 * Without SACK each duplicate ACK stands for a segment that has left (RFC 6582).
 *
 * Context: socket lock.
 * Return: bytes.
 */
u32 xtcp_rtxq_pipe(const struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u32 gone = xp->sacked_bytes + xp->lost_bytes;

	if (!xp->sack_ok)
		gone += (u32)xp->dup_acks * xp->mss;
	return xp->rtx_bytes + xp->resent_bytes > gone ?
	       xp->rtx_bytes + xp->resent_bytes - gone : 0;
}

/* What keeps text from being sent, by the kinds and rules of Linux TCP. */
static enum xtcp_send_kind send_kind(const struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	const struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	u32 end;

	if (!skb && !xp->rtx_tail)
		return XTCP_SEND_IDLE;
	if (xp->cwnd_limited)
		return XTCP_SEND_BUSY;
	if (!skb)
		return sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags) ?
		       XTCP_SEND_SNDBUF_LIMITED : XTCP_SEND_BUSY;
	end = XTCP_CB(skb)->seq + min_t(u32, XTCP_CB(skb)->end_seq - XTCP_CB(skb)->seq, xp->mss);
	return xtcp_seq_gt(end, xp->snd_una + xp->snd_wnd) ? XTCP_SEND_RWND_LIMITED :
							     XTCP_SEND_BUSY;
}

/**
 * xtcp_rtxq_note_limit - what may be sent has been sent: account for the time from here on
 * @sk: the socket
 *
 * Context: socket lock.
 */
void xtcp_rtxq_note_limit(struct sock *sk)
{
	struct xtcp_sendtime *time = &xtcp_sk(sk)->tally.sendtime;
	enum xtcp_send_kind kind = send_kind(sk);

	if (kind != time->kind)
		xtcp_sendtime_set(time, kind, xtcp_now_us());
}
