// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One path as a connection sees it: in the tree as it is now, or, within a transaction, in the tree as it was at the
 * transaction's start overlaid with what the transaction did.
 */
#include "private.h"

int path_canonical(struct store *s, const struct conn *c, const char *arg, bool special, char *path)
{
	struct text t = { path, WIRE_ABS_PATH_MAX + 2, 0 };
	size_t len = strlen(arg), max = WIRE_ABS_PATH_MAX;

	if (special && arg[0] == '@') {
		if (len > 64 || len < 2)
			return -EINVAL;
		for (size_t i = 1; i < len; i++)
			if ((arg[i] == '/' && (i == 1 || i + 1 == len || arg[i + 1] == '/')) || arg[i] <= ' ' || arg[i] > '~')
				return -EINVAL;
		memcpy(path, arg, len + 1);
		return (int)len;
	}
	if (!conn_privileged(s, c)) {
		uint32_t limit = quota_limit(s, domain_find(s, c->domid), QUOTA_PATH_MAX);

		max = limit < max ? limit : max;
	}
	if (arg[0] == '/') {
		if (!wire_path_valid(arg, len, max))
			return -EINVAL;
		memcpy(path, arg, len + 1);
		return (int)len;
	}
	/* A special name where none may be is no relative path. */
	if (!len || len > WIRE_REL_PATH_MAX || arg[0] == '@')
		return -EINVAL;
	text_add(&t, "/local/domain/");
	text_add_number(&t, c->domid, 0);
	text_add(&t, "/");
	text_add(&t, arg);
	return wire_path_valid(path, t.len, max) ? (int)t.len : -EINVAL;
}

static void resolve(const struct store *s, const struct node *n, const struct entry *e, uint64_t g, struct view *v)
{
	if (e && e->fresh) {
		v->value = AT(s, node, e->fresh)->value;
		v->perms = AT(s, node, e->fresh)->perms;
		return;
	}
	node_state(s, n, g, &v->value, &v->perms);
	if (e && e->value_set)
		v->value = e->value;
	if (e && e->perms)
		v->perms = e->perms;
}

void view_walk(struct store *s, struct transaction *tx, const char *path, size_t len, struct view *v)
{
	uint64_t g = tx ? tx_snapshot(tx) : GEN_LIVE;
	struct node *n = AT(s, node, s->r->top);
	size_t at = 1;

	memset(v, 0, sizeof *v);
	v->exists = v->snapshot_visible = true;
	v->entry = tx ? tx_entry(s, tx, "/", 1) : NULL;
	resolve(s, n, v->entry, g, v);
	for (; at < len;) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t end = slash ? (size_t)(slash - path) : len;
		/* Who made or removed the parent hides what the snapshot has below it. */
		struct node *child = n && v->snapshot_visible ? node_child(s, REF(s, n), path + at, end - at, g) : NULL;

		v->near_len = (uint32_t)(at > 1 ? at - 1 : 1);
		v->near_node = n;
		v->near_perms = v->perms;
		v->entry = tx ? tx_entry(s, tx, path, end) : NULL;
		if (v->entry && v->entry->state == ENTRY_REMOVED) {
			v->exists = false;
		} else if (v->entry && v->entry->state == ENTRY_CREATED) {
			child = NULL;
		} else if (!child) {
			v->exists = false;
		}
		if (!v->exists) {
			v->node = NULL;
			if (end < len) {
				/* What is below a removed path is hidden by the transaction itself. */
				if (v->entry && v->entry->state == ENTRY_REMOVED)
					v->snapshot_visible = false;
				v->entry = tx ? tx_entry(s, tx, path, len) : NULL;
			}
			return;
		}
		n = child;
		resolve(s, n, v->entry, g, v);
		if (!n && end < len)
			v->snapshot_visible = false;
		at = end + 1;
	}
	v->node = n;
	v->near_len = (uint32_t)len;
	v->near_node = n;
	v->near_perms = v->perms;
}

int view_get(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len, unsigned int need,
	     unsigned int reads, struct view *v)
{
	unsigned int perms_read = conn_privileged(s, c) ? 0 : READ_PERMS;

	view_walk(s, tx, path, len, v);
	if (tx) {
		struct entry *e = tx_note(s, c, tx, path, len, v, READ_EXISTENCE | reads | (v->exists ? perms_read : 0));

		if (!v->exists && perms_read) {
			struct view near;

			view_walk(s, tx, path, v->near_len, &near);
			tx_note(s, c, tx, path, v->near_len, &near, READ_EXISTENCE | READ_PERMS);
		}
		v->entry = e;
	}
	if ((perms_of(s, v->exists ? v->perms : v->near_perms, c) & need) != need)
		return -EACCES;
	return v->exists ? 0 : -ENOENT;
}

static void entry_charge(struct store *s, const struct transaction *tx, long bytes)
{
	quota_charge(s, AT(s, conn, tx->conn)->domid, bytes);
}

static long value_bytes(size_t len)
{
	return len ? (long)arena_real_size(sizeof(struct blob) + len) : 0;
}

void view_write(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len, struct view *v,
		const void *value, size_t value_len)
{
	struct entry *e = v->entry;
	ref_t blob = blob_new(s, value, value_len), *slot;

	if (!tx) {
		node_set_value(s, v->node, blob);
		fire_path(s, path, len, 0, 0, 0);
		return;
	}
	slot = e->fresh ? &AT(s, node, e->fresh)->value : &e->value;
	entry_charge(s, tx, value_bytes(value_len) - (*slot ? value_bytes(AT(s, blob, *slot)->len) : 0));
	if (*slot)
		arena_free(&s->a, arena_ptr(&s->a, *slot));
	SET(s, *slot, blob);
	SET(s, e->value_set, 1);
	SET(s, e->implied, 0);
}

static void create_one(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t from,
		       size_t end, ref_t perms, ref_t value, bool visible, bool implied)
{
	struct node *fresh = node_alloc(s, path + from, end - from, perms, value);
	struct entry *e = tx_entry(s, tx, path, end);

	if (!e) {
		e = entry_new(s, c, tx, path, end);
		e->reads = visible ? READ_EXISTENCE : 0;
	}
	TOUCH(s, e);
	e->state = ENTRY_CREATED;
	e->fresh = REF(s, fresh);
	e->value_set = 0;
	e->implied = implied;
	entry_charge(s, tx, (long)node_bytes(s, fresh));
	SET(s, tx->created, tx->created + 1);
	tx_move_last(s, tx, e);
}

void view_create(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len, struct view *v,
		 const void *value, size_t value_len)
{
	struct domain *d = domain_find(s, c->domid);
	struct node *parent = v->near_node;
	ref_t perms = v->near_perms;
	size_t at = v->near_len > 1 ? v->near_len + 1 : 1;
	uint32_t missing = 1;

	for (size_t i = at; i < len; i++)
		missing += path[i] == '/';
	quota_check(s, c, QUOTA_NODES, (d ? d->nodes : 0) + (tx ? tx->created : 0) + (uint64_t)missing);
	if (tx) {
		struct view near;

		view_walk(s, tx, path, v->near_len, &near);
		tx_note(s, c, tx, path, v->near_len, &near, READ_EXISTENCE);
	}
	while (at < len) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t end = slash ? (size_t)(slash - path) : len;
		ref_t blob = end == len ? blob_new(s, value, value_len) : 0;

		perms = perms_inherit(s, perms, c);
		if (tx) {
			create_one(s, c, tx, path, at, end, perms, blob, v->snapshot_visible, end < len);
		} else {
			struct node *n = node_alloc(s, path + at, end - at, perms, blob);

			node_link(s, parent, n);
			parent = n;
		}
		at = end + 1;
	}
	if (!tx)
		fire_path(s, path, len, 0, 0, 0);
}

void view_set_perms(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len,
		    struct view *v, ref_t perms)
{
	struct entry *e = v->entry;
	ref_t *slot;

	if (!tx) {
		ref_t old = perms_hold(s, v->node->perms);

		node_set_perms(s, v->node, perms);
		fire_path(s, path, len, 0, old, 0);
		perms_drop(s, old);
		return;
	}
	slot = e->fresh ? &AT(s, node, e->fresh)->perms : &e->perms;
	if (*slot)
		perms_drop(s, *slot);
	SET(s, *slot, perms);
	SET(s, e->implied, 0);
}

void view_remove(struct store *s, struct transaction *tx, const char *path, size_t len, struct view *v)
{
	struct entry *e = v->entry;

	if (!tx) {
		fire_path(s, path, len, REF(s, v->node), 0, FIRE_BELOW);
		node_remove(s, v->node);
		return;
	}
	for (ref_t at = tx->first; at; at = AT(s, entry, at)->next) {
		struct entry *below = AT(s, entry, at);

		if (below->path_len > len && below->path[len] == '/' && !memcmp(below->path, path, len))
			tx_forget_writes(s, tx, below);
	}
	tx_forget_writes(s, tx, e);
	if (e->base)
		SET(s, e->state, ENTRY_REMOVED);
	tx_move_last(s, tx, e);
}

void view_children(struct store *s, struct transaction *tx, const char *path, size_t len, const struct view *v,
		   bool (*each)(void *opaque, const char *name, size_t len), void *opaque)
{
	uint64_t g = tx ? tx_snapshot(tx) : GEN_LIVE;
	size_t base = len > 1 ? len + 1 : 1;
	char *sub = s->scratch[1];

	if (tx) {
		memcpy(sub, path, len);
		sub[base - 1] = '/';
	}
	for (ref_t at = v->node ? v->node->first : 0; at; at = AT(s, node, at)->next) {
		const struct node *n = AT(s, node, at);
		const struct entry *e = NULL;

		if (!node_visible(n, g))
			continue;
		if (tx && base + n->name_len < sizeof s->scratch[1]) {
			memcpy(sub + base, n->name, n->name_len);
			e = tx_entry(s, tx, sub, base + n->name_len);
		}
		if (e && e->state != ENTRY_READ)
			continue;
		if (!each(opaque, n->name, n->name_len))
			return;
	}
	for (ref_t at = tx ? tx->first : 0; at; at = AT(s, entry, at)->next) {
		const struct entry *e = AT(s, entry, at);

		if (e->state == ENTRY_CREATED && e->path_len > base && !memcmp(e->path, sub, base) &&
		    !memchr(e->path + base, '/', e->path_len - base) &&
		    !each(opaque, e->path + base, e->path_len - base))
			return;
	}
}
