// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Load on a console: lines whose text is a function of their number, and the check that each came once, whole and in order.
 *
 *   atoll-load-console --lines N              prints them, as fast as the terminal takes them, then CONSOLE LOAD DONE ...
 *   atoll-load-console --check N FILE...      reads the files as one stream; lines that are not ours are passed over
 *
 *   LINE 00000042 0123456789abcdef... checksum      64 bytes with the newline
 *
 * A byte that is missing, doubled or wrong breaks a line's text, and then the sequence of numbers. Static: it runs in a guest without
 * a C library too.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LINE_LEN 64 /* with the newline, without the carriage return that a terminal puts before it */
#define FILLER_LEN (LINE_LEN - (int)sizeof("LINE 00000000  00000000"))
#define BATCH 64 /* lines in one write */

static void line_make(uint32_t number, char out[LINE_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint32_t state = number * 2654435761u + 1, sum = 2166136261u; /* FNV-1a */
	int at = sprintf(out, "LINE %08u ", number);

	for (int i = 0; i < FILLER_LEN; i++) {
		state = state * 1664525u + 1013904223u;
		out[at++] = digits[state >> 28];
	}
	for (int i = 0; i < at; i++)
		sum = (sum ^ (unsigned char)out[i]) * 16777619u;
	sprintf(out + at, " %08x\n", sum);
}

static int write_all(const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int print_lines(uint32_t count)
{
	char batch[BATCH * LINE_LEN + 1];
	double start = seconds();
	struct termios terminal;

	/* A terminal that looks at each character is most of the work; one that echoes what somebody types says it amid our lines. */
	if (tcgetattr(STDOUT_FILENO, &terminal) == 0) {
		cfmakeraw(&terminal);
		tcsetattr(STDOUT_FILENO, TCSANOW, &terminal);
	}
	for (uint32_t i = 1; i <= count;) {
		size_t len = 0;

		for (; i <= count && len < BATCH * LINE_LEN; i++, len += LINE_LEN)
			line_make(i, batch + len);
		if (write_all(batch, len) < 0)
			return 1;
	}
	printf("CONSOLE LOAD DONE %u lines %.3f s\n", count, seconds() - start);
	return 0;
}

/* Compares with the next line wanted; says what is wrong with it. */
static int check_line(const char *line, uint32_t number)
{
	char wanted[LINE_LEN + 1];

	line_make(number, wanted);
	wanted[LINE_LEN - 1] = '\0';
	if (!strcmp(line, wanted))
		return 0;
	fprintf(stderr, "line %u is wrong: got    %s\n                  wanted %s\n", number, line, wanted);
	return -1;
}

static int check_files(uint32_t count, char **files)
{
	uint32_t next = 1;
	char *line = NULL;
	size_t size = 0;

	for (; *files; files++) {
		FILE *in = fopen(*files, "re");

		if (!in) {
			perror(*files);
			return 1;
		}
		/* A line may begin in one file and end in the next: getline gives the part without a newline, which is glued. */
		while (getline(&line, &size, in) > 0) {
			static char carried[4 * LINE_LEN];
			char *whole = carried;
			size_t len;

			snprintf(carried + strlen(carried), sizeof(carried) - strlen(carried), "%s", line);
			len = strlen(carried);
			if (!len || (carried[len - 1] != '\n' && len < sizeof(carried) - 1))
				continue;
			whole[strcspn(whole, "\r\n")] = '\0';
			if (!strncmp(whole, "LINE ", 5)) {
				if (next > count || check_line(whole, next) < 0) {
					fprintf(stderr, "%s: %u lines of %u were right until then\n", *files, next - 1, count);
					return 1;
				}
				next++;
			}
			carried[0] = '\0';
		}
		fclose(in);
	}
	free(line);
	printf("%u of %u lines, %llu bytes, each once and in order\n", next - 1, count, (unsigned long long)(next - 1) * LINE_LEN);
	return next - 1 == count ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned long count = argc >= 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc == 3 && !strcmp(argv[1], "--lines") && count && count < 100000000)
		return print_lines((uint32_t)count);
	if (argc >= 4 && !strcmp(argv[1], "--check") && count && count < 100000000)
		return check_files((uint32_t)count, argv + 3);
	fprintf(stderr, "usage: atoll-load-console --lines N | --check N FILE...\n");
	return 2;
}
