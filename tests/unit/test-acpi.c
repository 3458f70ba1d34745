// SPDX-License-Identifier: LGPL-2.1-or-later
/* Firmware tables of PVH guests: each is found from the one before, and its sum is right. */
#include <string.h>

#include "atolld/acpi.h"
#include "builder/builder.h"
#include "tap.h"

_Static_assert(ACPI_ADDRESS == PVH_TABLES && ACPI_PAGE == BUILD_TABLES_MAX, "the builder puts them there");

static uint8_t sum(const uint8_t *data, size_t len)
{
	uint8_t total = 0;

	while (len--)
		total += *data++;
	return total;
}

static uint32_t word(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

int main(void)
{
	static uint8_t page[ACPI_PAGE];
	const uint8_t *xsdt, *fadt, *dsdt, *madt;
	uint32_t base = ACPI_ADDRESS;
	size_t len = acpi_build(page, 3);

	ok(!memcmp(page, "RSD PTR ", 8) && !sum(page, 20) && !sum(page, 36), "the page starts with an RSDP whose sums are right");
	xsdt = page + (word(page + 24) - base);
	ok(!memcmp(xsdt, "XSDT", 4) && !sum(xsdt, word(xsdt + 4)) && word(xsdt + 4) == 36 + 16, "it leads to the XSDT");
	fadt = page + (word(xsdt + 36) - base);
	madt = page + (word(xsdt + 44) - base);
	ok(!memcmp(fadt, "FACP", 4) && !sum(fadt, word(fadt + 4)), "that to the FADT");
	ok(!memcmp(madt, "APIC", 4) && !sum(madt, word(madt + 4)) && word(madt + 4) == 44 + 3 * 8, "and to the MADT");
	dsdt = page + (word(fadt + 140) - base);
	ok(!memcmp(dsdt, "DSDT", 4) && !sum(dsdt, word(dsdt + 4)) && word(fadt + 40) == word(fadt + 140), "there is a DSDT");
	ok(madt[44 + 16 + 2] == 2 && madt[44 + 16 + 3] == 4 && word(madt + 44 + 16 + 4) == 1, "vCPU 2 has APIC id 4");
	ok(madt + word(madt + 4) == page + len, "it is the last");
	acpi_build(page, 1000);
	ok(word(page + 512 + 4) == 44 + 256 * 8, "more vCPUs than fit are left out");
	return plan_done();
}
