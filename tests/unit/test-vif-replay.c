// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A vif's backend may die between any two instructions, and its successor goes on: the backend runs as a traced child, one
 * instruction at a time, and from each state of the shared memory that it passes through a successor is started.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tap.h"
#include "vif-guest.h"

#define STATES_MAX 2000

/* Pages are written before what names them is published, and not again: those of the end fit each state. */
struct state {
	uint8_t rings[offsetof(struct guest, pages)];
	unsigned sent; /* packets that were on the wire */
};

struct wire {
	unsigned count;
	uint8_t tag[200]; /* of each packet: its first byte; 0: not as it was sent */
};

static struct state *states;
static unsigned state_count;
static struct queue_io io, child_io;

/* A packet's bytes are a row from its tag on. */
static void fill(uint8_t *data, size_t size, uint8_t tag)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(tag + i);
	data[12] = data[13] = 0xff; /* no protocol that is looked into */
}

static bool as_sent(const uint8_t *data, size_t size)
{
	static uint8_t expected[RX_PACKET_MAX];

	fill(expected, size, data[0]);
	return !memcmp(expected, data, size);
}

/* Reads what is on the wire behind the TAP. */
static void read_wire(int tap, struct wire *wire)
{
	static uint8_t packet[RX_PACKET_MAX + sizeof(struct virtio_net_hdr)];
	uint8_t *data = packet + sizeof(struct virtio_net_hdr);
	ssize_t n;

	while ((n = read(tap, packet, sizeof(packet))) > (ssize_t)sizeof(struct virtio_net_hdr) && wire->count < sizeof(wire->tag))
		wire->tag[wire->count++] = as_sent(data, (size_t)n - sizeof(struct virtio_net_hdr)) ? data[0] : 0;
}

/* Puts a packet of COUNT fragments into pages and the ring. */
static void transmit(struct guest *guest, uint8_t tag, unsigned count, bool extra)
{
	uint16_t total = (uint16_t)(100 * count), first_flags = (uint16_t)((count > 1 ? NETTXF_more_data : 0) | (extra ? NETTXF_extra_info : 0));
	uint8_t data[2000];

	fill(data, total, tag);
	for (unsigned i = 0; i < count; i++) {
		netif_tx_request_t *request = guest_tx(guest, (uint16_t)(i * 8), i ? 100 : total,
						       i ? (i + 1 < count ? NETTXF_more_data : 0) : first_flags);

		memcpy(guest->pages[request->gref] + i * 8, data + i * 100, 100);
		if (i == 0 && extra) /* a kind that changes nothing in the packet */
			guest_tx_gso(guest, 1)->type = XEN_NETIF_EXTRA_TYPE_HASH;
	}
}

/* Runs FN in a child and keeps each state of GUEST; false if this machine does not let us trace. */
static bool step_through(struct guest *guest, int wire_tap, struct wire *wire, void (*fn)(struct guest *guest))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		raise(SIGSTOP);
		fn(guest);
		_exit(0);
	}
	state_count = 0;
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return false;
	while (WIFSTOPPED(status)) {
		if (!state_count || memcmp(states[state_count - 1].rings, guest, sizeof(states->rings)) != 0) {
			read_wire(wire_tap, wire);
			memcpy(states[state_count].rings, guest, sizeof(states->rings));
			states[state_count++].sent = wire->count;
		}
		if (state_count == STATES_MAX || ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0 || waitpid(child, &status, 0) != child) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return false;
		}
	}
	read_wire(wire_tap, wire);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int tap[2];

static void child_tx(struct guest *guest)
{
	struct queue q = queue_of(guest, tap[0]);
	const char *why;

	while (queue_serve_tx(&q, &child_io, &why) & QUEUE_MORE)
		;
}

static struct guest *restore(const struct guest *end, const struct state *state)
{
	static struct guest *guest;

	if (!guest)
		guest = guest_new();
	*guest = *end;
	memcpy(guest, state->rings, sizeof(state->rings));
	return guest;
}

/* All that a successor leaves behind: each packet was on the wire, each request was answered once. */
static bool successor_tx_right(const struct guest *end, const struct state *state, const struct wire *before, unsigned packets)
{
	struct guest *guest = restore(end, state);
	struct wire wire = *before;
	const char *why;
	struct queue q;
	bool seen[256] = {0}, right;
	int r;

	guest_tx_answers(guest); /* what was published before the death, and the guest goes on */
	transmit(guest, 200, 1, false);
	transmit(guest, 201, 3, false);
	guest_tx_push(guest);
	q = queue_of(guest, tap[0]);
	wire.count = state->sent;
	do
		r = queue_serve_tx(&q, &io, &why);
	while (r > 0 && r & QUEUE_MORE);
	read_wire(tap[1], &wire);
	guest_tx_answers(guest);
	for (unsigned i = 0; i < wire.count; i++)
		seen[wire.tag[i]] = true;
	right = r >= 0 && !guest->wrong && !guest_tx_waiting(guest) && !seen[0] && seen[200] && seen[201];
	for (unsigned i = 1; i <= packets; i++)
		right = right && seen[i];
	queue_detach(&q);
	return right;
}

static void test_tx(void)
{
	struct guest *guest = guest_new();
	struct wire wire = {0};
	unsigned right = 0;

	for (unsigned lap = 0; lap < 250; lap++) /* so that the ring's end is passed */
		guest->tx_prod++;
	guest->tx_cons = guest->tx.rsp_prod = guest->tx.req_prod = guest->tx_prod;
	transmit(guest, 1, 1, false);
	transmit(guest, 2, 4, true);
	transmit(guest, 3, 1, true);
	transmit(guest, 4, 3, false);
	transmit(guest, 5, 1, false);
	guest_tx_push(guest);
	if (!step_through(guest, tap[1], &wire, child_tx)) {
		ok(true, "transmit # SKIP no tracing here");
		return;
	}
	ok(state_count > 15 && wire.count == 5, "the backend passed through %u states of the ring, and sent %u packets", state_count, wire.count);
	for (unsigned i = 0; i < state_count; i++)
		right += successor_tx_right(guest, &states[i], &wire, 5);
	ok(right == state_count, "from each of them a successor answers each request once and sends each packet whole (%u of %u)", right,
	   state_count);
}

static void send_to_guest(uint8_t tag, size_t size, uint16_t gso_size)
{
	static struct {
		struct virtio_net_hdr hdr;
		uint8_t data[20000];
	} packet;

	packet.hdr = (struct virtio_net_hdr){.gso_type = gso_size ? VIRTIO_NET_HDR_GSO_TCPV4 : 0, .gso_size = gso_size};
	fill(packet.data, size, tag);
	if (write(tap[1], &packet, sizeof(packet.hdr) + size) < 0)
		perror("write");
}

static void child_rx(struct guest *guest)
{
	struct queue q = queue_of(guest, tap[0]);
	const char *why;

	queue_serve_rx(&q, &child_io, &why);
}

/* The guest gets each packet at most once and whole, the last ones for sure, and all its slots back. */
static bool successor_rx_right(const struct guest *end, const struct state *state)
{
	struct guest *guest = restore(end, state);
	static struct received packet;
	unsigned count[256] = {0}, errors = 0;
	const char *why;
	struct queue q;
	bool right = true;

	while (guest_rx(guest, &packet) && packet.size > 0)
		count[as_sent(packet.data, (size_t)packet.size) ? packet.data[0] : 0]++;
	guest_rx_post(guest, RING_SLOTS - (guest->rx_prod - guest->rx_cons));
	q = queue_of(guest, tap[0]);
	send_to_guest(100, 5000, 1000);
	send_to_guest(101, 60, 0);
	if (queue_serve_rx(&q, &io, &why) < 0)
		right = false;
	while (guest_rx(guest, &packet)) {
		if (packet.size < 0)
			errors++;
		else
			count[as_sent(packet.data, (size_t)packet.size) ? packet.data[0] : 0]++;
	}
	for (unsigned i = 1; i < 256; i++)
		right = right && count[i] <= 1;
	queue_detach(&q);
	return right && !guest->wrong && !count[0] && count[100] == 1 && count[101] == 1 && errors <= RX_SLOTS_MAX &&
	       guest->rx_prod - guest->rx_cons + guest->rx.rsp_prod == guest->rx_prod;
}

static void test_rx(void)
{
	struct guest *guest = guest_new();
	struct wire wire = {0};
	unsigned right = 0;

	guest->rx_prod = guest->rx_cons = guest->rx.rsp_prod = 250;
	guest_rx_post(guest, 100);
	send_to_guest(1, 60, 0);
	send_to_guest(2, 9000, 1400);
	send_to_guest(3, 4097, 0);
	send_to_guest(4, 1500, 700);
	if (!step_through(guest, tap[1], &wire, child_rx)) {
		ok(true, "receive # SKIP no tracing here");
		return;
	}
	ok(state_count > 20, "the backend passed through %u states of the ring", state_count);
	for (unsigned i = 0; i < state_count; i++)
		right += successor_rx_right(guest, &states[i]);
	ok(right == state_count, "from each of them a successor goes on, and no packet is doubled, mixed or cut (%u of %u)", right, state_count);
}

int main(void)
{
	states = calloc(STATES_MAX, sizeof(*states));
	queue_io_init(&io);
	queue_io_init(&child_io);
	tap_pair(tap);
	test_tx();
	test_rx();
	free(states);
	queue_io_fini(&io);
	queue_io_fini(&child_io);
	return plan_done();
}
