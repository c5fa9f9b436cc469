/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selective acknowledgment (RFC 2018, RFC 2883): which blocks a receiver reports,
 * and which of the blocks a sender hears it may believe.
 */
#ifndef XTCP_CORE_SACK_H
#define XTCP_CORE_SACK_H

#include "types.h"
#include "wire.h"

/**
 * struct xtcp_sack_list - what a receiver has beyond RCV.NXT, most recent first
 * @block: disjoint, never touching each other; the first holds the latest arrival
 * @dsack: text that arrived although we had it (RFC 2883, 4), valid with @has_dsack
 * @nr: valid blocks in @block
 * @has_dsack: @dsack waits to be reported, once
 *
 * The list is a report, not the truth: with more holes than it has room for, it
 * forgets the blocks reported longest ago (RFC 2018, 4), and the reassembly queue
 * still has their text. All zeros is an empty list.
 */
struct xtcp_sack_list {
	struct xtcp_sack block[XTCP_SACKS_MAX];
	struct xtcp_sack dsack;
	u8 nr;
	bool has_dsack;
};

/* What a received SACK block says (RFC 2018, 5; RFC 2883, 4.1). */
enum xtcp_sack_verdict {
	XTCP_SACK_IGNORE,	/* inverted, or outside what we sent: SEC-14 */
	XTCP_SACK_NEW,		/* within SND.UNA and SND.NXT: the peer holds it */
	XTCP_SACK_DUPLICATE,	/* D-SACK: the peer got it twice */
};

/* Nothing to report. */
static inline bool xtcp_sack_is_empty(const struct xtcp_sack_list *list)
{
	return !list->nr && !list->has_dsack;
}

/* receiver */
void xtcp_sack_add(struct xtcp_sack_list *list, u32 start, u32 end);
void xtcp_sack_remove(struct xtcp_sack_list *list, u32 rcv_nxt);
void xtcp_sack_dup(struct xtcp_sack_list *list, u32 start, u32 end);
void xtcp_sack_fill(struct xtcp_sack_list *list, struct xtcp_opts *opt, unsigned int max_blocks);

/* sender */
bool xtcp_sack_is_valid(u32 snd_una, u32 snd_nxt, u32 start, u32 end);
bool xtcp_sack_is_dsack(const struct xtcp_opts *opt, u32 ack);
enum xtcp_sack_verdict xtcp_sack_check(const struct xtcp_opts *opt, unsigned int i, u32 ack,
				       u32 snd_una, u32 snd_nxt, u32 max_snd_wnd);

#endif /* XTCP_CORE_SACK_H */
