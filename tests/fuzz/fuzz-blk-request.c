// SPDX-License-Identifier: LGPL-2.1-or-later
/* Any bytes in a slot and in an indirect page become an error, or a request that stays within its pages, its disk and its buffer. */
#include <stdlib.h>
#include <string.h>

#include "blk/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct blk_request *r, const struct blk_limits *limits)
{
	uint64_t bytes = 0;

	if (r->count > BLK_SEGMENTS_MAX)
		abort();
	for (unsigned i = 0; i < r->count; i++) {
		const struct blk_segment *s = &r->segments[i];

		if (!s->len || s->offset + s->len > BLK_PAGE || s->len % BLK_SECTOR)
			abort();
		bytes += s->len;
	}
	if (r->op != BLK_DISCARD && (bytes > BLK_SEGMENTS_MAX * BLK_PAGE || bytes != r->sectors * BLK_SECTOR))
		abort();
	if (r->sectors && (r->sector + r->sectors > limits->sectors || r->sector + r->sectors < r->sector))
		abort();
	if (!limits->writable && r->op != BLK_READ && r->op != BLK_FLUSH)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t slot[BLK_SLOT_MAX] = {0}, page[BLK_INDIRECT_BYTES] = {0}, out[RING_RESPONSE_MAX];
	struct blk_request request;
	struct blk_limits limits;

	if (size < 2)
		return 0;
	limits = (struct blk_limits){.sectors = 1u << (data[0] & 31), .block = data[1] & 4 ? 4096 : 512, .writable = data[1] & 1,
				     .discard = data[1] & 2};
	memcpy(slot, data + 2, size - 2 < sizeof(slot) ? size - 2 : sizeof(slot));
	if (size > 2 + sizeof(slot))
		memcpy(page, data + 2 + sizeof(slot), size - 2 - sizeof(slot) < sizeof(page) ? size - 2 - sizeof(slot) : sizeof(page));
	for (enum blk_protocol protocol = BLK_X86_64; protocol <= BLK_X86_32; protocol++) {
		int r = blk_request_decode(protocol, slot, &request);

		if (r == 0 && request.indirect)
			r = blk_segments_decode(page, &request);
		if (r == 0 && blk_request_check(&request, &limits) == 0)
			check(&request, &limits);
		if (blk_response_encode(protocol, &request, r, out) > blk_slot_size(protocol))
			abort();
	}
	return 0;
}
