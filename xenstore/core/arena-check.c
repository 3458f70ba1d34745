// SPDX-License-Identifier: LGPL-2.1-or-later
/* The arena's checker: page table, free lists, and which blocks are in use. */
#include "arena-private.h"

bool arena_block_valid(const struct arena *a, ref_t ref, size_t size)
{
	uint32_t page = ref / (ARENA_PAGE / ARENA_GRANULE), in_page = ref % (ARENA_PAGE / ARENA_GRANULE) * ARENA_GRANULE;
	const struct arena_page *p;

	if (page < a->header->first_page || page >= a->header->pages)
		return false;
	p = &a->table[page];
	if (p->state >= 1 && p->state <= ARENA_CLASSES) {
		uint32_t c = arena_class_sizes[p->state - 1];

		return size <= c && in_page % c == 0 && in_page + c <= ARENA_PAGE;
	}
	return p->state == PAGE_RUN && !in_page && p->used <= a->header->pages - page &&
	       size <= (size_t)p->used * ARENA_PAGE;
}

#define PAGE_BITS (ARENA_PAGE / ARENA_GRANULE)

/* The bits of a page of each class with all blocks in use; made when the first such page is met. */
struct full_pages {
	uint8_t bits[ARENA_CLASSES][PAGE_BITS / 8];
};

static const uint8_t *full_page(struct full_pages *full, unsigned int c)
{
	uint8_t *bits = full->bits[c];
	uint32_t step = arena_class_sizes[c] / ARENA_GRANULE;

	if (!*bits)
		for (uint32_t g = 0; g + step <= PAGE_BITS; g += step)
			bits[g / 8] |= (uint8_t)(1u << g % 8);
	return bits;
}

static long slab_check(const struct arena *a, uint32_t page, uint8_t *bitmap, struct full_pages *full)
{
	const struct arena_page *p = &a->table[page];
	uint32_t size = arena_class_sizes[p->state - 1], n = ARENA_PAGE / size, free = 0;
	const unsigned char *base = a->base + (size_t)page * ARENA_PAGE;
	ref_t first = page * PAGE_BITS;
	uint16_t slot = p->free;

	memcpy(bitmap + first / 8, full_page(full, p->state - 1u), PAGE_BITS / 8);
	for (; slot != NO_SLOT; free++) {
		ref_t g = first + slot;

		if (free >= n || (uint32_t)slot * ARENA_GRANULE % size || (uint32_t)slot * ARENA_GRANULE / size >= n ||
		    !(bitmap[g / 8] & 1u << g % 8))
			return -EINVAL;
		bitmap[g / 8] &= (uint8_t)~(1u << g % 8);
		memcpy(&slot, base + (size_t)slot * ARENA_GRANULE, sizeof slot);
	}
	return p->used == n - free && p->used ? (long)p->used : -EINVAL;
}

/* Every page of the list has the state that it should have, and links back. */
static long list_check(const struct arena *a, uint32_t head, uint32_t state)
{
	uint32_t prev = 0;
	long n = 0;

	for (uint32_t i = head; i; prev = i, i = a->table[i].next, n++)
		if (i >= a->header->pages || a->table[i].state != state || a->table[i].prev != prev ||
		    n > (long)a->header->pages)
			return -EINVAL;
	return n;
}

long arena_check(const struct arena *a, uint8_t *bitmap)
{
	const struct arena_header *h = a->header;
	uint32_t free = 0, partial = 0;
	long blocks = 0, listed = 0;
	struct full_pages full = { 0 };

	for (uint32_t i = 0; i < h->pages; i++) {
		const struct arena_page *p = &a->table[i];

		if ((i < h->first_page) != (p->state == PAGE_FIXED))
			return -EINVAL;
		if (p->state == PAGE_FREE) {
			free++;
		} else if (p->state >= 1 && p->state <= ARENA_CLASSES) {
			long n = slab_check(a, i, bitmap, &full);

			if (n < 0)
				return n;
			blocks += n;
			partial += p->free != NO_SLOT;
		} else if (p->state == PAGE_RUN) {
			ref_t g = i * (ARENA_PAGE / ARENA_GRANULE);

			if (!p->used || p->used > h->pages - i)
				return -EINVAL;
			for (uint32_t k = 1; k < p->used; k++)
				if (a->table[i + k].state != PAGE_TAIL)
					return -EINVAL;
			bitmap[g / 8] |= (uint8_t)(1u << g % 8);
			blocks++;
			i += p->used - 1;
		} else if (p->state != PAGE_FIXED) {
			return -EINVAL;
		}
	}
	if (free != h->free_pages || list_check(a, h->free_list, PAGE_FREE) != (long)free)
		return -EINVAL;
	for (uint32_t c = 0; c < ARENA_CLASSES; c++) {
		long n = list_check(a, h->partial[c], c + 1);

		if (n < 0)
			return n;
		listed += n;
	}
	return listed == (long)partial ? blocks : -EINVAL;
}
