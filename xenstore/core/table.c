// SPDX-License-Identifier: LGPL-2.1-or-later
/* Linear hashing inside the arena. */
#include "table.h"

#include <string.h>

static uint32_t segment_size(unsigned int segment)
{
	return segment ? TABLE_FIRST << (segment - 1) : TABLE_FIRST;
}

ref_t *table_bucket_at(const struct arena *a, const struct table *t, uint32_t n)
{
	unsigned int segment = 0;

	if (n >= TABLE_FIRST) {
		segment = (unsigned int)(31 - __builtin_clz(n / TABLE_FIRST)) + 1;
		n -= segment_size(segment);
	}
	return (ref_t *)arena_ptr(a, t->segments[segment]) + n;
}

ref_t *table_bucket(const struct arena *a, const struct table *t, uint32_t hash)
{
	return table_bucket_at(a, t, table_bucket_number(t, hash));
}

void table_init(struct arena *a, struct table *t)
{
	arena_touch(a, t, sizeof *t);
	memset(t, 0, sizeof *t);
	t->segments[0] = arena_ref(a, memset(arena_alloc(a, TABLE_FIRST * sizeof(ref_t)), 0,
					      TABLE_FIRST * sizeof(ref_t)));
	t->buckets = TABLE_FIRST;
}

/* Splits one bucket in two. Does nothing when there is no memory for another segment: chains get longer instead. */
static void table_grow(struct arena *a, struct table *t)
{
	uint32_t n = t->buckets, half;
	ref_t *from, *to, item;

	if (!(n & (n - 1))) {
		unsigned int segment = (unsigned int)(31 - __builtin_clz(n / TABLE_FIRST)) + 1;
		size_t size = (size_t)segment_size(segment) * sizeof(ref_t);
		void *memory;

		/* In a step that freed something the new segment would have to be journalled: the next step may grow. */
		if (segment >= TABLE_SEGMENTS || a->freed || arena_free_bytes(a) / 4 < size ||
		    (a->paranoid && size > 8192))
			return;
		memory = arena_try(a, size);
		if (!memory)
			return;
		ARENA_SET(a, t->segments[segment], arena_ref(a, memset(memory, 0, size)));
	}
	half = 1u << (31 - __builtin_clz(n));
	ARENA_SET(a, t->buckets, n + 1);
	from = table_bucket_at(a, t, n - half);
	to = table_bucket_at(a, t, n);
	arena_touch(a, from, sizeof *from);
	arena_touch(a, to, sizeof *to);
	item = *from;
	*from = *to = 0;
	while (item) {
		struct table_link *link = arena_ptr(a, item);
		ref_t next = link->next, *head = table_bucket_number(t, link->hash) == n ? to : from;

		ARENA_SET(a, link->next, *head);
		*head = item;
		item = next;
	}
}

void table_insert(struct arena *a, struct table *t, struct table_link *item, uint32_t hash)
{
	ref_t *head;

	arena_touch(a, &t->buckets, 2 * sizeof t->buckets);
	if (++t->count > t->buckets)
		table_grow(a, t);
	head = table_bucket(a, t, hash);
	arena_touch(a, item, sizeof *item);
	arena_touch(a, head, sizeof *head);
	item->hash = hash;
	item->next = *head;
	*head = arena_ref(a, item);
}

void table_remove(struct arena *a, struct table *t, struct table_link *item)
{
	ref_t ref = arena_ref(a, item), *at = table_bucket(a, t, item->hash);

	while (*at && *at != ref)
		at = &((struct table_link *)arena_ptr(a, *at))->next;
	if (!*at)
		return;
	ARENA_SET(a, *at, item->next);
	ARENA_SET(a, t->count, t->count - 1);
}

uint32_t table_hash(uint64_t seed, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t h = seed ^ len * 0x9e3779b97f4a7c15ull, w;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdull;
		h ^= h >> 29;
		h += seed;
	}
	w = 0;
	if (len)
		memcpy(&w, p, len);
	h = (h ^ w) * 0xc4ceb9fe1a85ec53ull;
	h ^= h >> 32;
	h = (h + seed) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 32);
}
