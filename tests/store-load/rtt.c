// SPDX-License-Identifier: LGPL-2.1-or-later
/* Round trips of single requests from a quiet domain: what a guest waits for its store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "rtt.h"

#define SAMPLES_MAX 10000u
#define PROBE_US 2000u
#define PROBE_LATE_NS 5000000L

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static void measure(struct conn *c, const char *name, uint32_t type, const char *path, const char *value, unsigned count)
{
	static long samples[SAMPLES_MAX];
	struct answer a;
	long total = 0;

	for (unsigned i = 0; i < count; i++) {
		long start = now_ns();

		conn_receive(c, type, conn_send(c, type, 0, path, value, strlen(value)), &a);
		samples[i] = now_ns() - start;
		total += samples[i];
		if (a.error[0])
			give_up("%s %s: %s", name, path, a.error);
	}
	qsort(samples, count, sizeof(*samples), compare);
	printf("STORE RTT %s median %ld ns, mean %ld ns, of %u\n", name, samples[count / 2], total / count, count);
	fflush(stdout);
}

int rtt(const char *dir, unsigned count)
{
	static struct conn c;
	char path[160];

	if (!count || count > SAMPLES_MAX)
		give_up("%u samples: not between 1 and %u", count, SAMPLES_MAX);
	conn_open(&c, NULL, NULL);
	snprintf(path, sizeof(path), "%s/rtt", dir);
	measure(&c, "write", XS_WRITE, path, "some value", count);
	measure(&c, "read", XS_READ, path, "", count);
	measure(&c, "directory", XS_DIRECTORY, dir, "", count);
	printf("STORE RTT END\n");
	return 0;
}

int probe(const char *path)
{
	static struct conn c;
	unsigned long reads, late;
	long beat, worst;

	conn_open(&c, NULL, NULL);
	for (unsigned second = 1;; second++) {
		reads = late = 0;
		worst = 0;
		for (beat = now_ns(); now_ns() - beat < 1000000000L; reads++) {
			struct answer a;
			long took = now_ns();

			conn_receive(&c, XS_READ, conn_send(&c, XS_READ, 0, path, "", 0), &a);
			took = now_ns() - took;
			if (a.error[0])
				give_up("read %s: %s", path, a.error);
			worst = took > worst ? took : worst;
			late += took > PROBE_LATE_NS;
			usleep(PROBE_US);
		}
		printf("STORE PROBE %u: %lu reads, worst %ld us, %lu over %ld ms\n", second, reads, worst / 1000, late, PROBE_LATE_NS / 1000000);
		fflush(stdout);
	}
}
