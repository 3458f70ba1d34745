/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The builder's domain code: plain structs in, plain structs out. Nothing here knows JSON; request.c does. Every function returns
 * 0 or -errno, and on failure leaves one line in the builder's struct failure that names the thing, the limit and the way out.
 */
#ifndef ATOLL_BUILDER_H
#define ATOLL_BUILDER_H

#include <sys/stat.h>

#include <xenctrl.h> /* first: the others build on it */
#include <xen/hvm/e820.h>
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
	bool reloadable; /* PVH: keep what domain_reload needs, and its memory mapped (keep.c) */
	bool revive;     /* with the arena of its destroyed predecessor, if that was kept */
	int32_t max_grant_frames, max_maptrack_frames; /* -1: the hypervisor's default */
	uint32_t max_event_channels;
	uint32_t target; /* the guest whose device model this domain runs, and which it may map and steer; 0: none */
	uint32_t pci[BUILD_PCI_MAX]; /* machine addresses: pci_parse_address() */
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
struct phases { /* how long each took, in order */
	struct {
		const char *name; /* literal */
		uint32_t us;
	} item[PHASES_MAX];
	size_t count;
	uint64_t last_us;
};

struct domain_built {
	uint32_t domid;
	uint32_t store_port, console_port; /* 0: none */
	uint64_t store_gfn, console_gfn;
	bool revived;
	struct phases phases;
};

#define IMAGE_FILE_MAX (512u << 20) /* a kernel or ramdisk, and what it may unpack to */
#define IMAGES_MAX 16

/* A kernel or ramdisk that was read. */
struct image {
	void *data; /* read-only pages; NULL: free */
	size_t size;
	struct stat file;
	uint64_t used; /* the builder's count then */
};

/* A domain whose memory is kept mapped: keep.c. */
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
	struct image images[IMAGES_MAX];
	uint64_t images_used;
	struct xen_log *log;
	struct kept kept[KEPT_MAX];
	const char *state_dir; /* what outlives a restart of this process */
	const char *sysfs;     /* "/sys" */
	int stream_fd, link_fd; /* in a worker: the stream, and the builder itself; else -1 */
	struct failure failure; /* of the method that is under way */
};

/* xenlog.c: opens the hypervisor's handles, for as long as the process lives. */
int builder_init(struct builder *builder, const char *state_dir);
/* Forgets what libxc and libxenguest said so far: it does not explain what fails from now on. */
void xen_log_clear(struct xen_log *log);
/* FN is told how far a stream is. */
typedef void xen_progress_fn(void *data, int percent);
void xen_log_progress(struct xen_log *log, xen_progress_fn *fn, void *data);
/* The reason inside a message of libxc: "panic: xg_dom_core.c:689: f: no loader found: Invalid kernel" -> "no loader found:
 * Invalid kernel". Points into TEXT. */
const char *xen_reason(const char *text);

/* build.c: the domain stays paused. On failure everything is undone. */
int domain_build(struct builder *builder, const struct domain_spec *spec, struct domain_built *built);

/* image.c: WHAT is "kernel" or "ramdisk", PATH an absolute path. Blocks on the disk. The image stays until images_trim(). */
int image_get(struct builder *builder, const char *path, const char *what, struct image **image);
/* Keeps a copy of what libxenguest unpacked in its place for the next time; without memory it simply does not. */
void image_unpacked(struct image *image, const void *data, size_t size);
/* Frees those that were used longest ago, while there are too many bytes of them. None may be in use. */
void images_trim(struct builder *builder);

/* life.c */
/* FREE_KIB: what new domains can have: free pages less those that others have claimed. */
int host_info(struct builder *builder, xc_physinfo_t *info, uint64_t *free_kib);
/* Domains from id FIRST on, ascending, at most MAX. The number found or -errno. */
int domain_list(struct builder *builder, uint32_t first, uint32_t max, xc_domaininfo_t *list);
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

/* Who goes first on the processors: the control domain; and this one, which is a service. */
void share_init(struct builder *builder);
void share_set(struct builder *builder, uint32_t domid);

/* store.c */
int store_setup(struct builder *builder, uint32_t domid, uint32_t *port, bool *again);
int store_virq(struct builder *builder, uint32_t domid);

/* layout.c: where memory goes in a new domain. Pure. */

#define PAGE_BYTES 4096ull
#define E820_MAX 128 /* entries in a map: Xen's limit for a domain's */

#define PVH_TABLES 0xfc000000ull /* a page of firmware tables at a PVH domain's hole's start, where xl has them too */
#define HVM_HOLE 0xf0000000ull   /* where hvmloader wants it */

/*
 * A PVH or HVM domain: RAM from 0 up to the hole below 4 GiB, the rest from 4 GiB on.
 *
 *   0 ......... lowmem_end   (hole_start ........... 4 GiB)   4 GiB .. highmem_end
 *      RAM                     tables, LAPIC, special pages     RAM
 *
 * An HVM domain's map leaves out the first MiB and what is in the hole, which hvmloader describes.
 */
struct ram_layout {
	uint64_t lowmem_end, highmem_end; /* highmem_end 0: no RAM above 4 GiB */
	uint64_t hole_start, hole_size;
	struct e820entry map[4];
	uint32_t entries;
};

/* TABLES: the map has the page of firmware tables. */
void ram_layout(uint64_t memory_kib, bool hvm, bool tables, struct ram_layout *layout);

/* Memory for a PVH or HVM domain's second-level page tables, in bytes: what xl gives. */
uint64_t paging_pool_bytes(uint64_t memory_kib, uint32_t vcpus);

/*
 * A PV domain's map made from the host's: RAM up to the host's first hole, then the host's reserved ranges where they are, so
 * that the domain leaves the host's BAR windows free and sees ACPI ranges as such; host RAM that is not the domain's is marked
 * unusable, or the guest would take it for a place to put BARs; RAM that did not fit below goes above 4 GiB.
 * HOST is sorted by address. Returns the number of entries in OUT (E820_MAX of them), or -EINVAL / -E2BIG.
 */
int e820_from_host(const struct e820entry *host, size_t count, uint64_t memory_kib, struct e820entry *out);

/*
 * hvm.c: what an HVM domain has beside a PVH one: emulated chips in Xen, room for the device model's requests, and hvmloader, which
 * starts the firmware that it is handed as a module. Its devices are the device model's business (qemu-stubdom/).
 */
struct xc_dom_image;

/* The chips that Xen emulates: all, but PCI configuration space. Xen 4.17 takes no other set for a guest with any. */
#define HVM_EMULATION (XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI)

/* The device model puts the display's memory and option ROMs into the guest: at most this beside the guest's own. */
#define HVM_SLACK_KIB (18 * 1024)

/* FIRMWARE (SIZE bytes, of the caller, until the domain is built) is what hvmloader starts. */
void hvm_prepare(struct xc_dom_image *dom, const void *firmware, size_t size);

/* Each returns 0, or -1 with errno. */
int hvm_params_set(struct builder *builder, uint32_t domid);
/* After the image is loaded: the table in which hvmloader looks for the processors. */
int hvm_info_finish(struct builder *builder, uint32_t domid, uint32_t vcpus);

/*
 * pci.c, pci-text.c: PCI devices for service domains. Strict: config space goes through xen-pciback, which is never told to be
 * permissive; a domain gets its device's BARs and interrupt, nothing else; between two owners a device is in Xen's quarantine.
 *
 *   host driver --seize--> pciback, quarantined --assign--> domain --the domain dies--> quarantined
 */
#define PCI_TEXT_MAX 16       /* "0000:00:05.0" */
#define PCI_RESOURCES 7       /* six BARs and the ROM: the first lines of sysfs' `resource` */
#define PCI_DRIVER_MAX 64

struct pci_resource {
	uint64_t start, size;
	bool io; /* ports, else memory */
};

/* "0000:00:05.0", exactly, and what the hypervisor calls it: segment << 16 | bus << 8 | device << 3 | function. 0 or -EINVAL. */
int pci_parse_address(const char *text, uint32_t *address);
void pci_format_address(uint32_t address, char text[PCI_TEXT_MAX]);

/* Takes the text of sysfs' `resource` apart: the number of resources in use, or -EINVAL. */
int pci_parse_resources(const char *text, struct pci_resource resources[PCI_RESOURCES]);

/* Binds the device to pciback and quarantines it; fine if it was. DRIVER: which host driver it was taken from ("" none). */
int pci_seize(struct builder *builder, uint32_t address, char driver[PCI_DRIVER_MAX]);
/* Gives a seized device to a PV domain that was built with devices. */
int pci_assign(struct builder *builder, uint32_t domid, uint32_t address);

/*
 * keep.c: the memory of reloadable domains stays mapped. A reload writes through that mapping; and since Xen frees no page that is
 * mapped, what was in the arena of such a domain can still be read when somebody has destroyed it.
 */
/* Maps a domain. 0 or -errno; EOVERFLOW, ENOSPC: larger than, or more than, what is kept. Fine if it is mapped already. */
int keep_map(struct builder *builder, uint32_t domid, const uint8_t uuid[16], uint64_t memory_kib);
/* The mapping, or NULL. */
uint8_t *keep_image(struct builder *builder, uint32_t domid);
struct pvh_arena_header *keep_header(struct builder *builder, uint32_t domid);
/* The domain was destroyed: copies its arena and lets its pages go. */
void keep_detach(struct builder *builder, uint32_t domid);
/* Gives a new domain, which is mapped and has not run, the arena of its predecessor. False: there is none that fits. */
bool keep_revive(struct builder *builder, uint32_t domid);
/* Forgets a copy that was not used. */
void keep_forget(struct builder *builder, uint32_t domid);

/* reload.c: in-place reload. */
#define RELOAD_MAGIC 0x326c6552414f5441 /* with the version */
#define RELOAD_CONTEXT_MAX 32768        /* an HVM context of one vCPU takes some 9 KiB */

/* What a domain is restarted with, as a file: in the host's byte order, since it does not leave /run, and written as a whole. */
struct reload_record {
	uint64_t magic;
	uint32_t domid;
	uint8_t uuid[16]; /* the domain's, or another one with its id would be reloaded */
	uint32_t memory_kib;
	uint32_t context_len; /* the record ends with the context */
	uint8_t context[RELOAD_CONTEXT_MAX];
};

/* LEN bytes are a whole record, of this domain. Pure. */
bool reload_record_good(const struct reload_record *record, size_t len, uint32_t domid, const uint8_t uuid[16]);

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

/* elf-image.c: the little that a reload needs of an ELF64 image: what to put where in guest memory. Pure; the file may be anything. */
#define ELF_LOADS_MAX 8             /* PT_LOAD headers: lib/pvh images have one to four */
#define ELF_SPAN_MAX (16u << 20)    /* bytes from the first to the last, with holes and bss */

struct elf_image {
	struct {
		uint64_t offset, address, file_size, memory_size; /* address: guest-physical */
	} load[ELF_LOADS_MAX];
	size_t loads;
	uint64_t start, end; /* page-aligned span of all loads */
};

/* 0, or -EINVAL (no such ELF, a header that points outside the file, overlapping loads) or -E2BIG (a limit above). */
int elf_parse(const void *file, size_t size, struct elf_image *image);

/* save.c: a domain as a stream, on the builder's stream_fd, in a worker; it blocks as long as the other end does. */

/* LIVE: most of it while the domain runs. It is suspended when this returns 0, and may be when it fails: see domain_resume(). */
int domain_save(struct builder *builder, uint32_t domid, bool live);
/* Lets a suspended domain go on as if nothing had been (the suspend hypercall says "cancelled"); any other is left alone. */
int domain_resume(struct builder *builder, uint32_t domid);
/* Fills a domain that domain_build() made but did not load. The stream is hostile; what parses it is libxenguest. */
int domain_load(struct builder *builder, uint32_t domid, const struct domain_spec *spec, struct domain_built *built);
/* Writes a core file. The domain stays paused. */
int domain_dump(struct builder *builder, uint32_t domid, uint64_t max_bytes);

/* audit.c: what the hypervisor itself has of a domain's ties to others: grants and event channels. */
#define TIES_MAX 64 /* peers told of one domain; its further ones are only counted */

struct tie {
	uint32_t domid;
	uint32_t grants, read_only; /* pages that it granted, and those of them that the peer may only read */
	uint32_t channels, offered; /* event channels, and those that the peer has not bound (yet, or no more) */
};

struct ties {
	bool xs_domain; /* it may ask for other domains' state */
	struct tie list[TIES_MAX];
	size_t count;
	uint32_t others; /* peers beyond TIES_MAX */
};

/* 0 or -errno. */
int domain_ties(struct builder *builder, uint32_t domid, struct ties *ties);

#endif
