// SPDX-License-Identifier: GPL-2.0-only
/*
 * SipHash-2-4 for user space, with the kernel's names and results.
 *
 * Written from the algorithm's description: Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012.
 */
#include "user_types.h"

static u64 rotate(u64 value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

static void sip_round(u64 v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void compress(u64 v[4], u64 word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

u64 siphash(const void *data, size_t len, const siphash_key_t *key)
{
	const u8 *p = data;
	u64 v[4] = {
		key->key[0] ^ 0x736f6d6570736575ull,
		key->key[1] ^ 0x646f72616e646f6dull,
		key->key[0] ^ 0x6c7967656e657261ull,
		key->key[1] ^ 0x7465646279746573ull,
	};
	u64 last = (u64)len << 56;
	u64 word;
	size_t i;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		compress(v, le64toh(word));
	}
	for (i = 0; i < len; i++)
		last |= (u64)p[i] << (8 * i);
	compress(v, last);

	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);

	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

u64 siphash_1u64(u64 first, const siphash_key_t *key)
{
	u64 words[1] = { htole64(first) };

	return siphash(words, sizeof(words), key);
}

u64 siphash_2u64(u64 first, u64 second, const siphash_key_t *key)
{
	u64 words[2] = { htole64(first), htole64(second) };

	return siphash(words, sizeof(words), key);
}

u64 siphash_3u64(u64 first, u64 second, u64 third, const siphash_key_t *key)
{
	u64 words[3] = { htole64(first), htole64(second), htole64(third) };

	return siphash(words, sizeof(words), key);
}

u64 siphash_4u64(u64 first, u64 second, u64 third, u64 forth, const siphash_key_t *key)
{
	u64 words[4] = { htole64(first), htole64(second), htole64(third), htole64(forth) };

	return siphash(words, sizeof(words), key);
}
