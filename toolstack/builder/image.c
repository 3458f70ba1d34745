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
#include "xenlog.h"

struct entry {
	struct image image; /* first: image_put() finds the entry by it */
	struct entry *next;
	enum image_kind kind;
	char path[BUILD_PATH_MAX + 1];
	struct stat id;
	unsigned int users;
	bool stale; /* the file has changed: goes with its last user */
	void *unpacked; /* waits for the last user of the raw data to leave */
	size_t unpacked_size;
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

size_t image_cache_bytes(const struct image_cache *cache)
{
	return cache->bytes;
}

static void *pages_alloc(size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return data == MAP_FAILED ? NULL : data;
}

static void pages_free(const void *data, size_t size)
{
	if (data)
		munmap((void *)(uintptr_t)data, size);
}

static void entry_free(struct image_cache *cache, struct entry *entry)
{
	cache->bytes -= entry->image.size;
	pages_free(entry->image.data, entry->image.size);
	pages_free(entry->unpacked, entry->unpacked_size);
	free(entry);
}

struct image_cache *image_cache_destroy(struct image_cache *cache)
{
	while (cache && cache->first) {
		struct entry *entry = cache->first;

		cache->first = entry->next;
		entry_free(cache, entry);
	}
	free(cache);
	return NULL;
}

/* Frees unused entries: stale ones, and the oldest while the cache is too big. */
static void cache_trim(struct image_cache *cache)
{
	for (;;) {
		struct entry **victim = NULL;

		for (struct entry **at = &cache->first; *at; at = &(*at)->next)
			if (!(*at)->users && ((*at)->stale || cache->bytes > cache->max_bytes))
				victim = at;
		if (!victim)
			return;
		struct entry *entry = *victim;
		*victim = entry->next;
		entry_free(cache, entry);
	}
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static const char *kind_name(enum image_kind kind)
{
	return kind == IMAGE_KERNEL ? "kernel" : "ramdisk";
}

/* Opens without waiting (a FIFO) and takes only regular files of a sensible size. The descriptor or -errno. */
static int open_image(const char *path, enum image_kind kind, struct stat *id, struct failure *failure)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return fail(failure, errno, "%s %s: %s", kind_name(kind), path, strerror(errno));
	if (fstat(fd, id) < 0)
		fail(failure, errno, "%s %s: %s", kind_name(kind), path, strerror(errno));
	else if (!S_ISREG(id->st_mode))
		fail(failure, EINVAL, "%s %s: not a regular file", kind_name(kind), path);
	else if (!id->st_size)
		fail(failure, EINVAL, "%s %s: empty file", kind_name(kind), path);
	else if (id->st_size > (off_t)IMAGE_FILE_MAX)
		fail(failure, EFBIG, "%s %s: %lld MiB, at most %u MiB", kind_name(kind), path,
		     (long long)id->st_size >> 20, IMAGE_FILE_MAX >> 20);
	else
		return fd;
	close(fd);
	return -failure->error;
}

static int read_all(int fd, char *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* it shrank while we read */
		done += n;
	}
	return 0;
}

/* A ramdisk that is one gzip stream is unpacked here; libxenguest would do it at every build. Anything else stays as it is. */
static void unpack_ramdisk(struct builder *builder, void **data, size_t *size)
{
	size_t full = xc_dom_check_gzip(builder->xen, *data, *size);
	void *plain;

	if (!full || full > IMAGE_FILE_MAX || full < *size)
		return;
	plain = pages_alloc(full);
	if (!plain)
		return;
	if (xc_dom_do_gunzip(builder->xen, *data, *size, plain, full) < 0) {
		pages_free(plain, full);
		return;
	}
	pages_free(*data, *size);
	*data = plain;
	*size = full;
}

static int entry_load(struct builder *builder, int fd, struct entry *entry, struct failure *failure)
{
	size_t size = entry->id.st_size;
	void *data = pages_alloc(size);
	int ret;

	if (!data)
		return fail(failure, ENOMEM, "%s %s: no memory to read its %zu MiB", kind_name(entry->kind), entry->path,
			    size >> 20);
	ret = read_all(fd, data, size);
	if (ret < 0) {
		pages_free(data, size);
		return fail(failure, -ret, "%s %s: %s", kind_name(entry->kind), entry->path, strerror(-ret));
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* our copy is enough */
	if (entry->kind == IMAGE_RAMDISK)
		unpack_ramdisk(builder, &data, &size);
	else
		entry->image.raw = size < 4 || memcmp(data, "\177ELF", 4);
	mprotect(data, size, PROT_READ);
	entry->image.data = data;
	entry->image.size = size;
	return 0;
}

/* Finds PATH among the entries, moves it to the front. */
static struct entry *cache_find(struct image_cache *cache, const char *path, enum image_kind kind, const struct stat *id)
{
	for (struct entry **at = &cache->first; *at; at = &(*at)->next) {
		struct entry *entry = *at;

		if (entry->stale || entry->kind != kind || strcmp(entry->path, path))
			continue;
		if (!same_file(&entry->id, id)) {
			entry->stale = true;
			continue;
		}
		*at = entry->next;
		entry->next = cache->first;
		cache->first = entry;
		return entry;
	}
	return NULL;
}

int image_get(struct builder *builder, const char *path, enum image_kind kind, struct image **image,
	      struct failure *failure)
{
	struct image_cache *cache = builder->images;
	int fd AUTO_CLOSE = -1;
	struct entry *entry;
	struct stat id;
	int ret;

	fd = open_image(path, kind, &id, failure);
	if (fd < 0)
		return fd;
	entry = cache_find(cache, path, kind, &id);
	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return fail(failure, ENOMEM, "%s %s: no memory", kind_name(kind), path);
		entry->kind = kind;
		entry->id = id;
		ret = format(entry->path, sizeof(entry->path), "%s", path);
		if (ret < 0)
			fail(failure, -ret, "%s: path of more than %d bytes", kind_name(kind), BUILD_PATH_MAX);
		else
			ret = entry_load(builder, fd, entry, failure);
		if (ret < 0) {
			free(entry);
			return ret;
		}
		cache->bytes += entry->image.size;
		entry->next = cache->first;
		cache->first = entry;
	}
	entry->users++;
	*image = &entry->image;
	cache_trim(cache);
	return 0;
}

void image_unpacked(struct image_cache *cache, struct image *image, const void *data, size_t size)
{
	struct entry *entry = container_of(image, struct entry, image);

	if (!image->raw || entry->unpacked || size > cache->max_bytes)
		return;
	entry->unpacked = pages_alloc(size);
	if (!entry->unpacked)
		return;
	memcpy(entry->unpacked, data, size);
	mprotect(entry->unpacked, size, PROT_READ);
	entry->unpacked_size = size;
}

void image_put(struct image_cache *cache, struct image *image)
{
	struct entry *entry = image ? container_of(image, struct entry, image) : NULL;

	if (!entry || --entry->users)
		return;
	if (entry->unpacked) {
		cache->bytes += entry->unpacked_size - image->size;
		pages_free(image->data, image->size);
		image->data = TAKE_PTR(entry->unpacked);
		image->size = entry->unpacked_size;
		image->raw = false;
	}
	cache_trim(cache);
}
