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

#define DISCARD_STEP (64u << 20) /* bytes at a time, during which all others wait */

static void io_free(struct io *io)
{
	struct vbd *vbd = io->queue->vbd;

	if (vbd->barrier == io)
		vbd->barrier = NULL;
	vbd->in_flight--;
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

/* --- copying: between a frontend's pages and our buffers --- */

static unsigned add_copies(struct io *io, unsigned n)
{
	bool to_guest = io->request.op == BLK_READ;
	uint32_t domid = io->queue->vbd->device->frontend;
	uint8_t *p = io->buffer;

	for (unsigned i = 0; i < io->request.count; i++) {
		const struct blk_segment *segment = &io->request.segments[i];
		xengnttab_grant_copy_segment_t *copy = &io->queue->vbd->blk->copies[n++];

		*copy = (xengnttab_grant_copy_segment_t){.len = segment->len, .flags = to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref};
		copy->source.virt = copy->dest.virt = p;
		(to_guest ? &copy->dest : &copy->source)->foreign.ref = segment->ref;
		(to_guest ? &copy->dest : &copy->source)->foreign.offset = segment->offset;
		(to_guest ? &copy->dest : &copy->source)->foreign.domid = (uint16_t)domid;
		p += segment->len;
	}
	return n;
}

static int copy_all(struct blk *blk, unsigned n)
{
	return n && xengnttab_grant_copy(blk->pv.grants, n, blk->copies) < 0 ? -errno : 0;
}

/* Of COUNT copies from FIRST on. */
static int copy_result(const struct blk *blk, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		if (blk->copies[i].status != GNTST_okay)
			return -EFAULT;
	}
	return 0;
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

	aio_queue(io->queue->vbd->blk->aio, &io->iocb, write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD, io->queue->vbd->fd, io->buffer,
		  r->sectors * BLK_SECTOR, r->sector * BLK_SECTOR);
}

static void start_flush(struct io *io)
{
	aio_queue(io->queue->vbd->blk->aio, &io->iocb, IOCB_CMD_FSYNC, io->queue->vbd->fd, NULL, 0, 0);
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
	struct blk *blk = vbd->blk;
	unsigned n = 0, good = 0;
	int error;

	for (unsigned i = 0; i < count; i++) {
		struct io *io = batch[i];
		xengnttab_grant_copy_segment_t *copy = &blk->copies[n];

		if (!io->request.indirect)
			continue;
		*copy = (xengnttab_grant_copy_segment_t){.len = (uint16_t)(io->request.count * 8), .flags = GNTCOPY_source_gref};
		copy->source.foreign.ref = io->request.indirect_ref;
		copy->source.foreign.domid = (uint16_t)vbd->device->frontend;
		copy->dest.virt = io->raw;
		n++;
	}
	error = copy_all(blk, n);
	n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct io *io = batch[i];
		int r = 0;

		if (io->request.indirect) {
			r = error < 0 ? error : copy_result(blk, n++, 1);
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

static void start_batch(struct vbd *vbd, struct io **batch, unsigned count)
{
	struct blk *blk = vbd->blk;
	unsigned n = 0;
	int error;

	count = check_batch(vbd, batch, count);
	for (unsigned i = 0; i < count; i++) {
		if (batch[i]->request.op != BLK_READ && batch[i]->request.op != BLK_DISCARD)
			n = add_copies(batch[i], n);
	}
	error = copy_all(blk, n);
	n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct io *io = batch[i];
		int r = 0;

		if (io->request.op != BLK_READ && io->request.op != BLK_DISCARD) {
			r = error < 0 ? error : copy_result(blk, n, io->request.count);
			n += io->request.count;
		}
		if (r < 0)
			answer(io, r);
		else
			start(io);
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
	io->queue = queue;
	io->stage = 0;
	io->index = ring_take(&queue->ring, slot, sizeof(slot));
	r = blk_request_decode(vbd->protocol, slot, &io->request);
	if (r < 0) {
		answer(io, r);
		return NULL;
	}
	if (io->request.op == BLK_BARRIER)
		vbd->barrier = io;
	return io;
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

		while (!vbd->barrier && vbd->free && (pending = ring_pending(&queue->ring)) > 0) {
			struct io *io = take(queue);

			if (io)
				batch[n++] = io;
		}
		start_batch(vbd, batch, n);
	} while (pending >= 0 && !vbd->barrier && vbd->free && ring_more(&queue->ring));
	try_barrier(vbd);
	aio_submit(vbd->blk->aio);
	for (unsigned i = 0; i < vbd->queue_count; i++) {
		if (ring_push(&vbd->queues[i].ring)) /* what was answered at once */
			channel_notify(vbd->queues[i].channel);
	}
	if (pending < 0)
		bus_fail(vbd->device, "its ring has impossible indexes");
}

/* --- ending --- */

static void on_done(struct iocb *iocb, int64_t result, void *data)
{
	struct io *io = container_of(iocb, struct io, iocb);
	bool whole = iocb->aio_lio_opcode == IOCB_CMD_FSYNC || (uint64_t)result == iocb->aio_nbytes;
	int r = result < 0 ? (int)result : whole ? 0 : -EIO;

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
		if (io->request.op == BLK_READ && io->result == 0 && io->queue->vbd->connected)
			n = add_copies(io, n);
	}
	if (!blk->finished)
		blk->finished_end = &blk->finished;
	error = copy_all(blk, n);
	n = 0;
	for (unsigned i = 0; i < count; i++) {
		io = batch[i];
		if (io->request.op == BLK_READ && io->result == 0 && io->queue->vbd->connected) {
			io->result = error < 0 ? error : copy_result(blk, n, io->request.count);
			n += io->request.count;
		}
		answer(io, io->result);
	}
}

static void on_batch(void *data)
{
	struct blk *blk = data;
	struct vbd *vbd;

	while (blk->finished)
		answer_finished(blk);
	while ((vbd = blk->run)) {
		blk->run = vbd->next_run;
		vbd->to_run = false;
		/* Tell the frontend first: it can go on while we take its next requests. */
		for (unsigned i = 0; vbd->connected && i < vbd->queue_count; i++) {
			if (ring_push(&vbd->queues[i].ring))
				channel_notify(vbd->queues[i].channel);
		}
		for (unsigned i = 0; vbd->connected && i < vbd->queue_count; i++)
			queue_run(&vbd->queues[i]);
	}
	aio_submit(blk->aio);
}

const struct aio_ops io_ops = {.on_done = on_done, .on_batch = on_batch};

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
	while (vbd->in_flight)
		aio_wait(vbd->blk->aio);
	for (struct vbd **run = &vbd->blk->run; *run; run = &(*run)->next_run) {
		if (*run == vbd) {
			*run = vbd->next_run;
			vbd->to_run = false;
			break;
		}
	}
}
