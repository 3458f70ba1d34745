// SPDX-License-Identifier: LGPL-2.1-or-later
/* Does a disk still answer? */
#include "disk/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

struct probe {
	pthread_mutex_t lock;
	const char *dev_root;
	char names[ATTACHMENTS_MAX][DISK_NAME_SIZE];
	size_t count;
	char reading[DISK_NAME_SIZE]; /* "": nothing */
	uint64_t since_ms;
	char failed[DISK_NAME_SIZE]; /* the last read that failed; "": none did in this round */
	int error;
};

static int read_block(const struct probe *probe, const char *name)
{
	static char block[PROBE_BLOCK] __attribute__((aligned(PROBE_BLOCK)));
	AUTO_CLOSE int fd = -1;
	char path[128];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", probe->dev_root, name);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, block, sizeof(block), 0);
	return n < 0 ? -errno : 0;
}

/* Reads the INDEXth disk, if there is one. */
static bool read_one(struct probe *probe, size_t index)
{
	char name[DISK_NAME_SIZE];
	int r;

	pthread_mutex_lock(&probe->lock);
	if (index >= probe->count) {
		pthread_mutex_unlock(&probe->lock);
		return false;
	}
	memcpy(name, probe->names[index], sizeof(name));
	memcpy(probe->reading, name, sizeof(name));
	probe->since_ms = now_ms();
	pthread_mutex_unlock(&probe->lock);
	r = read_block(probe, name);
	pthread_mutex_lock(&probe->lock);
	probe->reading[0] = '\0';
	if (r < 0) {
		memcpy(probe->failed, name, sizeof(name));
		probe->error = -r;
	} else if (!strcmp(probe->failed, name)) {
		probe->failed[0] = '\0';
	}
	pthread_mutex_unlock(&probe->lock);
	return true;
}

static void *probe_main(void *data)
{
	for (;; usleep(PROBE_PERIOD_MS * 1000)) {
		for (size_t i = 0; read_one(data, i); i++)
			;
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
	bool failed_is_used = false;

	pthread_mutex_lock(&probe->lock);
	probe->count = 0;
	for (size_t i = 0; i < ATTACHMENTS_MAX; i++) {
		if (!table->list[i].used)
			continue;
		memcpy(probe->names[probe->count], table->list[i].disk.name, DISK_NAME_SIZE);
		failed_is_used |= !strcmp(probe->names[probe->count++], probe->failed);
	}
	if (!failed_is_used)
		probe->failed[0] = '\0';
	pthread_mutex_unlock(&probe->lock);
}

bool probe_failed(struct probe *probe, char *why, size_t size)
{
	uint64_t took;
	bool failed = true;

	pthread_mutex_lock(&probe->lock);
	took = probe->reading[0] ? now_ms() - probe->since_ms : 0;
	if (took >= PROBE_LIMIT_MS)
		snprintf(why, size, "%s: a read has not come back for %llu ms", probe->reading, (unsigned long long)took);
	else if (probe->failed[0])
		snprintf(why, size, "%s: a read failed: %s", probe->failed, strerror(probe->error));
	else
		failed = false;
	pthread_mutex_unlock(&probe->lock);
	return failed;
}
