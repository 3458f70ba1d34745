// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A domain's memory and processors as a stream of libxenguest: written, read back, or written as a core file. Always in a worker.
 * The domain is asked to suspend by its own store nodes, which are atolld's: the event "suspend" tells it when.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <xenctrl.h>
#include <xenguest.h>

#include "worker.h"

#define SUSPEND_MS 60000 /* a guest that does not suspend by then does not know how */
#define SUSPEND_POLL_MS 5
#define PROGRESS_STEP 5 /* percent */

struct saving {
	struct builder *builder;
	uint32_t domid;
	bool timed_out;
	int told; /* percent */
	uint64_t left; /* bytes that a dump may still take */
};

static bool is_suspended(struct builder *builder, uint32_t domid)
{
	xc_domaininfo_t info;

	return domain_lookup(builder, domid, &info) == 0 && info.flags & XEN_DOMINF_shutdown &&
	       (info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) == SHUTDOWN_suspend;
}

static int on_suspend(void *data)
{
	struct saving *s = data;
	uint64_t deadline_ms = now_ms() + SUSPEND_MS;

	worker_tell(s->builder, "suspend", json_build("domid=%u", s->domid));
	while (!is_suspended(s->builder, s->domid)) {
		if (now_ms() >= deadline_ms) {
			s->timed_out = true;
			return 0;
		}
		nanosleep(&(struct timespec){.tv_nsec = SUSPEND_POLL_MS * 1000000}, NULL);
	}
	return 1;
}

static int on_logdirty(uint32_t domid, unsigned enable, void *data)
{
	return 0; /* no device model writes to its memory */
}

static void on_progress(void *data, int percent)
{
	struct saving *s = data;

	if (percent / PROGRESS_STEP == s->told / PROGRESS_STEP) /* a large guest would tell thousands of times */
		return;
	s->told = percent;
	worker_tell(s->builder, "progress", json_build("domid=%u percent=%d", s->domid, percent));
}

int domain_save(struct builder *builder, uint32_t domid, bool live)
{
	struct saving s = {.builder = builder, .domid = domid};
	struct save_callbacks callbacks = {.suspend = on_suspend, .switch_qemu_logdirty = on_logdirty, .data = &s};
	xc_domaininfo_t info;
	int ret = domain_lookup(builder, domid, &info);

	if (ret < 0)
		return ret;
	xen_log_progress(builder->log, on_progress, &s);
	if (xc_domain_save(builder->xen, builder->stream_fd, domid, live ? XCFLAGS_LIVE : 0, &callbacks, XC_STREAM_PLAIN, -1) == 0)
		return 0;
	if (s.timed_out)
		return fail(builder, ETIMEDOUT, "domain %u: did not suspend within %d s: does its kernel know how?", domid,
			    SUSPEND_MS / 1000);
	return fail_xen(builder, "domain %u: cannot save", domid);
}

int domain_resume(struct builder *builder, uint32_t domid)
{
	if (!is_suspended(builder, domid)) /* then nothing may be written into its registers */
		return 0;
	return xc_domain_resume(builder->xen, domid, 1) == 0 ? 0 : fail_xen(builder, "domain %u: cannot resume", domid);
}

static int on_static_data(unsigned missing, void *data)
{
	return missing ? -1 : 0; /* our own streams have it all */
}

int domain_load(struct builder *builder, uint32_t domid, const struct domain_spec *spec, struct domain_built *built)
{
	struct saving s = {.builder = builder, .domid = domid};
	struct restore_callbacks callbacks = {.static_data_done = on_static_data, .data = &s};
	unsigned long store = 0, console = 0;

	xen_log_progress(builder->log, on_progress, &s);
	if (xc_domain_restore(builder->xen, builder->stream_fd, domid, built->store_port, &store, (uint32_t)spec->store_domid,
			      built->console_port, &console, (uint32_t)spec->console_domid, XC_STREAM_PLAIN, &callbacks, -1) < 0)
		return fail_xen(builder, "domain %s: its saved state cannot be read", spec->name);
	built->store_gfn = store;
	built->console_gfn = console;
	return 0;
}

static int on_dump(xc_interface *xen, void *data, char *buffer, unsigned length)
{
	struct saving *s = data;

	if (length > s->left) {
		errno = EFBIG;
		return -1;
	}
	s->left -= length;
	return write_full(s->builder->stream_fd, buffer, length) < 0 ? -1 : 0;
}

int domain_dump(struct builder *builder, uint32_t domid, uint64_t max_bytes)
{
	struct saving s = {.builder = builder, .domid = domid, .left = max_bytes};
	int ret = domain_pause(builder, domid);

	if (ret < 0)
		return ret;
	if (xc_domain_dumpcore_via_callback(builder->xen, domid, &s, on_dump) < 0)
		return fail_xen(builder, "domain %u: cannot write its memory", domid);
	return 0;
}
