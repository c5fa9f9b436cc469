// SPDX-License-Identifier: GPL-2.0-only
/*
 * A segment for a socket: RFC 9293, 3.10.7.4, one function per step.
 *
 * RFC 7323, 5 (PAWS); RFC 5961, 3 to 5 (blind attacks). Everything runs under the socket
 * lock, in softirq or when the backlog is worked off. Each step returns false when it
 * has decided the segment's fate.
 */
#include "xtcp.h"
#include "af_ops.h"
#include "timer.h"
#include "trace.h"

/**
 * struct input - one segment on its way through the steps
 * @skb: the segment, transport header at skb->data until the text is taken; NULL: consumed
 * @cb: of @skb
 * @opts: its options
 * @text: text it carries [bytes]
 */
struct input {
	struct sk_buff *skb;
	struct xtcp_cb *cb;
	struct xtcp_opts opts;
	u32 text;
};

static bool drop(struct sock *sk, struct input *in, enum xtcp_drop reason)
{
	xtcp_mib_drop(sock_net(sk), in->skb, reason);
	in->skb = NULL;
	return false;
}

/* ---- first: sequence number --------------------------------------------------- */

static bool is_paws_old(const struct xtcp_sock *xp, u32 tsval)
{
	return xtcp_segment_is_paws_old(xp->ts_recent, tsval,
					ktime_get_seconds() - xp->ts_recent_s);
}

/* RFC 7323, 3.2 and 5.3: the timestamp, before anything else is believed. */
static bool check_timestamp(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (!xp->ts_ok || (in->cb->flags & XTCP_RST))
		return true;
	if (!(in->opts.seen & XTCP_OPT_TS)) {
		/* A new start of the peer may be of another mind: a SYN is answered (SEC-02). */
		return (in->cb->flags & XTCP_SYN) || drop(sk, in, XTCP_DROP_NO_TIMESTAMP);
	}
	if (is_paws_old(xp, in->opts.tsval)) {
		xtcp_output_challenge(sk);
		return drop(sk, in, XTCP_DROP_PAWS);
	}
	return true;
}

/* RFC 7323, 4.3 (2): the echo is that of the segment that the next ACK is about. */
static void take_timestamp(struct sock *sk, const struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (!xp->ts_ok || !(in->opts.seen & XTCP_OPT_TS) || (in->cb->flags & XTCP_RST))
		return;
	/* Any is newer than one that has become invalid (RFC 7323, 5.5). */
	if (xtcp_seq_leq(in->cb->seq, xp->last_ack_sent) &&
	    !is_paws_old(xp, in->opts.tsval)) {
		xp->ts_recent = in->opts.tsval;
		xp->ts_recent_s = ktime_get_seconds();
	}
}

/* Remove @bytes of text, and the FIN that follows it, from the end. */
static bool cut_tail(struct sock *sk, struct input *in, u32 bytes)
{
	if (pskb_trim(in->skb, in->skb->len - bytes))
		return drop(sk, in, XTCP_DROP_NO_MEMORY);
	in->cb->flags &= ~XTCP_FIN;
	in->text -= bytes;
	in->cb->end_seq = in->cb->seq + in->text;
	return true;
}

/* Not in the window: say where we are (MUST: RFC 9293, 3.10.7.4, first), within limits. */
static bool refuse(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	const struct xtcp_cb *cb = in->cb;

	if (cb->flags & XTCP_RST)
		return drop(sk, in, XTCP_DROP_RST_INEXACT);
	if (in->text && !(cb->flags & XTCP_SYN) && xtcp_seq_leq(cb->seq, xp->rcv_nxt)) {
		/* A retransmission, or a window probe: its sender waits for this ACK. */
		xtcp_reass_duplicate(sk, cb->seq, xtcp_seq_min(cb->end_seq, xp->rcv_nxt));
		xtcp_output_ack(sk);
		return drop(sk, in, XTCP_DROP_DUPLICATE);
	}
	xtcp_output_challenge(sk);
	return drop(sk, in, XTCP_DROP_OUTSIDE_WINDOW);
}

/* Our SYN-ACK crossed theirs: only its ACK is news (RFC 9293, appendix A.2; HS-09). */
static void strip_crossed_syn(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (sk->sk_state == TCP_SYN_RECV && !xp->passive && in->cb->seq + 1 == xp->rcv_nxt &&
	    (in->cb->flags & (XTCP_SYN | XTCP_ACK | XTCP_RST)) == (XTCP_SYN | XTCP_ACK)) {
		in->cb->flags &= ~XTCP_SYN;
		in->cb->seq++;
		in->cb->win >>= xp->snd_wscale;	/* a SYN's window is not scaled: undo ahead */
	}
}

/* The owner is gone, or reads no more: new text can reach nobody (SHLD-3; CLS-22). */
static bool is_unwanted(const struct sock *sk, const struct input *in)
{
	return (sk->sk_shutdown & RCV_SHUTDOWN) && in->text &&
	       (sk->sk_state == TCP_FIN_WAIT1 || sk->sk_state == TCP_FIN_WAIT2) &&
	       xtcp_seq_gt(in->cb->seq + in->text, xtcp_sk(sk)->rcv_nxt);
}

static bool check_sequence(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 wnd = xtcp_window_left(xp);
	struct xtcp_cut cut;
	bool edge;

	strip_crossed_syn(sk, in);
	edge = xtcp_segment_has_allowance(xp->rcv_nxt, wnd, in->cb->seq);
	if (!wnd && edge && in->text && !(in->cb->flags & XTCP_SYN)) {
		if (is_unwanted(sk, in))
			return true;	/* room or not: take_text() says so */
		/* MUST-66: ACK, RST and URG count although there is no room for the text. */
		xp->ack_now = 1;
		return cut_tail(sk, in, in->text);
	}
	if (edge && in->cb->seq == in->cb->end_seq && !(in->cb->flags & XTCP_RST))
		return true;
	if (!xtcp_segment_is_acceptable(xp->rcv_nxt, wnd, in->cb->seq,
					in->cb->end_seq - in->cb->seq))
		return refuse(sk, in);
	if (in->cb->flags & (XTCP_RST | XTCP_SYN))
		return true;	/* judged by their own steps, text and all */

	xtcp_segment_trim(xp->rcv_nxt, wnd, in->cb->seq, in->text,
			  in->cb->flags & XTCP_FIN, &cut);
	return !(cut.fin || cut.tail_bytes) || cut_tail(sk, in, cut.tail_bytes);
}

/* ---- second to fourth: RST, (security), SYN ------------------------------------ */

static bool check_rst(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 wnd = xtcp_window_left(xp);

	if (!(in->cb->flags & XTCP_RST))
		return true;
	switch (xtcp_segment_check_rst(xp->rcv_nxt, wnd, in->cb->seq)) {
	case XTCP_RST_ACCEPT:
		consume_skb(in->skb);
		in->skb = NULL;
		xtcp_conn_fsm_run(sk, XTCP_EV_RCV_RST);
		return false;
	case XTCP_RST_CHALLENGE:
		xtcp_output_challenge(sk);
		break;
	case XTCP_RST_DROP:
		break;
	}
	return drop(sk, in, XTCP_DROP_RST_INEXACT);
}

static bool check_syn(struct sock *sk, struct input *in)
{
	if (!(in->cb->flags & XTCP_SYN))
		return true;
	xtcp_output_challenge(sk);	/* RFC 5961, 4.2 */
	return drop(sk, in, XTCP_DROP_SYN_CHALLENGED);
}

/* ---- fifth: ACK ---------------------------------------------------------------- */

/* In SYN_RCVD: does it acknowledge our SYN? */
static bool complete_handshake(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (xtcp_seq_leq(in->cb->ack, xp->snd_una) || xtcp_seq_gt(in->cb->ack, xp->snd_nxt)) {
		xtcp_reply_rst(&xp->node.flow, in->skb);
		return drop(sk, in, XTCP_DROP_HALFOPEN_BAD_ACK);
	}
	xtcp_handshake_established(sk, in->cb);
	xtcp_conn_fsm_run(sk, XTCP_EV_RCV_ACK_OF_SYN);
	return true;
}

static bool check_ack(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	enum xtcp_event event;

	if (!(in->cb->flags & XTCP_ACK))
		return drop(sk, in, XTCP_DROP_NO_ACK);
	if (sk->sk_state == TCP_SYN_RECV && !complete_handshake(sk, in))
		return false;
	switch (xtcp_segment_check_ack(xp->iss, xp->snd_una, xp->snd_nxt, xp->max_snd_wnd,
				       in->cb->ack)) {
	case XTCP_ACK_FUTURE:
		xtcp_output_challenge(sk);
		return drop(sk, in, XTCP_DROP_ACK_FUTURE);
	case XTCP_ACK_TOO_OLD:
		xtcp_output_challenge(sk);
		return drop(sk, in, XTCP_DROP_ACK_TOO_OLD);
	default:
		break;
	}
	xtcp_ack_rcv(sk, in->skb, &in->opts);
	event = xtcp_segment_ack_event(sk->sk_state, xp->snd_una, xp->write_seq, xp->fin_queued);
	if (event != XTCP_NR_EVENTS)
		xtcp_conn_fsm_run(sk, event);
	return sk->sk_state != TCP_CLOSE;
}

/* ---- sixth: URG ---------------------------------------------------------------- */

/* The urgent octet itself, if this segment brings it. */
static void take_urgent_octet(struct sock *sk, const struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 offset = xp->urg_seq - in->cb->seq;
	u8 octet;

	if (xp->urg_state != XTCP_URG_AHEAD || offset >= in->text)
		return;
	if (skb_copy_bits(in->skb, xtcp_wire_hdr_len((const struct xtcp_hdr *)in->skb->data) +
			  offset, &octet, 1))
		return;
	xp->urg_octet = octet;
	WRITE_ONCE(xp->urg_state, XTCP_URG_HERE);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/*
 * A later mark comes while the reader stands at the one before. The octet there was told
 * as urgent: let nobody read it as text (unless he wants all of it as text).
 */
static void leave_old_mark(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb;

	if (xp->urg_state == XTCP_URG_NONE || xp->urg_seq != xp->copied_seq ||
	    xp->copied_seq == xp->rcv_nxt || sock_flag(sk, SOCK_URGINLINE))
		return;
	WRITE_ONCE(xp->copied_seq, xp->copied_seq + 1);
	skb = skb_peek(&sk->sk_receive_queue);
	if (skb && xtcp_seq_geq(xp->copied_seq, XTCP_CB(skb)->end_seq)) {
		__skb_unlink(skb, &sk->sk_receive_queue);
		consume_skb(skb);
	}
}

/* RFC 9293, 3.10.7.4, sixth: a new, later urgent pointer is announced (MUST-32). */
static void check_urg(struct sock *sk, const struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 mark = in->cb->seq + in->cb->urg - 1;	/* the octet before the pointer: D13 */

	if (!xtcp_state_can_receive(sk->sk_state))
		return;
	if ((in->cb->flags & XTCP_URG) && in->cb->urg && xtcp_seq_geq(mark, xp->copied_seq) &&
	    !xtcp_seq_lt(mark, xp->rcv_nxt) &&
	    (xp->urg_state == XTCP_URG_NONE || xtcp_seq_gt(mark, xp->urg_seq))) {
		sk_send_sigurg(sk);
		leave_old_mark(sk);
		WRITE_ONCE(xp->urg_state, XTCP_URG_AHEAD);
		WRITE_ONCE(xp->urg_seq, mark);
	}
	take_urgent_octet(sk, in);
}

/* ---- seventh and eighth: text and FIN ------------------------------------------ */

/* Guess the peer's segment size; the window and the ACK rule are measured in it. */
static void measure_segment(struct xtcp_sock *xp, const struct sk_buff *skb, u32 text)
{
	u32 size = skb_shinfo(skb)->gso_size ?: text;

	if (size > xp->rcv_mss)
		xp->rcv_mss = min_t(u32, size, xp->advmss);
}

/* Round trip as a receiver sees it: the time one window of data takes (for auto-tuning). */
static void measure_window_time(struct xtcp_sock *xp)
{
	u64 now = xtcp_now_us();
	u32 sample;

	if (xp->rcv_rtt_seq && xtcp_seq_lt(xp->rcv_nxt, xp->rcv_rtt_seq))
		return;
	if (xp->rcv_rtt_seq) {
		sample = clamp_t(u64, now - xp->rcv_rtt_start_us, 1, XTCP_RTO_MAX_US) << 3;
		xp->rcv_rtt_us = xp->rcv_rtt_us ? min(xp->rcv_rtt_us, sample) : sample;
	}
	xp->rcv_rtt_seq = xp->rcv_nxt + xp->rcv_wnd;
	xp->rcv_rtt_start_us = now;
}

/*
 * When the ACK for new text is due (RFC 9293, 3.8.6.3): at once for out-of-order text,
 * for what fills all or part of a gap (RFC 5681, 4.2), for two full segments, and while
 * the connection is young; else soon.
 */
static void schedule_ack(struct sock *sk, enum xtcp_reass result, bool gap)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 since = (u32)jiffies - xp->last_data_jif;

	xp->last_data_jif = jiffies;
	xp->ack_pending = 1;
	if (result != XTCP_REASS_IN_ORDER || gap || !xtcp_sack_is_empty(&xp->sacks)) {
		xp->ack_now = 1;
		return;
	}
	if (since > xtcp_timer_rto_jif(sk))
		xp->quickacks = XTCP_QUICKACKS_MAX;	/* a new burst: help its slow start */
	else if (since <= XTCP_DELACK_MIN / 2)
		xp->ato_jif = (xp->ato_jif >> 1) + XTCP_DELACK_MIN / 2;
	else if (since < xp->ato_jif)
		xp->ato_jif = min((xp->ato_jif >> 1) + since, xtcp_timer_rto_jif(sk));
}

/* RFC 3168, 6.1.3: an ACK that begins or ends an echo leaves at once. */
static void take_ecn(struct sock *sk, const struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (xtcp_ecn_rcv(&xp->ecn, in->cb->flags, in->cb->ecn, in->text))
		xp->ack_now = 1;
	if (xp->ecn.ok && in->text && in->cb->ecn == XTCP_ECN_CE)
		xtcp_mib_add(sock_net(sk), XTCP_MIB_CE_RCVD,
			     max_t(u16, 1, skb_shinfo(in->skb)->gso_segs));
}

/* Pull the header and what we have already off the front. */
static void pull_to_text(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_cut cut;

	__skb_pull(in->skb, xtcp_wire_hdr_len((const struct xtcp_hdr *)in->skb->data));
	xtcp_segment_trim(xp->rcv_nxt, U32_MAX >> 1, in->cb->seq, in->text,
			  in->cb->flags & XTCP_FIN, &cut);
	if (!cut.head_bytes)
		return;
	xtcp_reass_duplicate(sk, in->cb->seq, in->cb->seq + cut.head_bytes);
	/* Page fragments may have to become linear first; on failure the peer resends. */
	if (!pskb_pull(in->skb, cut.head_bytes)) {
		drop(sk, in, XTCP_DROP_NO_MEMORY);
		return;
	}
	in->cb->seq += cut.head_bytes;
	in->text -= cut.head_bytes;
}

/* Of the last segment in order, as Linux; before its text is taken, which may consume it. */
static void note_in_order(struct sock *sk, const struct input *in)
{
	const struct ipv6_pinfo *np = inet_sk(sk)->pinet6;
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (np && np->rxopt.all && xp->af->note_segment && RB_EMPTY_ROOT(&xp->ooo) &&
	    xtcp_seq_leq(in->cb->seq, xp->rcv_nxt) && xtcp_seq_geq(in->cb->end_seq, xp->rcv_nxt))
		xp->af->note_segment(sk, in->skb);
}

static void take_text(struct sock *sk, struct input *in)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	enum xtcp_reass result;
	bool gap, fin = false;
	u16 segs;

	if (!in->text && !(in->cb->flags & XTCP_FIN)) {
		consume_skb(in->skb);
		return;
	}
	if (!xtcp_state_can_receive(sk->sk_state)) {
		/* Beyond the peer's own FIN: ignore (RFC 9293, 3.10.7.4, seventh, eighth). */
		xtcp_output_challenge(sk);
		drop(sk, in, XTCP_DROP_AFTER_FIN);
		return;
	}
	if (is_unwanted(sk, in)) {
		xtcp_mib_inc(sock_net(sk), XTCP_MIB_ABORT_ON_DATA);
		drop(sk, in, XTCP_DROP_AFTER_CLOSE);
		WRITE_ONCE(sk->sk_err, ECONNRESET);	/* reported with the change of state */
		xtcp_conn_fsm_run(sk, XTCP_EV_ABORT);
		return;
	}
	measure_segment(xp, in->skb, in->text);
	pull_to_text(sk, in);
	if (!in->skb)
		return;
	gap = !RB_EMPTY_ROOT(&xp->ooo);
	segs = max_t(u16, 1, skb_shinfo(in->skb)->gso_segs);
	result = xtcp_reass_add(sk, in->skb, &fin);
	in->skb = NULL;
	if (result == XTCP_REASS_QUEUED)
		xp->tally.ooo_segs += segs;
	schedule_ack(sk, result, gap);
	if (result == XTCP_REASS_IN_ORDER)
		measure_window_time(xp);
	if (fin) {
		xp->peer_fin = 1;
		xp->ack_now = 1;
		xtcp_reass_purge(sk);
		xtcp_conn_fsm_run(sk, XTCP_EV_RCV_FIN);
	}
	if (result != XTCP_REASS_QUEUED && !sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/* ---- answer -------------------------------------------------------------------- */

/* Send what may be sent now, and the ACK, on it or alone (MUST-58, 59). */
static void answer(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (sk->sk_state == TCP_CLOSE)
		return;
	xtcp_output_push(sk, xp->nagle);
	xtcp_conn_check_space(sk);	/* after the push: what it sent is unsent no more */
	if (!xp->ack_now && !xp->ack_pending)
		return;
	if (xp->ack_now || xp->rcv_nxt - xp->rcv_wup > xp->rcv_mss ||
	    (xp->quickacks && !xp->pingpong)) {
		xtcp_output_ack(sk);
		return;
	}
	if (!timer_pending(&xp->delack_timer))
		xtcp_timer_arm_delack(sk, min_t(u32, xp->ato_jif, XTCP_DELACK_MAX));
}

/* What TCP_INFO tells of segments received. */
static void count_segment(struct xtcp_sock *xp, const struct sk_buff *skb, u32 text)
{
	u16 segs = max_t(u16, 1, skb_shinfo(skb)->gso_segs);

	xp->segs_in += segs;
	if (text)
		xp->tally.data_segs_in += segs;
}

/* A socket in a state that has no use for segments any more. */
static bool is_finished(const struct sock *sk)
{
	return XTCP_F(sk->sk_state) & (XTCP_F(XTCP_CLOSED) | XTCP_F(XTCP_LISTEN) |
				       XTCP_F(XTCP_TIME_WAIT));
}

/* A SYN of the connection whose TIME_WAIT entry this one replaced (RFC 6191; RFC 7323, 5). */
static bool is_of_predecessor(const struct xtcp_sock *xp, const struct input *in)
{
	return !(in->cb->flags & XTCP_ACK) && xp->ts_recent_s && (in->opts.seen & XTCP_OPT_TS) &&
	       is_paws_old(xp, in->opts.tsval);
}

/* SYN_SENT has rules of its own; what remains of an accepted SYN-ACK goes on. */
static bool open_actively(struct sock *sk, struct input *in)
{
	if (is_of_predecessor(xtcp_sk(sk), in))
		return drop(sk, in, XTCP_DROP_PAWS);
	if (!xtcp_handshake_syn_sent(sk, in->skb, &in->opts)) {
		consume_skb(in->skb);
		in->skb = NULL;
		return false;
	}
	in->cb->flags &= ~XTCP_SYN;
	in->cb->seq++;
	return true;
}

/**
 * xtcp_input_rcv - process a segment for a socket
 * @sk: found by the segment's flow; any state
 * @skb: transport header at skb->data, cb filled in; consumed
 *
 * Context: socket lock, BH off; the caller holds a reference.
 */
void xtcp_input_rcv(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_hdr *hdr = (const struct xtcp_hdr *)skb->data;
	unsigned int hdr_len = xtcp_wire_hdr_len(hdr);
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct input in = {
		.skb = skb,
		.cb = XTCP_CB(skb),
		.text = skb->len - hdr_len,
	};
	bool go_on;

	if (is_finished(sk)) {
		drop(sk, &in, XTCP_DROP_STATE);
		return;
	}
	count_segment(xp, skb, in.text);
	xtcp_options_parse(&in.opts, (const u8 *)(hdr + 1), hdr_len - XTCP_HDR_LEN,
			   hdr->flags & XTCP_SYN);
	if (sk->sk_state == TCP_SYN_SENT) {
		go_on = open_actively(sk, &in);
	} else {
		go_on = check_timestamp(sk, &in) && check_sequence(sk, &in) &&
			check_rst(sk, &in) && check_syn(sk, &in) && check_ack(sk, &in);
	}
	if (go_on) {
		xp->last_rcv_jif = jiffies;
		take_timestamp(sk, &in);
		take_ecn(sk, &in);
		check_urg(sk, &in);
		note_in_order(sk, &in);
		take_text(sk, &in);
	} else if (in.skb) {
		consume_skb(in.skb);
	}
	answer(sk);
}
