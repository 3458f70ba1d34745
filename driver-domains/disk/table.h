/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which guest's disk is which target, and who may share: a target that is attached for writing is attached once; for reading,
 * any number of times. A disk and its partitions exclude each other in the same way. The control domain keeps this state too and
 * orders everything again after a rebirth, so the same order twice is no error.
 */
#ifndef ATOLL_DRIVER_DOMAINS_TABLE_H
#define ATOLL_DRIVER_DOMAINS_TABLE_H

#include "disk/catalogue.h"
#include "disk/file.h"

/* blkback's memory is the real limit, far earlier in a domain of 48 MiB; this one keeps disk.list within a frame. */
#define ATTACHMENTS_MAX 128
/* "file:" and a path. */
#define TARGET_SIZE 256

struct attachment {
	bool used;
	bool write;
	uint32_t guest, vdev;
	uint32_t with; /* the guest whose device model GUEST is, or 0: they share this disk */
	char target[TARGET_SIZE];
	struct disk disk;      /* what the backend opens; for a file its loop device */
	struct file_disk file; /* no loop device if the target is a disk */
};

struct table {
	const char *sys_root;
	struct file_store store;
	struct attachment list[ATTACHMENTS_MAX];
};

void table_init(struct table *table, const char *sys_root);
void table_fini(struct table *table);

/*
 * 0 with *OUT. -EINVAL (bad target), -ENODEV (no such disk, maybe not yet), -ENOENT (no such file), -EROFS (write to a
 * read-only disk), -EEXIST (guest and vdev have another target or mode: *OUT), -EBUSY (shared against the rule: *OUT is the
 * holder, or NULL if the data file system is on it), -ENOSPC (ATTACHMENTS_MAX), or an error of the loop driver.
 */
int table_attach(struct table *table, uint32_t guest, uint32_t vdev, uint32_t with, const char *target, bool write,
		 const struct attachment **out);

/* NULL if there is none. */
const struct attachment *table_find(const struct table *table, uint32_t guest, uint32_t vdev);
/* 0, or -ENOENT. */
int table_detach(struct table *table, uint32_t guest, uint32_t vdev);

#endif
