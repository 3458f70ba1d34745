// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Injects a fault into a domain, behind the toolstack's back; `list` prints the ids of all domains, `free` the free pages and `cpu` the
 * control domain's processor time in microseconds, as the hypervisor has them. For tests; needs privcmd.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

/* At most so many percent of a processor; 0: as many as it likes. */
static int set_cap(xc_interface *xen, uint32_t domid, uint16_t percent)
{
	struct xen_domctl_sched_credit2 credit2;
	int r = xc_sched_credit2_domain_get(xen, domid, &credit2);

	credit2.cap = percent;
	return r < 0 ? r : xc_sched_credit2_domain_set(xen, domid, &credit2);
}

static int inject(xc_interface *xen, const char *fault, uint32_t domid)
{
	if (!strcmp(fault, "destroy"))
		return xc_domain_destroy(xen, domid);
	if (!strcmp(fault, "crash")) /* as a panic reports itself */
		return xc_domain_shutdown(xen, domid, SHUTDOWN_crash);
	if (!strcmp(fault, "hang")) /* it exists, and does nothing */
		return xc_domain_pause(xen, domid);
	if (!strcmp(fault, "slow") || !strcmp(fault, "fast"))
		return set_cap(xen, domid, !strcmp(fault, "slow") ? 10 : 0);
	fprintf(stderr, "atoll-fault: %s: no such fault\n", fault);
	return -1;
}

/* Dying ones too: "5 dying" */
static int list(xc_interface *xen)
{
	static xc_domaininfo_t domains[512];
	int n = xc_domain_getinfolist(xen, 0, 512, domains);

	for (int i = 0; i < n; i++)
		printf("%u%s\n", domains[i].domain, domains[i].flags & XEN_DOMINF_dying ? " dying" : "");
	return n;
}

static int cpu(xc_interface *xen)
{
	xc_domaininfo_t info;
	int n = xc_domain_getinfolist(xen, 0, 1, &info);

	if (n == 1)
		printf("%llu\n", (unsigned long long)info.cpu_time / 1000);
	return n;
}

static int free_pages(xc_interface *xen)
{
	xc_physinfo_t info;
	int r = xc_physinfo(xen, &info);

	if (r == 0)
		printf("%llu\n", (unsigned long long)info.free_pages);
	return r;
}

#define SERVICES 5 /* domains 0 to 4 serve; what guests leave behind is theirs */
#define PORTS 4096

/* What the hypervisor counts: domains (zombies too), free memory, event channels in use by each service. */
static int count(xc_interface *xen)
{
	static xc_domaininfo_t list[1024];
	xc_physinfo_t host = {0};
	int domains = xc_domain_getinfolist(xen, 0, 1024, list);

	if (domains < 0 || xc_physinfo(xen, &host) < 0)
		return -1;
	printf("domains %d\nfree_kib %llu\n", domains, (unsigned long long)host.free_pages << 2);
	for (unsigned d = 0; d < SERVICES; d++) {
		unsigned used = 0;

		for (uint32_t port = 1; port < PORTS; port++) {
			xc_evtchn_status_t status = {.dom = (domid_t)d, .port = port};

			if (xc_evtchn_status(xen, &status) < 0 && errno != EACCES)
				break;
			used += status.status != EVTCHNSTAT_closed;
		}
		printf("channels_of_%u %u\n", d, used);
	}
	return 0;
}

int main(int argc, char **argv)
{
	xc_interface *xen;
	int r;

	if (argc == 2 && !strcmp(argv[1], "count")) {
		xen = xc_interface_open(NULL, NULL, 0);
		return xen ? count(xen) < 0 : 1;
	}
	if (argc == 3 && !strcmp(argv[1], "keys")) { /* has the hypervisor say what it knows: its debug keys */
		xen = xc_interface_open(NULL, NULL, 0);
		return xen ? xc_send_debug_keys(xen, argv[2]) < 0 : 1;
	}
	if (argc == 2 ? strcmp(argv[1], "list") && strcmp(argv[1], "free") && strcmp(argv[1], "cpu") : argc != 3 || atoi(argv[2]) <= 0) {
		fprintf(stderr, "usage: atoll-fault destroy|crash|hang|slow|fast DOMID | list | free | cpu | count | keys KEYS\n");
		return 2;
	}
	xen = xc_interface_open(NULL, NULL, 0);
	if (!xen) {
		perror("atoll-fault: privcmd");
		return 1;
	}
	r = argc == 3 ? inject(xen, argv[1], (uint32_t)atoi(argv[2])) 
	    : !strcmp(argv[1], "list") ? list(xen) : !strcmp(argv[1], "cpu") ? cpu(xen) : free_pages(xen);
	if (r < 0)
		perror("atoll-fault");
	xc_interface_close(xen);
	return r < 0;
}
