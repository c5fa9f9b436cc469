/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xtcp: the types every file shares, and what each file offers to those above it.
 *
 * Functions stand in layer order, lowest file first, as in module/Kbuild. A file
 * uses only what stands before its own block; scripts/check-layers proves it.
 */
#ifndef XTCP_H
#define XTCP_H

#include <linux/hash.h>
#include <linux/ipv6.h>
#include <linux/list_nulls.h>
#include <linux/percpu.h>
#include <linux/rbtree.h>
#include <linux/rculist_nulls.h>
#include <linux/skbuff.h>
#include <linux/siphash.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include <uapi/linux/tcp.h>

#include "uapi/linux/xtcp.h"
#include "core/cong.h"
#include "core/ecn.h"
#include "core/rtt.h"
#include "core/sack.h"
#include "core/segment.h"
#include "core/seq.h"
#include "core/state.h"
#include "core/window.h"
#include "core/wire.h"
#include "cb.h"
#include "compat.h"
#include "mib.h"
#include "params.h"
#include "syncookie.h"
#include "tally.h"

#define XTCP_TIMEWAIT_LEN	(60 * HZ)	/* deviates: 2 MSL is 240 s; Linux TCP's 60 s */
#define XTCP_SYNACK_LEVELS	8		/* FIFOs of half-open entries; 7th on: 120 s */
#define XTCP_PARKED_LEVEL	XTCP_SYNACK_LEVELS	/* FIFO: no room in the accept queue */
#define XTCP_DELACK_MIN		(HZ / 25)	/* 40 ms */
#define XTCP_DELACK_MAX		(HZ / 5)	/* 200 ms; RFC 9293, 3.8.6.3: below 500 ms */
#define XTCP_QUICKACKS_MAX	16		/* immediate ACKs while a connection is young */
#define XTCP_KEEPIDLE_MAX	32767		/* [s] */
#define XTCP_KEEPINTVL_MAX	32767		/* [s] */
#define XTCP_KEEPCNT_MAX	127
#define XTCP_SYNCNT_MAX		127
#define XTCP_LINGER2_MAX_S	120
#define XTCP_MAXSEG_MIN		88
#define XTCP_MAXSEG_MAX		32767
#define XTCP_MIN_SNDBUF		4096
#define XTCP_RESOURCE_PROBE	(HZ / 2)	/* local shortage: try again so much later */

/* ---- the demux table ------------------------------------------------------- */

/**
 * struct xtcp_flow - who talks to whom; the key of the demux table
 * @net: network namespace; no reference of its own
 * @ifindex: entries: the device bound to, 0 for any (a socket's own sk_bound_dev_if goes
 *	first); segments: where it came in
 * @lport: local port
 * @rport: remote port, 0 for a listener
 * @family: AF_INET or AF_INET6 on the wire (v4-mapped peers: AF_INET)
 * @slot: place in the table if xtcp_hash_place() has worked it out, else 0
 * @v4: addresses when AF_INET
 * @v6: addresses when AF_INET6
 *
 * The union is last: objects for IPv4 are allocated without the tail of @v6.
 */
struct xtcp_flow {
	struct net *net;
	int ifindex;
	__be16 lport;
	__be16 rport;
	u16 family;
	u16 slot;
	union {
		struct {
			__be32 laddr;
			__be32 raddr;
		} v4;
		struct {
			struct in6_addr laddr;
			struct in6_addr raddr;
		} v6;
	};
};

enum xtcp_kind {
	XTCP_KIND_SOCK,		/* struct xtcp_sock, connected or connecting */
	XTCP_KIND_LISTENER,	/* struct xtcp_sock in LISTEN */
	XTCP_KIND_HALFOPEN,	/* struct xtcp_halfopen */
	XTCP_KIND_TIMEWAIT,	/* struct xtcp_timewait */
};

/**
 * struct xtcp_node - what every object in the demux table embeds
 * @link: chain of the table; writers hold the bucket's lock, readers RCU
 * @fifo: half-open, TIME_WAIT: expiry queue, under its lock
 * @rcu: half-open, TIME_WAIT: free after a grace period, once off @fifo
 * @ref: half-open, TIME_WAIT: references; sockets count in sk_refcnt
 * @kind: enum xtcp_kind
 * @hashed: in the table; under the bucket's lock
 * @flow: key; constant while hashed
 *
 * Last member of each entry that embeds it, see struct xtcp_flow.
 */
struct xtcp_node {
	struct hlist_nulls_node link;
	union {
		struct list_head fifo;
		struct rcu_head rcu;
	};
	refcount_t ref;
	u8 kind;
	u8 hashed;
	struct xtcp_flow flow;
};

/* Bytes of an entry of @type for IPv4: without the IPv6 addresses' tail. */
#define XTCP_NODE_SIZE_V4(type) \
	(offsetof(type, node.flow.v4) + sizeof_field(struct xtcp_flow, v4))

/* ---- ports ----------------------------------------------------------------- */

struct xtcp_port;	/* port.c: one local port in use in one namespace */

/**
 * struct xtcp_bind - membership of a socket or TIME_WAIT entry in a local port
 * @link: members of the port, under the port table's chain lock
 * @port: the port, NULL when none
 * @is_timewait: embedded in a struct xtcp_timewait, not a struct xtcp_sock
 */
struct xtcp_bind {
	struct hlist_node link;
	struct xtcp_port *port;
	bool is_timewait;
};

/* ---- the socket ------------------------------------------------------------ */

struct xtcp_af_ops;

/* xtcp_sock.deferred: timer work found the socket owned by a user (release_cb does it). */
enum xtcp_deferred {
	XTCP_DEFER_RTO,
	XTCP_DEFER_DELACK,
	XTCP_DEFER_KEEPALIVE,
	XTCP_DEFER_MTU,
};

/* What xtcp_sock.rto_timer stands for: at most one at a time (RFC 8985, 8). */
enum xtcp_rto_kind {
	XTCP_RTO_NONE,
	XTCP_RTO_RETRANSMIT,
	XTCP_RTO_PROBE,		/* zero window */
};

/* xtcp_sock.nagle: who wants small segments when. */
#define XTCP_NAGLE_OFF	0x1	/* TCP_NODELAY */
#define XTCP_NAGLE_CORK	0x2	/* TCP_CORK: no partial segments */
#define XTCP_NAGLE_PUSH	0x4	/* once: send what is there (uncork, close) */

/* xtcp_sock.recovery: RFC 5681, 3.2; RFC 6582; RFC 6675; RFC 3168, 6.1.2 */
enum xtcp_recovery {
	XTCP_RECOVERY_OPEN,	/* nothing lost */
	XTCP_RECOVERY_CWR,	/* congestion reported: until more than recover_seq is acked */
	XTCP_RECOVERY_FAST,	/* until recover_seq is acknowledged */
	XTCP_RECOVERY_LOSS,	/* after a retransmission time-out */
};

/**
 * struct xtcp_sock - one connection, or one listener
 *
 * Protected by the socket lock (or the spinlock with no owner, in softirq) unless
 * a member says otherwise. Sequence variables have the names of RFC 9293, 3.3.1.
 */
struct xtcp_sock {
	struct inet_sock inet;		/* first: struct sock's world looks here */

	/* address family */
	const struct xtcp_af_ops *af;	/* of the wire: v4-mapped sockets use IPv4's */
	struct xtcp_bind bind;		/* port.c */

	/* send sequence space */
	u32 iss;			/* initial send sequence number */
	u32 snd_una;			/* oldest unacknowledged */
	u32 snd_nxt;			/* next to be sent */
	u32 snd_wnd;			/* peer's window, scaled [bytes] */
	u32 snd_wl1;			/* SEG.SEQ of the last window update */
	u32 snd_wl2;			/* SEG.ACK of the last window update */
	u32 snd_up;			/* one past the urgent octet, if urg_sent */
	u32 max_snd_wnd;		/* largest snd_wnd seen [bytes] */
	u32 write_seq;			/* end of what the application wrote, FIN included */
	u32 pushed_seq;			/* end of the last write asked to be pushed */
	u32 snd_sml;			/* end of the last small segment sent (Minshall's Nagle) */

	/* receive sequence space */
	u32 irs;			/* initial receive sequence number */
	u32 rcv_nxt;			/* next expected */
	u32 rcv_wup;			/* rcv_nxt when rcv_wnd was last offered */
	u32 rcv_wnd;			/* offered from rcv_wup on [bytes] */
	u32 copied_seq;			/* next to be read by the application */
	u32 urg_seq;			/* urgent octet's sequence number, if urg_state */
	u32 window_clamp;		/* offered window stays below [bytes] */

	/* what was negotiated */
	u16 mss_clamp;			/* peer's MSS option, or the default [bytes] */
	u16 user_mss;			/* TCP_MAXSEG, 0: none [bytes] */
	u16 advmss;			/* our MSS option [bytes] */
	u16 mss;			/* text per segment now, options deducted [bytes] */
	u32 pmtu;			/* path MTU that mss was derived from [bytes] */
	u16 rcv_mss;			/* estimate of the peer's segment size [bytes] */
	u8 snd_wscale;
	u8 rcv_wscale;
	u8 wscale_ok:1;
	u8 sack_ok:1;
	u8 ts_ok:1;
	u8 fin_queued:1;		/* FIN has its number: write_seq - 1 */
	u8 peer_fin:1;			/* FIN was received in sequence */
	u8 urg_sent:1;			/* snd_up is in force */
	u8 passive:1;			/* born from a listener */
	u8 idle_orphan:1;		/* without a file, in FIN_WAIT_2: nothing to deliver */
	u8 cwnd_limited:1;		/* the window, not the application, held data back */

	/* timestamps (RFC 7323) */
	u32 ts_recent;			/* TS.Recent */
	u32 ts_recent_s;		/* when, monotonic seconds */
	u32 ts_offset;			/* added to the clock in every TSval */
	u32 last_ack_sent;		/* Last.ACK.sent */

	/* transmit queues: unsent on sk_write_queue, sent in rtx */
	struct rb_root rtx;		/* by cb.seq (rbnode of the skb) */
	struct sk_buff *rtx_tail;	/* last of rtx, NULL when empty */
	u32 rtx_bytes;			/* sequence space in rtx, for tests of flight */
	u32 sacked_bytes;		/* of it: marked SACKED */
	u32 lost_bytes;			/* of it: marked LOST */
	u32 resent_bytes;		/* of it: marked RESENT */

	/* loss recovery and congestion control */
	struct xtcp_rtt rtt;
	struct xtcp_cong cong;
	struct xtcp_ecn ecn;
	u8 recovery;			/* enum xtcp_recovery */
	u8 dup_acks;			/* in a row, without SACK */
	u8 retries;			/* time-outs in a row without progress */
	u8 probes;			/* zero-window or keepalive probes unanswered */
	u32 recover_seq;		/* snd_nxt when the window was last reduced */
	u32 total_retrans;		/* segments resent in all */
	u64 retrans_since_us;		/* first of the time-outs in a row, 0: none [us] */
	u64 bytes_acked;
	u64 bytes_received;
	u32 segs_in;
	u32 segs_out;
	struct xtcp_tally tally;	/* what else TCP_INFO counts */
	u32 stamp_base;			/* what SOF_TIMESTAMPING_OPT_ID counts from */
	u32 last_send_jif;		/* data sent */
	u32 last_rcv_jif;		/* anything received */
	u32 last_data_jif;		/* data received */

	/* receive side */
	struct rb_root ooo;		/* out of order, by cb.seq, no overlap */
	struct xtcp_sack_list sacks;	/* what to report */
	u8 ack_now:1;			/* an ACK is due before anything else */
	u8 ack_pending:1;		/* an ACK is due, it may wait for the timer */
	u8 urg_state;			/* XTCP_URG_* */
	u8 urg_octet;			/* the octet itself when XTCP_URG_HERE */
	u8 quickacks;			/* immediate ACKs left */
	u8 pingpong;			/* TCP_QUICKACK off: delay ACKs */
	u32 ato_jif;			/* delayed-ACK time-out now */
	u32 last_oow_ack_jif;		/* challenge/duplicate ACK limit (RFC 5961, 7) */
	u32 rcvq_space;			/* auto-tuning: bytes copied in the last round trip */
	u32 rcvq_seq;			/* copied_seq when that round began */
	u64 rcvq_us;			/* when that round began */
	u32 rcv_rtt_us;			/* receiver's estimate, 8 times [us/8] */
	u32 rcv_rtt_seq;		/* window edge that ends the present measurement */
	u64 rcv_rtt_start_us;		/* of that; before it, when our SYN last left */

	/* options of the application */
	u8 nagle;			/* XTCP_NAGLE_* */
	u8 syn_retries;			/* TCP_SYNCNT, 0: the namespace's */
	u8 keepalive_probes;		/* TCP_KEEPCNT, 0: the namespace's */
	u8 defer_accept_s;		/* TCP_DEFER_ACCEPT */
	u32 keepalive_time_jif;		/* TCP_KEEPIDLE, 0: the namespace's */
	u32 keepalive_intvl_jif;	/* TCP_KEEPINTVL, 0: the namespace's */
	u32 user_timeout_ms;		/* TCP_USER_TIMEOUT, 0: none */
	s32 linger2_jif;		/* TCP_LINGER2, 0: the namespace's, negative: at once */
	u32 notsent_lowat;		/* TCP_NOTSENT_LOWAT, 0: the namespace's [bytes] */
	u8 inq_cmsg;			/* TCP_INQ */
	u8 fastopen_connect;		/* TCP_FASTOPEN_CONNECT: kept, an ordinary open follows */
	u32 fastopen_max;		/* TCP_FASTOPEN: kept, data in a SYN is never taken */

	/* timers; sk_timer is keepalive, or FIN_WAIT_2 of an orphan */
	struct timer_list rto_timer;	/* retransmission or zero-window probe */
	struct timer_list delack_timer;
	u8 rto_kind;			/* enum xtcp_rto_kind */
	u32 rto_expires_jif;
	unsigned long deferred;		/* bits of enum xtcp_deferred, atomic */

	/* listener */
	struct list_head accept_queue;	/* children; with sk_ack_backlog, under accept_lock */
	spinlock_t accept_lock;		/* innermost: nothing is taken under it */
	atomic_t halfopen_len;		/* half-open entries of this listener */
	atomic_t parked_len;		/* of them: waiting for room in the accept queue */
	u32 overflow_jif;		/* last time a cookie was sent at the bound, 0: never */
	int flood_reported;		/* the log has its line, atomic */

	/* child not accepted yet */
	struct list_head accept_link;	/* under the parent's accept_lock */
	struct sock *parent;		/* listener, referenced; NULL once accepted */

	struct xtcp_node node;		/* in the demux table */
};

/* AF_INET6 sockets; ipv6_pinfo is found through inet_sk()->pinet6. */
struct xtcp6_sock {
	struct xtcp_sock xtcp;
	struct ipv6_pinfo inet6;
};

/* xtcp_sock.urg_state */
#define XTCP_URG_NONE	0	/* no urgent mark */
#define XTCP_URG_AHEAD	1	/* announced, octet not here yet */
#define XTCP_URG_HERE	2	/* octet stored in urg_octet */
#define XTCP_URG_READ	3	/* octet taken by MSG_OOB; the mark is still ahead of the reader */

static inline struct xtcp_sock *xtcp_sk(const struct sock *sk)
{
	return (struct xtcp_sock *)sk;
}

/* What the peer may still send of the window it was offered: SEG.SEQ < RCV.NXT + this. */
static inline u32 xtcp_window_left(const struct xtcp_sock *xp)
{
	u32 left = xp->rcv_wup + xp->rcv_wnd - xp->rcv_nxt;

	return (s32)left < 0 ? 0 : left;
}

/* Nothing of ours is acknowledged, the SYN included: as it is in no queue, this tells. */
static inline bool xtcp_has_syn_unacked(const struct xtcp_sock *xp)
{
	return xp->snd_una == xp->iss && !xp->bytes_acked;
}

static inline struct sock *xtcp_node_sk(struct xtcp_node *node)
{
	return (struct sock *)container_of(node, struct xtcp_sock, node);
}

/* ---- entries without a socket ---------------------------------------------- */

/**
 * struct xtcp_halfopen - a connection in SYN_RCVD, not yet a socket
 * @listener: referenced
 * @irs: peer's initial sequence number j
 * @iss: ours, k
 * @ts_recent: TSval of the SYN
 * @ts_offset: of the connection to be
 * @expires_jif: next SYN-ACK or end
 * @synack_us: low 32 bits of the time of the last SYN-ACK but answers to repeated SYNs,
 *	once parked the round trip it gave; 0: no RTT sample [us]
 * @last_ack_jif: rate limit of SYN-ACK repeats and challenge ACKs; 0: there was none
 * @mark: sk_mark of the connection to be
 * @rcv_wnd: window offered in the SYN-ACK [bytes]
 * @peer_win: window field of the ACK, once parked
 * @mss: peer's MSS option, 0: none [bytes]
 * @advmss: our MSS option [bytes]
 * @snd_wscale: peer's window scale
 * @rcv_wscale: ours
 * @retries: SYN-ACKs resent
 * @tos: of the SYN-ACK
 * @opts: XTCP_OPT_* agreed on, of a SYN
 * @ecn: ECN was agreed on
 * @acked: the peer has completed the handshake; TCP_DEFER_ACCEPT waits for its data; under
 *	halfopen_lock
 * @parked: the peer has completed the handshake and found the accept queue full; under
 *	halfopen_lock
 * @stateless: made from a cookie, not in the table
 * @node: key, links
 */
struct xtcp_halfopen {
	struct sock *listener;
	u32 irs;
	u32 iss;
	u32 ts_recent;
	u32 ts_offset;
	u32 expires_jif;
	u32 synack_us;
	u32 last_ack_jif;
	u32 mark;
	u16 rcv_wnd;
	u16 peer_win;
	u16 mss;
	u16 advmss;
	u8 snd_wscale:4;
	u8 rcv_wscale:4;
	u8 retries;
	u8 tos;
	u8 opts:4;
	u8 ecn:1;
	u8 acked:1;
	u8 parked:1;
	u8 stateless:1;
	struct xtcp_node node;
};

/**
 * struct xtcp_timewait - a connection in TIME_WAIT
 * @bind: the local port stays taken
 * @snd_nxt: final SND.NXT
 * @rcv_nxt: final RCV.NXT
 * @rcv_wnd: last window offered [bytes]
 * @ts_recent: TS.Recent, 0 without timestamps
 * @ts_recent_s: when, monotonic seconds
 * @ts_offset: of the connection
 * @expires_jif: end of 2 MSL
 * @last_ack_jif: rate limit of answers
 * @mark: sk_mark of the connection
 * @rcv_wscale: shift of @rcv_wnd
 * @tos: of answers
 * @ts_ok: timestamps were negotiated
 * @reuse: SO_REUSEADDR was set
 * @reuseport: SO_REUSEPORT was set
 * @v6only: IPV6_V6ONLY was set, or an IPv6 address bound
 * @transparent: IP_TRANSPARENT was set
 * @mapped: an AF_INET6 socket's with an IPv4 peer, for the listing
 * @node: key, links
 */
struct xtcp_timewait {
	struct xtcp_bind bind;
	u32 snd_nxt;
	u32 rcv_nxt;
	u32 rcv_wnd;
	u32 ts_recent;
	u32 ts_recent_s;
	u32 ts_offset;
	u32 expires_jif;
	u32 last_ack_jif;
	u32 mark;
	u8 rcv_wscale;
	u8 tos;
	u8 ts_ok:1;
	u8 reuse:1;
	u8 reuseport:1;
	u8 v6only:1;
	u8 transparent:1;
	u8 mapped:1;
	struct xtcp_node node;
};

/* ---- namespace ------------------------------------------------------------- */

/**
 * struct xtcp_net - everything xtcp keeps per network namespace
 *
 * Tunables have the names and defaults of net.ipv4.tcp_* and are read with
 * READ_ONCE() through xtcp_net_*; units are those of the sysctl.
 */
struct xtcp_net {
	struct net *net;

	/* tunables: net.xtcp.* */
	int syn_retries;		/* 6 */
	int synack_retries;		/* 5 */
	int retries1;			/* 3 */
	int retries2;			/* 15 */
	int orphan_retries;		/* 0: stands for 8 */
	int fin_timeout_jif;		/* 60 s */
	int keepalive_time_jif;		/* 7200 s */
	int keepalive_intvl_jif;	/* 75 s */
	int keepalive_probes;		/* 9 */
	int syncookies;			/* 1 */
	int max_syn_backlog;		/* 4096 */
	int abort_on_overflow;		/* 0 */
	int accept_source_rate;		/* 0: any; connections a second from one source */
	int max_tw_buckets;		/* 16384 */
	int max_orphans;		/* 16384 */
	int timewait_reuse;		/* 2: loopback only */
	int timestamps;			/* 1 */
	int window_scaling;		/* 1 */
	int sack;			/* 1 */
	int ecn;			/* 2: enum xtcp_ecn_mode */
	int ecn_fallback;		/* 1 */
	int slow_start_after_idle;	/* 1 */
	int moderate_rcvbuf;		/* 1 */
	int invalid_ratelimit_ms;	/* 500 */
	int min_snd_mss;		/* 48 */
	unsigned int notsent_lowat;	/* UINT_MAX */
	int software_csum;		/* 0: 1 never leaves a checksum to a device */
	int rmem[3];			/* 4096 131072 6291456 [bytes] */
	int wmem[3];			/* 4096 16384 4194304 [bytes] */
	const struct xtcp_cong_ops *cong;	/* congestion_control: reno */
	struct ctl_table_header *sysctl_header;
	struct ctl_table *sysctl_table;

	/* counters */
	struct xtcp_mib __percpu *mib;
	atomic_t orphans[2];		/* sockets without a file, not finished: by idle_orphan */

	/* SYN cookies, fairness between sources */
	struct xtcp_cookie_keys cookie_keys;	/* keys.c */
	struct xtcp_sources *sources;	/* source.c; NULL until accept_source_rate is set */
	u32 overflow_jif;		/* last cookie at the bound of any listener, 0: never */

	/* answers without a socket: reply.c */
	struct sock *ctl_v4;
	struct sock *ctl_v6;
	atomic_t rst_budget;		/* RSTs left in this second */
	u32 rst_budget_jif;		/* when it was filled */

	/* half-open entries: halfopen.c */
	spinlock_t halfopen_lock;	/* protects halfopen_fifo and links; under no other lock */
	struct list_head halfopen_fifo[XTCP_SYNACK_LEVELS + 1];
	struct timer_list halfopen_timer;
	atomic_t halfopen_len;

	/* TIME_WAIT entries: timewait.c */
	spinlock_t timewait_lock;	/* protects timewait_fifo */
	struct list_head timewait_fifo;	/* in order of expiry: they all last equally long */
	struct timer_list timewait_timer;
	atomic_t timewait_len;
};

static inline struct xtcp_net *xtcp_net(const struct net *net)
{
	return xtcp_mib_find_net(net);
}

/**
 * xtcp_mib_inc - count an event
 * @net: where it happened
 * @id: what happened
 *
 * Context: any.
 */
static inline void xtcp_mib_inc(const struct net *net, enum xtcp_mib_id id)
{
	this_cpu_inc(xtcp_net(net)->mib->count[id]);
}

static inline struct xtcp_net *xtcp_sk_net(const struct sock *sk)
{
	return xtcp_net(sock_net(sk));
}

/* Monotonic microseconds; the transport's clock. */
static inline u64 xtcp_now_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/* Timestamp clock: 1 ms ticks, before the connection's offset (RFC 7323, 5.4). */
static inline u32 xtcp_now_ts(void)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC);
}

/* ---- mib.c: see mib.h ------------------------------------------------------- */
/* ---- keys.c ----------------------------------------------------------------- */
void xtcp_keys_init(void);
u32 xtcp_keys_hash_flow(const struct xtcp_flow *flow);
u32 xtcp_keys_hash_port(const struct net *net, __be16 port);
u32 xtcp_keys_hash_listener(const struct xtcp_flow *flow);
u32 xtcp_keys_isn(const struct xtcp_flow *flow, u32 *ts_offset);
u64 xtcp_keys_port_offset(const struct xtcp_flow *flow);

/* ---- sysctl.c --------------------------------------------------------------- */
int xtcp_sysctl_init_net(struct xtcp_net *xn);
void xtcp_sysctl_exit_net(struct xtcp_net *xn);
const struct xtcp_cong_ops *xtcp_sysctl_find_cong(const char *name);

/* ---- ipv4.c, ipv6.c: see af_ops.h ------------------------------------------- */
/* ---- offload.c -------------------------------------------------------------- */
int xtcp_offload_init(void);
void xtcp_offload_exit(void);

/* ---- hash.c ----------------------------------------------------------------- */
int xtcp_hash_init(void);
void xtcp_hash_exit(void);
void xtcp_hash_place(struct xtcp_flow *flow);
bool xtcp_hash_get(struct xtcp_node *node);
struct xtcp_node *xtcp_hash_find(const struct xtcp_flow *flow, int sdif);
struct sock *xtcp_hash_find_listener(const struct xtcp_flow *flow, int sdif,
				     struct sk_buff *skb);
int xtcp_hash_add(struct xtcp_node *node);
int xtcp_hash_add_reusing(struct xtcp_node *node, bool (*may_reuse)(struct xtcp_node *old),
			  struct xtcp_node **reused);
int xtcp_hash_add_listener(struct xtcp_node *node);
bool xtcp_hash_del(struct xtcp_node *node);
bool xtcp_hash_replace(struct xtcp_node *old, struct xtcp_node *new);
unsigned int xtcp_hash_size(void);
void xtcp_hash_walk(unsigned int bucket, bool (*visit)(struct xtcp_node *node, void *arg),
		    void *arg);

/* ---- port.c ----------------------------------------------------------------- */
int xtcp_port_init(void);
void xtcp_port_exit(void);
int xtcp_port_get(struct sock *sk, unsigned short snum);
void xtcp_port_put(struct sock *sk);
int xtcp_port_recheck(struct sock *sk);
int xtcp_port_inherit(struct sock *child, const struct sock *parent);
int xtcp_port_connect(struct sock *sk, bool (*may_reuse)(struct xtcp_node *old),
		      struct xtcp_node **reused);
void xtcp_port_add_timewait(struct xtcp_timewait *tw, const struct sock *sk);
void xtcp_port_del_timewait(struct xtcp_timewait *tw);

/* ---- output.c --------------------------------------------------------------- */
u16 xtcp_output_mss(struct sock *sk);
void xtcp_output_set_pmtu(struct sock *sk, u32 pmtu);
int xtcp_output_connect(struct sock *sk);
void xtcp_output_syn(struct sock *sk);
void xtcp_output_push(struct sock *sk, u8 nagle);
bool xtcp_output_owes_fin(const struct sock *sk);
void xtcp_output_fin(struct sock *sk);
void xtcp_output_ack(struct sock *sk);
void xtcp_output_challenge(struct sock *sk);
void xtcp_output_rst(struct sock *sk);
int xtcp_output_resend(struct sock *sk, struct sk_buff *skb);
void xtcp_output_probe(struct sock *sk);
bool xtcp_output_keepalive(struct sock *sk);
void xtcp_output_window_update(struct sock *sk, u32 copied_bytes);

/* ---- reply.c ---------------------------------------------------------------- */
void xtcp_reply_rst(const struct xtcp_flow *flow, const struct sk_buff *skb);
void xtcp_reply_synack(struct xtcp_halfopen *ho, struct dst_entry *dst);
void xtcp_reply_cookie(struct xtcp_halfopen *ho, u32 tsval, struct dst_entry *dst);
void xtcp_reply_halfopen_ack(struct xtcp_halfopen *ho);
void xtcp_reply_halfopen_rst(struct xtcp_halfopen *ho);
void xtcp_reply_timewait_ack(struct xtcp_timewait *tw);

/* ---- reass.c ---------------------------------------------------------------- */
enum xtcp_reass {
	XTCP_REASS_IN_ORDER,	/* rcv_nxt moved */
	XTCP_REASS_QUEUED,	/* kept out of order */
	XTCP_REASS_DROPPED,	/* no room; skb freed with its reason */
};

enum xtcp_reass xtcp_reass_add(struct sock *sk, struct sk_buff *skb, bool *fin);
void xtcp_reass_eat(struct sock *sk, struct sk_buff *skb);
void xtcp_reass_duplicate(struct sock *sk, u32 start, u32 end);
void xtcp_reass_purge(struct sock *sk);

/* ---- timewait.c ------------------------------------------------------------- */
int xtcp_timewait_init(void);
void xtcp_timewait_exit(void);
void xtcp_timewait_init_net(struct xtcp_net *xn);
void xtcp_timewait_exit_net(struct xtcp_net *xn);
bool xtcp_timewait_start(struct sock *sk);
void xtcp_timewait_del(struct xtcp_timewait *tw);
void xtcp_timewait_put(struct xtcp_timewait *tw);
bool xtcp_timewait_may_follow(struct xtcp_node *node);
bool xtcp_timewait_may_reuse(struct xtcp_node *node);

enum xtcp_timewait_verdict {
	XTCP_TIMEWAIT_DROP,
	XTCP_TIMEWAIT_ANSWER,	/* xtcp_reply_timewait_ack(), drop */
	XTCP_TIMEWAIT_REUSE,	/* acceptable new SYN: offer it to the listener */
};

enum xtcp_timewait_verdict xtcp_timewait_rcv(struct xtcp_timewait *tw, struct sk_buff *skb,
					     const struct xtcp_opts *opts, u32 *min_iss);

/* ---- conn.c: the only writer of sk_state ------------------------------------ */
int xtcp_conn_init_sock(struct sock *sk);
bool xtcp_conn_fin_waits(const struct sock *sk);
void xtcp_conn_fsm_run(struct sock *sk, enum xtcp_event event);
struct sock *xtcp_conn_spawn(struct xtcp_halfopen *ho);
int xtcp_conn_settle(struct sock *child, const struct xtcp_halfopen *ho, struct dst_entry *dst);
void xtcp_conn_discard(struct sock *child);
void xtcp_conn_destroy_sock(struct sock *sk);
void xtcp_conn_finish_destroy(struct sock *sk);
void xtcp_conn_abort(struct sock *sk);
bool xtcp_conn_shed_orphan(struct sock *sk);
void xtcp_conn_orphan(struct sock *sk);
void xtcp_conn_write_space(struct sock *sk);
void xtcp_conn_check_space(struct sock *sk);
void xtcp_conn_reset(struct sock *sk);

/* ---- syncookie.c: see syncookie.h -------------------------------------------- */
/* ---- halfopen.c ------------------------------------------------------------- */
int xtcp_halfopen_init(void);
void xtcp_halfopen_exit(void);
void xtcp_halfopen_init_net(struct xtcp_net *xn);
void xtcp_halfopen_exit_net(struct xtcp_net *xn);
bool xtcp_halfopen_is_full(const struct sock *listener);
struct xtcp_halfopen *xtcp_halfopen_add(struct sock *listener, const struct xtcp_halfopen *proto);
bool xtcp_halfopen_del(struct xtcp_halfopen *ho);
bool xtcp_halfopen_take(struct xtcp_halfopen *ho, struct sock *child);
void xtcp_halfopen_defer(struct xtcp_halfopen *ho);
bool xtcp_halfopen_park(struct xtcp_halfopen *ho, u16 win);
struct xtcp_halfopen *xtcp_halfopen_next_parked(struct sock *listener);
unsigned int xtcp_halfopen_defer_retries(const struct sock *listener);
void xtcp_halfopen_put(struct xtcp_halfopen *ho);
void xtcp_halfopen_purge_listener(struct sock *listener);

/* ---- recovery.c ------------------------------------------------------------- */
void xtcp_recovery_ack(struct sock *sk, const struct xtcp_opts *opts, u32 ack,
		       u32 acked_bytes, bool duplicate);
void xtcp_recovery_echo(struct sock *sk, bool echo, u32 flight_bytes);
void xtcp_recovery_timeout(struct sock *sk);
void xtcp_recovery_repair(struct sock *sk);
void xtcp_recovery_resend(struct sock *sk);

/* ---- ack.c ------------------------------------------------------------------ */
void xtcp_ack_rcv(struct sock *sk, const struct sk_buff *skb, const struct xtcp_opts *opts);

/* ---- timer.c ---------------------------------------------------------------- */
void xtcp_timer_init_sock(struct sock *sk);
void xtcp_timer_run_deferred(struct sock *sk);
void xtcp_timer_mtu_reduced(struct sock *sk);
void xtcp_timer_set_keepalive(struct sock *sk, int on);

/* ---- icmp.c ----------------------------------------------------------------- */
int xtcp_icmp_rcv_v4(struct sk_buff *skb, u32 info);
int xtcp_icmp_rcv_v6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		     int offset, __be32 info);

/* ---- handshake.c ------------------------------------------------------------ */
struct sock *xtcp_handshake_listen(struct sock *sk, const struct xtcp_flow *flow,
				   struct sk_buff *skb, u32 min_iss);
struct sock *xtcp_handshake_halfopen(struct xtcp_halfopen *ho, const struct xtcp_flow *flow,
				     struct sk_buff *skb);
bool xtcp_handshake_can_promote(const struct sock *listener);
void xtcp_handshake_promote(struct sock *listener);
bool xtcp_handshake_syn_sent(struct sock *sk, struct sk_buff *skb, const struct xtcp_opts *opts);
void xtcp_handshake_established(struct sock *sk, const struct xtcp_cb *cb);

/* ---- input.c ---------------------------------------------------------------- */
void xtcp_input_rcv(struct sock *sk, struct sk_buff *skb);

/* ---- rx.c ------------------------------------------------------------------- */
int xtcp_rx_init(void);
void xtcp_rx_exit(void);
int xtcp_rx_backlog(struct sock *sk, struct sk_buff *skb);

/* ---- connect.c -------------------------------------------------------------- */
int xtcp_connect_v4(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len);
int xtcp_connect_v6(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len);
int xtcp_connect_dissolve(struct sock *sk, int flags);
int xtcp_connect_listen(struct socket *sock, int backlog);
void xtcp_connect_unlisten(struct sock *sk);
struct sock *xtcp_connect_accept(struct sock *sk, int flags, int *err);

/* ---- close.c ---------------------------------------------------------------- */
void xtcp_close_sock(struct sock *sk, long timeout);
void xtcp_close_shutdown(struct sock *sk, int how);

/* ---- send.c, recv.c: see stream.h --------------------------------------------- */
/* ---- sockopt.c -------------------------------------------------------------- */
int xtcp_sockopt_set(struct sock *sk, int level, int optname, sockptr_t optval,
		     unsigned int optlen);
int xtcp_sockopt_get(struct sock *sk, int level, int optname, char __user *optval,
		     int __user *optlen);
void xtcp_sockopt_info(struct sock *sk, struct tcp_info *info);

/* ---- proto.c ---------------------------------------------------------------- */
extern struct proto xtcp_proto_v4;
extern struct proto xtcp_proto_v6;
int xtcp_proto_init(void);
void xtcp_proto_exit(void);

/* ---- af_xtcp.c -------------------------------------------------------------- */
int xtcp_af_init(void);
void xtcp_af_exit(void);

/* ---- proc.c ----------------------------------------------------------------- */
int xtcp_proc_init_net(struct xtcp_net *xn);
void xtcp_proc_exit_net(struct xtcp_net *xn);

#endif /* XTCP_H */
