/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The segment on the wire: TCP's header and options, byte for byte (RFC 9293, 3.1).
 */
#ifndef XTCP_CORE_WIRE_H
#define XTCP_CORE_WIRE_H

#include "types.h"

/* Flags, the header's 14th octet. */
#define XTCP_FIN	0x01
#define XTCP_SYN	0x02
#define XTCP_RST	0x04
#define XTCP_PSH	0x08
#define XTCP_ACK	0x10
#define XTCP_URG	0x20
#define XTCP_ECE	0x40
#define XTCP_CWR	0x80

/**
 * struct xtcp_hdr - the fixed header, network byte order
 * @sport: source port
 * @dport: destination port
 * @seq: sequence number of the first octet, or of the SYN
 * @ack: next sequence number expected, valid with XTCP_ACK
 * @off: upper four bits: header length [4 bytes]; lower four: reserved, zero
 * @flags: XTCP_FIN ... XTCP_CWR
 * @win: receive window, unscaled in a SYN, else right-shifted by the sender's scale
 * @check: ones' complement sum over pseudo-header, header and data
 * @urg: offset from @seq of the octet after the urgent one, valid with XTCP_URG
 */
struct xtcp_hdr {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	u8 off;
	u8 flags;
	__be16 win;
	__sum16 check;
	__be16 urg;
};

#define XTCP_HDR_LEN		20	/* without options [bytes] */
#define XTCP_OPT_SPACE		40	/* for options, at most [bytes] */
#define XTCP_HDR_MAX		(XTCP_HDR_LEN + XTCP_OPT_SPACE)

#define XTCP_OPTLEN_TS		12	/* nop, nop, timestamps [bytes] */

#define XTCP_WSCALE_MAX		14	/* RFC 7323, 2.3 */
#define XTCP_MSS_DEFAULT_V4	536	/* peer sent no MSS option: RFC 9293, 3.7.1 (MUST-15) */
#define XTCP_MSS_DEFAULT_V6	1220
#define XTCP_MSS_FLOOR		48	/* send MSS with options, CVE-2019-11479 */
#define XTCP_SACKS_MAX		4	/* RFC 2018, 3 */

/* What struct xtcp_opts holds. */
#define XTCP_OPT_MSS		0x01
#define XTCP_OPT_WSCALE		0x02
#define XTCP_OPT_SACK_OK	0x04
#define XTCP_OPT_TS		0x08
#define XTCP_OPT_SACK		0x10

/**
 * struct xtcp_sack - one SACK block (RFC 2018)
 * @start: left edge, first sequence number of the block
 * @end: right edge, the sequence number after its last
 */
struct xtcp_sack {
	u32 start;
	u32 end;
};

/**
 * struct xtcp_opts - the options of one segment, host byte order
 * @seen: XTCP_OPT_*: which of the members below are meant
 * @wscale: window shift, at most XTCP_WSCALE_MAX
 * @nr_sacks: valid blocks in @sack
 * @mss: [bytes]; 0: none said, by no option or one of 0
 * @tsval: sender's timestamp
 * @tsecr: echoed timestamp
 * @sack: in wire order
 */
struct xtcp_opts {
	u8 seen;
	u8 wscale;
	u8 nr_sacks;
	u16 mss;
	u32 tsval;
	u32 tsecr;
	struct xtcp_sack sack[XTCP_SACKS_MAX];
};

/* Header length with options [bytes]. */
static inline unsigned int xtcp_wire_hdr_len(const struct xtcp_hdr *hdr)
{
	return (hdr->off >> 4) * 4;
}

/* Sequence numbers SYN and FIN take (RFC 9293, 3.4). */
static inline u32 xtcp_wire_flag_len(u8 flags)
{
	return !!(flags & XTCP_SYN) + !!(flags & XTCP_FIN);
}

/* options.c */
void xtcp_options_parse(struct xtcp_opts *opt, const u8 *p, unsigned int len, bool syn);
unsigned int xtcp_options_len(const struct xtcp_opts *opt);
unsigned int xtcp_options_build(const struct xtcp_opts *opt, u8 *p);

#endif /* XTCP_CORE_WIRE_H */
