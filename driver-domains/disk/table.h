/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which guest's disk is which target, and who may share: a target that is attached for writing is attached once; for reading,
 * any number of times. A disk and its partitions exclude each other in the same way. The control domain keeps this state too and
 * orders everything again after a rebirth, so the same order twice is no error.
 */
#ifndef ATOLL_DRIVER_DOMAINS_TABLE_H
#define ATOLL_DRIVER_DOMAINS_TABLE_H

#include "disk/catalogue.h"

/* blkback's memory is the real limit, far earlier in a domain of 48 MiB; this one bounds the table. */
#define ATTACHMENTS_MAX 128

struct attachment {
	bool used;
	bool write;
	uint32_t guest, vdev;
	uint32_t with; /* the guest whose device model GUEST is, or 0: they share this disk */
	struct disk disk; /* what the backend opens */
};

struct table {
	const char *sys_root;
	struct attachment list[ATTACHMENTS_MAX];
};

void table_init(struct table *table, const char *sys_root);

/*
 * 0 with *OUT. -EINVAL (no name of a disk), -ENODEV (no such disk, maybe not yet), -EROFS (write to a read-only disk), -EEXIST (guest
 * and vdev have another target or mode: *OUT), -EBUSY (shared against the rule: *OUT is the holder), -ENOSPC (ATTACHMENTS_MAX).
 */
int table_attach(struct table *table, uint32_t guest, uint32_t vdev, uint32_t with, const char *target, bool write,
		 const struct attachment **out);

/* NULL if there is none. */
const struct attachment *table_find(const struct table *table, uint32_t guest, uint32_t vdev);
/* 0, or -ENOENT. */
int table_detach(struct table *table, uint32_t guest, uint32_t vdev);

#endif
