// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * All loads at once in one guest, for experiments: runs the load programs as children, reads what they print, and says on the
 * console what include/atoll/load.h describes.
 *
 *   atoll-load-all [--peer ADDR] [--rate KIB] [--disk DEVICE]... [--no-store]      --peer: TCP streams to a guest that runs this too
 *   atoll-load-all hog         does what the node data/do says: "store" fills its part of the store up to the quota and takes it
 *                              all away again, "console" floods its console. Says HOG …
 *
 *   tcp, disk, store programs ──pipes──▶ main ──pipe──▶ a child that prints LOAD and CON lines (and waits while the console is away)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "atoll/load.h"
#include "store-load/conn.h"

#define CHILDREN_MAX 8
#define STORE_PAUSE_US "120000" /* the processor is shared with everybody, and emulated */
#define DISK_PAUSE_MS "400"     /* between batches; the ring is full in each */
#define ARGS_MAX 12
#define LINE_MAX_LEN 512
#define SECOND_US 1000000
#define LATE_US 1500000	     /* a program that prints once a second stalls if it does not for so long */
#define RETRY_US 500000	     /* a TCP server that is not there yet */
#define CON_PERIOD_MS 200    /* numbered lines */
#define HOG_NODES_MAX 100000 /* no quota is that large */
#define HOG_FLOOD_US 3000000

struct child {
	enum load load;
	char *args[ARGS_MAX];
	pid_t pid; /* 0: does not run */
	int fd;
	char line[LINE_MAX_LEN];
	size_t have;
	bool began; /* has worked once */
	bool ended;
	uint64_t heard_us, retry_us;
	uint64_t total; /* of programs that print totals */
};

/* Shared with the console child. */
struct console_state {
	_Atomic uint64_t done, worst_us, busy_since_us;
};

static struct child children[CHILDREN_MAX];
static unsigned child_count;
static struct load_counters counters[LOADS];
static bool used[LOADS];
static struct console_state *console;
static int console_pipe = -1;

static uint64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

void give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("HOG WRONG ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	exit(1);
}

/* --- the console child --- */

static void print_timed(const char *text, size_t len)
{
	uint64_t start = now_us(), took;

	console->busy_since_us = start;
	for (size_t at = 0; at < len;) {
		ssize_t n = write(STDOUT_FILENO, text + at, len - at);

		at += n > 0 ? (size_t)n : 0;
	}
	took = now_us() - start;
	console->busy_since_us = 0;
	console->done += len;
	if (took > console->worst_us)
		console->worst_us = took;
}

static void console_child(int from)
{
	char text[CON_TEXT_LEN + 1], lines[4096];
	uint64_t next_us = now_us();

	for (uint32_t number = 0;;) {
		struct pollfd p = {from, POLLIN, 0};
		ssize_t n = poll(&p, 1, CON_PERIOD_MS) == 1 ? read(from, lines, sizeof(lines)) : -1;

		if (n == 0)
			exit(0);
		if (n > 0)
			print_timed(lines, (size_t)n);
		if (now_us() < next_us)
			continue;
		con_text(number, text);
		print_timed(lines, (size_t)snprintf(lines, sizeof(lines), CON_LINE_FORMAT "\n", number++, text));
		next_us = now_us() + CON_PERIOD_MS * 1000;
	}
}

static void start_console(void)
{
	int fds[2];

	console = mmap(NULL, sizeof(*console), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (console == MAP_FAILED || pipe2(fds, O_CLOEXEC) < 0)
		exit(1);
	used[LOAD_CONSOLE] = true;
	if (fork() == 0) {
		close(fds[1]);
		console_child(fds[0]);
	}
	close(fds[0]);
	console_pipe = fds[1];
	fcntl(console_pipe, F_SETFL, O_NONBLOCK);
}

/* Lines that do not fit while the console is away for minutes are dropped; their numbers tell. */
static void say(const char *text)
{
	if (write(console_pipe, text, strlen(text)) < 0)
		return;
}

/* --- the other children --- */

static void add_child(enum load load, ...)
{
	struct child *c = &children[child_count++];
	va_list args;

	*c = (struct child){.load = load, .fd = -1};
	va_start(args, load);
	for (unsigned i = 0; i < ARGS_MAX - 1 && (c->args[i] = va_arg(args, char *)); i++)
		;
	va_end(args);
	used[load] = true;
}

static void start_child(struct child *c)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	c->pid = fork();
	if (c->pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execvp(c->args[0], c->args);
		_exit(127);
	}
	close(fds[1]);
	c->fd = fds[0];
	c->heard_us = now_us();
}

/* A text that begins with WORD, and the numbers behind it. */
static bool is(const char *line, const char *word)
{
	return !strncmp(line, word, strlen(word));
}

static void on_line(struct child *c, const char *line)
{
	struct load_counters *k = &counters[c->load];
	unsigned long long a = 0, b = 0, stall = 0;
	bool beat = true;

	if (sscanf(line, "TCP %*u out %llu in %llu stall %llu", &a, &b, &stall) == 3) {
		k->done += b;
		c->began |= b > 0;
		stall = c->began ? stall * 1000 : 0; /* it may wait for its peer's start */
	} else if (sscanf(line, "STORE LOAD %*u: %llu requests, worst %llu us", &a, &stall) == 2 ||
		   sscanf(line, "DISK %*s second writes %llu reads %llu flushes %*u stall %llu", &a, &b, &stall) == 3) {
		k->done += a + b - c->total;
		c->total = a + b;
		c->began = true;
		stall *= c->load == LOAD_DISK ? 1000 : 1;
	} else {
		beat = false;
		k->lost += is(line, "TCP LOST") || (is(line, "DISK ") && strstr(line, " ERROR ")) || (is(line, "STORE ") && strstr(line, "WRONG") && strstr(line, "lost"));
		k->wrong += is(line, "TCP WRONG") || (is(line, "DISK ") && strstr(line, " WRONG ")) || (is(line, "STORE ") && strstr(line, "WRONG") && !strstr(line, "lost"));
		if (strstr(line, "LOST") || strstr(line, "WRONG") || strstr(line, "ERROR")) {
			say(line);
			say("\n");
		}
	}
	if (beat)
		c->heard_us = now_us();
	if (stall > k->stall_us)
		k->stall_us = stall;
}

static void on_end(struct child *c)
{
	char text[80];
	int status = 0;

	waitpid(c->pid, &status, 0);
	close(c->fd);
	c->fd = -1;
	c->pid = 0;
	if (!c->began) {
		c->retry_us = now_us() + RETRY_US;
		return;
	}
	c->ended = true;
	counters[c->load].lost++;
	snprintf(text, sizeof(text), "LOST: %.40s ended with status %d\n", c->args[0], status);
	say(text);
}

static void on_output(struct child *c)
{
	ssize_t n = read(c->fd, c->line + c->have, sizeof(c->line) - 1 - c->have);
	char *end;

	if (n <= 0) {
		on_end(c);
		return;
	}
	c->have += (size_t)n;
	c->line[c->have] = '\0';
	while ((end = strchr(c->line, '\n'))) {
		*end = '\0';
		on_line(c, c->line);
		c->have -= (size_t)(end + 1 - c->line);
		memmove(c->line, end + 1, c->have + 1);
	}
	if (c->have == sizeof(c->line) - 1)
		c->have = 0;
}

/* --- the line of a second --- */

static void add_late(void)
{
	uint64_t now = now_us(), since = console->busy_since_us, worst = atomic_exchange(&console->worst_us, 0);

	for (unsigned i = 0; i < child_count; i++) {
		struct child *c = &children[i];
		uint64_t silent = now - c->heard_us;

		if (c->began && !c->ended && silent > LATE_US && silent > counters[c->load].stall_us)
			counters[c->load].stall_us = silent;
	}
	counters[LOAD_CONSOLE].done = console->done;
	counters[LOAD_CONSOLE].stall_us = since && now - since > worst ? now - since : worst;
}

static void print_second(void)
{
	static const char *const names[] = LOAD_NAMES;
	static unsigned number;
	char text[LINE_MAX_LEN];
	int len = snprintf(text, sizeof(text), LOAD_WORD "%u %llu", number++,
			   (unsigned long long)clock_us(CLOCK_REALTIME) / 1000);

	add_late();
	for (unsigned i = 0; i < LOADS; i++) {
		struct load_counters *k = &counters[i];

		if (!used[i])
			continue;
		len += snprintf(text + len, sizeof(text) - (size_t)len, " %s=%llu,%llu,%llu,%llu", names[i],
				(unsigned long long)k->done, (unsigned long long)k->stall_us, (unsigned long long)k->lost,
				(unsigned long long)k->wrong);
		k->stall_us = 0;
	}
	snprintf(text + len, sizeof(text) - (size_t)len, "\n");
	say(text);
}

static __attribute__((noreturn)) void run(void)
{
	uint64_t next_us = now_us() + SECOND_US;

	for (;;) {
		struct pollfd polls[CHILDREN_MAX];
		uint64_t now = now_us();

		for (unsigned i = 0; i < child_count; i++) {
			if (!children[i].pid && !children[i].ended && now >= children[i].retry_us)
				start_child(&children[i]);
			polls[i] = (struct pollfd){children[i].fd, POLLIN, 0};
		}
		poll(polls, child_count, now < next_us ? (int)((next_us - now) / 1000) + 1 : 0);
		for (unsigned i = 0; i < child_count; i++) {
			if (children[i].fd >= 0 && polls[i].revents)
				on_output(&children[i]);
		}
		if (now_us() < next_us)
			continue;
		print_second();
		next_us += SECOND_US;
	}
}

/* --- the guest that takes what it can get --- */

static void fill_store(struct conn *c)
{
	struct answer a = {0};
	char path[64], value[1024];
	unsigned n = 0;

	memset(value, 'x', sizeof(value));
	for (; n < HOG_NODES_MAX && !a.error[0]; n++) {
		snprintf(path, sizeof(path), "data/hog/%u", n);
		conn_receive(c, XS_WRITE, conn_send(c, XS_WRITE, 0, path, value, sizeof(value)), &a);
	}
	printf("HOG store %u nodes, then %s\n", n - 1, a.error);
	conn_receive(c, XS_RM, conn_send(c, XS_RM, 0, "data/hog", NULL, 0), &a);
}

static void flood_console(void)
{
	uint64_t start = now_us();
	unsigned n = 0;

	while (now_us() - start < HOG_FLOOD_US)
		printf("FLOOD %u 0123456789012345678901234567890123456789\n", n++);
	printf("HOG console %u lines\n", n);
}

static void on_hog_event(void *arg, const char *path, const char *token) {}

static __attribute__((noreturn)) void hog(void)
{
	struct conn conn, watch;
	struct answer a;

	conn_open(&conn, NULL, NULL);
	conn_open(&watch, on_hog_event, NULL);
	conn_receive(&watch, XS_WATCH, conn_send(&watch, XS_WATCH, 0, "data/do", "do", sizeof("do")), &a);
	printf("HOG READY\n");
	for (;;) {
		if (!conn_event(&watch, -1))
			continue;
		conn_receive(&conn, XS_READ, conn_send(&conn, XS_READ, 0, "data/do", NULL, 0), &a);
		if (a.error[0])
			continue;
		a.body[a.len] = '\0';
		if (is(a.body, "store"))
			fill_store(&conn);
		else if (is(a.body, "console"))
			flood_console();
	}
}

int main(int argc, char **argv)
{
	char *rate = "16", *peer = NULL;
	bool store = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && !strcmp(argv[1], "hog"))
		hog();
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--no-store"))
			store = false;
		else if (i + 1 == argc)
			return 2;
		else if (!strcmp(argv[i], "--peer"))
			peer = argv[++i];
		else if (!strcmp(argv[i], "--rate"))
			rate = argv[++i];
		else if (!strcmp(argv[i], "--disk") && child_count < CHILDREN_MAX)
			add_child(LOAD_DISK, "atoll-load-disk", argv[++i], "--seconds", "100000", "--pause-ms", DISK_PAUSE_MS, NULL);
		else
			return 2;
	}
	if (peer) {
		add_child(LOAD_TCP, "atoll-load-tcp", "server", "0.0.0.0", "--streams", "2", "--rate", rate, NULL);
		add_child(LOAD_TCP, "atoll-load-tcp", "client", peer, "--streams", "2", "--rate", rate, "--seconds", "100000", NULL);
	}
	if (store)
		add_child(LOAD_STORE, "atoll-store-load", "load", "data/load", "1900", STORE_PAUSE_US, NULL);
	start_console();
	run();
}
