// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an experiment saw, for people: a line a cell; and two of them beside each other. */
#include <errno.h>
#include <string.h>

#include "experiment/experiment.h"

#define RESULT_MAX (16u << 20)
#define WORSE 1.5 /* times as long: below it is chance */
#define WORSE_MS 20

static const char *const load_names[] = LOAD_NAMES;

static void print_row(const struct experiment *e, const char *target, const bool used[EXP_FAULTS], FILE *out)
{
	fprintf(out, "%-9s", target);
	for (unsigned f = 0; f < EXP_FAULTS; f++) {
		const struct cell *cell = cell_find(e, target, f);
		char text[40] = "-";

		if (!used[f])
			continue;
		if (cell && cell->rounds)
			snprintf(text, sizeof(text), "%ux %.0f/%.0f%s", cell->rounds, cell->outage_median_us / 1e3,
				 cell->outage_worst_us / 1e3, cell_lost(cell) ? " !" : "");
		fprintf(out, " %18s", text);
	}
	fprintf(out, "\n");
}

/* One line a cell that is not as it should be, or that was not tried. */
static void print_trouble(const struct cell *cell, FILE *out)
{
	const char *separator = ": ";

	if (cell->rounds ? !cell_lost(cell) : !cell->why[0])
		return;
	fprintf(out, "%c %s %s", cell->rounds ? '!' : '-', cell->spec.target, exp_fault_names[cell->spec.fault]);
	for (unsigned i = 0; i < LOSSES; i++) {
		if (!cell->lost[i])
			continue;
		fprintf(out, "%s%llu %s", separator, (unsigned long long)cell->lost[i], loss_names[i]);
		separator = ", ";
	}
	if (cell->recovered < cell->rounds) {
		fprintf(out, "%s%u of %u rounds not recovered", separator, cell->rounds - cell->recovered, cell->rounds);
		separator = ", ";
	}
	fprintf(out, "%s%s\n", cell->why[0] ? separator : "", cell->why);
}

void experiment_print(const struct experiment *e, FILE *out)
{
	bool used[EXP_FAULTS] = {0};

	fprintf(out, "%s\nRounds x median/worst outage in ms, as guests saw it; ! something was lost.\n\n%-9s", e->scenario.title, "");
	for (unsigned i = 0; i < e->scenario.cell_count; i++)
		used[e->cells[i].spec.fault] = true;
	for (unsigned f = 0; f < EXP_FAULTS; f++) {
		if (used[f])
			fprintf(out, " %18s", exp_fault_names[f]);
	}
	fprintf(out, "\n");
	for (unsigned i = 0; i < e->scenario.cell_count; i++) {
		unsigned first = 0;

		while (strcmp(e->cells[first].spec.target, e->cells[i].spec.target))
			first++;
		if (first == i)
			print_row(e, e->cells[i].spec.target, used, out);
	}
	fprintf(out, "\n");
	for (unsigned i = 0; i < e->scenario.cell_count; i++)
		print_trouble(&e->cells[i], out);
	for (unsigned i = 0; i < LOSSES; i++)
		fprintf(out, "%s%s %llu", i ? ", " : "Lost: ", loss_names[i], (unsigned long long)e->lost[i]);
	fprintf(out, "\nLongest stalls before the first fault:");
	for (unsigned i = 0; i < LOADS; i++)
		fprintf(out, "%s %s %.1f ms", i ? "," : "", load_names[i], e->quiet_us[i] / 1e3);
	fprintf(out, "\n%s%s%s\n", e->ok ? "ok" : "FAILED", e->why[0] ? ": " : "", e->why);
}

/* --- comparing --- */

static struct json *read_result(const char *path)
{
	AUTO_FREE char *text = NULL, *why = NULL;
	struct json *json = NULL;
	char *rounds;
	size_t len;
	int r = read_file(path, RESULT_MAX, &text, &len);

	/* The rounds may be more than a reader of JSON should take; the summary before them says what is wanted. */
	if (r == 0 && (rounds = strstr(text, "\"rounds\": ["))) {
		len = (size_t)(rounds - text);
		len += (size_t)sprintf(rounds, "\"x\":0}");
	}
	if (r == 0)
		r = json_parse(text, len, &json, &why);
	if (r < 0)
		fprintf(stderr, "atoll: %s: %s\n", path, why ? why : strerror(-r));
	return json;
}

static const struct json *find_cell(const struct json *result, const struct json *like)
{
	json_for_each(cell, json_get(result, "cells")) {
		if (!strcmp(json_get_string(cell, "role", ""), json_get_string(like, "role", "?")) &&
		    !strcmp(json_get_string(cell, "fault", ""), json_get_string(like, "fault", "?")))
			return cell;
	}
	return NULL;
}

static double outage(const struct json *cell, const char *which)
{
	const struct json *value = json_get(json_get(cell, "outage_ms"), which);

	return !value ? 0 : value->type == JSON_DOUBLE ? value->number : (double)value->integer;
}

static int64_t lost_in(const struct json *cell)
{
	int64_t sum = json_get_int(cell, "rounds", 0) - json_get_int(cell, "recovered", 0);

	json_for_each(item, json_get(cell, "lost"))
		sum += item->type == JSON_INT ? item->integer : 0;
	return sum;
}

int experiment_compare(const char *path_a, const char *path_b, FILE *out)
{
	AUTO_JSON struct json *a = read_result(path_a);
	AUTO_JSON struct json *b = read_result(path_b);
	bool worse = false;

	if (!a || !b)
		return 2;
	fprintf(out, "A: %s\nB: %s\n%-10s %-8s %11s %11s %11s %11s %7s %8s %8s\n", path_a, path_b, "TARGET", "FAULT", "A median ms",
		"B median ms", "A worst ms", "B worst ms", "B / A", "A lost", "B lost");
	json_for_each(cell, json_get(b, "cells")) {
		const struct json *other = find_cell(a, cell);
		double x = outage(other, "median"), y = outage(cell, "median");
		bool slower = other && x > 0 && y > WORSE * x && y > x + WORSE_MS, loses = lost_in(cell) > lost_in(other);

		fprintf(out, "%-10s %-8s %11.1f %11.1f %11.1f %11.1f %7.2f %8lld %8lld%s%s%s\n", json_get_string(cell, "role", "?"),
			json_get_string(cell, "fault", "?"), x, y, outage(other, "worst"), outage(cell, "worst"), x > 0 ? y / x : 0,
			(long long)lost_in(other), (long long)lost_in(cell), other ? "" : "  not in A", slower ? "  slower" : "",
			loses ? "  loses more" : "");
		worse |= slower || loses;
	}
	return worse;
}
