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

int console_log_open(struct console_log *log, const char *dir, const char *name, unsigned domid, uint64_t start, uint64_t end)
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	*log = (struct console_log){.domid = domid, .fd = -1, .max = CONSOLE_LOG_MAX, .files = CONSOLE_LOG_FILES};
	snprintf(log->name, sizeof(log->name), "%s", name);
	r = format(path, sizeof(path), "%s/%s.log", dir, name);
	if (r < 0)
		return r;
	log->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->fd < 0 || fstat(log->fd, &st) < 0)
		return -errno;
	log->size = (uint64_t)st.st_size;
	if (load_position(log, dir) && console_log_next(log) <= end)
		return 0;
	log->base = (int64_t)start - (int64_t)log->size;
	return save_position(log, dir);
}

void console_log_close(struct console_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
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

static int rotate(struct console_log *log, const char *dir)
{
	char path[PATH_MAX], old[PATH_MAX];
	uint64_t next = console_log_next(log);
	int r = format(old, sizeof(old), "%s/%s.log.%u", dir, log->name, CONSOLE_LOG_FILES_MAX);

	if (r < 0)
		return r;
	for (unsigned i = log->files - 1; i > 0; i--) {
		snprintf(old, sizeof(old), "%s/%s.log.%u", dir, log->name, i);
		snprintf(path, sizeof(path), i > 1 ? "%s/%s.log.%u" : "%s/%s.log", dir, log->name, i - 1);
		if (rename(path, old) < 0 && errno != ENOENT)
			return -errno;
	}
	snprintf(path, sizeof(path), "%s/%s.log", dir, log->name);
	if (log->files == 1 && unlink(path) < 0)
		return -errno;
	console_log_close(log);
	log->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->fd < 0)
		return -errno;
	log->size = 0;
	log->base = (int64_t)next;
	return save_position(log, dir);
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
	if (r == 0 && log->size + len > log->max)
		r = rotate(log, dir);
	if (r == 0)
		r = append(log, bytes, len);
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
