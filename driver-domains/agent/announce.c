// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel announces on a netlink socket. */
#include "agent/announce.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#define DATAGRAM_MAX 32768
/* Announcements that may wait while we do something else: a burst of a hundred vifs fits. */
#define QUEUE_SIZE (512 * 1024)
#define DATAGRAMS_PER_ROUND 16

struct announcements {
	int fd;
	struct source *source;
	announced_fn *fn;
	void *data;
};

static void on_readable(struct source *source, uint32_t events, void *data)
{
	struct announcements *a = data;

	for (int i = 0; i < DATAGRAMS_PER_ROUND; i++) {
		_Alignas(8) char datagram[DATAGRAM_MAX];
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(a->fd, datagram, sizeof(datagram), MSG_TRUNC, (struct sockaddr *)&from, &from_len);

		if (n > (ssize_t)sizeof(datagram) || (n < 0 && errno == ENOBUFS))
			a->fn(NULL, 0, a->data);
		else if (n < 0)
			return;
		else if (from.nl_pid == 0) /* others may send to us too */
			a->fn(datagram, (size_t)n, a->data);
	}
}

int announcements_create(struct loop *loop, int protocol, uint32_t groups, announced_fn *fn, void *data, struct announcements **out)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	struct announcements *a = calloc(1, sizeof(*a));
	int size = QUEUE_SIZE, r = 0;

	if (!a)
		return -ENOMEM;
	*a = (struct announcements){.fn = fn, .data = data};
	a->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (a->fd < 0 || bind(a->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	else
		r = loop_add_fd(loop, a->fd, EPOLLIN, on_readable, a, &a->source);
	if (r < 0) {
		announcements_destroy(a);
		return r;
	}
	setsockopt(a->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)); /* as far as we may */
	*out = a;
	return 0;
}

struct announcements *announcements_destroy(struct announcements *a)
{
	if (!a)
		return NULL;
	source_destroy(a->source);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
	return NULL;
}
