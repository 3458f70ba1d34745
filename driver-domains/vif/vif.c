// SPDX-License-Identifier: LGPL-2.1-or-later
/* The backend of vifs: its devices on the bus, and when their queues are served. */
#include "vif/vif.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/log.h"
#include "vif/queue.h"
#include "vif/tap.h"

struct vif_queue {
	struct queue queue;
	struct vif *vif;
	void *tx_page, *rx_page;
	struct channel *tx_channel, *rx_channel; /* the same for frontends with one channel a queue */
	struct source *tap_source;
	uint64_t starved_ms; /* since when; 0: not */
	bool more;	     /* there is more to transmit */
};

struct vif {
	struct vifs *vifs;
	struct bus_device *device;
	char name[IFNAMSIZ];
	bool up, sg;
	bool held; /* up, and waits for others */
	unsigned count;
	struct vif_queue queues[VIF_QUEUES_MAX];
	struct vif *next;
};

struct vifs {
	struct pv *pv;
	struct bus *bus;
	struct vif *list; /* those that are connected */
	/* Always readable, looked at while some queue has more to transmit: others have their turn between two batches. */
	int again_fd;
	struct source *again;
	bool looking;
	struct source *stall_timer, *hold_timer;
	bool stall_armed;
	struct queue_io io;
};

/* --- serving --- */

static void serve_tx(struct vif_queue *q)
{
	const char *why;
	int r = q->vif->up && !q->vif->held ? queue_serve_tx(&q->queue, &q->vif->vifs->io, &why) : 0;

	if (r < 0) {
		bus_fail(q->vif->device, why);
		return;
	}
	if (r & QUEUE_NOTIFY)
		channel_notify(q->tx_channel);
	q->more = r & QUEUE_MORE;
	if (q->more && !q->vif->vifs->looking) {
		q->vif->vifs->looking = true;
		source_set_events(q->vif->vifs->again, EPOLLIN);
	}
}

static void arm_stall_timer(struct vifs *vifs)
{
	if (!vifs->stall_armed)
		source_set_timer(vifs->stall_timer, VIF_STALL_MS);
	vifs->stall_armed = true;
}

static void serve_rx(struct vif_queue *q)
{
	struct vifs *vifs = q->vif->vifs;
	const char *why;
	int r = queue_serve_rx(&q->queue, &vifs->io, &why);
	bool starved;

	if (r < 0) {
		bus_fail(q->vif->device, why);
		return;
	}
	if (r & QUEUE_NOTIFY)
		channel_notify(q->rx_channel);
	starved = r & QUEUE_STARVED;
	if (starved == (q->starved_ms != 0))
		return;
	q->starved_ms = starved ? now_ms() : 0;
	source_set_events(q->tap_source, starved ? 0 : EPOLLIN);
	if (starved)
		arm_stall_timer(vifs);
}

static void on_again(struct source *source, uint32_t events, void *data)
{
	struct vifs *vifs = data;
	bool more = false;

	for (struct vif *vif = vifs->list, *next; vif; vif = next) {
		next = vif->next;
		for (unsigned i = 0; i < vif->count; i++) {
			if (vif->queues[i].more)
				serve_tx(&vif->queues[i]);
			more |= vif->queues[i].more; /* of one that was stopped there are none */
		}
	}
	if (!more) {
		source_set_events(vifs->again, 0);
		vifs->looking = false;
	}
}

static void on_stalled(struct source *source, uint32_t events, void *data)
{
	struct vifs *vifs = data;
	bool starved = false;

	vifs->stall_armed = false;
	for (struct vif *vif = vifs->list; vif; vif = vif->next) {
		for (unsigned i = 0; i < vif->count; i++) {
			struct vif_queue *q = &vif->queues[i];

			starved |= q->starved_ms != 0;
			if (q->starved_ms && now_ms() - q->starved_ms >= VIF_STALL_MS)
				queue_drain(&q->queue, &vifs->io);
		}
	}
	if (starved)
		arm_stall_timer(vifs);
}

static void on_tx_channel(void *data)
{
	serve_tx(data);
}

static void on_rx_channel(void *data)
{
	struct vif_queue *q = data;

	if (q->starved_ms)
		serve_rx(q);
}

static void on_channel(void *data)
{
	struct vif_queue *q = data;

	if (q->starved_ms)
		serve_rx(q);
	if (q->vif->count) /* not stopped by that */
		serve_tx(q);
}

static void on_tap(struct source *source, uint32_t events, void *data)
{
	serve_rx(data);
}

/* --- connecting --- */

static void close_queue(struct vif_queue *q)
{
	xengnttab_handle *grants = q->vif->vifs->pv->grants;

	q->tap_source = source_destroy(q->tap_source);
	if (q->queue.tap >= 0)
		close(q->queue.tap);
	q->queue.tap = -1;
	if (q->rx_channel != q->tx_channel)
		channel_close(q->rx_channel);
	q->tx_channel = channel_close(q->tx_channel);
	q->rx_channel = NULL;
	queue_detach(&q->queue);
	if (q->tx_page)
		xengnttab_unmap(grants, q->tx_page, 1);
	if (q->rx_page)
		xengnttab_unmap(grants, q->rx_page, 1);
	q->tx_page = q->rx_page = NULL;
	q->starved_ms = 0;
	q->more = false;
}

static int read_number(const struct vif *vif, unsigned queue, const char *key, uint64_t *out)
{
	char path[48] = "";

	if (vif->count > 1)
		snprintf(path, sizeof(path), "queue-%u/", queue);
	strcat(path, key);
	return bus_read_number(vif->device, path, 0, UINT32_MAX, out);
}

static int map_ring(const struct vif *vif, unsigned queue, const char *key, void **page)
{
	uint64_t ref;
	int r = read_number(vif, queue, key, &ref);

	if (r < 0)
		return r;
	*page = xengnttab_map_grant_ref(vif->vifs->pv->grants, vif->device->frontend, (uint32_t)ref, PROT_READ | PROT_WRITE);
	return *page ? 0 : -errno;
}

static int open_channels(struct vif *vif, unsigned i)
{
	struct vif_queue *q = &vif->queues[i];
	struct pv *pv = vif->vifs->pv;
	uint32_t domid = vif->device->frontend;
	uint64_t port;
	int r = read_number(vif, i, "event-channel-tx", &port);

	if (r == -ENOENT) {
		r = read_number(vif, i, "event-channel", &port);
		if (r == 0)
			r = channel_open(pv, domid, (uint32_t)port, on_channel, q, &q->tx_channel);
		q->rx_channel = q->tx_channel;
		return r;
	}
	if (r == 0)
		r = channel_open(pv, domid, (uint32_t)port, on_tx_channel, q, &q->tx_channel);
	if (r == 0)
		r = read_number(vif, i, "event-channel-rx", &port);
	return r < 0 ? r : channel_open(pv, domid, (uint32_t)port, on_rx_channel, q, &q->rx_channel);
}

static int open_queue(struct vif *vif, unsigned i)
{
	struct vif_queue *q = &vif->queues[i];
	int r = map_ring(vif, i, "tx-ring-ref", &q->tx_page);

	q->queue.grants = vif->vifs->pv->grants;
	q->queue.domid = vif->device->frontend;
	q->queue.sg = vif->sg;
	if (r == 0)
		r = map_ring(vif, i, "rx-ring-ref", &q->rx_page);
	if (r == 0)
		r = queue_attach(&q->queue, q->tx_page, q->rx_page);
	if (r == 0)
		r = open_channels(vif, i);
	if (r == 0)
		r = loop_add_fd(vif->vifs->pv->loop, q->queue.tap, EPOLLIN, on_tap, q, &q->tap_source);
	return r;
}

static bool has(const struct vif *vif, const char *feature)
{
	uint64_t value;

	return bus_read_number(vif->device, feature, 0, 1, &value) == 0 && value;
}

/* What the guest takes from us. */
static unsigned read_features(struct vif *vif)
{
	bool checksums = !has(vif, "feature-no-csum-offload") && has(vif, "feature-ipv6-csum-offload");

	vif->sg = has(vif, "feature-sg");
	if (!checksums) /* the TAP knows only both or neither */
		return 0;
	return TUN_F_CSUM | (vif->sg && has(vif, "feature-gso-tcpv4") ? TUN_F_TSO4 : 0u) |
	       (vif->sg && has(vif, "feature-gso-tcpv6") ? TUN_F_TSO6 : 0u);
}

static void disconnect(struct vif *vif)
{
	struct vif **link = &vif->vifs->list;

	for (unsigned i = 0; i < vif->count; i++)
		close_queue(&vif->queues[i]);
	vif->count = 0;
	vif->up = false;
	while (*link && *link != vif)
		link = &(*link)->next;
	if (*link)
		*link = vif->next;
}

static int vif_offer(struct bus_device *device, struct store_batch *batch)
{
	static const char *const features[] = {"feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload",
					       "feature-rx-copy", "feature-split-event-channels"};
	struct vif *vif = device->state_of_driver ? device->state_of_driver : calloc(1, sizeof(*vif));

	if (!vif)
		return -ENOMEM;
	device->state_of_driver = vif;
	vif->device = device;
	vif->vifs = bus_data(device->bus);
	snprintf(vif->name, sizeof(vif->name), "vif%u.%u", device->frontend, device->id);
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		store_batch_put_int(batch, NULL, 1, "%s/%s", device->path, features[i]);
	store_batch_put_int(batch, NULL, VIF_QUEUES_MAX, "%s/multi-queue-max-queues", device->path);
	return 0;
}

static int vif_connect(struct bus_device *device, struct store_batch *batch)
{
	struct vif *vif = device->state_of_driver;
	uint64_t count = 1;
	int fds[VIF_QUEUES_MAX];
	int r = bus_read_number(device, "multi-queue-num-queues", 1, VIF_QUEUES_MAX, &count);

	if (r == 0 || r == -ENOENT)
		r = has(vif, "request-rx-copy") && has(vif, "feature-rx-notify") ? 0 : -EOPNOTSUPP;
	if (r == 0)
		r = tap_open(vif->name, (unsigned)count, read_features(vif), fds);
	if (r < 0)
		return r;
	vif->count = (unsigned)count;
	for (unsigned i = 0; i < count; i++)
		vif->queues[i] = (struct vif_queue){.vif = vif, .queue.tap = fds[i]};
	vif->next = vif->vifs->list;
	vif->vifs->list = vif;
	for (unsigned i = 0; i < count && r == 0; i++)
		r = open_queue(vif, i);
	if (r < 0)
		disconnect(vif);
	else
		log_info("%s: connected, %u queue%s", vif->name, vif->count, vif->count > 1 ? "s" : "");
	return r;
}

static void vif_disconnect(struct bus_device *device)
{
	disconnect(device->state_of_driver);
}

static void vif_remove(struct bus_device *device)
{
	free(device->state_of_driver);
}

static const struct bus_driver driver = {
	.type = "vif",
	.offer = vif_offer,
	.connect = vif_connect,
	.disconnect = vif_disconnect,
	.remove = vif_remove,
};

static void on_hold_end(struct source *source, uint32_t events, void *data)
{
	struct vifs *vifs = data;

	for (struct vif *vif = vifs->list, *next; vif; vif = next) {
		next = vif->next;
		if (!vif->held)
			continue;
		vif->held = false;
		for (unsigned i = 0; i < vif->count; i++)
			serve_tx(&vif->queues[i]);
	}
}

/*
 * A predecessor may have died between publishing an answer and telling it, and the guest may have told it of requests: so both
 * sides are looked at once, whether or not anybody tells.
 */
void vifs_set_up(struct vifs *vifs, const char *name, bool up, bool others)
{
	struct vif *vif = vifs->list;

	while (vif && strcmp(vif->name, name))
		vif = vif->next;
	if (!vif || vif->up == up)
		return;
	vif->up = vif->held = up;
	for (unsigned i = 0; up && i < vif->count; i++) {
		channel_notify(vif->queues[i].tx_channel);
		channel_notify(vif->queues[i].rx_channel);
	}
	if (up)
		source_set_timer(vifs->hold_timer, others ? VIF_HOLD_MS : 0);
}

int vifs_create(struct pv *pv, struct vifs **out)
{
	struct vifs *vifs = calloc(1, sizeof(*vifs));
	int r;

	if (!vifs)
		return -ENOMEM;
	vifs->pv = pv;
	vifs->again_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	r = vifs->again_fd < 0 ? -errno : queue_io_init(&vifs->io);
	if (r == 0)
		r = loop_add_fd(pv->loop, vifs->again_fd, 0, on_again, vifs, &vifs->again);
	if (r == 0)
		r = loop_add_timer(pv->loop, -1, on_stalled, vifs, &vifs->stall_timer);
	if (r == 0)
		r = loop_add_timer(pv->loop, -1, on_hold_end, vifs, &vifs->hold_timer);
	if (r == 0)
		r = bus_create(pv, &driver, vifs, &vifs->bus);
	if (r < 0)
		vifs = vifs_destroy(vifs);
	*out = vifs;
	return r;
}

struct vifs *vifs_destroy(struct vifs *vifs)
{
	if (!vifs)
		return NULL;
	bus_destroy(vifs->bus);
	source_destroy(vifs->stall_timer);
	source_destroy(vifs->hold_timer);
	source_destroy(vifs->again);
	if (vifs->again_fd >= 0)
		close(vifs->again_fd);
	queue_io_fini(&vifs->io);
	free(vifs);
	return NULL;
}
