/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shape of a socket test: one fixture per subject, run over IPv4 and IPv6,
 * each test in a network namespace of its own with nothing but loopback.
 *
 * Include after kselftest_harness.h.
 */
#ifndef XTCP_SELFTEST_FIXTURE_H
#define XTCP_SELFTEST_FIXTURE_H

#include <errno.h>
#include <string.h>
#include "sock.h"

/* The harness' 30 s are for hardware; in TCG a debug kernel is a hundred times as slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define XT_FIXTURE(name)						\
	FIXTURE(name)							\
	{								\
		int unused;						\
	};								\
	FIXTURE_VARIANT(name)						\
	{								\
		int family;						\
	};								\
	FIXTURE_VARIANT_ADD(name, ipv4) { .family = AF_INET };		\
	FIXTURE_VARIANT_ADD(name, ipv6) { .family = AF_INET6 };		\
	FIXTURE_SETUP(name)						\
	{								\
		ASSERT_EQ(0, xt_netns())				\
			TH_LOG("network namespace: %s", strerror(errno)); \
	}								\
	FIXTURE_TEARDOWN(name)						\
	{								\
	}

/* The call fails, and with this errno. */
#define EXPECT_ERR(want, call)						\
	do {								\
		long xt_ret;						\
		int xt_err;						\
									\
		errno = 0;						\
		xt_ret = (call);					\
		xt_err = xt_ret < 0 ? errno : 0;			\
		EXPECT_EQ(want, xt_err)					\
			TH_LOG("%s returned %ld (%s), expected %s",	\
			       #call, xt_ret, strerrorname_np(xt_err),	\
			       strerrorname_np(want));			\
	} while (0)

/* The call returns exactly this. */
#define EXPECT_RET(want, call)						\
	do {								\
		long xt_ret;						\
									\
		errno = 0;						\
		xt_ret = (call);					\
		EXPECT_EQ((long)(want), xt_ret)				\
			TH_LOG("%s: %s", #call, strerrorname_np(errno)); \
	} while (0)

/* As EXPECT_RET, and the test ends if not. */
#define ASSERT_RET(want, call)						\
	do {								\
		long xt_ret;						\
									\
		errno = 0;						\
		xt_ret = (call);					\
		ASSERT_EQ((long)(want), xt_ret)				\
			TH_LOG("%s: %s", #call, strerrorname_np(errno)); \
	} while (0)

/* A call that returns a descriptor (or another number that is not negative). */
#define ASSERT_FD(call)							\
	({								\
		int xt_fd;						\
									\
		errno = 0;						\
		xt_fd = (call);						\
		ASSERT_LE(0, xt_fd)					\
			TH_LOG("%s: %s", #call, strerrorname_np(errno)); \
		xt_fd;							\
	})

#endif /* XTCP_SELFTEST_FIXTURE_H */
