// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Fuzz target: a vif's queue and its guest's rings. The input is both ring pages, from their first byte on; what the guest's pages
 * hold, for which headers are parsed, is input too. Whatever it is, a queue is served or stopped, and answers no more than was asked.
 */
#include "vif/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_size;

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
	for (uint32_t i = 0; i < count; i++) {
		bool from = segs[i].flags & GNTCOPY_source_gref;
		size_t at = from && input_size ? segs[i].source.foreign.ref % input_size : 0;

		if (from) {
			memset(segs[i].dest.virt, 0, segs[i].len);
			memcpy(segs[i].dest.virt, input + at, MIN(segs[i].len, input_size - at));
		}
		segs[i].status = (uint16_t)(from ? segs[i].source.foreign.ref : segs[i].dest.foreign.ref) == 0xffff ? GNTST_bad_gntref : 0;
	}
	return 0;
}

static void serve(struct queue *q, struct queue_io *io)
{
	const char *why = NULL;
	unsigned served = 0;
	int r;

	do
		r = queue_serve_tx(q, io, &why);
	while (r > 0 && r & QUEUE_MORE && served++ < 8);
	if ((r < 0) != (why != NULL) || (r >= 0 && (q->tx.rsp_prod != q->tx.req_cons || (r & QUEUE_MORE))))
		abort();
	why = NULL;
	r = queue_serve_rx(q, io, &why);
	if ((r < 0) != (why != NULL) || (r >= 0 && q->rx.rsp_prod != q->rx.req_cons))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(VIF_PAGE) uint8_t pages[2][VIF_PAGE];
	static struct queue_io io;
	struct queue q = {.domid = 1, .sg = size % 2};

	if (!io.buffer && queue_io_init(&io) < 0)
		return 0;
	input = data;
	input_size = size;
	memset(pages, 0, sizeof(pages));
	memcpy(pages, data, MIN(size, sizeof(pages)));
	/* Packets of zeroes, as large as they can be, without end. */
	q.tap = open("/dev/zero", O_RDWR | O_CLOEXEC);
	if (q.tap >= 0 && queue_attach(&q, pages[0], pages[1]) == 0) {
		serve(&q, &io);
		queue_detach(&q);
	}
	close(q.tap);
	return 0;
}
