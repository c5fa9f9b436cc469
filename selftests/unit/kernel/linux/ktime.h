/* SPDX-License-Identifier: GPL-2.0-only */
/* Clocks a test sets. */
#ifndef XTCP_UNIT_KTIME_H
#define XTCP_UNIT_KTIME_H

u64 ktime_get_ns(void);
s64 ktime_get_seconds(void);
s64 ktime_get_real_seconds(void);

#endif /* XTCP_UNIT_KTIME_H */
