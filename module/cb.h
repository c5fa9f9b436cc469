/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What xtcp knows of a segment while it has its sk_buff: the control block.
 */
#ifndef XTCP_CB_H
#define XTCP_CB_H

#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/ip.h>

#include "core/rate.h"

/* xtcp_cb.marks: fate of a segment on the retransmit queue. */
#define XTCP_TX_SACKED	0x01	/* the peer has it, out of order */
#define XTCP_TX_LOST	0x02	/* taken for lost, to be resent */
#define XTCP_TX_RESENT	0x04	/* a retransmission is under way */
#define XTCP_TX_EVER_RESENT 0x08 /* an RTT sample needs an echo of the repeat (Karn) */
#define XTCP_TX_EOR	0x10	/* MSG_EOR: no text is added behind this */
#define XTCP_TX_STAMP_ACK 0x20	/* the application wants to know when stamp_seq is acknowledged */

/**
 * struct xtcp_cb - what xtcp keeps in sk_buff.cb
 * @h4: receive: IPv4's control block; policy checks still read it
 * @h6: receive: IPv6's
 * @rate: transmit: how fast text was delivered when it left
 * @stamp_seq: transmit: the octet whose timestamps were asked for, if any were
 * @sent_us: transmit: time of the last transmission, CLOCK_MONOTONIC [us]
 * @ack: receive: SEG.ACK
 * @win: receive: window field as received
 * @urg: receive: urgent pointer field
 * @seq: first sequence number
 * @end_seq: @seq plus text plus one each for SYN and FIN
 * @flags: XTCP_FIN ... XTCP_CWR
 * @marks: transmit: XTCP_TX_*
 * @ecn: receive: ECN field of the IP header
 * @mss: transmit: text of each segment, but the last, that it left as [bytes]
 */
struct xtcp_cb {
	union {
		struct inet_skb_parm h4;
		struct inet6_skb_parm h6;
		struct {
			struct xtcp_rate_stamp rate;
			u32 stamp_seq;
		};
	};
	union {
		u64 sent_us;
		struct {
			u32 ack;
			u16 win;
			u16 urg;
		};
	};
	u32 seq;
	u32 end_seq;
	u8 flags;
	u8 marks;
	u8 ecn;
	u16 mss;
};

#define XTCP_CB(skb)	((struct xtcp_cb *)&(skb)->cb[0])

#endif /* XTCP_CB_H */
