// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where a driver domain waits before it touches its devices (atoll.snapshot on its command line): here the control domain takes a
 * snapshot of it, and here its successors, which are made of that snapshot, come to life.
 *
 *   kernel, modules ──▶ memory given back ──▶ data/atoll-ready written ──▶ control/atoll-go: the devices are there ──▶ agent
 *                                                     ▲  │
 *                            reborn: it is gone ──────┘  └─ snapshot
 *
 * A kernel that cannot suspend, or has set up its DMA buffers at its start (they would be lost), says "none": it is not suspended.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <xenstore.h>

#include "agent/init.h"
#include "agent/server.h"
#include "base/log.h"

#define READY "data/atoll-ready"
#define GO "control/atoll-go"
#define SEED_SIZE 32
#define SYSFS_FILE_MAX 4096
#define BALLOON "/sys/devices/system/xen_memory/xen_memory0/"
#define KEEP_KIB (20 * 1024) /* free memory that a reborn domain needs until it gets the rest */
#define SHRINK_POLLS 500
#define POLL_MS 4
#define EARLY_SWIOTLB 606 /* from Linux 6.6 on xen-swiotlb is set up before there is a PCI device */

static bool can_suspend(struct xs_handle *xs)
{
	AUTO_FREE char *feature = NULL;
	unsigned len, major = 0, minor = 0;
	struct utsname uts;

	uname(&uts);
	feature = xs_read(xs, XBT_NULL, "control/feature-suspend", &len);
	return feature && !strcmp(feature, "1") && sscanf(uts.release, "%u.%u", &major, &minor) == 2 &&
	       major * 100 + minor < EARLY_SWIOTLB;
}

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static uint64_t balloon_read(const char *name)
{
	AUTO_FREE char *text = NULL;

	return read_file(name, SYSFS_FILE_MAX, &text, NULL) < 0 ? 0 : strtoull(text, NULL, 10);
}

/* What is free needs not be in the snapshot. The control domain gives it back, by memory/target, when guests are served. */
static void shrink(const struct agent *agent)
{
	uint64_t now = balloon_read(BALLOON "info/current_kb"), free_kib;
	char target[24];
	struct sysinfo info;

	sysinfo(&info);
	free_kib = (uint64_t)info.freeram * info.mem_unit / 1024;
	if (!now || free_kib < KEEP_KIB)
		return;
	snprintf(target, sizeof(target), "%llu", (unsigned long long)(now - (free_kib - KEEP_KIB)));
	if (init_set(BALLOON "target_kb", target) < 0)
		return;
	for (int i = 0; i < SHRINK_POLLS && balloon_read(BALLOON "info/current_kb") > strtoull(target, NULL, 10); i++)
		wait_ms(POLL_MS);
	log_info("%s: waits with %s of %llu KiB", agent->name, target, (unsigned long long)now);
}

/* All that are made of one snapshot would draw the same random numbers. */
static void reseed(const char *hex)
{
	union {
		struct rand_pool_info info;
		unsigned char room[sizeof(struct rand_pool_info) + SEED_SIZE];
	} seed = {.info = {.entropy_count = SEED_SIZE * 8, .buf_size = SEED_SIZE}};
	unsigned char *bytes = seed.room + offsetof(struct rand_pool_info, buf);
	AUTO_CLOSE int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < SEED_SIZE; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			break;
		bytes[i] = (unsigned char)byte;
	}
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &seed.info) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		log_error("random numbers are not fresh: %s", strerror(errno));
}

/* The reborn domain's own directory in the store is new: who finds no READY there has been reborn. It is asked again and again, since
 * the library's watches would leave a thread that cannot be ended. */
int snapshot_wait(struct agent *agent)
{
	struct xs_handle *xs = xs_open(0);
	unsigned len, rounds = 0;
	bool able;
	int r = 0;

	if (!xs)
		return errno ? -errno : -ENODEV;
	able = can_suspend(xs);
	if (able)
		shrink(agent);
	for (;;) {
		AUTO_FREE char *go = xs_read(xs, XBT_NULL, GO, &len), *ready = go ? NULL : xs_read(xs, XBT_NULL, READY, &len);

		if (go && len >= 2 * SEED_SIZE) {
			reseed(go);
			break;
		}
		if (!ready) {
			if (rounds++)
				agent_restart_clock(agent);
			if (!xs_write(xs, XBT_NULL, READY, able ? "snapshot" : "none", able ? 8 : 4)) {
				r = -errno;
				break;
			}
		}
		wait_ms(POLL_MS);
	}
	xs_close(xs);
	return r;
}
