// SPDX-License-Identifier: LGPL-2.1-or-later
/* The list of domains and what can be said of one. */
#include <errno.h>
#include <string.h>

#include "atolld/agent.h"
#include "atolld/atolld.h"
#include "atolld/consoles.h"

struct domain *domain_new(struct atolld *a, const char *name, enum role role, unsigned domid)
{
	struct domain *d, **link = &a->domains;

	if (a->domain_count == DOMAINS_MAX)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	*d = (struct domain){.atolld = a, .role = role, .domid = domid, .stream_fd = -1, .snapshot_fd = -1};
	snprintf(d->name, sizeof(d->name), "%s", name);
	while (*link)
		link = &(*link)->next;
	*link = d;
	a->domain_count++;
	return d;
}

void domain_delete(struct domain *d)
{
	struct domain **link = &d->atolld->domains;

	while (*link != d)
		link = &(*link)->next;
	*link = d->next;
	d->atolld->domain_count--;
	if (d->stream_fd >= 0)
		close(d->stream_fd);
	agent_destroy(d->agent);
	store_watch_remove(d->ready);
	if (d->snapshot_fd >= 0)
		close(d->snapshot_fd); /* systemd has it, too */
	free(d->snapshot_of);
	source_destroy(d->restart_timer);
	json_free(d->build_phases);
	free(d->previous);
	if (d->owner)
		d->owner->dm = NULL;
	if (d->dm)
		d->dm->owner = NULL;
	free(d->own_service);
	free(d->guest);
	free(d);
}

void domain_forget(struct domain *d)
{
	state_remove(d);
	domain_delete(d);
}

struct domain *domain_find(struct atolld *a, const char *name)
{
	for_each_domain(d, a) {
		if (!strcmp(d->name, name))
			return d;
	}
	return NULL;
}

struct domain *domain_by_id(struct atolld *a, unsigned domid)
{
	for_each_domain(d, a) {
		if (d->domid == domid)
			return d;
	}
	return NULL;
}

/* Counts up, so that a domid is not used again soon after its guest went: others may still have it in mind. */
unsigned domain_next_id(struct atolld *a)
{
	static const unsigned last = 0x7fef; /* below DOMID_FIRST_RESERVED */

	for (unsigned tries = 0; tries < last; tries++) {
		unsigned id = a->last_guest_domid < DOMID_GUEST_FIRST || a->last_guest_domid >= last ? DOMID_GUEST_FIRST
												      : a->last_guest_domid + 1;
		a->last_guest_domid = id;
		if (!domain_by_id(a, id))
			return id;
	}
	return 0;
}

bool domain_is_service(const struct domain *d)
{
	return d->role != ROLE_GUEST && d->role != ROLE_DM;
}

const char *domain_state_name(const struct domain *d)
{
	static const char *const names[] = {
		[DOMAIN_DOWN] = "down", [DOMAIN_STARTING] = "starting", [DOMAIN_RUNNING] = "running",
		[DOMAIN_STOPPING] = "stopping", [DOMAIN_FAILED] = "failed", [DOMAIN_PRESERVED] = "preserved"};

	if (stream_saving(d))
		return "saving";
	if (d->state == DOMAIN_RUNNING && d->paused)
		return "paused";
	return names[d->state];
}

uint64_t domain_silent_ms(const struct domain *d)
{
	return d->role == ROLE_CONSOLE ? consoles_silent_ms(d->atolld->consoles) : agent_silent_ms(d->agent);
}

enum health domain_health(const struct domain *d, char *why, size_t size)
{
	const struct agent_report *report = agent_report(d->agent);
	struct health_input in = {
		.exists = d->exists,
		.paused = d->paused,
		.runnable = d->runnable,
		.panic = d->panic,
		.cpu_ms = (d->cpu_ns - d->cpu_mark_ns) / 1000000,
		.answer_ms = report->answer_ms,
		.cap = d->cap,
		.memory_kib = report->memory_kib,
		.memory_left_kib = report->available_kib,
		.not_serving = report->not_serving,
		.degraded = report->degraded,
		.shutdown = d->shutdown,
		.shutdown_reason = d->shutdown_reason,
		.starting = d->state == DOMAIN_STARTING,
		.has_heartbeat = d->agent || d->role == ROLE_CONSOLE,
		.silent_ms = domain_silent_ms(d),
	};

	return health_judge(&in, why, size);
}

struct json *phases_to_json(const struct job_phase *phases, unsigned count)
{
	struct json *json = json_new(JSON_OBJECT);

	for (unsigned i = 0; i < count; i++)
		json_set(json, phases[i].name, json_new_double((double)phases[i].us / 1000));
	return json;
}

static struct json *devices_to_json(const struct domain *d)
{
	struct json *list = json_new(JSON_ARRAY);

	for (unsigned i = 0; i < d->device_count; i++) {
		const struct device *dev = &d->devices[i];
		bool vif = dev->spec.kind == DEVICE_VIF;
		struct json *item = json_build("id=%s kind=%s backend=%s on=%s mac~%s vdev~%s", dev->spec.name, device_kind_name(dev->spec.kind),
					       dev->backend->name, vif ? dev->spec.bridge : dev->spec.target, vif ? dev->spec.mac : NULL,
					       vif ? NULL : dev->spec.name);

		if (item && dev->counted)
			json_add(item, "read_bytes=%lu written_bytes=%lu", dev->read_bytes, dev->written_bytes);
		json_append(list, item);
	}
	return list;
}

struct json *domain_to_json(const struct domain *d)
{
	char why[160];
	enum health health = domain_health(d, why, sizeof(why));
	const struct agent_report *report = agent_report(d->agent);
	bool linux_service = d->role == ROLE_NET || d->role == ROLE_DISK;
	const char *privilege = d->role == ROLE_STORE ? "getdomaininfo" : d->service && d->service->pci_count ? "own PCI devices"
				: d->owner ? "its guest's memory and devices" : "none";
	struct json *json = json_build(
		"name=%s role=%s domid=%u type=%s state=%s health=%s why=%s memory_kib=%lu cpu_ms=%lu sampled_ms=%lu privilege=%s restarts=%u "
		"last_outage~%p devices=%p", d->name, role_name(d->role), d->domid, d->guest ? guest_type_names[d->guest->type]
		: service_keeps_state(d) ? "pvh" : "pv", domain_state_name(d), d->state == DOMAIN_DOWN ? "down" : health_name(health),
		d->why[0] && (d->state != DOMAIN_RUNNING || d->guest) ? d->why : why, d->memory_kib, d->cpu_ns / 1000000, d->sampled_ms,
		privilege, d->restarts, d->outage_count ? outage_to_json(d) : NULL, devices_to_json(d));

	if (json && report->memory_kib)
		json_add(json, "available_kib=%lu", report->available_kib);
	if (json && d->agent)
		json_add(json, "answer_ms=%lu", report->answer_ms);
	if (json && linux_service)
		json_add(json, "kernel=%s kernel_release=%s", kernel_name(d), d->release);
	return json;
}

void domain_uuid(const struct domain *d, char out[37])
{
	if (d->guest)
		snprintf(out, 37, "%s", d->guest->uuid);
	else /* services have a fixed one each */
		snprintf(out, 37, "a7011a00-0000-4000-8000-%012x", d->domid);
}

struct json *domain_params(const struct domain *d)
{
	return json_build("domid=%u", d->domid);
}
