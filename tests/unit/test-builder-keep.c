// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is kept of a destroyed domain, and who gets it. The hypervisor's mappings are plain memory here. */
#include <errno.h>
#include <string.h>

#include "builder.h"
#include "pvh/layout.h"
#include "tap.h"

#define KIB 2048
#define ARENA (PVH_ARENA_BASE - PVH_IMAGE_BASE)

static unsigned maps;

void *xenforeignmemory_map(xenforeignmemory_handle *memory, uint32_t domid, int prot, size_t pages, const xen_pfn_t gfn[],
			   int err[])
{
	maps++;
	return gfn[0] == PVH_IMAGE_BASE / PAGE_BYTES ? calloc(pages, PAGE_BYTES) : NULL;
}

int xenforeignmemory_unmap(xenforeignmemory_handle *memory, void *map, size_t pages)
{
	maps--;
	free(map);
	return 0;
}

static void write_arena(struct builder *b, uint32_t domid)
{
	struct pvh_arena_header *header = keep_header(b, domid);

	*header = (struct pvh_arena_header){.magic = PVH_ARENA_MAGIC, .version = PVH_ARENA_VERSION, .ram_end = KIB * 1024,
					    .stop_request = 1};
	strcpy((char *)keep_image(b, domid) + ARENA + 4096, "what it knew");
}

static bool knows(struct builder *b, uint32_t domid)
{
	return !strcmp((char *)keep_image(b, domid) + ARENA + 4096, "what it knew");
}

int main(void)
{
	static const uint8_t uuid[16] = {1}, other[16] = {2};
	static struct builder b;

	ok(keep_map(&b, 1, uuid, KIB) == 0 && keep_header(&b, 1) && maps == 1, "a domain is mapped");
	ok(keep_map(&b, 1, uuid, KIB) == 0 && maps == 1, "once");
	ok(!keep_revive(&b, 1), "the first one has no predecessor");
	write_arena(&b, 1);
	keep_detach(&b, 1);
	ok(maps == 0 && !keep_image(&b, 1), "when it was destroyed, its pages are let go");
	keep_detach(&b, 1);
	ok(keep_map(&b, 1, uuid, KIB) == 0 && !knows(&b, 1), "its successor has fresh memory");
	ok(keep_revive(&b, 1) && knows(&b, 1), "and is given the arena");
	ok(keep_header(&b, 1)->reload == PVH_REVIVE_MAGIC && !keep_header(&b, 1)->stop_request, "and told so");
	ok(!keep_revive(&b, 1), "there is only one successor");

	keep_detach(&b, 1);
	ok(keep_map(&b, 1, other, KIB) == 0 && !keep_revive(&b, 1), "a domain with another uuid gets nothing");
	write_arena(&b, 1);
	keep_header(&b, 1)->version++;
	keep_detach(&b, 1);
	ok(keep_map(&b, 1, other, KIB) == 0 && !keep_revive(&b, 1), "nor is an arena of another version passed on");
	write_arena(&b, 1);
	keep_detach(&b, 1);
	ok(keep_map(&b, 1, other, KIB * 2) == 0 && !keep_revive(&b, 1), "nor one of another size");
	keep_detach(&b, 1);
	keep_forget(&b, 1);
	ok(maps == 0 && !b.kept[0].domid && !b.kept[0].arena, "what is not used is forgotten");

	for (uint32_t domid = 1; domid <= KEPT_MAX; domid++)
		keep_map(&b, domid, uuid, KIB);
	ok(keep_map(&b, 100, uuid, KIB) == -ENOSPC, "the number of domains has a limit");
	ok(keep_map(&b, 1, other, 1u << 20) == -EOVERFLOW, "and their size");
	for (uint32_t domid = 1; domid <= KEPT_MAX; domid++) {
		keep_detach(&b, domid);
		keep_forget(&b, domid);
	}
	return plan_done();
}
