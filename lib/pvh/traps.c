// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Interrupt and task tables. All exceptions are fatal: the domain says what happened and shuts down with
 * reason crash, so that the control domain restarts it. They run on a stack of their own, so that an overflow
 * of the main stack is reported too.
 */
#include "pvh/boot.h"
#include "pvh/hypercall.h"

#define GATE_INTERRUPT	0x8e
#define IDT_ENTRIES	(PVH_UPCALL_VECTOR + 1)

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, iomap_base;
} __attribute__((packed));

static struct gate idt[IDT_ENTRIES];
static struct tss tss = { .iomap_base = sizeof(struct tss) };
/* null, 64-bit code, data, TSS (two entries, filled below) */
static uint64_t gdt[5] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
extern const struct table_pointer pvh_gdt_ptr;
/* boot.S loads this one too. */
const struct table_pointer pvh_gdt_ptr = { sizeof(gdt) - 1, (uintptr_t)gdt };

static void gate_set(unsigned int vector, uintptr_t handler, uint8_t ist)
{
	idt[vector] = (struct gate){
		.offset_low = (uint16_t)handler,
		.selector = PVH_SEL_CODE,
		.ist = ist,
		.type = GATE_INTERRUPT,
		.offset_mid = (uint16_t)(handler >> 16),
	};
}

void pvh_traps_init(void)
{
	struct table_pointer idt_ptr = { sizeof(idt) - 1, (uintptr_t)idt };
	uintptr_t t = (uintptr_t)&tss;

	for (unsigned int i = 0; i < PVH_TRAPS; i++)
		gate_set(i, (uintptr_t)pvh_trap_stubs + i * PVH_TRAP_STUB_SIZE, 1);
	gate_set(PVH_UPCALL_VECTOR, (uintptr_t)pvh_upcall, 0);
	tss.ist[0] = (uintptr_t)pvh_trap_stack_top;
	gdt[3] = (sizeof(tss) - 1) | (t & 0xffffff) << 16 | 0x89ull << 40 | (t >> 24 & 0xff) << 56;
	gdt[4] = 0;
	__asm__ volatile("lidt %0" : : "m"(idt_ptr));
	__asm__ volatile("lgdt %0" : : "m"(pvh_gdt_ptr));
	__asm__ volatile("ltr %w0" : : "r"(PVH_SEL_TSS));
}

void pvh_trap(const uint64_t *frame, uint64_t address)
{
	/* vector, error, rip, cs, rflags, rsp */
	pvh_panic("exception %lu error %lx at %lx stack %lx address %lx", (unsigned long)frame[0],
		  (unsigned long)frame[1], (unsigned long)frame[2], (unsigned long)frame[5], (unsigned long)address);
}
