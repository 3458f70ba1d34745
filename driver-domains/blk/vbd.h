/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One vbd: its rings, its requests, its disk. Inside the block backend. */
#ifndef ATOLL_DRIVER_DOMAINS_BLK_VBD_H
#define ATOLL_DRIVER_DOMAINS_BLK_VBD_H

#include "blk/aio.h"
#include "blk/blk.h"
#include "blk/request.h"
#include "pv/bus.h"

/* Of one grant copy: the segments of all requests of a vbd. */
#define COPIES_MAX (VBD_REQUESTS_MAX * BLK_SEGMENTS_MAX)

struct io { /* a request in the works */
	struct iocb iocb;
	struct queue *queue;
	struct io *next; /* free, finished, or waiting to discard */
	uint32_t index;	 /* in its ring */
	unsigned stage;	 /* of a barrier or discard */
	int result;
	uint8_t *buffer; /* BLK_SEGMENTS_MAX pages */
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
	uint8_t *buffers;
	struct io *free;
	unsigned in_flight;
	struct io *barrier;   /* nothing is taken before it is done, and it is not begun before all others are */
	uint64_t moved[2];    /* bytes that were read, and written */
	struct vbd *next_run; /* has completions to push */
	bool to_run;
};

struct blk {
	struct pv pv;
	struct bus *bus;
	struct aio *aio;
	struct source *timer; /* for the next piece of a discard */
	blk_lookup_fn *lookup;
	void *data;
	struct io *finished, **finished_end;
	struct io *discards;
	struct vbd *run;
	xengnttab_grant_copy_segment_t copies[COPIES_MAX];
};

/* io.c: moves requests. A queue's channel function; also after anything that made room. */
void queue_run(void *data);
/* After everything that was started for the vbd has ended, with the vbd no longer connected. */
void vbd_drain(struct vbd *vbd);
extern const struct aio_ops io_ops;
void io_on_timer(struct source *source, uint32_t events, void *data);

#endif
