// SPDX-License-Identifier: LGPL-2.1-or-later
/* Requests of blkif as frontends write them, good and hostile. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <xen/io/blkif.h>

#include "blk/request.h"
#include "tap.h"

static const struct blk_limits limits = {.sectors = 1000, .block = 512, .writable = true, .discard = true};

/* The compiler's own layout of the public header is that of x86_64. */
union slot {
	struct blkif_request rw;
	struct blkif_request_discard discard;
	struct blkif_request_indirect indirect;
	uint8_t bytes[BLK_SLOT_MAX];
};

static struct blk_request request;

static int decode(const union slot *slot)
{
	int r = blk_request_decode(BLK_X86_64, slot->bytes, &request);

	return r < 0 ? r : blk_request_check(&request, &limits);
}

static union slot a_write(void)
{
	union slot slot = {.rw = {.operation = BLKIF_OP_WRITE, .nr_segments = 2, .id = 0x1122334455667788, .sector_number = 100}};

	slot.rw.seg[0] = (struct blkif_request_segment){.gref = 7, .first_sect = 2, .last_sect = 7};
	slot.rw.seg[1] = (struct blkif_request_segment){.gref = 9, .first_sect = 0, .last_sect = 0};
	return slot;
}

static void test_rw(void)
{
	union slot slot = a_write();

	ok(sizeof(struct blkif_request) == blk_slot_size(BLK_X86_64), "a slot is as large as the public header says");
	ok(decode(&slot) == 0 && request.op == BLK_WRITE && request.id == 0x1122334455667788 && request.sector == 100, "a write is read");
	ok(request.count == 2 && request.segments[0].ref == 7 && request.segments[0].offset == 1024 && request.segments[0].len == 3072 &&
		   request.segments[1].len == 512 && request.sectors == 7, "with its segments");
	slot.rw.nr_segments = 12;
	ok(decode(&slot) == -EINVAL && request.id == 0x1122334455667788, "one with too many segments is refused with its id");
	slot.rw.nr_segments = 0;
	ok(decode(&slot) == -EINVAL, "one with none too");
	slot = a_write();
	slot.rw.seg[1].last_sect = 8;
	ok(decode(&slot) == -EINVAL, "a segment may not leave its page");
	slot.rw.seg[1] = (struct blkif_request_segment){.first_sect = 3, .last_sect = 2};
	ok(decode(&slot) == -EINVAL, "nor end before it begins");
	slot = a_write();
	slot.rw.sector_number = 994;
	ok(decode(&slot) == -ERANGE, "nor reach beyond the disk");
	slot.rw.sector_number = UINT64_MAX - 2;
	ok(decode(&slot) == -ERANGE, "not even by an overflow");
	slot.rw.sector_number = 993;
	ok(decode(&slot) == 0, "the last sector is fine");
	slot.rw.operation = 77;
	ok(decode(&slot) == -EOPNOTSUPP && request.operation == 77, "an unknown operation is named in its answer");
}

static void test_limits(void)
{
	struct blk_limits other = limits;
	union slot slot = a_write();

	decode(&slot);
	other.writable = false;
	ok(blk_request_check(&request, &other) == -EROFS, "a read-only disk takes no write");
	other = limits;
	other.block = 4096;
	ok(blk_request_check(&request, &other) == -ERANGE, "a disk of larger sectors takes whole ones only");
	slot.rw.operation = BLKIF_OP_FLUSH_DISKCACHE;
	ok(decode(&slot) == 0 && request.op == BLK_BARRIER, "a flush with data is a barrier");
	slot.rw.nr_segments = 0;
	ok(decode(&slot) == 0 && request.op == BLK_FLUSH, "one without is a flush");
	slot = (union slot){.discard = {.operation = BLKIF_OP_DISCARD, .id = 5, .sector_number = 8, .nr_sectors = 992}};
	ok(decode(&slot) == 0 && request.op == BLK_DISCARD && request.sectors == 992, "a discard is read");
	slot.discard.nr_sectors = UINT64_MAX;
	ok(decode(&slot) == -ERANGE, "one of too much is refused");
	slot.discard.nr_sectors = 0;
	ok(decode(&slot) == -ERANGE, "and one of nothing");
}

static void test_indirect(void)
{
	union slot slot = {.indirect = {.operation = BLKIF_OP_INDIRECT, .indirect_op = BLKIF_OP_READ, .nr_segments = 32, .id = 3,
					.sector_number = 8, .indirect_grefs = {55}}};
	struct blkif_request_segment segments[32] = {{.gref = 1, .last_sect = 7}};

	for (unsigned i = 0; i < 32; i++)
		segments[i] = (struct blkif_request_segment){.gref = i, .last_sect = 7};
	ok(blk_request_decode(BLK_X86_64, slot.bytes, &request) == 0 && request.indirect && request.indirect_ref == 55 && request.count == 32,
	   "an indirect request names the page of its segments");
	ok(blk_segments_decode((uint8_t *)segments, &request) == 0 && request.sectors == 256 && request.segments[31].ref == 31 &&
		   request.op == BLK_READ, "which are read from a copy");
	slot.indirect.nr_segments = 33;
	ok(blk_request_decode(BLK_X86_64, slot.bytes, &request) == -EINVAL, "more than were offered are refused");
	slot.indirect.nr_segments = 1;
	slot.indirect.indirect_op = BLKIF_OP_INDIRECT;
	ok(blk_request_decode(BLK_X86_64, slot.bytes, &request) == -EINVAL, "and one within another");
}

static void test_32_bits(void)
{
	uint8_t slot[BLK_SLOT_MAX] = {BLKIF_OP_READ, 1, 0, 0, /* id */ 9, 0, 0, 0, 0, 0, 0, 0, /* sector */ 16, 0, 0, 0, 0, 0, 0, 0,
				      /* segment */ 4, 0, 0, 0, 1, 2};
	uint8_t indirect[BLK_SLOT_MAX] = {BLKIF_OP_INDIRECT, BLKIF_OP_WRITE, 5, 0, 9, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0,
					  /* handle */ 0, 0, 0, 0, /* ref */ 44};
	uint8_t out[RING_RESPONSE_MAX];

	ok(blk_request_decode(BLK_X86_32, slot, &request) == 0 && request.id == 9 && request.sector == 16 && request.segments[0].ref == 4 &&
		   request.sectors == 2, "a 32-bit frontend packs closer");
	ok(blk_response_encode(BLK_X86_32, &request, -EIO, out) == 12 && out[0] == 9 && out[10] == 0xff && out[11] == 0xff,
	   "and so does its answer");
	ok(blk_request_decode(BLK_X86_32, indirect, &request) == 0 && request.indirect_ref == 44 && request.count == 5,
	   "its indirect requests are read");
	ok(blk_response_encode(BLK_X86_64, &request, 0, out) == 16 && out[8] == BLKIF_OP_WRITE && out[10] == 0,
	   "its answer repeats the operation within, as Linux's frontend checks");
}

int main(void)
{
	test_rw();
	test_limits();
	test_indirect();
	test_32_bits();
	return plan_done();
}
