// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Runs a fuzz target without a fuzzer: on the files of a corpus, and on a fixed number of random inputs. Prints TAP.
 *
 * usage: replay [FILE | DIRECTORY]...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 65536
#define RANDOM_INPUTS 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long run_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return 0;
	n = fread(data, 1, sizeof data, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	return 1;
}

static unsigned long run_path(const char *path)
{
	DIR *dir = opendir(path);
	unsigned long n = 0;
	char name[4096];

	if (!dir)
		return run_file(path);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		n += run_file(name);
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	static uint8_t data[2048];
	uint64_t state = 1;
	unsigned long files = 0;

	for (int i = 1; i < argc; i++)
		files += run_path(argv[i]);
	for (int i = 0; i < RANDOM_INPUTS; i++) {
		size_t n = (size_t)i * 5;

		for (size_t k = 0; k < n && k < sizeof data; k++) {
			state = state * 6364136223846793005ull + 1442695040888963407ull;
			data[k] = (uint8_t)(state >> 40);
		}
		LLVMFuzzerTestOneInput(data, n < sizeof data ? n : sizeof data);
	}
	printf("ok 1 - %lu files of the corpus and %d random inputs\n1..1\n", files, RANDOM_INPUTS);
	return 0;
}
