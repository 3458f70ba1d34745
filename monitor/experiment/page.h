/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report as one HTML file without any outside resource. */
#ifndef ATOLL_EXPERIMENT_PAGE_H
#define ATOLL_EXPERIMENT_PAGE_H

#include "experiment/experiment.h"

struct chart {
	const struct experiment *experiment;
	int load;
	int64_t from_ms, to_ms;
	int64_t zero_ms; /* where the time axis begins to count */
	unsigned width;	 /* pixels */
	const char *title, *time_label;
};

void chart_draw(const struct chart *chart, FILE *out);
/* "#rrggbb" */
const char *chart_colour(unsigned guest);

#endif
