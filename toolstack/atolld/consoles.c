// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The session with the console domain. A byte is acknowledged when it is in its log; until then the console domain keeps it, so
 * that a death of either side loses none.
 */
#include "atolld/consoles.h"

#include <errno.h>
#include <string.h>

#include "atolld/consolelog.h"
#include "base/base64.h"
#include "base/log.h"
#include "client/console_client.h"

#define CONNECT_RETRY_MS 100
#define ADD_MISSING_MS 200
#define PIECE 3072 /* bytes of output in one event to a client */

struct stream {
	struct stream *next;
	struct console_log log;
	bool open;
};

struct viewer {
	struct viewer *next;
	struct rpc *rpc;
	unsigned domid;
	char name[NAME_LEN_MAX + 1];
};

struct consoles {
	struct atolld *atolld;
	struct console_client *client;
	struct source *source; /* while connected */
	struct source *timer;  /* connects, adds what is missing, goes on reading */
	bool wanted;           /* a console domain runs */
	bool greeted;
	consoles_ready_fn *ready;
	struct stream *streams;
	struct viewer *viewers;
};

static struct stream *find_stream(struct consoles *c, unsigned domid)
{
	for (struct stream *s = c->streams; s; s = s->next) {
		if (s->log.domid == domid)
			return s;
	}
	return NULL;
}

static void drop_stream(struct consoles *c, struct stream *stream)
{
	struct stream **link = &c->streams;

	while (*link != stream)
		link = &(*link)->next;
	*link = stream->next;
	console_log_close(&stream->log);
	free(stream);
}

/* --- what the console domain says --- */

static void add_missing(struct consoles *c)
{
	for_each_domain(d, c->atolld) {
		struct stream *s = find_stream(c, d->domid);

		if (d->exists && d->domid != DOMID_CONSOLE && !(s && s->open))
			consoles_add(c, d);
	}
}

static void on_hello(void *arg, uint64_t generation)
{
	struct consoles *c = arg;

	c->greeted = true;
	log_info("console: session begins, generation %llu", (unsigned long long)generation);
	while (c->streams) /* all are announced again */
		drop_stream(c, c->streams);
	source_set_timer(c->timer, generation == 1 ? 0 : ADD_MISSING_MS);
	if (c->ready)
		c->ready(c->atolld);
	c->ready = NULL;
}

static struct stream *open_stream(struct consoles *c, unsigned domid, uint64_t start, uint64_t end)
{
	struct domain *d = domain_by_id(c->atolld, domid);
	struct stream *s = d ? calloc(1, sizeof(*s)) : NULL;
	int r;

	if (!s)
		return NULL;
	r = console_log_open(&s->log, CONSOLE_LOG_DIR, d->name, domid, start, end);
	if (r < 0) {
		log_error("%s: console log: %s", d->name, strerror(-r));
		console_log_close(&s->log);
		free(s);
		return NULL;
	}
	s->next = c->streams;
	c->streams = s;
	return s;
}

static void on_console(void *arg, const struct console_client_state *state)
{
	struct consoles *c = arg;
	struct stream *s;

	if (state->console != 0)
		return;
	s = find_stream(c, state->domid);
	if (!s)
		s = open_stream(c, state->domid, state->acked, state->end);
	if (!s)
		return;
	s->open = state->open;
	if (console_log_next(&s->log) > state->acked)
		console_client_ack(c->client, state->domid, 0, console_log_next(&s->log));
}

static void show(struct consoles *c, unsigned domid, const char *bytes, size_t len)
{
	char text[BASE64_SIZE(PIECE)];

	while (len) {
		size_t n = MIN(len, (size_t)PIECE);

		base64_encode(bytes, n, text, sizeof(text));
		for (struct viewer *v = c->viewers, *next; v; v = next) {
			struct json *params;

			next = v->next; /* sending may find the viewer gone, and take it off the list */
			if (v->domid != domid)
				continue;
			params = json_new(JSON_OBJECT);
			json_set_string(params, "name", v->name);
			json_set_string(params, "data", text);
			rpc_event(v->rpc, "console.output", params);
		}
		bytes += n;
		len -= n;
	}
}

static void on_output(void *arg, uint16_t domid, uint16_t console, uint64_t offset, const void *bytes, size_t len)
{
	struct consoles *c = arg;
	struct stream *s = find_stream(c, domid);
	size_t fresh = 0;
	int r;

	if (console != 0)
		return;
	if (!s)
		s = open_stream(c, domid, offset, offset + len);
	if (s) {
		r = console_log_write(&s->log, CONSOLE_LOG_DIR, offset, bytes, len, &fresh);
		if (r < 0) /* not acknowledged: the console domain keeps it, and its guest waits */
			log_error("%s: console log: %s", s->log.name, strerror(-r));
		if (r < 0)
			return;
		show(c, domid, (const char *)bytes + len - fresh, fresh);
	}
	console_client_ack(c->client, domid, console, offset + len);
}

static void on_result(void *arg, uint32_t seq, int error)
{
	if (error && error != ENOENT)
		log_warning("console: request %u: %s", seq, strerror(error));
}

static void on_dropped(void *arg, uint16_t domid, uint16_t console, bool input, uint64_t offset, uint64_t count)
{
	log_warning("console: d%u: %llu bytes of %s were dropped", domid, (unsigned long long)count, input ? "input" : "output");
}

static const struct console_client_events client_events = {
	.on_hello = on_hello,
	.on_console = on_console,
	.on_output = on_output,
	.on_result = on_result,
	.on_dropped = on_dropped,
};

/* --- the session --- */

static void end_session(struct consoles *c)
{
	c->source = source_destroy(c->source);
	c->greeted = false;
	console_client_disconnect(c->client);
}

static void dispatch(struct consoles *c)
{
	int r = console_client_dispatch(c->client);

	if (r > 0) {
		source_set_timer(c->timer, 0);
	} else if (r < 0) {
		log_warning("console: the session ended: %s", strerror(-r));
		end_session(c);
		source_set_timer(c->timer, CONNECT_RETRY_MS);
	}
}

static void on_ready(struct source *source, uint32_t events, void *data)
{
	dispatch(data);
}

static void try_connect(struct consoles *c)
{
	int r = console_client_connect(c->client);

	if (r == 0)
		r = loop_add_fd(c->atolld->loop, console_client_fd(c->client), EPOLLIN, on_ready, c, &c->source);
	if (r < 0) {
		if (r != -ENOENT)
			log_debug("console: %s", strerror(-r));
		source_set_timer(c->timer, CONNECT_RETRY_MS);
	} else {
		dispatch(c);
	}
}

static void on_timer(struct source *source, uint32_t events, void *data)
{
	struct consoles *c = data;

	if (!c->wanted)
		return;
	if (!console_client_connected(c->client)) {
		try_connect(c);
		return;
	}
	if (c->greeted)
		add_missing(c);
	dispatch(c);
}

int consoles_create(struct atolld *a, struct consoles **out)
{
	struct consoles *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->atolld = a;
	c->client = console_client_create(DOMID_CONSOLE, &client_events, c);
	r = c->client ? loop_add_timer(a->loop, -1, on_timer, c, &c->timer) : -ENOMEM;
	if (r < 0) {
		consoles_destroy(c);
		return r;
	}
	*out = c;
	return 0;
}

struct consoles *consoles_destroy(struct consoles *c)
{
	if (!c)
		return NULL;
	source_destroy(c->source);
	source_destroy(c->timer);
	console_client_destroy(c->client);
	while (c->streams)
		drop_stream(c, c->streams);
	free(c);
	return NULL;
}

int consoles_connect(struct consoles *c, consoles_ready_fn *ready)
{
	c->wanted = true;
	c->ready = ready;
	return source_set_timer(c->timer, 0);
}

void consoles_disconnect(struct consoles *c)
{
	c->wanted = false;
	end_session(c);
}

void consoles_add(struct consoles *c, struct domain *d)
{
	struct stream *s = find_stream(c, d->domid);
	uint32_t seq;
	int r;

	if (!c->greeted || d->domid == DOMID_CONSOLE)
		return;
	if (s && strcmp(s->log.name, d->name))
		drop_stream(c, s);
	r = console_client_add(c->client, (uint16_t)d->domid, 0, d->console_port, 0, &seq);
	if (r < 0)
		log_warning("%s: its console is not served: %s", d->name, strerror(-r));
}

void consoles_remove(struct consoles *c, struct domain *d)
{
	struct stream *s = find_stream(c, d->domid);
	uint32_t seq;

	if (s)
		s->open = false;
	if (d->domid == DOMID_CONSOLE)
		consoles_disconnect(c);
	else if (c->greeted)
		console_client_remove(c->client, (uint16_t)d->domid, 0, &seq);
}

/* --- clients --- */

int consoles_attach(struct consoles *c, struct domain *d, struct rpc *client)
{
	struct viewer *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	consoles_detach(c, client); /* one console a client */
	*v = (struct viewer){.next = c->viewers, .rpc = client, .domid = d->domid};
	snprintf(v->name, sizeof(v->name), "%s", d->name);
	c->viewers = v;
	return 0;
}

void consoles_detach(struct consoles *c, struct rpc *client)
{
	struct viewer **link = &c->viewers;

	while (*link) {
		struct viewer *v = *link;

		if (v->rpc != client) {
			link = &v->next;
			continue;
		}
		*link = v->next;
		free(v);
	}
}

int consoles_input(struct consoles *c, struct domain *d, const void *data, size_t len)
{
	return console_client_input(c->client, (uint16_t)d->domid, 0, data, len);
}
