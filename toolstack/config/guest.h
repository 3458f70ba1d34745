/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest shall be: read from an xl.cfg(5) file or from JSON with the same keys. Everything in it is bounded and checked
 * here; whether backends and files exist is checked when the guest is created.
 */
#ifndef ATOLL_CONFIG_GUEST_H
#define ATOLL_CONFIG_GUEST_H

#include <limits.h>

#include "base/json.h"

#define GUEST_VIFS_MAX 8
#define GUEST_VBDS_MAX 16
#define GUEST_CMDLINE_MAX 1024
#define GUEST_MEMORY_MIB_MIN 1
#define GUEST_MEMORY_MIB_MAX (16 << 20) /* 16 TiB: Xen's own limit for a host */
#define GUEST_VCPUS_MAX 128
#define GUEST_FILE_MAX (64 * 1024) /* bytes of a configuration file */

enum guest_type { GUEST_PV, GUEST_PVH };
enum guest_action { ACTION_DESTROY, ACTION_RESTART, ACTION_PRESERVE };

struct guest_vif {
	char mac[18];                    /* "00:16:3e:xx:xx:xx"; empty: made from the guest's uuid */
	char bridge[16];                 /* Linux's limit for interface names */
	char backend[NAME_LEN_MAX + 1];  /* empty: the only net service */
};

struct guest_vbd {
	char target[NAME_LEN_MAX + 1];   /* a name in the disk service's catalogue: "nvme0n1p1" */
	char vdev[8];                    /* "xvda", "xvdb3" */
	unsigned number;                 /* xenstore's virtual-device */
	bool writable;
	char backend[NAME_LEN_MAX + 1];
};

struct guest_config {
	char name[NAME_LEN_MAX + 1];
	char uuid[37]; /* empty: made at creation */
	enum guest_type type;
	char kernel[PATH_MAX];
	char ramdisk[PATH_MAX]; /* empty: none */
	char cmdline[GUEST_CMDLINE_MAX];
	unsigned memory_mib;
	unsigned vcpus;
	enum guest_action on_poweroff, on_reboot, on_crash;
	struct guest_vif vifs[GUEST_VIFS_MAX];
	unsigned vif_count;
	struct guest_vbd vbds[GUEST_VBDS_MAX];
	unsigned vbd_count;
};

/* Reads TEXT, JSON if it starts with '{', else xl.cfg. 0 or -EINVAL/-ENOMEM with a one-line message in WHY (SIZE bytes). */
int guest_config_parse(const char *text, size_t len, struct guest_config *config, char *why, size_t size);
int guest_config_from_json(const struct json *json, struct guest_config *config, char *why, size_t size);
/* The JSON form of it, which guest_config_from_json() reads back; NULL without memory. */
struct json *guest_config_to_json(const struct guest_config *config);

/* The xenstore number of a virtual disk name, or -EINVAL: xvda to xvdzz, with a partition number or without
 * (vbd-interface.txt of Xen). */
int vdev_number(const char *vdev);

#endif
