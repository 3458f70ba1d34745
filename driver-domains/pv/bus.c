// SPDX-License-Identifier: LGPL-2.1-or-later
/* The backend's side of xenbus. */
#include "pv/bus.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

struct bus {
	struct pv *pv;
	const struct bus_driver *driver;
	void *data;
	char root[BUS_VALUE_MAX]; /* backend/TYPE */
	struct store_watch *watch;
	struct bus_device *devices;
	unsigned count;
};

enum xenbus_state bus_next(enum xenbus_state state, enum xenbus_state frontend, unsigned *actions)
{
	bool connected = state == XenbusStateConnected;

	*actions = 0;
	switch (frontend) {
	case XenbusStateInitialising:
	case XenbusStateInitWait:
		if (state == XenbusStateInitWait)
			return state;
		*actions = BUS_OFFER | (connected ? BUS_DISCONNECT : 0);
		return XenbusStateInitWait;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		/* One that is Connected while we are closing has not understood yet: it has to start anew. */
		if (connected || (frontend == XenbusStateConnected && (state == XenbusStateClosing || state == XenbusStateClosed)))
			return state;
		*actions = BUS_CONNECT | (state == XenbusStateInitWait ? 0 : BUS_OFFER);
		return XenbusStateConnected;
	case XenbusStateClosing:
		*actions = connected ? BUS_DISCONNECT : 0;
		return state == XenbusStateClosed ? state : XenbusStateClosing;
	default: /* Closed, or gone, or nonsense */
		if (state == XenbusStateInitialising && frontend == XenbusStateUnknown)
			return state; /* it is not there yet */
		*actions = connected ? BUS_DISCONNECT : 0;
		return XenbusStateClosed;
	}
}

/* --- nodes --- */

int bus_read(const struct bus_device *device, const char *key, char value[BUS_VALUE_MAX])
{
	char path[STORE_PATH_MAX];
	int r = format(path, sizeof(path), "%s/%s", device->frontend_path, key);

	return r < 0 ? r : store_read(device->bus->pv->store, path, value, BUS_VALUE_MAX);
}

int bus_read_number(const struct bus_device *device, const char *key, uint64_t min, uint64_t max, uint64_t *out)
{
	char value[BUS_VALUE_MAX];
	int r = bus_read(device, key, value);

	if (r == 0 && parse_u64(value, min, max, out) < 0)
		r = -EINVAL;
	return r;
}

/* 0 with Unknown if there is no such node or it has nonsense; negative if it may not be read (yet). */
static int read_state(struct store *store, const char *directory, enum xenbus_state *state)
{
	char path[BUS_PATH_MAX + 8], value[BUS_VALUE_MAX];
	uint64_t number;
	int r;

	*state = XenbusStateUnknown;
	snprintf(path, sizeof(path), "%s/state", directory);
	r = store_read(store, path, value, sizeof(value));
	if (r == 0 && parse_u64(value, 0, XenbusStateReconfigured, &number) == 0)
		*state = (enum xenbus_state)number;
	return r == -ENOENT || r == -EMSGSIZE ? 0 : r;
}

static bool is_gone(struct store *store, const char *directory)
{
	enum xenbus_state state;

	return read_state(store, directory, &state) == 0 && state == XenbusStateUnknown;
}

/* --- a device --- */

static void disconnect(struct bus_device *device)
{
	if (device->state != XenbusStateConnected)
		return;
	device->bus->driver->disconnect(device);
	device->state = XenbusStateClosing;
}

/* The state goes out in one transaction with what the driver has to say: nobody sees the one without the other. */
static int move(struct bus_device *device, enum xenbus_state next, struct store_batch *batch)
{
	int r;

	store_batch_put_int(batch, NULL, next, "%s/state", device->path);
	r = store_commit(device->bus->pv->store, batch);
	if (r < 0)
		log_error("%s: cannot write its state: %s", device->name, strerror(-r));
	else
		device->state = next;
	return r;
}

void bus_fail(struct bus_device *device, const char *why)
{
	log_error("%s: closed: %s", device->name, why);
	disconnect(device);
	move(device, XenbusStateClosing, store_batch_new());
}

static void frontend_changed(struct bus_device *device)
{
	const struct bus_driver *driver = device->bus->driver;
	enum xenbus_state frontend, next;
	struct store_batch *batch;
	unsigned actions;
	int r = read_state(device->bus->pv->store, device->frontend_path, &frontend);

	if (r < 0) /* the toolstack gives permission before it lets us know of the device; if it comes late, the watch fires again */
		return;
	next = bus_next(device->state, frontend, &actions);
	if (next == device->state && !actions)
		return;
	if (actions & BUS_DISCONNECT)
		disconnect(device);
	batch = store_batch_new();
	if (actions & BUS_OFFER)
		r = driver->offer(device, batch);
	if (r == 0 && actions & BUS_CONNECT)
		r = driver->connect(device, batch);
	if (r < 0) {
		store_batch_free(batch);
		bus_fail(device, strerror(-r));
		return;
	}
	if (move(device, next, batch) < 0 && actions & BUS_CONNECT)
		driver->disconnect(device);
}

static void on_frontend(struct store *store, const char *path, void *data)
{
	frontend_changed(data);
}

struct bus_device *bus_find(struct bus *bus, unsigned frontend, unsigned id)
{
	struct bus_device *device = bus->devices;

	while (device && (device->frontend != frontend || device->id != id))
		device = device->next;
	return device;
}

static void add_device(struct bus *bus, unsigned frontend, unsigned id)
{
	struct bus_device *device = bus->count < BUS_DEVICES_MAX ? calloc(1, sizeof(*device)) : NULL;
	char path[BUS_PATH_MAX + 8];
	int r;

	if (!device) {
		log_error("%s d%u:%u: no room for more than %d devices", bus->driver->type, frontend, id, BUS_DEVICES_MAX);
		return;
	}
	*device = (struct bus_device){.bus = bus, .frontend = frontend, .id = id, .state = XenbusStateInitialising};
	snprintf(device->path, sizeof(device->path), "%s/%u/%u", bus->root, frontend, id);
	snprintf(device->frontend_path, sizeof(device->frontend_path), "/local/domain/%u/device/%s/%u", frontend, bus->driver->type, id);
	snprintf(device->name, sizeof(device->name), "%s d%u:%u", bus->driver->type, frontend, id);
	device->next = bus->devices;
	bus->devices = device;
	bus->count++;
	snprintf(path, sizeof(path), "%s/state", device->frontend_path);
	/* The store calls once at once, which starts it all. */
	r = store_watch_add(bus->pv->store, path, on_frontend, device, &device->watch);
	if (r < 0)
		log_error("%s: cannot watch its frontend: %s", device->name, strerror(-r));
}

static void remove_device(struct bus_device *device)
{
	struct bus_device **link = &device->bus->devices;

	while (*link != device)
		link = &(*link)->next;
	*link = device->next;
	device->bus->count--;
	store_watch_remove(device->watch);
	disconnect(device);
	device->bus->driver->remove(device);
	free(device);
}

/* --- the bus --- */

/*
 * Below backend/TYPE something was written or removed. A removal comes with the path of the top of what went, so everything at or
 * below that path is looked at; of a new device only the state counts, which comes last.
 */
static void on_backend(struct store *store, const char *path, void *data)
{
	struct bus *bus = data;
	size_t len = strlen(path), root = strlen(bus->root);
	char own[BUS_PATH_MAX];
	unsigned frontend, id;
	int end = 0;

	for (struct bus_device *device = bus->devices, *next; device; device = next) {
		next = device->next;
		if (!strncmp(device->path, path, len) && (device->path[len] == '/' || !device->path[len]) &&
		    is_gone(store, device->path))
			remove_device(device);
	}
	if (strncmp(path, bus->root, root) || sscanf(path + root, "/%6u/%9u%n", &frontend, &id, &end) != 2 ||
	    strcmp(path + root + end, "/state") || bus_find(bus, frontend, id))
		return;
	snprintf(own, sizeof(own), "%s/%u/%u", bus->root, frontend, id);
	if (!is_gone(store, own))
		add_device(bus, frontend, id);
}

int bus_create(struct pv *pv, const struct bus_driver *driver, void *data, struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int r;

	if (!bus)
		return -ENOMEM;
	*bus = (struct bus){.pv = pv, .driver = driver, .data = data};
	snprintf(bus->root, sizeof(bus->root), "backend/%s", driver->type);
	r = store_watch_add(pv->store, bus->root, on_backend, bus, &bus->watch);
	if (r < 0) {
		free(bus);
		return r;
	}
	*out = bus;
	return 0;
}

struct bus *bus_destroy(struct bus *bus)
{
	if (!bus)
		return NULL;
	store_watch_remove(bus->watch);
	while (bus->devices)
		remove_device(bus->devices);
	free(bus);
	return NULL;
}

void *bus_data(const struct bus *bus)
{
	return bus->data;
}
