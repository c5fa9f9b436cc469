// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segmentation offload: cutting one large segment into wire-sized ones, late.
 *
 * The gso_type is TCP's and SCTP's together: only software devices have the features
 * of both, so hardware never sees a segment whose protocol it does not know.
 * Context: softirq or process in the transmit path; no lock, no socket.
 */
#include <linux/netdevice.h>
#include <net/protocol.h>

#include "xtcp.h"
#include "af_ops.h"

/* Finish one piece: its number, its flags, its checksum for its length. */
static void finish_piece(struct sk_buff *skb, u32 seq, bool first, u32 whole_len)
{
	struct xtcp_hdr *hdr = (struct xtcp_hdr *)skb_transport_header(skb);
	u32 len = skb->len - skb_transport_offset(skb);
	__wsum delta = (__force __wsum)htonl(~whole_len + len);
	__sum16 pseudo;
	__wsum rest;

	hdr->seq = htonl(seq);
	if (skb->next)
		hdr->flags &= ~(XTCP_FIN | XTCP_PSH);
	if (!first)
		hdr->flags &= ~XTCP_CWR;

	/* The field holds the pseudo-header's sum, made for the whole's length. */
	pseudo = ~csum_fold(csum_add(csum_unfold(hdr->check), delta));
	hdr->check = pseudo;
	rest = (__force __wsum)~(__force u32)pseudo;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		gso_reset_checksum(skb, rest);
	else
		hdr->check = gso_make_checksum(skb, rest);
}

/* Who asked when a segment leaves meant its end: the last piece answers. */
static void pass_stamp(const struct sk_buff *skb, struct sk_buff *last)
{
	u8 wanted = skb_shinfo(skb)->tx_flags & SKBTX_SW_TSTAMP;

	if (likely(!wanted))
		return;
	skb_shinfo(last)->tx_flags |= wanted;
	skb_shinfo(last)->tskey = skb_shinfo(skb)->tskey;
}

static struct sk_buff *segment_gso(struct sk_buff *skb, netdev_features_t features)
{
	u32 whole_len, seq, mss = skb_shinfo(skb)->gso_size;
	struct sk_buff *segs, *seg;
	const struct xtcp_hdr *hdr;
	unsigned int hdr_len;

	skb_reset_transport_header(skb);
	if (!pskb_may_pull(skb, sizeof(*hdr)))
		return ERR_PTR(-EINVAL);
	hdr_len = xtcp_wire_hdr_len((struct xtcp_hdr *)skb_transport_header(skb));
	if (hdr_len < sizeof(*hdr) || !pskb_may_pull(skb, hdr_len))
		return ERR_PTR(-EINVAL);
	hdr = (struct xtcp_hdr *)skb_transport_header(skb);
	if (skb->ip_summed != CHECKSUM_PARTIAL ||
	    skb_checksum_start(skb) != skb_transport_header(skb))
		return ERR_PTR(-EINVAL);

	seq = ntohl(hdr->seq);
	whole_len = skb->len;
	__skb_pull(skb, hdr_len);
	if (skb->len <= mss)
		return ERR_PTR(-EINVAL);
	if (skb_gso_ok(skb, features | NETIF_F_GSO_ROBUST)) {
		/* From a source that may lie about the number of pieces. */
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(skb->len, mss);
		return NULL;
	}

	/* Hardware sums TCP's protocol number, not ours: see ipv4.c. */
	if (!(features & NETIF_F_GSO_SCTP))
		features &= ~NETIF_F_CSUM_MASK;
	segs = skb_segment(skb, features & ~NETIF_F_GSO_MASK);
	if (IS_ERR_OR_NULL(segs))
		return segs;
	for (seg = segs; seg; seg = seg->next) {
		finish_piece(seg, seq, seg == segs, whole_len);
		seq += mss;
		if (!seg->next)
			pass_stamp(skb, seg);
	}
	return segs;
}

static struct sk_buff *segment_v4(struct sk_buff *skb, netdev_features_t features)
{
	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_TCPV4))
		return ERR_PTR(-EINVAL);
	return segment_gso(skb, features);
}

static const struct net_offload offload_v4 = {
	.callbacks = {
		.gso_segment = segment_v4,
	},
};

#if IS_ENABLED(CONFIG_IPV6)
static struct sk_buff *segment_v6(struct sk_buff *skb, netdev_features_t features)
{
	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_TCPV6))
		return ERR_PTR(-EINVAL);
	return segment_gso(skb, features);
}

static const struct net_offload offload_v6 = {
	.callbacks = {
		.gso_segment = segment_v6,
	},
};
#endif

/**
 * xtcp_offload_init - register the cutting of large segments
 *
 * Context: module load.
 * Return: 0, or -EBUSY if the protocol number has a user.
 */
int xtcp_offload_init(void)
{
	if (inet_add_offload(&offload_v4, xtcp_sysctl_protocol)) {
		pr_err("xtcp: IP protocol %d is taken; choose another with protocol=\n",
		       xtcp_sysctl_protocol);
		return -EBUSY;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (inet6_add_offload(&offload_v6, xtcp_sysctl_protocol)) {
		inet_del_offload(&offload_v4, xtcp_sysctl_protocol);
		return -EBUSY;
	}
#endif
	return 0;
}

/**
 * xtcp_offload_exit - undo xtcp_offload_init()
 *
 * Context: module unload, may sleep; waits for RCU.
 */
void xtcp_offload_exit(void)
{
#if IS_ENABLED(CONFIG_IPV6)
	inet6_del_offload(&offload_v6, xtcp_sysctl_protocol);
#endif
	inet_del_offload(&offload_v4, xtcp_sysctl_protocol);
}
