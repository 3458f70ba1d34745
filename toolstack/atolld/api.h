/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command asks for: JSON-RPC on RPC_SOCKET_ATOLLD. The methods are described in atolld(8). */
#ifndef ATOLL_API_H
#define ATOLL_API_H

#include "atolld/atolld.h"

#define API_CLIENTS_MAX 64

int api_create(struct atolld *atolld, struct api **api);
struct api *api_destroy(struct api *api);
typedef void method_fn(struct atolld *atolld, struct rpc *rpc, uint32_t id, const struct json *params);
/* stream.c */
method_fn method_save, method_save_go, method_save_end, method_restore, method_restore_go;
/* adjust.c */
method_fn method_attach, method_detach, method_rename, method_set, method_info;

/* The guest that params name; or NULL, and the client was told. */
struct domain *api_guest(struct atolld *atolld, struct rpc *rpc, uint32_t id, const struct json *params);
/* Says why an operation on DOMAIN was not begun: ERROR is negative. */
void api_refuse(struct rpc *rpc, uint32_t id, const struct domain *domain, int error);

/* Answers the client that asked for the job, if one did: with RESULT (taken over) or the job's error. */
void api_answer(struct job *job, struct json *result);
/* Tells those that wait for `up`, and systemd, when all services run; those that wait for `down` when they are gone. */
void api_services_changed(struct atolld *atolld);
/* A service could not be started: tells those that wait for `up`. */
void api_service_failed(struct domain *domain);

#endif
