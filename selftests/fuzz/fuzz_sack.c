// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any SACK blocks: what is believed lies in what was sent. Any arrivals: the
 * receiver's list stays a list of disjoint blocks.
 */
#include "fuzz.h"
#include "sack.h"
#include "seq.h"

static void hear(struct input *in)
{
	u32 una = take32(in);
	u32 flight = take32(in) % (1u << 30);
	u32 max_wnd = take32(in) % (1u << 30);
	u32 ack = take32(in);
	struct xtcp_opts opt = { .seen = XTCP_OPT_SACK };

	opt.nr_sacks = 1 + take8(in) % XTCP_SACKS_MAX;
	for (unsigned int i = 0; i < opt.nr_sacks; i++) {
		opt.sack[i].start = take32(in);
		opt.sack[i].end = take32(in);
	}
	for (unsigned int i = 0; i < opt.nr_sacks; i++) {
		u32 low = una - max_wnd;
		u32 start = opt.sack[i].start;
		u32 end = opt.sack[i].end;

		switch (xtcp_sack_check(&opt, i, ack, una, una + flight, max_wnd)) {
		case XTCP_SACK_NEW:
			low = una;
			MUST(start != una);
			break;
		case XTCP_SACK_DUPLICATE:
			MUST(i == 0);
			break;
		case XTCP_SACK_IGNORE:
			continue;
		}
		MUST(start - low < end - low && end - low <= una + flight - low);
	}
}

static void check_list(const struct xtcp_sack_list *list, u32 rcv_nxt)
{
	MUST(list->nr <= XTCP_SACKS_MAX);
	for (unsigned int i = 0; i < list->nr; i++) {
		MUST(xtcp_seq_lt(list->block[i].start, list->block[i].end));
		MUST(xtcp_seq_gt(list->block[i].start, rcv_nxt));
		for (unsigned int j = 0; j < i; j++)
			MUST(xtcp_seq_lt(list->block[j].end, list->block[i].start) ||
			     xtcp_seq_lt(list->block[i].end, list->block[j].start));
	}
}

static void receive(struct input *in)
{
	u32 rcv_nxt = take32(in);
	struct xtcp_sack_list list = { 0 };

	while (in->left) {
		u8 what = take8(in) % 4;
		u32 start = rcv_nxt + 1 + take8(in);
		u32 end = start + take8(in) % 32;
		struct xtcp_opts opt = { 0 };

		if (what == 0) {
			rcv_nxt += end - start;
			xtcp_sack_remove(&list, rcv_nxt);
		} else if (what == 1) {
			xtcp_sack_dup(&list, start, end);
		} else if (what == 2) {
			xtcp_sack_fill(&list, &opt, start % 6);
			MUST(opt.nr_sacks <= min_t(u32, start % 6, XTCP_SACKS_MAX));
		} else {
			xtcp_sack_add(&list, start, end);
		}
		check_list(&list, rcv_nxt);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };

	if (take8(&in) & 1)
		hear(&in);
	else
		receive(&in);

	return 0;
}
