// SPDX-License-Identifier: LGPL-2.1-or-later
/* Texts about PCI devices: addresses, and sysfs' resources. Pure. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "builder.h"

#define RESOURCE_IO 0x00000100ull       /* the kernel's IORESOURCE_* bits */
#define RESOURCE_MEM 0x00000200ull
#define RESOURCE_DISABLED 0x10000000ull
#define RESOURCE_UNSET 0x20000000ull
#define PORTS 0x10000ull
#define PAGES_LIMIT (1ull << 52)        /* x86 physical addresses */

int pci_parse_address(const char *text, uint32_t *address)
{
	static const char shape[] = "hhhh:hh:hh.h";
	unsigned int segment, bus, device, function;

	if (strlen(text) != sizeof(shape) - 1)
		return -EINVAL;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'h' ? !isxdigit((unsigned char)text[i]) : text[i] != shape[i])
			return -EINVAL;
	sscanf(text, "%4x:%2x:%2x.%1x", &segment, &bus, &device, &function);
	if (device > 0x1f || function > 7)
		return -EINVAL;
	*address = segment << 16 | bus << 8 | device << 3 | function;
	return 0;
}

void pci_format_address(uint32_t address, char text[PCI_TEXT_MAX])
{
	snprintf(text, PCI_TEXT_MAX, "%04x:%02x:%02x.%x", address >> 16, address >> 8 & 0xff, address >> 3 & 0x1f, address & 7);
}

static int add_resource(uint64_t start, uint64_t end, uint64_t flags, struct pci_resource *resource)
{
	if (!start || !(flags & (RESOURCE_IO | RESOURCE_MEM)) || (flags & (RESOURCE_DISABLED | RESOURCE_UNSET)))
		return 0;
	if (end < start || end >= ((flags & RESOURCE_IO) ? PORTS : PAGES_LIMIT))
		return -EINVAL;
	*resource = (struct pci_resource){.start = start, .size = end - start + 1, .io = flags & RESOURCE_IO};
	return 1;
}

int pci_parse_resources(const char *text, struct pci_resource resources[PCI_RESOURCES])
{
	int count = 0;

	for (int line = 0; line < PCI_RESOURCES && *text; line++) {
		unsigned long long start, end, flags;
		int used = 0, ret;

		if (sscanf(text, "0x%llx 0x%llx 0x%llx%n", &start, &end, &flags, &used) != 3 || text[used] != '\n')
			return -EINVAL;
		text += used + 1;
		ret = add_resource(start, end, flags, &resources[count]);
		if (ret < 0)
			return ret;
		count += ret;
	}
	return count;
}
