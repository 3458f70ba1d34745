// SPDX-License-Identifier: LGPL-2.1-or-later
/* Files as disks. */
#include "disk/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* Others take free loop devices at the same time only if there are others; the kernel's own tools try a few times too. */
#define LOOP_TRIES 8
#define LOOP_SECTOR 512

int file_store_mount(struct file_store *store, const struct disk *disk, const char *fs)
{
	char device[64];
	int r;

	if (strcmp(fs, "ext4") != 0 && strcmp(fs, "xfs") != 0)
		return -EINVAL;
	if (store->root_fd >= 0)
		return strcmp(store->disk.name, disk->name) ? -EBUSY : -EALREADY;
	r = format(device, sizeof(device), "/dev/%s", disk->name);
	if (r < 0)
		return r;
	if (mkdir(STORE_PATH, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (mount(device, STORE_PATH, fs, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | (disk->ro ? MS_RDONLY : 0), NULL) < 0)
		return -errno;
	store->root_fd = open(STORE_PATH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->root_fd < 0)
		return -errno;
	store->disk = *disk;
	return 0;
}

void file_store_fini(struct file_store *store)
{
	if (store->root_fd < 0)
		return;
	close(store->root_fd);
	store->root_fd = -1;
	umount2(STORE_PATH, MNT_DETACH);
}

int file_open(const struct file_store *store, const char *path, bool write, struct file_disk *file)
{
	/* O_NONBLOCK: a FIFO in place of the file must not stop us before fstat() has seen it. */
	struct open_how how = {
		.flags = (uint64_t)((write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (store->root_fd < 0)
		return -ENODEV;
	fd = (int)syscall(SYS_openat2, store->root_fd, path, &how, sizeof(how));
	if (fd < 0)
		return errno == EXDEV || errno == ELOOP ? -EINVAL : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < LOOP_SECTOR)
		return -EINVAL;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	return TAKE_FD(fd);
}

static int describe_loop(int loop_fd, unsigned number, bool write, struct disk *disk)
{
	struct stat st;
	uint64_t bytes;
	int sector;

	memset(disk, 0, sizeof(*disk));
	if (fstat(loop_fd, &st) < 0 || ioctl(loop_fd, BLKGETSIZE64, &bytes) < 0 || ioctl(loop_fd, BLKSSZGET, &sector) < 0)
		return -errno;
	disk->major = major(st.st_rdev);
	disk->minor = minor(st.st_rdev);
	disk->bytes = bytes;
	disk->sector = (uint32_t)sector;
	disk->ro = !write;
	return format(disk->name, sizeof(disk->name), "loop%u", number);
}

static int configure_loop(int control_fd, int fd, bool write, int *loop_fd, unsigned *number)
{
	struct loop_config config = {.fd = (uint32_t)fd};

	config.info.lo_flags = LO_FLAGS_DIRECT_IO | (write ? 0 : LO_FLAGS_READ_ONLY);
	for (int i = 0; i < LOOP_TRIES; i++) {
		int n = ioctl(control_fd, LOOP_CTL_GET_FREE);
		AUTO_CLOSE int loop = -1;
		char path[32];

		if (n < 0 || format(path, sizeof(path), "/dev/loop%d", n) < 0)
			return -errno;
		loop = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
		if (loop < 0)
			return -errno;
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
			*loop_fd = TAKE_FD(loop);
			*number = (unsigned)n;
			return 0;
		}
		if (errno != EBUSY)
			return -errno;
	}
	return -EBUSY;
}

int file_make_loop(int fd, bool write, struct file_disk *file, struct disk *disk)
{
	AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	unsigned number;
	int r;

	if (control < 0)
		return -errno;
	/* With O_DIRECT on the file the loop device takes the block size that direct I/O needs there; not every file system can. */
	fcntl(fd, F_SETFL, O_DIRECT);
	r = configure_loop(control, fd, write, &file->loop_fd, &number);
	if (r < 0)
		return r;
	r = describe_loop(file->loop_fd, number, write, disk);
	if (r < 0)
		file_release(file);
	return r;
}

void file_release(struct file_disk *file)
{
	if (file->loop_fd < 0)
		return;
	ioctl(file->loop_fd, LOOP_CLR_FD);
	close(file->loop_fd);
	file->loop_fd = -1;
}
