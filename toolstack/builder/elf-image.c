// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a reload needs of an ELF64 image. */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "builder.h"

#define PAGE_MASK 4095ull

static int add_load(struct elf_image *image, const Elf64_Phdr *ph, size_t size)
{
	uint64_t end;

	if (!ph->p_memsz)
		return 0;
	if (image->loads == ELF_LOADS_MAX)
		return -E2BIG;
	if (ph->p_filesz > ph->p_memsz || ph->p_offset > size || ph->p_filesz > size - ph->p_offset)
		return -EINVAL;
	if (__builtin_add_overflow(ph->p_paddr, ph->p_memsz, &end) || end > UINT64_MAX - PAGE_MASK)
		return -EINVAL;
	for (size_t i = 0; i < image->loads; i++)
		if (ph->p_paddr < image->load[i].address + image->load[i].memory_size && end > image->load[i].address)
			return -EINVAL;
	image->load[image->loads].offset = ph->p_offset;
	image->load[image->loads].address = ph->p_paddr;
	image->load[image->loads].file_size = ph->p_filesz;
	image->load[image->loads].memory_size = ph->p_memsz;
	image->loads++;
	image->start = MIN(image->start, ph->p_paddr & ~PAGE_MASK);
	image->end = MAX(image->end, (end + PAGE_MASK) & ~PAGE_MASK);
	return 0;
}

int elf_parse(const void *file, size_t size, struct elf_image *image)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	int ret;

	*image = (struct elf_image){.start = UINT64_MAX};
	if (size < sizeof(eh))
		return -EINVAL;
	memcpy(&eh, file, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_machine != EM_X86_64 || eh.e_phentsize != sizeof(ph))
		return -EINVAL;
	if (eh.e_phoff > size || (uint64_t)eh.e_phnum * sizeof(ph) > size - eh.e_phoff)
		return -EINVAL;
	for (size_t i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, (const char *)file + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD)
			continue;
		ret = add_load(image, &ph, size);
		if (ret < 0)
			return ret;
	}
	if (!image->loads)
		return -EINVAL;
	return image->end - image->start > ELF_SPAN_MAX ? -E2BIG : 0;
}
