// SPDX-License-Identifier: LGPL-2.1-or-later
/* Services: store, console, net and disk domains. When they start, fail, stop; how is in bringup.c. */
#include <errno.h>
#include <string.h>

#include "atolld/agent.h"
#include "atolld/api.h"
#include "atolld/audit.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "base/log.h"

#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 60000
#define BUDGET_MS 3600000
#define STATE_BAD_MS 3000    /* a store or console that fails so soon (its end is noticed within 2 s) may not bear its own state … */
#define STATE_BAD_MAX 3      /* … which it is given so many times again */
#define QUICK_FAILURES_MAX 5 /* in a row: then with growing pauses */
#define REBORN_BAD_MS 5000    /* what is reborn and fails so soon, or so many times in a row, is booted: its snapshot may be bad */
#define REBORN_BAD_MAX 5
#define SIGN_MAX_US 5000000 /* an older word of the store was of something else */

static void on_restart_timer(struct source *source, uint32_t events, void *data)
{
	struct domain *d = data;

	d->restart_timer = source_destroy(d->restart_timer);
	if (!d->job)
		service_restart(d, d->why, NULL, 0);
}

static void try_later(struct domain *d)
{
	uint64_t delay = d->service->restart.backoff_ms;

	for (unsigned i = 0; i < d->quick_failures && delay < RETRY_MS_MAX; i++)
		delay *= 2;
	delay = MIN(MAX(delay, RETRY_MS_MIN), RETRY_MS_MAX);
	d->quick_failures++;
	if (!d->restart_timer)
		loop_add_timer(d->atolld->loop, (int64_t)delay, on_restart_timer, d, &d->restart_timer);
	event_add(d->atolld, "waiting", d->name, "it is tried again in %llu ms", (unsigned long long)delay);
}

static void give_up(struct domain *d, const char *why)
{
	d->state = DOMAIN_FAILED;
	snprintf(d->why, sizeof(d->why), "%.160s; `atoll restart` tries again, `atoll logs` has its last words", why);
	event_add(d->atolld, "gave-up", d->name, "%s", d->why);
	api_services_changed(d->atolld);
}

/* One more failure. True if there were too many within an hour. */
static bool budget_is_spent(struct domain *d)
{
	if (!d->hour_ms || now_ms() - d->hour_ms > BUDGET_MS) {
		d->hour_ms = now_ms();
		d->hour_failures = 0;
	}
	d->hour_failures++;
	return d->service->restart.budget && d->hour_failures > d->service->restart.budget;
}

static void start(struct domain *d, struct rpc *client, uint32_t id);

/* A kernel's last words may have come after the restart began. */
static void name_crash(struct domain *d)
{
	if (d->panic[0] && !strncmp(d->outage_reason, "crashed: crashed", 16))
		snprintf(d->outage_reason, sizeof(d->outage_reason), "%s: its kernel panicked: %.90s",
			 strstr(d->panic, "Out of memory") ? "out of memory" : "crashed", d->panic);
	d->panic[0] = '\0';
}

/* Keeps the phases of JOB, which has rebuilt its domain. */
static void record_outage(struct job *job)
{
	struct domain *d = job->domain;
	uint64_t detect = d->noticed_us && d->noticed_us < job->started_us ? job->started_us - d->noticed_us : 0;
	unsigned first = detect ? 1 : 0;

	d->outage_count = MIN(job->phase_count, JOB_PHASES_MAX - first);
	d->outage[0] = (struct job_phase){"detect", detect};
	memcpy(d->outage + first, job->phases, d->outage_count * sizeof(d->outage[0]));
	d->outage_count += first;
	d->outage_ms = (now_us() - job->started_us + detect) / 1000;
	d->noticed_us = 0;
}

struct json *outage_to_json(const struct domain *d)
{
	struct json *boot = d->release[0] ? json_new(JSON_OBJECT) : NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(d->boot_ms) && boot; i++)
		json_set_int(boot, agent_boot_phases[i], d->boot_ms[i]);
	return json_build("reason=%s total_ms=%lu phases_ms=%p boot_ms~%p", d->outage_reason, d->outage_ms,
			  phases_to_json(d->outage, d->outage_count), boot);
}

static void on_started(struct job *job)
{
	struct domain *d = job->domain;

	d->planned = false;
	if (job->error.code[0] && kernel_roll_back(d, job->error.message)) {
		start(d, job->client, job->client_id);
		return;
	}
	if (job->error.code[0] && d->reborn) {
		log_warning("%s: its snapshot is dropped: %s", d->name, job->error.message);
		snapshot_drop(d);
		d->reborn = false;
		start(d, job->client, job->client_id);
		return;
	}
	if (job->error.code[0]) {
		domain_failed(d, job);
		event_add(d->atolld, "not-started", d->name, "%s", job->error.message);
		api_answer(job, NULL);
		api_service_failed(d);
		if (d->role != ROLE_STORE || d->running_ms)
			try_later(d);
		return;
	}
	record_outage(job);
	if (d->service->snapshot)
		snapshot_grow(d);
	d->distrusted = false;
	d->state = DOMAIN_RUNNING;
	d->running_ms = now_ms();
	d->why[0] = '\0';
	name_crash(d);
	event_add_details(d->atolld, d->restarts ? "restarted" : "started", d->name, outage_to_json(d), "domain %u runs after %llu ms%s%s",
			  d->domid, (unsigned long long)d->outage_ms, d->outage_reason[0] ? ": " : "", d->outage_reason);
	if (d->role == ROLE_CONSOLE)
		consoles_forgive(d->atolld->consoles);
	audit_service(d->atolld, d);
	state_save(d);
	census_request(d->atolld);
	if (d->rolled_back[0]) {
		job_explain(job, EIO, "%s", d->rolled_back);
		d->rolled_back[0] = '\0';
	}
	api_answer(job, domain_to_json(d));
	if (d->role == ROLE_STORE && d->atolld->adopt_again)
		state_adopt(d->atolld);
	services_advance(d->atolld);
}

static void start(struct domain *d, struct rpc *client, uint32_t id)
{
	d->restart_timer = source_destroy(d->restart_timer);
	d->state = DOMAIN_STARTING;
	state_save(d);
	job_start(d, service_steps(d), on_started, client, id);
}

int service_restart(struct domain *d, const char *reason, struct rpc *client, uint32_t id)
{
	if (d->job)
		return -EBUSY;
	d->planned |= client && !reason;
	if (client)
		d->hour_failures = d->quick_failures = 0;
	snprintf(d->outage_reason, sizeof(d->outage_reason), "%.127s", reason ? reason : "asked for");
	d->noticed_us = 0;
	d->restarts += d->running_ms != 0;
	start(d, client, id);
	return 0;
}

/* For how long it was down before it was noticed is known of a silent agent only; else the store's word is the first sign. */
static uint64_t first_sign(const struct domain *d)
{
	uint64_t now = now_us(), silent_us = domain_silent_ms(d) * 1000;

	if (d->exists && !d->shutdown)
		return now - silent_us;
	return now - d->atolld->release_us < SIGN_MAX_US ? d->atolld->release_us : now;
}

static int restart_failed(struct domain *d, const char *reason)
{
	uint64_t noticed_us = first_sign(d);
	int r = service_restart(d, reason, NULL, 0);

	d->noticed_us = noticed_us;
	return r;
}

int service_failed(struct domain *d, const char *reason)
{
	const struct restart_policy *policy = &d->service->restart;
	bool quick = d->running_ms && now_ms() - d->running_ms < (service_keeps_state(d) ? STATE_BAD_MS : HEALTHY_MS);
	char why[200];

	if (d->reborn && d->exists && (now_ms() - d->running_ms < REBORN_BAD_MS || (quick && d->quick_failures % REBORN_BAD_MAX == REBORN_BAD_MAX - 1)))
		snapshot_drop(d);
	if (!quick)
		d->trial = false;
	else if (kernel_roll_back(d, reason))
		d->rolled_back[0] = '\0'; /* who asked for it was answered when it came up */
	d->quick_failures = quick ? d->quick_failures + 1 : 0;
	if (service_keeps_state(d)) {
		if (d->quick_failures > STATE_BAD_MAX) {
			log_error("%s: failed %u times at once with the state that it has: it is given up", d->name, d->quick_failures);
			d->quick_failures = 0;
			d->distrusted = true;
		}
		return restart_failed(d, reason);
	}
	if (!policy->on_failure) {
		snprintf(why, sizeof(why), "%.120s; it is left alone, as host.json says", reason);
		give_up(d, why);
		return 0;
	}
	if (budget_is_spent(d)) {
		snprintf(why, sizeof(why), "%.120s; %u failures within an hour are all that host.json allows", reason, policy->budget);
		give_up(d, why);
		return 0;
	}
	if (!policy->backoff_ms || d->quick_failures <= QUICK_FAILURES_MAX)
		return restart_failed(d, reason);
	d->state = DOMAIN_FAILED;
	try_later(d);
	return 0;
}

void service_rejuvenate(struct domain *d)
{
	const struct restart_policy *policy = &d->service->restart;
	char reason[64];

	if (!policy->every_s || d->job || d->state != DOMAIN_RUNNING || now_ms() - d->running_ms < policy->every_s * 1000ull)
		return;
	snprintf(reason, sizeof(reason), "rejuvenation, every %u s", policy->every_s);
	d->planned = true;
	service_restart(d, reason, NULL, 0);
}

static void on_stopped(struct job *job)
{
	struct domain *d = job->domain;

	d->state = job->error.code[0] ? DOMAIN_FAILED : DOMAIN_DOWN;
	state_save(d);
	api_answer(job, json_new(JSON_OBJECT));
	api_services_changed(d->atolld);
}

int service_stop(struct domain *d, struct rpc *client, uint32_t id)
{
	if (d->job)
		return -EBUSY;
	d->restart_timer = source_destroy(d->restart_timer);
	d->state = DOMAIN_STOPPING;
	job_start(d, service_stop_steps, on_stopped, client, id);
	return 0;
}

int services_create(struct atolld *a)
{
	for (unsigned i = 0; i < a->host.service_count; i++) {
		const struct host_service *s = &a->host.services[i];
		struct domain *d = domain_new(a, s->name, s->role, s->domid);

		if (!d)
			return -ENOMEM;
		d->service = s;
	}
	return 0;
}

bool services_running(const struct atolld *a)
{
	for_each_domain(d, a) {
		if (domain_is_service(d) && d->state != DOMAIN_RUNNING)
			return false;
	}
	return true;
}

/* Store, then console, then the others side by side. */
void services_advance(struct atolld *a)
{
	for_each_domain(d, a) {
		if (!domain_is_service(d))
			break;
		if (d->state == DOMAIN_DOWN && !d->job && !d->unwanted)
			start(d, NULL, 0);
		if (service_keeps_state(d) && d->state != DOMAIN_RUNNING)
			break;
	}
	api_services_changed(a);
}
