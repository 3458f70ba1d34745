/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernels and ramdisks, read once and kept decompressed: unpacking a bzImage takes half of the time of building its domain, and
 * a service domain that has to come back at once must not wait for a disk.
 * An entry is good for as long as the file's identity (device, inode, size, time of change) stays.
 */
#ifndef ATOLL_BUILDER_IMAGE_H
#define ATOLL_BUILDER_IMAGE_H

#include "builder.h"

#define IMAGE_FILE_MAX (512u << 20)    /* a file, and what it may unpack to */

enum image_kind { IMAGE_KERNEL, IMAGE_RAMDISK };

struct image {
	const void *data; /* read-only pages */
	size_t size;
	bool raw; /* a kernel as in its file: whoever unpacks it hands the result to image_unpacked() */
};

struct image_cache *image_cache_create(size_t max_bytes);
struct image_cache *image_cache_destroy(struct image_cache *cache);
size_t image_cache_bytes(const struct image_cache *cache);

/* Takes a reference. PATH is absolute and names a regular file. Blocks on the disk. 0 or -errno with the failure filled in. */
int image_get(struct builder *builder, const char *path, enum image_kind kind, struct image **image,
	      struct failure *failure);
/* Keeps a copy of the unpacked kernel for the next image_get(); without memory it simply does not. */
void image_unpacked(struct image_cache *cache, struct image *image, const void *data, size_t size);
/* Drops the reference; the least recently used images go once the cache is over its limit. NULL is fine. */
void image_put(struct image_cache *cache, struct image *image);

#endif
