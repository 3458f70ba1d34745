// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Requests and responses of blkif. Little-endian on both sides.
 *
 *	read, write, ...   op:1 count:1 handle:2 [pad:4] id:8 sector:8 segments
 *	discard            op:1 flag:1  handle:2 [pad:4] id:8 sector:8 sectors:8
 *	indirect           op:1 op:1    count:2  [pad:4] id:8 sector:8 handle:2 pad:2 refs:4 ...
 *	segment            ref:4 first:1 last:1 pad:2
 *
 * The padding in brackets is that of x86_64, where the frontend's compiler aligns to 8.
 */
#include "blk/request.h"

#include <errno.h>
#include <string.h>
#include <xen/io/blkif.h>

static uint64_t get(const uint8_t *p, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, p, size);
	return value;
}

size_t blk_slot_size(enum blk_protocol protocol)
{
	return protocol == BLK_X86_32 ? 108 : BLK_SLOT_MAX;
}

int blk_segments_decode(const uint8_t *text, struct blk_request *request)
{
	request->sectors = 0;
	for (unsigned i = 0; i < request->count; i++, text += 8) {
		uint8_t first = text[4], last = text[5];

		if (first > last || last >= BLK_PAGE / BLK_SECTOR)
			return -EINVAL;
		request->segments[i] = (struct blk_segment){
			.ref = (uint32_t)get(text, 4),
			.offset = (uint16_t)(first * BLK_SECTOR),
			.len = (uint16_t)((last - first + 1) * BLK_SECTOR),
		};
		request->sectors += last - first + 1u;
	}
	return 0;
}

static int decode_op(uint8_t operation, enum blk_op *op)
{
	static const enum blk_op ops[] = {
		[BLKIF_OP_READ] = BLK_READ,
		[BLKIF_OP_WRITE] = BLK_WRITE,
		[BLKIF_OP_WRITE_BARRIER] = BLK_BARRIER,
		[BLKIF_OP_FLUSH_DISKCACHE] = BLK_FLUSH,
	};

	if (operation >= ARRAY_SIZE(ops))
		return -EOPNOTSUPP;
	*op = ops[operation];
	return 0;
}

int blk_request_decode(enum blk_protocol protocol, const uint8_t slot[BLK_SLOT_MAX], struct blk_request *request)
{
	const uint8_t *body = slot + (protocol == BLK_X86_32 ? 4 : 8);
	int r;

	request->operation = slot[0];
	request->id = get(body, 8);
	request->sector = get(body + 8, 8);
	request->sectors = 0;
	request->count = 0;
	request->indirect = request->operation == BLKIF_OP_INDIRECT;
	if (request->operation == BLKIF_OP_DISCARD) {
		request->op = BLK_DISCARD;
		request->sectors = get(body + 16, 8);
		return 0;
	}
	if (request->indirect) {
		request->operation = slot[1]; /* Linux's frontend expects the inner one back, and gives the disk up otherwise */
		request->count = (uint16_t)get(slot + 2, 2);
		request->indirect_ref = (uint32_t)get(body + 20, 4);
		r = slot[1] == BLKIF_OP_READ || slot[1] == BLKIF_OP_WRITE ? decode_op(slot[1], &request->op) : -EINVAL;
		return r == 0 && (request->count == 0 || request->count > BLK_SEGMENTS_MAX) ? -EINVAL : r;
	}
	r = decode_op(request->operation, &request->op);
	if (r < 0)
		return r;
	if (slot[1] > BLKIF_MAX_SEGMENTS_PER_REQUEST || (slot[1] == 0 && (request->op == BLK_READ || request->op == BLK_WRITE)))
		return -EINVAL;
	request->count = slot[1];
	if (request->op == BLK_FLUSH && request->count) /* an old way to say barrier */
		request->op = BLK_BARRIER;
	return blk_segments_decode(body + 16, request);
}

int blk_request_check(const struct blk_request *request, const struct blk_limits *limits)
{
	uint64_t block = limits->block / BLK_SECTOR;

	if (request->op != BLK_READ && !limits->writable)
		return request->op == BLK_FLUSH ? 0 : -EROFS;
	if (request->op == BLK_DISCARD && !limits->discard)
		return -EOPNOTSUPP;
	if (request->sectors == 0) /* a flush, or a barrier without data */
		return request->op == BLK_DISCARD ? -ERANGE : 0;
	if (request->sector > limits->sectors || request->sectors > limits->sectors - request->sector ||
	    request->sector % block || request->sectors % block)
		return -ERANGE;
	return 0;
}

size_t blk_response_encode(enum blk_protocol protocol, const struct blk_request *request, int result, uint8_t out[RING_RESPONSE_MAX])
{
	int16_t status = result == 0 ? BLKIF_RSP_OKAY : result == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;

	memset(out, 0, RING_RESPONSE_MAX);
	memcpy(out, &request->id, 8);
	out[8] = request->operation;
	memcpy(out + 10, &status, 2);
	return protocol == BLK_X86_32 ? 12 : 16;
}
