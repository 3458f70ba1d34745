// SPDX-License-Identifier: LGPL-2.1-or-later
/* Console logs: each byte once, whenever the writer was killed. */
#include "atolld/consolelog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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
		console_log_write(&log, dir, console_log_next(&log), "12345678" + i, 5, &fresh);
	ok(!strcmp(contents("g.log"), "34567") && !strcmp(contents("g.log.1"), "23456") && !strcmp(contents("g.log.2"), "12345") &&
		   !strcmp(contents("g.log.3"), "(none)"),
	   "as many logs are kept as were asked for");
	ok(console_log_tail(&log, big, 3) == 3 && !memcmp(big, "567", 3), "the end of a log can be shown again");
	console_log_close(&log);
	free(big);
	return plan_done();
}
