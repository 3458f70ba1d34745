// SPDX-License-Identifier: LGPL-2.1-or-later
/* Packets from a guest's transmit ring, honest and hostile, and a queue's life with guests of both kinds. */
#include <fcntl.h>

#include "tap.h"
#include "vif-guest.h"

static struct queue_io io;
static int tap[2];

struct fixture {
	struct guest *guest;
	struct queue q;
};

static struct fixture begin(void)
{
	struct fixture f = {.guest = guest_new()};

	f.q = queue_of(f.guest, tap[0]);
	return f;
}

static void end(struct fixture *f)
{
	static uint8_t rest[RX_PACKET_MAX];

	while (read(tap[1], rest, sizeof(rest)) > 0 || read(tap[0], rest, sizeof(rest)) > 0)
		;
	queue_detach(&f->q);
	munmap(f->guest, sizeof(*f->guest));
}

static int serve(struct fixture *f, const char **why)
{
	guest_tx_push(f->guest);
	*why = "";
	return queue_serve_tx(&f->q, &io, why);
}

/* The size of the next packet on the wire, or -1. */
static int wire(void)
{
	static uint8_t packet[RX_PACKET_MAX];
	ssize_t n = read(tap[1], packet, sizeof(packet));

	return n < 0 ? -1 : (int)n - (int)sizeof(struct virtio_net_hdr);
}

static void test_honest(void)
{
	struct fixture f = begin();
	const char *why;
	int r;

	guest_tx(f.guest, 0, 60, 0);
	guest_tx(f.guest, 100, 65000, NETTXF_more_data);
	for (unsigned i = 0; i < 15; i++)
		guest_tx(f.guest, 0, 4096, NETTXF_more_data);
	guest_tx(f.guest, 96, 4000 - 440, 0);
	guest_tx(f.guest, 4095, 1, 0);
	r = serve(&f, &why);
	ok(r == QUEUE_NOTIFY, "a guest that asked is notified, and nothing is left to do");
	ok(wire() == 60 && wire() == 65000 && wire() == -1, "a small and a large packet are sent, one without a header is not");
	ok(guest_tx_answers(f.guest) == 19 && !guest_tx_waiting(f.guest) && !f.guest->wrong, "each request is answered once");
	ok(f.q.tx_dropped == 1, "what was dropped is counted");
	guest_tx(f.guest, 0, 60, 0)->gref = GUEST_PAGES + 1;
	guest_tx(f.guest, 0, 60, 0);
	r = serve(&f, &why);
	ok(r >= 0 && wire() == 60 && wire() == -1 && guest_tx_answers(f.guest) == 2, "a bad grant costs its packet, and only that");
	end(&f);
}

static void test_batches(void)
{
	struct fixture f = begin();
	const char *why;
	unsigned batches = 1, packets = 0;

	for (unsigned i = 0; i < RING_SLOTS; i++)
		guest_tx(f.guest, 0, 60, 0);
	for (int r = serve(&f, &why); r > 0 && r & QUEUE_MORE; r = serve(&f, &why), batches++)
		while (wire() == 60)
			packets++;
	while (wire() == 60)
		packets++;
	ok(batches == RING_SLOTS / QUEUE_BATCH && packets == RING_SLOTS, "a full ring is served in %u batches", batches);
	ok(guest_tx_answers(f.guest) == RING_SLOTS && !f.guest->wrong, "and answered once");
	end(&f);
}

struct hostile {
	const char *sentence;
	void (*prepare)(struct guest *guest);
};

static void endless_extras(struct guest *guest)
{
	guest_tx(guest, 0, 100, NETTXF_extra_info);
	for (unsigned i = 0; i < 20; i++)
		guest_tx_gso(guest, 1000)->flags = XEN_NETIF_EXTRA_FLAG_MORE;
}

static void missing_extra(struct guest *guest)
{
	guest_tx(guest, 0, 100, NETTXF_extra_info);
}

static void unknown_extra(struct guest *guest)
{
	guest_tx(guest, 0, 100, NETTXF_extra_info);
	guest_tx_gso(guest, 1000)->type = XEN_NETIF_EXTRA_TYPE_MAX;
}

static void zero_segments(struct guest *guest)
{
	guest_tx(guest, 0, 100, NETTXF_extra_info);
	guest_tx_gso(guest, 0);
}

static void unknown_segments(struct guest *guest)
{
	guest_tx(guest, 0, 100, NETTXF_extra_info);
	guest_tx_gso(guest, 1000)->u.gso.type = 77;
}

static void past_page(struct guest *guest)
{
	guest_tx(guest, 4000, 97, 0);
}

static void second_past_page(struct guest *guest)
{
	guest_tx(guest, 0, 1000, NETTXF_more_data);
	guest_tx(guest, 65535, 65535, 0);
}

static void no_end(struct guest *guest)
{
	guest_tx(guest, 0, 1000, NETTXF_more_data);
	guest_tx(guest, 0, 100, NETTXF_more_data);
}

static void too_many(struct guest *guest)
{
	guest_tx(guest, 0, 60000, NETTXF_more_data);
	for (unsigned i = 0; i < TX_FRAGS_FATAL; i++)
		guest_tx(guest, 0, 1, NETTXF_more_data);
	guest_tx(guest, 0, 1, 0);
}

static void too_many_requests(struct guest *guest)
{
	guest->tx_prod += RING_SLOTS + 1;
}

static void backwards(struct guest *guest)
{
	guest->tx_prod -= 1;
}

static void test_hostile(void)
{
	static const struct hostile cases[] = {
		{"endless extra infos", endless_extras},     {"an extra info that is not there", missing_extra},
		{"an unknown extra info", unknown_extra},    {"segments of no size", zero_segments},
		{"segments of no kind", unknown_segments},   {"a fragment past its page", past_page},
		{"a later fragment past its page", second_past_page}, {"a packet without an end", no_end},
		{"a packet of too many slots", too_many},    {"more requests than the ring has", too_many_requests},
		{"an index that goes back", backwards},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = begin();
		const char *why;
		int r;

		cases[i].prepare(f.guest);
		r = serve(&f, &why);
		ok(r == -EPROTO && why[0] && wire() == -1, "%s: the vif is stopped: %s", cases[i].sentence, why);
		end(&f);
	}
}

/* Lies about lengths, and what Linux's netback drops without stopping the vif. */
static void test_lies(void)
{
	struct fixture f = begin();
	const char *why;

	guest_tx(f.guest, 0, 100, NETTXF_more_data);
	guest_tx(f.guest, 0, 200, 0);
	guest_tx(f.guest, 0, 1000, NETTXF_more_data);
	for (unsigned i = 0; i < TX_FRAGS_MAX; i++)
		guest_tx(f.guest, 0, 1, i + 1 < TX_FRAGS_MAX ? NETTXF_more_data : 0);
	guest_tx(f.guest, 0, 60, NETTXF_csum_blank);
	guest_tx(f.guest, 0, 60, NETTXF_extra_info);
	guest_tx_gso(f.guest, 1000);
	guest_tx(f.guest, 0, 70, 0);
	ok(serve(&f, &why) >= 0 && f.q.tx_dropped == 4, "fragments that exceed the packet, one slot too many, a checksum and segments of "
	   "no protocol cost the packet");
	ok(wire() == 70 && wire() == -1, "the next packet is sent");
	ok(guest_tx_answers(f.guest) == 25 && !guest_tx_waiting(f.guest) && !f.guest->wrong, "and all are answered");
	end(&f);
}

static void test_no_slots(void)
{
	struct fixture f = begin();
	const char *why;
	static struct received p;
	uint8_t packet[100] = {0};

	f.guest->rx_prod = 5; /* not posted in the ring */
	f.guest->rx.req_prod = 5;
	if (write(tap[1], packet, sizeof(packet)) < 0)
		perror("write");
	ok(queue_serve_rx(&f.q, &io, &why) == QUEUE_STARVED && f.guest->rx.req_event == RX_SLOTS_MAX,
	   "without slots for the largest packet none is read, and the guest is asked to notify");
	queue_drain(&f.q, &io);
	ok(f.q.rx_dropped == 1, "what is drained is counted");
	f.guest->rx_prod = 0;
	guest_rx_post(f.guest, 30);
	rx_slot(f.guest, 0)->req.gref = GUEST_PAGES;
	for (unsigned i = 0; i < 2; i++)
		if (write(tap[1], packet, sizeof(packet)) < 0)
			perror("write");
	ok(queue_serve_rx(&f.q, &io, &why) == QUEUE_NOTIFY, "with slots they are");
	ok(guest_rx(f.guest, &p) && p.size == -1 && guest_rx(f.guest, &p) && p.size == 90 && !f.guest->wrong,
	   "a bad grant costs its packet, which is an error; the next one arrives");
	f.guest->rx.req_prod += RING_SLOTS;
	ok(queue_serve_rx(&f.q, &io, &why) == -EPROTO, "impossible indexes stop the vif");
	end(&f);
}

int main(void)
{
	queue_io_init(&io);
	tap_pair(tap);
	test_honest();
	test_batches();
	test_hostile();
	test_lies();
	test_no_slots();
	queue_io_fini(&io);
	return plan_done();
}
