/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The net domain's switch: which bridges there are, which NIC and which vifs belong to them. It remembers what was ordered and
 * brings the kernel's interfaces to it, now or when they appear: a NIC after its driver has probed it, a vif when its backend makes
 * it. Orders come again after a rebirth, so each may be repeated.
 *
 *	ordered (waiting) ──interface appears──> master and up are set ──> attached ──interface goes──> waiting
 */
#ifndef ATOLL_DRIVER_DOMAINS_SWITCH_H
#define ATOLL_DRIVER_DOMAINS_SWITCH_H

#include "event/loop.h"
#include "net/links.h"

#define SWITCH_BRIDGES_MAX 8
#define SWITCH_VIFS_MAX 128

enum nic_choice { NIC_NONE, NIC_AUTO, NIC_NAMED };

struct switch_bridge {
	char name[IFNAMSIZ];
	enum nic_choice choice;
	char nic[IFNAMSIZ]; /* NIC_NAMED: the one ordered; NIC_AUTO: the one found, "" while waiting */
	int nic_index;      /* 0: not there (yet) */
};

struct switch_vif {
	char name[IFNAMSIZ];
	struct switch_bridge *bridge;
	int index; /* 0: waiting for its backend */
};

struct net_switch;

/* VIF was enslaved and is up, or is gone (then it is waited for). */
typedef void switch_event_fn(const struct switch_vif *vif, bool up, void *data);

/* SYS_ROOT: where sysfs is mounted, "/sys". */
int switch_create(struct loop *loop, const char *sys_root, switch_event_fn *fn, void *data, struct net_switch **out);
struct net_switch *switch_destroy(struct net_switch *sw);

/* Makes the bridge if it is missing. NIC is a name, or NULL with NIC_NONE or NIC_AUTO. 0, -EINVAL for a bad name, -EEXIST if
 * NAME is an interface of another kind, -ENOSPC past the limit, -EBUSY if another bridge has that NIC. */
int switch_configure(struct net_switch *sw, const char *name, enum nic_choice choice, const char *nic);

/* 0; -EINVAL (a bad name), -ENOENT (no such bridge), -ENOSPC, or the kernel's error. *VIF (if not NULL) tells whether it waits. */
int switch_attach(struct net_switch *sw, const char *name, const char *bridge, const struct switch_vif **vif);
/* 0, or -ENOENT if it was not attached. */
int switch_detach(struct net_switch *sw, const char *name);

size_t switch_bridges(const struct net_switch *sw, const struct switch_bridge **bridges);
/* The vif in slot SLOT (0 to SWITCH_VIFS_MAX - 1), or NULL. */
const struct switch_vif *switch_vif_at(const struct net_switch *sw, size_t slot);

#endif
