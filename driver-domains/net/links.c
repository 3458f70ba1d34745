// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's network interfaces through rtnetlink.
 *
 * rtnetlink handles a request inside send(), so its acknowledgement is there when send() returns and the wait for it is only a
 * guard. A dump is produced piece by piece as it is read; nothing else is asked on that socket in between.
 */
#include "net/links.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* The kernel's dump pieces are at most 32 KiB when the reader offers that much. */
#define RECEIVE_MAX 32768
/* Announcements that may wait while we do something else: a burst of a hundred vifs fits. */
#define EVENT_BUFFER (512 * 1024)
/* Datagrams handled in one round of the loop. */
#define EVENTS_PER_ROUND 16

struct links {
	int request_fd, event_fd;
	uint32_t seq;
	struct source *source;
	links_fn *fn;
	links_lost_fn *lost;
	void *data;
	_Alignas(8) uint8_t buffer[RECEIVE_MAX];
};

static int open_socket(uint32_t groups, int flags)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	struct timeval timeout = {.tv_sec = LINKS_TIMEOUT_MS / 1000};
	int one = 1, size = EVENT_BUFFER;
	AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	/* Niceties: errors without a copy of the request; a larger buffer, as far as we may. */
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (groups)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return TAKE_FD(fd);
}

/* Receives one datagram from the kernel (port 0); others may send to us too, and are ignored. */
static ssize_t receive(struct links *links, int fd)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {.iov_base = links->buffer, .iov_len = sizeof(links->buffer)};
		struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &msg, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (from.nl_pid != 0)
			continue;
		if (msg.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		return n;
	}
}

static int send_request(struct links *links, struct nl_msg *msg)
{
	int r = nl_msg_end(msg, ++links->seq);

	if (r < 0)
		return r;
	return send(links->request_fd, msg->data, msg->len, 0) < 0 ? -errno : 0;
}

typedef int reply_fn(const struct nl_link *link, void *data);

/*
 * Reads replies to the last request until its acknowledgement, the end of its dump or an error. FN sees each link. Replies to
 * earlier requests that were given up are skipped by their number.
 */
static int read_replies(struct links *links, reply_fn *fn, void *data)
{
	int result = 0;

	for (;;) {
		const struct nlmsghdr *hdr;
		size_t at = 0;
		ssize_t n = receive(links, links->request_fd);

		if (n < 0)
			return (int)n;
		while ((hdr = nl_next(links->buffer, (size_t)n, &at))) {
			struct nl_link link;

			if (hdr->nlmsg_seq != links->seq)
				continue;
			if (hdr->nlmsg_type == NLMSG_ERROR)
				return nl_parse_error(hdr) ? nl_parse_error(hdr) : result;
			if (hdr->nlmsg_type == NLMSG_DONE)
				return result;
			if (fn && result == 0 && nl_parse_link(hdr, &link) == 0)
				result = fn(&link, data);
		}
	}
}

/* --- announcements --- */

static void dispatch_events(struct links *links, size_t len)
{
	const struct nlmsghdr *hdr;
	size_t at = 0;

	/* fn may use the request socket, which shares the buffer: so copy what is still needed. */
	_Alignas(8) uint8_t events[RECEIVE_MAX];

	memcpy(events, links->buffer, len);
	while ((hdr = nl_next(events, len, &at))) {
		struct nl_link link;

		if (nl_parse_link(hdr, &link) == 0)
			links->fn(&link, hdr->nlmsg_type == RTM_DELLINK, links->data);
	}
}

static void on_event_fd(struct source *source, uint32_t events, void *data)
{
	struct links *links = data;

	for (int i = 0; i < EVENTS_PER_ROUND; i++) {
		ssize_t n = receive(links, links->event_fd);

		if (n == -ENOBUFS || n == -EMSGSIZE) {
			links->lost(links->data);
			continue;
		}
		if (n < 0)
			return;
		dispatch_events(links, (size_t)n);
	}
}

int links_create(struct loop *loop, links_fn *fn, links_lost_fn *lost, void *data, struct links **out)
{
	struct links *links = calloc(1, sizeof(*links));
	int r;

	if (!links)
		return -ENOMEM;
	links->fn = fn;
	links->lost = lost;
	links->data = data;
	links->event_fd = -1;
	r = links->request_fd = open_socket(0, 0);
	if (r >= 0)
		r = links->event_fd = open_socket(RTMGRP_LINK, SOCK_NONBLOCK);
	if (r >= 0)
		r = loop_add_fd(loop, links->event_fd, EPOLLIN, on_event_fd, links, &links->source);
	if (r < 0) {
		links_destroy(links);
		return r;
	}
	*out = links;
	return 0;
}

struct links *links_destroy(struct links *links)
{
	if (!links)
		return NULL;
	source_destroy(links->source);
	if (links->event_fd >= 0)
		close(links->event_fd);
	if (links->request_fd >= 0)
		close(links->request_fd);
	free(links);
	return NULL;
}

/* --- requests --- */

struct collect {
	struct nl_link *list;
	size_t count;
};

static int collect_link(const struct nl_link *link, void *data)
{
	struct collect *collect = data;

	if (collect->count == LINKS_MAX)
		return -E2BIG;
	if (collect->count % 32 == 0) {
		struct nl_link *list = reallocarray(collect->list, collect->count + 32, sizeof(*list));

		if (!list)
			return -ENOMEM;
		collect->list = list;
	}
	collect->list[collect->count++] = *link;
	return 0;
}

int links_list(struct links *links, struct nl_link **list, size_t *count)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct collect collect = {0};
	struct nl_msg msg;
	int r;

	nl_msg_begin(&msg, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
	nl_msg_put_fixed(&msg, &info, sizeof(info));
	r = send_request(links, &msg);
	if (r == 0)
		r = read_replies(links, collect_link, &collect);
	if (r < 0) {
		free(collect.list);
		return r;
	}
	*list = collect.list;
	*count = collect.count;
	return 0;
}

static int copy_link(const struct nl_link *link, void *data)
{
	*(struct nl_link *)data = *link;
	return 0;
}

int links_find(struct links *links, const char *name, struct nl_link *link)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct nl_msg msg;
	int r;

	memset(link, 0, sizeof(*link));
	nl_msg_begin(&msg, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK);
	nl_msg_put_fixed(&msg, &info, sizeof(info));
	nl_msg_put_string(&msg, IFLA_IFNAME, name);
	r = send_request(links, &msg);
	if (r == 0)
		r = read_replies(links, copy_link, link);
	return r == 0 && link->index == 0 ? -ENODEV : r;
}

int links_create_bridge(struct links *links, const char *name)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct nl_msg msg;
	int r;

	nl_msg_begin(&msg, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	nl_msg_put_fixed(&msg, &info, sizeof(info));
	nl_msg_put_string(&msg, IFLA_IFNAME, name);
	nl_msg_nest(&msg, IFLA_LINKINFO);
	nl_msg_put_string(&msg, IFLA_INFO_KIND, "bridge");
	nl_msg_nest(&msg, IFLA_INFO_DATA);
	nl_msg_put_u32(&msg, IFLA_BR_STP_STATE, 0);
	nl_msg_put_u32(&msg, IFLA_BR_FORWARD_DELAY, 0);
	/* Without snooping the bridge parses no multicast of guests, and a reborn one has nothing to learn again. */
	nl_msg_put_u8(&msg, IFLA_BR_MCAST_SNOOPING, 0);
	nl_msg_unnest(&msg);
	nl_msg_unnest(&msg);
	r = send_request(links, &msg);
	return r < 0 ? r : read_replies(links, NULL, NULL);
}

static int change_link(struct links *links, uint16_t type, struct ifinfomsg *info, uint16_t attribute, const void *value,
		       size_t len)
{
	struct nl_msg msg;
	int r;

	nl_msg_begin(&msg, type, NLM_F_REQUEST | NLM_F_ACK);
	nl_msg_put_fixed(&msg, info, sizeof(*info));
	if (value)
		nl_msg_put(&msg, attribute, value, len);
	r = send_request(links, &msg);
	return r < 0 ? r : read_replies(links, NULL, NULL);
}

int links_delete(struct links *links, int index)
{
	struct ifinfomsg info = {.ifi_index = index};

	return change_link(links, RTM_DELLINK, &info, 0, NULL, 0);
}

int links_set_up(struct links *links, int index, bool up)
{
	struct ifinfomsg info = {.ifi_index = index, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP};

	return change_link(links, RTM_NEWLINK, &info, 0, NULL, 0);
}

int links_set_master(struct links *links, int index, int master)
{
	struct ifinfomsg info = {.ifi_index = index};
	uint32_t value = (uint32_t)master;

	return change_link(links, RTM_NEWLINK, &info, IFLA_MASTER, &value, sizeof(value));
}

int links_set_mtu(struct links *links, int index, uint32_t mtu)
{
	struct ifinfomsg info = {.ifi_index = index};

	return change_link(links, RTM_NEWLINK, &info, IFLA_MTU, &mtu, sizeof(mtu));
}

int links_set_mac(struct links *links, int index, const uint8_t mac[NL_MAC_LEN])
{
	struct ifinfomsg info = {.ifi_index = index};

	return change_link(links, RTM_NEWLINK, &info, IFLA_ADDRESS, mac, NL_MAC_LEN);
}
