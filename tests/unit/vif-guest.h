/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest with one vif queue in memory, for tests: its pages, its rings, and what it checks of a backend's answers. */
#ifndef ATOLL_TEST_VIF_GUEST_H
#define ATOLL_TEST_VIF_GUEST_H

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "vif/queue.h"

#define GUEST_PAGES 600 /* grant references 0 … */
#define RING_SLOTS 256
#define RX_FIRST_REF 300 /* receive slot n has page RX_FIRST_REF + n */
#define TX_FIRST_REF 260 /* identifier n has page TX_FIRST_REF + n, so that an answer is no valid reference */

struct guest {
	union {
		struct netif_tx_sring tx;
		uint8_t tx_page[VIF_PAGE];
	};
	union {
		struct netif_rx_sring rx;
		uint8_t rx_page[VIF_PAGE];
	};
	uint8_t pages[GUEST_PAGES][VIF_PAGE];
	/* private to the guest */
	uint32_t tx_prod, tx_cons, rx_prod, rx_cons;
	int8_t tx_id[RING_SLOTS]; /* 1: waits for an answer */
	unsigned wrong;
};

/* Xen declares rings as arrays of one. */
static inline union netif_tx_sring_entry *tx_slot(struct guest *guest, uint32_t index)
{
	return (union netif_tx_sring_entry *)(void *)(guest->tx_page + offsetof(struct netif_tx_sring, ring)) + index % RING_SLOTS;
}

static inline union netif_rx_sring_entry *rx_slot(struct guest *guest, uint32_t index)
{
	return (union netif_rx_sring_entry *)(void *)(guest->rx_page + offsetof(struct netif_rx_sring, ring)) + index % RING_SLOTS;
}

static struct guest *the_guest; /* whose pages grants name */

/* Stands in for the hypervisor. */
int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segs)
{
	for (uint32_t i = 0; i < count; i++) {
		bool from = segs[i].flags & GNTCOPY_source_gref;
		uint32_t ref = from ? segs[i].source.foreign.ref : segs[i].dest.foreign.ref;
		unsigned offset = from ? segs[i].source.foreign.offset : segs[i].dest.foreign.offset;

		segs[i].status = GNTST_okay;
		if (ref >= GUEST_PAGES || offset + segs[i].len > VIF_PAGE)
			segs[i].status = GNTST_bad_gntref;
		else if (from)
			memcpy(segs[i].dest.virt, the_guest->pages[ref] + offset, segs[i].len);
		else
			memcpy(the_guest->pages[ref] + offset, segs[i].source.virt, segs[i].len);
	}
	return 0;
}

static inline struct guest *guest_new(void)
{
	struct guest *guest = mmap(NULL, sizeof(*guest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	guest->tx.req_event = guest->tx.rsp_event = guest->rx.req_event = guest->rx.rsp_event = 1;
	return guest;
}

static inline struct queue queue_of(struct guest *guest, int tap)
{
	struct queue q = {.domid = 32, .tap = tap, .sg = true};

	the_guest = guest;
	if (queue_attach(&q, guest->tx_page, guest->rx_page) < 0)
		q.tap = -1;
	return q;
}

/* A TAP device: messages go in at one end and come out whole at the other. */
static inline void tap_pair(int tap[2])
{
	int size = 1 << 20;

	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, tap);
	setsockopt(tap[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(tap[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}


/* A fragment's request, with an identifier that is free. */
static inline netif_tx_request_t *guest_tx(struct guest *guest, uint16_t offset, uint16_t size, uint16_t flags)
{
	netif_tx_request_t *request = &tx_slot(guest, guest->tx_prod++)->req;
	uint16_t id = 0;

	while (guest->tx_id[id])
		id++;
	guest->tx_id[id] = 1;
	*request = (netif_tx_request_t){.gref = TX_FIRST_REF + (uint32_t)id, .offset = offset, .flags = flags, .id = id, .size = size};
	return request;
}

static inline netif_extra_info_t *guest_tx_gso(struct guest *guest, uint16_t size)
{
	netif_extra_info_t *extra = (void *)tx_slot(guest, guest->tx_prod++);

	*extra = (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO, .u.gso.size = size, .u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4};
	return extra;
}

static inline void guest_tx_push(struct guest *guest)
{
	guest->tx.req_prod = guest->tx_prod;
}

/* Takes the answers as netfront does; each that was not asked for is wrong. Returns how many there were. */
static inline unsigned guest_tx_answers(struct guest *guest)
{
	unsigned count = 0;

	for (; guest->tx_cons != guest->tx.rsp_prod; guest->tx_cons++) {
		netif_tx_response_t response = tx_slot(guest, guest->tx_cons)->rsp;

		count++;
		if (response.status == NETIF_RSP_NULL)
			continue;
		if (response.id >= RING_SLOTS || !guest->tx_id[response.id])
			guest->wrong++;
		else
			guest->tx_id[response.id] = 0;
	}
	return count;
}

static inline unsigned guest_tx_waiting(const struct guest *guest)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RING_SLOTS; i++)
		n += guest->tx_id[i];
	return n;
}

static inline void guest_rx_post(struct guest *guest, unsigned count)
{
	while (count--) {
		unsigned slot = guest->rx_prod++ % RING_SLOTS;

		rx_slot(guest, slot)->req = (netif_rx_request_t){.id = (uint16_t)slot, .gref = RX_FIRST_REF + slot};
	}
	guest->rx.req_prod = guest->rx_prod;
}

struct received {
	int size; /* -1: an error */
	unsigned slots;
	uint16_t flags, gso_size;
	uint8_t data[RX_PACKET_MAX];
};

static inline const union netif_rx_sring_entry *guest_rx_slot(struct guest *guest, struct received *p)
{
	p->slots++;
	guest->wrong += guest->rx_cons == guest->rx.rsp_prod; /* the packet goes on in a slot that is not published */
	return rx_slot(guest, guest->rx_cons++);
}

/* Takes one packet; false if there is none. What is not a whole packet is wrong. */
static inline bool guest_rx(struct guest *guest, struct received *p)
{
	uint16_t flags = NETRXF_more_data;

	if (guest->rx_cons == guest->rx.rsp_prod)
		return false;
	memset(p, 0, offsetof(struct received, data));
	while (flags & NETRXF_more_data) {
		unsigned slot = guest->rx_cons % RING_SLOTS;
		netif_rx_response_t response = guest_rx_slot(guest, p)->rsp;

		if (response.status < 0) {
			guest->wrong += p->slots != 1;
			p->size = -1;
			return true;
		}
		flags = response.flags;
		guest->wrong += response.id != slot || response.offset + response.status > VIF_PAGE;
		memcpy(p->data + p->size, guest->pages[RX_FIRST_REF + slot] + response.offset, (size_t)response.status);
		p->size += response.status;
		if (p->slots == 1) {
			p->flags = flags;
			if (flags & NETRXF_extra_info)
				p->gso_size = ((const netif_extra_info_t *)(const void *)guest_rx_slot(guest, p))->u.gso.size;
		}
	}
	return true;
}

#endif
