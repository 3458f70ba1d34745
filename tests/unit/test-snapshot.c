// SPDX-License-Identifier: LGPL-2.1-or-later
/* Services that are reborn: when a snapshot is made, used, and dropped. The builder, the store and the job are ours here. */
#include <errno.h>
#include <string.h>

#include "atolld/atolld.h"
#include "atolld/nodes.h"
#include "tap.h"

static struct host_service service = {.name = "net0", .role = ROLE_NET, .snapshot = true};
static struct atolld a;
static const struct job_step steps[] = {{"wake", NULL, 0}, {0}};
static struct domain d = {.atolld = &a, .name = "net0", .domid = 3, .service = &service, .snapshot_fd = -1};
static struct job job = {.domain = &d, .steps = steps};
static const char *called, *ready, *cmdline = "a";
static job_result_fn *answered;
static store_watch_fn *watch;
static unsigned pushed, nexts, resumes, built_calls;

int job_order(struct job *j, const char *method, struct json *params, job_result_fn *fn, const char *tolerate)
{
	json_free(params);
	called = method;
	answered = fn;
	return JOB_WAIT;
}

void job_next(struct job *j) { nexts++; }
bool job_is_at(const struct job *j, const char *phase) { return j && !strcmp(j->steps[j->at].phase, phase); }
void job_limit(struct job *j, unsigned timeout_ms) {}
int step_resume(struct job *j) { resumes++; return JOB_WAIT; }
int step_unpause_and_wait(struct job *j) { return job_order(j, "domain.unpause", NULL, NULL, NULL); }
int built(struct job *j, const struct json *result) { built_calls++; return 0; }
void nodes_pci(struct store_batch *b, const struct domain *of) {}
void rpc_push_fd(struct rpc *rpc, int fd) { pushed++; close(fd); }
struct json *domain_params(const struct domain *of) { return json_new(JSON_OBJECT); }

struct json *service_build_params(const struct domain *of)
{
	struct json *params = json_new(JSON_OBJECT);

	json_set_string(params, "cmdline", cmdline);
	return params;
}

int store_read(struct store *store, const char *path, char *value, size_t size)
{
	return ready ? format(value, size, "%s", ready) : -ENOENT;
}

int store_watch_add(struct store *store, const char *path, store_watch_fn *fn, void *data, struct store_watch **out)
{
	watch = fn;
	*out = (struct store_watch *)&watch;
	return 0;
}

struct store_watch *store_watch_remove(struct store_watch *w) { return NULL; }
struct store_batch *store_batch_new(void) { return NULL; }
void store_batch_free(struct store_batch *batch) {}
void store_batch_put(struct store_batch *batch, const char *perms, const char *value, const char *path_fmt, ...) {}
void store_batch_put_int(struct store_batch *batch, const char *perms, int64_t value, const char *path_fmt, ...) {}
int store_commit(struct store *store, struct store_batch *batch) { return 0; }

static bool calls(const char *method)
{
	bool same = called && !strcmp(called, method);

	called = NULL;
	return same;
}

/* A start as far as to the snapshot; the agent says WHAT. */
static int boot(const char *what)
{
	if (step_reborn(&job) == JOB_WAIT)
		return JOB_WAIT;
	step_wake(&job);
	called = NULL;
	ready = what;
	watch(NULL, "", &d);
	return step_snapshot(&job);
}

static struct json *result;

static void test_made(void)
{
	service.snapshot = false;
	ok(step_reborn(&job) == 0 && step_wake(&job) == 0 && step_snapshot(&job) == 0 && !called, "a service that wants none starts as ever");
	service.snapshot = true;
	ok(boot("none") == 0 && !called && nexts == 1, "none is made of a kernel that cannot suspend");
	ok(boot("snapshot") == JOB_WAIT && calls("domain.save") && pushed == 1, "one is made at the first start");
	ok(answered(&job, result) == JOB_WAIT && resumes == 1 && d.snapshot_fd >= 0, "the domain goes on after it");
}

static void test_used(void)
{
	ok(step_reborn(&job) == JOB_WAIT && calls("domain.restore") && pushed == 2, "the next start uses it");
	ok(answered(&job, result) == 0 && built_calls == 1 && d.reborn, "and notes what was built");
	ok(step_snapshot(&job) == 0 && !called, "none is made of the reborn");
	cmdline = "b";
	ok(boot("snapshot") == JOB_WAIT && calls("domain.save") && !d.reborn, "another command line is booted, and has its own");
	answered(&job, result);
}

static void test_bad(void)
{
	ok(step_reborn(&job) == JOB_WAIT && answered(&job, NULL) == 0 && !d.reborn && d.snapshot_fd < 0, "one that cannot be read is dropped");
	ok(boot("snapshot") == JOB_WAIT && answered(&job, NULL) == JOB_WAIT && d.snapshot_fd < 0, "a save that fails leaves nothing, and the domain goes on");
	called = NULL;
	ok(boot("snapshot") == 0 && !called, "and is not tried again");
	snapshot_drop(&d);
	ok(boot("snapshot") == JOB_WAIT && calls("domain.save"), "before it was forgotten");
	ok(snapshot_go(&d) == 0, "the devices are given");
}

/* As systemd hands it over. */
static void test_adopted(void)
{
	char *of = strdup(d.snapshot_of), number[16];
	int fd = d.snapshot_fd;

	dup2(fd, 3);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "net1", 1);
	d.snapshot_fd = -1;
	free(TAKE_PTR(d.snapshot_of));
	snapshot_adopt(&d, of);
	ok(d.snapshot_fd < 0, "another service's snapshot is not taken");
	setenv("LISTEN_FDNAMES", "net0", 1);
	snapshot_adopt(&d, "");
	ok(d.snapshot_fd < 0, "nor one of which nobody knows what it is of");
	snapshot_adopt(&d, of);
	ok(d.snapshot_fd == 3 && step_reborn(&job) == JOB_WAIT && calls("domain.restore"), "an earlier atolld's is used");
	snapshot_drop(&d);
	free(of);
}

int main(void)
{
	result = json_new(JSON_OBJECT);
	d.job = &job;
	test_made();
	test_used();
	test_bad();
	test_adopted();
	snapshot_drop(&d);
	json_free(result);
	return plan_done();
}
