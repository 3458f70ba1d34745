// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What came in: requests, whole or in parts.
 *
 * A request's bytes count as consumed in the very step that carries it out and queues its answer. So after a restart
 * a request was either answered or not yet read.
 */
#include "private.h"

bool input_allowed(const struct store *s, const struct conn *c)
{
	if (c->flags & (CONN_DEFUNCT | CONN_BROKEN | CONN_RESETTING))
		return false;
	if (c->kind == STORE_SOCKET)
		return c->out_bytes <= SOCKET_OUTPUT_MAX;
	if (conn_privileged(s, c))
		return c->out_bytes <= SOCKET_OUTPUT_MAX;
	/* Answers that are not fetched stop the asking; events do not, they have their own limit. */
	return c->out_bytes <= RING_OUTPUT_MAX &&
	       c->out_replies < quota_limit(s, domain_find(s, c->domid), QUOTA_OUTSTANDING);
}

bool store_input_wanted(const struct store *s, store_conn conn)
{
	return input_allowed(s, AT(s, conn, conn));
}

void input_drop(struct store *s, struct conn *c)
{
	if (!c->input)
		return;
	quota_charge(s, c->domid, -(long)arena_real_size(AT(s, blob, c->input)->len + sizeof(struct blob)));
	arena_free(&s->a, arena_ptr(&s->a, c->input));
	arena_touch(&s->a, &c->input, 2 * sizeof c->input);
	c->input = 0;
	c->input_len = 0;
}

/* The header of the request that begins in what was kept and goes on in @bytes. False: it is not all there. */
static bool header_whole(const struct store *s, const struct conn *c, const unsigned char *bytes, size_t len,
			 struct wire_header *h)
{
	unsigned char head[WIRE_HEADER_SIZE];
	size_t part = c->input_len < sizeof head ? c->input_len : sizeof head;

	if (c->input_len + len < sizeof head)
		return false;
	if (part)
		memcpy(head, AT(s, blob, c->input)->data, part);
	memcpy(head + part, bytes, sizeof head - part);
	wire_header_get(h, head);
	return true;
}

/* Keeps the beginning of a request until the rest comes. */
static int keep_step(void *opaque)
{
	struct stream_job *job = opaque;
	struct store *s = job->s;
	struct conn *c = job->c;
	struct wire_header h;
	uint32_t need = WIRE_HEADER_SIZE;
	struct blob *b;

	arena_touch(&s->a, &c->consumed, sizeof c->consumed);
	c->consumed += (uint32_t)job->len;
	if (header_whole(s, c, job->bytes, job->len, &h))
		need += h.len;
	if (!c->input || AT(s, blob, c->input)->len < need) {
		struct blob *old = c->input ? AT(s, blob, c->input) : NULL;
		uint32_t had = c->input_len;

		b = arena_alloc(&s->a, sizeof *b + need);
		b->len = need;
		if (old)
			memcpy(b->data, old->data, had);
		quota_charge(s, c->domid, (long)arena_real_size(sizeof *b + need));
		input_drop(s, c);
		arena_touch(&s->a, &c->input, 2 * sizeof c->input);
		c->input = REF(s, b);
		c->input_len = had;
	}
	b = AT(s, blob, c->input);
	arena_touch(&s->a, b->data + c->input_len, job->len);
	memcpy(b->data + c->input_len, job->bytes, job->len);
	SET(s, c->input_len, c->input_len + (uint32_t)job->len);
	return 0;
}

struct request_job {
	struct store *s;
	struct conn *c;
	struct wire_header header;
	const char *payload;
	size_t take; /* bytes of new input that the request ends with */
	int error;
};

static void request_taken(struct request_job *job)
{
	struct store *s = job->s;
	struct conn *c = job->c;

	SET(s, c->consumed, c->consumed + (uint32_t)job->take);
	input_drop(s, c);
	arena_touch(&s->a, &s->r->requests, sizeof s->r->requests);
	s->r->requests++;
}

static int request_step(void *opaque)
{
	struct request_job *job = opaque;

	request_taken(job);
	return request_run(job->s, job->c, &job->header, job->payload);
}

static int error_step(void *opaque)
{
	struct request_job *job = opaque;

	request_taken(job);
	return reply_error(job->s, job->c, job->error);
}

/* Makes room when the arena is full: first what is dead anyway, then the past that transactions hold on to. */
bool make_room(struct store *s)
{
	bool had = s->r->trash != 0;

	while (trash_work(s, UINT32_MAX))
		;
	if (had || !s->r->snap_first || arena_free_bytes(&s->a) > 4 * ARENA_PAGE)
		return had;
	doom_oldest(s);
	old_prune(s);
	while (trash_work(s, UINT32_MAX))
		;
	return true;
}

static int request_carry_out(struct request_job *job)
{
	struct store *s = job->s;
	int r;

	/* What could not be finished for want of memory has to be, before anything else. */
	if (s->r->committing || s->r->resetting)
		store_finish(s);
	if (s->r->committing || s->r->resetting)
		return -ENOMEM;
	s->request = &job->header;
	do {
		s->quota_hit = 0;
		r = arena_step(&s->a, request_step, job);
	} while (r == -ENOSPC && make_room(s));
	if (r < 0) {
		if (s->quota_hit)
			quota_refused(s, job->c, (enum quota_id)(s->quota_hit - 1));
		else if (r == -ENOSPC)
			s->r->refused_memory++;
		job->error = -r;
		do {
			r = arena_step(&s->a, error_step, job);
		} while (r < 0 && make_room(s));
	}
	s->request = NULL;
	store_finish(s);
	return r;
}

/*
 * Finds the next whole request in what was kept and @bytes. 1: found, in job; 0: more is needed; -EPROTO: too long.
 */
static int request_next(struct store *s, struct conn *c, const unsigned char *bytes, size_t len, struct request_job *job)
{
	const unsigned char *kept = c->input ? AT(s, blob, c->input)->data : NULL;
	size_t have = c->input_len, need;

	if (!header_whole(s, c, bytes, len, &job->header))
		return 0;
	if (job->header.len > WIRE_PAYLOAD_MAX)
		return -EPROTO;
	need = WIRE_HEADER_SIZE + job->header.len;
	if (have + len < need)
		return 0;
	job->take = need - have;
	if (!have) {
		job->payload = (const char *)bytes + WIRE_HEADER_SIZE;
	} else {
		memcpy(s->assembled, kept, have);
		memcpy(s->assembled + have, bytes, job->take);
		job->payload = (const char *)s->assembled + WIRE_HEADER_SIZE;
	}
	return 1;
}

long store_input(struct store *s, store_conn conn, const void *bytes, size_t len)
{
	struct conn *c = AT(s, conn, conn);
	size_t taken = 0;

	while (taken < len && input_allowed(s, c)) {
		struct request_job job = { .s = s, .c = c };
		struct stream_job keep = { .s = s, .c = c, .bytes = (const unsigned char *)bytes + taken, .len = len - taken };
		int r = request_next(s, c, keep.bytes, keep.len, &job);

		if (r < 0) {
			c->flags |= CONN_BROKEN;
			return r;
		}
		if (r) {
			r = request_carry_out(&job);
			taken += r < 0 ? 0 : job.take;
		} else {
			r = arena_step(&s->a, keep_step, &keep);
			taken += r < 0 ? 0 : keep.len;
		}
		if (r < 0)
			break; /* no memory even to refuse: the request stays where it is until there is */
	}
	return (long)taken;
}

uint32_t store_consumed(const struct store *s, store_conn conn)
{
	return AT(s, conn, conn)->consumed;
}

uint32_t store_produced(const struct store *s, store_conn conn)
{
	return AT(s, conn, conn)->produced;
}
