// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Runs a fuzz target without a fuzzer: on its corpus (a bundle, see bundle.py) and on a fixed number of random inputs.
 * Prints TAP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX 65535
#define RANDOM_INPUTS 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On memory of exactly that size, so that a read beyond it is found. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	for (size_t i = 0; i < size; i++)
		copy[i] = data[i];
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static unsigned long run_bundle(const char *path)
{
	static uint8_t data[INPUT_MAX];
	uint8_t head[2];
	unsigned long n = 0;
	FILE *f = fopen(path, "rb");

	if (!f)
		return 0;
	while (fread(head, 1, 2, f) == 2) {
		size_t size = head[0] | (size_t)head[1] << 8;

		if (fread(data, 1, size, f) != size)
			break;
		run(data, size);
		n++;
	}
	fclose(f);
	return n;
}

int main(void)
{
	static uint8_t data[2048];
	uint64_t state = 1;
	unsigned long inputs = run_bundle(CORPUS);

	printf("%s 1 - %lu inputs of the corpus\n", inputs ? "ok" : "not ok", inputs);
	for (int i = 0; i < RANDOM_INPUTS; i++) {
		size_t n = (size_t)i * 5;

		for (size_t k = 0; k < n && k < sizeof data; k++) {
			state = state * 6364136223846793005ull + 1442695040888963407ull;
			data[k] = (uint8_t)(state >> 40);
		}
		run(data, n < sizeof data ? n : sizeof data);
	}
	printf("ok 2 - %d random inputs\n1..2\n", RANDOM_INPUTS);
	return inputs ? 0 : 1;
}
