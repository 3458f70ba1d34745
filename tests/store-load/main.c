// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Load on a store that may be restarted at any moment, from a guest or the control domain, through /dev/xen/xenbus: reads,
 * writes, requests that do not fit into the ring at once, several requests on their way, open transactions, a watch. Each answer
 * and each event is compared with a model.
 *
 * usage: atoll-store-load load DIRECTORY MAX_BYTES [PAUSE_US]   values up to MAX_BYTES; ends when DIRECTORY/stop is written; PAUSE_US at
 *                                                       most after each operation (2000)
 *        atoll-store-load fill DIRECTORY COUNT       makes COUNT nodes, 100 in a directory
 *        atoll-store-load rtt DIRECTORY COUNT        measures round trips: STORE RTT kind median n ns, mean n ns, of COUNT
 *        atoll-store-load probe PATH                 reads it every 2 ms, for ever: STORE PROBE second: n reads, worst k us, m over 5 ms
 *
 * `load` prints a line about once a second, and its verdict:
 *
 *	STORE LOAD second: n requests, worst k us
 *	STORE n requests, m watches fired, worst k us, ok|WRONG what
 *
 * k is the longest round trip of a single request since the line before (in the verdict: of all). Exit status 0: ok.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "rtt.h"

#define KEYS 24
#define DIRECTORIES 4u
#define REQUESTERS 12u /* open files */
#define TRANSACTIONS 3u
#define TRANSACTION_STEPS 8u
#define PATH_SIZE 160
#define BIG_BYTES 1000u /* with its header, larger than the ring */
#define PAUSE_US 2000u  /* at most, after each operation: the processor is shared */
#define FILL_DIRECTORY 100u

/* A key's value is a number from which its bytes follow; 0: there is no such node. */
struct state {
	unsigned value[KEYS];
	unsigned version[KEYS];
};

struct transaction {
	uint32_t id; /* 0: not open */
	struct conn *conn; /* the kernel lets no other open file use it */
	unsigned steps;
	struct state start;
	unsigned mine[KEYS];
	bool read[KEYS], wrote[KEYS];
};

static struct load {
	struct conn conn[REQUESTERS], watch;
	const char *dir;
	size_t max_bytes;
	struct state state;
	struct transaction transaction[TRANSACTIONS];
	unsigned owed[KEYS]; /* events to come */
	unsigned seed, next_value, pause_us;
	unsigned long requests, fired, commits, refused;
	long worst_us, worst_now_us;
	bool stop;
} load;

static void verdict(const char *what)
{
	printf("STORE %lu requests, %lu watches fired, worst %ld us, %s\n", load.requests, load.fired, load.worst_us, what);
	fflush(stdout);
}

void give_up(const char *format, ...)
{
	char text[512] = "WRONG ";
	va_list args;

	va_start(args, format);
	vsnprintf(text + 6, sizeof(text) - 6, format, args);
	va_end(args);
	verdict(text);
	exit(1);
}

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static unsigned pick(unsigned n)
{
	load.seed = load.seed * 1103515245u + 12345u;
	return (load.seed >> 8) % n;
}

static struct conn *any_conn(void) { return &load.conn[pick(REQUESTERS)]; }

static void key_path(unsigned key, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/d%u/k%u", load.dir, key % DIRECTORIES, key);
}

static size_t value_bytes(unsigned value, char *to)
{
	size_t len = value % 5 ? 6 + value % 30 : BIG_BYTES + value * 97u % (load.max_bytes - BIG_BYTES);
	size_t n = (size_t)snprintf(to, 16, "%u:", value);

	for (; n < len; n++)
		to[n] = (char)('a' + (value + n) % 26);
	return n;
}

/* --- requests --- */

static void ask(struct conn *c, uint32_t type, uint32_t tx, const char *path, const void *data, size_t len, struct answer *a)
{
	long took = now_us();

	conn_receive(c, type, conn_send(c, type, tx, path, data, len), a);
	took = now_us() - took;
	load.requests++;
	load.worst_now_us = took > load.worst_now_us ? took : load.worst_now_us;
	load.worst_us = took > load.worst_us ? took : load.worst_us;
}

static void must(const struct answer *a, const char *what, const char *path)
{
	if (a->error[0])
		give_up("%s %s: %s", what, path, a->error);
}

static uint32_t send_read(struct conn *c, uint32_t tx, unsigned key)
{
	char path[PATH_SIZE];

	key_path(key, path);
	return conn_send(c, XS_READ, tx, path, NULL, 0);
}

static void check_value(const struct answer *a, uint32_t tx, unsigned key, unsigned expected)
{
	char want[XENSTORE_PAYLOAD_MAX];
	size_t len;

	if (!expected) {
		if (strcmp(a->error, "ENOENT"))
			give_up("k%u in transaction %u: not there in the model, answer is %s%.20s", key, tx, a->error, a->body);
		return;
	}
	len = value_bytes(expected, want);
	if (a->error[0] || a->len != len || memcmp(a->body, want, len))
		give_up("k%u in transaction %u: %.12s of %zu bytes in the model, answer is %s%.20s of %zu bytes", key, tx, want, len,
			a->error, a->body, a->len);
}

static void read_key(struct conn *c, uint32_t tx, unsigned key, unsigned expected)
{
	char path[PATH_SIZE];
	struct answer a;

	key_path(key, path);
	ask(c, XS_READ, tx, path, NULL, 0, &a);
	check_value(&a, tx, key, expected);
}

static uint32_t send_write(struct conn *c, uint32_t tx, unsigned key, unsigned value)
{
	char path[PATH_SIZE], bytes[XENSTORE_PAYLOAD_MAX];

	key_path(key, path);
	return conn_send(c, XS_WRITE, tx, path, bytes, value_bytes(value, bytes));
}

/* Writes, or removes when VALUE is 0. False: there was nothing to remove, as the model says. */
static bool change_key(struct conn *c, uint32_t tx, unsigned key, unsigned old, unsigned value)
{
	char path[PATH_SIZE], bytes[XENSTORE_PAYLOAD_MAX];
	struct answer a;

	key_path(key, path);
	if (value)
		ask(c, XS_WRITE, tx, path, bytes, value_bytes(value, bytes), &a);
	else
		ask(c, XS_RM, tx, path, NULL, 0, &a);
	/* Removing what is not there is no error while its parent exists. */
	if (!old && !value && !strcmp(a.error, "ENOENT"))
		return false;
	must(&a, value ? "write" : "rm", path);
	return old || value;
}

/* --- the watch --- */

/* While an event waits in the store the same one is not queued again, so a key is not changed before its event is here:
 * then each change has exactly one. */
static void settle(unsigned key)
{
	while (load.owed[key])
		if (!conn_event(&load.watch, ANSWER_MS))
			give_up("the event of k%u was lost", key);
}

static void on_event(void *arg, const char *path, const char *token)
{
	size_t len = strlen(load.dir);
	unsigned directory, key;
	char rest;

	load.fired++;
	if (strcmp(token, "tree") || strncmp(path, load.dir, len))
		give_up("an event of %s for %s", path, token);
	if (!strcmp(path + len, "/stop")) {
		load.stop = true;
	} else if (sscanf(path + len, "/d%u/k%u%c", &directory, &key, &rest) == 2 && key < KEYS) {
		if (!load.owed[key])
			give_up("an event of %s, which was not changed", path);
		load.owed[key]--;
	} else {
		give_up("an event of %s", path);
	}
}

static void on_first_event(void *arg, const char *path, const char *token) { load.fired++; }

static void changed(unsigned key, unsigned value)
{
	load.state.value[key] = value;
	load.state.version[key]++;
	load.owed[key]++;
}

/* --- operations --- */

static unsigned new_value(void) { return pick(6) ? ++load.next_value : 0; }

static void op_single(void)
{
	unsigned key = pick(KEYS), value;

	if (pick(2)) {
		read_key(any_conn(), 0, key, load.state.value[key]);
		return;
	}
	value = new_value();
	settle(key);
	if (change_key(any_conn(), 0, key, load.state.value[key], value))
		changed(key, value);
}

/* One of each open file, sent before an answer is read: what is answered, half sent and unsent differs at each moment. The kernel
 * sends them in the order in which they were written. */
static void op_pipeline(void)
{
	struct {
		uint32_t id;
		unsigned key, value;
		bool write;
	} sent[REQUESTERS];
	struct answer a;

	for (unsigned i = 0; i < REQUESTERS; i++) {
		unsigned key = pick(KEYS);

		sent[i].write = pick(2) && !load.owed[key];
		sent[i].key = key;
		if (sent[i].write) {
			changed(key, ++load.next_value);
			sent[i].id = send_write(&load.conn[i], 0, key, load.next_value);
		} else {
			sent[i].id = send_read(&load.conn[i], 0, key);
		}
		sent[i].value = load.state.value[key];
	}
	for (unsigned i = 0; i < REQUESTERS; i++, load.requests++) {
		conn_receive(&load.conn[i], sent[i].write ? XS_WRITE : XS_READ, sent[i].id, &a);
		if (sent[i].write)
			must(&a, "write", "of several");
		else
			check_value(&a, 0, sent[i].key, sent[i].value);
	}
}

static void op_directory(void)
{
	unsigned directory = pick(DIRECTORIES), found = 0, expected = 0, key;
	char path[PATH_SIZE];
	struct answer a;

	snprintf(path, sizeof(path), "%s/d%u", load.dir, directory);
	ask(any_conn(), XS_DIRECTORY, 0, path, NULL, 0, &a);
	must(&a, "directory", path);
	for (const char *name = a.body; name < a.body + a.len; name += strlen(name) + 1, found++)
		if (sscanf(name, "k%u", &key) != 1 || key >= KEYS || key % DIRECTORIES != directory || !load.state.value[key])
			give_up("%s has a child %s", path, name);
	for (key = directory; key < KEYS; key += DIRECTORIES)
		expected += load.state.value[key] != 0;
	if (found != expected)
		give_up("%s has %u children, not %u", path, found, expected);
}

static void transaction_begin(struct transaction *t)
{
	struct conn *c = any_conn();
	struct answer a;

	ask(c, XS_TRANSACTION_START, 0, "", NULL, 0, &a);
	must(&a, "start of", "a transaction");
	memset(t, 0, sizeof(*t));
	t->conn = c;
	t->id = (uint32_t)strtoul(a.body, NULL, 10);
	t->start = load.state;
	memcpy(t->mine, load.state.value, sizeof(t->mine));
}

/* It is refused when what it read is different now, and committed when nothing that it touched was touched by others. */
static void transaction_end(struct transaction *t, bool commit)
{
	bool must_fail = false, may_fail = false, refused;
	struct answer a;

	for (unsigned key = 0; key < KEYS; key++) {
		bool touched = load.state.version[key] != t->start.version[key];

		must_fail |= t->read[key] && load.state.value[key] != t->start.value[key];
		may_fail |= (t->read[key] || t->wrote[key]) && touched;
		if (commit && t->wrote[key])
			settle(key);
	}
	ask(t->conn, XS_TRANSACTION_END, t->id, commit ? "T" : "F", NULL, 0, &a);
	refused = !strcmp(a.error, "EAGAIN");
	if (!refused)
		must(&a, "end of", "a transaction");
	if (commit && (refused ? !may_fail : must_fail))
		give_up("transaction %u was %s", t->id, refused ? "refused though nobody was in its way" : "committed after a conflict");
	load.commits += commit && !refused;
	load.refused += refused;
	for (unsigned key = 0; commit && !refused && key < KEYS; key++)
		if (t->wrote[key])
			changed(key, t->mine[key]);
	t->id = 0;
}

static void op_transaction(void)
{
	unsigned n = pick(TRANSACTIONS), key = pick(KEYS);
	struct transaction *t = &load.transaction[n];

	if (!t->id) {
		transaction_begin(t);
	} else if (t->steps++ >= TRANSACTION_STEPS) {
		transaction_end(t, pick(4) != 0);
	} else if (pick(2) || t->wrote[key]) {
		t->read[key] |= !t->wrote[key];
		read_key(t->conn, t->id, key, t->mine[key]);
	} else {
		t->mine[key] = ++load.next_value;
		change_key(t->conn, t->id, key, t->start.value[key], t->mine[key]);
		t->wrote[key] = true;
	}
}

static void one(void)
{
	switch (pick(8)) {
	case 0:
		op_pipeline();
		break;
	case 1:
		op_directory();
		break;
	case 2:
	case 3:
	case 4:
		op_transaction();
		break;
	default:
		op_single();
	}
	while (conn_event(&load.watch, 0))
		;
}

/* --- from start to end --- */

static void prepare(void)
{
	struct answer a;
	char path[PATH_SIZE];

	for (const char *c = load.dir; *c; c++)
		load.seed = load.seed * 31 + (unsigned char)*c;
	for (unsigned i = 0; i < REQUESTERS; i++)
		conn_open(&load.conn[i], NULL, NULL);
	conn_open(&load.watch, on_first_event, NULL);
	ask(&load.conn[0], XS_RM, 0, load.dir, NULL, 0, &a);
	for (unsigned i = 0; i < DIRECTORIES; i++) {
		snprintf(path, sizeof(path), "%s/d%u", load.dir, i);
		ask(&load.conn[0], XS_MKDIR, 0, path, NULL, 0, &a);
		must(&a, "mkdir", path);
	}
	ask(&load.watch, XS_WATCH, 0, load.dir, "tree", sizeof("tree"), &a);
	must(&a, "watch", load.dir);
	/* The kernel may hand it out before its own answer. */
	if (!load.fired && !conn_event(&load.watch, ANSWER_MS))
		give_up("the watch's first event was lost");
	load.watch.on_event = on_event;
	load.worst_us = load.worst_now_us = 0;
}

static void finish(void)
{
	for (unsigned i = 0; i < TRANSACTIONS; i++)
		if (load.transaction[i].id)
			transaction_end(&load.transaction[i], true);
	for (unsigned key = 0; key < KEYS; key++) {
		settle(key);
		read_key(any_conn(), 0, key, load.state.value[key]);
	}
	for (unsigned i = 0; i < 8 * DIRECTORIES; i++)
		op_directory();
	if (conn_event(&load.watch, 100))
		give_up("an event too many");
	printf("STORE END %lu transactions committed, %lu refused\n", load.commits, load.refused);
	verdict("ok");
}

static int run(const char *dir, const char *max_bytes)
{
	long beat;
	unsigned second = 0;

	load.dir = dir;
	load.max_bytes = strtoul(max_bytes, NULL, 10);
	if (load.max_bytes <= BIG_BYTES || load.max_bytes > XENSTORE_PAYLOAD_MAX - 300)
		give_up("%s bytes: not between %u and %u", max_bytes, BIG_BYTES + 1, XENSTORE_PAYLOAD_MAX - 300);
	prepare();
	for (beat = now_us(); !load.stop;) {
		one();
		usleep(pick(load.pause_us));
		if (now_us() - beat < 1000000)
			continue;
		printf("STORE LOAD %u: %lu requests, worst %ld us\n", ++second, load.requests, load.worst_now_us);
		fflush(stdout);
		beat = now_us();
		load.worst_now_us = 0;
	}
	finish();
	return 0;
}

static int fill(const char *dir, unsigned count)
{
	uint32_t id[REQUESTERS];
	char path[PATH_SIZE];
	struct answer a;

	for (unsigned i = 0; i < REQUESTERS; i++)
		conn_open(&load.conn[i], NULL, NULL);
	for (unsigned done = 0; done < count;) {
		unsigned n = 0;

		for (; n < REQUESTERS && done + n < count; n++) {
			snprintf(path, sizeof(path), "%s/%u/%u", dir, (done + n) / FILL_DIRECTORY, (done + n) % FILL_DIRECTORY);
			id[n] = conn_send(&load.conn[n], XS_WRITE, 0, path, "node", 4);
		}
		for (unsigned i = 0; i < n; i++) {
			conn_receive(&load.conn[i], XS_WRITE, id[i], &a);
			must(&a, "write below", dir);
		}
		done += n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	load.pause_us = argc == 5 && atoi(argv[4]) > 0 ? (unsigned)atoi(argv[4]) : PAUSE_US;
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "load"))
		return run(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "fill"))
		return fill(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	if (argc == 4 && !strcmp(argv[1], "rtt"))
		return rtt(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "probe"))
		return probe(argv[2]);
	fprintf(stderr, "usage: atoll-store-load load DIRECTORY MAX_BYTES [PAUSE_US] | fill DIRECTORY COUNT | rtt DIRECTORY COUNT | probe PATH\n");
	return 2;
}
