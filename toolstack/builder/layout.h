/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where memory goes in a new domain: pure arithmetic. */
#ifndef ATOLL_BUILDER_LAYOUT_H
#define ATOLL_BUILDER_LAYOUT_H

#include "builder.h"
#include <xen/hvm/e820.h>

#define PAGE_BYTES 4096ull
#define E820_MAX 128 /* entries in a map: Xen's limit for a domain's */

/*
 * A PVH domain: RAM from 0 up to the hole below 4 GiB, the rest from 4 GiB on.
 *
 *   0 ......... lowmem_end   (hole_start ........... 4 GiB)   4 GiB .. highmem_end
 *      RAM                     tables, LAPIC, special pages     RAM
 */
struct pvh_layout {
	uint64_t lowmem_end, highmem_end; /* highmem_end 0: no RAM above 4 GiB */
	uint64_t hole_start, hole_size;
	struct e820entry map[4];
	uint32_t entries;
};

#define PVH_TABLES 0xfc000000ull /* a page of firmware tables at the hole's start, where xl has them too */

/* TABLES: the map has the page of firmware tables. */
void pvh_layout(uint64_t memory_kib, bool tables, struct pvh_layout *layout);

/* An HVM domain: the same, with a hole where hvmloader wants it. The map leaves out the first MiB, which hvmloader describes. */
#define HVM_HOLE 0xf0000000ull
void hvm_layout(uint64_t memory_kib, struct pvh_layout *layout);

/* Memory for a PVH or HVM domain's second-level page tables, in bytes: what xl gives. */
uint64_t paging_pool_bytes(uint64_t memory_kib, uint32_t vcpus);

/*
 * A PV domain's map made from the host's: RAM up to the host's first hole, then the host's reserved ranges where they are, so
 * that the domain leaves the host's BAR windows free and sees ACPI ranges as such; host RAM that is not the domain's is marked
 * unusable, or the guest would take it for a place to put BARs; RAM that did not fit below goes above 4 GiB.
 * HOST is sorted by address. Returns the number of entries in OUT (E820_MAX of them), or -EINVAL / -E2BIG.
 */
int e820_from_host(const struct e820entry *host, size_t count, uint64_t memory_kib, struct e820entry *out);

#endif
