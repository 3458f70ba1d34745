// SPDX-License-Identifier: LGPL-2.1-or-later
/* The side of a live update that takes over: a state stream and inherited file descriptors. */
#include "live-update.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../stream/stream.h"

/* Where C xenstored keeps its stream; it goes by the same variable. */
void live_update_dump_path(char *path, size_t size)
{
	const char *dir = getenv("XENSTORED_ROOTDIR");

	snprintf(path, size, "%s/state_dump", dir ? dir : "/var/lib/xenstored");
}

static int socket_ok(struct server *srv, int fd)
{
	struct stat st;

	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (srv->clients[i].used && srv->clients[i].fd == fd)
			return -EINVAL;
	if (fd < 3 || fstat(fd, &st) || !S_ISSOCK(st.st_mode))
		return -EBADF;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return 0;
}

static int load_global(void *opaque, int32_t socket, int32_t evtchn)
{
	struct server *srv = opaque;
	int r = 0;

	if (srv->listener >= 0 || srv->rings)
		return -EINVAL; /* twice */
	if (socket >= 0) {
		r = socket_ok(srv, socket);
		if (!r)
			r = epoll_set(srv, EPOLL_CTL_ADD, socket, EPOLLIN, EVENT_LISTENER);
		srv->listener = socket;
	}
	if (!r && evtchn >= 0 && !srv->sockets_only)
		r = rings_take_over(srv, evtchn);
	return r;
}

static int load_ring(void *opaque, uint32_t domid, uint32_t port, struct store_ring_start *start)
{
	return ring_map(opaque, domid, start);
}

static int load_connection(void *opaque, store_conn conn, enum store_conn_kind kind, int32_t handle)
{
	struct server *srv = opaque;
	struct client *c;
	int r = 0;

	if (kind == STORE_SOCKET) {
		r = socket_ok(srv, handle);
		if (r)
			return r;
	}
	c = client_new(srv, conn);
	if (!c)
		return -ENOSPC;
	c->fd = -1;
	if (kind == STORE_SOCKET) {
		c->fd = handle;
		r = epoll_set(srv, EPOLL_CTL_ADD, handle, EPOLLIN, (uint32_t)(c - srv->clients));
	} else {
		ring_adopt(srv, c, (uint32_t)handle);
	}
	/* What waits is sent, and what came in between is looked at. */
	client_mark(srv, c);
	return r;
}

static void load_input(void *opaque, store_conn conn, const unsigned char *bytes, size_t len)
{
	struct server *srv = opaque;
	struct client *c = &srv->clients[store_cookie(&srv->store, conn, 0)];

	if (!c->used || c->conn != conn)
		return;
	if (c->fd >= 0)
		socket_input(srv, c, bytes, len);
	else if (store_input(&srv->store, conn, bytes, len) != (long)len)
		store_connection_break(&srv->store, conn);
}

int live_update_take_over(struct server *srv, int fd)
{
	struct stream_load how = { load_global, load_ring, load_connection, load_input, srv };
	bool file = fd < 0;
	struct stat st;
	char path[128];
	void *bytes;
	int r;

	live_update_dump_path(path, sizeof path);
	if (file)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size) {
		close(fd);
		return -EINVAL;
	}
	/* Nobody else has the memory file; a file that shrinks while it is read would be a fault, so it is copied. */
	bytes = malloc((size_t)st.st_size);
	for (off_t at = 0, n; bytes && at < st.st_size; at += n) {
		n = pread(fd, (char *)bytes + at, (size_t)(st.st_size - at), at);
		if (n <= 0) {
			free(bytes);
			bytes = NULL;
		}
	}
	close(fd);
	if (!bytes)
		return -EIO;
	r = store_stream_load(&srv->store, bytes, (size_t)st.st_size, &how);
	free(bytes);
	if (file && !r)
		unlink(path);
	if (!r && srv->rings)
		store_domains_changed(&srv->store); /* nobody was told who died meanwhile */
	return r;
}
