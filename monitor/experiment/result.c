// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an experiment saw, for programs: JSON (a summary and each round) and CSV (each sample); both in a page for people. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "experiment/experiment.h"

#define RESULT_MAX (4u << 20)
#define PAGE_MAX (64u << 10)

static const char *const load_names[] = LOAD_NAMES;

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
		r |= json_set(json, load_names[i], json_new_double(us[i] / 1e3));
	return r < 0 ? json_free(json) : json;
}

static struct json *cell_json(const struct cell *c)
{
	return json_build("role=%s fault=%s service=%s rounds=%u recovered=%u restarted=%u load=%s outage_ms=%p back_ms=%p lost=%p skipped?%d why=%s",
			  c->spec.target, exp_fault_names[c->spec.fault], c->service, c->rounds, c->recovered, c->restarted,
			  c->load < 0 ? "worst" : load_names[c->load],
			  json_build("median=%f worst=%f", c->outage_median_us / 1e3, c->outage_worst_us / 1e3),
			  json_build("median=%ld worst=%ld", c->back_median_ms, c->back_worst_ms), losses(c->lost), c->skipped, c->why);
}

static struct json *round_json(const struct experiment *e, const struct round *r)
{
	const struct cell_spec *spec = &e->cells[r->cell].spec;

	return json_build("role=%s fault=%s at_ms=%ld back_ms=%ld end_ms=%ld recovered?%d restarted?%d stall_ms=%p lost=%p phases_ms~%p why~%s",
			  spec->target, exp_fault_names[spec->fault], r->start_ms - e->start_ms, r->back_ms - r->start_ms,
			  r->end_ms - r->start_ms, r->recovered, r->restarted, stalls(r->stall_us), losses(r->lost), json_copy(r->phases), r->why);
}

static int print_result(const struct experiment *e, struct buf *text)
{
	AUTO_JSON struct json *json = NULL;
	struct json *cells = json_new(JSON_ARRAY), *rounds = json_new(JSON_ARRAY);

	for (unsigned i = 0; i < e->scenario.cell_count; i++)
		json_append(cells, cell_json(&e->cells[i]));
	for (unsigned i = 0; i < e->round_count; i++)
		json_append(rounds, round_json(e, &e->rounds[i]));
	/* The rounds are last: a reader that needs the summary only can stop there. */
	json = json_build("version=%d name=%s title=%s ok?%d why=%s started_ms=%ld load_ms=%ld took_ms=%ld seed=%u guests=%u host=%p quiet_stall_ms=%p "
			  "lost=%p cells=%p rounds=%p",
			  1, e->scenario.name, e->scenario.title, e->ok, e->why, e->start_ms, e->load_ms - e->start_ms, e->end_ms - e->start_ms,
			  e->scenario.seed, e->guest_count,
			  json_build("xen_version=%s cpus=%u memory_mib=%lu", e->truth.xen_version, e->truth.cpus, e->truth.total_kib >> 10),
			  stalls(e->quiet_us), losses(e->lost), cells, rounds);
	return json ? json_print(json, text, true) : -ENOMEM;
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
