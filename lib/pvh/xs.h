/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small xenstore client over the domain's own ring, for requests that have no answer but that they were done (for the console
 * domain; the store domain has no use for it). Nothing blocks: a store that does not answer leaves requests in flight until
 * pvh_xs_forget(). There is one client a domain.
 */
#ifndef ATOLL_PVH_XS_H
#define ATOLL_PVH_XS_H

#include <stddef.h>
#include <stdint.h>

struct pvh;

/* Binds the ring of the HVM parameters. -ENODEV if the builder gave none. */
int pvh_xs_init(struct pvh *pvh);
/*
 * TYPE and payload are those of xs_wire.h; paths may be relative to /local/domain/<own>. 0, or -EAGAIN: no room now, try after
 * a reply.
 */
int pvh_xs_send(uint32_t type, const void *payload, size_t len);
/* Requests without a reply so far. */
unsigned int pvh_xs_in_flight(void);
/* The error, as on the wire, of the last request that was refused since this was asked; "": none was. */
const char *pvh_xs_error(void);
/* Gives up on every request in flight; late replies are ignored. */
void pvh_xs_forget(void);

#endif
