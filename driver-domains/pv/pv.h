/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every backend of ours stands on: the store, grants of frontends, event channels. One for the whole process, in its loop.
 * Grants are used through libxengnttab itself: map with xengnttab_map_domain_grant_refs() (rings), copy data in batches with
 * xengnttab_grant_copy(). Blocks while the store does not answer.
 */
#ifndef ATOLL_DRIVER_DOMAINS_PV_H
#define ATOLL_DRIVER_DOMAINS_PV_H

#include <xenevtchn.h>
#include <xengnttab.h>

#include "event/loop.h"
#include "xen/store.h"

/* Local event channels that can be bound; the kernel gives out small numbers first. */
#define PV_PORTS_MAX 4096

struct channel;
typedef void channel_fn(void *data);

struct pv {
	struct loop *loop;
	struct store *store;
	xengnttab_handle *grants;
	xenevtchn_handle *evtchn;
	struct source *source;
	struct channel *channels[PV_PORTS_MAX]; /* by local port */
};

/* PV must be zeroed. 0 or -errno; pv_close() is due in any case. */
int pv_open(struct pv *pv, struct loop *loop);
/* All channels must be closed before. */
void pv_close(struct pv *pv);
/* Takes the event channels out of the loop; returns their descriptor, which no longer blocks. pv_events() is to be called when it becomes
 * readable, and serves all that have had an event. */
int pv_take_events(struct pv *pv);
void pv_events(struct pv *pv);

/* Binds to the frontend's PORT. FN is called after each event; it may close any channel. The frontend may have notified somebody
 * who died since: look at the ring once after this. 0 or -errno. */
int channel_open(struct pv *pv, uint32_t domid, uint32_t port, channel_fn *fn, void *data, struct channel **out);
void channel_notify(struct channel *channel);
/* NULL is fine; returns NULL. */
struct channel *channel_close(struct channel *channel);

#endif
