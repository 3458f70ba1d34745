/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's announcements of block devices: only that something changed, not what. */
#ifndef ATOLL_DRIVER_DOMAINS_UEVENT_H
#define ATOLL_DRIVER_DOMAINS_UEVENT_H

#include "event/loop.h"

struct uevents;

typedef void uevent_fn(void *data);

int uevents_create(struct loop *loop, uevent_fn *fn, void *data, struct uevents **out);
struct uevents *uevents_destroy(struct uevents *uevents);

/* True if the message (ACTION@DEVPATH, then KEY=VALUE, each ending in NUL) is about a block device. Pure. */
bool uevent_is_block(const char *message, size_t len);

#endif
