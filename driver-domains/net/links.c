// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's network interfaces. */
#include "net/links.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/sysfs.h"
#include "base/log.h"

#define INTERFACES "/sys/class/net"
#define DATAGRAM_MAX 32768
/* What may wait while we do something else: a burst of a hundred vifs fits. */
#define QUEUE_SIZE (512 * 1024)
#define DATAGRAMS_PER_ROUND 16

/* --- names --- */

bool interface_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	}
	return true;
}

static const char *skip_number(const char *p)
{
	const char *start = p;

	while (isdigit((unsigned char)*p))
		p++;
	return p == start || (*start == '0' && p - start > 1) ? NULL : p;
}

bool vif_name_valid(const char *name)
{
	const char *p = name;

	if (strlen(name) >= IFNAMSIZ || strncmp(p, "vif", 3) != 0)
		return false;
	p = skip_number(p + 3);
	if (!p || *p != '.')
		return false;
	p = skip_number(p + 1);
	return p && *p == '\0';
}

/* --- reading --- */

int64_t interface_number(const char *name, const char *file)
{
	return sysfs_number(INTERFACES "/%s/%s", name, file);
}

int interface_read(const char *name, struct interface *i)
{
	char path[128];

	*i = (struct interface){0};
	if (!interface_name_valid(name) || interface_number(name, "ifindex") < 0)
		return -ENODEV;
	strcpy(i->name, name);
	i->index = (int)interface_number(name, "ifindex");
	i->up = interface_number(name, "flags") & IFF_UP;
	snprintf(path, sizeof(path), INTERFACES "/%s/bridge", name);
	i->bridge = access(path, F_OK) == 0;
	sysfs_link(i->master, sizeof(i->master), INTERFACES "/%s/master", name);
	return i->index > 0 ? 0 : -ENODEV; /* it may have gone meanwhile */
}

int interface_for_each(void (*fn)(const struct interface *interface, void *data), void *data)
{
	struct interface interface;
	DIR *dir = opendir(INTERFACES);

	if (!dir)
		return -errno;
	for (struct dirent *e; (e = readdir(dir));) {
		if (interface_read(e->d_name, &interface) == 0)
			fn(&interface, data);
	}
	closedir(dir);
	return 0;
}

bool interface_is_nic(const char *sys_root, const char *name)
{
	char bus[64];

	sysfs_link(bus, sizeof(bus), "%s/class/net/%s/device/subsystem", sys_root, name);
	return bus[0] && strcmp(bus, "xen-backend") != 0 && !vif_name_valid(name);
}

/* --- changing --- */

static int control(unsigned long request, void *argument)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* any socket will do */

	return fd < 0 || ioctl(fd, request, argument) < 0 ? -errno : 0;
}

/* What a kernel does not have needs no setting. */
static int set(const char *path, const char *value)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

int interface_set_up(const char *name, bool up)
{
	struct ifreq request = {0};
	int r;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	r = control(SIOCGIFFLAGS, &request);
	if (r < 0)
		return r;
	request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
	return control(SIOCSIFFLAGS, &request);
}

int bridge_create(const char *name)
{
	/* Without snooping the bridge parses no multicast of guests, and a reborn one has nothing to learn again. */
	static const char *const zero[] = {"stp_state", "forward_delay", "multicast_snooping"};
	char copy[IFNAMSIZ] = "";
	int r;

	strncpy(copy, name, sizeof(copy) - 1);
	r = control(SIOCBRADDBR, copy);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(zero); i++) {
		char path[128];

		snprintf(path, sizeof(path), INTERFACES "/%s/bridge/%s", copy, zero[i]);
		r = set(path, "0");
	}
	return r;
}

static int change_port(unsigned long request, const char *bridge, int index)
{
	struct ifreq port = {.ifr_ifindex = index};

	strncpy(port.ifr_name, bridge, IFNAMSIZ - 1);
	return control(request, &port);
}

int bridge_take(const char *bridge, const struct interface *port)
{
	int r = port->master[0] ? bridge_release(port->master, port->index) : 0;

	return r < 0 ? r : change_port(SIOCBRADDIF, bridge, port->index);
}

int bridge_release(const char *bridge, int index)
{
	return change_port(SIOCBRDELIF, bridge, index);
}

void silence_ip_stack(void)
{
	static const struct {
		const char *path, *value;
	} settings[] = {
		/* No link-local addresses, no router solicitations, no neighbour discovery on bridges, NICs and vifs. */
		{"/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"},
		{"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"},
		/* 8: answer ARP for no local address. */
		{"/proc/sys/net/ipv4/conf/all/arp_ignore", "8"},
		{"/proc/sys/net/ipv4/conf/default/arp_ignore", "8"},
		{"/proc/sys/net/ipv4/icmp_echo_ignore_all", "1"},
		{"/proc/sys/net/ipv4/ip_forward", "0"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		int r = set(settings[i].path, settings[i].value);

		if (r < 0)
			log_warning("net: cannot set %s: %s", settings[i].path, strerror(-r));
	}
}

/* --- changes --- */

struct links_watch {
	int fd;
	struct source *source;
	links_fn *fn;
	void *data;
};

/* The bridge family's messages tell of ports coming and going with the same types. */
static void on_message(const struct nlmsghdr *message, const struct links_watch *watch)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	unsigned len = message->nlmsg_len - (unsigned)NLMSG_LENGTH(0);
	char name[IFNAMSIZ];

	if (len < sizeof(*info) || info->ifi_family != AF_UNSPEC || info->ifi_index <= 0)
		return;
	if (message->nlmsg_type == RTM_DELLINK)
		watch->fn(NULL, info->ifi_index, watch->data);
	else if (message->nlmsg_type == RTM_NEWLINK && if_indextoname((unsigned)info->ifi_index, name))
		watch->fn(name, 0, watch->data);
}

static void on_readable(struct source *source, uint32_t events, void *data)
{
	struct links_watch *watch = data;

	for (int i = 0; i < DATAGRAMS_PER_ROUND; i++) {
		_Alignas(8) char datagram[DATAGRAM_MAX];
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(watch->fd, datagram, sizeof(datagram), MSG_TRUNC, (struct sockaddr *)&from, &from_len);
		unsigned left = (unsigned)MAX(n, 0);

		if (n > (ssize_t)sizeof(datagram) || (n < 0 && errno == ENOBUFS)) {
			watch->fn(NULL, 0, watch->data);
			continue;
		}
		if (n < 0)
			return;
		if (from.nl_pid != 0) /* others may send to us too */
			continue;
		for (const struct nlmsghdr *m = (const void *)datagram; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
			on_message(m, watch);
	}
}

int links_watch_create(struct loop *loop, links_fn *fn, void *data, struct links_watch **out)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	struct links_watch *watch = calloc(1, sizeof(*watch));
	int size = QUEUE_SIZE, r = 0;

	if (!watch)
		return -ENOMEM;
	*watch = (struct links_watch){.fn = fn, .data = data};
	watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (watch->fd < 0 || bind(watch->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	else
		r = loop_add_fd(loop, watch->fd, EPOLLIN, on_readable, watch, &watch->source);
	if (r < 0) {
		links_watch_destroy(watch);
		return r;
	}
	setsockopt(watch->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)); /* as far as we may */
	*out = watch;
	return 0;
}

struct links_watch *links_watch_destroy(struct links_watch *watch)
{
	if (!watch)
		return NULL;
	source_destroy(watch->source);
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch);
	return NULL;
}
