// SPDX-License-Identifier: LGPL-2.1-or-later
/* Core files. A guest that crashes again and again fills the directory to its limit and no further. */
#include "atolld/atolld.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"

/* What all files take, and the oldest. */
static uint64_t measure(DIR *dir, char oldest[NAME_MAX + 1])
{
	uint64_t sum = 0;
	time_t age = 0;
	struct stat st;

	*oldest = '\0';
	rewinddir(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		sum += (uint64_t)st.st_size;
		if (!*oldest || st.st_mtime < age) {
			age = st.st_mtime;
			snprintf(oldest, NAME_MAX + 1, "%s", entry->d_name);
		}
	}
	return sum;
}

int dump_open(const char *name, uint64_t bytes, char *path, size_t size)
{
	char oldest[NAME_MAX + 1];
	DIR *dir;
	int fd, r = make_dirs(DUMP_DIR, 0700);

	if (r < 0)
		return r;
	if (bytes > DUMPS_MAX_BYTES)
		return -EFBIG;
	dir = opendir(DUMP_DIR);
	if (!dir)
		return -errno;
	while (measure(dir, oldest) + bytes > DUMPS_MAX_BYTES && *oldest) {
		log_warning("%s/%s: removed, to make room for a dump of %s", DUMP_DIR, oldest, name);
		if (unlinkat(dirfd(dir), oldest, 0) < 0)
			break;
	}
	closedir(dir);
	if (format(path, size, "%s/%s-%lld.core", DUMP_DIR, name, (long long)time(NULL)) < 0)
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}
