/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel types and macros core/ needs, in the kernel and in user space.
 *
 * core/ is pure protocol logic: no sk_buff, no sock, no lock, no allocation, no
 * clock. The same files are compiled into the module and into the unit tests.
 */
#ifndef XTCP_CORE_TYPES_H
#define XTCP_CORE_TYPES_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/siphash.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#else
#include "user_types.h"		/* selftests/unit: the same names for user space */
#endif

#endif /* XTCP_CORE_TYPES_H */
