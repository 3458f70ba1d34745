// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The device model of an HVM guest G: QEMU in a domain of its own, "G-dm", that may map and steer G and nothing else. It gets G's
 * disks as PV disks and a vif beside each of G's. Both domains are made and taken away in one go, each by a job of its own:
 *
 *   G:    build ─ order ─ publish ─ device-model ────────────────────────────────── unpause
 *   G-dm:                              └─ build ─ order ─ publish ─ boot ─ start ─┘
 *
 *   G:    pause ─ no-device-model ─────────────────────────────────────────── unplug ─ destroy ─ clean
 *   G-dm:            └─ pause ─ unplug ─ destroy ─ clean ─┘    (first: it maps G's pages)
 */
#include <errno.h>
#include <string.h>

#include "atolld/agent.h"
#include "atolld/consoles.h"
#include "base/log.h"

#define IMAGES "/usr/lib/atoll/images/"
#define DM_MEMORY_MIB 128 /* QEMU holds about 30, its kernel as much, and the image is unpacked beside its archive */
#define DM_SUFFIX "-dm"
#define BUILD_TIMEOUT_MS 60000
#define BOOT_TIMEOUT_MS 60000
#define START_TIMEOUT_MS 60000

static int dm_new(struct job *job)
{
	struct domain *g = job->domain, *d;
	struct atolld *a = g->atolld;
	struct host_service *service;
	char name[NAME_LEN_MAX + 1];

	if (format(name, sizeof(name), "%s" DM_SUFFIX, g->name) < 0)
		return job_explain(job, ENAMETOOLONG, "%s: the name is too long for an HVM guest, whose device model is NAME" DM_SUFFIX,
				   g->name);
	if (domain_find(a, name))
		return job_explain(job, EEXIST, "%s: the name is taken, and %s needs it for its device model", name, g->name);
	d = dm_attach(g, name, domain_next_id(a));
	if (!d)
		return job_explain(job, ENOMEM, "%s: no room for its device model's domain: %u of %d exist", g->name, a->domain_count,
				   DOMAINS_MAX);
	service = d->own_service;
	snprintf(service->kernel, sizeof(service->kernel), IMAGES "dm-vmlinux");
	snprintf(service->ramdisk, sizeof(service->ramdisk), IMAGES "dm.cpio");
	return 0;
}

struct domain *dm_attach(struct domain *g, const char *name, unsigned domid)
{
	struct domain *d = domain_new(g->atolld, name, ROLE_DM, domid);

	if (!d)
		return NULL;
	d->service = d->own_service = calloc(1, sizeof(*d->own_service));
	if (!d->service) {
		domain_forget(d);
		return NULL;
	}
	d->own_service->role = ROLE_DM;
	d->own_service->memory_mib = DM_MEMORY_MIB;
	snprintf(d->own_service->name, sizeof(d->own_service->name), "%s", name);
	d->owner = g;
	g->dm = d;
	memcpy(d->devices, g->devices, sizeof(d->devices));
	d->device_count = g->device_count;
	for (unsigned i = 0; i < d->device_count; i++) {
		struct device *dev = &d->devices[i];
		unsigned first;

		/* a bridge must not meet the guest's address on the device model's own interface: the other of "locally administered" */
		if (dev->spec.kind == DEVICE_VIF && sscanf(dev->spec.mac, "%2x", &first) == 1) {
			static const char digits[] = "0123456789abcdef";

			dev->spec.mac[1] = digits[(first ^ 2) & 0xf];
		}
	}
	return d;
}

/* --- steps of G-dm's own job --- */

static int step_build(struct job *job)
{
	struct domain *d = job->domain;
	struct json *params;
	char cmdline[NAME_LEN_MAX + 128];

	/* ramfs: its image fits into the domain, but not into half of it, which is what a tmpfs would take */
	snprintf(cmdline, sizeof(cmdline), "console=hvc0 panic=-1 loglevel=3 rootfstype=ramfs cryptomgr.notests atoll.role=dm atoll.name=%s",
		 d->name);
	params = build_params(d, "pv", d->service->kernel, d->service->ramdisk, cmdline, (uint64_t)d->service->memory_mib << 10, 1);
	json_add(params, "target=%u", d->owner->domid);
	return job_order(job, "domain.build", params, built, NULL);
}

static int step_target(struct job *job)
{
	struct domain *d = job->domain;
	int r = store_set_target(d->atolld->store, d->domid, d->owner->domid);

	return r < 0 ? job_explain(job, r, "%s: the store does not take %s as its target: %s", d->name, d->owner->name, strerror(-r)) : 0;
}

static int step_boot(struct job *job)
{
	int r = agent_create(job->domain);

	return r < 0 ? r : step_unpause_and_wait(job);
}

static int started(struct job *job, const struct json *result)
{
	log_info("%s: QEMU runs; pages of %zu domains can be mapped, of %zu not", job->domain->name,
		 json_count(json_get(result, "mapped")), json_count(json_get(result, "refused")));
	return 0;
}

/* What the emulated machine has: the agent makes QEMU's arguments of it. */
static struct json *machine(const struct domain *d)
{
	const struct guest_config *c = d->owner->guest;
	struct json *disks = json_new(JSON_ARRAY), *nics = json_new(JSON_ARRAY);

	for (unsigned i = 0; i < d->device_count; i++) {
		const struct guest_device *spec = &d->owner->devices[i].spec;

		if (spec->kind == DEVICE_VIF)
			json_append(nics, json_build("mac=%s", spec->mac));
		else
			json_append(disks, json_build("vdev=%s writable?%d", spec->name, spec->writable));
	}
	return json_build("guest=%u name=%s memory_mib=%u vcpus=%u boot=%s disk_bus=%s vga=%s serial?%d disks=%p nics=%p", d->owner->domid,
			  d->owner->name, c->memory_mib, c->maxvcpus, c->boot, c->hdtype, c->vga, c->serial, disks, nics);
}

static int step_start(struct job *job)
{
	struct domain *d = job->domain;

	return job_call(job, agent_rpc(d->agent), "dm.start", machine(d), START_TIMEOUT_MS, started, NULL);
}

static const struct job_step start_steps[] = {
	{"build", step_build, BUILD_TIMEOUT_MS}, {"order", step_order, 60000}, {"publish", step_publish_guest, 0},
	{"target", step_target, 0}, {"boot", step_boot, BOOT_TIMEOUT_MS}, {"start", step_start, START_TIMEOUT_MS}, {0},
};
static const struct job_step stop_steps[] = {
	{"pause", step_pause, 0}, {"unplug", step_unplug_guest, 0}, {"destroy", step_destroy, 0}, {"clean", step_clean_guest, 0}, {0},
};

/* --- steps of G's job --- */

/* The guest's job, if it waits for that of D. */
static struct job *waiting_job(struct domain *d)
{
	struct job *job = d->awaited && d->owner ? d->owner->job : NULL;

	d->awaited = false;
	return job;
}

static void on_started(struct job *job)
{
	struct domain *d = job->domain;
	struct job *waiting = waiting_job(d);

	d->state = job->error.code[0] ? DOMAIN_FAILED : DOMAIN_RUNNING;
	if (!waiting)
		return;
	if (job->error.code[0]) {
		struct rpc_error error = job->error;
		size_t used = strlen(error.message);

		/* the log outlives the domain, and has QEMU's own words */
		snprintf(error.message + used, sizeof(error.message) - used, "; `atoll logs %s` may say why", d->name);
		job_fail_with(waiting, &error);
	} else {
		job_next(waiting);
	}
}

int step_dm_start(struct job *job)
{
	struct domain *d = job->domain->dm;
	int r = d ? 0 : dm_new(job);

	if (r < 0)
		return r;
	d = job->domain->dm;
	d->state = DOMAIN_STARTING;
	d->awaited = true;
	state_save(d);
	job_start(d, start_steps, on_started, NULL, 0);
	return JOB_WAIT;
}

static void on_stopped(struct job *job)
{
	struct domain *d = job->domain, *g = d->owner;
	struct job *waiting = waiting_job(d);
	struct rpc_error error = job->error;

	if (error.code[0]) {
		log_error("%s: not all of it could be taken away: %s", d->name, error.message);
		d->state = DOMAIN_FAILED;
	} else {
		domain_forget(d);
	}
	if (waiting && error.code[0])
		job_fail_with(waiting, &error);
	else if (waiting)
		job_next(waiting);
	else if (g)
		state_save(g);
}

int step_dm_stop(struct job *job)
{
	struct domain *d = job->domain->dm;

	if (!d)
		return 0;
	if (d->job)
		job_abandon(d->job);
	d->agent = agent_destroy(d->agent);
	d->state = DOMAIN_STOPPING;
	d->awaited = true;
	job_start(d, stop_steps, on_stopped, NULL, 0);
	return JOB_WAIT;
}

void dm_stopped(struct domain *d)
{
	struct domain *g = d->owner;

	log_error("%s: %s", d->name, d->why);
	if (g) {
		snprintf(g->why, sizeof(g->why), "device model died; the guest's PV devices go on, its emulated ones are gone");
		log_error("%s: %s", g->name, g->why);
	}
	d->agent = agent_destroy(d->agent);
	d->state = DOMAIN_STOPPING;
	d->awaited = false;
	job_start(d, stop_steps, on_stopped, NULL, 0);
}
