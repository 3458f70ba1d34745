// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Kernels and ramdisks, read once and kept unpacked: unpacking a bzImage takes half of the time of building its domain, and a
 * service domain that has to come back at once must not wait for a disk. One is good for as long as its file is the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "builder.h"
#include <xenguest.h>

#define KEPT_BYTES (128u << 20) /* of images that nobody uses: a driver domain's, and a guest's */

static void *pages_alloc(size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return data == MAP_FAILED ? NULL : data;
}

/* DATA (SIZE bytes) takes the place of what IMAGE has. */
static void set_data(struct image *image, void *data, size_t size)
{
	if (image->data)
		munmap(image->data, image->size);
	if (data)
		mprotect(data, size, PROT_READ);
	image->data = data;
	image->size = size;
}

/* The one that was used longest ago. KEPT: that has data. */
static struct image *oldest(struct builder *builder, bool kept)
{
	struct image *found = NULL;

	for (struct image *image = builder->images; image < builder->images + IMAGES_MAX; image++)
		if ((image->data || !kept) && (!found || image->used < found->used))
			found = image;
	return found;
}

void images_trim(struct builder *builder)
{
	size_t bytes = 0;

	for (size_t i = 0; i < IMAGES_MAX; i++)
		bytes += builder->images[i].size;
	while (bytes > KEPT_BYTES) {
		struct image *image = oldest(builder, true);

		bytes -= image->size;
		set_data(image, NULL, 0);
		image->used = 0;
	}
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       !memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) && !memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim));
}

/* Opens without waiting (a FIFO) and takes only regular files of a sensible size. The descriptor or -errno. */
static int open_image(struct builder *builder, const char *path, const char *what, struct stat *file)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, file) < 0)
		return fail(builder, errno, "%s %s: %s", what, path, strerror(errno));
	if (!S_ISREG(file->st_mode))
		return fail(builder, EINVAL, "%s %s: not a regular file", what, path);
	if (!file->st_size)
		return fail(builder, EINVAL, "%s %s: empty file", what, path);
	if (file->st_size > (off_t)IMAGE_FILE_MAX)
		return fail(builder, EFBIG, "%s %s: %lld MiB, at most %u MiB", what, path, (long long)file->st_size >> 20,
			    IMAGE_FILE_MAX >> 20);
	return TAKE_FD(fd);
}

/* One that is a gzip stream is unpacked here; libxenguest would do it at every build. Anything else stays as it is. */
static void unpack(struct builder *builder, struct image *image)
{
	size_t full = xc_dom_check_gzip(builder->xen, image->data, image->size);
	void *plain = full >= image->size && full <= IMAGE_FILE_MAX ? pages_alloc(full) : NULL;

	if (plain && xc_dom_do_gunzip(builder->xen, image->data, image->size, plain, full) == 0)
		set_data(image, plain, full);
	else if (plain)
		munmap(plain, full);
}

static int read_image(struct builder *builder, int fd, const char *path, const char *what, struct image *image)
{
	size_t size = image->file.st_size;
	void *data = pages_alloc(size);
	int ret;

	if (!data)
		return fail(builder, ENOMEM, "%s %s: no memory to read its %zu MiB", what, path, size >> 20);
	ret = read_full(fd, data, size);
	if (ret < 0) {
		munmap(data, size);
		return fail(builder, -ret, "%s %s: %s", what, path, strerror(-ret));
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* our copy is enough */
	set_data(image, data, size);
	unpack(builder, image);
	return 0;
}

int image_get(struct builder *builder, const char *path, const char *what, struct image **image)
{
	struct stat file;
	AUTO_CLOSE int fd = open_image(builder, path, what, &file);
	int ret = fd < 0 ? fd : 0;

	*image = NULL;
	for (size_t i = 0; i < IMAGES_MAX && ret == 0; i++)
		if (builder->images[i].data && same_file(&builder->images[i].file, &file))
			*image = &builder->images[i];
	if (ret == 0 && !*image) {
		*image = oldest(builder, false);
		set_data(*image, NULL, 0);
		(*image)->file = file;
		ret = read_image(builder, fd, path, what, *image);
	}
	if (ret == 0)
		(*image)->used = ++builder->images_used;
	return ret;
}

void image_unpacked(struct image *image, const void *data, size_t size)
{
	void *copy = size > KEPT_BYTES ? NULL : pages_alloc(size);

	if (!copy)
		return;
	memcpy(copy, data, size);
	set_data(image, copy, size);
}
