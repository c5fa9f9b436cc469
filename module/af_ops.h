/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between IPv4 and IPv6: one vector, filled in by ipv4.c and ipv6.c.
 *
 * The back-ends route, checksum and transmit. They look nothing up in xtcp's tables,
 * keep no state and handle no input: the receive path exists once, in rx.c.
 */
#ifndef XTCP_AF_OPS_H
#define XTCP_AF_OPS_H

#include "xtcp.h"

/**
 * struct xtcp_reply - a segment sent on behalf of no socket
 * @flow: addresses and ports as seen from here; @flow.ifindex: device it must leave by, 0: any
 * @mark: sk_mark for routing and filters
 * @tos: type of service or traffic class
 * @transparent: the local address need not be one of this host's, though there is no @sk to say so
 * @sk: a listener whose IP options (TTL, transparent) and cgroup's policy apply, or NULL
 * @owned: the segment refers to @sk, for whatever asks for its sender on its way
 * @dst: the way to @flow's peer, referenced, if it has been looked up; else NULL
 */
struct xtcp_reply {
	const struct xtcp_flow *flow;
	u32 mark;
	u8 tos;
	bool transparent;
	bool owned;
	struct sock *sk;
	struct dst_entry *dst;
};

/**
 * struct xtcp_af_ops - one IP version
 * @family: AF_INET or AF_INET6
 * @net_hdr_len: IP header without options or extension headers [bytes]
 * @mss_default: the peer's MSS when it sent no option [bytes]
 * @route: (re)route a connected socket, store the route in sk's dst cache and call
 *	sk_setup_caps(). Socket lock held or owned. 0 or -errno (sk unchanged).
 * @adopt_route: make @dst that route, as the way to the peer without IP options of sk's own;
 *	its reference is consumed. Socket lock held.
 * @xmit: complete the checksum of @skb (skb->data at the transport header, whose check
 *	field is set up here) and hand it to IP with @sk's route, re-routing when it has
 *	gone stale, with @ecn as its ECN field. Consumes @skb. Returns IP's verdict,
 *	net_xmit_eval()ed, or -errno.
 * @reply: the same for no socket: by @r->dst, or else routed by @r->flow. Consumes @skb and
 *	@r->dst's reference.
 * @route_reply: look up the way to @r->flow's peer and leave it, referenced, in @r->dst;
 *	false: there is none, or not to a single host
 * @flow_of_skb: fill @flow from a received packet's IP header and ports (transport header
 *	set and pulled), including net and ifindex; returns sdif. Before @skb->cb is
 *	overwritten, where IP left the device.
 * @addr_ok: may this received packet be answered: unicast to us, sane source
 *	(RFC 9293, 3.9.2.3, MUST-57, MUST-63)
 * @csum_ok: verify the transport checksum of @skb (skb->data at the transport header)
 * @set_child: give the fresh clone @sk of @ho's listener @ho's addresses and ports and IP state
 *	of its own; of IP options only IPv6's sticky extension headers are inherited
 * @note_arrival: remember for IP_PKTOPTIONS how @skb, which made the child @sk, came in by
 *	the device @ifindex
 * @note_segment: remember how @skb, a segment in order, came in, as far as a program has asked for
 *	it; NULL: not of this family
 * @ext_hdr_len: bytes of IP options or extension headers this socket sends
 */
struct xtcp_af_ops {
	u16 family;
	u16 net_hdr_len;
	u16 mss_default;
	int (*route)(struct sock *sk);
	void (*adopt_route)(struct sock *sk, struct dst_entry *dst);
	int (*xmit)(struct sock *sk, struct sk_buff *skb, u8 ecn);
	void (*reply)(const struct xtcp_reply *r, struct sk_buff *skb);
	bool (*route_reply)(struct xtcp_reply *r);
	int (*flow_of_skb)(const struct sk_buff *skb, struct xtcp_flow *flow);
	bool (*addr_ok)(const struct sk_buff *skb);
	bool (*csum_ok)(struct sk_buff *skb);
	int (*set_child)(struct sock *sk, const struct xtcp_halfopen *ho);
	void (*note_arrival)(struct sock *sk, const struct sk_buff *skb, int ifindex);
	void (*note_segment)(struct sock *sk, const struct sk_buff *skb);
	u16 (*ext_hdr_len)(const struct sock *sk);
};

extern const struct xtcp_af_ops xtcp_ipv4_ops;
extern const struct xtcp_af_ops xtcp_ipv6_ops;

/* The back-end of a flow or entry on the wire. */
static inline const struct xtcp_af_ops *xtcp_af_ops(u16 family)
{
	return IS_ENABLED(CONFIG_IPV6) && family == AF_INET6 ? &xtcp_ipv6_ops : &xtcp_ipv4_ops;
}

/* ipv4.c: shared with ipv6.c */
void xtcp_ipv4_finish_csum(const struct xtcp_net *xn, struct sk_buff *skb,
			   const struct net_device *dev, __sum16 pseudo);
void xtcp_ipv4_reset_pinet6(struct sock *sk);
struct sock *xtcp_ipv4_set_sender(struct sk_buff *skb, const struct xtcp_reply *r);

/* ipv4.c, ipv6.c: called by main.c and connect.c */
int xtcp_ipv4_init_net(struct xtcp_net *xn);
void xtcp_ipv4_exit_net(struct xtcp_net *xn);
int xtcp_ipv4_connect(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len);
int xtcp_ipv6_init_net(struct xtcp_net *xn);
void xtcp_ipv6_exit_net(struct xtcp_net *xn);
int xtcp_ipv6_connect(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len);

#endif /* XTCP_AF_OPS_H */
