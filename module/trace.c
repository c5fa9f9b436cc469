// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints of trace.h, and how their addresses are found.
 *
 * Context: any; nothing is taken and nothing changes.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "xtcp.h"

static u32 trace_netns(const struct net *net)
{
	return net ? net->ns.inum : 0;
}

static void fill_v4(u8 *sockaddr, __be32 addr, __be16 port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = addr,
	};

	memset(sockaddr, 0, sizeof(struct sockaddr_in6));
	memcpy(sockaddr, &sin, sizeof(sin));
}

static void fill_v6(u8 *sockaddr, const struct in6_addr *addr, __be16 port)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
		.sin6_port = port,
		.sin6_addr = *addr,
	};

	memcpy(sockaddr, &sin6, sizeof(sin6));
}

static void trace_fill_addrs(const struct xtcp_flow *flow, u8 *local, u8 *remote)
{
	if (flow->family == AF_INET6) {
		fill_v6(local, &flow->v6.laddr, flow->lport);
		fill_v6(remote, &flow->v6.raddr, flow->rport);
	} else {
		fill_v4(local, flow->v4.laddr, flow->lport);
		fill_v4(remote, flow->v4.raddr, flow->rport);
	}
}

/* What of the header is there: a segment may be dropped because it is too short. */
static u32 trace_parse_skb(const struct sk_buff *skb, struct xtcp_hdr *hdr, u8 *src, u8 *dst)
{
	const u8 *start = NULL;

	memset(hdr, 0, sizeof(*hdr));
	if (skb_transport_header_was_set(skb))
		start = skb_transport_header(skb);
	if (start && start + sizeof(*hdr) <= skb_tail_pointer(skb))
		memcpy(hdr, start, sizeof(*hdr));

	if (skb->protocol == htons(ETH_P_IPV6)) {
		fill_v6(src, &ipv6_hdr(skb)->saddr, hdr->sport);
		fill_v6(dst, &ipv6_hdr(skb)->daddr, hdr->dport);
	} else {
		fill_v4(src, ip_hdr(skb)->saddr, hdr->sport);
		fill_v4(dst, ip_hdr(skb)->daddr, hdr->dport);
	}

	if (!hdr->off)
		return skb->len;
	/* The text begins behind the header, wherever skb->data stands by now. */
	return max_t(int, 0, (int)skb->len - (skb_transport_offset(skb) +
					      (int)xtcp_wire_hdr_len(hdr)));
}

#define CREATE_TRACE_POINTS
#include "trace.h"
