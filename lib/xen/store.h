/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The xenstore client of the control domain and of our backends, over libxenstore: bounded reads, batches of writes that are committed in one
 * transaction, watches in the event loop. Calls block until the store domain answers.
 */
#ifndef ATOLL_XEN_STORE_H
#define ATOLL_XEN_STORE_H

#include "event/loop.h"

#define STORE_PATH_MAX 256
#define STORE_VALUE_MAX 4096 /* xs_wire.h: XENSTORE_PAYLOAD_MAX */
#define STORE_BATCH_MAX 512  /* nodes in one batch: a guest with all its devices takes about 200 */
#define STORE_COMMIT_TRIES 64

struct store;
struct store_watch;

int store_open(struct loop *loop, struct store **store);
/* The store has forgotten us: a new connection, with the same watches. 0 or -errno. */
int store_reopen(struct loop *loop, struct store *store);
struct store *store_close(struct store *store);

/* The value, NUL-terminated. 0 or -errno: -ENOENT; -EMSGSIZE when it does not fit. */
int store_read(struct store *store, const char *path, char *value, size_t size);
/* Calls FN with the name of each node below PATH, at most STORE_LIST_MAX. 0 or -errno. */
#define STORE_LIST_MAX 512
int store_list(struct store *store, const char *path, void (*fn)(const char *name, void *data), void *data);

/* FN is called once at once (the store's way) and after each change at or below PATH; "@releaseDomain" and "@introduceDomain"
 * are special. PATH is what changed. */
typedef void store_watch_fn(struct store *store, const char *path, void *data);
int store_watch_add(struct store *store, const char *path, store_watch_fn *fn, void *data, struct store_watch **watch);
/* NULL is fine; returns NULL; legal from FN. */
struct store_watch *store_watch_remove(struct store_watch *watch);

int store_introduce(struct store *store, unsigned domid, uint64_t gfn, unsigned port);
/* DOMID may use the nodes of TARGET as TARGET may, as the device model of a guest needs. Both are introduced. */
int store_set_target(struct store *store, unsigned domid, unsigned target);
int store_release(struct store *store, unsigned domid);
/* It goes on after a suspend: when it stops again, that is told again. */
int store_resume(struct store *store, unsigned domid);

/* --- batches: errors are kept until the commit --- */
struct store_batch;
struct store_batch *store_batch_new(void);
/* Writes VALUE (NULL: "") to the node of the formatted path. PERMS is NULL (inherited) or like "n3,r0": owner and default
 * first (xenstore.txt), then others. */
void store_batch_put(struct store_batch *batch, const char *perms, const char *value, const char *path_fmt, ...) PRINTF(4, 5);
void store_batch_put_int(struct store_batch *batch, const char *perms, int64_t value, const char *path_fmt, ...) PRINTF(4, 5);
/* Sets the permissions of a node that exists and of all below it, at most STORE_TREE_MAX nodes and STORE_TREE_DEPTH levels: a
 * guest may have filled its own directory with whatever it likes. */
#define STORE_TREE_MAX 256
#define STORE_TREE_DEPTH 4
void store_batch_permit_tree(struct store_batch *batch, const char *perms, const char *path_fmt, ...) PRINTF(3, 4);
/* Removes a node and all below. */
void store_batch_remove(struct store_batch *batch, const char *path_fmt, ...) PRINTF(2, 3);
/* Drops it. NULL is fine. */
void store_batch_free(struct store_batch *batch);
/* All or nothing; frees the batch in any case. 0 or -errno. */
int store_commit(struct store *store, struct store_batch *batch);

#endif
