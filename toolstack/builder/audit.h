/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the hypervisor itself has of a domain's ties to others: grants and event channels. */
#ifndef ATOLL_BUILDER_AUDIT_H
#define ATOLL_BUILDER_AUDIT_H

#include "builder.h"

#define TIES_MAX 64 /* peers told of one domain; its further ones are only counted */

struct tie {
	uint32_t domid;
	uint32_t grants, read_only; /* pages that it granted, and those of them that the peer may only read */
	uint32_t channels, offered; /* event channels, and those that the peer has not bound (yet, or no more) */
};

struct ties {
	bool xs_domain; /* it may ask for other domains' state */
	struct tie list[TIES_MAX];
	size_t count;
	uint32_t others; /* peers beyond TIES_MAX */
};

/* 0 or -errno. */
int domain_ties(struct builder *builder, uint32_t domid, struct ties *ties);

#endif
