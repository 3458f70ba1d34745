// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What this domain can reach of others. It is asked at each start, from where an intruder would ask: the hypervisor has to let us
 * map our guest's pages, and nobody else's.
 */
#include <errno.h>
#include <sys/mman.h>
#include <xenforeignmemory.h>

#include "spawn.h"

#define PROBE_GFN 0x10 /* ordinary memory of any guest; for a PV domain's, a machine frame, which is refused just the same */

/* 0: mapped; -errno. */
static int try_domain(xenforeignmemory_handle *memory, unsigned domid)
{
	const xen_pfn_t gfn = PROBE_GFN;
	int error = 0;
	void *page = xenforeignmemory_map(memory, domid, PROT_READ, 1, &gfn, &error);

	if (!page)
		return errno ? -errno : -EIO;
	xenforeignmemory_unmap(memory, page, 1);
	return error;
}

int reach_try(unsigned guest, struct json **mapped, struct json **refused)
{
	xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
	int r = 0;

	*mapped = json_new(JSON_ARRAY);
	*refused = json_new(JSON_ARRAY);
	if (!memory)
		return -errno;
	for (unsigned domid = 0; domid <= DOMID_TRIED && r == 0; domid++) {
		unsigned id = domid < DOMID_TRIED ? domid : guest;
		int error;

		if (domid == guest)
			continue; /* it comes last */
		error = try_domain(memory, id);
		if (error != -ESRCH)
			r = json_append(error ? *refused : *mapped, json_new_int(id));
	}
	xenforeignmemory_close(memory);
	return r;
}
