/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all fuzz targets share: taking values off the input, and stopping.
 */
#ifndef XTCP_FUZZ_H
#define XTCP_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "user_types.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* A property that does not hold is a finding. */
#define MUST(cond)							\
	do {								\
		if (!(cond))						\
			abort();					\
	} while (0)

struct input {
	const u8 *p;
	size_t left;
};

/* Zeros when the input has ended. */
static inline void take_bytes(struct input *in, void *to, size_t len)
{
	size_t have = min_t(size_t, len, in->left);

	memset(to, 0, len);
	memcpy(to, in->p, have);
	in->p += have;
	in->left -= have;
}

static inline u32 take32(struct input *in)
{
	u32 value;

	take_bytes(in, &value, sizeof(value));
	return value;
}

static inline u8 take8(struct input *in)
{
	u8 value;

	take_bytes(in, &value, sizeof(value));
	return value;
}

#endif /* XTCP_FUZZ_H */
