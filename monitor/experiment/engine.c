// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Runs an experiment: makes the guests, waits until each of their loads works, then injects fault after fault:
 *
 *   all well ── inject ──▶ the service is back (or the fault's time is over and it is taken back) ──▶ every load went on ──▶ judge
 *
 * What guests lost and how long they stalled is theirs to say, second by second, on their consoles (include/atoll/load.h); domains
 * and pages are counted by the hypervisor.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "experiment/experiment.h"

#define POLL_MS 200
#define REST_MS 2200	  /* after it all goes on: the stall's last second is said at its end */
#define READY_MS 150000	  /* from a guest's start to its loads' */
#define CREATE_MS 120000
#define DESTROY_MS 30000
#define CLEAR_MS 5000	  /* for dying domains to be gone */
#define CONSOLE_LOGS "/var/log/atoll/console"
#define MEND_MS 30000
#define SAVE_ROUNDS 10
#define LEAK_SLACK_PAGES 64 /* Xen's own bookkeeping of a rebuilt domain may take a little more or less */

int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Time passes: guests' logs are read, atolld's word is fresh afterwards. */
static void look(struct experiment *e)
{
	usleep(POLL_MS * 1000);
	for (unsigned i = 0; i < e->guest_count; i++) {
		e->guests[i].log.now_ms = wall_ms();
		guest_log_read(&e->guests[i].log);
	}
	lab_poll(&e->lab);
}

/* Every load of the guest did something after SINCE: two samples of then on differ. */
static bool guest_goes_on(const struct exp_guest *g, int64_t since)
{
	const struct guest_log *log = &g->log;
	const struct sample *last = log->count ? &log->samples[log->count - 1] : NULL;
	size_t first = log->count;

	while (first && log->samples[first - 1].ms > since)
		first--;
	if (!last || log->count - first < 2)
		return false;
	for (unsigned i = 0; i < LOADS; i++) {
		if (log->has[i] && last->load[i].done == log->samples[first].load[i].done)
			return false;
	}
	return true;
}

/* NULL: every load of every guest that is watched goes on. */
static const char *who_stalls(const struct experiment *e, int64_t since)
{
	for (unsigned i = 0; i < e->guest_count; i++) {
		if (!e->guests[i].hog && !guest_goes_on(&e->guests[i], since))
			return e->guests[i].name;
	}
	return NULL;
}

static bool wait_well(struct experiment *e, int64_t since, unsigned limit_ms)
{
	int64_t end = wall_ms() + limit_ms;

	while (wall_ms() < end) {
		look(e);
		if (e->lab.status && lab_services_run(&e->lab) && !who_stalls(e, since))
			return true;
	}
	return false;
}

/* --- what was lost --- */

static void count_guest(const struct exp_guest *g, uint64_t lost[LOSSES])
{
	const struct guest_log *log = &g->log;
	const struct sample *s = log->count ? &log->samples[log->count - 1] : NULL;

	if (!s || g->hog)
		return;
	lost[LOSS_CONNECTIONS] += s->load[LOAD_TCP].lost;
	lost[LOSS_IO] += s->load[LOAD_DISK].lost;
	lost[LOSS_BYTES] += s->load[LOAD_TCP].wrong + s->load[LOAD_DISK].wrong + s->load[LOAD_STORE].wrong + log->console_wrong;
	lost[LOSS_STORE] += s->load[LOAD_STORE].lost;
	lost[LOSS_CONSOLE] += log->console_lost;
}

static uint64_t guests_gone(const struct experiment *e)
{
	uint64_t gone = 0;

	for (unsigned i = 0; i < e->guest_count && e->lab.status; i++) {
		const struct json *d = lab_domain(&e->lab, e->guests[i].name);
		bool there = json_get_int(d, "domid", 0) == e->guests[i].domid &&
			     !strcmp(json_get_string(d, "state", ""), "running");

		gone += !there;
	}
	return gone;
}

/* So far; a round's loss is the difference. */
static void count_all(struct experiment *e, uint64_t lost[LOSSES], struct truth *truth)
{
	int64_t end = wall_ms() + CLEAR_MS;

	memset(lost, 0, LOSSES * sizeof(*lost));
	for (unsigned i = 0; i < e->guest_count; i++)
		count_guest(&e->guests[i], lost);
	lost[LOSS_GUESTS] = guests_gone(e);
	do {
		lab_truth(&e->lab, truth);
		if (truth->valid && !truth->zombies)
			break;
		look(e);
	} while (wall_ms() < end);
	lost[LOSS_ZOMBIES] = truth->zombies;
}

/* The longest of any guest since then. */
static void note_stalls(const struct experiment *e, int64_t since, uint32_t stall_us[LOADS])
{
	for (unsigned g = 0; g < e->guest_count; g++) {
		const struct guest_log *log = &e->guests[g].log;

		for (size_t s = log->count; s && log->samples[s - 1].ms > since && !e->guests[g].hog; s--) {
			for (unsigned i = 0; i < LOADS; i++)
				stall_us[i] = MAX(stall_us[i], (uint32_t)MIN(log->samples[s - 1].load[i].stall_us, UINT32_MAX));
		}
	}
}

/* What was lost since the round before, so that nothing falls between two rounds. */
static void count_round(struct experiment *e, struct round *r, const struct truth *then)
{
	uint64_t counted[LOSSES];
	struct truth now;

	count_all(e, counted, &now);
	for (unsigned i = 0; i < LOSSES; i++)
		r->lost[i] = counted[i] > e->counted[i] ? counted[i] - e->counted[i] : 0;
	memcpy(e->counted, counted, sizeof(counted));
	if (then->valid && now.valid && now.domains == then->domains && now.pages + LEAK_SLACK_PAGES < then->pages)
		r->lost[LOSS_PAGES] = then->pages - now.pages;
	note_stalls(e, r->start_ms, r->stall_us);
}

/* --- a round --- */

static bool is_back(struct experiment *e, const struct target *t)
{
	const struct json *d;
	pid_t pid;

	if (t->unit) {
		pid = target_daemon(t->unit);
		return pid && pid != t->pid && e->lab.status;
	}
	d = lab_domain(&e->lab, t->name);
	return d && json_get_int(d, "restarts", 0) > t->restarts && !strcmp(json_get_string(d, "state", ""), "running");
}

/* Until the service is back, or, for faults that pass, until their time is over. */
static void wait_back(struct experiment *e, struct round *r, const struct target *t, enum exp_fault fault)
{
	bool passes = fault == EXP_OOM || fault == EXP_SLOW;
	unsigned limit = passes ? e->scenario.hold_ms : e->scenario.limit_ms;

	while (!r->restarted && wall_ms() - r->start_ms < limit) {
		look(e);
		r->restarted = is_back(e, t);
	}
	r->back_ms = wall_ms();
	if (r->restarted && !t->unit)
		r->phases = json_copy(json_get(json_get(lab_domain(&e->lab, t->name), "last_outage"), "phases_ms"));
	if (!r->restarted || fault == EXP_SLOW || (t->unit && fault == EXP_OOM))
		fault_end(&e->lab, t, fault);
	r->recovered = r->restarted || passes;
	if (!r->recovered)
		snprintf(r->why, sizeof(r->why), "%s: not noticed or not brought back within %u s", t->name, limit / 1000);
}

static void add_hog(const struct experiment *e, struct target *t)
{
	for (unsigned i = 0; i < e->guest_count; i++) {
		if (e->guests[i].hog)
			t->hog_domid = e->guests[i].domid;
	}
}

/* So that one bad round is not the end of all: the service is restarted, guests that have stopped for good are lost and left alone. False: nothing
 * more can be done on this host. */
static bool mend(struct experiment *e, struct round *r, const struct target *t)
{
	const char *who;
	char why[320];

	if (t->unit && target_daemon(t->unit) > 0)
		kill(target_daemon(t->unit), SIGKILL);
	else if (!t->unit)
		lab_call(&e->lab, &e->lab.atolld, "restart", json_build("name=%s", t->name), MEND_MS, NULL, why, sizeof(why));
	while (!wait_well(e, wall_ms(), MEND_MS)) {
		unsigned watched = 0;

		who = e->lab.status && lab_services_run(&e->lab) ? who_stalls(e, wall_ms() - MEND_MS / 2) : NULL;
		for (unsigned i = 0; who && i < e->guest_count; i++) {
			if (e->guests[i].name == who) {
				e->guests[i].hog = true;
				r->lost[LOSS_GUESTS]++;
			}
			watched += !e->guests[i].hog;
		}
		if (!watched)
			return false;
	}
	return true;
}

/* False: nothing more can be done on this host. */
static bool run_round(struct experiment *e, unsigned index, unsigned number)
{
	struct cell *cell = &e->cells[index];
	struct round *r = &e->rounds[e->round_count];
	struct truth truth;
	struct target t = {0};

	add_hog(e, &t);
	lab_truth(&e->lab, &truth);
	*r = (struct round){.cell = index, .number = number, .start_ms = wall_ms()};
	if (target_find(&e->lab, &cell->spec, &t, r->why, sizeof(r->why)) < 0 && !cell->service[0]) {
		snprintf(cell->why, sizeof(cell->why), "%s", r->why);
		cell->skipped = true;
		return true;
	}
	snprintf(cell->service, sizeof(cell->service), "%s", t.name);
	e->round_count++;
	if (r->why[0] || fault_inject(&e->lab, &t, cell->spec.fault, e->scenario.slow_percent, r->why, sizeof(r->why)) < 0) {
		r->back_ms = r->end_ms = wall_ms();
		return true;
	}
	wait_back(e, r, &t, cell->spec.fault);
	if (!wait_well(e, r->back_ms, e->scenario.limit_ms)) {
		if (!r->why[0])
			snprintf(r->why, sizeof(r->why), "%s: %s did not go on within %u s", t.name, who_stalls(e, r->back_ms) ?: "a service",
				 e->scenario.limit_ms / 1000);
		r->recovered = false;
	}
	r->end_ms = wall_ms();
	for (int64_t end = r->end_ms + REST_MS; wall_ms() < end;)
		look(e);
	count_round(e, r, &truth);
	return r->recovered || mend(e, r, &t);
}

static unsigned cell_rounds(const struct experiment *e, unsigned index)
{
	return e->cells[index].spec.rounds ?: e->scenario.rounds;
}

static void tell(const struct experiment *e, const struct round *r)
{
	const struct cell *cell = &e->cells[r->cell];

	fprintf(stderr, "%8.1f s  %s %s %u/%u: back after %.1f s, stalls", (double)(r->start_ms - e->start_ms) / 1000,
		cell->service, exp_fault_names[cell->spec.fault], r->number + 1, cell_rounds(e, r->cell),
		(double)(r->back_ms - r->start_ms) / 1000);
	for (unsigned i = 0; i < LOADS; i++)
		fprintf(stderr, " %s %u", ((const char *[])LOAD_NAMES)[i], r->stall_us[i] / 1000);
	fprintf(stderr, " ms%s%s%s", r->why[0] ? ", " : "", r->why, r->recovered ? "" : ", NOT RECOVERED");
	for (unsigned i = 0; i < LOSSES; i++) {
		if (r->lost[i])
			fprintf(stderr, ", LOST: %llu %s", (unsigned long long)r->lost[i], loss_names[i]);
	}
	fprintf(stderr, "\n");
}

static unsigned pick(struct experiment *e, unsigned n)
{
	e->random = e->random * 1103515245u + 12345u;
	return n ? (e->random >> 8) % n : 0;
}

/* The next one of a cell, and a pause. False: nothing more can be done on this host. */
static bool run_next(struct experiment *e, unsigned index, unsigned number)
{
	int64_t next = wall_ms() + e->scenario.every_ms + pick(e, e->scenario.jitter_ms);
	const struct round *r = &e->rounds[e->round_count];
	bool on;

	if (e->cells[index].skipped || e->round_count == ROUNDS_MAX)
		return true;
	on = run_round(e, index, number);
	if (!on)
		snprintf(e->why, sizeof(e->why), "ended after %s %s: the host did not become well again: %s", e->cells[index].service,
			 exp_fault_names[e->cells[index].spec.fault], r->why);
	if (!e->cells[index].skipped)
		tell(e, r);
	e->end_ms = wall_ms();
	if (e->save && e->round_count % SAVE_ROUNDS == 0)
		e->save(e, e->save_to);
	while (on && wall_ms() < next)
		look(e);
	return on;
}

/* The rounds of cells that have fewer of them are spread over the whole run. */
static void run_rounds(struct experiment *e)
{
	unsigned most = 0;

	for (unsigned i = 0; i < e->scenario.cell_count; i++)
		most = MAX(most, cell_rounds(e, i));
	for (unsigned n = 0; n < most; n++) {
		for (unsigned i = 0; i < e->scenario.cell_count; i++) {
			unsigned number = (unsigned)((uint64_t)n * cell_rounds(e, i) / most);
			bool new = n == 0 || number != (unsigned)((uint64_t)(n - 1) * cell_rounds(e, i) / most);

			if (new && !run_next(e, i, number))
				return;
		}
	}
}

/* --- the guests --- */

static int make_guest(struct experiment *e, const struct scenario_guest *from, struct exp_guest *g)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON struct json *result = NULL;
	int r = read_file(from->config, SCENARIO_FILE_MAX, &text, NULL);

	if (r < 0)
		return snprintf(e->why, sizeof(e->why), "%.200s: %s", from->config, strerror(-r)), r;
	r = lab_call(&e->lab, &e->lab.atolld, "create", json_build("config=%s file=%s", text, from->config), CREATE_MS, &result, e->why, sizeof(e->why));
	if (r < 0)
		return r;
	snprintf(g->name, sizeof(g->name), "%s", json_get_string(result, "name", "?"));
	fprintf(stderr, "%8.1f s  %s was made\n", (double)(wall_ms() - e->start_ms) / 1000, g->name);
	g->made = true;
	return 0;
}

static int add_guest(struct experiment *e, const struct scenario_guest *from)
{
	struct exp_guest *g = &e->guests[e->guest_count];
	int r;

	snprintf(g->name, sizeof(g->name), "%s", from->name);
	g->hog = from->hog;
	g->log.fd = -1;
	e->guest_count++;
	r = from->config[0] ? make_guest(e, from, g) : 0;
	if (r < 0) {
		e->guest_count--;
		return r;
	}
	r = format(g->path, sizeof(g->path), "%s/%s.log", CONSOLE_LOGS, from->config[0] ? g->name : from->name);
	if (r < 0)
		return r;
	guest_log_init(&g->log, g->path);
	guest_log_seek_end(&g->log);
	lab_poll(&e->lab);
	g->domid = (unsigned)json_get_int(lab_domain(&e->lab, g->name), "domid", 0);
	if (!g->domid)
		return snprintf(e->why, sizeof(e->why), "%s: there is no such guest", g->name), -ENOENT;
	return 0;
}

static void remove_guests(struct experiment *e)
{
	for (unsigned i = 0; i < e->guest_count; i++) {
		char why[320];

		if (!e->guests[i].made)
			continue;
		if (lab_call(&e->lab, &e->lab.atolld, "destroy", json_build("name=%s", e->guests[i].name), DESTROY_MS, NULL, why, sizeof(why)) < 0)
			fprintf(stderr, "atoll: %s: %s\n", e->guests[i].name, why);
	}
}

static int prepare(struct experiment *e)
{
	int r = lab_init(&e->lab);

	if (r == 0 && !lab_poll(&e->lab))
		r = -EAGAIN;
	if (r < 0)
		return snprintf(e->why, sizeof(e->why), "atolld does not answer"), r;
	if (!lab_services_run(&e->lab))
		return snprintf(e->why, sizeof(e->why), "not all services run; `atoll status` says why"), -EAGAIN;
	for (unsigned i = 0; i < e->scenario.guest_count && r == 0; i++)
		r = add_guest(e, &e->scenario.guests[i]);
	if (r < 0)
		return r;
	if (!wait_well(e, wall_ms(), READY_MS))
		return snprintf(e->why, sizeof(e->why), "%s: its loads did not begin within %d s; see `atoll logs`",
				who_stalls(e, e->start_ms) ?: "a service", READY_MS / 1000), -ETIMEDOUT;
	return 0;
}

int experiment_run(struct experiment *e)
{
	int r;

	e->start_ms = wall_ms();
	e->random = e->scenario.seed;
	e->rounds = calloc(ROUNDS_MAX, sizeof(*e->rounds));
	for (unsigned i = 0; i < e->scenario.cell_count; i++)
		e->cells[i] = (struct cell){.spec = e->scenario.cells[i]};
	if (!e->rounds)
		return -ENOMEM;
	r = prepare(e);
	if (r == 0) {
		e->load_ms = wall_ms() + e->scenario.settle_ms / 2; /* before, they may still begin */
		lab_truth(&e->lab, &e->truth);
		for (int64_t end = wall_ms() + e->scenario.settle_ms; wall_ms() < end;)
			look(e);
		note_stalls(e, e->load_ms, e->quiet_us);
		fprintf(stderr, "%8.1f s  the loads of all guests work\n", (double)(wall_ms() - e->start_ms) / 1000);
		run_rounds(e);
	}
	e->end_ms = wall_ms();
	remove_guests(e);
	return r;
}

void experiment_fini(struct experiment *e)
{
	for (unsigned i = 0; i < e->guest_count; i++)
		guest_log_fini(&e->guests[i].log);
	for (unsigned i = 0; i < e->round_count; i++)
		json_free(e->rounds[i].phases);
	free(e->rounds);
	lab_fini(&e->lab);
}
