/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYN cookies in the kernel: their secrets (keys.c), and what goes into one (syncookie.c).
 */
#ifndef XTCP_SYNCOOKIE_H
#define XTCP_SYNCOOKIE_H

#include <linux/seqlock.h>

#include "core/cookie.h"

struct dst_entry;
struct net;
struct sock;
struct xtcp_cb;
struct xtcp_flow;
struct xtcp_halfopen;
struct xtcp_net;

/**
 * struct xtcp_cookie_keys - secrets of the SYN cookies of one namespace
 * @lock: protects the rest
 * @key: current, previous
 * @shared: what the administrator of several hosts has set
 * @generation: period of two epochs @key is for
 * @is_shared: @key is derived from @shared and the wall clock, not random
 */
struct xtcp_cookie_keys {
	seqlock_t lock;
	siphash_key_t key[XTCP_COOKIE_NR_KEYS];
	siphash_key_t shared;
	u32 generation;
	bool is_shared;
};

/* ---- keys.c ----------------------------------------------------------------- */
u32 xtcp_keys_cookie(struct net *net, siphash_key_t keys[XTCP_COOKIE_NR_KEYS]);
void xtcp_keys_share_cookie(struct xtcp_net *xn, const u8 *secret);
void xtcp_keys_init_net(struct xtcp_net *xn);

/* ---- syncookie.c ------------------------------------------------------------ */
enum xtcp_cookie_verdict {
	XTCP_COOKIE_SENT,
	XTCP_COOKIE_ACCEPTED,
	XTCP_COOKIE_REJECTED,
};

bool xtcp_syncookie_is_wanted(struct sock *listener, bool full);
void xtcp_syncookie_send(struct xtcp_halfopen *ho, struct dst_entry *dst);
bool xtcp_syncookie_can_come(const struct sock *listener);
bool xtcp_syncookie_check(const struct xtcp_flow *flow, const struct xtcp_cb *cb,
			  const struct xtcp_opts *opts, struct xtcp_opts *syn, bool *ecn);

#endif /* XTCP_SYNCOOKIE_H */
