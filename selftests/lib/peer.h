/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scripted TCP peer on a TUN device, written from RFC 9293 and RFC 7323 alone.
 *
 * The test program owns a network namespace. Its TUN device has 192.0.2.1/24 and
 * 2001:db8::1/64 on the kernel's side; nothing but this library is on the other
 * side, so every segment of the peer 192.0.2.2 / 2001:db8::2 is one the test
 * asked for, and every segment the stack emits is seen, in order, with its time.
 *
 * Numbers in scripts are relative: .seq counts from the peer's snd_nxt (what the
 * peer would send next), .ack from its rcv_nxt (what it expects next). In a want,
 * .seq counts from rcv_nxt and .ack from snd_nxt. So an in-order exchange is all
 * zeroes, and an edge case is its distance from the edge. A segment with SYN
 * counts .seq from its sender's ISN instead. .abs_seq and .abs_ack switch to the
 * numbers of the wire. A segment sent with .seq 0 advances snd_nxt unless it is
 * .stray or a RST; one expected advances rcv_nxt as a receiver would.
 *
 * Times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef XTCP_SELFTEST_PEER_H
#define XTCP_SELFTEST_PEER_H

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Header flags (RFC 9293, 3.1). */
#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define ACK	0x10
#define URG	0x20
#define ECE	0x40
#define CWR	0x80

/* Option kinds (RFC 9293, 3.2; RFC 7323; RFC 2018). */
#define OPT_EOL		0
#define OPT_NOP		1
#define OPT_MSS		2
#define OPT_WS		3
#define OPT_SACKOK	4
#define OPT_SACK	5
#define OPT_TS		8

#define PEER_MTU	1500
#define PEER_PORT	40000	/* the peer's port unless a test says otherwise */
#define SERVER_PORT	8080	/* the stack's port when it listens */

/* Field values that cannot be written as 0, because 0 means "the default". */
#define WIN_ZERO	(-1)	/* .win: the window field is 0 */
#define MSS_NONE	(-1)	/* peer.mss: no MSS option */
#define WS_NONE		(-1)	/* peer.wscale: no window scale option */
#define NOW		(-1)	/* .within, .gap, .at: at once */

/* The ECN field of the IP header (RFC 3168, 5). */
#define ECT_1		1
#define ECT_0		2
#define CE		3

/* How the device differs from a plain one: bits of peer_open_link()'s mode. */
#define LINK_CSUM	1	/* it claims to finish checksums */
#define LINK_PAGED	2	/* text of packets of a page or more arrives in page fragments */

/* "At once": softirq work plus what a loaded machine adds [ms]. */
#define PROMPT_MS	15

/* Names of states, with the numbers of /proc/net/tcp and TCP_INFO. */
enum tcp_state_number {
	ST_NONE, ST_ESTABLISHED, ST_SYN_SENT, ST_SYN_RCVD, ST_FIN_WAIT_1, ST_FIN_WAIT_2,
	ST_TIME_WAIT, ST_CLOSED, ST_CLOSE_WAIT, ST_LAST_ACK, ST_LISTEN, ST_CLOSING,
};

/* One received packet, decoded. */
struct got {
	uint64_t us;		/* when it was read from the device [us] */
	bool is_icmp;		/* an ICMP error instead of a segment */
	uint8_t icmp_type, icmp_code;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	uint8_t proto, ttl, tos;
	uint32_t flow_label;	/* IPv6 */
	bool df;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t doff;		/* [32-bit words] */
	uint8_t reserved;	/* the four reserved bits */
	uint8_t flags;
	uint16_t win, urg;
	uint8_t opts[40];
	int optlen;
	int mss, wscale;	/* -1: option absent */
	bool sackok, has_ts;
	uint32_t tsval, tsecr;
	int nsack;
	uint32_t sack[4][2];
	uint8_t *data;
	int len;
	const char *bad;	/* why the packet is malformed, NULL if it is not */
};

/* The wire: one TUN device in a namespace of its own, shared by all flows of a test. */
struct peer_link {
	int tun;
	int mtu;
	unsigned int mode;	/* LINK_*; with any, packets have a struct virtio_net_hdr */
	struct got inbox[1024];
	unsigned int head, tail;
	char trace[48][512];	/* the last packets, printed when an expectation fails */
	unsigned int ntrace;
	uint64_t start_us;
	bool finishes_csum;	/* a packet with an unfinished checksum was seen */
};

/* One connection, seen from the scripted side (names as RFC 9293, 3.3.1). */
struct peer {
	struct peer_link *link;
	int family;
	uint16_t port;		/* peer's port */
	uint16_t kport;		/* the stack's port */
	uint32_t iss, irs;
	uint32_t snd_nxt, rcv_nxt;
	bool irs_known;
	uint16_t win;		/* raw window field of segments sent */
	/* What the peer offers in its SYN. */
	int mss, wscale;
	bool offer_ts, offer_sack;
	/* What both sides agreed on. */
	bool ts_on, sack_on, ws_on;
	int k_wscale;		/* shift of windows the stack advertises */
	uint16_t k_mss;
	uint32_t ts_recent;	/* echoed in TSecr */
	uint32_t ts_base;
	uint64_t ts_start_us;
	uint64_t mark_us;	/* origin of .at */
	uint64_t last_us;	/* time of the last matched segment, origin of .gap */
	struct got last;	/* the last matched segment */
	uint32_t rd_off, wr_off;/* stream offsets of peer_read() and peer_write() */
};

/* A segment to send. Zero fields take what an in-order segment would have. */
struct seg {
	uint8_t flags;
	int64_t seq, ack;	/* offsets, see the head of this file */
	bool abs_seq, abs_ack;
	int win;		/* raw; 0: peer.win, WIN_ZERO: 0 */
	uint16_t urg;
	uint8_t reserved;
	int len;		/* payload bytes */
	const void *data;	/* NULL: the pattern peer_read() verifies */
	bool stray;		/* do not advance snd_nxt */
	/* Options: automatic unless one of these is set. */
	bool no_opts;
	const uint8_t *opts;
	int optlen;
	bool set_ts;		/* tsval, tsecr instead of the running clock */
	uint32_t tsval, tsecr;
	int nsack;
	int64_t sack[4][2];	/* offsets from rcv_nxt */
	/* Damage. */
	int doff;		/* [words]; 0: right one, -1: zero */
	int cut;		/* send only so many bytes of header and payload */
	int linear;		/* LINK_PAGED: bytes outside fragments; 0: the headers */
	uint16_t csum_xor;
	int csum_proto;		/* pseudo-header's protocol, 0: the right one */
	/* The IP layer. */
	uint8_t ecn;		/* ECN field */
	const char *src, *dst;
	uint16_t sport, dport;	/* 0: the flow's */
	bool ip_options;	/* IPv4: NOPs; IPv6: a destination options header */
	bool hop_by_hop;	/* IPv6: let it be a hop-by-hop options header instead */
	const uint8_t *ip_opts;	/* these bytes instead (IPv4: in options, IPv6: in header) */
	int ip_optlen;
};

/* A segment to expect. Everything is compared; zero fields as in struct seg. */
struct want {
	uint8_t flags;
	bool any_psh;		/* PSH may be set or not */
	int64_t seq, ack;
	bool abs_seq, abs_ack, any_seq, any_ack;
	int len;
	bool any_len;
	bool any_data;		/* payload is not peer_write()'s pattern */
	int win;		/* raw; 0: anything, WIN_ZERO: 0 */
	int win_min;		/* raw, at least */
	uint16_t urg;
	uint8_t ecn;		/* the IP header's ECN field */
	/*
	 * Options as opts_text() writes them, an fnmatch(3) pattern; NULL: only
	 * that timestamps are there if and only if they were negotiated.
	 */
	const char *opts;
	bool any_opts;
	bool set_tsecr;
	uint32_t tsecr;
	/* Time: at most one of these; none: within a second. */
	int within;		/* no later than this from now, NOW: at once */
	int gap;		/* since the last matched segment */
	int at;			/* since peer_mark() */
	int early, late;	/* tolerance; 0: what jiffies and timer wheel add */
};

/* An ICMP error about a segment of the stack's, as a router on the way would send it. */
struct path_error {
	uint8_t type, code;
	uint32_t info;		/* too big: the MTU */
	int64_t seq;		/* number quoted, from rcv_nxt */
	uint16_t sport;		/* stack's port quoted, 0: the flow's */
	int size;		/* what the quoted packet says its length was; 0: headers only */
};

/* Options bytes in a struct seg: `.flags = SYN, OPTS(2, 4, 5, 0xb4)`. */
#define OPTS(...)							\
	.opts = (const uint8_t[]){ __VA_ARGS__ },			\
	.optlen = sizeof((const uint8_t[]){ __VA_ARGS__ })

/* peer.c: the link, a flow, sending, expecting. */
bool peer_open(struct peer *p, int family);
bool peer_open_link(struct peer *p, int family, int mtu, unsigned int mode);
void peer_close(struct peer *p);
void peer_reset(struct peer *p, uint16_t port, uint16_t kport);
struct peer peer_flow(struct peer *p, uint16_t port);
uint64_t peer_now_us(void);
uint32_t peer_tsval(struct peer *p);
void peer_mark(struct peer *p);
void peer_send(struct peer *p, const struct seg *seg);
bool peer_expect(struct peer *p, const struct want *want);
bool peer_expect_either(struct peer *p, const struct want *a, const struct want *b);
bool peer_silence(struct peer *p, int ms);
void peer_pump(struct peer *p, int ms);
int peer_drain(struct peer *p, int ms);
bool peer_next(struct peer *p, struct got *seen, int ms);
bool peer_poll(struct peer *p, int fd, short events, int ms);

/* peer_ip.c: what happens on the path. */
void peer_icmp(struct peer *p, const struct path_error *error);
bool peer_send_pieces(struct peer *p, const struct seg *seg, int size, bool reverse, int overlap);

/* peer_pkt.c: bytes to struct got and back, and into text. */
uint8_t peer_pattern(uint32_t offset);
int peer_build(struct peer *p, const struct seg *seg, uint8_t *pkt);
bool peer_parse(struct peer_link *link, bool vnet, uint8_t *pkt, int len, struct got *seen);
const char *flags_text(uint8_t flags);
const char *ecn_text(uint8_t tos);
void opts_text(const struct peer *p, const struct got *seen, bool values, char *out, size_t size);
void got_text(const struct peer *p, const struct got *seen, char *out, size_t size);
uint16_t inet_sum(uint32_t sum, const uint8_t *data, int len);
void peer_addr(int family, const char *text, void *addr);
const char *peer_ip(int family);
const char *stack_ip(int family);

/* peer_sock.c: the socket under test, and whole handshakes. */
int peer_listen(struct peer *p, int backlog);
int peer_connect_start(struct peer *p);
int peer_bound_socket(struct peer *p, uint16_t kport);
void peer_sockaddr(struct peer *p, bool stack_side, uint16_t port, struct sockaddr_storage *ss);
bool peer_send_syn(struct peer *p);
bool peer_expect_synack(struct peer *p);
bool peer_handshake(struct peer *p);
int peer_accept(struct peer *p, int lfd);
int peer_established(struct peer *p, int lfd);
int peer_connected(struct peer *p);
int peer_in_state(struct peer *p, int lfd, enum tcp_state_number state);
bool peer_read(struct peer *p, int fd, int len);
bool peer_read_nothing(struct peer *p, int fd);
bool peer_read_eof(struct peer *p, int fd);
int peer_read_errno(struct peer *p, int fd);
int peer_write_some(struct peer *p, int fd, int len);
bool peer_write(struct peer *p, int fd, int len);
bool peer_write_full(struct peer *p, int fd, int n);
int peer_grow_flight(struct peer *p, int fd, int bytes, int rounds);
bool peer_lower_window(struct peer *p, uint16_t win);
int peer_new_bytes(struct peer *p, int ms);
bool peer_fill_window(struct peer *p);
int peer_so_error(int fd);
int peer_state(int fd);
int peer_listed(struct peer *p);
bool peer_state_is(struct peer *p, int fd, enum tcp_state_number state);
uint32_t peer_k_window(struct peer *p);
int peer_count_listed(struct peer *p, enum tcp_state_number state);
bool peer_await_listed(struct peer *p, enum tcp_state_number state, int ms);
bool peer_set_int(int fd, int level, int name, int value);
bool peer_sysctl(const char *name, const char *value);
bool peer_tunable(const char *name, const char *value);
long peer_counter(const char *name);

#endif /* XTCP_SELFTEST_PEER_H */
