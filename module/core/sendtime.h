/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a sender spends its time with: does the path limit it, the peer or its own buffer?
 */
#ifndef XTCP_CORE_SENDTIME_H
#define XTCP_CORE_SENDTIME_H

#include "types.h"

/* What a sender is doing. The order is that of struct tcp_info's fields. */
enum xtcp_send_kind {
	XTCP_SEND_IDLE,			/* nothing to send, nothing outstanding */
	XTCP_SEND_BUSY,			/* all the path takes, or all the application gives */
	XTCP_SEND_RWND_LIMITED,		/* waiting for the peer's window */
	XTCP_SEND_SNDBUF_LIMITED,	/* more could leave; the send buffer has no room for it */
	XTCP_NR_SEND_KINDS
};

/**
 * struct xtcp_sendtime - how long a sender did what
 * @since_us: when @kind began [us]
 * @spent_us: times that have ended, by kind [us]
 * @kind: what it does now
 */
struct xtcp_sendtime {
	u64 since_us;
	u64 spent_us[XTCP_NR_SEND_KINDS];
	enum xtcp_send_kind kind;
};

void xtcp_sendtime_set(struct xtcp_sendtime *time, enum xtcp_send_kind kind, u64 now_us);
u64 xtcp_sendtime_us(const struct xtcp_sendtime *time, enum xtcp_send_kind kind, u64 now_us);

#endif /* XTCP_CORE_SENDTIME_H */
