// SPDX-License-Identifier: LGPL-2.1-or-later
/* Kernel modules that a role needs. */
#include "agent/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/log.h"

#define BLANKS " \t\r"

bool module_parse(char *line, const char **path, const char **args)
{
	line += strspn(line, BLANKS);
	*path = strsep(&line, BLANKS);
	*args = line ? line + strspn(line, BLANKS) : "";
	return **path && **path != '#';
}

static int load(const char *path, const char *args)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *suffix = strrchr(path, '.');
	int flags = suffix && strcmp(suffix, ".ko") != 0 ? MODULE_INIT_COMPRESSED_FILE : 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, args, flags) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int modules_load(const char *list)
{
	AUTO_FREE char *text = NULL;
	char *lines, *line;
	int r = read_file(list, MODULES_FILE_MAX, &text, NULL), count = 0;

	if (r < 0)
		return r;
	for (lines = text; (line = strsep(&lines, "\n"));) {
		const char *path, *args;

		if (!module_parse(line, &path, &args))
			continue;
		r = load(path, args);
		if (r < 0)
			log_warning("%s: %s", path, strerror(-r));
		count += r == 0;
	}
	return count;
}
