// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What an operation costs several store daemons, in CPU time of the daemon, measured in turn and in rounds, so that
 * what else the machine does hits all of them alike. Prints one JSON object.
 *
 * usage: store-bench ROUNDS NODES NAME:SOCKET:PID...       the first is the one that is judged
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/wire.h"

#define DAEMONS 4
#define ROUNDS_MAX 32
#define MEASURES 40
#define WATCHERS 100
#define OTHER_WATCHES 1000
#define PIPELINE 32

struct link {
	int fd;
	uint32_t req;
	char reply[WIRE_PAYLOAD_MAX + 1];
	struct wire_header header;
	unsigned char out[64 * 1024], in[64 * 1024];
	size_t out_len, in_at, in_len;
};

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

static void fail(const char *what)
{
	fprintf(stderr, "store-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the protocol */

static void link_open(struct link *l, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memset(l, 0, sizeof *l);
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&addr, sizeof addr))
		fail(path);
}

static void flush_out(struct link *l)
{
	for (size_t at = 0; at < l->out_len;) {
		ssize_t n = write(l->fd, l->out + at, l->out_len - at);

		if (n <= 0)
			fail("write");
		at += (size_t)n;
	}
	l->out_len = 0;
}

/* Puts a request into the buffer: path, and value if there is one. */
static void put(struct link *l, uint32_t type, uint32_t tx, const char *path, const char *value, size_t value_len)
{
	size_t path_len = strlen(path) + 1;
	struct wire_header h = { type, ++l->req, tx, (uint32_t)(path_len + value_len) };

	if (l->out_len + sizeof h + h.len > sizeof l->out)
		flush_out(l);
	memcpy(l->out + l->out_len, &h, sizeof h);
	memcpy(l->out + l->out_len + sizeof h, path, path_len);
	if (value_len)
		memcpy(l->out + l->out_len + sizeof h + path_len, value, value_len);
	l->out_len += sizeof h + h.len;
}

static void need(struct link *l, size_t len)
{
	if (l->in_len - l->in_at >= len)
		return;
	memmove(l->in, l->in + l->in_at, l->in_len - l->in_at);
	l->in_len -= l->in_at;
	l->in_at = 0;
	while (l->in_len < len) {
		ssize_t n = read(l->fd, l->in + l->in_len, sizeof l->in - l->in_len);

		if (n <= 0)
			fail("read");
		l->in_len += (size_t)n;
	}
}

static void take_message(struct link *l)
{
	need(l, sizeof l->header);
	memcpy(&l->header, l->in + l->in_at, sizeof l->header);
	if (l->header.len > WIRE_PAYLOAD_MAX)
		fail("message too long");
	need(l, sizeof l->header + l->header.len);
	memcpy(l->reply, l->in + l->in_at + sizeof l->header, l->header.len);
	l->reply[l->header.len] = 0;
	l->in_at += sizeof l->header + l->header.len;
}

static void take_reply(struct link *l)
{
	do {
		take_message(l);
	} while (l->header.type == WIRE_WATCH_EVENT);
}

static void request(struct link *l, uint32_t type, uint32_t tx, const char *path, const char *value)
{
	put(l, type, tx, path, value, value ? strlen(value) : 0);
	flush_out(l);
	take_reply(l);
}

static uint32_t transaction_start(struct link *l)
{
	request(l, WIRE_TRANSACTION_START, 0, "", NULL);
	return (uint32_t)atol(l->reply);
}

static void watch(struct link *l, const char *path, const char *token)
{
	put(l, WIRE_WATCH, 0, path, token, strlen(token) + 1);
	flush_out(l);
	take_reply(l);
}

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

/*
 * Removes all nodes. What counts is how long clients wait: for the answer, and for those of 200 reads after it, in
 * which a daemon that frees later has to pay for that. Its CPU time is reported beside it.
 */
static void measure_removal(double wait_us[DAEMONS], double total_us[DAEMONS])
{
	for (unsigned int i = 0; i < daemon_count; i++) {
		double cpu = cpu_us(&daemons[i]), start = wall_us();

		request(&daemons[i].main, WIRE_RM, 0, "/pop", NULL);
		do_read(&daemons[i], 200);
		wait_us[i] = wall_us() - start;
		usleep(300000);
		total_us[i] = cpu_us(&daemons[i]) - cpu;
	}
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

static unsigned int measure(const char *name, void (*run)(struct daemon *, unsigned int), unsigned int n, unsigned int repeat)
{
	unsigned int m = measure_count++;

	measure_names[m] = name;
	for (unsigned int r = 0; r < repeat; r++) {
		for (unsigned int i = 0; i < daemon_count; i++) {
			struct daemon *d = &daemons[(r + i) % daemon_count];
			double before = cpu_us(d);

			run(d, n);
			d->cost[m][r] = (cpu_us(d) - before) / n;
		}
	}
	for (unsigned int r = repeat; r < rounds; r++)
		for (unsigned int i = 0; i < daemon_count; i++)
			daemons[i].cost[m][r] = daemons[i].cost[m][r % repeat];
	return m;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const struct daemon *d, unsigned int m)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, d->cost[m], rounds * sizeof *sorted);
	qsort(sorted, rounds, sizeof *sorted, compare);
	return sorted[rounds / 2];
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
	return median(&daemons[0], m) / median(&daemons[to], m);
}

int main(int argc, char **argv)
{
	unsigned int nodes, read_m, write_m, pipe_m, tx_m, fan_m, many_m, small[4], large[4];
	static void (*const sized[4])(struct daemon *, unsigned int) = { do_random_read, do_random_write, do_make_and_remove,
									 do_directory };
	static const char *const small_names[4] = { "read_1000", "write_1000", "make_remove_1000", "directory_1000" };
	static const char *const large_names[4] = { "read_large", "write_large", "make_remove_large", "directory_large" };
	long before[DAEMONS];
	double worst = 0, bytes = 0, remove_wait[DAEMONS], remove_cpu[DAEMONS];

	if (argc < 5 || argc > 3 + DAEMONS)
		return 2;
	rounds = (unsigned int)atoi(argv[1]);
	nodes = (unsigned int)atoi(argv[2]);
	if (rounds < 1 || rounds > ROUNDS_MAX || nodes < 1000)
		return 2;
	for (int i = 3; i < argc; i++) {
		struct daemon *d = &daemons[daemon_count++];

		d->name = strtok(argv[i], ":");
		d->socket = strtok(NULL, ":");
		d->pid = atoi(strtok(NULL, ":"));
		prepare(d);
	}
	do_read(&daemons[0], 100);
	read_m = measure("read", do_read, 2000, rounds);
	write_m = measure("write", do_write, 2000, rounds);
	pipe_m = measure("read_pipelined_32", do_read_pipelined, 3200, rounds);
	tx_m = measure("transaction_5_writes", do_transaction, 300, rounds);
	for (unsigned int i = 0; i < daemon_count; i++)
		watchers_open(&daemons[i]);
	fan_m = measure("write_to_100_watchers", do_fan_out, 50, rounds);
	for (unsigned int i = 0; i < daemon_count; i++)
		watchers_close(&daemons[i]);
	other_watches();
	many_m = measure("write_1000_other_watches", do_write, 2000, rounds);
	populate(1000);
	for (int i = 0; i < 4; i++)
		small[i] = measure(small_names[i], sized[i], 1000, rounds);
	for (unsigned int i = 0; i < daemon_count; i++)
		before[i] = memory_kib(&daemons[i]);
	populate(nodes);
	printf("{\n  \"nodes\": %u, \"rounds\": %u,\n  \"daemons\": [", nodes, rounds);
	for (unsigned int i = daemon_count; i--;) {
		bytes = (double)(memory_kib(&daemons[i]) - before[i]) * 1024 / (nodes - 1000);
		printf("{\"name\": \"%s\", \"bytes_per_node\": %.0f}%s", daemons[i].name, bytes, i ? ", " : "");
	}
	for (int i = 0; i < 4; i++)
		large[i] = measure(large_names[i], sized[i], 1000, rounds);
	measure_removal(remove_wait, remove_cpu);
	printf("],\n  \"cpu_us\": {");
	for (unsigned int m = 0; m < measure_count; m++) {
		printf("%s\n    \"%s\": {", m ? "," : "", measure_names[m]);
		for (unsigned int i = 0; i < daemon_count; i++)
			printf("%s\"%s\": %.3f", i ? ", " : "", daemons[i].name, median(&daemons[i], m));
		printf("}");
	}
	printf("\n  },\n  \"removal\": {");
	for (unsigned int i = 0; i < daemon_count; i++)
		printf("%s\"%s\": {\"wait_us\": %.0f, \"cpu_us\": %.0f}", i ? ", " : "", daemons[i].name, remove_wait[i],
		       remove_cpu[i]);
	printf("}");
	for (int i = 0; i < 4; i++) {
		double grown = median(&daemons[0], large[i]) / median(&daemons[0], small[i]);

		worst = grown > worst ? grown : worst;
	}
	if (daemon_count > 1) {
		report("read_ratio", ratio(read_m, 1), 0.6, "CPU of a read, to the second daemon's");
		report("write_ratio", ratio(write_m, 1), 0.6, "CPU of a write");
		report("pipelined_ratio", ratio(pipe_m, 1), 0.3, "CPU of a read, 32 at once");
		report("transaction_ratio", ratio(tx_m, 1), 0.5, "CPU of a transaction of 5 writes");
		report("fan_out_ratio", ratio(fan_m, 1), 0.5, "CPU of a write to 100 watching connections");
	}
	report("other_watches_ratio", median(&daemons[0], many_m) / median(&daemons[0], write_m), 1.05,
	       "a write with 1000 watches elsewhere, to a plain one");
	report("growth_ratio", worst, 1.2, "the worst of read, write, make and remove, directory: many nodes to 1000");
	report("bytes_per_node", bytes, 120, "memory of the first daemon for a small node");
	if (daemon_count > 2)
		report("remove_ratio", remove_wait[0] / remove_wait[2], 1.0,
		       "removing all nodes and 200 reads after it, as a client waits, to the third daemon's");
	printf("\n}\n");
	return 0;
}
