/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend of vifs (netif.h): serves the guests' frontends, each through a TAP device vif<domid>.<id>, which the switch makes a port
 * of its bridge. It attaches at once to a frontend that has been Connected for long, with what that negotiated with our predecessor.
 * A frontend that breaks the protocol loses its vif, and nobody else anything.
 */
#ifndef ATOLL_DRIVER_DOMAINS_VIF_H
#define ATOLL_DRIVER_DOMAINS_VIF_H

#include "pv/bus.h"

#define VIF_QUEUES_MAX 8
/* A guest that leaves packets waiting for so long without slots for them loses them. */
#define VIF_STALL_MS 1000

/* After a rebirth what guests had in their rings waits for all vifs: packets between guests would go to a port that is not there yet,
 * and TCP tries again only after as long as the outage was. At most for so long after the last vif that came. */
#define VIF_HOLD_MS 1000

struct vifs;
/* PV stays the caller's. 0 or -errno. */
int vifs_create(struct pv *pv, struct vifs **out);
struct vifs *vifs_destroy(struct vifs *vifs);

/* The interface NAME is a port of its bridge and up, or is not: what the guest transmits waits until it is. OTHERS: there are more to come. */
void vifs_set_up(struct vifs *vifs, const char *name, bool up, bool others);

#endif
