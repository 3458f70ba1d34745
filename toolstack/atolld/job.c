// SPDX-License-Identifier: LGPL-2.1-or-later
/* Long operations on one domain. A job lives until it is finished and no answer is under way any more. */
#include "atolld/job.h"

#include <errno.h>
#include <string.h>

#include "atolld/atolld.h"
#include "base/log.h"

struct pending_call {
	struct job *job;
	job_result_fn *fn;
	const char *tolerate;
	unsigned at;
};

static void unref(struct job *job)
{
	if (--job->refs == 0)
		free(job);
}

static void retire(struct job *job)
{
	job->finished = true;
	job->timer = source_destroy(job->timer);
	job->timeout = source_destroy(job->timeout);
	job->domain->job = NULL;
}

static void finish(struct job *job)
{
	if (job->finished)
		return;
	retire(job);
	job->done(job);
	unref(job);
}

void job_abandon(struct job *job)
{
	if (!job)
		return;
	retire(job);
	unref(job);
}

static void set_error(struct job *job, int error, const char *fmt, va_list ap)
{
	const char *name = strerrorname_np(error < 0 ? -error : error);

	snprintf(job->error.code, sizeof(job->error.code), "%s", name ? name : "EIO");
	vsnprintf(job->error.message, sizeof(job->error.message), fmt, ap);
}

int job_explain(struct job *job, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(job, error, fmt, ap);
	va_end(ap);
	return error < 0 ? error : -error;
}

void job_fail(struct job *job, int error, const char *fmt, ...)
{
	va_list ap;

	if (job->finished)
		return;
	va_start(ap, fmt);
	set_error(job, error, fmt, ap);
	va_end(ap);
	finish(job);
}

void job_fail_with(struct job *job, const struct rpc_error *error)
{
	if (!job->finished)
		job->error = *error;
	finish(job);
}

static void on_timeout(struct source *source, uint32_t events, void *data)
{
	struct job *job = data;

	job_fail(job, ETIMEDOUT, "%s: %s took longer than %u ms", job->domain->name, job->steps[job->at].phase,
		 job->limit_ms);
}

void job_limit(struct job *job, unsigned timeout_ms)
{
	job->limit_ms = timeout_ms;
	source_set_timer(job->timeout, timeout_ms ? (int64_t)timeout_ms : -1);
}

static void next_step(struct job *job)
{
	uint64_t now = now_us();

	if (job->phase_count < JOB_PHASES_MAX)
		job->phases[job->phase_count++] = (struct job_phase){job->steps[job->at].phase, now - job->step_us};
	job->step_us = now;
	job->at++;
	job->index = job->retries = 0;
	job_limit(job, job->steps[job->at].timeout_ms);
}

/* A step returned an error; the message may be there already. */
static void fail_step(struct job *job, int error)
{
	if (!job->error.code[0])
		job_explain(job, error, "%s: %s: %s", job->domain->name, job->steps[job->at].phase, strerror(-error));
	finish(job);
}

/* Runs steps until one waits or the job is over. */
static void proceed(struct job *job)
{
	job->refs++;
	while (!job->finished) {
		const struct job_step *step = &job->steps[job->at];
		int r;

		if (!step->phase) {
			finish(job);
			break;
		}
		r = strcmp(step->phase, job->fail_at) ? step->run(job) : -ECANCELED;
		if (r == JOB_WAIT || job->finished)
			break;
		if (r < 0) {
			fail_step(job, r);
			break;
		}
		next_step(job);
	}
	unref(job);
}

static void on_retry(struct source *source, uint32_t events, void *data)
{
	proceed(data);
}

/* There is no memory for it: who waits for its end is told. */
static void fail_start(struct domain *domain, job_done_fn *done, struct rpc *client, uint32_t client_id)
{
	struct job job = {.domain = domain, .client = client, .client_id = client_id, .started_us = now_us()};

	job_explain(&job, ENOMEM, "%s: out of memory", domain->name);
	done(&job);
}

void job_start(struct domain *domain, const struct job_step *steps, job_done_fn *done, struct rpc *client, uint32_t client_id)
{
	struct job *job = calloc(1, sizeof(*job));
	struct loop *loop = domain->atolld->loop;

	if (!job || loop_add_timer(loop, -1, on_retry, job, &job->timer) < 0 ||
	    loop_add_timer(loop, -1, on_timeout, job, &job->timeout) < 0) {
		if (job)
			source_destroy(job->timer);
		free(job);
		fail_start(domain, done, client, client_id);
		return;
	}
	job->domain = domain;
	job->steps = steps;
	job->done = done;
	job->client = client;
	job->client_id = client_id;
	job->refs = 1;
	job->started_us = job->step_us = now_us();
	memcpy(job->fail_at, domain->fail_at, sizeof(job->fail_at));
	domain->fail_at[0] = '\0';
	domain->job = job;
	job_limit(job, steps[0].timeout_ms);
	proceed(job);
}

bool job_is_at(const struct job *job, const char *phase)
{
	return job && !job->finished && !strcmp(job->steps[job->at].phase, phase);
}

void job_next(struct job *job)
{
	if (job->finished)
		return;
	next_step(job);
	proceed(job);
}

void job_retry(struct job *job, unsigned after_ms)
{
	if (job->finished)
		return;
	job->retries++;
	source_set_timer(job->timer, after_ms);
}

static void on_reply(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct pending_call *call = data;
	struct job *job = call->job;
	int r;

	if (!job->finished && job->at == call->at) {
		if (error && !(call->tolerate && (!strcmp(call->tolerate, JOB_ANY_ERROR) || !strcmp(error->code, call->tolerate)))) {
			job->error = *error;
			finish(job);
		} else {
			r = call->fn ? call->fn(job, result) : 0;
			if (r == 0)
				job_next(job);
			else if (r < 0 && !job->finished)
				fail_step(job, r);
		}
	}
	unref(job);
	free(call);
}

int job_call(struct job *job, struct rpc *rpc, const char *method, struct json *params, unsigned timeout_ms, job_result_fn *fn,
	     const char *tolerate)
{
	struct pending_call *call = rpc ? calloc(1, sizeof(*call)) : NULL;
	int r;

	if (!call) {
		json_free(params);
		return job_explain(job, rpc ? ENOMEM : ENOTCONN, "%s: %s: %s", job->domain->name, method,
				   rpc ? "out of memory" : "not connected");
	}
	*call = (struct pending_call){.job = job, .fn = fn, .tolerate = tolerate, .at = job->at};
	job->refs++;
	r = rpc_call(rpc, method, params, timeout_ms, on_reply, call);
	if (r < 0) {
		unref(job);
		free(call);
		return job_explain(job, r, "%s: %s: %s", job->domain->name, method, strerror(-r));
	}
	return JOB_WAIT;
}

int job_order(struct job *job, const char *method, struct json *params, job_result_fn *fn, const char *tolerate)
{
	return job_call(job, job->domain->atolld->builder, method, params, 0, fn, tolerate);
}
