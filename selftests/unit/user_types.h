/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's names core/types.h asks for, for programs in user space.
 */
#ifndef XTCP_UNIT_USER_TYPES_H
#define XTCP_UNIT_USER_TYPES_H

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* The kernel's static_assert() has an optional message, as C23's. */
#undef static_assert
#define static_assert(expr, ...)	_Static_assert(expr, #expr)

/* Operands of different types are an error, as in the kernel. */
#define min(a, b)							\
	({								\
		__auto_type min_a = (a);				\
		__auto_type min_b = (b);				\
									\
		_Static_assert(__builtin_types_compatible_p(__typeof__(min_a), __typeof__(min_b)), \
			       "min() of different types");		\
		min_a < min_b ? min_a : min_b;				\
	})
#define max(a, b)							\
	({								\
		__auto_type max_a = (a);				\
		__auto_type max_b = (b);				\
									\
		_Static_assert(__builtin_types_compatible_p(__typeof__(max_a), __typeof__(max_b)), \
			       "max() of different types");		\
		max_a > max_b ? max_a : max_b;				\
	})
#define min_t(type, a, b)						\
	({								\
		type min_t_a = (a);					\
		type min_t_b = (b);					\
									\
		min_t_a < min_t_b ? min_t_a : min_t_b;			\
	})
#define max_t(type, a, b)						\
	({								\
		type max_t_a = (a);					\
		type max_t_b = (b);					\
									\
		max_t_a > max_t_b ? max_t_a : max_t_b;			\
	})

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define cpu_to_be16(x)		((__be16)htobe16(x))
#define cpu_to_be32(x)		((__be32)htobe32(x))
#define be16_to_cpu(x)		be16toh(x)
#define be32_to_cpu(x)		be32toh(x)
#define be64_to_cpu(x)		be64toh(x)
#define htons(x)		cpu_to_be16(x)
#define htonl(x)		cpu_to_be32(x)
#define ntohs(x)		be16_to_cpu(x)
#define ntohl(x)		be32_to_cpu(x)

/* <linux/siphash.h>; siphash.c beside this file. */
typedef struct {
	u64 key[2];
} siphash_key_t;

u64 siphash(const void *data, size_t len, const siphash_key_t *key);
u64 siphash_1u64(u64 first, const siphash_key_t *key);
u64 siphash_2u64(u64 first, u64 second, const siphash_key_t *key);
u64 siphash_3u64(u64 first, u64 second, u64 third, const siphash_key_t *key);
u64 siphash_4u64(u64 first, u64 second, u64 third, u64 forth, const siphash_key_t *key);

#endif /* XTCP_UNIT_USER_TYPES_H */
