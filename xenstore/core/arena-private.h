// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the arena's allocator and its checker share. */
#ifndef ATOLL_XENSTORE_ARENA_PRIVATE_H
#define ATOLL_XENSTORE_ARENA_PRIVATE_H

#include <errno.h>
#include <string.h>

#include "arena.h"

#define NO_SLOT 0xffffu

enum page_state {
	PAGE_FREE = 0,
	/* 1 .. ARENA_CLASSES: a slab of class state - 1 */
	PAGE_RUN = 0x100,  /* first page of a run; used is its length */
	PAGE_TAIL = 0x101, /* further page of a run */
	PAGE_FIXED = 0x102 /* header, table, journal */
};

struct arena_page {
	uint16_t state;
	uint16_t free; /* slab: first free slot, counted in granules from the page's start */
	uint32_t used; /* slab: blocks in use; run: pages */
	uint32_t next, prev; /* free list or list of slabs with room */
};

extern const uint16_t arena_class_sizes[ARENA_CLASSES];

#endif
