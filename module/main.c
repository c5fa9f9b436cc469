// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading: what is set up in which order, and taken down in reverse.
 *
 * Doors open last and close first: the address family, then the protocol handlers.
 * After that nothing new can start, and leaving the namespaces purges TIME_WAIT and
 * half-open entries, which do not pin the module as sockets do.
 */
#include <linux/module.h>
#include <net/net_namespace.h>

#include "xtcp.h"
#include "af_ops.h"
#include "source.h"

module_param_named(family, xtcp_sysctl_family, int, 0444);
MODULE_PARM_DESC(family, "address family number (default 18, second choice 13)");
module_param_named(protocol, xtcp_sysctl_protocol, int, 0444);
MODULE_PARM_DESC(protocol, "IP protocol number (default 253)");
module_param_named(halfopen_bytes, xtcp_sysctl_halfopen_bytes, uint, 0644);
MODULE_PARM_DESC(halfopen_bytes, "bound of all half-open entries together, half of it for user namespaces (default 64 MiB)");

/* Generic kernel code tests TCP_*; sk_state holds XTCP_*. */
static_assert((int)XTCP_ESTABLISHED == (int)TCP_ESTABLISHED);
static_assert((int)XTCP_SYN_SENT == (int)TCP_SYN_SENT);
static_assert((int)XTCP_SYN_RCVD == (int)TCP_SYN_RECV);
static_assert((int)XTCP_FIN_WAIT_1 == (int)TCP_FIN_WAIT1);
static_assert((int)XTCP_FIN_WAIT_2 == (int)TCP_FIN_WAIT2);
static_assert((int)XTCP_TIME_WAIT == (int)TCP_TIME_WAIT);
static_assert((int)XTCP_CLOSED == (int)TCP_CLOSE);
static_assert((int)XTCP_CLOSE_WAIT == (int)TCP_CLOSE_WAIT);
static_assert((int)XTCP_LAST_ACK == (int)TCP_LAST_ACK);
static_assert((int)XTCP_LISTEN == (int)TCP_LISTEN);
static_assert((int)XTCP_CLOSING == (int)TCP_CLOSING);

/* The wire format; what a flood, and what the end of a connection, may cost. */
static_assert(sizeof(struct xtcp_hdr) == XTCP_HDR_LEN);
static_assert(sizeof(struct xtcp_cb) <= sizeof_field(struct sk_buff, cb));
static_assert((XTCP_NODE_SIZE_V4(struct xtcp_halfopen)) <= 128);
static_assert(sizeof(struct xtcp_halfopen) <= 160);
static_assert((XTCP_NODE_SIZE_V4(struct xtcp_timewait)) <= 160);
static_assert(sizeof(struct xtcp_timewait) <= 192);

static int __net_init init_net_ns(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	int err;

	xn->net = net;
	xn->rst_budget_jif = (u32)jiffies - HZ;	/* the first budget is due, whatever the time */
	xtcp_keys_init_net(xn);
	err = xtcp_mib_init_net(xn);
	if (err)
		return err;
	err = xtcp_sysctl_init_net(xn);
	if (err)
		goto no_sysctl;
	err = xtcp_ipv4_init_net(xn);
	if (err)
		goto no_ipv4;
#if IS_ENABLED(CONFIG_IPV6)
	err = xtcp_ipv6_init_net(xn);
	if (err)
		goto no_ipv6;
#endif
	xtcp_timewait_init_net(xn);
	xtcp_halfopen_init_net(xn);
	err = xtcp_proc_init_net(xn);
	if (err)
		goto no_proc;
	return 0;
no_proc:
	xtcp_halfopen_exit_net(xn);
	xtcp_timewait_exit_net(xn);
#if IS_ENABLED(CONFIG_IPV6)
	xtcp_ipv6_exit_net(xn);
no_ipv6:
#endif
	xtcp_ipv4_exit_net(xn);
no_ipv4:
	xtcp_sysctl_exit_net(xn);
no_sysctl:
	xtcp_source_exit_net(xn);
	xtcp_mib_exit_net(xn);
	return err;
}

static void __net_exit exit_net_ns(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	xtcp_proc_exit_net(xn);
	xtcp_halfopen_exit_net(xn);
	xtcp_timewait_exit_net(xn);
#if IS_ENABLED(CONFIG_IPV6)
	xtcp_ipv6_exit_net(xn);
#endif
	xtcp_ipv4_exit_net(xn);
	xtcp_sysctl_exit_net(xn);
	xtcp_source_exit_net(xn);
	xtcp_mib_exit_net(xn);
}

static struct pernet_operations net_ops = {
	.init	= init_net_ns,
	.exit	= exit_net_ns,
	.id	= &xtcp_mib_net_id,
	.size	= sizeof(struct xtcp_net),
};

static int __init init_namespaces(void)
{
	return register_pernet_subsys(&net_ops);
}

static void exit_namespaces(void)
{
	unregister_pernet_subsys(&net_ops);
	/* The entries purged are freed after a grace period, by code of this module. */
	rcu_barrier();
}

/**
 * struct step - one thing to set up
 * @init: 0 or -errno
 * @exit: undoes it
 * @what: for the log
 */
struct step {
	int (*init)(void);
	void (*exit)(void);
	const char *what;
};

/* Not __initdata: the way down reads it, too. */
static const struct step steps[] = {
	{ xtcp_hash_init,	xtcp_hash_exit,		"allocate the demux table" },
	{ xtcp_port_init,	xtcp_port_exit,		"allocate the port table" },
	{ xtcp_timewait_init,	xtcp_timewait_exit,	"set up TIME_WAIT entries" },
	{ xtcp_halfopen_init,	xtcp_halfopen_exit,	"set up half-open entries" },
	{ xtcp_proto_init,	xtcp_proto_exit,	"register the socket type" },
	{ init_namespaces,	exit_namespaces,	"set up network namespaces" },
	{ xtcp_offload_init,	xtcp_offload_exit,	"register segmentation offload" },
	{ xtcp_rx_init,		xtcp_rx_exit,		"register the IP protocol" },
	{ xtcp_af_init,		xtcp_af_exit,		"register the address family" },
};

static void take_down(unsigned int nr)
{
	while (nr--)
		steps[nr].exit();
}

static bool parameters_ok(void)
{
	if (xtcp_sysctl_family <= 0 || xtcp_sysctl_family >= AF_MAX) {
		pr_err("xtcp: family=%d is no address family number (1 ... %d)\n",
		       xtcp_sysctl_family, AF_MAX - 1);
		return false;
	}
	if (xtcp_sysctl_protocol <= 0 || xtcp_sysctl_protocol > 255) {
		pr_err("xtcp: protocol=%d is no IP protocol number (1 ... 255)\n",
		       xtcp_sysctl_protocol);
		return false;
	}
	return true;
}

static int __init init_module_xtcp(void)
{
	unsigned int i;
	int err;

	if (!parameters_ok())
		return -EINVAL;
	xtcp_keys_init();
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		err = steps[i].init();
		if (!err)
			continue;
		pr_err("xtcp: cannot %s (family=%d protocol=%d): %pe\n", steps[i].what,
		       xtcp_sysctl_family, xtcp_sysctl_protocol, ERR_PTR(err));
		take_down(i);
		return err;
	}
	pr_info("xtcp: address family %d, IP protocol %d\n", xtcp_sysctl_family,
		xtcp_sysctl_protocol);
	return 0;
}

static void __exit exit_module_xtcp(void)
{
	take_down(ARRAY_SIZE(steps));
}

module_init(init_module_xtcp);
module_exit(exit_module_xtcp);

MODULE_DESCRIPTION("A stream transport: TCP (RFC 9293) in an IP protocol of its own");
MODULE_LICENSE("GPL");
MODULE_ALIAS_NETPROTO(AF_XTCP);
/* The second door: 253 is IPPROTO_XTCP, 1 is SOCK_STREAM. */
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 253, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 253, 1);
