// SPDX-License-Identifier: LGPL-2.1-or-later
/* Unix stream sockets as transport, and how they are made. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "rpc/transport.h"

#define LISTEN_BACKLOG 32

union control {
	char space[CMSG_SPACE(RPC_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

/* Descriptors that came with the bytes; one too many is closed, and whoever waits for it finds none. */
static void keep_fds(struct rpc_transport *t, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (t->in_count < RPC_FDS_MAX)
				t->in_fds[t->in_count++] = fd;
			else
				close(fd);
		}
	}
}

static ssize_t socket_read(struct rpc_transport *t, void *data, size_t len)
{
	union control control;
	struct iovec iov = {data, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)};
	ssize_t n = recvmsg(t->fd, &msg, MSG_CMSG_CLOEXEC);

	if (n >= 0)
		keep_fds(t, &msg);
	if (n > 0)
		return n;
	if (n == 0)
		return -ECONNRESET;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static ssize_t socket_write(struct rpc_transport *t, const void *data, size_t len)
{
	union control control = {0};
	struct iovec iov = {(void *)data, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (t->out_count) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(t->out_count * sizeof(int));
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){CMSG_LEN(t->out_count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), t->out_fds, t->out_count * sizeof(int));
	}
	n = sendmsg(t->fd, &msg, MSG_NOSIGNAL);
	while (n > 0 && t->out_count)
		close(t->out_fds[--t->out_count]);
	return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static int socket_wake(struct rpc_transport *t)
{
	return 0;
}

static void socket_destroy(struct rpc_transport *t)
{
	while (t->in_count)
		close(t->in_fds[--t->in_count]);
	while (t->out_count)
		close(t->out_fds[--t->out_count]);
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
