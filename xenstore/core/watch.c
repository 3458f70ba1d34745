// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Watches. Watched paths form a tree of their own, found by hashing like the nodes: a change walks down that tree along
 * its own path, so watches elsewhere cost nothing.
 */
#include "private.h"

static uint32_t watch_hash(const struct store *s, ref_t parent, const char *name, size_t len)
{
	return table_hash(s->r->seed ^ 0x77617463 ^ (uint64_t)parent * 0x9e3779b97f4a7c15ull, name, len);
}

static struct watch_node *watch_child(const struct store *s, ref_t parent, const char *name, size_t len)
{
	uint32_t hash = watch_hash(s, parent, name, len);
	struct watch_node *w;

	TABLE_FOR_HASH(&s->a, &s->r->watch_nodes, hash, w)
		if (w->parent == parent && w->name_len == len && !memcmp(w->name, name, len))
			return w;
	return NULL;
}

static struct watch_node *watch_child_make(struct store *s, ref_t parent, const char *name, size_t len)
{
	struct watch_node *w = watch_child(s, parent, name, len), *up = AT(s, watch_node, parent);

	if (w)
		return w;
	w = arena_alloc(&s->a, sizeof *w + len);
	memset(w, 0, sizeof *w);
	w->parent = parent;
	w->name_len = (uint32_t)len;
	memcpy(w->name, name, len);
	LIST_PUSH(s, watch_node, up->first, w, prev, next);
	table_insert(&s->a, &s->r->watch_nodes, &w->link, watch_hash(s, parent, name, len));
	return w;
}

/* The deepest watch node along @path; @exact says whether it is that of the whole path. */
struct watch_node *watch_walk(const struct store *s, const char *path, size_t len, bool *exact)
{
	struct watch_node *w = AT(s, watch_node, path[0] == '@' ? s->r->watch_special : s->r->watch_top), *child;
	size_t at = path[0] == '@' ? 0 : 1;

	for (; at < len; w = child) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t end = slash ? (size_t)(slash - path) : len;

		child = watch_child(s, REF(s, w), path + at, end - at);
		if (!child) {
			*exact = false;
			return w;
		}
		at = end + 1;
	}
	*exact = true;
	return w;
}

static struct watch_node *watch_make(struct store *s, const char *path, size_t len)
{
	struct watch_node *w = AT(s, watch_node, path[0] == '@' ? s->r->watch_special : s->r->watch_top);
	size_t at = path[0] == '@' ? 0 : 1;

	while (at < len) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t end = slash ? (size_t)(slash - path) : len;

		w = watch_child_make(s, REF(s, w), path + at, end - at);
		at = end + 1;
	}
	return w;
}

/* Frees watch nodes that lead to no watch any more, from @w upwards. */
static void watch_node_put(struct store *s, struct watch_node *w)
{
	while (w->parent && !w->first && !w->watch_first) {
		struct watch_node *up = AT(s, watch_node, w->parent);

		LIST_REMOVE(s, watch_node, up->first, w, prev, next);
		table_remove(&s->a, &s->r->watch_nodes, &w->link);
		arena_free(&s->a, w);
		w = up;
	}
}

/* The path of a watch node, written to the end of @buffer; returns where it starts. */
const char *watch_path(const struct store *s, const struct watch_node *w, char *buffer, size_t size, size_t *len)
{
	char *at = buffer + size;

	if (!w->parent)
		*--at = '/';
	while (w->parent) {
		at -= w->name_len;
		memcpy(at, w->name, w->name_len);
		if (w->parent == s->r->watch_special)
			break;
		*--at = '/';
		w = AT(s, watch_node, w->parent);
	}
	*len = (size_t)(buffer + size - at);
	return at;
}

/* ---- requests */

static size_t watch_bytes(size_t token_len)
{
	/* The nodes of its path are charged in the rough. */
	return arena_real_size(sizeof(struct watch) + token_len) + sizeof(struct watch_node);
}

static struct watch *watch_find(const struct store *s, const struct conn *c, const char *path, size_t len,
				const char *token)
{
	bool exact;
	const struct watch_node *at = watch_walk(s, path, len, &exact);
	size_t token_len = strlen(token);

	for (ref_t ref = exact ? at->watch_first : 0; ref; ref = AT(s, watch, ref)->next) {
		struct watch *w = AT(s, watch, ref);

		if (w->conn == REF(s, c) && w->token_len == token_len && !memcmp(w->token, token, token_len))
			return w;
	}
	return NULL;
}

static struct watch *watch_add(struct store *s, struct conn *c, const char *path, size_t len, const char *token,
			       uint32_t depth, uint16_t flags)
{
	size_t token_len = strlen(token);
	struct watch *w = arena_alloc(&s->a, sizeof *w + token_len);
	struct watch_node *at = watch_make(s, path, len);
	struct domain *d = domain_get(s, c->domid);

	memset(w, 0, sizeof *w);
	w->at = REF(s, at);
	w->conn = REF(s, c);
	w->depth = depth;
	w->flags = flags;
	w->token_len = (uint16_t)token_len;
	memcpy(w->token, token, token_len);
	LIST_APPEND(s, watch, at->watch_first, at->watch_last, w, prev, next);
	LIST_APPEND(s, watch, c->watch_first, c->watch_last, w, conn_prev, conn_next);
	SET(s, d->watches, d->watches + 1);
	SET(s, s->r->watch_count, s->r->watch_count + 1);
	quota_seen(s, d, QUOTA_WATCHES, d->watches);
	quota_charge(s, c->domid, (long)watch_bytes(token_len));
	return w;
}

void watch_remove(struct store *s, struct watch *w)
{
	struct watch_node *at = AT(s, watch_node, w->at);
	struct conn *c = AT(s, conn, w->conn);
	struct domain *d = domain_get(s, c->domid);

	LIST_TAKE(s, watch, at->watch_first, at->watch_last, w, prev, next);
	LIST_TAKE(s, watch, c->watch_first, c->watch_last, w, conn_prev, conn_next);
	SET(s, d->watches, d->watches - 1);
	SET(s, s->r->watch_count, s->r->watch_count - 1);
	quota_charge(s, c->domid, -(long)watch_bytes(w->token_len));
	arena_free(&s->a, w);
	watch_node_put(s, at);
}

/* WATCH <path>|<token>|[<depth>|] */
int handle_watch(struct store *s, struct conn *c, const char *data, size_t len)
{
	int n = wire_count_strings(data, len), path_len;
	const char *token, *depth_text;
	uint64_t depth = WATCH_ANY_DEPTH;
	char *path = s->scratch[0];
	const struct domain *d = domain_find(s, c->domid);
	struct watch *w;

	if (n != 2 && n != 3)
		return -EINVAL;
	token = wire_next_string(data, len, data);
	path_len = path_canonical(s, c, data, true, path);
	if (path_len < 0)
		return path_len;
	if (n == 3) {
		depth_text = wire_next_string(data, len, token);
		if (wire_parse_number(depth_text, UINT32_MAX - 1, &depth))
			return -EINVAL;
	}
	if (watch_find(s, c, path, (size_t)path_len, token))
		return -EEXIST;
	quota_check(s, c, QUOTA_WATCHES, (d ? d->watches : 0) + 1u);
	w = watch_add(s, c, path, (size_t)path_len, token, (uint32_t)depth,
		      data[0] != '/' && data[0] != '@' ? WATCH_RELATIVE : 0);
	reply_ok(s, c);
	/* The first event comes at once, whatever may be read: so the client knows that the watch is there. */
	event_queue(s, w, path, (size_t)path_len);
	return 0;
}

int handle_unwatch(struct store *s, struct conn *c, const char *data, size_t len)
{
	char *path = s->scratch[0];
	struct watch *w;
	int path_len;

	path_len = path_canonical(s, c, data, true, path);
	if (path_len < 0)
		return path_len;
	w = watch_find(s, c, path, (size_t)path_len, wire_next_string(data, len, data));
	if (!w)
		return -ENOENT;
	watch_remove(s, w);
	return reply_ok(s, c);
}
