// SPDX-License-Identifier: LGPL-2.1-or-later
/* What atolld and the hypervisor say of the host. */
#include "experiment/lab.h"

#include <errno.h>
#include <string.h>

#define STATUS_TIMEOUT_MS 1000
#define BUILDER_TIMEOUT_MS 10000

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	struct peer *peer = data;

	peer->rpc = rpc_destroy(rpc);
}

static const struct rpc_ops ops = {.on_close = on_close};

int lab_init(struct lab *lab)
{
	*lab = (struct lab){.atolld.path = RPC_SOCKET_ATOLLD, .builder.path = RPC_SOCKET_BUILDER};
	return loop_create(&lab->loop);
}

void lab_fini(struct lab *lab)
{
	rpc_destroy(lab->atolld.rpc);
	rpc_destroy(lab->builder.rpc);
	loop_destroy(lab->loop);
	json_free(lab->status);
}

/* The daemons do not know us from a hanging session: a call without an answer ends it. */
int lab_call(struct lab *lab, struct peer *peer, const char *method, struct json *params, unsigned timeout_ms, struct json **result,
	     char *why, size_t size)
{
	struct json *answer = NULL;
	struct rpc_error error;
	int fd, r = 0;

	if (!peer->rpc) {
		fd = rpc_socket_connect(peer->path);
		r = fd < 0 ? fd : rpc_create_socket(lab->loop, fd, peer->path, &ops, peer, &peer->rpc);
	}
	if (r == 0)
		r = rpc_call_wait(lab->loop, peer->rpc, method, params, timeout_ms, &answer, &error);
	else
		json_free(params);
	if (r == -EREMOTEIO)
		snprintf(why, size, "%.300s", error.message);
	else if (r < 0)
		snprintf(why, size, "%s: %s", method, strerror(-r));
	if (r == -EREMOTEIO && peer->rpc && strstr(why, "no answer"))
		peer->rpc = rpc_destroy(peer->rpc);
	if (r == -EREMOTEIO)
		r = !strcmp(error.code, "EEXIST") ? -EEXIST : -EIO;
	if (result)
		*result = answer;
	else
		json_free(answer);
	return r;
}

bool lab_poll(struct lab *lab)
{
	struct json *all = NULL, *page;
	int64_t first = 0;
	char why[320];

	lab->status = json_free(lab->status);
	do {
		if (lab_call(lab, &lab->atolld, "status", json_build("first=%ld", first), STATUS_TIMEOUT_MS, &page, why, sizeof(why)) < 0) {
			json_free(page);
			json_free(all);
			return false;
		}
		first = json_get_int(page, "next", 0);
		json_for_each(d, all ? json_get(page, "domains") : NULL)
			json_append((struct json *)json_get(all, "domains"), json_copy(d));
		if (all)
			json_free(page);
		else
			all = page;
	} while (first);
	lab->status = all;
	return true;
}

const struct json *lab_domain(const struct lab *lab, const char *name)
{
	const struct json *role = NULL;

	json_for_each(d, json_get(lab->status, "domains")) {
		if (!strcmp(json_get_string(d, "name", ""), name))
			return d;
		if (!role && !strcmp(json_get_string(d, "role", ""), name))
			role = d;
	}
	return role;
}

bool lab_services_run(const struct lab *lab)
{
	return json_get_bool(lab->status, "up", false);
}

static unsigned add_domains(struct truth *truth, const struct json *list)
{
	json_for_each(d, json_get(list, "domains")) {
		truth->domains++;
		truth->zombies += !strcmp(json_get_string(d, "state", ""), "dying");
		truth->pages += (uint64_t)json_get_int(d, "memory_kib", 0) / 4;
	}
	return (unsigned)json_get_int(list, "next", 0);
}

void lab_truth(struct lab *lab, struct truth *truth)
{
	struct json *info = NULL, *list = NULL;
	unsigned first = 0;
	char why[320];

	*truth = (struct truth){0};
	if (lab_call(lab, &lab->builder, "host.info", NULL, BUILDER_TIMEOUT_MS, &info, why, sizeof(why)) < 0)
		return;
	truth->pages = (uint64_t)json_get_int(info, "free_kib", 0) / 4;
	truth->total_kib = (uint64_t)json_get_int(info, "total_kib", 0);
	truth->cpus = (unsigned)json_get_int(info, "cpus", 0);
	snprintf(truth->xen_version, sizeof(truth->xen_version), "%s", json_get_string(info, "xen_version", "?"));
	json_free(info);
	do {
		if (lab_call(lab, &lab->builder, "domain.list", json_build("first=%u", first), BUILDER_TIMEOUT_MS, &list, why, sizeof(why)) < 0)
			return;
		first = add_domains(truth, list);
		list = json_free(list);
	} while (first);
	truth->valid = true;
}
