// SPDX-License-Identifier: LGPL-2.1-or-later
/* The arena's allocator (slabs of one size in a page, or runs of pages) and its undo journal. */
#include "arena-private.h"

#include <errno.h>
#include <string.h>

#define ARENA_MAGIC 0x31306c6c6f746141ull /* "Atoll01" backwards in memory */

const uint16_t arena_class_sizes[ARENA_CLASSES] = {
	16,  32,  48,  64,  80,  96,  112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 272, 288, 304,
	320, 336, 352, 368, 384, 400, 416, 432, 448, 464, 480, 496, 512, 576, 672, 816, 1024, 1360, 2048,
};

static unsigned int class_of(size_t size)
{
	unsigned int c = 32;

	if (size <= 512)
		return size ? (unsigned int)((size - 1) / 16) : 0;
	while (arena_class_sizes[c] < size)
		c++;
	return c;
}

size_t arena_real_size(size_t size)
{
	if (size <= 2048)
		return arena_class_sizes[class_of(size)];
	return (size + ARENA_PAGE - 1) / ARENA_PAGE * ARENA_PAGE;
}

#define barrier() __asm__ volatile("" ::: "memory")

/* ---- the journal: [data, padded to 8][offset u32][len u32] ... */

static __attribute__((noinline)) void touch_any(struct arena *a, const void *at, size_t len)
{
	struct arena_header *h = a->header;
	size_t padded = (len + 7) & ~(size_t)7;
	unsigned char *to = a->base + h->journal_offset + h->journal_len;
	uint32_t tail[2];

	if (h->journal_len + padded + 8 > h->journal_size) {
		/* Must be decided before the change, so that the step can still be taken back. */
		arena_fail(a, ENOSPC);
	}
	memcpy(to, at, len);
	tail[0] = (uint32_t)(((const unsigned char *)at - a->base));
	tail[1] = (uint32_t)len;
	memcpy(to + padded, tail, sizeof tail);
	/* The record is whole before it counts, and it counts before the caller changes what it saved. */
	barrier();
	h->journal_len += (uint32_t)(padded + 8);
	barrier();
	if (a->hook)
		a->hook(a, 1);
}

/* Most are one field: that is half of what a change costs, so it is done without any call. */
void arena_touch(struct arena *a, const void *at, size_t len)
{
	struct arena_header *h = a->header;
	unsigned char *to = a->base + h->journal_offset + h->journal_len;
	uint64_t record[2];

	if ((len != 4 && len != 8) || a->hook || h->journal_len + sizeof record > h->journal_size) {
		touch_any(a, at, len);
		return;
	}
	record[0] = 0;
	if (len == 8)
		memcpy(record, at, 8);
	else
		memcpy(record, at, 4);
	record[1] = (uint64_t)len << 32 | (uint32_t)((const unsigned char *)at - a->base);
	memcpy(to, record, sizeof record);
	barrier();
	h->journal_len += (uint32_t)sizeof record;
	barrier();
}

/* Takes back all that the journal holds. -EINVAL if it is not a journal. */
static int journal_undo(struct arena *a)
{
	struct arena_header *h = a->header;
	unsigned char *journal = a->base + h->journal_offset;

	while (h->journal_len) {
		uint32_t tail[2], padded;

		if (h->journal_len < 8 || h->journal_len > h->journal_size || h->journal_len % 8)
			return -EINVAL;
		memcpy(tail, journal + h->journal_len - 8, sizeof tail);
		padded = (tail[1] + 7) & ~7u;
		if (padded < tail[1] || padded > h->journal_len - 8 || tail[0] > h->size || tail[1] > h->size - tail[0])
			return -EINVAL;
		memcpy(a->base + tail[0], journal + h->journal_len - 8 - padded, tail[1]);
		barrier();
		h->journal_len -= padded + 8;
		barrier();
	}
	return 0;
}

_Noreturn void arena_fail(struct arena *a, int error)
{
	a->error = error;
	arena_longjmp(*a->jump);
}

int arena_step(struct arena *a, int (*step)(void *opaque), void *opaque)
{
	arena_jump jump;
	int r;

	a->freed = a->used_saved = false;
	memset(a->page_saved, 0, sizeof a->page_saved);
	a->jump = &jump;
	if (a->hook)
		a->hook(a, 0);
	if (arena_setjmp(jump) == 0)
		r = step(opaque);
	else
		r = -a->error;
	a->jump = NULL;
	if (a->header->journal_len > a->journal_peak)
		a->journal_peak = a->header->journal_len;
	if (r < 0) {
		journal_undo(a);
	} else {
		if (a->hook)
			a->hook(a, 2);
		barrier();
		a->header->journal_len = 0;
		barrier();
	}
	return r;
}

/* ---- what a step changes again and again needs to be saved only once */

static void page_save(struct arena *a, uint32_t page)
{
	uint32_t *saved = &a->page_saved[page % ARENA_SAVED];

	if (*saved == page)
		return;
	arena_touch(a, &a->table[page], sizeof a->table[page]);
	*saved = page;
}

static void used_add(struct arena *a, int64_t bytes)
{
	struct arena_header *h = a->header;

	if (!a->used_saved)
		arena_touch(a, &h->used_bytes, sizeof h->used_bytes);
	a->used_saved = true;
	h->used_bytes += (uint64_t)bytes;
}

/* ---- pages */

static void page_list_add(struct arena *a, uint32_t *head, uint32_t page)
{
	struct arena_page *p = &a->table[page];

	p->prev = 0;
	p->next = *head;
	if (*head)
		ARENA_SET(a, a->table[*head].prev, page);
	ARENA_SET(a, *head, page);
}

static void page_list_del(struct arena *a, uint32_t *head, uint32_t page)
{
	struct arena_page *p = &a->table[page];

	if (p->next)
		ARENA_SET(a, a->table[p->next].prev, p->prev);
	if (p->prev)
		ARENA_SET(a, a->table[p->prev].next, p->next);
	else
		ARENA_SET(a, *head, p->next);
}

static uint32_t page_take(struct arena *a)
{
	struct arena_header *h = a->header;
	uint32_t page = h->free_list;

	if (!page || (h->free_pages <= ARENA_RESERVE && !a->emergency))
		return 0;
	page_save(a, page);
	page_list_del(a, &h->free_list, page);
	ARENA_SET(a, h->free_pages, h->free_pages - 1);
	return page;
}

static void page_give(struct arena *a, uint32_t page)
{
	struct arena_header *h = a->header;

	page_save(a, page);
	a->table[page].state = PAGE_FREE;
	a->table[page].used = 0;
	page_list_add(a, &h->free_list, page);
	ARENA_SET(a, h->free_pages, h->free_pages + 1);
}

/* First fit from where the last search ended; @count pages in a row. */
static uint32_t run_find(struct arena *a, uint32_t from, uint32_t to, uint32_t count)
{
	uint32_t have = 0;

	for (uint32_t i = from; i < to; i++) {
		have = a->table[i].state == PAGE_FREE ? have + 1 : 0;
		if (have == count)
			return i + 1 - count;
	}
	return 0;
}

static void *run_alloc(struct arena *a, size_t size)
{
	struct arena_header *h = a->header;
	uint32_t count = (uint32_t)((size + ARENA_PAGE - 1) / ARENA_PAGE), page;

	if (count + (a->emergency ? 0 : ARENA_RESERVE) > h->free_pages)
		return NULL;
	if (count == 1) {
		page = h->free_list;
	} else {
		page = run_find(a, h->scan, h->pages, count);
		if (!page)
			page = run_find(a, h->first_page, h->pages, count);
	}
	if (!page)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		struct arena_page *p = &a->table[page + i];

		arena_touch(a, p, sizeof *p);
		page_list_del(a, &h->free_list, page + i);
		p->state = i ? PAGE_TAIL : PAGE_RUN;
		p->used = count;
	}
	ARENA_SET(a, h->free_pages, h->free_pages - count);
	ARENA_SET(a, h->scan, page + count < h->pages ? page + count : h->first_page);
	used_add(a, (int64_t)count * ARENA_PAGE);
	return a->base + (size_t)page * ARENA_PAGE;
}

/* ---- slabs */

static uint32_t slab_new(struct arena *a, unsigned int c)
{
	struct arena_header *h = a->header;
	uint32_t page = page_take(a), step = arena_class_sizes[c] / ARENA_GRANULE, n = ARENA_PAGE / arena_class_sizes[c];
	unsigned char *base = a->base + (size_t)page * ARENA_PAGE;
	struct arena_page *p = &a->table[page];

	if (!page)
		return 0;
	/* A page that was free holds nothing that anybody would want back, unless this step freed it. */
	if (a->freed || a->paranoid)
		arena_touch(a, base, ARENA_PAGE);
	for (uint32_t i = 0; i < n; i++) {
		uint16_t next = (uint16_t)(i + 1 < n ? (i + 1) * step : NO_SLOT);

		memcpy(base + (size_t)i * arena_class_sizes[c], &next, sizeof next);
	}
	p->state = (uint16_t)(c + 1);
	p->free = 0;
	p->used = 0;
	page_list_add(a, &h->partial[c], page);
	return page;
}

static void *slab_alloc(struct arena *a, unsigned int c)
{
	struct arena_header *h = a->header;
	uint32_t page = h->partial[c];
	struct arena_page *p;
	unsigned char *block;
	uint16_t next;

	if (!page)
		page = slab_new(a, c);
	if (!page)
		return NULL;
	p = &a->table[page];
	block = a->base + (size_t)page * ARENA_PAGE + (size_t)p->free * ARENA_GRANULE;
	memcpy(&next, block, sizeof next);
	page_save(a, page);
	/* The free list runs through the block. A block freed in this very step has to come back whole. */
	arena_touch(a, block, a->freed || a->paranoid ? arena_class_sizes[c] : 8);
	p->free = next;
	p->used++;
	if (next == NO_SLOT)
		page_list_del(a, &h->partial[c], page);
	used_add(a, arena_class_sizes[c]);
	return block;
}

void *arena_try(struct arena *a, size_t size)
{
	void *block;

	if (a->fail_after && !a->emergency && --a->fail_after == 0)
		return NULL;
	if (size > 2048) {
		block = run_alloc(a, size);
		if (block && (a->freed || a->paranoid))
			arena_touch(a, block, size);
		return block;
	}
	return slab_alloc(a, class_of(size));
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *block = arena_try(a, size);

	if (!block)
		arena_fail(a, ENOSPC);
	return block;
}

void arena_free(struct arena *a, void *block)
{
	struct arena_header *h = a->header;
	uint32_t page, count;
	struct arena_page *p;
	unsigned int c;

	if (!block)
		return;
	a->freed = true;
	page = (uint32_t)((size_t)((unsigned char *)block - a->base) / ARENA_PAGE);
	p = &a->table[page];
	page_save(a, page);
	if (p->state == PAGE_RUN) {
		count = p->used;
		for (uint32_t i = 0; i < count; i++)
			page_give(a, page + i);
		used_add(a, -(int64_t)count * ARENA_PAGE);
		return;
	}
	c = p->state - 1u;
	arena_touch(a, block, 8);
	memcpy(block, &p->free, sizeof p->free);
	if (p->free == NO_SLOT)
		page_list_add(a, &h->partial[c], page);
	p->free = (uint16_t)((size_t)((unsigned char *)block - a->base) % ARENA_PAGE / ARENA_GRANULE);
	p->used--;
	if (!p->used) {
		page_list_del(a, &h->partial[c], page);
		page_give(a, page);
	}
	used_add(a, -arena_class_sizes[c]);
}

uint64_t arena_free_bytes(const struct arena *a)
{
	return (uint64_t)a->header->free_pages * ARENA_PAGE;
}

/* ---- birth and take-over */

static void arena_bind(struct arena *a, void *memory)
{
	memset(a, 0, sizeof *a);
	a->base = memory;
	a->header = memory;
	a->table = (struct arena_page *)(a->base + ((sizeof *a->header + 63) & ~(size_t)63));
}

static size_t table_end(const struct arena *a, uint32_t pages)
{
	return (size_t)((const unsigned char *)(a->table + pages) - a->base);
}

int arena_create(struct arena *a, void *memory, size_t size)
{
	struct arena_header *h;
	size_t journal;

	size &= ~(size_t)(ARENA_PAGE - 1);
	if (size < ARENA_MIN_SIZE || size > (size_t)UINT32_MAX || (uintptr_t)memory % ARENA_PAGE)
		return -EINVAL;
	arena_bind(a, memory);
	h = a->header;
	memset(h, 0, sizeof *h);
	h->version = ARENA_VERSION;
	h->header_size = sizeof *h;
	h->size = size;
	h->pages = (uint32_t)(size / ARENA_PAGE);
	/* A step's journal is bounded by design; 64 KiB is four times what the largest step was seen to need. */
	journal = size >= 16u << 20 ? 1u << 20 : 64u << 10;
	h->journal_offset = (uint32_t)((table_end(a, h->pages) + 63) & ~(size_t)63);
	h->first_page = (uint32_t)((h->journal_offset + journal + ARENA_PAGE - 1) / ARENA_PAGE);
	h->journal_size = h->first_page * ARENA_PAGE - h->journal_offset;
	h->scan = h->first_page;
	for (uint32_t i = h->pages; i-- > 0;) {
		memset(&a->table[i], 0, sizeof a->table[i]);
		if (i < h->first_page) {
			a->table[i].state = PAGE_FIXED;
			continue;
		}
		a->table[i].next = h->free_list;
		if (h->free_list)
			a->table[h->free_list].prev = i;
		h->free_list = i;
		h->free_pages++;
	}
	barrier();
	h->magic = ARENA_MAGIC;
	return 0;
}

int arena_attach(struct arena *a, void *memory, size_t size)
{
	const struct arena_header *h = memory;

	size &= ~(size_t)(ARENA_PAGE - 1);
	if (size < ARENA_MIN_SIZE || h->magic != ARENA_MAGIC || h->version != ARENA_VERSION ||
	    h->header_size != sizeof *h || h->size != size || h->pages != size / ARENA_PAGE)
		return -EINVAL;
	arena_bind(a, memory);
	if (h->journal_offset != ((table_end(a, h->pages) + 63) & ~(size_t)63) || h->first_page >= h->pages ||
	    (uint64_t)h->journal_offset + h->journal_size != (uint64_t)h->first_page * ARENA_PAGE)
		return -EINVAL;
	return journal_undo(a);
}
