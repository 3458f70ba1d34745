/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In-place reload. */
#ifndef ATOLL_BUILDER_RELOAD_H
#define ATOLL_BUILDER_RELOAD_H

#include "builder.h"

struct reload_result {
	uint32_t us;        /* from its first pause to its being let go */
	uint32_t settle_us; /* of these, until it was paused for good */
	bool settled;       /* false: it did not park, and was told that its arena may be dirty */
};

/* Called at build, before the first unpause. */
int reload_save(struct builder *builder, uint32_t domid, const struct domain_spec *spec, const void *elf, size_t elf_len);
/* Called at the start of the builder: maps those that an earlier one built. */
void reload_adopt(struct builder *builder);
/* TRUST: nothing is wrong with it. If it idles, its successor need not check its arena. */
int domain_reload(struct builder *builder, uint32_t domid, const char *path, bool trust, struct reload_result *result);
void reload_forget(struct builder *builder, uint32_t domid);

#endif
