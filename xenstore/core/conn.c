// SPDX-License-Identifier: LGPL-2.1-or-later
/* Connections: their coming, their being reset, and their going, a few watches or transactions at a time. */
#include "private.h"

struct conn *conn_new(struct store *s, uint32_t domid, enum store_conn_kind kind)
{
	struct conn *c = arena_alloc(&s->a, sizeof *c);

	memset(c, 0, sizeof *c);
	c->domid = domid;
	c->kind = kind;
	LIST_PUSH(s, conn, s->r->conn_first, c, prev, next);
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
	h.tx_id = c->reset_tx_id;
	memcpy(message_new(s, c, &h, 0)->bytes + WIRE_HEADER_SIZE, "OK", 3);
	return 0;
}

static void conn_free(struct store *s, struct conn *c)
{
	struct domain *d = domain_get(s, c->domid);

	if (d->conn == REF(s, c))
		SET(s, d->conn, 0);
	LIST_REMOVE(s, conn, s->r->conn_first, c, prev, next);
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
