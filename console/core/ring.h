/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend's end of a console ring (xen/io/console.h). The page belongs to a hostile domain: its indexes
 * are read once, checked against the ring's size and our private copies of our own indexes, and bytes are
 * copied before anyone looks at them. A guest that breaks its ring loses its own text and nothing else.
 */
#ifndef ATOLL_CONSOLE_RING_H
#define ATOLL_CONSOLE_RING_H

#include <stddef.h>
#include <stdint.h>

#include <xen/io/console.h>

#define RING_OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define RING_IN_SIZE sizeof(((struct xencons_interface *)0)->in)

struct ring {
	struct xencons_interface *page;
	uint32_t out_cons, in_prod;	/* ours; the page has copies for the guest to read */
	uint32_t resyncs;		/* times that the guest's indexes made no sense */
};

/* Takes over where a previous backend stopped. */
void ring_attach(struct ring *ring, struct xencons_interface *page);
/*
 * Copies up to max bytes of output and leaves them in the ring. If the guest's index is nonsense, skips to it
 * and returns 0.
 */
size_t ring_peek(struct ring *ring, void *bytes, size_t max);
/* Takes len bytes, which ring_peek() has returned and which are safe elsewhere, out of the ring. */
void ring_consume(struct ring *ring, size_t len);
/* Output waiting (0 if the index is nonsense). */
size_t ring_pending(const struct ring *ring);
/* Writes as much input as fits; returns how much. */
size_t ring_write(struct ring *ring, const void *bytes, size_t len);

#endif
