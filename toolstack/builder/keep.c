// SPDX-License-Identifier: LGPL-2.1-or-later
/* The mapped memory of reloadable domains. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "builder.h"
#include "pvh/layout.h"

#define IMAGE_PAGES ((PVH_IMAGE_LIMIT - PVH_IMAGE_BASE) / PAGE_BYTES)
#define PAGES_MAX 4096 /* 16 MiB: store and console domains are a fraction of that */

static struct kept *find(struct builder *builder, uint32_t domid)
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (builder->kept[i].domid == domid)
			return &builder->kept[i];
	return NULL;
}

static void unmap(struct builder *builder, struct kept *kept)
{
	if (kept->map)
		xenforeignmemory_unmap(builder->memory, kept->map, kept->pages);
	kept->map = NULL;
}

static void drop(struct builder *builder, struct kept *kept)
{
	unmap(builder, kept);
	free(kept->arena);
	*kept = (struct kept){0};
}

int keep_map(struct builder *builder, uint32_t domid, const uint8_t uuid[16], uint64_t memory_kib)
{
	size_t pages = memory_kib / 4 - PVH_IMAGE_BASE / PAGE_BYTES;
	struct kept *kept = find(builder, domid);
	xen_pfn_t gfn[PAGES_MAX];

	if (kept && kept->map && !memcmp(kept->uuid, uuid, sizeof(kept->uuid)))
		return 0;
	if (memory_kib * 1024 <= PVH_ARENA_APP || pages > PAGES_MAX)
		return -EOVERFLOW;
	if (kept && (kept->pages != pages || memcmp(kept->uuid, uuid, sizeof(kept->uuid))))
		drop(builder, kept); /* another domain's */
	if (!kept)
		kept = find(builder, 0);
	if (!kept)
		return -ENOSPC;
	for (size_t i = 0; i < pages; i++)
		gfn[i] = PVH_IMAGE_BASE / PAGE_BYTES + i;
	kept->map = xenforeignmemory_map(builder->memory, domid, PROT_READ | PROT_WRITE, pages, gfn, NULL);
	if (!kept->map)
		return -errno;
	kept->domid = domid;
	kept->pages = pages;
	memcpy(kept->uuid, uuid, sizeof(kept->uuid));
	return 0;
}

uint8_t *keep_image(struct builder *builder, uint32_t domid)
{
	struct kept *kept = find(builder, domid);

	return kept ? kept->map : NULL;
}

struct pvh_arena_header *keep_header(struct builder *builder, uint32_t domid)
{
	uint8_t *map = keep_image(builder, domid);

	return map ? (void *)(map + (PVH_ARENA_BASE - PVH_IMAGE_BASE)) : NULL;
}

static size_t arena_bytes(const struct kept *kept)
{
	return (kept->pages - IMAGE_PAGES) * PAGE_BYTES;
}

void keep_detach(struct builder *builder, uint32_t domid)
{
	struct kept *kept = find(builder, domid);

	if (!kept || !kept->map)
		return;
	free(kept->arena);
	kept->arena = malloc(arena_bytes(kept));
	if (kept->arena)
		memcpy(kept->arena, kept->map + (PVH_ARENA_BASE - PVH_IMAGE_BASE), arena_bytes(kept));
	unmap(builder, kept);
}

bool keep_revive(struct builder *builder, uint32_t domid)
{
	struct kept *kept = find(builder, domid);
	struct pvh_arena_header *header = keep_header(builder, domid);

	if (!header || !kept->arena)
		return false;
	memcpy(header, kept->arena, arena_bytes(kept));
	keep_forget(builder, domid);
	if (header->magic != PVH_ARENA_MAGIC || header->version != PVH_ARENA_VERSION ||
	    header->ram_end != PVH_IMAGE_BASE + kept->pages * PAGE_BYTES) {
		log_warning("domain %u: its predecessor's memory has no arena of this version", domid);
		return false;
	}
	header->reload = PVH_REVIVE_MAGIC;
	header->stop_request = 0;
	return true;
}

void keep_forget(struct builder *builder, uint32_t domid)
{
	struct kept *kept = find(builder, domid);

	if (!kept)
		return;
	free(kept->arena);
	kept->arena = NULL;
	if (!kept->map)
		*kept = (struct kept){0};
}
