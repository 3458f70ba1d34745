/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session of framed JSON-RPC (include/atoll/rpc.h) over a transport. The peer is untrusted: it can end its session, and do
 * nothing else by breaking rules or not reading. Never blocks.
 */
#ifndef ATOLL_LIB_RPC_H
#define ATOLL_LIB_RPC_H

#include "atoll/rpc.h"
#include "base/json.h"
#include "event/loop.h"

struct rpc;

struct rpc_error {
	char code[24];     /* "ENOENT"; "ETIMEDOUT" and "ECONNRESET" are also made locally */
	char message[512]; /* plain text for people, control characters removed */
};

struct rpc_ops {
	/* A request: answer it now or later with rpc_reply() or rpc_fail(), once. PARAMS (may be NULL) lives for the call only. */
	void (*on_request)(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data);
	/* May be NULL: events are ignored. */
	void (*on_event)(struct rpc *rpc, const char *event, const struct json *params, void *data);
	/* The session ended (not called by rpc_destroy()); waiting calls were failed with ECONNRESET before. The owner destroys it,
	 * here or later. WHY is plain text. */
	void (*on_close)(struct rpc *rpc, const char *why, void *data);
};

/* Exactly one of RESULT and ERROR is not NULL. Both live for the call only. */
typedef void rpc_reply_fn(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data);

/* Takes FD over (a connected stream socket, non-blocking). PEER names it in logs. 0 or -errno. */
int rpc_create_socket(struct loop *loop, int fd, const char *peer, const struct rpc_ops *ops, void *data, struct rpc **rpc);
/* Takes the vchan over; link with rpc_vchan_dep. */
struct libxenvchan;
int rpc_create_vchan(struct loop *loop, struct libxenvchan *vchan, const char *peer, const struct rpc_ops *ops, void *data,
		     struct rpc **rpc);
/* Waiting calls are failed with ECONNRESET. NULL is fine; returns NULL. Legal from every callback. */
struct rpc *rpc_destroy(struct rpc *rpc);

const char *rpc_peer(const struct rpc *rpc);

/* Sends a request; takes PARAMS over (NULL: none). FN is called exactly once unless this fails. TIMEOUT_MS 0: none. 0 or -errno. */
int rpc_call(struct rpc *rpc, const char *method, struct json *params, unsigned timeout_ms, rpc_reply_fn *fn, void *data);
/* The same for programs: runs the session's LOOP until the answer is there. 0 with *RESULT, which is the caller's; or -errno, and if it is -EREMOTEIO
 * the peer's ERROR. */
int rpc_call_wait(struct loop *loop, struct rpc *rpc, const char *method, struct json *params, unsigned timeout_ms,
		  struct json **result, struct rpc_error *error);
/* Answers a request; takes RESULT over (NULL means without memory: an error is sent). */
void rpc_reply(struct rpc *rpc, uint32_t id, struct json *result);
/* ERROR is a positive or negative errno. */
void rpc_fail(struct rpc *rpc, uint32_t id, int error, const char *fmt, ...) PRINTF(4, 5);
/* Passes an error of another session on. */
void rpc_fail_with(struct rpc *rpc, uint32_t id, const struct rpc_error *error);
/* Sends an event; takes PARAMS over. */
void rpc_event(struct rpc *rpc, const char *event, struct json *params);

/* Unix sockets only: a descriptor (taken over) that goes with the next frame, and the oldest one that came with frames so far, or
 * -EBADF. A method that wants one says so, and takes it first of all. */
void rpc_push_fd(struct rpc *rpc, int fd);
int rpc_take_fd(struct rpc *rpc);

/* Unix stream sockets. Both return a descriptor or -errno. listen: mode as of chmod; replaces a stale socket. */
int rpc_socket_listen(const char *path, unsigned mode);
int rpc_socket_connect(const char *path);
/* A connected, non-blocking descriptor, or -errno (-EAGAIN: none waits). */
int rpc_socket_accept(int listen_fd);

#endif
