/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What guests transmit (netif.h, "Guest transmit"): packets from the requests in a ring, and their answers. Pure.
 *
 * A packet takes several slots: its first fragment, extra infos, more fragments. All its answers are written, then published at
 * once (ring_begin(), ring_end()), so that a successor begins at a packet's first slot. Answers lie over the fragments' grant
 * references and leave the rest of the requests whole: a successor can tell what a half answered packet was.
 */
#ifndef ATOLL_DRIVER_DOMAINS_VIF_TX_H
#define ATOLL_DRIVER_DOMAINS_VIF_TX_H

#include "pv/ring.h" /* before Xen's headers, which rely on others for the integer types */

#include <xen/grant_table.h>
#include <xen/io/netif.h>

#define VIF_PAGE 4096
#define TX_FRAGS_MAX 18   /* netif.h: what every backend takes */
#define TX_FRAGS_FATAL 20 /* as Linux's netback: packets of up to so many are dropped, one with more stops the vif */
#define TX_EXTRAS_MAX (XEN_NETIF_EXTRA_TYPE_MAX - 1)
#define TX_SLOTS_MAX (TX_FRAGS_FATAL + TX_EXTRAS_MAX)
#define PACKET_MIN 14 /* an Ethernet header */

struct tx_frag {
	uint32_t gref;
	uint16_t offset, size;
};

struct tx_packet {
	unsigned slots;		     /* in the ring, extra infos included */
	unsigned extras;	     /* they are in the slots after the first */
	uint16_t id[TX_FRAGS_FATAL]; /* of the fragments' requests */
	struct tx_frag frags[TX_FRAGS_MAX];
	unsigned frag_count; /* more than TX_FRAGS_MAX only in a bad one */
	unsigned size;	     /* of the whole packet, in bytes */
	uint16_t flags;	     /* NETTXF_* */
	uint16_t gso_size;   /* 0: none */
	uint8_t gso_type;    /* XEN_NETIF_GSO_TYPE_* */
	bool done;	     /* a predecessor has sent it and began to answer: only to be answered */
	bool bad;	     /* to be dropped, and answered with an error */
};

/* Takes the next packet from RING, which has AVAILABLE requests, at least 1. DONE: see above. 0; -EPROTO, with *WHY, for a frontend
 * that is to be stopped. */
int tx_take(struct ring *ring, unsigned available, bool done, struct tx_packet *packet, const char **why);

/* Answers PACKET, the first one taken and not answered, and publishes it. STATUS is NETIF_RSP_OKAY or _ERROR. */
void tx_answer(struct ring *ring, const struct tx_packet *packet, int16_t status);

#endif
