// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The arena: the one region that holds all state of the store, with its allocator and its undo journal.
 *
 * Theory of operation
 *
 *   +--------+------------+-----------+------------------------------------------------+
 *   | header | page table |  journal  |  pages: slabs of one size, or runs of pages     |
 *   +--------+------------+-----------+------------------------------------------------+
 *
 * References inside are 32-bit numbers of 16-byte granules from the arena's start (0: none), so an arena can lie
 * anywhere. The process that works on it may be stopped and replaced at any instruction. Therefore all changes are
 * made in steps: before a byte that existed before the step is changed, its old content goes to the journal
 * (arena_touch); a step ends by setting the journal's length to zero, one store. Whoever attaches to an arena with a
 * journal that is not empty takes the half-done step back first. The same way a step that fails is undone, so
 * functions within a step need no clean-up of their own: they end it with arena_fail().
 *
 * Memory that was allocated in the running step need not be touched before it is written.
 */
#ifndef ATOLL_XENSTORE_ARENA_H
#define ATOLL_XENSTORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include <setjmp.h>
typedef jmp_buf arena_jump;
#define arena_setjmp(env) _setjmp(env)
#define arena_longjmp(env) longjmp(env, 1)
#else
typedef void *arena_jump[5];
#define arena_setjmp(env) __builtin_setjmp(env)
#define arena_longjmp(env) __builtin_longjmp(env, 1)
#endif

typedef uint32_t ref_t;

#define ARENA_GRANULE 16u
#define ARENA_PAGE 4096u
#define ARENA_CLASSES 38u
#define ARENA_MIN_SIZE (256u * 1024u)
#define ARENA_RESERVE 8u /* pages kept for work that must not fail: commits, events, releases */
#define ARENA_SAVED 8u
#define ARENA_VERSION 2u /* of the whole layout: raise it whenever a structure in the arena changes */

struct arena_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;
	uint64_t size;
	uint32_t pages;      /* in all, this one included */
	uint32_t first_page; /* that can be allocated */
	uint32_t free_pages;
	uint32_t free_list; /* pages of state free, linked */
	uint32_t scan;      /* where the search for a run goes on */
	uint32_t partial[ARENA_CLASSES];
	uint32_t journal_offset;
	uint32_t journal_size;
	uint32_t journal_len;
	uint32_t journal_lost; /* the running step cannot be taken back */
	ref_t root;
	uint32_t pad;
	uint64_t used_bytes; /* of blocks handed out, in their real size */
};

/* The volatile side of an arena. Lives outside it. */
struct arena {
	unsigned char *base;
	struct arena_header *header;
	struct arena_page *table;
	arena_jump *jump; /* where arena_fail() goes */
	int error;
	bool freed;    /* the running step has freed blocks */
	bool used_saved; /* the running step has saved used_bytes */
	uint32_t page_saved[ARENA_SAVED]; /* pages of which it has saved the entry */
	bool paranoid; /* tests: journal whole blocks, so that undoing is exact to the byte */
	bool emergency; /* work that must not fail may use the last pages */
	/* tests: called when a step begins (0), after each record of the journal (1), and before it is kept (2) */
	void (*hook)(struct arena *a, int phase);
	uint32_t fail_after; /* tests: the n-th allocation from here fails; 0: none */
	uint32_t journal_peak; /* most bytes that one step has put there */
};

/* Makes a fresh arena of @size bytes at @memory (page aligned). 0 or -EINVAL. */
int arena_create(struct arena *a, void *memory, size_t size);
/* Takes over an arena: checks header and page table, takes back a half-done step. 0 or -EINVAL. */
int arena_attach(struct arena *a, void *memory, size_t size);

/* Runs @step(@opaque): its changes stay if it returns >= 0, and are taken back if it returns < 0 or fails. */
int arena_step(struct arena *a, int (*step)(void *opaque), void *opaque);
/* Ends the running step with -@error; does not return. */
_Noreturn void arena_fail(struct arena *a, int error);

/* Allocation, within a step. arena_alloc fails the step with ENOSPC when there is no room; arena_try returns NULL. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_try(struct arena *a, size_t size);
void arena_free(struct arena *a, void *block);
/* The size that a request for @size really takes. */
size_t arena_real_size(size_t size);
/* Bytes that can still be allocated, if they are of a fitting kind. */
uint64_t arena_free_bytes(const struct arena *a);

/* Saves what is at @at before it is changed. */
void arena_touch(struct arena *a, const void *at, size_t len);

static inline void *arena_ptr(const struct arena *a, ref_t ref)
{
	return a->base + (size_t)ref * ARENA_GRANULE;
}

static inline ref_t arena_ref(const struct arena *a, const void *at)
{
	return (ref_t)((size_t)((const unsigned char *)at - a->base) / ARENA_GRANULE);
}

/* True if @ref is the start of a block of at least @size bytes of a page in use. Says nothing of its being free. */
bool arena_block_valid(const struct arena *a, ref_t ref, size_t size);

/*
 * Checks the page table and all free lists, and sets a bit in @bitmap (one per granule of the arena, zeroed by the
 * caller) for each granule where a block in use starts. Returns the number of blocks in use or -EINVAL.
 */
long arena_check(const struct arena *a, uint8_t *bitmap);
/* Of two such bitmaps, which store_check() needs. */
static inline size_t arena_bitmap_size(size_t arena_size)
{
	return arena_size / ARENA_GRANULE / 4;
}

/* Sets one field, journalled. */
#define ARENA_SET(a, field, value)                           \
	do {                                                 \
		arena_touch((a), &(field), sizeof(field));   \
		(field) = (value);                           \
	} while (0)

#endif
