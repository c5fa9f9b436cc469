// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv4: route, checksum, transmit. No lookup in xtcp's tables, no state, no input.
 *
 * RFC 9293, 3.9.2; RFC 791; RFC 1191 (DF as the socket's path-MTU mode says).
 * Context: the socket lock is held where a socket is given, softirq otherwise.
 */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <net/inet_common.h>
#include <net/inet_ecn.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/route.h>

#include "xtcp.h"
#include "af_ops.h"

static bool is_veth(const struct net_device *dev)
{
	return dev->rtnl_link_ops && !strcmp(dev->rtnl_link_ops->kind, "veth");
}

/*
 * A checksum may be left to the device only if what it sends stays on this machine:
 * loopback and veth. Hardware, and what tunnels hand to it in the end, knows where a
 * checksum goes for TCP's protocol number, not for ours. Who bridges or forwards from
 * a veth to hardware sets net.xtcp.software_csum.
 */
static bool device_can_csum(const struct xtcp_net *xn, const struct net_device *dev)
{
	return !READ_ONCE(xn->software_csum) && (dev->features & NETIF_F_GSO_SCTP) &&
	       ((dev->flags & IFF_LOOPBACK) || is_veth(dev));
}

/**
 * xtcp_ipv4_finish_csum - fill in a segment's checksum, or leave the rest of it for later
 * @xn: namespace
 * @skb: segment, skb->data at the transport header
 * @dev: where it is to leave
 * @pseudo: folded sum of the pseudo-header, IPv4's or IPv6's
 *
 * Context: any.
 */
void xtcp_ipv4_finish_csum(const struct xtcp_net *xn, struct sk_buff *skb,
			   const struct net_device *dev, __sum16 pseudo)
{
	struct xtcp_hdr *hdr = (struct xtcp_hdr *)skb->data;

	hdr->check = pseudo;
	if (skb_is_gso(skb) || device_can_csum(xn, dev)) {
		/* A segment to be cut is summed when it is cut: offload.c. */
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb->data - skb->head;
		skb->csum_offset = offsetof(struct xtcp_hdr, check);
	} else {
		hdr->check = csum_fold(skb_checksum(skb, 0, skb->len, 0));
		skb->ip_summed = CHECKSUM_NONE;
	}
}

static void set_csum_v4(const struct xtcp_net *xn, struct sk_buff *skb,
			const struct dst_entry *dst, __be32 saddr, __be32 daddr)
{
	xtcp_ipv4_finish_csum(xn, skb, dst->dev,
			      ~csum_tcpudp_magic(saddr, daddr, skb->len, xtcp_sysctl_protocol, 0));
}

/* First hop of a source route, or @daddr. */
static __be32 next_hop(const struct sock *sk, __be32 daddr)
{
	const struct ip_options_rcu *opt;

	opt = rcu_dereference_protected(inet_sk(sk)->inet_opt, lockdep_sock_is_held(sk));
	return opt && opt->opt.srr ? opt->opt.faddr : daddr;
}

static void store_route_v4(struct sock *sk, struct dst_entry *dst)
{
	sk->sk_gso_type = SKB_GSO_TCPV4 | SKB_GSO_SCTP;
	sk_setup_caps(sk, dst);
}

static void adopt_route_v4(struct sock *sk, struct dst_entry *dst)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;

	/* What IP takes from a flow that has been routed. */
	fl4->saddr = inet->inet_saddr;
	fl4->daddr = inet->inet_daddr;
	store_route_v4(sk, dst);
}

static int route_v4(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;

	rt = ip_route_connect(&inet->cork.fl.u.ip4, next_hop(sk, inet->inet_daddr),
			      inet->inet_saddr, sk->sk_bound_dev_if, sk->sk_protocol,
			      inet->inet_sport, inet->inet_dport, sk);
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		return PTR_ERR(rt);
	}
	store_route_v4(sk, &rt->dst);
	return 0;
}

static int xmit_v4(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	struct inet_sock *inet = inet_sk(sk);
	struct dst_entry *dst = __sk_dst_check(sk, 0);
	int err;

	if (!dst) {
		err = route_v4(sk);
		if (err) {
			WRITE_ONCE(sk->sk_err_soft, -err);
			kfree_skb(skb);
			return err;
		}
		dst = __sk_dst_get(sk);
	}
	set_csum_v4(xtcp_sk_net(sk), skb, dst, inet->inet_saddr, inet->inet_daddr);
	err = __ip_queue_xmit(sk, skb, &inet->cork.fl, (inet->tos & ~INET_ECN_MASK) | ecn);
	return net_xmit_eval(err);	/* a macro: evaluates its argument twice */
}

static struct rtable *find_reply_route_v4(const struct xtcp_reply *r)
{
	const struct xtcp_flow *flow = r->flow;
	struct net *net = flow->net;
	/* A listener's own IPsec policy holds for its answers, too. */
	struct sock *sk = r->sk ?: xtcp_net(net)->ctl_v4;
	struct flowi4 fl4;
	u8 flags = 0;

	if (r->transparent || (r->sk && xtcp_inet_test(r->sk, transparent, TRANSPARENT)))
		flags |= FLOWI_FLAG_ANYSRC;
	flowi4_init_output(&fl4, flow->ifindex, r->mark, r->tos & ~INET_ECN_MASK,
			   RT_SCOPE_UNIVERSE, xtcp_sysctl_protocol, flags,
			   flow->v4.raddr, flow->v4.laddr, flow->rport, flow->lport,
			   r->sk ? xtcp_compat_uid(r->sk) : sock_net_uid(net, NULL));
	security_sk_classify_flow(sk, flowi4_to_flowi_common(&fl4));
	return ip_route_output_flow(net, &fl4, sk);
}

/**
 * xtcp_ipv4_set_sender - let an answer count as its listener's: for cgroup programs, netfilter
 * @skb: the answer
 * @r: on whose behalf
 *
 * Context: softirq, RCU read side.
 * Return: the listener, which @skb holds a reference on now; or NULL.
 */
struct sock *xtcp_ipv4_set_sender(struct sk_buff *skb, const struct xtcp_reply *r)
{
	return r->owned && skb_set_owner_sk_safe(skb, r->sk) ? r->sk : NULL;
}

static void reply_v4(const struct xtcp_reply *r, struct sk_buff *skb)
{
	const struct xtcp_flow *flow = r->flow;
	struct net *net = flow->net;
	struct xtcp_net *xn = xtcp_net(net);
	struct dst_entry *dst = r->dst;
	struct iphdr *iph;
	int ttl = r->sk ? inet_sk(r->sk)->uc_ttl : -1;

	if (!dst) {
		struct rtable *rt = find_reply_route_v4(r);

		if (IS_ERR(rt)) {
			IP_INC_STATS(net, IPSTATS_MIB_OUTNOROUTES);
			kfree_skb(skb);
			return;
		}
		dst = &rt->dst;
	}
	skb_dst_set(skb, dst);
	skb_reset_transport_header(skb);
	set_csum_v4(xn, skb, dst, flow->v4.laddr, flow->v4.raddr);

	iph = skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	memset(iph, 0, sizeof(*iph));
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = r->tos & ~INET_ECN_MASK;
	iph->frag_off = htons(IP_DF);
	iph->ttl = ttl >= 0 ? ttl : ip4_dst_hoplimit(dst);
	iph->protocol = xtcp_sysctl_protocol;
	iph->saddr = flow->v4.laddr;
	iph->daddr = flow->v4.raddr;

	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	skb->priority = r->sk ? READ_ONCE(r->sk->sk_priority) : 0;
	skb->mark = r->mark;
	ip_local_out(net, xtcp_ipv4_set_sender(skb, r) ?: xn->ctl_v4, skb);
}

static bool route_reply_v4(struct xtcp_reply *r)
{
	struct rtable *rt = find_reply_route_v4(r);

	if (IS_ERR(rt))
		return false;
	/* A host that answers broadcasts is an amplifier. */
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return false;
	}
	r->dst = &rt->dst;
	return true;
}

/* Before anything is written to skb->cb: IP left the device there. */
static int flow_of_skb_v4(const struct sk_buff *skb, struct xtcp_flow *flow)
{
	const struct xtcp_hdr *hdr = (const struct xtcp_hdr *)skb_transport_header(skb);
	const struct iphdr *iph = ip_hdr(skb);

	flow->net = dev_net(skb->dev);
	flow->ifindex = inet_iif(skb);
	flow->family = AF_INET;
	flow->slot = 0;
	flow->lport = hdr->dport;
	flow->rport = hdr->sport;
	flow->v4.laddr = iph->daddr;
	flow->v4.raddr = iph->saddr;
	return inet_sdif((struct sk_buff *)skb);
}

static bool addr_ok_v4(const struct sk_buff *skb)
{
	const struct rtable *rt = skb_rtable(skb);
	__be32 saddr = ip_hdr(skb)->saddr;

	return skb->pkt_type == PACKET_HOST &&
	       !(rt && (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST))) &&
	       !ipv4_is_multicast(saddr) && !ipv4_is_lbcast(saddr) &&
	       (saddr & htonl(0xff000000));	/* 0/8: this network, no source */
}

static bool csum_ok_v4(struct sk_buff *skb)
{
	return !skb_checksum_validate(skb, xtcp_sysctl_protocol, inet_compute_pseudo);
}

/**
 * xtcp_ipv4_reset_pinet6 - give a fresh clone of an AF_INET6 listener IPv6 state of its own
 * @sk: the clone; nothing happens if it is AF_INET
 *
 * Also for children with IPv4 peers: their socket is AF_INET6 all the same. Settings
 * are inherited; what the listener owns (groups, labels, options, packets) is not.
 *
 * Context: softirq, @sk not visible to anyone yet.
 */
void xtcp_ipv4_reset_pinet6(struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct ipv6_pinfo *np;

	if (sk->sk_family != AF_INET6)
		return;
	/* sk_clone_lock() copied the content, and the pointer to the listener's. */
	np = &((struct xtcp6_sock *)sk)->inet6;
	inet_sk(sk)->pinet6 = np;
	np->ipv6_mc_list = NULL;
	np->ipv6_ac_list = NULL;
#ifndef XTCP_HAVE_INET_FL_LIST
	np->ipv6_fl_list = NULL;
#else
	inet_sk(sk)->ipv6_fl_list = NULL;
#endif
	np->pktoptions = NULL;
	np->dst_cookie = 0;
	RCU_INIT_POINTER(np->opt, NULL);
#endif
}

static int set_child_v4(struct sock *sk, const struct xtcp_halfopen *ho)
{
	const struct xtcp_flow *flow = &ho->node.flow;
	struct inet_sock *inet = inet_sk(sk);

	xtcp_ipv4_reset_pinet6(sk);
	/* On an AF_INET6 socket these store the v4-mapped addresses too. */
	sk_rcv_saddr_set(sk, flow->v4.laddr);
	sk_daddr_set(sk, flow->v4.raddr);
	inet->inet_saddr = flow->v4.laddr;
	inet->inet_sport = flow->lport;
	inet->inet_num = ntohs(flow->lport);
	inet->inet_dport = flow->rport;
	atomic_set(&inet->inet_id, get_random_u16());
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	inet->mc_list = NULL;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		inet6_sk(sk)->saddr = sk->sk_v6_rcv_saddr;
#endif
	return 0;
}

static void note_arrival_v4(struct sock *sk, const struct sk_buff *skb, int ifindex)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->mc_index = ifindex;
	inet->mc_ttl = ip_hdr(skb)->ttl;
	inet->rcv_tos = ip_hdr(skb)->tos;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		inet->pinet6->mcast_oif = ifindex;
		inet->pinet6->mcast_hops = ip_hdr(skb)->ttl;
		inet->pinet6->rcv_flowinfo = 0;
	}
#endif
}

static u16 ext_hdr_len_v4(const struct sock *sk)
{
	const struct ip_options_rcu *opt;

	opt = rcu_dereference_protected(inet_sk(sk)->inet_opt, lockdep_sock_is_held(sk));
	return opt ? opt->opt.optlen : 0;
}

const struct xtcp_af_ops xtcp_ipv4_ops = {
	.family		= AF_INET,
	.net_hdr_len	= sizeof(struct iphdr),
	.mss_default	= XTCP_MSS_DEFAULT_V4,
	.route		= route_v4,
	.adopt_route	= adopt_route_v4,
	.xmit		= xmit_v4,
	.reply		= reply_v4,
	.route_reply	= route_reply_v4,
	.flow_of_skb	= flow_of_skb_v4,
	.addr_ok	= addr_ok_v4,
	.csum_ok	= csum_ok_v4,
	.set_child	= set_child_v4,
	.note_arrival	= note_arrival_v4,
	.ext_hdr_len	= ext_hdr_len_v4,
};

/**
 * xtcp_ipv4_connect - address half of connect(): find the way to an IPv4 peer
 * @sk: closed socket, its local port maybe not chosen yet
 * @uaddr: struct sockaddr_in
 * @addr_len: its length [bytes]
 *
 * Sets the addresses and the remote port and stores the route. The caller chooses
 * the local port, after which xtcp_af_ops.route() may find a better way.
 *
 * Context: process, socket lock.
 * Return: 0 or -errno, the socket unchanged.
 */
int xtcp_ipv4_connect(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len)
{
	struct sockaddr_in *usin = (struct sockaddr_in *)uaddr;
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	__be32 daddr, nexthop;
	struct rtable *rt;

	sock_owned_by_me(sk);
	if (addr_len < (int)sizeof(*usin))
		return -EINVAL;
	if (usin->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	daddr = usin->sin_addr.s_addr;
	nexthop = next_hop(sk, daddr);
	if (nexthop != daddr && !daddr)
		return -EINVAL;

	rt = ip_route_connect(fl4, nexthop, inet->inet_saddr, sk->sk_bound_dev_if,
			      sk->sk_protocol, inet->inet_sport, usin->sin_port, sk);
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		return PTR_ERR(rt);
	}
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}
	/* The any-address has become loopback by now. */
	if (nexthop == daddr)
		daddr = fl4->daddr;

	if (!inet->inet_saddr)
		inet->inet_saddr = fl4->saddr;
	sk_rcv_saddr_set(sk, inet->inet_saddr);
	sk_daddr_set(sk, daddr);
	inet->inet_dport = usin->sin_port;
	store_route_v4(sk, &rt->dst);
	return 0;
}

/**
 * xtcp_ipv4_init_net - make the socket that answers without a socket are sent by
 * @xn: the namespace
 *
 * Context: process, may sleep.
 * Return: 0 or -errno.
 */
int xtcp_ipv4_init_net(struct xtcp_net *xn)
{
	return inet_ctl_sock_create(&xn->ctl_v4, PF_INET, SOCK_RAW, xtcp_sysctl_protocol, xn->net);
}

/**
 * xtcp_ipv4_exit_net - undo xtcp_ipv4_init_net()
 * @xn: the namespace
 *
 * Context: process, no more answers are sent.
 */
void xtcp_ipv4_exit_net(struct xtcp_net *xn)
{
	inet_ctl_sock_destroy(xn->ctl_v4);
}
