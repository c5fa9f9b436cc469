/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel differences, all of them: what the supported kernels spell differently.
 *
 * XTCP_HAVE_* are to come from compile probes, not from version numbers: distributions
 * backport. Without any of them this is Debian's 6.1, the one kernel supported so far.
 */
#ifndef XTCP_COMPAT_H
#define XTCP_COMPAT_H

#include <linux/socket.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#ifdef XTCP_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif
#ifdef XTCP_HAVE_NET_GSO
#include <net/gso.h>
#endif
#ifdef XTCP_HAVE_NET_RPS
#include <net/rps.h>
#endif

/* Addresses given to bind() and connect(). */
#ifdef XTCP_HAVE_SOCKADDR_UNSIZED
typedef struct sockaddr_unsized xtcp_sockaddr_t;
#else
typedef struct sockaddr xtcp_sockaddr_t;
#endif

/*
 * Flags of struct inet_sock and struct ipv6_pinfo: @field is the bit field's name,
 * @BIT the flag's: xtcp_inet_test(sk, recverr, RECVERR).
 */
#ifdef XTCP_HAVE_INET_FLAGS
#define xtcp_inet_test(sk, field, BIT)		inet_test_bit(BIT, sk)
#define xtcp_inet_assign(sk, field, BIT, val)	inet_assign_bit(BIT, sk, val)
#define xtcp_inet6_test(sk, field, BIT)		inet6_test_bit(BIT, sk)
#define xtcp_inet6_assign(sk, field, BIT, val)	inet6_assign_bit(BIT, sk, val)
#else
#define xtcp_inet_test(sk, field, BIT)		(inet_sk(sk)->field)
#define xtcp_inet_assign(sk, field, BIT, val)	(inet_sk(sk)->field = (val))
#define xtcp_inet6_test(sk, field, BIT)		(inet6_sk(sk)->field)
#define xtcp_inet6_assign(sk, field, BIT, val)	(inet6_sk(sk)->field = (val))
#endif

/* Owner of a socket. */
static inline kuid_t xtcp_compat_uid(const struct sock *sk)
{
#ifdef XTCP_HAVE_SK_UID
	return sk_uid(sk);
#else
	return sk->sk_uid;
#endif
}

static inline void xtcp_sk_drops_inc(struct sock *sk)
{
#ifdef XTCP_HAVE_SK_DROPS_INC
	sk_drops_inc(sk);
#else
	atomic_inc(&sk->sk_drops);
#endif
}

/* The object a timer callback's timer is part of. */
#ifdef XTCP_HAVE_TIMER_CONTAINER_OF
#define xtcp_from_timer(var, timer, field)	timer_container_of(var, timer, field)
#else
#define xtcp_from_timer(var, timer, field)	from_timer(var, timer, field)
#endif

/* sendfile() of older kernels, with each page but the last; newer ones say MSG_MORE. */
#ifndef MSG_SENDPAGE_NOTLAST
#define MSG_SENDPAGE_NOTLAST	0
#endif

/* Register @nr entries of @table; the array has one empty entry after them. */
static inline struct ctl_table_header *xtcp_register_sysctl(struct net *net, const char *path,
							    struct ctl_table *table, size_t nr)
{
#ifdef XTCP_HAVE_REGISTER_NET_SYSCTL_SZ
	return register_net_sysctl_sz(net, path, table, nr);
#else
	return register_net_sysctl(net, path, table);
#endif
}

/* First argument of sysctl handlers. */
#ifdef XTCP_HAVE_CONST_CTL_TABLE
#define XTCP_CTL_TABLE	const struct ctl_table
#else
#define XTCP_CTL_TABLE	struct ctl_table
#endif

#endif /* XTCP_COMPAT_H */
