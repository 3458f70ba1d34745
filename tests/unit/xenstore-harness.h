/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store in memory and clients of it, for the tests of xenstore/core. */
#ifndef ATOLL_XENSTORE_HARNESS_H
#define ATOLL_XENSTORE_HARNESS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ring.h"
#include "core/store.h"

#define DOMAINS 16

struct harness {
	struct store s;
	void *memory;
	size_t size;
	unsigned int alive[DOMAINS]; /* STORE_DOMAIN_* */
	char events[64][256];        /* "path token", the last 64 */
	unsigned int event_count;
	char reply[WIRE_PAYLOAD_MAX + 1];
	size_t reply_len;
	uint32_t reply_type, reply_tx, reply_req;
};

static unsigned int harness_info(void *opaque, uint32_t domid)
{
	struct harness *h = opaque;

	return domid < DOMAINS ? h->alive[domid] : 0;
}

static int harness_introduce(void *opaque, store_conn conn, uint32_t domid, uint64_t gfn, uint32_t port,
			     struct store_ring_start *start)
{
	return 0;
}

static void harness_output(void *opaque, store_conn conn)
{
}

static void harness_log(void *opaque, const char *text)
{
}

static const struct store_ops harness_ops = { harness_info, harness_introduce, harness_output, harness_log };

static inline void harness_start(struct harness *h, size_t size)
{
	struct store_config config = { .seed = 12345 };

	memset(h, 0, sizeof *h);
	h->size = size;
	h->memory = aligned_alloc(4096, size);
	for (int i = 0; i < DOMAINS; i++)
		h->alive[i] = STORE_DOMAIN_EXISTS;
	if (store_create(&h->s, h->memory, size, &config, &harness_ops, h))
		abort();
}

static inline void harness_stop(struct harness *h)
{
	free(h->memory);
}

static inline store_conn harness_open(struct harness *h, uint32_t domid)
{
	store_conn conn = 0;

	if (store_connection_open(&h->s, domid, domid ? STORE_RING : STORE_SOCKET, &conn))
		abort();
	return conn;
}

/* Takes one message off the output; false if there is none. */
static inline bool harness_take(struct harness *h, store_conn conn)
{
	unsigned char buffer[WIRE_MESSAGE_MAX];
	struct wire_header header;
	size_t n = store_output_peek(&h->s, conn, buffer, sizeof buffer);

	if (n < sizeof header)
		return false;
	wire_header_get(&header, buffer);
	store_output_done(&h->s, conn, sizeof header + header.len);
	if (header.type == WIRE_WATCH_EVENT) {
		const char *path = (char *)buffer + sizeof header;

		snprintf(h->events[h->event_count++ % 64], 256, "%.120s %.120s", path, path + strlen(path) + 1);
		return harness_take(h, conn);
	}
	h->reply_type = header.type;
	h->reply_tx = header.tx_id;
	h->reply_req = header.req_id;
	h->reply_len = header.len;
	memcpy(h->reply, buffer + sizeof header, header.len);
	h->reply[header.len] = 0;
	return true;
}

/* Sends a request and takes its answer. 0, or -errno of the answer, or 1 if there was none. */
static inline int harness_raw(struct harness *h, store_conn conn, uint32_t type, uint32_t tx, const void *data, size_t len)
{
	static const int errors[] = { EINVAL, EACCES, EEXIST, ENOENT, ENOMEM, ENOSPC, EIO, ENOSYS, EBUSY, EAGAIN, E2BIG, EPERM };
	unsigned char buffer[WIRE_MESSAGE_MAX];
	struct wire_header header = { type, 77, tx, (uint32_t)len };

	memcpy(buffer, &header, sizeof header);
	memcpy(buffer + sizeof header, data, len);
	if (store_input(&h->s, conn, buffer, sizeof header + len) != (long)(sizeof header + len))
		return 2;
	if (!harness_take(h, conn))
		return 1;
	if (h->reply_type != WIRE_ERROR)
		return 0;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (!strcmp(wire_error_name(errors[i]), h->reply))
			return -errors[i];
	return 3;
}

/* The same with a string literal that may hold NULs; its own last NUL counts. */
#define ask(h, conn, type, tx, literal) harness_raw(h, conn, type, tx, literal, sizeof(literal))
/* Without the last NUL: WRITE's value. */
#define put(h, conn, tx, literal) harness_raw(h, conn, WIRE_WRITE, tx, literal, sizeof(literal) - 1)

static inline uint32_t harness_begin(struct harness *h, store_conn conn)
{
	return ask(h, conn, WIRE_TRANSACTION_START, 0, "") ? 0 : (uint32_t)atol(h->reply);
}

static inline bool harness_checked(struct harness *h, const char **what)
{
	uint8_t *bitmap = calloc(1, arena_bitmap_size(h->size));
	int r = store_check(&h->s, bitmap, what);

	free(bitmap);
	return !r;
}

#endif
