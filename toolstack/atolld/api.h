/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command asks for: JSON-RPC on RPC_SOCKET_ATOLLD. The methods are described in atolld(8). */
#ifndef ATOLL_API_H
#define ATOLL_API_H

#include "atolld/atolld.h"

#define API_CLIENTS_MAX 64

int api_create(struct atolld *atolld, struct api **api);
struct api *api_destroy(struct api *api);
typedef void method_fn(struct atolld *atolld, struct rpc *rpc, uint32_t id, const struct json *params);
/* methods.c */
method_fn method_status, method_plan, method_create, method_destroy, method_shutdown, method_restart, method_pause, method_unpause, method_qmp,
	method_console_attach, method_console_input, method_events, method_audit, method_xen_log;
/* stream.c */
method_fn method_save, method_save_go, method_save_end, method_restore, method_restore_go;
/* adjust.c */
method_fn method_attach, method_detach, method_rename, method_set, method_info;

/* The domain that params name; one that is a guest; a guest that runs and has no job. NULL: there is none, and the client was told. */
struct domain *api_domain(struct atolld *atolld, struct rpc *rpc, uint32_t id, const struct json *params);
struct domain *api_guest(struct atolld *atolld, struct rpc *rpc, uint32_t id, const struct json *params);
struct domain *api_running_guest(struct atolld *atolld, struct rpc *rpc, uint32_t id, const struct json *params);
/* Says why an operation on DOMAIN was not begun: ERROR is negative. */
void api_refuse(struct rpc *rpc, uint32_t id, const struct domain *domain, int error);

/* A client's number, which no other ever has, and who has it now: NULL if it has left. */
uint64_t api_serial(const struct atolld *atolld, const struct rpc *rpc);
struct rpc *api_client(const struct atolld *atolld, uint64_t serial);

/* From now on RPC gets what api_event() sends: EVENT, which is taken over. */
void api_follow(const struct atolld *atolld, const struct rpc *rpc);
void api_event(struct atolld *atolld, struct json *event);

/* Has METHOD of TO, the builder or an agent, answer the request, with what ANSWER (NULL: nothing) makes of the result, which it takes over.
 * PARAMS are taken over. (forward.c) */
typedef struct json *forward_fn(struct atolld *atolld, unsigned domid, struct json *result);
void api_forward(struct atolld *atolld, struct rpc *client, uint32_t id, struct rpc *to, const char *method, struct json *params,
		 unsigned timeout_ms, forward_fn *answer);

/* Answers the client that asked for the job, if one did: with RESULT (taken over) or the job's error. */
void api_answer(struct job *job, struct json *result);
/* Tells those that wait for `up`, and systemd, when all services run; those that wait for `down` when they are gone. */
void api_services_changed(struct atolld *atolld);
/* A service could not be started: tells those that wait for `up`. */
void api_service_failed(struct domain *domain);

#endif
