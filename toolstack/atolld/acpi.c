// SPDX-License-Identifier: LGPL-2.1-or-later
/* The firmware tables of a PVH domain, written at the offsets of the ACPI specification 5.0, chapter 5.2. */
#include <assert.h>
#include <string.h>

#include "acpi.h"

#define HEADER_BYTES 36
#define RSDP_BYTES 36
#define XSDT_ENTRIES 2
#define FADT_BYTES 268
#define LAPIC_ADDRESS 0xfee00000u

#define RSDP_AT 0
#define XSDT_AT 64
#define FADT_AT 128
#define DSDT_AT 448
#define MADT_AT 512

#define FADT_NO_VGA (1u << 2)      /* IAPC_BOOT_ARCH: and neither legacy devices nor an 8042, bits 0 and 1 */
#define FADT_NO_CMOS_RTC (1u << 5)
#define FADT_WBINVD (1u << 0)      /* flags */
#define FADT_PROC_C1 (1u << 2)
#define FADT_NO_POWER_BUTTON (1u << 4)
#define FADT_NO_SLEEP_BUTTON (1u << 5)
#define FADT_HW_REDUCED (1u << 20)

static void put(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint8_t sum(const uint8_t *data, size_t len)
{
	uint8_t total = 0;

	for (size_t i = 0; i < len; i++)
		total += data[i];
	return total;
}

/* Fills in the header, and the checksum over the whole table: last. */
static void seal(uint8_t *table, const char *signature, uint8_t revision, size_t len)
{
	memcpy(table, signature, 4);
	put(table + 4, len, 4);
	table[8] = revision;
	memcpy(table + 10, "ATOLL ", 6);
	memcpy(table + 16, "PVH     ", 8);
	put(table + 24, 1, 4);
	memcpy(table + 28, "ATOL", 4);
	put(table + 32, 1, 4);
	table[9] = 0;
	table[9] = -sum(table, len);
}

static void build_rsdp(uint8_t *rsdp, uint64_t xsdt)
{
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "ATOLL ", 6);
	rsdp[15] = 2;
	put(rsdp + 20, RSDP_BYTES, 4);
	put(rsdp + 24, xsdt, 8);
	rsdp[8] = -sum(rsdp, 20);
	rsdp[32] = -sum(rsdp, RSDP_BYTES);
}

static void build_fadt(uint8_t *fadt, uint64_t dsdt)
{
	put(fadt + 40, dsdt, 4);
	put(fadt + 109, FADT_NO_VGA | FADT_NO_CMOS_RTC, 2);
	put(fadt + 112, FADT_WBINVD | FADT_PROC_C1 | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_HW_REDUCED, 4);
	put(fadt + 140, dsdt, 8);
	seal(fadt, "FACP", 5, FADT_BYTES);
}

/* One local APIC a vCPU; Xen gives vCPU N the APIC id 2N. */
static size_t build_madt(uint8_t *madt, uint32_t vcpus)
{
	uint8_t *at = madt + HEADER_BYTES;

	put(at, LAPIC_ADDRESS, 4);
	at += 8;
	for (uint32_t i = 0; i < vcpus; i++, at += 8) {
		at[0] = 0;
		at[1] = 8;
		at[2] = i;
		at[3] = 2 * i;
		put(at + 4, 1, 4);
	}
	seal(madt, "APIC", 3, at - madt);
	return at - madt;
}

size_t acpi_build(uint8_t page[ACPI_PAGE], uint32_t vcpus)
{
	static_assert(MADT_AT + HEADER_BYTES + 8 + 8 * 256 <= ACPI_PAGE, "256 vCPUs fit");
	static_assert(FADT_AT + FADT_BYTES <= DSDT_AT && DSDT_AT + HEADER_BYTES <= MADT_AT, "tables do not overlap");

	memset(page, 0, ACPI_PAGE);
	build_rsdp(page + RSDP_AT, ACPI_ADDRESS + XSDT_AT);
	put(page + XSDT_AT + HEADER_BYTES, ACPI_ADDRESS + FADT_AT, 8);
	put(page + XSDT_AT + HEADER_BYTES + 8, ACPI_ADDRESS + MADT_AT, 8);
	seal(page + XSDT_AT, "XSDT", 1, HEADER_BYTES + XSDT_ENTRIES * 8);
	build_fadt(page + FADT_AT, ACPI_ADDRESS + DSDT_AT);
	seal(page + DSDT_AT, "DSDT", 2, HEADER_BYTES);
	return MADT_AT + build_madt(page + MADT_AT, MIN(vcpus, 256u));
}
