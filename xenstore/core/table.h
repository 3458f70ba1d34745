// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A hash table inside the arena that grows by one bucket at a time (linear hashing), so that no insertion ever
 * stalls. Items embed a struct table_link as their first member and are identified by their reference.
 */
#ifndef ATOLL_XENSTORE_TABLE_H
#define ATOLL_XENSTORE_TABLE_H

#include "arena.h"

#define TABLE_SEGMENTS 20u
#define TABLE_FIRST 64u /* buckets of segment 0; segment k > 0 has TABLE_FIRST << (k - 1) */

struct table_link {
	ref_t next;
	uint32_t hash;
};

struct table {
	ref_t segments[TABLE_SEGMENTS];
	uint32_t buckets;
	uint32_t count;
};

/* All within a step, but for the lookups. */
void table_init(struct arena *a, struct table *t);
void table_insert(struct arena *a, struct table *t, struct table_link *item, uint32_t hash);
void table_remove(struct arena *a, struct table *t, struct table_link *item);

/* The number of the bucket that items of @hash are in. */
static inline uint32_t table_bucket_number(const struct table *t, uint32_t hash)
{
	uint32_t mask = (1u << (32 - __builtin_clz(t->buckets - 1))) - 1, n = hash & mask;

	return n < t->buckets ? n : hash & mask >> 1;
}
/* Head of the bucket that items of @hash are in. */
ref_t *table_bucket(const struct arena *a, const struct table *t, uint32_t hash);
/* Bucket number @n, for walks. */
ref_t *table_bucket_at(const struct arena *a, const struct table *t, uint32_t n);

#define TABLE_FOR_HASH(a, t, h, item)                                                                    \
	for (ref_t item##_ref = *table_bucket((a), (t), (h));                                             \
	     item##_ref && ((item) = arena_ptr((a), item##_ref), 1);                                      \
	     item##_ref = ((struct table_link *)arena_ptr((a), item##_ref))->next)                         \
		if (((struct table_link *)(item))->hash == (h))

/* A hash of bytes with a secret start value, so that guests cannot choose names that collide. */
uint32_t table_hash(uint64_t seed, const void *bytes, size_t len);

#endif
