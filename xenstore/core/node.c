// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The tree of nodes.
 *
 * A node is found by hashing (its parent, its name), so a path of n components costs n look-ups, however many siblings
 * there are. Open transactions see the tree as it was at their start: a node's old value and permissions stay as a
 * struct version, a removed node stays as a ghost, as long as a transaction is old enough to see them. Without open
 * transactions there are neither.
 *
 * A removed subtree leaves the tree with its root alone; its nodes are freed later, a few at a time (trash_work).
 */
#include "private.h"

static uint32_t node_hash(const struct store *s, ref_t parent, const char *name, size_t len)
{
	return table_hash(s->r->seed ^ (uint64_t)parent * 0x9e3779b97f4a7c15ull, name, len);
}

bool node_visible(const struct node *n, uint64_t g)
{
	if (g == GEN_LIVE)
		return !(n->flags & NODE_GHOST);
	return n->born <= g && (!(n->flags & NODE_GHOST) || n->died > g);
}

struct node *node_child(const struct store *s, ref_t parent, const char *name, size_t len, uint64_t g)
{
	uint32_t hash = node_hash(s, parent, name, len);
	struct node *n;

	TABLE_FOR_HASH(&s->a, &s->r->nodes, hash, n)
		if (n->parent == parent && n->name_len == len && !memcmp(n->name, name, len) && node_visible(n, g))
			return n;
	return NULL;
}

struct node *node_find(const struct store *s, const char *path, size_t len, uint64_t g)
{
	struct node *n = AT(s, node, s->r->top);
	size_t at = 1;

	while (n && at < len) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t end = slash ? (size_t)(slash - path) : len;

		n = node_child(s, REF(s, n), path + at, end - at, g);
		at = end + 1;
	}
	return n;
}

void node_state(const struct store *s, const struct node *n, uint64_t g, ref_t *value, ref_t *perms)
{
	*value = n->value;
	*perms = n->perms;
	if (g == GEN_LIVE || n->gen <= g)
		return;
	for (ref_t at = n->versions; at;) {
		const struct version *v = AT(s, version, at);

		*value = v->value;
		*perms = v->perms;
		if (v->gen <= g)
			return;
		at = v->older;
	}
}

ref_t blob_new(struct store *s, const void *bytes, size_t len)
{
	struct blob *b;

	if (!len)
		return 0;
	b = arena_alloc(&s->a, sizeof *b + len);
	b->len = (uint32_t)len;
	memcpy(b->data, bytes, len);
	return REF(s, b);
}

static void blob_free(struct store *s, ref_t blob)
{
	if (blob)
		arena_free(&s->a, arena_ptr(&s->a, blob));
}

static size_t blob_bytes(const struct store *s, ref_t blob)
{
	return blob ? arena_real_size(sizeof(struct blob) + AT(s, blob, blob)->len) : 0;
}

size_t node_bytes(const struct store *s, const struct node *n)
{
	return arena_real_size(sizeof *n + n->name_len) + blob_bytes(s, n->value);
}

/* ---- what open transactions still see */

static bool seen_by_transaction(const struct store *s, uint64_t gen)
{
	ref_t last = s->r->snap_last;

	return last && AT(s, transaction, last)->snapshot >= gen;
}

static void old_added(struct store *s)
{
	uint32_t limit = s->a.header->pages * 4;

	SET(s, s->r->old_count, s->r->old_count + 1);
	/* Whoever keeps a transaction open for long must not make the store keep the whole past. */
	if (s->r->old_count > limit && s->r->snap_first)
		tx_doom(s, AT(s, transaction, s->r->snap_first));
}

/* Keeps value and permissions as they are for those who can see them; the node then owns neither any more. */
static bool version_keep(struct store *s, struct node *n)
{
	struct version *v;

	if (!seen_by_transaction(s, n->gen))
		return false;
	v = arena_alloc(&s->a, sizeof *v);
	v->node = REF(s, n);
	v->older = n->versions;
	v->value = n->value;
	v->perms = n->perms;
	v->gen = n->gen;
	v->superseded = s->r->gen + 1;
	SET(s, n->versions, REF(s, v));
	ENQUEUE(s, version, s->r->version_first, s->r->version_last, v, queue);
	old_added(s);
	return true;
}

static void version_drop(struct store *s, struct version *v)
{
	struct node *n = AT(s, node, v->node);
	ref_t *at = &n->versions;

	while (*at && *at != REF(s, v))
		at = &AT(s, version, *at)->older;
	SET(s, *at, 0);
	SET(s, s->r->version_first, v->queue);
	if (!v->queue)
		SET(s, s->r->version_last, 0);
	SET(s, s->r->old_count, s->r->old_count - 1);
	blob_free(s, v->value);
	perms_drop(s, v->perms);
	arena_free(&s->a, v);
}

/* ---- making and changing */

struct node *node_alloc(struct store *s, const char *name, size_t len, ref_t perms, ref_t value)
{
	struct node *n = arena_alloc(&s->a, sizeof *n + len);

	memset(n, 0, sizeof *n);
	n->name_len = (uint16_t)len;
	memcpy(n->name, name, len);
	n->perms = perms;
	n->value = value;
	return n;
}

void node_discard(struct store *s, struct node *n)
{
	blob_free(s, n->value);
	if (n->perms)
		perms_drop(s, n->perms);
	arena_free(&s->a, n);
}

static void children_changed(struct store *s, struct node *parent)
{
	SET(s, s->r->gen, s->r->gen + 1);
	SET(s, parent->children_gen, s->r->gen);
}

void node_link(struct store *s, struct node *parent, struct node *n)
{
	children_changed(s, parent);
	TOUCH(s, n);
	n->parent = REF(s, parent);
	n->born = n->gen = n->children_gen = s->r->gen;
	LIST_APPEND(s, node, parent->first, parent->last, n, prev, next);
	table_insert(&s->a, &s->r->nodes, &n->link, node_hash(s, n->parent, n->name, n->name_len));
	SET(s, s->r->live_nodes, s->r->live_nodes + 1);
	domain_count_node(s, perms_owner(s, n->perms), 1, (long)node_bytes(s, n));
}

void node_set_value(struct store *s, struct node *n, ref_t value)
{
	ref_t old = n->value;
	long bytes = (long)blob_bytes(s, value) - (long)blob_bytes(s, old);

	arena_touch(&s->a, &n->value, sizeof n->value);
	arena_touch(&s->a, &n->gen, sizeof n->gen);
	if (version_keep(s, n))
		SET(s, n->perms, perms_hold(s, n->perms));
	else
		blob_free(s, old);
	SET(s, s->r->gen, s->r->gen + 1);
	n->value = value;
	n->gen = s->r->gen;
	if (bytes)
		domain_count_node(s, perms_owner(s, n->perms), 0, bytes);
}

void node_set_perms(struct store *s, struct node *n, ref_t perms)
{
	uint32_t from = perms_owner(s, n->perms), to = perms_owner(s, perms);
	long bytes = (long)node_bytes(s, n);
	ref_t old = n->perms;

	arena_touch(&s->a, &n->gen, sizeof n->gen);
	if (version_keep(s, n)) {
		const struct blob *b = n->value ? AT(s, blob, n->value) : NULL;

		/* The version has the value now. */
		if (b)
			SET(s, n->value, blob_new(s, b->data, b->len));
		SET(s, n->perms, perms);
	} else {
		SET(s, n->perms, perms);
		perms_drop(s, old);
	}
	SET(s, s->r->gen, s->r->gen + 1);
	n->gen = s->r->gen;
	if (from != to) {
		domain_count_node(s, from, -1, -bytes);
		domain_count_node(s, to, 1, bytes);
	}
}

/* ---- removal */

static void sibling_unlink(struct store *s, struct node *n)
{
	struct node *parent = AT(s, node, n->parent);

	LIST_TAKE(s, node, parent->first, parent->last, n, prev, next);
}

/* Takes a node that nobody sees any more out of the tree. Its descendants stay in the table until they are freed. */
static void node_to_trash(struct store *s, struct node *n)
{
	sibling_unlink(s, n);
	table_remove(&s->a, &s->r->nodes, &n->link);
	TOUCH(s, n);
	n->flags = NODE_DEAD;
	n->parent = 0;
	n->prev = n->next = 0;
	n->queue = s->r->trash;
	SET(s, s->r->trash, REF(s, n));
}

void node_remove(struct store *s, struct node *n)
{
	struct node *parent = AT(s, node, n->parent);

	children_changed(s, parent);
	/*
	 * At once only if nothing of the past is kept at all: below it there may be a ghost or an old version, which
	 * wait in their queues for older transactions to end, even when no open one can see them.
	 */
	if (!s->r->old_count && !seen_by_transaction(s, n->born)) {
		node_to_trash(s, n);
		return;
	}
	TOUCH(s, n);
	n->flags |= NODE_GHOST;
	n->died = s->r->gen;
	ENQUEUE(s, node, s->r->ghost_first, s->r->ghost_last, n, queue);
	old_added(s);
}

static int prune_step(void *opaque)
{
	struct store *s = opaque;
	uint64_t oldest = s->r->snap_first ? AT(s, transaction, s->r->snap_first)->snapshot : GEN_LIVE;
	int n = 0;

	while (s->r->version_first && n < (int)TRASH_BATCH) {
		struct version *v = AT(s, version, s->r->version_first);

		if (v->superseded <= oldest)
			version_drop(s, v), n++;
		else
			break;
	}
	/* Ghosts go after all versions that are as old: a ghost's versions are then gone before it. */
	while (s->r->ghost_first && n < (int)TRASH_BATCH) {
		struct node *g = AT(s, node, s->r->ghost_first);

		if (g->died > oldest)
			break;
		SET(s, s->r->ghost_first, g->queue);
		if (!g->queue)
			SET(s, s->r->ghost_last, 0);
		SET(s, s->r->old_count, s->r->old_count - 1);
		node_to_trash(s, g);
		n++;
	}
	return n;
}

void old_prune(struct store *s)
{
	while ((s->r->version_first || s->r->ghost_first) && arena_step(&s->a, prune_step, s) > 0)
		;
}

struct trash_job {
	struct store *s;
	unsigned int budget;
	uint32_t owner; /* of the nodes that were freed and are not yet counted … */
	uint32_t nodes; /* … so many … */
	size_t bytes;   /* … of that size */
};

static void trash_count(struct trash_job *job)
{
	struct store *s = job->s;

	if (!job->nodes)
		return;
	domain_count_node(s, job->owner, -(int)job->nodes, -(long)job->bytes);
	SET(s, s->r->live_nodes, s->r->live_nodes - job->nodes);
	job->nodes = 0;
	job->bytes = 0;
}

static int trash_step(void *opaque)
{
	struct trash_job *job = opaque;
	struct store *s = job->s;

	for (unsigned int i = 0; i < job->budget && s->r->trash; i++) {
		struct node *n = AT(s, node, s->r->trash);

		while (n->first)
			n = AT(s, node, n->first);
		if (n->parent) {
			sibling_unlink(s, n);
			table_remove(&s->a, &s->r->nodes, &n->link);
		} else {
			SET(s, s->r->trash, n->queue);
		}
		if (perms_owner(s, n->perms) != job->owner)
			trash_count(job);
		job->owner = perms_owner(s, n->perms);
		job->nodes++;
		job->bytes += node_bytes(s, n);
		node_discard(s, n);
	}
	trash_count(job);
	return s->r->trash != 0;
}

bool trash_work(struct store *s, unsigned int budget)
{
	while (s->r->trash && budget) {
		struct trash_job job = { .s = s, .budget = budget < TRASH_BATCH ? budget : TRASH_BATCH };

		budget -= job.budget;
		if (arena_step(&s->a, trash_step, &job) < 0)
			return false;
	}
	return s->r->trash != 0;
}
