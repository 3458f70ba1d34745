// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The final page tables: identity, nothing writable and executable, no page at 0, a guard page below the
 * stack, and nothing mapped but RAM, the grant window and the 2 MiB that hold the builder's pages. boot.S
 * left 4 GiB mapped wide open.
 */
#include "pvh/boot.h"
#include "pvh/hypercall.h"

#define PTE_P		0x001ull
#define PTE_W		0x002ull
#define PTE_LARGE	0x080ull
#define PTE_NX		(1ull << 63)
#define LARGE_SIZE	0x200000ull
#define EFER		0xc0000080
#define EFER_NXE	0x800

static_assert(PVH_IMAGE_BASE == 0x10000 && PVH_IMAGE_LIMIT == 0x80000 && PVH_START_INFO_ROOM == 0x2000,
	      "pvh.lds repeats these numbers");
static_assert(PVH_GRANT_BASE + PVH_GRANT_SLOTS * PVH_PAGE_SIZE <= PVH_SPECIAL_BASE, "grant window");

/* Enables no-execute if the CPU has it; returns the bit to use in entries. */
static uint64_t nx_enable(void)
{
	uint32_t a, b, c, d;

	__asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0x80000001), "c"(0));
	if (!(d & (1u << 20)))
		return 0;
	__asm__ volatile("rdmsr" : "=a"(a), "=d"(d) : "c"(EFER));
	__asm__ volatile("wrmsr" : : "c"(EFER), "a"(a | EFER_NXE), "d"(d) : "memory");
	return PTE_NX;
}

static uint64_t page_flags(uint64_t addr, uint64_t end, uint64_t nx)
{
	if (addr < PVH_IMAGE_BASE || addr >= end || addr == (uintptr_t)pvh_stack_guard)
		return 0;
	if (addr < (uintptr_t)pvh_text_end)
		return PTE_P;
	if (addr < (uintptr_t)pvh_rodata_end)
		return PTE_P | nx;
	if (addr >= (uintptr_t)pvh_image_end && addr < PVH_IMAGE_LIMIT)
		return PTE_P | nx;	/* start info */
	return PTE_P | PTE_W | nx;
}

static void map_large(uint64_t addr, uint64_t nx)
{
	uint64_t large = addr & ~(LARGE_SIZE - 1);

	/* Frame 0 (a page that the builder did not give) stays as pvh_pt0 has it. */
	if (large && addr < 1ull << 32)
		pvh_pd[large / LARGE_SIZE] = large | PTE_P | PTE_W | PTE_LARGE | nx;
}

void pvh_paging_init(uint64_t ram_end)
{
	uint64_t nx = nx_enable();

	for (unsigned int i = 0; i < 512; i++) {
		uint64_t flags = page_flags(i * 4096ull, ram_end, nx);

		pvh_pt0[i] = flags ? i * 4096ull | flags : 0;
	}
	/* These are the tables in use: the first entry, which maps this code, goes over in one store. */
	pvh_pd[0] = (uintptr_t)pvh_pt0 | PTE_P | PTE_W;
	for (unsigned int i = 1; i < 4 * 512; i++)
		pvh_pd[i] = 0;
	for (uint64_t addr = LARGE_SIZE; addr < ram_end; addr += LARGE_SIZE)
		map_large(addr, nx);
	for (uint64_t addr = PVH_GRANT_BASE; addr <= PVH_SPECIAL_BASE; addr += LARGE_SIZE)
		map_large(addr, nx);
	map_large(pvh_hvm_param(HVM_PARAM_CONSOLE_PFN) << 12, nx);
	map_large(pvh_hvm_param(HVM_PARAM_STORE_PFN) << 12, nx);
	__asm__ volatile("mov %0, %%cr3" : : "r"((uintptr_t)pvh_pml4) : "memory");
}
