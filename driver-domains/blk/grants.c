// SPDX-License-Identifier: LGPL-2.1-or-later
/* Persistent grants of one frontend: a hash table without removal. */
#include "blk/grants.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

#define TABLE_BITS 12
_Static_assert(GRANTS_MAX < 1 << TABLE_BITS, "a search ends at a free entry");

struct entry {
	void *page; /* NULL: not mapped */
	uint32_t ref;
	bool used;
};

struct grants {
	xengnttab_handle *handle;
	uint32_t domid;
	unsigned *total;
	unsigned count; /* entries */
	unsigned wanted_count, area_count;
	uint32_t wanted[GRANTS_MAX];
	struct {
		void *start;
		unsigned pages;
	} areas[GRANTS_MAX];
	struct entry table[1 << TABLE_BITS];
};

static struct entry *find(struct grants *g, uint32_t ref)
{
	unsigned i = ref * 0x9e3779b1u >> (32 - TABLE_BITS);

	while (g->table[i].used && g->table[i].ref != ref)
		i = (i + 1) & ((1 << TABLE_BITS) - 1);
	return &g->table[i];
}

void *grants_get(struct grants *g, uint32_t ref)
{
	struct entry *entry = find(g, ref);

	if (!entry->used && g->count < GRANTS_MAX && *g->total < GRANTS_TOTAL_MAX) {
		*entry = (struct entry){.ref = ref, .used = true};
		g->count++;
		++*g->total;
		g->wanted[g->wanted_count++] = ref;
	}
	return entry->page;
}

bool grants_map(struct grants *g)
{
	unsigned n = g->wanted_count;
	uint8_t *pages;

	if (!n)
		return false;
	g->wanted_count = 0;
	pages = xengnttab_map_domain_grant_refs(g->handle, n, g->domid, g->wanted, PROT_READ | PROT_WRITE);
	if (!pages) {
		log_debug("d%u: %u grants are copied, since they cannot be mapped: %m", g->domid, n);
		return false;
	}
	g->areas[g->area_count].start = pages;
	g->areas[g->area_count++].pages = n;
	for (unsigned i = 0; i < n; i++)
		find(g, g->wanted[i])->page = pages + (size_t)i * 4096;
	return true;
}

struct grants *grants_create(xengnttab_handle *handle, uint32_t domid, unsigned *total)
{
	struct grants *g = calloc(1, sizeof(*g));

	if (g) {
		g->handle = handle;
		g->domid = domid;
		g->total = total;
	}
	return g;
}

struct grants *grants_destroy(struct grants *g)
{
	if (!g)
		return NULL;
	for (unsigned i = 0; i < g->area_count; i++) {
		if (xengnttab_unmap(g->handle, g->areas[i].start, g->areas[i].pages) < 0)
			log_error("d%u: %u pages stay mapped: %m", g->domid, g->areas[i].pages);
	}
	*g->total -= g->count;
	free(g);
	return NULL;
}
