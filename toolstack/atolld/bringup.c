// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How services are started.
 *
 * Starting and rebuilding is one list of steps, which begins with taking away what may be left of a predecessor. The domid
 * stays, so that the guests' grants and event channels, which name it, fit the successor:
 *
 *   net, disk:  drain (if planned) → pause → clean → destroy → seize → reborn or build → publish → wake, snapshot (snapshot.c) → boot (agent greets)
 *                → configure → attach → republish → connect (until the backends are connected)
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
#include "atolld/consoles.h"
#include "atolld/nodes.h"
#include "base/log.h"

#define BUILD_TIMEOUT_MS 60000
#define BOOT_TIMEOUT_MS 60000
#define DRAIN_MS 2000 /* requests in flight have so long to come to an end, when there is a choice */
#define PCI_GONE_MS 10
#define TRIAL_MS 30000       /* a kernel on trial has this long to boot … */
#define NIC_RETRY_MS 100     /* … and its network card this often … */
#define NIC_TRIES 50         /* … this many times to appear */
#define CONNECT_RETRY_MS 2
#define CONNECT_TRIES 500    /* a backend that does not connect is its guest's trouble: nobody waits longer */

/* Before a planned restart the agent of a disk domain takes no new requests and lets those in flight finish. One that cannot, or takes too long, is
 * restarted all the same: nothing is lost, some requests are done twice. */
static int step_drain(struct job *job)
{
	struct domain *d = job->domain;
	struct rpc *rpc = agent_rpc(d->agent);

	if (!d->planned || !d->exists || !rpc)
		return 0;
	return job_call(job, rpc, "drain", json_build("timeout_ms=%d", DRAIN_MS), DRAIN_MS, NULL, JOB_ANY_ERROR);
}

/* What others hold of the predecessor's pages keeps it as a zombie: sessions, rings, and pciback's page all go before it does. It
 * is paused first, so that it does not answer its devices' disappearance. */
static int step_clean(struct job *job)
{
	struct domain *d = job->domain;
	struct store_batch *batch;
	char path[80];
	int r = 0;

	if (job->retries == 0)
		consoles_remove(d->atolld->consoles, d); /* of the store: its log's page */
	if (job->retries == 0 && d->role != ROLE_STORE) {
		d->agent = agent_destroy(d->agent);
		store_release(d->atolld->store, d->domid); /* the store may have noticed the death itself: no error counts */
		batch = store_batch_new();
		nodes_remove_domain(batch, d);
		r = store_commit(d->atolld->store, batch);
	}
	/* pciback must have let the old device go before a new one has the same name */
	snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/pci-%u-0", d->domid);
	if (r == 0 && d->service->pci_count && access(path, F_OK) == 0) {
		job_retry(job, PCI_GONE_MS);
		return JOB_WAIT;
	}
	return r;
}

static int seized(struct job *job, const struct json *result);

static int step_seize(struct job *job)
{
	const struct host_service *s = job->domain->service;

	if (job->index == s->pci_count)
		return 0;
	return job_order(job, "pci.seize", json_build("bdf=%s", s->pci[job->index]), seized, NULL);
}

static int seized(struct job *job, const struct json *result)
{
	job->index++;
	return step_seize(job);
}

struct json *service_build_params(const struct domain *d)
{
	const struct host_service *s = d->service;
	struct json *params, *pci = json_new(JSON_ARRAY);
	char cmdline[SERVICE_CMDLINE_MAX + NAME_LEN_MAX + 224];
	/* Two backends for one device would fight: the kernel's, if it is built in, is not started. */
	const char *backend = s->backend == BACKEND_LINUX ? " atoll.backend=linux"
			      : d->role == ROLE_DISK ? " initcall_blacklist=xen_blkif_init" : " initcall_blacklist=netback_init";
	char kernel[PATH_MAX], ramdisk[PATH_MAX] = "";
	int r = service_keeps_state(d) ? format(kernel, sizeof(kernel), "%s", s->kernel) : kernel_paths(d, kernel, ramdisk, sizeof(kernel));

	if (r < 0)
		return json_free(pci);
	if (d->role == ROLE_STORE)
		snprintf(cmdline, sizeof(cmdline), "port=%u", d->atolld->store_setup_port);
	else if (d->role == ROLE_CONSOLE)
		snprintf(cmdline, sizeof(cmdline), "atoll.role=console");
	else
		snprintf(cmdline, sizeof(cmdline), "console=hvc0 panic=-1 loglevel=4 cryptomgr.notests atoll.role=%s atoll.name=%s%s%s%s%s",
			 role_name(d->role), d->name, backend, s->snapshot ? " atoll.snapshot=1" : "", s->cmdline[0] ? " " : "", s->cmdline);
	for (unsigned i = 0; i < s->pci_count; i++)
		json_append(pci, json_new_string(s->pci[i]));
	params = build_params(d, service_keeps_state(d) ? "pvh" : "pv", kernel, ramdisk, cmdline, (uint64_t)s->memory_mib << 10, 1);
	json_add(params, "pci=%p xs_domain?%d reloadable?%d revive?%d", pci, d->role == ROLE_STORE, service_keeps_state(d),
		 service_keeps_state(d) && !d->distrusted);
	return params;
}

static int step_build(struct job *job)
{
	struct json *params;

	if (job->domain->reborn)
		return 0;
	params = service_build_params(job->domain);
	return params ? job_order(job, "domain.build", params, built, NULL) : -ENAMETOOLONG;
}

static int step_publish(struct job *job)
{
	struct domain *d = job->domain;
	struct store_batch *batch = store_batch_new();
	int r;

	nodes_domain(batch, d);
	if (d->service->pci_count && !d->service->snapshot)
		nodes_pci(batch, d);
	r = store_commit(d->atolld->store, batch);
	if (r == 0)
		r = store_introduce(d->atolld->store, d->domid, d->store_gfn, d->store_port);
	if (r == 0)
		consoles_add(d->atolld->consoles, d);
	return r;
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
					: agent_create(d);

	if (r < 0)
		return r;
	if (d->trial)
		job_limit(job, TRIAL_MS);
	if (d->service->snapshot) { /* it runs already */
		r = snapshot_go(d);
		return r < 0 ? r : JOB_WAIT;
	}
	return step_unpause_and_wait(job); /* for the agent, or for the console domain's vchan */
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

	if (d->role != ROLE_NET || !d->service->bridges)
		return 0;
	return job_call(job, agent_rpc(d->agent), "net.configure", json_build("bridges=%p", json_copy(d->service->bridges)), BOOT_TIMEOUT_MS,
			configured, NULL);
}

/* Until the kernel has connected all of them to frontends that are there: from then on I/O flows. */
static int step_connect(struct job *job)
{
	struct domain *guest;
	struct device *dev;

	for (; (dev = job_device(job, &guest)); job->index++) {
		if (job->retries < CONNECT_TRIES && device_state(guest, dev, true) == XENBUS_CONNECTED &&
		    device_state(guest, dev, false) != XENBUS_CONNECTED) {
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

/* Once a boot; a successor is told the same channel, and takes the ring over. */
static int step_store_setup(struct job *job)
{
	return job_order(job, "store.setup", domain_params(job->domain), store_was_set_up, NULL);
}

static int step_store_virq(struct job *job)
{
	return job_order(job, "store.virq", domain_params(job->domain), NULL, NULL);
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
	store_batch_put_int(batch, "r0", DOMID_CONSOLE, "/tool/xenconsoled/domid"); /* xl's guests grant their console's ring to it */
	store_batch_put(batch, "r0", "Pool-0", "/local/pool/0/name"); /* without, xl creates none */
	store_batch_put(batch, "r0", "Domain-0", "/local/domain/0/name");
	store_batch_put_int(batch, NULL, 0, "/local/domain/0/domid");
	nodes_domain(batch, job->domain);
	return store_commit(job->domain->atolld->store, batch);
}

/* Store and console are ours and keep their state outside the image: fresh code is laid over the old, and it goes on. */
static int step_reload(struct job *job)
{
	struct domain *d = job->domain;

	/* Rejuvenation is for what nobody knows of: there the state is checked. */
	return job_order(job, "domain.reload", json_build("domid=%u image=%s trust?%d", d->domid, d->service->kernel, d->planned && job->client),
			 NULL, NULL);
}

static const struct job_step driver_steps[] = {
	{"drain", step_drain, 0},
	{"pause", step_pause, 0},
	{"clean", step_clean, 10000},
	{"destroy", step_destroy, 0},
	{"seize", step_seize, BUILD_TIMEOUT_MS},
	{"reborn", step_reborn, BUILD_TIMEOUT_MS},
	{"build", step_build, BUILD_TIMEOUT_MS},
	{"publish", step_publish, 0},
	{"wake", step_wake, BOOT_TIMEOUT_MS},
	{"snapshot", step_snapshot, BUILD_TIMEOUT_MS},
	{"boot", step_boot, BOOT_TIMEOUT_MS},
	{"configure", step_configure, 0},
	{"attach", step_order, BOOT_TIMEOUT_MS},
	{"republish", step_republish, 0},
	{"connect", step_connect, 0},
	{0},
};
static const struct job_step console_steps[] = {
	{"pause", step_pause, 0},
	{"clean", step_clean, 0},
	{"destroy", step_destroy, 0},
	{"build", step_build, BUILD_TIMEOUT_MS},
	{"publish", step_publish, 0},
	{"boot", step_boot, BOOT_TIMEOUT_MS},
	{0},
};
static const struct job_step store_steps[] = {
	{"setup", step_store_setup, BUILD_TIMEOUT_MS},
	{"pause", step_pause, 0},
	{"clean", step_clean, 0},
	{"destroy", step_destroy, 0},
	{"build", step_build, BUILD_TIMEOUT_MS},
	{"virq", step_store_virq, BUILD_TIMEOUT_MS},
	{"unpause", step_unpause, 0},
	{"boot", step_store_open, 0},
	{"publish", step_store_publish, 0},
	{0},
};
static const struct job_step reload_steps[] = {{"reload", step_reload, BUILD_TIMEOUT_MS}, {0}};
const struct job_step service_stop_steps[] = {{"pause", step_pause, 0}, {"clean", step_clean, 10000}, {"destroy", step_destroy, 0}, {0}};

const struct job_step *service_steps(const struct domain *d)
{
	if (d->exists && service_keeps_state(d) && !d->distrusted)
		return reload_steps;
	return d->role == ROLE_STORE ? store_steps : d->role == ROLE_CONSOLE ? console_steps : driver_steps;
}
