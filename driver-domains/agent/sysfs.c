// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading sysfs. */
#include "agent/sysfs.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define FILE_MAX 4096 /* a page */

int64_t sysfs_number(const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX], *end;
	int64_t number;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (read_file(path, FILE_MAX, &text, NULL) < 0)
		return -1;
	errno = 0;
	number = strtoll(text, &end, 0);
	return errno || end == text ? -1 : number;
}

void sysfs_link(char *out, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	n = readlink(path, target, sizeof(target) - 1);
	target[MAX(n, 0)] = '\0';
	last = strrchr(target, '/');
	(void)format(out, size, "%s", last ? last + 1 : target);
}
