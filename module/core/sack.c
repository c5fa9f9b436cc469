// SPDX-License-Identifier: GPL-2.0-only
/*
 * Selective acknowledgment: which blocks to report, which to believe.
 *
 * RFC 2018, 4 and 5; RFC 2883, 4. Lists of at most four blocks, so every walk is
 * short. Pure: any context; the caller holds the lock of the connection.
 */
#include "sack.h"
#include "seq.h"

/* The two overlap, or one begins where the other ends. */
static bool touches(const struct xtcp_sack *block, u32 start, u32 end)
{
	return xtcp_seq_leq(block->start, end) && xtcp_seq_leq(start, block->end);
}

/*
 * @low <= @start < @end <= @high, by distances from @low: pairwise comparisons could
 * lead an invented block all the way around.
 */
static bool lies_within(u32 low, u32 high, u32 start, u32 end)
{
	return start - low < end - low && end - low <= high - low;
}

/* Forget block @i, keep the order of the others. */
static void drop_block(struct xtcp_sack_list *list, unsigned int i)
{
	list->nr--;
	memmove(&list->block[i], &list->block[i + 1], (list->nr - i) * sizeof(list->block[0]));
}

/* Make @block the first; the one reported longest ago falls out of a full list. */
static void push_front(struct xtcp_sack_list *list, struct xtcp_sack block)
{
	if (list->nr < XTCP_SACKS_MAX)
		list->nr++;
	memmove(&list->block[1], &list->block[0], (list->nr - 1) * sizeof(list->block[0]));
	list->block[0] = block;
}

/**
 * xtcp_sack_add() - text has arrived out of order
 * @list: what is reported
 * @start: its first sequence number
 * @end: the number after its last
 *
 * Merged with all blocks it touches, and first in the report, because the first
 * block must hold the segment that triggers the ACK (RFC 2018, 4). The caller may
 * give the whole contiguous run of the reassembly queue that the segment became a
 * part of; then blocks the list had forgotten come back complete.
 *
 * Context: any, pure.
 */
void xtcp_sack_add(struct xtcp_sack_list *list, u32 start, u32 end)
{
	struct xtcp_sack merged = { .start = start, .end = end };
	unsigned int i = 0;

	if (!xtcp_seq_lt(start, end))
		return;

	while (i < list->nr) {
		if (!touches(&list->block[i], merged.start, merged.end)) {
			i++;
			continue;
		}
		merged.start = xtcp_seq_min(merged.start, list->block[i].start);
		merged.end = xtcp_seq_max(merged.end, list->block[i].end);
		drop_block(list, i);
		i = 0;		/* what has grown may touch more */
	}
	push_front(list, merged);
}

/**
 * xtcp_sack_remove() - RCV.NXT has advanced
 * @list: what is reported
 * @rcv_nxt: RCV.NXT
 *
 * Blocks it reaches are acknowledged cumulatively now. A waiting D-SACK stays.
 *
 * Context: any, pure.
 */
void xtcp_sack_remove(struct xtcp_sack_list *list, u32 rcv_nxt)
{
	unsigned int i = 0;

	while (i < list->nr) {
		if (xtcp_seq_leq(list->block[i].start, rcv_nxt))
			drop_block(list, i);
		else
			i++;
	}
}

/**
 * xtcp_sack_dup() - text has arrived that was there already
 * @list: what is reported
 * @start: first duplicate sequence number
 * @end: the number after the last
 *
 * RFC 2883, 4: the next ACK reports it in its first block, once. If it lies in a
 * block above RCV.NXT that block comes second, so that the sender sees which kind
 * of duplicate it was. Two duplicates before one ACK are joined if they touch,
 * else the later one is reported.
 *
 * Context: any, pure.
 */
void xtcp_sack_dup(struct xtcp_sack_list *list, u32 start, u32 end)
{
	struct xtcp_sack block;
	unsigned int i;

	if (!xtcp_seq_lt(start, end))
		return;

	if (list->has_dsack && touches(&list->dsack, start, end)) {
		start = xtcp_seq_min(start, list->dsack.start);
		end = xtcp_seq_max(end, list->dsack.end);
	}
	list->dsack.start = start;
	list->dsack.end = end;
	list->has_dsack = true;

	for (i = 0; i < list->nr; i++) {
		block = list->block[i];
		if (xtcp_seq_geq(start, block.start) && xtcp_seq_leq(end, block.end)) {
			drop_block(list, i);
			push_front(list, block);
			return;
		}
	}
}

/**
 * xtcp_sack_fill() - put the report into the options of an ACK
 * @list: what is reported; its D-SACK is used up
 * @opt: the options to send: SACK is set if there is anything to report
 * @max_blocks: blocks there is room for: 3 beside timestamps, else 4
 *
 * Context: any, pure.
 */
void xtcp_sack_fill(struct xtcp_sack_list *list, struct xtcp_opts *opt, unsigned int max_blocks)
{
	unsigned int room = min_t(unsigned int, max_blocks, XTCP_SACKS_MAX);
	unsigned int nr = 0;
	unsigned int i;

	if (!room)
		return;
	if (list->has_dsack) {
		opt->sack[nr++] = list->dsack;
		list->has_dsack = false;
	}
	for (i = 0; i < list->nr && nr < room; i++)
		opt->sack[nr++] = list->block[i];
	if (!nr)
		return;

	opt->seen |= XTCP_OPT_SACK;
	opt->nr_sacks = nr;
}

/**
 * xtcp_sack_is_valid() - can the peer hold this block out of order?
 * @snd_una: SND.UNA, the ACK of the same segment already taken
 * @snd_nxt: SND.NXT
 * @start: left edge of the block
 * @end: right edge of the block
 *
 * A block at SND.UNA would have been acknowledged cumulatively; what lies before
 * or after the data in flight is old or a lie (RFC 2018, 5).
 *
 * Context: any, pure.
 * Return: true if SND.UNA < @start < @end <= SND.NXT.
 */
bool xtcp_sack_is_valid(u32 snd_una, u32 snd_nxt, u32 start, u32 end)
{
	return start != snd_una && lies_within(snd_una, snd_nxt, start, end);
}

/**
 * xtcp_sack_is_dsack() - does the first block report a duplicate?
 * @opt: a segment's options, with XTCP_OPT_SACK
 * @ack: the same segment's SEG.ACK
 *
 * RFC 2883, 4: it begins below the cumulative acknowledgment, or lies within the
 * second block. Says nothing about its truth.
 *
 * Context: any, pure.
 * Return: true if so.
 */
bool xtcp_sack_is_dsack(const struct xtcp_opts *opt, u32 ack)
{
	const struct xtcp_sack *first = &opt->sack[0];
	const struct xtcp_sack *second = &opt->sack[1];

	if (!opt->nr_sacks)
		return false;
	if (xtcp_seq_lt(first->start, ack))
		return true;

	return opt->nr_sacks > 1 && xtcp_seq_geq(first->start, second->start) &&
	       xtcp_seq_leq(first->end, second->end);
}

/**
 * xtcp_sack_check() - judge one received block
 * @opt: a segment's options, with XTCP_OPT_SACK
 * @i: which block, below @opt->nr_sacks
 * @ack: the same segment's SEG.ACK
 * @snd_una: SND.UNA, @ack already taken
 * @snd_nxt: SND.NXT
 * @max_snd_wnd: the largest window the peer ever offered: no duplicate is older
 *
 * Context: any, pure.
 * Return: enum xtcp_sack_verdict.
 */
enum xtcp_sack_verdict xtcp_sack_check(const struct xtcp_opts *opt, unsigned int i, u32 ack,
				       u32 snd_una, u32 snd_nxt, u32 max_snd_wnd)
{
	u32 start = opt->sack[i].start;
	u32 end = opt->sack[i].end;

	if (!i && xtcp_sack_is_dsack(opt, ack))
		return lies_within(snd_una - max_snd_wnd, snd_nxt, start, end) ?
		       XTCP_SACK_DUPLICATE : XTCP_SACK_IGNORE;

	return xtcp_sack_is_valid(snd_una, snd_nxt, start, end) ? XTCP_SACK_NEW : XTCP_SACK_IGNORE;
}
