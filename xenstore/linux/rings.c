// SPDX-License-Identifier: LGPL-2.1-or-later
/* Clients on rings: mapping, event channels, and the death of domains. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xen/grant_table.h>
#include <xen/io/xs_wire.h>

struct rings {
	xc_interface *xc;
	xenevtchn_handle *ports;
	xengnttab_handle *grants;
	uint32_t dying_port; /* VIRQ_DOM_EXC */
	struct xenstore_domain_interface *mapped; /* by ring_map(), for ring_adopt() */
	bool mapped_granted; /* not domain 0's own */
	uint32_t own_ring;   /* client index of domain 0 + 1: mapped from /proc/xen, not granted */
};

unsigned int ring_domain_info(struct server *srv, uint32_t domid)
{
	xc_domaininfo_t info;
	unsigned int bits = STORE_DOMAIN_EXISTS;

	if (!srv->rings || xc_domain_getinfolist(srv->rings->xc, domid, 1, &info) != 1 || info.domain != domid)
		return 0;
	if (info.flags & XEN_DOMINF_dying)
		bits |= STORE_DOMAIN_DYING;
	if (info.flags & XEN_DOMINF_shutdown)
		bits |= STORE_DOMAIN_SHUTDOWN;
	return bits;
}

static struct client *client_of_port(struct server *srv, uint32_t port)
{
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (srv->clients[i].used && srv->clients[i].ring && srv->clients[i].port == port)
			return &srv->clients[i];
	return NULL;
}

void ring_unmap(struct server *srv, struct client *c)
{
	if (c->port)
		xenevtchn_unbind(srv->rings->ports, c->port);
	if (srv->rings->own_ring == (uint32_t)(c - srv->clients) + 1)
		munmap(c->ring, XC_PAGE_SIZE);
	else
		xengnttab_unmap(srv->rings->grants, c->ring, 1);
	c->ring = NULL;
}

static struct client *client_of_conn(struct server *srv, store_conn conn)
{
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (srv->clients[i].used && srv->clients[i].conn == conn)
			return &srv->clients[i];
	return NULL;
}

int ring_introduce(struct server *srv, store_conn conn, uint32_t domid, uint32_t port, struct store_ring_start *start)
{
	struct rings *r = srv->rings;
	struct client *c = client_of_conn(srv, conn);
	bool fresh = !c;
	int local;

	if (!r)
		return -EINVAL;
	if (fresh) {
		c = client_new(srv, conn);
		if (!c)
			return -ENOSPC;
		c->fd = -1;
		c->ring = xengnttab_map_grant_ref(r->grants, domid, GNTTAB_RESERVED_XENSTORE, PROT_READ | PROT_WRITE);
		if (!c->ring) {
			client_free(srv, c);
			return -EINVAL;
		}
	} else if (c->port) {
		xenevtchn_unbind(r->ports, c->port);
		c->port = 0;
	}
	local = xenevtchn_bind_interdomain(r->ports, domid, port);
	if (local < 0) {
		if (fresh) {
			ring_unmap(srv, c);
			client_free(srv, c);
		}
		return -EINVAL;
	}
	c->port = (uint32_t)local;
	ring_start(c->ring, start);
	ring_offer(&srv->store, conn, c->ring);
	/* A kernel that was up before its store waits for this first event. */
	xenevtchn_notify(r->ports, c->port);
	start->cookies[0] = (uint32_t)(c - srv->clients);
	/* What the domain sent before is looked at right away. */
	client_mark(srv, c);
	return 0;
}

void ring_flush(struct server *srv, struct client *c)
{
	unsigned int result = ring_serve(&srv->store, c->conn, c->ring, srv->buffer);

	if (result & RING_NOTIFY)
		xenevtchn_notify(srv->rings->ports, c->port);
	if (result & RING_MORE)
		client_mark(srv, c);
}

void on_ports(struct server *srv)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(srv->rings->ports);
	struct client *c;

	if (port < 0)
		return;
	if ((uint32_t)port == srv->rings->dying_port) {
		store_domains_changed(&srv->store);
	} else {
		c = client_of_port(srv, (uint32_t)port);
		if (c)
			ring_flush(srv, c);
	}
	xenevtchn_unmask(srv->rings->ports, (evtchn_port_t)port);
}

static void *own_page(void)
{
	int fd = open("/proc/xen/xsd_kva", O_RDWR | O_CLOEXEC);
	void *page;

	if (fd < 0)
		return NULL;
	page = mmap(NULL, XC_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

int ring_map(struct server *srv, uint32_t domid, struct store_ring_start *start)
{
	struct rings *r = srv->rings;

	if (!r)
		return -ENODEV;
	r->mapped = domid ? NULL : own_page();
	r->mapped_granted = !r->mapped;
	if (!r->mapped)
		r->mapped = xengnttab_map_grant_ref(r->grants, domid, GNTTAB_RESERVED_XENSTORE, PROT_READ | PROT_WRITE);
	if (!r->mapped)
		return -EINVAL;
	ring_start(r->mapped, start);
	return 0;
}

void ring_adopt(struct server *srv, struct client *c, uint32_t port)
{
	struct rings *r = srv->rings;

	c->ring = r->mapped;
	c->port = port;
	if (!r->mapped_granted)
		r->own_ring = (uint32_t)(c - srv->clients) + 1;
	ring_offer(&srv->store, c->conn, c->ring);
}

/* Domain 0's own ring, which its kernel shows to a store process in it. */
static int own_ring(struct server *srv)
{
	struct rings *r = srv->rings;
	struct store_ring_start start = { 0 };
	struct client *c;
	store_conn conn;
	char text[20] = "";
	int fd = open("/proc/xen/xsd_port", O_RDONLY), local;
	ssize_t n;

	if (fd < 0)
		return 0; /* not in domain 0, or served by another domain */
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	if (ring_map(srv, 0, &start))
		return -EIO;
	local = xenevtchn_bind_interdomain(r->ports, 0, (evtchn_port_t)strtoul(text, NULL, 10));
	if (local < 0)
		return -errno;
	if (store_introduce_mapped(&srv->store, 0, (uint32_t)strtoul(text, NULL, 10), &start, &conn))
		return -ENOMEM;
	c = client_new(srv, conn);
	c->fd = -1;
	ring_adopt(srv, c, (uint32_t)local);
	ring_flush(srv, c);
	return 0;
}

static int rings_setup(struct server *srv, int fd)
{
	struct rings *r = calloc(1, sizeof *r);
	int port;

	if (!r)
		return -ENOMEM;
	srv->rings = r;
	r->xc = xc_interface_open(NULL, NULL, 0);
	r->ports = fd < 0 ? xenevtchn_open(NULL, 0) : xenevtchn_fdopen(NULL, fd, 0);
	r->grants = xengnttab_open(NULL, 0);
	if (!r->xc || !r->ports || !r->grants) {
		rings_close(srv);
		return -ENODEV;
	}
	port = xenevtchn_bind_virq(r->ports, VIRQ_DOM_EXC);
	if (port < 0)
		return -errno;
	r->dying_port = (uint32_t)port;
	return epoll_set(srv, EPOLL_CTL_ADD, xenevtchn_fd(r->ports), EPOLLIN, EVENT_PORTS);
}

int rings_open(struct server *srv)
{
	int r = rings_setup(srv, -1);

	return r ? r : own_ring(srv);
}

/* ---- live update */

int rings_event_fd(const struct server *srv)
{
	return srv->rings ? xenevtchn_fd(srv->rings->ports) : -1;
}

int rings_take_over(struct server *srv, int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return rings_setup(srv, fd);
}

void rings_death_notice(struct server *srv, bool on)
{
	struct rings *r = srv->rings;
	int port;

	if (!r)
		return;
	if (r->dying_port)
		xenevtchn_unbind(r->ports, r->dying_port);
	r->dying_port = 0;
	port = on ? xenevtchn_bind_virq(r->ports, VIRQ_DOM_EXC) : 0;
	if (port > 0)
		r->dying_port = (uint32_t)port;
}

void rings_close(struct server *srv)
{
	struct rings *r = srv->rings;

	if (!r)
		return;
	if (r->grants)
		xengnttab_close(r->grants);
	if (r->ports)
		xenevtchn_close(r->ports);
	if (r->xc)
		xc_interface_close(r->xc);
	free(r);
	srv->rings = NULL;
}
