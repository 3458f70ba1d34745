// SPDX-License-Identifier: LGPL-2.1-or-later
/* Experiments: scenarios, what guests say, and the judgement. */
#include <errno.h>
#include <string.h>

#include "experiment/experiment.h"
#include "tap.h"

static struct scenario scenario;

static int parse(const char *text, char *why, size_t size)
{
	why[0] = '\0';
	return scenario_parse(text, strlen(text), "/dir", &scenario, why, size);
}

static void refused(const char *text, const char *words)
{
	char why[300];

	ok(parse(text, why, sizeof(why)) < 0 && strstr(why, words) && !strchr(why, '\n'), "refused: %s (%s)", words, why);
}

static void test_scenarios(void)
{
	char why[300];

	ok(parse("{\"name\":\"a\",\"guests\":[{\"config\":\"g.json\"},{\"config\":\"/x/h.json\",\"hog\":true},{\"name\":\"web1\"}],"
		 "\"cells\":[\"net:destroy\",\"atolld:all\"],\"rounds\":3}", why, sizeof(why)) == 0, "a scenario is read");
	ok(scenario.guest_count == 3 && !strcmp(scenario.guests[0].config, "/dir/g.json") &&
		   !strcmp(scenario.guests[1].config, "/x/h.json") && scenario.guests[1].hog && !strcmp(scenario.guests[2].name, "web1"),
	   "its guests: files beside it, absolute ones, and those that run already");
	ok(scenario.cell_count == 6 && scenario.cells[0].fault == EXP_DESTROY && scenario.cells[5].fault == EXP_SLOW &&
		   !strcmp(scenario.cells[5].target, "atolld"), "\"all\" is the five faults of the matrix, not the restart");
	ok(scenario.rounds == 3 && scenario.slow_percent == 5, "numbers have defaults");
	ok(scenario_set_cells(&scenario, "disk:hang,store:oom", why, sizeof(why)) == 0 && scenario.cell_count == 2 &&
		   !strcmp(scenario.cells[1].target, "store") && scenario.cells[1].fault == EXP_OOM, "the command line chooses others");
	ok(scenario_set_cells(&scenario, "disk:destroy*200,net:all*3", why, sizeof(why)) == 0 && scenario.cell_count == 6 &&
		   scenario.cells[0].rounds == 200 && scenario.cells[5].rounds == 3 && scenario.cells[0].fault == EXP_DESTROY,
	   "a cell may have rounds of its own");
	ok(scenario_set_cells(&scenario, "net:hang*0", why, sizeof(why)) < 0 && scenario_set_cells(&scenario, "net:hang*", why, sizeof(why)) < 0 &&
		   scenario_set_cells(&scenario, "net*2", why, sizeof(why)) < 0 && scenario_set_cells(&scenario, "net:hang*12345678", why, sizeof(why)) < 0,
	   "but not none, too many, or without a fault");
	refused("[]", "object");
	refused("{\"colour\":1}", "colour");
	refused("{\"name\":\"../x\"}", "name");
	refused("{\"rounds\":0}", "rounds: a whole number from 1");
	refused("{\"cells\":[\"net\"]}", "TARGET:FAULT");
	refused("{\"cells\":[\"net:melt\"]}", "net:melt");
	refused("{\"cells\":[\"../x:hang\"]}", "cells");
	refused("{\"guests\":[{}]}", "guests");
}

static void say_numbered(struct guest_log *log, uint32_t number)
{
	char text[CON_TEXT_LEN + 1], line[128];

	con_text(number, text);
	snprintf(line, sizeof(line), CON_LINE_FORMAT, number, text);
	guest_log_line(log, line);
}

static void test_guest_log(void)
{
	struct guest_log log;

	guest_log_init(&log, "/nowhere");
	guest_log_line(&log, "LOAD 0 1000 tcp=10,20,0,0 disk=5,6,1,2");
	guest_log_line(&log, "2026-01-01 12:00:00 LOAD 1 2000 tcp=30,40,0,0 disk=7,8,1,2");
	ok(log.count == 2 && log.samples[1].ms == 2000 && log.samples[1].load[LOAD_TCP].done == 30 &&
		   log.samples[1].load[LOAD_DISK].wrong == 2, "counters are read, also behind a time stamp");
	ok(log.has[LOAD_TCP] && !log.has[LOAD_STORE], "a load that is not there is not missed");
	guest_log_line(&log, "LOAD 2 1500 tcp=1,1,1,1");
	guest_log_line(&log, "LOAD x");
	guest_log_line(&log, "LOAD 3 -5 tcp=1,1,1,1");
	ok(log.count == 2, "lines that go back in time, or are none, are passed over");
	say_numbered(&log, 7);
	say_numbered(&log, 8);
	ok(log.console_lost == 0 && log.console_wrong == 0, "numbered lines in order are right, whatever the first");
	say_numbered(&log, 10);
	ok(log.console_lost == CON_LINE_LEN + 1, "a missing one is counted in bytes");
	say_numbered(&log, 10);
	ok(log.console_wrong == 1, "a doubled one is wrong");
	guest_log_line(&log, "CON 00000011 iqzymqqmehmevgirmfsgdasdhzttpkethrvkpuqalpnrtpws");
	ok(log.console_wrong == 2, "and so is one with another's text");
	guest_log_fini(&log);
}

static struct experiment e;

static void add_round(unsigned cell, uint32_t tcp_ms, bool recovered)
{
	struct round *r = &e.rounds[e.round_count++];

	*r = (struct round){.cell = cell, .start_ms = 1000, .back_ms = 1500, .recovered = recovered, .restarted = true};
	r->stall_us[LOAD_TCP] = tcp_ms * 1000;
	r->stall_us[LOAD_DISK] = 999000;
}

static void judge(void)
{
	for (unsigned i = 0; i < e.scenario.cell_count; i++)
		e.cells[i] = (struct cell){.spec = e.scenario.cells[i]};
	experiment_judge(&e);
	experiment_judge(&e); /* also while it runs: nothing is counted twice */
}

static void test_judgement(void)
{
	char why[100];

	e.rounds = calloc(ROUNDS_MAX, sizeof(*e.rounds));
	scenario_set_cells(&e.scenario, "net:destroy,atolld:hang", why, sizeof(why));
	add_round(0, 10, true);
	add_round(0, 30, true);
	add_round(0, 20, true);
	add_round(1, 5, true);
	judge();
	ok(e.cells[0].outage_median_us == 20000 && e.cells[0].outage_worst_us == 30000,
	   "net's outage is that of TCP: median and worst");
	ok(e.cells[1].outage_median_us == 999000, "a daemon's is the worst of all loads");
	ok(e.cells[0].back_median_ms == 500 && e.ok, "all came back, nothing was lost: ok");
	e.rounds[2].lost[LOSS_IO] = 1;
	judge();
	ok(!e.ok && e.lost[LOSS_IO] == 1 && e.cells[0].lost[LOSS_IO] == 1, "one I/O error is a failure");
	e.rounds[2].lost[LOSS_IO] = 0;
	add_round(1, 5, false);
	judge();
	ok(!e.ok, "and so is a service that did not come back");
	ok(load_of_role("net1") == LOAD_TCP && load_of_role("monitor") == -1, "services are known by their role's name");
}

static void test_files(void)
{
	static const char json[] = "test-experiment.json", page[] = "test-experiment.html";
	AUTO_FREE char *text = NULL;
	size_t len;

	snprintf(e.scenario.name, sizeof(e.scenario.name), "t");
	snprintf(e.scenario.title, sizeof(e.scenario.title), "</script>&");
	e.start_ms = e.load_ms = 500;
	e.end_ms = 9000;
	ok(experiment_write_json(&e, json) == 0 && experiment_write_page(&e, PAGE, page) == 0, "results are written");
	ok(experiment_compare(json, json, stderr) == 0, "a result is not worse than itself");
	ok(read_file(page, 1 << 20, &text, &len) == 0 && strstr(text, "\"\\u003c/script>&\"") && !strstr(text, "http") && !strstr(text, "src="),
	   "the page has nothing from outside, and the scenario's words end no element of it");
	e.rounds[0].stall_us[LOAD_TCP] = e.rounds[1].stall_us[LOAD_TCP] = 500000;
	judge();
	experiment_write_json(&e, page);
	ok(experiment_compare(json, page, stderr) == 1, "one that stalls ten times as long is");
	ok(experiment_compare(json, "/nowhere", stderr) == 2, "a missing one is an error");
	unlink(json);
	unlink(page);
}

int main(void)
{
	test_scenarios();
	test_guest_log();
	test_judgement();
	test_files();
	free(e.rounds);
	return plan_done();
}
