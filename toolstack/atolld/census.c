// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who lives. The store tells of each domain that stops or dies (@releaseDomain); the builder then lists all domains, and what
 * is missing, dying or shut down is dealt with. Heartbeats are judged here too.
 */
#include <errno.h>
#include <string.h>

#include "atolld/atolld.h"
#include "base/log.h"

#define LIST_TIMEOUT_MS 10000

static void note_domain(struct domain *d, const struct json *item)
{
	d->memory_kib = (uint64_t)json_get_int(item, "memory_kib", 0);
	d->cpu_ns = (uint64_t)json_get_int(item, "cpu_ns", 0);
	d->paused = json_get_bool(item, "paused", false);
	d->shutdown = json_get_bool(item, "shutdown", false) && !json_get_bool(item, "dying", false);
	d->shutdown_reason = (unsigned)json_get_int(item, "reason", 0);
}

static const struct json *find_item(const struct json *list, unsigned domid)
{
	json_for_each(item, list) {
		if (json_get_int(item, "domid", -1) == domid)
			return item;
	}
	return NULL;
}

static void judge(struct domain *d)
{
	char why[160];
	enum health health = domain_health(d, why, sizeof(why));

	if (d->state != DOMAIN_RUNNING || d->job || !health_needs_restart(health))
		return;
	if (domain_is_service(d)) {
		log_warning("%s: %s: %s; it is rebuilt with domid %u", d->name, health_name(health), why, d->domid);
		snprintf(d->why, sizeof(d->why), "%s", why);
		service_restart(d, why, NULL, 0);
	} else {
		snprintf(d->why, sizeof(d->why), "%s", why);
		guest_stopped(d);
	}
}

static void on_list(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct atolld *a = data;
	const struct json *list = json_get(result, "domains") ? json_get(result, "domains") : result;

	a->listing = false;
	if (error) {
		log_error("builder: domain.list: %s", error->message);
		return;
	}
	for (struct domain *d = a->domains, *next; d; d = next) {
		const struct json *item = find_item(list, d->domid);

		next = d->next; /* a guest that stopped may be taken off the list by and by, never at once */
		if (!d->exists) /* a job that takes it away, or builds it anew, knows itself what exists */
			continue;
		if (item)
			note_domain(d, item);
		if (!item || json_get_bool(item, "dying", false) || d->shutdown) {
			if (d->job && d->state == DOMAIN_STARTING) {
				job_fail(d->job, ECHILD, "%s: the domain stopped while it was started; see `atoll logs %s`", d->name,
					 d->name);
				continue; /* it may be gone from the list */
			}
			if (!d->job && !d->shutdown)
				d->exists = false;
		}
		judge(d);
	}
	if (a->list_again)
		census_request(a);
}

void census_request(struct atolld *a)
{
	a->list_again = a->listing;
	if (a->listing || !a->builder)
		return;
	a->listing = rpc_call(a->builder, "domain.list", NULL, LIST_TIMEOUT_MS, on_list, a) == 0;
}
