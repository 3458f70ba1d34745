// SPDX-License-Identifier: LGPL-2.1-or-later
/* The codec of state streams: bytes to records and back. Little-endian streams only. */
#include "stream.h"

#include <errno.h>
#include <string.h>

#define HEADER_SIZE 16u
#define RECORD_SIZE 8u

static const char ident[8] = { 'x', 'e', 'n', 's', 't', 'o', 'r', 'e' };

/* ---- reading */

/* What is left of a record. Asking for more than there is makes it bad, and gives zeros from then on. */
struct cursor {
	const unsigned char *at;
	size_t left;
	bool bad;
};

static struct stream_bytes take(struct cursor *c, size_t len)
{
	struct stream_bytes b = { c->at, len };

	if (c->bad || len > c->left) {
		c->bad = true;
		return (struct stream_bytes){ c->at, 0 };
	}
	c->at += len;
	c->left -= len;
	return b;
}

static uint32_t take16(struct cursor *c)
{
	struct stream_bytes b = take(c, 2);

	return b.len ? b.at[0] | (uint32_t)b.at[1] << 8 : 0;
}

uint32_t stream_get32(const unsigned char *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t take32(struct cursor *c)
{
	struct stream_bytes b = take(c, 4);

	return b.len ? stream_get32(b.at) : 0;
}

static uint64_t take64(struct cursor *c)
{
	uint64_t low = take32(c);

	return low | (uint64_t)take32(c) << 32;
}

/* @len counts the NUL that has to end it; there is no other one. */
static struct stream_bytes take_string(struct cursor *c, size_t len)
{
	struct stream_bytes b = take(c, len);

	if (!b.len || b.at[b.len - 1] || memchr(b.at, 0, b.len - 1)) {
		c->bad = true;
		return (struct stream_bytes){ c->at, 0 };
	}
	b.len--;
	return b;
}

/* Numbers of two or four bytes each, as @sizes says. */
static void take_numbers(struct cursor *c, const char *sizes, uint32_t *const *to)
{
	for (; *sizes; sizes++, to++)
		**to = *sizes == '2' ? take16(c) : take32(c);
}

#define TAKE(c, sizes, ...) take_numbers(c, sizes, (uint32_t *const[]){ __VA_ARGS__ })

static void read_conn(struct cursor *c, struct stream_record *r)
{
	size_t all = c->left;
	uint32_t type, fields, in, out, ignored;

	TAKE(c, "422", &r->conn, &type, &fields);
	r->link.ring = !type;
	r->link.fd = -1;
	if (r->link.ring)
		TAKE(c, "224", &r->link.domid, &r->link.target, &r->link.port);
	else
		TAKE(c, "44", (uint32_t *)&r->link.fd, &ignored);
	TAKE(c, "224", &in, &r->link.partial, &out);
	r->link.in = take(c, in);
	r->link.out = take(c, out);
	if (fields & 1) {
		take(c, (8 - (all - c->left) % 8) % 8);
		take64(c); /* unique id of the domain */
	}
	if (type > 1 || !r->conn || r->link.partial > out)
		c->bad = true;
}

static void read_watch(struct cursor *c, struct stream_record *r)
{
	uint32_t path, token, ignored;

	TAKE(c, "422", &r->conn, &path, &token);
	r->watch.depth = STREAM_ANY_DEPTH;
	if (r->type == STREAM_WATCH_EXT)
		TAKE(c, "22", &r->watch.depth, &ignored);
	r->watch.path = take_string(c, path);
	r->watch.token = take_string(c, token);
	r->type = STREAM_WATCH;
}

static void read_node(struct cursor *c, struct stream_record *r)
{
	uint32_t path, value, perms;

	TAKE(c, "442222", &r->conn, &r->tx, &path, &value, &r->node.access, &perms);
	if (perms > STREAM_PERMS_MAX || (!perms && !r->conn))
		c->bad = true;
	r->node.perms = take(c, 4ul * perms);
	r->node.path = take_string(c, path);
	r->node.value = take(c, value);
}

static void read_quota(struct cursor *c, struct stream_record *r)
{
	uint32_t first = take16(c), second = take16(c);
	size_t nuls = 0, len = 0;

	r->quota.count = first + second;
	if (r->type == STREAM_DOMAIN) {
		r->quota.domid = first;
		r->quota.count = second;
		r->quota.features = take32(c);
	}
	r->quota.values = take(c, 4ul * r->quota.count);
	while (len < c->left && nuls < r->quota.count)
		nuls += !c->at[len++];
	r->quota.names = take(c, len);
	if (nuls < r->quota.count)
		c->bad = true;
}

static void read_ours(struct cursor *c, struct stream_record *r)
{
	switch (r->type) {
	case STREAM_OUR_GLOBAL:
		r->our_global.gen = take64(c);
		r->our_global.requests = take64(c);
		TAKE(c, "444", &r->our_global.next_tx, &r->our_global.log_on, &r->our_global.count);
		r->our_global.quotas = take(c, 4ul * r->our_global.count);
		break;
	case STREAM_OUR_DOMAIN:
		TAKE(c, "44444", &r->our_domain.domid, &r->our_domain.flags, &r->our_domain.port, &r->our_domain.features,
		     &r->our_domain.count);
		r->our_domain.limits = take(c, 4ul * r->our_domain.count);
		break;
	case STREAM_OUR_CONN:
		TAKE(c, "4444", &r->conn, &r->our_conn.consumed, &r->our_conn.produced, &r->our_conn.flags);
		break;
	case STREAM_OUR_WATCH:
		TAKE(c, "444", &r->conn, &r->our_watch.depth, &r->our_watch.flags);
		break;
	case STREAM_OUR_INPUT:
		r->conn = take32(c);
		r->input = take(c, take32(c));
		break;
	default:
		c->left = 0; /* not known */
		r->type = UINT32_MAX;
		break;
	}
}

static void read_body(struct cursor *c, struct stream_record *r)
{
	switch (r->type) {
	case STREAM_GLOBAL:
		TAKE(c, "44", (uint32_t *)&r->global.socket, (uint32_t *)&r->global.evtchn);
		break;
	case STREAM_CONN:
		read_conn(c, r);
		break;
	case STREAM_WATCH:
	case STREAM_WATCH_EXT:
		read_watch(c, r);
		break;
	case STREAM_TRANSACTION:
		TAKE(c, "44", &r->conn, &r->tx);
		break;
	case STREAM_NODE:
		read_node(c, r);
		break;
	case STREAM_QUOTA:
	case STREAM_DOMAIN:
		read_quota(c, r);
		break;
	default:
		read_ours(c, r);
		break;
	}
}

int stream_open(struct stream_in *in, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	*in = (struct stream_in){ .all = { at, len }, .at = HEADER_SIZE };
	if (len < HEADER_SIZE || memcmp(at, ident, sizeof ident))
		return -EINVAL;
	/* Version and flags are big-endian in any case. */
	in->version = (uint32_t)at[8] << 24 | (uint32_t)at[9] << 16 | (uint32_t)at[10] << 8 | at[11];
	if (!in->version || in->version > STREAM_VERSION_MAX || at[12] | at[13] | at[14] | at[15])
		return -EINVAL;
	return 0;
}

int stream_next(struct stream_in *in, struct stream_record *r)
{
	struct cursor c;
	size_t left, padded;
	uint32_t len;

	do {
		left = in->all.len - in->at;
		memset(r, 0, sizeof *r);
		if (left < RECORD_SIZE)
			return -EINVAL;
		r->type = stream_get32(in->all.at + in->at);
		len = stream_get32(in->all.at + in->at + 4);
		in->at += RECORD_SIZE;
		left -= RECORD_SIZE;
		/* Whether a record's length counts its padding is told in two ways. This reads both. */
		padded = ((size_t)len + 7) & ~(size_t)7;
		if (padded > left)
			return -EINVAL;
		if (r->type == STREAM_END)
			return len || left ? -EINVAL : 0;
		c = (struct cursor){ in->all.at + in->at, len, false };
		in->at += padded;
		read_body(&c, r);
		if (c.bad || c.left > 7)
			return -EINVAL;
	} while (r->type == UINT32_MAX);
	return 1;
}

bool stream_perm(struct stream_bytes perms, unsigned int n, struct perm *perm)
{
	const unsigned char *at = perms.at + 4ul * n;

	perm->bits = at[0] == 'r' ? PERM_READ : at[0] == 'w' ? PERM_WRITE : at[0] == 'b' ? PERM_READ | PERM_WRITE : 0;
	perm->domid = at[2] | (uint32_t)at[3] << 8;
	return !(at[1] & 1);
}

/* ---- writing */

static void put(struct stream_out *o, const void *bytes, size_t len)
{
	if (!o->error && len)
		o->error = o->put(o->opaque, bytes, len);
}

void stream_put_bytes(struct stream_out *o, const void *bytes, size_t len)
{
	if (len > o->left) {
		o->error = o->error ? o->error : -EINVAL;
		return;
	}
	o->left -= (uint32_t)len;
	put(o, bytes, len);
}

void stream_put_numbers(struct stream_out *o, const char *sizes, const uint64_t *numbers)
{
	for (; *sizes; sizes++, numbers++) {
		unsigned char bytes[8];
		size_t size = (size_t)(*sizes - '0');

		for (size_t i = 0; i < size; i++)
			bytes[i] = (unsigned char)(*numbers >> 8 * i);
		stream_put_bytes(o, bytes, size);
	}
}

void stream_put_start(struct stream_out *o)
{
	static const unsigned char version_flags[8] = { 0, 0, 0, 1, 0, 0, 0, 0 };

	put(o, ident, sizeof ident);
	put(o, version_flags, sizeof version_flags);
}

void stream_put_record(struct stream_out *o, uint32_t type, const char *sizes, const uint64_t *numbers, size_t more)
{
	size_t padded = more;

	for (const char *size = sizes; *size; size++)
		padded += (size_t)(*size - '0');
	padded = (padded + 7) & ~(size_t)7;
	if (padded > UINT32_MAX - RECORD_SIZE) {
		o->error = o->error ? o->error : -E2BIG;
		return;
	}
	o->left = (uint32_t)padded + RECORD_SIZE;
	STREAM_NUMBERS(o, "44", type, padded);
	stream_put_numbers(o, sizes, numbers);
	if (!more)
		stream_put_done(o);
}

void stream_put_done(struct stream_out *o)
{
	static const unsigned char zeros[8];

	if (o->left > 7)
		o->error = o->error ? o->error : -EINVAL;
	else
		stream_put_bytes(o, zeros, o->left);
}
