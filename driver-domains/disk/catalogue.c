// SPDX-License-Identifier: LGPL-2.1-or-later
/* The disks and partitions of the domain as sysfs shows them. */
#include "disk/catalogue.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

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

	if (!disk_name_valid(name))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (!strncmp(name, others[i], strlen(others[i])))
			return false;
	}
	return true;
}

/* Reads an attribute of at most SIZE - 1 bytes, without trailing blanks. 0 or -errno. */
static int read_attribute(const char *sys_root, const char *name, const char *attribute, char *out, size_t size)
{
	AUTO_CLOSE int fd = -1;
	char path[PATH_MAX];
	ssize_t n;
	int r = format(path, sizeof(path), "%s/class/block/%s/%s", sys_root, name, attribute);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	while (n > 0 && isspace((unsigned char)out[n - 1]))
		n--;
	out[n] = '\0';
	return 0;
}

static int read_number(const char *sys_root, const char *name, const char *attribute, uint64_t *out)
{
	char text[32];
	int r = read_attribute(sys_root, name, attribute, text, sizeof(text));

	return r < 0 ? r : parse_u64(text, 0, UINT64_MAX, out);
}

static int read_dev(const char *sys_root, const char *name, struct disk *disk)
{
	char text[32];
	int end = 0, r = read_attribute(sys_root, name, "dev", text, sizeof(text));

	if (r < 0)
		return r;
	if (sscanf(text, "%u:%u%n", &disk->major, &disk->minor, &end) != 2 || text[end] || disk->major == 0)
		return -EINVAL;
	return 0;
}

/* A partition's directory lies in its disk's: the entry of /sys/class/block is a link that ends in DISK/PARTITION. */
static int read_parent(const char *sys_root, struct disk *disk)
{
	char path[PATH_MAX], target[PATH_MAX];
	uint64_t number;
	char *slash;
	ssize_t n;
	int r;

	if (read_number(sys_root, disk->name, "partition", &number) < 0)
		return 0;
	r = format(path, sizeof(path), "%s/class/block/%s", sys_root, disk->name);
	if (r < 0)
		return r;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	slash = strrchr(target, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	slash = strrchr(target, '/');
	if (!slash || !disk_name_valid(slash + 1))
		return -EINVAL;
	return format(disk->parent, sizeof(disk->parent), "%s", slash + 1);
}

int catalogue_find(const char *sys_root, const char *name, struct disk *disk)
{
	uint64_t size, value;

	if (!disk_name_valid(name))
		return -EINVAL;
	memset(disk, 0, sizeof(*disk));
	if (!is_disk_name(name) || format(disk->name, sizeof(disk->name), "%s", name) < 0)
		return -ENODEV;
	if (read_dev(sys_root, name, disk) < 0 || read_number(sys_root, name, "size", &size) < 0 || size == 0 ||
	    read_parent(sys_root, disk) < 0)
		return -ENODEV;
	/* A path of NVMe multipathing has no device node of its own. */
	if (read_number(sys_root, name, "hidden", &value) == 0 && value)
		return -ENODEV;
	disk->ro = read_number(sys_root, name, "ro", &value) == 0 && value;
	return 0;
}

bool disks_overlap(const struct disk *a, const struct disk *b)
{
	return !strcmp(a->name, b->name) || !strcmp(a->parent, b->name) || !strcmp(a->name, b->parent);
}
