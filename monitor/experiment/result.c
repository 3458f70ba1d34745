// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an experiment saw, for programs: JSON (a summary and each round) and CSV (each sample); both in a page for people. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "experiment/experiment.h"

#define RESULT_MAX (4u << 20)
#define PAGE_MAX (64u << 10)

static const char *const load_names[] = LOAD_NAMES;

static struct json *milliseconds(uint64_t us)
{
	return json_new_double((double)us / 1000);
}

static struct json *losses(const uint64_t lost[LOSSES])
{
	struct json *json = json_new(JSON_OBJECT);
	int r = 0;

	for (unsigned i = 0; i < LOSSES; i++)
		r |= json_set_int(json, loss_keys[i], (int64_t)lost[i]);
	return r < 0 ? json_free(json) : json;
}

static struct json *stalls(const uint32_t us[LOADS])
{
	struct json *json = json_new(JSON_OBJECT);
	int r = 0;

	for (unsigned i = 0; i < LOADS; i++)
		r |= json_set(json, load_names[i], milliseconds(us[i]));
	return r < 0 ? json_free(json) : json;
}

static struct json *cell_json(const struct cell *cell)
{
	struct json *json = json_new(JSON_OBJECT), *outage = json_new(JSON_OBJECT), *back = json_new(JSON_OBJECT);
	int r = json_set_string(json, "role", cell->spec.target);

	r |= json_set_string(json, "fault", exp_fault_names[cell->spec.fault]);
	r |= json_set_string(json, "service", cell->service);
	r |= json_set_int(json, "rounds", cell->rounds);
	r |= json_set_int(json, "recovered", cell->recovered);
	r |= json_set_int(json, "restarted", cell->restarted);
	r |= json_set_string(json, "load", cell->load < 0 ? "worst" : load_names[cell->load]);
	r |= json_set(outage, "median", milliseconds(cell->outage_median_us));
	r |= json_set(outage, "worst", milliseconds(cell->outage_worst_us));
	r |= json_set(json, "outage_ms", outage);
	r |= json_set_int(back, "median", cell->back_median_ms);
	r |= json_set_int(back, "worst", cell->back_worst_ms);
	r |= json_set(json, "back_ms", back);
	r |= json_set(json, "lost", losses(cell->lost));
	r |= json_set_bool(json, "skipped", cell->skipped);
	r |= json_set_string(json, "why", cell->why);
	return r < 0 ? json_free(json) : json;
}

static struct json *round_json(const struct experiment *e, const struct round *round)
{
	const struct cell_spec *spec = &e->cells[round->cell].spec;
	struct json *json = json_new(JSON_OBJECT);
	int r = json_set_string(json, "role", spec->target);

	r |= json_set_string(json, "fault", exp_fault_names[spec->fault]);
	r |= json_set_int(json, "at_ms", round->start_ms - e->start_ms);
	r |= json_set_int(json, "back_ms", round->back_ms - round->start_ms);
	r |= json_set_int(json, "end_ms", round->end_ms - round->start_ms);
	r |= json_set_bool(json, "recovered", round->recovered);
	r |= json_set_bool(json, "restarted", round->restarted);
	r |= json_set(json, "stall_ms", stalls(round->stall_us));
	r |= json_set(json, "lost", losses(round->lost));
	if (round->phases)
		r |= json_set(json, "phases_ms", json_copy(round->phases));
	if (round->why[0])
		r |= json_set_string(json, "why", round->why);
	return r < 0 ? json_free(json) : json;
}

static struct json *host_json(const struct experiment *e)
{
	struct json *json = json_new(JSON_OBJECT);
	int r = json_set_string(json, "xen_version", e->truth.xen_version);

	r |= json_set_int(json, "cpus", e->truth.cpus);
	r |= json_set_int(json, "memory_mib", (int64_t)(e->truth.total_kib >> 10));
	return r < 0 ? json_free(json) : json;
}

static int print_result(const struct experiment *e, struct buf *text)
{
	AUTO_JSON struct json *json = json_new(JSON_OBJECT);
	struct json *cells = json_new(JSON_ARRAY), *rounds = json_new(JSON_ARRAY);
	int r = json_set_int(json, "version", 1);

	r |= json_set_string(json, "name", e->scenario.name);
	r |= json_set_string(json, "title", e->scenario.title);
	r |= json_set_bool(json, "ok", e->ok);
	r |= json_set_string(json, "why", e->why);
	r |= json_set_int(json, "started_ms", e->start_ms);
	r |= json_set_int(json, "load_ms", e->load_ms - e->start_ms);
	r |= json_set_int(json, "took_ms", e->end_ms - e->start_ms);
	r |= json_set_int(json, "seed", e->scenario.seed);
	r |= json_set_int(json, "guests", e->guest_count);
	r |= json_set(json, "host", host_json(e));
	r |= json_set(json, "quiet_stall_ms", stalls(e->quiet_us));
	r |= json_set(json, "lost", losses(e->lost));
	for (unsigned i = 0; i < e->scenario.cell_count; i++)
		r |= json_append(cells, cell_json(&e->cells[i]));
	r |= json_set(json, "cells", cells);
	for (unsigned i = 0; i < e->round_count; i++)
		r |= json_append(rounds, round_json(e, &e->rounds[i]));
	r |= json_set(json, "rounds", rounds); /* last: a reader that needs the summary only can stop here */
	return r < 0 ? r : json_print(json, text, true);
}

static void print_samples(const struct experiment *e, FILE *out)
{
	fprintf(out, "guest,ms,load,done,stall_us,lost,wrong\n");
	for (unsigned g = 0; g < e->guest_count; g++) {
		const struct guest_log *log = &e->guests[g].log;

		for (size_t s = 0; s < log->count; s++) {
			for (unsigned i = 0; i < LOADS; i++) {
				const struct load_counters *k = &log->samples[s].load[i];

				if (log->has[i])
					fprintf(out, "%s,%lld,%s,%llu,%llu,%llu,%llu\n", e->guests[g].name,
						(long long)(log->samples[s].ms - e->start_ms), load_names[i],
						(unsigned long long)k->done, (unsigned long long)k->stall_us,
						(unsigned long long)k->lost, (unsigned long long)k->wrong);
			}
		}
	}
}

int experiment_write_json(const struct experiment *e, const char *path)
{
	AUTO_BUF struct buf text = BUF_INIT(RESULT_MAX);
	int r = print_result(e, &text);

	return r < 0 ? r : write_file_atomic(path, text.data, text.len, 0644);
}

int experiment_write_csv(const struct experiment *e, const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	print_samples(e, out);
	return fclose(out) == 0 ? 0 : -errno;
}

int experiment_write_page(const struct experiment *e, const char *template, const char *path)
{
	AUTO_BUF struct buf text = BUF_INIT(RESULT_MAX);
	AUTO_FREE char *page = NULL;
	int r = read_file(template, PAGE_MAX, &page, NULL);
	FILE *out;

	if (r == 0)
		r = print_result(e, &text);
	if (r < 0)
		return r;
	out = fopen(path, "we");
	if (!out)
		return -errno;
	fprintf(out, "%s<script id=\"result\" type=\"application/json\">", page);
	for (size_t i = 0; i < text.len; i++) { /* nothing in it ends the element */
		if (text.data[i] == '<')
			fputs("\\u003c", out);
		else
			fputc(text.data[i], out);
	}
	fprintf(out, "</script>\n<script id=\"samples\" type=\"text/csv\">");
	print_samples(e, out); /* names and numbers */
	fprintf(out, "</script></html>\n");
	return fclose(out) == 0 ? 0 : -errno;
}
