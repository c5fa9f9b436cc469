/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fairness between sources: their place in the table (keys.c), and the table (source.c).
 */
#ifndef XTCP_SOURCE_H
#define XTCP_SOURCE_H

#include <linux/types.h>

struct net;
struct xtcp_flow;
struct xtcp_net;

/* ---- keys.c ----------------------------------------------------------------- */
u32 xtcp_keys_hash_source(const struct net *net, u64 prefix, u16 family);

/* ---- source.c --------------------------------------------------------------- */
bool xtcp_source_may_connect(const struct xtcp_flow *flow);
int xtcp_source_prepare(struct xtcp_net *xn);
void xtcp_source_exit_net(struct xtcp_net *xn);

#endif /* XTCP_SOURCE_H */
