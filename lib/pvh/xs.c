// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Xenstore client. A request is put into the ring whole or not at all, and a reply is taken out whole or (if
 * it cannot fit the ring) skipped, so that an in-place reload never finds half a message. Request ids hold
 * the generation: a reply to a request of the previous image is not taken for one of ours.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "pvh/boot.h"
#include "pvh/event.h"
#include "pvh/hypercall.h"
#include "pvh/xs.h"

#define PERMS_MAX 4

struct request {
	bool used;
	uint32_t id;
	pvh_xs_fn fn;
	void *arg;
};

static struct {
	struct xenstore_domain_interface *ring;
	uint32_t port;
	uint32_t generation, counter;
	struct request requests[PVH_XS_REQUESTS];
} xs;

/* ---- ring ---- */

static size_t request_room(void)
{
	uint32_t used = xs.ring->req_prod - __atomic_load_n(&xs.ring->req_cons, __ATOMIC_ACQUIRE);

	return used > XENSTORE_RING_SIZE ? 0 : XENSTORE_RING_SIZE - used;
}

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

static void consume(uint32_t count)
{
	__atomic_store_n(&xs.ring->rsp_cons, xs.ring->rsp_cons + count, __ATOMIC_RELEASE);
	pvh_event_send(xs.port);
}

/* ---- replies ---- */

static int error_number(const char *text)
{
	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (!strcmp(text, xsd_errors[i].errstring))
			return xsd_errors[i].errnum;
	return EIO;
}

static void finish(uint32_t id, int result, const char *data, size_t len)
{
	for (unsigned int i = 0; i < PVH_XS_REQUESTS; i++) {
		struct request request = xs.requests[i];

		if (!request.used || request.id != id)
			continue;
		xs.requests[i].used = false;
		if (request.fn)
			request.fn(result, data, len, request.arg);
		return;
	}
}

/* Takes one reply from the ring. Returns false if there is none that is complete. */
static bool reply_take(void)
{
	static char body[XENSTORE_RING_SIZE + 1];
	struct xsd_sockmsg header;
	uint32_t cons = xs.ring->rsp_cons;
	uint32_t ready = __atomic_load_n(&xs.ring->rsp_prod, __ATOMIC_ACQUIRE) - cons;

	if (ready > XENSTORE_RING_SIZE)
		return false;
	if (PVH_LIB->xs_skip) {
		uint32_t n = ready < PVH_LIB->xs_skip ? ready : PVH_LIB->xs_skip;

		PVH_LIB->xs_skip -= n;
		if (n)
			consume(n);
		return n > 0;
	}
	if (ready < sizeof(header))
		return false;
	ring_peek(cons, &header, sizeof(header));
	if (header.len > XENSTORE_RING_SIZE - sizeof(header)) {
		PVH_LIB->xs_skip = header.len > XENSTORE_PAYLOAD_MAX ? XENSTORE_PAYLOAD_MAX : header.len;
		consume(sizeof(header));
		finish(header.req_id, -E2BIG, "", 0);
		return true;
	}
	if (ready < sizeof(header) + header.len)
		return false;
	ring_peek(cons + (uint32_t)sizeof(header), body, header.len);
	body[header.len] = '\0';
	consume((uint32_t)sizeof(header) + header.len);
	if (header.type == XS_ERROR)
		finish(header.req_id, -error_number(body), "", 0);
	else
		finish(header.req_id, 0, body, header.len);
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

/* ---- requests ---- */

int pvh_xs_init(struct pvh *pvh)
{
	xs.port = (uint32_t)pvh_hvm_param(HVM_PARAM_STORE_EVTCHN);
	xs.ring = pvh_store_page();
	if (!xs.ring || !xs.port)
		return -ENODEV;
	xs.generation = pvh->generation;
	if (pvh->revived)
		PVH_LIB->xs_skip = 0; /* the ring is new */
	pvh_event_handle(xs.port, on_event, NULL);
	/* Replies that came before the handler was set. */
	pvh_event_raise(xs.port);
	return 0;
}

/* The payload is path, NUL, tail (tail_len bytes). */
static int request_send(uint32_t type, const char *path, const char *tail, size_t tail_len, pvh_xs_fn fn, void *arg)
{
	struct xsd_sockmsg header = { .type = type };
	size_t path_len = strlen(path) + 1;
	struct request *request = NULL;
	uint32_t prod;

	if (!xs.ring)
		return -ENODEV;
	if (path_len + tail_len > PVH_XS_PAYLOAD_MAX)
		return -E2BIG;
	for (unsigned int i = 0; i < PVH_XS_REQUESTS; i++)
		if (!xs.requests[i].used)
			request = &xs.requests[i];
	if (!request || request_room() < sizeof(header) + path_len + tail_len)
		return -EAGAIN;
	header.len = (uint32_t)(path_len + tail_len);
	header.req_id = xs.generation << 16 | (++xs.counter & 0xffff);
	*request = (struct request){ .used = true, .id = header.req_id, .fn = fn, .arg = arg };
	prod = xs.ring->req_prod;
	ring_put(&prod, &header, sizeof(header));
	ring_put(&prod, path, path_len);
	ring_put(&prod, tail, tail_len);
	__atomic_store_n(&xs.ring->req_prod, prod, __ATOMIC_RELEASE);
	pvh_event_send(xs.port);
	return 0;
}

int pvh_xs_write(const char *path, const char *value, pvh_xs_fn fn, void *arg)
{
	return request_send(XS_WRITE, path, value, strlen(value), fn, arg);
}

int pvh_xs_set_perms(const char *path, const char *const *perms, unsigned int count, pvh_xs_fn fn, void *arg)
{
	char tail[PERMS_MAX * 8];
	size_t len = 0;

	if (count > PERMS_MAX)
		return -E2BIG;
	for (unsigned int i = 0; i < count; i++) {
		size_t n = strlen(perms[i]) + 1;

		if (n > sizeof(tail) - len)
			return -E2BIG;
		memcpy(tail + len, perms[i], n);
		len += n;
	}
	return request_send(XS_SET_PERMS, path, tail, len, fn, arg);
}

unsigned int pvh_xs_in_flight(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < PVH_XS_REQUESTS; i++)
		count += xs.requests[i].used;
	return count;
}

void pvh_xs_cancel_all(void)
{
	for (unsigned int i = 0; i < PVH_XS_REQUESTS; i++)
		if (xs.requests[i].used)
			finish(xs.requests[i].id, -ECANCELED, "", 0);
}
