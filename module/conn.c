// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a connection: birth, every change of state, death.
 *
 * xtcp_conn_fsm_run() is the one runner of core/state.c's table and the only place that
 * writes sk_state; scripts/check-state-writers proves it. Everything runs under the
 * socket lock: lock_sock(), or bh_lock_sock() while no user owns the socket.
 */
#include <linux/sched/signal.h>
#include <net/dst.h>
#include <net/xfrm.h>

#include "xtcp.h"
#include "af_ops.h"
#include "rtxq.h"
#include "timer.h"
#include "trace.h"

/* ---- orphans ---------------------------------------------------------------- */

/* Of all namespaces, which anybody may make: without and with idle_orphan. */
static atomic_t all_orphans[2];

static void count_orphan(const struct sock *sk, int delta)
{
	bool idle = xtcp_sk(sk)->idle_orphan;

	atomic_add(delta, &xtcp_sk_net(sk)->orphans[idle]);
	atomic_add(delta, &all_orphans[idle]);
}

/*
 * Are there, besides @self that count already, as many orphans as there may be (SEC-19)? The
 * limit of the first namespace is the machine's; others can only be stricter with themselves.
 */
static bool is_crowded(const struct xtcp_net *xn, bool idle, int self)
{
	return atomic_read(&xn->orphans[idle]) - self >= READ_ONCE(xn->max_orphans) ||
	       atomic_read(&all_orphans[idle]) - self >=
	       READ_ONCE(xtcp_net(&init_net)->max_orphans);
}

/* ---- changes of state ------------------------------------------------------- */

/* The end: nothing can find the socket, nothing is armed, nothing is queued to send. */
static void finish(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xtcp_timer_stop_all(sk);
	xtcp_rtxq_purge(sk);
	xtcp_reass_purge(sk);
	xp->recovery = XTCP_RECOVERY_OPEN;
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		xtcp_port_put(sk);
	sk->sk_shutdown = SHUTDOWN_MASK;
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		return;
	}
	count_orphan(sk, -1);
	xtcp_conn_finish_destroy(sk);
}

/* The errno a transition reports, 0: none. A time-out reports the remembered soft error. */
static int error_of(const struct sock *sk, u16 actions)
{
	if (actions & XTCP_ACT_ERR_REFUSED)
		return ECONNREFUSED;
	if (actions & XTCP_ACT_ERR_RESET)
		return ECONNRESET;
	if (actions & XTCP_ACT_ERR_PIPE)
		return EPIPE;
	if (actions & XTCP_ACT_ERR_TIMEDOUT)		/* RFC 9293, 3.9.2.2 (MUST-56) */
		return READ_ONCE(sk->sk_err_soft) ?: ETIMEDOUT;
	return 0;
}

static void connected(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (sock_flag(sk, SOCK_KEEPOPEN))
		xtcp_timer_arm_keepalive(sk, xp->keepalive_time_jif ?:
				READ_ONCE(xtcp_sk_net(sk)->keepalive_time_jif));
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
	}
}

static void end_of_stream(struct sock *sk)
{
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);
	if (sock_flag(sk, SOCK_DEAD))
		return;
	sk->sk_state_change(sk);
	if (sk->sk_shutdown == SHUTDOWN_MASK)
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
	else
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
}

/*
 * How long an orphan waits for the peer's FIN [jiffies], negative: not at all. Long enough, as
 * in Linux, for two losses on the way.
 */
static int fin_wait_2_time(const struct sock *sk)
{
	int wait = xtcp_sk(sk)->linger2_jif ?: READ_ONCE(xtcp_sk_net(sk)->fin_timeout_jif);

	return wait < 0 ? wait : max_t(int, wait, 7 * xtcp_timer_rto_jif(sk) / 2);
}

/*
 * An orphan in FIN_WAIT_2 must not wait for ever (CLS-21), nor take the place of those that
 * have something to deliver. Linux makes it a TIME_WAIT entry, of which there may be more.
 */
static void guard_orphan_fin_wait_2(struct sock *sk)
{
	int wait = fin_wait_2_time(sk);

	count_orphan(sk, -1);
	xtcp_sk(sk)->idle_orphan = 1;
	count_orphan(sk, 1);
	if (wait < 0) {
		xtcp_conn_fsm_run(sk, XTCP_EV_ABORT);
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_ABORT_ON_LINGER);
		return;
	}
	if (is_crowded(xtcp_sk_net(sk), true, 1)) {
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_TIME_WAIT_OVERFLOW);
		wait = 1;	/* not now: the segment at hand may bring the FIN */
	}
	xtcp_timer_arm_keepalive(sk, wait);
}

static void fin_acked(struct sock *sk)
{
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	sk_dst_confirm(sk);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_state_change(sk);	/* a lingering close() waits for this */
	else if (sk->sk_state == TCP_FIN_WAIT2)
		guard_orphan_fin_wait_2(sk);
}

/* The ACK of the peer's FIN is the last a socket sends before an entry takes its place. */
static void say_last_word(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (xp->ack_now || xp->ack_pending || xp->rcv_nxt != xp->last_ack_sent)
		xtcp_output_ack(sk);
}

static void time_wait(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (!xtcp_timewait_start(sk)) {
		xtcp_hash_del(&xp->node);
		trace_xtcp_state(&xp->node.flow, XTCP_TIME_WAIT, XTCP_CLOSED,
				 XTCP_EV_2MSL_TIMEOUT);
	}
	finish(sk);
}

static void run_actions(struct sock *sk, u16 actions)
{
	if (actions & XTCP_ACT_SEND_RST)
		xtcp_output_rst(sk);
	if (actions & XTCP_ACT_SEND_FIN)
		xtcp_output_fin(sk);
	if (actions & XTCP_ACT_CONNECTED)
		connected(sk);
	if (actions & XTCP_ACT_EOF)
		end_of_stream(sk);
	if (actions & XTCP_ACT_FIN_ACKED)
		fin_acked(sk);
	if (actions & XTCP_ACT_TIME_WAIT)
		time_wait(sk);
	if (actions & XTCP_ACT_DONE)
		finish(sk);
	/* Last: who wakes sees all that has changed. An orphan may be destroyed by now. */
	if (sk->sk_err && !sock_flag(sk, SOCK_DEAD))
		sk_error_report(sk);
}

/* Both sides have closed; ours may not have been heard. */
#define FIN_CROSSED	(XTCP_F(XTCP_CLOSING) | XTCP_F(XTCP_LAST_ACK))

/**
 * xtcp_conn_fin_waits - has the connection closed on paper only?
 * @sk: the socket
 *
 * CLOSING and LAST_ACK begin when our FIN is queued. In RFC 9293 it has been sent by then, so
 * that an abort has nothing to tell and a RST nothing to destroy (3.10.5; 3.10.7.4, second).
 * Where text or FIN are still here, both do (Linux: tcp_disconnect(), tcp_reset()).
 *
 * Context: socket lock.
 * Return: true in these states while something is unsent.
 */
bool xtcp_conn_fin_waits(const struct sock *sk)
{
	return (XTCP_F(sk->sk_state) & FIN_CROSSED) &&
	       (xtcp_sk(sk)->snd_nxt != xtcp_sk(sk)->write_seq || xtcp_output_owes_fin(sk));
}

/* Has the connection closed, with text of which nobody knows whether it has arrived? */
static bool has_text_unacked(const struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);

	return (XTCP_F(sk->sk_state) & FIN_CROSSED) &&
	       xtcp_seq_lt(xp->snd_una, xp->write_seq - 1);
}

/* What the table does not know: see xtcp_conn_fin_waits(). */
static u16 more_actions(const struct sock *sk, enum xtcp_event event)
{
	if (event == XTCP_EV_ABORT && xtcp_conn_fin_waits(sk))
		return XTCP_ACT_SEND_RST;
	if (event == XTCP_EV_RCV_RST && (xtcp_conn_fin_waits(sk) || has_text_unacked(sk)))
		return XTCP_ACT_ERR_RESET;
	return 0;
}

/**
 * xtcp_conn_fsm_run - something happened to a connection
 * @sk: the socket
 * @event: what
 *
 * Looks the event up in the table, writes the new state, carries out the actions. The
 * socket may be closed afterwards, and, if it was an orphan, have lost its last reference
 * but the caller's.
 *
 * Context: socket lock, BH off or process.
 */
void xtcp_conn_fsm_run(struct sock *sk, enum xtcp_event event)
{
	const struct xtcp_cell *cell = xtcp_state_cell(sk->sk_state, event);
	u16 actions = cell->actions | more_actions(sk, event);
	struct xtcp_sock *xp = xtcp_sk(sk);
	int old = sk->sk_state;

	if (cell->verdict == XTCP_CELL_IGNORE || cell->verdict == XTCP_CELL_SPAWN)
		return;
	if (cell->verdict != XTCP_CELL_GO) {
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_FSM_BUG);
		WARN_ONCE(1, "xtcp: event %s in state %s\n", xtcp_state_event_name(event),
			  xtcp_state_name(old));
		return;
	}
	/* A lockless poll that sees the socket closed must see why. */
	if (error_of(sk, actions))
		WRITE_ONCE(sk->sk_err, error_of(sk, actions));
	smp_wmb();	/* pairs with smp_rmb() in xtcp_recv_poll() */
	/* Unfindable before the state says closed: no segment may meet a closed socket. */
	if (cell->next == XTCP_CLOSED)
		xtcp_hash_del(&xp->node);
	trace_xtcp_state(&xp->node.flow, old, cell->next, event);
	if (cell->next == XTCP_TIME_WAIT)
		say_last_word(sk);
	/* In TIME_WAIT generic code would take it for a struct inet_timewait_sock. */
	inet_sk_set_state(sk, cell->next == XTCP_TIME_WAIT ? XTCP_CLOSED : cell->next);

	if (event == XTCP_EV_RCV_RST && xtcp_state_is_synchronized(old))
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_ESTAB_RESETS);
	if (cell->next == XTCP_CLOSED && (old == XTCP_SYN_SENT || old == XTCP_SYN_RCVD))
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_ATTEMPT_FAILS);
	run_actions(sk, actions);
}

/**
 * xtcp_conn_abort - end a connection for good, and tell the peer in every state
 * @sk: the socket
 *
 * For what the application did not ask for: text, or the FIN, may have been lost, nobody will
 * repeat it, and to the peer silence would be a connection that goes on for ever. RFC 9293,
 * 3.10.5 says nothing in CLOSING and LAST_ACK, where the user has been told all; Linux speaks.
 *
 * Context: socket lock.
 */
void xtcp_conn_abort(struct sock *sk)
{
	if ((XTCP_F(sk->sk_state) & FIN_CROSSED) && !xtcp_conn_fin_waits(sk))
		xtcp_output_rst(sk);
	xtcp_conn_fsm_run(sk, XTCP_EV_ABORT);
}

/**
 * xtcp_conn_write_space - the send buffer has room again: sk->sk_write_space
 * @sk: the socket
 *
 * Context: any, BH off.
 */
void xtcp_conn_write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	/* As poll() asks: less room would wake its caller for nothing. */
	if (!sock || !__sk_stream_is_writeable(sk, 1))
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

/**
 * xtcp_conn_check_space - text was sent or acknowledged: wake whoever waits for room
 * @sk: the socket
 *
 * Only him: who has not met a full buffer is told of no room.
 *
 * Context: socket lock, BH off or process.
 */
void xtcp_conn_check_space(struct sock *sk)
{
	smp_mb();	/* pairs with the barrier in poll_writable() */
	if (sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags)) {
		sk->sk_write_space(sk);
		xtcp_rtxq_note_limit(sk);
	}
}

/* ---- birth ------------------------------------------------------------------ */

/*
 * What every connection starts from; options of the application are left alone, and so is
 * what timers have left for release_cb: each bit there stands for a reference.
 */
static void init_connection(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->rtx = RB_ROOT;
	xp->rtx_tail = NULL;
	xp->rtx_bytes = 0;
	xp->sacked_bytes = 0;
	xp->lost_bytes = 0;
	xp->resent_bytes = 0;
	xp->ooo = RB_ROOT;
	memset(&xp->sacks, 0, sizeof(xp->sacks));
	xp->iss = 0;
	xp->snd_una = 0;
	xp->snd_nxt = 0;
	xp->write_seq = 0;
	xp->snd_wnd = 0;
	xp->max_snd_wnd = 0;
	xp->irs = 0;
	xp->rcv_nxt = 0;
	xp->rcv_wup = 0;
	xp->rcv_wnd = 0;
	xp->copied_seq = 0;
	xp->snd_wscale = 0;
	xp->rcv_wscale = 0;
	xp->wscale_ok = 0;
	xp->sack_ok = 0;
	xp->ts_ok = 0;
	xp->passive = 0;
	xp->fin_queued = 0;
	xp->peer_fin = 0;
	xp->urg_sent = 0;
	xp->urg_state = XTCP_URG_NONE;
	xp->cwnd_limited = 0;
	xp->ts_recent = 0;
	xp->ts_recent_s = 0;
	xp->last_ack_sent = 0;
	xp->mss_clamp = XTCP_MSS_DEFAULT_V4;
	xp->mss = XTCP_MSS_DEFAULT_V4;
	xp->pmtu = 0;
	memset(&xp->ecn, 0, sizeof(xp->ecn));
	xp->recovery = XTCP_RECOVERY_OPEN;
	xp->dup_acks = 0;
	xp->retries = 0;
	xp->probes = 0;
	xp->total_retrans = 0;
	xp->retrans_since_us = 0;
	xp->bytes_acked = 0;
	xp->bytes_received = 0;
	xp->segs_in = 0;
	xp->segs_out = 0;
	memset(&xp->tally, 0, sizeof(xp->tally));
	xp->ack_now = 0;
	xp->ack_pending = 0;
	xp->quickacks = XTCP_QUICKACKS_MAX;
	xp->pingpong = 0;
	xp->ato_jif = XTCP_DELACK_MIN;
	xp->last_oow_ack_jif = 0;
	xp->rcv_rtt_us = 0;
	xp->rcv_rtt_seq = 0;
	xp->rcvq_space = 0;
	xp->rcvq_us = 0;
	xp->rto_kind = XTCP_RTO_NONE;
	xtcp_rtt_init(&xp->rtt);
	xtcp_cong_start(&xp->cong, xp->cong.ops, xp->mss);
}

/**
 * xtcp_conn_init_sock - a new socket, CLOSED
 * @sk: fresh from sk_alloc() and sock_init_data()
 *
 * Context: process.
 * Return: 0.
 */
int xtcp_conn_init_sock(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_net *xn = xtcp_sk_net(sk);

	xp->af = xtcp_af_ops(sk->sk_family);
	xp->cong.ops = READ_ONCE(xn->cong);
	init_connection(sk);
	INIT_LIST_HEAD(&xp->accept_queue);
	INIT_LIST_HEAD(&xp->accept_link);
	spin_lock_init(&xp->accept_lock);
	atomic_set(&xp->halfopen_len, 0);
	atomic_set(&xp->parked_len, 0);
	xp->node.kind = XTCP_KIND_SOCK;
	xp->node.flow.net = sock_net(sk);
	xp->node.flow.family = sk->sk_family;

	inet_sk_set_state(sk, TCP_CLOSE);
	sk->sk_write_space = xtcp_conn_write_space;
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	sock_set_flag(sk, SOCK_RCU_FREE);	/* the demux table's readers hold RCU only */
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(xn->wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(xn->rmem[1]));
	sk_sockets_allocated_inc(sk);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	return 0;
}

/* Sequence numbers and options of a child, from its half-open entry. */
static void adopt_halfopen(struct sock *child, const struct xtcp_halfopen *ho)
{
	struct xtcp_sock *xp = xtcp_sk(child);
	u16 mss = ho->mss ?: xp->af->mss_default;

	xp->iss = ho->iss;
	xp->snd_una = ho->iss;
	xp->snd_nxt = ho->iss + 1;
	xp->snd_sml = ho->iss;
	xp->snd_up = ho->iss;
	xp->write_seq = ho->iss + 1;
	xp->pushed_seq = xp->write_seq;
	xp->irs = ho->irs;
	xp->rcv_nxt = ho->irs + 1;
	xp->copied_seq = xp->rcv_nxt;
	xp->rcvq_seq = xp->rcv_nxt;
	xp->rcv_wup = xp->rcv_nxt;
	xp->rcv_wnd = ho->rcv_wnd;
	xp->last_ack_sent = xp->rcv_nxt;
	xp->snd_wscale = ho->snd_wscale;
	xp->rcv_wscale = ho->rcv_wscale;
	xp->wscale_ok = !!(ho->opts & XTCP_OPT_WSCALE);
	xp->sack_ok = !!(ho->opts & XTCP_OPT_SACK_OK);
	xp->ts_ok = !!(ho->opts & XTCP_OPT_TS);
	xp->ecn.ok = ho->ecn;
	xp->ts_recent = ho->ts_recent;
	xp->ts_recent_s = ktime_get_seconds();
	xp->ts_offset = ho->ts_offset;
	xp->advmss = ho->advmss;
	xp->mss_clamp = xp->user_mss ? min(xp->user_mss, mss) : mss;
	xp->rcv_mss = min_t(u16, xp->advmss, XTCP_MSS_DEFAULT_V4);
	xp->window_clamp = xp->window_clamp ?: xtcp_window_max(XTCP_WSCALE_MAX);
	xp->passive = 1;
	/* As its SYN-ACK: one flow label, one path, one queue from the first segment on. */
	WRITE_ONCE(child->sk_txhash, ho->iss ?: 1);
}

/**
 * xtcp_conn_spawn - the socket a half-open entry becomes, in SYN_RCVD
 * @ho: referenced; the peer has proved that it is there
 *
 * It is in no table yet and has the bytes of its listener's timers: the caller gives it
 * timers of its own, then xtcp_conn_settle()s it, after which it holds a reference on the
 * listener until accepted.
 *
 * Context: softirq.
 * Return: the child, locked, with one reference of the caller's and one of its own; or
 *	NULL without memory.
 */
struct sock *xtcp_conn_spawn(struct xtcp_halfopen *ho)
{
	struct sock *listener = ho->listener;
	struct sock *child = sk_clone_lock(listener, GFP_ATOMIC);
	struct xtcp_sock *xp;

	if (!child)
		return NULL;
	xp = xtcp_sk(child);
	/* The clone has the listener's everything: make it a connection of its own first. */
	INIT_LIST_HEAD(&xp->accept_queue);
	INIT_LIST_HEAD(&xp->accept_link);
	spin_lock_init(&xp->accept_lock);
	atomic_set(&xp->halfopen_len, 0);
	atomic_set(&xp->parked_len, 0);
	memset(&xp->bind, 0, sizeof(xp->bind));
	memset(&xp->node, 0, sizeof(xp->node));
	xp->node.kind = XTCP_KIND_SOCK;
	memcpy(&xp->node.flow, &ho->node.flow, ho->node.flow.family == AF_INET6 ?
	       sizeof(struct xtcp_flow) : offsetofend(struct xtcp_flow, v4));
	xp->parent = NULL;
	xp->deferred = 0;
	xp->af = xtcp_af_ops(ho->node.flow.family);
	init_connection(child);
	sock_prot_inuse_add(sock_net(child), child->sk_prot, 1);
	inet_sk_set_state(child, TCP_SYN_RECV);
	adopt_halfopen(child, ho);
	child->sk_bound_dev_if = ho->node.flow.ifindex;
	child->sk_mark = ho->mark;
	child->sk_max_ack_backlog = 0;
	child->sk_ack_backlog = 0;
	sock_reset_flag(child, SOCK_DONE);
	return child;
}

/**
 * xtcp_conn_settle - give a child its addresses, its route and its port
 * @child: from xtcp_conn_spawn(), timers initialised
 * @ho: its half-open entry
 * @dst: the way to the peer, its reference is consumed; NULL: to be looked up
 *
 * Context: softirq, socket lock.
 * Return: 0, or -errno: the caller discards the child.
 */
int xtcp_conn_settle(struct sock *child, const struct xtcp_halfopen *ho, struct dst_entry *dst)
{
	struct xtcp_sock *xp = xtcp_sk(child);
	int err = xp->af->set_child(child, ho);

	/* IP options may lead another way. */
	if (dst && !err && !xp->af->ext_hdr_len(child)) {
		xp->af->adopt_route(child, dst);
	} else {
		dst_release(dst);
		if (!err)
			err = xp->af->route(child);
	}
	if (!err)
		err = xtcp_port_inherit(child, ho->listener);
	if (err)
		return err;
	xtcp_output_mss(child);
	xtcp_cong_start(&xp->cong, xp->cong.ops, xp->mss);
	sock_hold(ho->listener);
	xp->parent = ho->listener;
	return 0;
}

/* ---- death ------------------------------------------------------------------ */

/**
 * xtcp_conn_discard - drop a child nobody has seen
 * @child: from xtcp_conn_spawn(), locked, timers initialised, in no table and no queue;
 *	both references go
 *
 * Context: softirq.
 */
void xtcp_conn_discard(struct sock *child)
{
	struct xtcp_sock *xp = xtcp_sk(child);

	if (xp->parent)
		sock_put(xp->parent);
	xp->parent = NULL;
	inet_sk_set_state(child, TCP_CLOSE);
	sock_orphan(child);
	xtcp_timer_stop_all(child);
	xtcp_conn_finish_destroy(child);
	bh_unlock_sock(child);
	sock_put(child);
}

/**
 * xtcp_conn_destroy_sock - proto.destroy: give back everything a socket holds
 * @sk: CLOSED
 *
 * Context: socket lock.
 */
void xtcp_conn_destroy_sock(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xtcp_hash_del(&xp->node);
	xtcp_timer_stop_all(sk);
	xtcp_rtxq_purge(sk);
	xtcp_reass_purge(sk);
	if (xp->bind.port)
		xtcp_port_put(sk);
	sk_sockets_allocated_dec(sk);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
}

/**
 * xtcp_conn_finish_destroy - the last step of an orphan that is CLOSED
 * @sk: the socket; its base reference is dropped
 *
 * Context: socket lock; the caller holds a reference of its own.
 */
void xtcp_conn_finish_destroy(struct sock *sk)
{
	WARN_ON_ONCE(sk->sk_state != TCP_CLOSE || !sock_flag(sk, SOCK_DEAD));
	sk->sk_prot->destroy(sk);
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	sock_put(sk);
}

/* Is there no place, or no memory, for an orphan, which may count already (@self is 1)? */
static bool has_no_place(struct sock *sk, int self)
{
	return is_crowded(xtcp_sk_net(sk), false, self) ||
	       (sk->sk_wmem_queued > XTCP_MIN_SNDBUF &&
		sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 2));
}

/**
 * xtcp_conn_shed_orphan - reset an orphan if there are too many, or memory is too short
 * @sk: an orphan that still has a peer
 *
 * Asked whenever it wants to go on: limits may be lowered, and memory may run short, while
 * a peer keeps it waiting.
 *
 * Context: socket lock; the caller holds a reference.
 * Return: true if it is gone.
 */
bool xtcp_conn_shed_orphan(struct sock *sk)
{
	if (!has_no_place(sk, 1))
		return false;
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_ABORT_ON_MEMORY);
	xtcp_conn_abort(sk);
	return true;
}

/**
 * xtcp_conn_orphan - the application goes; what becomes of the connection?
 * @sk: the socket, of no file afterwards
 *
 * A closed one is destroyed. In FIN_WAIT_2 it waits for the peer's FIN, but not for ever.
 * Above the orphan limit it is reset, before it counts: none of the others may be taken
 * for the one too many.
 *
 * Context: bh_lock_sock(), no other user owns the socket; the caller holds a reference.
 */
void xtcp_conn_orphan(struct sock *sk)
{
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_FIN_WAIT2 && has_no_place(sk, 0)) {
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_ABORT_ON_MEMORY);
		xtcp_conn_abort(sk);
	}
	sock_orphan(sk);
	if (sk->sk_state == TCP_CLOSE) {
		xtcp_conn_finish_destroy(sk);
		return;
	}
	count_orphan(sk, 1);
	if (sk->sk_state == TCP_FIN_WAIT2)
		guard_orphan_fin_wait_2(sk);
}

/**
 * xtcp_conn_reset - make a closed socket fit to connect again
 * @sk: CLOSED; options of the application stay
 *
 * Context: socket lock, process.
 */
void xtcp_conn_reset(struct sock *sk)
{
	WARN_ON_ONCE(sk->sk_state != TCP_CLOSE);
	xtcp_timer_stop_all(sk);
	xtcp_rtxq_purge(sk);
	xtcp_reass_purge(sk);
	__skb_queue_purge(&sk->sk_receive_queue);
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
	WRITE_ONCE(sk->sk_err_soft, 0);
	atomic_set(&sk->sk_tskey, 0);	/* timestamps of octets are numbered anew */
	sk_dst_reset(sk);
	xtcp_sk(sk)->node.kind = XTCP_KIND_SOCK;
	init_connection(sk);
	/* Children would be clones that hold no reference of it. */
	if (sk->sk_frag.page)
		put_page(sk->sk_frag.page);
	memset(&sk->sk_frag, 0, sizeof(sk->sk_frag));
}
