// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's asynchronous I/O in the event loop. */
#include "blk/aio.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/log.h"

#define RING_MAGIC 0xa10a10a1u
#define RETRY_MS 1
#define WAIT_MS 10

/* What a context's number points to (fs/aio.c; libaio and others rely on it too). */
struct aio_ring {
	unsigned id, nr;
	unsigned head, tail; /* ours, the kernel's */
	unsigned magic, compat, incompat, header;
	struct io_event events[];
};

struct aio {
	aio_context_t context;
	struct aio_ring *ring;
	const struct aio_ops *ops;
	void *data;
	int event_fd;
	struct source *source, *retry;
	struct iocb **queue; /* those to start */
	unsigned queued, queue_size;
};

static bool reap(struct aio *aio)
{
	struct aio_ring *ring = aio->ring;
	bool any = false;

	for (;;) {
		unsigned head = ring->head;
		struct io_event event;

		if (head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE))
			break;
		event = ring->events[head];
		__atomic_store_n(&ring->head, (head + 1) % ring->nr, __ATOMIC_RELEASE);
		aio->ops->on_done((struct iocb *)(uintptr_t)event.obj, event.res, aio->data);
		any = true;
	}
	return any;
}

static void finish(struct aio *aio)
{
	reap(aio);
	do
		aio->ops->on_batch(aio->data);
	while (reap(aio)); /* what ended meanwhile saves a round of the loop */
}

static void on_event(struct source *source, uint32_t events, void *data)
{
	finish(data);
}

static void on_retry(struct source *source, uint32_t events, void *data)
{
	aio_submit(data);
}

int aio_create(struct loop *loop, unsigned max, unsigned max_queued, const struct aio_ops *ops, void *data, struct aio **out)
{
	struct aio *aio = calloc(1, sizeof(*aio));
	int r = 0;

	if (!aio)
		return -ENOMEM;
	*aio = (struct aio){.ops = ops, .data = data, .queue_size = max_queued};
	aio->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	aio->queue = calloc(max_queued, sizeof(struct iocb *));
	if (!aio->queue)
		r = -ENOMEM;
	else if (aio->event_fd < 0 || syscall(SYS_io_setup, max, &aio->context) < 0)
		r = -errno;
	aio->ring = (struct aio_ring *)aio->context;
	if (r == 0 && aio->ring->magic != RING_MAGIC)
		r = -EPROTONOSUPPORT;
	if (r == 0) /* edge-triggered: the counter is never read */
		r = loop_add_fd(loop, aio->event_fd, EPOLLIN | EPOLLET, on_event, aio, &aio->source);
	if (r == 0)
		r = loop_add_timer(loop, -1, on_retry, aio, &aio->retry);
	if (r < 0) {
		aio_destroy(aio);
		return r;
	}
	*out = aio;
	return 0;
}

struct aio *aio_destroy(struct aio *aio)
{
	if (!aio)
		return NULL;
	source_destroy(aio->source);
	source_destroy(aio->retry);
	if (aio->context)
		syscall(SYS_io_destroy, aio->context);
	if (aio->event_fd >= 0)
		close(aio->event_fd);
	free(aio->queue);
	free(aio);
	return NULL;
}

void aio_queue(struct aio *aio, struct iocb *iocb, unsigned opcode, int fd, void *buffer, size_t len, uint64_t offset)
{
	assert(aio->queued < aio->queue_size);
	*iocb = (struct iocb){.aio_lio_opcode = (uint16_t)opcode, .aio_fildes = (uint32_t)fd,
			      .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = (uint32_t)aio->event_fd};
	if (opcode != IOCB_CMD_FSYNC) {
		iocb->aio_buf = (uintptr_t)buffer;
		iocb->aio_nbytes = len;
		iocb->aio_offset = (int64_t)offset;
	}
	aio->queue[aio->queued++] = iocb;
}

void aio_submit(struct aio *aio)
{
	while (aio->queued) {
		long n = syscall(SYS_io_submit, aio->context, (long)aio->queued, aio->queue);
		int error = errno;

		if (n < 0 && (error == EAGAIN || error == ENOMEM)) {
			source_set_timer(aio->retry, RETRY_MS);
			return;
		}
		if (n < 0) { /* the first one cannot be done at all */
			struct iocb *bad = aio->queue[0];

			memmove(aio->queue, aio->queue + 1, --aio->queued * sizeof(aio->queue[0]));
			log_error("I/O cannot be started: %s", strerror(error));
			aio->ops->on_done(bad, -error, aio->data);
			eventfd_write(aio->event_fd, 1);
			continue;
		}
		aio->queued -= (unsigned)n;
		memmove(aio->queue, aio->queue + n, aio->queued * sizeof(aio->queue[0]));
	}
}

void aio_wait(struct aio *aio)
{
	struct timespec timeout = {.tv_nsec = WAIT_MS * 1000000L}; /* there may be nothing in flight but what has to be tried again */
	struct io_event event;

	aio_submit(aio);
	if (syscall(SYS_io_getevents, aio->context, 1L, 1L, &event, &timeout) == 1)
		aio->ops->on_done((struct iocb *)(uintptr_t)event.obj, event.res, aio->data);
	reap(aio);
	aio->ops->on_batch(aio->data);
}
