// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a driver domain can ask of the hypervisor, tried from inside, as root there and with xen-privcmd unrestricted: Linux's own filter
 * would not stop who has its kernel. Each line is "MAY name" or "MAY NOT name (why)"; the last ones it may, which shows that asking works.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <xenctrl.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

#include "base/util.h"
#include "hostile.h"

#define STORE 1
#define CONSOLE 2
#define DISK 4
#define REFS_TRIED 64
#define GFNS_TRIED 32

static int list_domains(xc_interface *xen)
{
	xc_domaininfo_t info[8];

	return xc_domain_getinfolist(xen, 0, 8, info) > 0 ? 0 : -1;
}

static int create_domain(xc_interface *xen)
{
	struct xen_domctl_createdomain config = {.max_vcpus = 1, .max_evtchn_port = 1023, .max_grant_frames = 4, .grant_opts = 1};
	uint32_t domid = 0;

	return xc_domain_create(xen, &domid, &config);
}

static int pause_control(xc_interface *xen) { return xc_domain_pause(xen, 0); }
static int pause_store(xc_interface *xen) { return xc_domain_pause(xen, STORE); }
static int destroy_disk(xc_interface *xen) { return xc_domain_destroy(xen, DISK); }
static int shut_down_disk(xc_interface *xen) { return xc_domain_shutdown(xen, DISK, 0); }
static int more_memory(xc_interface *xen) { return xc_domain_setmaxmem(xen, DISK, 1 << 20); }
static int own_target(xc_interface *xen) { return xc_domain_set_target(xen, DISK, 0); }
static int own_ports(xc_interface *xen) { return xc_domain_ioport_permission(xen, DISK, 0x3f8, 8, 1); }
static int own_iomem(xc_interface *xen) { return xc_domain_iomem_permission(xen, DISK, 0xfee00, 1, 1); }
static int take_device(xc_interface *xen) { return xc_assign_device(xen, DISK, 0x10 << 3, 0); }
static int channel_of_others(xc_interface *xen) { return xc_evtchn_alloc_unbound(xen, STORE, 0); }
static int param_of_console(xc_interface *xen) { return xc_hvm_param_set(xen, CONSOLE, HVM_PARAM_STORE_EVTCHN, 1); }
static int debug_keys(xc_interface *xen) { return xc_send_debug_keys(xen, "h"); }

static int physinfo(xc_interface *xen)
{
	xc_physinfo_t info = {0};

	return xc_physinfo(xen, &info);
}

static int read_ring(xc_interface *xen)
{
	char text[64];
	unsigned n = sizeof(text);
	uint32_t index = 0;

	return xc_readconsolering(xen, text, &n, 0, 0, &index);
}

static int processor_of_disk(xc_interface *xen)
{
	vcpu_guest_context_any_t context;

	return xc_vcpu_getcontext(xen, DISK, 0, &context);
}

static int channels_of_control(xc_interface *xen)
{
	xc_evtchn_status_t status = {.dom = 0, .port = 1};

	return xc_evtchn_status(xen, &status);
}

static int memory_for_disk(xc_interface *xen)
{
	xen_pfn_t gfn = 0x1000;

	return xc_domain_populate_physmap_exact(xen, DISK, 1, 0, 0, &gfn);
}

static int size_of_disk(xc_interface *xen)
{
	xen_pfn_t gfns;

	return xc_domain_maximum_gpfn(xen, DISK, &gfns);
}

/* Any page of any of them. */
static int map_pages(xc_interface *xen)
{
	xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
	int found = -1, last = errno;

	for (unsigned domid = 0; memory && domid < 64 && found < 0; domid++) {
		for (xen_pfn_t gfn = 0; gfn < GFNS_TRIED && found < 0; gfn++) {
			int error = 0;
			void *page = domid == 3 ? NULL : xenforeignmemory_map(memory, domid, PROT_READ, 1, &gfn, &error);

			if (page && !error)
				found = 0;
			last = error ? -error : page ? 0 : errno;
			if (page)
				xenforeignmemory_unmap(memory, page, 1);
		}
	}
	xenforeignmemory_close(memory);
	errno = last;
	return found;
}

/* Any grant of any of them to somebody else. */
static int map_grants(xc_interface *xen)
{
	xengnttab_handle *grants = xengnttab_open(NULL, 0);
	int found = -1, last = errno;

	for (unsigned domid = 0; grants && domid < 40 && found < 0; domid++) {
		for (unsigned ref = 0; ref < REFS_TRIED && found < 0; ref++) {
			void *page = xengnttab_map_grant_ref(grants, domid, ref, PROT_READ);

			last = errno;
			if (!page)
				continue;
			found = 0;
			xengnttab_unmap(grants, page, 1);
		}
	}
	xengnttab_close(grants);
	errno = last;
	return found;
}

static int version(xc_interface *xen) { return xc_version(xen, XENVER_version, NULL) < 0 ? -1 : 0; }

static int own_grants(xc_interface *xen)
{
	struct gnttab_query_size size = {.dom = DOMID_SELF};

	return xc_gnttab_query_size(xen, &size);
}

static int own_channel(xc_interface *xen) { return xc_evtchn_alloc_unbound(xen, DOMID_SELF, 0) < 0 ? -1 : 0; }

static const struct {
	const char *what;
	int (*try)(xc_interface *xen);
} tries[] = {
	{"list domains", list_domains},
	{"create a domain", create_domain},
	{"pause the control domain", pause_control},
	{"pause the store", pause_store},
	{"destroy another service", destroy_disk},
	{"shut another service down", shut_down_disk},
	{"give memory to another service", more_memory},
	{"populate another service", memory_for_disk},
	{"learn another service's size", size_of_disk},
	{"read another service's processor", processor_of_disk},
	{"become the device model of another", own_target},
	{"give I/O ports", own_ports},
	{"give device memory", own_iomem},
	{"assign a PCI device", take_device},
	{"make event channels of others", channel_of_others},
	{"look at event channels of others", channels_of_control},
	{"set parameters of others", param_of_console},
	{"learn about the host", physinfo},
	{"read the hypervisor's console", read_ring},
	{"send debug keys", debug_keys},
	{"map pages of others", map_pages},
	{"map grants that are not for it", map_grants},
	{"ask for the hypervisor's version", version},
	{"look at its own grant table", own_grants},
	{"make an event channel of its own", own_channel},
};

void privileges_try(void)
{
	xc_interface *xen = xc_interface_open(NULL, NULL, XC_OPENFLAG_NON_REENTRANT);

	if (!xen)
		printf("hostile: no privcmd: %s\n", strerror(errno));
	for (size_t i = 0; xen && i < ARRAY_SIZE(tries); i++) {
		errno = 0;
		if (tries[i].try(xen) >= 0)
			printf("hostile: MAY %s\n", tries[i].what);
		else
			printf("hostile: MAY NOT %s (%s)\n", tries[i].what, strerror(errno));
	}
	xc_interface_close(xen);
	printf("hostile: asked all\n");
}
