// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What waits to be sent to a connection: answers and events.
 *
 * The position of the stream changes in the same step as the messages go, so a restart neither repeats nor loses a byte.
 */
#include "private.h"

static size_t message_bytes(uint32_t len)
{
	return arena_real_size(sizeof(struct message) + len);
}

struct message *message_new(struct store *s, struct conn *c, const struct wire_header *header, ref_t event_of)
{
	struct message *m = arena_alloc(&s->a, sizeof *m + WIRE_HEADER_SIZE + header->len);

	m->len = WIRE_HEADER_SIZE + header->len;
	m->event_of = event_of;
	m->pad = 0;
	wire_header_put(m->bytes, header);
	arena_touch(&s->a, &c->out_first, offsetof(struct conn, watch_first) - offsetof(struct conn, out_first));
	ENQUEUE(s, message, c->out_first, c->out_last, m, next);
	c->out_bytes += m->len;
	if (event_of)
		c->out_events++;
	else
		c->out_replies++;
	if (c->kind == STORE_RING)
		quota_charge(s, c->domid, (long)message_bytes(m->len));
	s->ops->output(s->opaque, REF(s, c));
	return m;
}

void message_drop_first(struct store *s, struct conn *c)
{
	struct message *m = AT(s, message, c->out_first);

	arena_touch(&s->a, &c->out_first, offsetof(struct conn, watch_first) - offsetof(struct conn, out_first));
	c->out_bytes -= m->len - c->out_sent;
	c->out_sent = 0;
	c->out_first = m->next;
	if (!m->next)
		c->out_last = 0;
	if (m->event_of)
		c->out_events--;
	else
		c->out_replies--;
	if (c->kind == STORE_RING)
		quota_charge(s, c->domid, -(long)message_bytes(m->len));
	arena_free(&s->a, m);
}

unsigned char *reply_begin(struct store *s, struct conn *c, size_t len)
{
	struct wire_header h = *s->request;

	if (len > WIRE_PAYLOAD_MAX)
		FAIL(s, E2BIG);
	h.len = (uint32_t)len;
	return message_new(s, c, &h, 0)->bytes + WIRE_HEADER_SIZE;
}

int reply(struct store *s, struct conn *c, const void *data, size_t len)
{
	unsigned char *to = reply_begin(s, c, len);

	if (len)
		memcpy(to, data, len);
	return 0;
}

int reply_ok(struct store *s, struct conn *c)
{
	return reply(s, c, "OK", 3);
}

int reply_text(struct store *s, struct conn *c, const char *text)
{
	return reply(s, c, text, strlen(text) + 1);
}

int reply_error(struct store *s, struct conn *c, int error)
{
	struct wire_header h = *s->request;
	const char *name = wire_error_name(error);

	h.type = WIRE_ERROR;
	h.len = (uint32_t)strlen(name) + 1;
	memcpy(message_new(s, c, &h, 0)->bytes + WIRE_HEADER_SIZE, name, h.len);
	return 0;
}

size_t store_output_bytes(const struct store *s, store_conn conn)
{
	return AT(s, conn, conn)->flags & CONN_DEFUNCT ? 0 : AT(s, conn, conn)->out_bytes;
}

size_t store_output_peek(const struct store *s, store_conn conn, void *to, size_t size)
{
	const struct conn *c = AT(s, conn, conn);
	uint32_t skip = c->out_sent;
	size_t n = 0;

	if (c->flags & CONN_DEFUNCT)
		return 0;
	for (ref_t at = c->out_first; at && n < size; at = AT(s, message, at)->next) {
		const struct message *m = AT(s, message, at);
		size_t part = m->len - skip < size - n ? m->len - skip : size - n;

		memcpy((unsigned char *)to + n, m->bytes + skip, part);
		n += part;
		skip = 0;
	}
	return n;
}

static int done_step(void *opaque)
{
	struct stream_job *job = opaque;
	struct conn *c = job->c;
	struct store *s = job->s;

	while (job->len && c->out_first && s->a.header->journal_len < s->a.header->journal_size / 2) {
		struct message *m = AT(s, message, c->out_first);
		uint32_t left = m->len - c->out_sent, part = job->len < left ? (uint32_t)job->len : left;

		job->len -= part;
		SET(s, c->produced, c->produced + part);
		if (part == left) {
			message_drop_first(s, c);
		} else {
			arena_touch(&s->a, &c->out_sent, 2 * sizeof c->out_sent);
			c->out_sent += part;
			c->out_bytes -= part;
		}
	}
	return job->len && c->out_first;
}

void store_output_done(struct store *s, store_conn conn, size_t len)
{
	struct stream_job job = { .s = s, .c = AT(s, conn, conn), .len = len };

	while (arena_step(&s->a, done_step, &job) > 0)
		;
	if (job.c->flags & CONN_MISSED)
		while (missed_work(s, conn))
			;
}
