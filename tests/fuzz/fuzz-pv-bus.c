// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Fuzz target: a backend's xenbus over a store in which frontends write what they like, and whose watches fire with any path. The input is
 * a list of lines: PATH=VALUE writes and fires, -PATH removes and fires, *PATH only fires. Each device is offered before it is connected,
 * connected once at a time, and removed once.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pv/bus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODES 64
#define WATCHES (BUS_DEVICES_MAX + 1)
#define LINE 160

static struct node { char path[STORE_PATH_MAX], value[LINE]; } nodes[NODES];
struct store_watch { char path[STORE_PATH_MAX]; store_watch_fn *fn; void *data; bool used, fresh; };
static struct store_watch watches[WATCHES];
struct store_batch { int unused; };
static struct store_batch the_batch;
static unsigned alive;

static struct node *find(const char *path)
{
	for (size_t i = 0; i < NODES; i++) {
		if (!strcmp(nodes[i].path, path))
			return &nodes[i];
	}
	return NULL;
}

int store_read(struct store *store, const char *path, char *value, size_t size)
{
	struct node *node = find(path);

	if (!node)
		return -ENOENT;
	return snprintf(value, size, "%s", node->value) < (int)size ? 0 : -EMSGSIZE;
}

int store_watch_add(struct store *store, const char *path, store_watch_fn *fn, void *data, struct store_watch **watch)
{
	for (size_t i = 0; i < WATCHES; i++) {
		if (watches[i].used)
			continue;
		watches[i] = (struct store_watch){.fn = fn, .data = data, .used = true, .fresh = true};
		snprintf(watches[i].path, sizeof(watches[i].path), "%s", path);
		*watch = &watches[i];
		return 0;
	}
	return -ENOSPC;
}

struct store_watch *store_watch_remove(struct store_watch *watch)
{
	if (watch)
		watch->used = false;
	return NULL;
}

struct store_batch *store_batch_new(void)
{
	return &the_batch;
}

void store_batch_put_int(struct store_batch *batch, const char *perms, int64_t value, const char *path_fmt, ...)
{
}

void store_batch_free(struct store_batch *batch)
{
}

int store_commit(struct store *store, struct store_batch *batch)
{
	return 0;
}

/* The driver: its state is 1 once it was offered, 2 while it is connected. */
static uintptr_t *state_of(struct bus_device *device)
{
	if (!device->state_of_driver) {
		device->state_of_driver = calloc(1, sizeof(uintptr_t));
		alive++;
	}
	return device->state_of_driver;
}

static int offer(struct bus_device *device, struct store_batch *batch)
{
	if (*state_of(device) == 2)
		abort();
	*state_of(device) = 1;
	return 0;
}

static int connect_device(struct bus_device *device, struct store_batch *batch)
{
	uint64_t ref = 0;

	if (*state_of(device) != 1)
		abort();
	if (bus_read_number(device, "ring-ref", 1, UINT32_MAX, &ref) < 0)
		return -EINVAL;
	*state_of(device) = 2;
	return 0;
}

static void disconnect_device(struct bus_device *device)
{
	if (*state_of(device) != 2)
		abort();
	*state_of(device) = 1;
}

static void remove_device(struct bus_device *device)
{
	if (!device->state_of_driver)
		return;
	if (*state_of(device) == 2)
		abort();
	free(device->state_of_driver);
	alive--;
}

static const struct bus_driver driver = {"vif", offer, connect_device, disconnect_device, remove_device};

static void fire(const char *path)
{
	for (size_t i = 0; i < WATCHES; i++) {
		size_t len = strlen(watches[i].path);

		if (watches[i].used && watches[i].fresh) {
			watches[i].fresh = false;
			watches[i].fn(NULL, watches[i].path, watches[i].data);
		}
		if (watches[i].used && (!strncmp(path, watches[i].path, len) || !strncmp(path, watches[i].path, strlen(path))))
			watches[i].fn(NULL, path, watches[i].data);
	}
}

static void put(const char *path, const char *value)
{
	static unsigned next;
	struct node *node = find(path);

	if (!node)
		node = &nodes[next++ % NODES];
	snprintf(node->path, sizeof(node->path), "%s", path);
	snprintf(node->value, sizeof(node->value), "%s", value);
}

static void drop(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < NODES; i++) {
		if (!strncmp(nodes[i].path, path, len))
			nodes[i].path[0] = '\0';
	}
}

static void do_line(char *line)
{
	char *value = strchr(line, '=');

	if (line[0] == '-') {
		drop(line + 1);
		fire(line + 1);
	} else if (line[0] == '*') {
		fire(line + 1);
	} else if (value && value > line) {
		*value = '\0';
		put(line, value + 1);
		fire(line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pv pv;
	struct bus *bus = NULL;

	log_set_level((enum log_level)0); /* closed devices are what this is about */
	memset(nodes, 0, sizeof(nodes));
	memset(watches, 0, sizeof(watches));
	if (bus_create(&pv, &driver, NULL, &bus) < 0)
		abort();
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;
		char line[LINE];

		snprintf(line, sizeof(line), "%.*s", (int)MIN(len, sizeof(line) - 1), (const char *)data);
		do_line(line);
		data += len + !!end;
		size -= len + !!end;
	}
	bus_destroy(bus);
	if (alive)
		abort();
	return 0;
}
