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
static int method_status(struct request *r)
{
	struct json *list = json_new(JSON_ARRAY);
	int64_t first = 0, at = 0;

	json_read_int(r->params, "first", 0, DOMAINS_MAX, &first);
	for_each_domain(d, r->atolld) {
		if (at >= first && at < first + STATUS_PAGE)
			json_append(list, domain_to_json(d));
		at++;
	}
	request_reply(r, json_build("next~%ld up?%d control_memory_kib=%lu domains=%p", at > first + STATUS_PAGE ? first + STATUS_PAGE : 0,
				    services_running(r->atolld), r->atolld->control_memory_kib, list));
	if (!first)
		census_request(r->atolld); /* fresher memory and processor figures for the next one */
	return 0;
}

static int method_plan(struct request *r)
{
	struct atolld *a = r->atolld;
	const char *sent = json_get_string(r->params, "text", NULL);
	AUTO_FREE char *read = NULL;
	struct host_config config;
	struct json *plan;
	size_t len = sent ? strlen(sent) : 0;
	char why[300];
	int e = sent ? 0 : read_file(a->host_path, HOST_FILE_MAX, &read, &len);

	if (e < 0)
		return request_fail(r, e, "%s: %s", a->host_path, strerror(-e));
	e = host_config_parse(sent ? sent : read, len, &config, why, sizeof(why));
	plan = e == 0 ? host_config_plan(&a->host, &config) : NULL;
	host_config_fini(&config);
	if (e < 0)
		return request_fail(r, e, "%s", why);
	for (struct json *item = plan ? plan->first : NULL; item; item = item->next) {
		struct domain *d = domain_find(a, json_get_string(item, "name", ""));

		if (d && d->state != DOMAIN_RUNNING && !strcmp(json_get_string(item, "what", ""), "keep"))
			json_set_string(item, "now", domain_state_name(d)); /* `atoll up` starts it */
	}
	return request_reply(r, json_build("plan=%p", plan));
}

static int method_up(struct request *r)
{
	request_wait(r, true);
	for_each_domain(d, r->atolld) {
		d->unwanted = false;
		if (domain_is_service(d) && d->state == DOMAIN_FAILED && !d->job)
			d->state = DOMAIN_DOWN;
	}
	services_advance(r->atolld);
	return 0;
}

/* Services that guests need are stopped when no guest is left. Store and console stay: the control domain's kernel has its
 * watches in the store, and cannot set them again. */
static int method_down(struct request *r)
{
	unsigned guests = 0;

	for_each_domain(d, r->atolld)
		guests += d->role == ROLE_GUEST;
	if (guests)
		return request_fail(r, EBUSY, "%u guests exist; destroy or shut them down first", guests);
	for_each_domain(d, r->atolld) {
		r->domain = d; /* which one is busy */
		if (d->job && d->state != DOMAIN_STOPPING)
			return -EBUSY;
	}
	request_wait(r, false);
	for_each_domain(d, r->atolld) {
		d->unwanted = d->role == ROLE_NET || d->role == ROLE_DISK;
		if (d->unwanted && d->state != DOMAIN_DOWN)
			service_stop(d, NULL, 0);
	}
	api_services_changed(r->atolld);
	return 0;
}

static int method_create(struct request *r)
{
	const char *text = json_get_string(r->params, "config", ""), *file = json_get_string(r->params, "file", "configuration");
	const char *fail_at = json_get_string(r->params, "fail_at", "");
	AUTO_FREE struct guest_config *config = malloc(sizeof(*config));
	char why[300];

	if (!config)
		return -ENOMEM;
	if (guest_config_parse(text, strlen(text), config, why, sizeof(why)) < 0)
		return request_fail(r, EINVAL, "%.150s: %s", file, why);
	if (*fail_at && !r->atolld->host.experiments)
		return request_fail(r, EPERM, "fail_at: only with \"experiments\": true in host.json");
	return guest_create(r, config, fail_at);
}

static int method_destroy(struct request *r)
{
	return guest_destroy(r->domain, r->rpc, r->id);
}

static int method_shutdown(struct request *r)
{
	int e;

	if (r->domain->state != DOMAIN_RUNNING)
		return -EBUSY;
	e = domain_ask(r->domain, json_get_bool(r->params, "reboot", false) ? "reboot" : "poweroff");
	if (e < 0)
		return request_fail(r, e, "%s: the request was not written: %s", r->domain->name, strerror(-e));
	return request_reply(r, json_new(JSON_OBJECT));
}

static int method_restart(struct request *r)
{
	struct domain *d = r->domain;
	const char *kernel = json_get_string(r->params, "kernel", NULL);
	int e;

	if (!domain_is_service(d))
		return request_fail(r, EPERM, "%s: this is a guest; `atoll reboot` restarts it", d->name);
	if (!kernel)
		return service_restart(d, json_get_string(r->params, "reason", NULL), r->rpc, r->id);
	if (d->role != ROLE_NET && d->role != ROLE_DISK)
		return request_fail(r, EINVAL, "%s: its code is Atoll's own; only net and disk services have a kernel to choose", d->name);
	e = kernel_change(d, kernel, r->rpc, r->id);
	if (e != -ENOENT && e != -EINVAL)
		return e;
	return request_fail(r, e, "%s: there is no kernel %.100s (a file and a ramdisk below /usr/lib/atoll/images/kernels/, or a path)",
			    d->name, kernel);
}

/* An order that the builder carries out at once. */
static int order(struct request *r, const char *method, forward_fn *answer)
{
	return request_forward(r, r->atolld->builder, method, r->domain ? domain_params(r->domain) : NULL, 0, answer);
}

static int method_pause(struct request *r)
{
	return order(r, "domain.pause", NULL);
}

static int method_unpause(struct request *r)
{
	struct domain *d = r->domain;

	if (d->state == DOMAIN_PRESERVED && d->shutdown && d->shutdown_reason == SHUTDOWN_SUSPEND)
		return guest_resume(d, r->rpc, r->id);
	return order(r, "domain.unpause", NULL);
}

static int method_xen_log(struct request *r)
{
	return order(r, "host.log", NULL);
}

/* What the hypervisor and the store have of a domain (none: the control domain), for `atoll audit`: not what we believe. */
static int method_audit(struct request *r)
{
	return order(r, "domain.ties", audit_of_store);
}

/* QEMU is asked through the agent of its domain, which has the list of what it may be asked. */
static int method_qmp(struct request *r)
{
	struct domain *d = r->domain;
	struct rpc *agent = d->dm ? agent_rpc(d->dm->agent) : NULL;

	if (!agent)
		return request_fail(r, ENODEV, "%s: it has no device model%s", d->name, d->dm ? " that answers" : "");
	return request_forward(r, agent, "dm.qmp", json_build("execute=%s arguments~%p", json_get_string(r->params, "execute", ""),
							      json_copy(json_get(r->params, "arguments"))), QMP_TIMEOUT_MS, NULL);
}

/* An HVM guest's serial line is what its device model's domain has as console. */
static const char *console_name(const struct request *r)
{
	const char *name = json_get_string(r->params, "name", "");
	struct domain *d = domain_find(r->atolld, name);

	return d && d->dm && d->guest->serial ? d->dm->name : name;
}

static int method_console_attach(struct request *r)
{
	const char *name = console_name(r);
	bool writes = false;
	int e = consoles_attach(r->atolld->consoles, name, r->rpc, json_get_bool(r->params, "watch", false), &writes);

	if (e < 0)
		return request_fail(r, e, "%.80s: %s", name, e == -ENOENT ? "there is no such console; `atoll list` shows the domains"
									  : strerror(-e));
	return request_reply(r, json_build("writes?%d", writes));
}

static int method_console_input(struct request *r)
{
	const char *name = console_name(r);
	unsigned char bytes[CONSOLE_INPUT_MAX];
	ssize_t n = base64_decode(json_get_string(r->params, "data", ""), bytes, sizeof(bytes));
	int e = n < 0 ? (int)n : consoles_input(r->atolld->consoles, name, r->rpc, bytes, (size_t)n);

	if (e < 0)
		return request_fail(r, e, "%.80s: console input: %s", name, e == -EPERM ? "another client writes; this one watches"
											: strerror(-e));
	return request_reply(r, json_new(JSON_OBJECT));
}

static int method_events(struct request *r)
{
	int64_t since = 0;

	json_read_int(r->params, "since", 0, INT64_MAX, &since);
	if (json_get_bool(r->params, "follow", false))
		request_follow(r);
	return request_reply(r, events_list(r->atolld->events, (uint64_t)since));
}

const struct method methods[] = {
	{"status", method_status, OF_HOST, EARLY | SILENT},
	{"plan", method_plan, OF_HOST, EARLY},
	{"up", method_up, OF_HOST, EARLY},
	{"down", method_down, OF_HOST, 0},
	{"create", method_create, OF_HOST, EARLY},
	{"destroy", method_destroy, OF_GUEST, 0},
	{"shutdown", method_shutdown, OF_GUEST, 0},
	{"restart", method_restart, OF_DOMAIN, 0},
	{"save", method_save, OF_RUNNING_GUEST, 0},
	{"save.go", method_save_go, OF_GUEST, WITH_FD},
	{"save.end", method_save_end, OF_GUEST, 0},
	{"restore", method_restore, OF_HOST, WITH_FD},
	{"restore.go", method_restore_go, OF_GUEST, 0},
	{"attach", method_attach, OF_RUNNING_GUEST, 0},
	{"detach", method_detach, OF_RUNNING_GUEST, 0},
	{"rename", method_rename, OF_RUNNING_GUEST, 0},
	{"set", method_set, OF_RUNNING_GUEST, 0},
	{"info", method_info, OF_DOMAIN, EARLY},
	{"pause", method_pause, OF_GUEST, 0},
	{"unpause", method_unpause, OF_GUEST, 0},
	{"qmp", method_qmp, OF_GUEST, 0},
	{"console.attach", method_console_attach, OF_HOST, 0},
	{"console.input", method_console_input, OF_HOST, SILENT},
	{"events", method_events, OF_HOST, EARLY | SILENT},
	{"audit", method_audit, OF_ANY, SILENT},
	{"xen.log", method_xen_log, OF_HOST, EARLY | SILENT},
	{0},
};
