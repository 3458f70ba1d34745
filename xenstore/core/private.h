// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The structures in the arena, and what the parts of the core offer each other.
 *
 *   request -> view -> { node, transaction } -> perms, watch, domain -> conn -> table -> arena
 *
 * Everything in here but the lookups runs within an arena step: a function that fails does so with arena_fail() or a
 * negative return, and the step takes back all it did.
 */
#ifndef ATOLL_XENSTORE_PRIVATE_H
#define ATOLL_XENSTORE_PRIVATE_H

#include <errno.h>
#include <string.h>

#include "store.h"
#include "table.h"

#define GEN_LIVE UINT64_MAX /* "as it is now" where a snapshot's generation is asked for */

/* Limits that are not quotas. */
#define FIRE_BATCH 16u          /* watch events queued in one step */
#define TRASH_BATCH 16u         /* nodes freed in one step */
#define CLOSE_BATCH 16u         /* watches or transaction entries dropped in one step */
#define SOCKET_OUTPUT_MAX 65536u /* bytes of unread output above which a socket's input waits */
#define RING_OUTPUT_MAX 8192u    /* the same for a ring */
#define EVENTS_COMPARED 32u     /* waiting events that a new one is compared with */
#define EVENTS_FREE 20u            /* events that may always wait */
#define EVENTS_MAX 1024u           /* events waiting for a domain, as long as its memory allows */
#define PRIVILEGED_EVENTS_MAX 20000u /* the same for a privileged connection */

struct blob {
	uint32_t len;
	unsigned char data[];
};

struct permset { /* shared by all nodes that have the same permissions */
	struct table_link link;
	uint32_t refs;
	uint32_t count;
	struct perm perms[];
};

#define NODE_GHOST 1u /* removed, but an open transaction still sees it */
#define NODE_DEAD 2u  /* removed for good; root of a subtree in the trash */

struct node {
	struct table_link link; /* by parent and name */
	ref_t parent;
	ref_t prev;         /* siblings, in the order of their creation */
	ref_t first, last;  /* children */
	ref_t value, perms; /* blob or 0, permset */
	ref_t versions;     /* newest old version that a transaction may see */
	ref_t queue;        /* next ghost, or next in the trash */
	uint64_t gen; /* of the last change of value or permissions */
	union {
		uint64_t children_gen; /* of the last change of the list of children */
		uint64_t died;         /* of a ghost */
	};
	/* What a listing looks at lies together. */
	uint64_t born;
	ref_t next; /* sibling */
	uint16_t name_len;
	uint8_t flags;
	uint8_t pad;
	char name[];
};

struct version {
	ref_t queue; /* next in the order of being superseded */
	ref_t node;
	ref_t older;
	ref_t value, perms;
	uint32_t pad;
	uint64_t gen, superseded;
};

struct watch_node { /* one component of a watched path */
	struct table_link link;
	ref_t parent;
	ref_t prev, next, first; /* siblings, children */
	ref_t watch_first, watch_last;
	uint32_t name_len;
	char name[];
};

#define WATCH_RELATIVE 1u
#define WATCH_MISSED 2u /* an event could not be queued; one for the watch itself follows when there is room */
#define WATCH_ANY_DEPTH UINT32_MAX

struct watch {
	ref_t at;         /* watch_node */
	ref_t prev, next; /* at that node */
	ref_t conn;
	ref_t conn_prev, conn_next;
	uint32_t depth;
	uint16_t token_len;
	uint16_t flags;
	char token[];
};

enum entry_state {
	ENTRY_READ = 0, /* only read, or its value or permissions were written: see value_set, perms */
	ENTRY_CREATED,  /* new, or new again; nothing below it comes from the snapshot */
	ENTRY_REMOVED
};
#define READ_EXISTENCE 1u
#define READ_VALUE 2u
#define READ_CHILDREN 4u
#define READ_PERMS 8u

struct entry { /* what a transaction knows of one path */
	struct table_link link; /* by transaction and path */
	ref_t transaction;
	ref_t prev, next; /* of the transaction, in the order of the last creation */
	ref_t base;       /* node of the snapshot, or 0 */
	ref_t base_perms; /* its permissions when they were read; counted */
	ref_t value, perms; /* written ones; counted */
	ref_t fresh;      /* the node that a commit will link, allocated beforehand */
	uint8_t state;
	uint8_t reads;
	uint8_t value_set;
	uint8_t implied; /* made on the way to another one: no event of its own */
	uint16_t path_len;
	char path[];
};

#define TX_DOOMED 1u /* its snapshot was given up: its end answers EAGAIN */
#define TX_COMMITTING 2u
#define TX_LISTED 4u /* has a snapshot */

struct transaction {
	ref_t conn;
	ref_t prev, next;         /* of the connection */
	ref_t snap_prev, snap_next; /* of all, oldest snapshot first */
	ref_t first, last;        /* entries */
	uint32_t id;
	uint32_t flags;
	uint32_t entries;
	uint32_t created; /* nodes it will add to its domain */
	uint32_t req_id;  /* of the END that is being carried out */
	uint64_t snapshot;
};

struct message {
	ref_t next;
	uint32_t len; /* of bytes */
	ref_t event_of; /* watch that caused it; 0 for a reply */
	uint32_t pad;
	unsigned char bytes[];
};

#define DOMAIN_INTRODUCED 1u
#define DOMAIN_SHUTDOWN 2u
#define DOMAIN_RELEASED 4u
#define NO_DOMID UINT32_MAX
#define QUOTA_DEFAULT UINT32_MAX

struct domain {
	struct table_link link; /* by domid */
	ref_t prev, next;
	uint32_t domid;
	uint32_t target; /* SET_TARGET, or NO_DOMID */
	uint32_t flags;
	ref_t conn;
	uint32_t port;
	uint32_t features; /* mask offered */
	ref_t release_perms; /* of @releaseDomain/<domid>, counted; 0: those of @releaseDomain */
	uint32_t nodes, watches, transactions, outstanding;
	uint32_t peak[QUOTA_COUNT];
	uint32_t refused[QUOTA_COUNT];
	uint32_t limits[QUOTA_COUNT]; /* QUOTA_DEFAULT: the store's */
	uint64_t memory;
};

#define CONN_DEFUNCT 1u  /* its domain is gone or it is closing: no input, no output */
#define CONN_BROKEN 2u   /* broke the protocol */
#define CONN_MISSED 4u   /* has watches that missed events */
#define CONN_RESETTING 8u /* RESET_WATCHES is under way */
#define CONN_SILENT 32u    /* the reset under way is not a request: no answer */
#define CONN_CLOSING 16u  /* to be freed when its things are gone */

struct conn {
	ref_t prev, next;
	uint32_t domid;
	uint32_t kind;
	uint32_t flags;
	uint32_t consumed, produced;
	ref_t input; /* blob of WIRE_MESSAGE_MAX or what is needed; half a request */
	uint32_t input_len;
	ref_t out_first, out_last;
	uint32_t out_sent; /* bytes of the first message that are gone */
	uint32_t out_bytes, out_events, out_replies;
	ref_t watch_first, watch_last;
	ref_t tx_first;
	uint32_t transactions;
	uint32_t reset_req_id, reset_tx_id; /* of the RESET_WATCHES under way */
	uint32_t events_missed;
	uint32_t cookies[STORE_COOKIES];
};

/* Watches to be fired, kept in the arena so that a restart fires the rest. */
#define FIRE_EXACT 1u /* only watches on this very path */
#define FIRE_BELOW 2u /* a removal: also watches on paths below that existed */
struct fire {
	ref_t next;
	ref_t removed; /* removed node, still intact; or 0 */
	ref_t perms;   /* permissions before the change, counted; or 0 */
	ref_t at;      /* watch node that is next */
	ref_t watch;   /* watch that is next at that node; 0: the node's first */
	ref_t top;     /* watch node of the path, if there is one: where FIRE_BELOW starts */
	uint16_t flags;
	uint16_t path_len;
	char path[];
};

struct store_root {
	struct table nodes, permsets, domains, watch_nodes, entries;
	ref_t top;           /* the node "/" */
	ref_t watch_top;     /* the watch node "/" */
	ref_t watch_special; /* parent of "@introduceDomain" and the like */
	ref_t special_perms[2]; /* of @introduceDomain and @releaseDomain */
	ref_t conn_first;
	ref_t domain_first;
	ref_t snap_first, snap_last;
	ref_t ghost_first, ghost_last;
	ref_t version_first, version_last;
	ref_t trash;
	ref_t fire_first, fire_last;
	ref_t committing;
	uint32_t commit_tx_id;
	ref_t resetting;   /* connection whose RESET_WATCHES is under way */
	uint32_t closing;  /* connections with CONN_CLOSING */
	uint32_t releasing; /* domains with DOMAIN_RELEASED whose things are not all gone yet */
	uint32_t purge_phase;
	ref_t purge_at;
	uint32_t old_count; /* ghosts and versions */
	uint32_t next_tx;
	uint32_t privileged;
	uint32_t live_nodes, watch_count, tx_count, conn_count;
	uint32_t log_on;
	uint32_t quotas[QUOTA_COUNT];
	uint32_t peak[QUOTA_COUNT];
	uint32_t refused[QUOTA_COUNT];
	uint64_t gen;
	uint64_t seed;
	uint64_t requests, refused_memory;
};

#define AT(s, type, ref) ((struct type *)arena_ptr(&(s)->a, (ref)))
#define REF(s, at) arena_ref(&(s)->a, (at))
#define TOUCH(s, at) arena_touch(&(s)->a, (at), sizeof *(at))
#define SET(s, field, value) ARENA_SET(&(s)->a, field, value)
#define FAIL(s, error) arena_fail(&(s)->a, (error))

/*
 * Lists through the members @next and @prev of a type. The item's own members are written as they are: whoever adds an item that
 * is older than the step saves it before. ENQUEUE needs no @prev; a head without a tail has LIST_PUSH and LIST_REMOVE.
 */
#define LIST_PUSH(s, type, first, item, prev, next)                          \
	do {                                                                 \
		(item)->next = (first);                                      \
		if ((item)->next)                                            \
			SET(s, AT(s, type, (item)->next)->prev, REF(s, item)); \
		SET(s, first, REF(s, item));                                 \
	} while (0)
#define ENQUEUE(s, type, first, last, item, next)                            \
	do {                                                                 \
		(item)->next = 0;                                            \
		if (last)                                                    \
			SET(s, AT(s, type, last)->next, REF(s, item));       \
		else                                                         \
			SET(s, first, REF(s, item));                         \
		SET(s, last, REF(s, item));                                  \
	} while (0)
#define LIST_APPEND(s, type, first, last, item, prev, next)                  \
	do {                                                                 \
		(item)->prev = (last);                                       \
		ENQUEUE(s, type, first, last, item, next);                   \
	} while (0)
#define LIST_REMOVE(s, type, first, item, prev, next)                        \
	do {                                                                 \
		if ((item)->prev)                                            \
			SET(s, AT(s, type, (item)->prev)->next, (item)->next); \
		else                                                         \
			SET(s, first, (item)->next);                         \
		if ((item)->next)                                            \
			SET(s, AT(s, type, (item)->next)->prev, (item)->prev); \
	} while (0)
#define LIST_TAKE(s, type, first, last, item, prev, next)                    \
	do {                                                                 \
		LIST_REMOVE(s, type, first, item, prev, next);               \
		if (!(item)->next)                                           \
			SET(s, last, (item)->prev);                          \
	} while (0)

/* node.c: the tree. Generation @g says which snapshot is asked for, GEN_LIVE for now. */
struct node *node_child(const struct store *s, ref_t parent, const char *name, size_t len, uint64_t g);
struct node *node_find(const struct store *s, const char *path, size_t len, uint64_t g);
bool node_visible(const struct node *n, uint64_t g);
void node_state(const struct store *s, const struct node *n, uint64_t g, ref_t *value, ref_t *perms);
struct node *node_alloc(struct store *s, const char *name, size_t len, ref_t perms, ref_t value);
void node_discard(struct store *s, struct node *n); /* of node_alloc, never linked */
void node_link(struct store *s, struct node *parent, struct node *n);
void node_set_value(struct store *s, struct node *n, ref_t value); /* takes over the blob */
void node_set_perms(struct store *s, struct node *n, ref_t perms); /* takes over the count */
void node_remove(struct store *s, struct node *n);
size_t node_bytes(const struct store *s, const struct node *n);
bool trash_work(struct store *s, unsigned int budget); /* outside of a step */
void old_prune(struct store *s);                       /* drops what no open transaction can see */
ref_t blob_new(struct store *s, const void *bytes, size_t len);

/* perms.c */
ref_t perms_intern(struct store *s, const struct perm *perms, uint32_t count); /* counted */
ref_t perms_hold(struct store *s, ref_t perms);
void perms_drop(struct store *s, ref_t perms);
uint32_t perms_owner(const struct store *s, ref_t perms);
unsigned int perms_of(const struct store *s, ref_t perms, const struct conn *c);
ref_t perms_inherit(struct store *s, ref_t parent, const struct conn *c); /* counted */
bool perms_forget_domain(struct store *s, uint32_t domid); /* some of them; true if there may be more */

/* domain.c */
struct domain *domain_find(const struct store *s, uint32_t domid);
struct domain *domain_get(struct store *s, uint32_t domid); /* finds or makes */
void domain_put(struct store *s, struct domain *d);         /* frees a record that nothing needs any more */
bool conn_privileged(const struct store *s, const struct conn *c);
void domain_count_node(struct store *s, uint32_t domid, int nodes, long bytes);
bool purge_work(struct store *s); /* outside of a step */
int handle_introduce(struct store *s, struct conn *c, const char *data, size_t len);
int handle_release(struct store *s, struct conn *c, const char *data, size_t len);
int handle_resume(struct store *s, struct conn *c, const char *data, size_t len);
int handle_is_introduced(struct store *s, struct conn *c, const char *data, size_t len);
int handle_set_target(struct store *s, struct conn *c, const char *data, size_t len);
int handle_get_domain_path(struct store *s, struct conn *c, const char *data, size_t len);
int handle_get_feature(struct store *s, struct conn *c, const char *data, size_t len);
int handle_set_feature(struct store *s, struct conn *c, const char *data, size_t len);

/* quota.c */
extern const char *const quota_names[QUOTA_COUNT];
uint32_t quota_limit(const struct store *s, const struct domain *d, enum quota_id id);
/* Fails the step with ENOSPC if the connection's domain may not have @wanted of it. Privileged ones always may. */
void quota_check(struct store *s, const struct conn *c, enum quota_id id, uint64_t wanted);
void quota_charge(struct store *s, uint32_t domid, long bytes);
void quota_seen(struct store *s, struct domain *d, enum quota_id id, uint64_t value);
int quota_by_name(const char *name);
bool quota_memory_ok(const struct store *s, const struct domain *d);
void quota_refused(struct store *s, const struct conn *c, enum quota_id id);
int handle_get_quota(struct store *s, struct conn *c, const char *data, size_t len);
int handle_set_quota(struct store *s, struct conn *c, const char *data, size_t len);

/* conn.c, input.c, output.c */
struct stream_job {
	struct store *s;
	struct conn *c;
	const unsigned char *bytes;
	size_t len;
	uint32_t consumed, produced;
};
bool input_allowed(const struct store *s, const struct conn *c);
void input_drop(struct store *s, struct conn *c);
void message_drop_first(struct store *s, struct conn *c);
unsigned char *reply_begin(struct store *s, struct conn *c, size_t len); /* room for the payload of the answer */
int reply(struct store *s, struct conn *c, const void *data, size_t len);
int reply_ok(struct store *s, struct conn *c);
int reply_error(struct store *s, struct conn *c, int error);
bool make_room(struct store *s); /* outside of a step */
int reply_text(struct store *s, struct conn *c, const char *text); /* with its NUL */
struct message *message_new(struct store *s, struct conn *c, const struct wire_header *header, ref_t event_of);
struct conn *conn_new(struct store *s, uint32_t domid, enum store_conn_kind kind);
void conn_reset(struct store *s, struct conn *c, uint32_t consumed, uint32_t produced);
void conn_disown(struct store *s, struct conn *c);
bool close_work(struct store *s); /* outside of a step */

/* watch.c, fire.c */
struct watch_node *watch_walk(const struct store *s, const char *path, size_t len, bool *exact);
const char *watch_path(const struct store *s, const struct watch_node *w, char *buffer, size_t size, size_t *len);
void event_queue(struct store *s, struct watch *w, const char *path, size_t len);
int handle_watch(struct store *s, struct conn *c, const char *data, size_t len);
int handle_unwatch(struct store *s, struct conn *c, const char *data, size_t len);
void watch_remove(struct store *s, struct watch *w);
/* Queues the firing of @path. @removed: the node that went, if any. @perms: the permissions before, or 0. */
void fire_path(struct store *s, const char *path, size_t len, ref_t removed, ref_t perms, unsigned int flags);
void fire_special(struct store *s, const char *name, uint32_t domid);
bool fire_work(struct store *s);   /* outside of a step */
bool missed_work(struct store *s, ref_t conn); /* outside of a step */
/* Where the permissions of a special path are kept; NULL if there is none such. @make: also for domains not known yet. */
ref_t *special_perms(struct store *s, const char *path, bool make);

/* view.c: one path, as a connection sees it now or within a transaction */
struct view {
	bool exists;
	struct node *node;   /* of the tree or the snapshot; NULL if only the transaction has it */
	struct entry *entry; /* of the transaction for this path, or NULL */
	ref_t value, perms;
	uint32_t near_len;   /* length of the deepest prefix that exists; the path's own when it exists */
	struct node *near_node;
	ref_t near_perms;
	bool snapshot_visible; /* the snapshot's children of the parent are not hidden */
};
/* Resolves @arg to an absolute path in @path; its length or -errno. */
int path_canonical(struct store *s, const struct conn *c, const char *arg, bool special, char *path);
void view_walk(struct store *s, struct transaction *tx, const char *path, size_t len, struct view *v);
/* The same with permissions checked and reads recorded: 0, -ENOENT, -EACCES. */
int view_get(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len, unsigned int need,
	     unsigned int reads, struct view *v);
void view_write(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len, struct view *v,
		const void *value, size_t value_len);
void view_create(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len, struct view *v,
		 const void *value, size_t value_len);
void view_set_perms(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len,
		    struct view *v, ref_t perms);
void view_remove(struct store *s, struct transaction *tx, const char *path, size_t len, struct view *v);
/* Calls @each for every child in order, until it returns false. */
void view_children(struct store *s, struct transaction *tx, const char *path, size_t len, const struct view *v,
		   bool (*each)(void *opaque, const char *name, size_t len), void *opaque);

/* transaction.c */
struct transaction *tx_find(const struct store *s, const struct conn *c, uint32_t id);
struct entry *tx_entry(const struct store *s, const struct transaction *tx, const char *path, size_t len);
struct entry *tx_note(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len,
		      const struct view *v, unsigned int reads);
struct entry *entry_new(struct store *s, struct conn *c, struct transaction *tx, const char *path, size_t len);
void tx_move_last(struct store *s, struct transaction *tx, struct entry *e);
uint64_t tx_snapshot(const struct transaction *tx);
void tx_forget_writes(struct store *s, struct transaction *tx, struct entry *e);
void tx_doom(struct store *s, struct transaction *tx);
void doom_oldest(struct store *s); /* outside of a step */
bool tx_drop_some(struct store *s, struct transaction *tx); /* within a step; true when it is gone */
bool commit_work(struct store *s);                          /* outside of a step */
int handle_transaction_start(struct store *s, struct conn *c, const char *data, size_t len);
int handle_transaction_end(struct store *s, struct conn *c, const char *data, size_t len);

/* request.c */
int request_run(struct store *s, struct conn *c, const struct wire_header *header, const char *data);

/* control.c */
int handle_control(struct store *s, struct conn *c, const char *data, size_t len);

/* A line of text with a bound, for logs and replies. */
struct text {
	char *at;
	size_t size, len;
};
void text_add(struct text *t, const char *string);
void text_add_number(struct text *t, uint64_t value, unsigned int width);
void store_log(struct store *s, const char *text);

#endif
