// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What an operation costs several store daemons, in CPU time of the daemon, measured in turn and in rounds, so that
 * what else the machine does hits all of them alike. Prints one JSON object.
 *
 * usage: store-bench ROUNDS NODES NAME:SOCKET:PID...       the first is the one that is judged
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store-link.h"

#define DAEMONS 4
#define ROUNDS_MAX 32
#define MEASURES 40
#define WATCHERS 100
#define OTHER_WATCHES 1000
#define PIPELINE 32
#define REMOVALS 3

struct daemon {
	const char *name;
	const char *socket;
	int pid;
	struct link main, other, watchers[WATCHERS];
	double cost[MEASURES][ROUNDS_MAX]; /* microseconds of CPU an operation */
};

static struct daemon daemons[DAEMONS];
static unsigned int daemon_count;
static const char *measure_names[MEASURES];
static unsigned int measure_count, rounds;
static uint32_t seed = 1;

/* ---- what is measured: each does @n operations */

static uint32_t pick(uint32_t n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % n;
}

static unsigned int population; /* nodes below /pop */

static void pop_path(char path[64], uint32_t i)
{
	snprintf(path, 64, "/pop/d%u/n%u", i / 100, i % 100);
}

static void do_read(struct daemon *d, unsigned int n)
{
	while (n--)
		request(&d->main, WIRE_READ, 0, "/bench/k", NULL);
}

static void do_write(struct daemon *d, unsigned int n)
{
	while (n--)
		request(&d->main, WIRE_WRITE, 0, "/bench/k", "value123");
}

static void do_read_pipelined(struct daemon *d, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += PIPELINE) {
		for (unsigned int k = 0; k < PIPELINE; k++)
			put(&d->main, WIRE_READ, 0, "/bench/k", NULL, 0);
		flush_out(&d->main);
		for (unsigned int k = 0; k < PIPELINE; k++)
			take_reply(&d->main);
	}
}

static void do_transaction(struct daemon *d, unsigned int n)
{
	char path[32];

	while (n--) {
		uint32_t tx = transaction_start(&d->main);

		for (int i = 0; i < 5; i++) {
			snprintf(path, sizeof path, "/bench/tx/t%d", i);
			request(&d->main, WIRE_WRITE, tx, path, "val");
		}
		request(&d->main, WIRE_TRANSACTION_END, tx, "T", NULL);
	}
}

static void do_fan_out(struct daemon *d, unsigned int n)
{
	while (n--) {
		request(&d->main, WIRE_WRITE, 0, "/bench/fan", "x");
		for (int i = 0; i < WATCHERS; i++)
			take_message(&d->watchers[i]);
	}
}

static void do_random_read(struct daemon *d, unsigned int n)
{
	char path[64];

	while (n--) {
		pop_path(path, pick(population));
		request(&d->main, WIRE_READ, 0, path, NULL);
	}
}

static void do_random_write(struct daemon *d, unsigned int n)
{
	char path[64];

	while (n--) {
		pop_path(path, pick(population));
		request(&d->main, WIRE_WRITE, 0, path, "v");
	}
}

static void do_make_and_remove(struct daemon *d, unsigned int n)
{
	char path[64];

	while (n--) {
		snprintf(path, sizeof path, "/pop/d%u/new", pick(population) / 100);
		request(&d->main, WIRE_MKDIR, 0, path, NULL);
		request(&d->main, WIRE_RM, 0, path, NULL);
	}
}

static void do_directory(struct daemon *d, unsigned int n)
{
	char path[64];

	while (n--) {
		snprintf(path, sizeof path, "/pop/d%u", pick(population) / 100);
		request(&d->main, WIRE_DIRECTORY, 0, path, NULL);
	}
}

/* ---- measuring */

static double cpu_us(const struct daemon *d)
{
	char path[64];
	double ns = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/schedstat", d->pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lf", &ns) != 1)
		fail(path);
	fclose(f);
	return ns / 1000;
}

static double wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static long memory_kib(const struct daemon *d)
{
	char path[64], line[128];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", d->pid);
	f = fopen(path, "r");
	if (!f)
		fail(path);
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, "VmRSS:", 6))
			kib = atol(line + 6);
	fclose(f);
	return kib;
}

static void measure(const char *name, void (*run)(struct daemon *, unsigned int), unsigned int n)
{
	unsigned int m = measure_count++;

	measure_names[m] = name;
	for (unsigned int r = 0; r < rounds; r++) {
		for (unsigned int i = 0; i < daemon_count; i++) {
			struct daemon *d = &daemons[(r + i) % daemon_count];
			double before = cpu_us(d);

			run(d, n);
			d->cost[m][r] = (cpu_us(d) - before) / n;
		}
	}
}

/* What else the machine does can only add to it. */
static double least(const struct daemon *d, unsigned int m)
{
	double cost = d->cost[m][0];

	for (unsigned int r = 1; r < rounds; r++)
		cost = d->cost[m][r] < cost ? d->cost[m][r] : cost;
	return cost;
}

static void populate(unsigned int to)
{
	char path[64];

	for (unsigned int i = 0; i < daemon_count; i++) {
		struct link *l = &daemons[i].main;
		unsigned int at = population, waiting = 0;

		while (at < to || waiting) {
			for (; at < to && waiting < PIPELINE; at++, waiting++) {
				pop_path(path, at);
				put(l, WIRE_WRITE, 0, path, "value1", 6);
			}
			flush_out(l);
			for (; waiting; waiting--)
				take_reply(l);
		}
	}
	population = to;
}

static void prepare(struct daemon *d)
{
	link_open(&d->main, d->socket);
	link_open(&d->other, d->socket);
	request(&d->main, WIRE_WRITE, 0, "/bench/k", "hello");
}

/* Only as long as they are needed: idle connections cost some daemons something with every operation. */
static void watchers_open(struct daemon *d)
{
	char token[16];

	request(&d->main, WIRE_WRITE, 0, "/bench/fan", "x");
	for (int i = 0; i < WATCHERS; i++) {
		link_open(&d->watchers[i], d->socket);
		snprintf(token, sizeof token, "t%d", i);
		watch(&d->watchers[i], "/bench/fan", token);
		take_message(&d->watchers[i]); /* the first event */
	}
}

static void watchers_close(struct daemon *d)
{
	for (int i = 0; i < WATCHERS; i++)
		close(d->watchers[i].fd);
}

static void other_watches(void)
{
	char path[64];

	for (unsigned int i = 0; i < daemon_count; i++) {
		for (int k = 0; k < OTHER_WATCHES; k++) {
			snprintf(path, sizeof path, "/bench/w/%d", k);
			watch(&daemons[i].other, path, "w");
		}
	}
}

static void report(const char *name, double value, double goal, const char *what)
{
	printf(",\n  \"%s\": {\"value\": %.3f, \"goal\": %.2f, \"met\": %s, \"what\": \"%s\"}", name, value, goal,
	       value <= goal ? "true" : "false", what);
}

static double ratio(unsigned int m, unsigned int to)
{
	return least(&daemons[0], m) / least(&daemons[to], m);
}

/*
 * Removes all nodes. What counts is how long clients wait: for the answer, and for those of 200 reads after it, in
 * which a daemon that frees later has to pay for that. Its CPU time is reported beside it.
 */
static void measure_removal(unsigned int nodes, double wait_us[DAEMONS], double total_us[DAEMONS])
{
	for (unsigned int r = 0; r < REMOVALS; r++) {
		if (r)
			populate(nodes);
		for (unsigned int i = 0; i < daemon_count; i++) {
			double cpu = cpu_us(&daemons[i]), start = wall_us(), wait;

			request(&daemons[i].main, WIRE_RM, 0, "/pop", NULL);
			do_read(&daemons[i], 200);
			wait = wall_us() - start;
			usleep(300000);
			cpu = cpu_us(&daemons[i]) - cpu;
			wait_us[i] = r && wait_us[i] < wait ? wait_us[i] : wait;
			total_us[i] = r && total_us[i] < cpu ? total_us[i] : cpu;
		}
		population = 0;
	}
}

/* In the order of measure_all(). */
enum { READ, WRITE, PIPELINED, TRANSACTION, FAN_OUT, OTHER, SMALL, LARGE = SMALL + 4 };

static void measure_sized(const char *size)
{
	static const struct {
		const char *name;
		void (*run)(struct daemon *d, unsigned int n);
	} ops[LARGE - SMALL] = {
		{"read", do_random_read}, {"write", do_random_write}, {"make_remove", do_make_and_remove}, {"directory", do_directory}};
	char *name;

	for (int i = 0; i < LARGE - SMALL; i++)
		if (asprintf(&name, "%s_%s", ops[i].name, size) > 0)
			measure(name, ops[i].run, 1000);
}

/* Bytes a node of each daemon go to @bytes. */
static void measure_all(unsigned int nodes, double bytes[DAEMONS])
{
	long before[DAEMONS];

	do_read(&daemons[0], 100);
	measure("read", do_read, 2000);
	measure("write", do_write, 2000);
	measure("read_pipelined_32", do_read_pipelined, 3200);
	measure("transaction_5_writes", do_transaction, 300);
	for (unsigned int i = 0; i < daemon_count; i++)
		watchers_open(&daemons[i]);
	measure("write_to_100_watchers", do_fan_out, 50);
	for (unsigned int i = 0; i < daemon_count; i++)
		watchers_close(&daemons[i]);
	other_watches();
	measure("write_1000_other_watches", do_write, 2000);
	populate(1000);
	measure_sized("1000");
	for (unsigned int i = 0; i < daemon_count; i++)
		before[i] = memory_kib(&daemons[i]);
	populate(nodes);
	for (unsigned int i = 0; i < daemon_count; i++)
		bytes[i] = (double)(memory_kib(&daemons[i]) - before[i]) * 1024 / (nodes - 1000);
	measure_sized("large");
}

static void judge(double bytes, const double wait[DAEMONS], const double cpu[DAEMONS])
{
	double worst = 0;

	for (unsigned int i = SMALL; i < LARGE; i++) {
		double grown = least(&daemons[0], i + LARGE - SMALL) / least(&daemons[0], i);

		worst = grown > worst ? grown : worst;
	}
	if (daemon_count > 1) {
		report("read_ratio", ratio(READ, 1), 0.6, "a read, to C xenstored");
		report("write_ratio", ratio(WRITE, 1), 0.6, "a write, to C xenstored");
		report("pipelined_ratio", ratio(PIPELINED, 1), 0.3, "a read, 32 at once, to C xenstored");
		report("transaction_ratio", ratio(TRANSACTION, 1), 0.5, "a transaction of 5 writes, to C xenstored");
		report("fan_out_ratio", ratio(FAN_OUT, 1), 0.5, "a write that 100 watch, to C xenstored");
	}
	report("other_watches_ratio", least(&daemons[0], OTHER) / least(&daemons[0], WRITE), 1.05,
	       "a write beside 1000 watches, to a plain one");
	report("growth_ratio", worst, 1.2, "an operation on many nodes, to one on 1000");
	report("bytes_per_node", bytes, 120, "bytes of memory a small node");
	if (daemon_count > 2) {
		report("remove_ratio", wait[0] / wait[2], 1.0,
		       "removing all nodes, client's wait, to oxenstored");
		report("remove_cpu_ratio", cpu[0] / cpu[2], 1.0, "removing all nodes, CPU, to oxenstored");
	}
}

static int start(int argc, char **argv)
{
	if (argc < 5 || argc > 3 + DAEMONS)
		return 2;
	rounds = (unsigned int)atoi(argv[1]);
	if (rounds < 1 || rounds > ROUNDS_MAX || atoi(argv[2]) < 1000)
		return 2;
	for (int i = 3; i < argc; i++) {
		struct daemon *d = &daemons[daemon_count++];

		d->name = strtok(argv[i], ":");
		d->socket = strtok(NULL, ":");
		d->pid = atoi(strtok(NULL, ":"));
		prepare(d);
	}
	return 0;
}

int main(int argc, char **argv)
{
	double bytes[DAEMONS], remove_wait[DAEMONS], remove_cpu[DAEMONS];

	if (start(argc, argv))
		return 2;
	measure_all((unsigned int)atoi(argv[2]), bytes);
	measure_removal((unsigned int)atoi(argv[2]), remove_wait, remove_cpu);
	printf("{\n  \"nodes\": %s, \"rounds\": %u,\n  \"daemons\": [", argv[2], rounds);
	for (unsigned int i = 0; i < daemon_count; i++)
		printf("%s{\"name\": \"%s\", \"bytes_per_node\": %.0f}", i ? ", " : "", daemons[i].name, bytes[i]);
	printf("],\n  \"cpu_us\": {");
	for (unsigned int m = 0; m < measure_count; m++) {
		printf("%s\n    \"%s\": {", m ? "," : "", measure_names[m]);
		for (unsigned int i = 0; i < daemon_count; i++)
			printf("%s\"%s\": %.3f", i ? ", " : "", daemons[i].name, least(&daemons[i], m));
		printf("}");
	}
	printf("\n  },\n  \"removal\": {");
	for (unsigned int i = 0; i < daemon_count; i++)
		printf("%s\"%s\": {\"wait_us\": %.0f, \"cpu_us\": %.0f}", i ? ", " : "", daemons[i].name, remove_wait[i],
		       remove_cpu[i]);
	printf("}");
	judge(bytes[0], remove_wait, remove_cpu);
	printf("\n}\n");
	return 0;
}
