// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closing: close() in all its forms, and shutdown().
 *
 * RFC 9293, 3.10.4 (CLOSE) and 3.10.5 (ABORT); RFC 2525, 2.17 (unread data). Process
 * context. After close() the socket has no file: it lives on as an orphan, owned by its
 * timers and the demux table, until the peer has everything or time is up.
 */
#include <linux/sched/signal.h>

#include "xtcp.h"

/* A lingering close() waits while the peer has not acknowledged our FIN. */
#define LINGERING	(XTCP_F(XTCP_FIN_WAIT_1) | XTCP_F(XTCP_CLOSING) | XTCP_F(XTCP_LAST_ACK))

/* Empty the receive queue. Was there text the application has not read? */
static bool drop_received(struct sock *sk)
{
	u32 copied_seq = xtcp_sk(sk)->copied_seq;
	bool unread = false;
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		const struct xtcp_cb *cb = XTCP_CB(skb);

		if (xtcp_seq_gt(cb->end_seq - !!(cb->flags & XTCP_FIN), copied_seq))
			unread = true;
		__kfree_skb(skb);
	}
	return unread;
}

/* The application is gone: say so to the peer, politely or not. */
static void end_connection(struct sock *sk)
{
	bool unread = drop_received(sk);

	if (sk->sk_state == XTCP_CLOSED)
		return;
	if (unread) {
		/* A FIN would tell the peer that all it sent was read (RFC 2525, 2.17). */
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_ABORT_ON_CLOSE);
		xtcp_conn_abort(sk);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_ABORT_ON_DATA);
		xtcp_conn_fsm_run(sk, XTCP_EV_ABORT);
	} else {
		xtcp_conn_fsm_run(sk, XTCP_EV_CLOSE);
	}
}

static bool is_lingering(const struct sock *sk)
{
	return XTCP_F(READ_ONCE(sk->sk_state)) & LINGERING;
}

/* SO_LINGER: wait until data and FIN are acknowledged, a signal comes, or time is up. */
static void linger(struct sock *sk, long timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!timeo)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	while (is_lingering(sk) && timeo && !signal_pending(current)) {
		if (sk_wait_event(sk, &timeo, !is_lingering(sk), &wait))
			break;
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

/* A kernel socket holds no reference on its namespace, so its orphan could lose it. */
static bool must_not_outlive_close(const struct sock *sk)
{
	return !sk->sk_net_refcnt && !net_eq(sock_net(sk), &init_net);
}

/*
 * Part the socket from its file. What came in meanwhile is taken first, so that from
 * xtcp_conn_orphan() on nothing but the orphan's own life can change its state.
 */
static void part_from_file(struct sock *sk)
{
	local_bh_disable();
	bh_lock_sock(sk);
	while (sk->sk_backlog.tail) {
		bh_unlock_sock(sk);
		local_bh_enable();
		sk_flush_backlog(sk);
		local_bh_disable();
		bh_lock_sock(sk);
	}
	xtcp_conn_orphan(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
}

/**
 * xtcp_close_sock - close() of the last descriptor: proto.close
 * @sk: in any state
 * @timeout: linger so long [jiffies]
 *
 * Context: process; takes the socket lock, and drops the file's hold on @sk.
 */
void xtcp_close_sock(struct sock *sk, long timeout)
{
	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == XTCP_LISTEN) {
		xtcp_connect_unlisten(sk);
	} else {
		end_connection(sk);
		linger(sk, timeout);
		if (must_not_outlive_close(sk))
			xtcp_conn_fsm_run(sk, XTCP_EV_ABORT);
	}
	/* xtcp_conn_orphan() may drop the last reference but this. */
	sock_hold(sk);
	part_from_file(sk);
	release_sock(sk);
	sock_put(sk);
}

/**
 * xtcp_close_shutdown - shutdown(): proto.shutdown
 * @sk: neither in LISTEN nor in SYN_SENT, which inet_shutdown() dissolves
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN or both; sk_shutdown is set already
 *
 * Shutting down the receiving side sends nothing: the peer may go on until our window
 * is full, as on Linux TCP. The state machine ignores a second CLOSE.
 *
 * Context: process, socket lock.
 */
void xtcp_close_shutdown(struct sock *sk, int how)
{
	sock_owned_by_me(sk);
	if (how & SEND_SHUTDOWN)
		xtcp_conn_fsm_run(sk, XTCP_EV_CLOSE);
}
