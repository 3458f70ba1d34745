// SPDX-License-Identifier: LGPL-2.1-or-later
/* Texts and files that the builder reads: PCI addresses, sysfs' resources, images to reload, libxc's words. */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "builder.h"
#include "tap.h"

static void test_addresses(void)
{
	static const char *const bad[] = {"", "00:05.0", "0000:00:05.8", "0000:00:20.0", "0000:00:05.0 ", "0000:00:05:0",
					  "0000:g0:05.0", "00000:00:05.0", "-000:00:05.0", "0000:00:05.0/../x"};
	uint32_t a;
	char text[PCI_TEXT_MAX];

	ok(pci_parse_address("0001:Af:1f.7", &a) == 0 && a == (1 << 16 | 0xaf << 8 | 31 << 3 | 7),
	   "an address is read");
	pci_format_address(a, text);
	ok(!strcmp(text, "0001:af:1f.7"), "and written");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(pci_parse_address(bad[i], &a) == -EINVAL, "no address: \"%s\"", bad[i]);
}

static void test_resources(void)
{
	static const char e1000[] = "0x00000000feb80000 0x00000000feb9ffff 0x0000000000040200\n"
				    "0x000000000000c000 0x000000000000c03f 0x0000000000040101\n"
				    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
				    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
				    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
				    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
				    "0x00000000feb00000 0x00000000feb3ffff 0x0000000000046200\n"
				    "0x0000000000001000 0x0000000000001fff 0x0000000000000200\n";
	struct pci_resource r[PCI_RESOURCES];

	ok(pci_parse_resources(e1000, r) == 3, "two BARs and a ROM; what follows is a bridge's");
	ok(!r[0].io && r[0].start == 0xfeb80000 && r[0].size == 0x20000, "memory");
	ok(r[1].io && r[1].start == 0xc000 && r[1].size == 64, "ports");
	ok(pci_parse_resources("", r) == 0, "no lines, no resources");
	ok(pci_parse_resources("0x1000 0xfff 0x200\n", r) == -EINVAL, "an end before the start is refused");
	ok(pci_parse_resources("0x1000 0x10000 0x100\n", r) == -EINVAL, "ports past 65535 are refused");
	ok(pci_parse_resources("0x1000 0xffffffffffffffff 0x200\n", r) == -EINVAL, "memory past the address space is refused");
	ok(pci_parse_resources("0x1000 0x1fff\n", r) == -EINVAL, "a short line is refused");
	ok(pci_parse_resources("0x1000 0x1fff 0x20000200\n", r) == 0, "a BAR without an address is left out");
}

struct file {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[ELF_LOADS_MAX + 1];
	char data[64];
};

static void make_elf(struct file *f, int loads)
{
	*f = (struct file){0};
	memcpy(f->eh.e_ident, ELFMAG, SELFMAG);
	f->eh.e_ident[EI_CLASS] = ELFCLASS64;
	f->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	f->eh.e_machine = EM_X86_64;
	f->eh.e_phentsize = sizeof(f->ph[0]);
	f->eh.e_phoff = offsetof(struct file, ph);
	f->eh.e_phnum = loads;
	for (int i = 0; i < loads; i++)
		f->ph[i] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = offsetof(struct file, data), .p_filesz = 64,
					.p_paddr = 0x10000 + 0x2000 * i, .p_memsz = 0x1800};
}

static void test_reload_record(void)
{
	static const uint8_t uuid[16] = {1, 2, 3}, other[16] = {1, 2, 4};
	static struct reload_record r = {.magic = RELOAD_MAGIC, .domid = 2, .uuid = {1, 2, 3}, .context_len = 9000};
	const size_t len = offsetof(struct reload_record, context) + 9000;

	ok(reload_record_good(&r, len, 2, uuid), "a record is taken back");
	ok(!reload_record_good(&r, len, 3, uuid), "but not for another domain");
	ok(!reload_record_good(&r, len, 2, other), "nor for a later one of that id");
	ok(!reload_record_good(&r, len - 1, 2, uuid) && !reload_record_good(&r, 12, 2, uuid), "not cut");
	r.context_len = UINT32_MAX;
	ok(!reload_record_good(&r, len, 2, uuid), "not with a length that is none");
	r.context_len = 0;
	ok(!reload_record_good(&r, offsetof(struct reload_record, context), 2, uuid), "not without a context");
	r.magic++;
	r.context_len = 9000;
	ok(!reload_record_good(&r, len, 2, uuid), "not of another version");
}

static void test_elf(void)
{
	struct elf_image image;
	struct file f;

	make_elf(&f, 2);
	ok(elf_parse(&f, sizeof(f), &image) == 0 && image.loads == 2 && image.start == 0x10000 && image.end == 0x14000,
	   "an image is read, its span is whole pages");
	for (size_t len = 0; len < sizeof(f); len += 8)
		if (elf_parse(&f, len, &image) == 0)
			break;
		else if (len + 8 >= sizeof(f))
			ok(true, "a file cut anywhere is refused");
	f.ph[1].p_paddr = 0x11000;
	ok(elf_parse(&f, sizeof(f), &image) == -EINVAL, "parts that overlap are refused");
	make_elf(&f, 1);
	f.ph[0].p_filesz = 0x1801;
	ok(elf_parse(&f, sizeof(f), &image) == -EINVAL, "more bytes than memory are refused");
	make_elf(&f, 1);
	f.ph[0].p_offset = UINT64_MAX - 8;
	ok(elf_parse(&f, sizeof(f), &image) == -EINVAL, "an offset that wraps is refused");
	make_elf(&f, 1);
	f.ph[0].p_paddr = UINT64_MAX - 0x1900;
	ok(elf_parse(&f, sizeof(f), &image) == -EINVAL, "an address that wraps is refused");
	make_elf(&f, 1);
	f.ph[0].p_memsz = ELF_SPAN_MAX + 1;
	ok(elf_parse(&f, sizeof(f), &image) == -E2BIG, "an image that is too large is refused");
	make_elf(&f, ELF_LOADS_MAX + 1);
	ok(elf_parse(&f, sizeof(f), &image) == -E2BIG, "too many parts are refused");
	make_elf(&f, 0);
	ok(elf_parse(&f, sizeof(f), &image) == -EINVAL, "an image without parts is refused");
}

static void test_reason(void)
{
	ok(!strcmp(xen_reason("panic: xg_dom_core.c:689: xc_dom_find_loader: no loader found"), "no loader found"),
	   "the reason is found behind the prefix");
	ok(!strcmp(xen_reason("no memory: none"), "no memory: none"), "words that are no prefix stay");
	ok(!strcmp(xen_reason(""), ""), "nothing stays nothing");
}

int main(void)
{
	test_addresses();
	test_resources();
	test_reload_record();
	test_elf();
	test_reason();
	return plan_done();
}
