// SPDX-License-Identifier: LGPL-2.1-or-later
/* SHA-256. The constants are what the standard defines them as: the first 32 bits of the fractional parts of roots of primes. */
#include "base/sha256.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 64
#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

/* The 32 bits after the point of PRIME's square or cube root, by bisection in whole numbers. */
static uint32_t root_bits(uint32_t prime, int power)
{
	unsigned __int128 low = 0, high = (unsigned __int128)1 << 40; /* the root times 2^32 is in [low, high) */

	while (high - low > 1) {
		unsigned __int128 middle = (low + high) / 2;

		if (middle * middle * (power == 3 ? middle : 1) > (unsigned __int128)prime << 32 * power) /* 120 bits at most */
			high = middle;
		else
			low = middle;
	}
	return (uint32_t)low;
}

static void make_constants(uint32_t initial[8], uint32_t rounds[64])
{
	unsigned count = 0;

	for (uint32_t n = 2; count < 64; n++) {
		uint32_t d = 2;

		while (d * d <= n && n % d)
			d++;
		if (d * d <= n)
			continue;
		if (count < 8)
			initial[count] = root_bits(n, 2);
		rounds[count++] = root_bits(n, 3);
	}
}

static void mix(uint32_t state[8], const uint8_t block[BLOCK], const uint32_t rounds[64])
{
	uint32_t w[64], s[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 | (uint32_t)block[i * 4 + 2] << 8 | block[i * 4 + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + (ROTATE(w[i - 15], 7) ^ ROTATE(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
		       (ROTATE(w[i - 2], 17) ^ ROTATE(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(s, state, sizeof(s));
	for (int i = 0; i < 64; i++) {
		uint32_t a = s[7] + (ROTATE(s[4], 6) ^ ROTATE(s[4], 11) ^ ROTATE(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + w[i];
		uint32_t b = (ROTATE(s[0], 2) ^ ROTATE(s[0], 13) ^ ROTATE(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += a;
		s[0] = a + b;
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

void sha256_hex(const void *data, size_t len, char out[SHA256_HEX_SIZE])
{
	uint32_t state[8], rounds[64];
	uint8_t last[2 * BLOCK] = {0};
	const uint8_t *p = data;
	uint64_t bits = (uint64_t)len * 8;
	size_t rest = len % BLOCK, end = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;

	make_constants(state, rounds);
	for (size_t at = 0; at + BLOCK <= len; at += BLOCK)
		mix(state, p + at, rounds);
	if (rest)
		memcpy(last, p + len - rest, rest);
	last[rest] = 0x80;
	for (int i = 0; i < 8; i++)
		last[end - 1 - (size_t)i] = (uint8_t)(bits >> 8 * i);
	for (size_t at = 0; at < end; at += BLOCK)
		mix(state, last + at, rounds);
	for (int i = 0; i < 8; i++)
		sprintf(out + i * 8, "%08x", state[i]);
}
