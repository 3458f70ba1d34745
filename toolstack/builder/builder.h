/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The builder's domain code: plain structs in, plain structs out. Nothing here knows JSON; request.c does. Every function returns
 * 0 or -errno, and on failure leaves one line in the builder's struct failure that names the thing, the limit and the way out.
 */
#ifndef ATOLL_BUILDER_H
#define ATOLL_BUILDER_H

#include <xenctrl.h>
#include <xenforeignmemory.h>

#include "base/util.h"

#define BUILD_CMDLINE_MAX 1023     /* a PV domain's start info has room for 1024 bytes */
#define BUILD_PATH_MAX 1023        /* kernel and ramdisk paths */
#define BUILD_PCI_MAX 8            /* devices of one domain */
#define BUILD_TABLES_MAX 4096      /* a page of firmware tables */
#define BUILD_VCPUS_MAX 64         /* more needs vcpu_info placement rules that nobody has tested here */
#define BUILD_MEMORY_KIB_MIN 1024  /* the smallest lib/pvh domain that boots */
#define BUILD_HVM_MEMORY_KIB_MIN 16384 /* hvmloader and firmware, with room for what they load */
#define BUILD_MEMORY_KIB_MAX (1ll << 30) /* 1 TiB */
#define DOMID_GUEST_FIRST 32       /* below are the service domains, whose ids are fixed */
#define DOMID_LIMIT 0x7ff0         /* ids from here on are Xen's own */
#define KEPT_MAX 4                 /* domains whose memory is kept mapped: store, console and their like */
#define DOMID_NONE (-1)            /* "no such peer" for console and store */

struct failure {
	int error; /* positive errno */
	char message[480];
};

/* Fills in the failure and returns -ERROR. */
int fail_with(struct failure *failure, int error, const char *fmt, ...) PRINTF(3, 4);
#define fail(builder, ...) fail_with(&(builder)->failure, __VA_ARGS__)

/* What libxc said last, or else errno's text: why the hypervisor or a loader refused. */
struct builder;
int fail_xen(struct builder *builder, const char *fmt, ...) PRINTF(2, 3);

struct pci_address {
	uint16_t segment;
	uint8_t bus, device, function;
};

enum domain_type { DOMAIN_PV, DOMAIN_PVH, DOMAIN_HVM };

struct domain_spec {
	char name[NAME_LEN_MAX + 1];
	uint32_t domid;
	enum domain_type type;
	char kernel[BUILD_PATH_MAX + 1];  /* HVM: hvmloader */
	char ramdisk[BUILD_PATH_MAX + 1]; /* empty: none; HVM: the firmware that hvmloader starts, SeaBIOS for one */
	char cmdline[BUILD_CMDLINE_MAX + 1];
	uint64_t memory_kib;
	uint32_t vcpus;
	uint8_t uuid[16];
	int32_t console_domid, store_domid; /* DOMID_NONE or the domain itself: no channel and no grant */
	bool xs_domain;
	bool reloadable; /* PVH: keep what domain_reload needs, and its memory mapped (keep.h) */
	bool revive;     /* with the arena of its destroyed predecessor, if that was kept */
	int32_t max_grant_frames, max_maptrack_frames; /* -1: the hypervisor's default */
	uint32_t max_event_channels;
	uint32_t target; /* the guest whose device model this domain runs, and which it may map and steer; 0: none */
	struct pci_address pci[BUILD_PCI_MAX];
	size_t pci_count;
	uint8_t tables[BUILD_TABLES_MAX]; /* PVH: firmware tables, the RSDP first */
	size_t tables_len;
	bool restore; /* its memory comes from the stream; kernel and ramdisk are not looked at */
};

#define SETTINGS_CPUS_MAX 256
struct domain_settings { /* what is negative or NULL stays as it is */
	int64_t max_kib;
	int32_t weight, cap;
	bool bind; /* to these processors */
	uint8_t cpus[SETTINGS_CPUS_MAX / 8];
};

#define PHASES_MAX 16
struct phases {
	struct {
		const char *name; /* literal */
		uint32_t us;
	} item[PHASES_MAX];
	size_t count;
	uint64_t last_us;
};

/* Starts the clock; each mark then adds the time since the last one. */
void phases_start(struct phases *phases);
void phases_mark(struct phases *phases, const char *name);

struct domain_built {
	uint32_t domid;
	uint32_t store_port, console_port; /* 0: none */
	uint64_t store_gfn, console_gfn;
	bool revived;
	struct phases phases;
};

struct image_cache;

/* A domain whose memory is kept mapped: keep.h. */
struct kept {
	uint32_t domid; /* 0: free */
	uint8_t uuid[16];
	size_t pages;   /* mapped, from PVH_IMAGE_BASE on */
	uint8_t *map;   /* NULL: it was destroyed */
	uint8_t *arena; /* of the destroyed one: what lay from PVH_ARENA_BASE on */
};

/* The root object. */
struct builder {
	xc_interface *xen;
	xenforeignmemory_handle *memory;
	struct image_cache *images;
	struct xen_log *log;
	struct kept kept[KEPT_MAX];
	const char *state_dir; /* what outlives a restart of this process */
	const char *sysfs;     /* "/sys" */
	int stream_fd, link_fd; /* in a worker: the stream, and the builder itself; else -1 */
	struct failure failure; /* of the method that is under way */
};

/* Opens the hypervisor's handles. CACHE_BYTES: of unused images that are kept. On failure nothing is open. */
int builder_init(struct builder *builder, const char *state_dir, size_t cache_bytes);
void builder_fini(struct builder *builder);

/* build.c: the domain stays paused. On failure everything is undone. */
int domain_build(struct builder *builder, const struct domain_spec *spec, struct domain_built *built);

/* life.c */
int domain_pause(struct builder *builder, uint32_t domid);
int domain_unpause(struct builder *builder, uint32_t domid);
/* Sets *ZOMBIE if others still hold pages of the domain: its id stays taken until they let go. */
int domain_destroy(struct builder *builder, uint32_t domid, bool *zombie);
/* Memory limit, share of the processors, which ones. */
int domain_set(struct builder *builder, uint32_t domid, const struct domain_settings *settings);
/* -ENOENT if there is no such domain. */
int domain_lookup(struct builder *builder, uint32_t domid, xc_domaininfo_t *info);

/* Faults on purpose, for experiments (atoll-experiment(1)): behind the toolstack's back, so that nothing is kept or forgotten here. */
int domain_fault_destroy(struct builder *builder, uint32_t domid);
int domain_fault_panic(struct builder *builder, uint32_t domid);

/* share.c */
void share_init(struct builder *builder);
void share_set(struct builder *builder, uint32_t domid);

/* store.c */
int store_setup(struct builder *builder, uint32_t domid, uint32_t *port, bool *again);
int store_virq(struct builder *builder, uint32_t domid);

#endif
