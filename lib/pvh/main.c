// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From the boot entry to pvh_main(): hypercall page, arena, paging, traps, events, grants, time. The same
 * path is taken at the first boot and at an in-place reload; what differs is decided by the arena header
 * alone (see layout.h).
 */
#include <stdint.h>
#include <string.h>

#include <xen/arch-x86/cpuid.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "pvh/boot.h"
#include "pvh/hypercall.h"
#include "pvh/pvh.h"

#define E820_RAM_TYPE		1
#define E820_ENTRIES_MAX	16
#define CPUID_XEN_FIRST		XEN_CPUID_FIRST_LEAF
#define CPUID_XEN_LAST		(XEN_CPUID_FIRST_LEAF + 0x10000)

struct pvh_e820_entry {
	uint64_t addr, size;
	uint32_t type;
} __attribute__((packed));

static struct pvh pvh_self;

static void cpuid(uint32_t leaf, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	__asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(leaf), "c"(0));
}

/* Finds Xen's leaves, has it fill the hypercall page, and returns our own domid. */
static uint16_t xen_init(void)
{
	uint32_t a, b, c, d, base;

	for (base = CPUID_XEN_FIRST; base < CPUID_XEN_LAST; base += 0x100) {
		cpuid(base, &a, &b, &c, &d);
		if (b == XEN_CPUID_SIGNATURE_EBX && c == XEN_CPUID_SIGNATURE_ECX && d == XEN_CPUID_SIGNATURE_EDX)
			break;
	}
	/* Not on Xen: there is nobody to tell. */
	if (base >= CPUID_XEN_LAST)
		for (;;)
			__asm__ volatile("cli; hlt");
	cpuid(base + 2, &a, &b, &c, &d);
	__asm__ volatile("wrmsr" : : "c"(b), "a"((uint32_t)(uintptr_t)hypercall_page), "d"(0) : "memory");
	cpuid(base + 4, &a, &b, &c, &d);
	return a & XEN_HVM_CPUID_DOMID_PRESENT ? (uint16_t)c : DOMID_INVALID;
}

/* End of the RAM that starts at 0. */
static uint64_t ram_end(void)
{
	struct pvh_e820_entry entries[E820_ENTRIES_MAX];
	struct xen_memory_map map = { .nr_entries = E820_ENTRIES_MAX };
	uint64_t end = 0;
	long rc;

	set_xen_guest_handle(map.buffer, entries);
	rc = hypercall_memory(XENMEM_memory_map, &map);
	if (rc < 0)
		pvh_panic("no memory map: error %ld", -rc);
	for (unsigned int i = 0; i < map.nr_entries && i < E820_ENTRIES_MAX; i++)
		if (entries[i].type == E820_RAM_TYPE && entries[i].addr == 0)
			end = entries[i].size;
	if (end > PVH_RAM_MAX)
		end = PVH_RAM_MAX;
	end &= ~(uint64_t)(PVH_PAGE_SIZE - 1);
	if (end <= PVH_ARENA_APP)
		pvh_panic("too little memory: %lu KiB", (unsigned long)(end >> 10));
	return end;
}

static void cmdline_save(struct pvh_arena_header *header, uint32_t start_info)
{
	const struct hvm_start_info *info = (const void *)(uintptr_t)start_info;
	const char *cmdline;

	if (info->magic != XEN_HVM_START_MAGIC_VALUE || !info->cmdline_paddr)
		return;
	cmdline = (const char *)(uintptr_t)info->cmdline_paddr;
	memcpy(header->cmdline, cmdline, strnlen(cmdline, PVH_CMDLINE_MAX - 1));
}

/* Decides whether the arena is that of a predecessor, and initialises it if not. */
static void arena_init(struct pvh *pvh, uint64_t end, uint32_t start_info)
{
	struct pvh_arena_header *header = PVH_HEADER;

	pvh->revived = header->reload == PVH_REVIVE_MAGIC;
	pvh->resumed = (pvh->revived || header->reload == PVH_RELOAD_MAGIC) && header->magic == PVH_ARENA_MAGIC &&
		       header->version == PVH_ARENA_VERSION && header->ram_end == end;
	if (pvh->resumed) {
		pvh->dirty = header->busy != 0;
		pvh->trusted = header->trusted && !header->busy && !pvh->revived;
	} else {
		pvh->revived = false;
		memset(header, 0, (size_t)PVH_ARENA_LIB_PAGES * PVH_PAGE_SIZE);
		header->magic = PVH_ARENA_MAGIC;
		header->version = PVH_ARENA_VERSION;
		header->ram_end = end;
		cmdline_save(header, start_info);
	}
	header->reload = 0;
	header->trusted = 0;
	header->stop_request = 0;
	header->parked = 0;
	header->busy = 1;
	header->journalled = 0;
	header->binding = 0;
	header->generation++;
	header->cmdline[PVH_CMDLINE_MAX - 1] = '\0';
	pvh->generation = header->generation;
	pvh->cmdline = header->cmdline;
	pvh->arena = (void *)PVH_ARENA_APP;
	pvh->arena_size = end - PVH_ARENA_APP;
}

void pvh_boot(uint32_t start_info)
{
	struct pvh *pvh = &pvh_self;
	uint64_t end, entered = pvh_tsc();
	int rc;

	pvh->domid = xen_init();
	pvh->started_waited_ns = pvh_waited();
	pvh_console_init();
	end = ram_end();
	arena_init(pvh, end, start_info);
	pvh_paging_init(end);
	pvh_traps_init();
	pvh_event_init(pvh->revived);
	rc = pvh_grant_init(pvh->revived);
	if (!rc)
		rc = pvh_time_init();
	if (rc)
		pvh_panic("cannot set up grants and time: error %d", -rc);
	pvh->started_ns = pvh_time_at(entered);
	pvh_main(pvh);
	pvh_panic("pvh_main returned");
}

bool pvh_arena_claim(struct pvh *pvh, uint64_t magic, uint32_t version)
{
	struct pvh_arena_header *header = PVH_HEADER;

	if (pvh->resumed && header->app_magic == magic && header->app_version == version)
		return true;
	/* Invalid while it is half zeroed: a reload in the middle must not take it for whole. */
	header->app_magic = 0;
	memset(pvh->arena, 0, pvh->arena_size);
	header->app_version = version;
	header->app_magic = magic;
	return false;
}

void pvh_arena_journalled(void)
{
	PVH_HEADER->journalled = 1;
}

uint64_t pvh_hvm_param(uint32_t index)
{
	struct xen_hvm_param param = { .domid = DOMID_SELF, .index = index };

	return hypercall_hvm(HVMOP_get_param, &param) ? 0 : param.value;
}

/* ---- command line ---- */

/* The value of `key`: a pointer behind `key=`, or to the end of the bare word. NULL if absent. */
static const char *cmdline_find(const char *cmdline, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = cmdline; *p; ) {
		if (!strncmp(p, key, len) && (p[len] == '=' || p[len] == ' ' || !p[len]))
			return p[len] == '=' ? p + len + 1 : p + len;
		while (*p && *p != ' ')
			p++;
		while (*p == ' ')
			p++;
	}
	return NULL;
}

bool pvh_cmdline_get(const struct pvh *pvh, const char *key, char *value, size_t len)
{
	const char *p = cmdline_find(pvh->cmdline, key);
	size_t n = 0;

	if (!p)
		return false;
	if (!len)
		return true;
	while (n < len - 1 && p[n] && p[n] != ' ')
		n++;
	memcpy(value, p, n);
	value[n] = '\0';
	return true;
}

uint64_t pvh_cmdline_u64(const struct pvh *pvh, const char *key, uint64_t def)
{
	char text[20]; /* 19 digits fit */
	uint64_t value = 0;

	if (!pvh_cmdline_get(pvh, key, text, sizeof(text)) || !*text)
		return def;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return def;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	return value;
}
