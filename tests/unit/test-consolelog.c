// SPDX-License-Identifier: LGPL-2.1-or-later
/* Console logs: each byte once, whenever the writer was killed. */
#include "atolld/consolelog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "tap.h"

static char dir[] = "/tmp/atoll-log-XXXXXX";

static const char *contents(const char *file)
{
	static char *text;
	char path[128];

	free(text);
	text = NULL;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return read_file(path, CONSOLE_LOG_MAX, &text, NULL) == 0 ? text : "(none)";
}

/* What `atoll logs` prints of it. */
static const char *printed(const char *name, bool times)
{
	static char *text;
	size_t size;
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &size);
	if (logs_print(dir, name, times, out) < 0)
		fprintf(out, "(none)");
	fclose(out);
	return text;
}

static uint64_t seconds_of(const char *stamp)
{
	struct tm tm = {.tm_isdst = -1};
	const char *end = strptime(stamp, "%Y-%m-%d %H:%M:%S ", &tm);

	return end ? (uint64_t)mktime(&tm) : 0;
}

/* Writes an index as if TIMES lines of 8 bytes had come a minute after each other. */
static void write_index(const char *file, uint64_t first_ms, unsigned times)
{
	struct console_time entries[8] = {{0}};
	char path[128];

	for (unsigned i = 0; i < times; i++)
		entries[i] = (struct console_time){.offset = i * 8, .time_ms = first_ms + i * 60000};
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	write_file_atomic(path, entries, times * sizeof(*entries), 0600);
}

static void test_times(void)
{
	struct console_log log;
	const char *text;
	size_t fresh;
	uint64_t now = (uint64_t)time(NULL), then = 1700000000;

	ok(console_log_open(&log, dir, "t", 40, 0, 0) == 0, "a log has an index");
	ok(console_log_write(&log, dir, 0, "line 01\nline ", 13, &fresh) == 0 && log.times == 1, "the first bytes have their time");
	ok(console_log_write(&log, dir, 13, "02\n\033[2J...\n", 11, &fresh) == 0 && log.times == 1, "what comes within a second has the same");
	text = printed("t", true);
	ok(seconds_of(text) >= now && seconds_of(text) <= now + 5 && !strncmp(text + 20, "line 01\n", 8),
	   "it is printed with it");
	ok(!strcmp(printed("t", false), "line 01\nline 02\n?[2J...\n"), "and without");
	ok(!strncmp(contents("t.log"), "line 01\nline 02\n\033", 17), "the log has the guest's bytes only");
	console_log_close(&log);

	write_index("t.times", then * 1000, 3);
	text = printed("t", true);
	ok(seconds_of(text) == then && seconds_of(text + 28) == then + 60 && seconds_of(text + 56) == then + 120, "each line has its own time");
	write_index("t.times", then * 1000 + 500, 1);
	ok(console_log_open(&log, dir, "t", 40, 0, 24) == 0 && log.times == 1, "an index goes on after a restart");
	ok(console_log_write(&log, dir, 24, "line 04\n", 8, &fresh) == 0 && log.times == 2, "with a new entry");
	text = printed("t", true);
	ok(seconds_of(text + 56) == then && seconds_of(strstr(text, "line 04") - 20) >= now,
	   "which holds for what was written since");
	console_log_close(&log);
	write_index("t.times", then * 1000, 8);
	ok(console_log_open(&log, dir, "t", 40, 0, 32) == 0 && log.times == 0 && !strncmp(printed("t", true), "------", 6),
	   "an index of another log is given up: its lines have no time");
	log.max = 128;
	log.times = 3;
	ok(console_log_write(&log, dir, 32, "more\n", 5, &fresh) == 0 && !strcmp(contents("t.log"), "more\n"),
	   "a log whose index is full is rotated");
	ok(strstr(printed("t", true), "line 04\n") && seconds_of(strstr(printed("t", true), "more") - 20) >= now, "with its index");
	console_log_close(&log);
	ok(!strcmp(printed("../t", false), "(none)") && !strcmp(printed("u", true), "(none)"), "what is no name, or has no log, is refused");
}

int main(void)
{
	struct console_log log;
	char *big = malloc(CONSOLE_LOG_MAX);
	size_t fresh;

	ok(mkdtemp(dir) != NULL, "a folder is made");
	ok(console_log_open(&log, dir, "g", 40, 0, 0) == 0 && console_log_next(&log) == 0, "a new log begins at the stream's start");
	ok(console_log_write(&log, dir, 0, "hello ", 6, &fresh) == 0 && fresh == 6, "bytes are written");
	ok(console_log_write(&log, dir, 3, "lo world", 8, &fresh) == 0 && fresh == 5, "bytes that come again are written once");
	ok(!strcmp(contents("g.log"), "hello world"), "the log is right");
	console_log_close(&log);

	ok(console_log_open(&log, dir, "g", 40, 0, 20) == 0 && console_log_next(&log) == 11, "after a kill it goes on where it was");
	ok(console_log_write(&log, dir, 0, "hello world!", 12, &fresh) == 0 && fresh == 1 && !strcmp(contents("g.log"), "hello world!"),
	   "a replay adds only what is missing");
	ok(console_log_write(&log, dir, 20, "x", 1, &fresh) == 0 && strstr(contents("g.log"), "8 bytes of this console were lost"),
	   "a gap is noted");
	ok(console_log_next(&log) == 21, "and the stream goes on after it");
	console_log_close(&log);

	ok(console_log_open(&log, dir, "g", 41, 5, 9) == 0 && console_log_next(&log) == 5, "another domain's stream begins anew");
	console_log_close(&log);
	ok(console_log_open(&log, dir, "g", 41, 0, 3) == 0 && console_log_next(&log) == 0, "so does one that ends before the log does");
	memset(big, 'a', CONSOLE_LOG_MAX);
	ok(console_log_write(&log, dir, 0, big, CONSOLE_LOG_MAX, &fresh) == 0 && strlen(contents("g.log")) == CONSOLE_LOG_MAX &&
		   !strncmp(contents("g.log.1"), "hello", 5),
	   "a log that is full is rotated");
	ok(console_log_next(&log) == CONSOLE_LOG_MAX, "and its position stays right");
	log.max = 8;
	log.files = 3;
	for (unsigned i = 0; i < 3; i++)
		console_log_write(&log, dir, console_log_next(&log), &"12345678"[i], 5, &fresh);
	ok(!strcmp(contents("g.log"), "34567") && !strcmp(contents("g.log.1"), "23456") && !strcmp(contents("g.log.2"), "12345") &&
		   !strcmp(contents("g.log.3"), "(none)"),
	   "as many logs are kept as were asked for");
	ok(console_log_tail(&log, big, 3) == 3 && !memcmp(big, "567", 3), "the end of a log can be shown again");
	console_log_close(&log);
	free(big);
	test_times();
	return plan_done();
}
