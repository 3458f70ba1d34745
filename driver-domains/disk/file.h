/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files as disks: one data file system is mounted at STORE_PATH; a file on it becomes a loop device with direct I/O, so that
 * what a guest was told is written is not in this domain's page cache only.
 */
#ifndef ATOLL_DRIVER_DOMAINS_FILE_H
#define ATOLL_DRIVER_DOMAINS_FILE_H

#include <sys/types.h>

#include "disk/catalogue.h"

#define STORE_PATH "/data"

struct file_store {
	int root_fd;      /* -1: none is mounted */
	struct disk disk; /* what it is on */
};

struct file_disk {
	int loop_fd; /* holds the loop device; -1: none */
	dev_t dev;   /* identity of the file, for the sharing rule */
	ino_t ino;
};

/* Mounts DISK, a file system of type FS (ext4 or xfs), at STORE_PATH. Blocks for as long as the kernel recovers its journal.
 * 0; -EALREADY if it is that one already; -EBUSY if another one is mounted; -EINVAL for another type; the kernel's error. */
int file_store_mount(struct file_store *store, const struct disk *disk, const char *fs);
void file_store_fini(struct file_store *store);

/* Opens the regular file PATH below the store, never following a link or leaving it. A descriptor, -ENODEV if no store is
 * mounted, -EINVAL for what is no regular file, or -errno. FILE gets its identity. */
int file_open(const struct file_store *store, const char *path, bool write, struct file_disk *file);

/* Makes a loop device of FD (which stays the caller's). On 0 FILE holds it and DISK describes it. */
int file_make_loop(int fd, bool write, struct file_disk *file, struct disk *disk);
/* Lets go of the loop device; it vanishes when its last user closes it. */
void file_release(struct file_disk *file);

#endif
