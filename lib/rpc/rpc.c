// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions of framed JSON-RPC.
 *
 * Theory of operation: input is read in pieces of READ_SIZE and at most READS_PER_WAKE of them before other sources get their
 * turn; what is left is taken up by the `again` timer, because a vchan tells of new bytes only once. Complete frames are handled
 * from the front of the input buffer. Output goes to the transport at once; what it does not take stays in the output buffer,
 * whose limit ends the session of a peer that does not read.
 *
 * Callbacks may destroy the session: `depth` counts active frames of our own code and the memory goes when it returns to 0.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "rpc/transport.h"

#define READ_SIZE 16384
#define READS_PER_WAKE 8
#define HEADER_SIZE 4
#define ID_MAX 0x7fffffff

struct call {
	struct call *next;
	uint32_t id;
	uint64_t deadline_ms; /* 0: none */
	rpc_reply_fn *fn;
	void *data;
};

struct rpc {
	struct loop *loop;
	struct rpc_transport *transport;
	struct source *io;
	struct source *again;    /* more input is waiting */
	struct source *deadline; /* of the earliest call */
	const struct rpc_ops *ops;
	void *data;
	char peer[NAME_LEN_MAX + 1];
	struct buf in;
	struct buf out;
	struct call *calls;
	unsigned call_count;
	unsigned serving; /* requests of the peer that were not answered yet */
	uint32_t last_id;
	unsigned depth;
	bool closed;
	bool destroyed;
};

static void on_io(struct source *source, uint32_t events, void *data);
static void on_again(struct source *source, uint32_t events, void *data);
static void on_deadline(struct source *source, uint32_t events, void *data);

int rpc_create(struct loop *loop, struct rpc_transport *t, const char *peer, const struct rpc_ops *ops, void *data,
	       struct rpc **out)
{
	struct rpc *rpc = calloc(1, sizeof(*rpc));
	int r;

	if (!rpc) {
		t->ops->destroy(t);
		return -ENOMEM;
	}
	*rpc = (struct rpc){.loop = loop, .transport = t, .ops = ops, .data = data};
	rpc->in = BUF_INIT(HEADER_SIZE + RPC_FRAME_MAX + READ_SIZE);
	rpc->out = BUF_INIT(RPC_QUEUE_MAX);
	snprintf(rpc->peer, sizeof(rpc->peer), "%s", peer);
	r = loop_add_fd(loop, t->fd, EPOLLIN, on_io, rpc, &rpc->io);
	if (r == 0)
		r = loop_add_timer(loop, t->ops->poll_out ? -1 : 0, on_again, rpc, &rpc->again);
	if (r == 0)
		r = loop_add_timer(loop, -1, on_deadline, rpc, &rpc->deadline);
	if (r < 0) {
		rpc_destroy(rpc);
		return r;
	}
	*out = rpc;
	return 0;
}

static void fail_calls(struct rpc *rpc, const char *code, const char *message, uint64_t due_ms)
{
	struct rpc_error error;
	struct call **link = &rpc->calls;

	snprintf(error.code, sizeof(error.code), "%s", code);
	snprintf(error.message, sizeof(error.message), "%s: %s", rpc->peer, message);
	while (*link) {
		struct call *call = *link;

		if (due_ms && (!call->deadline_ms || call->deadline_ms > due_ms)) {
			link = &call->next;
			continue;
		}
		*link = call->next;
		rpc->call_count--;
		call->fn(rpc, NULL, &error, call->data);
		free(call);
		link = &rpc->calls; /* the callback may have added or removed some */
	}
}

static void leave(struct rpc *rpc)
{
	if (--rpc->depth || !rpc->destroyed)
		return;
	buf_fini(&rpc->in);
	buf_fini(&rpc->out);
	free(rpc);
}

static void disconnect(struct rpc *rpc)
{
	rpc->closed = true;
	rpc->io = source_destroy(rpc->io);
	rpc->again = source_destroy(rpc->again);
	rpc->deadline = source_destroy(rpc->deadline);
	if (rpc->transport)
		rpc->transport->ops->destroy(rpc->transport);
	rpc->transport = NULL;
	fail_calls(rpc, "ECONNRESET", "the connection ended", 0);
}

struct rpc *rpc_destroy(struct rpc *rpc)
{
	if (!rpc || rpc->destroyed)
		return NULL;
	rpc->depth++;
	rpc->destroyed = true;
	if (!rpc->closed)
		disconnect(rpc);
	leave(rpc);
	return NULL;
}

static void end_session(struct rpc *rpc, const char *why)
{
	if (rpc->closed)
		return;
	rpc->depth++;
	disconnect(rpc);
	if (!rpc->destroyed)
		rpc->ops->on_close(rpc, why, rpc->data);
	leave(rpc);
}

const char *rpc_peer(const struct rpc *rpc)
{
	return rpc->peer;
}

/* --- output --- */

static void flush(struct rpc *rpc)
{
	const struct rpc_transport_ops *ops = rpc->transport->ops;

	while (rpc->out.len) {
		ssize_t n = ops->write(rpc->transport, rpc->out.data, rpc->out.len);

		if (n < 0) {
			end_session(rpc, "the peer closed the connection");
			return;
		}
		if (n == 0)
			break;
		buf_consume(&rpc->out, (size_t)n);
	}
	if (ops->poll_out)
		source_set_events(rpc->io, rpc->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Takes FRAME over. 0, or -errno with nothing sent: -EMSGSIZE, -ENOMEM, -ECONNRESET. */
static int send_frame(struct rpc *rpc, struct json *frame)
{
	AUTO_BUF struct buf text = BUF_INIT(RPC_FRAME_MAX);
	unsigned char header[HEADER_SIZE];
	int r = json_print(frame, &text, false);

	json_free(frame);
	if (r < 0)
		return r == -ENOSPC ? -EMSGSIZE : r;
	if (rpc->closed)
		return -ECONNRESET;
	for (unsigned i = 0; i < HEADER_SIZE; i++)
		header[i] = (unsigned char)(text.len >> (8 * i));
	if (rpc->out.len + HEADER_SIZE + text.len > RPC_QUEUE_MAX) {
		end_session(rpc, "the peer does not read: its queue is full");
		return -ECONNRESET;
	}
	r = buf_append(&rpc->out, header, HEADER_SIZE);
	if (r == 0)
		r = buf_append(&rpc->out, text.data, text.len);
	if (r < 0) {
		end_session(rpc, "out of memory");
		return -ECONNRESET;
	}
	rpc->depth++;
	flush(rpc);
	leave(rpc);
	return 0;
}

static void set_deadline(struct rpc *rpc)
{
	uint64_t first = 0, now = now_ms();

	for (struct call *call = rpc->calls; call; call = call->next) {
		if (call->deadline_ms && (!first || call->deadline_ms < first))
			first = call->deadline_ms;
	}
	source_set_timer(rpc->deadline, !first ? -1 : first > now ? (int64_t)(first - now) : 0);
}

int rpc_call(struct rpc *rpc, const char *method, struct json *params, unsigned timeout_ms, rpc_reply_fn *fn, void *data)
{
	struct json *frame;
	struct call *call;
	int r;

	rpc->last_id = rpc->last_id == ID_MAX ? 1 : rpc->last_id + 1;
	frame = json_build("id=%u method=%s params~%p", rpc->last_id, method, params);
	call = frame && !rpc->closed && rpc->call_count < RPC_CALLS_MAX ? calloc(1, sizeof(*call)) : NULL;
	if (!call) {
		json_free(frame);
		return rpc->closed ? -ECONNRESET : rpc->call_count == RPC_CALLS_MAX ? -EBUSY : -ENOMEM;
	}
	*call = (struct call){.next = rpc->calls, .id = rpc->last_id, .fn = fn, .data = data};
	call->deadline_ms = timeout_ms ? now_ms() + timeout_ms : 0;
	rpc->depth++;
	r = send_frame(rpc, frame);
	if (r < 0) {
		free(call);
	} else if (rpc->closed) { /* sending found the peer gone; the call was not on the list yet */
		free(call);
		r = -ECONNRESET;
	} else {
		rpc->calls = call;
		rpc->call_count++;
		if (timeout_ms)
			set_deadline(rpc);
	}
	leave(rpc);
	return r;
}

static void send_answer(struct rpc *rpc, uint32_t id, const char *key, struct json *value)
{
	struct json *frame = json_new(JSON_OBJECT);
	int r = json_set_int(frame, "id", id);

	r |= json_set(frame, key, value);
	if (r < 0) {
		json_free(frame);
		end_session(rpc, "out of memory");
		return;
	}
	rpc->depth++;
	r = send_frame(rpc, frame);
	if (r == -EMSGSIZE)
		rpc_fail(rpc, id, EMSGSIZE, "the answer is larger than %d bytes", RPC_FRAME_MAX);
	else if (r < 0 && r != -ECONNRESET)
		end_session(rpc, "cannot make an answer");
	else if (rpc->serving)
		rpc->serving--;
	leave(rpc);
}

void rpc_reply(struct rpc *rpc, uint32_t id, struct json *result)
{
	if (result)
		send_answer(rpc, id, "result", result);
	else
		rpc_fail(rpc, id, ENOMEM, "out of memory");
}

void rpc_fail_with(struct rpc *rpc, uint32_t id, const struct rpc_error *error)
{
	send_answer(rpc, id, "error", json_build("code=%s message=%s", error->code, error->message));
}

void rpc_fail(struct rpc *rpc, uint32_t id, int error, const char *fmt, ...)
{
	struct rpc_error e;
	const char *name = strerrorname_np(error < 0 ? -error : error);
	va_list ap;

	snprintf(e.code, sizeof(e.code), "%s", name ? name : "EIO");
	va_start(ap, fmt);
	vsnprintf(e.message, sizeof(e.message), fmt, ap);
	va_end(ap);
	make_line(e.message); /* it may have words of peers, files and the kernel in it */
	rpc_fail_with(rpc, id, &e);
}

void rpc_event(struct rpc *rpc, const char *event, struct json *params)
{
	struct json *frame = json_build("event=%s params~%p", event, params);
	int r;

	rpc->depth++; /* sending may end the session */
	r = frame ? send_frame(rpc, frame) : -ENOMEM;
	if (r < 0 && r != -ECONNRESET)
		log_warning("%s: event %s was not sent", rpc->peer, event);
	leave(rpc);
}

/* --- descriptors --- */

void rpc_push_fd(struct rpc *rpc, int fd)
{
	if (!rpc->closed && rpc->transport->out_count < RPC_FDS_MAX)
		rpc->transport->out_fds[rpc->transport->out_count++] = fd;
	else
		close(fd);
}

int rpc_take_fd(struct rpc *rpc)
{
	struct rpc_transport *t = rpc->transport;
	int fd;

	if (rpc->closed || !t->in_count)
		return -EBADF;
	fd = t->in_fds[0];
	memmove(t->in_fds, t->in_fds + 1, --t->in_count * sizeof(fd));
	return fd;
}

/* --- input --- */

static void handle_reply(struct rpc *rpc, uint32_t id, const struct json *frame)
{
	const struct json *result = json_get(frame, "result"), *failure = json_get(frame, "error");
	struct rpc_error error = {.code = "EPROTO"};
	struct call **link = &rpc->calls, *call;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	call = *link;
	if (!call)
		return; /* it timed out here, and the answer came after all */
	if (!result) {
		snprintf(error.code, sizeof(error.code), "%s", json_get_string(failure, "code", "EPROTO"));
		snprintf(error.message, sizeof(error.message), "%s", json_get_string(failure, "message", "no message"));
		make_line(error.code);
		make_line(error.message);
	}
	*link = call->next;
	rpc->call_count--;
	call->fn(rpc, result, result ? NULL : &error, call->data);
	free(call);
}

/* NULL, or what rule the frame breaks. */
static const char *handle_frame(struct rpc *rpc, const struct json *frame)
{
	const char *method = json_get_string(frame, "method", NULL), *event = json_get_string(frame, "event", NULL);
	const struct json *params = json_get(frame, "params");
	int64_t id = 0;

	if (params && params->type != JSON_OBJECT)
		return "params is no object";
	if (event) {
		if (rpc->ops->on_event)
			rpc->ops->on_event(rpc, event, params, rpc->data);
		return NULL;
	}
	if (json_read_int(frame, "id", 1, ID_MAX, &id) < 0)
		return "a frame without a valid id";
	if (!method) {
		handle_reply(rpc, (uint32_t)id, frame);
		return NULL;
	}
	if (!rpc->ops->on_request)
		return "a request where none is served";
	if (rpc->serving == RPC_CALLS_MAX)
		return "too many requests at once";
	rpc->serving++;
	rpc->ops->on_request(rpc, (uint32_t)id, method, params, rpc->data);
	return NULL;
}

static void handle_input(struct rpc *rpc)
{
	while (!rpc->closed && rpc->in.len >= HEADER_SIZE) {
		const unsigned char *head = (const unsigned char *)rpc->in.data;
		uint32_t len = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
		AUTO_JSON struct json *frame = NULL;
		const char *broken = NULL;

		if (len == 0 || len > RPC_FRAME_MAX) {
			end_session(rpc, "a frame of a length that is not allowed");
			return;
		}
		if (rpc->in.len < HEADER_SIZE + len)
			return;
		if (json_parse(rpc->in.data + HEADER_SIZE, len, &frame, NULL) < 0 || frame->type != JSON_OBJECT)
			broken = "a frame that is no JSON object";
		buf_consume(&rpc->in, HEADER_SIZE + len);
		if (!broken)
			broken = handle_frame(rpc, frame);
		if (broken)
			end_session(rpc, broken);
	}
}

static void receive(struct rpc *rpc)
{
	for (unsigned i = 0; i < READS_PER_WAKE && !rpc->closed; i++) {
		ssize_t n;

		if (buf_reserve(&rpc->in, READ_SIZE) < 0) {
			end_session(rpc, "out of memory");
			return;
		}
		n = rpc->transport->ops->read(rpc->transport, rpc->in.data + rpc->in.len, READ_SIZE);
		if (n < 0) {
			end_session(rpc, "the peer closed the connection");
			return;
		}
		if (n == 0)
			return;
		rpc->in.len += (size_t)n;
		handle_input(rpc);
	}
	if (!rpc->closed)
		source_set_timer(rpc->again, 0);
}

static void serve(struct rpc *rpc)
{
	rpc->depth++;
	if (rpc->out.len)
		flush(rpc);
	if (!rpc->closed)
		receive(rpc);
	leave(rpc);
}

static void on_io(struct source *source, uint32_t events, void *data)
{
	struct rpc *rpc = data;

	if (rpc->transport->ops->wake(rpc->transport) < 0)
		end_session(rpc, "the transport failed");
	else
		serve(rpc);
}

static void on_again(struct source *source, uint32_t events, void *data)
{
	serve(data);
}

static void on_deadline(struct source *source, uint32_t events, void *data)
{
	struct rpc *rpc = data;

	rpc->depth++;
	fail_calls(rpc, "ETIMEDOUT", "no answer in time", now_ms());
	if (!rpc->closed)
		set_deadline(rpc);
	leave(rpc);
}
