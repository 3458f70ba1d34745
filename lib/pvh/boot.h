/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What boot.S and the C of lib/pvh share; private to lib/pvh. */
#ifndef ATOLL_PVH_BOOT_H
#define ATOLL_PVH_BOOT_H

#define PVH_SEL_CODE	8
#define PVH_SEL_DATA	16
#define PVH_SEL_TSS	24

#define PVH_TRAPS	32
#define PVH_TRAP_STUB_SIZE 16
/* The vector at which Xen tells us of pending events. Any from 32 up will do. */
#define PVH_UPCALL_VECTOR 0x40

#define PVH_STACK_SIZE	32768

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#include "pvh/event.h"
#include "pvh/hypercall.h"
#include "pvh/pvh.h"

/* boot.S */
extern char hypercall_page[4096];
extern uint64_t pvh_pml4[512], pvh_pdpt[512], pvh_pd[4 * 512], pvh_pt0[512];
extern char pvh_stack_guard[4096], pvh_stack_top[], pvh_trap_stack_top[];
extern char pvh_trap_stubs[], pvh_upcall[];
/* pvh.lds */
extern char pvh_text_start[], pvh_text_end[], pvh_rodata_end[], pvh_image_end[];

/*
 * The lib's part of the arena, after the header page. Bounds are checked at every use: a dirty arena may hold
 * anything.
 */
struct pvh_grant_slot {
	uint32_t handle, ref;
	uint16_t domid;
	uint16_t used;
};

struct pvh_port {
	uint16_t kind;			/* enum pvh_event_kind; PVH_EVENT_CLOSED: not ours */
	uint16_t domid;
	uint32_t what;			/* the peer's port; the VIRQ */
};

#define PVH_GRANT_OFFERS (PVH_GRANT_TABLE_FRAMES * PVH_PAGE_SIZE / sizeof(grant_entry_v1_t))

struct pvh_lib_arena {
	struct pvh_grant_slot slots[PVH_GRANT_SLOTS];
	struct pvh_port ports[PVH_PORTS_MAX];
	grant_entry_v1_t offers[PVH_GRANT_OFFERS];	/* by reference: what was put into Xen's table */
};

#define PVH_HEADER ((struct pvh_arena_header *)PVH_ARENA_BASE)
/* time.c */
uint64_t pvh_tsc(void);
uint64_t pvh_time_at(uint64_t tsc);

/* A reload does not come between what Xen is asked for and what is noted of it. */
#define PVH_BINDING(on) __atomic_store_n(&PVH_HEADER->binding, (on), __ATOMIC_SEQ_CST)
#define PVH_LIB ((struct pvh_lib_arena *)(PVH_ARENA_BASE + 4096))

static_assert(sizeof(struct pvh_lib_arena) <= (PVH_ARENA_LIB_PAGES - 1) * 4096, "lib arena too large");
static_assert(PVH_ARENA_APP == PVH_ARENA_BASE + PVH_ARENA_LIB_PAGES * 4096, "arena layout");

void pvh_boot(uint32_t start_info);
void pvh_trap(const uint64_t *frame, uint64_t address) __attribute__((noreturn));

void pvh_paging_init(uint64_t ram_end);
void pvh_traps_init(void);
void pvh_event_init(bool revive);
int pvh_grant_init(bool revive);
void pvh_console_init(void);
int pvh_time_init(void);
/* Arms VIRQ_TIMER for that system time. */
void pvh_timer_set(uint64_t deadline_ns);
#endif

#endif
