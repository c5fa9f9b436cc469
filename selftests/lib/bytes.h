/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers in network byte order at any address. */
#ifndef XTCP_SELFTEST_BYTES_H
#define XTCP_SELFTEST_BYTES_H

#include <stdint.h>

static inline uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

#endif /* XTCP_SELFTEST_BYTES_H */
