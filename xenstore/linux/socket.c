// SPDX-License-Identifier: LGPL-2.1-or-later
/* Clients on the unix socket: one read, all answers in one write. */
#include "live-update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int socket_listen(struct server *srv, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof addr.sun_path)
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	srv->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (srv->listener < 0)
		return -errno;
	unlink(path);
	/* Whoever can connect is privileged: the file's mode is the access control. */
	if (bind(srv->listener, (struct sockaddr *)&addr, sizeof addr) || listen(srv->listener, 64))
		return -errno;
	return epoll_set(srv, EPOLL_CTL_ADD, srv->listener, EPOLLIN, EVENT_LISTENER);
}

static void socket_drop(struct server *srv, struct client *c)
{
	store_conn conn = c->conn;

	close(c->fd);
	live_update_gone(srv, c);
	client_free(srv, c);
	store_connection_close(&srv->store, conn);
}

void on_listener(struct server *srv)
{
	int fd = accept4(srv->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	store_conn conn;
	struct client *c;

	if (fd < 0)
		return;
	if (store_connection_open(&srv->store, 0, STORE_SOCKET, &conn)) {
		close(fd);
		return;
	}
	c = client_new(srv, conn);
	if (!c) {
		close(fd);
		store_connection_close(&srv->store, conn);
		return;
	}
	c->fd = fd;
	if (epoll_set(srv, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, (uint32_t)(c - srv->clients)))
		socket_drop(srv, c);
}

static void socket_poll(struct server *srv, struct client *c)
{
	uint32_t events = EPOLLET | (c->paused ? 0 : EPOLLIN) | (c->writing ? EPOLLOUT : 0);

	epoll_set(srv, EPOLL_CTL_MOD, c->fd, events, (uint32_t)(c - srv->clients));
}

/* Keeps what the store does not want yet, and stops reading until it does. */
static int socket_hold(struct server *srv, struct client *c, const unsigned char *bytes, size_t len)
{
	unsigned char *held = malloc(len);

	if (!held)
		return -ENOMEM;
	memcpy(held, bytes, len);
	free(c->held);
	c->held = held;
	c->held_len = len;
	c->paused = true;
	socket_poll(srv, c);
	return 0;
}

/* Gives bytes to the store, up to where there is a request that is not for it. */
void socket_input(struct server *srv, struct client *c, const unsigned char *bytes, size_t len)
{
	static struct live_request q;

	while (len) {
		bool found = live_update_find(srv, c, bytes, len, &q);
		size_t give = found ? q.before : len;
		long taken = give ? store_input(&srv->store, c->conn, bytes, give) : 0;

		if (taken < 0) {
			socket_drop(srv, c);
			return;
		}
		bytes += taken;
		len -= (size_t)taken;
		if ((size_t)taken < give || (found && (q.hold || !store_input_wanted(&srv->store, c->conn)))) {
			if (socket_hold(srv, c, bytes, len))
				socket_drop(srv, c);
			return;
		}
		if (!found)
			return;
		live_update_request(srv, c, &q);
		bytes += q.take;
		len -= q.take;
	}
}

void socket_flush(struct server *srv, struct client *c)
{
	struct store *s = &srv->store;

	for (;;) {
		size_t n = store_output_peek(s, c->conn, srv->buffer, sizeof srv->buffer);
		ssize_t sent = n ? send(c->fd, srv->buffer, n, MSG_NOSIGNAL) : 0;

		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			socket_drop(srv, c);
			return;
		}
		if (sent > 0)
			store_output_done(s, c->conn, (size_t)sent);
		if (sent >= 0 && (size_t)sent == n && !store_output_bytes(s, c->conn))
			break;
		if (sent < 0 || (size_t)sent < n) {
			if (!c->writing) {
				c->writing = true;
				socket_poll(srv, c);
			}
			return;
		}
	}
	if (c->writing) {
		c->writing = false;
		socket_poll(srv, c);
	}
	if (c->paused && store_input_wanted(s, c->conn)) {
		unsigned char *held = c->held;
		size_t len = c->held_len;

		c->held = NULL;
		c->held_len = 0;
		c->paused = false;
		socket_poll(srv, c);
		socket_input(srv, c, held, len);
		free(held);
	}
}

void on_socket(struct server *srv, struct client *c, uint32_t events)
{
	ssize_t n;

	if (events & EPOLLOUT) {
		socket_flush(srv, c);
		if (!c->used || !(events & ~(uint32_t)EPOLLOUT))
			return;
	}
	if (c->paused) {
		/* Nothing is read, but a client that hung up has to go. */
		if (events & (EPOLLHUP | EPOLLERR))
			socket_drop(srv, c);
		return;
	}
	n = recv(c->fd, srv->buffer, sizeof srv->buffer, 0);
	if (n > 0) {
		socket_input(srv, c, srv->buffer, (size_t)n);
		/* There may be more, which an edge does not tell. */
		if ((size_t)n == sizeof srv->buffer && c->used && !c->paused)
			socket_poll(srv, c);
	} else if (!n || (errno != EAGAIN && errno != EINTR))
		socket_drop(srv, c);
}
