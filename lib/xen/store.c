// SPDX-License-Identifier: LGPL-2.1-or-later
/* The xenstore client of the control domain, over libxenstore. */
#include "xen/store.h"

#include <errno.h>
#include <string.h>
#include <xenstore.h>

#include "base/log.h"

#define PERMS_MAX 4

struct store_watch {
	struct store *store;
	struct store_watch *next;
	store_watch_fn *fn; /* NULL once removed */
	void *data;
	char path[STORE_PATH_MAX];
	char token[16];
};

struct store {
	struct xs_handle *xs;
	struct source *source;
	struct store_watch *watches;
	unsigned last_token;
	bool dispatching;
};

enum op_kind { OP_WRITE, OP_PERMIT_TREE, OP_REMOVE };

struct op {
	enum op_kind kind;
	char path[STORE_PATH_MAX];
	char *value;
	struct xs_permissions perms[PERMS_MAX];
	unsigned perm_count;
};

struct store_batch {
	struct op *ops;
	unsigned count, size;
	int error;
};

/* --- watches --- */

static void forget_removed(struct store *store)
{
	struct store_watch **link = &store->watches;

	while (*link) {
		struct store_watch *watch = *link;

		if (watch->fn) {
			link = &watch->next;
			continue;
		}
		*link = watch->next;
		free(watch);
	}
}

static void on_watch(struct source *source, uint32_t events, void *data)
{
	struct store *store = data;
	char **event;

	store->dispatching = true;
	while ((event = xs_check_watch(store->xs))) {
		for (struct store_watch *w = store->watches; w; w = w->next) {
			if (w->fn && !strcmp(w->token, event[XS_WATCH_TOKEN]))
				w->fn(store, event[XS_WATCH_PATH], w->data);
		}
		free(event);
	}
	store->dispatching = false;
	forget_removed(store);
}

int store_watch_add(struct store *store, const char *path, store_watch_fn *fn, void *data, struct store_watch **out)
{
	struct store_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	*watch = (struct store_watch){.store = store, .fn = fn, .data = data};
	snprintf(watch->token, sizeof(watch->token), "%u", ++store->last_token);
	if (format(watch->path, sizeof(watch->path), "%s", path) < 0 || !xs_watch(store->xs, path, watch->token)) {
		int r = errno ? -errno : -ENAMETOOLONG;

		free(watch);
		return r;
	}
	watch->next = store->watches;
	store->watches = watch;
	*out = watch;
	return 0;
}

struct store_watch *store_watch_remove(struct store_watch *watch)
{
	if (!watch)
		return NULL;
	xs_unwatch(watch->store->xs, watch->path, watch->token);
	watch->fn = NULL;
	if (!watch->store->dispatching)
		forget_removed(watch->store);
	return NULL;
}

/* --- the handle --- */

int store_open(struct loop *loop, struct store **out)
{
	struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->xs = xs_open(XS_UNWATCH_FILTER);
	r = store->xs ? loop_add_fd(loop, xs_fileno(store->xs), EPOLLIN, on_watch, store, &store->source) : -errno;
	if (r < 0) {
		store_close(store);
		return r;
	}
	*out = store;
	return 0;
}

int store_reopen(struct loop *loop, struct store *store)
{
	struct xs_handle *xs = xs_open(XS_UNWATCH_FILTER);
	int r = xs ? 0 : -errno;

	if (r < 0)
		return r;
	source_destroy(store->source);
	store->source = NULL;
	xs_close(store->xs);
	store->xs = xs;
	r = loop_add_fd(loop, xs_fileno(xs), EPOLLIN, on_watch, store, &store->source);
	for (struct store_watch *w = store->watches; r == 0 && w; w = w->next)
		if (w->fn && !xs_watch(xs, w->path, w->token))
			r = -errno;
	return r;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	source_destroy(store->source);
	for (struct store_watch *w = store->watches; w; w = w->next)
		w->fn = NULL;
	forget_removed(store);
	if (store->xs)
		xs_close(store->xs);
	free(store);
	return NULL;
}

int store_read(struct store *store, const char *path, char *value, size_t size)
{
	unsigned len;
	AUTO_FREE char *data = xs_read(store->xs, XBT_NULL, path, &len);

	if (!data)
		return -errno;
	if (len >= size || memchr(data, 0, len))
		return -EMSGSIZE;
	memcpy(value, data, len);
	value[len] = '\0';
	return 0;
}

int store_list(struct store *store, const char *path, void (*fn)(const char *name, void *data), void *data)
{
	unsigned count = 0;
	AUTO_FREE char **names = xs_directory(store->xs, XBT_NULL, path, &count);

	if (!names)
		return -errno;
	for (unsigned i = 0; i < MIN(count, (unsigned)STORE_LIST_MAX); i++)
		fn(names[i], data);
	return 0;
}

int store_introduce(struct store *store, unsigned domid, uint64_t gfn, unsigned port)
{
	return xs_introduce_domain(store->xs, domid, gfn, port) ? 0 : -errno;
}

int store_set_target(struct store *store, unsigned domid, unsigned target)
{
	return xs_set_target(store->xs, domid, target) ? 0 : -errno;
}

int store_release(struct store *store, unsigned domid)
{
	return xs_release_domain(store->xs, domid) ? 0 : -errno;
}

int store_resume(struct store *store, unsigned domid)
{
	return xs_resume_domain(store->xs, domid) ? 0 : -errno;
}

/* --- batches --- */

struct store_batch *store_batch_new(void)
{
	return calloc(1, sizeof(struct store_batch));
}

void store_batch_free(struct store_batch *batch)
{
	for (unsigned i = 0; batch && i < batch->count; i++)
		free(batch->ops[i].value);
	if (batch)
		free(batch->ops);
	free(batch);
}

/* "n3,r0" */
static int read_perms(struct op *op, const char *text)
{
	while (text && *text) {
		struct xs_permissions *p = &op->perms[op->perm_count];
		char *end;

		if (op->perm_count == PERMS_MAX)
			return -E2BIG;
		p->perms = *text == 'n' ? XS_PERM_NONE : *text == 'r' ? XS_PERM_READ : *text == 'w' ? XS_PERM_WRITE
											  : XS_PERM_READ | XS_PERM_WRITE;
		p->id = (unsigned)strtoul(text + 1, &end, 10);
		op->perm_count++;
		text = *end == ',' ? end + 1 : end;
	}
	return 0;
}

static struct op *add_op(struct store_batch *batch, enum op_kind kind, const char *perms, const char *fmt, va_list ap)
{
	struct op *op;
	int n;

	if (!batch || batch->error)
		return NULL;
	if (batch->count == batch->size) {
		unsigned size = batch->size ? batch->size * 2 : 32;
		struct op *ops = size <= STORE_BATCH_MAX ? realloc(batch->ops, size * sizeof(*ops)) : NULL;

		if (!ops) {
			batch->error = size <= STORE_BATCH_MAX ? -ENOMEM : -E2BIG;
			return NULL;
		}
		batch->ops = ops;
		batch->size = size;
	}
	op = &batch->ops[batch->count];
	*op = (struct op){.kind = kind};
	n = vsnprintf(op->path, sizeof(op->path), fmt, ap);
	if (n < 0 || (size_t)n >= sizeof(op->path))
		batch->error = -ENAMETOOLONG;
	else
		batch->error = read_perms(op, perms);
	if (batch->error)
		return NULL;
	batch->count++;
	return op;
}

void store_batch_put(struct store_batch *batch, const char *perms, const char *value, const char *fmt, ...)
{
	struct op *op;
	va_list ap;

	va_start(ap, fmt);
	op = add_op(batch, OP_WRITE, perms, fmt, ap);
	va_end(ap);
	if (op && !(op->value = strdup(value ? value : "")))
		batch->error = -ENOMEM;
}

void store_batch_put_int(struct store_batch *batch, const char *perms, int64_t value, const char *fmt, ...)
{
	struct op *op;
	va_list ap;

	va_start(ap, fmt);
	op = add_op(batch, OP_WRITE, perms, fmt, ap);
	va_end(ap);
	if (op && asprintf(&op->value, "%lld", (long long)value) < 0) {
		op->value = NULL;
		batch->error = -ENOMEM;
	}
}

void store_batch_permit_tree(struct store_batch *batch, const char *perms, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_op(batch, OP_PERMIT_TREE, perms, fmt, ap);
	va_end(ap);
}

void store_batch_remove(struct store_batch *batch, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_op(batch, OP_REMOVE, NULL, fmt, ap);
	va_end(ap);
}

static bool permit_tree(struct xs_handle *xs, xs_transaction_t t, const char *path, struct op *op, unsigned depth, unsigned *left)
{
	AUTO_FREE char **names = NULL;
	unsigned count = 0;

	if (!*left || !xs_set_permissions(xs, t, path, op->perms, op->perm_count))
		return !*left;
	(*left)--;
	names = depth ? xs_directory(xs, t, path, &count) : NULL;
	for (unsigned i = 0; names && i < count; i++) {
		char child[STORE_PATH_MAX];

		if (format(child, sizeof(child), "%s/%s", path, names[i]) == 0 && !permit_tree(xs, t, child, op, depth - 1, left))
			return false;
	}
	return true;
}

static bool apply(struct xs_handle *xs, xs_transaction_t t, struct op *op)
{
	unsigned left = STORE_TREE_MAX;

	switch (op->kind) {
	case OP_WRITE:
		if (!xs_write(xs, t, op->path, op->value, (unsigned)strlen(op->value)))
			return false;
		break;
	case OP_REMOVE:
		return xs_rm(xs, t, op->path) || errno == ENOENT;
	case OP_PERMIT_TREE:
		return permit_tree(xs, t, op->path, op, STORE_TREE_DEPTH, &left);
	}
	return !op->perm_count || xs_set_permissions(xs, t, op->path, op->perms, op->perm_count);
}

static int try_commit(struct xs_handle *xs, struct store_batch *batch)
{
	xs_transaction_t t = xs_transaction_start(xs);

	if (t == XBT_NULL)
		return -errno;
	for (unsigned i = 0; i < batch->count; i++) {
		if (!apply(xs, t, &batch->ops[i])) {
			int r = -errno;

			log_error("store: %s: %s", batch->ops[i].path, strerror(-r));
			xs_transaction_end(xs, t, true);
			return r;
		}
	}
	return xs_transaction_end(xs, t, false) ? 0 : -errno;
}

int store_commit(struct store *store, struct store_batch *batch)
{
	int r = batch ? batch->error : -ENOMEM;

	for (unsigned i = 0; r == 0 && i < STORE_COMMIT_TRIES; i++) {
		r = try_commit(store->xs, batch);
		if (r != -EAGAIN)
			break;
		r = i + 1 < STORE_COMMIT_TRIES ? 0 : -EAGAIN;
	}
	store_batch_free(batch);
	return r;
}
