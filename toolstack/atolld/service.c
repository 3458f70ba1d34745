// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Services: store, console, net and disk domains.
 *
 * Starting and rebuilding is one list of steps, which begins with taking away what may be left of a predecessor. The domid
 * stays, so that the guests' grants and event channels, which name it, fit the successor:
 *
 *   net, disk:  drain (if planned) → pause → clean → destroy → seize → build → publish → boot (agent greets) → configure → attach → republish
 *                → connect (until the backends are connected)
 *   console:    pause → clean → destroy → build → publish → boot (its vchan answers; all consoles are added)
 *   store:      setup → pause → clean → destroy → build → virq → unpause → boot (the first request is answered) → publish
 *   store, console, while their domain exists: reload, in place
 *
 * The builder gives a store or console that is built anew the state of the one that was destroyed. If that is not to be had, or was not
 * to be trusted, the store is empty: then `boot` also writes what the toolstack knows of the domains.
 */
#include <errno.h>
#include <string.h>

#include "atolld/agent.h"
#include "atolld/api.h"
#include "atolld/audit.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "atolld/nodes.h"
#include "base/log.h"

#define BUILD_TIMEOUT_MS 60000
#define BOOT_TIMEOUT_MS 60000
#define DRAIN_MS 2000 /* requests in flight have so long to come to an end, when there is a choice */
#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 60000
#define PCI_GONE_MS 10
#define BUDGET_MS 3600000
#define STATE_BAD_MS 3000    /* a store or console that fails so soon (its end is noticed within 2 s) may not bear its own state … */
#define STATE_BAD_MAX 3      /* … which it is given so many times again */
#define QUICK_FAILURES_MAX 5 /* in a row: then with growing pauses */
#define TRIAL_MS 30000       /* a kernel on trial has this long to boot … */
#define NIC_RETRY_MS 100     /* … and its network card this often … */
#define NIC_TRIES 50         /* … this many times to appear */
#define SIGN_MAX_US 5000000 /* an older word of the store was of something else */
#define CONNECT_RETRY_MS 2
#define CONNECT_TRIES 500    /* a backend that does not connect is its guest's trouble: nobody waits longer */

static const char *type_of(const struct domain *d)
{
	return d->role == ROLE_NET || d->role == ROLE_DISK ? "pv" : "pvh";
}

static bool keeps_state(const struct domain *d)
{
	return d->role == ROLE_STORE || d->role == ROLE_CONSOLE;
}

/* --- steps --- */

static int done(struct job *job, const struct json *result)
{
	return 0;
}

/* Before a planned restart the agent takes no new requests and lets those in flight finish. One that cannot, or takes too long, is
 * restarted all the same: nothing is lost, some requests are done twice. */
static int step_drain(struct job *job)
{
	struct domain *d = job->domain;
	struct rpc *rpc = agent_rpc(d->agent);
	struct json *params;

	if (!d->planned || !d->exists || !rpc)
		return 0;
	params = json_new(JSON_OBJECT);
	json_set_int(params, "timeout_ms", DRAIN_MS);
	return job_call(job, rpc, "drain", params, DRAIN_MS, done, JOB_ANY_ERROR);
}

/* What others hold of the predecessor's pages keeps it as a zombie: sessions, rings, and pciback's page all go before it does. It
 * is paused first, so that it does not answer its devices' disappearance. */
static int step_clean(struct job *job)
{
	struct domain *d = job->domain;
	char path[80];

	if (d->role == ROLE_STORE) {
		consoles_remove(d->atolld->consoles, d); /* its log's page */
		return 0;
	}
	if (job->retries == 0) {
		struct store_batch *batch = store_batch_new();
		int r;

		d->agent = agent_destroy(d->agent);
		consoles_remove(d->atolld->consoles, d);
		store_release(d->atolld->store, d->domid); /* the store may have noticed the death itself: no error counts */
		nodes_remove_domain(batch, d);
		r = store_commit(d->atolld->store, batch);
		if (r < 0)
			return r;
	}
	/* pciback must have let the old device go before a new one has the same name */
	snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/pci-%u-0", d->domid);
	if (d->service->pci_count && access(path, F_OK) == 0) {
		job_retry(job, PCI_GONE_MS);
		return JOB_WAIT;
	}
	return 0;
}

static int seized(struct job *job, const struct json *result);

static int step_seize(struct job *job)
{
	const struct host_service *s = job->domain->service;
	struct json *params;

	if (job->index == s->pci_count)
		return 0;
	params = json_new(JSON_OBJECT);
	json_set_string(params, "bdf", s->pci[job->index]);
	return job_call(job, job->domain->atolld->builder, "pci.seize", params, BUILD_TIMEOUT_MS, seized, NULL);
}

static int seized(struct job *job, const struct json *result)
{
	job->index++;
	return step_seize(job);
}

static int step_build(struct job *job)
{
	struct domain *d = job->domain;
	const struct host_service *s = d->service;
	struct json *params, *pci = json_new(JSON_ARRAY);
	char cmdline[SERVICE_CMDLINE_MAX + NAME_LEN_MAX + 224];
	/* Two backends for one device would fight: the kernel's, if it is built in, is not started. */
	const char *backend = !s->own_backend ? " atoll.backend=linux"
			      : d->role == ROLE_DISK ? " initcall_blacklist=xen_blkif_init" : " initcall_blacklist=netback_init";
	char kernel[PATH_MAX], ramdisk[PATH_MAX] = "";
	int r = 0;

	if (d->role == ROLE_NET || d->role == ROLE_DISK)
		r = kernel_paths(d, kernel, ramdisk, sizeof(kernel));
	else
		strcpy(kernel, s->kernel);
	if (r < 0) {
		json_free(pci);
		return r;
	}
	if (d->role == ROLE_STORE)
		snprintf(cmdline, sizeof(cmdline), "port=%u", d->atolld->store_setup_port);
	else if (d->role == ROLE_CONSOLE)
		snprintf(cmdline, sizeof(cmdline), "atoll.role=console");
	else
		snprintf(cmdline, sizeof(cmdline), "console=hvc0 panic=-1 loglevel=4 cryptomgr.notests atoll.role=%s atoll.name=%s%s%s%s",
			 role_name(d->role), d->name, backend, s->cmdline[0] ? " " : "", s->cmdline);
	params = build_params(d, type_of(d), kernel, ramdisk, cmdline, (uint64_t)s->memory_mib << 10, 1);
	if (d->role == ROLE_STORE)
		json_set_bool(params, "xs_domain", true);
	if (keeps_state(d)) {
		json_set_bool(params, "reloadable", true);
		json_set_bool(params, "revive", !d->distrusted);
	}
	for (unsigned i = 0; i < s->pci_count; i++)
		json_append(pci, json_new_string(s->pci[i]));
	json_set(params, "pci", pci);
	return job_call(job, d->atolld->builder, "domain.build", params, BUILD_TIMEOUT_MS, built, NULL);
}

static int step_publish(struct job *job)
{
	struct domain *d = job->domain;
	struct store_batch *batch = store_batch_new();
	int r;

	nodes_domain(batch, d);
	if (d->service->pci_count)
		nodes_pci(batch, d);
	r = store_commit(d->atolld->store, batch);
	if (r == 0)
		r = store_introduce(d->atolld->store, d->domid, d->store_gfn, d->store_port);
	if (r == 0)
		consoles_add(d->atolld->consoles, d);
	return r;
}

static void on_agent_ready(struct domain *d)
{
	if (d->job)
		job_next(d->job);
}

static int unpaused(struct job *job, const struct json *result)
{
	return JOB_WAIT; /* for the agent, or for the console domain's vchan */
}

static void on_console_ready(struct atolld *a)
{
	struct domain *d = domain_by_id(a, DOMID_CONSOLE);

	if (d && d->job)
		job_next(d->job);
}

static int step_boot(struct job *job)
{
	struct domain *d = job->domain;
	int r = d->role == ROLE_CONSOLE ? consoles_connect(d->atolld->consoles, on_console_ready)
					: agent_create(d, on_agent_ready, &d->agent);

	if (r < 0)
		return r;
	if (d->trial)
		job_limit(job, TRIAL_MS);
	return job_call(job, d->atolld->builder, "domain.unpause", domain_params(d), 0, unpaused, NULL);
}

/* A kernel on trial has to drive the network card: one without its driver would be as good as none. */
static int configured(struct job *job, const struct json *result)
{
	bool waits = false;

	json_for_each(bridge, json_get(result, "bridges"))
		waits |= !strcmp(json_get_string(bridge, "nic_state", ""), "waiting");
	if (!waits || !job->domain->trial)
		return 0;
	if (job->retries == NIC_TRIES)
		return job_explain(job, ENODEV, "%s: it has no driver for the network card", job->domain->name);
	job_retry(job, NIC_RETRY_MS);
	return JOB_WAIT;
}

static int step_configure(struct job *job)
{
	struct domain *d = job->domain;
	struct json *params;

	if (d->role != ROLE_NET || !d->service->bridges)
		return 0;
	params = json_new(JSON_OBJECT);
	json_set(params, "bridges", json_copy(d->service->bridges));
	return job_call(job, agent_rpc(d->agent), "net.configure", params, BOOT_TIMEOUT_MS, configured, NULL);
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

static int attached(struct job *job, const struct json *result);

static int step_attach(struct job *job)
{
	struct domain *guest;
	struct device *dev = served_device(job->domain, job->index, &guest);

	return dev ? order_attach(job, dev, guest, attached) : 0;
}

static int attached(struct job *job, const struct json *result)
{
	struct domain *guest;
	struct device *dev = served_device(job->domain, job->index, &guest);

	if (dev)
		device_ordered(dev, result);
	job->index++;
	return step_attach(job);
}

static int step_republish(struct job *job)
{
	struct domain *guest;
	struct device *dev;

	for (unsigned i = 0; (dev = served_device(job->domain, i, &guest)); i++) {
		struct store_batch *batch = store_batch_new();
		int r;

		nodes_backend(batch, guest, dev);
		r = store_commit(job->domain->atolld->store, batch);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool connected(struct store *store, const char *end)
{
	char path[96], state[8];

	snprintf(path, sizeof(path), "%s/state", end);
	return store_read(store, path, state, sizeof(state)) >= 0 && !strcmp(state, "4");
}

/* Until the kernel has connected all of them to frontends that are there: from then on I/O flows. */
static int step_connect(struct job *job)
{
	struct store *store = job->domain->atolld->store;
	struct domain *guest;
	struct device *dev;
	char front[64], back[64];

	for (; (dev = served_device(job->domain, job->index, &guest)); job->index++) {
		const char *kind = dev->kind == DEVICE_VIF ? "vif" : "vbd";

		snprintf(front, sizeof(front), "/local/domain/%u/device/%s/%u", guest->domid, kind, dev->id);
		snprintf(back, sizeof(back), "/local/domain/%u/backend/%s/%u/%u", job->domain->domid, kind, guest->domid, dev->id);
		if (job->retries < CONNECT_TRIES && connected(store, front) && !connected(store, back)) {
			job_retry(job, CONNECT_RETRY_MS);
			return JOB_WAIT;
		}
	}
	return 0;
}

static int store_was_set_up(struct job *job, const struct json *result)
{
	int64_t port;

	if (json_read_int(result, "port", 1, UINT32_MAX, &port) < 0)
		return job_explain(job, EPROTO, "store: the builder told no event channel");
	job->domain->atolld->store_setup_port = (unsigned)port;
	return 0;
}

static int step_store_setup(struct job *job)
{
	struct atolld *a = job->domain->atolld;

	if (a->store_setup_port) /* once a boot; the successor takes the same ring and channel over */
		return 0;
	return job_call(job, a->builder, "store.setup", domain_params(job->domain), BUILD_TIMEOUT_MS, store_was_set_up, NULL);
}

static int step_store_virq(struct job *job)
{
	return job_call(job, job->domain->atolld->builder, "store.virq", domain_params(job->domain), BUILD_TIMEOUT_MS, done, NULL);
}

static void on_release(struct store *store, const char *path, void *data)
{
	struct atolld *a = data;

	a->release_us = now_us();
	census_request(a);
}

int service_adopt_store(struct domain *d)
{
	struct atolld *a = d->atolld;
	int r = a->store ? 0 : store_open(a->loop, &a->store);

	if (r == 0 && !a->release_watch)
		r = store_watch_add(a->store, "@releaseDomain", on_release, a, &a->release_watch);
	return r;
}

/* An empty store, while domains run: what the toolstack knows of them. What they wrote themselves and what they watch is lost. */
static int fill_again(struct atolld *a)
{
	int r = store_reopen(a->loop, a->store);

	log_error("store: its state is lost. Guests keep the devices that they have; watches of the control domain's kernel, of "
		  "drivers and of guests are gone, so devices can be neither added nor restarted: plan to reboot the host");
	for_each_domain(d, a) {
		struct store_batch *batch;

		if (r < 0 || !d->exists || d->role == ROLE_STORE)
			continue;
		batch = store_batch_new();
		nodes_domain(batch, d);
		r = store_commit(a->store, batch);
		if (r == 0)
			r = store_introduce(a->store, d->domid, d->store_gfn, d->store_port);
	}
	return r;
}

/* Waits for the store domain's first answer. */
static int step_store_open(struct job *job)
{
	struct domain *d = job->domain;
	struct atolld *a = d->atolld;
	bool lost = d->running_ms && !d->revived;
	char ignored[16];
	int r = service_adopt_store(d);

	if (r == 0 && lost)
		r = fill_again(a);
	if (r < 0)
		return job_explain(job, r, "store: cannot be opened: %s", strerror(-r));
	store_read(a->store, "/tool/xenstored/domid", ignored, sizeof(ignored));
	return 0;
}

/* The control domain's own first nodes. */
static int step_store_publish(struct job *job)
{
	struct store_batch *batch = store_batch_new();

	consoles_add(job->domain->atolld->consoles, job->domain);
	store_batch_put_int(batch, "r0", DOMID_STORE, "/tool/xenstored/domid");
	store_batch_put(batch, "r0", "Domain-0", "/local/domain/0/name");
	store_batch_put_int(batch, NULL, 0, "/local/domain/0/domid");
	nodes_domain(batch, job->domain);
	return store_commit(job->domain->atolld->store, batch);
}

/* Store and console are ours and keep their state outside the image: fresh code is laid over the old, and it goes on. */
static int step_reload(struct job *job)
{
	struct json *params = domain_params(job->domain);

	json_set_string(params, "image", job->domain->service->kernel);
	return job_call(job, job->domain->atolld->builder, "domain.reload", params, BUILD_TIMEOUT_MS, done, NULL);
}

static const struct job_step driver_steps[] = {
	{"drain", step_drain, 0},     {"pause", step_pause, 0},		    {"clean", step_clean, 10000},
	{"destroy", step_destroy, 0}, {"seize", step_seize, 0},     {"build", step_build, 0},		    {"publish", step_publish, 0},
	{"boot", step_boot, BOOT_TIMEOUT_MS}, {"configure", step_configure, 0}, {"attach", step_attach, BOOT_TIMEOUT_MS},
	{"republish", step_republish, 0}, {"connect", step_connect, 0}, {0},
};
static const struct job_step console_steps[] = {
	{"pause", step_pause, 0}, {"clean", step_clean, 0},	{"destroy", step_destroy, 0},	    {"build", step_build, 0},
	{"publish", step_publish, 0}, {"boot", step_boot, BOOT_TIMEOUT_MS}, {0},
};
static const struct job_step store_steps[] = {
	{"setup", step_store_setup, 0}, {"pause", step_pause, 0},     {"clean", step_clean, 0},
	{"destroy", step_destroy, 0},	{"build", step_build, 0},     {"virq", step_store_virq, 0},
	{"unpause", step_unpause, 0},	{"boot", step_store_open, 0}, {"publish", step_store_publish, 0}, {0},
};
static const struct job_step reload_steps[] = {{"reload", step_reload, 0}, {0}};
static const struct job_step stop_steps[] = {
	{"pause", step_pause, 0}, {"clean", step_clean, 10000}, {"destroy", step_destroy, 0}, {0}};

/* --- how they end --- */

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

static int start(struct domain *d, struct rpc *client, uint32_t id);

/* A kernel's last words may have come after the restart began. */
static void name_crash(struct domain *d)
{
	if (d->panic[0] && !strncmp(d->outage_reason, "crashed: crashed", 16))
		snprintf(d->outage_reason, sizeof(d->outage_reason), "%s: its kernel panicked: %.90s",
			 strstr(d->panic, "Out of memory") ? "out of memory" : "crashed", d->panic);
	d->panic[0] = '\0';
}

static void on_started(struct job *job)
{
	struct domain *d = job->domain;

	d->planned = false;
	if (job->error.code[0] && kernel_roll_back(d, job->error.message)) {
		struct rpc *client = TAKE_PTR(job->client);

		if (start(d, client, job->client_id) == 0)
			return;
		job->client = client;
	}
	if (job->error.code[0]) {
		d->state = DOMAIN_FAILED;
		snprintf(d->why, sizeof(d->why), "%.255s", job->error.message);
		event_add(d->atolld, "not-started", d->name, "%s", job->error.message);
		api_answer(job, NULL);
		api_service_failed(d);
		if (d->role != ROLE_STORE || d->running_ms)
			try_later(d);
		return;
	}
	outage_record(job);
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
	state_save(d->atolld);
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

static int start(struct domain *d, struct rpc *client, uint32_t id)
{
	const struct job_step *steps = d->role == ROLE_STORE ? store_steps : d->role == ROLE_CONSOLE ? console_steps : driver_steps;

	if (d->exists && keeps_state(d) && !d->distrusted)
		steps = reload_steps;
	d->restart_timer = source_destroy(d->restart_timer);
	d->state = DOMAIN_STARTING;
	state_save(d->atolld);
	return job_start(d, steps, on_started, client, id);
}

int service_restart(struct domain *d, const char *reason, struct rpc *client, uint32_t id)
{
	bool again = d->running_ms != 0;
	int r;

	if (d->job)
		return -EBUSY;
	d->planned |= client != NULL;
	if (client)
		d->hour_failures = d->quick_failures = 0;
	snprintf(d->outage_reason, sizeof(d->outage_reason), "%.127s", reason);
	d->noticed_us = 0;
	r = start(d, client, id);
	if (r == 0 && again)
		d->restarts++;
	return r;
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
	bool quick = d->running_ms && now_ms() - d->running_ms < (keeps_state(d) ? STATE_BAD_MS : HEALTHY_MS);
	char why[200];

	if (!quick)
		d->trial = false;
	else if (kernel_roll_back(d, reason))
		d->rolled_back[0] = '\0'; /* who asked for it was answered when it came up */
	d->quick_failures = quick ? d->quick_failures + 1 : 0;
	if (keeps_state(d)) {
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
	state_save(d->atolld);
	api_answer(job, json_new(JSON_OBJECT));
	api_services_changed(d->atolld);
}

int service_stop(struct domain *d, struct rpc *client, uint32_t id)
{
	if (d->job)
		return -EBUSY;
	d->restart_timer = source_destroy(d->restart_timer);
	d->state = DOMAIN_STOPPING;
	return job_start(d, stop_steps, on_stopped, client, id);
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
		if (d->state == DOMAIN_DOWN && !d->job && !d->unwanted) {
			int r = start(d, NULL, 0);

			if (r < 0)
				log_error("%s: cannot be started: %s", d->name, strerror(-r));
		}
		if (keeps_state(d) && d->state != DOMAIN_RUNNING)
			break;
	}
	api_services_changed(a);
}
