// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN cookies: when to use them, and what goes into them from a half-open entry and back.
 *
 * RFC 4987, 3.6; the cookie itself is core/cookie.c's. Softirq, RCU read side; nothing is
 * locked, allocated or kept, but for the time of the last cookie of a listener.
 */
#include <linux/ratelimit.h>

#include "xtcp.h"
#include "trace.h"

#define OVERFLOW_MEMORY	(2 * XTCP_COOKIE_PERIOD_S * HZ)	/* as long as a cookie may live */

/* Now, and never 0, which stands for never: not even when the count of ticks goes through it. */
static u32 this_tick(void)
{
	return (u32)jiffies | 1;
}

/*
 * Of our own, as other messages of the network would use up a common one; and who is held back
 * is silent about it.
 */
static struct ratelimit_state report_limit =
	RATELIMIT_STATE_INIT_FLAGS(report_limit, DEFAULT_RATELIMIT_INTERVAL,
				   DEFAULT_RATELIMIT_BURST, RATELIMIT_MSG_ON_RELEASE);

/* One line for each listener, however long the flood; one held back comes with a later SYN. */
static void report_flood(struct sock *listener, int mode)
{
	struct xtcp_sock *xp = xtcp_sk(listener);

	if (READ_ONCE(xp->flood_reported) || xchg(&xp->flood_reported, 1))
		return;
	if (__ratelimit(&report_limit))
		pr_info("xtcp: possible SYN flood on port %u, %s\n", inet_sk(listener)->inet_num,
			mode ? "sending cookies" : "dropping SYNs");
	else
		WRITE_ONCE(xp->flood_reported, 0);
}

/**
 * xtcp_syncookie_is_wanted - is a SYN to be answered with a cookie?
 * @listener: it is for
 * @full: there is no room for a half-open entry
 *
 * Context: softirq, RCU read side.
 * Return: true if so, by net.xtcp.syncookies.
 */
bool xtcp_syncookie_is_wanted(struct sock *listener, bool full)
{
	struct xtcp_net *xn = xtcp_sk_net(listener);
	struct xtcp_sock *xp = xtcp_sk(listener);
	int mode = READ_ONCE(xn->syncookies);
	u32 now = this_tick();

	if (full)
		report_flood(listener, mode);
	if (mode == 1 && full) {
		/* Cache lines that all CPUs read are written once a tick. */
		if (READ_ONCE(xp->overflow_jif) != now)
			WRITE_ONCE(xp->overflow_jif, now);
		if (READ_ONCE(xn->overflow_jif) != now)
			WRITE_ONCE(xn->overflow_jif, now);
	}
	return mode == 2 || (mode == 1 && full);
}

/**
 * xtcp_syncookie_can_come - may an ACK for a listener hold a cookie at all?
 * @listener: it is for
 *
 * LSN-13. Members of a SO_REUSEPORT group answer for each other: the one that sent the
 * cookie may be gone, or another be chosen.
 *
 * Context: softirq, RCU read side.
 * Return: true in mode 2, or if cookies were sent within their lifetime.
 */
bool xtcp_syncookie_can_come(const struct sock *listener)
{
	const struct xtcp_net *xn = xtcp_sk_net(listener);
	int mode = READ_ONCE(xn->syncookies);
	u32 last_jif;

	if (mode != 1)
		return mode;
	last_jif = READ_ONCE(xtcp_sk(listener)->overflow_jif);
	if (listener->sk_reuseport)
		last_jif = READ_ONCE(xn->overflow_jif);
	return last_jif && this_tick() - last_jif < OVERFLOW_MEMORY;
}

static void fill_cookie_flow(struct xtcp_cookie_flow *cf, const struct xtcp_flow *flow)
{
	cf->is_ipv6 = flow->family == AF_INET6;
	cf->sport = flow->rport;
	cf->dport = flow->lport;
	if (cf->is_ipv6) {
		memcpy(cf->saddr, &flow->v6.raddr, sizeof(cf->saddr));
		memcpy(cf->daddr, &flow->v6.laddr, sizeof(cf->daddr));
	} else {
		cf->saddr[0] = flow->v4.raddr;
		cf->daddr[0] = flow->v4.laddr;
	}
}

/**
 * xtcp_syncookie_send - answer a SYN with a cookie
 * @ho: what would have been kept; its ISN becomes the cookie's, and without timestamps
 *	what there is no room for goes
 * @dst: the way to the peer, its reference is consumed
 *
 * Context: softirq, RCU read side.
 */
void xtcp_syncookie_send(struct xtcp_halfopen *ho, struct dst_entry *dst)
{
	const struct xtcp_flow *flow = &ho->node.flow;
	struct xtcp_cookie_fields fields = {
		.mss = ho->mss ?: flow->family == AF_INET6 ? XTCP_MSS_DEFAULT_V6 :
							     XTCP_MSS_DEFAULT_V4,
		.wscale = ho->opts & XTCP_OPT_WSCALE ? ho->snd_wscale : XTCP_COOKIE_NO_WSCALE,
		.sack = ho->opts & XTCP_OPT_SACK_OK,
		.ecn = ho->ecn,
	};
	siphash_key_t keys[XTCP_COOKIE_NR_KEYS];
	u32 epoch = xtcp_keys_cookie(flow->net, keys);
	struct xtcp_cookie_flow cf;
	u32 tsval = 0;

	fill_cookie_flow(&cf, flow);
	if (ho->opts & XTCP_OPT_TS) {
		xtcp_cookie_make(&keys[0], &cf, ho->irs, &fields, epoch, &ho->iss, &tsval);
	} else {
		ho->iss = xtcp_cookie_make_isn(&keys[0], &cf, ho->irs, fields.mss, epoch);
		ho->opts &= XTCP_OPT_MSS;
		ho->rcv_wscale = 0;
		ho->ecn = 0;
	}
	memzero_explicit(keys, sizeof(keys));
	xtcp_mib_inc(flow->net, XTCP_MIB_SYNCOOKIES_SENT);
	trace_xtcp_cookie(flow, XTCP_COOKIE_SENT, fields.mss, ho->opts);
	xtcp_reply_cookie(ho, tsval, dst);
}

/**
 * xtcp_syncookie_check - does a segment bring back a cookie of ours?
 * @flow: of the segment
 * @cb: of the segment, which has ACK and neither SYN nor RST
 * @opts: its options
 * @syn: filled in if so: the options of the SYN, as far as they were agreed on
 * @ecn: ECN was agreed on
 *
 * Context: softirq, RCU read side.
 * Return: true if so.
 */
bool xtcp_syncookie_check(const struct xtcp_flow *flow, const struct xtcp_cb *cb,
			  const struct xtcp_opts *opts, struct xtcp_opts *syn, bool *ecn)
{
	siphash_key_t keys[XTCP_COOKIE_NR_KEYS];
	u32 epoch = xtcp_keys_cookie(flow->net, keys);
	struct xtcp_cookie_fields fields = {};
	struct xtcp_cookie_flow cf;
	bool valid;

	fill_cookie_flow(&cf, flow);
	if (opts->seen & XTCP_OPT_TS)
		valid = xtcp_cookie_check(keys, &cf, cb->seq - 1, cb->ack - 1, opts->tsecr, epoch,
					  &fields);
	else
		valid = xtcp_cookie_check_isn(keys, &cf, cb->seq - 1, cb->ack - 1, epoch, &fields);
	memzero_explicit(keys, sizeof(keys));
	memset(syn, 0, sizeof(*syn));
	*ecn = fields.ecn;
	if (valid) {
		syn->seen = XTCP_OPT_MSS | (opts->seen & XTCP_OPT_TS);
		syn->mss = fields.mss;
		syn->tsval = opts->tsval;
		if (fields.sack)
			syn->seen |= XTCP_OPT_SACK_OK;
		if (fields.wscale != XTCP_COOKIE_NO_WSCALE)
			syn->seen |= XTCP_OPT_WSCALE;
		syn->wscale = fields.wscale;
	}
	xtcp_mib_inc(flow->net, valid ? XTCP_MIB_SYNCOOKIES_RECV : XTCP_MIB_SYNCOOKIES_FAILED);
	trace_xtcp_cookie(flow, valid ? XTCP_COOKIE_ACCEPTED : XTCP_COOKIE_REJECTED, syn->mss,
			  syn->seen);
	return valid;
}
