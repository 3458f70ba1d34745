// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory maps of new domains. */
#include <errno.h>

#include <string.h>

#include "builder.h"
#include "tap.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static bool entry_is(const struct e820entry *e, uint64_t start, uint64_t end, uint32_t type)
{
	return e->addr == start && e->addr + e->size == end && e->type == type;
}

static uint64_t ram_of(const struct e820entry *map, int count)
{
	uint64_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += map[i].type == E820_RAM ? map[i].size : 0;
	return sum;
}

static bool overlaps(const struct e820entry *map, int count)
{
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++)
			if (map[i].addr < map[j].addr + map[j].size && map[j].addr < map[i].addr + map[i].size)
				return true;
	return false;
}

static void test_hvm(void)
{
	struct ram_layout l;

	ram_layout(128 << 10, true, false, &l);
	ok(l.lowmem_end == 128 * MIB && l.entries == 1 && entry_is(&l.map[0], MIB, 128 * MIB, E820_RAM),
	   "an HVM domain's map begins behind what hvmloader describes");
	ram_layout(5 << 20, true, false, &l);
	ok(l.hole_start == 0xf0000000 && l.entries == 2 && entry_is(&l.map[1], 4 * GIB, 5 * GIB + 256 * MIB, E820_RAM),
	   "and goes on above 4 GiB by what its hole takes");
}

static void test_pvh(void)
{
	struct ram_layout l;

	ram_layout(2048, false, false, &l);
	ok(l.lowmem_end == 2 * MIB && !l.highmem_end, "2 MiB are all below the hole");
	ok(l.entries == 2 && entry_is(&l.map[0], 0, 2 * MIB, E820_RAM), "its map begins with the RAM");
	ok(entry_is(&l.map[1], 0xfeff8000, 0xff000000, E820_RESERVED), "the special pages are reserved");
	ok(l.hole_start == 0xfc000000 && l.hole_start + l.hole_size == 4 * GIB, "the hole ends at 4 GiB");
	ram_layout(5 << 20, false, true, &l);
	ok(l.lowmem_end == 0xfc000000 && l.highmem_end == 5 * GIB + (4 * GIB - 0xfc000000ull),
	   "5 GiB go on above 4 GiB by what the hole takes");
	ok(entry_is(&l.map[1], 0xfc000000, 0xfc001000, E820_ACPI), "the firmware tables are known as such");
	ok(l.entries == 4 && ram_of(l.map, 4) == 5 * GIB, "the map has all 5 GiB");
	ram_layout(0xfc000000ull >> 10, false, false, &l);
	ok(!l.highmem_end && l.entries == 2, "RAM that just fits below the hole has no high part");
	ok(paging_pool_bytes(2048, 1) == MIB + 8192, "page-table memory is 1 MiB a vCPU and a page a MiB");
}

static const struct e820entry pc[] = {
	{0, 0x9fc00, E820_RAM},
	{0x9fc00, 0x400, E820_RESERVED},
	{0xf0000, 0x10000, E820_RESERVED},
	{0x100000, 0x7fedd000, E820_RAM},               /* to 0x7ffdd000 */
	{0x7ffdd000, 0x23000, E820_RESERVED},           /* to 2 GiB */
	{0xb0000000, 0x10000000, E820_RESERVED},        /* ECAM */
	{0xfed1c000, 0x4000, E820_RESERVED},
	{0x100000000, 0x80000000, E820_RAM},
	{0xfd00000000, 0x300000000, E820_RESERVED},     /* HyperTransport */
};

static void test_host(void)
{
	struct e820entry out[E820_MAX];
	int n = e820_from_host(pc, ARRAY_SIZE(pc), 48 << 10, out);

	ok(n > 0 && entry_is(&out[0], 0, 48 * MIB, E820_RAM), "a small domain has its RAM at the bottom");
	ok(n > 1 && entry_is(&out[1], 48 * MIB, 0x7ffdd000, E820_UNUSABLE), "the host's RAM above it is no place for BARs");
	ok(n == 6 && entry_is(&out[2], 0x7ffdd000, 0x80000000, E820_RESERVED) &&
		   entry_is(&out[3], 0xb0000000, 0xc0000000, E820_RESERVED),
	   "the host's reserved ranges stay where they are");
	ok(!overlaps(out, n) && ram_of(out, n) == 48 * MIB, "nothing overlaps, RAM is what was asked for");

	n = e820_from_host(pc, ARRAY_SIZE(pc), 3 << 20, out);
	ok(n > 0 && entry_is(&out[0], 0, 0x7ffdd000, E820_RAM), "a large domain's low RAM ends at the host's first hole");
	ok(n > 0 && out[n - 1].addr == 4 * GIB && ram_of(out, n) == 3 * GIB, "the rest is above 4 GiB");
	ok(!overlaps(out, n), "nothing overlaps");

	n = e820_from_host(pc, ARRAY_SIZE(pc), 1021ull << 20, out);
	ok(n > 0 && out[n - 1].addr == 0x10000000000 && !overlaps(out, n), "high RAM keeps out of the host's high holes");
}

static void test_odd(void)
{
	static const struct e820entry ram[] = {{0, 4 * GIB, E820_RAM}};
	static const struct e820entry wrapped[] = {{0x200000, UINT64_MAX, E820_RESERVED}};
	static const struct e820entry unsorted[] = {{0x200000, 0x1000, E820_RAM}, {0, 0x1000, E820_RAM}};
	static struct e820entry many[E820_MAX];
	struct e820entry out[E820_MAX];

	ok(e820_from_host(ram, 1, 65536, out) == 1, "a host without holes gives a map of RAM only");
	ok(e820_from_host(ram, 0, 65536, out) == -EINVAL, "an empty map is refused");
	ok(e820_from_host(wrapped, 1, 65536, out) == -EINVAL, "a range that wraps is refused");
	ok(e820_from_host(unsorted, 2, 65536, out) == -EINVAL, "an unsorted map is refused");
	for (int i = 0; i < E820_MAX; i++)
		many[i] = (struct e820entry){(uint64_t)(i + 2) * MIB * 2, 4096, E820_RESERVED};
	ok(e820_from_host(many, E820_MAX, 1024, out) == -E2BIG, "a map that does not fit is refused");
}

int main(void)
{
	test_pvh();
	test_hvm();
	test_host();
	test_odd();
	return plan_done();
}
