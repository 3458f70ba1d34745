// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The net domain's switch. One function, settle_*(), compares an interface with what was ordered and changes what differs; it is
 * called for orders and announcements alike. The kernel announces our own changes too: they find nothing left to do.
 */
#include "net/switch.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

struct net_switch {
	struct links_watch *watch;
	char sys_root[64];
	switch_event_fn *fn;
	void *data;
	struct switch_bridge bridges[SWITCH_BRIDGES_MAX];
	size_t bridge_count;
	struct switch_vif vifs[SWITCH_VIFS_MAX]; /* name "": free */
};

static struct switch_bridge *find_bridge(struct net_switch *sw, const char *name)
{
	for (size_t i = 0; i < sw->bridge_count; i++) {
		if (!strcmp(sw->bridges[i].name, name))
			return &sw->bridges[i];
	}
	return NULL;
}

static struct switch_vif *find_vif(struct net_switch *sw, const char *name)
{
	for (size_t i = 0; i < SWITCH_VIFS_MAX; i++) {
		if (!strcmp(sw->vifs[i].name, name))
			return &sw->vifs[i];
	}
	return NULL;
}

/* Brings LINK into BRIDGE and up. */
static int enslave(const struct interface *link, const struct switch_bridge *bridge)
{
	int r = strcmp(link->master, bridge->name) ? bridge_take(bridge->name, link) : 0;

	return r < 0 || link->up ? r : interface_set_up(link->name, true);
}

static int settle_vif(struct net_switch *sw, struct switch_vif *vif, const struct interface *link)
{
	bool fresh = vif->index != link->index;
	int r = enslave(link, vif->bridge);

	if (r < 0) {
		if (fresh)
			log_warning("%s: cannot attach to %s: %s", vif->name, vif->bridge->name, strerror(-r));
		return r;
	}
	vif->index = link->index;
	if (fresh)
		sw->fn(vif, true, sw->data);
	return 0;
}

static int settle_nic(struct switch_bridge *bridge, const struct interface *link)
{
	bool fresh = bridge->nic_index != link->index;
	int r = enslave(link, bridge);

	if (r < 0) {
		if (fresh)
			log_warning("%s: cannot take %s: %s", bridge->name, link->name, strerror(-r));
		return r;
	}
	bridge->nic_index = link->index;
	if (fresh) {
		snprintf(bridge->nic, sizeof(bridge->nic), "%s", link->name);
		log_info("%s: has %s", bridge->name, link->name);
	}
	return 0;
}

/* The bridge that has or wants LINK as its NIC. */
static struct switch_bridge *bridge_for_nic(struct net_switch *sw, const struct interface *link)
{
	struct switch_bridge *wants = NULL;

	for (size_t i = 0; i < sw->bridge_count; i++) {
		struct switch_bridge *bridge = &sw->bridges[i];

		if (bridge->choice == NIC_NONE)
			continue;
		if (!strcmp(bridge->nic, link->name))
			return bridge;
		if (bridge->choice == NIC_AUTO && !bridge->nic[0] && !wants)
			wants = bridge;
	}
	return wants && interface_is_nic(sw->sys_root, link->name) ? wants : NULL;
}

static void forget_link(struct net_switch *sw, int index)
{
	for (size_t i = 0; i < sw->bridge_count; i++) {
		struct switch_bridge *bridge = &sw->bridges[i];

		if (bridge->nic_index != index)
			continue;
		log_warning("%s: %s is gone", bridge->name, bridge->nic);
		bridge->nic_index = 0;
		if (bridge->choice == NIC_AUTO)
			bridge->nic[0] = '\0';
	}
	for (size_t i = 0; i < SWITCH_VIFS_MAX; i++) {
		struct switch_vif *vif = &sw->vifs[i];

		if (!vif->name[0] || vif->index != index)
			continue;
		vif->index = 0;
		sw->fn(vif, false, sw->data);
	}
}

static void settle_link(const struct interface *link, void *data)
{
	struct net_switch *sw = data;
	struct switch_bridge *bridge;
	struct switch_vif *vif = find_vif(sw, link->name);

	if (vif) {
		settle_vif(sw, vif, link);
		return;
	}
	bridge = bridge_for_nic(sw, link);
	if (bridge)
		settle_nic(bridge, link);
}

/* Looks at every interface: for orders that concern what exists, and after announcements were lost. */
static int settle_all(struct net_switch *sw)
{
	for (size_t i = 0; i < SWITCH_VIFS_MAX; i++) {
		if (sw->vifs[i].index && interface_number(sw->vifs[i].name, "ifindex") != sw->vifs[i].index)
			forget_link(sw, sw->vifs[i].index);
	}
	for (size_t i = 0; i < sw->bridge_count; i++) {
		if (sw->bridges[i].nic_index && interface_number(sw->bridges[i].nic, "ifindex") != sw->bridges[i].nic_index)
			forget_link(sw, sw->bridges[i].nic_index);
	}
	return interface_for_each(settle_link, sw);
}

static void on_change(const char *name, int gone, void *data)
{
	struct interface link;
	int r = 0;

	if (gone)
		forget_link(data, gone);
	else if (!name)
		r = settle_all(data);
	else if (interface_read(name, &link) == 0)
		settle_link(&link, data);
	if (r < 0)
		log_error("net: cannot list interfaces: %s", strerror(-r));
}

int switch_create(struct loop *loop, const char *sys_root, switch_event_fn *fn, void *data, struct net_switch **out)
{
	struct net_switch *sw = calloc(1, sizeof(*sw));
	int r;

	if (!sw)
		return -ENOMEM;
	sw->fn = fn;
	sw->data = data;
	r = format(sw->sys_root, sizeof(sw->sys_root), "%s", sys_root);
	if (r == 0)
		r = links_watch_create(loop, on_change, sw, &sw->watch);
	if (r < 0) {
		free(sw);
		return r;
	}
	*out = sw;
	return 0;
}

struct net_switch *switch_destroy(struct net_switch *sw)
{
	if (sw)
		links_watch_destroy(sw->watch);
	free(sw);
	return NULL;
}

static int make_bridge(const char *name)
{
	struct interface link;
	int r = bridge_create(name);

	if (r < 0 && r != -EEXIST)
		return r;
	r = interface_read(name, &link);
	if (r == 0 && !link.bridge)
		r = -EEXIST;
	return r < 0 || link.up ? r : interface_set_up(name, true);
}

/* Lets go of the NIC that BRIDGE has, unless that is what is ordered. */
static int release_nic(struct switch_bridge *bridge, enum nic_choice choice, const char *nic)
{
	bool keep = choice == NIC_AUTO || (choice == NIC_NAMED && !strcmp(bridge->nic, nic));
	int r = 0;

	if (keep && bridge->nic_index)
		return 0;
	if (bridge->nic_index)
		r = bridge_release(bridge->name, bridge->nic_index);
	bridge->nic_index = 0;
	bridge->nic[0] = '\0';
	return r;
}

int switch_configure(struct net_switch *sw, const char *name, enum nic_choice choice, const char *nic)
{
	struct switch_bridge *bridge = find_bridge(sw, name);
	int r;

	if (!interface_name_valid(name) || vif_name_valid(name))
		return -EINVAL;
	if (choice == NIC_NAMED && (!interface_name_valid(nic) || vif_name_valid(nic)))
		return -EINVAL;
	if (!bridge && sw->bridge_count == SWITCH_BRIDGES_MAX)
		return -ENOSPC;
	for (size_t i = 0; choice == NIC_NAMED && i < sw->bridge_count; i++) {
		if (&sw->bridges[i] != bridge && !strcmp(sw->bridges[i].nic, nic))
			return -EBUSY;
	}
	r = make_bridge(name);
	if (r < 0)
		return r;
	if (!bridge) {
		bridge = &sw->bridges[sw->bridge_count++];
		memset(bridge, 0, sizeof(*bridge));
		snprintf(bridge->name, sizeof(bridge->name), "%s", name);
	}
	r = release_nic(bridge, choice, nic);
	if (r < 0)
		return r;
	bridge->choice = choice;
	if (choice == NIC_NAMED)
		snprintf(bridge->nic, sizeof(bridge->nic), "%s", nic);
	return choice == NIC_NONE ? 0 : settle_all(sw);
}

static struct switch_vif *add_vif(struct net_switch *sw, const char *name)
{
	struct switch_vif *vif = find_vif(sw, "");

	if (vif) {
		memset(vif, 0, sizeof(*vif));
		snprintf(vif->name, sizeof(vif->name), "%s", name);
	}
	return vif;
}

int switch_attach(struct net_switch *sw, const char *name, const char *bridge_name, const struct switch_vif **out)
{
	struct switch_bridge *bridge = find_bridge(sw, bridge_name);
	struct switch_vif *vif;
	struct interface link;

	if (!interface_name_valid(name))
		return -EINVAL;
	if (!bridge)
		return -ENOENT;
	vif = find_vif(sw, name);
	if (!vif)
		vif = add_vif(sw, name);
	if (!vif)
		return -ENOSPC;
	vif->bridge = bridge;
	if (out)
		*out = vif;
	return interface_read(name, &link) < 0 ? 0 : settle_vif(sw, vif, &link); /* if not now, its coming is announced */
}

int switch_detach(struct net_switch *sw, const char *name)
{
	struct switch_vif *vif = name[0] ? find_vif(sw, name) : NULL;
	int r = 0;

	if (!vif)
		return -ENOENT;
	if (vif->index) {
		bridge_release(vif->bridge->name, vif->index);
		r = interface_set_up(name, false);
	}
	*vif = (struct switch_vif){0};
	return r == -ENODEV ? 0 : r; /* its backend was quicker */
}

size_t switch_bridges(const struct net_switch *sw, const struct switch_bridge **bridges)
{
	*bridges = sw->bridges;
	return sw->bridge_count;
}

const struct switch_vif *switch_vif_at(const struct net_switch *sw, size_t slot)
{
	return slot < SWITCH_VIFS_MAX && sw->vifs[slot].name[0] ? &sw->vifs[slot] : NULL;
}
