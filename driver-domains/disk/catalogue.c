// SPDX-License-Identifier: LGPL-2.1-or-later
/* The disks and partitions of the domain as sysfs shows them. */
#include "disk/catalogue.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "agent/sysfs.h"

bool disk_name_valid(const char *name)
{
	size_t n = 0;

	for (; name[n]; n++) {
		unsigned char c = (unsigned char)name[n];

		if (!isalnum(c) && (n == 0 || (c != '_' && c != '-')))
			return false;
	}
	return n > 0 && n < DISK_NAME_SIZE;
}

/* A loop device is made for a file, the others are memory: none is a disk of its own. */
static bool is_disk_name(const char *name)
{
	static const char *const others[] = {"loop", "ram", "zram"};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (!strncmp(name, others[i], strlen(others[i])))
			return false;
	}
	return true;
}

static bool read_dev(const char *sys_root, struct disk *disk)
{
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX], end;

	snprintf(path, sizeof(path), "%s/class/block/%s/dev", sys_root, disk->name);
	return read_file(path, 4096, &text, NULL) == 0 && sscanf(text, "%u:%u%c", &disk->major, &disk->minor, &end) == 3 && end == '\n' &&
	       disk->major > 0;
}

/* A partition's directory lies in its disk's. */
static bool read_parent(const char *sys_root, struct disk *disk)
{
	AUTO_FREE char *full = NULL;
	char path[PATH_MAX];

	if (sysfs_number("%s/class/block/%s/partition", sys_root, disk->name) < 0)
		return true;
	snprintf(path, sizeof(path), "%s/class/block/%s/..", sys_root, disk->name);
	full = realpath(path, NULL);
	return full && disk_name_valid(strrchr(full, '/') + 1) && format(disk->parent, sizeof(disk->parent), "%s", strrchr(full, '/') + 1) == 0;
}

int catalogue_find(const char *sys_root, const char *name, struct disk *disk)
{
	if (!disk_name_valid(name))
		return -EINVAL;
	*disk = (struct disk){0};
	strcpy(disk->name, name);
	/* Hidden: a path of NVMe multipathing has no device node of its own. */
	if (!is_disk_name(name) || !read_dev(sys_root, disk) || sysfs_number("%s/class/block/%s/size", sys_root, name) <= 0 ||
	    !read_parent(sys_root, disk) || sysfs_number("%s/class/block/%s/hidden", sys_root, name) > 0)
		return -ENODEV;
	disk->ro = sysfs_number("%s/class/block/%s/ro", sys_root, name) > 0;
	return 0;
}

bool disks_overlap(const struct disk *a, const struct disk *b)
{
	return !strcmp(a->name, b->name) || !strcmp(a->parent, b->name) || !strcmp(a->name, b->parent);
}
