// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The store domain.
 *
 * Holds: the right to ask Xen for the state of domains (CDF_xs_domain), VIRQ_DOM_EXC, and a mapping of each introduced
 * domain's store ring (grant reference 1, which the domain's builder made for this domid). Nothing else.
 *
 * Command line: port=N  the control domain's event channel for its own ring; needed at the first boot.
 *
 * All state is in the arena. After an in-place reload the rings are still mapped and the ports still bound: they are
 * found again through lib/pvh and the cookies of the connections. In a new domain that was given the arena of the one that was
 * destroyed, lib/pvh has mapped and bound them again. Without an arena the rings are where they were, and the toolstack introduces
 * them again.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/xs_wire.h>

#include "pvh/event.h"
#include "pvh/grant.h"
#include "pvh/pvh.h"
#include "../core/ring.h"
#include "../core/store.h"

#define STORE_MAGIC 0x65726f74736c74aull
#define CONTROL_DOMID 0u
#define IDLE_BATCH 64u              /* nodes of removed subtrees freed before the rings are looked at again */

struct slot { /* the volatile side of a ring */
	store_conn conn;
	struct xenstore_domain_interface *page;
	uint32_t port;
	bool dirty;
	bool greet; /* its domain gets an event whether there is something or not */
};

struct server {
	struct store store;
	struct pvh *pvh;
	struct slot slots[PVH_GRANT_SLOTS];
	uint16_t dirty[PVH_GRANT_SLOTS];
	unsigned int dirty_count;
	bool full_said;
	bool taken_over;     /* a predecessor's state … */
	bool half_done;      /* … a step of which was taken back */
	bool checked;        /* … and that was not trusted */
	unsigned int rings;  /* that were taken over */
	uint64_t checked_ns; /* when the state was found good */
	unsigned char buffer[RING_BUFFER];
	uint8_t *bitmap; /* the checker's, behind the state */
};

static struct server server;

static unsigned int slot_of(const void *page)
{
	return (unsigned int)(((uintptr_t)page - PVH_GRANT_BASE) / PVH_PAGE_SIZE);
}

static struct slot *slot_of_conn(struct server *srv, store_conn conn)
{
	uint32_t n = store_cookie(&srv->store, conn, 0);

	return n && n <= PVH_GRANT_SLOTS && srv->slots[n - 1].conn == conn ? &srv->slots[n - 1] : NULL;
}

static void slot_mark(struct server *srv, struct slot *slot)
{
	if (slot->dirty)
		return;
	slot->dirty = true;
	srv->dirty[srv->dirty_count++] = (uint16_t)(slot - srv->slots);
}

static void slot_serve(struct server *srv, struct slot *slot)
{
	/* It stays marked meanwhile: its own answers need no second turn. */
	unsigned int result = ring_serve(&srv->store, slot->conn, slot->page, srv->buffer);

	slot->dirty = false;
	if (result & RING_NOTIFY || slot->greet)
		pvh_event_send(slot->port);
	slot->greet = false;
	if (result & RING_MORE)
		slot_mark(srv, slot);
}

static void on_ring(uint32_t port, void *arg)
{
	struct slot *slot = arg;

	if (slot->conn && slot->port == port)
		slot_mark(&server, slot);
}

static void on_domains(uint32_t port, void *arg)
{
	struct server *srv = arg;

	store_domains_changed(&srv->store);
}

/* ---- what the core asks */

static unsigned int ask_domain_info(void *opaque, uint32_t domid)
{
	struct pvh_domain_info info;

	if (pvh_domain_info((uint16_t)domid, &info) || info.domid != domid)
		return 0;
	return STORE_DOMAIN_EXISTS | (info.dying ? STORE_DOMAIN_DYING : 0) | (info.shutdown ? STORE_DOMAIN_SHUTDOWN : 0);
}

/* Binds to a port that waits for us; or finds the binding, if a restart came between it and its being noted. */
static int bind_port(uint32_t domid, uint32_t remote, uint32_t *port)
{
	int r = pvh_event_bind_interdomain((uint16_t)domid, remote, port);

	return r && !pvh_event_find_interdomain((uint16_t)domid, remote, port) ? 0 : r;
}

static int map_ring(uint32_t domid, void **page)
{
	int r = pvh_grant_map((uint16_t)domid, GNTTAB_RESERVED_XENSTORE, page);

	if (r != -EEXIST)
		return r;
	/* Left by a restart, or of an earlier domain with that domid: take a new one. */
	*page = pvh_grant_find((uint16_t)domid, GNTTAB_RESERVED_XENSTORE);
	if (!*page || server.slots[slot_of(*page)].conn)
		return -EBUSY;
	pvh_grant_unmap(*page);
	return pvh_grant_map((uint16_t)domid, GNTTAB_RESERVED_XENSTORE, page);
}

static int slot_fill(struct server *srv, store_conn conn, void *page, uint32_t port)
{
	struct slot *slot = &srv->slots[slot_of(page)];

	slot->conn = conn;
	slot->page = page;
	slot->port = port;
	ring_offer(&srv->store, conn, page);
	slot_mark(srv, slot);
	/* A kernel that was up before its store waits for this first event. And a predecessor's last one may not have been sent. */
	slot->greet = true;
	return pvh_event_handle(port, on_ring, slot);
}

static int ask_introduce(void *opaque, store_conn conn, uint32_t domid, uint64_t gfn, uint32_t remote,
			 struct store_ring_start *start)
{
	struct server *srv = opaque;
	struct slot *slot = slot_of_conn(srv, conn);
	void *page = slot ? slot->page : NULL;
	uint32_t port;
	int r;

	if (!slot) {
		r = map_ring(domid, &page);
		if (r) {
			pvh_log("d%u: cannot map its ring: error %d", domid, -r);
			return r == -ENOSPC ? r : -EINVAL;
		}
	} else {
		pvh_event_close(slot->port);
	}
	r = bind_port(domid, remote, &port);
	if (r) {
		pvh_log("d%u: cannot bind port %u: error %d", domid, remote, -r);
		if (!slot)
			pvh_grant_unmap(page);
		return -EINVAL;
	}
	ring_start(page, start);
	start->cookies[0] = slot_of(page) + 1;
	start->cookies[1] = port;
	return slot_fill(srv, conn, page, port);
}

static void ask_output(void *opaque, store_conn conn)
{
	struct server *srv = opaque;
	struct slot *slot = slot_of_conn(srv, conn);

	if (slot)
		slot_mark(srv, slot);
}

static void ask_log(void *opaque, const char *text)
{
	pvh_log("%s", text);
}

static int ask_check(struct store *s, const char **what)
{
	memset(server.bitmap, 0, arena_bitmap_size(s->a.header->size));
	return store_check(s, server.bitmap, what);
}

static const struct store_ops ops = {
	.domain_info = ask_domain_info,
	.introduce = ask_introduce,
	.output = ask_output,
	.log = ask_log,
};

/* ---- start */

static uint64_t random_seed(const struct pvh *pvh)
{
	uint32_t low, high;

	/* Not secret to the control domain, and need not be: guests see neither clock at this moment. */
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (((uint64_t)high << 32 | low) ^ pvh_now() << 20 ^ pvh_wallclock()) * 0x9e3779b97f4a7c15ull;
}

static void unmap_stray(uint16_t domid, uint32_t ref, void *page, void *arg)
{
	struct server *srv = arg;

	if (!srv->slots[slot_of(page)].conn)
		pvh_grant_unmap(page);
}

/* Takes over the rings of connections that were there before a reload. */
static void resume(struct server *srv)
{
	struct store *s = &srv->store;
	struct pvh_event_status status;

	for (store_conn conn = store_connection_next(s, 0); conn; conn = store_connection_next(s, conn)) {
		uint32_t domid = store_connection_domid(s, conn), port = store_cookie(s, conn, 1);
		void *page = pvh_grant_find((uint16_t)domid, GNTTAB_RESERVED_XENSTORE);

		if (!page || slot_of(page) + 1 != store_cookie(s, conn, 0))
			continue;
		if (pvh_event_status(port, &status) || status.kind == PVH_EVENT_CLOSED || slot_fill(srv, conn, page, port))
			pvh_log("d%u: its port %u is gone", domid, port);
		srv->rings++;
	}
	pvh_grant_for_each(unmap_stray, srv);
}

static void start_state(struct server *srv)
{
	struct pvh *pvh = srv->pvh;
	size_t size = (pvh->arena_size - arena_bitmap_size(pvh->arena_size)) & ~(size_t)(PVH_PAGE_SIZE - 1);
	struct store_config config = { .privileged = CONTROL_DOMID };
	const struct arena_header *header = pvh->arena;
	const char *what = "";
	int r;

	srv->bitmap = (uint8_t *)pvh->arena + size;
	if (pvh_arena_claim(pvh, STORE_MAGIC, ARENA_VERSION)) {
		srv->half_done = header->journal_len != 0;
		r = store_attach(&srv->store, pvh->arena, size, &ops, srv);
		/* Everybody waits meanwhile, so only if there is a reason for doubt. */
		srv->checked = !pvh->trusted || srv->half_done;
		if (!r && srv->checked)
			r = ask_check(&srv->store, &what);
		/* Better no state than a wrong one: the control domain rebuilds this domain and replays what it knows. */
		if (r)
			pvh_panic("store: the state cannot be trusted: %s", what);
		srv->store.check = ask_check;
		srv->taken_over = true;
		srv->checked_ns = pvh_now();
		resume(srv);
		store_finish(&srv->store);
		return;
	}
	config.seed = random_seed(pvh);
	r = store_create(&srv->store, pvh->arena, size, &config, &ops, srv);
	if (r)
		pvh_panic("store: no arena: error %d", -r);
	srv->store.check = ask_check;
}

/* The control domain's own ring: it cannot be introduced through itself. */
static void start_control(struct server *srv)
{
	uint32_t remote = (uint32_t)pvh_cmdline_u64(srv->pvh, "port", 0), port;
	struct store_ring_start start = { 0 };
	store_conn conn = store_connection_of(&srv->store, CONTROL_DOMID);
	void *page;
	int r;

	if (conn && slot_of_conn(srv, conn))
		return;
	if (!remote)
		pvh_panic("store: port= is missing");
	r = map_ring(CONTROL_DOMID, &page);
	if (!r)
		r = bind_port(CONTROL_DOMID, remote, &port);
	if (r)
		pvh_panic("store: cannot take the control domain's ring: error %d", -r);
	ring_start(page, &start);
	start.cookies[0] = slot_of(page) + 1;
	start.cookies[1] = port;
	r = store_introduce_mapped(&srv->store, CONTROL_DOMID, remote, &start, &conn);
	if (!r)
		r = slot_fill(srv, conn, page, port);
	if (r)
		pvh_panic("store: cannot serve the control domain: error %d", -r);
}

static void start_virq(struct server *srv)
{
	uint32_t port;
	int r = pvh_event_bind_virq(VIRQ_DOM_EXC, &port);

	if (r == -EEXIST)
		r = pvh_event_find_virq(VIRQ_DOM_EXC, &port);
	if (!r)
		r = pvh_event_handle(port, on_domains, srv);
	if (r)
		pvh_panic("store: cannot learn of the death of domains: error %d", -r);
	/* What happened before. After the first answers: it asks Xen about each domain. */
	pvh_event_raise(port);
}

/* ---- work */

static void reap(struct server *srv)
{
	for (store_conn conn; (conn = store_connection_defunct(&srv->store));) {
		struct slot *slot = slot_of_conn(srv, conn);

		if (slot) {
			pvh_event_close(slot->port);
			pvh_grant_unmap(slot->page);
			slot->conn = 0;
		}
		store_connection_close(&srv->store, conn);
	}
}

static void say_full(struct server *srv)
{
	struct store_usage usage;

	store_usage(&srv->store, &usage);
	if (usage.free_bytes * 16 > usage.arena_size) {
		srv->full_said = false;
	} else if (!srv->full_said) {
		srv->full_said = true;
		pvh_log("store: nearly full: %lu of %lu KiB free, %u nodes, %lu requests refused for want of memory",
			(unsigned long)usage.free_bytes / 1024, (unsigned long)usage.arena_size / 1024, usage.nodes,
			(unsigned long)usage.refused_memory);
	}
}

static void serve(struct server *srv)
{
	/* One domain's answers can be another's events, so the list grows while it is worked on; each is served once. */
	unsigned int n = srv->dirty_count;
	uint16_t list[PVH_GRANT_SLOTS];

	memcpy(list, srv->dirty, n * sizeof *list);
	srv->dirty_count = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct slot *slot = &srv->slots[list[i]];

		if (slot->conn)
			slot_serve(srv, slot);
		else
			slot->dirty = false;
	}
	reap(srv);
}

static void say_ready(struct server *srv, uint64_t begun_ns, uint64_t ready_ns, uint64_t waited_ns)
{
	struct pvh *pvh = srv->pvh;

	if (srv->taken_over)
		pvh_log("store: %s, generation %u, %u rings%s%s%s", pvh->revived ? "revived" : "resumed", pvh->generation, srv->rings,
			srv->checked ? ", checked" : "", pvh->dirty ? ", was busy" : "", srv->half_done ? ", took back a step" : "");
	pvh_log("store: ready after %lu us (boot %lu, check %lu, preempted %lu), domid %u, %lu KiB for state",
		(unsigned long)(ready_ns - pvh->started_ns) / 1000, (unsigned long)(begun_ns - pvh->started_ns) / 1000,
		(unsigned long)(srv->checked_ns - begun_ns) / 1000, (unsigned long)waited_ns / 1000, pvh->domid, (unsigned long)pvh->arena_size / 1024);
}

void pvh_main(struct pvh *pvh)
{
	struct server *srv = &server;
	uint64_t begun_ns = pvh_now(), ready_ns, waited_ns;

	srv->pvh = pvh;
	srv->checked_ns = begun_ns;
	start_state(srv);
	start_control(srv);
	start_virq(srv);
	pvh_arena_journalled();
	ready_ns = pvh_now();
	waited_ns = pvh_waited() - srv->pvh->started_waited_ns;
	/* Whoever is woken, by an answer or by a line of the log, competes with us: first all that waits is answered. */
	serve(srv);
	say_ready(srv, begun_ns, ready_ns, waited_ns);
	for (;;) {
		bool busy;

		/* Each ring that has something gets its turn before any gets a second. */
		serve(srv);
		say_full(srv);
		busy = srv->dirty_count || store_idle(&srv->store, IDLE_BATCH);
		pvh_wait(pvh, busy ? 0 : PVH_NEVER);
	}
}
