/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: every state change, segment in, segment out and drop.
 *
 * The text is an interface (tools draw ladder diagrams from it): src and dst are the
 * segment's as on the wire; in xtcp_state src is the local end.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xtcp

#if !defined(XTCP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define XTCP_TRACE_H

#include <linux/tracepoint.h>

#include "xtcp.h"

#define TRACE_STATES(X)								\
	X(ESTABLISHED) X(SYN_SENT) X(SYN_RCVD) X(FIN_WAIT_1) X(FIN_WAIT_2)	\
	X(TIME_WAIT) X(CLOSED) X(CLOSE_WAIT) X(LAST_ACK) X(LISTEN) X(CLOSING)

#define TRACE_EVENTS(X)								\
	X(LISTEN) X(CONNECT) X(CLOSE) X(ABORT) X(RCV_RST) X(RCV_SYN)		\
	X(RCV_SYN_ACK) X(RCV_ACK_OF_SYN) X(RCV_ACK_OF_FIN) X(RCV_FIN)		\
	X(GIVE_UP) X(FIN_WAIT_2_TIMEOUT) X(2MSL_TIMEOUT)

/* Tell user-space parsers the numbers behind the names. */
#define TRACE_DEF_STATE(name)		TRACE_DEFINE_ENUM(XTCP_##name);
#define TRACE_DEF_EVENT(name)		TRACE_DEFINE_ENUM(XTCP_EV_##name);
#define TRACE_DEF_DROP(id, name, word)	TRACE_DEFINE_ENUM(XTCP_DROP_##id);

TRACE_DEFINE_ENUM(XTCP_COOKIE_SENT);
TRACE_DEFINE_ENUM(XTCP_COOKIE_ACCEPTED);
TRACE_DEFINE_ENUM(XTCP_COOKIE_REJECTED);
TRACE_STATES(TRACE_DEF_STATE)
TRACE_EVENTS(TRACE_DEF_EVENT)
XTCP_DROP_LIST(TRACE_DEF_DROP)

#define TRACE_SYM_STATE(name)		, { XTCP_##name, #name }
#define TRACE_SYM_EVENT(name)		, { XTCP_EV_##name, #name }
#define TRACE_SYM_DROP(id, name, word)	, { XTCP_DROP_##id, word }

#define show_family(family)						\
	__print_symbolic(family, { AF_INET, "ipv4" }, { AF_INET6, "ipv6" })
#define show_state(state)							\
	__print_symbolic(state, { 0, "NONE" } TRACE_STATES(TRACE_SYM_STATE))
#define show_event(event)							\
	__print_symbolic(event, { -1, "NONE" } TRACE_EVENTS(TRACE_SYM_EVENT))
#define show_drop(reason)							\
	__print_symbolic(reason, { -1, "none" } XTCP_DROP_LIST(TRACE_SYM_DROP))
#define show_cookie(verdict)							\
	__print_symbolic(verdict, { XTCP_COOKIE_SENT, "sent" },			\
			 { XTCP_COOKIE_ACCEPTED, "accepted" },			\
			 { XTCP_COOKIE_REJECTED, "rejected" })
#define show_flags(flags)							\
	__print_flags(flags, ",",						\
		      { XTCP_FIN, "FIN" }, { XTCP_SYN, "SYN" },			\
		      { XTCP_RST, "RST" }, { XTCP_PSH, "PSH" },			\
		      { XTCP_ACK, "ACK" }, { XTCP_URG, "URG" },			\
		      { XTCP_ECE, "ECE" }, { XTCP_CWR, "CWR" })

TRACE_EVENT(xtcp_state,
	TP_PROTO(const struct xtcp_flow *flow, u8 old, u8 new, u8 event),
	TP_ARGS(flow, old, new, event),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u16, family)
		__field(u8, old)
		__field(u8, new)
		__field(u8, event)
		__array(u8, src, sizeof(struct sockaddr_in6))
		__array(u8, dst, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->netns = trace_netns(flow->net);
		__entry->family = flow->family;
		__entry->old = old;
		__entry->new = new;
		__entry->event = event;
		trace_fill_addrs(flow, __entry->src, __entry->dst);
	),
	TP_printk("netns=%u family=%s src=%pISpc dst=%pISpc old=%s new=%s event=%s",
		  __entry->netns, show_family(__entry->family),
		  __entry->src, __entry->dst, show_state(__entry->old),
		  show_state(__entry->new), show_event(__entry->event))
);

/* A SYN cookie: sent, or found good or bad in the ACK that brings it back. */
TRACE_EVENT(xtcp_cookie,
	TP_PROTO(const struct xtcp_flow *flow, u8 verdict, u16 mss, u8 opts),
	TP_ARGS(flow, verdict, mss, opts),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u16, mss)
		__field(u8, verdict)
		__field(u8, opts)
		__array(u8, src, sizeof(struct sockaddr_in6))
		__array(u8, dst, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->netns = trace_netns(flow->net);
		__entry->mss = mss;
		__entry->verdict = verdict;
		__entry->opts = opts;
		trace_fill_addrs(flow, __entry->src, __entry->dst);
	),
	TP_printk("netns=%u src=%pISpc dst=%pISpc verdict=%s mss=%u ts=%d sack=%d wscale=%d",
		  __entry->netns, __entry->src, __entry->dst,
		  show_cookie(__entry->verdict), __entry->mss,
		  !!(__entry->opts & XTCP_OPT_TS), !!(__entry->opts & XTCP_OPT_SACK_OK),
		  !!(__entry->opts & XTCP_OPT_WSCALE))
);

DECLARE_EVENT_CLASS(xtcp_segment,
	TP_PROTO(const struct xtcp_flow *flow, const struct xtcp_hdr *hdr, u32 len),
	TP_ARGS(flow, hdr, len),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u32, seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u16, win)
		__field(u8, flags)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->netns = trace_netns(flow->net);
		__entry->seq = ntohl(hdr->seq);
		__entry->ack = ntohl(hdr->ack);
		__entry->len = len;
		__entry->win = ntohs(hdr->win);
		__entry->flags = hdr->flags;
		trace_fill_addrs(flow, __entry->local, __entry->remote);
	),
	TP_printk("netns=%u src=%pISpc dst=%pISpc flags=%s seq=%u ack=%u win=%u len=%u",
		  __entry->netns, __entry->local, __entry->remote,
		  show_flags(__entry->flags), __entry->seq, __entry->ack,
		  __entry->win, __entry->len)
);

/* A segment leaves; @flow and @hdr as sent, @len text only. */
DEFINE_EVENT(xtcp_segment, xtcp_send,
	TP_PROTO(const struct xtcp_flow *flow, const struct xtcp_hdr *hdr, u32 len),
	TP_ARGS(flow, hdr, len)
);

/* A segment with a good checksum came in; @flow as seen from here, @len text only. */
DEFINE_EVENT_PRINT(xtcp_segment, xtcp_rcv,
	TP_PROTO(const struct xtcp_flow *flow, const struct xtcp_hdr *hdr, u32 len),
	TP_ARGS(flow, hdr, len),
	TP_printk("netns=%u src=%pISpc dst=%pISpc flags=%s seq=%u ack=%u win=%u len=%u",
		  __entry->netns, __entry->remote, __entry->local,
		  show_flags(__entry->flags), __entry->seq, __entry->ack,
		  __entry->win, __entry->len)
);

TRACE_EVENT(xtcp_drop,
	TP_PROTO(const struct net *net, const struct sk_buff *skb, u8 reason),
	TP_ARGS(net, skb, reason),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u32, seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u16, win)
		__field(u8, flags)
		__field(u8, reason)
		__array(u8, src, sizeof(struct sockaddr_in6))
		__array(u8, dst, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		struct xtcp_hdr hdr;

		__entry->netns = trace_netns(net);
		__entry->len = trace_parse_skb(skb, &hdr, __entry->src, __entry->dst);
		__entry->seq = ntohl(hdr.seq);
		__entry->ack = ntohl(hdr.ack);
		__entry->win = ntohs(hdr.win);
		__entry->flags = hdr.flags;
		__entry->reason = reason;
	),
	TP_printk("netns=%u src=%pISpc dst=%pISpc flags=%s seq=%u ack=%u win=%u len=%u reason=%s",
		  __entry->netns, __entry->src, __entry->dst,
		  show_flags(__entry->flags), __entry->seq, __entry->ack,
		  __entry->win, __entry->len, show_drop(__entry->reason))
);

#endif /* XTCP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
