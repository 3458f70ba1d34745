// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who goes first on the processors. While a service is down or starts, its guests wait for it, and for the control domain, which builds
 * it and answers its PCI configuration accesses one by one: both go before guests whenever they have something to do. Xen's
 * credit2 scheduler, the default; another one does without.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "builder.h"

#define SERVICE_WEIGHT 16384 /* a guest has 256 */
#define RATELIMIT_US 100     /* a running guest is not interrupted before; Xen's own 1000 would be waited for at each access */
#define CONTROL_DOMID 0
#define CPUPOOL 0

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
