// SPDX-License-Identifier: LGPL-2.1-or-later
/* Injects a fault into a domain, behind the toolstack's back. For tests; needs privcmd. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

static int inject(xc_interface *xen, const char *fault, uint32_t domid)
{
	if (!strcmp(fault, "destroy"))
		return xc_domain_destroy(xen, domid);
	if (!strcmp(fault, "crash")) /* as a panic reports itself */
		return xc_domain_shutdown(xen, domid, SHUTDOWN_crash);
	if (!strcmp(fault, "hang")) /* it exists, and does nothing */
		return xc_domain_pause(xen, domid);
	fprintf(stderr, "atoll-fault: %s: no such fault\n", fault);
	return -1;
}

int main(int argc, char **argv)
{
	xc_interface *xen;
	int r;

	if (argc != 3 || atoi(argv[2]) <= 0) {
		fprintf(stderr, "usage: atoll-fault destroy|crash|hang DOMID\n");
		return 2;
	}
	xen = xc_interface_open(NULL, NULL, 0);
	if (!xen) {
		perror("atoll-fault: privcmd");
		return 1;
	}
	r = inject(xen, argv[1], (uint32_t)atoi(argv[2]));
	if (r < 0)
		perror("atoll-fault");
	xc_interface_close(xen);
	return r < 0;
}
