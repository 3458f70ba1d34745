// SPDX-License-Identifier: LGPL-2.1-or-later
/* JSON-RPC sessions over a socket pair: answers, timeouts, and peers that break the rules. */
#include "rpc/rpc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tap.h"

static struct loop *loop;
static char closed_why[128], got_code[32], got_message[512];
static int64_t got;
static uint32_t held_id;

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	struct json *result;

	if (!strcmp(method, "hold")) {
		held_id = id;
	} else if (!strcmp(method, "bye")) {
		rpc_destroy(rpc);
	} else if (!strcmp(method, "fail")) {
		rpc_fail(rpc, id, ENOENT, "no such\nthing");
	} else {
		result = json_new(JSON_OBJECT);
		json_set_int(result, "twice", 2 * json_get_int(params, "n", 0));
		rpc_reply(rpc, id, result);
	}
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	snprintf(closed_why, sizeof(closed_why), "%s", why);
	*(struct rpc **)data = rpc_destroy(rpc);
}

static void on_reply(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	got = json_get_int(result, "twice", -1);
	snprintf(got_code, sizeof(got_code), "%s", error ? error->code : "");
	snprintf(got_message, sizeof(got_message), "%s", error ? error->message : "");
}

static const struct rpc_ops ops = {.on_request = on_request, .on_close = on_close};

static void run(int ms)
{
	uint64_t end = now_ms() + (uint64_t)ms;

	while (now_ms() < end)
		loop_step(loop, 1);
}

static struct json *params(int64_t n)
{
	struct json *p = json_new(JSON_OBJECT);

	json_set_int(p, "n", n);
	return p;
}

static void make_pair(int fds[2])
{
	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0, "a socket pair is made");
}

static void test_calls(void)
{
	struct rpc *a = NULL, *b = NULL;
	AUTO_JSON struct json *result = NULL;
	struct rpc_error error;
	struct json *none;
	int fds[2];

	make_pair(fds);
	ok(!rpc_create_socket(loop, fds[0], "a", &ops, &a, &a) && !rpc_create_socket(loop, fds[1], "b", &ops, &b, &b),
	   "two sessions are made");
	ok(rpc_call(a, "double", params(21), 0, on_reply, NULL) == 0, "a call is sent");
	run(10);
	ok(got == 42, "its answer arrives");
	ok(rpc_call_wait(loop, a, "double", params(4), 0, &result, &error) == 0 && json_get_int(result, "twice", 0) == 8, "or is waited for");
	ok(rpc_call_wait(loop, a, "fail", NULL, 0, &none, &error) == -EREMOTEIO && !none && !strcmp(error.code, "ENOENT"), "so is an error");
	rpc_call(b, "fail", NULL, 0, on_reply, NULL);
	run(10);
	ok(!strcmp(got_code, "ENOENT") && !strcmp(got_message, "no such?thing"), "an error arrives, harmless to a terminal");
	rpc_call(a, "hold", NULL, 20, on_reply, NULL);
	run(40);
	ok(!strcmp(got_code, "ETIMEDOUT"), "a call that is not answered times out");
	rpc_reply(b, held_id, params(0));
	run(10);
	ok(a && b, "an answer that comes too late is ignored");
	for (int i = 0; i < 3000; i++)
		rpc_event(a, "noise", params(i));
	run(50);
	ok(a && b, "3000 events pass");
	rpc_call(a, "hold", NULL, 0, on_reply, NULL);
	rpc_call(a, "bye", NULL, 0, on_reply, NULL);
	run(10);
	ok(!a && !strcmp(got_code, "ECONNRESET"), "calls that wait fail when the peer leaves");
}

static void test_hostile(const char *name, const void *bytes, size_t len)
{
	struct rpc *a = NULL;
	int fds[2];

	closed_why[0] = '\0';
	make_pair(fds);
	rpc_create_socket(loop, fds[0], "a", &ops, &a, &a);
	ok(write(fds[1], bytes, len) == (ssize_t)len, "%s is sent", name);
	run(5);
	ok(!a && closed_why[0], "%s ends the session (%s)", name, closed_why);
	rpc_destroy(a);
	close(fds[1]);
}

static void test_deaf_peer(void)
{
	struct rpc *a = NULL;
	int fds[2], i;

	make_pair(fds);
	rpc_create_socket(loop, fds[0], "a", &ops, &a, &a);
	for (i = 0; i < 1000000 && a; i++)
		rpc_event(a, "noise", params(i));
	ok(!a && strstr(closed_why, "does not read"), "a peer that never reads loses its session after %d events", i);
	close(fds[1]);
}

static void test_descriptors(void)
{
	struct rpc *a = NULL, *b = NULL;
	int pair[2], tube[2], fd;
	char byte = 0;

	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0 && pipe(tube) == 0, "a pair of sockets and a pipe");
	rpc_create_socket(loop, pair[0], "a", &ops, &a, &a);
	rpc_create_socket(loop, pair[1], "b", &ops, &b, &b);
	ok(rpc_take_fd(b) == -EBADF, "no descriptor came yet");
	rpc_push_fd(a, tube[1]);
	rpc_call(a, "hold", NULL, 0, on_reply, NULL);
	run(20);
	fd = rpc_take_fd(b);
	ok(fd >= 0 && write(fd, "x", 1) == 1 && read(tube[0], &byte, 1) == 1 && byte == 'x', "a descriptor comes with a frame");
	ok(rpc_take_fd(b) == -EBADF, "and is taken once");
	close(fd);
	for (unsigned i = 0; i < 6; i++) {
		rpc_push_fd(a, dup(tube[0]));
		rpc_event(a, "x", NULL);
	}
	run(20);
	for (fd = 0; rpc_take_fd(b) >= 0;)
		fd++;
	ok(fd == 4 && b, "descriptors that nobody takes are kept up to a limit (%d)", fd);
	close(tube[0]);
	rpc_destroy(a);
	rpc_destroy(b);
}

int main(void)
{
	loop_create(&loop);
	test_calls();
	test_hostile("a length of 0", "\0\0\0\0", 4);
	test_hostile("a length past the limit", "\1\0\1\0", 4);
	test_hostile("text that is no JSON", "\3\0\0\0abc", 7);
	test_hostile("an array", "\2\0\0\0[]", 6);
	test_hostile("a frame without id", "\2\0\0\0{}", 6);
	test_hostile("params that are no object", "\x14\0\0\0{\"id\":1,\"params\":[]}", 24);
	test_deaf_peer();
	test_descriptors();
	loop_destroy(loop);
	return plan_done();
}
