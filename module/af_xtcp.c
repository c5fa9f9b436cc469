// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two doors: socket(AF_XTCP, SOCK_STREAM, ...) and socket(AF_INET or AF_INET6,
 * SOCK_STREAM, IPPROTO_XTCP). Behind both is the same socket.
 *
 * Inside the kernel a socket's family is AF_INET or AF_INET6 whichever door it came
 * through, so that everything which looks at the family of a socket (cgroup programs,
 * netfilter's socket matches, SO_REUSEPORT, IP options) keeps applying.
 */
#include <linux/bpf-cgroup.h>
#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/protocol.h>

#include "stream.h"
#include "xtcp.h"

#define XTCP_OPS_COMMON							\
	.owner			= THIS_MODULE,				\
	.connect		= inet_stream_connect,			\
	.socketpair		= sock_no_socketpair,			\
	.accept			= inet_accept,				\
	.poll			= xtcp_recv_poll,			\
	.gettstamp		= sock_gettstamp,			\
	.listen			= xtcp_connect_listen,			\
	.shutdown		= inet_shutdown,			\
	.setsockopt		= sock_common_setsockopt,		\
	.getsockopt		= sock_common_getsockopt,		\
	.sendmsg		= inet_sendmsg,				\
	.recvmsg		= inet_recvmsg,				\
	.mmap			= sock_no_mmap,				\
	.splice_read		= xtcp_recv_splice,			\
	.splice_eof		= xtcp_send_flush,			\
	.peek_len		= xtcp_recv_peek_len,			\
	.set_rcvlowat		= xtcp_recv_set_lowat

static const struct proto_ops ops_v4 = {
	XTCP_OPS_COMMON,
	.family			= PF_INET,
	.release		= inet_release,
	.bind			= inet_bind,
	.getname		= inet_getname,
	.ioctl			= inet_ioctl,
};

static struct inet_protosw protosw_v4 = {
	.type			= SOCK_STREAM,
	.prot			= &xtcp_proto_v4,
	.ops			= &ops_v4,
};

#if IS_ENABLED(CONFIG_IPV6)
static const struct proto_ops ops_v6 = {
	XTCP_OPS_COMMON,
	.family			= PF_INET6,
	.release		= inet6_release,
	.bind			= inet6_bind,
	.getname		= inet6_getname,
	.ioctl			= inet6_ioctl,
};

static struct inet_protosw protosw_v6 = {
	.type			= SOCK_STREAM,
	.prot			= &xtcp_proto_v6,
	.ops			= &ops_v6,
};

/* The IPv6 half of a new AF_INET6 socket. */
static void init_inet6(struct sock *sk)
{
	struct net *net = sock_net(sk);
	struct ipv6_pinfo *np = &((struct xtcp6_sock *)sk)->inet6;

	inet_sk(sk)->pinet6 = np;
	np->hop_limit = -1;
	np->mcast_hops = IPV6_DEFAULT_MCASTHOPS;
	np->pmtudisc = IPV6_PMTUDISC_WANT;
	xtcp_inet6_assign(sk, mc_loop, MC6_LOOP, 1);
	xtcp_inet6_assign(sk, mc_all, MC6_ALL, 1);
	sk->sk_ipv6only = net->ipv6.sysctl.bindv6only;
	sk->sk_destruct = inet6_sock_destruct;
}
#endif

/* What inet_create() sets up; an AF_INET6 socket has this half too, for v4-mapped peers. */
static void init_inet(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);

	sk->sk_destruct = inet_sock_destruct;
	sk->sk_protocol = xtcp_sysctl_protocol;
	sk->sk_backlog_rcv = sk->sk_prot->backlog_rcv;
	sk->sk_txrehash = READ_ONCE(net->core.sysctl_txrehash);
	inet->pmtudisc = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc) ? IP_PMTUDISC_DONT :
								       IP_PMTUDISC_WANT;
	atomic_set(&inet->inet_id, 0);
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	xtcp_inet_assign(sk, mc_loop, MC_LOOP, 1);
	xtcp_inet_assign(sk, mc_all, MC_ALL, 1);
	RCU_INIT_POINTER(inet->mc_list, NULL);
}

static int attach_sock(struct net *net, struct socket *sock, int family, struct proto *prot,
		       const struct proto_ops *ops, int kern)
{
	struct sock *sk;
	int err;

	sk = sk_alloc(net, family, GFP_KERNEL, prot, kern);
	if (!sk)
		return -ENOBUFS;
	sock->state = SS_UNCONNECTED;
	sock->ops = ops;
	sock_init_data(sock, sk);
	init_inet(sk);
#if IS_ENABLED(CONFIG_IPV6)
	if (family == PF_INET6)
		init_inet6(sk);
#endif
	err = sk->sk_prot->init(sk);
	if (!err && !kern)
		err = BPF_CGROUP_RUN_PROG_INET_SOCK(sk);
	if (err) {
		sk_common_release(sk);
		sock->sk = NULL;
	}
	return err;
}

/* socket(AF_XTCP, ...) */
static int create_socket(struct net *net, struct socket *sock, int protocol, int kern)
{
	if (sock->type != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
#if IS_ENABLED(CONFIG_IPV6)
	if (protocol == XTCPPROTO_INET6) {
		/* Booted with ipv6.disable=1: its routes and addresses were never set up. */
		if (!xtcp_net(net)->ctl_v6)
			return -EAFNOSUPPORT;
		return attach_sock(net, sock, PF_INET6, &xtcp_proto_v6, &ops_v6, kern);
	}
#endif
	if (protocol == XTCPPROTO_INET || protocol == xtcp_sysctl_protocol)
		return attach_sock(net, sock, PF_INET, &xtcp_proto_v4, &ops_v4, kern);
	return -EPROTONOSUPPORT;
}

static struct net_proto_family family_ops = {
	.create	= create_socket,
	.owner	= THIS_MODULE,
};

/**
 * xtcp_af_init - open both doors
 *
 * Context: module load, last: from here on there are sockets.
 * Return: 0, or -EEXIST when something else has the family's number.
 */
int xtcp_af_init(void)
{
	int err;

	family_ops.family = xtcp_sysctl_family;
	err = sock_register(&family_ops);
	if (err) {
		pr_err("xtcp: address family %d is taken; choose another with family=\n",
		       xtcp_sysctl_family);
		return err;
	}
	protosw_v4.protocol = xtcp_sysctl_protocol;
	inet_register_protosw(&protosw_v4);
#if IS_ENABLED(CONFIG_IPV6)
	protosw_v6.protocol = xtcp_sysctl_protocol;
	err = inet6_register_protosw(&protosw_v6);
	if (err) {
		inet_unregister_protosw(&protosw_v4);
		sock_unregister(xtcp_sysctl_family);
	}
#endif
	return err;
}

/**
 * xtcp_af_exit - close both doors
 *
 * Context: module unload, first; waits for RCU.
 */
void xtcp_af_exit(void)
{
#if IS_ENABLED(CONFIG_IPV6)
	inet6_unregister_protosw(&protosw_v6);
#endif
	inet_unregister_protosw(&protosw_v4);
	sock_unregister(xtcp_sysctl_family);
}
