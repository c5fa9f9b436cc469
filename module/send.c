// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: from the application's buffers to the write queue.
 *
 * RFC 9293, 3.10.2 (SEND). Text goes into page fragments of large segments, several
 * times the MSS where the window allows, which output.c sends and the device or the GSO
 * layer cuts. Process context, socket lock; errno and partial counts as Linux TCP.
 */
#include <linux/net.h>
#include <linux/net_tstamp.h>
#include <net/sock.h>

#include "rtxq.h"
#include "stream.h"
#include "xtcp.h"

/* Text of one segment: with all headers it must stay below IP's 64 KiB. */
#define TEXT_MAX	(65535 - 40 - 64 - XTCP_HDR_MAX)

/* Let the backlog in after so many new segments: ACKs wait there. */
#define FLUSH_EVERY_SEGS	16

/**
 * struct send_op - one send call
 * @sk: the socket
 * @msg: what to send
 * @flags: MSG_*
 * @goal: text per segment [bytes]
 * @copied: queued so far [bytes]
 * @nr_new: segments begun since the backlog was let in
 * @timeo: time left to block [jiffies]
 * @tsflags: SOF_TIMESTAMPING_*, of the socket or of this call
 */
struct send_op {
	struct sock *sk;
	struct msghdr *msg;
	int flags;
	int goal;
	int copied;
	int nr_new;
	long timeo;
	u32 tsflags;
};

/*
 * How much to put into one segment: whole multiples of the MSS, and no more than half
 * the largest window the peer has offered, so that a small window is not waited for.
 */
static int size_goal(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 mss = max_t(u32, xtcp_output_mss(sk), 1);
	u32 goal = TEXT_MAX;

	if (sk->sk_gso_max_segs)
		goal = min_t(u32, goal, mss * sk->sk_gso_max_segs);
	if (xp->max_snd_wnd > XTCP_MSS_DEFAULT_V4)
		goal = min(goal, xp->max_snd_wnd / 2);
	else if (xp->max_snd_wnd)
		goal = min(goal, xp->max_snd_wnd);
	return max(goal - goal % mss, mss);
}

/* Enough is unpushed to fill half the peer's window: it must not wait for the end of the call. */
static bool must_push(const struct xtcp_sock *xp)
{
	return xtcp_seq_gt(xp->write_seq, xp->pushed_seq + (xp->max_snd_wnd >> 1));
}

static void mark_push(struct xtcp_sock *xp, struct sk_buff *skb)
{
	XTCP_CB(skb)->flags |= XTCP_PSH;
	xp->pushed_seq = xp->write_seq;
}

/*
 * Ask for timestamps of the last octet of this call: by those below us of its way out, by
 * ack.c of its acknowledgment. SOF_TIMESTAMPING_OPT_ID numbers octets from what was
 * written when it was set; the generic code, which knows nothing of our numbers, has
 * cleared sk_tskey in that moment. What a short write took may all have been sent by then.
 */
static void request_stamps(const struct send_op *op)
{
	struct xtcp_sock *xp = xtcp_sk(op->sk);
	struct sk_buff *skb = skb_peek_tail(&op->sk->sk_write_queue) ?: xp->rtx_tail;
	u32 stamp_seq = xp->write_seq - 1;

	if (likely(!op->tsflags))
		return;
	if ((op->tsflags & SOF_TIMESTAMPING_OPT_ID) && !atomic_read(&op->sk->sk_tskey)) {
		atomic_set(&op->sk->sk_tskey, 1);
		xp->stamp_base = xp->write_seq - op->copied;
	}
	if (!skb || !(op->tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK))
		return;
	__sock_tx_timestamp(op->tsflags, &skb_shinfo(skb)->tx_flags);
	skb_shinfo(skb)->tskey = stamp_seq - xp->stamp_base;
	XTCP_CB(skb)->stamp_seq = stamp_seq;
	if (op->tsflags & SOF_TIMESTAMPING_TX_ACK)
		XTCP_CB(skb)->marks |= XTCP_TX_STAMP_ACK;
}

/* End of a call, or of what fits: mark and send. */
static void push_written(struct sock *sk, int flags, u8 nagle)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (skb && (!(flags & MSG_MORE) || must_push(xp)))
		mark_push(xp, skb);
	if (flags & MSG_OOB) {
		xp->snd_up = xp->write_seq;
		xp->urg_sent = 1;
	}
	xtcp_output_push(sk, flags & MSG_MORE ? nagle | XTCP_NAGLE_CORK : nagle);
}

/*
 * The application gives less than could be sent: until what is under way has arrived, the
 * delivery rate is its, not the path's.
 */
static void check_app_limited(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 pipe = xtcp_rtxq_pipe(sk);

	if (xp->write_seq - xp->snd_nxt < xp->mss && sk_wmem_alloc_get(sk) < SKB_TRUESIZE(1) &&
	    pipe < xp->cong.cwnd_bytes && xp->lost_bytes <= xp->resent_bytes)
		xtcp_rate_app_limited(&xp->tally.rate, pipe);
}

/* A segment that was begun but got no text must not be sent. */
static void drop_empty_tail(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && XTCP_CB(skb)->seq == XTCP_CB(skb)->end_seq) {
		__skb_unlink(skb, &sk->sk_write_queue);
		xtcp_rtxq_free(sk, skb);
	}
}

/* Begin a segment, if there is room in the send buffer. */
static struct sk_buff *begin_segment(struct send_op *op)
{
	struct sock *sk = op->sk;
	struct sk_buff *skb;

	if (!sk_stream_memory_free(sk))
		return NULL;
	skb = xtcp_rtxq_alloc(sk, 0, sk->sk_allocation);
	if (skb) {
		xtcp_rtxq_append(sk, skb);
		op->nr_new++;
	}
	return skb;
}

/*
 * Copy text to the end of @skb, at most @room and what fits into one page fragment.
 * Returns the number of bytes, 0 when memory is short, -EMSGSIZE when @skb can take no
 * more fragments, or -EFAULT.
 */
static int add_text(struct send_op *op, struct sk_buff *skb, int room)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct sock *sk = op->sk;
	struct page_frag *pfrag = sk_page_frag(sk);
	int nr = shinfo->nr_frags;
	bool merge;
	int copy, err;

	if (!sk_page_frag_refill(sk, pfrag))
		return 0;
	merge = skb_can_coalesce(skb, nr, pfrag->page, pfrag->offset);
	if (!merge && nr >= MAX_SKB_FRAGS)
		return -EMSGSIZE;
	copy = min_t(size_t, room, msg_data_left(op->msg));
	copy = min_t(int, copy, pfrag->size - pfrag->offset);
	copy = xtcp_rtxq_schedule(sk, copy);
	if (!copy)
		return 0;
	err = skb_copy_to_page_nocache(sk, &op->msg->msg_iter, skb, pfrag->page,
				       pfrag->offset, copy);
	if (err)
		return err;
	if (merge) {
		skb_frag_size_add(&shinfo->frags[nr - 1], copy);
	} else {
		skb_fill_page_desc(skb, nr, pfrag->page, pfrag->offset, copy);
		get_page(pfrag->page);
	}
	pfrag->offset += copy;
	return copy;
}

/* @bytes of text were added to @skb, the last segment. */
static void text_added(struct send_op *op, struct sk_buff *skb, int bytes)
{
	struct xtcp_sock *xp = xtcp_sk(op->sk);

	if ((op->flags & MSG_EOR) && !msg_data_left(op->msg))
		XTCP_CB(skb)->marks |= XTCP_TX_EOR;
	/* The segment goes on; the push of an earlier call moves to its new end. */
	if (!op->copied)
		XTCP_CB(skb)->flags &= ~XTCP_PSH;
	XTCP_CB(skb)->end_seq += bytes;
	WRITE_ONCE(xp->write_seq, xp->write_seq + bytes);
	op->copied += bytes;

	if (!msg_data_left(op->msg) || skb->len < op->goal || (op->flags & MSG_OOB))
		return;
	if (must_push(xp)) {
		mark_push(xp, skb);
		xtcp_output_push(op->sk, XTCP_NAGLE_PUSH);
	} else if (skb == skb_peek(&op->sk->sk_write_queue)) {
		xtcp_output_push(op->sk, xp->nagle);
	}
}

/*
 * The send buffer is full, or memory is short: send what there is, if only of earlier calls
 * with MSG_MORE, and wait.
 */
static int wait_for_space(struct send_op *op)
{
	struct sock *sk = op->sk;
	int err;

	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	drop_empty_tail(sk);
	push_written(sk, op->copied ? op->flags & ~MSG_MORE : 0, XTCP_NAGLE_PUSH);
	err = sk_stream_wait_memory(sk, &op->timeo);
	if (!err)
		op->goal = size_goal(sk);
	return err;
}

/* Add text to the last segment, or to a new one when it is full; 0: no room, -errno. */
static int queue_some(struct send_op *op)
{
	struct sk_buff *skb = skb_peek_tail(&op->sk->sk_write_queue);
	bool is_open = skb && !(XTCP_CB(skb)->marks & XTCP_TX_EOR);
	int room = is_open ? op->goal - (int)skb->len : 0;
	int bytes = -EMSGSIZE;

	if (room > 0)
		bytes = add_text(op, skb, room);
	if (bytes == -EMSGSIZE) {
		if (room > 0)
			mark_push(xtcp_sk(op->sk), skb);
		skb = begin_segment(op);
		bytes = skb ? add_text(op, skb, op->goal) : 0;
	}
	if (bytes > 0)
		text_added(op, skb, bytes);
	return bytes;
}

/* Queue everything. 0, or -errno with op->copied telling how far it went. */
static int queue_all(struct send_op *op)
{
	struct sock *sk = op->sk;
	int ret;

	for (;;) {
		if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN))
			return -EPIPE;
		if (!msg_data_left(op->msg))
			return 0;
		if (op->nr_new >= FLUSH_EVERY_SEGS) {
			op->nr_new = 0;
			if (sk_flush_backlog(sk)) {
				op->goal = size_goal(sk);
				continue;
			}
		}
		ret = queue_some(op);
		if (!ret)
			ret = wait_for_space(op);
		if (ret < 0)
			return ret;
	}
}

/* Everything up to the first octet: is the call possible at all? */
static int prepare_send(struct send_op *op)
{
	struct sock *sk = op->sk;
	struct sockcm_cookie sockc;
	int err;

	if (op->flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	/* The next page of a file follows at once: do not end a segment with this one. */
	if (op->flags & MSG_SENDPAGE_NOTLAST)
		op->flags |= MSG_MORE;
	op->timeo = sock_sndtimeo(sk, op->flags & MSG_DONTWAIT);
	if (!xtcp_state_can_send(sk->sk_state)) {
		err = sk_stream_wait_connect(sk, &op->timeo);
		if (err)
			return err;
	}
	sockcm_init(&sockc, sk);
	if (op->msg->msg_controllen && sock_cmsg_send(sk, op->msg, &sockc))
		return -EINVAL;
	op->tsflags = sockc.tsflags;
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	op->goal = size_goal(sk);
	return 0;
}

static int send_locked(struct sock *sk, struct msghdr *msg)
{
	struct send_op op = { .sk = sk, .msg = msg, .flags = msg->msg_flags };
	struct xtcp_sock *xp = xtcp_sk(sk);
	int err;

	sock_owned_by_me(sk);
	err = prepare_send(&op);
	if (!err) {
		check_app_limited(sk);
		err = queue_all(&op);
		drop_empty_tail(sk);
	}
	if (op.copied) {
		request_stamps(&op);
		push_written(sk, op.flags, xp->nagle);
		return op.copied;
	}
	if (!err)
		return 0;
	err = sk_stream_error(sk, op.flags, err);
	/* Nothing is queued whose ACK could tell an edge-triggered poller to try again. */
	if (err == -EAGAIN && skb_queue_empty(&sk->sk_write_queue) && !xtcp_rtxq_head(sk))
		sk->sk_write_space(sk);
	return err;
}

/**
 * xtcp_send_msg - send(), write() and their kin: proto.sendmsg
 * @sk: the socket
 * @msg: text and flags
 * @size: bytes of text
 *
 * Context: process; takes the socket lock, may block.
 * Return: bytes queued, or -errno when none was.
 */
int xtcp_send_msg(struct sock *sk, struct msghdr *msg, size_t size)
{
	int ret;

	lock_sock(sk);
	ret = send_locked(sk, msg);
	release_sock(sk);
	return ret;
}

/**
 * xtcp_send_flush - no more will follow what was sent with MSG_MORE: proto_ops.splice_eof
 * @sock: the socket
 *
 * Context: process; takes the socket lock.
 */
void xtcp_send_flush(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (skb_queue_empty_lockless(&sk->sk_write_queue))
		return;
	lock_sock(sk);
	if (!skb_queue_empty(&sk->sk_write_queue))
		push_written(sk, 0, xtcp_sk(sk)->nagle);
	release_sock(sk);
}
