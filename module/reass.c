// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reassembly: received text in order on sk_receive_queue, the rest in the ooo tree.
 *
 * RFC 9293, 3.10.7.4 (seventh; SHLD-31). Octets already held are never replaced: of two
 * segments that overlap, the first to arrive wins. Memory is charged by real size and
 * bounded by the receive buffer; out-of-order text is given up first, from the far end.
 * Everything runs under the socket lock.
 */
#include <net/xfrm.h>

#include "xtcp.h"

/* Segments looked at on each side for a run that has been forgotten: most are one by now. */
#define RUN_SEGS	16

/**
 * xtcp_reass_duplicate - text that arrived twice is reported once, by D-SACK
 * @sk: the socket
 * @start: its first sequence number
 * @end: the one behind it; @start: nothing to report
 *
 * RFC 2883, 4. Context: socket lock.
 */
void xtcp_reass_duplicate(struct sock *sk, u32 start, u32 end)
{
	if (!xtcp_sk(sk)->sack_ok || start == end)
		return;
	xtcp_sack_dup(&xtcp_sk(sk)->sacks, start, end);
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_DSACK_SENT);
}

/* @to now ends where @skb does, whose text it has got. */
static void follow(struct sk_buff *to, const struct sk_buff *skb)
{
	XTCP_CB(to)->end_seq = XTCP_CB(skb)->end_seq;
	XTCP_CB(to)->flags |= XTCP_CB(skb)->flags & XTCP_FIN;
	if (skb->tstamp) {
		to->tstamp = skb->tstamp;	/* of what was read last */
		skb_shinfo(to)->hwtstamps = skb_shinfo(skb)->hwtstamps;
	}
}

/* Add the text of @skb to @to if it continues it; true: @skb is gone. */
static bool coalesce(struct sock *sk, struct sk_buff *to, struct sk_buff *skb)
{
	bool stolen;
	int delta;

	if (!to || XTCP_CB(to)->end_seq != XTCP_CB(skb)->seq ||
	    (XTCP_CB(to)->flags & XTCP_FIN) || !skb_try_coalesce(to, skb, &stolen, &delta))
		return false;
	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	follow(to, skb);
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_RCV_COALESCED);
	kfree_skb_partial(skb, stolen);
	return true;
}

/* @skb, which starts at RCV.NXT, is readable now. @charged: it came from the ooo tree. */
static void deliver(struct sock *sk, struct sk_buff *skb, bool charged, bool *fin)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->bytes_received += skb->len;
	xp->rcv_nxt = XTCP_CB(skb)->end_seq;
	if (XTCP_CB(skb)->flags & XTCP_FIN)
		*fin = true;
	if (coalesce(sk, skb_peek_tail(&sk->sk_receive_queue), skb))
		return;
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	if (!charged)
		skb_set_owner_r(skb, sk);
}

static void ooo_del(struct xtcp_sock *xp, struct sk_buff *skb)
{
	rb_erase(&skb->rbnode, &xp->ooo);
	RB_CLEAR_NODE(&skb->rbnode);
	skb->dev = NULL;	/* shared the node's memory */
}

/*
 * Cut the text before @seq off @skb, part of which may have to become linear first. Only
 * for what has not been queued: the growth of a charged skb would not be accounted for.
 */
static bool cut_head(struct sk_buff *skb, u32 seq)
{
	u32 bytes = min_t(u32, seq - XTCP_CB(skb)->seq, skb->len);

	if (bytes && !pskb_pull(skb, bytes))
		return false;
	XTCP_CB(skb)->seq = seq;
	return true;
}

/* Move what has become contiguous from the ooo tree to the receive queue. */
static void deliver_ooo(struct sock *sk, bool *fin)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb;

	while (!*fin && (skb = skb_rb_first(&xp->ooo)) && XTCP_CB(skb)->seq == xp->rcv_nxt) {
		ooo_del(xp, skb);
		deliver(sk, skb, true, fin);
	}
	xtcp_sack_remove(&xp->sacks, xp->rcv_nxt);
}

/* Report by SACK the run of contiguous text that @skb is a part of (RFC 2018, 4). */
static void report_run(struct xtcp_sock *xp, struct sk_buff *skb)
{
	u32 start = XTCP_CB(skb)->seq, end = XTCP_CB(skb)->end_seq;
	struct sk_buff *other;
	int i;

	other = skb_rb_prev(skb);
	for (i = 0; i < RUN_SEGS && other && XTCP_CB(other)->end_seq == start; i++) {
		start = XTCP_CB(other)->seq;
		other = skb_rb_prev(other);
	}
	other = skb_rb_next(skb);
	for (i = 0; i < RUN_SEGS && other && XTCP_CB(other)->seq == end; i++) {
		end = XTCP_CB(other)->end_seq;
		other = skb_rb_next(other);
	}
	xtcp_sack_add(&xp->sacks, start, end);
}

/* Insert @skb, which overlaps nothing, after @prev (NULL: first of all). */
static void ooo_link(struct sock *sk, struct sk_buff *skb, struct sk_buff *prev)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct rb_node **link = &xp->ooo.rb_node;
	struct rb_node *parent = NULL;

	xtcp_mib_inc(sock_net(sk), XTCP_MIB_OOO_QUEUED);
	if (coalesce(sk, prev, skb)) {
		report_run(xp, prev);
		return;
	}
	skb_set_owner_r(skb, sk);
	while (*link) {
		parent = *link;
		link = xtcp_seq_lt(XTCP_CB(skb)->seq, XTCP_CB(rb_to_skb(parent))->seq) ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, link);
	rb_insert_color(&skb->rbnode, &xp->ooo);
	report_run(xp, skb);
}

/* Last segment of the ooo tree that starts at or before @seq. */
static struct sk_buff *ooo_find(const struct xtcp_sock *xp, u32 seq)
{
	struct rb_node *node = xp->ooo.rb_node;
	struct sk_buff *found = NULL;

	while (node) {
		struct sk_buff *skb = rb_to_skb(node);

		if (xtcp_seq_leq(XTCP_CB(skb)->seq, seq)) {
			found = skb;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return found;
}

/* Give up the out-of-order text furthest ahead; false: there is none. */
static bool drop_last_ooo(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct rb_node *node = rb_last(&xp->ooo);
	struct sk_buff *skb;

	if (!node)
		return false;
	skb = rb_to_skb(node);
	ooo_del(xp, skb);
	kfree_skb(skb);
	xp->sacks.nr = 0;
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_OOO_PRUNED);
	return true;
}

/*
 * Give up out-of-order text until the buffer has room, from the far end, which is resent
 * last, but nothing up to @keep. The peer may have seen it SACKed; it copes with that
 * (RFC 2018, 8). Returns whether there is room now.
 */
static bool prune(struct sock *sk, const struct sk_buff *keep)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);

	while (atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf)) {
		if (keep && rb_last(&xp->ooo) == &keep->rbnode)
			return false;
		if (!drop_last_ooo(sk))
			return false;
	}
	return true;
}

/* ---- room -------------------------------------------------------------------- */

/* Text of a segment that compact() makes: a page, with what the kernel adds to it. */
#define COMPACT_BYTES	SKB_MAX_ORDER(0, 0)

/* Does @skb cost more than twice its text, which is what space_to_window() counts on? */
static bool is_wasteful(const struct sk_buff *skb)
{
	return skb->len < skb->truesize >> 1 && skb->len <= COMPACT_BYTES;
}

/* A segment without text yet, before @skb in the receive queue and of the same number. */
static struct sk_buff *open_before(struct sock *sk, struct sk_buff *skb)
{
	u32 bytes = min_t(u32, xtcp_sk(sk)->rcv_nxt - XTCP_CB(skb)->seq, COMPACT_BYTES);
	struct sk_buff *to = alloc_skb(bytes, GFP_ATOMIC | __GFP_NOWARN);

	if (!to)
		return NULL;
	*XTCP_CB(to) = *XTCP_CB(skb);
	XTCP_CB(to)->end_seq = XTCP_CB(to)->seq;
	__skb_queue_before(&sk->sk_receive_queue, skb, to);
	skb_set_owner_r(to, sk);
	return to;
}

/* Move the text, and FIN, of @skb behind that of @to, which has room. */
static void move_text(struct sock *sk, struct sk_buff *to, struct sk_buff *skb)
{
	skb_copy_bits(skb, 0, skb_put(to, skb->len), skb->len);
	follow(to, skb);
	xtcp_reass_eat(sk, skb);
}

/*
 * Small segments side by side become one: a peer may fill the window with them, and what the
 * window has offered must have room (as tcp_collapse() in Linux).
 */
static void compact(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *to = NULL, *skb, *next;

	skb_queue_walk_safe(queue, skb, next) {
		if (!is_wasteful(skb)) {
			to = NULL;
			continue;
		}
		if (!to || skb_tailroom(to) < skb->len) {
			if (skb_queue_is_last(queue, skb) || !is_wasteful(next))
				continue;
			to = open_before(sk, skb);
			if (!to)
				return;
			xtcp_mib_inc(sock_net(sk), XTCP_MIB_RCV_COLLAPSED);
		}
		move_text(sk, to, skb);
	}
}

/*
 * Make room for text in order: put small segments together; if that is not enough, let the
 * buffer grow to what is there, up to the namespace's limit, unless the application has
 * chosen its size (as tcp_clamp_window() in Linux); then give up out-of-order text.
 */
static bool make_room(struct sock *sk)
{
	int limit = READ_ONCE(xtcp_sk_net(sk)->rmem[2]);
	int used;

	compact(sk);
	used = atomic_read(&sk->sk_rmem_alloc);
	if (used > sk->sk_rcvbuf && !(sk->sk_userlocks & SOCK_RCVBUF_LOCK) &&
	    !sk_under_memory_pressure(sk) && sk->sk_rcvbuf < limit)
		WRITE_ONCE(sk->sk_rcvbuf, min(used, limit));
	return prune(sk, NULL);
}

/*
 * Put the parts of @skb that are new into the ooo tree: what is held already stays as it
 * is, @skb fills the gaps around it. Consumes @skb.
 */
static void ooo_add(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *prev = ooo_find(xp, XTCP_CB(skb)->seq);
	struct sk_buff *next = prev ? skb_rb_next(prev) : skb_rb_first(&xp->ooo);

	while (skb) {
		struct xtcp_cb *cb = XTCP_CB(skb);
		struct sk_buff *rest = NULL;

		if (prev && xtcp_seq_gt(XTCP_CB(prev)->end_seq, cb->seq)) {
			u32 edge = xtcp_seq_min(XTCP_CB(prev)->end_seq, cb->end_seq);

			xtcp_reass_duplicate(sk, cb->seq, edge);
			if (edge == cb->end_seq) {
				xtcp_mib_drop(sock_net(sk), skb, XTCP_DROP_DUPLICATE);
				return;
			}
			if (!cut_head(skb, edge)) {
				xtcp_mib_drop(sock_net(sk), skb, XTCP_DROP_NO_MEMORY);
				return;
			}
		}
		if (next && xtcp_seq_lt(XTCP_CB(next)->seq, cb->end_seq)) {
			u32 gap = XTCP_CB(next)->seq - cb->seq;

			/* Each piece is charged like a whole: the far end makes room. */
			if (prune(sk, next))
				rest = skb_clone(skb, GFP_ATOMIC);
			if (rest && !cut_head(rest, XTCP_CB(next)->seq)) {
				kfree_skb(rest);
				rest = NULL;
			}
			cb->flags &= ~XTCP_FIN;
			cb->end_seq = XTCP_CB(next)->seq;
			if (!gap) {
				consume_skb(skb);
				skb = NULL;
			} else if (pskb_trim(skb, gap)) {
				xtcp_mib_drop(sock_net(sk), skb, XTCP_DROP_NO_MEMORY);
				skb = NULL;
			}
		}
		if (skb)
			ooo_link(sk, skb, prev);
		prev = next;
		next = next ? skb_rb_next(next) : NULL;
		skb = rest;
	}
}

/* Does the text of @skb, which starts at RCV.NXT, reach into text that waits? */
static bool overlaps_ooo(const struct xtcp_sock *xp, const struct sk_buff *skb)
{
	const struct sk_buff *first = skb_rb_first(&xp->ooo);

	return first && xtcp_seq_gt(XTCP_CB(skb)->end_seq, XTCP_CB(first)->seq);
}

/*
 * Charge @skb to the protocol and the cgroup. For text in order they take out-of-order text
 * back first: it waits for this. A FIN alone passes whatever they say, on credit until it is
 * read: closing gives memory back. So does one segment into an empty queue: nobody starves
 * because others hold all the memory there is.
 */
static bool charge_received(struct sock *sk, struct sk_buff *skb, bool in_order)
{
	while (!sk_rmem_schedule(sk, skb, skb->truesize)) {
		if (!in_order)
			return false;
		if (!drop_last_ooo(sk))
			return !skb->len || skb_queue_empty(&sk->sk_receive_queue);
	}
	return true;
}

/* Room for @skb in the receive buffer and in the protocol's memory? */
static bool has_room(struct sock *sk, struct sk_buff *skb, bool in_order)
{
	if (in_order) {
		/* An empty queue takes one segment whatever its overhead: no deadlock. */
		if (atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf) && skb->len &&
		    !make_room(sk) && !skb_queue_empty(&sk->sk_receive_queue))
			return false;
	} else if (atomic_read(&sk->sk_rmem_alloc) + skb->truesize > READ_ONCE(sk->sk_rcvbuf)) {
		return false;
	}
	return charge_received(sk, skb, in_order);
}

/**
 * xtcp_reass_add - take the text, and FIN, of a segment that fits the window
 * @sk: the socket
 * @skb: header pulled, trimmed to the window; cb.seq at or after RCV.NXT. Consumed.
 * @fin: set to true if the peer's FIN has been reached in sequence
 *
 * Context: socket lock.
 * Return: what became of it.
 */
enum xtcp_reass xtcp_reass_add(struct sock *sk, struct sk_buff *skb, bool *fin)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	bool in_order = XTCP_CB(skb)->seq == xp->rcv_nxt;

	/* What waits for its reader must not hold a route, nor an IPsec state. */
	skb_dst_drop(skb);
	secpath_reset(skb);
	if (!has_room(sk, skb, in_order)) {
		xtcp_mib_drop(sock_net(sk), skb,
			      in_order ? XTCP_DROP_RCVBUF_FULL : XTCP_DROP_OOO_FULL);
		return XTCP_REASS_DROPPED;
	}
	if (in_order && !overlaps_ooo(xp, skb))
		deliver(sk, skb, false, fin);
	else
		ooo_add(sk, skb);
	if (!in_order)
		return XTCP_REASS_QUEUED;
	if (!RB_EMPTY_ROOT(&xp->ooo))
		deliver_ooo(sk, fin);
	return XTCP_REASS_IN_ORDER;
}

/**
 * xtcp_reass_eat - a segment of the receive queue has served
 * @sk: the socket
 * @skb: on its receive queue
 *
 * Context: socket lock.
 */
void xtcp_reass_eat(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	/* The charge ends under the lock, whoever else still looks at the segment. */
	skb_orphan(skb);
	consume_skb(skb);
}

/**
 * xtcp_reass_purge - drop all out-of-order text
 * @sk: the socket
 *
 * Context: socket lock.
 */
void xtcp_reass_purge(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&xp->ooo))) {
		ooo_del(xp, skb);
		kfree_skb(skb);
	}
	memset(&xp->sacks, 0, sizeof(xp->sacks));
}
