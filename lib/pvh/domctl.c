// SPDX-License-Identifier: LGPL-2.1-or-later
/* The one privileged question that an xs_domain (the store) may ask: the state of a domain. */
#define __XEN_TOOLS__ 1
#include <errno.h>

#include "pvh/hypercall.h"
#include "pvh/pvh.h"

#include <xen/domctl.h>

int pvh_domain_info(uint16_t domid, struct pvh_domain_info *info)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_getdomaininfo,
		.interface_version = XEN_DOMCTL_INTERFACE_VERSION,
		.domain = domid,
	};
	const struct xen_domctl_getdomaininfo *got = &op.u.getdomaininfo;
	long rc = hypercall_domctl(&op);

	if (rc)
		return (int)rc;
	*info = (struct pvh_domain_info){
		.domid = got->domain,
		.dying = got->flags & XEN_DOMINF_dying,
		.shutdown = got->flags & XEN_DOMINF_shutdown,
	};
	return 0;
}
