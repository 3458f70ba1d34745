/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The firmware tables of a PVH domain (ACPI 5.0, hardware-reduced), in one page: RSDP, XSDT, FADT, MADT and an empty DSDT.
 * Linux needs them to see its vCPUs, and to know that there is no RTC, PIC, VGA or keyboard controller to probe. Pure.
 */
#ifndef ATOLL_BUILDER_ACPI_H
#define ATOLL_BUILDER_ACPI_H

#include "base/util.h"

#define ACPI_PAGE 4096

/* ADDRESS: where the page will be in the domain; the RSDP is at its start. At most 256 vCPUs. */
void acpi_build(uint8_t page[ACPI_PAGE], uint64_t address, uint32_t vcpus);

#endif
