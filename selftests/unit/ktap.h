/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unit tests of pure functions: small, without processes, results as KTAP.
 *
 * TEST(function__case) { ROW("DATA-02"); EXPECT_EQ(...); }
 *
 * A failed expectation is reported with its place and values and the test goes on;
 * of a test only the first eight are shown. main() is in ktap.c.
 */
#ifndef XTCP_UNIT_KTAP_H
#define XTCP_UNIT_KTAP_H

#include <stdio.h>

#include "user_types.h"

struct ktap_test {
	const char *name;
	void (*run)(void);
	struct ktap_test *next;
};

void ktap_register(struct ktap_test *test);
void ktap_fail(const char *file, int line, const char *what);
bool ktap_is_loud(void);

#define TEST(name)							\
	static void name(void);						\
	static struct ktap_test test_##name = { #name, name, NULL };	\
	static void __attribute__((constructor)) register_##name(void)	\
	{								\
		ktap_register(&test_##name);				\
	}								\
	static void name(void)

/* The conformance row the test proves. */
#define ROW(id)		printf("# row %s\n", (id))

#define EXPECT(cond)							\
	({								\
		bool ktap_held = (cond);				\
									\
		if (!ktap_held)						\
			ktap_fail(__FILE__, __LINE__, #cond);		\
		ktap_held;						\
	})

#define EXPECT_EQ(got, want)						\
	({								\
		unsigned long long ktap_got = (got);			\
		unsigned long long ktap_want = (want);			\
									\
		if (ktap_got != ktap_want) {				\
			if (ktap_is_loud())				\
				printf("# %llu (%#llx), expected %llu (%#llx)\n",	\
				       ktap_got, ktap_got, ktap_want, ktap_want);	\
			ktap_fail(__FILE__, __LINE__, #got " == " #want);	\
		}							\
		ktap_got == ktap_want;					\
	})

/* What is being tried: said beside a failure, else never. */
#define NOTE(...)	ktap_note(__VA_ARGS__)
void ktap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Random numbers; the seed is printed and can be set with XTCP_TEST_SEED. */
u64 ktap_random(void);
/* 0 to @limit - 1 */
u32 ktap_below(u32 limit);

#endif /* XTCP_UNIT_KTAP_H */
