/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters and drop reasons: one list, from which the enums, the names in
 * /proc/net/xtcp_snmp and the reasons in the xtcp_drop tracepoint are made. And how the
 * namespace they belong to is found.
 */
#ifndef XTCP_MIB_H
#define XTCP_MIB_H

#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

struct sk_buff;
struct xtcp_net;

extern unsigned int xtcp_mib_net_id;

/* net_generic(), whose RCU read side is two calls; each segment comes here several times. */
static inline struct xtcp_net *xtcp_mib_find_net(const struct net *net)
{
	struct xtcp_net *xn;

	preempt_disable();
	xn = rcu_dereference_sched(net->gen)->ptr[xtcp_mib_net_id];
	preempt_enable();
	return xn;
}

/* What happened. X(enum suffix, name in /proc/net/xtcp_snmp) */
#define XTCP_MIB_LIST(X)				\
	X(ACTIVE_OPENS,		"ActiveOpens")		\
	X(PASSIVE_OPENS,	"PassiveOpens")		\
	X(ATTEMPT_FAILS,	"AttemptFails")		\
	X(ESTAB_RESETS,		"EstabResets")		\
	X(IN_SEGS,		"InSegs")		\
	X(OUT_SEGS,		"OutSegs")		\
	X(RETRANS_SEGS,		"RetransSegs")		\
	X(OUT_RSTS,		"OutRsts")		\
	X(RSTS_LIMITED,		"RstsLimited")		\
	X(SYN_RCVD,		"SynRcvd")		\
	X(HALFOPEN_ADDED,	"HalfopenAdded")	\
	X(HALFOPEN_EXPIRED,	"HalfopenExpired")	\
	X(HALFOPEN_RESET,	"HalfopenReset")	\
	X(HALFOPEN_PARKED,	"HalfopenParked")	\
	X(HALFOPEN_PROMOTED,	"HalfopenPromoted")	\
	X(HALFOPEN_ABANDONED,	"HalfopenAbandoned")	\
	X(SYNACK_SENT,		"SynAckSent")		\
	X(SYNACK_RESENT,	"SynAckResent")		\
	X(SYNCOOKIES_SENT,	"SyncookiesSent")	\
	X(SYNCOOKIES_RECV,	"SyncookiesRecv")	\
	X(SYNCOOKIES_FAILED,	"SyncookiesFailed")	\
	X(CHALLENGE_ACKS,	"ChallengeAcks")	\
	X(DELAYED_ACKS,		"DelayedAcks")		\
	X(RTO_TIMEOUTS,		"RtoTimeouts")		\
	X(FAST_RETRANS,		"FastRetrans")		\
	X(CE_RCVD,		"CeRcvd")		\
	X(ECE_RCVD,		"EceRcvd")		\
	X(ECN_REDUCTIONS,	"EcnReductions")	\
	X(PROBES_SENT,		"ProbesSent")		\
	X(KEEPALIVES_SENT,	"KeepalivesSent")	\
	X(ABORT_ON_DATA,	"AbortOnData")		\
	X(ABORT_ON_CLOSE,	"AbortOnClose")		\
	X(ABORT_ON_LINGER,	"AbortOnLinger")	\
	X(ABORT_ON_TIMEOUT,	"AbortOnTimeout")	\
	X(ABORT_ON_MEMORY,	"AbortOnMemory")	\
	X(TIME_WAIT,		"TimeWait")		\
	X(TIME_WAIT_OVERFLOW,	"TimeWaitOverflow")	\
	X(TIME_WAIT_REUSED,	"TimeWaitReused")	\
	X(OOO_QUEUED,		"OooQueued")		\
	X(OOO_PRUNED,		"OooPruned")		\
	X(RCV_COALESCED,	"RcvCoalesced")		\
	X(RCV_COLLAPSED,	"RcvCollapsed")		\
	X(DSACK_SENT,		"DsackSent")		\
	X(SACK_RENEGED,		"SackReneged")		\
	X(FSM_BUG,		"FsmBug")		\
	X(ICMP_IGNORED,		"IcmpIgnored")

/* Why a segment was dropped. X(enum suffix, counter name, word in the tracepoint) */
#define XTCP_DROP_LIST(X)							\
	X(TOO_SHORT,		"DropTooShort",		"too_short")		\
	X(BAD_OFFSET,		"DropBadOffset",	"bad_offset")		\
	X(BAD_CHECKSUM,		"DropBadChecksum",	"bad_checksum")		\
	X(NOT_UNICAST,		"DropNotUnicast",	"not_unicast")		\
	X(BAD_SOURCE,		"DropBadSource",	"bad_source")		\
	X(NO_CONNECTION,	"DropNoConnection",	"no_connection")	\
	X(POLICY,		"DropPolicy",		"policy")		\
	X(FILTER,		"DropFilter",		"filter")		\
	X(BACKLOG,		"DropBacklog",		"backlog")		\
	X(NO_MEMORY,		"DropNoMemory",		"no_memory")		\
	X(LISTEN_RST,		"DropListenRst",	"listen_rst")		\
	X(LISTEN_ACK,		"DropListenAck",	"listen_ack")		\
	X(LISTEN_NO_SYN,	"DropListenNoSyn",	"listen_no_syn")	\
	X(LISTEN_SYN_FIN,	"DropListenSynFin",	"listen_syn_fin")	\
	X(LISTEN_OVERFLOW,	"DropListenOverflow",	"listen_overflow")	\
	X(LISTEN_CLOSED,	"DropListenClosed",	"listen_closed")	\
	X(LISTEN_NO_ROUTE,	"DropListenNoRoute",	"listen_no_route")	\
	X(LISTEN_NO_MEMORY,	"DropListenNoMemory",	"listen_no_memory")	\
	X(LISTEN_RACE,		"DropListenRace",	"listen_race")		\
	X(HALFOPEN_FULL,	"DropHalfopenFull",	"halfopen_full")	\
	X(HALFOPEN_RST,		"DropHalfopenRst",	"halfopen_rst")		\
	X(HALFOPEN_SYN,		"DropHalfopenSyn",	"halfopen_syn")		\
	X(HALFOPEN_BAD_ACK,	"DropHalfopenBadAck",	"halfopen_bad_ack")	\
	X(HALFOPEN_NO_ACK,	"DropHalfopenNoAck",	"halfopen_no_ack")	\
	X(HALFOPEN_DEFERRED,	"DropHalfopenDeferred",	"halfopen_deferred")	\
	X(HALFOPEN_PARKED,	"DropHalfopenParked",	"halfopen_parked")	\
	X(ACCEPT_OVERFLOW,	"DropAcceptOverflow",	"accept_overflow")	\
	X(SOURCE_RATE,		"DropSourceRate",	"source_rate")		\
	X(SYN_SENT_BAD_ACK,	"DropSynSentBadAck",	"syn_sent_bad_ack")	\
	X(SYN_SENT_NO_SYN,	"DropSynSentNoSyn",	"syn_sent_no_syn")	\
	X(OUTSIDE_WINDOW,	"DropOutsideWindow",	"outside_window")	\
	X(DUPLICATE,		"DropDuplicate",	"duplicate")		\
	X(PAWS,			"DropPaws",		"paws")			\
	X(NO_TIMESTAMP,		"DropNoTimestamp",	"no_timestamp")		\
	X(RST_INEXACT,		"DropRstInexact",	"rst_inexact")		\
	X(SYN_CHALLENGED,	"DropSynChallenged",	"syn_challenged")	\
	X(NO_ACK,		"DropNoAck",		"no_ack")		\
	X(ACK_TOO_OLD,		"DropAckTooOld",	"ack_too_old")		\
	X(ACK_FUTURE,		"DropAckFuture",	"ack_future")		\
	X(RCVBUF_FULL,		"DropRcvbufFull",	"rcvbuf_full")		\
	X(OOO_FULL,		"DropOooFull",		"ooo_full")		\
	X(AFTER_FIN,		"DropAfterFin",		"after_fin")		\
	X(AFTER_CLOSE,		"DropAfterClose",	"after_close")		\
	X(TIME_WAIT_RST,	"DropTimeWaitRst",	"time_wait_rst")	\
	X(TIME_WAIT_OLD,	"DropTimeWaitOld",	"time_wait_old")	\
	X(STATE,		"DropState",		"state")

#define XTCP_MIB_ENUM(id, name)		XTCP_MIB_##id,
#define XTCP_DROP_ENUM(id, name, word)	XTCP_DROP_##id,

enum xtcp_mib_id {
	XTCP_MIB_LIST(XTCP_MIB_ENUM)
	XTCP_NR_MIBS
};

/* Drop reasons; their counters follow the events' in struct xtcp_mib. */
enum xtcp_drop {
	XTCP_DROP_LIST(XTCP_DROP_ENUM)
	XTCP_NR_DROPS
};

/**
 * struct xtcp_mib - one CPU's counters of one namespace
 * @count: events, then drops by reason
 */
struct xtcp_mib {
	unsigned long count[XTCP_NR_MIBS + XTCP_NR_DROPS];
};

void xtcp_mib_add(const struct net *net, enum xtcp_mib_id id, unsigned long n);
void xtcp_mib_drop(const struct net *net, struct sk_buff *skb, enum xtcp_drop reason);
void xtcp_mib_count_drop(const struct net *net, const struct sk_buff *skb, enum xtcp_drop reason);
unsigned long xtcp_mib_sum(const struct net *net, unsigned int index);
const char *xtcp_mib_name(unsigned int index);
int xtcp_mib_init_net(struct xtcp_net *xn);
void xtcp_mib_exit_net(struct xtcp_net *xn);

#endif /* XTCP_MIB_H */
