// SPDX-License-Identifier: LGPL-2.1-or-later
/* Jobs: steps in order, answers, retries, timeouts, and what dies in between. */
#include "atolld/job.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "atolld/atolld.h"
#include "tap.h"

static struct atolld a;
static struct domain d = {.atolld = &a, .name = "net0"};
static struct rpc *here, *there;
static unsigned runs, ended;
static char phases[128], code[24], message[512];

static int step_sync(struct job *job)
{
	return 0;
}

static int step_twice(struct job *job)
{
	runs++;
	if (job->retries)
		return 0;
	job_retry(job, 1);
	return JOB_WAIT;
}

static int step_wait(struct job *job)
{
	return JOB_WAIT;
}

static int step_error(struct job *job)
{
	return -ENODEV;
}

static int on_result(struct job *job, const struct json *result)
{
	return json_get_bool(result, "good", false) ? 0 : job_explain(job, EPROTO, "a bad answer");
}

static int step_ask(struct job *job)
{
	return job_call(job, here, "ask", NULL, 0, on_result, "ENOENT");
}

static int step_lie(struct job *job)
{
	return job_call(job, here, "lie", NULL, 0, on_result, NULL);
}

static int step_fail(struct job *job)
{
	return job_call(job, here, "fail", NULL, 0, on_result, NULL);
}

static int take_anything(struct job *job, const struct json *result)
{
	return 0;
}

static int step_tolerate(struct job *job)
{
	return job_call(job, here, "fail", NULL, 0, take_anything, "ENOENT");
}

static void done(struct job *job)
{
	ended++;
	phases[0] = '\0';
	for (unsigned i = 0; i < job->phase_count; i++)
		snprintf(phases + strlen(phases), sizeof(phases) - strlen(phases), "%s ", job->phases[i].name);
	snprintf(code, sizeof(code), "%s", job->error.code);
	snprintf(message, sizeof(message), "%s", job->error.message);
}

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	struct json *result;

	if (!strcmp(method, "fail")) {
		rpc_fail(rpc, id, ENOENT, "there is none");
		return;
	}
	result = json_new(JSON_OBJECT);
	json_set_bool(result, "good", !strcmp(method, "ask"));
	rpc_reply(rpc, id, result);
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	*(struct rpc **)data = rpc_destroy(rpc);
}

static const struct rpc_ops ops = {.on_request = on_request, .on_close = on_close};

static void start(const struct job_step *steps)
{
	ended = 0;
	code[0] = message[0] = '\0';
	job_start(&d, steps, done, NULL, 0);
}

static void run(void)
{
	uint64_t end = now_ms() + 200;

	while (!ended && now_ms() < end)
		loop_step(a.loop, 1);
}

static void test_order(void)
{
	static const struct job_step steps[] = {
		{"one", step_sync, 0}, {"two", step_twice, 0}, {"three", step_ask, 0}, {"four", step_tolerate, 0}, {0}};

	start(steps);
	ok(d.job != NULL, "a domain knows its job");
	run();
	ok(ended == 1 && !code[0] && !d.job, "a job ends once, and is forgotten");
	ok(!strcmp(phases, "one two three four "), "each phase is recorded, in order");
	ok(runs == 2, "a step can be run again");
}

static void test_failures(void)
{
	static const struct job_step error[] = {{"one", step_sync, 0}, {"two", step_error, 0}, {"never", step_sync, 0}, {0}};
	static const struct job_step lie[] = {{"one", step_lie, 0}, {0}};
	static const struct job_step fail[] = {{"one", step_fail, 0}, {0}};
	static const struct job_step slow[] = {{"one", step_wait, 5}, {0}};
	static const struct job_step wait[] = {{"one", step_wait, 0}, {0}};

	start(error);
	ok(ended == 1 && !strcmp(code, "ENODEV") && strstr(message, "net0: two"), "an error names domain and step (%s)", message);
	start(lie);
	run();
	ok(ended == 1 && !strcmp(code, "EPROTO") && !strcmp(message, "a bad answer"), "an explanation is kept (%s)", message);
	start(fail);
	run();
	ok(ended == 1 && !strcmp(code, "ENOENT") && strstr(message, "there is none"), "a peer's error is passed on");
	start(slow);
	run();
	ok(ended == 1 && !strcmp(code, "ETIMEDOUT") && strstr(message, "one took longer than 5 ms"), "a step has its time (%s)", message);
	start(wait);
	job_limit(d.job, 7);
	run();
	ok(ended == 1 && !strcmp(code, "ETIMEDOUT") && strstr(message, "longer than 7 ms"), "or the time that it is given (%s)", message);
	start(wait);
	job_fail(d.job, ECHILD, "it died");
	ok(ended == 1 && !strcmp(code, "ECHILD") && !d.job, "a job can be ended from outside");
}

static void test_late_answers(void)
{
	static const struct job_step ask[] = {{"one", step_ask, 0}, {0}};

	start(ask);
	job_fail(d.job, ECHILD, "it died");
	for (int i = 0; i < 20; i++)
		loop_step(a.loop, 1);
	ok(ended == 1 && !strcmp(code, "ECHILD"), "an answer after the end changes nothing");
	start(ask);
	there = rpc_destroy(there);
	run();
	ok(ended == 1 && !strcmp(code, "ECONNRESET"), "a peer that dies fails the job");
	start(ask);
	ok(ended == 1 && !strcmp(code, "ENOTCONN") && strstr(message, "not connected"), "so does one that is not there (%s)", message);
	start((const struct job_step[]){{"one", step_wait, 0}, {0}});
	job_abandon(d.job);
	ok(ended == 0 && !d.job, "an abandoned job calls nobody");
}

int main(void)
{
	int fds[2];

	loop_create(&a.loop);
	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0, "a socket pair is made");
	rpc_create_socket(a.loop, fds[0], "builder", &ops, &here, &here);
	rpc_create_socket(a.loop, fds[1], "client", &ops, &there, &there);
	test_order();
	test_failures();
	test_late_answers();
	rpc_destroy(here);
	rpc_destroy(there);
	loop_destroy(a.loop);
	return plan_done();
}
