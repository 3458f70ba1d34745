// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * In-place reload of a lib/pvh domain: fresh text and data under the arena that lives on. The contract, step by step, is in
 * pvh/layout.h. What the first build leaves for it (the vCPU's context at its entry point) is in a file, so that a builder that
 * was restarted can reload too.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include <xenctrl.h> /* first: the other builds on it */
#include <xenguest.h>

#include "base/log.h"
#include "builder.h"
#include "pvh/layout.h"

#define PAUSES_MAX 8
#define PARK_SLICE_US 50

static size_t record_size(const struct reload_record *record)
{
	return offsetof(struct reload_record, context) + record->context_len;
}

bool reload_record_good(const struct reload_record *record, size_t len, uint32_t domid, const uint8_t uuid[16])
{
	return len > offsetof(struct reload_record, context) && len <= sizeof(*record) && record->magic == RELOAD_MAGIC &&
	       record->domid == domid && record->context_len <= sizeof(record->context) && len == record_size(record) &&
	       !memcmp(record->uuid, uuid, sizeof(record->uuid));
}

static int record_path(const struct builder *builder, uint32_t domid, char path[PATH_MAX])
{
	return format(path, PATH_MAX, "%s/reload.%u", builder->state_dir, domid);
}

void reload_forget(struct builder *builder, uint32_t domid)
{
	char path[PATH_MAX];

	if (record_path(builder, domid, path) == 0)
		unlink(path);
}

static int check_image(struct builder *builder, const char *what, const void *file, size_t size, struct elf_image *image)
{
	int ret = elf_parse(file, size, image);

	if (ret == 0 && (image->start < PVH_IMAGE_BASE || image->end > PVH_IMAGE_LIMIT))
		ret = -EINVAL;
	if (ret < 0)
		return fail(builder, ENOEXEC, "%s: not a lib/pvh image: an ELF64 between 0x%x and 0x%x is wanted", what,
			    PVH_IMAGE_BASE, PVH_IMAGE_LIMIT);
	return 0;
}

int reload_save(struct builder *builder, uint32_t domid, const struct domain_spec *spec, const void *elf, size_t elf_len)
{
	struct reload_record *record AUTO_FREE = calloc(1, sizeof(*record));
	struct elf_image image;
	char path[PATH_MAX];
	int ret;

	if (!record)
		return fail(builder, ENOMEM, "domain %u: no memory", domid);
	ret = check_image(builder, "reloadable", elf, elf_len, &image);
	if (ret < 0)
		return ret;
	record->magic = RELOAD_MAGIC;
	record->domid = domid;
	record->memory_kib = (uint32_t)spec->memory_kib;
	memcpy(record->uuid, spec->uuid, sizeof(record->uuid));
	ret = keep_map(builder, domid, spec->uuid, spec->memory_kib);
	if (ret < 0)
		return fail(builder, -ret, "domain %u: its memory cannot be kept mapped: %s", domid, strerror(-ret));
	ret = xc_domain_hvm_getcontext(builder->xen, domid, record->context, sizeof(record->context));
	if (ret <= 0)
		return fail_xen(builder, "domain %u: cannot read its first context", domid);
	record->context_len = ret;
	ret = record_path(builder, domid, path);
	if (ret == 0)
		ret = write_file_atomic(path, record, record_size(record), 0600);
	if (ret < 0)
		return fail(builder, -ret, "domain %u: cannot keep its first context: %s", domid, strerror(-ret));
	return 0;
}

static int record_load(struct builder *builder, uint32_t domid, struct reload_record **record)
{
	char *data AUTO_FREE = NULL, path[PATH_MAX];
	struct reload_record *found;
	xc_domaininfo_t info;
	size_t len;
	int ret = domain_lookup(builder, domid, &info);

	if (ret < 0)
		return ret;
	ret = record_path(builder, domid, path);
	if (ret == 0)
		ret = read_file(path, sizeof(struct reload_record), &data, &len);
	if (ret == -ENOENT)
		return fail(builder, ENOENT, "domain %u: not built to be reloaded: rebuild it", domid);
	found = (struct reload_record *)(void *)data;
	if (ret == 0 && !reload_record_good(found, len, domid, info.handle))
		ret = -EINVAL;
	if (ret < 0)
		return fail(builder, -ret, "%s: not this domain's context: rebuild domain %u", path, domid);
	if (!(info.flags & XEN_DOMINF_hvm_guest) || (info.flags & XEN_DOMINF_dying))
		return fail(builder, EINVAL, "domain %u: is dying or no PVH domain: rebuild it", domid);
	data = NULL;
	*record = found;
	return 0;
}

void reload_adopt(struct builder *builder)
{
	for (uint32_t domid = 1; domid < DOMID_GUEST_FIRST; domid++) {
		struct reload_record *record AUTO_FREE = NULL;
		int ret = record_load(builder, domid, &record);

		if (ret == 0)
			ret = keep_map(builder, domid, record->uuid, record->memory_kib);
		if (ret < 0 && record)
			log_warning("domain %u: its memory cannot be kept mapped: %s", domid, strerror(-ret));
	}
}

static bool at_rest(const volatile struct pvh_arena_header *header)
{
	return !(header->journalled ? header->binding : header->busy);
}

/*
 * Brings the domain to a pause at a point where its arena is consistent: at once if it idles, else it is asked to park between
 * two handlers. False: it did not, and will find its arena marked dirty. It is paused on 0 either way.
 */
static int settle(struct builder *builder, volatile struct pvh_arena_header *header, uint32_t domid, bool *settled, bool *idle)
{
	xc_domaininfo_t info;
	uint64_t deadline_ms;
	int ret = domain_lookup(builder, domid, &info);

	if (ret == 0)
		ret = domain_pause(builder, domid);
	*settled = ret == 0 && at_rest(header);
	*idle = ret == 0 && !header->busy && !(info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_paused));
	if (ret < 0 || *settled || (info.flags & XEN_DOMINF_shutdown))
		return ret; /* it idles, or it crashed and will not park */
	header->stop_request = 1;
	ret = domain_unpause(builder, domid);
	deadline_ms = now_ms() + PVH_PARK_TIMEOUT_MS;
	while (ret == 0 && !(*settled = __atomic_load_n(&header->parked, __ATOMIC_ACQUIRE)) && now_ms() < deadline_ms)
		nanosleep(&(struct timespec){.tv_nsec = PARK_SLICE_US * 1000}, NULL);
	if (ret == 0)
		ret = domain_pause(builder, domid);
	header->stop_request = 0;
	return ret;
}

static void rewrite_image(uint8_t *to, const struct elf_image *image, const void *file)
{
	memset(to, 0, image->end - PVH_IMAGE_BASE);
	for (size_t i = 0; i < image->loads; i++)
		memcpy(to + (image->load[i].address - PVH_IMAGE_BASE), (const char *)file + image->load[i].offset,
		       image->load[i].file_size);
}

/* Takes back our own pause, and those that somebody else left: a program that was just reloaded shall run. */
static int let_run(struct builder *builder, uint32_t domid)
{
	xc_domaininfo_t info;
	int ret = 0;

	for (int i = 0; ret == 0 && i < PAUSES_MAX; i++) {
		ret = domain_unpause(builder, domid);
		if (ret == 0)
			ret = domain_lookup(builder, domid, &info);
		if (ret == 0 && !(info.flags & XEN_DOMINF_paused))
			return 0;
	}
	return ret < 0 ? ret : fail(builder, EBUSY, "domain %u: paused more than %d times", domid, PAUSES_MAX);
}

/* From here on the old program is gone: a failure leaves the domain paused, to be rebuilt. */
static int swap(struct builder *builder, uint32_t domid, struct reload_record *record, const struct elf_image *image,
		const void *file)
{
	xc_domaininfo_t info;
	int ret;

	rewrite_image(keep_image(builder, domid), image, file);
	ret = domain_lookup(builder, domid, &info);
	if (ret < 0)
		return ret;
	if ((info.flags & XEN_DOMINF_shutdown) && xc_domain_resume(builder->xen, domid, 0) < 0)
		return fail_xen(builder, "domain %u: cannot be resumed after its crash", domid);
	if (xc_domain_hvm_setcontext(builder->xen, domid, record->context, record->context_len) < 0)
		return fail_xen(builder, "domain %u: cannot load its first context", domid);
	return 0;
}

static int reload_with(struct builder *builder, uint32_t domid, struct reload_record *record,
		       const struct elf_image *image, const void *file, bool trust, struct reload_result *result)
{
	volatile struct pvh_arena_header *header;
	uint64_t start_us = now_us();
	bool idle;
	int ret = keep_map(builder, domid, record->uuid, record->memory_kib);

	if (ret < 0)
		return fail(builder, -ret, "domain %u: cannot map its memory: %s", domid, strerror(-ret));
	header = keep_header(builder, domid);
	if (header->magic != PVH_ARENA_MAGIC || header->version != PVH_ARENA_VERSION)
		return fail(builder, EINVAL, "domain %u: its arena is not of this version: rebuild it", domid);
	ret = settle(builder, header, domid, &result->settled, &idle);
	result->settle_us = (uint32_t)(now_us() - start_us);
	if (ret == 0) {
		header->reload = PVH_RELOAD_MAGIC;
		header->trusted = trust && idle;
		ret = swap(builder, domid, record, image, file);
	}
	/* Before it runs: on one processor it may run first. */
	result->us = (uint32_t)(now_us() - start_us);
	return ret < 0 ? ret : let_run(builder, domid);
}

int domain_reload(struct builder *builder, uint32_t domid, const char *path, bool trust, struct reload_result *result)
{
	struct reload_record *record AUTO_FREE = NULL;
	struct image *file;
	struct elf_image image;
	int ret = record_load(builder, domid, &record);

	if (ret < 0)
		return ret;
	ret = image_get(builder, path, "kernel", &file);
	if (ret < 0)
		return ret;
	ret = check_image(builder, path, file->data, file->size, &image);
	if (ret == 0)
		ret = reload_with(builder, domid, record, &image, file->data, trust, result);
	images_trim(builder);
	return ret;
}
