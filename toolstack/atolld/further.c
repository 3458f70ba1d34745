// SPDX-License-Identifier: LGPL-2.1-or-later
/* A domain's consoles beyond the first, and those of domains that others have made. */
#include <errno.h>
#include <string.h>

#include "atolld/consoles-private.h"
#include "atolld/nodes.h"
#include "base/log.h"

struct further *console_further(struct consoles *c, unsigned domid, unsigned index)
{
	for (struct further *f = c->furthers; f; f = f->next) {
		if (f->domain->domid == domid && f->index == index)
			return f;
	}
	return NULL;
}

void console_further_drop(struct consoles *c, const struct domain *domain)
{
	struct further **link = &c->furthers;

	while (*link) {
		struct further *f = *link;

		if (domain && f->domain != domain) {
			link = &f->next;
			continue;
		}
		*link = f->next;
		if (domain)
			console_stream_close(c, domain->domid, f->index);
		store_watch_remove(f->watch);
		free(f);
	}
}

/* The console domain's own nodes of it are ours to write: it reads none. */
void console_further_add(struct further *f)
{
	struct consoles *c = f->consoles;
	struct stream *s = console_stream(c, f->domain->domid, f->index);
	struct store_batch *batch;
	uint32_t seq;

	if (!c->greeted || !f->port || (s && s->open))
		return;
	console_client_add(c->client, (uint16_t)f->domain->domid, f->index, f->port, f->ref, &seq);
	batch = store_batch_new();
	nodes_console_backend(batch, f->domain, f->index, 4);
	if (store_commit(c->atolld->store, batch) < 0)
		log_warning("%s: its nodes are not written", f->name);
}

static bool read_number(struct consoles *c, const char *path, unsigned *out)
{
	char text[16];
	uint64_t value;

	if (store_read(c->atolld->store, path, text, sizeof(text)) < 0 || parse_u64(text, 0, UINT32_MAX, &value) < 0)
		return false;
	*out = (unsigned)value;
	return true;
}

static bool read_further(struct further *f, const char *node, unsigned *out)
{
	char path[80];

	snprintf(path, sizeof(path), "/local/domain/%u/device/console/%u/%s", f->domain->domid, f->index, node);
	return read_number(f->consoles, path, out);
}

bool console_stranger(struct consoles *c, unsigned domid, char name[CONSOLE_NAME_MAX + 1])
{
	char path[80];

	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	return c->atolld->store && store_read(c->atolld->store, path, name, CONSOLE_NAME_MAX + 1) == 0 && name_valid(name) &&
	       !domain_find(c->atolld, name);
}

unsigned console_stranger_port(struct consoles *c, unsigned domid)
{
	unsigned port = 0;
	char path[80];

	snprintf(path, sizeof(path), "/local/domain/%u/console/port", domid);
	return domid && !domain_by_id(c->atolld, domid) && c->atolld->store && read_number(c, path, &port) ? port : 0;
}

/* The frontend tells its ring and channel, then says 3: Initialised (4: connected to an earlier console domain). */
static void on_frontend(struct store *store, const char *path, void *data)
{
	struct further *f = data;
	unsigned state = 0, port = 0, ref = 0;

	read_further(f, "state", &state);
	if ((state == 3 || state == 4) && read_further(f, "port", &port) && read_further(f, "ring-ref", &ref)) {
		f->port = port;
		f->ref = ref;
		console_further_add(f);
	} else if (f->port && state > 4) {
		f->port = 0;
		console_stream_close(f->consoles, f->domain->domid, f->index);
	}
}

int consoles_serve(struct consoles *c, struct domain *d, unsigned index, const char *name)
{
	struct further *f = console_further(c, d->domid, index) ? NULL : calloc(1, sizeof(*f));
	char path[80];

	if (!f)
		return console_further(c, d->domid, index) ? -EEXIST : -ENOMEM;
	*f = (struct further){.next = c->furthers, .consoles = c, .domain = d, .index = (uint16_t)index};
	snprintf(f->name, sizeof(f->name), "%s", name);
	c->furthers = f;
	snprintf(path, sizeof(path), "/local/domain/%u/device/console/%u/state", d->domid, index);
	return store_watch_add(c->atolld->store, path, on_frontend, f, &f->watch);
}
