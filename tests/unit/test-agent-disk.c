// SPDX-License-Identifier: LGPL-2.1-or-later
/* The disk agent's catalogue on a made-up sysfs, and the rule of who may share a disk. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/table.h"
#include "tap.h"

static char root[] = "/tmp/atoll-sys-XXXXXX";

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	*strrchr(full, '/') = '\0';
	make_dirs(full, 0755);
	snprintf(full, sizeof(full), "%s/%s", root, path);
	file = fopen(full, "w");
	if (file) {
		fputs(text, file);
		fclose(file);
	}
}

static void make_disk(const char *dir, const char *dev, const char *size)
{
	char path[192], link[256], target[256];
	const char *name = strrchr(dir, '/') + 1;

	snprintf(path, sizeof(path), "%s/dev", dir);
	put(path, dev);
	snprintf(path, sizeof(path), "%s/size", dir);
	put(path, size);
	snprintf(path, sizeof(path), "%s/ro", dir);
	put(path, "0\n");
	put("class/block/.keep", "");
	snprintf(link, sizeof(link), "%s/class/block/%s", root, name);
	snprintf(target, sizeof(target), "../../%s", dir);
	if (symlink(target, link) < 0)
		perror(link);
}

static void make_sysfs(void)
{
	make_disk("devices/pci/nvme0n1", "259:0\n", "1048576\n");
	make_disk("devices/pci/nvme0n1/nvme0n1p1", "259:1\n", "131072\n");
	put("devices/pci/nvme0n1/nvme0n1p1/partition", "1\n");
	make_disk("devices/pci/nvme0n1/nvme0n1p2", "259:17\n", "131072\n");
	put("devices/pci/nvme0n1/nvme0n1p2/partition", "2\n");
	make_disk("devices/pci/sr0", "11:0\n", "8\n");
	put("devices/pci/sr0/ro", "1\n");
	make_disk("devices/pci/sda", "8:0\n", "0\n");
	make_disk("devices/virtual/loop0", "7:0\n", "8\n");
	make_disk("devices/virtual/ram0", "1:0\n", "8\n");
	make_disk("devices/pci/hid0", "259:9\n", "8\n");
	put("devices/pci/hid0/hidden", "1\n");
	make_disk("devices/pci/bad0", "259\n", "8\n");
	make_disk("devices/pci/huge0", "259:30\n", "99999999999999999999\n");
}

static void test_catalogue(void)
{
	struct disk disk;

	ok(catalogue_find(root, "nvme0n1", &disk) == 0 && disk.major == 259 && disk.minor == 0 && !disk.ro && !disk.parent[0],
	   "a disk is found");
	ok(catalogue_find(root, "nvme0n1p2", &disk) == 0 && disk.minor == 17, "a partition too");
	ok(!strcmp(disk.parent, "nvme0n1"), "and names its disk");
	ok(catalogue_find(root, "sr0", &disk) == 0 && disk.ro, "a read-only disk says so");
	ok(catalogue_find(root, "sda", &disk) == -ENODEV, "a drive without a medium is not there");
	ok(catalogue_find(root, "hid0", &disk) == -ENODEV && catalogue_find(root, "bad0", &disk) == -ENODEV &&
		   catalogue_find(root, "huge0", &disk) == -ENODEV,
	   "nor hidden ones and nonsense");
	ok(catalogue_find(root, "loop0", &disk) == -ENODEV && catalogue_find(root, "ram0", &disk) == -ENODEV, "nor loop and ram");
	ok(catalogue_find(root, "nothing", &disk) == -ENODEV, "nor what does not exist");
	ok(catalogue_find(root, "../block/nvme0n1", &disk) == -EINVAL && catalogue_find(root, "", &disk) == -EINVAL &&
		   catalogue_find(root, "..", &disk) == -EINVAL && catalogue_find(root, "/dev/sda", &disk) == -EINVAL,
	   "a path is no name");
	ok(catalogue_find(root, "a1234567890123456789012345678901", &disk) == -EINVAL, "nor is a long one");
	ok(catalogue_find("/nonexistent", "nvme0n1", &disk) == -ENODEV, "without sysfs there are no disks");
}

static void test_sharing(void)
{
	static struct table table;
	const struct attachment *a, *b;

	table_init(&table, root);
	ok(table_attach(&table, 32, 51712, 0, "nvme0n1p1", true, &a) == 0 && a->disk.minor == 1, "a partition is attached");
	ok(table_attach(&table, 32, 51712, 0, "nvme0n1p1", true, &b) == 0 && a == b, "the same order again gives the same");
	ok(table_attach(&table, 32, 51712, 0, "nvme0n1p2", true, &b) == -EEXIST && b == a, "another target for it is refused");
	ok(table_attach(&table, 32, 51712, 0, "nvme0n1p1", false, &b) == -EEXIST, "another mode too");
	ok(table_attach(&table, 33, 51712, 0, "nvme0n1p1", true, &b) == -EBUSY && b->guest == 32, "a second writer is refused");
	ok(table_attach(&table, 33, 51712, 0, "nvme0n1p1", false, &b) == -EBUSY && b == a, "a reader beside a writer too");
	ok(table_attach(&table, 33, 51712, 0, "nvme0n1", false, &b) == -EBUSY && b == a, "the whole disk too");
	ok(table_attach(&table, 36, 51712, 33, "nvme0n1p1", true, &b) == -EBUSY, "and another guest's device model");
	ok(table_attach(&table, 36, 51712, 32, "nvme0n1p1", true, &b) == 0 && table_detach(&table, 36, 51712) == 0,
	   "but not the guest's own device model");
	ok(table_attach(&table, 33, 51712, 0, "nvme0n1p2", false, &b) == 0, "another partition is free");
	ok(table_attach(&table, 34, 51712, 0, "nvme0n1p2", false, &b) == 0, "readers share");
	ok(table_attach(&table, 34, 51728, 0, "nvme0n1p2", true, &b) == -EBUSY, "but not with a writer");
	ok(table_attach(&table, 35, 51712, 0, "sr0", true, &b) == -EROFS, "a read-only disk has no writers");
	ok(table_attach(&table, 35, 51712, 0, "sdz", true, &b) == -ENODEV && table_attach(&table, 35, 51712, 0, "../x", true, &b) == -EINVAL,
	   "absent disks and bad names are told apart");
	ok(table_detach(&table, 32, 51712) == 0 && table_detach(&table, 32, 51712) == -ENOENT, "detaching works once");
	ok(table_attach(&table, 33, 51728, 0, "nvme0n1p1", true, &b) == 0, "what was detached is free");
}

static void test_limit(void)
{
	static struct table table;
	const struct attachment *a;
	uint32_t n = 0;

	table_init(&table, root);
	while (n <= ATTACHMENTS_MAX && table_attach(&table, 32, n, 0, "sr0", false, &a) == 0)
		n++;
	ok(n == ATTACHMENTS_MAX && table_attach(&table, 32, n, 0, "sr0", false, &a) == -ENOSPC, "the number of attachments is limited");
}

int main(void)
{
	char command[64];

	if (!mkdtemp(root))
		return 1;
	make_sysfs();
	test_catalogue();
	test_sharing();
	test_limit();
	snprintf(command, sizeof(command), "rm -r %s", root);
	if (system(command) != 0)
		printf("# %s is left behind\n", root);
	return plan_done();
}
