// SPDX-License-Identifier: LGPL-2.1-or-later
/* The store, grants of frontends, event channels. */
#include "pv/pv.h"

#include <errno.h>
#include <fcntl.h>

#include "base/log.h"

#define PORTS_PER_READ 32

struct channel {
	struct pv *pv;
	evtchn_port_t port; /* ours */
	channel_fn *fn;
	void *data;
};

/* The device gives the numbers of ports that had an event and keeps them masked until they are written back. False: there may be more. */
static bool serve_ports(struct pv *pv)
{
	evtchn_port_t ports[PORTS_PER_READ];
	int fd = xenevtchn_fd(pv->evtchn);
	ssize_t n = read(fd, ports, sizeof(ports));

	if (n < 0 && errno != EAGAIN)
		log_error("event channels: cannot be read: %m");
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(ports[0]); i++) {
		struct channel *channel = ports[i] < PV_PORTS_MAX ? pv->channels[ports[i]] : NULL;

		if (channel)
			channel->fn(channel->data);
	}
	if (n > 0 && write(fd, ports, (size_t)n) != n)
		log_error("event channels: cannot be unmasked: %m");
	return n < (ssize_t)sizeof(ports);
}

void pv_events(struct pv *pv)
{
	while (!serve_ports(pv))
		;
}

static void on_events(struct source *source, uint32_t events, void *data)
{
	serve_ports(data);
}

int pv_take_events(struct pv *pv)
{
	int fd = xenevtchn_fd(pv->evtchn);

	pv->source = source_destroy(pv->source);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}

int pv_open(struct pv *pv, struct loop *loop)
{
	int r;

	pv->loop = loop;
	pv->grants = xengnttab_open(NULL, 0);
	pv->evtchn = pv->grants ? xenevtchn_open(NULL, 0) : NULL;
	if (!pv->evtchn)
		return errno ? -errno : -ENODEV;
	r = loop_add_fd(loop, xenevtchn_fd(pv->evtchn), EPOLLIN, on_events, pv, &pv->source);
	return r < 0 ? r : store_open(loop, &pv->store);
}

void pv_close(struct pv *pv)
{
	pv->store = store_close(pv->store);
	pv->source = source_destroy(pv->source);
	if (pv->evtchn)
		xenevtchn_close(pv->evtchn);
	if (pv->grants)
		xengnttab_close(pv->grants);
	pv->evtchn = NULL;
	pv->grants = NULL;
}

int channel_open(struct pv *pv, uint32_t domid, uint32_t port, channel_fn *fn, void *data, struct channel **out)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	xenevtchn_port_or_error_t local;

	if (!channel)
		return -ENOMEM;
	local = xenevtchn_bind_interdomain(pv->evtchn, domid, port);
	if (local < 0 || local >= PV_PORTS_MAX) {
		int r = local < 0 ? -errno : -ENOSPC;

		if (local >= 0)
			xenevtchn_unbind(pv->evtchn, (evtchn_port_t)local);
		free(channel);
		return r;
	}
	*channel = (struct channel){.pv = pv, .port = (evtchn_port_t)local, .fn = fn, .data = data};
	pv->channels[local] = channel;
	*out = channel;
	return 0;
}

void channel_notify(struct channel *channel)
{
	xenevtchn_notify(channel->pv->evtchn, channel->port);
}

struct channel *channel_close(struct channel *channel)
{
	if (!channel)
		return NULL;
	channel->pv->channels[channel->port] = NULL;
	xenevtchn_unbind(channel->pv->evtchn, channel->port);
	free(channel);
	return NULL;
}
