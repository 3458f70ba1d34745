// SPDX-License-Identifier: LGPL-2.1-or-later
/* Results, from structs to JSON. */
#include <string.h>

#include "request.h"

/* The last json_set() of a failed chain is the only one to be looked at: a failed one loses its value, nothing else. */
static struct json *finish(struct json *json, int failed)
{
	return failed ? json_free(json) : json;
}

struct json *result_built(const struct domain_built *built)
{
	struct json *result = json_new(JSON_OBJECT), *phases = json_new(JSON_OBJECT);
	int failed = 0;

	for (size_t i = 0; i < built->phases.count; i++)
		failed |= json_set_int(phases, built->phases.item[i].name, built->phases.item[i].us);
	failed |= json_set_int(result, "domid", built->domid);
	failed |= json_set_int(result, "store_port", built->store_port);
	failed |= json_set_int(result, "store_gfn", (int64_t)built->store_gfn);
	failed |= json_set_int(result, "console_port", built->console_port);
	failed |= json_set_int(result, "console_gfn", (int64_t)built->console_gfn);
	failed |= json_set_bool(result, "revived", built->revived);
	failed |= json_set(result, "phases", phases);
	return finish(result, failed);
}

static const char *state_name(uint32_t flags)
{
	if (flags & XEN_DOMINF_dying)
		return "dying";
	if (flags & XEN_DOMINF_shutdown)
		return "shutdown";
	if (flags & XEN_DOMINF_paused)
		return "paused";
	if (flags & XEN_DOMINF_running)
		return "running";
	return flags & XEN_DOMINF_blocked ? "blocked" : "runnable";
}

static void uuid_text(const uint8_t uuid[16], char text[37])
{
	char *at = text;

	for (int i = 0; i < 16; i++)
		at += sprintf(at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static struct json *result_domain(const xc_domaininfo_t *d, unsigned cap)
{
	struct json *result = json_new(JSON_OBJECT);
	char uuid[37];
	int failed = 0;

	uuid_text(d->handle, uuid);
	failed |= json_set_int(result, "domid", d->domain);
	failed |= json_set_string(result, "state", state_name(d->flags));
	if (d->flags & XEN_DOMINF_shutdown)
		failed |= json_set_int(result, "reason", (d->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
	if (d->flags & XEN_DOMINF_xs_domain)
		failed |= json_set_bool(result, "xs_domain", true);
	failed |= json_set_string(result, "type", d->flags & XEN_DOMINF_hvm_guest ? "pvh" : "pv");
	/* Xen has no other privileged domain than the first: nobody here makes one. */
	failed |= json_set_bool(result, "privileged", d->domain == 0);
	failed |= json_set_int(result, "memory_kib", (int64_t)(d->tot_pages << 2));
	failed |= json_set_int(result, "max_memory_kib", (int64_t)(d->max_pages << 2));
	failed |= json_set_int(result, "outstanding_kib", (int64_t)(d->outstanding_pages << 2));
	failed |= json_set_int(result, "shared_pages", (int64_t)d->shr_pages);
	failed |= json_set_int(result, "cpu_ns", (int64_t)d->cpu_time);
	failed |= json_set_int(result, "vcpus", d->nr_online_vcpus);
	if (cap)
		failed |= json_set_int(result, "cap", cap);
	failed |= json_set_int(result, "ssidref", d->ssidref);
	failed |= json_set_string(result, "uuid", uuid);
	return finish(result, failed);
}

struct json *result_list(const xc_domaininfo_t *list, const uint16_t *caps, int count, bool more)
{
	struct json *result = json_new(JSON_OBJECT), *domains = json_new(JSON_ARRAY);
	int failed = 0;

	for (int i = 0; i < count; i++)
		failed |= json_append(domains, result_domain(&list[i], caps[i]));
	failed |= json_set(result, "domains", domains);
	if (more && count)
		failed |= json_set_int(result, "next", list[count - 1].domain + 1);
	return finish(result, failed);
}

struct json *result_ties(const struct ties *ties)
{
	struct json *result = json_new(JSON_OBJECT), *list = json_new(JSON_ARRAY);
	int failed = 0;

	for (size_t i = 0; i < ties->count; i++) {
		struct json *tie = json_new(JSON_OBJECT);

		failed |= json_set_int(tie, "domid", ties->list[i].domid);
		failed |= json_set_int(tie, "grants", ties->list[i].grants);
		failed |= json_set_int(tie, "read_only", ties->list[i].read_only);
		failed |= json_set_int(tie, "channels", ties->list[i].channels);
		failed |= json_set_int(tie, "offered", ties->list[i].offered);
		failed |= json_append(list, tie);
	}
	failed |= json_set_bool(result, "xs_domain", ties->xs_domain);
	failed |= json_set(result, "ties", list);
	failed |= json_set_int(result, "others", ties->others);
	return finish(result, failed);
}

struct json *result_host(const struct host_info *host)
{
	struct json *result = json_new(JSON_OBJECT);
	int failed = 0;

	failed |= json_set_int(result, "total_kib", (int64_t)host->total_kib);
	failed |= json_set_int(result, "free_kib", (int64_t)host->free_kib);
	failed |= json_set_int(result, "cpus", host->cpus);
	failed |= json_set_int(result, "cpu_khz", host->cpu_khz);
	failed |= json_set_bool(result, "iommu", host->iommu);
	failed |= json_set_bool(result, "hap", host->hap);
	failed |= json_set_string(result, "xen_version", host->xen_version);
	return finish(result, failed);
}

struct json *result_reload(const struct reload_result *reload)
{
	struct json *result = json_new(JSON_OBJECT);
	int failed = 0;

	failed |= json_set_int(result, "us", reload->us);
	failed |= json_set_int(result, "settle_us", reload->settle_us);
	failed |= json_set_bool(result, "settled", reload->settled);
	return finish(result, failed);
}
