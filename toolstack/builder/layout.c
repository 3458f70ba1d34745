// SPDX-License-Identifier: LGPL-2.1-or-later
/* Where memory goes in a new domain: pure arithmetic. */
#include <errno.h>

#include "builder.h"
#include <xenguest.h>

#define FOUR_GIB (1ull << 32)
#define ONE_MIB (1ull << 20)
#define SPECIAL_START ((uint64_t)(X86_HVM_END_SPECIAL_REGION - X86_HVM_NR_SPECIAL_PAGES) * PAGE_BYTES)
#define SPECIAL_BYTES (X86_HVM_NR_SPECIAL_PAGES * PAGE_BYTES)

static void add(struct ram_layout *layout, uint64_t start, uint64_t end, uint32_t type)
{
	layout->map[layout->entries++] = (struct e820entry){.addr = start, .size = end - start, .type = type};
}

void ram_layout(uint64_t memory_kib, bool hvm, bool tables, struct ram_layout *layout)
{
	uint64_t bytes = memory_kib << 10, hole = hvm ? HVM_HOLE : PVH_TABLES;

	*layout = (struct ram_layout){
		.lowmem_end = MIN(bytes, hole),
		.highmem_end = bytes > hole ? FOUR_GIB + (bytes - hole) : 0,
		.hole_start = hole,
		.hole_size = FOUR_GIB - hole,
	};
	add(layout, hvm ? ONE_MIB : 0, layout->lowmem_end, E820_RAM);
	if (tables)
		add(layout, PVH_TABLES, PVH_TABLES + PAGE_BYTES, E820_ACPI);
	if (!hvm)
		add(layout, SPECIAL_START, SPECIAL_START + SPECIAL_BYTES, E820_RESERVED);
	if (layout->highmem_end)
		add(layout, FOUR_GIB, layout->highmem_end, E820_RAM);
}

uint64_t paging_pool_bytes(uint64_t memory_kib, uint32_t vcpus)
{
	return ((uint64_t)vcpus << 20) + (memory_kib >> 10) * PAGE_BYTES;
}

struct map_writer {
	struct e820entry *out;
	int count; /* E820_MAX + 1: did not fit */
};

static void put(struct map_writer *w, uint64_t start, uint64_t end, uint32_t type)
{
	if (start >= end)
		return;
	if (w->count >= E820_MAX) {
		w->count = E820_MAX + 1;
		return;
	}
	w->out[w->count++] = (struct e820entry){.addr = start, .size = end - start, .type = type};
}

static bool is_hole(const struct e820entry *entry)
{
	return entry->addr > ONE_MIB && entry->type != E820_RAM && entry->type != E820_UNUSABLE;
}

/* The lowest place from 4 GiB on where SIZE bytes meet no hole. */
static uint64_t place_above(const struct e820entry *host, size_t count, uint64_t size)
{
	uint64_t at = FOUR_GIB;

	for (size_t i = 0; i < count; i++)
		if (is_hole(&host[i]) && host[i].addr < at + size && host[i].addr + host[i].size > at)
			at = (host[i].addr + host[i].size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	return at;
}

int e820_from_host(const struct e820entry *host, size_t count, uint64_t memory_kib, struct e820entry *out)
{
	uint64_t memory = memory_kib << 10, first_hole = UINT64_MAX, ram_end, above;
	struct map_writer w = {.out = out};

	if (!count || count > E820_MAX || !memory)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (host[i].addr + host[i].size < host[i].addr || (i && host[i].addr < host[i - 1].addr))
			return -EINVAL;
		if (is_hole(&host[i]) && host[i].addr < first_hole)
			first_hole = host[i].addr;
	}
	ram_end = MIN(memory, first_hole) & ~(PAGE_BYTES - 1);
	put(&w, 0, ram_end, E820_RAM);
	if (first_hole != UINT64_MAX)
		put(&w, ram_end, first_hole, E820_UNUSABLE);
	for (size_t i = 0; i < count; i++) {
		uint64_t start = MAX(host[i].addr, ram_end), end = host[i].addr + host[i].size;

		if (is_hole(&host[i]))
			put(&w, start, end, host[i].type);
		else if (host[i].type == E820_RAM && host[i].addr < FOUR_GIB && first_hole != UINT64_MAX)
			put(&w, MAX(start, first_hole), end, E820_UNUSABLE);
	}
	if (memory > ram_end) {
		above = place_above(host, count, memory - ram_end);
		put(&w, above, above + (memory - ram_end), E820_RAM);
	}
	return w.count > E820_MAX ? -E2BIG : w.count;
}
