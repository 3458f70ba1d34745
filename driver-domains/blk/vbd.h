/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One vbd: its rings, its requests, its disk. Inside the block backend. */
#ifndef ATOLL_DRIVER_DOMAINS_BLK_VBD_H
#define ATOLL_DRIVER_DOMAINS_BLK_VBD_H

#include "blk/blk.h"
#include "blk/grants.h"
#include "blk/request.h"
#include "blk/uring.h"
#include "pv/bus.h"

/* Of one grant copy: the segments of all requests of a vbd. */
#define COPIES_MAX (VBD_REQUESTS_MAX * BLK_SEGMENTS_MAX)

/* Buffers for the data of all vbds, 8 MiB: large ones for any request, small ones for most. A request is taken when a large one is free. */
#define BUFFER_SMALL (2 * BLK_PAGE)
#define BUFFER_LARGE (BLK_SEGMENTS_MAX * BLK_PAGE)
#define BUFFERS_SMALL 384
#define BUFFERS_LARGE 40

struct io { /* a request in the works */
	struct uring_op op;
	struct queue *queue;
	struct io *next; /* free, finished, or waiting to discard */
	uint8_t *buffer;    /* NULL: none yet */
	uint8_t *page;	    /* of an indirect request's segments, if it is mapped */
	unsigned copies;    /* by the hypervisor, of this round */
	uint32_t index;	 /* in its ring */
	unsigned stage;	 /* of a barrier or discard */
	int result;
	uint8_t raw[BLK_INDIRECT_BYTES];
	struct blk_request request;
};

struct queue {
	struct vbd *vbd;
	struct channel *channel; /* NULL: not connected */
	void *shared;
	unsigned pages;
	struct ring ring;
};

struct vbd {
	struct bus_device *device;
	struct blk *blk;
	int fd;
	struct blk_limits limits;
	uint32_t physical_block;
	enum blk_protocol protocol;
	bool connected;
	unsigned queue_count;
	struct queue queues[VBD_QUEUES_MAX];
	struct io *ios; /* VBD_REQUESTS_MAX; NULL: not connected */
	struct io *free;
	struct grants *grants; /* NULL: the frontend's are not persistent */
	unsigned in_flight;
	struct io *barrier;   /* nothing is taken before it is done, and it is not begun before all others are */
	uint64_t moved[2];    /* bytes that were read, and written */
	struct vbd *next_run; /* has completions to push */
	struct vbd *next_starved; /* waits for a buffer, or for the end of a drain */
	bool to_run, starved;
};

struct blk {
	struct pv pv;
	struct bus *bus;
	struct uring *uring;
	uint8_t *small[BUFFERS_SMALL], *large[BUFFERS_LARGE], *large_area; /* free buffers */
	unsigned small_count, large_count;
	unsigned grant_count; /* mapped, of all vbds */
	struct source *timer; /* for the next piece of a discard */
	blk_lookup_fn *lookup;
	void *data;
	struct io *finished, **finished_end;
	struct io *discards;
	unsigned in_flight; /* of all vbds */
	bool drained;	    /* nothing is taken */
	struct source *resume;
	struct vbd *run;
	struct vbd *starved, **starved_end; /* in the order in which they found no buffer */
	xengnttab_grant_copy_segment_t copies[COPIES_MAX];
};

/* io.c: moves requests. A queue's channel function; also after anything that made room. */
void queue_run(void *data);
/* After everything that was started for the vbd has ended, with the vbd no longer connected. */
void vbd_drain(struct vbd *vbd);
extern const struct uring_ops io_ops;
void io_on_timer(struct source *source, uint32_t events, void *data);
void io_on_resume(struct source *source, uint32_t events, void *data);

/* copy.c: buffers. A large one must be free when one is taken. */
void buffers_init(struct blk *blk);
uint8_t *buffer_get(struct blk *blk, unsigned pages);
void buffer_put(struct blk *blk, uint8_t *buffer);

/* The page of REF, if it is mapped. */
void *page_find(struct vbd *vbd, uint32_t ref);
/* Finds the pages of all segments of COUNT requests, and maps them if possible. */
void pages_find(struct vbd *vbd, struct io **batch, unsigned count);
/* Copies the data of a request, or its indirect segments, where pages are mapped; adds the rest to the hypervisor's copies, of which
 * there are N; returns how many there are then. */
unsigned copy_add(struct io *io, unsigned n);
unsigned copy_add_indirect(struct io *io, unsigned n);
/* 0 or -errno. */
int copy_all(struct blk *blk, unsigned n);
/* What became of a request's copies, of which the first is *N, which moves on; ERROR is copy_all()'s. 0 or -errno. */
int copy_result(const struct io *io, int error, unsigned *n);

#endif
