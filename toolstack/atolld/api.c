// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the command asks for. Clients are root on this host, but what they send is still checked like any other peer's. */
#include "atolld/api.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "atolld/agent.h"
#include "atolld/audit.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "base/base64.h"
#include "base/log.h"

#define CONSOLE_INPUT_MAX 1024
#define QMP_TIMEOUT_MS 10000

struct client {
	struct client *next;
	struct api *api;
	struct rpc *rpc;
	int pid; /* of the process that connected */
	uint32_t up_id, down_id; /* an `up` or `down` that waits for its answer */
};

struct api {
	struct atolld *atolld;
	int fd;
	struct source *source;
	struct client *clients;
	unsigned count;
};

void api_answer(struct job *job, struct json *result)
{
	if (!job->client)
		json_free(result);
	else if (job->error.code[0]) {
		json_free(result);
		rpc_fail_with(job->client, job->client_id, &job->error);
	} else {
		rpc_reply(job->client, job->client_id, result);
	}
	job->client = NULL;
}

/* --- methods --- */

static struct domain *named(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *name = json_get_string(params, "name", "");
	struct domain *d = domain_find(a, name);

	if (!d)
		rpc_fail(rpc, id, ENOENT, "%.63s: there is no such domain; `atoll list` shows them", name);
	return d;
}

struct domain *api_guest(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = named(a, rpc, id, params);

	if (d && d->role == ROLE_DM) {
		rpc_fail(rpc, id, EPERM, "%s: this is a guest's device model, which comes and goes with it", d->name);
		return NULL;
	}
	if (d && domain_is_service(d)) {
		rpc_fail(rpc, id, EPERM, "%s: this is a service, not a guest; `atoll restart` rebuilds it", d->name);
		return NULL;
	}
	return d;
}

/* Why an operation on D was not begun. */
void api_refuse(struct rpc *rpc, uint32_t id, const struct domain *d, int error)
{
	if (error == -EBUSY && d->job)
		rpc_fail(rpc, id, EBUSY, "%s: it is %s; try again when that is done", d->name, domain_state_name(d));
	else if (error == -EBUSY)
		rpc_fail(rpc, id, EBUSY, "%s: it is %s", d->name, domain_state_name(d));
	else
		rpc_fail(rpc, id, error, "%s: %s", d->name, strerror(-error));
}

#define STATUS_PAGE 20 /* domains in one answer: with all its devices each takes at most 3 KiB of RPC_FRAME_MAX */

/* The domains from the FIRSTth on, and "next" if there are more; all if FIRST is negative, which a frame holds of about 100. */
static struct json *status(struct atolld *a, int64_t first)
{
	struct json *json = json_new(JSON_OBJECT), *list = json_new(JSON_ARRAY);
	int64_t at = 0;
	int r = 0;

	for_each_domain(d, a) {
		if (first < 0 || (at >= first && at < first + STATUS_PAGE))
			r |= json_append(list, domain_to_json(d));
		at++;
	}
	if (first >= 0 && at > first + STATUS_PAGE)
		r |= json_set_int(json, "next", first + STATUS_PAGE);
	r |= json_set_bool(json, "up", services_running(a));
	r |= json_set_int(json, "control_memory_kib", (int64_t)a->control_memory_kib);
	r |= json_set(json, "domains", list);
	return r < 0 ? json_free(json) : json;
}

static void method_status(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	int64_t first = -1;

	if (json_read_int(params, "first", 0, DOMAINS_MAX, &first) < 0)
		first = -1;
	rpc_reply(rpc, id, status(a, first));
	if (first <= 0)
		census_request(a); /* fresher memory and processor figures for the next one */
}

static struct client *client_of(struct api *api, const struct rpc *rpc)
{
	struct client *client = api->clients;

	while (client && client->rpc != rpc)
		client = client->next;
	return client;
}

static void method_up(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	client_of(a->api, rpc)->up_id = id;
	for_each_domain(d, a) {
		d->unwanted = false;
		if (domain_is_service(d) && d->state == DOMAIN_FAILED && !d->job)
			d->state = DOMAIN_DOWN;
	}
	services_advance(a);
}

/* Services that guests need are stopped when no guest is left. Store and console stay: the control domain's kernel has its
 * watches in the store, and cannot set them again. */
static void method_down(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	unsigned guests = 0;

	for_each_domain(d, a)
		guests += d->role == ROLE_GUEST;
	if (guests) {
		rpc_fail(rpc, id, EBUSY, "%u guests exist; destroy or shut them down first", guests);
		return;
	}
	for_each_domain(d, a) {
		if (d->job && d->state != DOMAIN_STOPPING) {
			api_refuse(rpc, id, d, -EBUSY);
			return;
		}
	}
	client_of(a->api, rpc)->down_id = id;
	for_each_domain(d, a) {
		d->unwanted = d->role == ROLE_NET || d->role == ROLE_DISK;
		if (d->unwanted && d->state != DOMAIN_DOWN)
			service_stop(d, NULL, 0);
	}
	api_services_changed(a);
}

static void method_plan(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *sent = json_get_string(params, "text", NULL);
	AUTO_FREE char *read = NULL;
	struct host_config config;
	struct json *result, *plan;
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
		result = json_new(JSON_OBJECT);
		json_set(result, "plan", plan);
		rpc_reply(rpc, id, result);
	}
	host_config_fini(&config);
}

static void method_create(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
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

static void method_destroy(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);

	int r = d ? guest_destroy(d, rpc, id) : 0;

	if (r < 0)
		api_refuse(rpc, id, d, r);
}

static void method_shutdown(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);
	struct store_batch *batch;
	int r;

	if (!d)
		return;
	if (d->state != DOMAIN_RUNNING) {
		api_refuse(rpc, id, d, -EBUSY);
		return;
	}
	batch = store_batch_new();
	store_batch_put(batch, NULL, json_get_bool(params, "reboot", false) ? "reboot" : "poweroff",
			"/local/domain/%u/control/shutdown", d->domid);
	r = store_commit(a->store, batch);
	if (r < 0)
		rpc_fail(rpc, id, r, "%s: the request was not written: %s", d->name, strerror(-r));
	else
		rpc_reply(rpc, id, json_new(JSON_OBJECT));
}

static void method_restart(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = named(a, rpc, id, params);
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

/* Sends a domain's id to the builder and passes the answer on. The client may have left by then. */
struct forward {
	struct api *api;
	struct rpc *client;
	uint32_t id;
	unsigned domid;
};

static bool still_there(const struct forward *f)
{
	struct client *c = f->api->clients;

	while (c && c->rpc != f->client)
		c = c->next;
	return c != NULL;
}

static void on_forwarded(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct forward *f = data;

	if (still_there(f) && error)
		rpc_fail_with(f->client, f->id, error);
	else if (still_there(f))
		rpc_reply(f->client, f->id, json_copy(result));
	census_request(f->api->atolld);
	free(f);
}

static void forward(struct atolld *a, struct domain *d, struct rpc *rpc, uint32_t id, const char *method, rpc_reply_fn *fn)
{
	struct forward *f;

	if (!d)
		return;
	f = malloc(sizeof(*f));
	if (f)
		*f = (struct forward){a->api, rpc, id, d->domid};
	if (!f || rpc_call(a->builder, method, domain_params(d), 0, fn, f) < 0) {
		free(f);
		rpc_fail(rpc, id, EIO, "%s: the builder does not take orders", d->name);
	}
}

static void method_pause(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	forward(a, api_guest(a, rpc, id, params), rpc, id, "domain.pause", on_forwarded);
}

static void method_unpause(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = domain_find(a, json_get_string(params, "name", ""));

	if (d && d->state == DOMAIN_PRESERVED && d->shutdown && d->shutdown_reason == SHUTDOWN_SUSPEND) {
		int r = guest_resume(d, rpc, id);

		if (r < 0)
			api_refuse(rpc, id, d, r);
		return;
	}
	forward(a, api_guest(a, rpc, id, params), rpc, id, "domain.unpause", on_forwarded);
}

static void method_xen_log(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct forward *f = malloc(sizeof(*f));

	if (f)
		*f = (struct forward){a->api, rpc, id, 0};
	if (!f || rpc_call(a->builder, "host.log", NULL, 0, on_forwarded, f) < 0) {
		free(f);
		rpc_fail(rpc, id, EIO, "the builder does not take orders");
	}
}

/* What the hypervisor and the store have of a domain, for `atoll audit`: not what we believe. */
static void on_ties(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct forward *f = data;

	if (still_there(f) && error)
		rpc_fail_with(f->client, f->id, error);
	else if (still_there(f))
		rpc_reply(f->client, f->id, audit_of_store(f->api->atolld, f->domid, json_copy(result)));
	free(f);
}

static void method_audit(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	forward(a, named(a, rpc, id, params), rpc, id, "domain.ties", on_ties);
}

/* QEMU is asked through the agent of its domain, which has the list of what it may be asked. */
static void method_qmp(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);
	struct rpc *agent = d && d->dm ? agent_rpc(d->dm->agent) : NULL;
	struct json *order;
	struct forward *f;

	if (!d)
		return;
	if (!agent) {
		rpc_fail(rpc, id, ENODEV, "%s: it has no device model%s", d->name, d->dm ? " that answers" : "");
		return;
	}
	order = json_new(JSON_OBJECT);
	json_set_string(order, "execute", json_get_string(params, "execute", ""));
	if (json_get(params, "arguments"))
		json_set(order, "arguments", json_copy(json_get(params, "arguments")));
	f = malloc(sizeof(*f));
	if (f)
		*f = (struct forward){a->api, rpc, id, d->domid};
	if (!f || rpc_call(agent, "dm.qmp", order, QMP_TIMEOUT_MS, on_forwarded, f) < 0) {
		free(f);
		rpc_fail(rpc, id, EIO, "%s: its device model does not take orders", d->name);
	}
}

/* An HVM guest's serial line is what its device model's domain has as console. */
static const char *console_name(struct atolld *a, const struct json *params)
{
	const char *name = json_get_string(params, "name", "");
	struct domain *d = domain_find(a, name);

	return d && d->dm && d->guest->serial ? d->dm->name : name;
}

static void method_console_attach(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *name = console_name(a, params);
	struct json *result = json_new(JSON_OBJECT);
	bool writes = false;
	int r = consoles_attach(a->consoles, name, rpc, json_get_bool(params, "watch", false), &writes);

	if (r < 0) {
		json_free(result);
		rpc_fail(rpc, id, r, "%.80s: %s", name, r == -ENOENT ? "there is no such console; `atoll list` shows the domains"
								     : strerror(-r));
		return;
	}
	json_set_bool(result, "writes", writes);
	rpc_reply(rpc, id, result);
}

static void method_console_input(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
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

static void method_events(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	int64_t since = 0;

	json_read_int(params, "since", 0, INT64_MAX, &since);
	rpc_reply(rpc, id, events_list(a->events, (uint64_t)since));
	if (json_get_bool(params, "follow", false))
		events_follow(a->events, rpc);
}

static const struct {
	const char *name;
	method_fn *fn;
	bool early; /* also before the store runs */
} methods[] = {
	{"status", method_status, true},
	{"plan", method_plan, true},
	{"up", method_up, true},
	{"down", method_down, false},
	{"create", method_create, true},
	{"destroy", method_destroy, false},
	{"shutdown", method_shutdown, false},
	{"restart", method_restart, false},
	{"save", method_save, false},
	{"save.go", method_save_go, false},
	{"save.end", method_save_end, false},
	{"restore", method_restore, false},
	{"restore.go", method_restore_go, false},
	{"attach", method_attach, false},
	{"detach", method_detach, false},
	{"rename", method_rename, false},
	{"set", method_set, false},
	{"info", method_info, true},
	{"pause", method_pause, false},
	{"unpause", method_unpause, false},
	{"qmp", method_qmp, false},
	{"console.attach", method_console_attach, false},
	{"console.input", method_console_input, false},
	{"events", method_events, true},
	{"audit", method_audit, false},
	{"xen.log", method_xen_log, true},
};

/* What changes nothing, or is what somebody types, is not in the audit log. */
static bool is_silent(const char *method)
{
	static const char *const silent[] = {"status", "events", "audit", "xen.log", "console.input"};

	for (unsigned i = 0; i < ARRAY_SIZE(silent); i++) {
		if (!strcmp(method, silent[i]))
			return true;
	}
	return false;
}

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	struct client *client = data;
	struct atolld *a = client->api->atolld;

	for (unsigned i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(method, methods[i].name))
			continue;
		if (!is_silent(method))
			audit_call(a, method, params, client->pid);
		if (!methods[i].early && !a->store)
			rpc_fail(rpc, id, EAGAIN, "the store is not up yet; `atoll status` says why");
		else
			methods[i].fn(a, rpc, id, params);
		return;
	}
	rpc_fail(rpc, id, ENOSYS, "%.40s: atolld has no such method", method);
}

/* --- clients --- */

static void client_leave(struct client *client)
{
	struct api *api = client->api;
	struct client **link = &api->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	api->count--;
	for (struct domain *d = api->atolld->domains, *next; d; d = next) {
		next = d->next;
		if (!d->job || d->job->client != client->rpc)
			continue;
		d->job->client = NULL;
		stream_client_left(d);
	}
	consoles_detach(api->atolld->consoles, client->rpc);
	events_unfollow(api->atolld->events, client->rpc);
	rpc_destroy(client->rpc);
	free(client);
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	client_leave(data);
}

static const struct rpc_ops client_ops = {.on_request = on_request, .on_close = on_close};

static void on_accept(struct source *source, uint32_t events, void *data)
{
	struct api *api = data;
	int fd = rpc_socket_accept(api->fd);
	socklen_t cred_len = sizeof(struct ucred);
	struct ucred cred = {0};
	struct client *client;

	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len);
	if (api->count == API_CLIENTS_MAX) {
		log_warning("more than %d clients: one is turned away", API_CLIENTS_MAX);
		close(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (!client || rpc_create_socket(api->atolld->loop, fd, "client", &client_ops, client, &client->rpc) < 0) {
		free(client);
		return;
	}
	client->api = api;
	client->pid = cred.pid;
	client->next = api->clients;
	api->clients = client;
	api->count++;
}

static bool services_down(struct atolld *a)
{
	for_each_domain(d, a) {
		if (d->unwanted && d->state != DOMAIN_DOWN)
			return false;
	}
	return true;
}

void api_services_changed(struct atolld *a)
{
	bool up = services_running(a), down = services_down(a);

	if (!a->api)
		return;
	if (up && !a->announced) {
		sd_notify(0, "READY=1\nSTATUS=all services run");
		a->announced = true;
		log_info("all services run");
	}
	for (struct client *c = a->api->clients, *next; c; c = next) {
		uint32_t *waiting = up && c->up_id ? &c->up_id : down && c->down_id ? &c->down_id : NULL;
		uint32_t id = waiting ? *waiting : 0;

		next = c->next; /* answering may find this client gone */
		if (!id)
			continue;
		*waiting = 0;
		rpc_reply(c->rpc, id, status(a, -1));
	}
}

void api_service_failed(struct domain *d)
{
	struct api *api = d->atolld->api;

	for (struct client *c = api ? api->clients : NULL, *next; c; c = next) {
		uint32_t id = c->up_id;

		next = c->next;
		c->up_id = 0;
		if (id)
			rpc_fail(c->rpc, id, EIO, "%s: not started, it is tried again: %s", d->name, d->why);
	}
}

int api_create(struct atolld *a, struct api **out)
{
	struct api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return -ENOMEM;
	api->atolld = a;
	api->fd = rpc_socket_listen(RPC_SOCKET_ATOLLD, 0600);
	r = api->fd < 0 ? api->fd : loop_add_fd(a->loop, api->fd, EPOLLIN, on_accept, api, &api->source);
	if (r < 0) {
		if (api->fd >= 0)
			close(api->fd);
		free(api);
		return r;
	}
	*out = api;
	return 0;
}

struct api *api_destroy(struct api *api)
{
	if (!api)
		return NULL;
	while (api->clients)
		client_leave(api->clients);
	source_destroy(api->source);
	close(api->fd);
	unlink(RPC_SOCKET_ATOLLD);
	free(api);
	return NULL;
}
