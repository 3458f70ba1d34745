/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One queue of a vif: a transmit and a receive ring of the guest on one side, a TAP device's queue on the other.
 *
 *	guest ──tx ring──> take a batch ──grant copy──> write to the TAP ──> answer, in order     bridge
 *	guest <──answer─── grant copy <──── take as many slots as it needs <── read from the TAP    │
 *
 * Data is copied between the guest's pages and ours in one call a batch, and never looked at in the guest's. A packet is answered
 * when it was written, so that a backend that dies has lost nothing: its successor sends again what was not answered, which at
 * worst doubles packets. Packets for a guest stay in the TAP's own queue, which is bounded and counts what it drops, until the guest
 * has posted slots for the largest packet that may come. One that had posted none for long is drained.
 */
#ifndef ATOLL_DRIVER_DOMAINS_VIF_QUEUE_H
#define ATOLL_DRIVER_DOMAINS_VIF_QUEUE_H

#include <xengnttab.h>

#include "vif/rx.h"

#define QUEUE_BATCH 64 /* packets: then others have a turn, and fewer than a TAP's queue holds */
#define QUEUE_BUFFER (256 * VIF_PAGE)
#define QUEUE_SEGMENTS 256 /* slots in a ring */

/* Scratch that all queues share: what a batch needs until it is answered. */
struct queue_io {
	uint8_t *buffer; /* QUEUE_BUFFER bytes, at a page's start; owned */
	xengnttab_grant_copy_segment_t segments[QUEUE_SEGMENTS];
	struct tx_packet tx[QUEUE_BATCH];
	struct rx_packet rx[QUEUE_BATCH];
};

int queue_io_init(struct queue_io *io);
void queue_io_fini(struct queue_io *io);

struct queue {
	xengnttab_handle *grants;
	uint32_t domid;
	int tap; /* non-blocking, with a struct virtio_net_hdr before each packet */
	bool sg; /* the guest takes packets of more than one page */
	struct ring tx, rx;
	unsigned begun; /* slots that a predecessor began to answer */
	uint64_t tx_dropped, rx_dropped;
};

/* Conditions of a queue after it was served */
enum { QUEUE_NOTIFY = 1, /* the guest waits to be notified */
       QUEUE_MORE = 2,	 /* tx: there is more to do at once */
       QUEUE_STARVED = 4 /* rx: the guest has too few slots posted */ };

/* Attaches to rings that the guest may have been using for long. The other members are set by the caller. 0 or -errno. */
int queue_attach(struct queue *queue, void *tx_page, void *rx_page);
void queue_detach(struct queue *queue);
/* Serve one batch. Conditions, or -EPROTO with *WHY: the vif is to be stopped. */
int queue_serve_tx(struct queue *queue, struct queue_io *io, const char **why);
int queue_serve_rx(struct queue *queue, struct queue_io *io, const char **why);
/* Throws away a batch of packets for the guest. */
void queue_drain(struct queue *queue, struct queue_io *io);

#endif
