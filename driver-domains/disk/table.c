// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which guest's disk is which target, and who may share. */
#include "disk/table.h"

#include <errno.h>
#include <string.h>

#define FILE_PREFIX "file:"

void table_init(struct table *table, const char *sys_root)
{
	memset(table, 0, sizeof(*table));
	table->sys_root = sys_root;
	table->store.root_fd = -1;
	for (size_t i = 0; i < ATTACHMENTS_MAX; i++)
		table->list[i].file.loop_fd = -1;
}

static void release(struct attachment *attachment)
{
	file_release(&attachment->file);
	memset(attachment, 0, sizeof(*attachment));
	attachment->file.loop_fd = -1;
}

void table_fini(struct table *table)
{
	for (size_t i = 0; i < ATTACHMENTS_MAX; i++)
		release(&table->list[i]);
	file_store_fini(&table->store);
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

static bool is_file(const char *target)
{
	return !strncmp(target, FILE_PREFIX, strlen(FILE_PREFIX));
}

static bool same_backing(const struct attachment *a, const struct attachment *b)
{
	if (is_file(a->target) != is_file(b->target))
		return false;
	if (is_file(a->target))
		return a->file.dev == b->file.dev && a->file.ino == b->file.ino;
	return disks_overlap(&a->disk, &b->disk);
}

/* A guest and its device model show one disk: only one of them uses it at a time, which is the guest's own affair. */
static bool one_machine(const struct attachment *a, const struct attachment *b)
{
	return a->vdev == b->vdev && ((a->with && a->with == b->guest) || (b->with && b->with == a->guest));
}

/* 0, or -EBUSY with the holder (NULL: the file store). */
static int check_sharing(struct table *table, const struct attachment *want, const struct attachment **holder)
{
	*holder = NULL;
	if (!is_file(want->target) && table->store.root_fd >= 0 && disks_overlap(&want->disk, &table->store.disk))
		return -EBUSY;
	for (size_t i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &table->list[i];

		if (a->used && (a->write || want->write) && same_backing(a, want) && !one_machine(a, want)) {
			*holder = a;
			return -EBUSY;
		}
	}
	return 0;
}

static int attach_disk(struct table *table, struct attachment *want, const struct attachment **holder)
{
	int r = catalogue_find(table->sys_root, want->target, &want->disk);

	if (r == 0 && want->write && want->disk.ro)
		r = -EROFS;
	return r < 0 ? r : check_sharing(table, want, holder);
}

static int attach_file(struct table *table, struct attachment *want, const struct attachment **holder)
{
	AUTO_CLOSE int fd = file_open(&table->store, want->target + strlen(FILE_PREFIX), want->write, &want->file);
	int r;

	if (fd < 0)
		return fd;
	r = check_sharing(table, want, holder);
	return r < 0 ? r : file_make_loop(fd, want->write, &want->file, &want->disk);
}

/* The same order again: the disk may have gone and come back with other numbers. */
static int attach_again(struct table *table, struct attachment *a, const char *target, bool write,
			const struct attachment **out)
{
	struct disk disk;
	int r;

	*out = a;
	if (strcmp(a->target, target) != 0 || a->write != write)
		return -EEXIST;
	if (is_file(target))
		return 0;
	r = catalogue_find(table->sys_root, target, &disk);
	if (r == 0)
		a->disk = disk;
	return r;
}

int table_attach(struct table *table, uint32_t guest, uint32_t vdev, uint32_t with, const char *target, bool write,
		 const struct attachment **out)
{
	struct attachment want = {.used = true, .write = write, .guest = guest, .vdev = vdev, .with = with, .file.loop_fd = -1};
	struct attachment *slot = find(table, guest, vdev);
	int r;

	*out = NULL;
	if (format(want.target, sizeof(want.target), "%s", target) < 0)
		return -EINVAL;
	if (slot)
		return attach_again(table, slot, target, write, out);
	slot = find_free(table);
	if (!slot)
		return -ENOSPC;
	r = is_file(target) ? attach_file(table, &want, out) : attach_disk(table, &want, out);
	if (r < 0)
		return r;
	*slot = want;
	*out = slot;
	return 0;
}

int table_detach(struct table *table, uint32_t guest, uint32_t vdev)
{
	struct attachment *a = find(table, guest, vdev);

	if (!a)
		return -ENOENT;
	release(a);
	return 0;
}
