// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Transactions: snapshot isolation.
 *
 *   START ──► open ──END T──► checked ──► committing (a few entries a step) ──► gone, "OK"
 *               │               └─ what it read did change ──► dropped, EAGAIN
 *               └──END F──► dropped, "OK"
 *
 * A transaction sees the tree of its start (node.c keeps old versions and ghosts for it) and keeps what it reads and
 * writes as entries by path. At its end it is refused only if a value, a list of children, a permission or an existence
 * that it did read is different now. Two transactions that add different children to one node read neither the list
 * nor each other, so both commit.
 *
 * Nothing can fail once it is checked: all memory was taken before. A restart during the commit finishes it.
 */
#include "private.h"

static uint32_t entry_hash(const struct store *s, const struct transaction *tx, const char *path, size_t len)
{
	return table_hash(s->r->seed ^ 0x7478 ^ (uint64_t)REF(s, tx) * 0x9e3779b97f4a7c15ull, path, len);
}

uint64_t tx_snapshot(const struct transaction *tx)
{
	return tx->flags & TX_DOOMED ? GEN_LIVE : tx->snapshot;
}

struct transaction *tx_find(const struct store *s, const struct conn *c, uint32_t id)
{
	for (ref_t at = c->tx_first; at; at = AT(s, transaction, at)->next)
		if (AT(s, transaction, at)->id == id)
			return AT(s, transaction, at);
	return NULL;
}

struct entry *tx_entry(const struct store *s, const struct transaction *tx, const char *path, size_t len)
{
	uint32_t hash = entry_hash(s, tx, path, len);
	struct entry *e;

	TABLE_FOR_HASH(&s->a, &s->r->entries, hash, e)
		if (e->transaction == REF(s, tx) && e->path_len == len && !memcmp(e->path, path, len))
			return e;
	return NULL;
}

static void entry_link_last(struct store *s, struct transaction *tx, struct entry *e)
{
	arena_touch(&s->a, &e->prev, 2 * sizeof e->prev);
	LIST_APPEND(s, entry, tx->first, tx->last, e, prev, next);
}

void tx_move_last(struct store *s, struct transaction *tx, struct entry *e)
{
	LIST_TAKE(s, entry, tx->first, tx->last, e, prev, next);
	entry_link_last(s, tx, e);
}

static long entry_bytes(const struct store *s, const struct entry *e)
{
	long bytes = (long)arena_real_size(sizeof *e + e->path_len);

	if (e->fresh)
		bytes += (long)node_bytes(s, AT(s, node, e->fresh));
	if (e->value)
		bytes += (long)arena_real_size(sizeof(struct blob) + AT(s, blob, e->value)->len);
	return bytes;
}

struct entry *entry_new(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len)
{
	struct entry *e;

	quota_check(s, c, QUOTA_TRANSACTION_NODES, tx->entries + 1u);
	e = arena_alloc(&s->a, sizeof *e + len);
	memset(e, 0, sizeof *e);
	e->transaction = REF(s, tx);
	e->path_len = (uint16_t)len;
	memcpy(e->path, path, len);
	table_insert(&s->a, &s->r->entries, &e->link, entry_hash(s, tx, path, len));
	entry_link_last(s, tx, e);
	SET(s, tx->entries, tx->entries + 1);
	quota_charge(s, c->domid, entry_bytes(s, e));
	return e;
}

struct entry *tx_note(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len,
		      const struct view *v, unsigned int reads)
{
	struct entry *e = v->entry;

	if (!e) {
		e = entry_new(s, c, tx, path, len);
		/* Hidden by what the transaction itself did: then nothing was learned of the tree. */
		if (!v->snapshot_visible)
			return e;
		e->base = v->node ? REF(s, v->node) : 0;
		e->reads = (uint8_t)reads;
	} else if (e->state == ENTRY_READ && (e->reads & reads) != reads && v->snapshot_visible) {
		/* A value that it wrote itself is no longer the tree's. */
		if (e->value_set)
			reads &= ~READ_VALUE;
		SET(s, e->reads, (uint8_t)(e->reads | reads));
	}
	if (reads & READ_PERMS && e->base && !e->base_perms && !e->perms)
		SET(s, e->base_perms, perms_hold(s, v->perms));
	return e;
}

/* What the transaction did to the path is forgotten, what it read of it is not. */
void tx_forget_writes(struct store *s, struct transaction *tx, struct entry *e)
{
	TOUCH(s, e);
	quota_charge(s, AT(s, conn, tx->conn)->domid, -entry_bytes(s, e));
	if (e->fresh) {
		node_discard(s, AT(s, node, e->fresh));
		SET(s, tx->created, tx->created - 1);
	}
	if (e->value)
		arena_free(&s->a, arena_ptr(&s->a, e->value));
	if (e->perms)
		perms_drop(s, e->perms);
	e->fresh = e->value = e->perms = 0;
	e->value_set = 0;
	e->state = ENTRY_READ;
	quota_charge(s, AT(s, conn, tx->conn)->domid, entry_bytes(s, e));
}

static void entry_free(struct store *s, struct transaction *tx, struct entry *e)
{
	tx_forget_writes(s, tx, e);
	if (e->base_perms)
		perms_drop(s, e->base_perms);
	quota_charge(s, AT(s, conn, tx->conn)->domid, -entry_bytes(s, e));
	LIST_TAKE(s, entry, tx->first, tx->last, e, prev, next);
	table_remove(&s->a, &s->r->entries, &e->link);
	arena_free(&s->a, e);
}

/* ---- snapshots */

static void tx_unlist(struct store *s, struct transaction *tx)
{
	if (!(tx->flags & TX_LISTED))
		return;
	LIST_TAKE(s, transaction, s->r->snap_first, s->r->snap_last, tx, snap_prev, snap_next);
	SET(s, tx->flags, tx->flags & ~TX_LISTED);
}

/* Gives up the snapshot. The transaction goes on with the tree as it is, and will end with EAGAIN. */
void tx_doom(struct store *s, struct transaction *tx)
{
	tx_unlist(s, tx);
	/* Its entries' bases may be gone from now on; they are not looked at any more. */
	SET(s, tx->flags, tx->flags | TX_DOOMED);
}

static int doom_step(void *opaque)
{
	struct store *s = opaque;

	tx_doom(s, AT(s, transaction, s->r->snap_first));
	return 0;
}

void doom_oldest(struct store *s)
{
	if (s->r->snap_first)
		arena_step(&s->a, doom_step, s);
}

/* ---- requests */

int handle_transaction_start(struct store *s, struct conn *c, const char *data, size_t len)
{
	struct domain *d = domain_get(s, c->domid);
	struct transaction *tx;
	char text[24];

	if (s->request->tx_id)
		return -EBUSY;
	quota_check(s, c, QUOTA_TRANSACTIONS, d->transactions + 1u);
	tx = arena_alloc(&s->a, sizeof *tx);
	memset(tx, 0, sizeof *tx);
	arena_touch(&s->a, &s->r->next_tx, sizeof s->r->next_tx);
	do {
		s->r->next_tx++;
	} while (!s->r->next_tx || tx_find(s, c, s->r->next_tx));
	tx->id = s->r->next_tx;
	tx->conn = REF(s, c);
	tx->snapshot = s->r->gen;
	tx->flags = TX_LISTED;
	LIST_PUSH(s, transaction, c->tx_first, tx, prev, next);
	LIST_APPEND(s, transaction, s->r->snap_first, s->r->snap_last, tx, snap_prev, snap_next);
	SET(s, d->transactions, d->transactions + 1);
	SET(s, s->r->tx_count, s->r->tx_count + 1);
	quota_seen(s, d, QUOTA_TRANSACTIONS, d->transactions);
	quota_charge(s, c->domid, (long)arena_real_size(sizeof *tx));
	wire_format_number(text, tx->id);
	return reply_text(s, c, text);
}

static bool blob_equal(const struct store *s, ref_t x, ref_t y)
{
	const struct blob *a, *b;

	if (x == y || !x || !y)
		return x == y;
	a = AT(s, blob, x);
	b = AT(s, blob, y);
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static bool entry_conflicts(const struct store *s, const struct transaction *tx, const struct entry *e)
{
	const struct node *n;
	ref_t value, perms;

	if (!e->reads)
		return false;
	n = node_find(s, e->path, e->path_len, GEN_LIVE);
	if ((n ? REF(s, n) : 0) != e->base)
		return true;
	if (!n)
		return false;
	if (e->reads & READ_CHILDREN && n->children_gen > tx->snapshot)
		return true;
	if (e->reads & READ_PERMS && e->base_perms && n->perms != e->base_perms)
		return true;
	if (e->reads & READ_VALUE && n->gen > tx->snapshot) {
		node_state(s, n, tx->snapshot, &value, &perms);
		return !blob_equal(s, value, n->value);
	}
	return false;
}

static bool tx_conflicts(const struct store *s, const struct transaction *tx)
{
	if (tx->flags & TX_DOOMED)
		return true;
	for (ref_t at = tx->first; at; at = AT(s, entry, at)->next)
		if (entry_conflicts(s, tx, AT(s, entry, at)))
			return true;
	return false;
}

int handle_transaction_end(struct store *s, struct conn *c, const char *data, size_t len)
{
	struct transaction *tx;
	bool commit;
	int error = 0;

	if (len != 2 || data[1] || (data[0] != 'T' && data[0] != 'F'))
		return -EINVAL;
	commit = data[0] == 'T';
	tx = s->request->tx_id ? tx_find(s, c, s->request->tx_id) : NULL;
	if (!tx)
		return -ENOENT;
	if (commit && tx_conflicts(s, tx)) {
		error = EAGAIN;
	} else if (commit && !conn_privileged(s, c) && tx->created) {
		const struct domain *d = domain_find(s, c->domid);

		if ((uint64_t)(d ? d->nodes : 0) + tx->created > quota_limit(s, d, QUOTA_NODES))
			error = ENOSPC;
	}
	tx_unlist(s, tx);
	TOUCH(s, tx);
	tx->id = 0;
	if (commit && !error) {
		/* The answer follows when all of it is done: commit_work(). */
		tx->flags |= TX_COMMITTING;
		tx->req_id = s->request->req_id;
		SET(s, s->r->commit_tx_id, s->request->tx_id);
	} else if (error) {
		reply_error(s, c, error);
	} else {
		reply_ok(s, c);
	}
	SET(s, s->r->committing, REF(s, tx));
	return 0;
}

/* ---- the end of a transaction, in steps */

static void entry_apply(struct store *s, struct entry *e)
{
	struct node *n = node_find(s, e->path, e->path_len, GEN_LIVE), *parent;
	size_t len = e->path_len;
	bool replaced = e->state != ENTRY_READ && n && e->base;
	ref_t old;

	if (replaced) {
		fire_path(s, e->path, len, REF(s, n), 0, FIRE_BELOW);
		node_remove(s, n);
	}
	if (e->state == ENTRY_CREATED) {
		while (len > 1 && e->path[len - 1] != '/')
			len--;
		parent = node_find(s, e->path, len > 1 ? len - 1 : 1, GEN_LIVE);
		if (!parent)
			return;
		n = AT(s, node, e->fresh);
		quota_charge(s, AT(s, conn, AT(s, transaction, e->transaction)->conn)->domid, -(long)node_bytes(s, n));
		SET(s, e->fresh, 0);
		node_link(s, parent, n);
		if (!e->implied && !replaced)
			fire_path(s, e->path, e->path_len, 0, 0, 0);
	} else if (e->state == ENTRY_READ && (e->value_set || e->perms) && n) {
		old = perms_hold(s, n->perms);
		if (e->value_set) {
			if (e->value)
				quota_charge(s, AT(s, conn, AT(s, transaction, e->transaction)->conn)->domid,
					     -(long)arena_real_size(sizeof(struct blob) + AT(s, blob, e->value)->len));
			node_set_value(s, n, e->value);
			SET(s, e->value, 0);
		}
		if (e->perms) {
			node_set_perms(s, n, e->perms);
			SET(s, e->perms, 0);
		}
		fire_path(s, e->path, e->path_len, 0, old, 0);
		perms_drop(s, old);
	}
}

/* Frees what is left of a transaction: an entry, or, when there is none, itself. True when it is gone. */
bool tx_drop_some(struct store *s, struct transaction *tx)
{
	struct conn *c = AT(s, conn, tx->conn);
	struct domain *d;

	tx_unlist(s, tx);
	if (tx->first) {
		entry_free(s, tx, AT(s, entry, tx->first));
		return false;
	}
	LIST_REMOVE(s, transaction, c->tx_first, tx, prev, next);
	d = domain_get(s, c->domid);
	SET(s, d->transactions, d->transactions - 1);
	SET(s, s->r->tx_count, s->r->tx_count - 1);
	quota_charge(s, c->domid, -(long)arena_real_size(sizeof *tx));
	arena_free(&s->a, tx);
	return true;
}

static int commit_step(void *opaque)
{
	struct store *s = opaque;
	struct transaction *tx = AT(s, transaction, s->r->committing);
	struct conn *c = AT(s, conn, tx->conn);
	struct wire_header h = { .type = WIRE_TRANSACTION_END, .req_id = tx->req_id, .len = 3 };
	bool committing = tx->flags & TX_COMMITTING;

	while (tx->first) {
		if (s->a.header->journal_len > s->a.header->journal_size / 4)
			return 1;
		if (committing) {
			struct entry *e = AT(s, entry, tx->first);

			entry_apply(s, e);
			/* Its fresh node is in the tree now: it no longer counts as one to be made. */
			if (e->state == ENTRY_CREATED && !e->fresh)
				SET(s, e->state, ENTRY_READ);
		}
		tx_drop_some(s, tx);
	}
	tx_drop_some(s, tx);
	SET(s, s->r->committing, 0);
	if (committing) {
		h.tx_id = s->r->commit_tx_id;
		memcpy(message_new(s, c, &h, 0)->bytes + WIRE_HEADER_SIZE, "OK", 3);
	}
	return 1;
}

bool commit_work(struct store *s)
{
	if (!s->r->committing)
		return false;
	if (arena_step(&s->a, commit_step, s) < 0)
		return false;
	if (!s->r->committing)
		old_prune(s);
	return true;
}
