/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In-place reload: the record that the first build leaves, and the reload itself. */
#ifndef ATOLL_BUILDER_RELOAD_H
#define ATOLL_BUILDER_RELOAD_H

#include "builder.h"

#define RELOAD_MAGIC 0x64616f6c65524e41 /* "ANReload" */
#define RELOAD_VERSION 2
#define RELOAD_CONTEXT_MAX 32768 /* an HVM context of one vCPU takes some 9 KiB */

/* The file, in the host's byte order: it does not leave /run. */
struct reload_record {
	uint64_t magic;
	uint32_t version;
	uint32_t domid;
	uint8_t uuid[16];     /* the domain's, or another one with its id would be reloaded */
	uint64_t checksum;    /* of the whole record with this field 0 */
	uint32_t context_len; /* the record ends with the context */
	uint32_t memory_kib;
	uint8_t context[RELOAD_CONTEXT_MAX];
};

/* Pure. The first fills in magic, version and checksum; the second returns 0 or -EINVAL. */
void reload_record_seal(struct reload_record *record);
int reload_record_check(struct reload_record *record, size_t len, uint32_t domid);

struct reload_result {
	uint32_t us;        /* from its first pause to its being let go */
	uint32_t settle_us; /* of these, until it was paused for good */
	bool settled;       /* false: it did not park, and was told that its arena may be dirty */
};

/* Called at build, before the first unpause. */
int reload_save(struct builder *builder, uint32_t domid, const struct domain_spec *spec, const void *elf, size_t elf_len);
/* Called at the start of the builder: maps those that an earlier one built. */
void reload_adopt(struct builder *builder);
int domain_reload(struct builder *builder, uint32_t domid, const char *path, struct reload_result *result);
void reload_forget(struct builder *builder, uint32_t domid);

#endif
