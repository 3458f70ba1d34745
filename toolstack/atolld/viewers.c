// SPDX-License-Identifier: LGPL-2.1-or-later
/* Clients on consoles: one writes, the others watch. */
#include <errno.h>
#include <string.h>

#include "atolld/consoles-private.h"
#include "base/base64.h"

#define PIECE 3072      /* bytes of output in one event to a client */
#define REPLAY_MAX 2048 /* of what was said before, for a client that comes */

static void show_to(struct viewer *v, const char *bytes, size_t len)
{
	struct json *params = json_new(JSON_OBJECT);
	char text[BASE64_SIZE(PIECE)];

	base64_encode(bytes, len, text, sizeof(text));
	json_set_string(params, "name", v->name);
	json_set_string(params, "data", text);
	rpc_event(v->rpc, "console.output", params);
}

void console_show(struct consoles *c, const char *name, const char *bytes, size_t len)
{
	while (len) {
		size_t n = MIN(len, (size_t)PIECE);

		for (struct viewer *v = c->viewers, *next; v; v = next) {
			next = v->next; /* sending may find the viewer gone, and take it off the list */
			if (!strcmp(v->name, name))
				show_to(v, bytes, n);
		}
		bytes += n;
		len -= n;
	}
}

static const struct viewer *writer(const struct consoles *c, const char *name)
{
	const struct viewer *oldest = NULL;

	for (const struct viewer *v = c->viewers; v; v = v->next) {
		if (!v->watch && !strcmp(v->name, name))
			oldest = v;
	}
	return oldest;
}

int consoles_attach(struct consoles *c, const char *name, struct rpc *client, bool watch, bool *writes)
{
	struct stream *s = console_stream_named(c, name);
	struct viewer *v;
	char before[REPLAY_MAX];
	ssize_t n;

	if (!s && !domain_find(c->atolld, name))
		return -ENOENT;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	consoles_detach(c, client); /* one console a client */
	*v = (struct viewer){.next = c->viewers, .rpc = client, .watch = watch};
	snprintf(v->name, sizeof(v->name), "%s", name);
	c->viewers = v;
	*writes = writer(c, name) == v;
	n = s ? console_log_tail(&s->log, before, sizeof(before)) : 0;
	if (n > 0)
		show_to(v, before, (size_t)n);
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

int consoles_input(struct consoles *c, const char *name, struct rpc *client, const void *data, size_t len)
{
	const struct viewer *w = writer(c, name);
	struct stream *s = console_stream_named(c, name);

	if (!s)
		return -ENOENT;
	if (w && w->rpc != client)
		return -EPERM;
	return console_client_input(c->client, (uint16_t)s->log.domid, s->console, data, len);
}
