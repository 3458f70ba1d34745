/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grants: mapping other domains' pages at guest frames with no RAM behind them, and offering our own pages.
 * All calls return 0 or -errno and do not block. A mapped page is hostile memory: its owner changes it at any
 * time. Mappings and offers survive an in-place reload; pvh_grant_find() gives the old address again.
 */
#ifndef ATOLL_PVH_GRANT_H
#define ATOLL_PVH_GRANT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Maps page `ref` of `domid`, read-write. -ENOSPC: no free slot of PVH_GRANT_SLOTS; -ESRCH: no such domain;
 * -EINVAL: no such grant, or not for us; -EEXIST: that (domid, ref) is mapped already. (A mapping of a dead
 * domain is not the new domain's page: unmap it first.)
 */
int pvh_grant_map(uint16_t domid, uint32_t ref, void **page);
/* Unmaps. Must also be done for dead domains: a mapped page keeps them as zombies. */
int pvh_grant_unmap(void *page);
/* The address at which (domid, ref) is mapped, or NULL. */
void *pvh_grant_find(uint16_t domid, uint32_t ref);
/* Calls fn for every mapping; fn may unmap the one it is called for. */
void pvh_grant_for_each(void (*fn)(uint16_t domid, uint32_t ref, void *page, void *arg), void *arg);

/* Lets `domid` map one of our own RAM pages. -ENOSPC: grant table full. Refs below 8 are the builder's. */
int pvh_grant_offer(uint16_t domid, void *page, bool readonly, uint32_t *ref);

#endif
