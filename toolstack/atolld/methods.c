// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the command asks for, but what has a file of its own: adjust.c, stream.c. */
#include <errno.h>
#include <string.h>

#include "atolld/agent.h"
#include "atolld/api.h"
#include "atolld/audit.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "base/base64.h"

#define STATUS_PAGE 20 /* domains in one answer: with all its devices each takes at most 3 KiB of RPC_FRAME_MAX */
#define CONSOLE_INPUT_MAX 1024
#define QMP_TIMEOUT_MS 10000

/* The domains from the FIRSTth on, and "next" if there are more. */
void method_status(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct json *list = json_new(JSON_ARRAY);
	int64_t first = 0, at = 0;

	json_read_int(params, "first", 0, DOMAINS_MAX, &first);
	for_each_domain(d, a) {
		if (at >= first && at < first + STATUS_PAGE)
			json_append(list, domain_to_json(d));
		at++;
	}
	rpc_reply(rpc, id, json_build("next~%ld up?%d control_memory_kib=%lu domains=%p", at > first + STATUS_PAGE ? first + STATUS_PAGE : 0,
				      services_running(a), a->control_memory_kib, list));
	if (!first)
		census_request(a); /* fresher memory and processor figures for the next one */
}

void method_plan(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *sent = json_get_string(params, "text", NULL);
	AUTO_FREE char *read = NULL;
	struct host_config config;
	struct json *plan;
	size_t len = sent ? strlen(sent) : 0;
	char why[300];
	int r = sent ? 0 : read_file(a->host_path, HOST_FILE_MAX, &read, &len);

	if (r < 0) {
		rpc_fail(rpc, id, r, "%s: %s", a->host_path, strerror(-r));
		return;
	}
	r = host_config_parse(sent ? sent : read, len, &config, why, sizeof(why));
	if (r < 0) {
		rpc_fail(rpc, id, r, "%s", why);
	} else {
		plan = host_config_plan(&a->host, &config);
		for (struct json *item = plan ? plan->first : NULL; item; item = item->next) {
			struct domain *d = domain_find(a, json_get_string(item, "name", ""));

			if (d && d->state != DOMAIN_RUNNING && !strcmp(json_get_string(item, "what", ""), "keep"))
				json_set_string(item, "now", domain_state_name(d)); /* `atoll up` starts it */
		}
		rpc_reply(rpc, id, json_build("plan=%p", plan));
	}
	host_config_fini(&config);
}

void method_create(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *text = json_get_string(params, "config", ""), *file = json_get_string(params, "file", "configuration");
	const char *fail_at = json_get_string(params, "fail_at", "");
	struct guest_config *config = malloc(sizeof(*config));
	char why[300];

	if (!config)
		rpc_fail(rpc, id, ENOMEM, "out of memory");
	else if (guest_config_parse(text, strlen(text), config, why, sizeof(why)) < 0)
		rpc_fail(rpc, id, EINVAL, "%.150s: %s", file, why);
	else if (*fail_at && !a->host.experiments)
		rpc_fail(rpc, id, EPERM, "fail_at: only with \"experiments\": true in host.json");
	else
		guest_create(a, config, fail_at, rpc, id);
	free(config);
}

void method_destroy(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);
	int r = d ? guest_destroy(d, rpc, id) : 0;

	if (r < 0)
		api_refuse(rpc, id, d, r);
}

void method_shutdown(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);
	int r;

	if (!d)
		return;
	if (d->state != DOMAIN_RUNNING) {
		api_refuse(rpc, id, d, -EBUSY);
		return;
	}
	r = domain_ask(d, json_get_bool(params, "reboot", false) ? "reboot" : "poweroff");
	if (r < 0)
		rpc_fail(rpc, id, r, "%s: the request was not written: %s", d->name, strerror(-r));
	else
		rpc_reply(rpc, id, json_new(JSON_OBJECT));
}

void method_restart(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_domain(a, rpc, id, params);
	const char *kernel = json_get_string(params, "kernel", NULL);
	int r;

	if (!d)
		return;
	if (!domain_is_service(d)) {
		rpc_fail(rpc, id, EPERM, "%s: this is a guest; `atoll reboot` restarts it", d->name);
		return;
	}
	if (kernel && d->role != ROLE_NET && d->role != ROLE_DISK) {
		rpc_fail(rpc, id, EINVAL, "%s: its code is Atoll's own; only net and disk services have a kernel to choose", d->name);
		return;
	}
	r = kernel ? kernel_change(d, kernel, rpc, id) : service_restart(d, json_get_string(params, "reason", "asked for"), rpc, id);
	if (kernel && (r == -ENOENT || r == -EINVAL)) {
		rpc_fail(rpc, id, r, "%s: there is no kernel %.100s (a file and a ramdisk below /usr/lib/atoll/images/kernels/, or a path)",
			 d->name, kernel);
		return;
	}
	if (r < 0)
		api_refuse(rpc, id, d, r);
}

void method_pause(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);

	if (d)
		api_forward(a, rpc, id, a->builder, "domain.pause", domain_params(d), 0, NULL);
}

void method_unpause(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);
	int r;

	if (d && d->state == DOMAIN_PRESERVED && d->shutdown && d->shutdown_reason == SHUTDOWN_SUSPEND) {
		r = guest_resume(d, rpc, id);
		if (r < 0)
			api_refuse(rpc, id, d, r);
	} else if (d) {
		api_forward(a, rpc, id, a->builder, "domain.unpause", domain_params(d), 0, NULL);
	}
}

void method_xen_log(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	api_forward(a, rpc, id, a->builder, "host.log", NULL, 0, NULL);
}

/* What the hypervisor and the store have of a domain, for `atoll audit`: not what we believe. */
void method_audit(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	bool control = !strcmp(json_get_string(params, "name", ""), "Domain-0");
	struct domain *d = control ? NULL : api_domain(a, rpc, id, params);

	if (d || control)
		api_forward(a, rpc, id, a->builder, "domain.ties", d ? domain_params(d) : NULL, 0, audit_of_store);
}

/* QEMU is asked through the agent of its domain, which has the list of what it may be asked. */
void method_qmp(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);
	struct rpc *agent = d && d->dm ? agent_rpc(d->dm->agent) : NULL;
	const struct json *arguments = json_get(params, "arguments");

	if (agent)
		api_forward(a, rpc, id, agent, "dm.qmp", json_build("execute=%s arguments~%p", json_get_string(params, "execute", ""),
								    json_copy(arguments)), QMP_TIMEOUT_MS, NULL);
	else if (d)
		rpc_fail(rpc, id, ENODEV, "%s: it has no device model%s", d->name, d->dm ? " that answers" : "");
}

/* An HVM guest's serial line is what its device model's domain has as console. */
static const char *console_name(struct atolld *a, const struct json *params)
{
	const char *name = json_get_string(params, "name", "");
	struct domain *d = domain_find(a, name);

	return d && d->dm && d->guest->serial ? d->dm->name : name;
}

void method_console_attach(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *name = console_name(a, params);
	bool writes = false;
	int r = consoles_attach(a->consoles, name, rpc, json_get_bool(params, "watch", false), &writes);

	if (r < 0)
		rpc_fail(rpc, id, r, "%.80s: %s", name, r == -ENOENT ? "there is no such console; `atoll list` shows the domains"
								     : strerror(-r));
	else
		rpc_reply(rpc, id, json_build("writes?%d", writes));
}

void method_console_input(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *name = console_name(a, params);
	unsigned char bytes[CONSOLE_INPUT_MAX];
	ssize_t n = base64_decode(json_get_string(params, "data", ""), bytes, sizeof(bytes));
	int r;

	r = n < 0 ? (int)n : consoles_input(a->consoles, name, rpc, bytes, (size_t)n);
	if (r < 0)
		rpc_fail(rpc, id, r, "%.80s: console input: %s", name, r == -EPERM ? "another client writes; this one watches"
										   : strerror(-r));
	else
		rpc_reply(rpc, id, json_new(JSON_OBJECT));
}

void method_events(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	int64_t since = 0;

	json_read_int(params, "since", 0, INT64_MAX, &since);
	rpc_reply(rpc, id, events_list(a->events, (uint64_t)since));
	if (json_get_bool(params, "follow", false))
		api_follow(a, rpc);
}

