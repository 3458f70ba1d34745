// SPDX-License-Identifier: LGPL-2.1-or-later
/* Checksum and segmentation offload between netif.h and virtio_net_hdr. */
#include <errno.h>
#include <string.h>

#include "tap.h"
#include "vif/offload.h"

static const uint8_t ipv4_tcp[] = {
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x46, 0, 0, 64, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 1,
	/* TCP with 4 bytes of options */ 0, 80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 16, 1, 0, 0xaa, 0xaa, 0, 0, 1, 1, 1, 1, 'd', 'a', 't', 'a'};

static const uint8_t ipv6_udp[] = {
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 0, 64, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, /* hop-by-hop */ 17, 0, 1, 4, 0, 0, 0, 0, /* UDP */ 0, 53, 0, 53, 0, 16, 0xbb, 0xbb,
	1, 2, 3, 4, 5, 6, 7, 8};

static int translate(const uint8_t *bytes, size_t size, struct tx_packet p, struct virtio_net_hdr *out, uint8_t *head)
{
	memcpy(head, bytes, size);
	p.size = (unsigned)size;
	return offload_from_guest(&p, head, size, out);
}

static void test_from_guest(void)
{
	struct tx_packet blank = {.flags = NETTXF_csum_blank}, plain = {.flags = NETTXF_data_validated};
	struct tx_packet gso = {.flags = NETTXF_csum_blank, .gso_type = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1448}, raw = gso, six = gso;
	struct virtio_net_hdr h;
	uint8_t head[OFFLOAD_HEAD_MAX], bad[sizeof(ipv4_tcp)];
	unsigned refused = 0;

	ok(translate(ipv4_tcp, sizeof(ipv4_tcp), plain, &h, head) == 0 && h.flags == VIRTIO_NET_HDR_F_DATA_VALID && !h.gso_type,
	   "a packet with a valid checksum is said to be so");
	ok(translate(ipv4_tcp, sizeof(ipv4_tcp), blank, &h, head) == 0 && h.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM && h.csum_start == 38 &&
	   h.csum_offset == 16, "a blank checksum is found behind IPv4 options");
	ok(translate(ipv6_udp, sizeof(ipv6_udp), blank, &h, head) == 0 && h.csum_start == 62 && h.csum_offset == 6,
	   "and behind an extension header of IPv6");
	ok(translate(ipv4_tcp, sizeof(ipv4_tcp), gso, &h, head) == 0 && h.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && h.gso_size == 1448 &&
	   h.hdr_len == 62 && head[54] == 0xaa, "segmentation has the headers' length, with TCP options");
	raw.flags = 0;
	ok(translate(ipv4_tcp, sizeof(ipv4_tcp), raw, &h, head) == 0 && h.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	   (head[54] << 8 | head[55]) == 0x1400 + 3 + 6 + (int)sizeof(ipv4_tcp) - 38,
	   "segmentation without a blank checksum: the sum of the pseudo header is put there");
	six.gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
	ok(translate(ipv4_tcp, sizeof(ipv4_tcp), six, &h, head) == -EPROTO, "segmentation of the other protocol is refused");
	ok(translate(ipv6_udp, sizeof(ipv6_udp), six, &h, head) == -EPROTO, "and of UDP");
	memcpy(bad, ipv4_tcp, sizeof(bad));
	bad[20] = 0x20;
	ok(translate(bad, sizeof(bad), blank, &h, head) == -EPROTO, "an IP fragment has no checksum to fill in");
	for (size_t size = 0; size < 58; size++)
		refused += translate(ipv4_tcp, size, blank, &h, head) == -EPROTO;
	ok(refused == 58, "what ends before the TCP header does is refused");
	memcpy(bad, ipv4_tcp, sizeof(bad));
	bad[50] = 0xf0;
	ok(translate(bad, sizeof(bad), gso, &h, head) == -EPROTO, "a TCP header longer than what there is, too");
}

static void test_to_guest(void)
{
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 1200};
	struct rx_offload o;

	ok(offload_to_guest(&h, &o) == 0 && o.flags == (NETRXF_csum_blank | NETRXF_data_validated) && o.gso_size == 1200 &&
	   o.gso_type == XEN_NETIF_GSO_TYPE_TCPV6, "a guest is told of a blank checksum and of segments");
	h = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_DATA_VALID};
	ok(offload_to_guest(&h, &o) == 0 && o.flags == NETRXF_data_validated && !o.gso_type, "and of a valid checksum");
	h = (struct virtio_net_hdr){0};
	ok(offload_to_guest(&h, &o) == 0 && !o.flags, "or of nothing");
	h = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 1};
	ok(offload_to_guest(&h, &o) == -EPROTO, "segments that netif has no word for are refused");
}

int main(void)
{
	test_from_guest();
	test_to_guest();
	return plan_done();
}
