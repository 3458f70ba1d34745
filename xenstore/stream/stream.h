// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The state stream: everything a store knows, as a file that another store can go on from.
 *
 * The format is that of Xen's docs/designs/xenstore-migration.md, version 1, as C xenstored writes and reads it for its
 * live update. What the format has no words for is in records of our own, which C xenstored passes over.
 *
 *   stream.c  bytes <-> records: pure, knows no store
 *   save.c    store -> stream
 *   load.c    stream -> fresh store
 *
 * A stream may come from anywhere: each length is checked, and what is not exact is refused as a whole.
 */
#ifndef ATOLL_XENSTORE_STREAM_H
#define ATOLL_XENSTORE_STREAM_H

#include "../core/store.h"

enum stream_type {
	STREAM_END = 0,
	STREAM_GLOBAL = 1,
	STREAM_CONN = 2,
	STREAM_WATCH = 3,
	STREAM_TRANSACTION = 4,
	STREAM_NODE = 5,
	STREAM_QUOTA = 6,     /* of all domains */
	STREAM_DOMAIN = 7,    /* quotas and features of one */
	STREAM_WATCH_EXT = 8, /* version 2: with a depth */
	/* Our own. */
	STREAM_OUR_GLOBAL = 0x61740001,
	STREAM_OUR_DOMAIN = 0x61740002,
	STREAM_OUR_CONN = 0x61740003,
	STREAM_OUR_WATCH = 0x61740004, /* of the next STREAM_WATCH */
	STREAM_OUR_INPUT = 0x61740005  /* what STREAM_CONN has no room for */
};

#define STREAM_VERSION_MAX 2u
#define STREAM_PERMS_MAX 2048u  /* of a node; one message cannot set more */
#define STREAM_INPUT_MAX 65535u /* of a connection, in its own record */
#define STREAM_NO_TARGET 0x7ff4u
#define STREAM_ANY_DEPTH 0xffffu

struct stream_bytes {
	const unsigned char *at;
	size_t len;
};

struct stream_record {
	uint32_t type;
	uint32_t conn, tx; /* ids */
	union {
		struct {
			int32_t socket, evtchn; /* file descriptors, or -1 */
		} global;
		struct {
			bool ring;
			uint32_t domid, target, port;
			int32_t fd;
			uint32_t partial; /* bytes of the output that are the rest of a message */
			struct stream_bytes in, out;
		} link;
		struct {
			struct stream_bytes path, token; /* without their NUL, which is there */
			uint32_t depth;
		} watch;
		struct {
			struct stream_bytes path, value, perms; /* perms: four bytes each */
			uint32_t access;
		} node;
		struct {
			uint32_t domid, features, count;
			struct stream_bytes values, names;
		} quota;
		struct {
			uint32_t next_tx, log_on, count;
			uint64_t gen, requests;
			struct stream_bytes quotas;
		} our_global;
		struct {
			uint32_t domid, flags, port, features, count;
			struct stream_bytes limits;
		} our_domain;
		struct {
			uint32_t consumed, produced, flags;
		} our_conn;
		struct {
			uint32_t depth, flags;
		} our_watch;
		struct stream_bytes input;
	};
};

struct stream_in {
	struct stream_bytes all;
	size_t at;
	uint32_t version;
};

/* 0, or -EINVAL if it is no stream that can be read. */
int stream_open(struct stream_in *in, const void *bytes, size_t len);
/* 1: the next record is in *@r; 0: the end, and nothing comes after it; -EINVAL. Records not known are passed over. */
int stream_next(struct stream_in *in, struct stream_record *r);
uint32_t stream_get32(const unsigned char *at);
/* One permission. False for one to be ignored. -EINVAL is for the caller to find: a domid that cannot be. */
bool stream_perm(struct stream_bytes perms, unsigned int n, struct perm *perm);

struct stream_out {
	int (*put)(void *opaque, const void *bytes, size_t len); /* 0 or -errno */
	void *opaque;
	int error; /* the first one; nothing is put after it */
	uint32_t left; /* of the record, padding included */
};

void stream_put_start(struct stream_out *o);
/* Numbers, each of as many bytes as its digit in @sizes says. */
void stream_put_numbers(struct stream_out *o, const char *sizes, const uint64_t *numbers);
/* Such numbers and, if @more is not 0, so many bytes that follow, then _done. */
void stream_put_record(struct stream_out *o, uint32_t type, const char *sizes, const uint64_t *numbers, size_t more);
void stream_put_bytes(struct stream_out *o, const void *bytes, size_t len);
void stream_put_done(struct stream_out *o);
/* With the numbers as arguments. SIZES is a literal. */
#define STREAM_COUNT(...) (sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))
#define STREAM_NUMBERS(o, sizes, ...) do { \
	_Static_assert(STREAM_COUNT(__VA_ARGS__) == sizeof sizes - 1, "as many numbers as sizes"); \
	stream_put_numbers(o, sizes, (const uint64_t[]){ __VA_ARGS__ }); \
} while (0)
#define STREAM_RECORD(o, type, more, sizes, ...) do { \
	_Static_assert(STREAM_COUNT(__VA_ARGS__) == sizeof sizes - 1, "as many numbers as sizes"); \
	stream_put_record(o, type, sizes, (const uint64_t[]){ __VA_ARGS__ }, more); \
} while (0)

/* What the main knows and the store does not. */
struct stream_save {
	int32_t socket, evtchn;
	/* File descriptor of a socket, local port of a ring. */
	int32_t (*handle)(void *opaque, store_conn conn);
	/* Bytes read from the connection that the store did not take yet. */
	struct stream_bytes (*held)(void *opaque, store_conn conn);
	void *opaque;
	/* This request, which the store has not answered, is answered with OK in the stream. 0: none. */
	store_conn answer;
	struct wire_header request;
	bool foreign; /* for a reader that does not know our own records: -E2BIG if it would miss input */
};
int store_stream_save(struct store *s, const struct stream_save *save, struct stream_out *out);

struct stream_load {
	int (*global)(void *opaque, int32_t socket, int32_t evtchn);
	/* A ring's connection, @handle its local port: fills in @start. Not 0: the domain is left without connection. */
	int (*ring)(void *opaque, uint32_t domid, uint32_t port, struct store_ring_start *start);
	/* The connection is there. Not 0: the load fails. */
	int (*connection)(void *opaque, store_conn conn, enum store_conn_kind kind, int32_t handle);
	/* Bytes that were read from it and are to be carried out: after all else. */
	void (*input)(void *opaque, store_conn conn, const unsigned char *bytes, size_t len);
	void *opaque;
};
/* Into a store that was just created. When it fails, the store is of no use. */
int store_stream_load(struct store *s, const void *bytes, size_t len, const struct stream_load *load);

/* Outside of a step: answers a request that the main has taken itself. */
int store_stream_answer(struct store *s, store_conn conn, const struct wire_header *request, const char *text);
/* The half-read request of a connection. */
struct stream_bytes store_stream_half(const struct store *s, store_conn conn);
/* Forgets it: the main has the whole request. */
void store_stream_half_drop(struct store *s, store_conn conn);
uint32_t store_stream_transactions(const struct store *s);

#endif
