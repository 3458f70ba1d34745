// SPDX-License-Identifier: LGPL-2.1-or-later
/* The session with the control domain, and the round over all consoles. */
#include "core/service.h"

#include <errno.h>
#include <string.h>

#include "core/backend.h"

/* A received frame is handled only when its answer is sure to fit: HELLO is the largest. */
#define ANSWER_MAX (sizeof(struct console_header) + sizeof(struct console_hello))

void service_init(struct service *s, uint64_t generation)
{
	s->generation = generation;
}

static bool console_valid(const struct console *c)
{
	if (c->status == CONSOLE_FREE)
		return true;
	return c->status <= CONSOLE_CLOSED && c->input_len <= INPUT_MAX && history_valid(&c->history) &&
	       (c->status == CONSOLE_OPEN) == (c->ring.page != NULL);
}

bool service_valid(const struct service *s)
{
	for (unsigned int i = 0; i < CONSOLES_MAX; i++)
		if (!console_valid(&s->consoles[i]))
			return false;
	return s->turn < CONSOLES_MAX && s->rx_len <= sizeof(s->rx);
}

/* ---- session ---- */

void service_session_start(struct service *s)
{
	s->session = true;
	s->greeted = false;
	s->rx_len = 0;
	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		struct console *c = &s->consoles[i];

		c->announce = true;
		c->history.sent = c->history.acked;
	}
}

void service_session_end(struct service *s)
{
	s->session = false;
	s->greeted = false;
	s->rx_len = 0;
}

size_t service_rx_room(const struct service *s)
{
	return sizeof(s->rx) - s->rx_len;
}

void service_rx(struct service *s, const void *bytes, size_t len)
{
	if (len > service_rx_room(s))
		len = service_rx_room(s);
	memcpy(s->rx + s->rx_len, bytes, len);
	s->rx_len += (uint32_t)len;
}

/* The caller has made sure of the room. */
static void send_frame(const struct console_frame *frame)
{
	uint8_t bytes[CONSOLE_FRAME_MAX];
	int n = console_frame_encode(frame, bytes, sizeof(bytes));

	if (n > 0)
		backend_tx(bytes, (size_t)n);
}

static void send_result(uint32_t seq, int rc)
{
	send_frame(&(struct console_frame){ .type = CONSOLE_RESULT, .result = { seq, -rc } });
}

static int handle_hello(struct service *s, const struct console_frame *frame)
{
	if (s->greeted || frame->hello.version != CONSOLE_VERSION)
		return -EPROTO;
	s->greeted = true;
	send_frame(&(struct console_frame){ .type = CONSOLE_HELLO, .hello = { .version = CONSOLE_VERSION, .generation = s->generation } });
	return 0;
}

/* A client may name a console that has just gone: that is no error. */
static int handle_frame(struct service *s, const struct console_frame *frame)
{
	struct console *c;

	if (frame->type == CONSOLE_HELLO)
		return handle_hello(s, frame);
	if (!s->greeted)
		return -EPROTO;
	c = service_find(s, frame->domid, frame->console);
	switch (frame->type) {
	case CONSOLE_ADD:
		send_result(frame->add.seq, console_add(s, frame));
		return 0;
	case CONSOLE_REMOVE:
		send_result(frame->remove.seq, console_remove(s, frame->domid, frame->console));
		return 0;
	case CONSOLE_INPUT:
		if (c)
			console_input(c, frame->data, frame->data_len);
		return 0;
	case CONSOLE_ACK:
		return c ? history_ack(&c->history, frame->position.offset) : 0;
	default:
		return -EPROTO;
	}
}

/* Handles the frames received, as far as their answers fit. Returns 1 if some are left, 0 or -EPROTO. */
static int handle_received(struct service *s)
{
	struct console_frame frame;
	uint32_t used = 0;
	int n = 0, rc = 0;

	while (s->session && !rc) {
		if (backend_tx_room() < ANSWER_MAX) {
			n = 1;
			break;
		}
		n = console_frame_decode(s->rx + used, s->rx_len - used, &frame);
		if (n <= 0)
			break;
		rc = handle_frame(s, &frame);
		used += (uint32_t)n;
	}
	s->rx_len -= used;
	memmove(s->rx, s->rx + used, s->rx_len);
	if (rc)
		return rc;
	return n < 0 ? n : n > 0 && s->rx_len;
}

/* ---- output ---- */

static bool send_announcement(struct console *c)
{
	if (backend_tx_room() < sizeof(struct console_header) + sizeof(struct console_state))
		return false;
	send_frame(&(struct console_frame){
		.type = CONSOLE_CONSOLE, .domid = c->domid, .console = c->console,
		.state = { .open = c->status == CONSOLE_OPEN, .acked = c->history.acked, .end = c->history.end },
	});
	c->announce = false;
	return true;
}

static bool send_dropped(struct console *c)
{
	if (backend_tx_room() < sizeof(struct console_header) + sizeof(struct console_dropped))
		return false;
	send_frame(&(struct console_frame){
		.type = CONSOLE_DROPPED, .domid = c->domid, .console = c->console,
		.dropped.count = c->input_dropped,
	});
	c->input_dropped = 0;
	return true;
}

static bool send_output(struct console *c)
{
	uint8_t bytes[CONSOLE_DATA_MAX];
	struct console_frame frame = {
		.type = CONSOLE_OUTPUT, .domid = c->domid, .console = c->console,
		.position.offset = c->history.sent, .data = bytes,
	};

	/* Whole frames only; waiting for room for the largest keeps frames large under load. */
	if (backend_tx_room() < CONSOLE_FRAME_MAX + ANSWER_MAX)
		return false;
	frame.data_len = history_take(&c->history, bytes, sizeof(bytes));
	send_frame(&frame);
	return true;
}

/* One frame of this console. Returns false if there was no room for what it has to say. */
static bool console_send(struct console *c, bool hold, bool *sent)
{
	bool ok = true;

	*sent = true;
	if (c->announce)
		ok = send_announcement(c);
	else if (c->input_dropped)
		ok = send_dropped(c);
	else if (!hold && c->history.sent < c->history.end)
		ok = send_output(c);
	else
		*sent = false;
	return ok;
}

/*
 * Sends one frame for each console that has something to say. Returns true if there is more and room for it.
 */
static bool send_round(struct service *s, bool hold)
{
	bool more = false, sent;

	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		unsigned int index = (s->turn + i) % CONSOLES_MAX;
		struct console *c = &s->consoles[index];

		if (c->status == CONSOLE_FREE)
			continue;
		if (!console_send(c, hold, &sent)) {
			/* The next round begins with the one that found no room. */
			s->turn = index;
			return false;
		}
		more |= sent;
	}
	s->turn = (s->turn + 1) % CONSOLES_MAX;
	return more;
}

enum service_result service_work(struct service *s, bool hold)
{
	bool more = false, flow = false;
	int rc = handle_received(s);

	if (rc < 0)
		return SERVICE_BROKEN;
	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		struct console *c = &s->consoles[i];

		flow |= console_work(c) && c->local_port;
		hold &= c->status == CONSOLE_FREE || c->history.end == c->history.sent || history_room(&c->history, false) >= RING_OUT_SIZE;
		more |= c->status == CONSOLE_OPEN && c->ready && history_room(&c->history, false);
	}
	while (s->greeted && send_round(s, hold))
		; /* as far as there is room */
	return flow ? SERVICE_FLOW : more ? SERVICE_MORE : SERVICE_IDLE;
}
