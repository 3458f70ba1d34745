// SPDX-License-Identifier: LGPL-2.1-or-later
/* Checksum and segmentation offload between netif.h and virtio_net_hdr. */
#include "vif/offload.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/util.h"

#define ETHERNET 14
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define IPV4_FRAGMENT 0x3fff /* more fragments, or an offset */
#define IPV6_HEADERS_MAX 8
#define TCP_CHECKSUM 16
#define UDP_CHECKSUM 6

struct headers {
	size_t transport; /* where TCP or UDP begins */
	uint8_t protocol;
	bool ipv6;
};

static unsigned read16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static int parse_ipv4(const uint8_t *head, size_t len, struct headers *h)
{
	const uint8_t *ip = head + ETHERNET;
	size_t size;

	if (len < ETHERNET + 20 || ip[0] >> 4 != 4 || read16(ip + 6) & IPV4_FRAGMENT)
		return -EPROTO;
	size = (ip[0] & 15u) * 4u;
	h->protocol = ip[9];
	h->transport = ETHERNET + size;
	return size < 20 || h->transport > len ? -EPROTO : 0;
}

static int parse_ipv6(const uint8_t *head, size_t len, struct headers *h)
{
	size_t at = ETHERNET + 40;

	if (len < at || head[ETHERNET] >> 4 != 6)
		return -EPROTO;
	h->protocol = head[ETHERNET + 6];
	h->ipv6 = true;
	for (unsigned i = 0; i < IPV6_HEADERS_MAX; i++) {
		bool options = h->protocol == IPPROTO_HOPOPTS || h->protocol == IPPROTO_ROUTING || h->protocol == IPPROTO_DSTOPTS;

		if (!options) {
			h->transport = at;
			return at > len ? -EPROTO : 0;
		}
		if (at + 8 > len)
			return -EPROTO;
		h->protocol = head[at];
		at += 8 + head[at + 1] * 8u;
	}
	return -EPROTO;
}

static int parse_headers(const uint8_t *head, size_t len, struct headers *h)
{
	if (len < ETHERNET)
		return -EPROTO;
	switch (read16(head + 12)) {
	case TYPE_IPV4:
		return parse_ipv4(head, len, h);
	case TYPE_IPV6:
		return parse_ipv6(head, len, h);
	}
	return -EPROTO;
}

/* Frontends that leave the checksum to us without saying so have not prepared it either: the sum over the pseudo header. */
static void put_pseudo_sum(uint8_t *head, const struct headers *h, size_t packet_size)
{
	const uint8_t *addresses = head + ETHERNET + (h->ipv6 ? 8 : 12);
	uint32_t sum = h->protocol + (uint32_t)(packet_size - h->transport);

	for (unsigned i = 0; i < (h->ipv6 ? 32u : 8u); i += 2)
		sum += read16(addresses + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	head[h->transport + TCP_CHECKSUM] = (uint8_t)(sum >> 8);
	head[h->transport + TCP_CHECKSUM + 1] = (uint8_t)sum;
}

static int set_gso(const struct tx_packet *p, uint8_t *head, size_t len, const struct headers *h, struct virtio_net_hdr *out)
{
	size_t tcp;

	if (h->protocol != IPPROTO_TCP || h->ipv6 != (p->gso_type == XEN_NETIF_GSO_TYPE_TCPV6) || h->transport + 20 > len)
		return -EPROTO;
	tcp = (head[h->transport + 12] >> 4) * 4u;
	if (tcp < 20 || h->transport + tcp > len)
		return -EPROTO;
	out->gso_type = h->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	out->gso_size = p->gso_size;
	out->hdr_len = (uint16_t)(h->transport + tcp);
	if (!(p->flags & NETTXF_csum_blank))
		put_pseudo_sum(head, h, p->size);
	return 0;
}

int offload_from_guest(const struct tx_packet *p, uint8_t *head, size_t len, struct virtio_net_hdr *out)
{
	struct headers h = {0};

	memset(out, 0, sizeof(*out));
	if (!(p->flags & NETTXF_csum_blank) && !p->gso_type) {
		out->flags = p->flags & NETTXF_data_validated ? VIRTIO_NET_HDR_F_DATA_VALID : 0;
		return 0;
	}
	if (parse_headers(head, len, &h) < 0)
		return -EPROTO;
	if (h.protocol != IPPROTO_TCP && h.protocol != IPPROTO_UDP)
		return -EPROTO;
	out->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	out->csum_start = (uint16_t)h.transport;
	out->csum_offset = h.protocol == IPPROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
	out->hdr_len = (uint16_t)(h.transport + (h.protocol == IPPROTO_TCP ? 20 : 8));
	if (out->hdr_len > len)
		return -EPROTO;
	return p->gso_type ? set_gso(p, head, len, &h, out) : 0;
}

int offload_to_guest(const struct virtio_net_hdr *hdr, struct rx_offload *out)
{
	*out = (struct rx_offload){0};
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		out->flags = NETRXF_csum_blank | NETRXF_data_validated;
	else if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		out->flags = NETRXF_data_validated;
	switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return 0;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		out->gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		out->gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
		break;
	default:
		return -EPROTO;
	}
	out->gso_size = hdr->gso_size;
	return hdr->gso_size ? 0 : -EPROTO;
}
