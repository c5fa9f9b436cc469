/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * xtcp: what user programs need beyond <netinet/in.h> and <netinet/tcp.h>.
 *
 * socket(AF_XTCP, SOCK_STREAM, XTCPPROTO_INET) and ordinary sockaddr_in, or
 * XTCPPROTO_INET6 and sockaddr_in6. socket(AF_INET, SOCK_STREAM, IPPROTO_XTCP)
 * opens the same socket through the second door. Options are TCP's, at SOL_TCP.
 */
#ifndef _UAPI_LINUX_XTCP_H
#define _UAPI_LINUX_XTCP_H

/*
 * Default address family: the number of AF_ASH, which Linux never implemented.
 * The module parameter family= overrides it; the number in force stands in
 * /sys/module/xtcp/parameters/family.
 */
#define AF_XTCP		18
#define PF_XTCP		AF_XTCP

/* Third argument of socket(AF_XTCP, ...): which IP version addresses have. */
#define XTCPPROTO_INET	0
#define XTCPPROTO_INET6	1

/*
 * Default IP protocol / next header (RFC 3692: experimentation and testing).
 * The module parameter protocol= overrides it.
 */
#ifndef IPPROTO_XTCP
#define IPPROTO_XTCP	253
#endif

/* Socket option level of what TCP has no option for. */
#define SOL_XTCP	353

#endif /* _UAPI_LINUX_XTCP_H */
