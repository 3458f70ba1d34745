// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Grants. Foreign pages: slot i is the guest frame PVH_GRANT_BASE / 4096 + i; the slot table is in the arena,
 * because Xen's handles cannot be asked for again. Own pages: the grant table (version 1) is Xen's page, and
 * itself the record of what we offer.
 */
#include <errno.h>

#include "pvh/boot.h"
#include "pvh/grant.h"
#include "pvh/hypercall.h"

#define ENTRIES (PVH_GRANT_TABLE_FRAMES * PVH_PAGE_SIZE / (int)sizeof(grant_entry_v1_t))

static grant_entry_v1_t *const table = (grant_entry_v1_t *)PVH_GRANT_TABLE;

int pvh_grant_init(void)
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
	return 0;
}

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

int pvh_grant_map(uint16_t domid, uint32_t ref, void **page)
{
	struct gnttab_map_grant_ref op = { .flags = GNTMAP_host_map, .ref = ref, .dom = domid };
	struct pvh_grant_slot *slot = NULL;
	unsigned int i, free_slot = PVH_GRANT_SLOTS;
	long rc;

	for (i = 0; i < PVH_GRANT_SLOTS; i++) {
		slot = &PVH_LIB->slots[i];
		if (!slot->used && free_slot == PVH_GRANT_SLOTS)
			free_slot = i;
		if (slot->used && slot->domid == domid && slot->ref == ref)
			return -EEXIST;
	}
	if (free_slot == PVH_GRANT_SLOTS)
		return -ENOSPC;
	op.host_addr = (uintptr_t)slot_page(free_slot);
	rc = hypercall_grant(GNTTABOP_map_grant_ref, &op, 1);
	if (!rc)
		rc = status_errno(op.status);
	if (rc)
		return (int)rc;
	slot = &PVH_LIB->slots[free_slot];
	*slot = (struct pvh_grant_slot){ .handle = op.handle, .ref = ref, .domid = domid, .used = 1 };
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
	rc = hypercall_grant(GNTTABOP_unmap_grant_ref, &op, 1);
	if (!rc)
		rc = status_errno(op.status);
	/*
	 * A handle that Xen does not know maps nothing: the slot is free (it can come from a dirty arena
	 * only).
	 */
	if (rc && op.status != GNTST_bad_handle)
		return (int)rc;
	PVH_LIB->slots[slot].used = 0;
	return 0;
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
		table[i].domid = domid;
		table[i].frame = (uint32_t)((uintptr_t)page >> 12);
		/* The entry becomes valid with its flags: they go last. */
		__atomic_store_n(&table[i].flags, GTF_permit_access | (readonly ? GTF_readonly : 0), __ATOMIC_SEQ_CST);
		*ref = (uint32_t)i;
		return 0;
	}
	return -ENOSPC;
}

int pvh_grant_revoke(uint32_t ref)
{
	uint16_t flags;

	if (ref < GNTTAB_NR_RESERVED_ENTRIES || ref >= (uint32_t)ENTRIES)
		return -EINVAL;
	flags = __atomic_load_n(&table[ref].flags, __ATOMIC_SEQ_CST);
	do {
		if (flags & (GTF_reading | GTF_writing))
			return -EBUSY;
	} while (!__atomic_compare_exchange_n(&table[ref].flags, &flags, GTF_invalid, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return 0;
}
