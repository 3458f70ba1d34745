/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading sysfs. Paths are formatted. */
#ifndef ATOLL_DRIVER_DOMAINS_SYSFS_H
#define ATOLL_DRIVER_DOMAINS_SYSFS_H

#include "base/util.h"

/* The number that a file begins with (0x: hexadecimal); -1 if there is none. */
int64_t sysfs_number(const char *fmt, ...) PRINTF(1, 2);
/* The last part of what a symbolic link points to; "" if there is none. */
void sysfs_link(char *out, size_t size, const char *fmt, ...) PRINTF(3, 4);

#endif
