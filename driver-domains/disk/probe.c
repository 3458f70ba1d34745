// SPDX-License-Identifier: LGPL-2.1-or-later
/* Does a disk still answer? */
#include "disk/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#define PROBE_WHY_SIZE 128

struct probe {
	pthread_mutex_t lock;
	const char *dev_root;
	char names[ATTACHMENTS_MAX][DISK_NAME_SIZE];
	size_t count;
	char reading[DISK_NAME_SIZE]; /* "": nothing */
	uint64_t since_ms;
	char failed[PROBE_WHY_SIZE]; /* in the last round; "": nothing did */
};

static int read_block(const struct probe *probe, const char *name)
{
	static char block[PROBE_BLOCK] __attribute__((aligned(PROBE_BLOCK)));
	AUTO_CLOSE int fd = -1;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", probe->dev_root, name);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	return fd < 0 || pread(fd, block, sizeof(block), 0) < 0 ? -errno : 0;
}

/* The INDEXth disk is read from now on; false if there is none, then nothing is. */
static bool begin(struct probe *probe, size_t index)
{
	bool any;

	pthread_mutex_lock(&probe->lock);
	any = index < probe->count;
	if (any)
		memcpy(probe->reading, probe->names[index], sizeof(probe->reading));
	else
		probe->reading[0] = '\0';
	probe->since_ms = now_ms();
	pthread_mutex_unlock(&probe->lock);
	return any;
}

static void *probe_main(void *data)
{
	struct probe *probe = data;

	for (;; usleep(PROBE_PERIOD_MS * 1000)) {
		char failed[PROBE_WHY_SIZE] = "";

		for (size_t i = 0; begin(probe, i); i++) {
			int r = read_block(probe, probe->reading);

			if (r < 0)
				snprintf(failed, sizeof(failed), "%s: a read failed: %s", probe->reading, strerror(-r));
		}
		pthread_mutex_lock(&probe->lock);
		memcpy(probe->failed, failed, sizeof(failed));
		pthread_mutex_unlock(&probe->lock);
	}
	return NULL;
}

struct probe *probe_create(const char *dev_root)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (!probe)
		return NULL;
	probe->dev_root = dev_root;
	pthread_mutex_init(&probe->lock, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	r = pthread_create(&thread, &attr, probe_main, probe);
	pthread_attr_destroy(&attr);
	if (r == 0)
		return probe;
	free(probe);
	return NULL;
}

void probe_update(struct probe *probe, const struct table *table)
{
	pthread_mutex_lock(&probe->lock);
	probe->count = 0;
	for (size_t i = 0; i < ATTACHMENTS_MAX; i++) {
		if (table->list[i].used)
			memcpy(probe->names[probe->count++], table->list[i].disk.name, DISK_NAME_SIZE);
	}
	pthread_mutex_unlock(&probe->lock);
}

bool probe_failed(struct probe *probe, char *why, size_t size)
{
	uint64_t took;
	bool failed;

	pthread_mutex_lock(&probe->lock);
	took = probe->reading[0] ? now_ms() - probe->since_ms : 0;
	failed = took >= PROBE_LIMIT_MS || (probe->failed[0] && probe->count);
	if (took >= PROBE_LIMIT_MS)
		snprintf(why, size, "%s: a read has not come back for %llu ms", probe->reading, (unsigned long long)took);
	else if (failed)
		snprintf(why, size, "%s", probe->failed);
	pthread_mutex_unlock(&probe->lock);
	return failed;
}
