/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend's side of xenbus for one kind of device. The toolstack writes backend/TYPE/FRONTEND/ID into our own directory of the
 * store, `state` last; the frontend's half is /local/domain/FRONTEND/device/TYPE/ID. Both sides move by writing `state`, and bus_next()
 * is what ours answers to theirs:
 *
 *	 Initialising ──offer──> InitWait ──frontend Initialised──connect──> Connected ──frontend Closing──> Closing ──Closed──> Closed
 *	      └── the frontend is Connected already (we are reborn): offer, connect ──────^       a new start of the frontend: offer
 *
 * Nodes of the frontend are hostile: short, checked numbers, or the device stays unconnected. Blocks while the store does not answer.
 */
#ifndef ATOLL_DRIVER_DOMAINS_BUS_H
#define ATOLL_DRIVER_DOMAINS_BUS_H

#include <xen/io/xenbus.h>

#include "pv/pv.h"

/* Each costs a watch in the store, and the largest host has fewer: a bound for a toolstack gone mad. */
#define BUS_DEVICES_MAX 256
#define BUS_PATH_MAX 96
/* Longest value that a frontend's node may have. */
#define BUS_VALUE_MAX 64

enum bus_action { BUS_DISCONNECT = 1, BUS_OFFER = 2, BUS_CONNECT = 4 }; /* in this order */

/* What to do, and the state to write then, when a backend in STATE sees its frontend in FRONTEND. Pure. */
enum xenbus_state bus_next(enum xenbus_state state, enum xenbus_state frontend, unsigned *actions);

struct bus_device {
	struct bus *bus;
	unsigned frontend, id;
	enum xenbus_state state;	/* ours, as last written */
	char path[BUS_PATH_MAX];	/* backend/TYPE/FRONTEND/ID, relative to our directory */
	char frontend_path[BUS_PATH_MAX];
	char name[32];			/* for logs: "vbd d32:51712" */
	void *state_of_driver;		/* the driver's */
	struct store_watch *watch;
	struct bus_device *next;
};

struct bus_driver {
	const char *type; /* "vbd", "vif" */
	/* A frontend starts: put the features into BATCH (paths below DEVICE->path). Also called for a reborn backend, which has to
	 * offer what its predecessor did. May come again after disconnect. 0 or -errno: the device is closed. */
	int (*offer)(struct bus_device *device, struct store_batch *batch);
	/* The frontend has published its rings: attach, put what belongs before Connected into BATCH. 0 or -errno: then nothing is
	 * attached, and the device is closed. */
	int (*connect)(struct bus_device *device, struct store_batch *batch);
	/* Let go of everything of the frontend's. Only after a successful connect. */
	void (*disconnect)(struct bus_device *device);
	/* The device is gone (disconnected before): free state_of_driver, which may be NULL. */
	void (*remove)(struct bus_device *device);
};

/* PV stays the caller's; DATA is bus_data()'s. Serves what is there already and what comes. */
struct bus;
int bus_create(struct pv *pv, const struct bus_driver *driver, void *data, struct bus **out);
/* Disconnects and removes all devices; writes nothing. NULL is fine; returns NULL. */
struct bus *bus_destroy(struct bus *bus);
void *bus_data(const struct bus *bus);
struct bus_device *bus_find(struct bus *bus, unsigned frontend, unsigned id);

/* Nodes of the frontend, KEY below its directory. 0; -ENOENT; -EINVAL for nonsense (number_ too); -EACCES; -EMSGSIZE. */
int bus_read(const struct bus_device *device, const char *key, char value[BUS_VALUE_MAX]);
int bus_read_number(const struct bus_device *device, const char *key, uint64_t min, uint64_t max, uint64_t *out);

/* The frontend broke the protocol: logs WHY, disconnects, and closes the device. Nobody else suffers. Not from within offer or
 * connect, which return an error instead. */
void bus_fail(struct bus_device *device, const char *why);

#endif
