// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Quotas: named limits of what an unprivileged domain may have, with the defaults of C xenstored; per domain or for
 * all, settable at run time. Refusals are counted.
 */
#include "private.h"

const char *const quota_names[QUOTA_COUNT] = {
	[QUOTA_NODES] = "nodes",
	[QUOTA_WATCHES] = "watches",
	[QUOTA_OUTSTANDING] = "outstanding",
	[QUOTA_MEMORY] = "memory",
	[QUOTA_SOFT_MEMORY] = "soft-memory",
	[QUOTA_TRANSACTIONS] = "transactions",
	[QUOTA_TRANSACTION_NODES] = "transaction-nodes",
	[QUOTA_NODE_PERMISSIONS] = "node-permissions",
	[QUOTA_PATH_MAX] = "path-max",
	[QUOTA_NODE_SIZE] = "node-size",
};

uint32_t quota_limit(const struct store *s, const struct domain *d, enum quota_id id)
{
	return d && d->limits[id] != QUOTA_DEFAULT ? d->limits[id] : s->r->quotas[id];
}

void quota_check(struct store *s, const struct conn *c, enum quota_id id, uint64_t wanted)
{
	uint32_t limit;

	if (conn_privileged(s, c))
		return;
	limit = quota_limit(s, domain_find(s, c->domid), id);
	if (wanted > limit) {
		s->quota_hit = (int)id + 1;
		FAIL(s, ENOSPC);
	}
}

void quota_seen(struct store *s, struct domain *d, enum quota_id id, uint64_t value)
{
	uint32_t v = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;

	if (v > d->peak[id])
		SET(s, d->peak[id], v);
	if (d->domid != s->r->privileged && v > s->r->peak[id])
		SET(s, s->r->peak[id], v);
}

void quota_charge(struct store *s, uint32_t domid, long bytes)
{
	struct domain *d = domain_get(s, domid);

	arena_touch(&s->a, &d->memory, sizeof d->memory);
	if (bytes < 0 && (uint64_t)-bytes > d->memory)
		bytes = -(long)d->memory;
	d->memory = (uint64_t)((int64_t)d->memory + bytes);
	if (bytes > 0)
		quota_seen(s, d, QUOTA_MEMORY, d->memory);
}

/*
 * Memory is charged to whom it serves. With half of the arena in use nobody but the privileged may have more than a
 * fair share of the other half: so no domain can fill the store for others, whatever its quotas say.
 */
bool quota_memory_ok(const struct store *s, const struct domain *d)
{
	uint32_t limit = quota_limit(s, d, QUOTA_MEMORY);
	uint64_t size = s->a.header->size;

	if (limit && d->memory > limit)
		return false;
	return arena_free_bytes(&s->a) > size / 2 || d->memory <= size / 2 / (s->r->domains.count + 1);
}

void quota_refused(struct store *s, const struct conn *c, enum quota_id id)
{
	struct domain *d = domain_find(s, c->domid);

	if (d)
		d->refused[id]++; /* a mere statistic: it may miss a count in a restart */
	s->r->refused[id]++;
}

int quota_by_name(const char *name)
{
	for (int i = 0; i < QUOTA_COUNT; i++)
		if (!strcmp(name, quota_names[i]))
			return i;
	return -EINVAL;
}

/* GET_QUOTA [[<domid>|]<quota>|] */
int handle_get_quota(struct store *s, struct conn *c, const char *data, size_t len)
{
	const char *name = data;
	char text[256];
	struct text t = { text, sizeof text, 0 };
	uint64_t domid = NO_DOMID;
	int n = wire_count_strings(data, len), id;

	if (n < 0 || n > 2)
		return -EINVAL;
	if (!n) {
		for (int i = 0; i < QUOTA_COUNT; i++) {
			text_add(&t, i ? " " : "");
			text_add(&t, quota_names[i]);
		}
		return reply_text(s, c, text);
	}
	if (n == 2) {
		if (wire_parse_number(data, WIRE_MAX_DOMID, &domid))
			return -EINVAL;
		name = wire_next_string(data, len, data);
	}
	id = quota_by_name(name);
	if (id < 0)
		return id;
	if (n == 2 && !domain_find(s, (uint32_t)domid))
		return -ENOENT;
	text_add_number(&t, quota_limit(s, n == 2 ? domain_find(s, (uint32_t)domid) : NULL, (enum quota_id)id), 0);
	return reply_text(s, c, text);
}

/* SET_QUOTA [<domid>|]<quota>|<value>| */
int handle_set_quota(struct store *s, struct conn *c, const char *data, size_t len)
{
	const char *name = data;
	uint64_t domid = NO_DOMID, value;
	int n = wire_count_strings(data, len), id;

	if (n != 2 && n != 3)
		return -EINVAL;
	if (n == 3) {
		if (wire_parse_number(data, WIRE_MAX_DOMID, &domid))
			return -EINVAL;
		name = wire_next_string(data, len, data);
	}
	id = quota_by_name(name);
	if (id < 0 || wire_parse_number(wire_next_string(data, len, name), UINT32_MAX - 1, &value))
		return -EINVAL;
	if (n == 2) {
		SET(s, s->r->quotas[id], (uint32_t)value);
	} else {
		struct domain *d = domain_find(s, (uint32_t)domid);

		if (!d || !(d->flags & DOMAIN_INTRODUCED))
			return -ENOENT;
		SET(s, d->limits[id], (uint32_t)value);
	}
	return reply_ok(s, c);
}
