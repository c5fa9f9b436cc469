/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Explicit congestion notification (RFC 3168): who asks, who answers, who echoes what.
 */
#ifndef XTCP_CORE_ECN_H
#define XTCP_CORE_ECN_H

#include "types.h"
#include "wire.h"

/* The ECN field, the two low bits of IPv4's TOS and IPv6's traffic class (RFC 3168, 5). */
#define XTCP_ECN_NOT_ECT	0
#define XTCP_ECN_ECT_1		1
#define XTCP_ECN_ECT_0		2
#define XTCP_ECN_CE		3
#define XTCP_ECN_MASK		3

/* net.xtcp.ecn; the numbers of net.ipv4.tcp_ecn. */
enum xtcp_ecn_mode {
	XTCP_ECN_OFF,
	XTCP_ECN_ASK,		/* ask when connecting, answer when asked */
	XTCP_ECN_ANSWER,	/* answer only */
};

/**
 * struct xtcp_ecn - one connection's ECN
 * @asked: its first SYN was an ECN-setup SYN
 * @ok: both sides agreed
 * @seen: text has come with ECT or CE
 * @echo: receiver: CE has come, every ACK carries ECE until a CWR comes
 * @tell: sender: the window was reduced, the next new text carries CWR
 * @hold: sender: the window was one segment and congestion is still reported; new text
 *	waits for the retransmission timer
 */
struct xtcp_ecn {
	u8 asked:1;
	u8 ok:1;
	u8 seen:1;
	u8 echo:1;
	u8 tell:1;
	u8 hold:1;
};

/* ECE on an ACK means congestion. */
static inline bool xtcp_ecn_is_echo(const struct xtcp_ecn *ecn, u8 flags)
{
	return ecn->ok && (flags & XTCP_ECE);
}

u8 xtcp_ecn_syn_flags(const struct xtcp_ecn *ecn, bool again, bool fallback);
bool xtcp_ecn_is_setup_syn(u8 flags, u8 reserved, u8 ip_ecn);
void xtcp_ecn_rcv_synack(struct xtcp_ecn *ecn, u8 flags);
bool xtcp_ecn_rcv(struct xtcp_ecn *ecn, u8 flags, u8 ip_ecn, bool text);
u8 xtcp_ecn_stamp(const struct xtcp_ecn *ecn, bool new_text, u8 *flags);
void xtcp_ecn_reduced(struct xtcp_ecn *ecn);
void xtcp_ecn_new_text_sent(struct xtcp_ecn *ecn);

#endif /* XTCP_CORE_ECN_H */
