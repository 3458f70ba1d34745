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

static struct client *client_of(struct api *api, const struct rpc *rpc)
{
	struct client *client = api->clients;

	while (client && client->rpc != rpc)
		client = client->next;
	return client;
}

/* --- requests --- */

int request_reply(const struct request *r, struct json *result)
{
	rpc_reply(r->rpc, r->id, result);
	return 0;
}

int request_fail(const struct request *r, int error, const char *fmt, ...)
{
	char text[sizeof(((struct rpc_error *)0)->message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rpc_fail(r->rpc, r->id, error, "%s", text);
	return 0;
}

/* A method did not begin what was asked, and has no better words for it. */
static void refuse(const struct request *r, int error)
{
	const struct domain *d = r->domain;

	if (!d)
		request_fail(r, error, "%s", strerror(-error));
	else if (error == -EBUSY)
		request_fail(r, EBUSY, "%s: it is %s%s", d->name, domain_state_name(d), d->job ? "; try again when that is done" : "");
	else
		request_fail(r, error, "%s: %s", d->name, strerror(-error));
}

/* The domain that the request names, if METHOD is of one. False: there is no such one, and the client was told. */
static bool find_domain(struct request *r, const struct method *method)
{
	const char *name = json_get_string(r->params, "name", "");
	struct domain *d = r->domain = domain_find(r->atolld, name);

	if (method->of == OF_HOST || (method->of == OF_ANY && !strcmp(name, "Domain-0"))) {
		r->domain = NULL;
		return true;
	}
	if (!d)
		request_fail(r, ENOENT, "%.63s: there is no such domain; `atoll list` shows them", name);
	else if (method->of == OF_DOMAIN || method->of == OF_ANY)
		return true;
	else if (d->role == ROLE_DM)
		request_fail(r, EPERM, "%s: this is a guest's device model, which comes and goes with it", d->name);
	else if (d->role != ROLE_GUEST)
		request_fail(r, EPERM, "%s: this is a service, not a guest; `atoll restart` rebuilds it", d->name);
	else if (method->of == OF_RUNNING_GUEST && (d->job || d->state != DOMAIN_RUNNING))
		refuse(r, -EBUSY);
	else
		return true;
	return false;
}

static void run_method(struct request *r, const struct method *method)
{
	int e;

	if (!(method->flags & EARLY) && !r->atolld->store) {
		request_fail(r, EAGAIN, "the store is not up yet; `atoll status` says why");
		return;
	}
	e = find_domain(r, method) ? method->run(r) : 0;
	if (e < 0)
		refuse(r, e);
}

static void on_request(struct rpc *rpc, uint32_t id, const char *name, const struct json *params, void *data)
{
	struct client *client = data;
	struct request r = {.atolld = client->api->atolld, .rpc = rpc, .id = id, .params = params, .fd = -1};
	const struct method *method = methods;

	while (method->name && strcmp(name, method->name))
		method++;
	if (!method->name) {
		request_fail(&r, ENOSYS, "%.40s: atolld has no such method", name);
		return;
	}
	if (!(method->flags & SILENT))
		audit_call(r.atolld, name, params, client->pid);
	/* Here, so that a request which is refused does not leave it to the next one. */
	if (method->flags & WITH_FD)
		r.fd = rpc_take_fd(rpc);
	run_method(&r, method);
	if (r.fd >= 0)
		close(r.fd);
}

/* --- answers that come later --- */

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

struct forward {
	struct atolld *atolld;
	uint64_t client; /* its serial: it may leave before the answer comes */
	uint32_t id;
	unsigned domid;
	forward_fn *answer;
};

static void on_answer(struct rpc *from, const struct json *result, const struct rpc_error *error, void *data)
{
	AUTO_FREE struct forward *f = data;
	struct client *client = f->atolld->api->clients;

	while (client && client->serial != f->client)
		client = client->next;
	if (client && error)
		rpc_fail_with(client->rpc, f->id, error);
	else if (client)
		rpc_reply(client->rpc, f->id, f->answer ? f->answer(f->atolld, f->domid, json_copy(result)) : json_copy(result));
	census_request(f->atolld);
}

int request_forward(const struct request *r, struct rpc *to, const char *method, struct json *params, unsigned timeout_ms,
		    forward_fn *answer)
{
	struct forward *f = malloc(sizeof(*f));

	if (!f) {
		json_free(params);
		return -ENOMEM;
	}
	*f = (struct forward){r->atolld, client_of(r->atolld->api, r->rpc)->serial, r->id, r->domain ? r->domain->domid : 0, answer};
	if (rpc_call(to, method, params, timeout_ms, on_answer, f) == 0)
		return 0;
	free(f);
	return request_fail(r, EIO, "%s does not take orders", rpc_peer(to));
}

void request_follow(const struct request *r)
{
	client_of(r->atolld->api, r->rpc)->follows = true;
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

void request_wait(const struct request *r, bool up)
{
	struct client *client = client_of(r->atolld->api, r->rpc);

	*(up ? &client->up_id : &client->down_id) = r->id;
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
