// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tests' own SipHash-2-4 against the vectors its authors published, so that
 * cookies in user space are the cookies of the kernel.
 */
#include "ktap.h"

/* Key bytes 00 to 0f. */
static const siphash_key_t key = { { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull } };

TEST(siphash__published_vectors)
{
	static const struct {
		size_t len;
		u64 want;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31ull },
		{ 1, 0x74f839c593dc67fdull },
		{ 8, 0x93f5f5799a932462ull },
		{ 15, 0xa129ca6149be45e5ull },
	};
	u8 input[64];

	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = i;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		EXPECT_EQ(siphash(input, vectors[i].len, &key), vectors[i].want);
}

TEST(siphash_words__same_as_bytes)
{
	for (int i = 0; i < 1000; i++) {
		u64 w[4] = { ktap_random(), ktap_random(), ktap_random(), ktap_random() };
		u64 le[4] = { htole64(w[0]), htole64(w[1]), htole64(w[2]), htole64(w[3]) };

		EXPECT_EQ(siphash_1u64(w[0], &key), siphash(le, 8, &key));
		EXPECT_EQ(siphash_2u64(w[0], w[1], &key), siphash(le, 16, &key));
		EXPECT_EQ(siphash_3u64(w[0], w[1], w[2], &key), siphash(le, 24, &key));
		EXPECT_EQ(siphash_4u64(w[0], w[1], w[2], w[3], &key), siphash(le, 32, &key));
	}
}
