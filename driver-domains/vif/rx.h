/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What guests receive (netif.h, "Guest receive"): a packet takes as many requests as it has pages, and one more for the extra info
 * of segmentation offload, which is the second. Frontends tell responses by their slots, so they are in the order of the requests. Pure.
 */
#ifndef ATOLL_DRIVER_DOMAINS_VIF_RX_H
#define ATOLL_DRIVER_DOMAINS_VIF_RX_H

#include "vif/offload.h"

#define RX_PACKET_MAX 65600 /* what a TAP device hands out at most: 64 KiB, an Ethernet header, a VLAN tag */
#define RX_SLOTS_MAX ((RX_PACKET_MAX + VIF_PAGE - 1) / VIF_PAGE + 1)

struct rx_packet {
	unsigned slots, frag_count;
	size_t size;
	struct rx_offload offload;
	uint32_t gref[RX_SLOTS_MAX]; /* a page for each fragment */
	bool failed;
};

/* Slots for a packet of SIZE bytes. */
unsigned rx_slots(size_t size, bool gso);

/* Takes the requests for PACKET, whose size and offload are set; the ring has enough of them. */
void rx_take(struct ring *ring, struct rx_packet *packet);

/* Answers and publishes the first packet taken and not answered; one that failed with errors. */
void rx_answer(struct ring *ring, const struct rx_packet *packet);

#endif
