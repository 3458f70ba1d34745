// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Building a domain. The order is the hypervisor's, each step needs the one before:
 *
 *   images -> room? -> create -> limits, channels, platform, CPUID -> load (libxenguest) -> grants -> devices -> paused domain
 *                        |                                                                                        |
 *                        +---- any failure from here on destroys the domain again --------------------------------+
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <xenctrl.h> /* first: the others build on it */
#include <xen/hvm/params.h>
#include <xenguest.h>

#include "base/log.h"
#include "builder.h"

#define MAXMEM_SLACK_KIB 1024    /* a domain may hold this much more than its memory: ring pages and the like */
#define OVERHEAD_KIB 2048        /* Xen's own memory for a domain beside its RAM and page-table pool */
#define TIMER_MODE_NO_DELAY 1    /* HVM_PARAM_TIMER_MODE: no_delay_for_missed_ticks, what xl sets */

struct build {
	struct builder *builder;
	const struct domain_spec *spec;
	struct domain_built *built;
	struct image *kernel, *ramdisk;
	struct xc_dom_image *dom;
	uint32_t domid; /* 0: not created yet */
};

/* PHASE ends here; the next one begins. */
static void mark(struct build *b, const char *phase)
{
	struct phases *phases = &b->built->phases;
	uint64_t now = now_us();

	if (phases->count < PHASES_MAX) {
		phases->item[phases->count].name = phase;
		phases->item[phases->count].us = (uint32_t)(now - phases->last_us);
		phases->count++;
	}
	phases->last_us = now;
}

/* "guest web1: cannot WHAT: reason" */
static int refuse(struct build *b, const char *what)
{
	return fail_xen(b->builder, "domain %s: cannot %s", b->spec->name, what);
}

/* PVH and HVM are one container to the hypervisor; they differ in what is emulated. */
static bool is_pv(const struct build *b)
{
	return b->spec->type == DOMAIN_PV;
}

static bool is_hvm(const struct build *b)
{
	return b->spec->type == DOMAIN_HVM;
}

static int load_images(struct build *b)
{
	const struct domain_spec *spec = b->spec;
	int ret = image_get(b->builder, spec->kernel, "kernel", &b->kernel);

	if (ret == 0 && spec->ramdisk[0])
		ret = image_get(b->builder, spec->ramdisk, "ramdisk", &b->ramdisk);
	if (ret < 0)
		return ret;
	if (b->ramdisk && b->ramdisk->size >> 10 >= spec->memory_kib)
		return fail(b->builder, ENOMEM, "domain %s: ramdisk %s needs %zu MiB unpacked, the domain has %llu MiB",
			    spec->name, spec->ramdisk, b->ramdisk->size >> 20,
			    (unsigned long long)spec->memory_kib >> 10);
	return 0;
}

/* Said before anything is made; the hypervisor's own answer would only be "Cannot allocate memory". */
static int check_room(struct build *b)
{
	uint64_t want = b->spec->memory_kib + OVERHEAD_KIB, free;
	xc_physinfo_t info;
	int ret;

	if (!is_pv(b))
		want += paging_pool_bytes(b->spec->memory_kib, b->spec->vcpus) >> 10;
	ret = host_info(b->builder, &info, &free);
	if (ret < 0)
		return ret;
	if (want > free)
		return fail(b->builder, ENOMEM, "domain %s: not enough memory: %llu MiB wanted, %llu MiB free",
			    b->spec->name, (unsigned long long)(want + 1023) >> 10, (unsigned long long)free >> 10);
	return 0;
}

static void create_flags(const struct build *b, struct xen_domctl_createdomain *create)
{
	*create = (struct xen_domctl_createdomain){
		.max_vcpus = b->spec->vcpus,
		.max_evtchn_port = b->spec->max_event_channels,
		.max_grant_frames = b->spec->max_grant_frames,
		.max_maptrack_frames = b->spec->max_maptrack_frames,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
	};
	memcpy(create->handle, b->spec->uuid, sizeof(create->handle));
	if (!is_pv(b)) {
		create->flags |= XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | XEN_DOMCTL_CDF_oos_off;
		create->arch.emulation_flags = is_hvm(b) ? HVM_EMULATION : XEN_X86_EMU_LAPIC;
	}
	if (b->spec->pci_count)
		create->flags |= XEN_DOMCTL_CDF_iommu;
	if (b->spec->xs_domain)
		create->flags |= XEN_DOMCTL_CDF_xs_domain;
}

static int create(struct build *b)
{
	const struct domain_spec *spec = b->spec;
	struct xen_domctl_createdomain create;
	uint32_t domid = spec->domid;

	create_flags(b, &create);
	if (xc_domain_create(b->builder->xen, &domid, &create) == 0) {
		b->domid = domid;
		return 0;
	}
	if (errno == EEXIST)
		return fail(b->builder, EEXIST, "domain %s: id %u is taken by a domain that runs or still dies", spec->name, domid);
	if (errno == EINVAL && spec->pci_count)
		return fail(b->builder, EINVAL, "domain %s: Xen refuses a domain with PCI devices: is the IOMMU on?", spec->name);
	return refuse(b, "create it");
}

static bool is_peer(const struct build *b, int32_t domid)
{
	return domid != DOMID_NONE && (uint32_t)domid != b->domid;
}

/* Unbound: the peer binds when it comes up, and its successor with the same id after it. */
static int open_channel(struct build *b, int32_t peer, uint32_t *port)
{
	int ret;

	*port = 0;
	if (!is_peer(b, peer))
		return 0;
	ret = xc_evtchn_alloc_unbound(b->builder->xen, b->domid, (uint32_t)peer);
	if (ret <= 0)
		return refuse(b, "make an event channel");
	*port = (uint32_t)ret;
	return 0;
}

static int set_limits(struct build *b)
{
	xc_interface *xen = b->builder->xen;
	int ret;

	if (xc_domain_max_vcpus(xen, b->domid, b->spec->vcpus) < 0)
		return refuse(b, "make its vCPUs");
	if (xc_domain_setmaxmem(xen, b->domid,
				b->spec->memory_kib + (is_hvm(b) ? HVM_SLACK_KIB : MAXMEM_SLACK_KIB)) < 0)
		return refuse(b, "set its memory limit");
	if (b->domid < DOMID_GUEST_FIRST)
		share_set(b->builder, b->domid);
	ret = open_channel(b, b->spec->store_domid, &b->built->store_port);
	if (ret == 0)
		ret = open_channel(b, b->spec->console_domid, &b->built->console_port);
	return ret;
}

/* pcifront's BARs have to keep out of the domain's RAM: the domain sees the host's holes where they are. */
static int set_host_map(struct build *b)
{
	struct e820entry host[E820_MAX], map[E820_MAX];
	int count = xc_get_machine_memory_map(b->builder->xen, host, E820_MAX);

	if (count < 0)
		return refuse(b, "read the host's memory map");
	count = e820_from_host(host, count, b->spec->memory_kib, map);
	if (count < 0)
		return fail(b->builder, -count, "domain %s: the host's memory map cannot be used for it", b->spec->name);
	if (xc_domain_set_memory_map(b->builder->xen, b->domid, map, count) < 0)
		return refuse(b, "set its memory map");
	return 0;
}

static int set_platform(struct build *b)
{
	xc_interface *xen = b->builder->xen;
	int ret;

	if (!is_pv(b)) {
		if (xc_hvm_param_set(xen, b->domid, HVM_PARAM_TIMER_MODE, TIMER_MODE_NO_DELAY) < 0)
			return refuse(b, "set its timer mode");
		if (is_hvm(b) && hvm_params_set(b->builder, b->domid) < 0)
			return refuse(b, "set its HVM parameters");
		if (xc_set_paging_mempool_size(xen, b->domid,
					       paging_pool_bytes(b->spec->memory_kib, b->spec->vcpus)) < 0)
			return refuse(b, "give it memory for page tables");
	} else {
		if (xc_domain_set_memmap_limit(xen, b->domid, b->spec->memory_kib) < 0)
			return refuse(b, "set its memory map");
		ret = b->spec->pci_count ? set_host_map(b) : 0;
		if (ret < 0)
			return ret;
	}
	if (xc_domain_set_tsc_info(xen, b->domid, 0, 0, 0, 0) < 0)
		return refuse(b, "set its TSC mode");
	ret = xc_cpuid_apply_policy(xen, b->domid, false, NULL, 0, true, false, false, NULL, NULL);
	if (ret < 0) {
		errno = errno ? errno : -ret;
		return refuse(b, "set its CPUID policy");
	}
	return 0;
}

static int parse_kernel(struct build *b)
{
	struct xc_dom_image *dom = b->dom;

	xen_log_clear(b->builder->log); /* of what unpacking a ramdisk said */
	xc_dom_kernel_max_size(dom, IMAGE_FILE_MAX);
	xc_dom_module_max_size(dom, IMAGE_FILE_MAX);
	if (xc_dom_kernel_mem(dom, b->kernel->data, b->kernel->size) < 0 ||
	    (b->ramdisk && !is_hvm(b) && xc_dom_module_mem(dom, b->ramdisk->data, b->ramdisk->size, NULL) < 0) ||
	    xc_dom_boot_xen_init(dom, b->builder->xen, b->domid) < 0 || xc_dom_parse_image(dom) < 0) {
		errno = ENOEXEC;
		return fail_xen(b->builder, "kernel %s: cannot boot as %s", b->spec->kernel,
				is_hvm(b) ? "HVM firmware" : is_pv(b) ? "PV" : "PVH");
	}
	return 0;
}

/* PVH and HVM. The map as Xen answers it, and as libxenguest copies it into the start info (later: hence memory that lives as long as dom). */
static int set_pvh_map(struct build *b, const struct ram_layout *layout)
{
	struct xc_dom_image *dom = b->dom;

	dom->e820 = xc_dom_malloc(dom, sizeof(layout->map));
	if (!dom->e820)
		return fail(b->builder, ENOMEM, "domain %s: no memory", b->spec->name);
	memcpy(dom->e820, layout->map, sizeof(layout->map));
	dom->e820_entries = layout->entries;
	if (xc_domain_set_memory_map(b->builder->xen, b->domid, dom->e820, dom->e820_entries) < 0)
		return refuse(b, "set its memory map");
	if (b->spec->tables_len) {
		dom->acpi_modules[0].data = (void *)(uintptr_t)b->spec->tables; /* it is only read */
		dom->acpi_modules[0].length = b->spec->tables_len;
		dom->acpi_modules[0].guest_addr_out = PVH_TABLES;
	}
	return 0;
}

static int give_memory(struct build *b)
{
	struct xc_dom_image *dom = b->dom;
	uint64_t pages = b->spec->memory_kib >> 2;
	struct ram_layout layout;

	if (!is_pv(b)) {
		ram_layout(b->spec->memory_kib, is_hvm(b), b->spec->tables_len != 0, &layout);
		dom->target_pages = pages;
		dom->lowmem_end = layout.lowmem_end;
		dom->highmem_end = layout.highmem_end;
		dom->mmio_start = layout.hole_start;
		dom->mmio_size = layout.hole_size;
	}
	if (xc_dom_mem_init(dom, b->spec->memory_kib >> 10) < 0)
		return refuse(b, "set its memory up");
	dom->total_pages = pages; /* xc_dom_mem_init() knows only whole MiB */
	if (xc_dom_boot_mem_init(dom) < 0)
		return refuse(b, "give it its memory");
	return is_pv(b) ? 0 : set_pvh_map(b, &layout);
}

static int load_domain(struct build *b)
{
	struct xc_dom_image *dom = xc_dom_allocate(b->builder->xen, b->spec->cmdline, NULL);
	const struct domain_spec *spec = b->spec;
	int ret;

	if (!dom)
		return fail(b->builder, ENOMEM, "domain %s: no memory", spec->name);
	b->dom = dom;
	dom->container_type = is_pv(b) ? XC_DOM_PV_CONTAINER : XC_DOM_HVM_CONTAINER;
	if (is_hvm(b))
		hvm_prepare(dom, b->ramdisk ? b->ramdisk->data : NULL, b->ramdisk ? b->ramdisk->size : 0);
	dom->max_vcpus = spec->vcpus;
	dom->console_evtchn = b->built->console_port;
	dom->xenstore_evtchn = b->built->store_port;
	/* The domain's own id means: no grant. */
	dom->console_domid = is_peer(b, spec->console_domid) ? (uint32_t)spec->console_domid : b->domid;
	dom->xenstore_domid = is_peer(b, spec->store_domid) ? (uint32_t)spec->store_domid : b->domid;
	ret = parse_kernel(b);
	if (ret < 0)
		return ret;
	mark(b, "parse");
	ret = give_memory(b);
	if (ret < 0)
		return ret;
	mark(b, "memory");
	if (xc_dom_build_image(dom) < 0) {
		errno = ENOMEM;
		return fail_xen(b->builder, "domain %s: kernel %s%s%s does not load into %llu MiB", spec->name,
				spec->kernel, spec->ramdisk[0] ? " with ramdisk " : "", spec->ramdisk,
				(unsigned long long)spec->memory_kib >> 10);
	}
	mark(b, "copy");
	if (xc_dom_boot_image(dom) < 0)
		return refuse(b, "set up its first vCPU");
	if (is_hvm(b) && hvm_info_finish(b->builder, b->domid, spec->vcpus) < 0)
		return refuse(b, "tell its firmware of its processors");
	if (xc_dom_gnttab_init(dom) < 0)
		return refuse(b, "grant its rings");
	b->built->console_gfn = xc_dom_p2m(dom, dom->console_pfn);
	b->built->store_gfn = xc_dom_p2m(dom, dom->xenstore_pfn);
	mark(b, "boot-image");
	return 0;
}

static int assign_devices(struct build *b)
{
	int ret = 0;

	/* From here on the domain may do to its target what a device model does, and to no other. */
	if (b->spec->target && xc_domain_set_target(b->builder->xen, b->domid, b->spec->target) < 0)
		return refuse(b, "give it its target");
	for (size_t i = 0; i < b->spec->pci_count && ret == 0; i++)
		ret = pci_assign(b->builder, b->domid, b->spec->pci[i]);
	if (ret == 0 && b->spec->reloadable)
		ret = reload_save(b->builder, b->domid, b->spec, b->kernel->data, b->kernel->size);
	if (ret == 0 && b->spec->revive)
		b->built->revived = keep_revive(b->builder, b->domid);
	return ret;
}

static int fill_domain(struct build *b)
{
	int ret = b->spec->restore ? domain_load(b->builder, b->domid, b->spec, b->built) : load_domain(b);

	return ret == 0 ? assign_devices(b) : ret;
}

static int build_steps(struct build *b)
{
	int ret = b->spec->restore ? 0 : load_images(b);

	mark(b, "read");
	if (ret == 0)
		ret = check_room(b);
	if (ret == 0)
		ret = create(b);
	mark(b, "create");
	if (ret == 0)
		ret = set_limits(b);
	if (ret == 0)
		ret = set_platform(b);
	mark(b, "platform");
	if (ret == 0)
		ret = fill_domain(b);
	mark(b, "devices");
	return ret;
}

int domain_build(struct builder *builder, const struct domain_spec *spec, struct domain_built *built)
{
	struct build b = {.builder = builder, .spec = spec, .built = built};
	struct failure why;
	bool zombie;
	int ret;

	*built = (struct domain_built){.phases.last_us = now_us()};
	ret = build_steps(&b);
	if (ret == 0 && b.dom && b.dom->kernel_blob != b.kernel->data) /* not before: libxenguest has pointers into what it was */
		image_unpacked(b.kernel, b.dom->kernel_blob, b.dom->kernel_size);
	if (b.dom)
		xc_dom_release(b.dom);
	why = builder->failure;
	if (ret < 0 && b.domid && domain_destroy(builder, b.domid, &zombie) < 0)
		log_error("domain %s: left behind as %u: %s", spec->name, b.domid, builder->failure.message);
	builder->failure = why;
	images_trim(builder);
	built->domid = b.domid;
	mark(&b, "release");
	return ret;
}
