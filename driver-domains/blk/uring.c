// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's io_uring, in which the whole process waits. */
#include "blk/uring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/log.h"

#define ENTRIES 256 /* queued at a time; more are started early */
#define RETRY_US 1000
/* What a completion belongs to when it is no operation. */
#define TAG_EVENTS 1
#define TAG_LOOP 2

struct uring {
	int fd, events_fd;
	struct loop *loop;
	const struct uring_ops *ops;
	void *data;
	uint8_t *area;
	size_t area_size;
	bool pinned;
	void *rings;
	size_t rings_size;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned *sq_head, *sq_tail, *cq_head, *cq_tail; /* shared; the kernel moves the first and the last */
	unsigned tail, sq_entries, cq_mask;
	bool loop_polled, loop_ready, events_ready;
};

static void enter(struct uring *u, unsigned wanted)
{
	unsigned queued = u->tail - __atomic_load_n(u->sq_head, __ATOMIC_ACQUIRE);

	__atomic_store_n(u->sq_tail, u->tail, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, u->fd, queued, wanted, IORING_ENTER_GETEVENTS, NULL, 0) >= 0 || errno == EINTR)
		return;
	log_error("I/O cannot be started: %m"); /* no memory: what was queued stays so */
	usleep(RETRY_US);
}

static struct io_uring_sqe *next_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe;

	while (u->tail - __atomic_load_n(u->sq_head, __ATOMIC_ACQUIRE) == u->sq_entries)
		enter(u, 0);
	sqe = &u->sqes[u->tail++ & (u->sq_entries - 1)];
	memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

static void queue_poll(struct uring *u, int fd, uint64_t tag, unsigned flags)
{
	struct io_uring_sqe *sqe = next_sqe(u);

	sqe->opcode = IORING_OP_POLL_ADD;
	sqe->fd = fd;
	sqe->len = flags;
	sqe->poll32_events = POLLIN;
	sqe->user_data = tag;
}

static void reap(struct uring *u)
{
	unsigned head = *u->cq_head;

	for (; head != __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE); __atomic_store_n(u->cq_head, ++head, __ATOMIC_RELEASE)) {
		const struct io_uring_cqe *cqe = &u->cqes[head & u->cq_mask];
		struct uring_op *op;

		if (cqe->user_data == TAG_LOOP) {
			u->loop_ready = true;
			u->loop_polled = false;
		} else if (cqe->user_data == TAG_EVENTS) {
			u->events_ready = true;
			if (!(cqe->flags & IORING_CQE_F_MORE))
				queue_poll(u, u->events_fd, TAG_EVENTS, IORING_POLL_ADD_MULTI);
		} else {
			op = (struct uring_op *)(uintptr_t)cqe->user_data;
			u->ops->on_done(op, cqe->res < 0 ? cqe->res : (uint32_t)cqe->res == op->len ? 0 : -EIO, u->data);
		}
	}
}

/* The loop's way to wait: true if its descriptors are to be looked at. */
static bool wait_for_loop(void *data)
{
	struct uring *u = data;
	bool ready;

	if (!u->loop_polled && !u->loop_ready) {
		u->loop_polled = true; /* once: it says again at once if there was more than the loop takes in a round */
		queue_poll(u, loop_fd(u->loop), TAG_LOOP, 0);
	}
	enter(u, u->loop_ready || u->events_ready ? 0 : 1);
	reap(u);
	u->ops->on_batch(u->data);
	if (u->events_ready) {
		u->events_ready = false;
		u->ops->on_events(u->data);
		u->ops->on_batch(u->data);
	}
	ready = u->loop_ready;
	u->loop_ready = false;
	return ready;
}

void uring_wait(struct uring *u)
{
	enter(u, 1);
	reap(u);
}

void uring_queue(struct uring *u, struct uring_op *op, enum uring_kind kind, int fd, void *buffer, uint32_t len, uint64_t offset)
{
	static const uint8_t codes[][2] = {
		[URING_READ] = {IORING_OP_READ, IORING_OP_READ_FIXED},
		[URING_WRITE] = {IORING_OP_WRITE, IORING_OP_WRITE_FIXED},
		[URING_FLUSH] = {IORING_OP_FSYNC, IORING_OP_FSYNC},
	};
	struct io_uring_sqe *sqe = next_sqe(u);

	op->len = kind == URING_FLUSH ? 0 : len;
	sqe->opcode = codes[kind][u->pinned];
	sqe->fd = fd;
	sqe->user_data = (uintptr_t)op;
	if (kind != URING_FLUSH) {
		sqe->addr = (uintptr_t)buffer;
		sqe->len = len;
		sqe->off = offset;
	}
}

static int map_rings(struct uring *u, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned), cq = p->cq_off.cqes + p->cq_entries * sizeof(*u->cqes);
	uint8_t *rings;
	unsigned *array;

	u->rings_size = MAX(sq, cq);
	u->rings = mmap(NULL, u->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_SQ_RING);
	u->sqes = mmap(NULL, p->sq_entries * sizeof(*u->sqes), PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_SQES);
	if (u->rings == MAP_FAILED || u->sqes == MAP_FAILED)
		return -errno;
	rings = u->rings;
	u->sq_head = (unsigned *)(rings + p->sq_off.head);
	u->sq_tail = (unsigned *)(rings + p->sq_off.tail);
	u->cq_head = (unsigned *)(rings + p->cq_off.head);
	u->cq_tail = (unsigned *)(rings + p->cq_off.tail);
	u->cqes = (struct io_uring_cqe *)(rings + p->cq_off.cqes);
	u->sq_entries = p->sq_entries;
	u->cq_mask = p->cq_entries - 1;
	array = (unsigned *)(rings + p->sq_off.array);
	for (unsigned i = 0; i < p->sq_entries; i++)
		array[i] = i;
	return 0;
}

int uring_create(struct loop *loop, int events_fd, size_t area, const struct uring_ops *ops, void *data, struct uring **out)
{
	struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN}; /* Linux 6.1 */
	struct uring *u = calloc(1, sizeof(*u));
	struct iovec iov;
	int r;

	if (!u)
		return -ENOMEM;
	*u = (struct uring){.loop = loop, .events_fd = events_fd, .ops = ops, .data = data, .area_size = area, .rings = MAP_FAILED, .sqes = MAP_FAILED};
	u->area = mmap(NULL, area, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &params);
	r = u->area == MAP_FAILED || u->fd < 0 ? -errno : map_rings(u, &params);
	if (r < 0) {
		uring_destroy(u);
		return r;
	}
	iov = (struct iovec){.iov_base = u->area, .iov_len = area};
	u->pinned = syscall(SYS_io_uring_register, u->fd, IORING_REGISTER_BUFFERS, &iov, 1) == 0;
	if (!u->pinned)
		log_warning("buffers cannot be pinned: %m");
	queue_poll(u, events_fd, TAG_EVENTS, IORING_POLL_ADD_MULTI);
	loop_set_wait(loop, wait_for_loop, u);
	*out = u;
	return 0;
}

struct uring *uring_destroy(struct uring *u)
{
	if (!u)
		return NULL;
	loop_set_wait(u->loop, NULL, NULL);
	if (u->rings != MAP_FAILED)
		munmap(u->rings, u->rings_size);
	if (u->sqes != MAP_FAILED)
		munmap(u->sqes, ENTRIES * sizeof(*u->sqes));
	if (u->fd >= 0)
		close(u->fd);
	if (u->area != MAP_FAILED)
		munmap(u->area, u->area_size);
	free(u);
	return NULL;
}

uint8_t *uring_area(const struct uring *u)
{
	return u->area;
}
