/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a session needs of the bytes below it. Private to lib/rpc. */
#ifndef ATOLL_RPC_TRANSPORT_H
#define ATOLL_RPC_TRANSPORT_H

#include "rpc/rpc.h"

struct rpc_transport;

struct rpc_transport_ops {
	/* Non-blocking: bytes moved, 0 if none can be now, -errno when the session is over (-ECONNRESET: the peer left). */
	ssize_t (*read)(struct rpc_transport *t, void *data, size_t len);
	ssize_t (*write)(struct rpc_transport *t, const void *data, size_t len);
	/* The descriptor became ready: acknowledge it where that is needed. 0 or -errno. */
	int (*wake)(struct rpc_transport *t);
	/* The descriptor reports readiness for writing too (sockets); otherwise each wake-up may mean either (vchan). */
	bool poll_out;
	void (*destroy)(struct rpc_transport *t);
};

#define RPC_FDS_MAX 4 /* descriptors on their way, each direction */

struct rpc_transport {
	const struct rpc_transport_ops *ops;
	int fd;
	int in_fds[RPC_FDS_MAX], out_fds[RPC_FDS_MAX]; /* unix sockets: received and not taken; to go with the next bytes */
	unsigned in_count, out_count;
};

/* Takes the transport over, also on failure. */
int rpc_create(struct loop *loop, struct rpc_transport *t, const char *peer, const struct rpc_ops *ops, void *data,
	       struct rpc **rpc);

#endif
