// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explicit congestion notification: negotiation, echo, and what each segment carries.
 *
 * RFC 3168, 6.1 (classic ECN). How much a sender slows down is cong.c's, when is
 * recovery.c's. Pure: any context; the caller holds the lock of the connection.
 */
#include "ecn.h"

#define SETUP	(XTCP_ECE | XTCP_CWR)

/**
 * xtcp_ecn_syn_flags() - what a SYN of ours carries beside SYN
 * @ecn: the connection's
 * @again: it has been sent before
 * @fallback: then ask no more: a path that loses ECN-setup SYNs must not stop connections
 *
 * RFC 3168, 6.1.1 and 6.1.1.1. An answer to the first SYN that comes late still counts.
 *
 * Context: any, pure.
 * Return: XTCP_ECE | XTCP_CWR, or 0.
 */
u8 xtcp_ecn_syn_flags(const struct xtcp_ecn *ecn, bool again, bool fallback)
{
	return ecn->asked && !(again && fallback) ? SETUP : 0;
}

/**
 * xtcp_ecn_is_setup_syn() - does a SYN ask for ECN?
 * @flags: its flags
 * @reserved: the four reserved bits beside them
 * @ip_ecn: the packet's ECN field
 *
 * RFC 3168, 6.1.1: no SYN is ECN-capable transport itself. If one is marked, a broken
 * middlebox sets the bits of all packets, unless reserved bits say that the sender knows
 * more than classic ECN. As Linux TCP.
 *
 * Context: any, pure.
 * Return: true if so.
 */
bool xtcp_ecn_is_setup_syn(u8 flags, u8 reserved, u8 ip_ecn)
{
	return (flags & SETUP) == SETUP && (ip_ecn == XTCP_ECN_NOT_ECT || reserved);
}

/**
 * xtcp_ecn_rcv_synack() - the peer has answered our SYN
 * @ecn: the connection's
 * @flags: of its SYN-ACK
 *
 * RFC 3168, 6.1.1: ECE without CWR; both are the reflection of a peer that copies bits.
 *
 * Context: any, pure.
 */
void xtcp_ecn_rcv_synack(struct xtcp_ecn *ecn, u8 flags)
{
	ecn->ok = ecn->asked && (flags & SETUP) == XTCP_ECE;
}

/**
 * xtcp_ecn_rcv() - an acceptable segment has come: begin or end the echo
 * @ecn: the connection's
 * @flags: its flags
 * @ip_ecn: the packet's ECN field
 * @text: it has text within the window
 *
 * RFC 3168, 6.1.3: ECE from CE to CWR; what brings both ends one echo and begins another.
 * CE on a segment without text, or outside the window, counts for nothing (6.1.4, 6.1.5).
 * deviates: CWR counts on a segment without text too, as in Linux TCP: there are senders
 * that put it there.
 *
 * Context: any, pure.
 * Return: true if the next ACK should not wait: the sender may have a window of one
 * segment.
 */
bool xtcp_ecn_rcv(struct xtcp_ecn *ecn, u8 flags, u8 ip_ecn, bool text)
{
	bool news = false;

	if (!ecn->ok)
		return false;
	if (flags & XTCP_CWR) {
		ecn->echo = 0;
		news = text;
	}
	if (!text || ip_ecn == XTCP_ECN_NOT_ECT)
		return news;
	ecn->seen = 1;
	if (ip_ecn == XTCP_ECN_CE && !ecn->echo) {
		ecn->echo = 1;
		news = true;
	}
	return news;
}

/**
 * xtcp_ecn_stamp() - what a segment that is about to be sent carries
 * @ecn: the connection's
 * @new_text: it has text that was never sent before
 * @flags: its flags; ECE and CWR are added
 *
 * RFC 3168, 6.1.2 to 6.1.6: ECT on new text only, so not on SYN, RST, ACKs alone,
 * retransmissions and probes; their loss, or that of their CE, would go unnoticed.
 *
 * Context: any, pure.
 * Return: the packet's ECN field.
 */
u8 xtcp_ecn_stamp(const struct xtcp_ecn *ecn, bool new_text, u8 *flags)
{
	if (!ecn->ok || (*flags & (XTCP_SYN | XTCP_RST)))
		return XTCP_ECN_NOT_ECT;
	if (ecn->echo)
		*flags |= XTCP_ECE;
	if (!new_text)
		return XTCP_ECN_NOT_ECT;
	if (ecn->tell)
		*flags |= XTCP_CWR;
	return XTCP_ECN_ECT_0;
}

/**
 * xtcp_ecn_reduced() - the congestion window was reduced, for whatever reason
 * @ecn: the connection's
 *
 * RFC 3168, 6.1.2.
 *
 * Context: any, pure.
 */
void xtcp_ecn_reduced(struct xtcp_ecn *ecn)
{
	ecn->tell = ecn->ok;
}

/**
 * xtcp_ecn_new_text_sent() - a segment with new text, and the CWR due, is on its way
 * @ecn: the connection's
 *
 * Context: any, pure.
 */
void xtcp_ecn_new_text_sent(struct xtcp_ecn *ecn)
{
	ecn->tell = 0;
}
