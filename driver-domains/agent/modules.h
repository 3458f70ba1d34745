/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel modules that a role needs, from /etc/modules.<role>: one a line in load order, the module's path, then optional
 * parameters after a blank. '#' starts a comment line. A module that is absent or fails is noted and skipped: the kernel may have
 * it built in, and a domain that comes up with less can be asked what is missing.
 */
#ifndef ATOLL_DRIVER_DOMAINS_MODULES_H
#define ATOLL_DRIVER_DOMAINS_MODULES_H

#include "base/util.h"

#define MODULES_MAX 64
#define MODULES_FILE_MAX 16384
#define MODULE_PATH_MAX 256
#define MODULE_ARGS_MAX 256

struct module {
	char path[MODULE_PATH_MAX];
	char args[MODULE_ARGS_MAX];
	int error; /* of loading: 0 or -errno */
};

struct modules {
	struct module list[MODULES_MAX];
	size_t count;
	size_t skipped; /* lines that were too long, or beyond MODULES_MAX */
};

/* Pure: TEXT need not be NUL-terminated. Bad lines are counted, not fatal. */
void modules_parse(struct modules *modules, const char *text, size_t len);

/* Reads PATH and loads what it lists. 0, or -errno if the file cannot be read. */
int modules_load(struct modules *modules, const char *path);

/* The module's name as the kernel has it: the file's, without .ko and what follows, '-' as '_'. */
void module_name(const struct module *module, char *out, size_t size);

#endif
