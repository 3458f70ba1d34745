/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend's side of a Xen I/O ring, such that the backend may die between any two instructions and a successor in a domain of
 * the same domid goes on. Pure: no Xen, no I/O.
 *
 * Requests and responses share the slots; the index of a ring counts without end, the slot is its remainder. (xen/io/ring.h)
 *
 *	    rsp_prod                 req_cons            req_prod
 *	       |                        |                   |
 *	 ──────┼────────────────────────┼───────────────────┼──────
 *	 answered │ taken, not answered │ not taken         │ free: rsp_prod + size is the end
 *
 * Responses are published strictly in the order of their requests; one that is early waits in private memory. So all requests
 * from rsp_prod on are whole in the shared ring, and a successor attaches with req_cons = rsp_prod and does them again.
 *
 * Only one slot is ever in danger: that at rsp_prod while its response is written over its request. The response is noted before
 * in the ring page's padding, which frontends do not use:  journal → slot → rsp_prod.  A successor that finds the journal to be
 * of index rsp_prod finishes that response. A hostile frontend can write what it likes there, and fools itself only.
 *
 * Every index that the frontend writes is read once and checked against our own size.
 */
#ifndef ATOLL_DRIVER_DOMAINS_RING_H
#define ATOLL_DRIVER_DOMAINS_RING_H

#include "base/util.h"

#define RING_RESPONSE_MAX 16
#define RING_PAGE 4096

struct ring_shared;

struct ring {
	struct ring_shared *shared;
	uint32_t size; /* slots, a power of two */
	uint32_t slot_size;
	uint32_t req_cons; /* next request to take */
	uint32_t rsp_prod; /* next response to publish: the shared one, which only we write */
	uint32_t pushed;   /* responses before it have been announced */
	struct ring_held *held; /* responses that are early, by slot */
};

/* Attaches at the last response published. SHARED (BYTES long, whole pages) must stay mapped until ring_fini(). 0; -EPROTO if the
 * frontend's indexes are impossible; -ENOMEM. */
int ring_init(struct ring *ring, void *shared, size_t bytes, size_t slot_size);
/* Touches no shared memory. A zeroed ring is fine. */
void ring_fini(struct ring *ring);

/* How many requests may be taken. -EPROTO if the frontend claims more than there is room for: let go of the ring. */
int ring_pending(const struct ring *ring);
/* Copies SIZE bytes (at most the slot's) of the next request, which ring_pending() has shown, and returns its index. */
uint32_t ring_take(struct ring *ring, void *request, size_t size);
/* Before waiting: asks the frontend to notify the next request, then returns true if some came before it could see that. */
bool ring_more(struct ring *ring);
/* The same for whoever needs COUNT of them at once. */
bool ring_want(struct ring *ring, unsigned count);

/* Answers the request of INDEX (taken, not yet answered) with SIZE bytes, at most RING_RESPONSE_MAX. It is published at once if all
 * before it are answered, together with those that it held up. */
void ring_complete(struct ring *ring, uint32_t index, const void *response, size_t size);
/* True if the frontend wants to be notified of what was published since the last call. */
bool ring_push(struct ring *ring);

/*
 * Messages of several slots (netif), answered in order: ring_begin() notes in the journal that the COUNT slots from rsp_prod on, which
 * were taken, are being written; they are written in place, then ring_end() publishes them all at once. A successor finds by
 * ring_begun() how many slots at rsp_prod may be half written. For such rings ring_complete() is not used.
 */
uint32_t ring_begin(struct ring *ring, unsigned count);
void *ring_slot(const struct ring *ring, uint32_t index);
void ring_end(struct ring *ring, unsigned count);
/* After ring_init(): 0 if none. */
unsigned ring_begun(const struct ring *ring);

#endif
