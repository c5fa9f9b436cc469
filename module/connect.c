// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening, and taking it back: connect(), listen(), accept(), connect(AF_UNSPEC).
 *
 * RFC 9293, 3.10.1 (OPEN) and 3.10.5 (ABORT, where an application dissolves a
 * connection). All run in process context under the socket lock; a child that nobody
 * has accepted yet has no owner but the listener's queue and is locked with its
 * spinlock, after the listener's lock.
 */
#include <linux/memcontrol.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <net/ip.h>

#include "af_ops.h"
#include "xtcp.h"

/* How far above the last number of a TIME_WAIT entry its successor starts, as Linux TCP. */
#define TIMEWAIT_ISN_GAP	(65535 + 2)

/* States in which an abort is news to the application: RFC 9293, 3.10.5. */
#define ABORT_REPORTED	(XTCP_F(XTCP_SYN_SENT) | XTCP_F(XTCP_SYN_RCVD) | \
			 XTCP_F(XTCP_ESTABLISHED) | XTCP_F(XTCP_FIN_WAIT_1) | \
			 XTCP_F(XTCP_FIN_WAIT_2) | XTCP_F(XTCP_CLOSE_WAIT))

/*
 * Go on where a TIME_WAIT entry with the same 4-tuple ended: above its numbers, so that
 * its stray segments are old, and with its timestamps, so that PAWS sees them as old.
 */
static void succeed_timewait(struct sock *sk, struct xtcp_timewait *tw)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->iss = tw->snd_nxt + TIMEWAIT_ISN_GAP;
	if (tw->ts_ok) {
		xp->ts_recent = tw->ts_recent;
		xp->ts_recent_s = tw->ts_recent_s;
		xp->ts_offset = tw->ts_offset;
	}
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_TIME_WAIT_REUSED);
	xtcp_timewait_del(tw);
	xtcp_timewait_put(tw);
}

/* Initial numbers, now that the 4-tuple is known (RFC 6528; RFC 7323, 5.4). */
static void choose_numbers(struct sock *sk, struct xtcp_node *reused)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->iss = xtcp_keys_isn(&xp->node.flow, &xp->ts_offset);
	xp->ts_recent = 0;
	xp->ts_recent_s = 0;
	if (reused)
		succeed_timewait(sk, container_of(reused, struct xtcp_timewait, node));
	atomic_set(&inet_sk(sk)->inet_id, get_random_u16());
}

/* Forget the peer, and the local address unless the application chose it. */
static void forget_peer(struct sock *sk)
{
	inet_sk(sk)->inet_dport = 0;
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	sk->sk_route_caps = 0;
	__sk_dst_reset(sk);
}

/* Common part of connect(): @dial resolves, routes and stores the peer's address. */
static int open_connection(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len,
			   int (*dial)(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len))
{
	__be16 routed_sport = inet_sk(sk)->inet_sport;
	struct xtcp_node *reused = NULL;
	int err;

	sock_owned_by_me(sk);
	err = dial(sk, uaddr, addr_len);
	if (err)
		return err;

	/* In SYN_SENT before the port is chosen: bind conflicts depend on the state. */
	xtcp_conn_fsm_run(sk, XTCP_EV_CONNECT);
	sk_set_txhash(sk);
	err = xtcp_port_connect(sk, inet_sk(sk)->inet_num ? xtcp_timewait_may_follow :
				xtcp_timewait_may_reuse, &reused);
	if (err)
		goto undo;
	choose_numbers(sk, reused);
	/* Routing policies and multipath hashes may look at the port just chosen. */
	if (inet_sk(sk)->inet_sport != routed_sport) {
		err = xtcp_sk(sk)->af->route(sk);
		if (err)
			goto undo;
	}
	err = xtcp_output_connect(sk);
	if (!err)
		return 0;
undo:
	xtcp_conn_fsm_run(sk, XTCP_EV_ABORT);
	xtcp_conn_reset(sk);
	forget_peer(sk);
	return err;
}

/**
 * xtcp_connect_v4 - connect() on an AF_INET socket: proto.connect
 * @sk: in CLOSED
 * @uaddr: peer, a sockaddr_in
 * @addr_len: its length
 *
 * Context: process, socket lock.
 * Return: 0 with the SYN sent and the socket in SYN_SENT, or -errno and nothing changed.
 */
int xtcp_connect_v4(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len)
{
	return open_connection(sk, uaddr, addr_len, xtcp_ipv4_connect);
}

#if IS_ENABLED(CONFIG_IPV6)
/**
 * xtcp_connect_v6 - connect() on an AF_INET6 socket: proto.connect
 * @sk: in CLOSED
 * @uaddr: peer, a sockaddr_in6; v4-mapped addresses go over IPv4
 * @addr_len: its length
 *
 * Context: process, socket lock.
 * Return: 0 with the SYN sent and the socket in SYN_SENT, or -errno and nothing changed.
 */
int xtcp_connect_v6(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len)
{
	return open_connection(sk, uaddr, addr_len, xtcp_ipv6_connect);
}
#endif

/**
 * xtcp_connect_dissolve - end whatever the socket is doing and make it fresh: proto.disconnect
 * @sk: in any state
 * @flags: of the file, unused
 *
 * connect(AF_UNSPEC), shutdown() of a listener or of a connection attempt, and the
 * clean-up after a failed connect().
 *
 * Context: process, socket lock.
 * Return: 0.
 */
int xtcp_connect_dissolve(struct sock *sk, int flags)
{
	bool is_reported = (XTCP_F(sk->sk_state) & ABORT_REPORTED) || xtcp_conn_fin_waits(sk);

	sock_owned_by_me(sk);
	if (sk->sk_state == XTCP_LISTEN)
		xtcp_connect_unlisten(sk);
	else
		xtcp_conn_fsm_run(sk, XTCP_EV_ABORT);
	xtcp_conn_reset(sk);
	forget_peer(sk);
	if (is_reported)
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	sk_error_report(sk);
	return 0;
}

/* ---- listeners -------------------------------------------------------------- */

/* Oldest child nobody has accepted yet, or NULL. It stays in the queue. */
static struct sock *first_child(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_sock *child;

	sock_owned_by_me(sk);	/* so that nobody else takes it out */
	spin_lock_bh(&xp->accept_lock);
	child = list_first_entry_or_null(&xp->accept_queue, struct xtcp_sock, accept_link);
	spin_unlock_bh(&xp->accept_lock);
	return child ? &child->inet.sk : NULL;
}

/* The same, out of the queue; its base reference is the caller's. */
static struct sock *pop_child(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sock *child = first_child(sk);

	if (!child)
		return NULL;
	spin_lock_bh(&xp->accept_lock);
	list_del_init(&xtcp_sk(child)->accept_link);
	sk_acceptq_removed(sk);
	spin_unlock_bh(&xp->accept_lock);
	return child;
}

/* Reset a child that nobody will accept any more (RFC 9293, 3.10.4, LISTEN). */
static void drop_child(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sock *listener;

	/* xtcp_conn_orphan() drops the base reference. */
	sock_hold(sk);
	local_bh_disable();
	bh_lock_sock(sk);
	listener = xp->parent;
	xp->parent = NULL;
	xtcp_conn_fsm_run(sk, XTCP_EV_ABORT);
	xtcp_conn_orphan(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
	if (listener)
		sock_put(listener);
}

/* Key of a listener in the demux table: its local half, whatever the peer. */
static void set_listener_key(struct sock *sk)
{
	struct xtcp_node *node = &xtcp_sk(sk)->node;
	struct xtcp_flow *flow = &node->flow;

	node->kind = XTCP_KIND_LISTENER;
	memset(flow, 0, sizeof(*flow));
	flow->net = sock_net(sk);
	flow->ifindex = sk->sk_bound_dev_if;
	flow->lport = inet_sk(sk)->inet_sport;
	flow->family = AF_INET;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		flow->family = AF_INET6;
		flow->v6.laddr = sk->sk_v6_rcv_saddr;
		return;
	}
#endif
	flow->v4.laddr = sk->sk_rcv_saddr;
}

/* CLOSED to LISTEN. */
static int start_listening(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	bool was_bound = inet->inet_num;
	u8 locks = sk->sk_userlocks;
	int err;

	/*
	 * First the state, then the port: of two sockets bound to one port with
	 * SO_REUSEADDR that listen at the same time, one must see the other.
	 */
	xtcp_conn_fsm_run(sk, XTCP_EV_LISTEN);
	err = inet->inet_num ? xtcp_port_recheck(sk) : xtcp_port_get(sk, 0);
	if (err)
		goto undo;
	inet->inet_sport = htons(inet->inet_num);
	sk_dst_reset(sk);
	set_listener_key(sk);
	err = xtcp_hash_add_listener(&xtcp_sk(sk)->node);
	if (!err)
		return 0;
undo:
	/* As bound as before: bind() may have found the port itself. */
	if (was_bound)
		sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
	xtcp_conn_fsm_run(sk, XTCP_EV_CLOSE);
	xtcp_conn_reset(sk);
	sk->sk_userlocks = locks;
	return err;
}

/**
 * xtcp_connect_listen - listen(): proto_ops.listen
 * @sock: unconnected, or listening already: then only the backlog changes
 * @backlog: clipped to somaxconn by the caller; one more connection is let in
 *
 * Context: process; takes the socket lock.
 * Return: 0, -EINVAL in another state, -EADDRINUSE, -ENOMEM.
 */
int xtcp_connect_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || sock->type != SOCK_STREAM)
		goto out;
	if (sk->sk_state != XTCP_CLOSED && sk->sk_state != XTCP_LISTEN)
		goto out;
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	err = sk->sk_state == XTCP_LISTEN ? 0 : start_listening(sk);
	if (!err)
		xtcp_handshake_promote(sk);
out:
	release_sock(sk);
	return err;
}

/**
 * xtcp_connect_unlisten - LISTEN to CLOSED: drop half-open entries, reset unaccepted children
 * @sk: a listener
 *
 * The state changes first: whoever enters a child afterwards finds no listener.
 *
 * Context: process, socket lock.
 */
void xtcp_connect_unlisten(struct sock *sk)
{
	struct sock *child;

	sock_owned_by_me(sk);
	xtcp_conn_fsm_run(sk, XTCP_EV_CLOSE);
	xtcp_halfopen_purge_listener(sk);
	while ((child = pop_child(sk))) {
		drop_child(child);
		cond_resched();
	}
}

/* Not sk_ack_backlog: that counts places reserved for children still on their way, too. */
static bool has_child(const struct sock *sk)
{
	return !list_empty_careful(&xtcp_sk(sk)->accept_queue);
}

/*
 * Sleep until a child is queued. Exclusive: one new connection wakes one of the threads
 * blocked in accept().
 */
static int wait_for_child(struct sock *sk, long timeo)
{
	DEFINE_WAIT(wait);
	int err = 0;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!has_child(sk) && !xtcp_handshake_can_promote(sk))
			timeo = schedule_timeout(timeo);
		sched_annotate_sleep();
		lock_sock(sk);
		xtcp_handshake_promote(sk);
		if (has_child(sk))
			break;
		if (sk->sk_state != XTCP_LISTEN)
			err = -EINVAL;
		else if (signal_pending(current))
			err = sock_intr_errno(timeo);
		else if (!timeo)
			err = -EAGAIN;
		if (err)
			break;
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

/*
 * The memory cgroup that pays for sockets of the running task, referenced, or NULL: none
 * does, or inet_accept() sees to it (7.3).
 */
static struct mem_cgroup *get_owner_memcg(void)
{
	struct mem_cgroup *memcg = NULL;

#if defined(CONFIG_MEMCG) && !defined(XTCP_HAVE_INET_ACCEPT_CHARGE)
	if (!mem_cgroup_sockets_enabled)
		return NULL;
	rcu_read_lock();
	memcg = mem_cgroup_from_task(current);
	/* The root pays for nothing; in version 1 only who has asked for it does. */
	if (!memcg->css.parent ||
	    (!cgroup_subsys_on_dfl(memory_cgrp_subsys) && !memcg->tcpmem_active) ||
	    !css_tryget(&memcg->css))
		memcg = NULL;
	rcu_read_unlock();
#endif
	return memcg;
}

/*
 * Charge what a child holds to the memory cgroup of the task that accepts it, as for the
 * sockets that task opens: softirq, where it was made, is in no cgroup. The protocol's
 * account has these pages already and is given back what charging them once more adds.
 * False: the cgroup, or the protocol, is at its limit, and nothing has changed.
 */
static bool charge_to_owner(struct sock *child)
{
	struct mem_cgroup *memcg = get_owner_memcg();
	int held_bytes;

	if (!memcg)
		return true;
	lock_sock_nested(child, SINGLE_DEPTH_NESTING);
	held_bytes = sk_mem_pages(child->sk_forward_alloc + atomic_read(&child->sk_rmem_alloc) +
				  child->sk_wmem_queued) << PAGE_SHIFT;
	child->sk_memcg = memcg;
	if (held_bytes && !__sk_mem_schedule(child, held_bytes, SK_MEM_RECV)) {
		child->sk_memcg = NULL;
		mem_cgroup_put(memcg);
		release_sock(child);
		return false;
	}
	if (held_bytes) {
		child->sk_memcg = NULL;
		__sk_mem_reclaim(child, held_bytes);
		child->sk_memcg = memcg;
	}
	release_sock(child);
	return true;
}

/* The child belongs to an application now, not to the listener's queue. */
static void release_from_queue(struct sock *child)
{
	struct sock *listener;

	lock_sock(child);
	listener = xtcp_sk(child)->parent;
	xtcp_sk(child)->parent = NULL;
	release_sock(child);
	if (listener)
		sock_put(listener);
}

/**
 * xtcp_connect_accept - accept(): proto.accept
 * @sk: the listener
 * @flags: O_NONBLOCK
 * @err: set when there is nothing to return
 *
 * A child that was reset meanwhile is returned like any other; its first use tells. One
 * whose memory its new owner cannot pay for stays in the queue (API-44).
 *
 * Context: process; takes the socket lock.
 * Return: the child, to be attached to a struct socket; or NULL.
 */
struct sock *xtcp_connect_accept(struct sock *sk, int flags, int *err)
{
	struct sock *child = NULL;
	long timeo;

	lock_sock(sk);
	*err = -EINVAL;
	if (sk->sk_state != XTCP_LISTEN)
		goto out;
	*err = 0;
	xtcp_handshake_promote(sk);
	if (!has_child(sk)) {
		timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
		*err = timeo ? wait_for_child(sk, timeo) : -EAGAIN;
	}
	if (*err)
		goto out;
	if (!charge_to_owner(first_child(sk))) {
		*err = -ENOBUFS;
		goto out;
	}
	child = pop_child(sk);
	xtcp_handshake_promote(sk);
out:
	release_sock(sk);
	if (child)
		release_from_queue(child);
	return child;
}
