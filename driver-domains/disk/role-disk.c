// SPDX-License-Identifier: LGPL-2.1-or-later
/* The disk role. The methods are described in atoll-agent(8). */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/sysfs.h"
#include "base/log.h"
#include "blk/blk.h"
#include "disk/probe.h"
#include "disk/table.h"

/* Domain ids that Xen gives to domains. */
#define DOMID_MAX 0x7fef
#define SECTOR 512 /* of blkback's counters */

struct order {
	uint32_t guest, vdev, with;
	char target[DISK_NAME_SIZE];
	bool write;
};

struct disk_state {
	struct agent *agent;
	struct table table;
	struct blk *blk; /* our own backend, from the first order on; NULL: the kernel's */
	struct probe *probe; /* from the first disk in use on; of the process, not of us */
};

static void disk_fini(struct agent *agent)
{
	struct disk_state *state = agent->state;

	blk_destroy(state->blk);
	free(state);
	agent->state = NULL;
}

static int disk_init(struct agent *agent)
{
	struct disk_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	state->agent = agent;
	agent->state = state;
	table_init(&state->table, agent->sys_root);
	return 0;
}

/* --- disk.attach --- */

static void reply_attached(struct rpc *rpc, uint32_t id, const struct attachment *a)
{
	char numbers[32];

	/* blkback reads both numbers as hexadecimal. */
	snprintf(numbers, sizeof(numbers), "%x:%x", a->disk.major, a->disk.minor);
	rpc_reply(rpc, id, json_build("physical_device=%s", numbers));
}

static void fail_attach(struct disk_state *state, struct rpc *rpc, uint32_t id, int r, const struct order *order,
			const struct attachment *other)
{
	const char *us = state->agent->name, *target = order->target;

	switch (r) {
	case -EBUSY:
		rpc_fail(rpc, id, r, "%s: %s is attached to d%u as %u for %s", us, target, other->guest, other->vdev,
			 other->write ? "writing" : "reading");
		break;
	case -EEXIST:
		rpc_fail(rpc, id, r, "%s: d%u has %s as %u already%s", us, order->guest, other->disk.name, order->vdev,
			 strcmp(other->disk.name, target) ? "" : ", in the other mode");
		break;
	case -EINVAL:
		rpc_fail(rpc, id, r, "%s: %.64s is no disk's name", us, target);
		break;
	case -ENODEV:
		rpc_fail(rpc, id, r, "%s: there is no disk %s", us, target);
		break;
	case -EROFS:
		rpc_fail(rpc, id, r, "%s: %s is read-only", us, target);
		break;
	case -ENOSPC:
		rpc_fail(rpc, id, r, "%s: %d disks are attached already, which is the limit", us, ATTACHMENTS_MAX);
		break;
	default:
		rpc_fail(rpc, id, r, "%s: %s: %s", us, target, strerror(-r));
	}
}

/* What a vbd on the bus is to be; only what was ordered before. */
static int look_up(unsigned guest, unsigned vdev, struct blk_backing *backing, void *data)
{
	struct disk_state *state = data;
	const struct attachment *a = table_find(&state->table, guest, vdev);

	if (!a)
		return -ENOENT;
	backing->write = a->write;
	return format(backing->path, sizeof(backing->path), "/dev/%s", a->disk.name);
}

static int read_guest(const struct json *params, uint32_t *guest, uint32_t *vdev)
{
	int64_t g, v;

	if (json_read_int(params, "guest", 0, DOMID_MAX, &g) < 0 || json_read_int(params, "vdev", 0, UINT32_MAX, &v) < 0)
		return -EINVAL;
	*guest = (uint32_t)g;
	*vdev = (uint32_t)v;
	return 0;
}

static int read_order(const struct json *params, struct order *order)
{
	const char *target = json_get_string(params, "target", ""), *mode = json_get_string(params, "mode", "");
	int64_t with = 0;
	int r = json_read_int(params, "with", 1, DOMID_MAX, &with);

	if (r < 0 && r != -ENOENT)
		return -EINVAL;
	order->with = (uint32_t)with;
	if (strcmp(mode, "r") != 0 && strcmp(mode, "w") != 0)
		return -EINVAL;
	order->write = *mode == 'w';
	if (!*target || format(order->target, sizeof(order->target), "%s", target) < 0)
		return -EINVAL;
	return read_guest(params, &order->guest, &order->vdev);
}

static void handle_attach(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct disk_state *state = agent->state;
	const struct attachment *a;
	struct order order;
	int r = 0;

	if (read_order(params, &order) < 0) {
		rpc_fail(rpc, id, EINVAL, "disk.attach: guest, vdev, target and mode (r or w) are needed");
		return;
	}
	if (agent->own_backend && !state->blk)
		r = blk_create(agent->loop, look_up, state, &state->blk);
	if (r < 0) {
		rpc_fail(rpc, id, r, "%s: cannot start the block backend: %s", agent->name, strerror(-r));
		return;
	}
	r = table_attach(&state->table, order.guest, order.vdev, order.with, order.target, order.write, &a);
	if (r < 0)
		fail_attach(state, rpc, id, r, &order, a);
	else
		reply_attached(rpc, id, a);
}

static void handle_detach(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct disk_state *state = agent->state;
	uint32_t guest, vdev;

	if (read_guest(params, &guest, &vdev) < 0) {
		rpc_fail(rpc, id, EINVAL, "disk.detach: guest and vdev are needed");
		return;
	}
	if (table_detach(&state->table, guest, vdev) < 0)
		rpc_fail(rpc, id, ENOENT, "%s: d%u has no disk %u", agent->name, guest, vdev);
	else
		rpc_reply(rpc, id, json_new(JSON_OBJECT));
}

static void handle_drain(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct disk_state *state = agent->state;

	if (state->blk)
		blk_drain(state->blk);
	rpc_reply(rpc, id, json_new(JSON_OBJECT));
}

static void disk_probe(struct agent *agent, char broken[PROBE_TEXT_SIZE], char missing[PROBE_TEXT_SIZE])
{
	struct disk_state *state = agent->state;

	if (!state->probe)
		state->probe = probe_create("/dev");
	if (!state->probe)
		return;
	probe_update(state->probe, &state->table);
	probe_failed(state->probe, broken, PROBE_TEXT_SIZE);
}

/* Bytes that Linux's blkback has moved for a device. */
static uint64_t moved(const struct agent *agent, const struct attachment *a, const char *what)
{
	int64_t sectors = sysfs_number("%s/bus/xen-backend/devices/vbd-%u-%u/statistics/%s", agent->sys_root, a->guest, a->vdev, what);

	return (uint64_t)MAX(sectors, 0) * SECTOR;
}

static void disk_count(struct agent *agent, struct json *devices)
{
	const struct disk_state *state = agent->state;

	for (size_t i = 0; i < ATTACHMENTS_MAX; i++) {
		const struct attachment *a = &state->table.list[i];

		uint64_t read, written;

		if (!a->used)
			continue;
		if (state->blk) {
			blk_count(state->blk, a->guest, a->vdev, &read, &written);
		} else {
			read = moved(agent, a, "rd_sect");
			written = moved(agent, a, "wr_sect");
		}
		agent_count_device(devices, a->guest, a->vdev, read, written);
	}
}

static const struct method methods[] = {
	{"disk.attach", handle_attach},
	{"disk.detach", handle_detach},
	{"drain", handle_drain},
};

const struct role disk_role = {
	.name = "disk",
	.methods = methods,
	.method_count = ARRAY_SIZE(methods),
	.init = disk_init,
	.fini = disk_fini,
	.probe = disk_probe,
	.count = disk_count,
};
