// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Snapshots of net and disk domains: a domain whose kernel and modules are up, before it touches a device, is saved once, and its successors
 * are made of that instead of being booted. Its agent waits at this point (driver-domains/agent/snapshot.c).
 *
 *   build ──▶ wake (kernel, modules) ──▶ snapshot: suspended, saved, resumed ──▶ devices, agent
 *   reborn ─▶ wake (resumed) ──────────────────────────────────────────────────▶ devices, agent
 *
 * It is of the same kernel, ramdisk, command line, memory and devices, or it is not used. It lies in memory without a name; systemd keeps it for
 * the next atolld. One that cannot be read, or whose domain does not come up, or fails soon,
 * is dropped, and the service is booted.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "atolld/atolld.h"
#include "atolld/nodes.h"
#include "base/log.h"

#define REBORN_TIMEOUT_MS 15000 /* it has only to be resumed, not to be booted */
#define SEED_SIZE 32
#define KEY_MAX 8192

static void forget(const struct domain *d)
{
	sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", d->name);
}

static void keep(const struct domain *d)
{
	char text[NAME_LEN_MAX + 32];

	forget(d); /* of an atolld that ended before it could say what it is of */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", d->name);
	sd_pid_notify_with_fds(0, 0, text, &d->snapshot_fd, 1);
}

void snapshot_drop(struct domain *d)
{
	if (d->snapshot_fd >= 0) {
		forget(d);
		close(TAKE_FD(d->snapshot_fd));
	}
	d->ready = store_watch_remove(d->ready);
	free(TAKE_PTR(d->snapshot_of));
	d->snapshot_failed = false;
}

void snapshot_adopt(struct domain *d, const char *of)
{
	AUTO_FREE char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names);

	for (int i = 0; i < n; i++) {
		if (*of && d->snapshot_fd < 0 && !strcmp(names[i], d->name) && (d->snapshot_of = strdup(of)))
			d->snapshot_fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
}

static void add_file(struct buf *key, const char *path)
{
	struct stat st = {0};

	if (stat(path, &st) == 0)
		buf_printf(key, " %llu:%llu:%lld:%lld.%09ld", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, (long long)st.st_size,
			   (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* What a snapshot depends on; NULL without memory. */
static char *describe(const struct json *params)
{
	AUTO_BUF struct buf key = BUF_INIT(KEY_MAX);

	if (json_print(params, &key, false) < 0)
		return NULL;
	add_file(&key, json_get_string(params, "kernel", ""));
	add_file(&key, json_get_string(params, "ramdisk", ""));
	return strndup((const char *)key.data, key.len);
}

/* To the builder, which reads or writes it from the start, at a place of its own: an earlier atolld's may still be read. 0 or -errno. */
static int push(struct domain *d)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", d->snapshot_fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rpc_push_fd(d->atolld->builder, fd);
	return 0;
}

static int reborn(struct job *job, const struct json *result)
{
	if (!result) {
		log_warning("%s: its snapshot cannot be used: it is booted", job->domain->name);
		snapshot_drop(job->domain);
		return 0;
	}
	job->domain->reborn = true;
	return built(job, result);
}

int step_reborn(struct job *job)
{
	struct domain *d = job->domain;
	struct json *params;
	char *key;

	d->reborn = false;
	d->ready = store_watch_remove(d->ready);
	if (!d->service->snapshot)
		return 0;
	params = service_build_params(d);
	key = params ? describe(params) : NULL;
	if (!key || !d->snapshot_of || strcmp(key, d->snapshot_of)) {
		snapshot_drop(d);
		d->snapshot_of = TAKE_PTR(key);
	}
	free(key);
	if (d->snapshot_fd < 0 || push(d) < 0) {
		json_free(params);
		return 0;
	}
	return job_order(job, "domain.restore", params, reborn, JOB_ANY_ERROR);
}

static void on_ready(struct store *store, const char *path, void *data)
{
	struct domain *d = data;
	char node[64], value[16];

	snprintf(node, sizeof(node), "/local/domain/%u/data/atoll-ready", d->domid);
	if (store_read(store, node, value, sizeof(value)) < 0 || !job_is_at(d->job, "wake"))
		return;
	d->snapshot_able = !strcmp(value, "snapshot");
	d->ready = store_watch_remove(d->ready);
	job_next(d->job);
}

int step_wake(struct job *job)
{
	struct domain *d = job->domain;
	char node[64];
	int r;

	if (!d->service->snapshot)
		return 0;
	if (d->reborn)
		job_limit(job, REBORN_TIMEOUT_MS);
	snprintf(node, sizeof(node), "/local/domain/%u/data/atoll-ready", d->domid);
	r = store_watch_add(d->atolld->store, node, on_ready, d, &d->ready);
	return r < 0 ? r : step_unpause_and_wait(job); /* for on_ready() */
}

static int saved(struct job *job, const struct json *result)
{
	struct domain *d = job->domain;
	struct stat st;

	if (result && fstat(d->snapshot_fd, &st) == 0) {
		d->snapshot_failed = false;
		keep(d);
		log_info("%s: its snapshot has %lld MiB", d->name, (long long)st.st_size >> 20);
	} else {
		log_warning("%s: no snapshot can be made of it: it will be booted", d->name);
		close(TAKE_FD(d->snapshot_fd));
	}
	return step_resume(job);
}

int step_snapshot(struct job *job)
{
	struct domain *d = job->domain;

	if (!d->service->snapshot || d->snapshot_fd >= 0 || d->snapshot_failed)
		return 0;
	if (!d->snapshot_able) {
		log_info("%s: its kernel cannot be made a snapshot of: it will be booted", d->name);
		return 0;
	}
	d->snapshot_failed = true; /* until it has succeeded */
	d->snapshot_fd = memfd_create("snapshot", MFD_CLOEXEC);
	if (d->snapshot_fd < 0 || push(d) < 0)
		return 0;
	return job_order(job, "domain.save", domain_params(d), saved, JOB_ANY_ERROR);
}

int snapshot_go(struct domain *d)
{
	struct store_batch *batch = store_batch_new();
	unsigned char seed[SEED_SIZE];
	char hex[2 * SEED_SIZE + 1];

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		store_batch_free(batch);
		return -EIO;
	}
	for (unsigned i = 0; i < SEED_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", seed[i]);
	if (d->service->pci_count)
		nodes_pci(batch, d);
	store_batch_put(batch, NULL, hex, "/local/domain/%u/control/atoll-go", d->domid);
	return store_commit(d->atolld->store, batch);
}

void snapshot_grow(struct domain *d)
{
	struct store_batch *batch = store_batch_new();
	int r;

	store_batch_put_int(batch, NULL, (int64_t)d->service->memory_mib << 10, "/local/domain/%u/memory/target", d->domid);
	r = store_commit(d->atolld->store, batch);
	if (r < 0)
		log_warning("%s: memory/target: %s", d->name, strerror(-r));
}
