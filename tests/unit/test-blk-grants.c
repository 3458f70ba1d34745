// SPDX-License-Identifier: LGPL-2.1-or-later
/* Persistent grants: what is mapped, what is not, and that nothing stays mapped. */
#include "blk/grants.h"

#include <errno.h>
#include <sys/mman.h>

#include "tap.h"

#define BAD_REF 7u

static uint32_t mapped;
static unsigned calls;

void *xengnttab_map_domain_grant_refs(xengnttab_handle *handle, uint32_t count, uint32_t domid, uint32_t *refs, int prot)
{
	uint32_t *pages = mmap(NULL, count * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	calls++;
	for (uint32_t i = 0; i < count; i++) {
		if (refs[i] == BAD_REF) {
			munmap(pages, count * 4096);
			errno = EINVAL;
			return NULL;
		}
		pages[i * 1024] = refs[i];
	}
	mapped += count;
	return pages;
}

int xengnttab_unmap(xengnttab_handle *handle, void *start, uint32_t count)
{
	mapped -= count;
	return munmap(start, count * 4096);
}

/* How many of COUNT references from FIRST on have a page, each its own. */
static unsigned have(struct grants *g, uint32_t first, unsigned count)
{
	unsigned n = 0;

	for (uint32_t ref = first; ref < first + count; ref++) {
		const uint32_t *page = grants_get(g, ref);

		n += page && *page == ref;
	}
	return n;
}

static void test_one(void)
{
	unsigned total = 0;
	struct grants *g = grants_create(NULL, 32, &total);

	ok(have(g, 100, 32) == 0 && grants_map(g) && have(g, 100, 32) == 32, "references are mapped when they have been seen once");
	ok(calls == 1 && !grants_map(g) && calls == 1, "by one call, and only once");
	ok(have(g, BAD_REF, 1) == 0 && !grants_map(g) && have(g, BAD_REF, 1) == 0 && !grants_map(g) && calls == 2,
	   "one that cannot be mapped is not tried again");
	have(g, 0xfffff000u, GRANTS_MAX);
	grants_map(g);
	ok(have(g, 0xfffff000u, GRANTS_MAX) == GRANTS_MAX - 33 && have(g, 100, 32) == 32 && total == GRANTS_MAX,
	   "there is a limit, within which all have their page");
	grants_destroy(g);
	ok(!mapped && !total, "in the end nothing is mapped");
}

static void test_many(void)
{
	struct grants *g[GRANTS_TOTAL_MAX / GRANTS_MAX + 1];
	unsigned total = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(g); i++) {
		g[i] = grants_create(NULL, 32 + i, &total);
		have(g[i], 1000, GRANTS_MAX);
		grants_map(g[i]);
	}
	ok(mapped == GRANTS_TOTAL_MAX, "all frontends together have a limit");
	for (unsigned i = 0; i < ARRAY_SIZE(g); i++)
		grants_destroy(g[i]);
	ok(!mapped && !total, "which is kept by what is let go");
}

int main(void)
{
	test_one();
	test_many();
	return plan_done();
}
