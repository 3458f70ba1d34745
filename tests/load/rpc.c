// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Round trips of the same request with the same answer: to a service domain's agent over vchan, and to a process over a unix socket.
 *
 *   atoll-load-rpc DOMID    prints "vchan MICROSECONDS" and "unix MICROSECONDS", each the median of rounds that take turns
 *
 * An agent has one session: atolld must not run meanwhile.
 */
#include <libxenvchan.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "rpc/rpc.h"

#define ROUNDS 15
#define CALLS 100 /* a round */

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	rpc_reply(rpc, id, json_build("memory_kib=%d available_kib=%d", 123456, 98765));
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	_exit(0);
}

static const struct rpc_ops server_ops = {.on_request = on_request, .on_close = on_close};

static void serve(int fd)
{
	struct loop *loop = NULL;
	struct rpc *rpc = NULL;

	if (loop_create(&loop) == 0 && rpc_create_socket(loop, fd, "client", &server_ops, NULL, &rpc) == 0)
		loop_run(loop);
	_exit(1);
}

/* Microseconds a call, or -1. */
static double round_trip(struct loop *loop, struct rpc *rpc)
{
	uint64_t start = now_us();

	for (int i = 0; i < CALLS; i++) {
		struct rpc_error error;
		struct json *result = NULL;

		if (rpc_call_wait(loop, rpc, "ping", NULL, 0, &result, &error) < 0)
			return -1;
		json_free(result);
	}
	return (double)(now_us() - start) / CALLS;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int measure(struct loop *loop, struct rpc *const sessions[2])
{
	static const char *const names[2] = {"vchan", "unix"};
	double us[2][ROUNDS];

	for (int n = 0; n < ROUNDS; n++) {
		for (int s = 0; s < 2; s++) {
			us[s][n] = round_trip(loop, sessions[s]);
			if (us[s][n] < 0)
				return 1;
		}
	}
	for (int s = 0; s < 2; s++) {
		qsort(us[s], ROUNDS, sizeof(us[s][0]), compare);
		printf("%s %.1f\n", names[s], us[s][ROUNDS / 2]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct rpc_ops client_ops = {.on_close = on_close};
	struct rpc *sessions[2] = {NULL, NULL};
	struct libxenvchan *vchan;
	struct loop *loop = NULL;
	char path[64];
	int fds[2], r;

	if (argc != 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) {
		fprintf(stderr, "usage: atoll-load-rpc DOMID\n");
		return 2;
	}
	if (fork() == 0) {
		close(fds[0]);
		serve(fds[1]);
	}
	close(fds[1]);
	snprintf(path, sizeof(path), "/local/domain/%s/data/vchan/0/agent", argv[1]);
	vchan = libxenvchan_client_init(NULL, atoi(argv[1]), path);
	if (!vchan || loop_create(&loop) < 0 || rpc_create_vchan(loop, vchan, "agent", &client_ops, NULL, &sessions[0]) < 0 ||
	    rpc_create_socket(loop, fds[0], "process", &client_ops, NULL, &sessions[1]) < 0) {
		perror("atoll-load-rpc");
		return 1;
	}
	r = measure(loop, sessions);
	rpc_destroy(sessions[0]);
	rpc_destroy(sessions[1]);
	loop_destroy(loop);
	return r;
}
