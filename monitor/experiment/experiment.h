/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an experiment saw, and what is made of it. Times are in ms of CLOCK_REALTIME unless their name says otherwise. */
#ifndef ATOLL_EXPERIMENT_H
#define ATOLL_EXPERIMENT_H

#include "experiment/guest-log.h"
#include "experiment/lab.h"

#define ROUNDS_MAX 4000 /* of all cells */

/* What must not happen, ever. */
enum loss {
	LOSS_CONNECTIONS,
	LOSS_IO,
	LOSS_BYTES,
	LOSS_CONSOLE,
	LOSS_STORE,
	LOSS_GUESTS,
	LOSS_ZOMBIES,
	LOSS_PAGES,
	LOSSES
};
extern const char *const loss_keys[LOSSES];  /* of JSON */
extern const char *const loss_names[LOSSES]; /* for people */

struct exp_guest {
	char name[NAME_LEN_MAX + 1], path[PATH_MAX];
	unsigned domid;
	bool made;
	bool hog; /* not watched (any more) */
	struct guest_log log;
};

/* One fault, from its injection until everything went on again. */
struct round {
	unsigned cell, number;
	int64_t start_ms, back_ms, end_ms; /* back: the service serves again; end: every load of every guest went on */
	bool recovered;			   /* within the limit, without our help */
	bool restarted;			   /* the service was rebuilt or reloaded, or the daemon started again */
	uint32_t stall_us[LOADS];	   /* the longest of any guest */
	uint64_t lost[LOSSES];
	struct json *phases; /* of the service's restart; owned; may be NULL */
	char why[200];	     /* what went wrong; empty: nothing */
};

/* All rounds of a cell. */
struct cell {
	struct cell_spec spec;
	char service[NAME_LEN_MAX + 1];
	unsigned rounds, recovered, restarted;
	int load;			      /* the one that its outage is measured by; -1: the worst of all */
	uint32_t outage_median_us, outage_worst_us;
	int64_t back_median_ms, back_worst_ms; /* from injection */
	uint64_t lost[LOSSES];
	char why[200];
	bool skipped;
};

struct experiment {
	struct scenario scenario;
	struct lab lab;
	struct exp_guest guests[SCENARIO_GUESTS_MAX];
	unsigned guest_count;
	struct cell cells[SCENARIO_CELLS_MAX];
	struct round *rounds; /* owned */
	unsigned round_count;
	int64_t start_ms, load_ms, end_ms; /* load: from when on the loads ran */
	struct truth truth;
	uint32_t quiet_us[LOADS]; /* longest stalls before the first fault */
	uint64_t counted[LOSSES], lost[LOSSES];
	bool ok;
	char why[320]; /* why it ended early */
	unsigned random;
	int (*save)(struct experiment *e, const char *to); /* what was seen so far, now and then; may be NULL */
	const char *save_to;
};

int64_t wall_ms(void);
/* Runs it all. 0, or -errno with e->why if it could not be begun; what was seen is in E in any case. */
int experiment_run(struct experiment *e);
void experiment_fini(struct experiment *e);
/* Medians, sums and the verdict, from the rounds so far. Pure. */
void experiment_judge(struct experiment *e);
/* The load that shows an outage of ROLE, or -1. */
int load_of_role(const char *role);
/* What was lost in a cell, and the rounds that did not recover. */
uint64_t cell_lost(const struct cell *cell);
/* NULL: the scenario has none. */
const struct cell *cell_find(const struct experiment *e, const char *target, unsigned fault);
/* The outage of a round in us, by its cell's load. */
uint32_t round_outage_us(const struct experiment *e, const struct round *r);

/* What it saw. The page is one file: TEMPLATE (experiments/page.html) with the others' contents. 0 or -errno. */
int experiment_write_json(const struct experiment *e, const char *path);
int experiment_write_csv(const struct experiment *e, const char *path);
int experiment_write_page(const struct experiment *e, const char *template, const char *path);
void experiment_print(const struct experiment *e, FILE *out);
/* Two files of experiment_write_json(). 0, 1 if B is worse (something lost, or a median 1.5 times as long), 2: unreadable. */
int experiment_compare(const char *a, const char *b, FILE *out);

#endif
