// SPDX-License-Identifier: LGPL-2.1-or-later
/* The report: verdict, matrix, timelines of the whole run, and each cell's worst round from near. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "experiment/page.h"

#define WIDE 1080
#define NARROW 530
#define BEFORE_MS 6000 /* shown of the time around a round */
#define AFTER_MS 4000

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:1100px;margin:2em auto;padding:0 1em}"
	"h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.2em;margin:1.8em 0 .4em}h3{font-size:1em;margin:.6em 0 0}"
	"table{border-collapse:collapse;margin:.6em 0}th,td{padding:.35em .7em;border:1px solid #d5d5d5;text-align:right;vertical-align:top}"
	"th{background:#f4f4f4;font-weight:600}td.l,th.l{text-align:left}td.good{background:#e8f5ee}td.bad{background:#fde5e0}"
	"td.none{color:#777}small{color:#555}.verdict{display:inline-block;padding:.1em .6em;border-radius:.3em;color:#fff}"
	".ok{background:#00805a}.failed{background:#c0392b}.key span{margin-right:1.4em}.key i{display:inline-block;width:1.4em;height:.3em;"
	"vertical-align:middle;margin-right:.4em}.pair{display:flex;flex-wrap:wrap;gap:10px}svg{display:block;max-width:100%;height:auto}"
	"svg text{font:11px system-ui,sans-serif;fill:#333}.num{text-anchor:end}.mid{text-anchor:middle}svg .mark{font-size:10px;fill:#9c2b1c}"
	".grid{stroke:#e6e6e6}.tick{stroke:#888}.fault{stroke:#c0392b;stroke-width:1.2}.down{fill:#c0392b;fill-opacity:.1}"
	".rate{fill:none;stroke-width:1.5}";

static const char *const load_titles[LOADS] = {"TCP, received", "Disk, verified", "Store", "Console"};

static void print_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		const char *as = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '&' ? "&amp;" : *text == '"' ? "&quot;" : NULL;

		if (as)
			fputs(as, out);
		else if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
}

static void print_ms(uint32_t us, FILE *out)
{
	if (us >= 10000000)
		fprintf(out, "%.1f s", us / 1e6);
	else if (us >= 100000)
		fprintf(out, "%u ms", (us + 500) / 1000);
	else
		fprintf(out, "%.1f ms", us / 1e3);
}

static void print_losses(const uint64_t lost[LOSSES], FILE *out)
{
	for (unsigned i = 0; i < LOSSES; i++) {
		if (lost[i])
			fprintf(out, "<br>%llu %s", (unsigned long long)lost[i], loss_names[i]);
	}
}

static void print_matrix_cell(const struct cell *cell, FILE *out)
{
	if (!cell || !cell->rounds) {
		fprintf(out, "<td class=\"none\">%s", cell ? "not possible here<br><small>" : "–");
		if (cell)
			print_text(cell->why, out);
		fprintf(out, "%s</td>", cell ? "</small>" : "");
		return;
	}
	fprintf(out, "<td class=\"%s\"><b>", cell_lost(cell) ? "bad" : "good");
	print_ms(cell->outage_median_us, out);
	fprintf(out, "</b><br><small>worst ");
	print_ms(cell->outage_worst_us, out);
	fprintf(out, "<br>%u round%s, %u restarted", cell->rounds, cell->rounds == 1 ? "" : "s", cell->restarted);
	print_losses(cell->lost, out);
	if (cell->why[0]) {
		fprintf(out, "<br>");
		print_text(cell->why, out);
	}
	fprintf(out, "</small></td>");
}

static void print_matrix(const struct experiment *e, FILE *out)
{
	bool used[EXP_FAULTS] = {0};

	for (unsigned i = 0; i < e->scenario.cell_count; i++)
		used[e->cells[i].spec.fault] = true;
	fprintf(out, "<h2>Faults</h2><p>Median of the longest stall that any guest saw in a round: of TCP for net, of disk I/O for disk, of store "
		     "requests for store, of console output for console, else of the worst of them.</p><table><tr><th class=\"l\">target</th>");
	for (unsigned f = 0; f < EXP_FAULTS; f++) {
		if (used[f])
			fprintf(out, "<th>%s</th>", exp_fault_names[f]);
	}
	fprintf(out, "</tr>\n");
	for (unsigned i = 0; i < e->scenario.cell_count; i++) {
		const char *target = e->cells[i].spec.target;
		unsigned first = 0;

		while (strcmp(e->cells[first].spec.target, target))
			first++;
		if (first != i)
			continue;
		fprintf(out, "<tr><th class=\"l\">%s</th>", target);
		for (unsigned f = 0; f < EXP_FAULTS; f++) {
			if (used[f])
				print_matrix_cell(cell_find(e, target, f), out);
		}
		fprintf(out, "</tr>\n");
	}
	fprintf(out, "</table>\n");
}

static void print_head(const struct experiment *e, FILE *out)
{
	char when[40] = "";
	time_t start = e->start_ms / 1000;
	struct tm tm;

	if (gmtime_r(&start, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
	print_text(e->scenario.title, out);
	fprintf(out, "</title><style>%s</style></head><body>\n<h1>", style);
	print_text(e->scenario.title, out);
	fprintf(out, "</h1><p><span class=\"verdict %s\">%s</span> ", e->ok ? "ok" : "failed", e->ok ? "nothing lost" : "failed");
	print_text(e->why, out);
	fprintf(out, "</p><p>%s, %.0f s, %u round%s, %u guests, seed %u. Xen %s, %u processor%s, %llu MiB.", when,
		(double)(e->end_ms - e->start_ms) / 1000, e->round_count, e->round_count == 1 ? "" : "s", e->guest_count,
		e->scenario.seed, e->truth.xen_version, e->truth.cpus, e->truth.cpus == 1 ? "" : "s",
		(unsigned long long)e->truth.total_kib >> 10);
	fprintf(out, " Longest stalls under load before the first fault:");
	for (unsigned i = 0; i < LOADS; i++) {
		fprintf(out, "%s %s ", i ? "," : "", ((const char *[])LOAD_NAMES)[i]);
		print_ms(e->quiet_us[i], out);
	}
	fprintf(out, ".</p>\n<table><tr>");
	for (unsigned i = 0; i < LOSSES; i++)
		fprintf(out, "<th>%s</th>", loss_names[i]);
	fprintf(out, "</tr><tr>");
	for (unsigned i = 0; i < LOSSES; i++)
		fprintf(out, "<td class=\"%s\">%llu</td>", e->lost[i] ? "bad" : "good", (unsigned long long)e->lost[i]);
	fprintf(out, "</tr></table>\n");
}

static bool has_load(const struct experiment *e, int load)
{
	for (unsigned g = 0; g < e->guest_count; g++) {
		if (e->guests[g].log.has[load])
			return true;
	}
	return false;
}

static void print_timelines(const struct experiment *e, FILE *out)
{
	fprintf(out, "<h2>The whole run</h2><p class=\"key\">");
	for (unsigned g = 0; g < e->guest_count; g++) {
		if (!e->guests[g].hog)
			fprintf(out, "<span><i style=\"background:%s\"></i>%s</span>", chart_colour(g), e->guests[g].name);
	}
	fprintf(out, "<span><i style=\"background:#c0392b;opacity:.3;height:.9em\"></i>from the fault until the service was back</span></p>\n"
		     "<p>Lines: throughput of each guest. Bars: the longest stall in each second, coloured by the guest that had it.</p>\n");
	for (int i = 0; i < LOADS; i++) {
		struct chart chart = {.experiment = e, .load = i, .from_ms = e->load_ms, .to_ms = e->end_ms, .zero_ms = e->load_ms,
				      .width = WIDE, .title = load_titles[i], .time_label = "time under load"};

		if (!has_load(e, i))
			continue;
		fprintf(out, "<h3>%s</h3>", load_titles[i]);
		chart_draw(&chart, out);
	}
}

static void print_phases(const struct round *r, FILE *out)
{
	const char *separator = ": ";

	json_for_each(phase, r->phases) {
		fprintf(out, "%s", separator);
		print_text(phase->key ? phase->key : "?", out);
		fprintf(out, " %.0f", phase->type == JSON_DOUBLE ? phase->number : (double)phase->integer);
		separator = ", ";
	}
	if (r->phases)
		fprintf(out, " ms");
}

static void print_near(const struct experiment *e, FILE *out)
{
	fprintf(out, "<h2>The worst round of each</h2><div class=\"pair\">\n");
	for (unsigned i = 0; i < e->scenario.cell_count; i++) {
		const struct cell *cell = &e->cells[i];
		const struct round *r = &e->rounds[cell->worst_round];
		struct chart chart = {.experiment = e, .load = MAX(cell->load, 0), .from_ms = r->start_ms - BEFORE_MS,
				      .to_ms = r->end_ms + AFTER_MS, .zero_ms = r->start_ms, .width = NARROW,
				      .title = cell->service, .time_label = "time after the fault"};

		if (!cell->rounds)
			continue;
		for (int l = 0; l < LOADS && cell->load < 0; l++)
			chart.load = r->stall_us[l] > r->stall_us[chart.load] ? l : chart.load;
		fprintf(out, "<div><h3>%s %s, round %u: %s</h3><small>back after %.1f s", cell->service,
			exp_fault_names[cell->spec.fault], r->number + 1, load_titles[chart.load],
			(double)(r->back_ms - r->start_ms) / 1000);
		print_phases(r, out);
		fprintf(out, "</small>");
		chart_draw(&chart, out);
		fprintf(out, "</div>\n");
	}
	fprintf(out, "</div>\n");
}

int experiment_write_page(const struct experiment *e, const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	print_head(e, out);
	if (e->scenario.cell_count)
		print_matrix(e, out);
	print_timelines(e, out);
	if (e->round_count)
		print_near(e, out);
	fprintf(out, "</body></html>\n");
	return fclose(out) == 0 ? 0 : -errno;
}
