// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guests as streams: saved, restored, moved to another host. The client holds the other end of the stream and decides what comes
 * next; if it leaves, the guest goes on where it was, unless it may already run elsewhere.
 *
 *   save ──▶ (client writes the header) ──save.go──▶ streaming, suspended ──▶ save.end destroy ──▶ gone
 *                                                        │      ▲                └─── resume ──▶ running
 *                                                   save.end release             └─── keep ──▶ preserved
 *                                                  (its devices are let go)
 *   restore ──▶ loading ──▶ (hold: waits for restore.go) ──▶ devices ──▶ running
 *
 * A guest that was released goes on too: its backends are told of it anew, as after the restart of a service.
 */
#include <errno.h>
#include <string.h>

#include "atolld/api.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "atolld/nodes.h"
#include "base/log.h"

void stream_event(struct atolld *a, const char *event, const struct json *params)
{
	struct domain *d = domain_by_id(a, (unsigned)json_get_int(params, "domid", 0));

	if (!d || !d->job)
		return;
	if (!strcmp(event, "suspend")) {
		if (domain_ask(d, "suspend") < 0)
			log_error("%s: it is not told to suspend", d->name);
	} else if (!strcmp(event, "progress") && d->job->client) {
		rpc_event(d->job->client, "progress", json_build("name=%s percent=%ld", d->name, json_get_int(params, "percent", 0)));
	}
}

/* --- going on --- */

/* To backends that let it go it is as new. */
static int step_reorder(struct job *job)
{
	return job->domain->released ? step_order(job) : 0;
}

static int step_publish_again(struct job *job)
{
	int r = job->domain->released ? step_republish(job) : 0;

	job->domain->released = false;
	return r;
}

static int resumed(struct job *job, const struct json *result)
{
	char path[64], value[16];

	snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", job->domain->domid);
	if (store_read(job->domain->atolld->store, path, value, sizeof(value)) == 0 && !strcmp(value, "suspend"))
		domain_ask(job->domain, ""); /* it never took the order */
	job->domain->shutdown = false;
	return store_resume(job->domain->atolld->store, job->domain->domid);
}

int step_resume(struct job *job)
{
	return job_order(job, "domain.resume", domain_params(job->domain), resumed, NULL);
}

static const struct job_step resume_steps[] = {
	{"order", step_reorder, 60000}, {"republish", step_publish_again, 0}, {"resume", step_resume, 0}, {0},
};

static void on_resumed(struct job *job)
{
	struct domain *d = job->domain;

	d->state = DOMAIN_RUNNING;
	if (job->error.code[0]) {
		log_error("%s: cannot go on: %s", d->name, job->error.message);
		domain_failed(d, job);
	} else {
		job->error = d->failure; /* of the save, if there was one */
		event_add(d->atolld, "resumed", d->name, "%s", d->failure.code[0] ? d->failure.message : "goes on");
	}
	d->failure = (struct rpc_error){0};
	state_save(d);
	census_request(d->atolld);
	api_answer(job, json_new(JSON_OBJECT));
}

int guest_resume(struct domain *d, struct rpc *client, uint32_t id)
{
	if (d->job)
		return -EBUSY;
	job_start(d, resume_steps, on_resumed, client, id);
	return 0;
}

/* --- saving --- */

static int step_ready(struct job *job)
{
	rpc_reply(job->client, job->client_id, json_build("config=%p", guest_config_to_json(job->domain->guest)));
	return JOB_WAIT;
}

static int streamed(struct job *job, const struct json *result)
{
	job->domain->shutdown = true; /* it is suspended: known here before the next list tells */
	job->domain->shutdown_reason = SHUTDOWN_SUSPEND;
	return 0;
}

static int step_stream(struct job *job)
{
	struct domain *d = job->domain;

	rpc_push_fd(d->atolld->builder, TAKE_FD(d->stream_fd));
	return job_order(job, "domain.save", json_build("domid=%u live?%d", d->domid, d->live), streamed, NULL);
}

static int step_verdict(struct job *job)
{
	if (!job->client)
		return job_explain(job, ECONNRESET, "%s: whoever saved it left", job->domain->name);
	rpc_reply(job->client, job->client_id, json_new(JSON_OBJECT));
	return JOB_WAIT;
}

static const struct job_step save_steps[] = {
	{"ready", step_ready, 0}, {"stream", step_stream, 0}, {"verdict", step_verdict, 0}, {0},
};

bool stream_saving(const struct domain *d)
{
	return d->job && d->job->steps == save_steps;
}

void stream_client_left(struct domain *d)
{
	if (job_is_at(d->job, "ready") || job_is_at(d->job, "verdict") || job_is_at(d->job, "hold"))
		job_fail(d->job, ECONNRESET, "%s: whoever streamed it left", d->name);
}

static void keep(struct job *job, const char *why)
{
	struct domain *d = job->domain;

	d->state = DOMAIN_PRESERVED;
	snprintf(d->why, sizeof(d->why), "%s; `atoll unpause` lets it go on here, `atoll destroy` takes it away", why);
	event_add(d->atolld, "kept", d->name, "%s", d->why);
	state_save(d);
	api_answer(job, json_new(JSON_OBJECT));
}

/* It is saved, or that failed: what becomes of the guest. */
static void on_saved(struct job *job)
{
	struct domain *d = job->domain;
	bool failed = job->error.code[0];

	if (d->stream_fd >= 0)
		close(TAKE_FD(d->stream_fd));
	d->failure = job->error;
	if (d->verdict == VERDICT_KEEP || (failed && d->released)) {
		job->error = (struct rpc_error){0};
		keep(job, "it may run on another host by now");
	} else if (d->verdict == VERDICT_DESTROY && !failed) {
		guest_destroy(d, job->client, job->client_id);
	} else {
		guest_resume(d, job->client, job->client_id);
	}
}

int method_save(struct request *r)
{
	struct domain *d = r->domain;

	if (d->paused)
		return -EBUSY;
	if (d->guest->no_migrate)
		return request_fail(r, EPERM, "%s: its description says nomigrate", d->name);
	if (d->guest->type == GUEST_HVM)
		return request_fail(r, EOPNOTSUPP, "%s: HVM guests cannot be saved or migrated yet: their device model's state is not saved",
				    d->name);
	/* Debian's hypervisor has no shadow page tables, without which it cannot log what a PV guest writes: that one is suspended first */
	d->live = json_get_bool(r->params, "live", false) && d->guest->type != GUEST_PV;
	d->verdict = VERDICT_RESUME;
	job_start(d, save_steps, on_saved, r->rpc, r->id);
	return 0;
}

/* Whether the guest's job waits in PHASE for this client, which otherwise is told that it does not. */
static bool waits_for(struct request *r, const char *phase)
{
	struct domain *d = r->domain;

	if (!job_is_at(d->job, phase) || d->job->client != r->rpc) {
		request_fail(r, EINVAL, "%s: it is not at this point", d->name);
		return false;
	}
	d->job->client_id = r->id;
	return true;
}

int method_save_go(struct request *r)
{
	struct domain *d = r->domain;

	if (!waits_for(r, "ready"))
		return 0;
	if (r->fd < 0)
		return request_fail(r, EBADF, "%s: no descriptor came with it", d->name);
	d->stream_fd = TAKE_FD(r->fd);
	event_add(d->atolld, d->live ? "migrated" : "saved", d->name, "its stream began");
	job_next(d->job);
	return 0;
}

/* Its backends let it go: another host's may have its devices. */
static int release(struct request *r)
{
	struct domain *d = r->domain;
	struct store_batch *batch = store_batch_new();

	for (unsigned i = 0; i < d->device_count; i++) {
		nodes_remove_backend(batch, d, &d->devices[i]);
		order_detach(&d->devices[i], d);
	}
	store_commit(r->atolld->store, batch);
	d->released = true;
	return request_reply(r, json_new(JSON_OBJECT));
}

int method_save_end(struct request *r)
{
	static const char *const verdicts[] = {[VERDICT_RESUME] = "resume", [VERDICT_DESTROY] = "destroy", [VERDICT_KEEP] = "keep"};
	const char *verdict = json_get_string(r->params, "verdict", "");

	if (!waits_for(r, "verdict"))
		return 0;
	if (!strcmp(verdict, "release"))
		return release(r);
	for (unsigned i = 0; i < ARRAY_SIZE(verdicts); i++) {
		if (!strcmp(verdict, verdicts[i])) {
			r->domain->verdict = (enum verdict)i;
			job_next(r->domain->job);
			return 0;
		}
	}
	return request_fail(r, EINVAL, "verdict: expected resume, destroy, keep or release");
}

/* --- restoring --- */

static int step_load(struct job *job)
{
	struct domain *d = job->domain;

	rpc_push_fd(d->atolld->builder, TAKE_FD(d->stream_fd));
	return job_order(job, "domain.restore", guest_build_params(d), built, NULL);
}

static int step_hold(struct job *job)
{
	if (!job->domain->hold)
		return 0;
	if (!job->client)
		return job_explain(job, ECONNRESET, "%s: whoever sent it left", job->domain->name);
	rpc_reply(job->client, job->client_id, json_build("name=%s", job->domain->name));
	return JOB_WAIT;
}

static const struct job_step restore_steps[] = {
	{"load", step_load, 0},	      {"hold", step_hold, 0},	    {"settings", step_settings, 0}, {"order", step_order, 60000},
	{"publish", step_publish_guest, 0}, {"unpause", step_unpause, 0}, {0},
};

int method_restore(struct request *r)
{
	AUTO_FREE struct guest_config *config = malloc(sizeof(*config));
	bool hold = json_get_bool(r->params, "hold", false);
	char why[300], name[NAME_LEN_MAX + 1];
	struct domain *d;

	if (r->fd < 0 || !config)
		return request_fail(r, EBADF, "no descriptor came with it");
	if (guest_config_from_json(json_get(r->params, "config"), config, why, sizeof(why)) < 0)
		return request_fail(r, EINVAL, "the saved guest's description: %s", why);
	if (config->type == GUEST_HVM)
		return request_fail(r, EOPNOTSUPP, "%s: HVM guests cannot be restored yet", config->name);
	if (hold && domain_find(r->atolld, config->name) && format(name, sizeof(name), "%s.incoming", config->name) == 0)
		strcpy(config->name, name); /* to the same host: its old self is there until it runs */
	d = guest_new(r, config);
	if (!d)
		return 0;
	d->stream_fd = TAKE_FD(r->fd);
	d->hold = hold;
	guest_start(d, restore_steps, r->rpc, r->id);
	return 0;
}

int method_restore_go(struct request *r)
{
	if (waits_for(r, "hold"))
		job_next(r->domain->job);
	return 0;
}
