/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the hypervisor knows of the host and its domains. */
#ifndef ATOLL_BUILDER_INFO_H
#define ATOLL_BUILDER_INFO_H

#include "builder.h"

#define LIST_MAX 128 /* domains in one answer: some 120 bytes each have to fit into a frame of 64 KiB */

struct host_info {
	uint64_t total_kib, free_kib;
	uint32_t cpus;
	char xen_version[80];
};

#define XEN_LOG_MAX 32768 /* bytes of the hypervisor's messages in one answer, the last ones */

/* TEXT has room for XEN_LOG_MAX + 1 bytes. */
int host_log(struct builder *builder, char *text);
int host_info(struct builder *builder, struct host_info *info);
/* What new domains can have: free pages less those that others have claimed. */
int host_free_kib(struct builder *builder, uint64_t *kib);

/* Domains from id FIRST on, ascending, at most MAX. The number found or -errno. */
int domain_list(struct builder *builder, uint32_t first, uint32_t max, xc_domaininfo_t *list);

#endif
