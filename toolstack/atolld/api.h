/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command asks for: JSON-RPC on RPC_SOCKET_ATOLLD. The methods are described in atolld(8). */
#ifndef ATOLL_API_H
#define ATOLL_API_H

#include "atolld/atolld.h"

#define API_CLIENTS_MAX 64

int api_create(struct atolld *atolld, struct api **api);
struct api *api_destroy(struct api *api);

/* What a client asks. */
struct request {
	struct atolld *atolld;
	struct rpc *rpc;
	uint32_t id;
	const struct json *params;
	struct domain *domain; /* that "name" of PARAMS names, if the method is of one */
	int fd;		       /* the descriptor that came with it, or -1; a method that keeps it takes it */
};
/* Answers it now, or later, and returns 0; or returns -errno, and the client is told so in general words. */
typedef int method_fn(struct request *request);

struct method {
	const char *name; /* NULL ends the table */
	method_fn *run;
	/* What it needs. OF_ANY: a domain, which may be the control domain (then it is NULL). A running guest has no job. */
	enum { OF_HOST, OF_ANY, OF_DOMAIN, OF_GUEST, OF_RUNNING_GUEST } of;
	enum {
		EARLY = 1, /* also before the store runs */
		SILENT = 2, /* it changes nothing, or is what somebody types: not in the audit log */
		WITH_FD = 4 /* a descriptor belongs to it */
	} flags;
};
extern const struct method methods[]; /* methods.c */
/* stream.c */
method_fn method_save, method_save_go, method_save_end, method_restore, method_restore_go;
/* adjust.c */
method_fn method_attach, method_detach, method_rename, method_set, method_info;

/* RESULT is taken over. Both return 0. */
int request_reply(const struct request *request, struct json *result);
int request_fail(const struct request *request, int error, const char *fmt, ...) PRINTF(3, 4);
/* Has METHOD of TO, the builder or an agent, answer, with what ANSWER (NULL: nothing) makes of the result, which it takes over. PARAMS are taken over.
 * As a method returns. */
typedef struct json *forward_fn(struct atolld *atolld, unsigned domid, struct json *result);
int request_forward(const struct request *request, struct rpc *to, const char *method, struct json *params, unsigned timeout_ms,
		    forward_fn *answer);
/* It is answered by api_services_changed(). */
void request_wait(const struct request *request, bool up);
/* From now on its client gets what api_event() sends: EVENT, which is taken over. */
void request_follow(const struct request *request);
void api_event(struct atolld *atolld, struct json *event);

/* Answers the client that asked for the job, if one did: with RESULT (taken over) or the job's error. */
void api_answer(struct job *job, struct json *result);
/* Tells those that wait for `up`, and systemd, when all services run; those that wait for `down` when they are gone. */
void api_services_changed(struct atolld *atolld);
/* A service could not be started: tells those that wait for `up`. */
void api_service_failed(struct domain *domain);

#endif
