// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Serving one store ring, for any main that has it mapped.
 *
 *   frontend --req[1024]--> store_input()          store_output_*() --rsp[1024]--> frontend
 *            req_prod  req_cons (ours)                     rsp_prod (ours)  rsp_cons
 *
 * The page belongs to a domain that may write anything into it at any time. Our own indexes are kept in the store's
 * arena and only ever written to the page; the other side's are read once and checked; bytes are copied before they
 * are parsed. A ring that breaks the rules loses its own connection and nothing else, until its domain asks for a
 * reconnection (docs/misc/xenstore-ring.txt of Xen).
 */
#ifndef ATOLL_XENSTORE_RING_H
#define ATOLL_XENSTORE_RING_H

#include "store.h"

struct xenstore_domain_interface;

/* Where the streams of a ring that was just mapped stand; mends indexes that cannot be. */
void ring_start(struct xenstore_domain_interface *page, struct store_ring_start *start);
/* Shows the frontend what the store offers. */
void ring_offer(struct store *s, store_conn conn, struct xenstore_domain_interface *page);
/*
 * Takes and answers what is there, and fills the ring with what fits. @buffer is RING_BUFFER bytes of scratch.
 * Returns RING_NOTIFY if the frontend has to be notified, and RING_MORE if the ring had its share and is to be served
 * again after others: a frontend that refills its ring all the time must not keep the store from them.
 */
#define RING_BUFFER 1024u
#define RING_NOTIFY 1u
#define RING_MORE 2u
unsigned int ring_serve(struct store *s, store_conn conn, struct xenstore_domain_interface *page, unsigned char *buffer);

#endif
