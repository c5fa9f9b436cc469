// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: from the receive queue to the application, and telling it when to come.
 *
 * RFC 9293, 3.10.3 (RECEIVE), 3.8.5 (urgent data). The queue holds text in sequence
 * order without gaps or overlaps from copied_seq on; a FIN is the last thing in it.
 * Process context, socket lock; poll() and SIOCATMARK look without it.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>
#include <net/inet_common.h>
#include <net/sock.h>
#include <asm/ioctls.h>

#include "stream.h"
#include "xtcp.h"

/**
 * struct recv_op - one receive call
 * @sk: the socket
 * @msg: where the text goes
 * @seq: next to be copied: copied_seq, or @peek_seq with MSG_PEEK
 * @last: end of the queue when it was searched in vain
 * @stamped: last segment with a timestamp copied from, when they were asked for; referenced
 * @len: room left [bytes]
 * @timeo: time left to block [jiffies]
 * @flags: MSG_*
 * @target: return when so much is copied [bytes]
 * @copied: so far [bytes], or the errno to return
 * @peek_seq: reading position of MSG_PEEK
 * @urg_hole: urgent octets that were skipped
 */
struct recv_op {
	struct sock *sk;
	struct msghdr *msg;
	u32 *seq;
	struct sk_buff *last;
	struct sk_buff *stamped;
	size_t len;
	long timeo;
	int flags;
	int target;
	int copied;
	u32 peek_seq;
	u32 urg_hole;
};

/* ---- buffer size ------------------------------------------------------------ */

/*
 * Make the receive buffer so large that it does not limit the sender: four times what
 * the application read in one round trip, twice for losses and twice for slow start.
 */
static void grow_rcvbuf(struct sock *sk, u32 copied_bytes)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 mss = max_t(u32, xp->advmss, XTCP_MSS_DEFAULT_V4);
	u64 window = 2ULL * copied_bytes + 16 * mss;
	u64 growth = window * (copied_bytes - xp->rcvq_space);
	u32 per_segment = SKB_TRUESIZE(mss + sk->sk_prot->max_header);
	int rcvbuf;

	do_div(growth, max_t(u32, xp->rcvq_space, 1));
	window += 2 * growth;

	/* Half the buffer counts as overhead when the window is chosen. */
	per_segment = max(per_segment, 2 * mss);
	do_div(window, mss);
	rcvbuf = min_t(u64, window * per_segment, READ_ONCE(xtcp_sk_net(sk)->rmem[2]));
	if (rcvbuf > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
}

/* The application has read: once per round trip, see how much, and tune the buffer. */
static void tune_rcvbuf(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u64 now_us = xtcp_now_us();
	u32 copied_bytes;

	/* What an initial window brings is no reason to grow. */
	if (!xp->rcvq_space)
		xp->rcvq_space = min_t(u32, xp->rcv_wnd, XTCP_INIT_CWND_SEGS * xp->advmss);
	if (!xp->rcv_rtt_us || now_us - xp->rcvq_us < xp->rcv_rtt_us >> 3)
		return;
	copied_bytes = xp->copied_seq - xp->rcvq_seq;
	if (copied_bytes > xp->rcvq_space) {
		if (READ_ONCE(xtcp_sk_net(sk)->moderate_rcvbuf) &&
		    !(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && !sk_under_memory_pressure(sk))
			grow_rcvbuf(sk, copied_bytes);
		xp->rcvq_space = copied_bytes;
	}
	xp->rcvq_seq = xp->copied_seq;
	xp->rcvq_us = now_us;
}

/* ---- recvmsg ---------------------------------------------------------------- */

/* The segment with the octet, or the FIN, that comes next; NULL: not here yet. */
static struct sk_buff *find_segment(struct recv_op *op)
{
	struct sk_buff_head *queue = &op->sk->sk_receive_queue;
	struct sk_buff *skb;

	op->last = skb_peek_tail(queue);
	skb_queue_walk(queue, skb) {
		const struct xtcp_cb *cb = XTCP_CB(skb);
		u32 offset = *op->seq - cb->seq;

		if (WARN_ON_ONCE(xtcp_seq_lt(*op->seq, cb->seq)))
			return NULL;
		if (offset < skb->len || (offset == skb->len && (cb->flags & XTCP_FIN)))
			return skb;
	}
	return NULL;
}

/* Keep the segment whose timestamp goes with what was copied: the last one that has any. */
static void keep_stamped(struct recv_op *op, struct sk_buff *skb)
{
	if (!sock_flag(op->sk, SOCK_RCVTSTAMP) && !READ_ONCE(op->sk->sk_tsflags))
		return;
	/* For one without, generic code would take the time of now. */
	if (!skb->len || (!skb->tstamp && !skb_hwtstamps(skb)->hwtstamp))
		return;
	consume_skb(op->stamped);
	op->stamped = skb_get(skb);
}

/*
 * An ordinary read stops at the urgent octet, and the next one starts by skipping it
 * (RFC 9293, MUST-33), unless the application wants it inline. How much of @used bytes
 * at @offset may be copied?
 */
static size_t stop_at_mark(struct recv_op *op, u32 *offset, size_t used)
{
	u32 ahead = xtcp_sk(op->sk)->urg_seq - *op->seq;

	if (ahead >= used)
		return used;
	if (ahead)
		return ahead;
	if (sock_flag(op->sk, SOCK_URGINLINE))
		return used;
	WRITE_ONCE(*op->seq, *op->seq + 1);
	op->urg_hole++;
	++*offset;
	return used - 1;
}

/* Copy from @skb and eat what is used up. false: the call ends here. */
static bool take_segment(struct recv_op *op, struct sk_buff *skb)
{
	struct xtcp_sock *xp = xtcp_sk(op->sk);
	u32 offset = *op->seq - XTCP_CB(skb)->seq;
	size_t used = min_t(size_t, skb->len - offset, op->len);
	bool fin;

	if (unlikely(xp->urg_state) && used)
		used = stop_at_mark(op, &offset, used);
	if (used) {
		if (!(op->flags & MSG_TRUNC) &&
		    skb_copy_datagram_msg(skb, offset, op->msg, used)) {
			if (!op->copied)
				op->copied = -EFAULT;
			return false;
		}
		WRITE_ONCE(*op->seq, *op->seq + used);
		op->copied += used;
		op->len -= used;
		tune_rcvbuf(op->sk);
	}
	if (unlikely(xp->urg_state) && xtcp_seq_gt(xp->copied_seq, xp->urg_seq))
		WRITE_ONCE(xp->urg_state, XTCP_URG_NONE);
	keep_stamped(op, skb);

	if (offset + used < skb->len)
		return true;
	fin = XTCP_CB(skb)->flags & XTCP_FIN;
	if (fin)
		WRITE_ONCE(*op->seq, *op->seq + 1);
	if (!(op->flags & MSG_PEEK))
		xtcp_reass_eat(op->sk, skb);
	return !fin;
}

/* At the urgent mark: end a read that has something; a signal, maybe SIGURG, goes first. */
static bool ends_at_mark(struct recv_op *op)
{
	const struct xtcp_sock *xp = xtcp_sk(op->sk);

	if (likely(!xp->urg_state) || xp->urg_seq != *op->seq)
		return false;
	if (op->copied)
		return true;
	if (!signal_pending(current))
		return false;
	op->copied = op->timeo ? sock_intr_errno(op->timeo) : -EAGAIN;
	return true;
}

/* Nothing more is queued. Is it worth waiting? Else op->copied is the result. */
static bool may_wait(struct recv_op *op)
{
	struct sock *sk = op->sk;

	if (op->copied)
		return op->timeo && !sk->sk_err && sk->sk_state != XTCP_CLOSED &&
		       !(sk->sk_shutdown & RCV_SHUTDOWN) && !signal_pending(current);
	if (xtcp_sk(sk)->peer_fin)
		return false;
	if (sk->sk_err)
		op->copied = sock_error(sk);
	else if (sk->sk_shutdown & RCV_SHUTDOWN)
		return false;
	else if (sk->sk_state == XTCP_CLOSED)
		op->copied = -ENOTCONN;
	else if (!op->timeo)
		op->copied = -EAGAIN;
	else if (signal_pending(current))
		op->copied = sock_intr_errno(op->timeo);
	else
		return true;
	return false;
}

/* Wait for more; 0 to look again, or -errno when another thread dissolved the connection. */
static int wait_for_text(struct recv_op *op)
{
	struct xtcp_sock *xp = xtcp_sk(op->sk);
	int err;

	if (op->copied >= op->target) {
		/* Enough is copied: take what waits in the backlog, do not sleep. */
		sk_flush_backlog(op->sk);
	} else {
		xtcp_output_window_update(op->sk, op->flags & MSG_PEEK ? 0 : op->copied);
		err = sk_wait_data(op->sk, &op->timeo, op->last);
		if (err < 0)
			return err;
	}
	/* Another thread has read what we peeked at: go on behind it. */
	if ((op->flags & MSG_PEEK) &&
	    op->peek_seq - op->copied - op->urg_hole != xp->copied_seq)
		op->peek_seq = xp->copied_seq;
	return 0;
}

static int recv_text(struct recv_op *op)
{
	struct sk_buff *skb;
	int err;

	do {
		if (ends_at_mark(op))
			break;
		skb = find_segment(op);
		if (skb) {
			if (!take_segment(op, skb))
				break;
			continue;
		}
		if (op->copied >= op->target && !READ_ONCE(op->sk->sk_backlog.tail))
			break;
		if (!may_wait(op))
			break;
		err = wait_for_text(op);
		if (err < 0)
			return op->copied ? op->copied : err;
	} while (op->len > 0);

	if (!(op->flags & MSG_PEEK))
		xtcp_output_window_update(op->sk, max(op->copied, 0));
	return op->copied;
}

/* MSG_OOB: the one urgent octet. Never blocks. */
static int recv_urgent(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	char octet = xp->urg_octet;

	if (sock_flag(sk, SOCK_URGINLINE) || xp->urg_state == XTCP_URG_NONE ||
	    xp->urg_state == XTCP_URG_READ)
		return -EINVAL;
	if (sk->sk_state == XTCP_CLOSED && !xp->peer_fin)
		return -ENOTCONN;
	if (xp->urg_state == XTCP_URG_AHEAD) {
		bool over = sk->sk_state == XTCP_CLOSED || (sk->sk_shutdown & RCV_SHUTDOWN);

		return over ? 0 : -EAGAIN;
	}
	if (!(flags & MSG_PEEK))
		WRITE_ONCE(xp->urg_state, XTCP_URG_READ);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &octet, 1))
		return -EFAULT;
	return 1;
}

static int recv_locked(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct recv_op op = {
		.sk = sk,
		.msg = msg,
		.seq = &xp->copied_seq,
		.len = len,
		.flags = flags,
		.peek_seq = xp->copied_seq,
	};
	int ret;

	sock_owned_by_me(sk);
	if (sk->sk_state == XTCP_LISTEN)
		return -ENOTCONN;
	if (flags & MSG_OOB)
		return recv_urgent(sk, msg, len, flags);
	if (flags & MSG_PEEK)
		op.seq = &op.peek_seq;
	op.timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	op.target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	ret = recv_text(&op);
	if (op.stamped) {
		if (ret >= 0)
			sock_recv_timestamp(msg, sk, op.stamped);
		consume_skb(op.stamped);
	}
	return ret;
}

/* Unread bytes for TCP_INQ; 1 stands for an end of file still to be read. */
static int inq_hint(struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u32 copied_seq = READ_ONCE(xp->copied_seq);
	int inq = READ_ONCE(xp->rcv_nxt) - copied_seq;

	if (unlikely(inq < 0 || copied_seq != READ_ONCE(xp->copied_seq))) {
		lock_sock(sk);
		inq = xp->rcv_nxt - xp->copied_seq;
		release_sock(sk);
	}
	return inq || !xp->peer_fin ? inq : 1;
}

/**
 * xtcp_recv_msg - recv(), read() and their kin, without MSG_ERRQUEUE: proto.recvmsg
 * @sk: the socket
 * @msg: where text and control data go
 * @len: room for text [bytes]
 * @flags: MSG_*
 *
 * Context: process; takes the socket lock, may block.
 * Return: bytes, 0 at the end of the stream, or -errno.
 */
int xtcp_recv_msg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	bool inq_cmsg;
	int inq, ret;

	lock_sock(sk);
	inq_cmsg = xtcp_sk(sk)->inq_cmsg && sk->sk_state != XTCP_LISTEN;
	ret = recv_locked(sk, msg, len, flags);
	release_sock(sk);

	if (ret < 0 || !(inq_cmsg || msg->msg_get_inq))
		return ret;
	inq = inq_hint(sk);
	msg->msg_inq = inq;
	if (inq_cmsg)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(inq), &inq);
	return ret;
}

/* ---- splice ----------------------------------------------------------------- */

/* Move text of one segment to @pipe. Bytes moved; 0: there is nothing to move; -errno. */
static int splice_segment(struct sock *sk, struct pipe_inode_info *pipe, size_t len,
			  unsigned int flags)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb;
	u32 offset, room;
	int moved;

	while ((skb = skb_peek(&sk->sk_receive_queue))) {
		offset = xp->copied_seq - XTCP_CB(skb)->seq;
		if (offset < skb->len)
			break;
		if (XTCP_CB(skb)->flags & XTCP_FIN && offset == skb->len)
			WRITE_ONCE(xp->copied_seq, xp->copied_seq + 1);
		xtcp_reass_eat(sk, skb);
	}
	if (!skb)
		return 0;
	room = min_t(size_t, skb->len - offset, len);
	/* An urgent octet stays for recv(). */
	if (unlikely(xp->urg_state))
		room = min(room, xp->urg_seq - xp->copied_seq);
	if (!room)
		return 0;
	moved = skb_splice_bits(skb, sk, offset, pipe, room, flags);
	if (moved <= 0)
		return moved;
	WRITE_ONCE(xp->copied_seq, xp->copied_seq + moved);
	if (offset + moved == skb->len && !(XTCP_CB(skb)->flags & XTCP_FIN))
		xtcp_reass_eat(sk, skb);
	tune_rcvbuf(sk);
	return moved;
}

/* Nothing to move: wait for more. 1 to look again, 0 for the end, or -errno. */
static int wait_for_splice(struct sock *sk, long *timeo)
{
	int err;

	if (xtcp_sk(sk)->peer_fin)
		return 0;
	if (sk->sk_err)
		return sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	if (sk->sk_state == XTCP_CLOSED || sk->sk_state == XTCP_LISTEN)
		return -ENOTCONN;
	if (!*timeo)
		return -EAGAIN;
	/* Text that may not be moved, behind an urgent mark: do not spin on it. */
	if (!skb_queue_empty(&sk->sk_receive_queue))
		return 0;
	err = sk_wait_data(sk, timeo, NULL);
	if (err < 0)
		return err;
	return signal_pending(current) ? sock_intr_errno(*timeo) : 1;
}

/**
 * xtcp_recv_splice - splice() from the socket to a pipe: proto_ops.splice_read
 * @sock: the socket
 * @ppos: must be zero
 * @pipe: where the pages go, not copied
 * @len: at most [bytes]
 * @flags: SPLICE_F_*
 *
 * Context: process; takes the socket lock, may block.
 * Return: bytes moved, 0 at the end of the stream, or -errno.
 */
ssize_t xtcp_recv_splice(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags)
{
	struct sock *sk = sock->sk;
	ssize_t spliced = 0;
	long timeo;
	int ret = 0;

	if (*ppos)
		return -ESPIPE;
	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	while (len) {
		ret = splice_segment(sk, pipe, len, flags);
		if (ret < 0)
			break;
		if (ret > 0) {
			xtcp_output_window_update(sk, ret);
			spliced += ret;
			len -= ret;
			continue;
		}
		if (spliced)
			break;
		ret = wait_for_splice(sk, &timeo);
		if (ret <= 0)
			break;
	}
	release_sock(sk);
	return spliced ? spliced : ret;
}

/* ---- readiness -------------------------------------------------------------- */

/* Is it time to read: the low-water mark is reached, or the window will not get there? */
static bool is_readable(const struct sock *sk, int target)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	int avail = READ_ONCE(xp->rcv_nxt) - READ_ONCE(xp->copied_seq);
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);
	s32 window;

	if (avail <= 0)
		return false;
	if (avail >= target || sk_under_memory_pressure(sk))
		return true;
	if (atomic_read(&sk->sk_rmem_alloc) > rcvbuf - (rcvbuf >> 3))
		return true;
	window = READ_ONCE(xp->rcv_wup) + READ_ONCE(xp->rcv_wnd) - READ_ONCE(xp->rcv_nxt);
	return window <= READ_ONCE(xp->rcv_mss);
}

static __poll_t poll_writable(struct sock *sk)
{
	if (__sk_stream_is_writeable(sk, 1))
		return EPOLLOUT | EPOLLWRNORM;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/*
	 * Space freed after the test but before the bits were set woke nobody: test
	 * again. Pairs with the barrier in xtcp_conn_check_space().
	 */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1) ? EPOLLOUT | EPOLLWRNORM : 0;
}

/* Masks of a socket that is, or was, connected. */
static __poll_t poll_stream(struct sock *sk, u8 shutdown)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u8 urg_state = READ_ONCE(xp->urg_state);
	int target = sock_rcvlowat(sk, 0, INT_MAX);
	__poll_t mask = 0;

	if (urg_state && READ_ONCE(xp->urg_seq) == READ_ONCE(xp->copied_seq) &&
	    !sock_flag(sk, SOCK_URGINLINE))
		target++;
	if (is_readable(sk, target))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (shutdown & SEND_SHUTDOWN)
		mask |= EPOLLOUT | EPOLLWRNORM;
	else
		mask |= poll_writable(sk);
	if (urg_state == XTCP_URG_HERE)
		mask |= EPOLLPRI;
	return mask;
}

/**
 * xtcp_recv_poll - poll(), select(), epoll: proto_ops.poll
 * @file: the socket's
 * @sock: the socket
 * @wait: whom to wake
 *
 * Masks as Linux TCP: EPOLLHUP when both directions are shut or there is no connection,
 * EPOLLRDHUP when the peer sends no more.
 *
 * Context: process, without the socket lock.
 * Return: EPOLL* mask.
 */
__poll_t xtcp_recv_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);
	state = inet_sk_state_load(sk);
	if (state == XTCP_LISTEN)
		return list_empty_careful(&xtcp_sk(sk)->accept_queue) &&
		       !xtcp_handshake_can_promote(sk) ? 0 : EPOLLIN | EPOLLRDNORM;

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == XTCP_CLOSED)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (state != XTCP_SYN_SENT && state != XTCP_SYN_RCVD)
		mask |= poll_stream(sk, shutdown);
	/* Errors are set before the state changes; see them in that order, backwards. */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

/* Bytes that read() would return without blocking, up to the urgent mark. */
static int inq_bytes(const struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	int bytes;

	if (XTCP_F(sk->sk_state) & (XTCP_F(XTCP_SYN_SENT) | XTCP_F(XTCP_SYN_RCVD)))
		return 0;
	if (!sock_flag(sk, SOCK_URGINLINE) && xp->urg_state &&
	    xtcp_seq_geq(xp->urg_seq, xp->copied_seq) && xtcp_seq_lt(xp->urg_seq, xp->rcv_nxt))
		return xp->urg_seq - xp->copied_seq;
	bytes = xp->rcv_nxt - xp->copied_seq;
	if (bytes && xp->peer_fin)
		bytes--;
	return bytes;
}

/**
 * xtcp_recv_ioctl_value - the values ioctl() asks for: proto.ioctl
 * @sk: the socket
 * @cmd: SIOCINQ, SIOCATMARK, SIOCOUTQ or SIOCOUTQNSD
 * @value: the answer
 *
 * Context: process; takes the socket lock where needed.
 * Return: 0, -EINVAL on a listener, -ENOIOCTLCMD for another @cmd.
 */
int xtcp_recv_ioctl_value(struct sock *sk, int cmd, int *value)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	int state = inet_sk_state_load(sk);
	bool is_open = state != XTCP_SYN_SENT && state != XTCP_SYN_RCVD;

	switch (cmd) {
	case SIOCATMARK:
		*value = READ_ONCE(xp->urg_state) &&
			 READ_ONCE(xp->urg_seq) == READ_ONCE(xp->copied_seq);
		return 0;
	case SIOCINQ:
		if (state == XTCP_LISTEN)
			return -EINVAL;
		lock_sock(sk);
		*value = inq_bytes(sk);
		release_sock(sk);
		return 0;
	case SIOCOUTQ:
		if (state == XTCP_LISTEN)
			return -EINVAL;
		*value = is_open ? READ_ONCE(xp->write_seq) - READ_ONCE(xp->snd_una) : 0;
		return 0;
	case SIOCOUTQNSD:
		if (state == XTCP_LISTEN)
			return -EINVAL;
		*value = is_open ? READ_ONCE(xp->write_seq) - READ_ONCE(xp->snd_nxt) : 0;
		return 0;
	}
	return -ENOIOCTLCMD;
}

/**
 * xtcp_recv_peek_len - unread bytes, without the lock: proto_ops.peek_len
 * @sock: the socket
 *
 * Context: any.
 * Return: bytes.
 */
int xtcp_recv_peek_len(struct socket *sock)
{
	return inq_bytes(sock->sk);
}

/**
 * xtcp_recv_set_lowat - SO_RCVLOWAT: proto_ops.set_rcvlowat
 * @sk: the socket
 * @val: wake readers when so much is there [bytes]
 *
 * The mark must be reachable, so the receive buffer grows with it unless SO_RCVBUF
 * fixed its size; then the mark is cut.
 *
 * Context: process, socket lock.
 * Return: 0.
 */
int xtcp_recv_set_lowat(struct sock *sk, int val)
{
	bool fixed = sk->sk_userlocks & SOCK_RCVBUF_LOCK;
	int cap = fixed ? sk->sk_rcvbuf : READ_ONCE(xtcp_sk_net(sk)->rmem[2]);

	val = min(val, cap >> 1);
	WRITE_ONCE(sk->sk_rcvlowat, val ? val : 1);
	if (is_readable(sk, sk->sk_rcvlowat))
		sk->sk_data_ready(sk);
	if (!fixed && 2 * val > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, 2 * val);
	return 0;
}
