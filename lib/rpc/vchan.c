// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libxenvchan as transport. The ring is shared with a peer that may be hostile or dead: libxenvchan keeps private copies of its
 * own indexes and bounds what it reads; a peer that corrupts the other ones makes the session idle, which the caller's timeouts
 * and the release watch end. The library does not notice a domain's death.
 */
#include <errno.h>
#include <libxenvchan.h>

#include "rpc/transport.h"

struct vchan_transport {
	struct rpc_transport base;
	struct libxenvchan *vchan;
};

static struct libxenvchan *vchan_of(struct rpc_transport *t)
{
	return container_of(t, struct vchan_transport, base)->vchan;
}

static ssize_t vchan_read(struct rpc_transport *t, void *data, size_t len)
{
	struct libxenvchan *vchan = vchan_of(t);
	int ready = libxenvchan_data_ready(vchan);

	if (ready < 0)
		return -EPROTO;
	if (ready == 0)
		return libxenvchan_is_open(vchan) ? 0 : -ECONNRESET;
	ready = libxenvchan_read(vchan, data, MIN(len, (size_t)ready));
	return ready < 0 ? -ECONNRESET : ready;
}

static ssize_t vchan_write(struct rpc_transport *t, const void *data, size_t len)
{
	struct libxenvchan *vchan = vchan_of(t);
	int n;

	if (!libxenvchan_is_open(vchan))
		return -ECONNRESET;
	n = libxenvchan_write(vchan, data, len);
	return n < 0 ? -ECONNRESET : n;
}

static int vchan_wake(struct rpc_transport *t)
{
	return libxenvchan_wait(vchan_of(t)) < 0 ? -EIO : 0;
}

static void vchan_destroy(struct rpc_transport *t)
{
	libxenvchan_close(vchan_of(t));
	free(container_of(t, struct vchan_transport, base));
}

static const struct rpc_transport_ops vchan_ops = {
	.read = vchan_read,
	.write = vchan_write,
	.wake = vchan_wake,
	.poll_out = false,
	.destroy = vchan_destroy,
};

int rpc_create_vchan(struct loop *loop, struct libxenvchan *vchan, const char *peer, const struct rpc_ops *ops, void *data,
		     struct rpc **rpc)
{
	struct vchan_transport *t = calloc(1, sizeof(*t));

	if (!t) {
		libxenvchan_close(vchan);
		return -ENOMEM;
	}
	vchan->blocking = 0;
	t->vchan = vchan;
	t->base = (struct rpc_transport){.ops = &vchan_ops, .fd = libxenvchan_fd_for_select(vchan)};
	return rpc_create(loop, &t->base, peer, ops, data, rpc);
}
