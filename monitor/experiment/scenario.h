/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an experiment does: a JSON object (atoll-experiment(5)). Pure.
 *
 *   {"name": "net-destroy", "title": "…", "guests": [{"config": "load1.json"}, {"name": "web1"}], "rounds": 3, "seed": 1,
 *    "cells": ["net:destroy*200", "disk:hang"], "settle_ms": 10000, "every_ms": 0, "jitter_ms": 2000, "hold_ms": 10000,
 *    "limit_ms": 90000, "slow_percent": 5}
 */
#ifndef ATOLL_EXPERIMENT_SCENARIO_H
#define ATOLL_EXPERIMENT_SCENARIO_H

#include <limits.h>

#include "base/json.h"

#define SCENARIO_FILE_MAX (64 * 1024)
#define SCENARIO_GUESTS_MAX 8
#define SCENARIO_CELLS_MAX 64
#define SCENARIO_ROUNDS_MAX 1000

enum exp_fault { EXP_DESTROY, EXP_PANIC, EXP_HANG, EXP_OOM, EXP_SLOW, EXP_RESTART, EXP_FAULTS };
extern const char *const exp_fault_names[EXP_FAULTS];

/* A fault on a target: a role ("net": its first service), a service's name, "atolld" or "monitor". */
struct cell_spec {
	char target[NAME_LEN_MAX + 1];
	enum exp_fault fault;
	unsigned rounds; /* 0: the scenario's */
};

struct scenario_guest {
	char config[PATH_MAX];       /* made for the experiment and destroyed after it; absolute; or empty: … */
	char name[NAME_LEN_MAX + 1]; /* … this guest runs already */
	bool hog;		     /* it takes what it can get of store or console (oom), and is not watched */
};

struct scenario {
	char name[NAME_LEN_MAX + 1], title[160];
	struct scenario_guest guests[SCENARIO_GUESTS_MAX];
	unsigned guest_count;
	struct cell_spec cells[SCENARIO_CELLS_MAX];
	unsigned cell_count;
	unsigned rounds, seed, slow_percent;
	unsigned settle_ms; /* of load before the first fault */
	unsigned every_ms;  /* from one fault to the next, at least; 0: as soon as all is well again */
	unsigned jitter_ms; /* added at random, at most */
	unsigned hold_ms;   /* how long oom and slow last if nobody does anything about it */
	unsigned limit_ms;  /* then a round has failed */
};

/* Relative paths of guests are below DIR. 0, or -EINVAL / -ENAMETOOLONG and one line in WHY. */
int scenario_parse(const char *text, size_t len, const char *dir, struct scenario *scenario, char *why, size_t size);
/* A comma-separated list of TARGET:FAULT[*ROUNDS] instead of the file's; "net:all" is all faults. 0 or -EINVAL. */
int scenario_set_cells(struct scenario *scenario, const char *list, char *why, size_t size);

#endif
