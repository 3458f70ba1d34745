// SPDX-License-Identifier: LGPL-2.1-or-later
/* Packets from the requests in a transmit ring. */
#include "vif/tx.h"

#include <errno.h>
#include <string.h>

static int fatal(const char **why, const char *text)
{
	*why = text;
	return -EPROTO;
}

static int take_gso(const netif_extra_info_t *extra, struct tx_packet *p, const char **why)
{
	if (extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 && extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)
		return fatal(why, "unknown kind of segmentation");
	if (!extra->u.gso.size)
		return fatal(why, "segments of no size");
	p->gso_type = extra->u.gso.type;
	p->gso_size = extra->u.gso.size;
	return 0;
}

static int take_extras(struct ring *ring, unsigned available, struct tx_packet *p, const char **why)
{
	netif_extra_info_t extra;

	do {
		if (p->slots == available)
			return fatal(why, "extra info is missing");
		if (p->extras == TX_EXTRAS_MAX)
			return fatal(why, "too many extra infos");
		ring_take(ring, &extra, sizeof(extra));
		p->slots++;
		p->extras++;
		if (extra.type == 0 || extra.type >= XEN_NETIF_EXTRA_TYPE_MAX)
			return fatal(why, "unknown type of extra info");
		/* Multicast lists and hashes were not offered: a packet that has them is sent as it is. */
		if (extra.type == XEN_NETIF_EXTRA_TYPE_GSO && !p->done && take_gso(&extra, p, why) < 0)
			return -EPROTO;
	} while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return 0;
}

/* The first request has the size of the whole packet: its own fragment is what the others leave of it. */
static int take_frags(struct ring *ring, unsigned available, struct tx_packet *p, const char **why)
{
	unsigned left = p->size, more = p->flags & NETTXF_more_data;

	while (more) {
		netif_tx_request_t request;

		if (p->slots == available)
			return fatal(why, "the end of a packet is missing");
		if (p->frag_count == TX_FRAGS_FATAL)
			return fatal(why, "too many slots in one packet");
		ring_take(ring, &request, sizeof(request));
		if (request.offset + request.size > VIF_PAGE)
			return fatal(why, "a fragment passes the end of its page");
		if (request.size > left || p->frag_count >= TX_FRAGS_MAX)
			p->bad = true;
		else
			p->frags[p->frag_count] = (struct tx_frag){request.gref, request.offset, request.size};
		left -= MIN(request.size, left);
		p->id[p->frag_count++] = request.id;
		p->slots++;
		more = request.flags & NETTXF_more_data;
	}
	p->frags[0].size = (uint16_t)left;
	if (!p->bad && p->frags[0].offset + left > VIF_PAGE)
		return fatal(why, "a fragment passes the end of its page");
	return 0;
}

int tx_take(struct ring *ring, unsigned available, bool done, struct tx_packet *p, const char **why)
{
	netif_tx_request_t first;
	int r = 0;

	ring_take(ring, &first, sizeof(first));
	p->slots = 1;
	p->extras = 0;
	p->id[0] = first.id;
	p->frags[0] = (struct tx_frag){first.gref, first.offset, 0};
	p->frag_count = 1;
	p->size = first.size;
	p->flags = first.flags;
	p->gso_type = XEN_NETIF_GSO_TYPE_NONE;
	p->gso_size = 0;
	p->done = done;
	p->bad = first.size < PACKET_MIN;
	if (first.flags & NETTXF_extra_info)
		r = take_extras(ring, available, p, why);
	return r < 0 ? r : take_frags(ring, available, p, why);
}

void tx_answer(struct ring *ring, const struct tx_packet *p, int16_t status)
{
	uint32_t first = ring_begin(ring, p->slots);

	for (unsigned slot = 0, frag = 0; slot < p->slots; slot++) {
		netif_tx_response_t *response = ring_slot(ring, first + slot);

		if (slot >= 1 && slot <= p->extras) { /* only the status, so that the rest of the extra info stays */
			response->status = NETIF_RSP_NULL;
			continue;
		}
		response->id = p->id[frag++];
		response->status = status;
	}
	ring_end(ring, p->slots);
}
