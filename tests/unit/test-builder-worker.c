// SPDX-License-Identifier: LGPL-2.1-or-later
/* Methods in child processes: what the child tells and how it ends reach the client, and the stream is the client's descriptor. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "builder/methods.h"
#include "builder/worker.h"

#include "tap.h"

static struct loop *loop;
static char got[64], event[32], code[24];
static bool answered;

/* --- instead of Xen --- */

int builder_init(struct builder *builder, const char *state_dir)
{
	*builder = (struct builder){.state_dir = state_dir};
	return 0;
}

int method_call(struct builder *builder, const char *method, const struct json *params, struct json **result)
{
	struct json *told = json_new(JSON_OBJECT);

	json_set_int(told, "percent", 50);
	if (!strcmp(method, "die"))
		raise(SIGKILL);
	if (!strcmp(method, "hang"))
		pause();
	if (!strcmp(method, "fail"))
		return fail(builder, ENOSPC, "no room for %s", json_get_string(params, "what", "?"));
	worker_tell(builder, "progress", told);
	if (write_full(builder->stream_fd, "stream", 6) < 0)
		return fail(builder, EIO, "the stream is gone");
	*result = json_new(JSON_OBJECT);
	json_set_string(*result, "said", json_get_string(params, "what", "?"));
	return 0;
}

/* --- a server with one worker table, and a client --- */

static struct workers workers;

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	struct builder builder = {.state_dir = "/nowhere"};

	if (worker_start(&workers, &builder, rpc, id, method, params, rpc_take_fd(rpc)) < 0)
		rpc_fail(rpc, id, builder.failure.error, "%s", builder.failure.message);
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	workers_end(&workers, rpc);
	rpc_destroy(rpc);
}

static void on_event(struct rpc *rpc, const char *name, const struct json *params, void *data)
{
	snprintf(event, sizeof(event), "%s %d", name, (int)json_get_int(params, "percent", -1));
}

static const struct rpc_ops server_ops = {.on_request = on_request, .on_close = on_close};
static const struct rpc_ops client_ops = {.on_event = on_event, .on_close = on_close};

static void on_reply(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	answered = true;
	snprintf(got, sizeof(got), "%.63s", error ? error->message : json_get_string(result, "said", "?"));
	snprintf(code, sizeof(code), "%s", error ? error->code : "");
}

static struct json *what(const char *text)
{
	struct json *params = json_new(JSON_OBJECT);

	json_set_string(params, "what", text);
	return params;
}

static void call(struct rpc *client, const char *method, int fd)
{
	uint64_t deadline = now_ms() + 5000;

	answered = false;
	event[0] = '\0';
	if (fd >= 0)
		rpc_push_fd(client, fd);
	rpc_call(client, method, what("this"), 0, on_reply, NULL);
	while (!answered && now_ms() < deadline)
		loop_step(loop, 10);
}

static bool idle(void)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		if (workers.item[i])
			return false;
	}
	return true;
}

int main(void)
{
	struct rpc *server = NULL, *client = NULL;
	int pair[2], tube[2];
	char bytes[8] = "";

	signal(SIGPIPE, SIG_IGN);
	loop_create(&loop);
	workers.loop = loop;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0 || pipe(tube) < 0)
		return 1;
	rpc_create_socket(loop, pair[0], "server", &server_ops, NULL, &server);
	rpc_create_socket(loop, pair[1], "client", &client_ops, NULL, &client);
	call(client, "work", dup(tube[1]));
	ok(!strcmp(got, "this") && !code[0], "a worker answers (%s)", got);
	ok(!strcmp(event, "progress 50"), "what it tells on the way arrives (%s)", event);
	ok(read(tube[0], bytes, 6) == 6 && !strcmp(bytes, "stream"), "it writes to the descriptor that came with the call");
	ok(idle(), "it is gone afterwards");
	call(client, "fail", dup(tube[1]));
	ok(!strcmp(got, "no room for this") && !strcmp(code, "ENOSPC"), "its failure is the call's (%s)", got);
	call(client, "die", dup(tube[1]));
	ok(!strcmp(code, "EIO") && idle(), "one that dies fails the call (%s)", got);
	call(client, "work", -1);
	ok(!strcmp(code, "EBADF"), "without a descriptor nothing is started (%s)", got);
	answered = false;
	for (unsigned i = 0; i <= WORKERS_MAX; i++) {
		rpc_push_fd(client, dup(tube[1]));
		rpc_call(client, "hang", NULL, 0, on_reply, NULL);
	}
	for (unsigned i = 0; i < 50; i++)
		loop_step(loop, 2);
	ok(answered && !strcmp(code, "EBUSY"), "one more than %d is refused (%s)", WORKERS_MAX, got);
	workers_end(&workers, server);
	ok(idle(), "those of a client that leaves are ended");
	rpc_destroy(client);
	rpc_destroy(server);
	loop_destroy(loop);
	return plan_done();
}
