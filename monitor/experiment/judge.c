// SPDX-License-Identifier: LGPL-2.1-or-later
/* From rounds to cells and a verdict. Pure. */
#include <string.h>

#include "experiment/experiment.h"

const char *const loss_keys[LOSSES] = {"connections_lost",    "io_errors",   "wrong_bytes", "console_bytes_lost",
				       "store_requests_lost", "guests_lost", "zombies",     "leaked_pages"};
const char *const loss_names[LOSSES] = {"connections lost",    "I/O errors",  "wrong contents", "console bytes lost",
					"store requests lost", "guests lost", "zombies",	"leaked pages"};

int load_of_role(const char *role)
{
	static const char *const roles[LOADS] = {"net", "disk", "store", "console"};

	for (int i = 0; i < LOADS; i++) {
		if (!strncmp(role, roles[i], strlen(roles[i])))
			return i;
	}
	return -1;
}

uint32_t round_outage_us(const struct experiment *e, const struct round *r)
{
	int load = load_of_role(e->cells[r->cell].spec.target);
	uint32_t worst = 0;

	for (int i = 0; i < LOADS; i++)
		worst = load < 0 || i == load ? MAX(worst, r->stall_us[i]) : worst;
	return worst;
}

uint64_t cell_lost(const struct cell *cell)
{
	uint64_t sum = cell->rounds - cell->recovered;

	for (unsigned i = 0; i < LOSSES; i++)
		sum += cell->lost[i];
	return sum;
}

const struct cell *cell_find(const struct experiment *e, const char *target, unsigned fault)
{
	for (unsigned i = 0; i < e->scenario.cell_count; i++) {
		if (e->cells[i].spec.fault == fault && !strcmp(e->cells[i].spec.target, target))
			return &e->cells[i];
	}
	return NULL;
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* N > 0 */
static int64_t median(int64_t *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare_numbers);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void judge_cell(struct experiment *e, unsigned index)
{
	static int64_t outages[ROUNDS_MAX], backs[ROUNDS_MAX];
	struct cell *cell = &e->cells[index];

	cell->load = load_of_role(cell->spec.target);
	cell->rounds = cell->recovered = cell->restarted = cell->outage_worst_us = 0;
	cell->back_worst_ms = 0;
	memset(cell->lost, 0, sizeof(cell->lost));
	for (unsigned i = 0; i < e->round_count; i++) {
		const struct round *r = &e->rounds[i];

		if (r->cell != index)
			continue;
		outages[cell->rounds] = round_outage_us(e, r);
		backs[cell->rounds] = r->back_ms - r->start_ms;
		cell->outage_worst_us = MAX(cell->outage_worst_us, (uint32_t)outages[cell->rounds]);
		cell->back_worst_ms = MAX(cell->back_worst_ms, backs[cell->rounds]);
		cell->rounds++;
		cell->recovered += r->recovered;
		cell->restarted += r->restarted;
		for (unsigned l = 0; l < LOSSES; l++)
			cell->lost[l] += r->lost[l];
		if (r->why[0])
			snprintf(cell->why, sizeof(cell->why), "%s", r->why);
	}
	if (!cell->rounds)
		return;
	cell->outage_median_us = (uint32_t)median(outages, cell->rounds);
	cell->back_median_ms = median(backs, cell->rounds);
}

void experiment_judge(struct experiment *e)
{
	e->ok = !e->why[0];
	memset(e->lost, 0, sizeof(e->lost));
	for (unsigned i = 0; i < e->scenario.cell_count; i++) {
		judge_cell(e, i);
		e->ok &= e->cells[i].recovered == e->cells[i].rounds;
		for (unsigned l = 0; l < LOSSES; l++) {
			e->lost[l] += e->cells[i].lost[l];
			e->ok &= !e->cells[i].lost[l];
		}
	}
}
