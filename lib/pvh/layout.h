/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory map of a lib/pvh domain, the header of its arena, and the contracts of an in-place reload and of a revival.
 * Used by the domain itself (C, assembly, linker script) and by the toolstack's reloader, so it includes
 * nothing of lib/pvh.
 *
 * Guest-physical addresses; virtual addresses are the same (identity map):
 *
 *   0x00000000  +--------------------------------+
 *               | never mapped (null pointers)   |
 *   0x00001000  +--------------------------------+
 *               | unused                         |
 *   0x00010000  +--------------------------------+  PVH_IMAGE_BASE
 *               | image: text, rodata, data, bss |   rewritten by an in-place reload
 *               | (page tables, stacks in bss)   |
 *               +--------------------------------+  end of the image (see the ELF)
 *               | start info, command line       |   placed by libxenguest after the image; read once
 *   0x00080000  +--------------------------------+  PVH_IMAGE_LIMIT = PVH_ARENA_BASE
 *               | struct pvh_arena_header        |   1 page
 *               | lib/pvh's tables               |   PVH_ARENA_LIB_PAGES - 1 pages: grants, event channels
 *   0x00088000  +--------------------------------+  PVH_ARENA_APP
 *               | the application's arena        |   survives an in-place reload
 *   end of RAM  +--------------------------------+  0x00200000 in a domain of 2 MiB
 *
 *   0x80000000  foreign grants, PVH_GRANT_SLOTS pages with no RAM behind them  (PVH_GRANT_BASE)
 *   0x80800000  shared info, own grant table                                   (PVH_SPECIAL_BASE)
 *   0xfeff8000  pages that the builder placed: console ring, store ring        (HVM params say where)
 *
 * In-place reload, by a privileged domain (the reloader). At first build, before the first unpause:
 *   - save the vCPU context (xc_domain_hvm_getcontext).
 * Then, to reload:
 *   1. map the header page (gfn PVH_ARENA_BASE >> 12), check magic and version;
 *   2. pause the domain and read busy, or, if journalled is 1, binding instead. 0: it idles, or can be stopped anywhere; its arena
 *      is consistent, go on with step 4;
 *   3. else it is in the middle of something: write stop_request = 1, unpause, wait until parked == 1, at most
 *      PVH_PARK_TIMEOUT_MS (a busy domain parks by itself between two handlers), pause again. If it did not park (hung,
 *      spinning, crashed), go on nevertheless: the domain will be told that its arena is dirty;
 *   4. rewrite [PVH_IMAGE_BASE, end of the new image): zero it, then copy each PT_LOAD. The new image must end
 *      at or below PVH_IMAGE_LIMIT. Nothing else may be written, but in the header: reload = PVH_RELOAD_MAGIC,
 *      stop_request = 0, trusted = 1 if nothing was wrong with the domain (the restart was asked for, it had not shut down, nobody else
 *      had paused it) and busy was 0 in step 2, else 0;
 *   5. if the domain had shut down (crash), resume it (XEN_DOMCTL_resumedomain);
 *   6. load the saved vCPU context (xc_domain_hvm_setcontext) and unpause.
 * To give a new command line, write it (NUL-terminated) to header.cmdline in step 4.
 *
 * What the domain finds: Xen still holds its event channels, grant maps and grant table; lib/pvh asks Xen
 * about the channels (EVTCHNOP_status), takes the grant maps from its slot table in the arena, and reads the
 * granted pages from the grant table itself. struct pvh then has resumed = true, and dirty = true if the
 * domain was not parked. A domain that finds neither magic starts with an empty arena, whatever the memory held.
 *
 * Revival, when the domain was destroyed: who keeps its arena mapped finds it as the domain left it, because Xen frees no page
 * that is mapped. A new domain is built with the same domid, memory and image; before it starts, the old arena is
 * copied to its place, with reload = PVH_REVIVE_MAGIC. Xen has forgotten the event channels and grant maps of the old one, so
 * lib/pvh makes them anew from its tables in the arena: grants mapped at the same addresses, own pages granted with the same
 * references, channels bound to the same peers with the same numbers (peers' ends wait for the domid). What cannot be made again,
 * because the peer is gone too, is an unused slot or a closed port. struct pvh then has resumed = revived = true, and dirty
 * if the domain died in the middle of something. The domain's own console and store rings are new.
 */
#ifndef ATOLL_PVH_LAYOUT_H
#define ATOLL_PVH_LAYOUT_H

#define PVH_IMAGE_BASE		0x00010000
#define PVH_IMAGE_LIMIT		0x00080000
/* libxenguest puts start info and command line between the image and this limit. */
#define PVH_START_INFO_ROOM	0x2000
#define PVH_ARENA_BASE		0x00080000
#define PVH_ARENA_LIB_PAGES	8
#define PVH_ARENA_APP		0x00088000
/* RAM is described by one page table of 4 KiB pages for the first 2 MiB, and 2 MiB pages after that. */
#define PVH_RAM_MAX		0x40000000

#define PVH_GRANT_BASE		0x80000000
#define PVH_GRANT_SLOTS		512
#define PVH_SPECIAL_BASE	0x80800000
#define PVH_SHARED_INFO		0x80800000
#define PVH_GRANT_TABLE		0x80801000
/* Frames of our own grant table: 512 version-1 entries each. */
#define PVH_GRANT_TABLE_FRAMES	1

#define PVH_CMDLINE_MAX		512
#define PVH_PARK_TIMEOUT_MS	20

#define PVH_ARENA_MAGIC		0x616e657261766c61	/* "alvarena" */
#define PVH_ARENA_VERSION	2
#define PVH_RELOAD_MAGIC	0x64616f6c65726c61	/* "alreload" */
#define PVH_REVIVE_MAGIC	0x6576697665726c61	/* "alrevive" */

#ifndef __ASSEMBLER__
#include <assert.h>
#include <stdint.h>

/* The first page of the arena. The domain owns it; a reloader writes the fields marked R. */
struct pvh_arena_header {
	uint64_t magic;			/* PVH_ARENA_MAGIC once initialised */
	uint32_t version;		/* PVH_ARENA_VERSION: layout of header and lib tables */
	uint32_t generation;		/* boots on this arena: 1 after the first */
	uint64_t reload;		/* R: PVH_RELOAD_MAGIC or PVH_REVIVE_MAGIC: keep the arena; cleared at entry */
	uint32_t stop_request;		/* R: park at the next quiescent point */
	uint32_t parked;		/* 1 while parked */
	uint32_t busy;			/* 1 but while idle or parked: arena may be half changed */
	uint32_t journalled;		/* 1: the application's arena is consistent, or mends itself, at any instruction */
	uint64_t ram_end;		/* end of the arena */
	uint64_t app_magic;		/* the application's, see pvh_arena_claim() */
	uint32_t app_version;
	uint32_t binding;		/* 1 while Xen's objects and lib/pvh's tables may differ */
	char cmdline[PVH_CMDLINE_MAX];	/* R: copied from the start info at the first boot */
	uint32_t trusted;		/* R: it ran well and idled: the arena need not be checked; cleared at entry */
};

static_assert(sizeof(struct pvh_arena_header) <= 4096, "the arena header is one page");
#endif

#endif
