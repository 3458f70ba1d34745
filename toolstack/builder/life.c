// SPDX-License-Identifier: LGPL-2.1-or-later
/* The host's figures, and what is done to a domain after it was built: pause, unpause, destroy, its memory limit. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "builder.h"

#define DESTROY_WAIT_MS 100 /* for references that go by themselves; what holds longer is a peer's mapping */
#define DESTROY_SLICE_US 500
#define SERVICE_WEIGHT 16384 /* a guest has 256 */
#define RATELIMIT_US 100     /* a running guest is not interrupted before; Xen's own 1000 would be waited for at each access */
#define CONTROL_DOMID 0
#define CPUPOOL 0

static int done(struct builder *builder, int ret, uint32_t domid, const char *what)
{
	if (ret >= 0)
		return 0;
	if (errno == ESRCH)
		return fail(builder, ENOENT, "no domain with id %u", domid);
	return fail_xen(builder, "domain %u: cannot %s", domid, what);
}

int domain_list(struct builder *builder, uint32_t first, uint32_t max, xc_domaininfo_t *list)
{
	int count = xc_domain_getinfolist(builder->xen, first, max, list);

	return count < 0 ? fail_xen(builder, "cannot list the domains") : count;
}

int domain_lookup(struct builder *builder, uint32_t domid, xc_domaininfo_t *info)
{
	int count = domain_list(builder, domid, 1, info);

	if (count < 0)
		return count;
	if (!count || info->domain != domid)
		return fail(builder, ENOENT, "no domain with id %u", domid);
	return 0;
}

int host_info(struct builder *builder, xc_physinfo_t *info, uint64_t *free_kib)
{
	*info = (xc_physinfo_t){0};
	if (xc_physinfo(builder->xen, info) < 0)
		return fail_xen(builder, "cannot read the host's figures");
	*free_kib = (info->free_pages - MIN(info->outstanding_pages, info->free_pages)) << 2;
	return 0;
}

int domain_pause(struct builder *builder, uint32_t domid)
{
	return done(builder, xc_domain_pause(builder->xen, domid), domid, "pause");
}

int domain_unpause(struct builder *builder, uint32_t domid)
{
	return done(builder, xc_domain_unpause(builder->xen, domid), domid, "unpause");
}

int domain_fault_destroy(struct builder *builder, uint32_t domid)
{
	int ret;

	log_warning("domain %u: destroyed for an experiment", domid);
	do {
		ret = xc_domain_destroy(builder->xen, domid);
	} while (ret < 0 && (errno == EAGAIN || errno == EINTR));
	return done(builder, ret, domid, "destroy");
}

/* As a kernel that panics reports itself. */
int domain_fault_panic(struct builder *builder, uint32_t domid)
{
	log_warning("domain %u: crashed for an experiment", domid);
	return done(builder, xc_domain_shutdown(builder->xen, domid, SHUTDOWN_crash), domid, "crash");
}

static int bind_vcpus(struct builder *builder, uint32_t domid, const uint8_t *cpus)
{
	int size = xc_get_cpumap_size(builder->xen), ret = 0;
	xc_cpumap_t map = xc_cpumap_alloc(builder->xen), scratch = xc_cpumap_alloc(builder->xen);
	xc_domaininfo_t info;

	if (map && scratch)
		memcpy(map, cpus, MIN(size, SETTINGS_CPUS_MAX / 8));
	else
		ret = fail(builder, ENOMEM, "domain %u: no memory", domid);
	if (ret == 0)
		ret = domain_lookup(builder, domid, &info);
	for (uint32_t i = 0; ret == 0 && i <= info.max_vcpu_id; i++) {
		memcpy(scratch, map, size); /* the hypervisor answers in it */
		ret = done(builder, xc_vcpu_setaffinity(builder->xen, domid, (int)i, scratch, NULL, XEN_VCPUAFFINITY_HARD), domid,
			   "bind it to these processors");
	}
	free(map);
	free(scratch);
	return ret;
}

int domain_set(struct builder *builder, uint32_t domid, const struct domain_settings *settings)
{
	struct xen_domctl_sched_credit2 sched;
	int ret = 0;

	if (settings->max_kib >= 0)
		ret = done(builder, xc_domain_setmaxmem(builder->xen, domid, settings->max_kib), domid, "set its memory limit");
	if (ret == 0 && (settings->weight >= 0 || settings->cap >= 0)) {
		ret = done(builder, xc_sched_credit2_domain_get(builder->xen, domid, &sched), domid, "read its share");
		if (settings->weight >= 0)
			sched.weight = (uint16_t)settings->weight;
		if (settings->cap >= 0)
			sched.cap = (uint16_t)settings->cap;
		if (ret == 0)
			ret = done(builder, xc_sched_credit2_domain_set(builder->xen, domid, &sched), domid, "set its share");
	}
	return ret == 0 && settings->bind ? bind_vcpus(builder, domid, settings->cpus) : ret;
}

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/*
 * The hypercall takes a large domain apart in slices of its own, in which the control domain's kernel may run others. After it
 * the domain lives on as a zombie until the last reference to its pages is gone; it is listed for as long.
 */
int domain_destroy(struct builder *builder, uint32_t domid, bool *zombie)
{
	uint64_t deadline_ms;
	xc_domaininfo_t info;
	int ret;

	*zombie = false;
	ret = domain_lookup(builder, domid, &info);
	if (ret < 0)
		return ret;
	do {
		xen_log_clear(builder->log);
		ret = xc_domain_destroy(builder->xen, domid);
	} while (ret < 0 && (errno == EAGAIN || errno == EINTR));
	if (ret < 0 && errno != ESRCH)
		return fail_xen(builder, "domain %u: cannot destroy", domid);
	reload_forget(builder, domid);
	keep_detach(builder, domid);
	deadline_ms = now_ms() + DESTROY_WAIT_MS;
	while ((ret = domain_lookup(builder, domid, &info)) == 0) {
		if (now_ms() >= deadline_ms) {
			*zombie = true;
			return 0;
		}
		sleep_us(DESTROY_SLICE_US);
	}
	return ret == -ENOENT ? 0 : ret;
}

/*
 * While a service is down or starts, its guests wait for it, and for the control domain, which builds it and answers its PCI
 * configuration accesses one by one: both go before guests whenever they have something to do. Xen's credit2 scheduler, the
 * default; another one does without.
 */
void share_set(struct builder *builder, uint32_t domid)
{
	struct xen_domctl_sched_credit2 share = {.weight = SERVICE_WEIGHT};

	if (xc_sched_credit2_domain_set(builder->xen, domid, &share) < 0)
		log_warning("domain %u: the scheduler takes no weight: %s", domid, strerror(errno));
}

void share_init(struct builder *builder)
{
	struct xen_sysctl_credit2_schedule pool = {.ratelimit_us = RATELIMIT_US};

	share_set(builder, CONTROL_DOMID);
	if (xc_sched_credit2_params_set(builder->xen, CPUPOOL, &pool) < 0)
		log_warning("the scheduler takes no rate limit: %s", strerror(errno));
}
