/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Long operations on one domain, as a list of steps: start a service, create a guest. A step finishes at once, or waits for an
 * answer, a watch or a time; the time that each took is kept under its phase's name. A domain has one job at a time.
 *
 *      job_start ──▶ step 0 ──▶ step 1 ──▶ … ──▶ done(job)            job->error.code[0] == 0
 *                       └── error, timeout, job_fail() ──▶ done(job)   job->error says what
 */
#ifndef ATOLL_JOB_H
#define ATOLL_JOB_H

#include "rpc/rpc.h"

#define JOB_PHASES_MAX 16
#define JOB_WAIT 1 /* a step's answer: job_next(), job_retry() or job_fail() comes later */

struct domain;
struct job;

typedef int job_fn(struct job *job); /* 0: done; JOB_WAIT; -errno after job_explain() */
typedef void job_done_fn(struct job *job);

struct job_step {
	const char *phase; /* NULL ends the list */
	job_fn *run;
	unsigned timeout_ms; /* 0: none */
};

struct job_phase {
	const char *name;
	uint64_t us;
};

struct job {
	struct domain *domain;
	const struct job_step *steps;
	unsigned at;
	unsigned index;   /* for steps that go through a list; 0 when a step begins */
	unsigned retries; /* of this step */
	uint64_t started_us, step_us;
	struct job_phase phases[JOB_PHASES_MAX];
	unsigned phase_count;
	char fail_at[16]; /* experiments: the step that fails when it is its turn */
	struct rpc_error error;
	job_done_fn *done;
	struct rpc *client; /* who asked, or NULL; cleared when it leaves */
	uint32_t client_id;
	struct source *timer;   /* retry */
	struct source *timeout; /* of the step … */
	unsigned limit_ms;      /* … after this long; 0: none */
	unsigned refs;
	bool finished;
};

/* Starts STEPS on DOMAIN (which has no job). DONE is called once, at once if there is no memory, and may start the next job. */
void job_start(struct domain *domain, const struct job_step *steps, job_done_fn *done, struct rpc *client, uint32_t client_id);

/* Whether it waits in the step PHASE. JOB may be NULL. */
bool job_is_at(const struct job *job, const char *phase);
/* The waiting step is done. */
void job_next(struct job *job);
/* The waiting step is run again after a while. */
void job_retry(struct job *job, unsigned after_ms);
/* The present step may take so long from now on, instead of what its list says. 0: for ever. */
void job_limit(struct job *job, unsigned timeout_ms);
/* Ends the job. */
void job_fail(struct job *job, int error, const char *fmt, ...) PRINTF(3, 4);
/* The same with an error of another job. */
void job_fail_with(struct job *job, const struct rpc_error *error);
/* Ends it without calling anybody: for the end of the program. NULL is fine. */
void job_abandon(struct job *job);
/* Keeps the message of the error that the step is going to return, and returns it. */
int job_explain(struct job *job, int error, const char *fmt, ...) PRINTF(3, 4);

/* Calls METHOD (PARAMS is taken over) and returns JOB_WAIT, or -errno explained. FN gets the result and returns like a step; the
 * job goes on accordingly; NULL: nothing to do with it. An error of the peer fails the job unless TOLERATE names its code. */
#define JOB_ANY_ERROR "*" /* for TOLERATE */
typedef int job_result_fn(struct job *job, const struct json *result);
int job_call(struct job *job, struct rpc *rpc, const char *method, struct json *params, unsigned timeout_ms, job_result_fn *fn,
	     const char *tolerate);
/* The same with the builder, for as long as it takes. */
int job_order(struct job *job, const char *method, struct json *params, job_result_fn *fn, const char *tolerate);

#endif
