/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checksums and segmentation that are left to the other side: how netif.h says it, and how struct virtio_net_hdr does, which
 * TAP devices speak. netif only says that the TCP or UDP checksum is blank; virtio says where it begins and where it belongs, so
 * the packet's headers are parsed. Pure.
 */
#ifndef ATOLL_DRIVER_DOMAINS_VIF_OFFLOAD_H
#define ATOLL_DRIVER_DOMAINS_VIF_OFFLOAD_H

#include <linux/virtio_net.h>
#include <stddef.h>

#include "vif/tx.h"

/* As much of a packet as is looked at: Ethernet, IPv6 with a few extension headers, TCP with options. */
#define OFFLOAD_HEAD_MAX 256

/* For a packet that a guest sent, whose first LEN bytes are in HEAD (at most OFFLOAD_HEAD_MAX are needed; a missing pseudo
 * header checksum is written there). 0, or -EPROTO if the packet is not what its flags say: it is dropped. */
int offload_from_guest(const struct tx_packet *packet, uint8_t *head, size_t len, struct virtio_net_hdr *out);

struct rx_offload {
	uint16_t flags; /* NETRXF_csum_blank, NETRXF_data_validated */
	uint16_t gso_size; /* 0: none */
	uint8_t gso_type;
};

/* For a packet that a guest receives. 0, or -EPROTO for segmentation that it cannot be told. */
int offload_to_guest(const struct virtio_net_hdr *hdr, struct rx_offload *out);

#endif
