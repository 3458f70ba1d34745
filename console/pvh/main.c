// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The console domain. It holds: the console ring of each domain that the control domain adds (mapped by
 * grant), one event channel to each of them, and a vchan to the control domain. It has no privilege.
 *
 * Started: offers the vchan, publishes it in the store, and serves. Its own log goes the way of all others:
 * the ring that lib/pvh writes to is a console of the service.
 *
 * Reloaded in place: the arena (struct domain) is kept if it checks; rings, channels and the vchan go on
 * where they were. If the old image was stopped in the middle of something, the session is ended, so that no
 * half frame can be taken for a whole one. Revived in a new domain with the old arena: the same, but the own log's ring is new.
 */
#include <string.h>

#include "pvh/domain.h"
#include "pvh/event.h"
#include "pvh/grant.h"
#include "pvh/publish.h"
#include "pvh/pvh.h"

/*
 * A guest's kernel sends an event for each line or less. What comes first is taken and sent at once; while there is more we look every
 * NAP_NS, and the control domain is sent a batch, or all after HOLD_NAPS. So a key's echo waits for nothing, and a flood costs an
 * event for every few KiB. A ring of 2 KiB a nap is 2 MiB a second.
 */
#define NAP_NS 1000000ull
#define HOLD_NAPS 8

/* ---- start ---- */

static void unmap_unused(uint16_t domid, uint32_t ref, void *page, void *arg)
{
	struct domain *d = arg;

	(void)domid;
	(void)ref;
	for (unsigned int i = 0; i < CONSOLES_MAX; i++)
		if (d->service.consoles[i].status == CONSOLE_OPEN && (void *)d->service.consoles[i].ring.page == page)
			return;
	pvh_grant_unmap(page);
}

static void start(struct domain *d, struct pvh *pvh)
{
	int rc;

	service_init(&d->service, 1);
	rc = vchan_init(&d->vchan, &d->pages, CLIENT_DOMID);
	if (rc)
		pvh_panic("console: cannot offer the vchan: error %d", -rc);
	rc = service_add_local(&d->service, pvh->domid, pvh_console_page());
	if (rc)
		pvh_panic("console: cannot serve the own log: error %d", -rc);
}

/*
 * Takes over what the old image left. A console whose ring or channel is not as the arena says is closed (its
 * history stays). False: nothing can be made of it, the control domain has to rebuild the domain.
 */
static bool resume(struct domain *d, const struct pvh *pvh)
{
	unsigned int open = 0;

	if (!service_valid(&d->service) || !vchan_resume(&d->vchan, &d->pages, CLIENT_DOMID))
		return false;
	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		struct console *c = &d->service.consoles[i];

		if (c->status != CONSOLE_OPEN || !c->local_port)
			continue;
		if (backend_resume(c)) {
			open++;
			continue;
		}
		c->status = CONSOLE_CLOSED;
		c->ring = (struct ring){ 0 };
		c->local_port = 0;
		c->announce = true;
	}
	pvh_grant_for_each(unmap_unused, d);
	if (pvh->revived)
		service_add_local(&d->service, pvh->domid, pvh_console_page());
	if (pvh->dirty && d->vchan.status == VCHAN_CONNECTED) {
		vchan_kick(&d->vchan);
		service_session_end(&d->service);
	}
	d->service.generation++;
	pvh_log("console: %s, generation %lu, %u consoles%s", pvh->revived ? "revived" : "reloaded in place",
		(unsigned long)d->service.generation, open, pvh->dirty ? ", was busy" : "");
	return true;
}

/* ---- work ---- */

/*
 * Nobody tells us of dead domains while no client is connected, and a page that we hold keeps a dead one from going: the store
 * could then not be built again, without which no client can find us.
 */
static void close_dead(struct domain *d)
{
	struct pvh_event_status status;

	for (unsigned int i = 0; i < CONSOLES_MAX; i++) {
		struct console *c = &d->service.consoles[i];

		if (c->status == CONSOLE_OPEN && c->local_port && !pvh_event_status(c->local_port, &status) &&
		    status.kind == PVH_EVENT_UNBOUND)
			console_remove(&d->service, c->domid, c->console);
	}
}

static void session_poll(struct domain *d)
{
	switch (vchan_poll(&d->vchan)) {
	case VCHAN_CAME:
		pvh_log("console: the control domain is connected");
		service_session_start(&d->service);
		break;
	case VCHAN_WENT:
		pvh_log("console: the control domain is gone");
		service_session_end(&d->service);
		break;
	case VCHAN_SAME:
		break;
	}
}

/* One round. */
static enum service_result work(struct domain *d, bool hold)
{
	uint8_t bytes[CONSOLE_FRAME_MAX];
	enum service_result result;
	size_t n;

	session_poll(d);
	n = vchan_read(&d->vchan, bytes, service_rx_room(&d->service));
	if (n)
		service_rx(&d->service, bytes, n);
	result = service_work(&d->service, hold);
	if (result == SERVICE_BROKEN) {
		pvh_log("console: the control domain broke the protocol");
		service_session_end(&d->service);
		vchan_kick(&d->vchan);
	}
	vchan_notify(&d->vchan);
	/*
	 * A client that does not read stops us from handling its requests: then more of them are no reason to
	 * stay awake.
	 */
	if (result == SERVICE_IDLE && (n || vchan_arm(&d->vchan, service_rx_room(&d->service) > 0)))
		return SERVICE_MORE;
	return result;
}

void pvh_main(struct pvh *pvh)
{
	struct domain *d = pvh->arena;
	struct publisher publisher;
	uint64_t check = 0;
	unsigned int naps = 0;	/* since somebody began to speak */

	if (pvh->arena_size < sizeof(*d))
		pvh_panic("console: %zu KiB of memory are missing", (sizeof(*d) - pvh->arena_size) / 1024 + 1);
	backend_init(d);
	if (!pvh_arena_claim(pvh, DOMAIN_MAGIC, DOMAIN_VERSION)) {
		if (pvh->resumed)
			pvh_panic("console: the state is of another version: rebuild the domain");
		pvh_log("console: d%u started", pvh->domid);
		start(d, pvh);
	} else if (!resume(d, pvh)) {
		pvh_panic("console: the state does not check: rebuild the domain");
	}
	publisher_init(&publisher, pvh, CLIENT_DOMID, d->vchan.ref, d->vchan.port);
	for (;;) {
		enum service_result result = work(d, naps % HOLD_NAPS);
		uint64_t next = publisher_work(&publisher, d->vchan.status == VCHAN_CONNECTED);

		if (next != PVH_NEVER && pvh_now() >= check) {
			close_dead(d);
			check = pvh_now() + PUBLISH_PERIOD_NS;
		}
		if (result == SERVICE_FLOW) {
			naps++;
			pvh_nap(NAP_NS);
		}
		pvh_wait(pvh, result != SERVICE_IDLE || naps ? 0 : next);
		if (result != SERVICE_FLOW)
			naps = 0;
	}
}
