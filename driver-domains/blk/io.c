// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How requests move. A round takes what the ring has (as much as there are free buffers for), and everything of a kind is done for
 * all of them at once:
 *
 *	taken ──copy indirect pages──> checked ──copy writes' data──> in flight ──copy reads' data──> answered (published in order)
 *
 * A barrier stops the taking until it is done, and begins when all before it are done: flush, write, flush. Discards have no
 * asynchronous call, so they are done in pieces between other events.
 */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "blk/vbd.h"

#define QUIET_FROM 8	       /* requests in flight */
#define RESUME_MS 5000	       /* longer than the control domain waits for a drain */
#define DISCARD_STEP (64u << 20) /* bytes at a time, during which all others wait */

static void io_free(struct io *io)
{
	struct vbd *vbd = io->queue->vbd;

	if (vbd->barrier == io)
		vbd->barrier = NULL;
	if (io->buffer)
		buffer_put(vbd->blk, io->buffer);
	io->buffer = NULL;
	vbd->in_flight--;
	vbd->blk->in_flight--;
	io->next = vbd->free;
	vbd->free = io;
}

static void answer(struct io *io, int result)
{
	struct vbd *vbd = io->queue->vbd;
	uint8_t response[RING_RESPONSE_MAX];
	size_t size = blk_response_encode(vbd->protocol, &io->request, result, response);

	if (result < 0)
		log_debug("%s: operation %u at sector %llu: %s", vbd->device->name, io->request.operation,
			  (unsigned long long)io->request.sector, strerror(-result));
	else if (io->request.op != BLK_DISCARD)
		vbd->moved[io->request.op != BLK_READ] += io->request.sectors * BLK_SECTOR;
	if (vbd->connected)
		ring_complete(&io->queue->ring, io->index, response, size);
	if (!vbd->to_run) {
		vbd->to_run = true;
		vbd->next_run = vbd->blk->run;
		vbd->blk->run = vbd;
	}
	io_free(io);
}

static void finish(struct io *io, int result)
{
	struct blk *blk = io->queue->vbd->blk;

	io->result = result;
	io->next = NULL;
	*blk->finished_end = io;
	blk->finished_end = &io->next;
}

/* --- starting --- */

static void discard_later(struct io *io)
{
	struct blk *blk = io->queue->vbd->blk;

	io->next = blk->discards;
	blk->discards = io;
	source_set_timer(blk->timer, 0);
}

static void start_rw(struct io *io, bool write)
{
	const struct blk_request *r = &io->request;

	uring_queue(io->queue->vbd->blk->uring, &io->op, write ? URING_WRITE : URING_READ, io->queue->vbd->fd, io->buffer,
		    (uint32_t)r->sectors * BLK_SECTOR, r->sector * BLK_SECTOR);
}

static void start_flush(struct io *io)
{
	uring_queue(io->queue->vbd->blk->uring, &io->op, URING_FLUSH, io->queue->vbd->fd, NULL, 0, 0);
}

static void start(struct io *io)
{
	switch (io->request.op) {
	case BLK_READ:
		start_rw(io, false);
		break;
	case BLK_WRITE:
		start_rw(io, true);
		break;
	case BLK_FLUSH:
		start_flush(io);
		break;
	case BLK_BARRIER: /* see try_barrier() */
		break;
	case BLK_DISCARD:
		discard_later(io);
		break;
	}
}

static void try_barrier(struct vbd *vbd)
{
	if (!vbd->barrier || vbd->in_flight != 1 || vbd->barrier->stage)
		return;
	vbd->barrier->stage = 1;
	start_flush(vbd->barrier);
}

/* The next stage of a barrier; false if that was the last. */
static bool barrier_goes_on(struct io *io)
{
	if (io->stage == 3 || io->request.sectors == 0)
		return false;
	if (io->stage++ == 1)
		start_rw(io, true);
	else
		start_flush(io);
	return true;
}

/* Gets the segments of indirect requests, then checks all. Those that fail are answered and taken out of BATCH. */
static unsigned check_batch(struct vbd *vbd, struct io **batch, unsigned count)
{
	unsigned n = 0, good = 0;
	int error;

	do {
		for (unsigned i = 0; i < count; i++)
			batch[i]->page = batch[i]->request.indirect ? page_find(vbd, batch[i]->request.indirect_ref) : NULL;
	} while (vbd->grants && grants_map(vbd->grants));
	for (unsigned i = 0; i < count; i++) {
		if (batch[i]->request.indirect)
			n = copy_add_indirect(batch[i], n);
	}
	error = copy_all(vbd->blk, n);
	n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct io *io = batch[i];
		int r = 0;

		if (io->request.indirect) {
			r = copy_result(io, error, &n);
			if (r == 0)
				r = blk_segments_decode(io->raw, &io->request);
		}
		if (r == 0)
			r = blk_request_check(&io->request, &vbd->limits);
		if (r < 0)
			answer(io, r);
		else
			batch[good++] = io;
	}
	return good;
}

static bool brings_data(const struct io *io)
{
	return io->request.op == BLK_WRITE || io->request.op == BLK_BARRIER;
}

static void start_batch(struct vbd *vbd, struct io **batch, unsigned count)
{
	unsigned n = 0;
	int error;

	count = check_batch(vbd, batch, count);
	pages_find(vbd, batch, count);
	for (unsigned i = 0; i < count; i++) {
		if (brings_data(batch[i]))
			n = copy_add(batch[i], n);
	}
	error = copy_all(vbd->blk, n);
	n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct io *io = batch[i];
		int r = brings_data(io) ? copy_result(io, error, &n) : 0;

		if (r < 0)
			answer(io, r);
		else
			start(io);
	}
}

static void push(struct vbd *vbd)
{
	for (unsigned i = 0; vbd->connected && i < vbd->queue_count; i++) {
		if (ring_push(&vbd->queues[i].ring))
			channel_notify(vbd->queues[i].channel);
	}
}

/* Takes one request; NULL if it was answered at once. */
static struct io *take(struct queue *queue)
{
	struct vbd *vbd = queue->vbd;
	struct io *io = vbd->free;
	uint8_t slot[BLK_SLOT_MAX] = {0};
	int r;

	vbd->free = io->next;
	vbd->in_flight++;
	vbd->blk->in_flight++;
	io->queue = queue;
	io->stage = 0;
	io->index = ring_take(&queue->ring, slot, sizeof(slot));
	r = blk_request_decode(vbd->protocol, slot, &io->request);
	if (r < 0) {
		answer(io, r);
		return NULL;
	}
	if (io->request.count)
		io->buffer = buffer_get(vbd->blk, io->request.count);
	if (io->request.op == BLK_BARRIER)
		vbd->barrier = io;
	return io;
}

/* Whether one more request may be taken; if it is for buffers or a drain that not, the vbd gets its turn later. */
static bool can_take(struct vbd *vbd)
{
	struct blk *blk = vbd->blk;

	if (vbd->barrier || !vbd->free || (blk->large_count && !blk->drained))
		return !vbd->barrier && vbd->free;
	if (!vbd->starved) {
		vbd->starved = true;
		vbd->next_starved = NULL;
		*blk->starved_end = vbd;
		blk->starved_end = &vbd->next_starved;
	}
	return false;
}

void queue_run(void *data)
{
	struct queue *queue = data;
	struct vbd *vbd = queue->vbd;
	struct io *batch[VBD_REQUESTS_MAX];
	int pending = 0;

	if (!vbd->connected)
		return;
	do {
		unsigned n = 0;

		while (can_take(vbd) && (pending = ring_pending(&queue->ring)) > 0) {
			struct io *io = take(queue);

			if (io)
				batch[n++] = io;
		}
		start_batch(vbd, batch, n);
		/* With many in flight no event is asked for: the next of them to end brings us here again. */
	} while (pending >= 0 && can_take(vbd) && vbd->in_flight < QUIET_FROM && ring_more(&queue->ring));
	try_barrier(vbd);
	push(vbd); /* what was answered at once */
	if (pending < 0)
		bus_fail(vbd->device, "its ring has impossible indexes");
}

/* --- ending --- */

static void on_done(struct uring_op *op, int r, void *data)
{
	struct io *io = container_of(op, struct io, op);

	if (r < 0)
		log_error("%s: operation %u at sector %llu: %s", io->queue->vbd->device->name, io->request.operation,
			  (unsigned long long)io->request.sector, strerror(-r));
	if (r < 0 || io->request.op != BLK_BARRIER || !barrier_goes_on(io))
		finish(io, r);
}

/* Hands what was read to the guests, and answers. */
static void answer_finished(struct blk *blk)
{
	struct io *batch[VBD_REQUESTS_MAX], *io;
	unsigned n = 0, count = 0;
	int error;

	while (count < VBD_REQUESTS_MAX && (io = blk->finished)) {
		blk->finished = io->next;
		batch[count++] = io;
		io->copies = 0;
		if (io->request.op == BLK_READ && io->result == 0 && io->queue->vbd->connected)
			n = copy_add(io, n);
	}
	if (!blk->finished)
		blk->finished_end = &blk->finished;
	error = copy_all(blk, n);
	n = 0;
	for (unsigned i = 0; i < count; i++) {
		io = batch[i];
		if (io->copies)
			io->result = copy_result(io, error, &n);
		answer(io, io->result);
	}
}

static void run_queues(struct vbd *vbd)
{
	for (unsigned i = 0; vbd->connected && i < vbd->queue_count; i++)
		queue_run(&vbd->queues[i]);
}

static void forget_starved(struct vbd *vbd)
{
	struct blk *blk = vbd->blk;
	struct vbd **link = &blk->starved;

	if (!vbd->starved)
		return;
	while (*link != vbd)
		link = &(*link)->next_starved;
	*link = vbd->next_starved;
	if (!*link)
		blk->starved_end = link;
	vbd->starved = false;
}

static void on_batch(void *data)
{
	struct blk *blk = data;
	struct vbd *vbd;

	while (blk->finished)
		answer_finished(blk);
	while (blk->large_count && !blk->drained && (vbd = blk->starved)) {
		forget_starved(vbd);
		run_queues(vbd);
	}
	while ((vbd = blk->run)) {
		blk->run = vbd->next_run;
		vbd->to_run = false;
		push(vbd); /* the frontend can go on while we take its next requests */
		run_queues(vbd);
	}
}

static void on_events(void *data)
{
	struct blk *blk = data;

	pv_events(&blk->pv);
}

const struct uring_ops io_ops = {.on_done = on_done, .on_batch = on_batch, .on_events = on_events};

void io_on_timer(struct source *source, uint32_t events, void *data)
{
	struct blk *blk = data;
	struct io *io = blk->discards;
	uint64_t range[2], left;

	if (!io)
		return;
	blk->discards = io->next;
	left = io->request.sectors * BLK_SECTOR - (uint64_t)io->stage * DISCARD_STEP;
	range[0] = io->request.sector * BLK_SECTOR + (uint64_t)io->stage++ * DISCARD_STEP;
	range[1] = MIN(left, (uint64_t)DISCARD_STEP);
	if (ioctl(io->queue->vbd->fd, BLKDISCARD, range) < 0)
		finish(io, -errno);
	else if (left > DISCARD_STEP)
		discard_later(io);
	else
		finish(io, 0);
	if (blk->discards)
		source_set_timer(blk->timer, 0);
	on_batch(blk);
}

void io_on_resume(struct source *source, uint32_t events, void *data)
{
	struct blk *blk = data;

	blk->drained = false;
	on_batch(blk);
}

void blk_drain(struct blk *blk)
{
	blk->drained = true;
	source_set_timer(blk->resume, RESUME_MS);
	for (on_batch(blk); blk->in_flight; on_batch(blk)) {
		if (blk->discards)
			io_on_timer(NULL, 0, blk);
		else
			uring_wait(blk->uring);
	}
}

void vbd_drain(struct vbd *vbd)
{
	struct io **link = &vbd->blk->discards;

	while (*link) {
		struct io *io = *link;

		if (io->queue->vbd != vbd) {
			link = &io->next;
			continue;
		}
		*link = io->next;
		io_free(io);
	}
	if (vbd->barrier && vbd->barrier->stage == 0) /* not begun */
		io_free(vbd->barrier);
	for (on_batch(vbd->blk); vbd->in_flight; on_batch(vbd->blk))
		uring_wait(vbd->blk->uring);
	forget_starved(vbd);
	for (struct vbd **run = &vbd->blk->run; *run; run = &(*run)->next_run) {
		if (*run == vbd) {
			*run = vbd->next_run;
			vbd->to_run = false;
			break;
		}
	}
}
