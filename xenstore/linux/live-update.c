// SPDX-License-Identifier: LGPL-2.1-or-later
/* The side of a live update that is replaced. */
#include "live-update.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../stream/stream.h"

#define WORDS_MAX 64
#define TIMEOUT_MAX 3600ul

static struct live_update {
	char *file, *words;
	bool pending, force;
	time_t deadline;
	store_conn conn;
	struct wire_header request;
} lu;

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

bool live_update_pending(const struct server *srv)
{
	return lu.pending;
}

void live_update_gone(struct server *srv, const struct client *c)
{
	if (lu.conn != c->conn)
		return;
	lu.pending = false;
	lu.conn = 0;
}

/* ---- finding the request among the others */

/* True if the message is one of ours; @h is its header, its payload is copied when it is all there. */
static bool interesting(const struct wire_header *h)
{
	return (h->type == WIRE_CONTROL && h->len <= WIRE_PAYLOAD_MAX) ||
	       (lu.pending && h->type == WIRE_TRANSACTION_START);
}

bool live_update_find(struct server *srv, struct client *c, const unsigned char *bytes, size_t len, struct live_request *q)
{
	struct stream_bytes half = store_stream_half(&srv->store, c->conn);
	static unsigned char message[WIRE_MESSAGE_MAX];
	size_t at = 0;

	for (; at < len; half.len = 0) {
		size_t have = half.len < WIRE_HEADER_SIZE ? half.len : WIRE_HEADER_SIZE, need;

		if (half.len + len - at < WIRE_HEADER_SIZE)
			return false;
		if (have)
			memcpy(message, half.at, have);
		memcpy(message + have, bytes + at, WIRE_HEADER_SIZE - have);
		wire_header_get(&q->header, message);
		if (q->header.len > WIRE_PAYLOAD_MAX)
			return false; /* for the store to refuse */
		need = WIRE_HEADER_SIZE + q->header.len;
		if (half.len + len - at < need)
			return false;
		q->before = at;
		q->take = need - half.len;
		at += q->take;
		if (!interesting(&q->header))
			continue;
		if (half.len)
			memcpy(message, half.at, half.len);
		memcpy(message + half.len, bytes + q->before, q->take);
		q->len = q->header.len;
		memcpy(q->payload, message + WIRE_HEADER_SIZE, q->len);
		q->payload[q->len] = 0;
		q->hold = q->header.type == WIRE_TRANSACTION_START;
		if (q->hold || !strcmp(q->payload, "live-update"))
			return true;
	}
	return false;
}

/* ---- the dump */

static int file_put(void *opaque, const void *bytes, size_t len)
{
	return fwrite(bytes, 1, len, opaque) == len ? 0 : -EIO;
}

static int32_t save_handle(void *opaque, store_conn conn)
{
	struct server *srv = opaque;
	const struct client *c = &srv->clients[store_cookie(&srv->store, conn, 0)];

	if (!c->used || c->conn != conn)
		return store_connection_kind(&srv->store, conn) == STORE_RING ? 0 : -1;
	return c->fd >= 0 ? c->fd : (int32_t)c->port;
}

static struct stream_bytes save_held(void *opaque, store_conn conn)
{
	struct server *srv = opaque;
	const struct client *c = &srv->clients[store_cookie(&srv->store, conn, 0)];

	if (!c->used || c->conn != conn || !c->held)
		return (struct stream_bytes){ NULL, 0 };
	return (struct stream_bytes){ c->held, c->held_len };
}

static int dump(struct server *srv, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), r;
	FILE *f = copy < 0 ? NULL : fdopen(copy, "w");
	struct stream_out out = { .put = file_put, .opaque = f };
	struct stream_save how = {
		.socket = srv->listener,
		.evtchn = rings_event_fd(srv),
		.handle = save_handle,
		.held = save_held,
		.opaque = srv,
		.answer = lu.conn,
		.request = lu.request,
		.foreign = lu.words,
	};

	if (!f)
		return -errno;
	r = store_stream_save(&srv->store, &how, &out);
	if (fclose(f) && !r)
		r = -EIO;
	return r;
}

/* ---- the exec */

static void inherit(int fd, bool on)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, on ? 0 : FD_CLOEXEC);
}

static void inherit_all(struct server *srv, bool on)
{
	sigset_t set;

	inherit(srv->listener, on);
	inherit(rings_event_fd(srv), on);
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (srv->clients[i].used)
			inherit(srv->clients[i].fd, on);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(on ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
	rings_death_notice(srv, !on);
}

static void start_other(const char *words)
{
	char *argv[WORDS_MAX + 3], *copy = strdup(words), *save = NULL, update[] = "-U";
	int n = 0;
	bool told = false;

	argv[n++] = lu.file;
	for (char *w = copy ? strtok_r(copy, " \t", &save) : NULL; w && n < WORDS_MAX; w = strtok_r(NULL, " \t", &save)) {
		told = told || !strcmp(w, "-U");
		argv[n++] = w;
	}
	if (!told)
		argv[n++] = update;
	argv[n] = NULL;
	execv(lu.file, argv);
	free(copy);
}

static void start_own(struct server *srv, int fd)
{
	char number[12], arena[24];
	char *argv[] = { lu.file, "--socket", (char *)srv->path, "--arena-mb", arena, "--live-update", number,
			 srv->sockets_only ? "--sockets-only" : NULL, NULL };

	snprintf(number, sizeof number, "%d", fd);
	snprintf(arena, sizeof arena, "%zu", srv->arena_mb);
	execv(lu.file, argv);
}

/* Returns only if it failed: the reason. */
static const char *replace(struct server *srv)
{
	static char text[128];
	char path[128];
	int fd, r;

	live_update_dump_path(path, sizeof path);
	fd = lu.words ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600) :
			memfd_create("xenstore-state", 0);
	if (fd < 0)
		return "Dump state open error";
	r = dump(srv, fd);
	if (!r) {
		inherit_all(srv, true);
		if (lu.words)
			start_other(lu.words);
		else
			start_own(srv, fd);
		r = -errno;
		inherit_all(srv, false);
		snprintf(text, sizeof text, "Error activating new binary: %s", strerror(-r));
	} else {
		snprintf(text, sizeof text, "Dump write error: %s", strerror(-r));
	}
	close(fd);
	if (lu.words)
		unlink(path);
	return text;
}

static void answer(struct server *srv, store_conn conn, const struct wire_header *request, const char *text)
{
	store_stream_answer(&srv->store, conn, request, text);
}

static void finish(struct server *srv, const char *text)
{
	if (lu.pending)
		answer(srv, lu.conn, &lu.request, text);
	free(lu.file);
	free(lu.words);
	lu = (struct live_update){ .file = NULL };
	/* Those who were held may go on. */
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (srv->clients[i].used && srv->clients[i].paused)
			client_mark(srv, &srv->clients[i]);
}

void live_update_work(struct server *srv)
{
	if (!lu.pending) {
		if (lu.file && !lu.conn)
			finish(srv, ""); /* who began it has left */
		return;
	}
	if (store_stream_transactions(&srv->store) && now() < lu.deadline)
		return;
	if (store_stream_transactions(&srv->store) && !lu.force)
		finish(srv, "Overlapping transactions");
	else
		finish(srv, replace(srv));
}

/* ---- the request */

static const char *start_request(const char *at, const struct live_request *q)
{
	uint64_t seconds = 0;

	lu.force = false;
	for (at = wire_next_string(q->payload, q->len, at); at; at = wire_next_string(q->payload, q->len, at)) {
		if (!strcmp(at, "-F"))
			lu.force = true;
		else if (strcmp(at, "-t") || !(at = wire_next_string(q->payload, q->len, at)) ||
			 wire_parse_number(at, TIMEOUT_MAX, &seconds))
			return NULL;
	}
	if (!lu.file)
		return "Not in live-update session.";
	lu.pending = true;
	lu.deadline = now() + (time_t)seconds;
	lu.request = q->header;
	return "";
}

/* The answer; "": it follows later; NULL: EINVAL. */
static const char *request(struct client *c, const struct live_request *q)
{
	const char *at = wire_next_string(q->payload, q->len, q->payload), *value;
	char **slot;

	if (!at)
		return NULL;
	value = wire_next_string(q->payload, q->len, at);
	if (lu.file && lu.conn != c->conn && strcmp(at, "-a"))
		return "live-update session already active.";
	if (!strcmp(at, "-a")) {
		if (!lu.file || lu.pending)
			return "No live-update session active.";
		lu.conn = 0; /* live_update_work() does the rest */
		return "OK";
	}
	if (!strcmp(at, "-s"))
		return lu.pending ? "live-update session already active." : start_request(at, q);
	if ((strcmp(at, "-f") && strcmp(at, "-c")) || !value)
		return NULL;
	if (at[1] == 'f' && (value[0] != '/' || access(value, X_OK)))
		return value[0] != '/' || access(value, F_OK) ? "File not accessible." : "File not executable.";
	if (at[1] == 'c' && !lu.file)
		return "Not in live-update session.";
	slot = at[1] == 'f' ? &lu.file : &lu.words;
	free(*slot);
	*slot = strdup(value);
	lu.conn = c->conn;
	return *slot ? "OK" : "Allocation failure.";
}

void live_update_request(struct server *srv, struct client *c, const struct live_request *q)
{
	const char *text = wire_count_strings(q->payload, q->len) < 0 ? NULL : request(c, q);
	struct wire_header h = q->header;

	store_stream_half_drop(&srv->store, c->conn);
	if (!text) {
		h.type = WIRE_ERROR;
		text = wire_error_name(EINVAL);
	}
	if (*text)
		answer(srv, c->conn, &h, text);
}
