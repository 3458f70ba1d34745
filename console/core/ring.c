// SPDX-License-Identifier: LGPL-2.1-or-later
/* The backend's end of a console ring. */
#include "core/ring.h"

#define MASK(index, size) ((index) & ((uint32_t)(size) - 1))

void ring_attach(struct ring *ring, struct xencons_interface *page)
{
	uint32_t prod = __atomic_load_n(&page->out_prod, __ATOMIC_ACQUIRE);

	ring->page = page;
	ring->out_cons = __atomic_load_n(&page->out_cons, __ATOMIC_RELAXED);
	ring->in_prod = __atomic_load_n(&page->in_prod, __ATOMIC_RELAXED);
	if (prod - ring->out_cons > RING_OUT_SIZE) {
		ring->out_cons = prod;
		ring->resyncs++;
	}
}

size_t ring_pending(const struct ring *ring)
{
	uint32_t ready = __atomic_load_n(&ring->page->out_prod, __ATOMIC_ACQUIRE) - ring->out_cons;

	return ready <= RING_OUT_SIZE ? ready : 0;
}

size_t ring_peek(struct ring *ring, void *bytes, size_t max)
{
	const volatile char *out = ring->page->out;
	uint32_t prod = __atomic_load_n(&ring->page->out_prod, __ATOMIC_ACQUIRE);
	size_t ready = prod - ring->out_cons;
	char *p = bytes;

	if (ready > RING_OUT_SIZE) {
		ring->out_cons = prod;
		ring->resyncs++;
		ready = 0;
	}
	if (ready > max)
		ready = max;
	for (size_t i = 0; i < ready; i++)
		p[i] = out[MASK(ring->out_cons + (uint32_t)i, RING_OUT_SIZE)];
	return ready;
}

void ring_consume(struct ring *ring, size_t len)
{
	ring->out_cons += (uint32_t)len;
	/* The guest may reuse the space only after the bytes were read. */
	__atomic_store_n(&ring->page->out_cons, ring->out_cons, __ATOMIC_RELEASE);
}

size_t ring_write(struct ring *ring, const void *bytes, size_t len)
{
	volatile char *in = ring->page->in;
	uint32_t used = ring->in_prod - __atomic_load_n(&ring->page->in_cons, __ATOMIC_ACQUIRE);
	const char *p = bytes;
	size_t room = used <= RING_IN_SIZE ? RING_IN_SIZE - used : 0;

	if (len > room)
		len = room;
	for (size_t i = 0; i < len; i++)
		in[MASK(ring->in_prod + (uint32_t)i, RING_IN_SIZE)] = p[i];
	ring->in_prod += (uint32_t)len;
	__atomic_store_n(&ring->page->in_prod, ring->in_prod, __ATOMIC_RELEASE);
	return len;
}
