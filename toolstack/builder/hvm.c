// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an HVM domain has beside a PVH one. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "builder.h"
#include <xen/hvm/hvm_info_table.h>
#include <xen/hvm/params.h>
#include <xenguest.h>

#define VGA_HOLE_PAGES 0x20 /* 0xa0000 to 0xbffff: no RAM there */
#define SHUTDOWN_REBOOT 1

void hvm_prepare(struct xc_dom_image *dom, const void *firmware, size_t size)
{
	dom->device_model = true;
	dom->vga_hole_size = VGA_HOLE_PAGES;
	dom->system_firmware_module.data = (void *)(uintptr_t)firmware; /* it is only read */
	dom->system_firmware_module.length = size;
}

int hvm_params_set(struct builder *builder, uint32_t domid)
{
	static const struct {
		uint32_t param;
		uint64_t value;
	} params[] = {
		{HVM_PARAM_HPET_ENABLED, 1},
		{HVM_PARAM_VPT_ALIGN, 1},
		{HVM_PARAM_TRIPLE_FAULT_REASON, SHUTDOWN_REBOOT}, /* how old systems reboot */
	};

	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		if (xc_hvm_param_set(builder->xen, domid, params[i].param, params[i].value) < 0)
			return -1;
	return 0;
}

int hvm_info_finish(struct builder *builder, uint32_t domid, uint32_t vcpus)
{
	const xen_pfn_t gfn = HVM_INFO_PFN;
	char *page = xenforeignmemory_map(builder->memory, domid, PROT_READ | PROT_WRITE, 1, &gfn, NULL);
	struct hvm_info_table *info;
	uint8_t sum = 0;

	if (!page)
		return -1;
	info = (struct hvm_info_table *)(page + HVM_INFO_OFFSET);
	/* The domain has not run yet: what is there, libxenguest wrote. */
	info->apic_mode = 1;
	info->nr_vcpus = vcpus;
	memset(info->vcpu_online, 0, sizeof(info->vcpu_online));
	for (uint32_t i = 0; i < vcpus; i++)
		info->vcpu_online[i / 8] |= 1 << i % 8;
	info->checksum = 0;
	for (uint32_t i = 0; i < MIN((size_t)info->length, PAGE_BYTES - HVM_INFO_OFFSET); i++)
		sum += ((const uint8_t *)info)[i];
	info->checksum = -sum;
	xenforeignmemory_unmap(builder->memory, page, 1);
	return 0;
}
