// SPDX-License-Identifier: LGPL-2.1-or-later
/* A store as a state stream. Nothing in the store is changed by it, but for what was decided and not yet done. */
#include "stream.h"

#include "../core/private.h"

struct save {
	struct store *s;
	const struct stream_save *how;
	struct stream_out *o;
};

static void save_quotas(struct save *v, const uint32_t quotas[QUOTA_COUNT])
{
	for (int i = 0; i < QUOTA_COUNT; i++)
		STREAM_NUMBERS(v->o, "4", quotas[i]);
	stream_put_done(v->o);
}

static void save_global(struct save *v)
{
	const struct store_root *r = v->s->r;

	STREAM_RECORD(v->o, STREAM_GLOBAL, 0, "44", (uint32_t)v->how->socket, (uint32_t)v->how->evtchn);
	STREAM_RECORD(v->o, STREAM_OUR_GLOBAL, 4 * QUOTA_COUNT, "88444", r->gen, r->requests, r->next_tx, r->log_on, QUOTA_COUNT);
	save_quotas(v, r->quotas);
}

static void save_domain(struct save *v, const struct domain *d)
{
	STREAM_RECORD(v->o, STREAM_OUR_DOMAIN, 4 * QUOTA_COUNT, "44444", d->domid, d->flags & DOMAIN_SHUTDOWN, d->port, d->features,
		      QUOTA_COUNT);
	save_quotas(v, d->limits);
}

/* ---- connections */

static void save_output(struct save *v, const struct conn *c)
{
	uint32_t skip = c->out_sent;

	for (ref_t at = c->out_first; at; at = AT(v->s, message, at)->next) {
		const struct message *m = AT(v->s, message, at);

		stream_put_bytes(v->o, m->bytes + skip, m->len - skip);
		skip = 0;
	}
	if (REF(v->s, c) == v->how->answer) {
		struct wire_header h = v->how->request;
		unsigned char bytes[WIRE_HEADER_SIZE];

		h.len = 3;
		wire_header_put(bytes, &h);
		stream_put_bytes(v->o, bytes, sizeof bytes);
		stream_put_bytes(v->o, "OK", 3);
	}
}

static void save_excess(struct save *v, uint32_t id, struct stream_bytes held, size_t from)
{
	size_t len = held.len - from;

	if (v->how->foreign && !v->o->error)
		v->o->error = -E2BIG;
	STREAM_RECORD(v->o, STREAM_OUR_INPUT, len, "44", id, len);
	stream_put_bytes(v->o, held.at + from, len);
	stream_put_done(v->o);
}

static void save_conn(struct save *v, const struct conn *c, uint32_t id)
{
	struct store *s = v->s;
	const struct domain *d = domain_find(s, c->domid);
	uint32_t out = c->out_bytes + (REF(s, c) == v->how->answer ? WIRE_HEADER_SIZE + 3 : 0);
	uint32_t handle = (uint32_t)v->how->handle(v->how->opaque, REF(s, c));
	struct stream_bytes half = store_stream_half(s, REF(s, c)), held = v->how->held(v->how->opaque, REF(s, c));
	size_t now = held.len < STREAM_INPUT_MAX - half.len ? held.len : STREAM_INPUT_MAX - half.len, rest = half.len + now + out;
	uint32_t partial = c->out_sent ? AT(s, message, c->out_first)->len - c->out_sent : 0;
	bool ring = c->kind == STORE_RING;

	if (ring)
		STREAM_RECORD(v->o, STREAM_CONN, rest, "422224224", id, 0, 0, c->domid,
			      d && d->target != NO_DOMID ? d->target : STREAM_NO_TARGET, handle, half.len + now, partial, out);
	else
		STREAM_RECORD(v->o, STREAM_CONN, rest, "42244224", id, 1, 0, handle, 0, half.len + now, partial, out);
	stream_put_bytes(v->o, half.at, half.len);
	stream_put_bytes(v->o, held.at, now);
	save_output(v, c);
	stream_put_done(v->o);
	STREAM_RECORD(v->o, STREAM_OUR_CONN, 0, "4444", id, ring ? c->consumed : 0, ring ? c->produced : 0, c->flags & CONN_BROKEN);
	if (now < held.len)
		save_excess(v, id, held, now);
}

static void save_watch(struct save *v, const struct conn *c, const struct watch *w, uint32_t id)
{
	char home[40], *buffer = v->s->scratch[0];
	struct text t = { home, sizeof home, 0 };
	size_t len;
	const char *path = watch_path(v->s, AT(v->s, watch_node, w->at), buffer, sizeof v->s->scratch[0], &len);

	if (w->depth != WATCH_ANY_DEPTH || w->flags & WATCH_MISSED)
		STREAM_RECORD(v->o, STREAM_OUR_WATCH, 0, "444", id, w->depth, w->flags & WATCH_MISSED);
	if (w->flags & WATCH_RELATIVE) {
		text_add(&t, "/local/domain/");
		text_add_number(&t, c->domid, 0);
		path += t.len + 1;
		len -= t.len + 1;
	}
	STREAM_RECORD(v->o, STREAM_WATCH, len + 1 + w->token_len + 1u, "422", id, len + 1, w->token_len + 1u);
	stream_put_bytes(v->o, path, len);
	stream_put_bytes(v->o, "", 1);
	stream_put_bytes(v->o, w->token, w->token_len);
	stream_put_bytes(v->o, "", 1);
	stream_put_done(v->o);
}

static void save_connections(struct save *v)
{
	uint32_t id = 1;
	ref_t last = 0;

	/* The oldest first: the list begins with the newest. */
	for (ref_t at = v->s->r->conn_first; at; at = AT(v->s, conn, at)->next)
		last = at;
	for (ref_t at = last; at; at = AT(v->s, conn, at)->prev) {
		const struct conn *c = AT(v->s, conn, at);

		if (c->flags & CONN_DEFUNCT)
			continue;
		save_conn(v, c, id);
		for (ref_t w = c->watch_first; w; w = AT(v->s, watch, w)->conn_next)
			save_watch(v, c, AT(v->s, watch, w), id);
		for (ref_t tx = c->tx_first; tx; tx = AT(v->s, transaction, tx)->next)
			STREAM_RECORD(v->o, STREAM_TRANSACTION, 0, "44", id, AT(v->s, transaction, tx)->id);
		id++;
	}
}

/* ---- nodes */

static void save_node(struct save *v, const char *path, size_t len, ref_t perms, ref_t value)
{
	const struct permset *p = AT(v->s, permset, perms);
	const struct blob *b = value ? AT(v->s, blob, value) : NULL;
	uint32_t value_len = b ? b->len : 0;

	STREAM_RECORD(v->o, STREAM_NODE, 4ul * p->count + len + 1 + value_len, "442222", 0, 0, len + 1, value_len, 0, p->count);
	for (uint32_t i = 0; i < p->count; i++)
		STREAM_NUMBERS(v->o, "112", (unsigned char)"nrwb"[p->perms[i].bits & 3], 0, p->perms[i].domid);
	stream_put_bytes(v->o, path, len);
	stream_put_bytes(v->o, "", 1);
	if (b)
		stream_put_bytes(v->o, b->data, b->len);
	stream_put_done(v->o);
}

static void save_specials(struct save *v)
{
	static const char release[] = "@releaseDomain", introduce[] = "@introduceDomain";
	char path[40];

	save_node(v, release, sizeof release - 1, v->s->r->special_perms[1], 0);
	save_node(v, introduce, sizeof introduce - 1, v->s->r->special_perms[0], 0);
	for (ref_t at = v->s->r->domain_first; at && !v->how->foreign; at = AT(v->s, domain, at)->next) {
		const struct domain *d = AT(v->s, domain, at);
		struct text t = { path, sizeof path, 0 };

		if (!d->release_perms)
			continue;
		text_add(&t, "@releaseDomain/");
		text_add_number(&t, d->domid, 0);
		save_node(v, path, t.len, d->release_perms, 0);
	}
}

/* The whole tree, parents first, children in their order. The path of the node at hand is kept in @path. */
static void save_nodes(struct save *v)
{
	char path[WIRE_ABS_PATH_MAX + 2] = "/";
	const struct store *s = v->s;
	const struct node *n = AT(s, node, s->r->top);
	size_t len = 0; /* without the slash of the top */

	save_node(v, "/", 1, n->perms, n->value);
	while (!v->o->error) {
		ref_t next = n->flags & NODE_GHOST ? 0 : n->first;

		while (!next && n->parent) {
			len -= n->name_len + 1u;
			next = n->next;
			if (!next)
				n = AT(s, node, n->parent);
			else
				break;
		}
		if (!next)
			return;
		n = AT(s, node, next);
		if (len + 1 + n->name_len > WIRE_ABS_PATH_MAX) {
			v->o->error = -EINVAL;
			return;
		}
		path[len] = '/';
		memcpy(path + len + 1, n->name, n->name_len);
		len += 1u + n->name_len;
		if (!(n->flags & NODE_GHOST))
			save_node(v, path, len, n->perms, n->value);
	}
}

int store_stream_save(struct store *s, const struct stream_save *how, struct stream_out *out)
{
	struct save v = { s, how, out };
	const struct store_root *r = s->r;
	ref_t last = 0;

	store_finish(s);
	/* For want of memory it may not be possible to finish; then this is not the moment. */
	if (r->committing || r->resetting || r->fire_first || r->closing || r->releasing)
		return -EBUSY;
	stream_put_start(out);
	save_global(&v);
	save_connections(&v);
	/* The oldest first here too. */
	for (ref_t at = r->domain_first; at; at = AT(s, domain, at)->next)
		last = at;
	for (ref_t at = last; at; at = AT(s, domain, at)->prev)
		save_domain(&v, AT(s, domain, at));
	save_specials(&v);
	save_nodes(&v);
	stream_put_record(out, STREAM_END, "", NULL, 0);
	return out->error;
}

struct stream_bytes store_stream_half(const struct store *s, store_conn conn)
{
	const struct conn *c = AT(s, conn, conn);

	if (!c->input)
		return (struct stream_bytes){ NULL, 0 };
	return (struct stream_bytes){ AT(s, blob, c->input)->data, c->input_len };
}

uint32_t store_stream_transactions(const struct store *s)
{
	return s->r->tx_count;
}

struct answer_job {
	struct store *s;
	struct conn *c;
	const struct wire_header *request;
	const char *text;
};

static int answer_step(void *opaque)
{
	struct answer_job *job = opaque;
	struct wire_header h = *job->request;

	h.len = (uint32_t)strlen(job->text) + 1;
	memcpy(message_new(job->s, job->c, &h, 0)->bytes + WIRE_HEADER_SIZE, job->text, h.len);
	return 0;
}

int store_stream_answer(struct store *s, store_conn conn, const struct wire_header *request, const char *text)
{
	struct answer_job job = { s, AT(s, conn, conn), request, text };

	return arena_step(&s->a, answer_step, &job);
}

static int half_drop_step(void *opaque)
{
	struct stream_job *job = opaque;

	input_drop(job->s, job->c);
	return 0;
}

void store_stream_half_drop(struct store *s, store_conn conn)
{
	struct stream_job job = { .s = s, .c = AT(s, conn, conn) };

	arena_step(&s->a, half_drop_step, &job);
}
