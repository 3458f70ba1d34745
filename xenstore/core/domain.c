// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Domains: introduction, release, targets, features, and the accounts of what each has.
 *
 * A released domain leaves nothing behind: its connection goes with all watches and transactions, entries that name it
 * go out of all permissions, and the nodes it owned are removed, before anything else is answered. So a new domain
 * with the same domid inherits nothing.
 */
#include "private.h"

#define PURGE_VISITS 512u /* nodes looked at in one step */

struct domain *domain_find(const struct store *s, uint32_t domid)
{
	struct domain *d;
	uint32_t hash = domid * 0x9e3779b1u;

	TABLE_FOR_HASH(&s->a, &s->r->domains, hash, d)
		if (d->domid == domid)
			return d;
	return NULL;
}

struct domain *domain_get(struct store *s, uint32_t domid)
{
	struct domain *d = domain_find(s, domid);

	if (d)
		return d;
	d = arena_alloc(&s->a, sizeof *d);
	memset(d, 0, sizeof *d);
	d->domid = domid;
	d->target = NO_DOMID;
	d->features = WIRE_FEATURES_ALL;
	memset(d->limits, 0xff, sizeof d->limits);
	table_insert(&s->a, &s->r->domains, &d->link, domid * 0x9e3779b1u);
	LIST_PUSH(s, domain, s->r->domain_first, d, prev, next);
	return d;
}

void domain_put(struct store *s, struct domain *d)
{
	if (d->flags || d->conn || d->release_perms || d->nodes || d->memory || d->domid == s->r->privileged ||
	    d->features != WIRE_FEATURES_ALL)
		return;
	table_remove(&s->a, &s->r->domains, &d->link);
	LIST_REMOVE(s, domain, s->r->domain_first, d, prev, next);
	arena_free(&s->a, d);
}

bool conn_privileged(const struct store *s, const struct conn *c)
{
	return c->kind == STORE_SOCKET || c->domid == s->r->privileged;
}

void domain_count_node(struct store *s, uint32_t domid, int nodes, long bytes)
{
	struct domain *d = domain_get(s, domid);

	if (nodes) {
		SET(s, d->nodes, d->nodes + (uint32_t)nodes);
		quota_seen(s, d, QUOTA_NODES, d->nodes);
	}
	quota_charge(s, domid, bytes);
	if (nodes < 0)
		domain_put(s, d);
}

/* ---- requests */

static int parse_domid(const char *data, uint32_t *domid)
{
	uint64_t v;

	if (wire_parse_number(data, WIRE_MAX_DOMID, &v))
		return -EINVAL;
	*domid = (uint32_t)v;
	return 0;
}

static struct domain *domain_introduced(const struct store *s, uint32_t domid)
{
	struct domain *d = domain_find(s, domid);

	return d && d->flags & DOMAIN_INTRODUCED ? d : NULL;
}

static int introduce(struct store *s, uint32_t domid, uint64_t gfn, uint32_t port, const struct store_ring_start *given)
{
	struct store_ring_start start = { 0 };
	struct domain *d = domain_get(s, domid);
	struct conn *c;
	int r;

	TOUCH(s, d);
	if (d->conn) {
		if (d->port == port)
			return 0;
		c = AT(s, conn, d->conn);
	} else {
		c = conn_new(s, domid, STORE_RING);
		d->conn = REF(s, c);
	}
	if (!(d->flags & DOMAIN_INTRODUCED))
		fire_special(s, "@introduceDomain", domid);
	d->flags |= DOMAIN_INTRODUCED;
	d->flags &= ~DOMAIN_SHUTDOWN;
	d->port = port;
	if (given) {
		start = *given;
	} else {
		/* Last, since it cannot be taken back. */
		r = s->ops->introduce(s->opaque, d->conn, domid, gfn, port, &start);
		if (r)
			return r;
	}
	conn_reset(s, c, start.consumed, start.produced);
	arena_touch(&s->a, c->cookies, sizeof c->cookies);
	memcpy(c->cookies, start.cookies, sizeof c->cookies);
	return 0;
}

int handle_introduce(struct store *s, struct conn *c, const char *data, size_t len)
{
	const char *gfn_text, *port_text;
	uint64_t gfn, port;
	uint32_t domid;
	unsigned int info;
	int r;

	r = parse_domid(data, &domid);
	if (r)
		return r;
	gfn_text = wire_next_string(data, len, data);
	port_text = wire_next_string(data, len, gfn_text);
	if (wire_parse_number(gfn_text, UINT64_MAX, &gfn) || wire_parse_number(port_text, UINT32_MAX, &port) || !port)
		return -EINVAL;
	if (domid == s->r->privileged)
		return -EINVAL;
	info = s->ops->domain_info(s->opaque, domid);
	if (!(info & STORE_DOMAIN_EXISTS) || info & STORE_DOMAIN_DYING)
		return -EINVAL;
	reply_ok(s, c);
	return introduce(s, domid, gfn, (uint32_t)port, NULL);
}

struct mapped {
	struct store *s;
	uint32_t domid, port;
	const struct store_ring_start *start;
};

static int mapped_step(void *opaque)
{
	struct mapped *m = opaque;

	return introduce(m->s, m->domid, 0, m->port, m->start);
}

int store_introduce_mapped(struct store *s, uint32_t domid, uint32_t port, const struct store_ring_start *start,
			   store_conn *conn)
{
	struct mapped m = { s, domid, port, start };
	int r = arena_step(&s->a, mapped_step, &m);

	store_finish(s);
	if (!r)
		*conn = store_connection_of(s, domid);
	return r;
}

static void release(struct store *s, struct domain *d)
{
	TOUCH(s, d);
	d->flags |= DOMAIN_RELEASED;
	if (d->conn) {
		struct conn *c = AT(s, conn, d->conn);

		SET(s, c->flags, c->flags | CONN_DEFUNCT);
	}
	SET(s, s->r->releasing, s->r->releasing + 1);
}

int handle_release(struct store *s, struct conn *c, const char *data, size_t len)
{
	struct domain *d;
	uint32_t domid;
	int r = parse_domid(data, &domid);

	if (r || domid == s->r->privileged)
		return -EINVAL;
	d = domain_introduced(s, domid);
	if (!d)
		return -ENOENT;
	reply_ok(s, c);
	release(s, d);
	return 0;
}

int handle_resume(struct store *s, struct conn *c, const char *data, size_t len)
{
	struct domain *d;
	uint32_t domid;
	int r = parse_domid(data, &domid);

	if (r)
		return r;
	d = domain_introduced(s, domid);
	if (!d)
		return -ENOENT;
	SET(s, d->flags, d->flags & ~DOMAIN_SHUTDOWN);
	return reply_ok(s, c);
}

int handle_is_introduced(struct store *s, struct conn *c, const char *data, size_t len)
{
	uint32_t domid;
	int r = parse_domid(data, &domid);

	if (r)
		return r;
	return reply_text(s, c, domid == s->r->privileged || domain_introduced(s, domid) ? "T" : "F");
}

int handle_set_target(struct store *s, struct conn *c, const char *data, size_t len)
{
	uint64_t target;
	struct domain *d;
	uint32_t domid;
	int r = parse_domid(data, &domid);

	if (r || wire_parse_number(wire_next_string(data, len, data), WIRE_MAX_DOMID, &target))
		return -EINVAL;
	d = domain_introduced(s, domid);
	if (!d || !domain_introduced(s, (uint32_t)target))
		return -ENOENT;
	SET(s, d->target, (uint32_t)target);
	return reply_ok(s, c);
}

int handle_get_domain_path(struct store *s, struct conn *c, const char *data, size_t len)
{
	char text[40];
	struct text t = { text, sizeof text, 0 };
	uint32_t domid;
	int r = parse_domid(data, &domid);

	if (r)
		return r;
	text_add(&t, "/local/domain/");
	text_add_number(&t, domid, 0);
	return reply_text(s, c, text);
}

/* GET_FEATURE [<domid>|]: without a domid what the store can do. */
int handle_get_feature(struct store *s, struct conn *c, const char *data, size_t len)
{
	uint32_t features = WIRE_FEATURES_ALL, domid;
	const struct domain *d;
	char text[24];

	if (len) {
		int r = wire_count_strings(data, len) == 1 ? parse_domid(data, &domid) : -EINVAL;

		if (!conn_privileged(s, c))
			return -EACCES;
		if (r)
			return r;
		d = domain_find(s, domid);
		features = d ? d->features : WIRE_FEATURES_ALL;
	}
	wire_format_number(text, features);
	return reply_text(s, c, text);
}

/* SET_FEATURE <domid>|<mask>|: only as long as the domain has not seen its features. */
int handle_set_feature(struct store *s, struct conn *c, const char *data, size_t len)
{
	struct domain *d;
	uint64_t mask;
	uint32_t domid;
	int r = parse_domid(data, &domid);

	if (r || wire_parse_number(wire_next_string(data, len, data), WIRE_FEATURES_ALL, &mask))
		return -EINVAL;
	if (domain_introduced(s, domid))
		return -EBUSY;
	d = domain_get(s, domid);
	SET(s, d->features, (uint32_t)mask);
	domain_put(s, d);
	return reply_ok(s, c);
}

/* ---- release, in steps */

static struct domain *domain_releasing(const struct store *s)
{
	for (ref_t at = s->r->domain_first; at; at = AT(s, domain, at)->next)
		if (AT(s, domain, at)->flags & DOMAIN_RELEASED)
			return AT(s, domain, at);
	return NULL;
}

static ref_t walk_next(const struct store *s, const struct node *n, bool into)
{
	if (into && n->first)
		return n->first;
	while (n->parent) {
		if (n->next)
			return n->next;
		n = AT(s, node, n->parent);
	}
	return 0;
}

/* Removes nodes of @domid from where the last step stopped. True when the walk is through. */
static bool purge_walk(struct store *s, uint32_t domid)
{
	ref_t at = s->r->purge_at;
	unsigned int removed = 0;

	for (unsigned int i = 0; at && i < PURGE_VISITS && removed < TRASH_BATCH; i++) {
		struct node *n = AT(s, node, at);
		bool into = !(n->flags & NODE_GHOST);

		if (into && perms_owner(s, n->perms) == domid && n->parent) {
			at = walk_next(s, n, false);
			node_remove(s, n);
			removed++;
		} else {
			at = walk_next(s, n, into);
		}
	}
	SET(s, s->r->purge_at, at);
	return !at;
}

static void special_forget(struct store *s, uint32_t domid)
{
	static const struct perm none[1];

	for (unsigned int i = 0; i < 2; i++) {
		if (perms_owner(s, s->r->special_perms[i]) != domid || domid == s->r->privileged)
			continue;
		perms_drop(s, s->r->special_perms[i]);
		SET(s, s->r->special_perms[i], perms_intern(s, none, 1));
	}
}

enum purge_phase { PURGE_PERMS, PURGE_HOME, PURGE_WALK, PURGE_END };

static int purge_step(void *opaque)
{
	struct store *s = opaque;
	struct domain *d = domain_releasing(s);
	struct node *n;
	char home[40];
	struct text t = { home, sizeof home, 0 };

	if (!d) {
		SET(s, s->r->releasing, 0);
		return 0;
	}
	arena_touch(&s->a, &s->r->purge_phase, sizeof s->r->purge_phase);
	switch ((enum purge_phase)s->r->purge_phase) {
	case PURGE_PERMS:
		special_forget(s, d->domid);
		if (!perms_forget_domain(s, d->domid))
			s->r->purge_phase = PURGE_HOME;
		break;
	case PURGE_HOME:
		/* Most often this is all there is, and the walk can be left out. */
		text_add(&t, "/local/domain/");
		text_add_number(&t, d->domid, 0);
		n = node_find(s, home, t.len, GEN_LIVE);
		if (n && perms_owner(s, n->perms) == d->domid)
			node_remove(s, n);
		s->r->purge_phase = PURGE_WALK;
		SET(s, s->r->purge_at, s->r->top);
		break;
	case PURGE_WALK:
		if (!d->nodes || purge_walk(s, d->domid))
			s->r->purge_phase = PURGE_END;
		break;
	case PURGE_END:
		for (ref_t at = s->r->domain_first; at; at = AT(s, domain, at)->next)
			if (AT(s, domain, at)->target == d->domid)
				SET(s, AT(s, domain, at)->target, NO_DOMID);
		TOUCH(s, d);
		d->flags = 0;
		d->target = NO_DOMID;
		d->features = WIRE_FEATURES_ALL;
		memset(d->limits, 0xff, sizeof d->limits);
		if (d->conn) {
			struct conn *c = AT(s, conn, d->conn);

			d->conn = 0;
			conn_disown(s, c);
		}
		s->r->purge_phase = PURGE_PERMS;
		SET(s, s->r->releasing, s->r->releasing - 1);
		fire_special(s, "@releaseDomain", d->domid);
		if (d->release_perms)
			perms_drop(s, d->release_perms);
		d->release_perms = 0;
		domain_put(s, d);
		break;
	}
	return 1;
}

bool purge_work(struct store *s)
{
	if (!s->r->releasing)
		return false;
	/* Freed nodes are no longer counted: so the walk knows when it has found all. */
	old_prune(s);
	while (trash_work(s, UINT32_MAX))
		;
	return arena_step(&s->a, purge_step, s) > 0;
}

struct change {
	struct store *s;
	ref_t domain;
	unsigned int info;
};

static int change_step(void *opaque)
{
	struct change *ch = opaque;
	struct store *s = ch->s;
	struct domain *d = AT(s, domain, ch->domain);

	if (!(ch->info & STORE_DOMAIN_EXISTS) || ch->info & STORE_DOMAIN_DYING) {
		release(s, d);
	} else if (ch->info & STORE_DOMAIN_SHUTDOWN && !(d->flags & DOMAIN_SHUTDOWN)) {
		SET(s, d->flags, d->flags | DOMAIN_SHUTDOWN);
		fire_special(s, "@releaseDomain", d->domid);
	}
	return 0;
}

void store_domains_changed(struct store *s)
{
	struct change ch = { .s = s };

	for (ref_t at = s->r->domain_first, next; at; at = next) {
		struct domain *d = AT(s, domain, at);

		next = d->next;
		if (!(d->flags & DOMAIN_INTRODUCED) || d->flags & DOMAIN_RELEASED || d->domid == s->r->privileged)
			continue;
		ch.domain = at;
		ch.info = s->ops->domain_info(s->opaque, d->domid);
		arena_step(&s->a, change_step, &ch);
	}
	store_finish(s);
}
