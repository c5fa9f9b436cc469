// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as options: parsed without over-read into something legal, and what
 * was understood survives building and parsing again.
 */
#include "fuzz.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct xtcp_opts opt, back;
	u8 built[XTCP_OPT_SPACE];
	unsigned int len;
	bool syn;
	u8 *exact;

	if (!size)
		return 0;
	syn = data[0] & 1;
	size--;

	/* A block of exactly this size, so that ASan sees one byte too many. */
	exact = malloc(size ? size : 1);
	memcpy(exact, data + 1, size);
	xtcp_options_parse(&opt, exact, size, syn);
	free(exact);

	MUST(opt.nr_sacks <= XTCP_SACKS_MAX);
	MUST(opt.wscale <= XTCP_WSCALE_MAX);
	MUST((opt.seen & XTCP_OPT_MSS) || !opt.mss);
	MUST(!!(opt.seen & XTCP_OPT_SACK) == !!opt.nr_sacks);
	MUST(syn ? !(opt.seen & XTCP_OPT_SACK) :
		   !(opt.seen & (XTCP_OPT_MSS | XTCP_OPT_WSCALE | XTCP_OPT_SACK_OK)));

	len = xtcp_options_len(&opt);
	MUST(len <= XTCP_OPT_SPACE && len % 4 == 0);
	MUST(xtcp_options_build(&opt, built) == len);
	xtcp_options_parse(&back, built, len, syn);
	/* Four blocks and timestamps fit a hostile list of options, not ours. */
	if (opt.seen & XTCP_OPT_TS && opt.nr_sacks == 4)
		opt.nr_sacks = 3;
	MUST(back.seen == opt.seen && back.nr_sacks == opt.nr_sacks);
	MUST(back.mss == opt.mss && back.wscale == opt.wscale);
	MUST(back.tsval == opt.tsval && back.tsecr == opt.tsecr);
	MUST(!memcmp(back.sack, opt.sack, opt.nr_sacks * sizeof(opt.sack[0])));

	return 0;
}
