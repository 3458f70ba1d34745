// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is changed on a guest that runs: devices that come and go, its name, its memory and processors; and what can be told of it. */
#include <errno.h>
#include <string.h>

#include "atolld/api.h"
#include "atolld/audit.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "atolld/nodes.h"
#include "base/log.h"

#define DEVICE_POLL_MS 50
#define DEVICE_WAIT_MS 10000 /* for a guest's kernel to connect a device or to let it go */
#define MAXMEM_SLACK_KIB 1024 /* the builder's own, beyond the target */

/* Waits for STATE; a device whose half is gone is closed. */
static int await_state(struct job *job, unsigned state, const char *hint)
{
	struct device *device = job->domain->subject;
	unsigned now = device_state(job->domain, device, false);

	if (now == state || (!now && state == XENBUS_CLOSED))
		return 0;
	if (job->retries >= DEVICE_WAIT_MS / DEVICE_POLL_MS)
		return job_explain(job, ETIMEDOUT, "%s: %s: %s within %d s", job->domain->name, device->spec.name, hint,
				   DEVICE_WAIT_MS / 1000);
	job_retry(job, DEVICE_POLL_MS);
	return JOB_WAIT;
}

static void remove_nodes(struct domain *d, struct device *device)
{
	struct store_batch *batch = store_batch_new();
	int r;

	nodes_remove_device(batch, d, device);
	r = store_commit(d->atolld->store, batch);
	if (r < 0)
		log_error("%s: a device's nodes are left: %s", d->name, strerror(-r));
	order_detach(device, d);
}

/* Takes it out of the list and the description. */
static void forget(struct domain *d, struct device *device)
{
	struct guest_config *c = d->guest;
	unsigned at = (unsigned)(device - d->devices);

	memmove(device, device + 1, (--d->device_count - at) * sizeof(*device));
	memmove(&c->devices[at], &c->devices[at + 1], (--c->device_count - at) * sizeof(c->devices[0]));
	state_save(d);
}

/* --- attach --- */

static int step_publish_one(struct job *job)
{
	struct domain *d = job->domain;
	struct store_batch *batch = store_batch_new();

	nodes_frontend(batch, d, d->subject);
	nodes_backend(batch, d, d->subject);
	return store_commit(d->atolld->store, batch);
}

static int step_connected(struct job *job)
{
	struct domain *d = job->domain;

	/* the backend is first; a guest that still reads its fields complains if they are taken away */
	if (device_state(d, d->subject, false) == XENBUS_CONNECTED && device_state(d, d->subject, true) != XENBUS_CONNECTED &&
	    job->retries < DEVICE_WAIT_MS / DEVICE_POLL_MS) {
		job_retry(job, DEVICE_POLL_MS);
		return JOB_WAIT;
	}
	return await_state(job, XENBUS_CONNECTED, "the guest's kernel did not connect it");
}

static const struct job_step attach_steps[] = {
	{"order", step_order, 0}, {"publish", step_publish_one, 0}, {"connect", step_connected, 0}, {0},
};

static void on_attached(struct job *job)
{
	struct domain *d = job->domain;
	struct device *device = d->subject;

	d->subject = NULL;
	if (job->error.code[0]) {
		remove_nodes(d, device);
		forget(d, device);
		api_answer(job, NULL);
	} else {
		event_add(d->atolld, "attached", d->name, "%s", device->spec.name);
		audit_guest(d->atolld, d);
		state_save(d);
		api_answer(job, json_build("name=%s device=%s backend=%s", d->name, device->spec.name, device->backend->name));
	}
}

int method_attach(struct request *request)
{
	struct domain *d = request->domain;
	const char *kind = json_get_string(request->params, "kind", "");
	const struct json usual = {.type = JSON_STRING, .string = (char *)""}, *given = json_get(request->params, "device");
	unsigned before = d->device_count;
	bool vif = !strcmp(kind, "vif");
	char why[300] = "expected vif or vbd, and a device as in its list of a guest's description";
	int r = -EINVAL;

	if (vif || !strcmp(kind, "vbd"))
		r = guest_config_add_device(d->guest, vif ? DEVICE_VIF : DEVICE_VBD, given ? given : &usual, why, sizeof(why));
	if (r == 0)
		r = guest_bind_devices(d, why, sizeof(why));
	if (r == 0)
		r = guest_check_tenant(d, why, sizeof(why));
	if (r < 0) {
		d->device_count = d->guest->device_count = before;
		return request_fail(request, r, "%s: %s: %s", d->name, kind, why);
	}
	d->subject = &d->devices[d->device_count - 1];
	job_start(d, attach_steps, on_attached, request->rpc, request->id);
	return 0;
}

/* --- detach --- */

static int step_close(struct job *job)
{
	struct domain *d = job->domain;
	struct store_batch *batch = store_batch_new();

	nodes_close_backend(batch, d, d->subject);
	return store_commit(d->atolld->store, batch);
}

static int step_closed(struct job *job)
{
	if (job->domain->force)
		return 0;
	return await_state(job, XENBUS_CLOSED, "the guest did not let it go (is it in use? `--force` takes it away)");
}

static int step_remove(struct job *job)
{
	remove_nodes(job->domain, job->domain->subject);
	return 0;
}

static const struct job_step detach_steps[] = {
	{"close", step_close, 0}, {"closed", step_closed, 0}, {"remove", step_remove, 0}, {0},
};

static void on_detached(struct job *job)
{
	struct domain *d = job->domain;

	if (!job->error.code[0]) {
		event_add(d->atolld, "detached", d->name, "%s", d->subject->spec.name);
		forget(d, d->subject);
	}
	d->subject = NULL;
	api_answer(job, json_new(JSON_OBJECT));
}

/* WHICH is its name or its number. */
static struct device *find_device(struct domain *d, const char *kind, const char *which)
{
	for (unsigned i = 0; i < d->device_count; i++) {
		const struct guest_device *spec = &d->devices[i].spec;
		char number[12];

		snprintf(number, sizeof(number), "%u", spec->id);
		if (!strcmp(kind, device_kind_name(spec->kind)) && (!strcmp(which, number) || !strcmp(which, spec->name)))
			return &d->devices[i];
	}
	return NULL;
}

int method_detach(struct request *r)
{
	struct domain *d = r->domain;
	const char *kind = json_get_string(r->params, "kind", ""), *which = json_get_string(r->params, "device", "");

	d->subject = find_device(d, kind, which);
	d->force = json_get_bool(r->params, "force", false);
	if (!d->subject)
		return request_fail(r, ENODEV, "%s: it has no %.8s %.20s; `atoll info %s` shows its devices", d->name, kind, which, d->name);
	job_start(d, detach_steps, on_detached, r->rpc, r->id);
	return 0;
}

/* --- name, memory, processors --- */

int method_rename(struct request *request)
{
	struct domain *d = request->domain;
	struct atolld *a = request->atolld;
	const char *to = json_get_string(request->params, "to", "");
	struct store_batch *batch;
	int r;

	if (!name_valid(to))
		return request_fail(request, EINVAL, "%.63s: no domain can have this name", to);
	if (domain_find(a, to))
		return request_fail(request, EEXIST, "%s: another domain has this name", to);
	batch = store_batch_new();
	store_batch_put(batch, NULL, to, "/local/domain/%u/name", d->domid);
	store_batch_put(batch, NULL, to, "/vm/%s/name", d->guest->uuid);
	r = store_commit(a->store, batch);
	if (r < 0)
		return r;
	consoles_remove(a->consoles, d); /* the log gets the new name too */
	event_add(a, "renamed", to, "was %s", d->name);
	strcpy(d->name, to);
	strcpy(d->guest->name, to);
	consoles_add(a->consoles, d);
	state_save(d);
	return request_reply(request, json_new(JSON_OBJECT));
}

static int step_limit(struct job *job)
{
	struct domain *d = job->domain;
	int64_t max_kib = ((int64_t)d->target_mib << 10) + MAXMEM_SLACK_KIB;

	return d->target_mib ? job_order(job, "domain.set", json_build("domid=%u max_kib=%ld", d->domid, max_kib), NULL, NULL) : 0;
}

static int step_tell(struct job *job)
{
	struct domain *d = job->domain;
	struct store_batch *batch = store_batch_new();

	store_batch_put_int(batch, NULL, (int64_t)(d->target_mib ? d->target_mib : d->guest->memory_mib) << 10,
			    "/local/domain/%u/memory/target", d->domid);
	for (unsigned i = 0; i < d->guest->maxvcpus; i++)
		store_batch_put(batch, NULL, i < d->guest->vcpus ? "online" : "offline", "/local/domain/%u/cpu/%u/availability",
				d->domid, i);
	return store_commit(d->atolld->store, batch);
}

static const struct job_step set_steps[] = {{"settings", step_settings, 0}, {"limit", step_limit, 0}, {"tell", step_tell, 0}, {0}};

static void on_set(struct job *job)
{
	struct domain *d = job->domain;

	if (job->error.code[0])
		*d->guest = *d->previous;
	free(TAKE_PTR(d->previous));
	state_save(d);
	api_answer(job, json_new(JSON_OBJECT));
}

/* Only these can change while it runs. */
static int change(struct domain *d, const struct json *value, char *why, size_t size)
{
	static const char *const keys[] = {"memory", "vcpus", "cpu_weight", "cap", "cpus"};
	struct guest_config *c = d->guest;
	unsigned memory = c->memory_mib, i = 0;
	int r;

	while (i < ARRAY_SIZE(keys) && strcmp(keys[i], value->key))
		i++;
	if (i == ARRAY_SIZE(keys))
		return snprintf(why, size, "%.40s: expected memory, vcpus, cpu_weight, cap or cpus", value->key), -EINVAL;
	r = guest_config_change(c, value, why, size);
	if (r == 0 && !strcmp(value->key, "memory")) {
		d->target_mib = c->memory_mib;
		c->memory_mib = memory;
		if (d->target_mib > memory)
			return snprintf(why, size, "memory: it was started with %u MiB and cannot have more", memory), -EINVAL;
	}
	if (r == 0 && c->vcpus > c->maxvcpus)
		return snprintf(why, size, "vcpus: it was started with maxvcpus = %u", c->maxvcpus), -EINVAL;
	if (r == 0 && !strcmp(value->key, "cpus") && value->string && !strcmp(value->string, "all"))
		memset(c->cpus, 0xff, sizeof(c->cpus)); /* said so, or the old list stays */
	return r;
}

int method_set(struct request *request)
{
	struct domain *d = request->domain;
	unsigned target = d->target_mib;
	char why[300];

	d->previous = malloc(sizeof(*d->previous));
	if (!d->previous)
		return -ENOMEM;
	*d->previous = *d->guest;
	json_for_each(item, json_get(request->params, "set")) {
		int r = change(d, item, why, sizeof(why));

		if (r < 0) {
			*d->guest = *d->previous;
			d->target_mib = target;
			free(TAKE_PTR(d->previous));
			return request_fail(request, r, "%s: %s", d->name, why);
		}
	}
	job_start(d, set_steps, on_set, request->rpc, request->id);
	return 0;
}

/* --- what is known --- */

/* The last ones that are about it. */
static struct json *events_of(const struct domain *d)
{
	AUTO_JSON struct json *all = events_list(d->atolld->events, 0);
	struct json *list = json_new(JSON_ARRAY);

	json_for_each(item, json_get(all, "events")) {
		if (!strcmp(json_get_string(item, "name", ""), d->name))
			json_append(list, json_copy(item));
	}
	return list;
}

/* What the guest's kernel has made of its devices: to the list that DOMAIN's description has. */
static void add_states(const struct domain *d, const struct json *description)
{
	static const char *const states[] = {"none",      "initialising", "waiting", "initialised",   "connected",
					     "closing",   "closed",       "reconfiguring", "reconfigured", "?"};
	const struct json *list = json_get(description, "devices");
	struct json *item = list ? list->first : NULL;

	for (unsigned i = 0; i < d->device_count && item; i++, item = item->next)
		json_add(item, "state=%s", states[device_state(d, &d->devices[i], false)]);
}

int method_info(struct request *r)
{
	struct domain *d = r->domain;
	const struct guest_config *c = d->guest;
	struct json *json = domain_to_json(d);
	char uuid[37], cpus[GUEST_CPUS_MAX * 4];

	domain_uuid(d, uuid);
	json_add(json, "uuid=%s", uuid);
	if (d->running_ms)
		json_add(json, "uptime_s=%lu", (now_ms() - d->running_ms) / 1000);
	if (c) {
		cpu_list_print(c->cpus, cpus, sizeof(cpus));
		json_add(json, "kernel=%s cmdline=%s memory_max_kib=%lu memory_target_kib=%lu vcpus=%u vcpus_max=%u cpus=%s cpu_weight=%u cap=%u",
			 c->kernel, c->cmdline, (uint64_t)c->memory_mib << 10, (uint64_t)(d->target_mib ? d->target_mib : c->memory_mib) << 10,
			 c->vcpus, c->maxvcpus, cpus, c->weight ? c->weight : 256, c->cap);
	}
	json_add(json, "events=%p", events_of(d));
	add_states(d, json);
	request_reply(r, json);
	census_request(r->atolld);
	return 0;
}
