// SPDX-License-Identifier: GPL-2.0-only
/*
 * Header options: bytes to struct xtcp_opts and back.
 *
 * RFC 9293, 3.1 and 3.2 (list, MSS), RFC 7323, 2 and 3 (window scale, timestamps),
 * RFC 2018, 2 and 3 (SACK). Pure: any context, no locks.
 */
#include "wire.h"

enum {
	KIND_EOL	= 0,
	KIND_NOP	= 1,
	KIND_MSS	= 2,
	KIND_WSCALE	= 3,
	KIND_SACK_OK	= 4,
	KIND_SACK	= 5,
	KIND_TS		= 8,
};

enum {
	LEN_MSS		= 4,
	LEN_WSCALE	= 3,
	LEN_SACK_OK	= 2,
	LEN_SACK_BASE	= 2,
	LEN_SACK_BLOCK	= 8,
	LEN_TS		= 10,
};

static u16 get16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static u32 get32(const u8 *p)
{
	return (u32)get16(p) << 16 | get16(p + 2);
}

static u8 *put16(u8 *p, u16 value)
{
	p[0] = value >> 8;
	p[1] = value;
	return p + 2;
}

static u8 *put32(u8 *p, u32 value)
{
	return put16(put16(p, value >> 16), value);
}

/* Four bytes at once: everything but a value's second half starts that way. */
static u8 *put4(u8 *p, u8 a, u8 b, u8 c, u8 d)
{
	p[0] = a;
	p[1] = b;
	p[2] = c;
	p[3] = d;
	return p + 4;
}

static void take_ts(struct xtcp_opts *opt, const u8 *value)
{
	opt->seen |= XTCP_OPT_TS;
	opt->tsval = get32(value);
	opt->tsecr = get32(value + 4);
}

static void take_mss(struct xtcp_opts *opt, const u8 *value)
{
	opt->seen |= XTCP_OPT_MSS;
	/* 0 is nonsense and says nothing of the size: CVE-2019-11479. */
	if (get16(value))
		opt->mss = get16(value);
}

static void take_wscale(struct xtcp_opts *opt, const u8 *value)
{
	opt->seen |= XTCP_OPT_WSCALE;
	opt->wscale = min_t(u8, value[0], XTCP_WSCALE_MAX);	/* RFC 7323, 2.3 */
}

static void take_sack(struct xtcp_opts *opt, const u8 *value, unsigned int value_len)
{
	unsigned int nr = value_len / LEN_SACK_BLOCK;
	unsigned int i;

	if (!nr || nr > XTCP_SACKS_MAX || value_len % LEN_SACK_BLOCK)
		return;

	opt->seen |= XTCP_OPT_SACK;
	opt->nr_sacks = nr;
	for (i = 0; i < nr; i++, value += LEN_SACK_BLOCK) {
		opt->sack[i].start = get32(value);
		opt->sack[i].end = get32(value + 4);
	}
}

/* One complete option of @len bytes at @p; what does not fit its kind has no effect. */
static void take_option(struct xtcp_opts *opt, const u8 *p, unsigned int len, bool syn)
{
	switch (p[0]) {
	case KIND_MSS:
		if (syn && len == LEN_MSS)
			take_mss(opt, p + 2);
		break;
	case KIND_WSCALE:
		if (syn && len == LEN_WSCALE)
			take_wscale(opt, p + 2);
		break;
	case KIND_SACK_OK:
		if (syn && len == LEN_SACK_OK)
			opt->seen |= XTCP_OPT_SACK_OK;
		break;
	case KIND_SACK:
		if (!syn)
			take_sack(opt, p + 2, len - LEN_SACK_BASE);
		break;
	case KIND_TS:
		if (len == LEN_TS)
			take_ts(opt, p + 2);
		break;
	}
}

/**
 * xtcp_options_parse() - read the options of a segment
 * @opt: filled in; members whose bit is not in @opt->seen are zero, SACK blocks from
 *	@opt->nr_sacks on undefined
 * @p: first byte after the fixed header, any alignment
 * @len: bytes of options
 * @syn: the segment has the SYN flag
 *
 * Unknown kinds, and known kinds of a wrong length, are skipped by their length
 * byte (RFC 9293, 3.1, MUST-6, MUST-68). A length below 2 or beyond the header ends
 * the reading (MUST-7); what was read before stays valid. MSS, window scale and
 * SACK-permitted count only with SYN (MUST-65; RFC 7323, 2.2; RFC 2018, 2), SACK
 * blocks only without. Of options that come twice the last one counts, as in Linux
 * TCP. Whether an option was negotiated is the caller's to know.
 *
 * Context: any, pure.
 */
void xtcp_options_parse(struct xtcp_opts *opt, const u8 *p, unsigned int len, bool syn)
{
	const u8 *end = p + len;

	memset(opt, 0, sizeof(*opt));

	/* Nearly every segment of a running connection. */
	if (len == XTCP_OPTLEN_TS && p[0] == KIND_NOP && p[1] == KIND_NOP &&
	    p[2] == KIND_TS && p[3] == LEN_TS) {
		take_ts(opt, p + 4);
		return;
	}

	while (p < end && p[0] != KIND_EOL) {
		if (p[0] == KIND_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return;
		take_option(opt, p, p[1], syn);
		p += p[1];
	}
}

/* Blocks that fit behind @used bytes of other options. */
static unsigned int fitting_sacks(const struct xtcp_opts *opt, unsigned int used)
{
	unsigned int nr = min_t(unsigned int, opt->nr_sacks, XTCP_SACKS_MAX);
	unsigned int space = XTCP_OPT_SPACE - used;

	if (!(opt->seen & XTCP_OPT_SACK) || space < 4)
		return 0;

	return min_t(unsigned int, nr, (space - 4) / LEN_SACK_BLOCK);
}

/* Everything but SACK blocks: at most 4 + 12 + 4 bytes. */
static unsigned int fixed_len(u8 seen)
{
	unsigned int len = 0;

	if (seen & XTCP_OPT_MSS)
		len += LEN_MSS;
	if (seen & XTCP_OPT_TS)
		len += XTCP_OPTLEN_TS;		/* SACK-permitted rides in the padding */
	else if (seen & XTCP_OPT_SACK_OK)
		len += 4;
	if (seen & XTCP_OPT_WSCALE)
		len += 4;

	return len;
}

/**
 * xtcp_options_len() - room the options of a segment will take
 * @opt: what to send
 *
 * Context: any, pure.
 * Return: what xtcp_options_build() writes for the same @opt: a multiple of 4, at
 * most XTCP_OPT_SPACE [bytes].
 */
unsigned int xtcp_options_len(const struct xtcp_opts *opt)
{
	unsigned int len = fixed_len(opt->seen);
	unsigned int nr_sacks = fitting_sacks(opt, len);

	if (nr_sacks)
		len += 4 + nr_sacks * LEN_SACK_BLOCK;

	return len;
}

/**
 * xtcp_options_build() - write the options of a segment
 * @opt: what to send: members named in @opt->seen
 * @p: where to, XTCP_OPT_SPACE bytes of room suffice
 *
 * The order is Linux TCP's: in a SYN mss, sackOK, TS, nop, wscale, in other
 * segments nop, nop, TS, nop, nop, SACK. As many SACK blocks are written as fit:
 * three beside timestamps, four without (RFC 2018, 3). Every option is padded in
 * front with no-ops, so there is no padding after the last.
 *
 * Context: any, pure.
 * Return: bytes written, equal to xtcp_options_len().
 */
unsigned int xtcp_options_build(const struct xtcp_opts *opt, u8 *p)
{
	unsigned int nr_sacks = fitting_sacks(opt, fixed_len(opt->seen));
	u8 *start = p;
	unsigned int i;

	if (opt->seen & XTCP_OPT_MSS) {
		p = put16(p, KIND_MSS << 8 | LEN_MSS);
		p = put16(p, opt->mss);
	}
	if (opt->seen & XTCP_OPT_TS) {
		if (opt->seen & XTCP_OPT_SACK_OK)
			p = put4(p, KIND_SACK_OK, LEN_SACK_OK, KIND_TS, LEN_TS);
		else
			p = put4(p, KIND_NOP, KIND_NOP, KIND_TS, LEN_TS);
		p = put32(p, opt->tsval);
		p = put32(p, opt->tsecr);
	} else if (opt->seen & XTCP_OPT_SACK_OK) {
		p = put4(p, KIND_NOP, KIND_NOP, KIND_SACK_OK, LEN_SACK_OK);
	}
	if (opt->seen & XTCP_OPT_WSCALE)
		p = put4(p, KIND_NOP, KIND_WSCALE, LEN_WSCALE,
			 min_t(u8, opt->wscale, XTCP_WSCALE_MAX));
	if (nr_sacks)
		p = put4(p, KIND_NOP, KIND_NOP, KIND_SACK,
			 LEN_SACK_BASE + nr_sacks * LEN_SACK_BLOCK);
	for (i = 0; i < nr_sacks; i++) {
		p = put32(p, opt->sack[i].start);
		p = put32(p, opt->sack[i].end);
	}

	return p - start;
}
