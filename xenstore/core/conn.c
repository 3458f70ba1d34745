// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Connections: half-read requests, unsent replies and events, and the going of a connection.
 *
 * The positions of both streams change in the same step as what they stand for: a request's bytes are consumed in the
 * step that carries it out and queues its answer. So after a restart a request was either answered or not yet read.
 */
#include "private.h"

static size_t message_bytes(uint32_t len)
{
	return arena_real_size(sizeof(struct message) + len);
}

struct conn *conn_new(struct store *s, uint32_t domid, enum store_conn_kind kind)
{
	struct conn *c = arena_alloc(&s->a, sizeof *c);

	memset(c, 0, sizeof *c);
	c->domid = domid;
	c->kind = kind;
	c->next = s->r->conn_first;
	if (c->next)
		SET(s, AT(s, conn, c->next)->prev, REF(s, c));
	SET(s, s->r->conn_first, REF(s, c));
	SET(s, s->r->conn_count, s->r->conn_count + 1);
	quota_charge(s, domid, (long)arena_real_size(sizeof *c));
	return c;
}

/* The domain is gone: the main has to unmap the ring and close what is left. */
void conn_disown(struct store *s, struct conn *c)
{
	SET(s, c->flags, c->flags | CONN_DEFUNCT);
	s->ops->output(s->opaque, REF(s, c));
}

struct open_job {
	struct store *s;
	uint32_t domid;
	enum store_conn_kind kind;
	store_conn conn;
};

static int open_step(void *opaque)
{
	struct open_job *job = opaque;

	job->conn = REF(job->s, conn_new(job->s, job->domid, job->kind));
	return 0;
}

int store_connection_open(struct store *s, uint32_t domid, enum store_conn_kind kind, store_conn *conn)
{
	struct open_job job = { s, domid, kind, 0 };
	int r = arena_step(&s->a, open_step, &job);

	*conn = job.conn;
	return r;
}

/* ---- output */

struct message *message_new(struct store *s, struct conn *c, const struct wire_header *header, ref_t event_of)
{
	struct message *m = arena_alloc(&s->a, sizeof *m + WIRE_HEADER_SIZE + header->len);

	m->next = 0;
	m->len = WIRE_HEADER_SIZE + header->len;
	m->event_of = event_of;
	m->pad = 0;
	wire_header_put(m->bytes, header);
	arena_touch(&s->a, &c->out_first, offsetof(struct conn, watch_first) - offsetof(struct conn, out_first));
	if (c->out_last)
		SET(s, AT(s, message, c->out_last)->next, REF(s, m));
	else
		c->out_first = REF(s, m);
	c->out_last = REF(s, m);
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

static void message_drop_first(struct store *s, struct conn *c)
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

struct stream_job {
	struct store *s;
	struct conn *c;
	const unsigned char *bytes;
	size_t len;
	uint32_t consumed, produced;
};

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

/* ---- input */

static bool input_allowed(const struct store *s, const struct conn *c)
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

static void input_drop(struct store *s, struct conn *c)
{
	if (!c->input)
		return;
	quota_charge(s, c->domid, -(long)arena_real_size(AT(s, blob, c->input)->len + sizeof(struct blob)));
	arena_free(&s->a, arena_ptr(&s->a, c->input));
	arena_touch(&s->a, &c->input, 2 * sizeof c->input);
	c->input = 0;
	c->input_len = 0;
}

/* Keeps the beginning of a request until the rest comes. */
static int keep_step(void *opaque)
{
	struct stream_job *job = opaque;
	struct store *s = job->s;
	struct conn *c = job->c;
	struct wire_header h = { 0 };
	uint32_t need = WIRE_HEADER_SIZE;
	struct blob *b;

	arena_touch(&s->a, &c->consumed, sizeof c->consumed);
	c->consumed += (uint32_t)job->len;
	if (job->len + c->input_len >= WIRE_HEADER_SIZE) {
		unsigned char head[WIRE_HEADER_SIZE];

		if (c->input_len)
			memcpy(head, AT(s, blob, c->input)->data, c->input_len < sizeof head ? c->input_len : sizeof head);
		if (c->input_len < sizeof head)
			memcpy(head + c->input_len, job->bytes, sizeof head - c->input_len);
		wire_header_get(&h, head);
		need += h.len;
	}
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

	if (have + len < WIRE_HEADER_SIZE)
		return 0;
	if (!have) {
		wire_header_get(&job->header, bytes);
	} else {
		unsigned char head[WIRE_HEADER_SIZE];
		size_t part = have < sizeof head ? have : sizeof head;

		memcpy(head, kept, part);
		memcpy(head + part, bytes, sizeof head - part);
		wire_header_get(&job->header, head);
	}
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

/* ---- reset and the end */

void conn_reset(struct store *s, struct conn *c, uint32_t consumed, uint32_t produced)
{
	TOUCH(s, c);
	c->flags &= ~CONN_BROKEN;
	input_drop(s, c);
	while (c->out_first)
		message_drop_first(s, c);
	c->consumed = consumed;
	c->produced = produced;
}

static int reset_step(void *opaque)
{
	struct stream_job *job = opaque;

	conn_reset(job->s, job->c, job->consumed, job->produced);
	return 0;
}

void store_reset_stream(struct store *s, store_conn conn, uint32_t consumed, uint32_t produced)
{
	struct stream_job job = { .s = s, .c = AT(s, conn, conn), .consumed = consumed, .produced = produced };

	arena_step(&s->a, reset_step, &job);
}

/* Drops some watches and transactions of @c; true when there are none left. */
static bool conn_strip(struct store *s, struct conn *c)
{
	for (unsigned int i = 0; i < CLOSE_BATCH; i++) {
		if (c->watch_first)
			watch_remove(s, AT(s, watch, c->watch_first));
		else if (c->tx_first)
			tx_drop_some(s, AT(s, transaction, c->tx_first));
		else
			return true;
		if (s->a.header->journal_len > s->a.header->journal_size / 2)
			return false;
	}
	return false;
}

static int strip_step(void *opaque)
{
	struct store *s = opaque;
	struct wire_header h = { .type = WIRE_RESET_WATCHES, .len = 3 };
	struct conn *c;
	bool silent;

	if (!s->r->resetting)
		return 0;
	c = AT(s, conn, s->r->resetting);
	if (!conn_strip(s, c))
		return 1;
	SET(s, s->r->resetting, 0);
	TOUCH(s, c);
	silent = c->flags & CONN_SILENT;
	c->flags &= ~(CONN_RESETTING | CONN_MISSED | CONN_SILENT);
	if (silent) {
		conn_reset(s, c, 0, 0);
		return 0;
	}
	h.req_id = c->reset_req_id;
	memcpy(message_new(s, c, &h, 0)->bytes + WIRE_HEADER_SIZE, "OK", 3);
	return 0;
}

static void conn_free(struct store *s, struct conn *c)
{
	struct domain *d = domain_get(s, c->domid);

	if (d->conn == REF(s, c))
		SET(s, d->conn, 0);
	if (c->prev)
		SET(s, AT(s, conn, c->prev)->next, c->next);
	else
		SET(s, s->r->conn_first, c->next);
	if (c->next)
		SET(s, AT(s, conn, c->next)->prev, c->prev);
	SET(s, s->r->conn_count, s->r->conn_count - 1);
	SET(s, s->r->closing, s->r->closing - 1);
	quota_charge(s, c->domid, -(long)arena_real_size(sizeof *c));
	arena_free(&s->a, c);
	domain_put(s, d);
}

static int close_step(void *opaque)
{
	struct store *s = opaque;
	ref_t at = s->r->conn_first;

	while (at && !(AT(s, conn, at)->flags & CONN_CLOSING))
		at = AT(s, conn, at)->next;
	if (!at) {
		SET(s, s->r->closing, 0);
		return 0;
	}
	if (conn_strip(s, AT(s, conn, at))) {
		struct conn *c = AT(s, conn, at);

		input_drop(s, c);
		for (unsigned int i = 0; i < CLOSE_BATCH && c->out_first; i++)
			message_drop_first(s, c);
		if (!c->out_first)
			conn_free(s, c);
	}
	return 1;
}

static int restart_step(void *opaque)
{
	struct stream_job *job = opaque;

	TOUCH(job->s, job->c);
	job->c->flags |= CONN_RESETTING | CONN_SILENT;
	SET(job->s, job->s->r->resetting, REF(job->s, job->c));
	return 0;
}

void store_connection_restart(struct store *s, store_conn conn)
{
	struct stream_job job = { .s = s, .c = AT(s, conn, conn) };

	arena_step(&s->a, restart_step, &job);
	store_finish(s);
}

bool close_work(struct store *s)
{
	if (s->r->resetting)
		return arena_step(&s->a, strip_step, s) >= 0;
	if (s->r->closing)
		return arena_step(&s->a, close_step, s) >= 0;
	return false;
}

static int closing_step(void *opaque)
{
	struct stream_job *job = opaque;

	SET(job->s, job->c->flags, job->c->flags | CONN_CLOSING | CONN_DEFUNCT);
	SET(job->s, job->s->r->closing, job->s->r->closing + 1);
	return 0;
}

void store_connection_close(struct store *s, store_conn conn)
{
	struct stream_job job = { .s = s, .c = AT(s, conn, conn) };

	arena_step(&s->a, closing_step, &job);
	store_finish(s);
}

/* ---- what mains ask */

store_conn store_connection_next(const struct store *s, store_conn conn)
{
	return conn ? AT(s, conn, conn)->next : s->r->conn_first;
}

uint32_t store_connection_domid(const struct store *s, store_conn conn)
{
	return AT(s, conn, conn)->domid;
}

enum store_conn_kind store_connection_kind(const struct store *s, store_conn conn)
{
	return (enum store_conn_kind)AT(s, conn, conn)->kind;
}

store_conn store_connection_of(const struct store *s, uint32_t domid)
{
	const struct domain *d = domain_find(s, domid);

	return d ? d->conn : 0;
}

store_conn store_connection_defunct(const struct store *s)
{
	ref_t at = s->r->conn_first;

	while (at && (AT(s, conn, at)->flags & (CONN_DEFUNCT | CONN_CLOSING)) != CONN_DEFUNCT)
		at = AT(s, conn, at)->next;
	return at;
}

uint32_t store_cookie(const struct store *s, store_conn conn, unsigned int n)
{
	return AT(s, conn, conn)->cookies[n];
}

void store_cookie_set(struct store *s, store_conn conn, unsigned int n, uint32_t value)
{
	AT(s, conn, conn)->cookies[n] = value;
}

uint32_t store_connection_features(const struct store *s, store_conn conn)
{
	const struct domain *d = domain_find(s, AT(s, conn, conn)->domid);

	return d ? d->features : WIRE_FEATURES_ALL;
}

bool store_connection_broken(const struct store *s, store_conn conn)
{
	return AT(s, conn, conn)->flags & (CONN_BROKEN | CONN_DEFUNCT);
}

void store_connection_break(struct store *s, store_conn conn)
{
	AT(s, conn, conn)->flags |= CONN_BROKEN;
}
