// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is done to a domain after it was built: pause, unpause, shutdown, destroy, its memory limit. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "keep.h"
#include "reload.h"
#include "xenlog.h"

#define DESTROY_WAIT_MS 100 /* for references that go by themselves; what holds longer is a peer's mapping */
#define DESTROY_SLICE_US 500

static int done(struct builder *builder, int ret, uint32_t domid, const char *what, struct failure *failure)
{
	if (ret >= 0)
		return 0;
	if (errno == ESRCH)
		return fail(failure, ENOENT, "no domain with id %u", domid);
	return fail_xen(builder, failure, "domain %u: cannot %s", domid, what);
}

int domain_pause(struct builder *builder, uint32_t domid, struct failure *failure)
{
	xen_log_clear(builder->log);
	return done(builder, xc_domain_pause(builder->xen, domid), domid, "pause", failure);
}

int domain_unpause(struct builder *builder, uint32_t domid, struct failure *failure)
{
	xen_log_clear(builder->log);
	return done(builder, xc_domain_unpause(builder->xen, domid), domid, "unpause", failure);
}

int domain_shutdown(struct builder *builder, uint32_t domid, int reason, struct failure *failure)
{
	xen_log_clear(builder->log);
	return done(builder, xc_domain_shutdown(builder->xen, domid, reason), domid, "shut down", failure);
}

int domain_set_max_memory(struct builder *builder, uint32_t domid, uint64_t max_kib, struct failure *failure)
{
	xen_log_clear(builder->log);
	return done(builder, xc_domain_setmaxmem(builder->xen, domid, max_kib), domid, "set its memory limit", failure);
}

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/*
 * The hypercall takes a large domain apart in slices of its own, in which the control domain's kernel may run others. After it
 * the domain lives on as a zombie until the last reference to its pages is gone; it is listed for as long.
 */
int domain_destroy(struct builder *builder, uint32_t domid, bool *zombie, struct failure *failure)
{
	uint64_t deadline_ms;
	xc_domaininfo_t info;
	int ret;

	*zombie = false;
	ret = domain_lookup(builder, domid, &info, failure);
	if (ret < 0)
		return ret;
	do {
		xen_log_clear(builder->log);
		ret = xc_domain_destroy(builder->xen, domid);
	} while (ret < 0 && (errno == EAGAIN || errno == EINTR));
	if (ret < 0 && errno != ESRCH)
		return fail_xen(builder, failure, "domain %u: cannot destroy", domid);
	reload_forget(builder, domid);
	keep_detach(builder, domid);
	deadline_ms = now_ms() + DESTROY_WAIT_MS;
	while ((ret = domain_lookup(builder, domid, &info, failure)) == 0) {
		if (now_ms() >= deadline_ms) {
			*zombie = true;
			return 0;
		}
		sleep_us(DESTROY_SLICE_US);
	}
	return ret == -ENOENT ? 0 : ret;
}
