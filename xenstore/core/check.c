// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The checker: decides whether an arena can be trusted.
 *
 * It believes nothing. Every reference must be the start of a block in use of sufficient size, every list must be as
 * long as its counter says and link back, every node must be found where hashing puts it, and each domain's account
 * must be the sum of what it has.
 *
 * A restart waits for it, so it takes some 150 instructions a node.
 */
#include "arena-private.h"
#include "private.h"

struct checker {
	struct store *s;
	const uint8_t *used; /* one bit a granule: a block in use starts here */
	uint8_t *listed;     /* the same: a node that its table has */
	uint32_t granules;
	ref_t perms;         /* known to be right: most nodes share a few */
	const char *what;
};

/* Bytes of the block in use that starts there, 0 if there is none. A bit is set only in a slab and in the first page of a run. */
static inline size_t block_size(const struct checker *k, ref_t ref)
{
	const struct arena_page *p = &k->s->a.table[ref / (ARENA_PAGE / ARENA_GRANULE)];

	if (ref >= k->granules || !(k->used[ref / 8] >> ref % 8 & 1))
		return 0;
	return p->state <= ARENA_CLASSES ? arena_class_sizes[p->state - 1] : (size_t)p->used * ARENA_PAGE;
}

static inline bool block_ok(const struct checker *k, ref_t ref, size_t size)
{
	return block_size(k, ref) >= size;
}

static int wrong(struct checker *k, const char *what)
{
	k->what = what;
	return -EINVAL;
}

/* Notes the nodes of the table, so that the walk through the tree need not look them up or check their size again. */
static bool node_listed(struct checker *k, ref_t ref)
{
	size_t size = block_size(k, ref);

	if (size < sizeof(struct node) || size - sizeof(struct node) < AT(k->s, node, ref)->name_len)
		return false;
	k->listed[ref / 8] |= (uint8_t)(1u << ref % 8);
	return true;
}

/* The buckets from @b on that lie in one segment; the items of all so far are counted in @n. */
static int check_segment(struct checker *k, const struct table *table, size_t item_size, uint32_t b, uint32_t *n)
{
	const struct table t = *table; /* so that it is not read again after each write to a bitmap */
	const ref_t *bucket = table_bucket_at(&k->s->a, &t, b);
	uint32_t end = b ? b * 2 : TABLE_FIRST, items = *n;
	bool nodes = table == &k->s->r->nodes;

	for (end = end < t.buckets ? end : t.buckets; b < end; b++, bucket++) {
		for (ref_t at = *bucket; at;) {
			const struct table_link *link = arena_ptr(&k->s->a, at);

			if (!(nodes ? node_listed(k, at) : block_ok(k, at, item_size)) || ++items > t.count ||
			    table_bucket_number(&t, link->hash) != b)
				return -EINVAL;
			at = link->next;
		}
	}
	*n = items;
	return 0;
}

static int check_table(struct checker *k, const struct table *t, size_t item_size, const char *name)
{
	uint32_t n = 0, segments = 1, size = TABLE_FIRST;

	for (; size < t->buckets && segments < TABLE_SEGMENTS; segments++)
		size *= 2;
	if (t->buckets < TABLE_FIRST || size < t->buckets)
		return wrong(k, name);
	for (uint32_t i = 0, b = 0; i < segments; i++, b = TABLE_FIRST << (i - 1))
		if (!block_ok(k, t->segments[i], (size_t)(i ? b : TABLE_FIRST) * sizeof(ref_t)) ||
		    check_segment(k, t, item_size, b, &n))
			return wrong(k, name);
	return n == t->count ? 0 : wrong(k, name);
}

static inline int check_blob(struct checker *k, ref_t blob)
{
	size_t size;

	if (!blob)
		return 0;
	size = block_size(k, blob);
	if (size < sizeof(struct blob) || size - sizeof(struct blob) < AT(k->s, blob, blob)->len)
		return wrong(k, "value");
	return 0;
}

static int check_perms(struct checker *k, ref_t perms)
{
	const struct permset *p = AT(k->s, permset, perms);
	size_t size = block_size(k, perms);

	if (size < sizeof *p || !p->count || p->count > WIRE_PAYLOAD_MAX || !p->refs ||
	    size < sizeof *p + p->count * sizeof *p->perms)
		return wrong(k, "permissions");
	k->perms = perms;
	return 0;
}

static inline int check_node(struct checker *k, ref_t ref, ref_t parent, ref_t prev)
{
	struct store *s = k->s;
	const struct node *n = AT(s, node, ref);

	if (ref >= k->granules)
		return wrong(k, "node");
	if (!(k->listed[ref / 8] >> ref % 8 & 1) && (parent || !block_ok(k, ref, sizeof *n)))
		return wrong(k, parent ? "node's place in the table" : "node");
	if (n->parent != parent || n->prev != prev || n->born > s->r->gen || n->gen > s->r->gen)
		return wrong(k, "node's links");
	return check_blob(k, n->value) || ((!n->perms || n->perms != k->perms) && check_perms(k, n->perms)) ? -EINVAL : 0;
}

/* A subtree, counted into @count and into the check sums of owners. */
static int check_tree(struct checker *k, ref_t top, uint32_t *count)
{
	struct store *s = k->s;
	ref_t at = top, prev = 0, parent = 0;

	if (check_node(k, top, 0, 0))
		return -EINVAL;
	for (;;) {
		const struct node *n = AT(s, node, at);

		if (++*count > s->r->live_nodes)
			return wrong(k, "number of nodes");
		if (n->first) {
			parent = at;
			prev = 0;
			at = n->first;
		} else {
			while (at != top && !AT(s, node, at)->next) {
				if (AT(s, node, AT(s, node, at)->parent)->last != at)
					return wrong(k, "list of children");
				at = AT(s, node, at)->parent;
			}
			if (at == top)
				return 0;
			parent = AT(s, node, at)->parent;
			prev = at;
			at = AT(s, node, at)->next;
		}
		if (check_node(k, at, parent, prev))
			return -EINVAL;
	}
}

static int check_nodes(struct checker *k)
{
	struct store *s = k->s;
	uint32_t count = 0;

	if (check_tree(k, s->r->top, &count))
		return -EINVAL;
	for (ref_t at = s->r->trash; at; at = AT(s, node, at)->queue)
		if (check_tree(k, at, &count))
			return -EINVAL;
	return count == s->r->live_nodes ? 0 : wrong(k, "number of nodes");
}

/* Ghosts and old versions: in the order of their going, of nodes that exist, as many as are counted. */
static int check_past(struct checker *k)
{
	struct store *s = k->s;
	uint32_t n = 0;
	uint64_t last = 0;

	for (ref_t at = s->r->ghost_first; at; at = AT(s, node, at)->queue) {
		const struct node *g = AT(s, node, at);

		if (!block_ok(k, at, sizeof *g) || !(g->flags & NODE_GHOST) || g->died < last || ++n > s->r->old_count ||
		    (!g->queue && s->r->ghost_last != at))
			return wrong(k, "ghost");
		last = g->died;
	}
	last = 0;
	for (ref_t at = s->r->version_first; at; at = AT(s, version, at)->queue) {
		const struct version *v = AT(s, version, at);

		if (!block_ok(k, at, sizeof *v) || !block_ok(k, v->node, sizeof(struct node)) || v->superseded < last ||
		    ++n > s->r->old_count || (!v->queue && s->r->version_last != at))
			return wrong(k, "old version");
		if (check_blob(k, v->value) || check_perms(k, v->perms))
			return -EINVAL;
		last = v->superseded;
	}
	return n == s->r->old_count ? 0 : wrong(k, "number of ghosts and old versions");
}

static int check_messages(struct checker *k, const struct conn *c)
{
	struct store *s = k->s;
	uint32_t bytes = 0, events = 0, replies = 0;
	ref_t last = 0;

	for (ref_t at = c->out_first; at; at = AT(s, message, at)->next) {
		const struct message *m = AT(s, message, at);

		if (!block_ok(k, at, sizeof *m) || m->len > WIRE_MESSAGE_MAX || !block_ok(k, at, sizeof *m + m->len) ||
		    (bytes += m->len) > c->out_bytes + c->out_sent)
			return wrong(k, "output");
		*(m->event_of ? &events : &replies) += 1;
		last = at;
	}
	if (last != c->out_last || bytes - c->out_sent != c->out_bytes || events != c->out_events ||
	    replies != c->out_replies)
		return wrong(k, "output's sums");
	return 0;
}

static int check_watches(struct checker *k, const struct conn *c, uint32_t *count)
{
	struct store *s = k->s;
	ref_t prev = 0;

	for (ref_t at = c->watch_first; at; prev = at, at = AT(s, watch, at)->conn_next) {
		const struct watch *w = AT(s, watch, at);

		if (!block_ok(k, at, sizeof *w) || !block_ok(k, at, sizeof *w + w->token_len) || w->conn_prev != prev ||
		    w->conn != REF(s, c) || !block_ok(k, w->at, sizeof(struct watch_node)) ||
		    ++*count > s->r->watch_count)
			return wrong(k, "watch");
	}
	return prev == c->watch_last ? 0 : wrong(k, "list of watches");
}

static int check_entries(struct checker *k, const struct transaction *tx)
{
	struct store *s = k->s;
	uint32_t n = 0;
	ref_t prev = 0;

	for (ref_t at = tx->first; at; prev = at, at = AT(s, entry, at)->next) {
		const struct entry *e = AT(s, entry, at);

		if (!block_ok(k, at, sizeof *e) || !block_ok(k, at, sizeof *e + e->path_len) || e->prev != prev ||
		    e->transaction != REF(s, tx) || ++n > tx->entries)
			return wrong(k, "transaction's entry");
		if (check_blob(k, e->value) || (e->perms && check_perms(k, e->perms)) ||
		    (e->base_perms && check_perms(k, e->base_perms)))
			return -EINVAL;
		if (e->fresh && (!block_ok(k, e->fresh, sizeof(struct node)) ||
				 check_blob(k, AT(s, node, e->fresh)->value) ||
				 check_perms(k, AT(s, node, e->fresh)->perms)))
			return wrong(k, "transaction's node");
	}
	return prev == tx->last ? 0 : wrong(k, "transaction's entries");
}

static int check_transactions(struct checker *k, const struct conn *c, uint32_t *count)
{
	struct store *s = k->s;
	ref_t prev = 0;

	for (ref_t at = c->tx_first; at; prev = at, at = AT(s, transaction, at)->next) {
		const struct transaction *tx = AT(s, transaction, at);

		if (!block_ok(k, at, sizeof *tx) || tx->prev != prev || tx->conn != REF(s, c) ||
		    ++*count > s->r->tx_count)
			return wrong(k, "transaction");
		if (check_entries(k, tx))
			return -EINVAL;
	}
	return 0;
}

static int check_connections(struct checker *k)
{
	struct store *s = k->s;
	uint32_t n = 0, watches = 0, transactions = 0;
	ref_t prev = 0;

	for (ref_t at = s->r->conn_first; at; prev = at, at = AT(s, conn, at)->next) {
		const struct conn *c = AT(s, conn, at);

		if (!block_ok(k, at, sizeof *c) || c->prev != prev || ++n > s->r->conn_count)
			return wrong(k, "connection");
		if (check_blob(k, c->input) || (c->input_len && (!c->input || c->input_len > AT(s, blob, c->input)->len)))
			return wrong(k, "input");
		if (check_messages(k, c) || check_watches(k, c, &watches) || check_transactions(k, c, &transactions))
			return -EINVAL;
	}
	if (n != s->r->conn_count || watches != s->r->watch_count || transactions != s->r->tx_count)
		return wrong(k, "sums of connections");
	return 0;
}

static int check_domains(struct checker *k)
{
	struct store *s = k->s;
	uint32_t n = 0;
	uint64_t nodes = 0;

	for (ref_t at = s->r->domain_first, prev = 0; at; prev = at, at = AT(s, domain, at)->next) {
		const struct domain *d = AT(s, domain, at);

		if (!block_ok(k, at, sizeof *d) || d->prev != prev || ++n > s->r->domains.count ||
		    (d->conn && !block_ok(k, d->conn, sizeof(struct conn))))
			return wrong(k, "domain");
		nodes += d->nodes;
	}
	if (n != s->r->domains.count || nodes != s->r->live_nodes)
		return wrong(k, "sums of domains");
	return 0;
}

int store_check(struct store *s, uint8_t *bitmap, const char **what)
{
	struct checker k = { .s = s, .used = bitmap, .listed = bitmap + s->a.header->size / ARENA_GRANULE / 8,
			     .granules = (uint32_t)(s->a.header->size / ARENA_GRANULE), .what = "" };
	int r = 0;

	if (arena_check(&s->a, bitmap) < 0)
		r = wrong(&k, "arena");
	if (!r && !block_ok(&k, s->a.header->root, sizeof *s->r))
		r = wrong(&k, "root");
	if (!r)
		r = check_table(&k, &s->r->nodes, sizeof(struct node), "table of nodes");
	if (!r)
		r = check_table(&k, &s->r->permsets, sizeof(struct permset), "table of permissions");
	if (!r)
		r = check_table(&k, &s->r->domains, sizeof(struct domain), "table of domains");
	if (!r)
		r = check_table(&k, &s->r->watch_nodes, sizeof(struct watch_node), "table of watched paths");
	if (!r)
		r = check_table(&k, &s->r->entries, sizeof(struct entry), "table of entries");
	if (!r)
		r = check_nodes(&k);
	if (!r)
		r = check_past(&k);
	if (!r)
		r = check_domains(&k);
	if (!r)
		r = check_connections(&k);
	*what = k.what;
	return r;
}
