/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log file of one console. The file's size and one number beside it (NAME.pos) tell how far the console's stream was
 * written, so that after a restart at any moment each byte is there once: stream offset = file size + base.
 *
 * When it was written is in an index beside it (NAME.times), so that the log has the guest's bytes and no others: at most one entry
 * a second. A log whose index is full is rotated with it.
 */
#ifndef ATOLL_CONSOLELOG_H
#define ATOLL_CONSOLELOG_H

#include <sys/types.h>

#include "base/util.h"

#define CONSOLE_LOG_DIR "/var/log/atoll/console"
#define CONSOLE_LOG_MAX (4u << 20) /* bytes of a log, unless host.json says otherwise */
#define CONSOLE_LOG_FILES 2        /* kept, the current one among them: NAME.log, NAME.log.1 … */
#define CONSOLE_LOG_FILES_MAX 64
#define CONSOLE_NAME_MAX (NAME_LEN_MAX + 16) /* NAME, or NAME:something for a domain's further consoles */

struct console_log {
	char name[CONSOLE_NAME_MAX + 1];
	unsigned domid;
	int fd;
	uint64_t max;   /* bytes; the caller may change both after opening it */
	unsigned files;
	uint64_t size; /* of the file */
	int times_fd;
	uint64_t times, times_ms; /* entries of the index, and the last one's time */
	int64_t base;  /* stream offset of the file's first byte */
};

/* An entry of the index: what is at OFFSET of the file and behind was written at TIME_MS (since 1970) or later. */
struct console_time {
	uint64_t offset, time_ms;
};
#define CONSOLE_TIMES_MS 1000
#define CONSOLE_TIMES_SHARE 64 /* bytes of log that an entry stands for, at least: the index has a fourth of the log's size at most */

/* Opens DIR/NAME.log to go on. A stream that is not the one in the file (another domid, or it ends at END before what the file
 * has) begins anew at START. 0 or -errno; LOG is owned by the caller in any case. */
int console_log_open(struct console_log *log, const char *dir, const char *name, unsigned domid, uint64_t start, uint64_t end);
void console_log_close(struct console_log *log);
/* The offset of the next byte wanted. */
uint64_t console_log_next(const struct console_log *log);
/* Writes what is new of LEN bytes at OFFSET; a gap (bytes lost) is noted in the file. *FRESH is how many of the last bytes were
 * new. 0 or -errno. */
int console_log_write(struct console_log *log, const char *dir, uint64_t offset, const char *bytes, size_t len, size_t *fresh);
/* The last bytes, at most SIZE; how many, or -errno. */
ssize_t console_log_tail(const struct console_log *log, char *bytes, size_t size);

#endif
