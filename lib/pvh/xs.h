/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small xenstore client over the domain's own ring (for the console domain; the store domain has no use for
 * it). Requests are asynchronous and bounded: at most PVH_XS_REQUESTS in flight, PVH_XS_PAYLOAD_MAX bytes
 * each. Nothing blocks: a store that does not answer leaves requests in flight until pvh_xs_cancel_all().
 */
#ifndef ATOLL_PVH_XS_H
#define ATOLL_PVH_XS_H

#include <stddef.h>
#include <stdint.h>

struct pvh;

#define PVH_XS_REQUESTS		8
/* One request with its header has to fit in the 1,024-byte ring. */
#define PVH_XS_PAYLOAD_MAX	512

/* result: 0 or -errno; data (len bytes, followed by a NUL not counted) is valid during the call only. */
typedef void (*pvh_xs_fn)(int result, const char *data, size_t len, void *arg);

/* Binds the ring of the HVM parameters. -ENODEV if the builder gave none. There is one client a domain. */
int pvh_xs_init(struct pvh *pvh);
/* Paths may be relative to /local/domain/<own>. fn may be NULL. -EAGAIN: no room now, try after a reply. */
int pvh_xs_write(const char *path, const char *value, pvh_xs_fn fn, void *arg);
/* perms: strings as on the wire, e.g. "n2", "r0"; the first names the owner. */
int pvh_xs_set_perms(const char *path, const char *const *perms, unsigned int count, pvh_xs_fn fn, void *arg);
/* Requests without a reply so far. */
unsigned int pvh_xs_in_flight(void);
/* Calls back every request in flight with -ECANCELED and forgets it; late replies are ignored. */
void pvh_xs_cancel_all(void);

#endif
