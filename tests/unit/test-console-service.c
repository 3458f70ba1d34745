// SPDX-License-Identifier: LGPL-2.1-or-later
/* The console service over a fake of backend.h: guests are pages here, the session is a buffer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/service.h"
#include "tap.h"

#define GUESTS 4
#define TX_MAX 16384

static struct service s;
static struct xencons_interface pages[GUESTS], own;
static int opens, closes, notifies;
static bool guest_dead[GUESTS];
static uint8_t tx[TX_MAX];
static size_t tx_len, tx_limit = TX_MAX;

/* What the client has seen. */
static struct {
	uint64_t next[GUESTS], bytes[GUESTS];
	bool in_order, text_right, greeted, open[GUESTS];
	int results, last_error, states, dropped_input;
} seen;
static uint64_t written[GUESTS];

/* ---- the fake ---- */

int backend_open(uint16_t domid, uint32_t port, uint32_t ref, struct xencons_interface **page, uint32_t *local_port)
{
	if (domid >= GUESTS)
		return -ESRCH;
	opens++;
	*page = &pages[domid];
	*local_port = 100u + domid;
	guest_dead[domid] = false;
	return 0;
}

void backend_close(struct xencons_interface *page, uint32_t local_port)
{
	closes++;
}

bool backend_connected(uint16_t domid, uint32_t port, uint32_t local_port)
{
	return domid < GUESTS && !guest_dead[domid];
}

void backend_notify(uint32_t local_port)
{
	notifies++;
}

size_t backend_tx_room(void)
{
	return tx_limit - tx_len;
}

void backend_tx(const void *bytes, size_t len)
{
	memcpy(tx + tx_len, bytes, len);
	tx_len += len;
}

/* ---- guest and client ---- */

static char guest_byte(unsigned int guest, uint64_t offset)
{
	return (char)('!' + (guest * 7 + offset) % 90);
}

/* Writes as much as fits, up to len; returns how much. */
static size_t guest_write(unsigned int guest, size_t len)
{
	struct xencons_interface *r = &pages[guest];
	size_t n = 0;

	while (n < len && r->out_prod - r->out_cons < RING_OUT_SIZE) {
		r->out[r->out_prod++ & (RING_OUT_SIZE - 1)] = guest_byte(guest, written[guest]++);
		n++;
	}
	service_on_event(&s, 100 + guest);
	return n;
}

static void client_send(const struct console_frame *frame)
{
	uint8_t bytes[CONSOLE_FRAME_MAX];
	int n = console_frame_encode(frame, bytes, sizeof(bytes));

	service_rx(&s, bytes, (size_t)n);
}

static void client_ack(unsigned int guest)
{
	client_send(&(struct console_frame){ .type = CONSOLE_ACK, .domid = (uint16_t)guest,
					     .position.offset = seen.next[guest] });
}

static void client_output(const struct console_frame *f)
{
	if (f->position.offset != seen.next[f->domid])
		seen.in_order = false;
	for (size_t i = 0; i < f->data_len; i++)
		if ((char)f->data[i] != guest_byte(f->domid, f->position.offset + i))
			seen.text_right = false;
	seen.next[f->domid] = f->position.offset + f->data_len;
	seen.bytes[f->domid] += f->data_len;
}

static void client_frame(const struct console_frame *f)
{
	switch (f->type) {
	case CONSOLE_HELLO:
		seen.greeted = true;
		break;
	case CONSOLE_CONSOLE:
		seen.states++;
		if (f->domid < GUESTS) {
			seen.open[f->domid] = f->state.open;
			seen.next[f->domid] = f->state.acked;
		}
		break;
	case CONSOLE_OUTPUT:
		if (f->domid < GUESTS)
			client_output(f);
		break;
	case CONSOLE_RESULT:
		seen.results++;
		seen.last_error = f->result.error;
		break;
	case CONSOLE_DROPPED:
		seen.dropped_input += (int)f->dropped.count;
		break;
	default:
		seen.in_order = false;
	}
}

/* The client reads up to max frames; returns how many there were. */
static int client_read(int max)
{
	struct console_frame frame;
	size_t used = 0;
	int n, count = 0;

	while (count < max && (n = console_frame_decode(tx + used, tx_len - used, &frame)) > 0) {
		client_frame(&frame);
		used += (size_t)n;
		count++;
	}
	tx_len -= used;
	memmove(tx, tx + used, tx_len);
	return count;
}

/* Works until idle, with a client that reads everything. */
static enum service_result settle(void)
{
	enum service_result result;

	do {
		result = service_work(&s, false);
		client_read(1000);
	} while (result == SERVICE_MORE || result == SERVICE_FLOW);
	return result;
}

static void session(void)
{
	memset(&seen, 0, sizeof(seen));
	seen.in_order = seen.text_right = true;
	tx_len = 0;
	service_session_start(&s);
	client_send(&(struct console_frame){ .type = CONSOLE_HELLO, .hello.version = CONSOLE_VERSION });
	settle();
}

static int add(unsigned int domid, uint32_t port)
{
	client_send(&(struct console_frame){ .type = CONSOLE_ADD, .domid = (uint16_t)domid, .add = { .seq = 1, .port = port } });
	settle();
	return seen.last_error;
}

/* ---- tests ---- */

static void test_session(void)
{
	service_init(&s, 1);
	own.out[own.out_prod++] = '!';
	ok(!service_add_local(&s, 900, &own), "the own log is a console");
	ok(settle() == SERVICE_IDLE && !tx_len, "nothing is sent before a client says HELLO");
	session();
	ok(seen.greeted && seen.states == 1, "HELLO is answered, and the consoles are announced");
	ok(!add(0, 5) && !add(1, 5) && seen.states == 3 && opens == 2, "two consoles are added and announced");
	ok(add(50, 5) == ESRCH, "a domain that does not exist is an error for the client only");
	ok(!add(0, 5) && opens == 2, "adding the same ring again keeps the connection");
	guest_dead[0] = true;
	ok(!add(0, 5) && opens == 3 && closes == 1, "adding a new incarnation closes the old one");
}

static void test_flow(void)
{
	bool limited;

	guest_write(0, 100);
	guest_write(1, 300);
	settle();
	ok(seen.bytes[0] == 100 && seen.bytes[1] == 300 && seen.text_right && seen.in_order, "text arrives as written");
	for (int i = 0; i < 50; i++) {
		guest_write(0, RING_OUT_SIZE);
		settle();
	}
	ok(seen.bytes[0] == HISTORY_SIZE - HISTORY_RESERVE, "without acknowledgements a guest is stopped");
	guest_write(1, 50);
	settle();
	ok(seen.bytes[1] == 350, "and only that guest");
	limited = guest_write(0, 10) == 0;
	client_ack(0);
	settle();
	ok(limited && guest_write(0, 10) == 10, "an acknowledgement lets it go on");
	settle();
	ok(seen.text_right && seen.in_order, "nothing was lost on the way");
}

static void test_fairness(void)
{
	uint64_t before[2];

	client_ack(0);
	client_ack(1);
	settle();
	before[0] = seen.bytes[0];
	before[1] = seen.bytes[1];
	/* Room for one large frame at a time; guest 0 floods, guest 1 writes a little. */
	tx_limit = CONSOLE_FRAME_MAX + 100;
	guest_write(0, RING_OUT_SIZE);
	guest_write(1, 100);
	for (int i = 0; i < 4; i++) {
		service_work(&s, false);
		client_read(1);
		guest_write(0, RING_OUT_SIZE);
	}
	ok(seen.bytes[1] - before[1] == 100, "a quiet guest is heard within the turns of a loud one");
	ok(seen.bytes[0] - before[0] >= CONSOLE_DATA_MAX, "which is heard too");
	tx_limit = TX_MAX;
	settle();
}

/* What is said in small pieces is sent in large ones, or when the caller does not hold it back any more. */
static void test_hold(void)
{
	uint64_t before;

	for (int i = 0; i < 2; i++) { /* what it had to wait with, too */
		client_ack(0);
		settle();
	}
	before = seen.bytes[0];
	guest_write(0, 100);
	ok(service_work(&s, true) == SERVICE_FLOW, "a guest that speaks may say more at once");
	client_read(10);
	ok(seen.bytes[0] == before && tx_len == 0, "a little can wait");
	for (unsigned int said = 100; said < 4100; said += 1000) {
		ok(seen.bytes[0] == before && tx_len == 0, "nor is %u much", said);
		guest_write(0, 1000);
		service_work(&s, true);
		client_read(10);
	}
	ok(seen.bytes[0] - before == 4100, "a batch does not wait");
	guest_write(0, 5);
	service_work(&s, true);
	ok(service_work(&s, false) == SERVICE_IDLE && client_read(10) == 1 && seen.bytes[0] - before == 4105, "and a little waits for no more");
}

static void test_new_client(void)
{
	uint64_t acked = s.consoles[1].history.acked, end = s.consoles[1].history.end;

	service_session_end(&s);
	guest_write(1, 20);
	session();
	ok(acked < end, "(some text of guest 0 is not acknowledged)");
	ok(s.consoles[1].history.sent == s.consoles[1].history.end && seen.in_order && seen.text_right &&
	   seen.next[0] == s.consoles[1].history.end, "a new client gets what the last one did not acknowledge");
}

static void test_input(void)
{
	static uint8_t text[RING_IN_SIZE];
	struct console_frame frame = { .type = CONSOLE_INPUT, .domid = 1, .data = text, .data_len = sizeof(text) };

	memset(text, 'k', sizeof(text));
	client_send(&frame);
	settle();
	ok(pages[1].in_prod == RING_IN_SIZE, "input reaches the guest");
	client_send(&frame);
	settle();
	ok(seen.dropped_input == (int)RING_IN_SIZE - INPUT_MAX, "what a guest does not read is dropped and reported");
	pages[1].in_cons = pages[1].in_prod;
	service_on_event(&s, 101);
	settle();
	ok(pages[1].in_prod == RING_IN_SIZE + INPUT_MAX, "the rest follows when it reads");
}

static void test_remove(void)
{
	uint64_t before = seen.bytes[1];
	int closed = closes;

	client_ack(1);
	settle();
	guest_write(1, 2000);
	client_send(&(struct console_frame){ .type = CONSOLE_REMOVE, .domid = 1, .remove.seq = 4 });
	settle();
	ok(!seen.last_error && closes == closed + 1 && !seen.open[1], "a removed console is closed");
	ok(seen.bytes[1] - before == 2000, "its last text is sent first");
	client_ack(1);
	settle();
	before = seen.next[1];
	ok(!add(1, 6) && seen.open[1] && seen.next[1] == before, "added again, it goes on with the same stream");
	client_send(&(struct console_frame){ .type = CONSOLE_REMOVE, .domid = 1, .remove.seq = 5 });
	client_send(&(struct console_frame){ .type = CONSOLE_REMOVE, .domid = 3, .remove.seq = 5 });
	settle();
	ok(seen.last_error == ENOENT, "removing one that never was is an error");
	client_send(&(struct console_frame){ .type = CONSOLE_REMOVE, .domid = 900, .remove.seq = 5 });
	settle();
	ok(seen.last_error == ENOENT, "the own log cannot be removed");
}

static void test_full(void)
{
	struct console *one;
	unsigned int i;

	for (i = 0; i < CONSOLES_MAX; i++)
		if (s.consoles[i].status == CONSOLE_FREE)
			s.consoles[i] = (struct console){ .status = CONSOLE_CLOSED, .domid = (uint16_t)(1000 + i),
							  .closed_seq = 1000 + i };
	one = service_find(&s, 1, 0);
	ok(!add(3, 5) && !service_find(&s, 1, 0) && service_find(&s, 3, 0) == one,
	   "a full table gives away the place of the console that was closed first");
	s.consoles[50].history.end = 10;
	s.consoles[50].closed_seq = 0;
	ok(!add(2, 5) && service_find(&s, 1050, 0), "but not of one whose text is not acknowledged");
}

static void test_hostile(void)
{
	enum service_result result;
	uint8_t junk[CONSOLE_FRAME_MAX];
	bool bounded = true;

	pages[0].out_prod += 1u << 20;
	service_on_event(&s, 100);
	ok(settle() == SERVICE_IDLE, "a ring with an index from nowhere leaves the service alone");
	client_send(&(struct console_frame){ .type = CONSOLE_ACK, .domid = 0, .position.offset = UINT64_MAX });
	ok(service_work(&s, false) == SERVICE_BROKEN, "an acknowledgement of the future ends the session");
	service_session_end(&s);
	session();
	client_send(&(struct console_frame){ .type = CONSOLE_OUTPUT, .domid = 0, .data = junk, .data_len = 1 });
	ok(service_work(&s, false) == SERVICE_BROKEN, "so does a message that only we may send");
	service_session_end(&s);
	service_session_start(&s);
	client_send(&(struct console_frame){ .type = CONSOLE_REMOVE, .domid = 0 });
	ok(service_work(&s, false) == SERVICE_BROKEN, "so does anything before HELLO");
	srand(1);
	for (int i = 0; i < 20000 && bounded; i++) {
		service_session_end(&s);
		service_session_start(&s);
		tx_len = 0;
		for (size_t k = 0; k < sizeof(junk); k++)
			junk[k] = (uint8_t)(rand() % 4 ? 0 : rand());
		junk[4] = (uint8_t)(rand() % 8);
		junk[0] = (uint8_t)(rand() % 40);
		service_rx(&s, junk, sizeof(junk));
		result = service_work(&s, false);
		bounded = service_valid(&s) && result <= SERVICE_BROKEN;
	}
	ok(bounded, "junk of any kind leaves a valid state");
	s.consoles[1].input_len = INPUT_MAX + 1;
	ok(!service_valid(&s), "a damaged state is found");
}

int main(void)
{
	test_session();
	test_flow();
	test_fairness();
	test_hold();
	test_new_client();
	test_input();
	test_remove();
	test_full();
	test_hostile();
	return plan_done();
}
