/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disks and partitions of the domain as sysfs shows them (/sys/class/block). Memory-backed and loop devices are not among
 * them. Nothing is kept: each question reads sysfs again, so there is no state to go stale.
 */
#ifndef ATOLL_DRIVER_DOMAINS_CATALOGUE_H
#define ATOLL_DRIVER_DOMAINS_CATALOGUE_H

#include "base/util.h"

#define DISK_NAME_SIZE 32

struct disk {
	char name[DISK_NAME_SIZE];
	char parent[DISK_NAME_SIZE]; /* a partition's disk, else "" */
	unsigned major, minor;
	bool ro;
};

/* [A-Za-z0-9][A-Za-z0-9_-]*, shorter than DISK_NAME_SIZE: no way out of the directory. */
bool disk_name_valid(const char *name);

/* 0; -EINVAL for a bad name; -ENODEV if there is no such disk, or not yet, or it has no size. */
int catalogue_find(const char *sys_root, const char *name, struct disk *disk);

/* True if both share sectors: the same, or one is a partition of the other. */
bool disks_overlap(const struct disk *a, const struct disk *b);

#endif
