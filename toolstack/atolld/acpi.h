/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The firmware tables of a PVH domain (ACPI 5.0, hardware-reduced), in one page: RSDP, XSDT, FADT, MADT and an empty DSDT.
 * Linux needs them to see its vCPUs, and to know that there is no RTC, PIC, VGA or keyboard controller to probe. Pure.
 */
#ifndef ATOLL_ATOLLD_ACPI_H
#define ATOLL_ATOLLD_ACPI_H

#include "base/util.h"

#define ACPI_PAGE 4096
#define ACPI_ADDRESS 0xfc000000u /* where the builder puts it */

/* The RSDP is at the page's start. At most 256 vCPUs. Returns how much of the page is used. */
size_t acpi_build(uint8_t page[ACPI_PAGE], uint32_t vcpus);

#endif
