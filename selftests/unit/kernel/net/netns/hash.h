/* SPDX-License-Identifier: GPL-2.0-only */
/* What tells one namespace from another in a hash. */
#ifndef XTCP_UNIT_NETNS_HASH_H
#define XTCP_UNIT_NETNS_HASH_H

struct net;

u32 net_hash_mix(const struct net *net);

#endif /* XTCP_UNIT_NETNS_HASH_H */
