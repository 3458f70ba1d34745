// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guests: created paused, given their nodes and devices, then let go; taken away in the reverse order. A create that fails
 * half-way runs the same steps that take a guest away, so nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include "atolld/acpi.h"
#include "atolld/agent.h"
#include "atolld/api.h"
#include "atolld/audit.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "atolld/nodes.h"
#include "base/base64.h"
#include "base/log.h"

#define BUILD_TIMEOUT_MS 120000
#define DUMP_OVERHEAD_MIB 16 /* of a core file: registers and page tables */
#define HVMLOADER "/usr/lib/atoll/images/hvmloader"
#define SEABIOS "/usr/lib/atoll/images/seabios.bin"

/* --- what has to be known before --- */

static void make_uuid(char out[37])
{
	unsigned char b[16] = {0};

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		log_warning("no random numbers for a uuid");
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* RFC 4122: random, version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
		 b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* Xen's own prefix, and the rest from the uuid and the index, so that a guest keeps its addresses. */
static void make_mac(const char *uuid, unsigned index, char out[18])
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (const char *p = uuid; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	hash = (hash ^ index) * 16777619u;
	snprintf(out, 18, "00:16:3e:%02x:%02x:%02x", hash >> 16 & 0x7f, hash >> 8 & 0xff, hash & 0xff);
}

static struct domain *find_backend(struct atolld *a, const char *name, enum role role, char *why, size_t size)
{
	struct domain *found = NULL;

	for_each_domain(d, a) {
		if (d->role != role || (*name && strcmp(d->name, name)))
			continue;
		if (found) {
			snprintf(why, size, "there are several %s services: say which with backend=NAME", role_name(role));
			return NULL;
		}
		found = d;
	}
	if (!found && *name)
		snprintf(why, size, "backend %s: there is no such %s service on this host", name, role_name(role));
	else if (!found)
		snprintf(why, size, "there is no %s service on this host", role_name(role));
	return found;
}

int guest_bind_devices(struct domain *d, char *why, size_t size)
{
	for (unsigned i = d->device_count; i < d->guest->device_count; i++) {
		struct guest_device *spec = &d->guest->devices[i];
		struct domain *backend = find_backend(d->atolld, spec->backend, spec->kind == DEVICE_VIF ? ROLE_NET : ROLE_DISK, why, size);

		if (!backend)
			return -ENODEV;
		if (spec->kind == DEVICE_VIF && !spec->mac[0])
			make_mac(d->guest->uuid, spec->id, spec->mac);
		d->devices[d->device_count++] = (struct device){.spec = *spec, .backend = backend};
	}
	return 0;
}

void guest_serve_consoles(struct domain *d)
{
	for (unsigned i = 1; d->guest && i < d->guest->consoles; i++) {
		char name[NAME_LEN_MAX + 16];

		snprintf(name, sizeof(name), "%s:%u", d->name, i);
		if (consoles_serve(d->atolld->consoles, d, i, name) < 0)
			log_warning("%s: its console %u is not served", d->name, i);
	}
}

/* --- steps of creation --- */

struct json *guest_build_params(const struct domain *d)
{
	const struct guest_config *c = d->guest;
	bool hvm = c->type == GUEST_HVM;
	uint8_t page[ACPI_PAGE];
	char tables[BASE64_SIZE(ACPI_PAGE)];
	struct json *params = build_params(d, guest_type_names[c->type], hvm ? HVMLOADER : c->kernel, hvm ? SEABIOS : c->ramdisk,
					   c->cmdline, (uint64_t)c->memory_mib << 10, c->maxvcpus);

	if (c->type == GUEST_PVH) {
		base64_encode(page, acpi_build(page, c->maxvcpus), tables, sizeof(tables));
		json_set_string(params, "tables", tables);
	}
	json_add(params, "max_grant_frames~%u max_maptrack_frames~%u max_event_channels~%u", c->max_grant_frames, c->max_maptrack_frames,
		 c->max_event_channels);
	return params;
}

static int step_build(struct job *job)
{
	return job_order(job, "domain.build", guest_build_params(job->domain), built, NULL);
}

/* What differs from the scheduler's defaults. */
int step_settings(struct job *job)
{
	const struct guest_config *c = job->domain->guest;
	struct json *cpus = NULL;

	for (unsigned i = 0; i < GUEST_CPUS_MAX; i++) {
		if (!(c->cpus[i / 8] & 1 << i % 8))
			continue;
		cpus = cpus ? cpus : json_new(JSON_ARRAY);
		json_append(cpus, json_new_int(i));
	}
	if (!cpus && !c->weight && !c->cap)
		return 0;
	return job_order(job, "domain.set", json_build("domid=%u cpus~%p weight~%u cap~%u", job->domain->domid, cpus, c->weight, c->cap), NULL,
			 NULL);
}

int step_publish_guest(struct job *job)
{
	struct domain *d = job->domain;
	struct store *store = d->atolld->store;
	struct store_batch *batch = store_batch_new();
	int r;

	nodes_domain(batch, d);
	for (unsigned i = 0; i < d->device_count; i++) {
		nodes_frontend(batch, d, &d->devices[i]);
		nodes_backend(batch, d, &d->devices[i]);
	}
	for (unsigned i = 1; d->guest && i < d->guest->consoles; i++)
		nodes_console(batch, d, i);
	r = store_commit(store, batch);
	if (r < 0)
		return job_explain(job, r, "%s: cannot write its store nodes: %s", d->name, strerror(-r));
	r = store_introduce(store, d->domid, d->store_gfn, d->store_port);
	if (r < 0)
		return job_explain(job, r, "%s: the store does not take it: %s", d->name, strerror(-r));
	consoles_add(d->atolld->consoles, d);
	guest_serve_consoles(d);
	return 0;
}

/* --- steps of taking away --- */

int step_unplug_guest(struct job *job)
{
	struct domain *d = job->domain;
	struct store_batch *batch = store_batch_new();

	consoles_remove(d->atolld->consoles, d);
	for (unsigned i = 0; i < d->device_count; i++)
		nodes_remove_device(batch, d, &d->devices[i]);
	return store_commit(d->atolld->store, batch);
}

int step_clean_guest(struct job *job)
{
	struct domain *d = job->domain;
	struct store_batch *batch = store_batch_new();

	store_release(d->atolld->store, d->domid);
	nodes_remove_domain(batch, d);
	for (unsigned i = 0; i < d->device_count; i++)
		order_detach(&d->devices[i], d);
	return store_commit(d->atolld->store, batch);
}

static int step_device_model(struct job *job)
{
	return job->domain->guest->type == GUEST_HVM ? step_dm_start(job) : 0;
}

static const struct job_step create_steps[] = {
	{"build", step_build, BUILD_TIMEOUT_MS},
	{"settings", step_settings, 0},
	{"order", step_order, 60000},
	{"publish", step_publish_guest, 0},
	{"device-model", step_device_model, 0},
	{"unpause", step_unpause, 0},
	{0},
};
static const struct job_step destroy_steps[] = {
	{"pause", step_pause, 0},
	{"no-device-model", step_dm_stop, 0},
	{"unplug", step_unplug_guest, 0},
	{"destroy", step_destroy, 0},
	{"clean", step_clean_guest, 0},
	{0},
};

/* --- how they end --- */

static void on_undone(struct job *job)
{
	struct domain *d = job->domain;

	if (job->error.code[0])
		log_error("%s: not all of it could be taken away: %s", d->name, job->error.message);
	/* the client is told why the create failed, not that the cleaning went well */
	job->error = d->failure;
	api_answer(job, NULL);
	domain_forget(d);
}

static void on_created(struct job *job)
{
	struct domain *d = job->domain;
	struct json *answer;

	if (job->error.code[0]) {
		event_add(d->atolld, "not-created", d->name, "%s", job->error.message);
		d->failure = job->error;
		d->state = DOMAIN_STOPPING;
		job_start(d, destroy_steps, on_undone, job->client, job->client_id);
		return;
	}
	d->state = DOMAIN_RUNNING;
	event_add(d->atolld, "created", d->name, "domain %u runs after %llu ms", d->domid,
		  (unsigned long long)(now_us() - job->started_us) / 1000);
	audit_guest(d->atolld, d);
	d->running_ms = now_ms();
	state_save(d);
	census_request(d->atolld);
	answer = domain_to_json(d);
	json_add(answer, "ignored~%s phases_ms=%p build_us~%p", d->guest->warning, phases_to_json(job->phases, job->phase_count),
		 TAKE_PTR(d->build_phases));
	d->guest->warning[0] = '\0'; /* said once */
	api_answer(job, answer);
}

struct domain *guest_new(struct request *request, const struct guest_config *config)
{
	struct atolld *a = request->atolld;
	struct domain *d = domain_find(a, config->name);
	char why[400];
	int r;

	if (d) {
		request_fail(request, EEXIST, "%s: the name is taken by domain %u (%s)", config->name, d->domid, domain_state_name(d));
		return NULL;
	}
	if (!services_running(a)) {
		request_fail(request, EAGAIN, "%s: not all services run yet; `atoll status` says which", config->name);
		return NULL;
	}
	d = domain_new(a, config->name, ROLE_GUEST, domain_next_id(a));
	if (!d || !(d->guest = malloc(sizeof(*config)))) {
		request_fail(request, ENOMEM, "%s: no room for another domain: %u of %d exist", config->name, a->domain_count, DOMAINS_MAX);
		if (d)
			domain_forget(d);
		return NULL;
	}
	*d->guest = *config;
	if (!d->guest->uuid[0])
		make_uuid(d->guest->uuid);
	r = guest_bind_devices(d, why, sizeof(why));
	if (r == 0)
		r = guest_check_tenant(d, why, sizeof(why));
	if (r < 0) {
		request_fail(request, r, "%s: %s", config->name, why);
		domain_forget(d);
		return NULL;
	}
	d->state = DOMAIN_STARTING;
	return d;
}

void guest_start(struct domain *d, const struct job_step *steps, struct rpc *client, uint32_t id)
{
	state_save(d);
	job_start(d, steps, on_created, client, id);
}

int guest_create(struct request *r, const struct guest_config *config, const char *fail_at)
{
	struct domain *d = guest_new(r, config);

	if (!d)
		return 0;
	snprintf(d->fail_at, sizeof(d->fail_at), "%s", fail_at);
	guest_start(d, create_steps, r->rpc, r->id);
	return 0;
}

static void on_destroyed(struct job *job)
{
	struct domain *d = job->domain;

	if (job->error.code[0]) {
		domain_failed(d, job);
		log_error("%s: cannot be destroyed: %s", d->name, job->error.message);
		api_answer(job, NULL);
		return;
	}
	event_add(d->atolld, "destroyed", d->name, "domain %u is gone", d->domid);
	api_answer(job, json_new(JSON_OBJECT));
	domain_forget(d);
}

int guest_destroy(struct domain *d, struct rpc *client, uint32_t id)
{
	if (d->job)
		return -EBUSY;
	d->state = DOMAIN_STOPPING;
	job_start(d, destroy_steps, on_destroyed, client, id);
	return 0;
}

static void on_down_for_restart(struct job *job)
{
	struct domain *d = job->domain;

	if (job->error.code[0]) {
		on_destroyed(job);
		return;
	}
	state_remove(d);
	d->domid = domain_next_id(d->atolld);
	d->restarts++;
	d->state = DOMAIN_STARTING;
	guest_start(d, create_steps, NULL, 0);
}

static void finish_stopped(struct domain *d, bool again)
{
	d->state = DOMAIN_STOPPING;
	job_start(d, destroy_steps, again ? on_down_for_restart : on_destroyed, NULL, 0);
}

static enum guest_action action_of(const struct domain *d)
{
	const struct guest_config *c = d->guest;

	if (!d->exists) /* nothing is left to preserve; and who destroyed it by hand does not want it back */
		return ACTION_DESTROY;
	switch (d->shutdown_reason) {
	case 0: return c->on_poweroff;
	case 1: return c->on_reboot;
	case 4: return c->on_watchdog;
	default: return c->on_crash;
	}
}

static int dumped(struct job *job, const struct json *result)
{
	event_add(job->domain->atolld, "dumped", job->domain->name, "its memory is in %s", job->domain->why);
	return 0;
}

static int step_dump(struct job *job)
{
	struct domain *d = job->domain;
	uint64_t bytes = ((uint64_t)d->guest->memory_mib + DUMP_OVERHEAD_MIB) << 20;
	int fd = dump_open(d->name, bytes, d->why, sizeof(d->why));

	if (fd < 0)
		return job_explain(job, fd, "%s: no dump of its memory: %s: %s", d->name, DUMP_DIR, strerror(-fd));
	rpc_push_fd(d->atolld->builder, fd);
	return job_order(job, "domain.dump", json_build("domid=%u max_bytes=%lu", d->domid, bytes), dumped, NULL);
}

static const struct job_step dump_steps[] = {{"dump", step_dump, 0}, {0}};

static void on_dump_end(struct job *job)
{
	struct domain *d = job->domain;

	if (job->error.code[0])
		log_error("%s: no dump: %s", d->name, job->error.message);
	finish_stopped(d, action_of(d) == ACTION_COREDUMP_RESTART);
}

void guest_stopped(struct domain *d)
{
	enum guest_action action = action_of(d);

	event_add(d->atolld, "stopped", d->name, "%s", d->why);
	if (d->exists && d->shutdown_reason == SHUTDOWN_SUSPEND) { /* whoever saved it is gone: an earlier atolld */
		guest_resume(d, NULL, 0);
	} else if (action == ACTION_PRESERVE) {
		d->state = DOMAIN_PRESERVED;
		state_save(d);
	} else if (action == ACTION_COREDUMP_DESTROY || action == ACTION_COREDUMP_RESTART) {
		d->state = DOMAIN_STOPPING;
		job_start(d, dump_steps, on_dump_end, NULL, 0);
	} else {
		finish_stopped(d, action == ACTION_RESTART);
	}
}
