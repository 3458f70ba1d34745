// SPDX-License-Identifier: LGPL-2.1-or-later
/* State streams from anywhere: refused, or a store that checks and that written and read again is the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/stream.h"

#define ARENA (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct buffer {
	unsigned char *at;
	size_t len, room;
};

static unsigned int no_info(void *opaque, uint32_t domid)
{
	return STORE_DOMAIN_EXISTS;
}

static int no_introduce(void *opaque, store_conn conn, uint32_t domid, uint64_t gfn, uint32_t port,
			struct store_ring_start *start)
{
	return 0;
}

static void no_output(void *opaque, store_conn conn)
{
}

static void no_log(void *opaque, const char *text)
{
}

static int load_global(void *opaque, int32_t socket, int32_t evtchn)
{
	return 0;
}

static int load_ring(void *opaque, uint32_t domid, uint32_t port, struct store_ring_start *start)
{
	return domid % 8 == 7 ? -EINVAL : 0;
}

static int load_connection(void *opaque, store_conn conn, enum store_conn_kind kind, int32_t handle)
{
	return 0;
}

static void load_input(void *opaque, store_conn conn, const unsigned char *bytes, size_t len)
{
	store_input(opaque, conn, bytes, len);
}

static int32_t save_handle(void *opaque, store_conn conn)
{
	return 1;
}

static struct stream_bytes save_held(void *opaque, store_conn conn)
{
	return (struct stream_bytes){ NULL, 0 };
}

static int buffer_put(void *opaque, const void *bytes, size_t len)
{
	struct buffer *b = opaque;

	if (b->room - b->len < len)
		return -ENOSPC;
	memcpy(b->at + b->len, bytes, len);
	b->len += len;
	return 0;
}

static int load(struct store *s, void *memory, const uint8_t *data, size_t size)
{
	static const struct store_ops ops = { no_info, no_introduce, no_output, no_log };
	struct stream_load how = { load_global, load_ring, load_connection, load_input, s };
	struct store_config config = { .seed = 1 };

	if (store_create(s, memory, ARENA, &config, &ops, s))
		abort();
	return store_stream_load(s, data, size, &how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct store s;
	static uint8_t *memory, *bitmap;
	struct buffer b = { malloc(4 * ARENA), 0, 4 * ARENA };
	struct stream_out out = { .put = buffer_put, .opaque = &b };
	struct stream_save how = { .handle = save_handle, .held = save_held };
	const char *what;

	if (!memory) {
		memory = aligned_alloc(4096, ARENA);
		bitmap = malloc(arena_bitmap_size(ARENA));
	}
	if (!load(&s, memory, data, size)) {
		memset(bitmap, 0, arena_bitmap_size(ARENA));
		if (store_check(&s, bitmap, &what))
			abort();
		if (!store_stream_save(&s, &how, &out) && load(&s, memory, b.at, b.len))
			abort();
	}
	free(b.at);
	return 0;
}
