// SPDX-License-Identifier: LGPL-2.1-or-later
/* One queue of a vif, between a guest's rings and a TAP device. */
#include "vif/queue.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

int queue_io_init(struct queue_io *io)
{
	io->buffer = mmap(NULL, QUEUE_BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (io->buffer != MAP_FAILED)
		return 0;
	io->buffer = NULL;
	return -ENOMEM;
}

void queue_io_fini(struct queue_io *io)
{
	if (io->buffer)
		munmap(io->buffer, QUEUE_BUFFER);
	io->buffer = NULL;
}

static int impossible(const char **why)
{
	*why = "impossible ring indexes";
	return -EPROTO;
}

int queue_attach(struct queue *q, void *tx_page, void *rx_page)
{
	int r = ring_init(&q->tx, tx_page, RING_PAGE, sizeof(union netif_tx_sring_entry));
	int pending;
	struct rx_packet torn = {.failed = true};

	if (r == 0)
		r = ring_init(&q->rx, rx_page, RING_PAGE, sizeof(union netif_rx_sring_entry));
	if (r < 0) {
		queue_detach(q);
		return r;
	}
	q->begun = ring_begun(&q->tx);
	/* Of a packet that was being received only the responses are lost; the guest gets its slots back as errors. */
	pending = ring_pending(&q->rx);
	torn.slots = MIN(ring_begun(&q->rx), (unsigned)MAX(pending, 0));
	q->rx.req_cons += torn.slots;
	if (torn.slots)
		rx_answer(&q->rx, &torn);
	return 0;
}

void queue_detach(struct queue *q)
{
	ring_fini(&q->tx);
	ring_fini(&q->rx);
}

static int copy(struct queue *q, struct queue_io *io, unsigned count)
{
	if (!count || xengnttab_grant_copy(q->grants, count, io->segments) == 0)
		return 0;
	for (unsigned i = 0; i < count; i++)
		io->segments[i].status = GNTST_general_error;
	return -1;
}

/* --- transmit --- */

/* Where the next LEN bytes (at most a page) go in the buffer: not across a page's end, which would make two copies of one. */
static uint8_t *place(struct queue_io *io, size_t *used, size_t len)
{
	if (*used % VIF_PAGE + len > VIF_PAGE)
		*used += VIF_PAGE - *used % VIF_PAGE;
	*used += len;
	return io->buffer + *used - len;
}

static unsigned add_tx_segments(struct queue *q, struct queue_io *io, const struct tx_packet *p, unsigned n, size_t *used)
{
	for (unsigned i = 0; i < p->frag_count; i++) {
		xengnttab_grant_copy_segment_t *s = &io->segments[n++];

		s->source.foreign.ref = p->frags[i].gref;
		s->source.foreign.offset = p->frags[i].offset;
		s->source.foreign.domid = (domid_t)q->domid;
		s->dest.virt = place(io, used, p->frags[i].size);
		s->len = p->frags[i].size;
		s->flags = GNTCOPY_source_gref;
		s->status = GNTST_okay;
	}
	return n;
}

/* Puts a packet together, past the batch. */
static void flatten(struct queue_io *io, struct iovec *iov, int *count)
{
	uint8_t *flat = io->buffer + QUEUE_BUFFER - RX_PACKET_MAX;
	size_t len = 0;

	for (int i = 1; i < *count; i++) {
		memcpy(flat + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	iov[1] = (struct iovec){flat, len};
	*count = 2;
}

/* SEGMENTS are the packet's, copied. True if it was sent or could not be for reasons that are not the guest's. */
static bool send_packet(struct queue *q, struct queue_io *io, const struct tx_packet *p, const xengnttab_grant_copy_segment_t *segments)
{
	struct virtio_net_hdr hdr;
	struct iovec iov[1 + TX_FRAGS_MAX] = {{&hdr, sizeof(hdr)}};
	int count = 1;

	for (unsigned i = 0; i < p->frag_count; i++) {
		if (segments[i].status != GNTST_okay)
			return false;
		iov[count++] = (struct iovec){segments[i].dest.virt, segments[i].len};
	}
	/* The headers of nearly all packets are whole in their first fragment. */
	if (offload_from_guest(p, iov[1].iov_base, iov[1].iov_len, &hdr) < 0) {
		flatten(io, iov, &count);
		if (offload_from_guest(p, iov[1].iov_base, iov[1].iov_len, &hdr) < 0)
			return false;
	}
	if (writev(q->tap, iov, count) < 0)
		q->tx_dropped++;
	return true;
}

int queue_serve_tx(struct queue *q, struct queue_io *io, const char **why)
{
	int pending = ring_pending(&q->tx), r;
	unsigned count = 0, segments = 0, at = 0;
	size_t used = 0, limit = QUEUE_BUFFER - RX_PACKET_MAX - TX_FRAGS_MAX * VIF_PAGE;

	if (pending < 0)
		return impossible(why);
	while (pending > 0 && count < QUEUE_BATCH && used < limit && segments + TX_FRAGS_MAX <= QUEUE_SEGMENTS) {
		struct tx_packet *p = &io->tx[count++];

		r = tx_take(&q->tx, (unsigned)pending, q->begun != 0, p, why);
		if (r < 0)
			return r;
		q->begun = 0;
		pending -= (int)p->slots;
		if (!p->done && !p->bad)
			segments = add_tx_segments(q, io, p, segments, &used);
	}
	copy(q, io, segments);
	for (unsigned i = 0; i < count; i++) {
		struct tx_packet *p = &io->tx[i];

		if (!p->done && !p->bad) {
			p->bad = !send_packet(q, io, p, &io->segments[at]);
			at += p->frag_count;
		}
		q->tx_dropped += p->bad;
		tx_answer(&q->tx, p, p->bad ? NETIF_RSP_ERROR : NETIF_RSP_OKAY);
	}
	r = ring_push(&q->tx) ? QUEUE_NOTIFY : 0;
	return r | (pending > 0 || ring_more(&q->tx) ? QUEUE_MORE : 0);
}

/* --- receive --- */

/* Reads a packet to BUFFER; its size, 0 if it was thrown away, or -EAGAIN. */
static int read_packet(struct queue *q, uint8_t *buffer, struct rx_packet *p)
{
	struct virtio_net_hdr hdr;
	struct iovec iov[] = {{&hdr, sizeof(hdr)}, {buffer, RX_PACKET_MAX}};
	ssize_t n = readv(q->tap, iov, 2);

	if (n < 0)
		return -EAGAIN; /* whatever it was: there is nothing to be had */
	p->size = (size_t)n < sizeof(hdr) ? 0 : (size_t)n - sizeof(hdr);
	if (p->size >= PACKET_MIN && offload_to_guest(&hdr, &p->offload) == 0 &&
	    (q->sg || (p->size <= VIF_PAGE && !p->offload.gso_type)))
		return (int)p->size;
	q->rx_dropped++;
	return 0;
}

static unsigned add_rx_segments(struct queue *q, struct queue_io *io, const struct rx_packet *p, unsigned n, uint8_t *data)
{
	for (unsigned i = 0; i < p->frag_count; i++) {
		xengnttab_grant_copy_segment_t *s = &io->segments[n++];

		s->source.virt = data + i * VIF_PAGE;
		s->dest.foreign.ref = p->gref[i];
		s->dest.foreign.offset = 0;
		s->dest.foreign.domid = (domid_t)q->domid;
		s->len = (uint16_t)MIN(p->size - i * VIF_PAGE, (size_t)VIF_PAGE);
		s->flags = GNTCOPY_dest_gref;
		s->status = GNTST_okay;
	}
	return n;
}

static unsigned needed(const struct queue *q)
{
	return q->sg ? RX_SLOTS_MAX : 1;
}

int queue_serve_rx(struct queue *q, struct queue_io *io, const char **why)
{
	int pending = ring_pending(&q->rx), size, r = 0;
	unsigned count = 0, segments = 0, at = 0;
	size_t used = 0;

	if (pending < 0)
		return impossible(why);
	for (unsigned reads = 0; reads < QUEUE_BATCH && used + RX_PACKET_MAX <= QUEUE_BUFFER; reads++) {
		struct rx_packet *p = &io->rx[count];

		if ((unsigned)pending < needed(q)) {
			r |= QUEUE_STARVED;
			break;
		}
		size = read_packet(q, io->buffer + used, p);
		if (size < 0)
			break;
		if (size == 0)
			continue;
		count++;
		rx_take(&q->rx, p);
		pending -= (int)p->slots;
		segments = add_rx_segments(q, io, p, segments, io->buffer + used);
		used += (size_t)(size + VIF_PAGE - 1) / VIF_PAGE * VIF_PAGE;
	}
	copy(q, io, segments);
	for (unsigned i = 0; i < count; i++) {
		struct rx_packet *p = &io->rx[i];

		for (unsigned frag = 0; frag < p->frag_count; frag++)
			p->failed |= io->segments[at++].status != GNTST_okay;
		q->rx_dropped += p->failed;
		rx_answer(&q->rx, p);
	}
	if (ring_push(&q->rx))
		r |= QUEUE_NOTIFY;
	if (r & QUEUE_STARVED && ring_want(&q->rx, needed(q)))
		r &= ~QUEUE_STARVED;
	return r;
}

void queue_drain(struct queue *q, struct queue_io *io)
{
	struct rx_packet packet;

	for (unsigned i = 0; i < QUEUE_BATCH; i++) {
		int size = read_packet(q, io->buffer, &packet);

		if (size < 0)
			return;
		q->rx_dropped += size > 0;
	}
}
