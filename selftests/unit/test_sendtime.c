// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/sendtime.c: each moment counts once.
 */
#include "ktap.h"
#include "sendtime.h"

TEST(sendtime__adds_up)
{
	struct xtcp_sendtime time = {};
	u64 sum = 0;
	int kind;

	ROW("API-34");
	xtcp_sendtime_set(&time, XTCP_SEND_BUSY, 1000);
	EXPECT_EQ(xtcp_sendtime_us(&time, XTCP_SEND_BUSY, 1500), 500);
	xtcp_sendtime_set(&time, XTCP_SEND_RWND_LIMITED, 2000);
	xtcp_sendtime_set(&time, XTCP_SEND_SNDBUF_LIMITED, 5000);
	xtcp_sendtime_set(&time, XTCP_SEND_BUSY, 6000);
	xtcp_sendtime_set(&time, XTCP_SEND_IDLE, 10000);
	EXPECT_EQ(xtcp_sendtime_us(&time, XTCP_SEND_BUSY, 20000), 5000);
	EXPECT_EQ(xtcp_sendtime_us(&time, XTCP_SEND_RWND_LIMITED, 20000), 3000);
	EXPECT_EQ(xtcp_sendtime_us(&time, XTCP_SEND_SNDBUF_LIMITED, 20000), 1000);
	for (kind = 0; kind < XTCP_NR_SEND_KINDS; kind++)
		sum += xtcp_sendtime_us(&time, kind, 20000);
	EXPECT_EQ(sum, 20000);
}
