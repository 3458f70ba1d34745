// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A domain's ties to others, as the hypervisor has them. The grant table is the domain's own memory: it is mapped read-only for the
 * time of one look, and each entry is read once. Xen lets nobody map his own: of the control domain there are event channels only, and what
 * it has of others is in their tables.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "builder.h"

#define PORTS_MAX 131072 /* of event channels that a domain can have */

static struct tie *tie_with(struct ties *ties, uint32_t domid)
{
	static struct tie nobody;

	for (size_t i = 0; i < ties->count; i++) {
		if (ties->list[i].domid == domid)
			return &ties->list[i];
	}
	if (ties->count == TIES_MAX) {
		ties->others++;
		return &nobody;
	}
	ties->list[ties->count] = (struct tie){.domid = domid};
	return &ties->list[ties->count++];
}

/* Both versions of an entry begin with flags and domid. */
static void count_grants(struct ties *ties, const volatile uint8_t *table, size_t size, size_t entry_size)
{
	for (size_t at = 0; at + entry_size <= size; at += entry_size) {
		const volatile uint16_t *entry = (const volatile uint16_t *)(const volatile void *)(table + at);
		uint16_t flags = entry[0], domid = entry[1];
		struct tie *tie;

		if ((flags & GTF_type_mask) != GTF_permit_access)
			continue;
		tie = tie_with(ties, domid);
		tie->grants++;
		tie->read_only += (flags & GTF_readonly) != 0;
	}
}

static int look_at_grants(struct builder *builder, uint32_t domid, struct ties *ties)
{
	struct gnttab_query_size query = {.dom = (domid_t)domid};
	xenforeignmemory_resource_handle *map;
	int version = xc_gnttab_get_version(builder->xen, domid);
	void *table = NULL;

	if (version < 0 || xc_gnttab_query_size(builder->xen, &query) < 0 || query.status != GNTST_okay)
		return -1;
	if (!query.nr_frames)
		return 0;
	map = xenforeignmemory_map_resource(builder->memory, (domid_t)domid, XENMEM_resource_grant_table,
					    XENMEM_resource_grant_table_id_shared, 0, query.nr_frames, &table, PROT_READ, 0);
	if (!map)
		return -1;
	count_grants(ties, table, (size_t)query.nr_frames * PAGE_BYTES,
		     version == 2 ? sizeof(grant_entry_v2_t) : sizeof(grant_entry_v1_t));
	xenforeignmemory_unmap_resource(builder->memory, map);
	return 0;
}

static void look_at_channels(struct builder *builder, uint32_t domid, struct ties *ties)
{
	for (uint32_t port = 1; port < PORTS_MAX; port++) {
		xc_evtchn_status_t status = {.dom = (domid_t)domid, .port = port};

		if (xc_evtchn_status(builder->xen, &status) < 0) {
			if (errno == EACCES)
				continue; /* Xen itself has the other end: a device model's requests */
			break; /* the first port that there is not */
		}
		if (status.status == EVTCHNSTAT_interdomain)
			tie_with(ties, status.u.interdomain.dom)->channels++;
		else if (status.status == EVTCHNSTAT_unbound)
			tie_with(ties, status.u.unbound.dom)->offered++;
	}
}

int domain_ties(struct builder *builder, uint32_t domid, struct ties *ties)
{
	xc_domaininfo_t info;
	int ret = domid ? domain_lookup(builder, domid, &info) : 0;

	*ties = (struct ties){.xs_domain = domid && ret == 0 && (info.flags & XEN_DOMINF_xs_domain)};
	if (ret < 0)
		return ret;
	if (domid && look_at_grants(builder, domid, ties) < 0)
		return fail_xen(builder, "domain %u: cannot read its grants", domid);
	look_at_channels(builder, domid, ties);
	return 0;
}
