// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A state stream into a fresh store, in passes over the whole stream: first all domains and connections, then nodes,
 * then watches and transactions, then what waits to be sent, quotas, and last what was read but not carried out.
 *
 * A transaction comes back without its snapshot: it can be used, and its end answers EAGAIN.
 */
#include "stream.h"

#include "../core/private.h"

#define CONN_ID (STORE_COOKIES - 1u) /* the cookie that holds a connection's id in the stream, while it is loaded */

struct load {
	struct store *s;
	const struct stream_load *how;
	struct stream_record r;
	ref_t last;          /* connection that was last looked for */
	uint32_t watch_conn; /* whose next watch has these: */
	uint32_t watch_depth, watch_flags;
	struct perm perms[STREAM_PERMS_MAX];
};

static bool path_ok(struct stream_bytes p)
{
	return wire_path_valid((const char *)p.at, p.len, WIRE_ABS_PATH_MAX);
}

static struct conn *conn_by_id(struct load *l, uint32_t id)
{
	struct store *s = l->s;

	if (!l->last || AT(s, conn, l->last)->cookies[CONN_ID] != id)
		for (l->last = s->r->conn_first; l->last; l->last = AT(s, conn, l->last)->next)
			if (AT(s, conn, l->last)->cookies[CONN_ID] == id)
				break;
	return l->last && id ? AT(s, conn, l->last) : NULL;
}

/* ---- connections */

static int load_conn(struct load *l)
{
	struct store *s = l->s;
	struct store_ring_start start = { 0 };
	struct domain *d;
	store_conn conn;
	int r;

	if (conn_by_id(l, l->r.conn))
		return -EINVAL;
	if (l->r.link.ring) {
		if (l->r.link.domid > WIRE_MAX_DOMID || store_connection_of(s, l->r.link.domid))
			return -EINVAL;
		/* Without its ring a domain is known all the same, so that its death is noticed. */
		if (l->how->ring(l->how->opaque, l->r.link.domid, l->r.link.port, &start))
			l->r.link.fd = -2;
		r = store_introduce_mapped(s, l->r.link.domid, 0, &start, &conn);
	} else {
		r = store_connection_open(s, s->r->privileged, STORE_SOCKET, &conn);
	}
	if (r)
		return r;
	store_cookie_set(s, conn, CONN_ID, l->r.conn);
	if (l->r.link.ring && l->r.link.target <= WIRE_MAX_DOMID) {
		d = domain_find(s, l->r.link.domid);
		d->target = l->r.link.target;
	}
	if (l->r.link.fd == -2) {
		store_connection_break(s, conn);
		return 0;
	}
	return l->how->connection(l->how->opaque, conn, store_connection_kind(s, conn),
				  l->r.link.ring ? (int32_t)l->r.link.port : l->r.link.fd);
}

static int our_domain_step(void *opaque)
{
	struct load *l = opaque;
	struct store *s = l->s;
	struct domain *d = domain_get(s, l->r.our_domain.domid);

	TOUCH(s, d);
	d->features = l->r.our_domain.features & WIRE_FEATURES_ALL;
	if (d->flags & DOMAIN_INTRODUCED) {
		d->port = l->r.our_domain.port;
		d->flags |= l->r.our_domain.flags & DOMAIN_SHUTDOWN;
	}
	domain_put(s, d);
	return 0;
}

static int pass_connections(struct load *l)
{
	struct store *s = l->s;
	struct conn *c;

	switch (l->r.type) {
	case STREAM_GLOBAL:
		return l->how->global(l->how->opaque, l->r.global.socket, l->r.global.evtchn);
	case STREAM_OUR_GLOBAL:
		if (l->r.our_global.gen < s->r->gen || l->r.our_global.gen > UINT64_MAX / 2)
			return -EINVAL;
		/* What a client has seen of generations does not come again. */
		s->r->gen = l->r.our_global.gen;
		s->r->requests = l->r.our_global.requests;
		s->r->next_tx = l->r.our_global.next_tx;
		s->r->log_on = l->r.our_global.log_on == 1;
		return 0;
	case STREAM_CONN:
		return load_conn(l);
	case STREAM_OUR_DOMAIN:
		return l->r.our_domain.domid > WIRE_MAX_DOMID ? -EINVAL : arena_step(&s->a, our_domain_step, l);
	case STREAM_OUR_CONN:
		c = conn_by_id(l, l->r.conn);
		if (!c)
			return -EINVAL;
		if (c->kind == STORE_RING) {
			c->consumed = l->r.our_conn.consumed;
			c->produced = l->r.our_conn.produced;
		}
		c->flags |= l->r.our_conn.flags & CONN_BROKEN;
		return 0;
	default:
		return 0;
	}
}

/* ---- nodes */

static int perms_from(struct load *l, uint32_t *count)
{
	uint32_t n = 0, all = (uint32_t)(l->r.node.perms.len / 4);

	for (uint32_t i = 0; i < all; i++) {
		bool counts = stream_perm(l->r.node.perms, i, &l->perms[n]);

		if (!i && l->perms[0].domid > WIRE_MAX_DOMID)
			return -EINVAL;
		/* An entry of a domain that is gone, or of none, gives nobody anything. */
		if (!i || (counts && l->perms[n].domid <= WIRE_MAX_DOMID))
			n++;
	}
	*count = n;
	return n ? 0 : -EINVAL;
}

static int node_step(void *opaque)
{
	struct load *l = opaque;
	struct store *s = l->s;
	const char *path = (const char *)l->r.node.path.at;
	size_t len = l->r.node.path.len, up = len;
	struct node *parent, *n;
	uint32_t count;
	ref_t *special, value;

	if (perms_from(l, &count) || l->r.node.value.len > WIRE_PAYLOAD_MAX)
		return -EINVAL;
	if (path[0] == '@') {
		special = special_perms(s, path, true);
		if (!special)
			return 0; /* one that we do not have */
		if (*special)
			perms_drop(s, *special);
		SET(s, *special, perms_intern(s, l->perms, count));
		return 0;
	}
	if (!path_ok(l->r.node.path))
		return -EINVAL;
	value = blob_new(s, l->r.node.value.at, l->r.node.value.len);
	if (len == 1) {
		n = AT(s, node, s->r->top);
		node_set_value(s, n, value);
		node_set_perms(s, n, perms_intern(s, l->perms, count));
		return 0;
	}
	while (path[up - 1] != '/')
		up--;
	parent = node_find(s, path, up > 1 ? up - 1 : 1, GEN_LIVE);
	if (!parent || node_child(s, REF(s, parent), path + up, len - up, GEN_LIVE))
		return -EINVAL;
	n = node_alloc(s, path + up, len - up, perms_intern(s, l->perms, count), value);
	node_link(s, parent, n);
	return 0;
}

static int pass_nodes(struct load *l)
{
	/* Nodes of transactions are those of one that will not be committed. */
	if (l->r.type != STREAM_NODE || l->r.conn)
		return 0;
	return arena_step(&l->s->a, node_step, l);
}

/* ---- watches and transactions */

/* Takes back what the request has queued: its answer was sent long ago. */
static void unanswer(struct store *s, struct conn *c)
{
	while (c->out_first)
		message_drop_first(s, c);
}

static int watch_step(void *opaque)
{
	struct load *l = opaque;
	struct store *s = l->s;
	struct conn *c = conn_by_id(l, l->r.conn);
	struct wire_header h = { .type = WIRE_WATCH };
	size_t path = l->r.watch.path.len + 1, token = l->r.watch.token.len + 1, len = path + token;
	uint32_t depth = l->r.watch.depth == STREAM_ANY_DEPTH ? WATCH_ANY_DEPTH : l->r.watch.depth;
	char data[WIRE_PAYLOAD_MAX + 24];
	int r;

	if (!c || len > WIRE_PAYLOAD_MAX)
		return -EINVAL;
	if (l->watch_conn == l->r.conn)
		depth = l->watch_depth;
	memcpy(data, l->r.watch.path.at, path);
	memcpy(data + path, l->r.watch.token.at, token);
	if (depth != WATCH_ANY_DEPTH)
		len += wire_format_number(data + len, depth) + 1;
	s->request = &h;
	r = handle_watch(s, c, data, len);
	s->request = NULL;
	if (r)
		return r;
	unanswer(s, c);
	if (l->watch_conn == l->r.conn && l->watch_flags & WATCH_MISSED) {
		struct watch *w = AT(s, watch, c->watch_last);

		SET(s, w->flags, w->flags | WATCH_MISSED);
		SET(s, c->flags, c->flags | CONN_MISSED);
	}
	l->watch_conn = 0;
	return 0;
}

static int transaction_step(void *opaque)
{
	struct load *l = opaque;
	struct store *s = l->s;
	struct conn *c = conn_by_id(l, l->r.conn);
	struct wire_header h = { .type = WIRE_TRANSACTION_START };
	struct transaction *tx;
	uint32_t next = s->r->next_tx;

	if (!c || !l->r.tx || tx_find(s, c, l->r.tx))
		return -EINVAL;
	s->request = &h;
	handle_transaction_start(s, c, NULL, 0);
	s->request = NULL;
	unanswer(s, c);
	tx = AT(s, transaction, c->tx_first);
	tx->id = l->r.tx;
	SET(s, s->r->next_tx, next > l->r.tx ? next : l->r.tx);
	tx_doom(s, tx);
	return 0;
}

static int pass_things(struct load *l)
{
	switch (l->r.type) {
	case STREAM_OUR_WATCH:
		l->watch_conn = l->r.conn;
		l->watch_depth = l->r.our_watch.depth;
		l->watch_flags = l->r.our_watch.flags;
		return 0;
	case STREAM_WATCH:
		return arena_step(&l->s->a, watch_step, l);
	case STREAM_TRANSACTION:
		return arena_step(&l->s->a, transaction_step, l);
	default:
		return 0;
	}
}

/* ---- output */

struct output_job {
	struct load *l;
	struct conn *c;
	struct stream_bytes rest;
	size_t partial;
};

/* The rest of a message whose beginning is sent. It takes the place of one that is as long or longer. */
static void output_rest(struct output_job *job)
{
	struct store *s = job->l->s;
	struct wire_header h = { .type = WIRE_ERROR, .len = (uint32_t)job->partial };
	struct message *m = message_new(s, job->c, &h, 0);

	memcpy(m->bytes + WIRE_HEADER_SIZE, job->rest.at, job->partial);
	SET(s, job->c->out_sent, WIRE_HEADER_SIZE);
	SET(s, job->c->out_bytes, job->c->out_bytes - WIRE_HEADER_SIZE);
	job->rest.at += job->partial;
	job->rest.len -= job->partial;
}

/* The watch that an event came from, as far as its token tells. */
static ref_t event_source(const struct store *s, const struct conn *c, const unsigned char *payload, size_t len)
{
	size_t token = len ? len - 1 : 0;

	while (token && payload[token - 1])
		token--;
	for (ref_t at = c->watch_first; at; at = AT(s, watch, at)->conn_next) {
		const struct watch *w = AT(s, watch, at);

		if (len && w->token_len == len - 1 - token && !memcmp(w->token, payload + token, w->token_len))
			return at;
	}
	return 0;
}

static int output_step(void *opaque)
{
	struct output_job *job = opaque;
	struct store *s = job->l->s;
	struct wire_header h;
	struct message *m;
	ref_t source = 0;

	if (job->partial) {
		if (job->partial > WIRE_MESSAGE_MAX)
			return -EINVAL;
		output_rest(job);
		job->partial = 0;
		return 0;
	}
	if (job->rest.len < WIRE_HEADER_SIZE)
		return -EINVAL;
	wire_header_get(&h, job->rest.at);
	job->rest.at += WIRE_HEADER_SIZE;
	job->rest.len -= WIRE_HEADER_SIZE;
	if (h.len > WIRE_PAYLOAD_MAX || h.len > job->rest.len)
		return -EINVAL;
	if (h.type == WIRE_WATCH_EVENT)
		source = event_source(s, job->c, job->rest.at, h.len);
	m = message_new(s, job->c, &h, source);
	memcpy(m->bytes + WIRE_HEADER_SIZE, job->rest.at, h.len);
	job->rest.at += h.len;
	job->rest.len -= h.len;
	return 0;
}

static int pass_output(struct load *l)
{
	struct output_job job = { .l = l };

	if (l->r.type != STREAM_CONN)
		return 0;
	job.c = conn_by_id(l, l->r.conn);
	job.rest = l->r.link.out;
	job.partial = l->r.link.partial;
	if (!job.c)
		return -EINVAL;
	while (job.rest.len) {
		int r = arena_step(&l->s->a, output_step, &job);

		if (r)
			return r;
	}
	return 0;
}

/* ---- quotas, after what they would have stood in the way of */

static void quotas_named(uint32_t *limits, const struct stream_record *r)
{
	const char *name = (const char *)r->quota.names.at;

	for (uint32_t i = 0; i < r->quota.count; i++, name += strlen(name) + 1) {
		uint32_t value = stream_get32(r->quota.values.at + 4ul * i);
		int id = quota_by_name(name);

		if (id >= 0) /* 0 is no limit */
			limits[id] = !value || value == UINT32_MAX ? UINT32_MAX - 1 : value;
	}
}

static int quota_step(void *opaque)
{
	struct load *l = opaque;
	struct store *s = l->s;
	struct domain *d;

	switch (l->r.type) {
	case STREAM_QUOTA:
		arena_touch(&s->a, s->r->quotas, sizeof s->r->quotas);
		quotas_named(s->r->quotas, &l->r);
		return 0;
	case STREAM_OUR_GLOBAL:
		arena_touch(&s->a, s->r->quotas, sizeof s->r->quotas);
		for (uint32_t i = 0; i < l->r.our_global.count && i < QUOTA_COUNT; i++)
			s->r->quotas[i] = stream_get32(l->r.our_global.quotas.at + 4ul * i);
		return 0;
	case STREAM_DOMAIN:
	case STREAM_OUR_DOMAIN:
		d = domain_find(s, l->r.type == STREAM_DOMAIN ? l->r.quota.domid : l->r.our_domain.domid);
		if (!d)
			return 0;
		TOUCH(s, d);
		if (l->r.type == STREAM_DOMAIN)
			quotas_named(d->limits, &l->r);
		for (uint32_t i = 0; l->r.type != STREAM_DOMAIN && i < l->r.our_domain.count && i < QUOTA_COUNT; i++)
			d->limits[i] = stream_get32(l->r.our_domain.limits.at + 4ul * i);
		return 0;
	default:
		return 0;
	}
}

static int pass_quotas(struct load *l)
{
	return arena_step(&l->s->a, quota_step, l);
}

/* ---- input */

static int pass_input(struct load *l)
{
	struct store *s = l->s;
	struct conn *c;
	struct stream_bytes in = l->r.link.in;

	if (l->r.type == STREAM_OUR_INPUT)
		in = l->r.input;
	else if (l->r.type != STREAM_CONN)
		return 0;
	l->last = 0; /* what was carried out before may have closed it */
	c = conn_by_id(l, l->r.conn);
	if (!c)
		return 0;
	/* A ring's position is behind these bytes already. */
	if (c->kind == STORE_RING)
		c->consumed -= (uint32_t)in.len;
	if (in.len)
		l->how->input(l->how->opaque, REF(s, c), in.at, in.len);
	return 0;
}

static int pass(struct load *l, const struct stream_in *start, int (*one)(struct load *l))
{
	struct stream_in in = *start;
	int r;

	while ((r = stream_next(&in, &l->r)) > 0) {
		r = one(l);
		if (r < 0)
			return r;
	}
	return r;
}

static int pass_none(struct load *l)
{
	return 0;
}

int store_stream_load(struct store *s, const void *bytes, size_t len, const struct stream_load *how)
{
	static int (*const passes[])(struct load *l) = {
		pass_none, pass_connections, pass_nodes, pass_things, pass_output, pass_quotas, pass_input,
	};
	static struct load l; /* too large for a stack; one load at a time */
	struct stream_in in;
	uint32_t quotas[QUOTA_COUNT];
	int r = stream_open(&in, bytes, len);

	memset(&l, 0, sizeof l);
	l.s = s;
	l.how = how;
	memcpy(quotas, s->r->quotas, sizeof quotas);
	for (size_t i = 0; !r && i < sizeof passes / sizeof *passes; i++) {
		/* What was within other limits once stays. */
		if (passes[i] == pass_connections)
			for (int k = 0; k < QUOTA_COUNT; k++)
				s->r->quotas[k] = UINT32_MAX - 1;
		if (passes[i] == pass_quotas)
			memcpy(s->r->quotas, quotas, sizeof quotas);
		r = pass(&l, &in, passes[i]);
	}
	for (ref_t at = s->r->conn_first; at; at = AT(s, conn, at)->next)
		AT(s, conn, at)->cookies[CONN_ID] = 0;
	return r;
}
