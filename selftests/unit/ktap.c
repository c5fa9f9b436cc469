// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the tests of one program and prints KTAP. An argument runs only the tests
 * whose name contains it.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "ktap.h"

#define LOUD_FAILURES	8

static struct ktap_test *first;
static struct ktap_test **last = &first;
static unsigned int failures;
static u64 random_state;
static char note[200];

void ktap_register(struct ktap_test *test)
{
	*last = test;
	last = &test->next;
}

bool ktap_is_loud(void)
{
	return failures < LOUD_FAILURES;
}

void ktap_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(note, sizeof(note), fmt, args);
	va_end(args);
}

void ktap_fail(const char *file, int line, const char *what)
{
	if (ktap_is_loud())
		printf("# %s:%d: failed: %s%s%s\n", file, line, what,
		       note[0] ? "; trying " : "", note);
	failures++;
}

/* splitmix64 */
u64 ktap_random(void)
{
	u64 z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

u32 ktap_below(u32 limit)
{
	return ktap_random() % limit;
}

static bool is_wanted(const struct ktap_test *test, const char *pattern)
{
	return !pattern || strstr(test->name, pattern);
}

int main(int argc, char **argv)
{
	const char *pattern = argc > 1 ? argv[1] : NULL;
	const char *seed_text = getenv("XTCP_TEST_SEED");
	u64 seed = seed_text ? strtoull(seed_text, NULL, 0) : (u64)time(NULL);
	unsigned int failed = 0;
	unsigned int n = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n# seed %llu\n", (unsigned long long)seed);
	for (struct ktap_test *test = first; test; test = test->next)
		n += is_wanted(test, pattern);
	printf("1..%u\n", n);

	n = 0;
	for (struct ktap_test *test = first; test; test = test->next) {
		if (!is_wanted(test, pattern))
			continue;
		/* Each test has a sequence of its own, whatever ran before it. */
		random_state = seed;
		failures = 0;
		note[0] = 0;
		test->run();
		if (failures > LOUD_FAILURES)
			printf("# and %u more\n", failures - LOUD_FAILURES);
		printf("%sok %u %s\n", failures ? "not " : "", ++n, test->name);
		failed += !!failures;
	}

	return failed ? 1 : 0;
}
