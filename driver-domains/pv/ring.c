// SPDX-License-Identifier: LGPL-2.1-or-later
/* The backend's side of a Xen I/O ring. */
#include "pv/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define JOURNAL_MAGIC 0x61746f6cu
#define JOURNAL_MAGIC_MANY 0x61746f6du /* the journal has the number of slots that are being written */

/* The first 64 bytes are the same in all of Xen's rings; the padding is ours (see ring.h). */
struct ring_shared {
	uint32_t req_prod, req_event; /* the frontend writes the first, the backend the second */
	uint32_t rsp_prod, rsp_event; /* the other way round */
	uint8_t unused[8];
	uint8_t journal[RING_RESPONSE_MAX];
	uint64_t journal_mark; /* JOURNAL_MAGIC above the index, written after the journal */
	uint8_t padding[16];
	uint8_t slots[];
};
_Static_assert(offsetof(struct ring_shared, slots) == 64, "slots follow the header of xen/io/ring.h");

struct ring_held {
	bool done;
	uint8_t size;
	uint8_t response[RING_RESPONSE_MAX];
};

void *ring_slot(const struct ring *ring, uint32_t index)
{
	return ring->shared->slots + (size_t)(index & (ring->size - 1)) * ring->slot_size;
}

/* The predecessor may have died while it wrote over the request at rsp_prod. */
static void finish_torn(struct ring *ring)
{
	uint64_t mark = __atomic_load_n(&ring->shared->journal_mark, __ATOMIC_ACQUIRE);

	if (mark >> 32 != JOURNAL_MAGIC || (uint32_t)mark != ring->rsp_prod)
		return;
	memcpy(ring_slot(ring, ring->rsp_prod), ring->shared->journal, MIN((size_t)RING_RESPONSE_MAX, (size_t)ring->slot_size));
	ring->rsp_prod++;
	__atomic_store_n(&ring->shared->rsp_prod, ring->rsp_prod, __ATOMIC_RELEASE);
}

int ring_init(struct ring *ring, void *shared, size_t bytes, size_t slot_size)
{
	uint32_t slots = (uint32_t)((bytes - offsetof(struct ring_shared, slots)) / slot_size);
	uint32_t queued;

	*ring = (struct ring){.shared = shared, .size = 1, .slot_size = (uint32_t)slot_size};
	while (ring->size <= slots / 2)
		ring->size *= 2;
	ring->rsp_prod = __atomic_load_n(&ring->shared->rsp_prod, __ATOMIC_ACQUIRE);
	queued = __atomic_load_n(&ring->shared->req_prod, __ATOMIC_ACQUIRE) - ring->rsp_prod;
	if (queued > ring->size)
		return -EPROTO;
	if (queued)
		finish_torn(ring);
	ring->req_cons = ring->pushed = ring->rsp_prod;
	ring->held = calloc(ring->size, sizeof(*ring->held));
	return ring->held ? 0 : -ENOMEM;
}

void ring_fini(struct ring *ring)
{
	free(ring->held);
	*ring = (struct ring){0};
}

int ring_pending(const struct ring *ring)
{
	uint32_t req_prod = __atomic_load_n(&ring->shared->req_prod, __ATOMIC_ACQUIRE);

	/* Neither back behind what we took, nor further than its own responses leave room. */
	if (req_prod - ring->rsp_prod > ring->size || req_prod - ring->rsp_prod < ring->req_cons - ring->rsp_prod)
		return -EPROTO;
	return (int)(req_prod - ring->req_cons);
}

uint32_t ring_take(struct ring *ring, void *request, size_t size)
{
	memcpy(request, ring_slot(ring, ring->req_cons), MIN(size, (size_t)ring->slot_size));
	/* What is parsed is this copy: the compiler must not read the slot again. */
	__asm__ volatile("" ::: "memory");
	return ring->req_cons++;
}

bool ring_want(struct ring *ring, unsigned count)
{
	__atomic_store_n(&ring->shared->req_event, ring->req_cons + count, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (unsigned)ring_pending(ring) >= count; /* nonsense, which is negative, too: it is found when it is taken */
}

bool ring_more(struct ring *ring)
{
	return ring_want(ring, 1);
}

static void mark(struct ring *ring, uint32_t magic)
{
	__atomic_store_n(&ring->shared->journal_mark, (uint64_t)magic << 32 | ring->rsp_prod, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* the slots not before the mark */
}

static void publish(struct ring *ring, struct ring_held *held)
{
	struct ring_shared *shared = ring->shared;

	memcpy(shared->journal, held->response, RING_RESPONSE_MAX);
	mark(ring, JOURNAL_MAGIC);
	memcpy(ring_slot(ring, ring->rsp_prod), held->response, held->size);
	held->done = false;
	ring->rsp_prod++;
	__atomic_store_n(&shared->rsp_prod, ring->rsp_prod, __ATOMIC_RELEASE);
}

void ring_complete(struct ring *ring, uint32_t index, const void *response, size_t size)
{
	struct ring_held *held = &ring->held[index & (ring->size - 1)];

	assert(index - ring->rsp_prod < ring->req_cons - ring->rsp_prod && !held->done);
	assert(size <= RING_RESPONSE_MAX && size <= ring->slot_size);
	*held = (struct ring_held){.done = true, .size = (uint8_t)size};
	memcpy(held->response, response, size);
	while (ring->rsp_prod != ring->req_cons && (held = &ring->held[ring->rsp_prod & (ring->size - 1)])->done)
		publish(ring, held);
}

bool ring_push(struct ring *ring)
{
	uint32_t published = ring->rsp_prod - ring->pushed;

	ring->pushed = ring->rsp_prod;
	if (!published)
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return ring->rsp_prod - __atomic_load_n(&ring->shared->rsp_event, __ATOMIC_RELAXED) < published;
}

/* --- messages of several slots --- */

uint32_t ring_begin(struct ring *ring, unsigned count)
{
	assert(count <= ring->req_cons - ring->rsp_prod);
	memcpy(ring->shared->journal, &(uint32_t){count}, sizeof(uint32_t));
	mark(ring, JOURNAL_MAGIC_MANY);
	return ring->rsp_prod;
}

void ring_end(struct ring *ring, unsigned count)
{
	ring->rsp_prod += count;
	__atomic_store_n(&ring->shared->rsp_prod, ring->rsp_prod, __ATOMIC_RELEASE);
}

unsigned ring_begun(const struct ring *ring)
{
	uint64_t found = __atomic_load_n(&ring->shared->journal_mark, __ATOMIC_ACQUIRE);
	uint32_t count;

	memcpy(&count, ring->shared->journal, sizeof(count));
	return found == ((uint64_t)JOURNAL_MAGIC_MANY << 32 | ring->rsp_prod) ? MIN(count, ring->size) : 0;
}
