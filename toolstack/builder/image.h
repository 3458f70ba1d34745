/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernels and ramdisks, read once and kept decompressed: unpacking a bzImage takes half of the time of building its domain, and
 * a service domain that has to come back at once must not wait for a disk.
 * An image is good for as long as the file's identity (device, inode, size, time of change) stays.
 */
#ifndef ATOLL_BUILDER_IMAGE_H
#define ATOLL_BUILDER_IMAGE_H

#include "builder.h"

#define IMAGE_FILE_MAX (512u << 20)    /* a file, and what it may unpack to */

struct image {
	void *data; /* read-only pages */
	size_t size;
};

struct image_cache *image_cache_create(size_t max_bytes);
struct image_cache *image_cache_destroy(struct image_cache *cache);
/* Frees the images that were used longest ago, while there are too many bytes of them. No image may be in use. */
void image_cache_trim(struct image_cache *cache);

/* WHAT is "kernel" or "ramdisk", which is unpacked if it is one gzip stream. PATH is absolute and names a regular file. Blocks on the
 * disk. The image stays until image_cache_trim(). 0 or -errno. */
int image_get(struct builder *builder, const char *path, const char *what, struct image **image);
/* Keeps a copy of the unpacked kernel in its place for the next time; without memory it simply does not. */
void image_unpacked(struct image_cache *cache, struct image *image, const void *data, size_t size);

#endif
