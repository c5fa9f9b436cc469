// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket's segments: SYN, data, ACK, FIN, RST and probes, from queue to IP.
 *
 * RFC 9293, 3.7 (segmentation, Nagle), 3.8.6 (window), 3.10.2; RFC 7323, 3.2.
 * Everything runs under the socket lock, in process context or softirq. A segment sent
 * for the first time goes down as a clone and stays on the rtx queue until acknowledged.
 */
#include <net/dst.h>

#include "xtcp.h"
#include "af_ops.h"
#include "rtxq.h"
#include "timer.h"
#include "trace.h"

/* Window to offer while the protocol, or the cgroup, is short of memory: Linux TCP's. */
#define PRESSED_WINDOW_SEGS	4

/* Text of one skb handed to IP, at most; the IP length field with headers must hold. */
#define BURST_BYTES_MAX	(65535 - 40 - XTCP_HDR_MAX)

/* ---- segment size ---------------------------------------------------------- */

/**
 * xtcp_output_set_pmtu - derive the segment size from the path MTU
 * @sk: the socket
 * @pmtu: path MTU [bytes]
 *
 * RFC 9293, 3.7.1 (MUST-16): min(peer's MSS, path) less the IP options, as the peer's MSS
 * counts none (RFC 6691), of which min_snd_mss is the floor; less the options every segment
 * carries.
 *
 * Context: socket lock.
 */
void xtcp_output_set_pmtu(struct sock *sk, u32 pmtu)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	int mss = (int)pmtu - xp->af->net_hdr_len - XTCP_HDR_LEN;

	mss = min_t(int, mss, xp->mss_clamp) - xp->af->ext_hdr_len(sk);
	mss = clamp_t(int, mss, READ_ONCE(xtcp_sk_net(sk)->min_snd_mss), 65535 - XTCP_HDR_LEN);
	if (xp->ts_ok)
		mss -= XTCP_OPTLEN_TS;
	xp->pmtu = pmtu;
	xp->mss = mss;
	xtcp_cong_set_mss(&xp->cong, mss);
}

/* Timestamps and SACK blocks of the next segment; consumes a D-SACK if @consume. */
static void fill_opts(struct sock *sk, struct xtcp_opts *opts, bool consume)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_sack_list list;

	memset(opts, 0, sizeof(*opts));
	if (xp->ts_ok) {
		opts->seen |= XTCP_OPT_TS;
		opts->tsval = xtcp_now_ts() + xp->ts_offset;
		opts->tsecr = xp->ts_recent;
	}
	if (!xp->sack_ok || xtcp_sack_is_empty(&xp->sacks))
		return;
	list = xp->sacks;
	xtcp_sack_fill(consume ? &xp->sacks : &list, opts, xp->ts_ok ? 3 : 4);
}

/**
 * xtcp_output_mss - text one segment can carry now
 * @sk: the socket, with a route or not
 *
 * Follows the path MTU, the peer's half window, and the SACK blocks due.
 *
 * Context: socket lock.
 * Return: bytes, at least 8.
 */
u16 xtcp_output_mss(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct dst_entry *dst = __sk_dst_get(sk);
	u32 half = xp->max_snd_wnd > XTCP_MSS_DEFAULT_V4 ? xp->max_snd_wnd >> 1 : xp->max_snd_wnd;
	int mss;

	if (dst && dst_mtu(dst) != xp->pmtu)
		xtcp_output_set_pmtu(sk, dst_mtu(dst));
	mss = xp->mss;
	if (half && mss > half)
		mss = max_t(u32, half, XTCP_MSS_FLOOR - XTCP_HDR_LEN);
	if (xp->sack_ok && !xtcp_sack_is_empty(&xp->sacks)) {
		struct xtcp_opts opts;

		fill_opts(sk, &opts, false);
		mss -= xtcp_options_len(&opts) - (xp->ts_ok ? XTCP_OPTLEN_TS : 0);
	}
	return max(mss, 8);
}

/* ---- receive window -------------------------------------------------------- */

/* Half of a buffer is for what the kernel adds to the text. */
static u32 space_to_window(int space)
{
	return space > 0 ? space >> 1 : 0;
}

/* The window to offer now (RFC 9293, 3.8.6.2.2). */
static u32 window_now(struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);
	u32 full = min_t(u32, space_to_window(rcvbuf), xp->window_clamp);
	u32 room = min_t(u32, space_to_window(rcvbuf - atomic_read(&sk->sk_rmem_alloc)), full);
	u32 wnd;

	/* What has been offered stays; no more than a little is added while memory is short. */
	if (sk_under_memory_pressure(sk))
		room = min_t(u32, room, PRESSED_WINDOW_SEGS * xp->advmss);
	wnd = xtcp_window_select(xtcp_window_left(xp), room, full, xp->rcv_mss, xp->rcv_wscale);
	return min(wnd, xtcp_window_max(xp->rcv_wscale));
}

/* The same, and remember that it was offered. */
static u16 select_window(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->rcv_wnd = window_now(sk);
	xp->rcv_wup = xp->rcv_nxt;
	return xp->rcv_wnd >> xp->rcv_wscale;
}

/* First window, and the shift that lets it grow to the buffer's maximum (RFC 7323, 2). */
static void init_window(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_net *xn = xtcp_sk_net(sk);
	u32 space = space_to_window(READ_ONCE(sk->sk_rcvbuf));

	if (!xp->window_clamp)
		xp->window_clamp = xtcp_window_max(XTCP_WSCALE_MAX);
	space = min(space, xp->window_clamp);
	if (space > xp->advmss)
		space = rounddown(space, xp->advmss);
	xp->rcv_wscale = 0;
	if (READ_ONCE(xn->window_scaling)) {
		u32 largest = max_t(u32, space, READ_ONCE(xn->rmem[2]));

		if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
			largest = space;
		xp->rcv_wscale = xtcp_window_shift(min(largest, xp->window_clamp));
	}
	xp->rcv_wnd = min(space, 65535u);
	xp->rcv_wup = xp->rcv_nxt;
}

/* ---- one segment to IP ----------------------------------------------------- */

/* An ACK has left with whatever carried it. */
static void ack_was_sent(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->last_ack_sent = xp->rcv_nxt;
	xp->ack_now = 0;
	xp->ack_pending = 0;
	if (xp->quickacks)
		xp->quickacks--;
	xtcp_timer_stop_delack(sk);
}

/* The urgent pointer, while the urgent octet lies ahead (RFC 9293, 3.8.5, MUST-30, 62). */
static void set_urgent(const struct xtcp_sock *xp, struct xtcp_hdr *hdr, u32 seq)
{
	if (!xp->urg_sent || !xtcp_seq_lt(seq, xp->snd_up))
		return;
	hdr->urg = htons(min_t(u32, xp->snd_up - seq, 65535));
	hdr->flags |= XTCP_URG;
}

static void set_gso(struct sock *sk, struct sk_buff *skb, u16 mss)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	if (skb->len <= mss) {
		shinfo->gso_size = 0;
		shinfo->gso_segs = 1;
		shinfo->gso_type = 0;
		return;
	}
	shinfo->gso_size = mss;
	shinfo->gso_segs = DIV_ROUND_UP(skb->len, mss);
	shinfo->gso_type = sk->sk_gso_type;
}

/* Put the header in front of @skb and hand it to IP. Consumes @skb. */
static int transmit(struct sock *sk, struct sk_buff *skb, u16 mss, const struct xtcp_opts *opts)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	const struct xtcp_cb cb = *XTCP_CB(skb);
	unsigned int hdr_len = XTCP_HDR_LEN + xtcp_options_len(opts);
	u32 len = skb->len;
	struct xtcp_hdr *hdr;
	u8 ecn;

	set_gso(sk, skb, mss);
	hdr = skb_push(skb, hdr_len);
	skb_reset_transport_header(skb);
	hdr->sport = xp->inet.inet_sport;
	hdr->dport = xp->inet.inet_dport;
	hdr->seq = htonl(cb.seq);
	hdr->ack = cb.flags & XTCP_ACK ? htonl(xp->rcv_nxt) : 0;
	hdr->off = (hdr_len / 4) << 4;
	hdr->flags = cb.flags;
	if (cb.flags & XTCP_SYN)
		hdr->win = htons(min(xp->rcv_wnd, 65535u));	/* never scaled: RFC 7323, 2.2 */
	else
		hdr->win = htons(select_window(sk));
	hdr->check = 0;
	hdr->urg = 0;
	if (!(cb.flags & (XTCP_SYN | XTCP_RST)))
		set_urgent(xp, hdr, cb.seq);
	ecn = xtcp_ecn_stamp(&xp->ecn, len && !xtcp_seq_lt(cb.seq, xp->snd_nxt), &hdr->flags);
	if ((hdr->flags & XTCP_CWR) && skb_is_gso(skb))
		skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_ECN;	/* of the first piece only */
	xtcp_options_build(opts, (u8 *)(hdr + 1));

	skb_orphan(skb);
	skb_set_owner_w(skb, sk);
	skb_set_hash_from_sk(skb, sk);
	skb_set_dst_pending_confirm(skb, READ_ONCE(sk->sk_dst_pending_confirm));
	skb->tstamp = 0;
	trace_xtcp_send(&xp->node.flow, hdr, len);
	if (cb.flags & XTCP_ACK)
		ack_was_sent(sk);
	xtcp_mib_add(sock_net(sk), XTCP_MIB_OUT_SEGS, skb_shinfo(skb)->gso_segs);
	xp->segs_out += skb_shinfo(skb)->gso_segs;
	if (len) {
		xp->tally.data_segs_out += skb_shinfo(skb)->gso_segs;
		xp->tally.bytes_sent += len;
	}
	/* Our control block ends here, IP's begins. */
	memset(skb->cb, 0, sizeof(skb->cb));
	return xp->af->xmit(sk, skb, ecn);
}

/* A segment without text that is on no queue: ACK, RST, SYN, probe. */
static int transmit_bare(struct sock *sk, u8 flags, u32 seq, const struct xtcp_opts *opts,
			 gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb(sk->sk_prot->max_header, gfp | __GFP_NOWARN);

	if (!skb)
		return -ENOBUFS;
	skb_reserve(skb, sk->sk_prot->max_header);
	memset(XTCP_CB(skb), 0, sizeof(struct xtcp_cb));
	XTCP_CB(skb)->seq = seq;
	XTCP_CB(skb)->flags = flags;
	return transmit(sk, skb, 1, opts);
}

static int transmit_bare_opts(struct sock *sk, u8 flags, u32 seq)
{
	struct xtcp_opts opts;

	fill_opts(sk, &opts, flags & XTCP_ACK);
	return transmit_bare(sk, flags, seq, &opts, GFP_ATOMIC);
}

/* Send a copy of a queued segment; the original stays. */
static int transmit_queued(struct sock *sk, struct sk_buff *skb, u16 mss)
{
	struct xtcp_cb *cb = XTCP_CB(skb);
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_opts opts;
	struct sk_buff *copy;

	/* A clone still below us shares the headroom: its header must not be overwritten. */
	copy = skb_cloned(skb) ? pskb_copy(skb, GFP_ATOMIC) : skb_clone(skb, GFP_ATOMIC);
	if (!copy)
		return -ENOBUFS;
	copy->dev = NULL;	/* overlaid by the rtx tree's links */
	cb->sent_us = xtcp_now_us();
	cb->mss = mss;
	xtcp_rate_sent(&xp->tally.rate, &cb->rate, cb->sent_us, !xp->rtx_tail);
	xp->last_send_jif = jiffies;
	if (xp->last_send_jif - xp->last_data_jif < xp->ato_jif)
		xp->pingpong = 1;	/* a dialogue: ACKs may ride on our data */
	fill_opts(sk, &opts, true);
	return transmit(sk, copy, mss, &opts);
}

/* ---- handshake ------------------------------------------------------------- */

/* Does our SYN ask for ECN: by the namespace, or by the route (ip-route(8), features ecn)? */
static bool asks_for_ecn(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);

	return READ_ONCE(xtcp_sk_net(sk)->ecn) == XTCP_ECN_ASK ||
	       (dst && dst_feature(dst, RTAX_FEATURE_ECN));
}

static void syn_opts(struct sock *sk, struct xtcp_opts *opts, bool reply)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_net *xn = xtcp_sk_net(sk);

	memset(opts, 0, sizeof(*opts));
	opts->seen = XTCP_OPT_MSS;
	opts->mss = xp->advmss;
	if (reply ? xp->ts_ok : READ_ONCE(xn->timestamps)) {
		opts->seen |= XTCP_OPT_TS;
		opts->tsval = xtcp_now_ts() + xp->ts_offset;
		opts->tsecr = reply ? xp->ts_recent : 0;
	}
	if (reply ? xp->sack_ok : READ_ONCE(xn->sack))
		opts->seen |= XTCP_OPT_SACK_OK;
	if (reply ? xp->wscale_ok : READ_ONCE(xn->window_scaling)) {
		opts->seen |= XTCP_OPT_WSCALE;
		opts->wscale = xp->rcv_wscale;
	}
}

/* Our MSS option: what the interface can receive, or less by TCP_MAXSEG (RFC 9293, 3.7.1). */
static u16 own_mss(struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	const struct dst_entry *dst = __sk_dst_get(sk);
	u32 mss = dst ? dst_metric_advmss(dst) : xp->af->mss_default;

	if (xp->user_mss && xp->user_mss < mss)
		mss = xp->user_mss;
	return min(mss, 65535u);
}

/**
 * xtcp_output_connect - send the first SYN
 * @sk: routed, bound, hashed, in SYN_SENT, iss and ts_offset chosen
 *
 * Sets up send and receive state, and the retransmission timer whether or not the
 * SYN got out: a local shortage is repaired like a lost segment.
 *
 * Context: socket lock, process.
 * Return: 0, or -errno when IP refused it outright (-ECONNREFUSED).
 */
int xtcp_output_connect(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_opts opts;
	int err;

	WRITE_ONCE(sk->sk_err, 0);	/* of an earlier attempt */
	sock_reset_flag(sk, SOCK_DONE);
	xp->advmss = own_mss(sk);
	xp->mss_clamp = xp->user_mss ? min_t(u16, xp->user_mss, xp->advmss) : 65535;
	xp->rcv_mss = min_t(u16, xp->advmss, XTCP_MSS_DEFAULT_V4);
	xp->snd_una = xp->iss;
	xp->snd_nxt = xp->iss + 1;
	xp->snd_sml = xp->iss;
	xp->snd_up = xp->iss;
	xp->write_seq = xp->iss + 1;
	xp->pushed_seq = xp->write_seq;
	xp->rcv_nxt = 0;
	xp->copied_seq = 0;
	xp->snd_wnd = 0;
	xp->max_snd_wnd = 0;
	init_window(sk);
	xtcp_rtt_init(&xp->rtt);
	xtcp_output_mss(sk);
	xp->retrans_since_us = 0;
	xp->retries = 0;

	xp->ecn.asked = asks_for_ecn(sk);
	syn_opts(sk, &opts, false);
	xp->rcv_rtt_start_us = xtcp_now_us();
	err = transmit_bare(sk, XTCP_SYN | xtcp_ecn_syn_flags(&xp->ecn, false, false), xp->iss,
			    &opts, sk->sk_allocation);
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_ACTIVE_OPENS);
	xtcp_timer_arm_rto(sk, XTCP_RTO_RETRANSMIT, xtcp_timer_rto_jif(sk));
	return err == -ECONNREFUSED ? err : 0;
}

/**
 * xtcp_output_syn - send the SYN, or SYN-ACK, of this socket again
 * @sk: in SYN_SENT or SYN_RCVD, or closed while in SYN_RCVD
 *
 * <SEQ=ISS><SYN>, or <SEQ=ISS><ACK=RCV.NXT><SYN,ACK> after a simultaneous open, which
 * does without ECN: whether both know that both agreed would depend on which was lost.
 *
 * Context: socket lock.
 */
void xtcp_output_syn(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	bool reply = sk->sk_state != TCP_SYN_SENT;
	bool fallback = READ_ONCE(xtcp_sk_net(sk)->ecn_fallback);
	struct xtcp_opts opts;
	u8 flags = reply ? XTCP_ACK : xtcp_ecn_syn_flags(&xp->ecn, true, fallback);

	syn_opts(sk, &opts, reply);
	xp->rcv_rtt_start_us = xtcp_now_us();
	transmit_bare(sk, XTCP_SYN | flags, xp->iss, &opts, GFP_ATOMIC);
}

/* ---- data ------------------------------------------------------------------ */

/* Linux: Nagle with Minshall's change: only small segments wait for small segments. */
static bool small_in_flight(const struct xtcp_sock *xp)
{
	return xtcp_seq_gt(xp->snd_sml, xp->snd_una) && xtcp_seq_leq(xp->snd_sml, xp->snd_nxt);
}

/* May less than a full segment leave now (RFC 9293, 3.7.4, MUST-17; 3.8.6.2.1, MUST-38)? */
static bool may_send_partial(struct sock *sk, const struct sk_buff *skb, u8 nagle)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);

	if (!skb_queue_is_last(&sk->sk_write_queue, skb) || (nagle & XTCP_NAGLE_PUSH))
		return true;
	if (XTCP_CB(skb)->flags & XTCP_FIN)
		return true;
	if (xp->urg_sent && xtcp_seq_gt(xp->snd_up, xp->snd_una))
		return true;
	if (nagle & XTCP_NAGLE_CORK)
		return false;
	return (nagle & XTCP_NAGLE_OFF) || !small_in_flight(xp);
}

/* The FIN goes with the last of its text, or alone, where the peer's window has @room. */
static u32 add_fin(const struct sk_buff *skb, u32 size, u32 room)
{
	u32 whole = XTCP_CB(skb)->end_seq - XTCP_CB(skb)->seq;

	return size == skb->len && whole <= room ? whole : size;
}

/*
 * How much of @skb may leave now: full segments as the congestion and the peer's window
 * allow, the rest if it need not wait. 0: nothing. The FIN alone counts as one.
 */
static u32 sendable(struct sock *sk, const struct sk_buff *skb, u16 mss, u8 nagle)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	const struct xtcp_cb *cb = XTCP_CB(skb);
	s32 room = xp->snd_una + xp->snd_wnd - cb->seq;
	u32 burst = min_t(u32, BURST_BYTES_MAX, sk->sk_gso_max_size - 2 * XTCP_HDR_MAX);
	u32 pipe = xtcp_rtxq_pipe(sk);
	u32 size;

	if (room <= 0)
		return 0;
	if (pipe >= xp->cong.cwnd_bytes || xp->ecn.hold) {
		xp->cwnd_limited = 1;
		return 0;
	}
	/* Segments cut later would all carry the same urgent offset. */
	if (sk_can_gso(sk) && !(xp->urg_sent && xtcp_seq_gt(xp->snd_up, cb->seq)))
		burst = max_t(u32, rounddown(burst, mss), mss);
	else
		burst = mss;
	size = min3(skb->len, burst, max_t(u32, xp->cong.cwnd_bytes - pipe, mss));
	if (size < skb->len && size > mss)
		size = rounddown(size, mss);
	if (size > (u32)room) {
		if ((u32)room >= mss)
			size = rounddown(room, mss);
		else if (xtcp_window_allows(skb->len, room, xp->max_snd_wnd, mss))
			size = room;
		else
			return 0;
	}
	if (size == skb->len && skb->len % mss && !may_send_partial(sk, skb, nagle))
		size = rounddown(skb->len, mss);
	return add_fin(skb, size, room);
}

/**
 * xtcp_output_owes_fin - has a FIN found no memory to be queued in?
 * @sk: the socket
 *
 * Context: socket lock.
 * Return: true in a state that implies a FIN of ours while none has its number.
 */
bool xtcp_output_owes_fin(const struct sock *sk)
{
	return !xtcp_sk(sk)->fin_queued &&
	       (XTCP_F(sk->sk_state) & (XTCP_F(XTCP_FIN_WAIT_1) | XTCP_F(XTCP_CLOSING) |
					XTCP_F(XTCP_LAST_ACK)));
}

/* After a transmission or an idle moment: which timer guards the queues now? */
static void arm_timer(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (xp->rtx_tail) {
		if (xp->rto_kind == XTCP_RTO_PROBE)
			xtcp_timer_end_probing(sk);
		if (xp->rto_kind != XTCP_RTO_RETRANSMIT)
			xtcp_timer_arm_rto(sk, XTCP_RTO_RETRANSMIT, xtcp_timer_rto_jif(sk));
	} else if (!skb_queue_empty(&sk->sk_write_queue)) {
		/* Window closed, or corked: probe, RFC 9293, 3.8.6.1 (MUST-36). */
		if (xp->rto_kind == XTCP_RTO_NONE)
			xtcp_timer_arm_rto(sk, XTCP_RTO_PROBE, xtcp_timer_rto_jif(sk));
	} else if (xtcp_output_owes_fin(sk) && xp->rto_kind == XTCP_RTO_NONE) {
		xtcp_timer_arm_rto(sk, XTCP_RTO_PROBE, XTCP_RESOURCE_PROBE);
	}
}

/* Send @size octets of sequence space from the head of the write queue. */
static bool send_head(struct sock *sk, struct sk_buff *skb, u32 size, u16 mss)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_cb *cb = XTCP_CB(skb);
	bool is_last = size >= skb->len && skb_queue_is_last(&sk->sk_write_queue, skb);

	if (size < cb->end_seq - cb->seq &&
	    xtcp_rtxq_split(sk, skb, size, XTCP_SPLIT_UNSENT))
		return false;
	if (is_last && skb->len)
		cb->flags |= XTCP_PSH;
	if (transmit_queued(sk, skb, mss) == -ENOBUFS)
		return false;
	if (skb->len)
		xtcp_ecn_new_text_sent(&xp->ecn);
	if (skb->len % mss)
		xp->snd_sml = cb->end_seq;
	xtcp_rtxq_sent(sk, skb);
	xp->snd_nxt = cb->end_seq;
	return true;
}

/**
 * xtcp_output_push - send what the windows and Nagle's rule allow
 * @sk: the socket
 * @nagle: XTCP_NAGLE_*: the socket's, with CORK for MSG_MORE or PUSH to insist
 *
 * Context: socket lock.
 */
void xtcp_output_push(struct sock *sk, u8 nagle)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb;
	u16 mss;

	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_SYN_SENT ||
	    sk->sk_state == TCP_SYN_RECV)
		return;
	if (!xp->rtx_tail && skb_peek(&sk->sk_write_queue) &&
	    (s32)((u32)jiffies - xp->last_send_jif) > (s32)xtcp_timer_rto_jif(sk)) {
		xp->ecn.hold = 0;
		if (READ_ONCE(xtcp_sk_net(sk)->slow_start_after_idle))
			xtcp_cong_restart_after_idle(&xp->cong);
	}

	xp->cwnd_limited = 0;
	while ((skb = skb_peek(&sk->sk_write_queue))) {
		u32 size;

		mss = xtcp_output_mss(sk);	/* options change with the SACK blocks due */
		size = sendable(sk, skb, mss, nagle);
		if (!size || !send_head(sk, skb, size, mss))
			break;
	}
	xtcp_rtxq_note_limit(sk);
	arm_timer(sk);
}

/**
 * xtcp_output_fin - our direction ends here: queue a FIN after all data, and push
 * @sk: the socket
 *
 * The FIN rides on the last unsent segment if there is one. Without memory for a segment
 * of its own the timer tries again: the FIN is never lost, only late.
 *
 * Context: socket lock.
 */
void xtcp_output_fin(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (xp->fin_queued)
		return;
	if (!skb) {
		skb = xtcp_rtxq_alloc(sk, 0, GFP_ATOMIC | __GFP_NOWARN);
		if (!skb) {
			arm_timer(sk);
			return;
		}
		xtcp_rtxq_append(sk, skb);
	}
	XTCP_CB(skb)->flags |= XTCP_FIN;
	XTCP_CB(skb)->end_seq++;
	xp->write_seq++;
	xp->fin_queued = 1;
	xtcp_output_push(sk, XTCP_NAGLE_PUSH);
}

/**
 * xtcp_output_resend - send one segment of the rtx queue again
 * @sk: the socket
 * @skb: in rtx
 *
 * At most one MSS leaves; the rest of @skb stays behind as a segment of its own. Beyond
 * a window that shrank only the oldest segment is resent (RFC 9293, 3.8.6, SHLD-16).
 *
 * Context: socket lock.
 * Return: 0, or -EAGAIN, -ENOBUFS, -ENOMEM: nothing was sent.
 */
int xtcp_output_resend(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct xtcp_cb *cb = XTCP_CB(skb);
	u16 mss = xtcp_output_mss(sk);
	s32 room;
	int err;

	/* Acknowledged in part when it could not be cut: only the rest is sent again. */
	if (xtcp_seq_lt(cb->seq, xp->snd_una) && xtcp_seq_gt(cb->end_seq, xp->snd_una)) {
		err = xtcp_rtxq_split(sk, skb, xp->snd_una - cb->seq, XTCP_SPLIT_HEAD);
		if (err)
			return err;
	}
	if (xtcp_seq_leq(cb->end_seq, xp->snd_una)) {
		xtcp_rtxq_mark(sk, skb, 0, XTCP_TX_LOST);	/* goes with the next ACK */
		skb = xtcp_rtxq_next(skb);
		if (!skb)
			return 0;
		cb = XTCP_CB(skb);
	}
	room = xp->snd_una + xp->snd_wnd - cb->seq;
	if (room <= 0 && xtcp_seq_gt(cb->seq, xp->snd_una))
		return -EAGAIN;
	if (room > 0)
		mss = min_t(u32, mss, room);
	if (skb->len > mss) {
		err = xtcp_rtxq_split(sk, skb, mss, XTCP_SPLIT_HEAD);
		if (err)
			return err;
	}
	err = transmit_queued(sk, skb, mss);
	if (err == -ENOBUFS)
		return err;
	xtcp_rtxq_mark(sk, skb, XTCP_TX_RESENT | XTCP_TX_EVER_RESENT, 0);
	xp->total_retrans++;
	xp->tally.bytes_resent += skb->len;
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_RETRANS_SEGS);
	return 0;
}

/* ---- ACK, RST, probes ------------------------------------------------------- */

/*
 * SEQ of a segment without text: SND.NXT, or the window's edge where the peer has shrunk its
 * window below that, for it would drop what begins beyond (RFC 9293, 3.8.6, MUST-34). Less
 * than a unit of the window field may have been lost by rounding (RFC 7323, 2.3). No window
 * is known to count our SYN.
 */
static u32 acceptable_seq(const struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u32 edge = xp->snd_una + xp->snd_wnd;

	if (!xtcp_seq_lt(edge, xp->snd_nxt) || xp->snd_nxt - edge < 1u << xp->snd_wscale ||
	    xtcp_has_syn_unacked(xp))
		return xp->snd_nxt;
	return edge;
}

/**
 * xtcp_output_ack - acknowledge now: <SEQ=SND.NXT><ACK=RCV.NXT><ACK>, see acceptable_seq()
 * @sk: in a synchronised state
 *
 * Context: socket lock.
 */
void xtcp_output_ack(struct sock *sk)
{
	if (sk->sk_state == TCP_CLOSE)
		return;
	if (transmit_bare_opts(sk, XTCP_ACK, acceptable_seq(sk)) == -ENOBUFS) {
		xtcp_sk(sk)->ack_pending = 1;
		xtcp_timer_arm_delack(sk, XTCP_DELACK_MAX);
	}
}

/**
 * xtcp_output_challenge - answer an unacceptable segment, within the limit
 * @sk: in a synchronised state
 *
 * One per connection and 500 ms (RFC 5961, 7; SEC-04). The limit is per connection, so
 * counting answers tells nothing about another one (CVE-2016-5696).
 *
 * Context: socket lock.
 */
void xtcp_output_challenge(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 limit = msecs_to_jiffies(READ_ONCE(xtcp_sk_net(sk)->invalid_ratelimit_ms));
	u32 now = jiffies;

	if (xp->last_oow_ack_jif && now - xp->last_oow_ack_jif < limit)
		return;
	xp->last_oow_ack_jif = now ?: 1;
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_CHALLENGE_ACKS);
	xtcp_output_ack(sk);
}

/**
 * xtcp_output_rst - abort: <SEQ=SND.NXT><ACK=RCV.NXT><RST,ACK>, see acceptable_seq()
 * @sk: in a state that has a peer to tell (RFC 9293, 3.10.5)
 *
 * Context: socket lock.
 */
void xtcp_output_rst(struct sock *sk)
{
	transmit_bare_opts(sk, XTCP_RST | XTCP_ACK, acceptable_seq(sk));
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_OUT_RSTS);
}

/**
 * xtcp_output_probe - make a peer with a closed window say where it stands
 * @sk: with unsent data
 *
 * Sends data if the window allows some (the override timer of RFC 9293, 3.8.6.2.1), else
 * an empty segment just below the window, which any receiver answers. Urgent data ahead is
 * told by one at the window's edge, which a receiver with no room takes (MUST-66).
 * deviates: RFC 9293, 3.8.6.1 sends one octet of new data; Linux TCP sends none.
 *
 * Context: socket lock.
 */
void xtcp_output_probe(struct sock *sk)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	u16 mss = xtcp_output_mss(sk);
	s32 room;

	if (skb) {
		room = xp->snd_una + xp->snd_wnd - XTCP_CB(skb)->seq;
		if (room > 0) {
			u32 size = min3(skb->len, (u32)mss, (u32)room);

			send_head(sk, skb, add_fin(skb, size, room), mss);
			return;
		}
	}
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_PROBES_SENT);
	/* The other probe is not acceptable to its receiver, who would not see the pointer. */
	if (xp->urg_sent && xtcp_seq_gt(xp->snd_up, xp->snd_una))
		transmit_bare_opts(sk, XTCP_ACK, xp->snd_una);
	transmit_bare_opts(sk, XTCP_ACK, xp->snd_una - 1);
}

/**
 * xtcp_output_keepalive - an empty segment with SEQ = SND.NXT-1 (RFC 9293, 3.8.4)
 * @sk: idle, nothing outstanding
 *
 * Context: socket lock.
 * Return: false without memory: nothing was sent.
 */
bool xtcp_output_keepalive(struct sock *sk)
{
	if (transmit_bare_opts(sk, XTCP_ACK, xtcp_sk(sk)->snd_nxt - 1) == -ENOBUFS)
		return false;
	xtcp_mib_inc(sock_net(sk), XTCP_MIB_KEEPALIVES_SENT);
	return true;
}

/**
 * xtcp_output_window_update - the application has read: is that worth an ACK?
 * @sk: the socket
 * @copied_bytes: read by this call
 *
 * A delayed ACK goes out once its data is read and the window has come back; else an
 * update goes out when the window at least doubles (RFC 9293, 3.8.6.2.2, MUST-39).
 *
 * Context: socket lock, process.
 */
void xtcp_output_window_update(struct sock *sk, u32 copied_bytes)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 offered = xtcp_window_left(xp), wnd;
	bool send = false;

	if (!xtcp_state_is_synchronized(sk->sk_state))
		return;
	if (xp->ack_pending &&
	    (xp->rcv_nxt - xp->rcv_wup > xp->rcv_mss ||
	     (copied_bytes > 0 && !xp->pingpong && !atomic_read(&sk->sk_rmem_alloc))))
		send = true;
	if (!send && copied_bytes > 0 && !(sk->sk_shutdown & RCV_SHUTDOWN) &&
	    2 * offered <= xp->window_clamp) {
		wnd = window_now(sk);
		send = wnd && wnd >= 2 * offered;
	}
	if (send)
		xtcp_output_ack(sk);
}
