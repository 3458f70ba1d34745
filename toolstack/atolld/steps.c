// SPDX-License-Identifier: LGPL-2.1-or-later
/* Steps that services and guests share: building, destroying, orders to agents. */
#include <errno.h>
#include <string.h>

#include "atolld/agent.h"
#include "atolld/nodes.h"
#include "base/log.h"

#define ORDER_TIMEOUT_MS 15000
#define DISK_RETRY_MS 20 /* while a disk is not there yet */
#define DISK_TRIES 250
#define ZOMBIE_RETRY_MS 20
#define ZOMBIE_TRIES 500

static int destroyed(struct job *job, const struct json *result)
{
	/* The pages of a device model's in which its guest's requests stand are given back with the guest, which is taken away after it. */
	if (json_get_bool(result, "zombie", false) && job->domain->role != ROLE_DM) {
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
	return job_order(job, "domain.destroy", domain_params(job->domain), destroyed, "ENOENT");
}

int step_pause(struct job *job)
{
	return job->domain->exists ? job_order(job, "domain.pause", domain_params(job->domain), NULL, "ENOENT") : 0;
}

int step_unpause(struct job *job)
{
	return job_order(job, "domain.unpause", domain_params(job->domain), NULL, NULL);
}

static int unpaused(struct job *job, const struct json *result)
{
	return JOB_WAIT;
}

int step_unpause_and_wait(struct job *job)
{
	return job_order(job, "domain.unpause", domain_params(job->domain), unpaused, NULL);
}

int domain_take_rings(struct domain *d, const struct json *json)
{
	int64_t store_port, store_gfn, console_port, console_gfn;

	if (json_read_int(json, "store_port", 0, UINT32_MAX, &store_port) < 0 ||
	    json_read_int(json, "store_gfn", 0, INT64_MAX, &store_gfn) < 0 ||
	    json_read_int(json, "console_port", 0, UINT32_MAX, &console_port) < 0 ||
	    json_read_int(json, "console_gfn", 0, INT64_MAX, &console_gfn) < 0)
		return -EPROTO;
	d->store_port = (unsigned)store_port;
	d->store_gfn = (uint64_t)store_gfn;
	d->console_port = (unsigned)console_port;
	d->console_gfn = (uint64_t)console_gfn;
	return 0;
}

int built(struct job *job, const struct json *result)
{
	struct domain *d = job->domain;

	if (domain_take_rings(d, result) < 0)
		return job_explain(job, EPROTO, "%s: the builder's answer is incomplete", d->name);
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
	char uuid[37];

	domain_uuid(d, uuid);
	return json_build("domid=%u uuid=%s name=%s type=%s kernel=%s ramdisk~%s cmdline=%s memory_kib=%lu vcpus=%u console_domid=%d "
			  "store_domid=%d", d->domid, uuid, d->name, type, kernel, ramdisk, cmdline, memory_kib, vcpus, DOMID_CONSOLE,
			  DOMID_STORE);
}

/* The INDEXth device of any guest that this service serves. */
static struct device *served_device(struct domain *service, unsigned index, struct domain **guest)
{
	for_each_domain(g, service->atolld) {
		if (!g->device_count || !g->exists || g->state != DOMAIN_RUNNING || g->released)
			continue;
		for (unsigned i = 0; i < g->device_count; i++) {
			if (g->devices[i].backend == service && index-- == 0) {
				*guest = g;
				return &g->devices[i];
			}
		}
	}
	return NULL;
}

struct device *job_device(struct job *job, struct domain **guest)
{
	struct domain *d = job->domain;

	if (domain_is_service(d))
		return served_device(d, job->index, guest);
	*guest = d;
	if (d->subject)
		return job->index ? NULL : d->subject;
	return job->index < d->device_count ? &d->devices[job->index] : NULL;
}

/* What the agent is told of a device: its name there, and, to attach it, what it shall be. */
static struct json *order(const struct device *dev, const struct domain *guest, bool attach)
{
	struct json *p;
	char vif[32];

	if (dev->spec.kind == DEVICE_VIF) {
		snprintf(vif, sizeof(vif), "vif%u.%u", guest->domid, dev->spec.id);
		return json_build("vif=%s bridge~%s", vif, attach ? dev->spec.bridge : NULL);
	}
	p = json_build("guest=%u vdev=%u", guest->domid, dev->spec.id);
	if (attach) /* a device model shows its guest the same disk, until the guest's own driver takes over */
		json_add(p, "target=%s mode=%s with~%u", dev->spec.target, dev->spec.writable ? "w" : "r",
			 guest->owner ? guest->owner->domid : 0);
	return p;
}

/* After a rebirth the order comes as soon as the agent answers, which is before the disk's controller has been probed. */
static int ordered(struct job *job, const struct json *result)
{
	struct domain *guest;
	struct device *dev = job_device(job, &guest);

	if (!result && job->retries == DISK_TRIES)
		return job_explain(job, ENODEV, "%s: there is no disk %s (waited %u ms)", dev ? dev->backend->name : "?",
				   dev ? dev->spec.target : "?", DISK_TRIES * DISK_RETRY_MS);
	if (!result) {
		job_retry(job, DISK_RETRY_MS);
		return JOB_WAIT;
	}
	if (dev && dev->spec.kind == DEVICE_VBD) {
		snprintf(dev->physical, sizeof(dev->physical), "%s", json_get_string(result, "physical_device", ""));
		make_line(dev->physical);
	}
	job->index++;
	job->retries = 0;
	return step_order(job);
}

int step_order(struct job *job)
{
	struct domain *guest;
	struct device *dev = job_device(job, &guest);
	struct rpc *rpc = dev ? agent_rpc(dev->backend->agent) : NULL;

	if (!dev)
		return 0;
	if (!rpc)
		return job_explain(job, ENOTCONN, "%s: its %s backend %s is %s, and its agent is not connected; try again", guest->name,
				   dev->spec.kind == DEVICE_VIF ? "vif" : "disk", dev->backend->name, domain_state_name(dev->backend));
	if (dev->spec.kind == DEVICE_VIF)
		return job_call(job, rpc, "net.attach", order(dev, guest, true), ORDER_TIMEOUT_MS, ordered, NULL);
	return job_call(job, rpc, "disk.attach", order(dev, guest, true), ORDER_TIMEOUT_MS, ordered, "ENODEV");
}

int step_republish(struct job *job)
{
	struct domain *guest;
	struct device *dev;
	int r = 0;

	for (; r == 0 && (dev = job_device(job, &guest)); job->index++) {
		struct store_batch *batch = store_batch_new();

		nodes_backend(batch, guest, dev);
		r = store_commit(job->domain->atolld->store, batch);
	}
	return r;
}

static void on_detached(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	if (error)
		log_warning("%s: detach: %s", rpc_peer(rpc), error->message);
}

void order_detach(struct device *dev, struct domain *guest)
{
	struct rpc *rpc = agent_rpc(dev->backend->agent);

	if (rpc) /* a dead backend has forgotten it anyway, and is not told of it when it is reborn */
		rpc_call(rpc, dev->spec.kind == DEVICE_VIF ? "net.detach" : "disk.detach", order(dev, guest, false), ORDER_TIMEOUT_MS, on_detached,
			 NULL);
}

unsigned device_state(const struct domain *guest, const struct device *dev, bool frontend)
{
	char path[NODES_PATH_MAX + 8], value[16];
	struct store *store = guest->atolld->store;
	uint64_t state;

	nodes_device_path(guest, dev, frontend, path);
	strcat(path, "/state");
	return store && store_read(store, path, value, sizeof(value)) >= 0 && parse_u64(value, 0, 9, &state) == 0 ? (unsigned)state : 0;
}

int domain_ask(struct domain *d, const char *what)
{
	struct store_batch *batch = store_batch_new();

	store_batch_put(batch, NULL, what, "/local/domain/%u/control/shutdown", d->domid);
	return store_commit(d->atolld->store, batch);
}

void domain_failed(struct domain *d, const struct job *job)
{
	d->state = DOMAIN_FAILED;
	snprintf(d->why, sizeof(d->why), "%.255s", job->error.message);
}
