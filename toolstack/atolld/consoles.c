// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The session with the console domain. A byte is acknowledged when it is in its log; until then the console domain keeps it, so
 * that a death of either side loses none. To write faster than the host allows is to wait: acknowledgements are held back, the console
 * domain's history of that one console gets full, and its ring is not read meanwhile.
 */
#include "atolld/consoles-private.h"

#include <errno.h>
#include <string.h>

#include "atolld/events.h"
#include "base/log.h"

#define CONNECT_RETRY_MS 100
#define ADD_MISSING_MS 200
#define BURST_MS 250 /* so much at once before the limit holds */
#define FLOOD_QUIET_MS 10000 /* a flood that begins again within this is the same one */
#define PANIC_TEXT "Kernel panic - not syncing: "

struct stream *console_stream(struct consoles *c, unsigned domid, unsigned console)
{
	for (struct stream *s = c->streams; s; s = s->next) {
		if (s->log.domid == domid && s->console == console)
			return s;
	}
	return NULL;
}

struct stream *console_stream_named(struct consoles *c, const char *name)
{
	for (struct stream *s = c->streams; s; s = s->next) {
		if (!strcmp(s->log.name, name))
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
		struct stream *s = console_stream(c, d->domid, 0);

		if (d->exists && d->domid != DOMID_CONSOLE && !(s && s->open))
			consoles_add(c, d);
	}
	for (struct further *f = c->furthers; f; f = f->next)
		console_further_add(f);
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

static struct stream *open_stream(struct consoles *c, unsigned domid, unsigned console, uint64_t start, uint64_t end)
{
	const struct further *f = console_further(c, domid, console);
	struct domain *d = domain_by_id(c->atolld, domid);
	char stranger[CONSOLE_NAME_MAX + 1];
	const char *name = f ? f->name : console ? NULL : d ? d->name : console_stranger(c, domid, stranger) ? stranger : NULL;
	struct stream *s = name ? calloc(1, sizeof(*s)) : NULL;
	int r;

	if (!s)
		return NULL;
	r = console_log_open(&s->log, CONSOLE_LOG_DIR, name, domid, start, end);
	if (r < 0) {
		log_error("%s: console log: %s", name, strerror(-r));
		console_log_close(&s->log);
		free(s);
		return NULL;
	}
	s->console = (uint16_t)console;
	s->stranger = !f && !d;
	s->log.max = (uint64_t)c->atolld->host.console_log_kib << 10;
	s->log.files = c->atolld->host.console_log_files;
	s->next = c->streams;
	c->streams = s;
	return s;
}

static void on_console(void *arg, const struct console_client_state *state)
{
	struct consoles *c = arg;
	struct stream *s;

	s = console_stream(c, state->domid, state->console);
	if (!s)
		s = open_stream(c, state->domid, state->console, state->acked, state->end);
	if (!s)
		return;
	s->open = state->open;
	if (console_log_next(&s->log) > state->acked)
		console_client_ack(c->client, state->domid, state->console, console_log_next(&s->log));
}

/* Keeps what a kernel says last: a crash gets its reason from it. Hostile text: bounded, and made harmless. */
static void note_panic(struct consoles *c, const struct stream *s, const char *text, size_t len)
{
	const char *panic = memmem(text, len, PANIC_TEXT, strlen(PANIC_TEXT)), *end = text + len;
	struct domain *d = panic && !s->console ? domain_by_id(c->atolld, s->log.domid) : NULL;
	size_t n = 0;

	if (!d)
		return;
	panic += strlen(PANIC_TEXT);
	while (panic + n < end && panic[n] && !strchr("\r\n", panic[n]) && n < sizeof(d->panic) - 1)
		n++;
	snprintf(d->panic, sizeof(d->panic), "%.*s", (int)n, panic);
	make_line(d->panic);
	d->panic_ms = now_ms();
}

static void keep_line(struct stream *s, const char *bytes, size_t len)
{
	size_t n = MIN(len, sizeof(s->line) - s->line_len);

	memcpy(s->line + s->line_len, bytes, n);
	s->line_len += (unsigned)n;
}

/* Lines may come in pieces. All that are whole are looked at in one go. */
static void look_for_panic(struct consoles *c, struct stream *s, const char *bytes, size_t len)
{
	const char *first = memchr(bytes, '\n', len), *last = memrchr(bytes, '\n', len);

	if (first) {
		keep_line(s, bytes, (size_t)(first - bytes));
		note_panic(c, s, s->line, s->line_len);
		note_panic(c, s, first, (size_t)(last - first));
		s->line_len = 0;
		len -= (size_t)(last + 1 - bytes);
		bytes = last + 1;
	}
	keep_line(s, bytes, len);
}

/* --- limits --- */

static void refill(struct consoles *c, struct stream *s)
{
	int64_t rate = (int64_t)c->atolld->host.console_rate_kib << 10, now = (int64_t)now_ms();

	s->credit = MIN(s->credit + (now - (int64_t)s->credit_ms) * rate / 1000, rate * BURST_MS / 1000);
	s->credit_ms = (uint64_t)now;
}

/* What is safe is acknowledged now, or when the console's rate allows. */
static void acknowledge(struct consoles *c, struct stream *s)
{
	unsigned rate = c->atolld->host.console_rate_kib;
	uint64_t offset = s->safe;
	size_t len = s->fresh;

	s->safe = s->fresh = 0;
	if (rate) {
		refill(c, s);
		s->credit -= (int64_t)len;
	}
	if (!rate || s->credit >= 0) {
		s->held = 0;
		console_client_ack(c->client, (uint16_t)s->log.domid, s->console, offset);
		return;
	}
	if (!s->limited_ms || now_ms() - s->limited_ms > FLOOD_QUIET_MS)
		event_add(c->atolld, "console-limited", s->log.name, "says more than %u KiB a second, and waits for it", rate);
	s->limited_ms = now_ms();
	s->held = offset;
	source_set_timer(c->limits, -s->credit * 1000 / ((int64_t)rate << 10) + 1);
}

static void on_limits(struct source *source, uint32_t events, void *data)
{
	struct consoles *c = data;
	int64_t next = -1;

	for (struct stream *s = c->streams; s; s = s->next) {
		int64_t wait;

		if (!s->held)
			continue;
		refill(c, s);
		wait = -s->credit * 1000 / ((int64_t)c->atolld->host.console_rate_kib << 10) + 1;
		if (s->credit >= 0 && c->greeted)
			console_client_ack(c->client, (uint16_t)s->log.domid, s->console, s->held);
		if (s->credit >= 0)
			s->held = 0;
		else if (next < 0 || wait < next)
			next = wait;
	}
	source_set_timer(c->limits, next);
}

static void on_output(void *arg, uint16_t domid, uint16_t console, uint64_t offset, const void *bytes, size_t len)
{
	struct consoles *c = arg;
	struct stream *s = console_stream(c, domid, console);
	size_t fresh = 0;
	int r;

	if (!s)
		s = open_stream(c, domid, console, offset, offset + len);
	if (!s) { /* of a domain that nobody knows any more */
		console_client_ack(c->client, domid, console, offset + len);
		return;
	}
	r = console_log_write(&s->log, CONSOLE_LOG_DIR, offset, bytes, len, &fresh);
	if (r < 0) { /* not acknowledged: the console domain keeps it, and its guest waits */
		log_error("%s: console log: %s", s->log.name, strerror(-r));
		return;
	}
	look_for_panic(c, s, (const char *)bytes + len - fresh, fresh);
	console_show(c, s->log.name, (const char *)bytes + len - fresh, fresh);
	s->safe = offset + len;
	s->fresh += fresh;
}

static void on_result(void *arg, uint32_t seq, int error)
{
	struct consoles *c = arg;

	if (seq == c->ping_seq)
		c->missed = 0;
	else if (error && error != ENOENT)
		log_warning("console: request %u: %s", seq, strerror(error));
}

static void on_dropped(void *arg, uint16_t domid, uint16_t console, uint64_t count)
{
	struct consoles *c = arg;
	struct stream *s = console_stream(c, domid, console);

	if (s) { /* a guest that does not read and a client that types on make one of these a frame */
		if (s->dropped_ms && now_ms() - s->dropped_ms < FLOOD_QUIET_MS)
			return;
		s->dropped_ms = now_ms();
	}
	event_add(c->atolld, "console-dropped", s ? s->log.name : "console", "%llu bytes of domain %u's input were dropped",
		  (unsigned long long)count, domid);
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
	for (struct stream *s = c->streams; s; s = s->next)
		s->held = s->safe = s->fresh = 0; /* the next session begins with what was acknowledged, and says the rest again */
	console_client_disconnect(c->client);
}

static void dispatch(struct consoles *c)
{
	int r = console_client_dispatch(c->client);

	for (struct stream *s = c->streams; r >= 0 && s; s = s->next) {
		if (s->safe)
			acknowledge(c, s);
	}
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

/*
 * The heartbeat: a request that changes nothing and is always answered. Missed beats are counted, not time: when we ourselves were
 * late, the answer is there before the next beat.
 */
static void on_ping(struct source *source, uint32_t events, void *data)
{
	struct consoles *c = data;

	c->missed = c->wanted ? c->missed + 1 : 0;
	if (c->greeted && console_client_remove(c->client, CONSOLE_NOBODY, 0, &c->ping_seq) < 0)
		c->ping_seq = 0;
	source_set_timer(source, HEALTH_PING_MS);
	if (c->missed > HEALTH_SILENCE_MS / HEALTH_PING_MS)
		census_request(c->atolld);
}

uint64_t consoles_silent_ms(const struct consoles *c)
{
	return c->missed > 1 ? (c->missed - 1) * HEALTH_PING_MS : 0;
}

void consoles_forgive(struct consoles *c)
{
	c->missed = 0;
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
	if (r == 0)
		r = loop_add_timer(a->loop, -1, on_limits, c, &c->limits);
	if (r == 0)
		r = loop_add_timer(a->loop, HEALTH_PING_MS, on_ping, c, &c->pings);
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
	source_destroy(c->limits);
	source_destroy(c->pings);
	console_client_destroy(c->client);
	console_further_drop(c, NULL);
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
	struct stream *s = console_stream(c, d->domid, 0);
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

void console_stream_close(struct consoles *c, unsigned domid, unsigned console)
{
	struct stream *s = console_stream(c, domid, console);
	uint32_t seq;

	if (s)
		s->open = false;
	if (c->greeted)
		console_client_remove(c->client, (uint16_t)domid, (uint16_t)console, &seq);
}

void consoles_strangers(struct consoles *c, const struct json *list)
{
	json_for_each(item, c->greeted ? list : NULL) {
		unsigned domid = (unsigned)json_get_int(item, "domid", 0), port = console_stranger_port(c, domid);
		uint32_t seq;

		if (port && census_find(list, domid) && !console_stream(c, domid, 0))
			console_client_add(c->client, (uint16_t)domid, 0, port, 0, &seq);
	}
	for (struct stream *s = c->streams, *next; s; s = next) {
		next = s->next;
		if (!s->stranger || census_find(list, s->log.domid))
			continue;
		console_stream_close(c, s->log.domid, 0);
		drop_stream(c, s);
	}
}

void consoles_remove(struct consoles *c, struct domain *d)
{
	if (d->domid == DOMID_CONSOLE) {
		consoles_disconnect(c);
		return;
	}
	console_stream_close(c, d->domid, 0);
	console_further_drop(c, d);
}
