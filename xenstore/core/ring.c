// SPDX-License-Identifier: LGPL-2.1-or-later
/* Serving one store ring. */
#include "ring.h"

#include <string.h>

#include <xen/io/xs_wire.h>

#define RING_ROUNDS 4u /* rings full of requests that are answered in one go */

_Static_assert(XENSTORE_RING_SIZE == RING_BUFFER, "ring size");

static uint32_t index_read(const XENSTORE_RING_IDX *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

/*
 * Tells ours before looking at theirs. The other side does the same the other way round, so at least one of the two
 * sees the other's last move; without the barrier both could miss it, and a wake-up would be lost.
 */
static uint32_t index_exchange(XENSTORE_RING_IDX *ours, uint32_t value, const XENSTORE_RING_IDX *theirs)
{
	__atomic_store_n(ours, value, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return index_read(theirs);
}

static void index_write(XENSTORE_RING_IDX *at, uint32_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

void ring_start(struct xenstore_domain_interface *page, struct store_ring_start *start)
{
	uint32_t consumed = index_read(&page->req_cons), produced = index_read(&page->rsp_prod);

	if (index_read(&page->req_prod) - consumed > XENSTORE_RING_SIZE ||
	    produced - index_read(&page->rsp_cons) > XENSTORE_RING_SIZE) {
		consumed = produced = 0;
		index_write(&page->req_cons, 0);
		index_write(&page->req_prod, 0);
		index_write(&page->rsp_cons, 0);
		index_write(&page->rsp_prod, 0);
	}
	start->consumed = consumed;
	start->produced = produced;
}

void ring_offer(struct store *s, store_conn conn, struct xenstore_domain_interface *page)
{
	index_write(&page->server_features, store_connection_features(s, conn));
}

static void ring_break(struct store *s, store_conn conn, struct xenstore_domain_interface *page, uint32_t error)
{
	store_connection_break(s, conn);
	index_write(&page->error, error);
}

/* The frontend wants to begin anew: everything of the old connection goes, then the ring is empty. */
static void ring_reconnect(struct store *s, store_conn conn, struct xenstore_domain_interface *page)
{
	store_connection_restart(s, conn);
	index_write(&page->req_cons, 0);
	index_write(&page->req_prod, 0);
	index_write(&page->rsp_cons, 0);
	index_write(&page->rsp_prod, 0);
	index_write(&page->error, XENSTORE_ERROR_NONE);
	index_write(&page->connection, XENSTORE_CONNECTED);
}

static long ring_read(struct store *s, store_conn conn, struct xenstore_domain_interface *page, unsigned char *buffer)
{
	uint32_t cons = store_consumed(s, conn), at, part;
	uint32_t n = index_exchange(&page->req_cons, cons, &page->req_prod) - cons;
	long taken;

	if (n > XENSTORE_RING_SIZE) {
		ring_break(s, conn, page, XENSTORE_ERROR_RINGIDX);
		return -1;
	}
	if (!n || !store_input_wanted(s, conn))
		return 0;
	at = MASK_XENSTORE_IDX(cons);
	part = n < XENSTORE_RING_SIZE - at ? n : XENSTORE_RING_SIZE - at;
	memcpy(buffer, page->req + at, part);
	memcpy(buffer + part, page->req, n - part);
	taken = store_input(s, conn, buffer, n);
	if (taken < 0)
		ring_break(s, conn, page, XENSTORE_ERROR_PROTO);
	/* At once: Linux notifies only when all that it sent before was taken. */
	index_write(&page->req_cons, store_consumed(s, conn));
	return taken;
}

static long ring_write(struct store *s, store_conn conn, struct xenstore_domain_interface *page, unsigned char *buffer)
{
	uint32_t prod = store_produced(s, conn), at, part, n;
	uint32_t used = prod - index_exchange(&page->rsp_prod, prod, &page->rsp_cons);

	if (used > XENSTORE_RING_SIZE) {
		ring_break(s, conn, page, XENSTORE_ERROR_RINGIDX);
		return -1;
	}
	n = (uint32_t)store_output_peek(s, conn, buffer, XENSTORE_RING_SIZE - used);
	/* To the brim, even with a part of a message: Linux notifies of room only when the ring was full. */
	if (!n)
		return 0;
	at = MASK_XENSTORE_IDX(prod);
	part = n < XENSTORE_RING_SIZE - at ? n : XENSTORE_RING_SIZE - at;
	memcpy(page->rsp + at, buffer, part);
	memcpy(page->rsp, buffer + part, n - part);
	/* The arena first: should the store be restarted in between, the index is published by the next one. */
	store_output_done(s, conn, n);
	index_write(&page->rsp_prod, store_produced(s, conn));
	return n;
}

unsigned int ring_serve(struct store *s, store_conn conn, struct xenstore_domain_interface *page, unsigned char *buffer)
{
	unsigned int result = 0;

	if (index_read(&page->connection) == XENSTORE_RECONNECT) {
		ring_reconnect(s, conn, page);
		result = RING_NOTIFY;
	}
	for (unsigned int i = 0; i < RING_ROUNDS; i++) {
		long in, out;

		if (store_connection_broken(s, conn))
			return result;
		in = ring_read(s, conn, page, buffer);
		out = in < 0 ? -1 : ring_write(s, conn, page, buffer);
		if (in || out)
			result |= RING_NOTIFY;
		if (in <= 0 && out <= 0)
			return result;
	}
	return result | RING_MORE;
}
