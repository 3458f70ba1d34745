// SPDX-License-Identifier: LGPL-2.1-or-later
/* Kernels and ramdisks, read once and kept decompressed. Few entries: a list in order of use, newest first. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <xenctrl.h> /* first: the other builds on it */
#include <xenguest.h>

#include "image.h"

struct entry {
	struct image image;
	struct entry *next;
	const char *what;
	char path[BUILD_PATH_MAX + 1];
	struct stat id;
};

struct image_cache {
	struct entry *first;
	size_t bytes, max_bytes;
};

struct image_cache *image_cache_create(size_t max_bytes)
{
	struct image_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		cache->max_bytes = max_bytes;
	return cache;
}

static void *pages_alloc(size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return data == MAP_FAILED ? NULL : data;
}

/* DATA (SIZE bytes) takes the place of what IMAGE has. */
static void set_data(struct image_cache *cache, struct image *image, void *data, size_t size)
{
	if (image->data)
		munmap(image->data, image->size);
	if (data)
		mprotect(data, size, PROT_READ);
	cache->bytes += size - image->size;
	*image = (struct image){data, size};
}

static void trim(struct image_cache *cache, size_t max_bytes)
{
	while (cache->first && cache->bytes > max_bytes) {
		struct entry **last = &cache->first, *entry;

		while ((*last)->next)
			last = &(*last)->next;
		entry = *last;
		*last = NULL;
		set_data(cache, &entry->image, NULL, 0);
		free(entry);
	}
}

void image_cache_trim(struct image_cache *cache)
{
	trim(cache, cache->max_bytes);
}

struct image_cache *image_cache_destroy(struct image_cache *cache)
{
	if (cache)
		trim(cache, 0);
	free(cache);
	return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Opens without waiting (a FIFO) and takes only regular files of a sensible size. The descriptor or -errno. */
static int open_image(struct builder *builder, const char *path, const char *what, struct stat *id)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, id) < 0)
		fail(builder, errno, "%s %s: %s", what, path, strerror(errno));
	else if (!S_ISREG(id->st_mode))
		fail(builder, EINVAL, "%s %s: not a regular file", what, path);
	else if (!id->st_size)
		fail(builder, EINVAL, "%s %s: empty file", what, path);
	else if (id->st_size > (off_t)IMAGE_FILE_MAX)
		fail(builder, EFBIG, "%s %s: %lld MiB, at most %u MiB", what, path, (long long)id->st_size >> 20, IMAGE_FILE_MAX >> 20);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -builder->failure.error;
}

/* A ramdisk that is one gzip stream is unpacked here; libxenguest would do it at every build. Anything else stays as it is. */
static void unpack_ramdisk(struct builder *builder, struct image *image)
{
	size_t full = xc_dom_check_gzip(builder->xen, image->data, image->size);
	void *plain = full >= image->size && full <= IMAGE_FILE_MAX ? pages_alloc(full) : NULL;

	if (plain && xc_dom_do_gunzip(builder->xen, image->data, image->size, plain, full) == 0)
		set_data(builder->images, image, plain, full);
	else if (plain)
		munmap(plain, full);
}

static int entry_load(struct builder *builder, int fd, struct entry *entry)
{
	size_t size = entry->id.st_size;
	void *data = pages_alloc(size);
	int ret;

	if (!data)
		return fail(builder, ENOMEM, "%s %s: no memory to read its %zu MiB", entry->what, entry->path, size >> 20);
	ret = read_full(fd, data, size);
	if (ret < 0) {
		munmap(data, size);
		return fail(builder, -ret, "%s %s: %s", entry->what, entry->path, strerror(-ret));
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* our copy is enough */
	set_data(builder->images, &entry->image, data, size);
	if (!strcmp(entry->what, "ramdisk"))
		unpack_ramdisk(builder, &entry->image);
	return 0;
}

/* Takes the entry off the list. That of a file which has changed since is not found again, and gets old. */
static struct entry *cache_take(struct image_cache *cache, const char *path, const char *what, const struct stat *id)
{
	for (struct entry **at = &cache->first; *at; at = &(*at)->next) {
		struct entry *entry = *at;

		if (strcmp(entry->path, path) || strcmp(entry->what, what) || !same_file(&entry->id, id))
			continue;
		*at = entry->next;
		return entry;
	}
	return NULL;
}

int image_get(struct builder *builder, const char *path, const char *what, struct image **image)
{
	struct image_cache *cache = builder->images;
	struct stat id;
	int fd AUTO_CLOSE = open_image(builder, path, what, &id), ret;
	struct entry *entry;

	if (fd < 0)
		return fd;
	entry = cache_take(cache, path, what, &id);
	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return fail(builder, ENOMEM, "%s %s: no memory", what, path);
		entry->what = what;
		entry->id = id;
		snprintf(entry->path, sizeof(entry->path), "%s", path); /* it is no longer: request.c */
		ret = entry_load(builder, fd, entry);
		if (ret < 0) {
			free(entry);
			return ret;
		}
	}
	entry->next = cache->first;
	cache->first = entry;
	*image = &entry->image;
	return 0;
}

void image_unpacked(struct image_cache *cache, struct image *image, const void *data, size_t size)
{
	void *copy = size > cache->max_bytes ? NULL : pages_alloc(size);

	if (!copy)
		return;
	memcpy(copy, data, size);
	set_data(cache, image, copy, size);
}
