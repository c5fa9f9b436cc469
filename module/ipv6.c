// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv6: route, checksum, transmit. No lookup in xtcp's tables, no state, no input.
 *
 * RFC 9293, 3.9.2; RFC 8200; RFC 4291 (scopes); RFC 6437 (flow labels).
 * Context: the socket lock is held where a socket is given, softirq otherwise.
 */
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/seg6.h>
#include <net/inet_common.h>
#include <net/inet_ecn.h>
#include <net/inet_hashtables.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/transp_v6.h>

#include "xtcp.h"
#include "af_ops.h"

static void set_csum_v6(const struct xtcp_net *xn, struct sk_buff *skb,
			const struct dst_entry *dst, const struct in6_addr *saddr,
			const struct in6_addr *daddr)
{
	xtcp_ipv4_finish_csum(xn, skb, dst->dev,
			      ~csum_ipv6_magic(saddr, daddr, skb->len, xtcp_sysctl_protocol, 0));
}

/* With a routing header, route to its first hop. Return: the final destination, or NULL. */
static struct in6_addr *use_first_hop(struct flowi6 *fl6, const struct ipv6_txoptions *opt,
				      struct in6_addr *final)
{
	const struct ipv6_sr_hdr *srh;

	if (!opt || !opt->srcrt)
		return NULL;
	*final = fl6->daddr;
	switch (opt->srcrt->type) {
	case IPV6_SRCRT_TYPE_2:
		fl6->daddr = ((struct rt2_hdr *)opt->srcrt)->addr;
		return final;
	case IPV6_SRCRT_TYPE_4:
		srh = (const struct ipv6_sr_hdr *)opt->srcrt;
		fl6->daddr = srh->segments[srh->segments_left];
		return final;
	}
	return NULL;
}

static void fill_flowi6(const struct sock *sk, struct flowi6 *fl6)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct ipv6_pinfo *np = inet_sk(sk)->pinet6;

	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = sk->sk_protocol;
	fl6->daddr = sk->sk_v6_daddr;
	fl6->saddr = np->saddr;
	fl6->flowlabel = ip6_make_flowinfo(np->tclass, np->flow_label);
	fl6->flowi6_oif = sk->sk_bound_dev_if;
	fl6->flowi6_mark = READ_ONCE(sk->sk_mark);
	fl6->fl6_sport = inet->inet_sport;
	fl6->fl6_dport = inet->inet_dport;
	fl6->flowi6_uid = xtcp_compat_uid(sk);
}

/* Look up the way for @fl6, which gets a source address if it has none. */
static struct dst_entry *lookup_v6(struct sock *sk, struct flowi6 *fl6)
{
	struct in6_addr final, *final_p;

	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
	rcu_read_lock();
	final_p = use_first_hop(fl6, rcu_dereference(inet_sk(sk)->pinet6->opt), &final);
	rcu_read_unlock();
	return ip6_dst_lookup_flow(sock_net(sk), sk, fl6, final_p);
}

static void store_route_v6(struct sock *sk, struct dst_entry *dst)
{
	sk->sk_gso_type = SKB_GSO_TCPV6 | SKB_GSO_SCTP;
	inet_sk(sk)->pinet6->dst_cookie = rt6_get_cookie((struct rt6_info *)dst);
	sk_setup_caps(sk, dst);
}

static int route_v6(struct sock *sk)
{
	struct dst_entry *dst;
	struct flowi6 fl6;

	fill_flowi6(sk, &fl6);
	dst = lookup_v6(sk, &fl6);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	store_route_v6(sk, dst);
	return 0;
}

static int xmit_v6(struct sock *sk, struct sk_buff *skb, u8 ecn)
{
	struct ipv6_pinfo *np = inet_sk(sk)->pinet6;
	struct dst_entry *dst = __sk_dst_check(sk, np->dst_cookie);
	struct flowi6 fl6;
	int err;

	if (!dst) {
		err = route_v6(sk);
		if (err) {
			WRITE_ONCE(sk->sk_err_soft, -err);
			kfree_skb(skb);
			return err;
		}
		dst = __sk_dst_get(sk);
	}
	fill_flowi6(sk, &fl6);
	set_csum_v6(xtcp_sk_net(sk), skb, dst, &fl6.saddr, &fl6.daddr);

	rcu_read_lock();
	skb_dst_set_noref(skb, dst);
	err = ip6_xmit(sk, skb, &fl6, READ_ONCE(sk->sk_mark), rcu_dereference(np->opt),
		       (np->tclass & ~INET_ECN_MASK) | ecn, READ_ONCE(sk->sk_priority));
	rcu_read_unlock();
	return net_xmit_eval(err);
}

/* @fl6 is all zero. */
static void fill_reply_flowi6(const struct xtcp_reply *r, struct flowi6 *fl6)
{
	const struct xtcp_flow *flow = r->flow;

	fl6->flowi6_proto = xtcp_sysctl_protocol;
	fl6->daddr = flow->v6.raddr;
	fl6->saddr = flow->v6.laddr;
	fl6->flowlabel = ip6_make_flowinfo(r->tos & ~INET_ECN_MASK, 0);
	fl6->flowi6_oif = flow->ifindex;
	fl6->flowi6_mark = r->mark;
	fl6->fl6_sport = flow->lport;
	fl6->fl6_dport = flow->rport;
	fl6->flowi6_uid = r->sk ? xtcp_compat_uid(r->sk) : sock_net_uid(flow->net, NULL);
}

static struct dst_entry *find_reply_route_v6(const struct xtcp_reply *r, struct flowi6 *fl6)
{
	struct net *net = r->flow->net;
	/* The listener, whose device no route may leave and whose IPsec policy holds. */
	struct sock *sk = r->sk ?: xtcp_net(net)->ctl_v6;

	/* Without IPv6 there is nobody to answer, but it is checked where it is used. */
	if (!sk)
		return ERR_PTR(-EAFNOSUPPORT);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
	return ip6_dst_lookup_flow(net, sk, fl6, NULL);
}

static void reply_v6(const struct xtcp_reply *r, struct sk_buff *skb)
{
	struct xtcp_net *xn = xtcp_net(r->flow->net);
	struct dst_entry *dst = r->dst;
	struct flowi6 fl6 = {};

	fill_reply_flowi6(r, &fl6);
	if (!dst)
		dst = find_reply_route_v6(r, &fl6);
	if (IS_ERR(dst)) {
		kfree_skb(skb);
		return;
	}
	skb_dst_set(skb, dst);
	skb_reset_transport_header(skb);
	set_csum_v6(xn, skb, dst, &fl6.saddr, &fl6.daddr);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	/* The listener's own hop limit and flow label rules hold for its SYN-ACKs. */
	ip6_xmit(xtcp_ipv4_set_sender(skb, r) ?: r->sk ?: xn->ctl_v6, skb, &fl6, r->mark, NULL,
		 r->tos & ~INET_ECN_MASK, r->sk ? READ_ONCE(r->sk->sk_priority) : 0);
}

static bool route_reply_v6(struct xtcp_reply *r)
{
	struct dst_entry *dst;
	struct flowi6 fl6 = {};

	fill_reply_flowi6(r, &fl6);
	dst = find_reply_route_v6(r, &fl6);
	if (IS_ERR(dst))
		return false;
	r->dst = dst;
	return true;
}

/* Before anything is written to skb->cb: IP left the device there. */
static int flow_of_skb_v6(const struct sk_buff *skb, struct xtcp_flow *flow)
{
	const struct xtcp_hdr *hdr = (const struct xtcp_hdr *)skb_transport_header(skb);
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);

	flow->net = dev_net(skb->dev);
	flow->ifindex = inet6_iif(skb);
	flow->family = AF_INET6;
	flow->slot = 0;
	flow->lport = hdr->dport;
	flow->rport = hdr->sport;
	flow->v6.laddr = ip6h->daddr;
	flow->v6.raddr = ip6h->saddr;
	/* Link-local addresses belong to the link, not to the VRF it is in. */
	if (inet6_sdif(skb) && ipv6_addr_type(&ip6h->saddr) & IPV6_ADDR_LINKLOCAL) {
		flow->ifindex = inet6_sdif(skb);
		return inet6_iif(skb);
	}
	return inet6_sdif(skb);
}

static bool addr_ok_v6(const struct sk_buff *skb)
{
	const struct in6_addr *saddr = &ipv6_hdr(skb)->saddr;

	return skb->pkt_type == PACKET_HOST && (!skb_dst(skb) || ipv6_unicast_destination(skb)) &&
	       !ipv6_addr_is_multicast(saddr) && !ipv6_addr_any(saddr) &&
	       !ipv6_addr_v4mapped(saddr);
}

static bool csum_ok_v6(struct sk_buff *skb)
{
	return !skb_checksum_validate(skb, xtcp_sysctl_protocol, ip6_compute_pseudo);
}

static int set_child_v6(struct sock *sk, const struct xtcp_halfopen *ho)
{
	const struct xtcp_flow *flow = &ho->node.flow;
	const struct ipv6_pinfo *parent_np = inet_sk(ho->listener)->pinet6;
	struct inet_sock *inet = inet_sk(sk);
	struct ipv6_txoptions *opt;
	struct ipv6_pinfo *np;

	xtcp_ipv4_reset_pinet6(sk);
	np = inet_sk(sk)->pinet6;
	sk->sk_v6_rcv_saddr = flow->v6.laddr;
	sk->sk_v6_daddr = flow->v6.raddr;
	np->saddr = flow->v6.laddr;
	inet->inet_saddr = LOOPBACK4_IPV6;
	inet->inet_daddr = LOOPBACK4_IPV6;
	inet->inet_rcv_saddr = LOOPBACK4_IPV6;
	inet->inet_sport = flow->lport;
	inet->inet_num = ntohs(flow->lport);
	inet->inet_dport = flow->rport;
	atomic_set(&inet->inet_id, get_random_u16());
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	inet->mc_list = NULL;

	rcu_read_lock();
	opt = rcu_dereference(parent_np->opt);
	if (opt)
		RCU_INIT_POINTER(np->opt, ipv6_dup_options(sk, opt));
	rcu_read_unlock();
	return 0;
}

static void note_arrival_v6(struct sock *sk, const struct sk_buff *skb, int ifindex)
{
	struct ipv6_pinfo *np = inet_sk(sk)->pinet6;

	np->mcast_oif = ifindex;
	np->mcast_hops = ipv6_hdr(skb)->hop_limit;
	np->rcv_flowinfo = ip6_flowinfo(ipv6_hdr(skb));
}

/* What IPV6_2292PKTOPTIONS tells, which has its place in common with multicast options. */
static void note_segment_v6(struct sock *sk, const struct sk_buff *skb)
{
	struct ipv6_pinfo *np = inet_sk(sk)->pinet6;

	if (np->rxopt.bits.rxinfo || np->rxopt.bits.rxoinfo)
		np->mcast_oif = inet6_iif(skb);
	if (np->rxopt.bits.rxhlim || np->rxopt.bits.rxohlim)
		np->mcast_hops = ipv6_hdr(skb)->hop_limit;
	if (np->rxopt.bits.rxflow || np->rxopt.bits.rxtclass)
		np->rcv_flowinfo = ip6_flowinfo(ipv6_hdr(skb));
}

static u16 ext_hdr_len_v6(const struct sock *sk)
{
	const struct ipv6_txoptions *opt;

	opt = rcu_dereference_protected(inet_sk(sk)->pinet6->opt, lockdep_sock_is_held(sk));
	return opt ? opt->opt_flen + opt->opt_nflen : 0;
}

const struct xtcp_af_ops xtcp_ipv6_ops = {
	.family		= AF_INET6,
	.net_hdr_len	= sizeof(struct ipv6hdr),
	.mss_default	= XTCP_MSS_DEFAULT_V6,
	.route		= route_v6,
	.adopt_route	= store_route_v6,
	.xmit		= xmit_v6,
	.reply		= reply_v6,
	.route_reply	= route_reply_v6,
	.flow_of_skb	= flow_of_skb_v6,
	.addr_ok	= addr_ok_v6,
	.csum_ok	= csum_ok_v6,
	.set_child	= set_child_v6,
	.note_arrival	= note_arrival_v6,
	.note_segment	= note_segment_v6,
	.ext_hdr_len	= ext_hdr_len_v6,
};

/* An IPv4 peer of an AF_INET6 socket: IPv4's back-end from here on. */
static int connect_mapped(struct sock *sk, const struct sockaddr_in6 *usin)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = usin->sin6_port,
		.sin_addr.s_addr = usin->sin6_addr.s6_addr32[3],
	};
	int err;

	if (ipv6_only_sock(sk))
		return -ENETUNREACH;
	err = xtcp_ipv4_connect(sk, (xtcp_sockaddr_t *)&sin, sizeof(sin));
	if (err)
		return err;
	WRITE_ONCE(xtcp_sk(sk)->af, &xtcp_ipv4_ops);
	inet_sk(sk)->pinet6->saddr = sk->sk_v6_rcv_saddr;
	return 0;
}

/* A link-local peer needs a device, and only one can be meant (RFC 4007, 6). */
static int choose_scope(struct sock *sk, const struct sockaddr_in6 *usin, int addr_len, int *dev)
{
	*dev = sk->sk_bound_dev_if;
	if (!(ipv6_addr_type(&usin->sin6_addr) & IPV6_ADDR_LINKLOCAL))
		return 0;
	if (addr_len >= (int)sizeof(*usin) && usin->sin6_scope_id) {
		if (!sk_dev_equal_l3scope(sk, usin->sin6_scope_id))
			return -EINVAL;
		*dev = usin->sin6_scope_id;
	}
	return *dev ? 0 : -EINVAL;
}

/* The flow label the application asked for in the address; it must be its own. */
static int choose_flow_label(struct sock *sk, const struct sockaddr_in6 *usin, __be32 *label)
{
	struct ip6_flowlabel *flowlabel;

	*label = 0;
	if (!xtcp_inet6_test(sk, sndflow, SNDFLOW))
		return 0;
	*label = usin->sin6_flowinfo & IPV6_FLOWINFO_MASK;
	IP6_ECN_flow_init(*label);
	if (*label & IPV6_FLOWLABEL_MASK) {
		flowlabel = fl6_sock_lookup(sk, *label);
		if (IS_ERR(flowlabel))
			return -EINVAL;
		fl6_sock_release(flowlabel);
	}
	return 0;
}

/* Try the way to @usin with the socket's addresses; on failure the caller restores them. */
static int connect_native(struct sock *sk, const struct sockaddr_in6 *usin, int dev)
{
	struct inet_sock *inet = inet_sk(sk);
	struct ipv6_pinfo *np = inet_sk(sk)->pinet6;
	bool bound = !ipv6_addr_any(&sk->sk_v6_rcv_saddr);
	struct dst_entry *dst;
	struct flowi6 fl6;

	fill_flowi6(sk, &fl6);
	fl6.daddr = usin->sin6_addr;
	fl6.flowi6_oif = dev;
	fl6.fl6_dport = usin->sin6_port;
	if (bound)
		fl6.saddr = sk->sk_v6_rcv_saddr;
	dst = lookup_v6(sk, &fl6);
	if (IS_ERR(dst))
		return PTR_ERR(dst);

	sk->sk_bound_dev_if = dev;
	sk->sk_v6_daddr = usin->sin6_addr;
	if (!bound)
		sk->sk_v6_rcv_saddr = fl6.saddr;
	np->saddr = sk->sk_v6_rcv_saddr;
	inet->inet_rcv_saddr = LOOPBACK4_IPV6;
	inet->inet_dport = usin->sin6_port;
	WRITE_ONCE(xtcp_sk(sk)->af, &xtcp_ipv6_ops);
	store_route_v6(sk, dst);
	return 0;
}

/**
 * xtcp_ipv6_connect - address half of connect(): find the way to an IPv6 peer
 * @sk: closed socket, its local port maybe not chosen yet
 * @uaddr: struct sockaddr_in6; a v4-mapped address makes the socket use IPv4
 * @addr_len: its length [bytes]
 *
 * Sets the addresses and the remote port and stores the route. The caller chooses
 * the local port, after which xtcp_af_ops.route() may find a better way.
 *
 * Context: process, socket lock.
 * Return: 0 or -errno, the socket unchanged.
 */
int xtcp_ipv6_connect(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len)
{
	struct sockaddr_in6 usin = { .sin6_family = AF_INET6 };
	struct ipv6_pinfo *np = inet_sk(sk)->pinet6;
	__be32 old_label = np->flow_label;
	int err, dev;

	sock_owned_by_me(sk);
	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (((struct sockaddr_in6 *)uaddr)->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(&usin, uaddr, min_t(int, addr_len, sizeof(usin)));

	err = choose_flow_label(sk, &usin, &np->flow_label);
	if (err)
		goto failed;
	/* connect() to the any-address means this machine. */
	if (ipv6_addr_any(&usin.sin6_addr)) {
		if (ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
			ipv6_addr_set_v4mapped(htonl(INADDR_LOOPBACK), &usin.sin6_addr);
		else
			usin.sin6_addr = in6addr_loopback;
	}
	err = -ENETUNREACH;
	if (ipv6_addr_is_multicast(&usin.sin6_addr))
		goto failed;
	err = choose_scope(sk, &usin, addr_len, &dev);
	if (err)
		goto failed;

	if (ipv6_addr_v4mapped(&usin.sin6_addr))
		err = connect_mapped(sk, &usin);
	else
		err = connect_native(sk, &usin, dev);
	if (!err)
		return 0;
failed:
	np->flow_label = old_label;
	return err;
}

/**
 * xtcp_ipv6_init_net - make the socket that answers without a socket are sent by
 * @xn: the namespace
 *
 * A machine booted without IPv6 has no such sockets; then there is nothing to do.
 *
 * Context: process, may sleep.
 * Return: 0 or -errno.
 */
int xtcp_ipv6_init_net(struct xtcp_net *xn)
{
	int err;

	err = inet_ctl_sock_create(&xn->ctl_v6, PF_INET6, SOCK_RAW, xtcp_sysctl_protocol,
				   xn->net);
	if (err)
		xn->ctl_v6 = NULL;
	return err == -EAFNOSUPPORT ? 0 : err;
}

/**
 * xtcp_ipv6_exit_net - undo xtcp_ipv6_init_net()
 * @xn: the namespace
 *
 * Context: process, no more answers are sent.
 */
void xtcp_ipv6_exit_net(struct xtcp_net *xn)
{
	if (xn->ctl_v6)
		inet_ctl_sock_destroy(xn->ctl_v6);
}
