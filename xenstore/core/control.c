// SPDX-License-Identifier: LGPL-2.1-or-later
/* CONTROL: what the operator may ask of the store. */
#include "private.h"

static int control_help(struct store *s, struct conn *c, const char *arg);

static int control_check(struct store *s, struct conn *c, const char *arg)
{
	const char *what = "";

	if (s->check && s->check(s, &what)) {
		store_log(s, what);
		return reply_text(s, c, what);
	}
	return reply_ok(s, c);
}

static int control_log(struct store *s, struct conn *c, const char *arg)
{
	if (!arg || (strcmp(arg, "on") && strcmp(arg, "off")))
		return -EINVAL;
	SET(s, s->r->log_on, !strcmp(arg, "on"));
	return reply_ok(s, c);
}

static void report_line(struct text *t, const char *name, uint64_t value)
{
	text_add(t, name);
	text_add(t, ": ");
	text_add_number(t, value, 0);
	text_add(t, "\n");
}

static int control_memreport(struct store *s, struct conn *c, const char *arg)
{
	struct text t = { (char *)s->assembled_out, 2048, 0 };
	struct store_usage u;

	store_usage(s, &u);
	report_line(&t, "arena", u.arena_size);
	report_line(&t, "free", u.free_bytes);
	report_line(&t, "used", u.used_bytes);
	report_line(&t, "nodes", u.nodes);
	report_line(&t, "watches", u.watches);
	report_line(&t, "transactions", u.transactions);
	report_line(&t, "connections", u.connections);
	report_line(&t, "domains", u.domains);
	report_line(&t, "journal peak", u.journal_peak);
	report_line(&t, "requests", u.requests);
	report_line(&t, "refused for want of memory", u.refused_memory);
	/* With a file name C xenstored writes the report there and says OK; this store writes no files. */
	return arg ? reply_ok(s, c) : reply_text(s, c, t.at);
}

static int control_print(struct store *s, struct conn *c, const char *arg)
{
	if (!arg)
		return -EINVAL;
	s->ops->log(s->opaque, arg);
	return reply_ok(s, c);
}

static void text_pad(struct text *t, size_t to)
{
	while (t->len < to)
		text_add(t, " ");
}

static void quota_line(struct text *t, const char *name, uint64_t value)
{
	size_t start = t->len;

	text_add(t, name);
	text_pad(t, start + 17);
	text_add(t, ": ");
	text_add_number(t, value, 8);
}

static void refused_lines(struct text *t, const uint32_t *refused)
{
	for (int i = 0; i < QUOTA_COUNT; i++) {
		if (!refused[i])
			continue;
		text_add(t, "refused for ");
		report_line(t, quota_names[i], refused[i]);
	}
}

static uint64_t quota_now(const struct domain *d, int id)
{
	switch (id) {
	case QUOTA_NODES:
		return d->nodes;
	case QUOTA_WATCHES:
		return d->watches;
	case QUOTA_TRANSACTIONS:
		return d->transactions;
	case QUOTA_MEMORY:
		return d->memory;
	default:
		return 0;
	}
}

static const uint8_t counted[] = { QUOTA_NODES, QUOTA_WATCHES, QUOTA_MEMORY, QUOTA_TRANSACTIONS };

/* quota | quota max [-r] | quota <domid> | quota set <name> <value> */
static int control_quota(struct store *s, struct conn *c, const char *arg)
{
	struct text t = { (char *)s->assembled_out, 2048, 0 };
	const struct domain *d;
	uint64_t value;
	const char *name, *number;
	int id;

	if (arg && !strcmp(arg, "set")) {
		name = wire_next_string(s->control_data, s->control_len, arg);
		number = name ? wire_next_string(s->control_data, s->control_len, name) : NULL;
		id = number ? quota_by_name(name) : -EINVAL;
		if (id < 0 || wire_parse_number(number, UINT32_MAX - 1, &value))
			return -EINVAL;
		SET(s, s->r->quotas[id], (uint32_t)value);
		return reply_ok(s, c);
	}
	if (arg && !strcmp(arg, "max")) {
		text_add(&t, "Max. seen accounting values:\n");
		for (unsigned int i = 0; i < sizeof counted; i++) {
			quota_line(&t, quota_names[counted[i]], s->r->peak[counted[i]]);
			text_add(&t, "\n");
		}
		refused_lines(&t, s->r->refused);
		return reply_text(s, c, t.at);
	}
	if (arg) {
		if (wire_parse_number(arg, WIRE_MAX_DOMID, &value))
			return -EINVAL;
		d = domain_find(s, (uint32_t)value);
		if (!d)
			return -ENOENT;
		text_add(&t, "Domain ");
		text_add_number(&t, value, 0);
		text_add(&t, ":\n");
		for (unsigned int i = 0; i < sizeof counted; i++) {
			quota_line(&t, quota_names[counted[i]], quota_now(d, counted[i]));
			text_add(&t, " (max ");
			text_add_number(&t, d->peak[counted[i]], 8);
			text_add(&t, ")\n");
		}
		refused_lines(&t, d->refused);
		return reply_text(s, c, t.at);
	}
	text_add(&t, "Quota settings:\n");
	for (int i = 0; i < QUOTA_COUNT; i++)
		if (i != QUOTA_SOFT_MEMORY)
			report_line(&t, quota_names[i], s->r->quotas[i]);
	return reply_text(s, c, t.at);
}

static int control_quota_soft(struct store *s, struct conn *c, const char *arg)
{
	struct text t = { (char *)s->assembled_out, 2048, 0 };

	text_add(&t, "Quota settings:\n");
	quota_line(&t, "memory", s->r->quotas[QUOTA_SOFT_MEMORY]);
	text_add(&t, " Total Xenstore memory per domain\n");
	return reply_text(s, c, t.at);
}

/* The arena makes the store restartable as it is; a main may offer more. */
static int control_live_update(struct store *s, struct conn *c, const char *arg)
{
	return -EINVAL;
}

static const struct {
	const char *name, *usage;
	int (*run)(struct store *s, struct conn *c, const char *arg);
} commands[] = {
	{ "check", "", control_check },
	{ "help", "", control_help },
	{ "live-update", "[-c <cmdline>] [-F] [-t <timeout>] <file> (a process only; the store domain: atoll restart store)", control_live_update },
	{ "log", "on|off", control_log },
	{ "memreport", "", control_memreport },
	{ "print", "<text>", control_print },
	{ "quota", "[<domid>|max|set <name> <value>]", control_quota },
	{ "quota-soft", "", control_quota_soft },
};

static int control_help(struct store *s, struct conn *c, const char *arg)
{
	struct text t = { (char *)s->assembled_out, 2048, 0 };

	for (unsigned int i = 0; i < sizeof commands / sizeof *commands; i++) {
		text_add(&t, commands[i].name);
		text_add(&t, "\t");
		text_add(&t, commands[i].usage);
		text_add(&t, "\n");
	}
	return reply_text(s, c, t.at);
}

int handle_control(struct store *s, struct conn *c, const char *data, size_t len)
{
	if (wire_count_strings(data, len) < 1)
		return -EINVAL;
	s->control_data = data;
	s->control_len = len;
	for (unsigned int i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(data, commands[i].name))
			return commands[i].run(s, c, wire_next_string(data, len, data));
	return -EINVAL;
}
