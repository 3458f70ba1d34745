// SPDX-License-Identifier: LGPL-2.1-or-later
/* Steps that services and guests share: building, destroying, orders to agents. */
#include <errno.h>
#include <string.h>

#include "atolld/agent.h"
#include "atolld/consoles.h"
#include "base/log.h"

#define ORDER_TIMEOUT_MS 15000 /* a disk may still be probed */
#define ZOMBIE_RETRY_MS 20
#define ZOMBIE_TRIES 500

static int destroyed(struct job *job, const struct json *result)
{
	if (json_get_bool(result, "zombie", false)) {
		if (job->retries >= ZOMBIE_TRIES)
			return job_explain(job, EBUSY, "%s: pages of the destroyed domain %u are still in use", job->domain->name,
					   job->domain->domid);
		job_retry(job, ZOMBIE_RETRY_MS);
		return JOB_WAIT;
	}
	job->domain->exists = false;
	job->domain->shutdown = job->domain->paused = false;
	job->domain->memory_kib = 0;
	job->domain->built_us = 0;
	return 0;
}

int step_destroy(struct job *job)
{
	return job_call(job, job->domain->atolld->builder, "domain.destroy", domain_params(job->domain), 0, destroyed, "ENOENT");
}

static int nothing(struct job *job, const struct json *result)
{
	return 0;
}

int step_pause(struct job *job)
{
	if (!job->domain->exists)
		return 0;
	return job_call(job, job->domain->atolld->builder, "domain.pause", domain_params(job->domain), 0, nothing, "ENOENT");
}

int step_unpause(struct job *job)
{
	return job_call(job, job->domain->atolld->builder, "domain.unpause", domain_params(job->domain), 0, nothing, NULL);
}

int built(struct job *job, const struct json *result)
{
	struct domain *d = job->domain;
	int64_t store_port, store_gfn, console_port, console_gfn;

	if (json_read_int(result, "store_port", 0, UINT32_MAX, &store_port) < 0 ||
	    json_read_int(result, "store_gfn", 0, INT64_MAX, &store_gfn) < 0 ||
	    json_read_int(result, "console_port", 0, UINT32_MAX, &console_port) < 0 ||
	    json_read_int(result, "console_gfn", 0, INT64_MAX, &console_gfn) < 0)
		return job_explain(job, EPROTO, "%s: the builder's answer is incomplete", d->name);
	d->store_port = (unsigned)store_port;
	d->store_gfn = (uint64_t)store_gfn;
	d->console_port = (unsigned)console_port;
	d->console_gfn = (uint64_t)console_gfn;
	d->revived = json_get_bool(result, "revived", false);
	json_free(d->build_phases);
	d->build_phases = json_copy(json_get(result, "phases"));
	d->exists = true;
	d->shutdown = d->paused = false;
	d->built_us = now_us();
	return 0;
}

struct json *build_params(const struct domain *d, const char *type, const char *kernel, const char *ramdisk, const char *cmdline,
			  uint64_t memory_kib, unsigned vcpus)
{
	struct json *p = domain_params(d);
	char uuid[37];

	domain_uuid(d, uuid);
	json_set_string(p, "uuid", uuid);
	json_set_string(p, "name", d->name);
	json_set_string(p, "type", type);
	json_set_string(p, "kernel", kernel);
	if (ramdisk && *ramdisk)
		json_set_string(p, "ramdisk", ramdisk);
	json_set_string(p, "cmdline", cmdline);
	json_set_int(p, "memory_kib", (int64_t)memory_kib);
	json_set_int(p, "vcpus", vcpus);
	json_set_int(p, "console_domid", DOMID_CONSOLE);
	json_set_int(p, "store_domid", DOMID_STORE);
	return p;
}

int order_attach(struct job *job, struct device *dev, struct domain *guest, job_result_fn *fn)
{
	struct json *p = json_new(JSON_OBJECT);
	struct rpc *rpc = agent_rpc(dev->backend->agent);
	char vif[32];

	if (!rpc) {
		json_free(p);
		return job_explain(job, ENOTCONN, "%s: its %s backend %s is %s, and its agent is not connected; try again", guest->name,
				   dev->kind == DEVICE_VIF ? "vif" : "disk", dev->backend->name, domain_state_name(dev->backend));
	}
	if (dev->kind == DEVICE_VIF) {
		snprintf(vif, sizeof(vif), "vif%u.%u", guest->domid, dev->id);
		json_set_string(p, "vif", vif);
		json_set_string(p, "bridge", dev->vif->bridge);
		return job_call(job, rpc, "net.attach", p, ORDER_TIMEOUT_MS, fn, NULL);
	}
	json_set_int(p, "guest", guest->domid);
	json_set_int(p, "vdev", dev->id);
	json_set_string(p, "target", dev->vbd->target);
	json_set_string(p, "mode", dev->vbd->writable ? "w" : "r");
	if (guest->owner) /* a device model shows its guest the same disk, until the guest's own driver takes over */
		json_set_int(p, "with", guest->owner->domid);
	return job_call(job, rpc, "disk.attach", p, ORDER_TIMEOUT_MS, fn, NULL);
}

void device_ordered(struct device *dev, const struct json *result)
{
	if (dev->kind == DEVICE_VBD)
		snprintf(dev->physical, sizeof(dev->physical), "%s", json_get_string(result, "physical_device", ""));
}

static void on_detached(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	if (error)
		log_warning("%s: detach: %s", rpc_peer(rpc), error->message);
}

void order_detach(struct device *dev, struct domain *guest)
{
	struct json *p = json_new(JSON_OBJECT);
	struct rpc *rpc = agent_rpc(dev->backend->agent);
	char vif[32];

	if (!rpc) { /* a dead backend has forgotten it anyway, and is not told of it when it is reborn */
		json_free(p);
		return;
	}
	if (dev->kind == DEVICE_VIF) {
		snprintf(vif, sizeof(vif), "vif%u.%u", guest->domid, dev->id);
		json_set_string(p, "vif", vif);
		rpc_call(rpc, "net.detach", p, ORDER_TIMEOUT_MS, on_detached, NULL);
	} else {
		json_set_int(p, "guest", guest->domid);
		json_set_int(p, "vdev", dev->id);
		rpc_call(rpc, "disk.detach", p, ORDER_TIMEOUT_MS, on_detached, NULL);
	}
}
