/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transmit queues, as those see them who fill and empty them.
 */
#ifndef XTCP_RTXQ_H
#define XTCP_RTXQ_H

#include "xtcp.h"

enum xtcp_split_reason {
	XTCP_SPLIT_UNSENT,	/* on sk_write_queue: only so much may leave */
	XTCP_SPLIT_SACKED,	/* in rtx: the peer reports a part of it */
	XTCP_SPLIT_HEAD,	/* in rtx: acknowledged or resent in part; the head always */
};

int xtcp_rtxq_schedule(struct sock *sk, int bytes);
struct sk_buff *xtcp_rtxq_alloc(struct sock *sk, unsigned int linear, gfp_t gfp);
void xtcp_rtxq_append(struct sock *sk, struct sk_buff *skb);
int xtcp_rtxq_split(struct sock *sk, struct sk_buff *skb, u32 bytes,
		    enum xtcp_split_reason reason);
void xtcp_rtxq_sent(struct sock *sk, struct sk_buff *skb);
struct sk_buff *xtcp_rtxq_head(const struct sock *sk);
struct sk_buff *xtcp_rtxq_next(struct sk_buff *skb);
u32 xtcp_rtxq_segs(const struct sk_buff *skb);
void xtcp_rtxq_count_delivered(struct sock *sk, const struct sk_buff *skb);
void xtcp_rtxq_mark(struct sock *sk, struct sk_buff *skb, u8 set, u8 clear);
void xtcp_rtxq_del(struct sock *sk, struct sk_buff *skb);
void xtcp_rtxq_free(struct sock *sk, struct sk_buff *skb);
void xtcp_rtxq_purge(struct sock *sk);
u32 xtcp_rtxq_pipe(const struct sock *sk);
void xtcp_rtxq_note_limit(struct sock *sk);

#endif /* XTCP_RTXQ_H */
