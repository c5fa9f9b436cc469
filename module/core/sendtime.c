// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sender's time, by what it does.
 */
#include "sendtime.h"

/**
 * xtcp_sendtime_set() - the sender does something else now
 * @time: the account
 * @kind: what it does
 * @now_us: [us]
 *
 * Context: any, pure.
 */
void xtcp_sendtime_set(struct xtcp_sendtime *time, enum xtcp_send_kind kind, u64 now_us)
{
	time->spent_us[time->kind] += now_us - time->since_us;
	time->since_us = now_us;
	time->kind = kind;
}

/**
 * xtcp_sendtime_us() - how long has the sender done this?
 * @time: the account
 * @kind: what
 * @now_us: [us]
 *
 * Context: any, pure.
 * Return: [us], what it does now included.
 */
u64 xtcp_sendtime_us(const struct xtcp_sendtime *time, enum xtcp_send_kind kind, u64 now_us)
{
	return time->spent_us[kind] + (kind == time->kind ? now_us - time->since_us : 0);
}
