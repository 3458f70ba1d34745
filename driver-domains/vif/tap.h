/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TAP devices: a vif's interface in the kernel, with the name that Linux's netback would give it. */
#ifndef ATOLL_DRIVER_DOMAINS_VIF_TAP_H
#define ATOLL_DRIVER_DOMAINS_VIF_TAP_H

#include "base/util.h"

/* Packets that wait for the guest, for each queue; more than one batch of another guest. */
#define TAP_QUEUE_MAX 256

/* Makes the interface NAME with COUNT queues, which has no address and is down, and stays until all FDS (the caller's, non-blocking) are
 * closed. Each packet has a struct virtio_net_hdr before it. OFFLOADS (TUN_F_*) are what its reader takes. 0 or -errno; -EBUSY if
 * there is such an interface. */
int tap_open(const char *name, unsigned count, unsigned offloads, int fds[]);

#endif
