// SPDX-License-Identifier: LGPL-2.1-or-later
/* The session with a service domain's agent. */
#include "atolld/agent.h"

#include <errno.h>
#include <libxenvchan.h>
#include <string.h>

#include "base/log.h"

#define CONNECT_RETRY_MS 500

struct agent {
	struct domain *domain;
	agent_ready_fn *ready;
	struct store_watch *watch; /* until it is connected */
	struct source *tick;       /* pings, or tries to connect again */
	struct rpc *rpc;
	bool greeted;
	uint64_t answer_ms; /* of the last answer, or of the creation */
};

static void agent_path(const struct agent *agent, char *path, size_t size, const char *rest)
{
	snprintf(path, size, "/local/domain/%u/data/vchan/0/agent%s", agent->domain->domid, rest);
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	struct agent *agent = data;

	log_warning("%s: agent: %s", agent->domain->name, why);
	agent->rpc = rpc_destroy(rpc);
	source_set_timer(agent->tick, CONNECT_RETRY_MS);
}

static void on_event(struct rpc *rpc, const char *event, const struct json *params, void *data)
{
	struct agent *agent = data;

	log_debug("%s: agent says %.40s", agent->domain->name, event);
}

static const struct rpc_ops agent_ops = {.on_event = on_event, .on_close = on_close};

static void on_pong(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct agent *agent = data;

	if (agent->rpc == rpc && result)
		agent->answer_ms = now_ms();
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
	log_info("%s: agent is there, kernel %.64s", agent->domain->name, json_get_string(result, "kernel", "?"));
	agent->answer_ms = now_ms();
	source_set_timer(agent->tick, HEALTH_PING_MS);
	if (!agent->greeted) {
		agent->greeted = true;
		agent->ready(agent->domain);
	}
}

static void try_connect(struct agent *agent)
{
	struct domain *d = agent->domain;
	struct libxenvchan *vchan;
	struct json *params;
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
	params = json_new(JSON_OBJECT);
	json_set_int(params, "version", RPC_VERSION);
	rpc_call(agent->rpc, "hello", params, HEALTH_SILENCE_MS, on_hello, agent);
}

static void on_watch(struct store *store, const char *path, void *data)
{
	try_connect(data);
}

static void on_tick(struct source *source, uint32_t events, void *data)
{
	struct agent *agent = data;

	if (!agent->rpc) {
		try_connect(agent);
		if (!agent->rpc)
			source_set_timer(agent->tick, CONNECT_RETRY_MS);
		return;
	}
	source_set_timer(agent->tick, HEALTH_PING_MS);
	rpc_call(agent->rpc, "ping", NULL, HEALTH_SILENCE_MS, on_pong, agent);
}

int agent_create(struct domain *domain, agent_ready_fn *ready, struct agent **out)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	char path[64];
	int r;

	if (!agent)
		return -ENOMEM;
	*agent = (struct agent){.domain = domain, .ready = ready, .answer_ms = now_ms()};
	agent_path(agent, path, sizeof(path), "");
	r = loop_add_timer(domain->atolld->loop, -1, on_tick, agent, &agent->tick);
	if (r == 0)
		r = store_watch_add(domain->atolld->store, path, on_watch, agent, &agent->watch);
	if (r < 0) {
		agent_destroy(agent);
		return r;
	}
	*out = agent;
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
	return agent ? now_ms() - agent->answer_ms : 0;
}
