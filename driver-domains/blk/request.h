/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests and responses of blkif (xen/io/blkif.h) as a frontend writes them, hostile. Pure: works on private copies.
 */
#ifndef ATOLL_DRIVER_DOMAINS_BLK_REQUEST_H
#define ATOLL_DRIVER_DOMAINS_BLK_REQUEST_H

#include "pv/ring.h"

#define BLK_SECTOR 512 /* the unit of the protocol, whatever the disk's sectors are */
#define BLK_PAGE 4096
/* Segments (pages) of one request, so 128 KiB: what Linux frontends use, in one indirect page. Bounds a request's memory. */
#define BLK_SEGMENTS_MAX 32
/* Bytes of an indirect page that describe so many. */
#define BLK_INDIRECT_BYTES (BLK_SEGMENTS_MAX * 8)
#define BLK_SLOT_MAX 112

/* The two layouts differ in their padding. */
enum blk_protocol { BLK_X86_64, BLK_X86_32 };

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_BARRIER, BLK_DISCARD };

struct blk_segment {
	uint32_t ref;
	uint16_t offset, len; /* bytes within the page */
	uint8_t *page;	      /* the caller's */
};

struct blk_request {
	uint64_t id;	   /* the frontend's, returned with the response */
	uint8_t operation; /* as it came, returned too; of an indirect request that within */
	bool indirect;	   /* segments are in the page indirect_ref: copy BLK_INDIRECT_BYTES of it, then blk_segments_decode() */
	uint16_t count;
	uint32_t indirect_ref;
	enum blk_op op;
	uint64_t sector, sectors; /* the second from the segments; for a discard from the request */
	struct blk_segment segments[BLK_SEGMENTS_MAX];
};

/* What requests may reach. */
struct blk_limits {
	uint64_t sectors;
	uint32_t block; /* bytes; requests are multiples of it */
	bool writable, discard;
};

size_t blk_slot_size(enum blk_protocol protocol);

/* 0; -EOPNOTSUPP for an unknown operation; -EINVAL. id and operation are set in any case, for the response. */
int blk_request_decode(enum blk_protocol protocol, const uint8_t slot[BLK_SLOT_MAX], struct blk_request *request);
/* The COUNT segments at TEXT, a private copy. 0 or -EINVAL. */
int blk_segments_decode(const uint8_t *text, struct blk_request *request);
/* Of a request with all its segments: 0; -EROFS; -ERANGE (beyond the end, or not in whole blocks); -EOPNOTSUPP. */
int blk_request_check(const struct blk_request *request, const struct blk_limits *limits);
/* The response for RESULT, 0 or -errno; returns its size. */
size_t blk_response_encode(enum blk_protocol protocol, const struct blk_request *request, int result, uint8_t out[RING_RESPONSE_MAX]);

#endif
