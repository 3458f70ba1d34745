// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The store: tree, permissions, watches, transactions, quotas and connections, without any I/O.
 *
 * A main gives it memory, tells it of connections and of bytes that came in, and takes the bytes that are to go out.
 * All state lives in that memory (arena.h), so that a main can be stopped at any instruction and another one can go
 * on with store_attach(). Nothing here blocks; nothing here is thread-safe.
 */
#ifndef ATOLL_XENSTORE_STORE_H
#define ATOLL_XENSTORE_STORE_H

#include "arena.h"
#include "wire.h"

/* Names a connection; stays valid over store_attach(). 0 is none. */
typedef ref_t store_conn;

enum store_conn_kind {
	STORE_SOCKET = 1, /* a process of the host; always privileged */
	STORE_RING = 2    /* a domain */
};

/* What the hypervisor says of a domain. */
#define STORE_DOMAIN_EXISTS 1u
#define STORE_DOMAIN_SHUTDOWN 2u
#define STORE_DOMAIN_DYING 4u

#define STORE_COOKIES 6u

/* Where the streams of a ring stand when the store begins to serve it, and the main's words about it. */
struct store_ring_start {
	uint32_t consumed, produced;
	uint32_t cookies[STORE_COOKIES];
};

/* What the core asks of its main. Each is called at a moment when the core's state is whole or can be taken back. */
struct store_ops {
	/* STORE_DOMAIN_* bits; 0 if there is no such domain. */
	unsigned int (*domain_info)(void *opaque, uint32_t domid);
	/*
	 * Maps the ring of a domain that is being introduced (or introduced again, with another port) and binds its
	 * port; fills in @start. 0 or -errno.
	 */
	int (*introduce)(void *opaque, store_conn conn, uint32_t domid, uint64_t gfn, uint32_t port,
			 struct store_ring_start *start);
	/* The connection has output that it had not before. May be called for nothing. */
	void (*output)(void *opaque, store_conn conn);
	/* One line of text, without a newline. */
	void (*log)(void *opaque, const char *text);
};

enum quota_id {
	QUOTA_NODES,
	QUOTA_WATCHES,
	QUOTA_OUTSTANDING,
	QUOTA_MEMORY,
	QUOTA_SOFT_MEMORY,
	QUOTA_TRANSACTIONS,
	QUOTA_TRANSACTION_NODES,
	QUOTA_NODE_PERMISSIONS,
	QUOTA_PATH_MAX,
	QUOTA_NODE_SIZE,
	QUOTA_COUNT
};

struct store_config {
	uint64_t seed;          /* random: keeps guests from choosing names that collide */
	uint32_t privileged;    /* the domid that may do everything; normally 0 */
	uint32_t quotas[QUOTA_COUNT]; /* 0: the default */
};

/* The volatile side. The main owns it; its fields are the core's. */
struct store {
	struct arena a;
	struct store_root *r;
	const struct store_ops *ops;
	void *opaque;
	/* the request at work; volatile, since a request that did not end never happened */
	const struct wire_header *request;
	unsigned char assembled[WIRE_MESSAGE_MAX], assembled_out[WIRE_MESSAGE_MAX];
	const char *control_data; /* arguments of the CONTROL at work */
	size_t control_len;
	int (*check)(struct store *s, const char **what); /* set by the main: CONTROL check */
	bool no_events; /* no memory for events: watches are only marked */
	int quota_hit;    /* 1 + the quota that the running step ran into */
	char scratch[2][WIRE_ABS_PATH_MAX + 64];
};

/* A fresh store in @size bytes at @memory (page aligned). 0 or -errno. */
int store_create(struct store *s, void *memory, size_t size, const struct store_config *config,
		 const struct store_ops *ops, void *opaque);
/*
 * Takes over a store that another main left at @memory: takes back what was half done and finishes what was decided.
 * -EINVAL if it is none, or not of this version. Says nothing of its inner consistency: store_check() does.
 */
int store_attach(struct store *s, void *memory, size_t size, const struct store_ops *ops, void *opaque);
/* Ends what was under way (a commit, watches to fire). Called by store_input() and friends; after attach by the main. */
void store_finish(struct store *s);
/* Frees at most @budget nodes of removed subtrees; true if there is more to do. For idle moments. */
bool store_idle(struct store *s, unsigned int budget);
/*
 * Checks everything in the arena. @bitmap is arena_bitmap_size() bytes, zeroed. 0 or -EINVAL, and then *@what says
 * what was found wrong.
 */
int store_check(struct store *s, uint8_t *bitmap, const char **what);

/* Connections. */
int store_connection_open(struct store *s, uint32_t domid, enum store_conn_kind kind, store_conn *conn);
/* Drops the connection with all its watches and transactions. */
void store_connection_close(struct store *s, store_conn conn);
/* The first connection, or the one after @conn; 0 at the end. */
store_conn store_connection_next(const struct store *s, store_conn conn);
uint32_t store_connection_domid(const struct store *s, store_conn conn);
enum store_conn_kind store_connection_kind(const struct store *s, store_conn conn);
store_conn store_connection_of(const struct store *s, uint32_t domid);
/* Words that the main keeps with a connection, in the arena. */
uint32_t store_cookie(const struct store *s, store_conn conn, unsigned int n);
void store_cookie_set(struct store *s, store_conn conn, unsigned int n, uint32_t value);
/* The features offered to the domain of the connection. */
uint32_t store_connection_features(const struct store *s, store_conn conn);
/* A connection that broke the protocol takes and gives nothing until it is restarted. */
bool store_connection_broken(const struct store *s, store_conn conn);
void store_connection_break(struct store *s, store_conn conn);
/* Drops watches, transactions and unsent output; both positions become 0. */
void store_connection_restart(struct store *s, store_conn conn);
/* A ring whose domain was released, to be unmapped and then closed; 0 if there is none. */
store_conn store_connection_defunct(const struct store *s);

/*
 * Bytes came in. Takes as many as it may (fewer when the connection has too much unread output) and answers every
 * whole request in them. Returns the number taken, or -EPROTO if the connection broke the protocol and must go.
 */
long store_input(struct store *s, store_conn conn, const void *bytes, size_t len);
/* True when store_input() would take bytes. */
bool store_input_wanted(const struct store *s, store_conn conn);
/* Position of the input: number of bytes taken since the connection began, modulo 2^32. */
uint32_t store_consumed(const struct store *s, store_conn conn);
uint32_t store_produced(const struct store *s, store_conn conn);
/* Sets both positions (a ring that was in use before, or was reset) and forgets half-read and unsent messages. */
void store_reset_stream(struct store *s, store_conn conn, uint32_t consumed, uint32_t produced);

/* Copies up to @size bytes of output from its start; does not take them off. */
size_t store_output_peek(const struct store *s, store_conn conn, void *to, size_t size);
size_t store_output_bytes(const struct store *s, store_conn conn);
/* The first @len bytes of output are gone. */
void store_output_done(struct store *s, store_conn conn, size_t len);

/* Domains died or shut down somewhere (VIRQ_DOM_EXC): asks domain_info of all known ones and acts. */
void store_domains_changed(struct store *s);
/* Introduces a domain whose ring the main has mapped itself (the control domain at start). */
int store_introduce_mapped(struct store *s, uint32_t domid, uint32_t port, const struct store_ring_start *start,
			   store_conn *conn);

struct store_usage {
	uint64_t arena_size, free_bytes, used_bytes;
	uint32_t nodes, watches, transactions, connections, domains, journal_peak;
	uint64_t requests, refused_memory;
};
void store_usage(const struct store *s, struct store_usage *usage);

#endif
