// SPDX-License-Identifier: LGPL-2.1-or-later
/* The session with a service domain's agent. */
#include "atolld/agent.h"

#include <errno.h>
#include <libxenvchan.h>
#include <string.h>

#include "base/log.h"

#define BOOT_MS_MAX 3600000 /* an agent that says more is not believed */
#define CONNECT_RETRY_MS 500
#define HELLO_TIMEOUT_MS 5000
#define COUNTERS_BEATS 4 /* devices are counted at each fourth beat */
#define SESSIONS_LOST_MAX 3 /* in a row, without an answer to a ping */

const char *const agent_boot_phases[3] = {"kernel", "modules", "agent"};

struct agent {
	struct domain *domain;
	struct store_watch *watch; /* until it is connected */
	struct source *tick;       /* pings, or tries to connect again */
	struct rpc *rpc;
	bool greeted;
	/* The heartbeat. */
	bool asked;        /* a ping is under way */
	unsigned beats;
	unsigned missed;   /* beats since the last answer */
	uint64_t asked_us;
	uint64_t taken_us; /* by an answer, smoothed */
	struct agent_report report;
	unsigned broken;   /* reports in a row that tell of something broken */
	unsigned lost;     /* sessions since the last answer */
};

static void agent_path(const struct agent *agent, char *path, size_t size, const char *rest)
{
	snprintf(path, size, "/local/domain/%u/data/vchan/0/agent%s", agent->domain->domid, rest);
}

/* Words of a service domain that people are shown. */
static void take_line(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
	make_line(out);
}

/* A death or a restart ends one session. An agent that greets and breaks each of them serves nobody. */
static void on_close(struct rpc *rpc, const char *why, void *data)
{
	struct agent *agent = data;

	log_warning("%s: agent: %s", agent->domain->name, why);
	if (++agent->lost > SESSIONS_LOST_MAX)
		take_line(agent->report.not_serving, sizeof(agent->report.not_serving), why);
	agent->rpc = rpc_destroy(rpc);
	agent->asked = false;
	source_set_timer(agent->tick, CONNECT_RETRY_MS);
}

static const struct rpc_ops agent_ops = {.on_close = on_close};

/* One bad report may be a moment's: two are said. */
static void on_pong(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct agent *agent = data;
	struct agent_report *report = &agent->report;
	const char *broken = json_get_string(result, "broken", "");
	int64_t available = json_get_int(result, "available_kib", -1);

	if (agent->rpc != rpc)
		return;
	agent->asked = false;
	if (error)
		return;
	agent->missed = 0;
	agent->lost = 0;
	agent->taken_us = (agent->taken_us * 3 + now_us() - agent->asked_us) / 4;
	report->answer_ms = agent->taken_us / 1000;
	report->available_kib = (uint64_t)MAX(available, 0);
	report->memory_kib = available < 0 ? 0 : (uint64_t)MAX(json_get_int(result, "memory_kib", 0), 0);
	agent->broken = *broken ? agent->broken + 1 : 0;
	take_line(report->not_serving, sizeof(report->not_serving), agent->broken > 1 ? broken : "");
	take_line(report->degraded, sizeof(report->degraded), json_get_string(result, "missing", ""));
}

static uint64_t number_at(const struct json *list, unsigned index)
{
	const struct json *item = list->type == JSON_ARRAY ? list->first : NULL;

	while (item && index--)
		item = item->next;
	return item && item->type == JSON_INT && item->integer > 0 ? (uint64_t)item->integer : 0;
}

static void on_counters(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct agent *agent = data;

	if (agent->rpc != rpc || !result)
		return;
	json_for_each(item, json_get(result, "devices")) {
		struct domain *guest = domain_by_id(agent->domain->atolld, (unsigned)number_at(item, 0));

		for (unsigned i = 0; guest && i < guest->device_count; i++) {
			struct device *dev = &guest->devices[i];

			if (dev->backend != agent->domain || dev->spec.id != number_at(item, 1))
				continue;
			dev->counted = true;
			dev->read_bytes = number_at(item, 2);
			dev->written_bytes = number_at(item, 3);
		}
	}
}

static void on_hello(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct agent *agent = data;

	if (agent->rpc != rpc)
		return;
	if (error) {
		log_warning("%s: agent does not greet: %s", agent->domain->name, error->message);
		agent->rpc = rpc_destroy(rpc);
		source_set_timer(agent->tick, CONNECT_RETRY_MS);
		return;
	}
	take_line(agent->domain->release, sizeof(agent->domain->release), json_get_string(result, "kernel", "?"));
	for (unsigned i = 0; i < ARRAY_SIZE(agent->domain->boot_ms); i++) {
		int64_t ms = 0;

		json_read_int(json_get(result, "boot_ms"), agent_boot_phases[i], 0, BOOT_MS_MAX, &ms);
		agent->domain->boot_ms[i] = (unsigned)ms;
	}
	log_info("%s: agent is there, kernel %s", agent->domain->name, agent->domain->release);
	agent->missed = 0;
	source_set_timer(agent->tick, HEALTH_PING_MS);
	if (!agent->greeted) {
		agent->greeted = true;
		if (job_is_at(agent->domain->job, "boot")) /* else it was adopted */
			job_next(agent->domain->job);
	}
}

static void try_connect(struct agent *agent)
{
	struct domain *d = agent->domain;
	struct libxenvchan *vchan;
	char path[64], port[16];

	agent_path(agent, path, sizeof(path), "/event-channel");
	if (agent->rpc || !d->atolld->store || store_read(d->atolld->store, path, port, sizeof(port)) < 0)
		return;
	agent_path(agent, path, sizeof(path), "");
	vchan = libxenvchan_client_init(NULL, (int)d->domid, path);
	if (!vchan) {
		log_debug("%s: agent's vchan: %s", d->name, strerror(errno));
		source_set_timer(agent->tick, CONNECT_RETRY_MS);
		return;
	}
	if (rpc_create_vchan(d->atolld->loop, vchan, d->name, &agent_ops, agent, &agent->rpc) < 0)
		return;
	rpc_call(agent->rpc, "hello", json_build("version=%d", RPC_VERSION), HELLO_TIMEOUT_MS, on_hello, agent);
}

static void on_watch(struct store *store, const char *path, void *data)
{
	try_connect(data);
}

static void on_tick(struct source *source, uint32_t events, void *data)
{
	struct agent *agent = data;

	agent->missed++;
	if (agent->missed > 1) /* how much of a processor it gets from now on tells a hung one from a starved one */
		census_request(agent->domain->atolld);
	if (!agent->rpc) {
		try_connect(agent);
		if (!agent->rpc)
			source_set_timer(agent->tick, CONNECT_RETRY_MS);
		return;
	}
	source_set_timer(agent->tick, HEALTH_PING_MS);
	if (agent->asked)
		return;
	if (agent->beats++ % COUNTERS_BEATS == 0)
		rpc_call(agent->rpc, "counters", NULL, 0, on_counters, agent);
	agent->asked_us = now_us();
	agent->asked = rpc_call(agent->rpc, "ping", NULL, 0, on_pong, agent) == 0;
}

int agent_create(struct domain *domain)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	char path[64];
	int r;

	if (!agent)
		return -ENOMEM;
	*agent = (struct agent){.domain = domain};
	agent_path(agent, path, sizeof(path), "");
	r = loop_add_timer(domain->atolld->loop, CONNECT_RETRY_MS, on_tick, agent, &agent->tick);
	if (r == 0)
		r = store_watch_add(domain->atolld->store, path, on_watch, agent, &agent->watch);
	if (r < 0) {
		agent_destroy(agent);
		return r;
	}
	domain->agent = agent;
	return 0;
}

struct agent *agent_destroy(struct agent *agent)
{
	if (!agent)
		return NULL;
	store_watch_remove(agent->watch);
	source_destroy(agent->tick);
	rpc_destroy(agent->rpc);
	free(agent);
	return NULL;
}

struct rpc *agent_rpc(const struct agent *agent)
{
	return agent && agent->greeted ? agent->rpc : NULL;
}

uint64_t agent_silent_ms(const struct agent *agent)
{
	return agent && agent->missed > 1 ? (agent->missed - 1) * HEALTH_PING_MS : 0;
}

const struct agent_report *agent_report(const struct agent *agent)
{
	static const struct agent_report nothing;

	return agent ? &agent->report : &nothing;
}
