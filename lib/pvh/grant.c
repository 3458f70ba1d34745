// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Grants. Foreign pages: slot i is the guest frame PVH_GRANT_BASE / 4096 + i; the slot table is in the arena,
 * because Xen's handles cannot be asked for again. Own pages: the grant table (version 1) is Xen's page; what we
 * offer is also noted in the arena, for a successor in a new domain.
 */
#include <errno.h>

#include "pvh/boot.h"
#include "pvh/grant.h"
#include "pvh/hypercall.h"

#define ENTRIES ((int)PVH_GRANT_OFFERS)

static grant_entry_v1_t *const table = (grant_entry_v1_t *)PVH_GRANT_TABLE;

static int status_errno(int16_t status)
{
	switch (status) {
	case GNTST_okay:
		return 0;
	case GNTST_bad_domain:
		return -ESRCH;
	case GNTST_general_error:	/* no such entry, or not for us */
	case GNTST_bad_gntref:
	case GNTST_bad_handle:
		return -EINVAL;
	case GNTST_permission_denied:
		return -EACCES;
	case GNTST_eagain:
		return -EAGAIN;
	case GNTST_no_device_space:
		return -ENOSPC;
	default:
		return -EIO;
	}
}

static void *slot_page(unsigned int slot)
{
	return (void *)(uintptr_t)(PVH_GRANT_BASE + slot * (uint64_t)PVH_PAGE_SIZE);
}

/* Maps into that slot. 0 or -errno. */
static int slot_map(unsigned int i, uint16_t domid, uint32_t ref)
{
	struct gnttab_map_grant_ref op = {
		.host_addr = (uintptr_t)slot_page(i), .flags = GNTMAP_host_map, .ref = ref, .dom = domid,
	};
	long rc;

	PVH_BINDING(1);
	rc = hypercall_grant(GNTTABOP_map_grant_ref, &op, 1);
	if (!rc)
		rc = status_errno(op.status);
	if (!rc)
		PVH_LIB->slots[i] = (struct pvh_grant_slot){ .handle = op.handle, .ref = ref, .domid = domid, .used = 1 };
	PVH_BINDING(0);
	return (int)rc;
}

/* The entry becomes valid with its flags: they go last. */
static void offer(int ref, const grant_entry_v1_t *entry)
{
	table[ref].domid = entry->domid;
	table[ref].frame = entry->frame;
	__atomic_store_n(&table[ref].flags, entry->flags, __ATOMIC_SEQ_CST);
}

/* Makes grant maps and offers of the domain before us again, at the same places. What cannot be had any more is left out. */
static void revive(void)
{
	for (unsigned int i = 0; i < PVH_GRANT_SLOTS; i++) {
		struct pvh_grant_slot *slot = &PVH_LIB->slots[i];

		if (slot->used && slot_map(i, slot->domid, slot->ref))
			slot->used = 0;
	}
	for (int i = GNTTAB_NR_RESERVED_ENTRIES; i < ENTRIES; i++)
		if (PVH_LIB->offers[i].flags & GTF_permit_access)
			offer(i, &PVH_LIB->offers[i]);
}

int pvh_grant_init(bool again)
{
	for (unsigned int i = 0; i < PVH_GRANT_TABLE_FRAMES; i++) {
		struct xen_add_to_physmap map = {
			.domid = DOMID_SELF,
			.space = XENMAPSPACE_grant_table,
			.idx = i,
			.gpfn = (PVH_GRANT_TABLE >> 12) + i,
		};
		int rc = (int)hypercall_memory(XENMEM_add_to_physmap, &map);

		if (rc)
			return rc;
	}
	if (again)
		revive();
	return 0;
}

int pvh_grant_map(uint16_t domid, uint32_t ref, void **page)
{
	unsigned int free_slot = PVH_GRANT_SLOTS;
	int rc;

	for (unsigned int i = 0; i < PVH_GRANT_SLOTS; i++) {
		const struct pvh_grant_slot *slot = &PVH_LIB->slots[i];

		if (!slot->used && free_slot == PVH_GRANT_SLOTS)
			free_slot = i;
		if (slot->used && slot->domid == domid && slot->ref == ref)
			return -EEXIST;
	}
	if (free_slot == PVH_GRANT_SLOTS)
		return -ENOSPC;
	rc = slot_map(free_slot, domid, ref);
	if (rc)
		return rc;
	*page = slot_page(free_slot);
	return 0;
}

int pvh_grant_unmap(void *page)
{
	uintptr_t slot = ((uintptr_t)page - PVH_GRANT_BASE) / PVH_PAGE_SIZE;
	struct gnttab_unmap_grant_ref op = { .host_addr = (uintptr_t)page };
	long rc;

	if (slot >= PVH_GRANT_SLOTS || !PVH_LIB->slots[slot].used)
		return -EINVAL;
	op.handle = PVH_LIB->slots[slot].handle;
	PVH_BINDING(1);
	rc = hypercall_grant(GNTTABOP_unmap_grant_ref, &op, 1);
	if (!rc)
		rc = status_errno(op.status);
	/*
	 * A handle that Xen does not know maps nothing: the slot is free (it can come from a dirty arena
	 * only).
	 */
	if (!rc || op.status == GNTST_bad_handle)
		PVH_LIB->slots[slot].used = rc = 0;
	PVH_BINDING(0);
	return (int)rc;
}

void *pvh_grant_find(uint16_t domid, uint32_t ref)
{
	for (unsigned int i = 0; i < PVH_GRANT_SLOTS; i++) {
		const struct pvh_grant_slot *slot = &PVH_LIB->slots[i];

		if (slot->used && slot->domid == domid && slot->ref == ref)
			return slot_page(i);
	}
	return NULL;
}

void pvh_grant_for_each(void (*fn)(uint16_t domid, uint32_t ref, void *page, void *arg), void *arg)
{
	for (unsigned int i = 0; i < PVH_GRANT_SLOTS; i++) {
		const struct pvh_grant_slot *slot = &PVH_LIB->slots[i];

		if (slot->used)
			fn(slot->domid, slot->ref, slot_page(i), arg);
	}
}

int pvh_grant_offer(uint16_t domid, void *page, bool readonly, uint32_t *ref)
{
	for (int i = GNTTAB_NR_RESERVED_ENTRIES; i < ENTRIES; i++) {
		if (__atomic_load_n(&table[i].flags, __ATOMIC_SEQ_CST) != GTF_invalid)
			continue;
		PVH_LIB->offers[i] = (grant_entry_v1_t){
			.flags = GTF_permit_access | (readonly ? GTF_readonly : 0),
			.domid = domid,
			.frame = (uint32_t)((uintptr_t)page >> 12),
		};
		offer(i, &PVH_LIB->offers[i]);
		*ref = (uint32_t)i;
		return 0;
	}
	return -ENOSPC;
}
