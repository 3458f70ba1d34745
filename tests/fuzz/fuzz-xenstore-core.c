// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Operations of several clients against a simple model.
 *
 * The model is a flat list of paths with values, and for each open transaction a copy of it: what transactions are
 * meant to look like, without any of the store's cleverness. Clients are privileged here, so that the model needs no
 * permissions; those have their own tests. After each input the arena must check.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/xenstore-random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODES 256
#define CLIENTS 3
#define OPEN 4

struct model {
	unsigned int count;
	char path[NODES][24];
	char value[NODES][8];
};

static struct harness h;

static void check(int good)
{
	if (!good)
		abort();
}

static int model_find(const struct model *m, const char *path)
{
	for (unsigned int i = 0; i < m->count; i++)
		if (!strcmp(m->path[i], path))
			return (int)i;
	return -1;
}

static void model_write(struct model *m, const char *path, const char *value)
{
	char up[24];
	int i = model_find(m, path);

	if (i < 0) {
		strcpy(up, path);
		*strrchr(up, '/') = 0;
		if (*up && model_find(m, up) < 0)
			model_write(m, up, "");
		i = (int)m->count++;
		strcpy(m->path[i], path);
		*m->value[i] = 0;
	}
	if (value)
		strcpy(m->value[i], value);
}

static void model_remove(struct model *m, const char *path)
{
	size_t len = strlen(path);
	unsigned int to = 0;

	for (unsigned int i = 0; i < m->count; i++) {
		if (!strncmp(m->path[i], path, len) && (!m->path[i][len] || m->path[i][len] == '/'))
			continue;
		if (to != i) {
			strcpy(m->path[to], m->path[i]);
			strcpy(m->value[to], m->value[i]);
		}
		to++;
	}
	m->count = to;
}

static void pick_path(struct random_source *r, char *path)
{
	*path = 0;
	for (uint32_t depth = 1 + pick(r, 3); depth; depth--)
		sprintf(path + strlen(path), "/%c", "abc"[pick(r, 3)]);
}

static void compare_read(store_conn c, uint32_t tx, const struct model *m, const char *path)
{
	int i = model_find(m, path), r = harness_raw(&h, c, WIRE_READ, tx, path, strlen(path) + 1);

	check(i < 0 ? r == -ENOENT : !r && !strcmp(h.reply, m->value[i]));
}

/* The children must be the same set. */
static void compare_children(store_conn c, uint32_t tx, const struct model *m, const char *path)
{
	size_t len = strlen(path), want = 0, names = 0;
	int r = harness_raw(&h, c, WIRE_DIRECTORY, tx, path, len + 1);

	if (model_find(m, path) < 0) {
		check(r == -ENOENT);
		return;
	}
	check(!r);
	for (unsigned int i = 0; i < m->count; i++)
		want += !strncmp(m->path[i], path, len) && m->path[i][len] == '/' && !strchr(m->path[i] + len + 1, '/');
	for (size_t at = 0; at < h.reply_len; at += strlen(h.reply + at) + 1, names++) {
		char child[48];

		snprintf(child, sizeof child, "%s/%.8s", path, h.reply + at);
		check(model_find(m, child) >= 0);
	}
	check(names == want);
}

/* What a transaction wrote. A commit leaves the tree as if that had been done at its end, all at once. */
struct write {
	uint8_t kind;
	char path[24], value[8];
};

#define WRITES 64

struct open_tx {
	uint32_t id;
	struct model tree; /* as the transaction sees it */
	struct write writes[WRITES];
	unsigned int count;
};

static struct model live;
static struct open_tx open_txs[CLIENTS][OPEN];

static void apply(struct model *m, const struct write *w)
{
	if (w->kind == WIRE_RM)
		model_remove(m, w->path);
	else
		model_write(m, w->path, w->kind == WIRE_WRITE ? w->value : NULL);
}

static void end_transaction(struct random_source *r, store_conn c, struct open_tx *tx)
{
	bool commit = pick(r, 3);
	int answer = commit ? ask(&h, c, WIRE_TRANSACTION_END, tx->id, "T") : ask(&h, c, WIRE_TRANSACTION_END, tx->id, "F");

	check(!answer || (commit && answer == -EAGAIN));
	for (unsigned int i = 0; commit && !answer && i < tx->count; i++)
		apply(&live, &tx->writes[i]);
	tx->id = 0;
}

static void begin_transaction(store_conn c, struct open_tx *tx)
{
	tx->id = harness_begin(&h, c);
	check(tx->id != 0);
	tx->tree = live;
	tx->count = 0;
}

static int send_write(store_conn c, uint32_t id, const struct write *w)
{
	char data[64];
	int len = sprintf(data, "%s%c%s", w->path, 0, w->value);

	return harness_raw(&h, c, w->kind, id, data, w->kind == WIRE_WRITE ? (size_t)len : strlen(w->path) + 1);
}

/* RM of what is not there is fine as long as its parent is. */
static int expected(const struct model *m, const struct write *w)
{
	char up[24];

	if (w->kind != WIRE_RM || model_find(m, w->path) >= 0)
		return 0;
	strcpy(up, w->path);
	*strrchr(up, '/') = 0;
	return !*up || model_find(m, up) >= 0 ? 0 : -ENOENT;
}

static void operation(struct random_source *r, const store_conn *conn)
{
	static const uint8_t kinds[] = { WIRE_WRITE, WIRE_WRITE, WIRE_MKDIR, WIRE_RM, WIRE_READ, WIRE_DIRECTORY };
	uint32_t k = pick(r, CLIENTS), o = pick(r, OPEN + 2), id;
	struct open_tx *tx = o < OPEN ? &open_txs[k][o] : NULL;
	struct model *m = tx ? &tx->tree : &live;
	struct write w = { kinds[pick(r, sizeof kinds)], "", "" };

	if (tx && !tx->id) {
		begin_transaction(conn[k], tx);
		return;
	}
	if (tx && !pick(r, 6)) {
		end_transaction(r, conn[k], tx);
		return;
	}
	id = tx ? tx->id : 0;
	pick_path(r, w.path);
	sprintf(w.value, "%u", pick(r, 200));
	if (w.kind == WIRE_READ) {
		compare_read(conn[k], id, m, w.path);
	} else if (w.kind == WIRE_DIRECTORY) {
		compare_children(conn[k], id, m, w.path);
	} else if (!tx || tx->count < WRITES) {
		check(send_write(conn[k], id, &w) == expected(m, &w));
		apply(m, &w);
		if (tx)
			tx->writes[tx->count++] = w;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct random_source r = { 0, data, size };
	store_conn conn[CLIENTS];
	const char *what;

	harness_start(&h, 1u << 20);
	live.count = 0;
	memset(open_txs, 0, sizeof open_txs);
	for (int i = 0; i < CLIENTS; i++)
		conn[i] = harness_open(&h, 0);
	while (r.len) {
		operation(&r, conn);
		if (!pick(&r, 8))
			store_idle(&h.s, 4);
	}
	for (unsigned int i = 0; i < live.count; i++)
		compare_read(conn[0], 0, &live, live.path[i]);
	check(harness_checked(&h, &what));
	/* Nothing of the past is kept when no transaction is open. */
	for (int i = 0; i < CLIENTS; i++)
		store_connection_close(&h.s, conn[i]);
	while (store_idle(&h.s, 1000))
		;
	check(harness_checked(&h, &what));
	harness_stop(&h);
	return 0;
}
