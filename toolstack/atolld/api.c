// SPDX-License-Identifier: LGPL-2.1-or-later
/* The command's socket: who is connected, and what becomes of a request. Clients are root on this host, but what they send is still
 * checked like any other peer's. */
#include "atolld/api.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "atolld/audit.h"
#include "atolld/consoles.h"
#include "atolld/events.h"
#include "base/log.h"

struct client {
	struct client *next;
	struct api *api;
	struct rpc *rpc;
	uint64_t serial; /* no other client ever has it */
	int pid; /* of the process that connected */
	bool follows; /* events */
	uint32_t up_id, down_id; /* an `up` or `down` that waits for its answer */
};

struct api {
	struct atolld *atolld;
	int fd;
	struct source *source;
	struct client *clients;
	unsigned count;
	uint64_t last_serial;
};

void api_answer(struct job *job, struct json *result)
{
	if (job->client && !job->error.code[0]) {
		rpc_reply(job->client, job->client_id, result);
	} else {
		json_free(result);
		if (job->client)
			rpc_fail_with(job->client, job->client_id, &job->error);
	}
	job->client = NULL;
}

struct domain *api_domain(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *name = json_get_string(params, "name", "");
	struct domain *d = domain_find(a, name);

	if (!d)
		rpc_fail(rpc, id, ENOENT, "%.63s: there is no such domain; `atoll list` shows them", name);
	return d;
}

struct domain *api_guest(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_domain(a, rpc, id, params);

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

void api_refuse(struct rpc *rpc, uint32_t id, const struct domain *d, int error)
{
	if (error == -EBUSY && d->job)
		rpc_fail(rpc, id, EBUSY, "%s: it is %s; try again when that is done", d->name, domain_state_name(d));
	else if (error == -EBUSY)
		rpc_fail(rpc, id, EBUSY, "%s: it is %s", d->name, domain_state_name(d));
	else
		rpc_fail(rpc, id, error, "%s: %s", d->name, strerror(-error));
}

struct domain *api_running_guest(struct atolld *a, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct domain *d = api_guest(a, rpc, id, params);

	if (!d || (!d->job && d->state == DOMAIN_RUNNING))
		return d;
	api_refuse(rpc, id, d, -EBUSY);
	return NULL;
}

/* --- those that wait for all services --- */

static struct client *client_of(struct api *api, const struct rpc *rpc)
{
	struct client *client = api->clients;

	while (client && client->rpc != rpc)
		client = client->next;
	return client;
}

uint64_t api_serial(const struct atolld *a, const struct rpc *rpc)
{
	return client_of(a->api, rpc)->serial;
}

void api_follow(const struct atolld *a, const struct rpc *rpc)
{
	client_of(a->api, rpc)->follows = true;
}

void api_event(struct atolld *a, struct json *event)
{
	for (struct client *c = a->api ? a->api->clients : NULL, *next; c; c = next) {
		next = c->next; /* sending may find it gone */
		if (c->follows)
			rpc_event(c->rpc, "event", json_copy(event));
	}
	json_free(event);
}

struct rpc *api_client(const struct atolld *a, uint64_t serial)
{
	for (struct client *c = a->api->clients; c; c = c->next) {
		if (c->serial == serial)
			return c->rpc;
	}
	return NULL;
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
		rpc_reply(c->rpc, id, json_build("up?%d", up));
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

/* --- requests --- */

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
	client->serial = ++api->last_serial;
	client->pid = cred.pid;
	client->next = api->clients;
	api->clients = client;
	api->count++;
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
