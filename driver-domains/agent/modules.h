/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel modules that a role needs, from /etc/modules.<role>: one a line in load order, the module's path, then optional
 * parameters after a blank. '#' starts a comment line. A module that is absent or fails is logged and skipped: the kernel may have
 * it built in.
 */
#ifndef ATOLL_DRIVER_DOMAINS_MODULES_H
#define ATOLL_DRIVER_DOMAINS_MODULES_H

#include "base/util.h"

#define MODULES_FILE_MAX 16384

/* Splits LINE (without its newline) in place. False if it names no module. Pure. */
bool module_parse(char *line, const char **path, const char **args);

/* Loads what the file lists. The number of modules that are there now, or -errno if the file cannot be read. */
int modules_load(const char *list);

#endif
