/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Persistent grants of one frontend: pages that it uses again and again for its requests, mapped once and kept until the vbd is
 * disconnected (or this domain dies: Xen drops a dead domain's mappings). A grant cannot be taken back while it is mapped, so a
 * reference stays that of the same page. What is beyond the limits, or cannot be mapped, is to be copied by the hypervisor.
 */
#ifndef ATOLL_DRIVER_DOMAINS_BLK_GRANTS_H
#define ATOLL_DRIVER_DOMAINS_BLK_GRANTS_H

#include <xengnttab.h>

#include "base/util.h"

/* Pages of a vbd: all that Linux frontends use in two rings of one page. */
#define GRANTS_MAX 2112
/* Of all vbds together, 32 MiB: each may cost a page of memory here. */
#define GRANTS_TOTAL_MAX 8192

struct grants;

/* TOTAL counts the pages of all; the caller's. NULL: no memory. */
struct grants *grants_create(xengnttab_handle *handle, uint32_t domid, unsigned *total);
/* Unmaps. NULL is fine; returns NULL. */
struct grants *grants_destroy(struct grants *grants);

/* The page of REF, mapped. NULL: it is not, yet: it will be by the next grants_map() if that is possible. */
void *grants_get(struct grants *grants, uint32_t ref);
/* Maps all that grants_get() had not. False: there was nothing to do. */
bool grants_map(struct grants *grants);

#endif
