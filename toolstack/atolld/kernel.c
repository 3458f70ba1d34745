// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel of a net or disk domain. host.json names one; `atoll restart SERVICE --kernel NAME` puts another in its place for as long as
 * the host is up. A kernel is on trial until it has run for a while: if it does not come up, or its domain fails soon, the
 * service is rebuilt with the one before.
 *
 *   kernel_change() ──▶ on trial ──▶ ran HEALTHY_MS: stays
 *                          └── not up in time, crashed, hung ──▶ kernel_roll_back(): the one before
 */
#include <errno.h>
#include <string.h>

#include "atolld/events.h"

#define IMAGES "/usr/lib/atoll/images/"
#define KERNELS IMAGES "kernels/"

const char *kernel_name(const struct domain *d)
{
	return d->kernel[0] ? d->kernel : d->service->kernel;
}

/* A path is a file of one's own; a name stands for a folder that has the kernel and a ramdisk with its modules. host.json's ramdisk
 * goes with host.json's kernel, and with files of one's own. */
int kernel_paths(const struct domain *d, char *kernel, char *ramdisk, size_t size)
{
	const char *name = kernel_name(d);
	bool path = name[0] == '/', usual = !strcmp(name, KERNEL_USUAL);
	int r = path ? format(kernel, size, "%s", name)
		     : usual ? format(kernel, size, IMAGES "driver-vmlinux") : format(kernel, size, KERNELS "%s/vmlinux", name);

	if (r == 0 && d->service->ramdisk[0] && (path || !d->kernel[0]))
		r = format(ramdisk, size, "%s", d->service->ramdisk);
	else if (r == 0)
		r = path || usual ? format(ramdisk, size, IMAGES "driver.cpio") : format(ramdisk, size, KERNELS "%s/driver.cpio", name);
	return r;
}

int kernel_change(struct domain *d, const char *name, struct rpc *client, uint32_t id)
{
	char kernel[PATH_MAX], ramdisk[PATH_MAX], before[sizeof(d->kernel)], reason[sizeof(d->outage_reason)];
	int r;

	if (d->job)
		return -EBUSY;
	memcpy(before, d->kernel, sizeof(before));
	if (!kernel_name_valid(name) || format(d->kernel, sizeof(d->kernel), "%s", name) < 0)
		return -EINVAL;
	r = kernel_paths(d, kernel, ramdisk, sizeof(kernel));
	if (r == 0 && (access(kernel, R_OK) < 0 || access(ramdisk, R_OK) < 0))
		r = -ENOENT;
	snprintf(reason, sizeof(reason), "kernel %.80s was asked for", name);
	if (r == 0) {
		memcpy(d->kernel_before, before, sizeof(before));
		d->trial = d->planned = true;
		r = service_restart(d, reason, client, id);
	}
	if (r < 0) {
		memcpy(d->kernel, before, sizeof(before));
		d->trial = d->planned = false;
	}
	return r;
}

bool kernel_roll_back(struct domain *d, const char *why)
{
	char failed[sizeof(d->kernel)];

	if (!d->trial)
		return false;
	d->trial = false;
	memcpy(failed, d->kernel, sizeof(failed));
	memcpy(d->kernel, d->kernel_before, sizeof(d->kernel));
	snprintf(d->rolled_back, sizeof(d->rolled_back), "%s: kernel %.100s did not come up, it has %.100s again: %.200s", d->name, failed,
		 kernel_name(d), why);
	event_add(d->atolld, "rolled-back", d->name, "%s", d->rolled_back);
	return true;
}
