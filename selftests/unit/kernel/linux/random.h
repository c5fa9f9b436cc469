/* SPDX-License-Identifier: GPL-2.0-only */
/* Random bytes a test chooses. */
#ifndef XTCP_UNIT_RANDOM_H
#define XTCP_UNIT_RANDOM_H

void get_random_bytes(void *buf, size_t len);

#endif /* XTCP_UNIT_RANDOM_H */
