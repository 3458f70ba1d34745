/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's io_uring, in which the whole process waits: one system call starts what was queued and sleeps until an operation ends,
 * a frontend sends an event, or a descriptor of the event loop is ready. All data lies in one area that the kernel has pinned, so
 * that an operation looks up no page.
 */
#ifndef ATOLL_DRIVER_DOMAINS_BLK_URING_H
#define ATOLL_DRIVER_DOMAINS_BLK_URING_H

#include "event/loop.h"

struct uring;

enum uring_kind { URING_READ, URING_WRITE, URING_FLUSH };

struct uring_op {
	uint32_t len; /* bytes; 0: a flush */
};

struct uring_ops {
	/* An operation ended: RESULT is 0 or -errno; one that moved too little is -EIO. OP is the caller's again. */
	void (*on_done)(struct uring_op *op, int result, void *data);
	/* All that had ended have been told. May queue and wait. */
	void (*on_batch)(void *data);
	/* The descriptor of events is readable: to be read until it is empty. */
	void (*on_events)(void *data);
};

/* From now on LOOP waits in the ring. EVENTS_FD must not block. AREA bytes of buffers are allocated and pinned. 0 or -errno. */
int uring_create(struct loop *loop, int events_fd, size_t area, const struct uring_ops *ops, void *data, struct uring **out);
/* Nothing may be in flight. NULL is fine; returns NULL. */
struct uring *uring_destroy(struct uring *uring);
uint8_t *uring_area(const struct uring *uring);

/* BUFFER lies in the area (flushes ignore it and the rest); it and OP must last until on_done. Starts when the process waits next. */
void uring_queue(struct uring *uring, struct uring_op *op, enum uring_kind kind, int fd, void *buffer, uint32_t len, uint64_t offset);
/* Waits until something ends, and tells; on_batch is left to the caller, other events to the next round of the loop. */
void uring_wait(struct uring *uring);

#endif
