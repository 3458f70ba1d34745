// SPDX-License-Identifier: LGPL-2.1-or-later
/* `atoll logs`: what a domain's console said before, and when. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "atolld/consolelog.h"
#include "cli/cli.h"

/* Where in the index we are: `next` is the first entry of what was not reached yet. */
struct clock {
	FILE *index; /* NULL: there is none */
	struct console_time now, next;
	bool more;
};

static void advance(struct clock *clock, uint64_t offset)
{
	while (clock->more && clock->next.offset <= offset) {
		clock->now = clock->next;
		clock->more = fread(&clock->next, sizeof(clock->next), 1, clock->index) == 1;
	}
}

static void print_time(const struct clock *clock, FILE *out)
{
	time_t seconds = (time_t)(clock->now.time_ms / 1000);
	char text[32] = "-------------------";
	struct tm tm;

	if (clock->now.time_ms && localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%F %T", &tm);
	fprintf(out, "%s ", text);
}

static void print_lines(char *piece, size_t len, uint64_t offset, bool *inside, struct clock *clock, FILE *out)
{
	for (size_t at = 0, end; at < len; at = end) {
		const char *newline = memchr(piece + at, '\n', len - at);

		end = newline ? (size_t)(newline - piece) + 1 : len;
		if (!*inside) {
			advance(clock, offset + at);
			print_time(clock, out);
		}
		fwrite(piece + at, 1, end - at, out);
		*inside = !newline;
	}
}

static int print_file(const char *path, const char *index, FILE *out)
{
	struct clock clock = {.index = index ? fopen(index, "re") : NULL};
	FILE *in = fopen(path, "re");
	char piece[65536];
	uint64_t offset = 0;
	bool inside = false;
	size_t n;
	int r = in ? 0 : -errno;

	clock.more = clock.index && fread(&clock.next, sizeof(clock.next), 1, clock.index) == 1;
	while (in && (n = fread(piece, 1, sizeof(piece), in)) > 0) {
		make_harmless(piece, n);
		if (index)
			print_lines(piece, n, offset, &inside, &clock, out);
		else
			fwrite(piece, 1, n, out);
		offset += n;
	}
	if (in)
		fclose(in);
	if (clock.index)
		fclose(clock.index);
	return r;
}

/* The older files first. */
int logs_print(const char *dir, const char *name, bool times, FILE *out)
{
	char log[256], index[256], domain[NAME_LEN_MAX + 1];
	int r = -EINVAL;

	if (format(domain, sizeof(domain), "%.*s", (int)strcspn(name, ":"), name) < 0 || !name_valid(domain) || strchr(name, '/'))
		return r; /* NAME:1 is a domain's second console */
	for (unsigned i = CONSOLE_LOG_FILES_MAX + 1; i-- > 0;) {
		char ending[8] = "";

		if (i)
			snprintf(ending, sizeof(ending), ".%u", i);
		if (format(log, sizeof(log), "%s/%s.log%s", dir, name, ending) < 0 ||
		    format(index, sizeof(index), "%s/%s.times%s", dir, name, ending) < 0)
			return -EINVAL;
		r = print_file(log, times ? index : NULL, out);
	}
	return r;
}
