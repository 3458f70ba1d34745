// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * atoll experiment: breaks services of the live host on purpose and says what guests saw of it. Root only, and only where host.json
 * allows it: the builder refuses otherwise.
 */
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>

#include "config/host.h"
#include "experiment/experiment.h"

#define PAGE "/usr/share/atoll/experiments/page.html"

struct options {
	const char *file, *cells, *compare[2], *out;
	uint64_t rounds;
};

static int usage(void)
{
	fprintf(stderr, "usage: atoll experiment FILE [--rounds N] [--cells TARGET:FAULT[*ROUNDS],...] [--out DIR]\n"
			"       atoll experiment --compare A.json B.json\n");
	return 2;
}

static bool read_options(char **args, struct options *o)
{
	for (; *args; args++) {
		if (!strcmp(*args, "--rounds") && args[1]) {
			if (parse_u64(*++args, 1, SCENARIO_ROUNDS_MAX, &o->rounds) < 0)
				return false;
		} else if (!strcmp(*args, "--cells") && args[1]) {
			o->cells = *++args;
		} else if (!strcmp(*args, "--out") && args[1]) {
			o->out = *++args;
		} else if (!strcmp(*args, "--compare") && args[1] && args[2]) {
			o->compare[0] = *++args;
			o->compare[1] = *++args;
		} else if (**args == '-' || o->file) {
			return false;
		} else {
			o->file = *args;
		}
	}
	return !o->file == !!o->compare[0];
}

static int read_scenario(const struct options *o, struct scenario *scenario)
{
	AUTO_FREE char *text = NULL, *full = realpath(o->file, NULL);
	char why[300] = "";
	size_t len;
	int r = full ? read_file(full, SCENARIO_FILE_MAX, &text, &len) : -errno;

	if (r == 0)
		r = scenario_parse(text, len, dirname(full), scenario, why, sizeof(why));
	for (unsigned i = 0; r == 0 && o->rounds && i < scenario->cell_count; i++)
		scenario->cells[i].rounds = 0;
	if (r == 0 && o->rounds)
		scenario->rounds = (unsigned)o->rounds;
	if (r == 0 && o->cells)
		r = scenario_set_cells(scenario, o->cells, why, sizeof(why));
	if (r < 0)
		fprintf(stderr, "atoll: %s: %s\n", o->file, why[0] ? why : strerror(-r));
	return r;
}

/* A safety catch, not a wall: who is root may destroy domains anyway. */
static bool allowed(void)
{
	struct host_config host = {0};
	AUTO_FREE char *text = NULL;
	char why[300];
	size_t len;
	bool yes;

	yes = read_file(HOST_FILE, HOST_FILE_MAX, &text, &len) == 0 &&
	      host_config_parse(text, len, &host, why, sizeof(why)) == 0 && host.experiments;
	host_config_fini(&host);
	if (!yes)
		fprintf(stderr, "atoll: experiments break services on purpose: %s has to have \"experiments\": true, and atolld to be "
				"restarted then\n", HOST_FILE);
	return yes;
}

static int write_results(struct experiment *e, const char *dir)
{
	static const char *const endings[] = {"json", "csv", "html"};
	int failed = 0;

	experiment_judge(e);
	for (unsigned i = 0; i < ARRAY_SIZE(endings); i++) {
		char path[PATH_MAX];
		int r = format(path, sizeof(path), "%s/%s.%s", dir, e->scenario.name, endings[i]);

		if (r == 0)
			r = i == 0 ? experiment_write_json(e, path) : i == 1 ? experiment_write_csv(e, path) : experiment_write_page(e, PAGE, path);
		if (r < 0)
			fprintf(stderr, "atoll: %s/%s.%s: %s\n", dir, e->scenario.name, endings[i], strerror(-r));
		failed |= r < 0;
	}
	return failed;
}

int main(int argc, char **args)
{
	static struct experiment e;
	struct options o = {.out = "."};
	int r;

	if (argc < 2 || !read_options(args + 1, &o))
		return usage();
	if (o.compare[0])
		return experiment_compare(o.compare[0], o.compare[1], stdout);
	if (read_scenario(&o, &e.scenario) < 0 || !allowed())
		return 2;
	signal(SIGPIPE, SIG_IGN);
	e.save = write_results;
	e.save_to = o.out;
	r = experiment_run(&e);
	if (r < 0)
		fprintf(stderr, "atoll: %s\n", e.why);
	r = write_results(&e, o.out);
	experiment_print(&e, stdout);
	r = r || !e.ok;
	experiment_fini(&e);
	return r;
}
