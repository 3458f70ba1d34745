// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Load on a store that may be restarted at any moment: reads, writes, transactions and a watch below one directory,
 * each answer checked against what this program knows.
 *
 * usage: store-load DIRECTORY SECONDS
 * Prints one line: operations, wrong answers, errors, missed watches, the longest operation in microseconds.
 * Exit status 0 if nothing was wrong.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenstore.h>

#define KEYS 20

struct load {
	struct xs_handle *xs;
	const char *dir;
	unsigned int value[KEYS]; /* 0: not there */
	unsigned long operations, wrong, errors, missed, conflicts;
	long longest_us;
	unsigned int seed, next;
};

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static unsigned int pick(struct load *l, unsigned int n)
{
	l->seed = l->seed * 1103515245u + 12345u;
	return (l->seed >> 8) % n;
}

static void key_path(const struct load *l, unsigned int key, char path[128])
{
	snprintf(path, 128, "%s/d%u/k%u", l->dir, key % 4, key);
}

static void check_read(struct load *l, xs_transaction_t t, unsigned int key, unsigned int expected)
{
	char path[128], want[16] = "";
	unsigned int len = 0;
	char *got;

	key_path(l, key, path);
	got = xs_read(l->xs, t, path, &len);
	if (expected)
		snprintf(want, sizeof want, "%u", expected);
	if (!got && errno != ENOENT)
		l->errors++;
	else if (expected ? !got || strcmp(got, want) : got != NULL)
		l->wrong++;
	free(got);
}

static bool write_key(struct load *l, xs_transaction_t t, unsigned int key, unsigned int value)
{
	char path[128], text[16];
	int n = snprintf(text, sizeof text, "%u", value);

	key_path(l, key, path);
	if (value ? xs_write(l->xs, t, path, text, (unsigned int)n) : xs_rm(l->xs, t, path))
		return true;
	l->errors += value || errno != ENOENT;
	return false;
}

static void plain(struct load *l)
{
	unsigned int key = pick(l, KEYS), value = pick(l, 5) ? ++l->next : 0;

	if (pick(l, 2)) {
		check_read(l, XBT_NULL, key, l->value[key]);
	} else if (write_key(l, XBT_NULL, key, value)) {
		l->value[key] = value;
	}
}

static void transaction(struct load *l)
{
	unsigned int changed[KEYS];
	xs_transaction_t t = xs_transaction_start(l->xs);
	bool abort = !pick(l, 4);

	if (!t) {
		l->errors++;
		return;
	}
	memcpy(changed, l->value, sizeof changed);
	for (unsigned int i = 0; i < 5; i++) {
		unsigned int key = pick(l, KEYS), value = ++l->next;

		check_read(l, t, key, changed[key]);
		if (write_key(l, t, key, value))
			changed[key] = value;
	}
	if (!xs_transaction_end(l->xs, t, abort))
		errno == EAGAIN ? l->conflicts++ : l->errors++;
	else if (!abort)
		memcpy(l->value, changed, sizeof changed);
}

/* A write below the watch must be told of. */
static void watched(struct load *l)
{
	struct pollfd fd = { xs_fileno(l->xs), POLLIN, 0 };
	unsigned int value = ++l->next;
	char **event;

	while ((event = xs_check_watch(l->xs)))
		free(event);
	if (!write_key(l, XBT_NULL, 0, value))
		return;
	l->value[0] = value;
	if (poll(&fd, 1, 20000) != 1 || !(event = xs_read_watch(l->xs, &value)))
		l->missed++;
	else
		free(event);
}

static void one(struct load *l)
{
	long start = now_us(), took;

	switch (pick(l, 8)) {
	case 0:
		transaction(l);
		break;
	case 1:
		watched(l);
		break;
	default:
		plain(l);
	}
	took = now_us() - start;
	l->longest_us = took > l->longest_us ? took : l->longest_us;
	l->operations++;
}

int main(int argc, char **argv)
{
	struct load l = { .seed = 1 };
	long end;

	if (argc != 3)
		return 2;
	l.dir = argv[1];
	for (const char *c = argv[1]; *c; c++)
		l.seed = l.seed * 31 + (unsigned char)*c;
	l.xs = xs_open(0);
	if (!l.xs || !xs_watch(l.xs, l.dir, "load"))
		return 1;
	xs_rm(l.xs, XBT_NULL, l.dir);
	end = now_us() + atol(argv[2]) * 1000000L;
	while (now_us() < end)
		one(&l);
	for (unsigned int key = 0; key < KEYS; key++)
		check_read(&l, XBT_NULL, key, l.value[key]);
	printf("%s: %lu operations, %lu wrong, %lu errors, %lu missed watches, %lu conflicts, longest %ld us\n", l.dir,
	       l.operations, l.wrong, l.errors, l.missed, l.conflicts, l.longest_us);
	xs_close(l.xs);
	return l.wrong || l.errors || l.missed;
}
