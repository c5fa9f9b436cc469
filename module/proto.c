// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct proto: what generic socket code calls, and the memory accounts of all sockets.
 *
 * Everything forwards; what differs between kernels in these calls is unpacked here.
 */
#include <linux/bpf-cgroup.h>
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <linux/swap.h>
#include <net/inet_common.h>
#include <net/ip6_route.h>

#include "stream.h"
#include "xtcp.h"

/* Room in front of a segment for all headers, rounded as Linux TCP does. */
#define HEADER_SPACE	L1_CACHE_ALIGN(128 + MAX_HEADER)

/* Accounts of both protocols together, as TCP's and TCPv6's are. */
static atomic_long_t memory_allocated;
static DEFINE_PER_CPU(int, memory_reserve);
static struct percpu_counter sockets_allocated;
static unsigned long memory_pressure;

/* Floors that a socket may use even under pressure; sizes in force come from sysctl.c. */
static int wmem_floor[3] = { XTCP_MIN_SNDBUF, 16384, 4194304 };
static int rmem_floor[3] = { 4096, 131072, 6291456 };

static void enter_pressure(struct sock *sk)
{
	if (!READ_ONCE(memory_pressure))
		WRITE_ONCE(memory_pressure, 1);
}

static void leave_pressure(struct sock *sk)
{
	if (READ_ONCE(memory_pressure))
		WRITE_ONCE(memory_pressure, 0);
}

static int init_sock(struct sock *sk)
{
	int err = xtcp_conn_init_sock(sk);

	if (!err)
		xtcp_timer_init_sock(sk);
	return err;
}

/* Out of the demux table; sockets enter it in connect(), listen() and on the wire only. */
static void unhash(struct sock *sk)
{
	xtcp_hash_del(&xtcp_sk(sk)->node);
}

/* Is so little unsent that more may be written (TCP_NOTSENT_LOWAT)? @wake wants half. */
static bool has_write_space(const struct sock *sk, int wake)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u32 unsent = READ_ONCE(xp->write_seq) - READ_ONCE(xp->snd_nxt);
	u32 lowat = READ_ONCE(xp->notsent_lowat);

	if (!lowat)
		lowat = READ_ONCE(xtcp_sk_net(sk)->notsent_lowat);
	return (u64)unsent << wake < lowat;
}

static struct sock *accept_child(struct sock *sk, int flags, int *err, bool kern)
{
	return xtcp_connect_accept(sk, flags, err);
}

static int get_ioctl(struct sock *sk, int cmd, unsigned long arg)
{
	int value, err;

	err = xtcp_recv_ioctl_value(sk, cmd, &value);
	return err ? err : put_user(value, (int __user *)arg);
}

static int recv_any(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)
{
	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(sk, msg, len, addr_len);
	return xtcp_recv_msg(sk, msg, len, flags);
}

/* cgroup programs may refuse or rewrite the address; the length is checked for them. */
static int pre_connect_v4(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len)
{
	if (addr_len < (int)sizeof(struct sockaddr_in))
		return -EINVAL;
	sock_owned_by_me(sk);
	return BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr);
}

#define XTCP_PROTO_COMMON						\
	.owner			= THIS_MODULE,				\
	.close			= xtcp_close_sock,			\
	.disconnect		= xtcp_connect_dissolve,		\
	.accept			= accept_child,				\
	.ioctl			= get_ioctl,				\
	.init			= init_sock,				\
	.destroy		= xtcp_conn_destroy_sock,				\
	.shutdown		= xtcp_close_shutdown,			\
	.setsockopt		= xtcp_sockopt_set,			\
	.getsockopt		= xtcp_sockopt_get,			\
	.keepalive		= xtcp_timer_set_keepalive,		\
	.sendmsg		= xtcp_send_msg,			\
	.recvmsg		= recv_any,				\
	.backlog_rcv		= xtcp_rx_backlog,			\
	.release_cb		= xtcp_timer_run_deferred,		\
	.unhash			= unhash,				\
	.get_port		= xtcp_port_get,			\
	.put_port		= xtcp_port_put,			\
	.stream_memory_free	= has_write_space,			\
	.enter_memory_pressure	= enter_pressure,			\
	.leave_memory_pressure	= leave_pressure,			\
	.memory_allocated	= &memory_allocated,			\
	.per_cpu_fw_alloc	= &memory_reserve,			\
	.sockets_allocated	= &sockets_allocated,			\
	.memory_pressure	= &memory_pressure,			\
	.sysctl_mem		= xtcp_sysctl_mem,			\
	.sysctl_wmem		= wmem_floor,				\
	.sysctl_rmem		= rmem_floor,				\
	.max_header		= HEADER_SPACE,				\
	.no_autobind		= true

struct proto xtcp_proto_v4 = {
	XTCP_PROTO_COMMON,
	.name			= "XTCP",
	.pre_connect		= pre_connect_v4,
	.connect		= xtcp_connect_v4,
	.obj_size		= sizeof(struct xtcp_sock),
};

#if IS_ENABLED(CONFIG_IPV6)
static int pre_connect_v6(struct sock *sk, xtcp_sockaddr_t *uaddr, int addr_len)
{
	/* An IPv4 address in sockaddr_in6 disguise is for the IPv6 program, as in TCP. */
	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	sock_owned_by_me(sk);
	return BPF_CGROUP_RUN_PROG_INET6_CONNECT(sk, uaddr);
}

struct proto xtcp_proto_v6 = {
	XTCP_PROTO_COMMON,
	.name			= "XTCPv6",
	.pre_connect		= pre_connect_v6,
	.connect		= xtcp_connect_v6,
	.obj_size		= sizeof(struct xtcp6_sock),
};

/* Generic code looks for ipv6_pinfo at the very end of the object. */
static_assert(offsetof(struct xtcp6_sock, inet6) + sizeof(struct ipv6_pinfo) ==
	      sizeof(struct xtcp6_sock));
#endif

/* As much of the machine's memory as TCP takes by default, in pages. */
static void set_memory_limits(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);

	xtcp_sysctl_mem[0] = limit / 4 * 3;
	xtcp_sysctl_mem[1] = limit;
	xtcp_sysctl_mem[2] = limit / 4 * 3 * 2;
}

/* When no socket is left nothing may be left on their accounts. */
static void check_accounts(void)
{
	long pages = atomic_long_read(&memory_allocated);
	s64 sockets = percpu_counter_sum(&sockets_allocated);
	int cpu;

	for_each_possible_cpu(cpu)
		pages += per_cpu(memory_reserve, cpu);
	WARN_ONCE(pages || sockets, "xtcp: %ld pages and %lld sockets on the accounts of none\n",
		  pages, sockets);
}

/**
 * xtcp_proto_init - register the protocols with the socket layer
 *
 * Context: module load.
 * Return: 0 or -errno.
 */
int xtcp_proto_init(void)
{
	int err;

	set_memory_limits();
	err = percpu_counter_init(&sockets_allocated, 0, GFP_KERNEL);
	if (err)
		return err;
	err = proto_register(&xtcp_proto_v4, 1);
	if (err)
		goto free_counter;
#if IS_ENABLED(CONFIG_IPV6)
	err = proto_register(&xtcp_proto_v6, 1);
	if (err)
		goto unregister_v4;
#endif
	return 0;

#if IS_ENABLED(CONFIG_IPV6)
unregister_v4:
	proto_unregister(&xtcp_proto_v4);
#endif
free_counter:
	percpu_counter_destroy(&sockets_allocated);
	return err;
}

/**
 * xtcp_proto_exit - undo xtcp_proto_init(), when no socket is left
 *
 * Context: module unload.
 */
void xtcp_proto_exit(void)
{
#if IS_ENABLED(CONFIG_IPV6)
	proto_unregister(&xtcp_proto_v6);
#endif
	proto_unregister(&xtcp_proto_v4);
	check_accounts();
	percpu_counter_destroy(&sockets_allocated);
}
