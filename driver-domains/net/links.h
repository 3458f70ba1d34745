/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's network interfaces through rtnetlink: one socket for requests, answered before the call returns, and one for
 * announcements, read from the event loop. The kernel is the only peer; an answer that does not come within LINKS_TIMEOUT_MS is
 * an error, so that a stuck driver is reported and not waited for.
 */
#ifndef ATOLL_DRIVER_DOMAINS_LINKS_H
#define ATOLL_DRIVER_DOMAINS_LINKS_H

#include "event/loop.h"
#include "net/netlink.h"

#define LINKS_TIMEOUT_MS 5000
/* Interfaces that one list holds: bridges, NICs and vifs with room to spare. */
#define LINKS_MAX 512

struct links;

/* An interface is new or changed, or GONE. May be called for an interface that did not change. */
typedef void links_fn(const struct nl_link *link, bool gone, void *data);
/* Announcements were lost: whoever keeps state about interfaces lists them again. */
typedef void links_lost_fn(void *data);

int links_create(struct loop *loop, links_fn *fn, links_lost_fn *lost, void *data, struct links **links);
struct links *links_destroy(struct links *links);

/* All interfaces, in an array that the caller frees. 0 or -errno; -E2BIG past LINKS_MAX. */
int links_list(struct links *links, struct nl_link **list, size_t *count);
/* One interface by its name: 0, -ENODEV, or another -errno. */
int links_find(struct links *links, const char *name, struct nl_link *link);

/* A bridge without STP and without forward delay: a port forwards as soon as it is added. -EEXIST if the name is taken. */
int links_create_bridge(struct links *links, const char *name);
int links_delete(struct links *links, int index);
int links_set_up(struct links *links, int index, bool up);
/* MASTER 0 takes the interface out of its bridge. */
int links_set_master(struct links *links, int index, int master);
int links_set_mtu(struct links *links, int index, uint32_t mtu);
int links_set_mac(struct links *links, int index, const uint8_t mac[NL_MAC_LEN]);

#endif
