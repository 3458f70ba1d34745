// SPDX-License-Identifier: LGPL-2.1-or-later
/* The service's world in the console domain: grants and event channels of lib/pvh, the vchan as session. */
#include "core/backend.h"

#include "pvh/domain.h"
#include "pvh/event.h"
#include "pvh/grant.h"
#include "pvh/pvh.h"

/* backend.h's functions have no context argument: there is one console domain. */
static struct domain *domain;

static void on_event(uint32_t port, void *arg)
{
	service_on_event(&((struct domain *)arg)->service, port);
}

void backend_init(struct domain *d)
{
	domain = d;
}

int backend_open(uint16_t domid, uint32_t port, uint32_t ref, struct xencons_interface **page, uint32_t *local_port)
{
	void *map;
	int rc = pvh_grant_map(domid, ref, &map);

	if (rc) {
		pvh_log("console: d%u: cannot map the ring, grant %u: error %d", domid, ref, -rc);
		return rc;
	}
	rc = pvh_event_bind_interdomain(domid, port, local_port);
	if (rc) {
		pvh_log("console: d%u: cannot bind event channel %u: error %d", domid, port, -rc);
		pvh_grant_unmap(map);
		return rc;
	}
	pvh_event_handle(*local_port, on_event, domain);
	*page = map;
	return 0;
}

void backend_close(struct xencons_interface *page, uint32_t local_port)
{
	int rc = pvh_grant_unmap(page);

	if (rc)
		pvh_log("console: cannot unmap a ring: error %d", -rc);
	pvh_event_close(local_port);
}

bool backend_connected(uint16_t domid, uint32_t port, uint32_t local_port)
{
	struct pvh_event_status status;

	return !pvh_event_status(local_port, &status) && status.kind == PVH_EVENT_INTERDOMAIN &&
	       status.remote_domid == domid && status.remote_port == port;
}

bool backend_resume(const struct console *c)
{
	struct pvh_event_status status;

	if (pvh_grant_find(c->domid, c->ref) != c->ring.page || pvh_event_status(c->local_port, &status) ||
	    (status.kind != PVH_EVENT_INTERDOMAIN && status.kind != PVH_EVENT_UNBOUND) ||
	    status.remote_domid != c->domid)
		return false;
	pvh_event_handle(c->local_port, on_event, domain);
	pvh_event_raise(c->local_port);
	return true;
}

void backend_notify(uint32_t local_port)
{
	pvh_event_send(local_port);
}

size_t backend_tx_room(void)
{
	return vchan_room(&domain->vchan);
}

void backend_tx(const void *bytes, size_t len)
{
	vchan_write(&domain->vchan, bytes, len);
}
