// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which guest's disk is which target, and who may share. */
#include "disk/table.h"

#include <errno.h>
#include <string.h>

void table_init(struct table *table, const char *sys_root)
{
	*table = (struct table){.sys_root = sys_root};
}

const struct attachment *table_find(const struct table *table, uint32_t guest, uint32_t vdev)
{
	for (size_t i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &table->list[i];

		if (a->used && a->guest == guest && a->vdev == vdev)
			return a;
	}
	return NULL;
}

static struct attachment *find(struct table *table, uint32_t guest, uint32_t vdev)
{
	return (struct attachment *)table_find(table, guest, vdev);
}

static struct attachment *find_free(struct table *table)
{
	for (size_t i = 0; i < ATTACHMENTS_MAX; i++) {
		if (!table->list[i].used)
			return &table->list[i];
	}
	return NULL;
}

/* A guest and its device model show one disk: only one of them uses it at a time, which is the guest's own affair. */
static bool one_machine(const struct attachment *a, const struct attachment *b)
{
	return a->vdev == b->vdev && ((a->with && a->with == b->guest) || (b->with && b->with == a->guest));
}

/* 0, or -EBUSY with the holder. */
static int check_sharing(struct table *table, const struct attachment *want, const struct attachment **holder)
{
	for (size_t i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &table->list[i];

		if (a->used && (a->write || want->write) && disks_overlap(&a->disk, &want->disk) && !one_machine(a, want)) {
			*holder = a;
			return -EBUSY;
		}
	}
	return 0;
}

int table_attach(struct table *table, uint32_t guest, uint32_t vdev, uint32_t with, const char *target, bool write,
		 const struct attachment **out)
{
	struct attachment want = {.used = true, .write = write, .guest = guest, .vdev = vdev, .with = with};
	struct attachment *slot = find(table, guest, vdev);
	int r = catalogue_find(table->sys_root, target, &want.disk);

	*out = slot;
	if (slot) { /* the same order again: the disk may have gone and come back with other numbers */
		if (strcmp(slot->disk.name, target) != 0 || slot->write != write)
			return -EEXIST;
		if (r == 0)
			slot->disk = want.disk;
		return r;
	}
	if (r == 0 && write && want.disk.ro)
		r = -EROFS;
	if (r == 0)
		r = check_sharing(table, &want, out);
	if (r < 0)
		return r;
	slot = find_free(table);
	if (!slot)
		return -ENOSPC;
	*slot = want;
	*out = slot;
	return 0;
}

int table_detach(struct table *table, uint32_t guest, uint32_t vdev)
{
	struct attachment *a = find(table, guest, vdev);

	if (!a)
		return -ENOENT;
	a->used = false;
	return 0;
}
