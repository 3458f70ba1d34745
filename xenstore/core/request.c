// SPDX-License-Identifier: LGPL-2.1-or-later
/* Requests: the table of messages, and the handlers of those about nodes. */
#include "private.h"

typedef int (*handler)(struct store *s, struct conn *c, const char *data, size_t len);
typedef int (*node_handler)(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len);

/* The request's first string as a path: in scratch[0], its length in @len, and what is there in @v. */
static int request_view(struct store *s, struct conn *c, struct transaction *tx, const char *data, unsigned int need,
			unsigned int reads, size_t *len, struct view *v)
{
	int n = path_canonical(s, c, data, false, s->scratch[0]);

	*len = (size_t)n;
	return n < 0 ? n : view_get(s, c, tx, s->scratch[0], *len, need, reads, v);
}

static int handle_read(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len)
{
	struct view v;
	size_t n;
	int r;

	r = request_view(s, c, tx, data, PERM_READ, READ_VALUE, &n, &v);
	if (r)
		return r;
	if (!v.value)
		return reply(s, c, NULL, 0);
	return reply(s, c, AT(s, blob, v.value)->data, AT(s, blob, v.value)->len);
}

static void check_node_size(struct store *s, struct conn *c, size_t value_len, ref_t perms)
{
	quota_check(s, c, QUOTA_NODE_SIZE, value_len + AT(s, permset, perms)->count * sizeof(struct perm));
}

static int handle_write(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len)
{
	const char *end = memchr(data, 0, len);
	struct view v;
	size_t value_len, n;
	int r;

	if (!end)
		return -EINVAL;
	value_len = (size_t)(data + len - end - 1);
	r = request_view(s, c, tx, data, PERM_WRITE, 0, &n, &v);
	if (r && r != -ENOENT)
		return r;
	check_node_size(s, c, value_len, v.exists ? v.perms : v.near_perms);
	if (v.exists)
		view_write(s, c, tx, s->scratch[0], n, &v, end + 1, value_len);
	else
		view_create(s, c, tx, s->scratch[0], n, &v, end + 1, value_len);
	return reply_ok(s, c);
}

static int handle_mkdir(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len)
{
	struct view v;
	size_t n;
	int r;

	r = request_view(s, c, tx, data, PERM_WRITE, 0, &n, &v);
	if (r && r != -ENOENT)
		return r;
	if (!v.exists)
		view_create(s, c, tx, s->scratch[0], n, &v, NULL, 0);
	return reply_ok(s, c);
}

static int handle_rm(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len)
{
	struct view v;
	size_t parent, n;
	int r;

	if (!strcmp(data, "/"))
		return -EINVAL;
	r = request_view(s, c, tx, data, PERM_WRITE, 0, &n, &v);
	if (r == -ENOENT) {
		/* To remove what is not there is fine, as long as its parent is. */
		for (parent = n; s->scratch[0][parent - 1] != '/';)
			parent--;
		return v.near_len == (parent > 1 ? parent - 1 : 1) ? reply_ok(s, c) : -ENOENT;
	}
	if (r)
		return r;
	view_remove(s, tx, s->scratch[0], n, &v);
	return reply_ok(s, c);
}

static int reply_perms(struct store *s, struct conn *c, ref_t perms)
{
	const struct permset *p = AT(s, permset, perms);
	char text[16];
	unsigned char *to;
	size_t len = 0;

	for (uint32_t i = 0; i < p->count; i++)
		len += wire_format_perm(text, &p->perms[i]);
	to = reply_begin(s, c, len);
	for (uint32_t i = 0; i < p->count; i++) {
		size_t n = wire_format_perm(text, &p->perms[i]);

		memcpy(to, text, n);
		to += n;
	}
	return 0;
}

static int handle_get_perms(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len)
{
	struct view v;
	size_t n;
	int r;

	if (data[0] == '@') {
		const ref_t *special = special_perms(s, data, false);

		if (!special)
			return -EINVAL;
		return perms_of(s, *special, c) & PERM_READ ? reply_perms(s, c, *special) : -EACCES;
	}
	r = request_view(s, c, tx, data, PERM_READ, READ_PERMS, &n, &v);
	return r ? r : reply_perms(s, c, v.perms);
}

/* The permissions after the path of SET_PERMS, as a counted set; negative errors as a step's failure. */
static ref_t parse_perms(struct store *s, struct conn *c, const char *data, size_t len, uint32_t count)
{
	struct permset *p = arena_alloc(&s->a, sizeof *p + count * sizeof *p->perms);
	const char *at = data;
	ref_t perms;

	for (uint32_t i = 0; i < count; i++) {
		at = wire_next_string(data, len, at);
		if (wire_parse_perm(at, &p->perms[i]))
			FAIL(s, EINVAL);
	}
	perms = perms_intern(s, p->perms, count);
	arena_free(&s->a, p);
	return perms;
}

static int set_special_perms(struct store *s, ref_t *special, ref_t perms)
{
	if (!special)
		return -EINVAL;
	if (*special)
		perms_drop(s, *special);
	SET(s, *special, perms);
	return 0;
}

static int handle_set_perms(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len)
{
	int count = wire_count_strings(data, len), r;
	struct view v;
	size_t n;
	ref_t perms;

	if (count < 2)
		return -EINVAL;
	perms = parse_perms(s, c, data, len, (uint32_t)count - 1);
	if (data[0] == '@') {
		if (!conn_privileged(s, c))
			return -EACCES;
		r = set_special_perms(s, special_perms(s, data, true), perms);
		return r ? r : reply_ok(s, c);
	}
	quota_check(s, c, QUOTA_NODE_PERMISSIONS, (uint64_t)count - 1);
	r = request_view(s, c, tx, data, PERM_WRITE | PERM_OWNER, 0, &n, &v);
	if (r) {
		perms_drop(s, perms);
		return r;
	}
	if (!conn_privileged(s, c) && perms_owner(s, perms) != perms_owner(s, v.perms))
		return -EPERM;
	view_set_perms(s, c, tx, s->scratch[0], n, &v, perms);
	return reply_ok(s, c);
}

/* ---- lists of children */

struct child_list {
	size_t skip; /* bytes of the list that come before what is wanted */
	size_t room;
	size_t len;
	bool full; /* another child would not have fitted */
	unsigned char *to;
};

static bool child_add(void *opaque, const char *name, size_t len)
{
	struct child_list *l = opaque;

	/* The offset may lie within a name: then its rest comes. */
	if (l->skip > len) {
		l->skip -= len + 1;
		return true;
	}
	name += l->skip;
	len -= l->skip;
	l->skip = 0;
	if (l->len + len + 1 > l->room) {
		l->full = true;
		return false;
	}
	memcpy(l->to + l->len, name, len);
	l->to[l->len + len] = 0;
	l->len += len + 1;
	return true;
}

static int handle_directory(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len)
{
	struct child_list l = { .room = WIRE_PAYLOAD_MAX };
	struct view v;
	size_t n;
	int r;

	r = request_view(s, c, tx, data, PERM_READ, READ_CHILDREN, &n, &v);
	if (r)
		return r;
	l.to = s->assembled_out;
	view_children(s, tx, s->scratch[0], n, &v, child_add, &l);
	return l.full ? -E2BIG : reply(s, c, s->assembled_out, l.len);
}

/* DIRECTORY_PART <path>|<offset>| -> <generation>|<children from there>, with one more NUL if that was all */
static int handle_directory_part(struct store *s, struct conn *c, struct transaction *tx, const char *data, size_t len)
{
	struct child_list l = { 0 };
	unsigned char *to = s->assembled_out;
	struct view v;
	uint64_t offset;
	size_t gen_len, n;
	int r;

	if (wire_parse_number(wire_next_string(data, len, data), UINT32_MAX, &offset))
		return -EINVAL;
	r = request_view(s, c, tx, data, PERM_READ, READ_CHILDREN, &n, &v);
	if (r)
		return r;
	gen_len = wire_format_number((char *)to, v.node ? v.node->children_gen : s->r->gen) + 1;
	l.skip = (size_t)offset;
	l.room = WIRE_PAYLOAD_MAX - gen_len - 1;
	l.to = to + gen_len;
	view_children(s, tx, s->scratch[0], n, &v, child_add, &l);
	if (!l.full)
		l.to[l.len++] = 0;
	return reply(s, c, to, gen_len + l.len);
}

static int handle_reset_watches(struct store *s, struct conn *c, const char *data, size_t len)
{
	TOUCH(s, c);
	c->flags |= CONN_RESETTING;
	c->reset_req_id = s->request->req_id;
	c->reset_tx_id = s->request->tx_id;
	SET(s, s->r->resetting, REF(s, c));
	return 0;
}

#define PRIVILEGED 1u /* for the control domain and sockets only */
#define GROWS 2u      /* can make the domain's memory grow for long */

static const struct {
	handler plain;
	node_handler node; /* may be part of a transaction */
	unsigned int flags;
	int strings; /* in its payload; 0: the handler looks itself */
} messages[WIRE_TYPE_COUNT] = {
	[WIRE_CONTROL] = { handle_control, NULL, PRIVILEGED },
	[WIRE_DIRECTORY] = { NULL, handle_directory, 0, 1 },
	[WIRE_READ] = { NULL, handle_read, 0, 1 },
	[WIRE_GET_PERMS] = { NULL, handle_get_perms, 0, 1 },
	[WIRE_WATCH] = { handle_watch, NULL, GROWS },
	[WIRE_UNWATCH] = { handle_unwatch, NULL, 0, 2 },
	[WIRE_TRANSACTION_START] = { handle_transaction_start, NULL, GROWS },
	[WIRE_TRANSACTION_END] = { handle_transaction_end, NULL, 0 },
	[WIRE_INTRODUCE] = { handle_introduce, NULL, PRIVILEGED, 3 },
	[WIRE_RELEASE] = { handle_release, NULL, PRIVILEGED, 1 },
	[WIRE_GET_DOMAIN_PATH] = { handle_get_domain_path, NULL, 0, 1 },
	[WIRE_WRITE] = { NULL, handle_write, GROWS },
	[WIRE_MKDIR] = { NULL, handle_mkdir, GROWS, 1 },
	[WIRE_RM] = { NULL, handle_rm, 0, 1 },
	[WIRE_SET_PERMS] = { NULL, handle_set_perms, GROWS },
	[WIRE_IS_DOMAIN_INTRODUCED] = { handle_is_introduced, NULL, 0, 1 },
	[WIRE_RESUME] = { handle_resume, NULL, PRIVILEGED, 1 },
	[WIRE_SET_TARGET] = { handle_set_target, NULL, PRIVILEGED, 2 },
	[WIRE_RESET_WATCHES] = { handle_reset_watches, NULL, 0 },
	[WIRE_DIRECTORY_PART] = { NULL, handle_directory_part, 0, 2 },
	[WIRE_GET_FEATURE] = { handle_get_feature, NULL, 0 },
	[WIRE_SET_FEATURE] = { handle_set_feature, NULL, PRIVILEGED, 2 },
	[WIRE_GET_QUOTA] = { handle_get_quota, NULL, PRIVILEGED },
	[WIRE_SET_QUOTA] = { handle_set_quota, NULL, PRIVILEGED },
};

static int handle(struct store *s, struct conn *c, const struct wire_header *h, const char *data)
{
	struct transaction *tx = NULL;
	int r;

	if (messages[h->type].node && h->tx_id) {
		tx = tx_find(s, c, h->tx_id);
		if (!tx)
			return -ENOENT;
	}
	if (messages[h->type].strings && wire_count_strings(data, h->len) != messages[h->type].strings)
		return -EINVAL;
	if (messages[h->type].plain)
		return messages[h->type].plain(s, c, data, h->len);
	r = messages[h->type].node(s, c, tx, data, h->len);
	/* What was not there, or not allowed, was read all the same: the transaction has to remember that. */
	if (tx && (r == -ENOENT || r == -EACCES))
		return reply_error(s, c, -r);
	return r;
}

int request_run(struct store *s, struct conn *c, const struct wire_header *h, const char *data)
{
	const struct domain *d;
	uint64_t memory;
	unsigned int flags;
	int r;

	if (h->type >= WIRE_TYPE_COUNT || (!messages[h->type].plain && !messages[h->type].node))
		return -ENOSYS;
	flags = messages[h->type].flags;
	if (conn_privileged(s, c))
		return handle(s, c, h, data);
	if (flags & PRIVILEGED)
		return -EACCES;
	d = domain_find(s, c->domid);
	memory = d ? d->memory : 0;
	r = handle(s, c, h, data);
	d = domain_find(s, c->domid);
	if (!r && d && d->memory > memory && (flags & GROWS || h->tx_id) && !quota_memory_ok(s, d)) {
		s->quota_hit = QUOTA_MEMORY + 1;
		return -ENOSPC;
	}
	return r;
}
