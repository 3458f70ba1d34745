/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest shall be: read from an xl.cfg(5) file or from JSON with the same keys. Everything in it is bounded and checked
 * here; whether backends and files exist is checked when the guest is created.
 */
#ifndef ATOLL_CONFIG_GUEST_H
#define ATOLL_CONFIG_GUEST_H

#include "config/key.h"

#define GUEST_VIFS_MAX 8
#define GUEST_VBDS_MAX 16
#define GUEST_DEVICES_MAX (GUEST_VIFS_MAX + GUEST_VBDS_MAX)
#define GUEST_CONSOLES_MAX 4
/* The builder's own limits, checked by tests/unit/test-builder-request.c. */
#define GUEST_CMDLINE_MAX 1024 /* with its end */
#define GUEST_PATH_MAX 1024
#define GUEST_MEMORY_MIB_MIN 1
#define GUEST_HVM_MEMORY_MIB_MIN 16
#define GUEST_MEMORY_MIB_MAX (1 << 20) /* 1 TiB */
#define GUEST_VCPUS_MAX 64
#define GUEST_CPUS_MAX 256 /* processors of a host that a guest can be bound to */
#define GUEST_FILE_MAX (64 * 1024) /* bytes of a configuration file */

enum guest_type { GUEST_PV, GUEST_PVH, GUEST_HVM };
enum device_kind { DEVICE_VIF, DEVICE_VBD };
enum guest_action { ACTION_DESTROY, ACTION_RESTART, ACTION_PRESERVE, ACTION_COREDUMP_DESTROY, ACTION_COREDUMP_RESTART };

#define VIF_ID_MAX 255
#define DEVICE_ID_NONE (~0u) /* none was given */

struct guest_device {
	enum device_kind kind;
	unsigned id;                    /* vif: xenstore's handle, which stays when other interfaces come and go; vbd: its virtual-device */
	char backend[NAME_LEN_MAX + 1]; /* empty: the only service of the kind */
	char name[16];                  /* "vif0"; "xvda", "xvdb3" */
	/* vif */
	char mac[18];    /* "00:16:3e:xx:xx:xx"; empty: made from the guest's uuid */
	char bridge[16]; /* Linux's limit for interface names */
	/* vbd */
	char target[NAME_LEN_MAX + 1]; /* a name in the disk service's catalogue: "nvme0n1p1" */
	bool writable;
};

struct guest_config {
	char name[NAME_LEN_MAX + 1];
	char tenant[NAME_LEN_MAX + 1]; /* whose it is; empty: nobody's */
	char uuid[37]; /* empty: made at creation */
	enum guest_type type;
	char kernel[GUEST_PATH_MAX];
	char ramdisk[GUEST_PATH_MAX]; /* empty: none */
	char cmdline[GUEST_CMDLINE_MAX];
	unsigned memory_mib;
	unsigned maxmem_mib; /* 0: not said */
	unsigned vcpus;    /* there at the start */
	unsigned maxvcpus;
	unsigned consoles; /* those beyond the first appear as hvc1 … */
	unsigned char cpus[GUEST_CPUS_MAX / 8]; /* a bit each; none: all */
	unsigned weight, cap; /* of the scheduler; weight 0: its default */
	/* HVM; kernel and ramdisk are empty then */
	char boot[5];   /* xl.cfg's letters: c disk, d CD-ROM, n network */
	char hdtype[5]; /* "ide" or "ahci" */
	char vga[9];    /* "none" or "stdvga" */
	unsigned serial; /* 1: a serial line, which is the guest's console */
	enum guest_action on_poweroff, on_reboot, on_crash, on_watchdog;
	bool no_migrate;
	unsigned max_grant_frames, max_maptrack_frames, max_event_channels; /* 0: the default */
	struct guest_device devices[GUEST_DEVICES_MAX];
	unsigned device_count;
	char warning[240]; /* names of keys that were ignored; not part of the JSON form */
};

/* Reads TEXT, JSON if it starts with '{', else xl.cfg. 0 or -EINVAL/-ENOMEM with a one-line message in WHY (SIZE bytes). */
int guest_config_parse(const char *text, size_t len, struct guest_config *config, char *why, size_t size);
int guest_config_from_json(const struct json *json, struct guest_config *config, char *why, size_t size);
/* The JSON form of it, which guest_config_from_json() reads back; NULL without memory. */
struct json *guest_config_to_json(const struct guest_config *config);

/* Reads one more key into a configuration that is there. 0 or -EINVAL with WHY. */
int guest_config_change(struct guest_config *config, const struct json *value, char *why, size_t size);
/* Reads one more device: a string as in xl-network-configuration(5) and xl-disk-configuration(5), or an object with the same keys. 0, -ENOMEM,
 * or -EINVAL with WHY; then the configuration is as before. */
int guest_config_add_device(struct guest_config *config, enum device_kind kind, const struct json *item, char *why, size_t size);
struct json *guest_device_to_json(const struct guest_device *device);
const char *device_kind_name(enum device_kind kind);

/* "0-1,3", or "all". */
void cpu_list_print(const unsigned char cpus[GUEST_CPUS_MAX / 8], char *out, size_t size);

/* --- every key of xl.cfg(5), for the parser and docs/xlcfg.md --- */
extern const struct key guest_keys[];
/* Those that are not read. */
struct guest_other_keys {
	bool ignored;      /* accepted with a warning, since nothing a guest can notice depends on it */
	const char *text;  /* why, or the way out */
	const char *names; /* separated by blanks; NULL ends the table */
};
extern const struct guest_other_keys guest_other_keys[];
bool guest_other_key(const struct guest_other_keys *keys, const char *name);
extern const char *const guest_type_names[];

#endif
