// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The firing of watches.
 *
 * The events of one change are queued a few in a step (struct fire keeps where it is), and no request is looked at
 * before they all are.
 *
 * A connection that does not read its events has a limited number of them waiting. A watch whose event finds no room
 * is marked, and fires once with its own path when there is: its owner learns that something happened below.
 */
#include "private.h"

/*
 * True if the very same event is among the first few that wait already: then one is enough. The first may be sent in
 * part; its client has not seen it yet, so it will look after this change too.
 */
static bool event_waiting(const struct store *s, const struct conn *c, const struct watch *w, const char *path,
			  size_t len)
{
	ref_t at = c->out_first;

	for (unsigned int i = 0; at && i < EVENTS_COMPARED; i++, at = AT(s, message, at)->next) {
		const struct message *m = AT(s, message, at);

		if (m->event_of == REF(s, w) && m->len == WIRE_HEADER_SIZE + len + w->token_len + 2u &&
		    !memcmp(m->bytes + WIRE_HEADER_SIZE, path, len))
			return true;
	}
	return false;
}

static bool event_room(const struct store *s, const struct conn *c)
{
	const struct domain *d;

	if (conn_privileged(s, c))
		return c->out_events < PRIVILEGED_EVENTS_MAX;
	if (c->out_events < EVENTS_FREE)
		return true;
	d = domain_find(s, c->domid);
	return c->out_events < EVENTS_MAX && d && quota_memory_ok(s, d);
}

void event_queue(struct store *s, struct watch *w, const char *path, size_t len)
{
	struct conn *c = AT(s, conn, w->conn);
	struct wire_header h = { .type = WIRE_WATCH_EVENT };
	struct text t = { s->scratch[1], sizeof s->scratch[1], 0 };
	unsigned char *to;

	if (c->flags & CONN_DEFUNCT)
		return;
	if (!event_room(s, c) || s->no_events) {
		if (w->flags & WATCH_MISSED)
			return;
		SET(s, w->flags, w->flags | WATCH_MISSED);
		SET(s, c->flags, c->flags | CONN_MISSED);
		SET(s, c->events_missed, c->events_missed + 1);
		return;
	}
	if (w->flags & WATCH_RELATIVE) {
		size_t skip;

		text_add(&t, "/local/domain/");
		text_add_number(&t, c->domid, 0);
		skip = t.len + 1;
		if (len > skip && !memcmp(path, s->scratch[1], t.len)) {
			path += skip;
			len -= skip;
		}
	}
	h.len = (uint32_t)len + 1 + w->token_len + 1;
	if (h.len > WIRE_PAYLOAD_MAX || (c->out_events && !conn_privileged(s, c) && event_waiting(s, c, w, path, len)))
		return;
	to = message_new(s, c, &h, REF(s, w))->bytes + WIRE_HEADER_SIZE;
	memcpy(to, path, len);
	to[len] = 0;
	memcpy(to + len + 1, w->token, w->token_len);
	to[h.len - 1] = 0;
}

static bool any_watch_above(const struct store *s, const struct watch_node *w)
{
	for (;; w = AT(s, watch_node, w->parent)) {
		if (w->watch_first)
			return true;
		if (!w->parent)
			return false;
	}
}

void fire_path(struct store *s, const char *path, size_t len, ref_t removed, ref_t perms, unsigned int flags)
{
	bool exact;
	const struct watch_node *w = watch_walk(s, path, len, &exact);
	struct fire *f;

	if (!exact)
		flags &= ~FIRE_BELOW;
	if (!(flags & FIRE_BELOW && w->first) && (flags & FIRE_EXACT ? !exact || !w->watch_first : !any_watch_above(s, w)))
		return;
	f = arena_alloc(&s->a, sizeof *f + len);
	memset(f, 0, sizeof *f);
	f->removed = removed;
	f->perms = perms ? perms_hold(s, perms) : 0;
	f->at = REF(s, w);
	f->watch = w->watch_first;
	f->top = flags & FIRE_BELOW ? REF(s, w) : 0;
	f->flags = (uint16_t)flags;
	f->path_len = (uint16_t)len;
	memcpy(f->path, path, len);
	ENQUEUE(s, fire, s->r->fire_first, s->r->fire_last, f, next);
}

/* @introduceDomain and @releaseDomain: also as <name>/<domid>, which watches with a depth or for one domain get. */
void fire_special(struct store *s, const char *name, uint32_t domid)
{
	char path[40];
	struct text t = { path, sizeof path, 0 };
	ref_t *perms;

	text_add(&t, name);
	text_add(&t, "/");
	text_add_number(&t, domid, 0);
	perms = special_perms(s, path, false);
	fire_path(s, path, t.len, 0, perms ? *perms : 0, 0);
}

ref_t *special_perms(struct store *s, const char *path, bool make)
{
	static const char release[] = "@releaseDomain";
	uint64_t domid;
	struct domain *d;

	if (!strncmp(path, "@introduceDomain", 16) && (!path[16] || (path[16] == '/' && !make)))
		return &s->r->special_perms[0];
	if (strncmp(path, release, sizeof release - 1))
		return NULL;
	if (!path[sizeof release - 1])
		return &s->r->special_perms[1];
	if (path[sizeof release - 1] != '/' || wire_parse_number(path + sizeof release, WIRE_MAX_DOMID, &domid))
		return NULL;
	d = make ? domain_get(s, (uint32_t)domid) : domain_find(s, (uint32_t)domid);
	return d && (make || d->release_perms) ? &d->release_perms : &s->r->special_perms[1];
}

static size_t special_name_len(const struct fire *f)
{
	const char *slash = memchr(f->path, '/', f->path_len);

	return slash ? (size_t)(slash - f->path) : f->path_len;
}

/* Whether the owner of the watch may know of a change of @node (which may be gone) below @parent. */
static bool fire_permitted(const struct store *s, const struct conn *c, const struct fire *f, const struct node *node)
{
	const struct node *parent;
	size_t len = f->path_len;

	if (conn_privileged(s, c))
		return true;
	/* Of a special path these are its own, taken before its domain was forgotten. */
	if (f->path[0] == '@')
		return f->perms && perms_of(s, f->perms, c) & PERM_READ;
	if (f->perms && perms_of(s, f->perms, c) & PERM_READ)
		return true;
	if (!node)
		node = node_find(s, f->path, len, GEN_LIVE);
	if (!node)
		return false;
	if (perms_of(s, node->perms, c) & PERM_READ)
		return true;
	while (len > 1 && f->path[len - 1] != '/')
		len--;
	parent = node_find(s, f->path, len > 1 ? len - 1 : 1, GEN_LIVE);
	return parent && perms_of(s, parent->perms, c) & PERM_READ;
}

static unsigned int components_below(const char *path, size_t len, size_t above)
{
	unsigned int n = 0;

	for (size_t i = above; i < len; i++)
		n += path[i] == '/';
	return n;
}

static void fire_at(struct store *s, const struct fire *f, const struct watch_node *at, struct watch *w)
{
	const struct conn *c = AT(s, conn, w->conn);
	size_t len = f->path_len, own;

	if (!fire_permitted(s, c, f, f->removed ? AT(s, node, f->removed) : NULL))
		return;
	watch_path(s, at, s->scratch[0], sizeof s->scratch[0], &own);
	if (f->path[0] == '@') {
		/* Without a depth, or with none left for the domid, the plain name is what the client expects. */
		if (own < len && (w->depth == WATCH_ANY_DEPTH || !w->depth))
			len = special_name_len(f);
	} else if (w->depth != WATCH_ANY_DEPTH && components_below(f->path, len, own > 1 ? own : 0) > w->depth) {
		return;
	}
	event_queue(s, w, f->path, len);
}

/* A watch below a removed node fires with its own path, if that existed. */
static void fire_below(struct store *s, const struct fire *f, const struct watch_node *at, struct watch *w)
{
	const struct node *n = AT(s, node, f->removed), *parent = n;
	size_t len, from;
	const char *path = watch_path(s, at, s->scratch[0], sizeof s->scratch[0], &len);
	const struct conn *c = AT(s, conn, w->conn);

	from = f->path_len > 1 ? f->path_len + 1u : 1u;
	while (n && from < len) {
		const char *slash = memchr(path + from, '/', len - from);
		size_t end = slash ? (size_t)(slash - path) : len;

		parent = n;
		n = node_child(s, REF(s, n), path + from, end - from, GEN_LIVE);
		from = end + 1;
	}
	if (n && (perms_of(s, n->perms, c) & PERM_READ || perms_of(s, parent->perms, c) & PERM_READ))
		event_queue(s, w, path, len);
}

/* The watch node after @w in a walk through everything below @top. */
static ref_t below_next(const struct store *s, const struct watch_node *w, ref_t top)
{
	if (w->first)
		return w->first;
	while (REF(s, w) != top) {
		if (w->next)
			return w->next;
		w = AT(s, watch_node, w->parent);
	}
	return 0;
}

#define FIRE_DOWN 0x100u /* the watches above are done */

static int fire_step(void *opaque)
{
	struct store *s = opaque;
	struct fire *f = AT(s, fire, s->r->fire_first);
	struct watch_node *at;
	unsigned int work = 0;

	TOUCH(s, f);
	while (f->at && work < 8 * FIRE_BATCH && s->a.header->journal_len < s->a.header->journal_size / 4) {
		at = AT(s, watch_node, f->at);
		if (f->watch) {
			struct watch *w = AT(s, watch, f->watch);

			if (f->flags & FIRE_DOWN)
				fire_below(s, f, at, w);
			else
				fire_at(s, f, at, w);
			f->watch = w->next;
			work++;
			if (f->watch)
				continue;
		}
		if (!(f->flags & FIRE_DOWN)) {
			f->at = f->flags & FIRE_EXACT ? 0 : at->parent;
			if (f->at == s->r->watch_special)
				f->at = 0;
			if (!f->at && f->top) {
				f->flags |= FIRE_DOWN;
				f->at = AT(s, watch_node, f->top)->first;
			}
		} else {
			f->at = below_next(s, at, f->top);
		}
		f->watch = f->at ? AT(s, watch_node, f->at)->watch_first : 0;
		work++;
	}
	if (f->at)
		return 1;
	SET(s, s->r->fire_first, f->next);
	if (!f->next)
		SET(s, s->r->fire_last, 0);
	if (f->perms)
		perms_drop(s, f->perms);
	arena_free(&s->a, f);
	return 1;
}

bool fire_work(struct store *s)
{
	if (!s->r->fire_first)
		return false;
	if (arena_step(&s->a, fire_step, s) < 0) {
		s->no_events = true;
		arena_step(&s->a, fire_step, s);
		s->no_events = false;
	}
	return true;
}

struct missed_job {
	struct store *s;
	struct conn *c;
};

static int missed_step(void *opaque)
{
	struct missed_job *job = opaque;
	struct store *s = job->s;
	struct conn *c = job->c;
	unsigned int done = 0;

	for (ref_t at = c->watch_first; at; at = AT(s, watch, at)->conn_next) {
		struct watch *w = AT(s, watch, at);
		const char *path;
		size_t len;

		if (!(w->flags & WATCH_MISSED))
			continue;
		if (!event_room(s, c) || done++ == FIRE_BATCH)
			return 0;
		SET(s, w->flags, w->flags & ~WATCH_MISSED);
		path = watch_path(s, AT(s, watch_node, w->at), s->scratch[0], sizeof s->scratch[0], &len);
		event_queue(s, w, path, len);
	}
	SET(s, c->flags, c->flags & ~CONN_MISSED);
	return 0;
}

/* Catches up on events that found no room. One round; what remains waits for the next output to go. */
bool missed_work(struct store *s, ref_t conn)
{
	struct missed_job job = { s, AT(s, conn, conn) };

	arena_step(&s->a, missed_step, &job);
	return false;
}
