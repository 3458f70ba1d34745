// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Faults on purpose, for experiments (atoll-experiment(1)): what happens to a domain behind the toolstack's back. Refused unless
 * atolld said fault.allow, which it does when host.json has "experiments": true. A safety catch, not a wall: whoever may speak
 * to the builder may destroy domains anyway.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fault.h"

#define NMI_VCPU 0

static int inject(struct builder *builder, uint32_t domid, const struct fault *fault)
{
	struct xen_domctl_sched_credit2 share;

	switch (fault->kind) {
	case FAULT_DESTROY:
		return xc_domain_destroy(builder->xen, domid);
	case FAULT_PANIC: /* as a kernel that panics reports itself */
		return xc_domain_shutdown(builder->xen, domid, SHUTDOWN_crash);
	case FAULT_NMI:
		return xc_domain_send_trigger(builder->xen, domid, XEN_DOMCTL_SENDTRIGGER_NMI, NMI_VCPU);
	case FAULT_HANG: /* it exists, and does nothing */
		return xc_domain_pause(builder->xen, domid);
	case FAULT_RESUME:
		return xc_domain_unpause(builder->xen, domid);
	default: /* slow; its weight stays as it is */
		if (xc_sched_credit2_domain_get(builder->xen, domid, &share) < 0)
			return -1;
		share.cap = (uint16_t)fault->percent;
		return xc_sched_credit2_domain_set(builder->xen, domid, &share);
	}
}

int domain_fault(struct builder *builder, uint32_t domid, const struct fault *fault)
{
	int ret;

	if (!builder->faults_allowed)
		return fail(builder, EPERM, "fault %s: refused: /etc/atoll/host.json does not have \"experiments\": true",
			    fault_names[fault->kind]);
	do {
		ret = inject(builder, domid, fault);
	} while (ret < 0 && (errno == EAGAIN || errno == EINTR));
	if (ret < 0 && errno == ESRCH)
		return fail(builder, ENOENT, "no domain with id %u", domid);
	if (ret < 0)
		return fail_xen(builder, "domain %u: cannot inject %s", domid, fault_names[fault->kind]);
	log_warning("domain %u: fault injected: %s", domid, fault_names[fault->kind]);
	return 0;
}
