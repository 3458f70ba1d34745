/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The net domain's switch: which bridges there are, which NIC and which vifs belong to them. It remembers what was ordered and
 * brings the kernel's interfaces to it, now or when they appear: a NIC after its driver has probed it, a vif when netback makes
 * it. Orders come again after a rebirth, so each may be repeated.
 *
 *	ordered (waiting) ──interface appears──> master, mtu and up are set ──> attached ──interface goes──> waiting
 */
#ifndef ATOLL_DRIVER_DOMAINS_SWITCH_H
#define ATOLL_DRIVER_DOMAINS_SWITCH_H

#include "net/links.h"

#define SWITCH_BRIDGES_MAX 8
/* So that a list of all of them with their counters fits into one frame of the protocol. */
#define SWITCH_VIFS_MAX 128
/* The smallest that IPv4 allows, and the largest that netback takes. */
#define SWITCH_MTU_MIN 68
#define SWITCH_MTU_MAX 65521

enum nic_choice { NIC_NONE, NIC_AUTO, NIC_NAMED };

struct switch_bridge {
	char name[IFNAMSIZ];
	int index;
	enum nic_choice choice;
	char nic[IFNAMSIZ]; /* NIC_NAMED: the one ordered; NIC_AUTO: the one found, "" while waiting */
	int nic_index;      /* 0: not there (yet) */
};

struct switch_vif {
	char name[IFNAMSIZ];
	struct switch_bridge *bridge;
	uint32_t mtu; /* 0: as netback set it */
	int index;    /* 0: waiting for netback */
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

/* 0; -EINVAL, -ENOENT (no such bridge), -ENOSPC, or the kernel's error. *VIF (if not NULL) tells whether it waits. */
int switch_attach(struct net_switch *sw, const char *name, const char *bridge, uint32_t mtu, const struct switch_vif **vif);
/* 0, or -ENOENT if it was not attached. */
int switch_detach(struct net_switch *sw, const char *name);

size_t switch_bridges(const struct net_switch *sw, const struct switch_bridge **bridges);
/* The vif in slot SLOT (0 to SWITCH_VIFS_MAX - 1), or NULL. */
const struct switch_vif *switch_vif_at(const struct net_switch *sw, size_t slot);
struct links *switch_links(struct net_switch *sw);

/* A name that the kernel takes for an interface: no '/', no blank, not "." or "..", shorter than IFNAMSIZ. */
bool interface_name_valid(const char *name);

/* A real network device: backed by a bus device that is no Xen backend. */
bool is_physical_nic(const char *sys_root, const char *name);

/* Takes the domain's own IP stack off its interfaces: it has no address and answers nobody. Logs what fails. */
void silence_ip_stack(const char *proc_root);

#endif
