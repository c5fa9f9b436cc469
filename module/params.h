/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers in force from the module parameters (main.c), and those of net.xtcp that hold for
 * all namespaces; they stand in sysctl.c.
 */
#ifndef XTCP_PARAMS_H
#define XTCP_PARAMS_H

extern int xtcp_sysctl_family;
extern int xtcp_sysctl_protocol;
extern unsigned int xtcp_sysctl_halfopen_bytes;
extern long xtcp_sysctl_mem[3];		/* net.xtcp.mem: low, pressure, high [pages] */

#endif /* XTCP_PARAMS_H */
