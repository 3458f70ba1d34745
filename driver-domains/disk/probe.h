/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a disk still answer? A thread reads a block of each disk in use, past all caches, again and again: a controller that has
 * hung holds up the thread and not the agent, which says so.
 */
#ifndef ATOLL_DRIVER_DOMAINS_PROBE_H
#define ATOLL_DRIVER_DOMAINS_PROBE_H

#include "disk/table.h"

#define PROBE_PERIOD_MS 1000
#define PROBE_LIMIT_MS 3000 /* a read that takes longer is none: the queues of a busy disk are shorter */
#define PROBE_BLOCK 4096

struct probe;

/* DEV_ROOT: "/dev". NULL without memory or threads. The thread ends with the process. */
struct probe *probe_create(const char *dev_root);
/* What is in use now. */
void probe_update(struct probe *probe, const struct table *table);
/* True with a sentence in WHY if a disk has not answered, or with an error. */
bool probe_failed(struct probe *probe, char *why, size_t size);

#endif
