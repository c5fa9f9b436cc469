/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a connection counts for nobody but those who ask for TCP_INFO.
 */
#ifndef XTCP_TALLY_H
#define XTCP_TALLY_H

#include <linux/types.h>

#include "core/rate.h"
#include "core/sendtime.h"

/**
 * struct xtcp_tally - counts since the connection began; socket lock
 * @bytes_sent: text sent, resent or not [bytes]
 * @bytes_resent: of it: not for the first time [bytes]
 * @data_segs_in: segments received with text
 * @data_segs_out: segments sent with text
 * @delivered_segs: segments acknowledged or SACKed, the SYN included
 * @delivered_ce_segs: of them: by ACKs that echo congestion (ECE)
 * @dsacks: D-SACKs received
 * @ooo_segs: segments received out of order
 * @reordered: ACKs that told of segments overtaken by later ones, no copy having been sent
 * @rate: how fast text is delivered
 * @sendtime: how long the sender did what
 */
struct xtcp_tally {
	u64 bytes_sent;
	u64 bytes_resent;
	u32 data_segs_in;
	u32 data_segs_out;
	u32 delivered_segs;
	u32 delivered_ce_segs;
	u32 dsacks;
	u32 ooo_segs;
	u32 reordered;
	struct xtcp_rate rate;
	struct xtcp_sendtime sendtime;
};

#endif /* XTCP_TALLY_H */
