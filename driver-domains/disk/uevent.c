// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's announcements of block devices. */
#include "disk/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel's buffer for one message is 2048 bytes, and the path goes before it. */
#define UEVENT_MAX 8192
#define UEVENTS_PER_ROUND 64
#define GROUP_KERNEL 1

struct uevents {
	int fd;
	struct source *source;
	uevent_fn *fn;
	void *data;
};

bool uevent_is_block(const char *message, size_t len)
{
	static const char wanted[] = "SUBSYSTEM=block";

	while (len) {
		size_t n = strnlen(message, len);

		if (n == sizeof(wanted) - 1 && !memcmp(message, wanted, n))
			return true;
		n = MIN(n + 1, len);
		message += n;
		len -= n;
	}
	return false;
}

static void on_readable(struct source *source, uint32_t events, void *data)
{
	struct uevents *uevents = data;
	bool block = false;

	for (int i = 0; i < UEVENTS_PER_ROUND; i++) {
		char message[UEVENT_MAX];
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(uevents->fd, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		if (n < 0 && errno == ENOBUFS) /* some were lost: any of them may have been a disk */
			block = true;
		else if (n < 0)
			break;
		else if (from.nl_pid == 0)
			block |= uevent_is_block(message, (size_t)n);
	}
	if (block)
		uevents->fn(uevents->data);
}

int uevents_create(struct loop *loop, uevent_fn *fn, void *data, struct uevents **out)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL};
	struct uevents *uevents = calloc(1, sizeof(*uevents));
	int r = 0;

	if (!uevents)
		return -ENOMEM;
	*uevents = (struct uevents){.fn = fn, .data = data};
	uevents->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (uevents->fd < 0 || bind(uevents->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	if (r == 0)
		r = loop_add_fd(loop, uevents->fd, EPOLLIN, on_readable, uevents, &uevents->source);
	if (r < 0) {
		uevents_destroy(uevents);
		return r;
	}
	*out = uevents;
	return 0;
}

struct uevents *uevents_destroy(struct uevents *uevents)
{
	if (!uevents)
		return NULL;
	source_destroy(uevents->source);
	if (uevents->fd >= 0)
		close(uevents->fd);
	free(uevents);
	return NULL;
}
