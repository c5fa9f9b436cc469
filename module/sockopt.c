// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options: TCP's, at SOL_TCP with TCP's numbers, ranges and structures.
 *
 * What belongs to IP goes to IP; SOL_SOCKET never comes here. Process context; the
 * socket lock is taken inside.
 */
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "timer.h"
#include "xtcp.h"

/* TCP_DEFER_ACCEPT is rounded up to where a SYN-ACK is resent; this is the last such time. */
#define DEFER_ACCEPT_MAX_S	247
#define SYNACK_GAP_MAX_S	120
#define REORDERING_SEGS		3	/* RFC 5681, 3.2: duplicate ACKs that mean loss */

/* ---- setting ---------------------------------------------------------------- */

static int set_u8(u8 *member, int val, int lowest, int highest)
{
	if (val < lowest || val > highest)
		return -EINVAL;
	WRITE_ONCE(*member, val);
	return 0;
}

static int set_seconds(u32 *member_jif, int val, int highest)
{
	if (val < 1 || val > highest)
		return -EINVAL;
	WRITE_ONCE(*member_jif, val * HZ);
	return 0;
}

static void set_nodelay(struct sock *sk, int on)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (!on) {
		xp->nagle &= ~XTCP_NAGLE_OFF;
		return;
	}
	xp->nagle |= XTCP_NAGLE_OFF;
	/* What waits now is sent even if the socket is corked. */
	if (!skb_queue_empty(&sk->sk_write_queue))
		xtcp_output_push(sk, xp->nagle | XTCP_NAGLE_PUSH);
}

static void set_cork(struct sock *sk, int on)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	if (on) {
		xp->nagle |= XTCP_NAGLE_CORK;
		return;
	}
	xp->nagle &= ~XTCP_NAGLE_CORK;
	if (!skb_queue_empty(&sk->sk_write_queue))
		xtcp_output_push(sk, xp->nagle & XTCP_NAGLE_OFF ? xp->nagle | XTCP_NAGLE_PUSH :
								  xp->nagle);
}

/* Zero: delay ACKs. Odd: acknowledge at once from now on. Even: only what is due now. */
static void set_quickack(struct sock *sk, int val)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	xp->pingpong = !val;
	if (!val)
		return;
	xp->quickacks = XTCP_QUICKACKS_MAX;
	if (!xtcp_state_can_send(sk->sk_state) || !xp->ack_pending)
		return;
	xtcp_output_ack(sk);
	if (!(val & 1))
		xp->pingpong = 1;
}

static int set_keepidle(struct sock *sk, int val)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	int err = set_seconds(&xp->keepalive_time_jif, val, XTCP_KEEPIDLE_MAX);
	u32 idle_jif;

	if (err || !sock_flag(sk, SOCK_KEEPOPEN) ||
	    sk->sk_state == XTCP_CLOSED || sk->sk_state == XTCP_LISTEN)
		return err;
	idle_jif = (u32)jiffies - xp->last_rcv_jif;
	xtcp_timer_arm_keepalive(sk, xp->keepalive_time_jif > idle_jif ?
				     xp->keepalive_time_jif - idle_jif : 0);
	return 0;
}

static void set_linger2(struct sock *sk, int val)
{
	s32 jif = val < 0 ? -1 : min(val, XTCP_LINGER2_MAX_S) * HZ;

	WRITE_ONCE(xtcp_sk(sk)->linger2_jif, jif);
}

/* Round up to the end of a SYN-ACK's wait: 1, 3, 7, ... seconds after the first. */
static void set_defer_accept(struct sock *sk, int val)
{
	int gap = 1, sum = 0;

	while (sum < val && sum < DEFER_ACCEPT_MAX_S) {
		sum += gap;
		gap = min(2 * gap, SYNACK_GAP_MAX_S);
	}
	WRITE_ONCE(xtcp_sk(sk)->defer_accept_s, sum);
}

static int set_window_clamp(struct sock *sk, int val)
{
	if (!val && sk->sk_state != XTCP_CLOSED)
		return -EINVAL;
	xtcp_sk(sk)->window_clamp = val ? max_t(u32, val, SOCK_MIN_RCVBUF / 2) : 0;
	return 0;
}

static int set_maxseg(struct sock *sk, int val)
{
	if (val && (val < XTCP_MAXSEG_MIN || val > XTCP_MAXSEG_MAX))
		return -EINVAL;
	xtcp_sk(sk)->user_mss = val;
	return 0;
}

/* Fast Open's number of pending requests: kept, though we always decline data in a SYN. */
static int set_fastopen(struct sock *sk, int val)
{
	if (val < 0 || (sk->sk_state != XTCP_CLOSED && sk->sk_state != XTCP_LISTEN))
		return -EINVAL;
	xtcp_sk(sk)->fastopen_max = val;
	return 0;
}

/* Options that are one int. */
static int set_int(struct sock *sk, int optname, int val)
{
	struct xtcp_sock *xp = xtcp_sk(sk);

	switch (optname) {
	case TCP_MAXSEG:
		return set_maxseg(sk, val);
	case TCP_NODELAY:
		set_nodelay(sk, val);
		return 0;
	case TCP_CORK:
		set_cork(sk, val);
		return 0;
	case TCP_KEEPIDLE:
		return set_keepidle(sk, val);
	case TCP_KEEPINTVL:
		return set_seconds(&xp->keepalive_intvl_jif, val, XTCP_KEEPINTVL_MAX);
	case TCP_KEEPCNT:
		return set_u8(&xp->keepalive_probes, val, 1, XTCP_KEEPCNT_MAX);
	case TCP_SYNCNT:
		return set_u8(&xp->syn_retries, val, 1, XTCP_SYNCNT_MAX);
	case TCP_LINGER2:
		set_linger2(sk, val);
		return 0;
	case TCP_DEFER_ACCEPT:
		set_defer_accept(sk, val);
		return 0;
	case TCP_WINDOW_CLAMP:
		return set_window_clamp(sk, val);
	case TCP_QUICKACK:
		set_quickack(sk, val);
		return 0;
	case TCP_USER_TIMEOUT:
		if (val < 0)
			return -EINVAL;
		WRITE_ONCE(xp->user_timeout_ms, val);
		return 0;
	case TCP_FASTOPEN:
		return set_fastopen(sk, val);
	case TCP_FASTOPEN_CONNECT:
		if (sk->sk_state != XTCP_CLOSED)
			return -EINVAL;
		return set_u8(&xp->fastopen_connect, val, 0, 1);
	case TCP_NOTSENT_LOWAT:
		WRITE_ONCE(xp->notsent_lowat, val);
		sk->sk_write_space(sk);
		return 0;
	case TCP_INQ:
		return set_u8(&xp->inq_cmsg, val, 0, 1);
	}
	return -ENOPROTOOPT;
}

static int set_congestion(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	struct xtcp_cong *cong = &xtcp_sk(sk)->cong;
	const struct xtcp_cong_ops *ops;
	char name[XTCP_CONG_NAME_MAX];
	long len;

	if (optlen < 1)
		return -EINVAL;
	len = strncpy_from_sockptr(name, optval, min_t(long, sizeof(name) - 1, optlen));
	if (len < 0)
		return -EFAULT;
	name[len] = 0;
	ops = xtcp_sysctl_find_cong(name);
	if (!ops)
		return -ENOENT;
	lock_sock(sk);
	if (ops != cong->ops) {
		cong->ops = ops;
		memset(cong->priv, 0, sizeof(cong->priv));
		if (ops->init)
			ops->init(cong);
	}
	release_sock(sk);
	return 0;
}

static int set_tcp(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	int val, err;

	if (optname == TCP_CONGESTION)
		return set_congestion(sk, optval, optlen);
	if (optlen < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	lock_sock(sk);
	err = set_int(sk, optname, val);
	release_sock(sk);
	return err;
}

/* Streams have no groups. IP asks this of TCP's sockets in the same way, bad length first. */
static bool joins_group(int level, int optname, unsigned int optlen)
{
	if (level == SOL_IP)
		return optname == IP_ADD_MEMBERSHIP || optname == IP_DROP_MEMBERSHIP;
	return level == SOL_IPV6 && optlen >= sizeof(struct ipv6_mreq) &&
	       (optname == IPV6_ADD_MEMBERSHIP || optname == IPV6_DROP_MEMBERSHIP);
}

/**
 * xtcp_sockopt_set - setsockopt() at any level but SOL_SOCKET: proto.setsockopt
 * @sk: the socket
 * @level: SOL_TCP, SOL_IP or SOL_IPV6
 * @optname: of that level
 * @optval: the value
 * @optlen: its length
 *
 * Context: process; takes the socket lock.
 * Return: 0 or -errno.
 */
int xtcp_sockopt_set(struct sock *sk, int level, int optname, sockptr_t optval,
		     unsigned int optlen)
{
	int err = -ENOPROTOOPT;

	if (level == SOL_TCP)
		return set_tcp(sk, optname, optval, optlen);
	if (joins_group(level, optname, optlen))
		return -EPROTO;
	if (level == SOL_IP)
		err = ip_setsockopt(sk, level, optname, optval, optlen);
#if IS_ENABLED(CONFIG_IPV6)
	else if (level == SOL_IPV6 && sk->sk_family == AF_INET6)
		err = ipv6_setsockopt(sk, level, optname, optval, optlen);
#endif
	if (!err) {
		/* IP options and extension headers take room from the text: derive the MSS anew. */
		lock_sock(sk);
		if (xtcp_sk(sk)->pmtu)
			xtcp_output_set_pmtu(sk, xtcp_sk(sk)->pmtu);
		release_sock(sk);
	}
	return err;
}

/* ---- getting ---------------------------------------------------------------- */

/* TCP counts segments where xtcp counts bytes. */
static u32 bytes_to_segs(u32 bytes, u32 mss)
{
	return DIV_ROUND_UP(bytes, mss);
}

static u32 ms_since(u32 jif)
{
	return jiffies_to_msecs((u32)jiffies - jif);
}

static u8 info_ca_state(const struct xtcp_sock *xp)
{
	switch (xp->recovery) {
	case XTCP_RECOVERY_CWR:
		return TCP_CA_CWR;
	case XTCP_RECOVERY_FAST:
		return TCP_CA_Recovery;
	case XTCP_RECOVERY_LOSS:
		return TCP_CA_Loss;
	}
	return TCP_CA_Open;
}

static void info_options(const struct xtcp_sock *xp, struct tcp_info *info)
{
	if (xp->ts_ok)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (xp->sack_ok)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (xp->wscale_ok) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = xp->snd_wscale;
		info->tcpi_rcv_wscale = xp->rcv_wscale;
	}
	if (xp->ecn.ok)
		info->tcpi_options |= TCPI_OPT_ECN;
	if (xp->ecn.seen)
		info->tcpi_options |= TCPI_OPT_ECN_SEEN;
}

/* Times and rates, by struct xtcp_tally. */
static void info_sending(const struct xtcp_tally *tally, struct tcp_info *info)
{
	const struct xtcp_sendtime *time = &tally->sendtime;
	const struct xtcp_rate *rate = &tally->rate;
	u64 now_us = xtcp_now_us();

	info->tcpi_rwnd_limited = xtcp_sendtime_us(time, XTCP_SEND_RWND_LIMITED, now_us);
	info->tcpi_sndbuf_limited = xtcp_sendtime_us(time, XTCP_SEND_SNDBUF_LIMITED, now_us);
	info->tcpi_busy_time = xtcp_sendtime_us(time, XTCP_SEND_BUSY, now_us) +
			       info->tcpi_rwnd_limited + info->tcpi_sndbuf_limited;
	if (rate->interval_us)
		info->tcpi_delivery_rate = div_u64((u64)rate->bytes * USEC_PER_SEC,
						   rate->interval_us);
	info->tcpi_delivery_rate_app_limited = rate->bytes_app_limited;
	info->tcpi_delivered = tally->delivered_segs;
	info->tcpi_delivered_ce = tally->delivered_ce_segs;
	info->tcpi_reord_seen = tally->reordered;
}

static void info_sender(struct xtcp_sock *xp, struct tcp_info *info, u32 mss)
{
	const struct xtcp_cong *cong = &xp->cong;

	info->tcpi_ca_state = info_ca_state(xp);
	info->tcpi_retransmits = xp->retries;
	info->tcpi_probes = xp->probes;
	info->tcpi_backoff = xp->rtt.backoff;
	info->tcpi_rto = xtcp_rtt_rto_us(&xp->rtt);
	info->tcpi_snd_mss = xp->mss;
	info->tcpi_unacked = bytes_to_segs(xp->rtx_bytes, mss);
	info->tcpi_sacked = bytes_to_segs(xp->sacked_bytes, mss);
	info->tcpi_lost = bytes_to_segs(xp->lost_bytes, mss);
	info->tcpi_retrans = bytes_to_segs(xp->resent_bytes, mss);
	info->tcpi_last_data_sent = ms_since(xp->last_send_jif);
	info->tcpi_rtt = xp->rtt.srtt_us >> 3;
	info->tcpi_rttvar = xp->rtt.rttvar_us >> 2;
	info->tcpi_min_rtt = xp->rtt.min_us;
	info->tcpi_snd_ssthresh = cong->ssthresh_bytes >= XTCP_SSTHRESH_INFINITE ?
		XTCP_SSTHRESH_INFINITE : bytes_to_segs(cong->ssthresh_bytes, mss);
	info->tcpi_total_retrans = xp->total_retrans;
	info->tcpi_bytes_acked = xp->bytes_acked;
	info->tcpi_bytes_sent = xp->tally.bytes_sent;
	info->tcpi_bytes_retrans = xp->tally.bytes_resent;
	info->tcpi_segs_out = xp->segs_out;
	info->tcpi_data_segs_out = xp->tally.data_segs_out;
	info->tcpi_dsack_dups = xp->tally.dsacks;
	info->tcpi_notsent_bytes = max_t(int, 0, xp->write_seq - xp->snd_nxt);
	info->tcpi_snd_wnd = xp->snd_wnd;
}

static void info_receiver(struct xtcp_sock *xp, struct tcp_info *info)
{
	info->tcpi_ato = jiffies_to_usecs(xp->ato_jif);
	info->tcpi_rcv_mss = xp->rcv_mss;
	info->tcpi_last_data_recv = ms_since(xp->last_data_jif);
	info->tcpi_last_ack_recv = ms_since(xp->last_rcv_jif);
	info->tcpi_pmtu = xp->pmtu;
	info->tcpi_rcv_ssthresh = xp->rcv_wnd;
	info->tcpi_advmss = xp->advmss - (xp->ts_ok ? XTCP_OPTLEN_TS : 0);
	info->tcpi_rcv_rtt = xp->rcv_rtt_us >> 3;
	info->tcpi_rcv_space = xp->rcvq_space;
	info->tcpi_bytes_received = xp->bytes_received;
	info->tcpi_segs_in = xp->segs_in;
	info->tcpi_data_segs_in = xp->tally.data_segs_in;
	info->tcpi_rcv_ooopack = xp->tally.ooo_segs;
}

/**
 * xtcp_sockopt_info - fill in TCP_INFO
 * @sk: the socket
 * @info: all of it is written; fields that mean nothing here are zero
 *
 * Context: process; takes the socket lock.
 */
void xtcp_sockopt_info(struct sock *sk, struct tcp_info *info)
{
	struct xtcp_sock *xp = xtcp_sk(sk);
	unsigned long rate = READ_ONCE(sk->sk_pacing_rate);
	u32 mss;
	bool slow;

	memset(info, 0, sizeof(*info));
	info->tcpi_state = inet_sk_state_load(sk);
	info->tcpi_pacing_rate = rate != ~0UL ? rate : ~0ULL;
	rate = READ_ONCE(sk->sk_max_pacing_rate);
	info->tcpi_max_pacing_rate = rate != ~0UL ? rate : ~0ULL;
	mss = max_t(u32, READ_ONCE(xp->mss), 1);
	info->tcpi_reordering = REORDERING_SEGS;
	info->tcpi_snd_cwnd = bytes_to_segs(READ_ONCE(xp->cong.cwnd_bytes), mss);
	if (info->tcpi_state == XTCP_LISTEN) {
		/* As Linux TCP: these two fields have another meaning for a listener. */
		info->tcpi_unacked = READ_ONCE(sk->sk_ack_backlog);
		info->tcpi_sacked = READ_ONCE(sk->sk_max_ack_backlog);
		return;
	}
	slow = lock_sock_fast(sk);
	mss = max_t(u32, xp->mss, 1);
	info_options(xp, info);
	info_sender(xp, info, mss);
	info_sending(&xp->tally, info);
	info_receiver(xp, info);
	unlock_sock_fast(sk, slow);
}

/* Copy at most what the caller has room for, and tell how much it was. */
static int put_value(const void *value, int size, int len, char __user *optval,
		     int __user *optlen)
{
	len = min(len, size);
	if (put_user(len, optlen) || copy_to_user(optval, value, len))
		return -EFAULT;
	return 0;
}

static int get_maxseg(const struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);

	if (xp->user_mss && (sk->sk_state == XTCP_CLOSED || sk->sk_state == XTCP_LISTEN))
		return xp->user_mss;
	return xp->mss;
}

static int get_linger2(const struct sock *sk)
{
	s32 jif = READ_ONCE(xtcp_sk(sk)->linger2_jif);

	if (jif < 0)
		return -1;
	return (jif ? jif : READ_ONCE(xtcp_sk_net(sk)->fin_timeout_jif)) / HZ;
}

/* Options that are one int. */
static int get_int(const struct sock *sk, int optname, int *val)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	const struct xtcp_net *xn = xtcp_sk_net(sk);

	switch (optname) {
	case TCP_MAXSEG:
		*val = get_maxseg(sk);
		return 0;
	case TCP_NODELAY:
		*val = !!(xp->nagle & XTCP_NAGLE_OFF);
		return 0;
	case TCP_CORK:
		*val = !!(xp->nagle & XTCP_NAGLE_CORK);
		return 0;
	case TCP_KEEPIDLE:
		*val = (xp->keepalive_time_jif ? : READ_ONCE(xn->keepalive_time_jif)) / HZ;
		return 0;
	case TCP_KEEPINTVL:
		*val = (xp->keepalive_intvl_jif ? : READ_ONCE(xn->keepalive_intvl_jif)) / HZ;
		return 0;
	case TCP_KEEPCNT:
		*val = xp->keepalive_probes ? : READ_ONCE(xn->keepalive_probes);
		return 0;
	case TCP_SYNCNT:
		*val = xp->syn_retries ? : READ_ONCE(xn->syn_retries);
		return 0;
	case TCP_LINGER2:
		*val = get_linger2(sk);
		return 0;
	case TCP_DEFER_ACCEPT:
		*val = xp->defer_accept_s;
		return 0;
	case TCP_WINDOW_CLAMP:
		*val = xp->window_clamp;
		return 0;
	case TCP_QUICKACK:
		*val = !xp->pingpong;
		return 0;
	case TCP_USER_TIMEOUT:
		*val = xp->user_timeout_ms;
		return 0;
	case TCP_FASTOPEN:
		*val = xp->fastopen_max;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*val = xp->fastopen_connect;
		return 0;
	case TCP_NOTSENT_LOWAT:
		*val = xp->notsent_lowat;
		return 0;
	case TCP_INQ:
		*val = xp->inq_cmsg;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int get_congestion(const struct sock *sk, int len, char __user *optval,
			  int __user *optlen)
{
	char name[XTCP_CONG_NAME_MAX] = "";

	strscpy(name, READ_ONCE(xtcp_sk(sk)->cong.ops)->name, sizeof(name));
	return put_value(name, sizeof(name), len, optval, optlen);
}

static int get_tcp(struct sock *sk, int optname, char __user *optval, int __user *optlen)
{
	struct tcp_info info;
	int len, val, err;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	switch (optname) {
	case TCP_INFO:
		xtcp_sockopt_info(sk, &info);
		return put_value(&info, sizeof(info), len, optval, optlen);
	case TCP_CONGESTION:
		return get_congestion(sk, len, optval, optlen);
	case TCP_CC_INFO:
		/* The algorithms there are have nothing to tell. */
		return put_user(0, optlen);
	}
	err = get_int(sk, optname, &val);
	return err ? err : put_value(&val, sizeof(val), len, optval, optlen);
}

/**
 * xtcp_sockopt_get - getsockopt() at any level but SOL_SOCKET: proto.getsockopt
 * @sk: the socket
 * @level: SOL_TCP, SOL_IP or SOL_IPV6
 * @optname: of that level
 * @optval: where the value goes
 * @optlen: room there; becomes the length
 *
 * Context: process; takes the socket lock for TCP_INFO.
 * Return: 0 or -errno.
 */
int xtcp_sockopt_get(struct sock *sk, int level, int optname, char __user *optval,
		     int __user *optlen)
{
	switch (level) {
	case SOL_TCP:
		return get_tcp(sk, optname, optval, optlen);
	case SOL_IP:
		return ip_getsockopt(sk, level, optname, optval, optlen);
#if IS_ENABLED(CONFIG_IPV6)
	case SOL_IPV6:
		if (sk->sk_family == AF_INET6)
			return ipv6_getsockopt(sk, level, optname, optval, optlen);
		break;
#endif
	}
	return sk->sk_family == AF_INET ? -EOPNOTSUPP : -ENOPROTOOPT;	/* as IP says of TCP */
}
