/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's asynchronous I/O (io_submit(2)) in the event loop. Chosen over io_uring because a completion costs no system call
 * besides epoll's: the kernel puts it into a ring that we read, and signals an event descriptor that need not be read.
 */
#ifndef ATOLL_DRIVER_DOMAINS_BLK_AIO_H
#define ATOLL_DRIVER_DOMAINS_BLK_AIO_H

#include <linux/aio_abi.h>

#include "event/loop.h"

struct aio;

struct aio_ops {
	/* An operation ended: RESULT is its bytes or -errno. IOCB is the caller's again. */
	void (*on_done)(struct iocb *iocb, int64_t result, void *data);
	/* All that had ended have been told. May queue, submit and wait. */
	void (*on_batch)(void *data);
};

/* At most MAX operations in flight, which costs 64 bytes each; of all that are queued at most MAX_QUEUED wait. 0 or -errno. */
int aio_create(struct loop *loop, unsigned max, unsigned max_queued, const struct aio_ops *ops, void *data, struct aio **out);
/* Nothing may be in flight. NULL is fine; returns NULL. */
struct aio *aio_destroy(struct aio *aio);

/* OPCODE is IOCB_CMD_PREAD, PWRITE or FSYNC (which ignores the rest). BUFFER and IOCB stay the caller's and must last until
 * on_done. Started by aio_submit(). */
void aio_queue(struct aio *aio, struct iocb *iocb, unsigned opcode, int fd, void *buffer, size_t len, uint64_t offset);
/* Starts what was queued. What there is no room for at the moment is tried again later. */
void aio_submit(struct aio *aio);
/* Waits until something ends, some milliseconds at most, and tells. */
void aio_wait(struct aio *aio);

#endif
