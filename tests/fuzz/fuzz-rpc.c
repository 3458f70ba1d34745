// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Fuzz target: a session of JSON-RPC whose peer sends anything. The input is bytes of frames; a first byte says in how many pieces.
 * We answer each request and have one of our own under way. Whatever comes, the session goes on or is closed, once.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "rpc/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replies, closes;

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	if (method[0] == 'e')
		rpc_fail(rpc, id, EINVAL, "%s: %s", method, json_get_string(params, "name", "-"));
	else
		rpc_reply(rpc, id, json_new(JSON_OBJECT));
}

static void on_event(struct rpc *rpc, const char *event, const struct json *params, void *data)
{
	json_get_int(params, event, 0);
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	closes++;
}

static void on_reply(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	if (!result == !error)
		abort();
	replies++;
}

static const struct rpc_ops ops = {.on_request = on_request, .on_event = on_event, .on_close = on_close};

static void drain(struct loop *loop, int fd)
{
	char answers[4096];

	for (int i = 0; i < 12; i++) /* all that is there: a step takes a bounded piece of it */
		loop_step(loop, 0);
	while (recv(fd, answers, sizeof(answers), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size ? 1 + (size - 1) / (1 + data[0] % 4) : 0;
	struct loop *loop = NULL;
	struct rpc *rpc = NULL;
	int ends[2];

	log_set_level(LOG_LEVEL_ERROR);
	replies = closes = 0;
	if (!size || loop_create(&loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0 ||
	    rpc_create_socket(loop, ends[0], "fuzz", &ops, NULL, &rpc) < 0 || rpc_call(rpc, "hello", NULL, 0, on_reply, NULL) < 0)
		return size ? abort(), 0 : 0;
	for (size_t at = 1; at < size; at += piece) {
		ssize_t n = send(ends[1], data + at, MIN(piece, size - at), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			break; /* it has closed */
		drain(loop, ends[1]);
	}
	close(ends[1]);
	drain(loop, ends[1]);
	rpc_destroy(rpc);
	if (replies != 1 || closes > 1)
		abort();
	loop_destroy(loop);
	return 0;
}
