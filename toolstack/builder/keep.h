/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps the memory of reloadable domains mapped. A reload writes through that mapping; and since Xen frees no page that is mapped,
 * what was in the arena of such a domain can still be read when somebody has destroyed it.
 */
#ifndef ATOLL_BUILDER_KEEP_H
#define ATOLL_BUILDER_KEEP_H

#include "builder.h"

/* Maps a domain. 0 or -errno; EOVERFLOW, ENOSPC: larger than, or more than, what is kept. Fine if it is mapped already. */
int keep_map(struct builder *builder, uint32_t domid, const uint8_t uuid[16], uint64_t memory_kib);
/* The mapping, or NULL. */
uint8_t *keep_image(struct builder *builder, uint32_t domid);
struct pvh_arena_header *keep_header(struct builder *builder, uint32_t domid);
/* The domain was destroyed: copies its arena and lets its pages go. */
void keep_detach(struct builder *builder, uint32_t domid);
/* Gives a new domain, which is mapped and has not run, the arena of its predecessor. False: there is none that fits. */
bool keep_revive(struct builder *builder, uint32_t domid);
/* Forgets a copy that was not used. */
void keep_forget(struct builder *builder, uint32_t domid);

#endif
