/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The block backend: guests' vbds on disks of this domain. The domain may be destroyed at any moment; its successor does again what
 * was not answered (pv/ring.h), so no request is lost. That needs of the data path:
 *
 *   - an answered write is on the disk or in the disk's own cache, never in this domain's memory: direct I/O, and for files each
 *     write carries their metadata too (O_DSYNC);
 *   - an answered flush has emptied the disk's cache;
 *   - nothing is in flight to the disk of a predecessor: a rebuilt domain's controller has been reset.
 *
 * Data goes through buffers of ours, which the kernel has pinned: what is checked is what is used, and what the disk reads does not
 * change under it. Persistent grants, which a frontend uses again and again and never takes back, are mapped once, and copied from and to
 * without any call; others by grant copies, one hypercall for many pages. Mapped pages are let go when the vbd is disconnected.
 */
#ifndef ATOLL_DRIVER_DOMAINS_BLK_H
#define ATOLL_DRIVER_DOMAINS_BLK_H

#include "event/loop.h"

/* Requests of one vbd in the works; more wait in the rings. */
#define VBD_REQUESTS_MAX 32
#define VBD_QUEUES_MAX 4
#define VBD_RING_ORDER_MAX 4 /* log2 of a ring's pages */

struct blk;

/* What a vbd is to be backed by. */
struct blk_backing {
	char path[64]; /* a block device */
	bool write;
};

/* 0 and BACKING for a vbd that was ordered; -ENOENT. */
typedef int blk_lookup_fn(unsigned guest, unsigned vdev, struct blk_backing *backing, void *data);

/* Serves backend/vbd of this domain from now on. Blocks while the store does not answer. 0 or -errno. */
int blk_create(struct loop *loop, blk_lookup_fn *lookup, void *data, struct blk **out);
/* Bytes that were READ and WRITTEN by a vbd since it is there; none if it is not. */
void blk_count(const struct blk *blk, unsigned guest, unsigned vdev, uint64_t *read, uint64_t *written);
/* Lets what is in flight come to an end, and takes no more. For a domain that is about to be restarted: if it is not, requests are
 * taken again after some seconds. */
void blk_drain(struct blk *blk);
/* NULL is fine; returns NULL. */
struct blk *blk_destroy(struct blk *blk);

#endif
