// SPDX-License-Identifier: LGPL-2.1-or-later
/* One console: opening and closing its ring, moving text between ring, history and input queue. */
#include <errno.h>
#include <string.h>

#include "core/backend.h"
#include "core/service.h"

struct console *service_find(struct service *s, uint16_t domid, uint16_t console)
{
	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		struct console *c = &s->consoles[i];

		if (c->status != CONSOLE_FREE && c->domid == domid && c->console == console)
			return c;
	}
	return NULL;
}

/* Whether closed console a has less to lose than b: less that is not acknowledged, then longer closed. */
static bool less_to_lose(const struct console *a, const struct console *b)
{
	uint64_t lost_a = a->history.end - a->history.acked, lost_b = b->history.end - b->history.acked;

	return lost_a != lost_b ? lost_a < lost_b : a->closed_seq < b->closed_seq;
}

/* A free entry, or the closed one with the least to lose. */
static struct console *console_allocate(struct service *s)
{
	struct console *best = NULL;

	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		struct console *c = &s->consoles[i];

		if (c->status == CONSOLE_FREE)
			return c;
		if (c->status == CONSOLE_CLOSED && (!best || less_to_lose(c, best)))
			best = c;
	}
	return best;
}

/* Moves output from ring to history; true if there was some. `last`: the domain is gone, take all there is. */
static bool console_drain(struct console *c, bool last)
{
	char bytes[RING_OUT_SIZE];
	size_t room = history_room(&c->history, last), n;

	n = ring_peek(&c->ring, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (!n)
		return false;
	/* In this order: stopped in between and reloaded in place, we say something twice rather than lose it. */
	history_append(&c->history, bytes, n);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	ring_consume(&c->ring, n);
	if (c->local_port && !last)
		backend_notify(c->local_port);
	return true;
}

static void console_close(struct service *s, struct console *c)
{
	if (c->status != CONSOLE_OPEN)
		return;
	console_drain(c, true);
	if (c->local_port)
		backend_close(c->ring.page, c->local_port);
	c->status = CONSOLE_CLOSED;
	c->closed_seq = ++s->closed_seq;
	c->local_port = 0;
	c->ring = (struct ring){ 0 };
	c->ready = false;
	c->input_len = 0;
	c->announce = true;
}

int console_add(struct service *s, const struct console_frame *frame)
{
	struct console *c = service_find(s, frame->domid, frame->console);
	struct xencons_interface *page;
	uint32_t port;
	int rc;

	/* Our own console has no event channel that we could bind. */
	if (c && c->status == CONSOLE_OPEN && !c->local_port)
		return 0;
	/* The same ring again: a client that was restarted tells what it knows. */
	if (c && c->status == CONSOLE_OPEN && c->remote_port == frame->add.port && c->ref == frame->add.ref &&
	    backend_connected(c->domid, c->remote_port, c->local_port))
		return 0;
	if (c)
		console_close(s, c);
	rc = backend_open(frame->domid, frame->add.port, frame->add.ref, &page, &port);
	if (rc)
		return rc;
	if (!c) {
		c = console_allocate(s);
		if (!c) {
			backend_close(page, port);
			return -ENOSPC;
		}
		memset(c, 0, sizeof(*c));
		c->domid = frame->domid;
		c->console = frame->console;
	}
	c->status = CONSOLE_OPEN;
	c->remote_port = frame->add.port;
	c->ref = frame->add.ref;
	c->local_port = port;
	c->ready = true;
	c->announce = true;
	ring_attach(&c->ring, page);
	return 0;
}

int console_remove(struct service *s, uint16_t domid, uint16_t console)
{
	struct console *c = service_find(s, domid, console);

	if (!c || (c->status == CONSOLE_OPEN && !c->local_port))
		return -ENOENT;
	console_close(s, c);
	return 0;
}

int service_add_local(struct service *s, uint16_t domid, struct xencons_interface *page)
{
	struct console *c = service_find(s, domid, 0);

	if (c && c->ring.page == page) {
		ring_attach(&c->ring, page); /* a fresh one, in a revived domain */
		return 0;
	}
	if (c)
		return -EEXIST;
	c = console_allocate(s);
	if (!c)
		return -ENOSPC;
	memset(c, 0, sizeof(*c));
	c->status = CONSOLE_OPEN;
	c->domid = domid;
	c->announce = true;
	ring_attach(&c->ring, page);
	return 0;
}

void service_on_event(struct service *s, uint32_t local_port)
{
	for (unsigned int i = 0; i < CONSOLES_MAX; i++)
		if (s->consoles[i].status == CONSOLE_OPEN && s->consoles[i].local_port == local_port)
			s->consoles[i].ready = true;
}

static void input_flush(struct console *c)
{
	size_t n = ring_write(&c->ring, c->input, c->input_len);

	if (!n)
		return;
	c->input_len -= (uint32_t)n;
	memmove(c->input, c->input + n, c->input_len);
	if (c->local_port)
		backend_notify(c->local_port);
}

void console_input(struct console *c, const uint8_t *bytes, size_t len)
{
	size_t room;

	if (c->status != CONSOLE_OPEN)
		return;
	while (len) {
		input_flush(c);
		room = INPUT_MAX - c->input_len;
		if (!room)
			break;
		if (room > len)
			room = len;
		memcpy(c->input + c->input_len, bytes, room);
		c->input_len += (uint32_t)room;
		bytes += room;
		len -= room;
	}
	input_flush(c);
	c->input_dropped += (uint32_t)len;
}

/* One turn: the guest has sent an event, or there is room again. */
bool console_work(struct console *c)
{
	bool moved;

	if (c->status != CONSOLE_OPEN)
		return false;
	if (c->input_len)
		input_flush(c);
	if (!c->ready && c->local_port)
		return false;
	moved = console_drain(c, false);
	c->ready = ring_pending(&c->ring) > 0;
	return moved;
}
