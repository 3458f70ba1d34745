/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel announces on a netlink socket: changes of interfaces, of devices. Nothing is asked there. */
#ifndef ATOLL_DRIVER_DOMAINS_ANNOUNCE_H
#define ATOLL_DRIVER_DOMAINS_ANNOUNCE_H

#include "event/loop.h"

struct announcements;

/* A datagram of the kernel, aligned for its messages; NULL: some were lost, so whoever keeps state looks anew. */
typedef void announced_fn(const void *datagram, size_t len, void *data);

/* PROTOCOL and GROUPS: netlink(7). */
int announcements_create(struct loop *loop, int protocol, uint32_t groups, announced_fn *fn, void *data, struct announcements **out);
struct announcements *announcements_destroy(struct announcements *announcements);

#endif
