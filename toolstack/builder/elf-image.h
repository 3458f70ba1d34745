/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The little that a reload needs of an ELF64 image: what to put where in guest memory. Pure; the file may be anything. */
#ifndef ATOLL_BUILDER_ELF_IMAGE_H
#define ATOLL_BUILDER_ELF_IMAGE_H

#include "base/util.h"

#define ELF_LOADS_MAX 8             /* PT_LOAD headers: lib/pvh images have one to four */
#define ELF_SPAN_MAX (16u << 20)    /* bytes from the first to the last, with holes and bss */

struct elf_image {
	struct {
		uint64_t offset, address, file_size, memory_size; /* address: guest-physical */
	} load[ELF_LOADS_MAX];
	size_t loads;
	uint64_t start, end; /* page-aligned span of all loads */
};

/* 0, or -EINVAL (no such ELF, a header that points outside the file, overlapping loads) or -E2BIG (a limit above). */
int elf_parse(const void *file, size_t size, struct elf_image *image);

#endif
