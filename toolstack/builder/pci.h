/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI devices for service domains. Strict: config space goes through xen-pciback, which is never told to be permissive; a
 * domain gets its device's BARs and interrupt, nothing else; between two owners a device is in Xen's quarantine.
 *
 *   host driver --seize--> pciback, quarantined --assign--> domain --the domain dies--> quarantined
 */
#ifndef ATOLL_BUILDER_PCI_H
#define ATOLL_BUILDER_PCI_H

#include "builder.h"

#define PCI_TEXT_MAX 16       /* "0000:00:05.0" */
#define PCI_RESOURCES 7       /* six BARs and the ROM: the first lines of sysfs' `resource` */
#define PCI_DRIVER_MAX 64

struct pci_resource {
	uint64_t start, size;
	bool io; /* ports, else memory */
};

/* "0000:00:05.0", exactly. 0 or -EINVAL. */
int pci_parse_address(const char *text, struct pci_address *address);
void pci_format_address(const struct pci_address *address, char text[PCI_TEXT_MAX]);

/* Takes the text of sysfs' `resource` apart: the number of resources in use, or -EINVAL. */
int pci_parse_resources(const char *text, struct pci_resource resources[PCI_RESOURCES]);

/* Binds the device to pciback and quarantines it; fine if it was. DRIVER: which host driver it was taken from ("" none). */
int pci_seize(struct builder *builder, const struct pci_address *address, char driver[PCI_DRIVER_MAX]);
/* Gives a seized device to a PV domain that was built with devices. */
int pci_assign(struct builder *builder, uint32_t domid, const struct pci_address *address);

#endif
