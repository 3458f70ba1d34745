// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A vchan server for one client. The client is in the privileged domain, but nothing that it writes is
 * trusted: our own indexes are private, the client's are read once and checked against the ring's size.
 */
#include "pvh/vchan.h"

#include <string.h>

#include "pvh/event.h"
#include "pvh/grant.h"
#include "pvh/pvh.h"

static_assert(sizeof(struct vchan_pages) == (1 + VCHAN_DATA_PAGES) * 4096, "only granted pages");
static_assert(sizeof(struct vchan_interface) + VCHAN_DATA_PAGES * sizeof(uint32_t) <= 4096, "the grant list fits");

#define CLIENT_GONE	0
#define CLIENT_NEW	1
#define CLIENT_NONE	2
#define CLIENT_ACCEPTED	3	/* ours */

static uint8_t client_live(const struct vchan *v)
{
	return __atomic_load_n(&v->pages->ring.cli_live, __ATOMIC_SEQ_CST);
}

static bool client_swap(struct vchan *v, uint8_t from, uint8_t to)
{
	return __atomic_compare_exchange_n(&v->pages->ring.cli_live, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Fresh indexes for the next client; the grants stay. */
static void offer(struct vchan *v)
{
	struct vchan_interface *ring = &v->pages->ring;

	ring->left = (struct ring_shared){ 0 };
	ring->right = (struct ring_shared){ 0 };
	ring->left_order = VCHAN_LEFT_ORDER;
	ring->right_order = VCHAN_RIGHT_ORDER;
	ring->srv_notify = 0;
	ring->cli_notify = VCHAN_NOTIFY_WRITE;
	v->left_cons = 0;
	v->right_prod = 0;
	v->wrote = v->consumed = false;
	if (!client_swap(v, CLIENT_GONE, CLIENT_NONE))
		return;		/* a client came too early; it will find srv_live 0 and go */
	v->status = VCHAN_OFFERED;
	__atomic_store_n(&ring->srv_live, 1, __ATOMIC_SEQ_CST);
}

int vchan_init(struct vchan *v, struct vchan_pages *pages, uint16_t client_domid)
{
	/* libxenvchan.h declares the list as an array of no elements. */
	uint32_t *grants = (uint32_t *)(void *)(pages->ring_page + sizeof(struct vchan_interface));
	int rc;

	*v = (struct vchan){ .pages = pages, .status = VCHAN_CLOSING, .client_domid = client_domid };
	rc = pvh_grant_offer(client_domid, pages, false, &v->ref);
	for (unsigned int i = 0; !rc && i < VCHAN_DATA_PAGES; i++)
		rc = pvh_grant_offer(client_domid, pages->left + i * 4096, false, &grants[i]);
	if (!rc)
		rc = pvh_event_alloc_unbound(client_domid, &v->port);
	if (!rc)
		rc = pvh_event_handle(v->port, NULL, NULL);
	if (rc)
		return rc;
	offer(v);
	return 0;
}

bool vchan_resume(struct vchan *v, struct vchan_pages *pages, uint16_t client_domid)
{
	struct pvh_event_status status;

	if (v->pages != pages || v->client_domid != client_domid || v->status > VCHAN_CLOSING)
		return false;
	if (pvh_event_status(v->port, &status) || status.remote_domid != client_domid ||
	    (status.kind != PVH_EVENT_INTERDOMAIN && status.kind != PVH_EVENT_UNBOUND))
		return false;
	/* What the old image had written or consumed may not have been notified yet. */
	v->wrote = v->consumed = true;
	pvh_event_handle(v->port, NULL, NULL);
	pvh_event_raise(v->port);
	return true;
}

void vchan_kick(struct vchan *v)
{
	if (v->status != VCHAN_CONNECTED)
		return;
	__atomic_store_n(&v->pages->ring.srv_live, 0, __ATOMIC_SEQ_CST);
	v->status = VCHAN_CLOSING;
	pvh_event_send(v->port);
}

enum vchan_change vchan_poll(struct vchan *v)
{
	uint8_t live = client_live(v);

	switch (v->status) {
	case VCHAN_OFFERED:
		if (live != CLIENT_NEW || !client_swap(v, CLIENT_NEW, CLIENT_ACCEPTED))
			return VCHAN_SAME;
		v->status = VCHAN_CONNECTED;
		return VCHAN_CAME;
	case VCHAN_CONNECTED:
		if (live == CLIENT_ACCEPTED)
			return VCHAN_SAME;
		vchan_kick(v);
		if (live == CLIENT_GONE)
			offer(v);
		return VCHAN_WENT;
	default:
		if (live == CLIENT_GONE)
			offer(v);
		return VCHAN_SAME;
	}
}

/* Bytes of a ring, given the client's index; a nonsensical one ends the session. */
static uint32_t checked(struct vchan *v, uint32_t used, uint32_t size)
{
	if (used <= size)
		return used;
	vchan_kick(v);
	return 0;
}

static uint32_t left_used(struct vchan *v)
{
	uint32_t prod = __atomic_load_n(&v->pages->ring.left.prod, __ATOMIC_SEQ_CST);

	return v->status == VCHAN_CONNECTED ? checked(v, prod - v->left_cons, VCHAN_LEFT_SIZE) : 0;
}

size_t vchan_read(struct vchan *v, void *bytes, size_t max)
{
	uint32_t used = left_used(v);
	uint8_t *p = bytes;

	if (used > max)
		used = (uint32_t)max;
	if (!used)
		return 0;
	for (uint32_t i = 0; i < used; i++)
		p[i] = v->pages->left[(v->left_cons + i) & (VCHAN_LEFT_SIZE - 1)];
	v->left_cons += used;
	__atomic_store_n(&v->pages->ring.left.cons, v->left_cons, __ATOMIC_SEQ_CST);
	v->consumed = true;
	return used;
}

static uint32_t right_room(struct vchan *v)
{
	uint32_t cons = __atomic_load_n(&v->pages->ring.right.cons, __ATOMIC_SEQ_CST);
	uint32_t used = checked(v, v->right_prod - cons, VCHAN_RIGHT_SIZE);

	return v->status == VCHAN_CONNECTED ? VCHAN_RIGHT_SIZE - used : 0;
}

size_t vchan_room(struct vchan *v)
{
	v->room_seen = right_room(v);
	return v->room_seen;
}

void vchan_write(struct vchan *v, const void *bytes, size_t len)
{
	uint32_t at = v->right_prod & (VCHAN_RIGHT_SIZE - 1);
	size_t first = VCHAN_RIGHT_SIZE - at;

	if (first > len)
		first = len;
	memcpy(v->pages->right + at, bytes, first);
	memcpy(v->pages->right, (const uint8_t *)bytes + first, len - first);
	v->right_prod += (uint32_t)len;
	__atomic_store_n(&v->pages->ring.right.prod, v->right_prod, __ATOMIC_SEQ_CST);
	v->wrote = true;
}

void vchan_notify(struct vchan *v)
{
	uint8_t bits = (v->wrote ? VCHAN_NOTIFY_WRITE : 0) | (v->consumed ? VCHAN_NOTIFY_READ : 0);

	v->wrote = v->consumed = false;
	if (!bits || v->status != VCHAN_CONNECTED)
		return;
	if (__atomic_fetch_and(&v->pages->ring.srv_notify, (uint8_t)~bits, __ATOMIC_SEQ_CST) & bits)
		pvh_event_send(v->port);
}

bool vchan_arm(struct vchan *v, bool reading)
{
	bool scarce = v->room_seen < VCHAN_RIGHT_SIZE / 2;
	uint8_t bits = VCHAN_NOTIFY_WRITE | (scarce ? VCHAN_NOTIFY_READ : 0);

	if (v->status != VCHAN_CONNECTED)
		return false;
	__atomic_fetch_or(&v->pages->ring.cli_notify, bits, __ATOMIC_SEQ_CST);
	/* What the client did before it could see the request has made no event. */
	return (reading && left_used(v) > 0) || (scarce && right_room(v) > v->room_seen);
}
