// SPDX-License-Identifier: LGPL-2.1-or-later
/* Unix stream sockets as transport, and how they are made. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "rpc/transport.h"

#define LISTEN_BACKLOG 32

static ssize_t socket_read(struct rpc_transport *t, void *data, size_t len)
{
	ssize_t n = recv(t->fd, data, len, 0);

	if (n > 0)
		return n;
	if (n == 0)
		return -ECONNRESET;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static ssize_t socket_write(struct rpc_transport *t, const void *data, size_t len)
{
	ssize_t n = send(t->fd, data, len, MSG_NOSIGNAL);

	return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static int socket_wake(struct rpc_transport *t)
{
	return 0;
}

static void socket_destroy(struct rpc_transport *t)
{
	close(t->fd);
	free(t);
}

static const struct rpc_transport_ops socket_ops = {
	.read = socket_read,
	.write = socket_write,
	.wake = socket_wake,
	.poll_out = true,
	.destroy = socket_destroy,
};

int rpc_create_socket(struct loop *loop, int fd, const char *peer, const struct rpc_ops *ops, void *data, struct rpc **rpc)
{
	struct rpc_transport *t = calloc(1, sizeof(*t));

	if (!t) {
		close(fd);
		return -ENOMEM;
	}
	*t = (struct rpc_transport){.ops = &socket_ops, .fd = fd};
	return rpc_create(loop, t, peer, ops, data, rpc);
}

static int make_socket(const char *path, struct sockaddr_un *addr)
{
	int fd;

	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (format(addr->sun_path, sizeof(addr->sun_path), "%s", path) < 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int rpc_socket_listen(const char *path, unsigned mode)
{
	struct sockaddr_un addr;
	AUTO_CLOSE int fd = make_socket(path, &addr);
	mode_t old;
	int r;

	if (fd < 0)
		return fd;
	unlink(path);
	old = umask(0777 & ~mode);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(old);
	if (r < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int rpc_socket_connect(const char *path)
{
	struct sockaddr_un addr;
	AUTO_CLOSE int fd = make_socket(path, &addr);

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int rpc_socket_accept(int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd < 0 ? -errno : fd;
}
