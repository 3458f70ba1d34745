// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sets of permissions. Nodes share them: there are few different ones, so a set costs a node four bytes, and to forget
 * a domain that died the store walks the sets instead of the nodes.
 */
#include "private.h"

static uint32_t perms_hash(const struct store *s, const struct perm *perms, uint32_t count)
{
	return table_hash(s->r->seed ^ 0x7065726d, perms, count * sizeof *perms);
}

ref_t perms_intern(struct store *s, const struct perm *perms, uint32_t count)
{
	uint32_t hash = perms_hash(s, perms, count);
	struct permset *p;

	TABLE_FOR_HASH(&s->a, &s->r->permsets, hash, p)
		if (p->count == count && !memcmp(p->perms, perms, count * sizeof *perms))
			return perms_hold(s, REF(s, p));
	p = arena_alloc(&s->a, sizeof *p + count * sizeof *perms);
	p->refs = 1;
	p->count = count;
	memcpy(p->perms, perms, count * sizeof *perms);
	table_insert(&s->a, &s->r->permsets, &p->link, hash);
	return REF(s, p);
}

ref_t perms_hold(struct store *s, ref_t perms)
{
	struct permset *p = AT(s, permset, perms);

	SET(s, p->refs, p->refs + 1);
	return perms;
}

void perms_drop(struct store *s, ref_t perms)
{
	struct permset *p = AT(s, permset, perms);

	SET(s, p->refs, p->refs - 1);
	if (p->refs)
		return;
	table_remove(&s->a, &s->r->permsets, &p->link);
	arena_free(&s->a, p);
}

uint32_t perms_owner(const struct store *s, ref_t perms)
{
	return AT(s, permset, perms)->perms[0].domid;
}

unsigned int perms_of(const struct store *s, ref_t perms, const struct conn *c)
{
	const struct permset *p = AT(s, permset, perms);
	const struct domain *d;
	uint32_t target;

	if (conn_privileged(s, c))
		return PERM_READ | PERM_WRITE | PERM_OWNER;
	d = domain_find(s, c->domid);
	target = d ? d->target : NO_DOMID;
	if (p->perms[0].domid == c->domid || (target != NO_DOMID && p->perms[0].domid == target))
		return PERM_READ | PERM_WRITE | PERM_OWNER;
	for (uint32_t i = 1; i < p->count; i++)
		if (p->perms[i].domid == c->domid || (target != NO_DOMID && p->perms[i].domid == target))
			return p->perms[i].bits;
	return p->perms[0].bits;
}

ref_t perms_inherit(struct store *s, ref_t parent, const struct conn *c)
{
	const struct permset *p = AT(s, permset, parent);
	struct permset *tmp;
	ref_t made;

	/* Unprivileged domains own what they create; what the privileged create belongs to the parent's owner. */
	if (conn_privileged(s, c) || p->perms[0].domid == c->domid)
		return perms_hold(s, parent);
	tmp = arena_alloc(&s->a, sizeof *tmp + p->count * sizeof *p->perms);
	memcpy(tmp->perms, p->perms, p->count * sizeof *p->perms);
	tmp->perms[0].domid = c->domid;
	made = perms_intern(s, tmp->perms, p->count);
	arena_free(&s->a, tmp);
	return made;
}

/*
 * Takes the entries that name @domid out of all sets. The owner's entry stays: nodes that the domain owned are removed
 * by the purge. In place, since the sets are shared; two sets may become equal by that, which does no harm.
 */
bool perms_forget_domain(struct store *s, uint32_t domid)
{
	const struct table *t = &s->r->permsets;
	ref_t moved = 0;
	bool more = false;

	for (uint32_t b = 0; b < t->buckets && !more; b++) {
		for (ref_t at = *table_bucket_at(&s->a, t, b), next; at; at = next) {
			struct permset *p = AT(s, permset, at);
			uint32_t to = 1;

			next = p->link.next;
			more = s->a.header->journal_len > s->a.header->journal_size / 4;
			if (more)
				break;
			for (uint32_t i = 1; i < p->count; i++)
				if (p->perms[i].domid == domid)
					to = 0;
			if (to)
				continue;
			table_remove(&s->a, &s->r->permsets, &p->link);
			arena_touch(&s->a, p, sizeof *p + p->count * sizeof *p->perms);
			to = 1;
			for (uint32_t i = 1; i < p->count; i++)
				if (p->perms[i].domid != domid)
					p->perms[to++] = p->perms[i];
			p->count = to;
			p->link.next = moved;
			moved = at;
		}
	}
	/* Only now, so that the walk above does not meet them again. */
	while (moved) {
		struct permset *p = AT(s, permset, moved);

		moved = p->link.next;
		table_insert(&s->a, &s->r->permsets, &p->link, perms_hash(s, p->perms, p->count));
	}
	return more;
}
