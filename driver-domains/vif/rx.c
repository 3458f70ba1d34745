// SPDX-License-Identifier: LGPL-2.1-or-later
/* Packets into the requests of a receive ring. */
#include "vif/rx.h"

unsigned rx_slots(size_t size, bool gso)
{
	return (unsigned)((size + VIF_PAGE - 1) / VIF_PAGE) + gso;
}

void rx_take(struct ring *ring, struct rx_packet *p)
{
	bool extra = p->offload.gso_type;

	p->failed = false;
	p->frag_count = 0;
	p->slots = rx_slots(p->size, extra);
	for (unsigned slot = 0; slot < p->slots; slot++) {
		netif_rx_request_t request;

		ring_take(ring, &request, sizeof(request));
		if (slot != 1 || !extra)
			p->gref[p->frag_count++] = request.gref;
	}
}

static void put_extra(netif_extra_info_t *extra, const struct rx_offload *offload)
{
	extra->type = XEN_NETIF_EXTRA_TYPE_GSO;
	extra->flags = 0;
	extra->u.gso.size = offload->gso_size;
	extra->u.gso.type = offload->gso_type;
	extra->u.gso.pad = 0;
	extra->u.gso.features = 0;
}

void rx_answer(struct ring *ring, const struct rx_packet *p)
{
	bool extra = p->offload.gso_type && !p->failed;
	uint32_t first = ring_begin(ring, p->slots);
	size_t left = p->size;

	for (unsigned slot = 0; slot < p->slots; slot++) {
		netif_rx_response_t *response = ring_slot(ring, first + slot);
		size_t size = MIN(left, (size_t)VIF_PAGE);

		if (slot == 1 && extra) {
			put_extra(ring_slot(ring, first + slot), &p->offload);
			continue;
		}
		left -= size; /* the id stays as it is */
		response->offset = 0;
		response->status = p->failed ? NETIF_RSP_ERROR : (int16_t)size;
		response->flags = 0;
		if (p->failed)
			continue;
		if (slot == 0)
			response->flags = (uint16_t)(p->offload.flags | (extra ? NETRXF_extra_info : 0));
		if (left)
			response->flags |= NETRXF_more_data;
	}
	ring_end(ring, p->slots);
}
