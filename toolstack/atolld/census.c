// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who lives. The store tells of each domain that stops or dies (@releaseDomain); the builder then lists all domains, and what
 * is missing, dying or shut down is dealt with. Heartbeats are judged here too.
 *
 * Of the store's own end nobody could tell; but Xen then sends VIRQ_DOM_EXC, which the store had been given, to the control domain.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xenevtchn.h>

#include "atolld/consoles.h"
#include "atolld/events.h"
#include "base/log.h"

#define LIST_TIMEOUT_MS 10000

struct listing {
	struct atolld *atolld;
	struct json *all;
	unsigned first; /* of the page that is under way */
	census_fn *fn;
};

static void note_domain(struct domain *d, const struct json *item)
{
	const char *state = json_get_string(item, "state", "");

	d->sampled_ms = now_ms();
	d->memory_kib = (uint64_t)json_get_int(item, "memory_kib", 0);
	d->cpu_ns = (uint64_t)json_get_int(item, "cpu_ns", 0);
	d->paused = !strcmp(state, "paused");
	d->runnable = !strcmp(state, "running") || !strcmp(state, "runnable");
	d->cap = (unsigned)json_get_int(item, "cap", 0);
	if (domain_silent_ms(d) <= HEALTH_PING_MS)
		d->cpu_mark_ns = d->cpu_ns;
	d->shutdown = !strcmp(state, "shutdown");
	d->shutdown_reason = (unsigned)json_get_int(item, "reason", 0);
}

const struct json *census_find(const struct json *list, unsigned domid)
{
	json_for_each(item, list) {
		if (json_get_int(item, "domid", -1) == domid)
			return strcmp(json_get_string(item, "state", ""), "dying") ? item : NULL;
	}
	return NULL;
}

static void judge(struct domain *d)
{
	char why[160];
	enum health health = domain_health(d, why, sizeof(why));

	if (d->state != DOMAIN_RUNNING || d->job)
		return;
	if (health != d->told && health != HEALTH_PAUSED) {
		event_add_details(d->atolld, "health", d->name, json_build("health=%s", health_name(health)), "%s%s%s", health_name(health),
				  *why ? ": " : "", why);
		d->told = health;
	}
	if (!health_needs_restart(health)) {
		if (domain_is_service(d))
			service_rejuvenate(d);
		return;
	}
	if (domain_is_service(d)) {
		char reason[200];
		int r;

		snprintf(reason, sizeof(reason), "%s: %s", health_name(health), why);
		snprintf(d->why, sizeof(d->why), "%s", reason);
		r = service_failed(d, reason);
		if (r < 0) {
			event_add(d->atolld, "gave-up", d->name, "%s, and it cannot be restarted: %s", reason, strerror(-r));
			d->state = DOMAIN_FAILED;
		}
	} else {
		snprintf(d->why, sizeof(d->why), "%s", why);
		(d->role == ROLE_DM ? dm_stopped : guest_stopped)(d);
	}
}

/* One domain against the list. D may be gone afterwards. */
static void check(struct domain *d, const struct json *item)
{
	if (!d->exists || d->built_us > d->atolld->list_us) /* a job that takes it away, or has built it meanwhile, knows itself what exists */
		return;
	if (item)
		note_domain(d, item);
	if (d->job && d->built_us < d->job->started_us)
		return; /* what died is the predecessor, which the job is about to take away */
	if (!item || (d->shutdown && (d->state != DOMAIN_STARTING || d->shutdown_reason != SHUTDOWN_SUSPEND))) {
		if (d->job && d->state == DOMAIN_STARTING) {
			job_fail(d->job, ECHILD, "%s: the domain stopped while it was started; see `atoll logs %s`", d->name, d->name);
			return;
		}
		if (!d->job && !item)
			d->exists = false;
	}
	judge(d);
}

static bool ask_page(struct listing *l, unsigned first);

static void on_page(struct rpc *rpc, const struct json *page, const struct rpc_error *error, void *data)
{
	struct listing *l = data;
	unsigned next = (unsigned)json_get_int(page, "next", 0);

	json_for_each(item, json_get(page, "domains"))
		json_append(l->all, json_copy(item));
	if (error)
		log_error("builder: domain.list: %s", error->message);
	else if (next > l->first && ask_page(l, next))
		return;
	l->fn(l->atolld, error ? NULL : l->all);
	json_free(l->all);
	free(l);
}

static bool ask_page(struct listing *l, unsigned first)
{
	l->first = first;
	return rpc_call(l->atolld->builder, "domain.list", json_build("first=%u", first), LIST_TIMEOUT_MS, on_page, l) == 0;
}

int census_list(struct atolld *a, census_fn *fn)
{
	struct listing *l = malloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	*l = (struct listing){.atolld = a, .all = json_new(JSON_ARRAY), .fn = fn};
	if (ask_page(l, 0))
		return 0;
	json_free(l->all);
	free(l);
	return -EIO;
}

static void on_list(struct atolld *a, const struct json *list)
{
	a->listing = false;
	if (!list)
		return;
	a->control_memory_kib = (uint64_t)json_get_int(census_find(list, 0), "memory_kib", 0);
	for (struct domain *d = a->domains, *next; d; d = next) {
		next = d->next;
		check(d, census_find(list, d->domid));
	}
	consoles_strangers(a->consoles, list);
	if (a->list_again)
		census_request(a);
}

void census_request(struct atolld *a)
{
	a->list_again = a->listing;
	if (a->listing || !a->builder)
		return;
	a->list_us = now_us();
	a->listing = census_list(a, on_list) == 0;
}

static void on_exception(struct source *source, uint32_t events, void *data)
{
	struct atolld *a = data;
	xenevtchn_port_or_error_t port = xenevtchn_pending(a->exceptions);

	if (port >= 0)
		xenevtchn_unmask(a->exceptions, (evtchn_port_t)port);
	census_request(a);
}

int census_listen(struct atolld *a)
{
	a->exceptions = xenevtchn_open(NULL, 0);
	if (!a->exceptions || xenevtchn_bind_virq(a->exceptions, VIRQ_DOM_EXC) < 0) {
		log_warning("a destroyed store will be noticed late: VIRQ_DOM_EXC: %s", strerror(errno));
		return 0;
	}
	return loop_add_fd(a->loop, xenevtchn_fd(a->exceptions), EPOLLIN, on_exception, a, &a->exception);
}

void census_stop(struct atolld *a)
{
	a->exception = source_destroy(a->exception);
	if (a->exceptions)
		xenevtchn_close(a->exceptions);
}
