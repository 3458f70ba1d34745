/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Event channels (2-level ABI). A port number is a local port; 0 is none. All calls return 0 or -errno and do
 * not block. Ports live in Xen and survive an in-place reload; handlers do not: an application that was
 * resumed finds its ports with pvh_event_find_*() or in its own state, checks them with pvh_event_status(),
 * and sets the handlers again.
 */
#ifndef ATOLL_PVH_EVENT_H
#define ATOLL_PVH_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct pvh;

/* Ports above this are refused (-ENOSPC): bounds the handler table. */
#define PVH_PORTS_MAX 1024

typedef void (*pvh_event_fn)(uint32_t port, void *arg);

/*
 * Binds to a port that `remote_domid` allocated unbound for us. Returns the local port in *port, pending once
 * (as Xen does), so that nothing that happened before the binding is missed.
 */
int pvh_event_bind_interdomain(uint16_t remote_domid, uint32_t remote_port, uint32_t *port);
/* Allocates a port to which `remote_domid` may bind. */
int pvh_event_alloc_unbound(uint16_t remote_domid, uint32_t *port);
/* VIRQ_* on vCPU 0. -EEXIST if already bound: pvh_event_find_virq(). */
int pvh_event_bind_virq(uint32_t virq, uint32_t *port);
/* Closes the port and forgets its handler and pending bit. */
int pvh_event_close(uint32_t port);
/* Notifies the other end. 0 also if nobody is bound. */
int pvh_event_send(uint32_t port);

/*
 * Sets the function that pvh_wait() calls for the port (NULL: events are swallowed), and unmasks the port: a
 * pending event is delivered by the next pvh_wait().
 */
int pvh_event_handle(uint32_t port, pvh_event_fn fn, void *arg);
/*
 * Makes the port pending, as if the other end had notified: used after a reload and for fairness ("come back
 * to me").
 */
void pvh_event_raise(uint32_t port);

enum pvh_event_kind {
	PVH_EVENT_CLOSED,
	PVH_EVENT_UNBOUND,		/* waiting for remote_domid; also after the remote end died */
	PVH_EVENT_INTERDOMAIN,
	PVH_EVENT_VIRQ,
	PVH_EVENT_OTHER,
};

struct pvh_event_status {
	enum pvh_event_kind kind;
	uint16_t remote_domid;		/* UNBOUND, INTERDOMAIN */
	uint32_t remote_port;		/* INTERDOMAIN */
	uint32_t virq;			/* VIRQ */
};
int pvh_event_status(uint32_t port, struct pvh_event_status *status);
/*
 * The local port bound to (remote_domid, remote_port), or -ENOENT. Asks Xen about every port: for use after a
 * reload.
 */
int pvh_event_find_interdomain(uint16_t remote_domid, uint32_t remote_port, uint32_t *port);
int pvh_event_find_virq(uint32_t virq, uint32_t *port);

#endif
