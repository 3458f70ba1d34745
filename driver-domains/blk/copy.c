// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Data between frontends' pages and our buffers: from and to persistent grants, which are mapped, by ourselves, and by the hypervisor
 * else, many pages a call. Also the buffers.
 */
#include <errno.h>
#include <string.h>

#include "blk/vbd.h"

/* --- buffers --- */

void buffers_init(struct blk *blk)
{
	uint8_t *area = uring_area(blk->uring);

	blk->large_area = area + BUFFERS_SMALL * BUFFER_SMALL;
	for (unsigned i = 0; i < BUFFERS_SMALL; i++)
		blk->small[blk->small_count++] = area + i * BUFFER_SMALL;
	for (unsigned i = 0; i < BUFFERS_LARGE; i++)
		blk->large[blk->large_count++] = blk->large_area + i * BUFFER_LARGE;
}

uint8_t *buffer_get(struct blk *blk, unsigned pages)
{
	if (pages * BLK_PAGE <= BUFFER_SMALL && blk->small_count)
		return blk->small[--blk->small_count];
	return blk->large[--blk->large_count];
}

void buffer_put(struct blk *blk, uint8_t *buffer)
{
	if (buffer >= blk->large_area)
		blk->large[blk->large_count++] = buffer;
	else
		blk->small[blk->small_count++] = buffer;
}

/* --- pages --- */

/* Whole sectors. One instruction a word, as the frontends' kernels copy: the C library takes more without wide registers. */
static void copy_sectors(void *to, const void *from, size_t bytes)
{
#ifdef __x86_64__
	size_t words = bytes / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
#else
	memcpy(to, from, bytes);
#endif
}

void *page_find(struct vbd *vbd, uint32_t ref)
{
	return vbd->grants ? grants_get(vbd->grants, ref) : NULL;
}

void pages_find(struct vbd *vbd, struct io **batch, unsigned count)
{
	/* Once more if some were mapped by the first time. */
	do {
		for (unsigned i = 0; i < count; i++) {
			struct blk_request *request = &batch[i]->request;

			for (unsigned j = 0; j < request->count; j++)
				request->segments[j].page = page_find(vbd, request->segments[j].ref);
		}
	} while (vbd->grants && grants_map(vbd->grants));
}

unsigned copy_add(struct io *io, unsigned n)
{
	bool to_guest = io->request.op == BLK_READ;
	struct vbd *vbd = io->queue->vbd;
	unsigned first = n;
	uint8_t *p = io->buffer;

	for (unsigned i = 0; i < io->request.count; p += io->request.segments[i++].len) {
		const struct blk_segment *segment = &io->request.segments[i];
		xengnttab_grant_copy_segment_t *copy = &vbd->blk->copies[n];
		uint8_t *page = segment->page;

		if (page && to_guest) {
			copy_sectors(page + segment->offset, p, segment->len);
			continue;
		} else if (page) {
			copy_sectors(p, page + segment->offset, segment->len);
			continue;
		}
		*copy = (xengnttab_grant_copy_segment_t){.len = segment->len, .flags = to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref};
		copy->source.virt = copy->dest.virt = p;
		(to_guest ? &copy->dest : &copy->source)->foreign.ref = segment->ref;
		(to_guest ? &copy->dest : &copy->source)->foreign.offset = segment->offset;
		(to_guest ? &copy->dest : &copy->source)->foreign.domid = (uint16_t)vbd->device->frontend;
		n++;
	}
	io->copies = n - first;
	return n;
}

unsigned copy_add_indirect(struct io *io, unsigned n)
{
	struct vbd *vbd = io->queue->vbd;
	size_t len = io->request.count * 8u;

	io->copies = 0;
	if (io->page) {
		memcpy(io->raw, io->page, len);
		return n;
	}
	io->copies = 1;
	vbd->blk->copies[n] = (xengnttab_grant_copy_segment_t){.len = (uint16_t)len, .flags = GNTCOPY_source_gref};
	vbd->blk->copies[n].source.foreign.ref = io->request.indirect_ref;
	vbd->blk->copies[n].source.foreign.domid = (uint16_t)vbd->device->frontend;
	vbd->blk->copies[n].dest.virt = io->raw;
	return n + 1;
}

int copy_all(struct blk *blk, unsigned n)
{
	return n && xengnttab_grant_copy(blk->pv.grants, n, blk->copies) < 0 ? -errno : 0;
}

int copy_result(const struct io *io, int error, unsigned *n)
{
	const struct blk *blk = io->queue->vbd->blk;

	for (unsigned i = 0; i < io->copies; i++) {
		if (blk->copies[(*n)++].status != GNTST_okay || error < 0)
			return *n += io->copies - 1 - i, error < 0 ? error : -EFAULT;
	}
	return 0;
}
