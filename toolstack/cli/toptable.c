// SPDX-License-Identifier: LGPL-2.1-or-later
/* Samples, rates and the screen of `atoll top`. */
#include <string.h>

#include "cli/top.h"

#define FIXED_COLUMNS 73 /* all but the sparkline */
#define RESET "\033[0m"

static double bytes_of(const struct json *domain, const char *kind)
{
	double sum = 0;

	json_for_each(dev, json_get(domain, "devices")) {
		if (!strcmp(json_get_string(dev, "kind", ""), kind))
			sum += (double)json_get_int(dev, "read_bytes", 0) + (double)json_get_int(dev, "written_bytes", 0);
	}
	return sum;
}

static struct top_row *find_row(struct top *top, const char *name)
{
	for (unsigned i = 0; i < top->count; i++) {
		if (!strcmp(top->rows[i].name, name))
			return &top->rows[i];
	}
	if (top->count == TOP_ROWS_MAX)
		return NULL;
	top->rows[top->count] = (struct top_row){.outage_ms = -1};
	snprintf(top->rows[top->count].name, sizeof(top->rows[0].name), "%s", name);
	return &top->rows[top->count++];
}

/* Rates need two samples of the same incarnation: counters that went back began anew. */
static void take_rates(struct top_row *row, const struct json *d)
{
	int64_t cpu_ms = json_get_int(d, "cpu_ms", 0), sampled_ms = json_get_int(d, "sampled_ms", 0);
	double net = bytes_of(d, "vif"), disk = bytes_of(d, "vbd"), seconds = (double)(sampled_ms - row->sampled_ms) / 1000;

	if (seconds <= 0)
		return; /* no newer sample */
	if (row->sampled_ms && cpu_ms >= row->cpu_ms)
		row->cpu = (double)(cpu_ms - row->cpu_ms) / 10 / seconds;
	if (row->sampled_ms && net >= row->net_bytes)
		row->net = (net - row->net_bytes) / 1024 / seconds;
	if (row->sampled_ms && disk >= row->disk_bytes)
		row->disk = (disk - row->disk_bytes) / 1024 / seconds;
	memmove(row->history, row->history + 1, sizeof(row->history) - sizeof(row->history[0]));
	row->history[TOP_HISTORY - 1] = row->cpu;
	row->cpu_ms = cpu_ms;
	row->sampled_ms = sampled_ms;
	row->net_bytes = net;
	row->disk_bytes = disk;
}

void top_sample(struct top *top, const struct json *status)
{
	unsigned kept = 0;

	top->up = json_get_bool(status, "up", false);
	top->control_mib = (double)json_get_int(status, "control_memory_kib", 0) / 1024;
	for (unsigned i = 0; i < top->count; i++)
		top->rows[i].seen = false;
	json_for_each(d, json_get(status, "domains")) {
		struct top_row *row = find_row(top, json_get_string(d, "name", "?"));
		const char *state = json_get_string(d, "state", "?");

		if (!row)
			continue;
		snprintf(row->role, sizeof(row->role), "%s", json_get_string(d, "role", "?"));
		snprintf(row->health, sizeof(row->health), "%s", strcmp(state, "running") ? state : json_get_string(d, "health", "?"));
		snprintf(row->why, sizeof(row->why), "%s", json_get_string(d, "why", ""));
		row->domid = json_get_int(d, "domid", -1);
		row->restarts = json_get_int(d, "restarts", 0);
		row->outage_ms = row->restarts ? json_get_int(json_get(d, "last_outage"), "total_ms", -1) : -1;
		row->memory_mib = (double)json_get_int(d, "memory_kib", 0) / 1024;
		take_rates(row, d);
		row->seen = true;
	}
	for (unsigned i = 0; i < top->count; i++) {
		if (top->rows[i].seen)
			top->rows[kept++] = top->rows[i];
	}
	top->count = kept;
}

void top_event(struct top *top, const char *line)
{
	if (top->event_count == ARRAY_SIZE(top->events)) {
		memmove(top->events, top->events + 1, sizeof(top->events) - sizeof(top->events[0]));
		top->event_count--;
	}
	snprintf(top->events[top->event_count++], sizeof(top->events[0]), "%s", line);
}

/* --- the screen --- */

static double sort_value(const struct top *top, const struct top_row *row)
{
	switch (top->sort) {
	case 'c':
		return row->cpu;
	case 'm':
		return row->memory_mib;
	case 'n':
		return row->net;
	case 'd':
		return row->disk;
	case 'r':
		return (double)row->restarts;
	default:
		return -(double)row->domid;
	}
}

/* Largest first; insertion keeps the order of equals, so that the screen does not jump. */
static void sort_rows(struct top *top)
{
	for (unsigned i = 1; i < top->count; i++) {
		struct top_row row = top->rows[i];
		unsigned at = i;

		for (; at > 0 && sort_value(top, &top->rows[at - 1]) < sort_value(top, &row); at--)
			top->rows[at] = top->rows[at - 1];
		top->rows[at] = row;
	}
}

/* At most four characters and a unit: 0, 12.3K, 1.2M. */
static void print_rate(char out[8], double kib)
{
	if (kib < 0.05)
		snprintf(out, 8, "-");
	else if (kib < 1000)
		snprintf(out, 8, "%.*fK", kib < 99.95, kib);
	else if (kib < 1000 * 1024.0)
		snprintf(out, 8, "%.*fM", kib < 99.95 * 1024, kib / 1024);
	else
		snprintf(out, 8, "%.1fG", MIN(kib / 1048576, 9999.9));
}

static const char *colour(const char *health)
{
	static const char *const yellow[] = {"starting", "stopping", "paused", "slow", "starved", "low memory", "degraded", "down"};

	if (!strcmp(health, "ok"))
		return "\033[32m";
	for (unsigned i = 0; i < ARRAY_SIZE(yellow); i++) {
		if (!strcmp(health, yellow[i]))
			return "\033[33m";
	}
	return "\033[1;31m";
}

static int print_spark(const struct top_row *row, unsigned width, struct buf *out)
{
	static const char *const bars[] = {"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	int r = 0;

	for (unsigned i = TOP_HISTORY - width; i < TOP_HISTORY; i++) {
		double share = row->history[i] / 100 * (double)ARRAY_SIZE(bars);

		r |= buf_printf(out, "%s", row->history[i] < 0.5 ? "\u00b7" : bars[(unsigned)MIN(MAX(share, 0), 7)]);
	}
	return r;
}

static int print_row(const struct top_row *row, unsigned spark, struct buf *out)
{
	char net[8], disk[8], outage[16] = "-";
	int r;

	print_rate(net, row->net);
	print_rate(disk, row->disk);
	if (row->outage_ms >= 10000)
		snprintf(outage, sizeof(outage), "%.1f s", (double)MIN(row->outage_ms, 999999) / 1000);
	else if (row->outage_ms >= 0)
		snprintf(outage, sizeof(outage), "%lld ms", (long long)row->outage_ms);
	r = buf_printf(out, "%5lld %-12.12s %s%-13.13s" RESET " %5.1f \033[36m", (long long)row->domid, row->name, colour(row->health),
		       row->health, row->cpu);
	r |= print_spark(row, spark, out);
	return r | buf_printf(out, RESET " %6.1f %6s %6s %4lld %7s\033[K\r\n", MIN(row->memory_mib, 9999.9), net, disk,
			      (long long)MIN(row->restarts, 9999), outage);
}

/* What is wrong with whom, then what happened last, on the LINES that are left. */
static int print_rest(const struct top *top, unsigned lines, unsigned columns, struct buf *out)
{
	unsigned first;
	char line[256];
	int r = buf_printf(out, "\033[K\r\n");

	lines--;
	for (unsigned i = 0; i < top->count && lines; i++) {
		if (!top->rows[i].why[0])
			continue;
		snprintf(line, sizeof(line), "%s: %s", top->rows[i].name, top->rows[i].why);
		r |= buf_printf(out, "%s%.*s" RESET "\033[K\r\n", colour(top->rows[i].health), (int)columns, line);
		lines--;
	}
	first = top->event_count > lines ? top->event_count - lines : 0;
	for (unsigned i = first; i < top->event_count; i++, lines--)
		r |= buf_printf(out, "\033[2m%.*s" RESET "\033[K\r\n", (int)columns, top->events[i]);
	while (lines--)
		r |= buf_printf(out, "\033[K\r\n");
	return r;
}

int top_render(struct top *top, unsigned rows, unsigned columns, const char *clock, struct buf *out)
{
	unsigned width = MAX(columns, TOP_COLUMNS_MIN), spark = MIN(width - FIXED_COLUMNS, TOP_HISTORY), shown;
	int r = 0;

	sort_rows(top);
	shown = MIN(top->count, rows > 6 ? rows - 5 : 1);
	r |= buf_printf(out, "\033[H\033[1matoll\033[0m  %s  %s%s" RESET "  %u domains  control domain %.0f MiB\033[K\r\n", clock,
			top->up ? "\033[32m" : "\033[1;31m", top->up ? "all services run" : "NOT ALL SERVICES RUN", top->count,
			top->control_mib);
	r |= buf_printf(out, "\033[7m%5s %-12s %-13s %5s %-*s %6s %6s %6s %4s %7s\033[K" RESET "\r\n", "DOMID", "NAME", "HEALTH", "CPU%",
			(int)spark, "HISTORY", "MEM", "NET/s", "DISK/s", "RST", "OUTAGE");
	for (unsigned i = 0; i < shown; i++)
		r |= print_row(&top->rows[i], spark, out);
	if (rows > shown + 3)
		r |= print_rest(top, rows - shown - 3, columns, out);
	return r | buf_printf(out, "\033[7m sort: i)d c)pu m)emory n)et d)isk r)estarts   now: %c   q) leaves\033[K" RESET,
			      top->sort ? top->sort : 'i');
}
