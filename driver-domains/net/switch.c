// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The net domain's switch. One function, settle_*(), compares an interface with what was ordered and changes what differs; it is
 * called for orders and announcements alike. The kernel announces our own changes too: they find nothing left to do.
 */
#include "net/switch.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"

struct net_switch {
	struct links *links;
	char sys_root[64];
	switch_event_fn *fn;
	void *data;
	struct switch_bridge bridges[SWITCH_BRIDGES_MAX];
	size_t bridge_count;
	struct switch_vif vifs[SWITCH_VIFS_MAX]; /* name "": free */
};

bool interface_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	}
	return true;
}

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

/* Brings LINK into BRIDGE and up. The MTU goes first: a bridge takes the smallest of its ports. */
static int enslave(struct net_switch *sw, const struct nl_link *link, const struct switch_bridge *bridge, uint32_t mtu)
{
	int r = 0;

	if (mtu && link->mtu != mtu)
		r = links_set_mtu(sw->links, link->index, mtu);
	if (r == 0 && link->master != bridge->index)
		r = links_set_master(sw->links, link->index, bridge->index);
	if (r == 0 && !(link->flags & IFF_UP))
		r = links_set_up(sw->links, link->index, true);
	return r;
}

static int settle_vif(struct net_switch *sw, struct switch_vif *vif, const struct nl_link *link)
{
	bool fresh = vif->index != link->index;
	int r = enslave(sw, link, vif->bridge, vif->mtu);

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

static int settle_nic(struct net_switch *sw, struct switch_bridge *bridge, const struct nl_link *link)
{
	bool fresh = bridge->nic_index != link->index;
	int r = enslave(sw, link, bridge, 0);

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
static struct switch_bridge *bridge_for_nic(struct net_switch *sw, const struct nl_link *link)
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
	return wants && is_physical_nic(sw->sys_root, link->name) ? wants : NULL;
}

static void forget_link(struct net_switch *sw, const struct nl_link *link)
{
	for (size_t i = 0; i < sw->bridge_count; i++) {
		struct switch_bridge *bridge = &sw->bridges[i];

		if (bridge->nic_index != link->index)
			continue;
		log_warning("%s: %s is gone", bridge->name, bridge->nic);
		bridge->nic_index = 0;
		if (bridge->choice == NIC_AUTO)
			bridge->nic[0] = '\0';
	}
	for (size_t i = 0; i < SWITCH_VIFS_MAX; i++) {
		struct switch_vif *vif = &sw->vifs[i];

		if (!vif->name[0] || vif->index != link->index)
			continue;
		vif->index = 0;
		sw->fn(vif, false, sw->data);
	}
}

static void on_link(const struct nl_link *link, bool gone, void *data)
{
	struct net_switch *sw = data;
	struct switch_bridge *bridge;
	struct switch_vif *vif;

	if (gone) {
		forget_link(sw, link);
		return;
	}
	vif = find_vif(sw, link->name);
	if (vif) {
		settle_vif(sw, vif, link);
		return;
	}
	bridge = bridge_for_nic(sw, link);
	if (bridge)
		settle_nic(sw, bridge, link);
}

static bool listed(const struct nl_link *list, size_t count, int index)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].index == index)
			return true;
	}
	return false;
}

/* Looks at every interface: for orders that concern what exists, and after announcements were lost. */
static int settle_all(struct net_switch *sw)
{
	AUTO_FREE struct nl_link *list = NULL;
	size_t count;
	int r = links_list(sw->links, &list, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < SWITCH_VIFS_MAX; i++) {
		struct nl_link gone = {.index = sw->vifs[i].index};

		if (gone.index && !listed(list, count, gone.index))
			forget_link(sw, &gone);
	}
	for (size_t i = 0; i < sw->bridge_count; i++) {
		struct nl_link gone = {.index = sw->bridges[i].nic_index};

		if (gone.index && !listed(list, count, gone.index))
			forget_link(sw, &gone);
	}
	for (size_t i = 0; i < count; i++)
		on_link(&list[i], false, sw);
	return 0;
}

static void on_lost(void *data)
{
	int r = settle_all(data);

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
		r = links_create(loop, on_link, on_lost, sw, &sw->links);
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
		links_destroy(sw->links);
	free(sw);
	return NULL;
}

static int make_bridge(struct net_switch *sw, const char *name, int *index)
{
	struct nl_link link;
	int r = links_create_bridge(sw->links, name);

	if (r < 0 && r != -EEXIST)
		return r;
	r = links_find(sw->links, name, &link);
	if (r < 0)
		return r;
	if (strcmp(link.kind, "bridge") != 0)
		return -EEXIST;
	*index = link.index;
	return link.flags & IFF_UP ? 0 : links_set_up(sw->links, link.index, true);
}

/* Lets go of the NIC that BRIDGE has, unless that is what is ordered. */
static int release_nic(struct net_switch *sw, struct switch_bridge *bridge, enum nic_choice choice, const char *nic)
{
	bool keep = choice == NIC_AUTO || (choice == NIC_NAMED && !strcmp(bridge->nic, nic));
	int r = 0;

	if (keep && bridge->nic_index)
		return 0;
	if (bridge->nic_index)
		r = links_set_master(sw->links, bridge->nic_index, 0);
	bridge->nic_index = 0;
	bridge->nic[0] = '\0';
	return r;
}

int switch_configure(struct net_switch *sw, const char *name, enum nic_choice choice, const char *nic)
{
	struct switch_bridge *bridge = find_bridge(sw, name);
	int index, r;

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
	r = make_bridge(sw, name, &index);
	if (r < 0)
		return r;
	if (!bridge) {
		bridge = &sw->bridges[sw->bridge_count++];
		memset(bridge, 0, sizeof(*bridge));
		snprintf(bridge->name, sizeof(bridge->name), "%s", name);
	}
	bridge->index = index;
	r = release_nic(sw, bridge, choice, nic);
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

int switch_attach(struct net_switch *sw, const char *name, const char *bridge_name, uint32_t mtu, const struct switch_vif **out)
{
	struct switch_bridge *bridge = find_bridge(sw, bridge_name);
	struct switch_vif *vif;
	struct nl_link link;
	int r;

	if (!vif_name_valid(name) || (mtu && (mtu < SWITCH_MTU_MIN || mtu > SWITCH_MTU_MAX)))
		return -EINVAL;
	if (!bridge)
		return -ENOENT;
	vif = find_vif(sw, name);
	if (!vif)
		vif = add_vif(sw, name);
	if (!vif)
		return -ENOSPC;
	vif->bridge = bridge;
	vif->mtu = mtu;
	if (out)
		*out = vif;
	r = links_find(sw->links, name, &link);
	if (r == -ENODEV)
		return 0; /* on_link() will see it */
	return r < 0 ? r : settle_vif(sw, vif, &link);
}

int switch_detach(struct net_switch *sw, const char *name)
{
	struct switch_vif *vif = name[0] ? find_vif(sw, name) : NULL;
	int r;

	if (!vif)
		return -ENOENT;
	r = vif->index ? links_set_master(sw->links, vif->index, 0) : 0;
	if (r == 0 && vif->index)
		r = links_set_up(sw->links, vif->index, false);
	memset(vif, 0, sizeof(*vif));
	return r == -ENODEV ? 0 : r; /* netback was quicker */
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

struct links *switch_links(struct net_switch *sw)
{
	return sw->links;
}
