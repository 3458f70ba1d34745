/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `atoll top`: samples of `atoll status` turned into rates, and a screen of them. Pure: no terminal, no clock. */
#ifndef ATOLL_TOP_H
#define ATOLL_TOP_H

#include "base/json.h"

#define TOP_ROWS_MAX 512   /* atolld has no more domains */
#define TOP_HISTORY 64     /* samples in a sparkline */
#define TOP_COLUMNS_MIN 80 /* a narrower terminal cuts */

struct top_row {
	char name[NAME_LEN_MAX + 1], role[16], health[24], why[160];
	int64_t domid, restarts, outage_ms; /* outage -1: none yet */
	double cpu, memory_mib, net, disk;  /* percent; KiB a second */
	double history[TOP_HISTORY];        /* of cpu, the newest last */
	/* the sample before */
	int64_t cpu_ms, sampled_ms;
	double net_bytes, disk_bytes;
	bool seen;
};

struct top {
	struct top_row rows[TOP_ROWS_MAX];
	unsigned count;
	char sort; /* the key: i d, c pu, m emory, n et, d isk, r estarts */
	bool up;
	double control_mib;
	char events[16][160]; /* the newest last */
	unsigned event_count;
};

/* Takes what `status` answered over: rates are those since the last time. */
void top_sample(struct top *top, const struct json *status);
void top_event(struct top *top, const char *line);
/* The screen, lines ended by "\r\n", in ROWS lines of COLUMNS. 0 or -ENOSPC, -ENOMEM. */
int top_render(struct top *top, unsigned rows, unsigned columns, const char *clock, struct buf *out);

#endif
