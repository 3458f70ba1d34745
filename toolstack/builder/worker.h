/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Methods that stream a domain's memory take long: each runs in a child process of its own, with handles of its own and the
 * stream, and the builder goes on meanwhile. What the child tells on the way ("progress", "suspend") becomes an event for the client.
 */
#ifndef ATOLL_BUILDER_WORKER_H
#define ATOLL_BUILDER_WORKER_H

#include "builder.h"
#include "rpc/rpc.h"

#define WORKERS_MAX 8 /* streams at once: each has a process and buffers */

struct worker;
struct workers {
	struct loop *loop;
	struct worker *item[WORKERS_MAX];
};

/* Answers REQUEST of CLIENT when the child is through. FD is taken over. 0 or -errno. */
int worker_start(struct workers *workers, struct builder *builder, struct rpc *client, uint32_t request, const char *method,
		 const struct json *params, int fd);
/* Ends those of a client that left; NULL: all. */
void workers_end(struct workers *workers, const struct rpc *client);

/* In the child: tells the client. */
void worker_tell(const struct builder *builder, const char *event, struct json *params);

#endif
