/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The duties of process 1 in a domain that has no other process. */
#ifndef ATOLL_DRIVER_DOMAINS_INIT_H
#define ATOLL_DRIVER_DOMAINS_INIT_H

#include "event/loop.h"

#define ROLE_LEN_MAX 15
/* The kernel's own limit for the command line on x86 is 2048. */
#define CMDLINE_MAX 4096
#define MODULES_FILE_MAX 16384

/* Mounts /proc, /sys, /dev, /run and /tmp, and makes standard input, output and error usable: the console if there is one, else
 * the kernel's log. Logs what fails and goes on. */
void init_mount(void);

/* Sets the kernel so that every failure of this domain is visible from outside as a crash, and never as a hang. */
void init_fail_loudly(void);

/* Writes VALUE to a file of /proc or /sys. 0 or -errno. */
int init_set(const char *path, const char *value);

/* Locks our memory and takes us off the menu of the OOM killer. */
void init_pin_memory(void);

/* Reaps what dies: the kernel hands orphans to process 1. 0 or -errno. */
int init_reap(struct loop *loop, struct source **source);

/* The value of the LAST "KEY=" in a kernel command line; -ENOENT, or -ENAMETOOLONG. Pure. */
int cmdline_get(const char *cmdline, const char *key, char *out, size_t size);

/*
 * Kernel modules that a role needs, from /etc/modules.<role>: one a line in load order, the module's path, then optional
 * parameters after a blank. '#' starts a comment line. A module that is absent or fails is logged and skipped: the kernel may have
 * it built in. The number of modules that are there now, or -errno if the file cannot be read.
 */
int modules_load(const char *list);
/* Splits a LINE of it (without its newline) in place. False if it names no module. Pure. */
bool module_parse(char *line, const char **path, const char **args);

#endif
