// SPDX-License-Identifier: LGPL-2.1-or-later
/* The log file of one console. */
#include "atolld/consolelog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int save_position(const struct console_log *log, const char *dir)
{
	char path[PATH_MAX], text[64];
	int r = format(path, sizeof(path), "%s/%s.pos", dir, log->name);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%u %lld\n", log->domid, (long long)log->base);
	return write_file_atomic(path, text, strlen(text), 0600);
}

static bool load_position(struct console_log *log, const char *dir)
{
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX];
	unsigned domid;
	long long base;

	if (format(path, sizeof(path), "%s/%s.pos", dir, log->name) < 0 || read_file(path, 64, &text, NULL) < 0 ||
	    sscanf(text, "%u %lld", &domid, &base) != 2 || domid != log->domid)
		return false;
	log->base = base;
	return true;
}

static int open_file(const struct console_log *log, const char *dir, const char *ending, uint64_t *size)
{
	char path[PATH_MAX];
	struct stat st;
	int r = format(path, sizeof(path), "%s/%s.%s", dir, log->name, ending), fd;

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

/* An index that is not of this log, or was not written whole, begins anew. */
static int open_times(struct console_log *log, const char *dir)
{
	struct console_time last = {0};
	uint64_t size = 0;

	log->times_fd = open_file(log, dir, "times", &size);
	log->times = size / sizeof(last);
	if (log->times_fd < 0)
		return log->times_fd;
	if (size && (size % sizeof(last) || pread(log->times_fd, &last, sizeof(last), (off_t)(size - sizeof(last))) != sizeof(last) ||
		     last.offset > log->size)) {
		if (ftruncate(log->times_fd, 0) < 0)
			return -errno;
		log->times = 0;
	}
	log->times_ms = 0;
	return 0;
}

/* What is written next is of now. Without its time it is worth no less, so nothing is made of an error. */
static void note_time(struct console_log *log)
{
	struct console_time entry = {.offset = log->size, .time_ms = unix_ms()};

	if (entry.time_ms - log->times_ms < CONSOLE_TIMES_MS)
		return;
	log->times_ms = entry.time_ms;
	if (write(log->times_fd, &entry, sizeof(entry)) == sizeof(entry))
		log->times++;
}

int console_log_open(struct console_log *log, const char *dir, const char *name, unsigned domid, uint64_t start, uint64_t end)
{
	int r;

	*log = (struct console_log){.domid = domid, .fd = -1, .times_fd = -1, .max = CONSOLE_LOG_MAX, .files = CONSOLE_LOG_FILES};
	snprintf(log->name, sizeof(log->name), "%s", name);
	log->fd = open_file(log, dir, "log", &log->size);
	r = log->fd < 0 ? log->fd : open_times(log, dir);
	if (r < 0)
		return r;
	if (load_position(log, dir) && console_log_next(log) <= end)
		return 0;
	log->base = (int64_t)start - (int64_t)log->size;
	return save_position(log, dir);
}

void console_log_close(struct console_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	if (log->times_fd >= 0)
		close(log->times_fd);
	log->fd = log->times_fd = -1;
}

uint64_t console_log_next(const struct console_log *log)
{
	return (uint64_t)((int64_t)log->size + log->base);
}

static int append(struct console_log *log, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(log->fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
		log->size += (uint64_t)n;
	}
	return 0;
}

static int rotate_files(const struct console_log *log, const char *dir, const char *ending)
{
	char path[PATH_MAX], old[PATH_MAX];
	int r = format(old, sizeof(old), "%s/%s.%s.%u", dir, log->name, ending, CONSOLE_LOG_FILES_MAX);

	if (r < 0)
		return r;
	for (unsigned i = log->files - 1; i > 0; i--) {
		snprintf(old, sizeof(old), "%s/%s.%s.%u", dir, log->name, ending, i);
		snprintf(path, sizeof(path), i > 1 ? "%s/%s.%s.%u" : "%s/%s.%s", dir, log->name, ending, i - 1);
		if (rename(path, old) < 0 && errno != ENOENT)
			return -errno;
	}
	snprintf(path, sizeof(path), "%s/%s.%s", dir, log->name, ending);
	return log->files == 1 && unlink(path) < 0 ? -errno : 0;
}

static int rotate(struct console_log *log, const char *dir)
{
	uint64_t next = console_log_next(log);
	int r = rotate_files(log, dir, "times");

	if (r == 0)
		r = rotate_files(log, dir, "log");
	if (r < 0)
		return r;
	console_log_close(log);
	log->fd = open_file(log, dir, "log", &log->size);
	r = log->fd < 0 ? log->fd : open_times(log, dir);
	log->base = (int64_t)next - (int64_t)log->size;
	return r < 0 ? r : save_position(log, dir);
}

static int note_gap(struct console_log *log, const char *dir, uint64_t offset)
{
	char text[80];
	int r;

	snprintf(text, sizeof(text), "\n[atoll: %llu bytes of this console were lost]\n",
		 (unsigned long long)(offset - console_log_next(log)));
	r = append(log, text, strlen(text));
	log->base = (int64_t)offset - (int64_t)log->size;
	return r < 0 ? r : save_position(log, dir);
}

int console_log_write(struct console_log *log, const char *dir, uint64_t offset, const char *bytes, size_t len, size_t *fresh)
{
	uint64_t next = console_log_next(log);
	int r = 0;

	*fresh = 0;
	if (offset + len <= next)
		return 0;
	if (offset < next) {
		bytes += next - offset;
		len -= (size_t)(next - offset);
	} else if (offset > next) {
		r = note_gap(log, dir, offset);
	}
	if (r == 0 && (log->size + len > log->max || log->times > log->max / CONSOLE_TIMES_SHARE))
		r = rotate(log, dir);
	if (r == 0) {
		note_time(log);
		r = append(log, bytes, len);
	}
	if (r == 0)
		*fresh = len;
	return r;
}

ssize_t console_log_tail(const struct console_log *log, char *bytes, size_t size)
{
	size_t len = MIN(size, log->size);
	ssize_t n = pread(log->fd, bytes, len, (off_t)(log->size - len));

	return n < 0 ? -errno : n;
}
