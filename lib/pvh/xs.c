// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Xenstore client. A request is put into the ring whole or not at all, and a reply is taken out whole, so that an in-place
 * reload never finds half a message. Replies come in the order of the requests; their ids begin with the generation, so that
 * a reply to a request of the previous image is not taken for one of ours.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "pvh/boot.h"
#include "pvh/xs.h"

#define ERROR_MAX 24

static struct {
	struct xenstore_domain_interface *ring;
	uint32_t port;
	uint32_t oldest, next;	/* ids of the requests in flight: from oldest to before next */
	char error[2][ERROR_MAX];	/* since the last question; the answer to it */
} xs;

static void ring_put(uint32_t *prod, const void *data, size_t len)
{
	const char *bytes = data;

	for (size_t i = 0; i < len; i++)
		xs.ring->req[MASK_XENSTORE_IDX((*prod)++)] = bytes[i];
}

static void ring_peek(uint32_t cons, void *data, size_t len)
{
	char *bytes = data;

	for (size_t i = 0; i < len; i++)
		bytes[i] = xs.ring->rsp[MASK_XENSTORE_IDX(cons++)];
}

/* False if there is no reply that is complete; one that cannot fit the ring never is. */
static bool reply_take(void)
{
	struct xsd_sockmsg header;
	uint32_t cons = xs.ring->rsp_cons;
	uint32_t ready = __atomic_load_n(&xs.ring->rsp_prod, __ATOMIC_ACQUIRE) - cons;

	if (ready > XENSTORE_RING_SIZE || ready < sizeof(header))
		return false;
	ring_peek(cons, &header, sizeof(header));
	if (header.len > ready - sizeof(header))
		return false;
	if (header.req_id - xs.oldest < xs.next - xs.oldest) {
		xs.oldest = header.req_id + 1;
		if (header.type == XS_ERROR)
			ring_peek(cons + (uint32_t)sizeof(header), xs.error[0], header.len < ERROR_MAX ? header.len : ERROR_MAX - 1);
	}
	__atomic_store_n(&xs.ring->rsp_cons, cons + (uint32_t)sizeof(header) + header.len, __ATOMIC_RELEASE);
	pvh_event_send(xs.port);
	return true;
}

static void on_event(uint32_t port, void *arg)
{
	(void)port;
	(void)arg;
	/* A ring of replies holds at most this many headers: one event's work is bounded. */
	for (unsigned int i = 0; i < XENSTORE_RING_SIZE / sizeof(struct xsd_sockmsg); i++)
		if (!reply_take())
			return;
}

int pvh_xs_init(struct pvh *pvh)
{
	xs.port = (uint32_t)pvh_hvm_param(HVM_PARAM_STORE_EVTCHN);
	xs.ring = pvh_store_page();
	if (!xs.ring || !xs.port)
		return -ENODEV;
	xs.oldest = xs.next = pvh->generation << 16;
	pvh_event_handle(xs.port, on_event, NULL);
	/* Replies that came before the handler was set. */
	pvh_event_raise(xs.port);
	return 0;
}

int pvh_xs_send(uint32_t type, const void *payload, size_t len)
{
	struct xsd_sockmsg header = { .type = type, .req_id = xs.next, .len = (uint32_t)len };
	uint32_t prod = xs.ring->req_prod;
	uint32_t used = prod - __atomic_load_n(&xs.ring->req_cons, __ATOMIC_ACQUIRE);

	if (used > XENSTORE_RING_SIZE || sizeof(header) + len > XENSTORE_RING_SIZE - used)
		return -EAGAIN;
	xs.next++;
	ring_put(&prod, &header, sizeof(header));
	ring_put(&prod, payload, len);
	__atomic_store_n(&xs.ring->req_prod, prod, __ATOMIC_RELEASE);
	pvh_event_send(xs.port);
	return 0;
}

unsigned int pvh_xs_in_flight(void)
{
	return xs.next - xs.oldest;
}

const char *pvh_xs_error(void)
{
	memcpy(xs.error[1], xs.error[0], ERROR_MAX);
	memset(xs.error[0], 0, ERROR_MAX);
	return xs.error[1];
}

void pvh_xs_forget(void)
{
	xs.oldest = xs.next;
}
