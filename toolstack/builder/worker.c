// SPDX-License-Identifier: LGPL-2.1-or-later
/* Methods in child processes. The child's last frame is the event "done" or "failed"; without one it died. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/log.h"
#include "methods.h"

#define CHILD_LINK 3
#define CHILD_STREAM 4

struct worker {
	struct worker **place; /* in the table */
	struct rpc *client, *link;
	uint32_t request;
	pid_t pid;
};

static void worker_end(struct worker *worker)
{
	rpc_destroy(worker->link);
	kill(worker->pid, SIGKILL); /* it has nothing more to do in any case */
	while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*worker->place = NULL;
	free(worker);
}

static void on_event(struct rpc *link, const char *event, const struct json *params, void *data)
{
	struct worker *worker = data;

	if (!strcmp(event, "done"))
		rpc_reply(worker->client, worker->request, json_copy(params));
	else if (!strcmp(event, "failed"))
		rpc_fail(worker->client, worker->request, (int)json_get_int(params, "error", EIO), "%s",
			 json_get_string(params, "message", "?"));
	else {
		rpc_event(worker->client, event, json_copy(params));
		return;
	}
	worker_end(worker);
}

static void on_close(struct rpc *link, const char *why, void *data)
{
	struct worker *worker = data;

	rpc_fail(worker->client, worker->request, EIO, "the process that streams the domain died");
	worker_end(worker);
}

static const struct rpc_ops link_ops = {.on_event = on_event, .on_close = on_close};

void worker_tell(const struct builder *builder, const char *event, struct json *params)
{
	AUTO_JSON struct json *frame = json_build("event=%s params=%p", event, params);
	AUTO_BUF struct buf text = BUF_INIT(RPC_FRAME_MAX);
	unsigned char head[4];

	if (json_print(frame, &text, false) < 0)
		_exit(1);
	for (unsigned i = 0; i < 4; i++)
		head[i] = (unsigned char)(text.len >> (8 * i));
	if (write_full(builder->link_fd, head, 4) < 0 || write_full(builder->link_fd, text.data, text.len) < 0)
		_exit(1);
}

/* Handles are not shared with the parent: buffers of hypercalls do not survive a fork. */
static _Noreturn void child(const char *state_dir, const char *method, const struct json *params, int link_fd, int stream_fd)
{
	struct builder builder;
	struct json *result = NULL;
	sigset_t none;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN); /* the stream's other end may go; the domain is put in order then */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	link_fd = fcntl(link_fd, F_DUPFD, CHILD_STREAM + 1);
	stream_fd = fcntl(stream_fd, F_DUPFD, CHILD_STREAM + 1);
	if (dup2(link_fd, CHILD_LINK) < 0 || dup2(stream_fd, CHILD_STREAM) < 0 || close_range(CHILD_STREAM + 1, ~0u, 0) < 0)
		_exit(1);
	ret = builder_init(&builder, state_dir);
	builder.link_fd = CHILD_LINK;
	builder.stream_fd = CHILD_STREAM;
	if (ret == 0)
		method_call(&builder, method, params, &result);
	if (!result) {
		log_warning("%s: %s", method, builder.failure.message);
		worker_tell(&builder, "failed", json_build("error=%d message=%s", builder.failure.error, builder.failure.message));
	} else {
		worker_tell(&builder, "done", result);
	}
	_exit(0);
}

int worker_start(struct workers *workers, struct builder *builder, struct rpc *client, uint32_t request, const char *method,
		 const struct json *params, int stream_fd)
{
	AUTO_CLOSE int stream = stream_fd, ours = -1, theirs = -1;
	struct worker **place = workers->item, *worker = NULL;
	int pair[2], ret;

	if (stream < 0)
		return fail(builder, EBADF, "%s: no descriptor came with it", method);
	while (place < workers->item + WORKERS_MAX && *place)
		place++;
	if (place == workers->item + WORKERS_MAX)
		return fail(builder, EBUSY, "%s: %d domains are streamed already", method, WORKERS_MAX);
	worker = calloc(1, sizeof(*worker));
	if (!worker || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		free(worker);
		return fail(builder, errno, "%s: %s", method, strerror(errno));
	}
	ours = pair[0];
	theirs = pair[1];
	*worker = (struct worker){.place = place, .client = client, .request = request};
	fcntl(ours, F_SETFL, O_NONBLOCK);
	fcntl(stream, F_SETFL, fcntl(stream, F_GETFL) & ~O_NONBLOCK);
	ret = rpc_create_socket(workers->loop, TAKE_FD(ours), "worker", &link_ops, worker, &worker->link);
	if (ret < 0) {
		free(worker);
		return fail(builder, -ret, "%s: %s", method, strerror(-ret));
	}
	worker->pid = fork();
	if (worker->pid == 0)
		child(builder->state_dir, method, params, theirs, stream);
	if (worker->pid < 0) {
		ret = fail(builder, errno, "%s: no process for it: %s", method, strerror(errno));
		rpc_destroy(worker->link);
		free(worker);
		return ret;
	}
	*place = worker;
	return 0;
}

void workers_end(struct workers *workers, const struct rpc *client)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		if (workers->item[i] && (!client || workers->item[i]->client == client))
			worker_end(workers->item[i]);
	}
}
