// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the hypervisor knows of the host and its domains. */
#include <errno.h>
#include <string.h>

#include "info.h"

static int physinfo(struct builder *builder, xc_physinfo_t *info)
{
	memset(info, 0, sizeof(*info));
	if (xc_physinfo(builder->xen, info) < 0)
		return fail_xen(builder, "cannot read the host's figures");
	return 0;
}

static uint64_t free_kib(const xc_physinfo_t *info)
{
	uint64_t claimed = MIN(info->outstanding_pages, info->free_pages);

	return (info->free_pages - claimed) << 2;
}

int host_free_kib(struct builder *builder, uint64_t *kib)
{
	xc_physinfo_t info;
	int ret = physinfo(builder, &info);

	if (ret == 0)
		*kib = free_kib(&info);
	return ret;
}

int host_info(struct builder *builder, struct host_info *host)
{
	xen_extraversion_t extra = "";
	xc_physinfo_t info;
	int ret = physinfo(builder, &info), version;

	if (ret < 0)
		return ret;
	*host = (struct host_info){
		.total_kib = info.total_pages << 2,
		.free_kib = free_kib(&info),
		.cpus = info.nr_cpus,
	};
	version = xc_version(builder->xen, XENVER_version, NULL);
	if (version < 0 || xc_version(builder->xen, XENVER_extraversion, extra) < 0)
		return fail_xen(builder, "cannot read Xen's version");
	extra[sizeof(extra) - 1] = '\0';
	snprintf(host->xen_version, sizeof(host->xen_version), "%d.%d%s", version >> 16, version & 0xffff, extra);
	return 0;
}

int domain_list(struct builder *builder, uint32_t first, uint32_t max, xc_domaininfo_t *list)
{
	int count;

	count = xc_domain_getinfolist(builder->xen, first, MIN(max, LIST_MAX), list);
	if (count < 0)
		return fail_xen(builder, "cannot list the domains");
	return count;
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

int host_log(struct builder *builder, char *text)
{
	unsigned size = 4 * XEN_LOG_MAX, keep;
	AUTO_FREE char *all = malloc(size);

	if (!all)
		return fail(builder, ENOMEM, "no memory for the hypervisor's messages");
	if (xc_readconsolering(builder->xen, all, &size, 0, 0, NULL) < 0)
		return fail_xen(builder, "cannot read the hypervisor's messages");
	keep = MIN(size, (unsigned)XEN_LOG_MAX);
	memcpy(text, all + size - keep, keep);
	text[keep] = '\0';
	for (unsigned i = 0; i < keep; i++) {
		if ((unsigned char)text[i] >= 0x7f || ((unsigned char)text[i] < ' ' && text[i] != '\n'))
			text[i] = text[i] == '\r' ? ' ' : '?';
	}
	return 0;
}
