// SPDX-License-Identifier: LGPL-2.1-or-later
/* The store as a whole: birth, take-over, unfinished work, and small helpers. */
#include "private.h"

void text_add(struct text *t, const char *string)
{
	while (*string && t->len + 1 < t->size)
		t->at[t->len++] = *string++;
	t->at[t->len] = 0;
}

void text_add_number(struct text *t, uint64_t value, unsigned int width)
{
	char number[24];
	size_t n = wire_format_number(number, value);

	for (; n < width; width--)
		text_add(t, " ");
	text_add(t, number);
}

void store_log(struct store *s, const char *text)
{
	s->ops->log(s->opaque, text);
}

static const uint32_t default_quotas[QUOTA_COUNT] = {
	[QUOTA_NODES] = 1000,
	[QUOTA_WATCHES] = 128,
	[QUOTA_OUTSTANDING] = 20,
	[QUOTA_MEMORY] = 2 * 1024 * 1024 + 512 * 1024,
	[QUOTA_SOFT_MEMORY] = 2 * 1024 * 1024,
	[QUOTA_TRANSACTIONS] = 10,
	[QUOTA_TRANSACTION_NODES] = 1024,
	[QUOTA_NODE_PERMISSIONS] = 5,
	[QUOTA_PATH_MAX] = WIRE_ABS_PATH_MAX,
	[QUOTA_NODE_SIZE] = 2048,
};

static void bind(struct store *s, const struct store_ops *ops, void *opaque)
{
	s->ops = ops;
	s->opaque = opaque;
	s->request = NULL;
	s->check = NULL;
	s->no_events = false;
}

struct create_job {
	struct store *s;
	const struct store_config *config;
};

static int create_step(void *opaque)
{
	struct create_job *job = opaque;
	struct store *s = job->s;
	struct store_root *r = arena_alloc(&s->a, sizeof *r);
	struct perm owner = { job->config->privileged, 0 };
	struct watch_node *w;
	struct node *top;

	memset(r, 0, sizeof *r);
	s->r = r;
	r->seed = job->config->seed;
	r->privileged = job->config->privileged;
	r->gen = 1;
	for (int i = 0; i < QUOTA_COUNT; i++)
		r->quotas[i] = job->config->quotas[i] ? job->config->quotas[i] : default_quotas[i];
	table_init(&s->a, &r->nodes);
	table_init(&s->a, &r->permsets);
	table_init(&s->a, &r->domains);
	table_init(&s->a, &r->watch_nodes);
	table_init(&s->a, &r->entries);
	for (int i = 0; i < 2; i++)
		r->special_perms[i] = perms_intern(s, &owner, 1);
	for (int i = 0; i < 2; i++) {
		w = arena_alloc(&s->a, sizeof *w);
		memset(w, 0, sizeof *w);
		*(i ? &r->watch_special : &r->watch_top) = REF(s, w);
	}
	top = node_alloc(s, "", 0, perms_intern(s, &owner, 1), 0);
	top->gen = top->born = top->children_gen = r->gen;
	r->top = REF(s, top);
	r->live_nodes = 1;
	domain_count_node(s, r->privileged, 1, (long)node_bytes(s, top));
	SET(s, s->a.header->root, REF(s, r));
	return 0;
}

int store_create(struct store *s, void *memory, size_t size, const struct store_config *config,
		 const struct store_ops *ops, void *opaque)
{
	struct create_job job = { s, config };
	int r;

	memset(s, 0, sizeof *s);
	bind(s, ops, opaque);
	r = arena_create(&s->a, memory, size);
	return r ? r : arena_step(&s->a, create_step, &job);
}

int store_attach(struct store *s, void *memory, size_t size, const struct store_ops *ops, void *opaque)
{
	int r;

	memset(s, 0, sizeof *s);
	bind(s, ops, opaque);
	r = arena_attach(&s->a, memory, size);
	if (r)
		return r;
	if (!arena_block_valid(&s->a, s->a.header->root, sizeof *s->r))
		return -EINVAL;
	s->r = arena_ptr(&s->a, s->a.header->root);
	return 0;
}

void store_finish(struct store *s)
{
	bool more;

	s->a.emergency = true;
	do {
		more = commit_work(s);
		if (!more)
			more = fire_work(s);
		if (!more)
			more = close_work(s);
		if (!more)
			more = purge_work(s);
	} while (more);
	s->a.emergency = false;
}

bool store_idle(struct store *s, unsigned int budget)
{
	old_prune(s);
	return trash_work(s, budget);
}

void store_usage(const struct store *s, struct store_usage *u)
{
	memset(u, 0, sizeof *u);
	u->arena_size = s->a.header->size;
	u->free_bytes = arena_free_bytes(&s->a);
	u->used_bytes = s->a.header->used_bytes;
	u->nodes = s->r->live_nodes;
	u->watches = s->r->watch_count;
	u->transactions = s->r->tx_count;
	u->connections = s->r->conn_count;
	u->domains = s->r->domains.count;
	u->journal_peak = s->a.journal_peak;
	u->requests = s->r->requests;
	u->refused_memory = s->r->refused_memory;
}
