// SPDX-License-Identifier: LGPL-2.1-or-later
/* What stands in xenstore for a domain and its devices. */
#include "atolld/nodes.h"

#include <string.h>

/* "n3,r0": owned by domain A, readable by domain B */
static const char *perms(char out[32], unsigned owner, unsigned reader)
{
	snprintf(out, 32, "n%u,r%u", owner, reader);
	return out;
}

static const char *only(char out[32], unsigned owner)
{
	snprintf(out, 32, "n%u", owner);
	return out;
}

void nodes_domain(struct store_batch *b, const struct domain *d)
{
	/* what the domain writes itself */
	static const char *const own[] = {"data", "drivers", "feature", "attr", "error", "control/shutdown", "control/sysrq",
					  "control/feature-poweroff", "control/feature-reboot", "control/feature-suspend",
					  "device/suspend/event-channel"};
	unsigned n = d->domid;
	uint64_t memory_kib = (uint64_t)(d->guest ? d->guest->memory_mib : d->service->memory_mib) << 10;
	unsigned vcpus = d->guest ? d->guest->vcpus : 1, vcpus_max = d->guest ? MAX(d->guest->maxvcpus, vcpus) : 1;
	char base[64], uuid[37], vm[48], p[32];

	snprintf(base, sizeof(base), "/local/domain/%u", n);
	domain_uuid(d, uuid);
	store_batch_put(b, perms(p, 0, n), NULL, "/vm/%s", uuid);
	store_batch_put(b, NULL, d->name, "/vm/%s/name", uuid);
	store_batch_put(b, NULL, uuid, "/vm/%s/uuid", uuid);

	store_batch_put(b, perms(p, 0, n), NULL, "%s", base);
	store_batch_put(b, NULL, d->name, "%s/name", base);
	store_batch_put_int(b, NULL, n, "%s/domid", base);
	snprintf(vm, sizeof(vm), "/vm/%s", uuid);
	store_batch_put(b, NULL, vm, "%s/vm", base);
	store_batch_put_int(b, NULL, (int64_t)memory_kib, "%s/memory/static-max", base);
	store_batch_put_int(b, NULL, (int64_t)memory_kib, "%s/memory/target", base);
	for (unsigned i = 0; i < vcpus_max; i++)
		store_batch_put(b, NULL, i < vcpus ? "online" : "offline", "%s/cpu/%u/availability", base, i);

	store_batch_put(b, perms(p, 0, n), NULL, "%s/control", base);
	store_batch_put(b, NULL, "1", "%s/control/platform-feature-multiprocessor-suspend", base);
	store_batch_put(b, NULL, "1", "%s/control/platform-feature-xs_reset_watches", base);
	store_batch_put(b, perms(p, 0, n), NULL, "%s/device", base);
	for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
		store_batch_put(b, only(p, n), NULL, "%s/%s", base, own[i]);
	if (d->role == ROLE_NET || d->role == ROLE_DISK)
		store_batch_put(b, perms(p, 0, n), NULL, "%s/backend", base);

	if (d->owner) /* QEMU says there how far it is */
		store_batch_put(b, perms(p, n, d->owner->domid), NULL, "%s/device-model/%u", base, d->owner->domid);
	if (d->guest && d->guest->type == GUEST_HVM) {
		store_batch_put(b, NULL, "seabios", "%s/hvmloader/bios", base);
		store_batch_put(b, NULL, "0", "%s/hvmloader/allow-memory-relocate", base); /* QEMU would not learn of it */
		store_batch_put(b, NULL, "qemu_xen", "%s/platform/device-model", base); /* whose ACPI tables fit */
		store_batch_put(b, NULL, "1", "%s/platform/acpi", base);
		store_batch_put(b, NULL, "0", "%s/platform/acpi_s3", base);
		store_batch_put(b, NULL, "0", "%s/platform/acpi_s4", base);
	}
	store_batch_put_int(b, NULL, d->store_port, "%s/store/port", base);
	store_batch_put_int(b, NULL, (int64_t)d->store_gfn, "%s/store/ring-ref", base);
	store_batch_put(b, NULL, "xenconsoled", "%s/console/type", base);
	store_batch_put_int(b, NULL, DOMID_CONSOLE, "%s/console/backend-id", base);
	store_batch_put_int(b, NULL, d->console_port, "%s/console/port", base);
	store_batch_put_int(b, NULL, (int64_t)d->console_gfn, "%s/console/ring-ref", base);
}

void nodes_pci(struct store_batch *b, const struct domain *d)
{
	unsigned n = d->domid;
	char be[64], fe[64], p[32];

	snprintf(be, sizeof(be), "/local/domain/0/backend/pci/%u/0", n);
	snprintf(fe, sizeof(fe), "/local/domain/%u/device/pci/0", n);
	store_batch_put(b, perms(p, n, 0), NULL, "%s", fe);
	store_batch_put(b, NULL, be, "%s/backend", fe);
	store_batch_put_int(b, NULL, 0, "%s/backend-id", fe);
	store_batch_put_int(b, NULL, 1, "%s/state", fe);

	store_batch_put(b, perms(p, 0, n), NULL, "%s", be);
	store_batch_put(b, NULL, fe, "%s/frontend", be);
	store_batch_put_int(b, NULL, n, "%s/frontend-id", be);
	store_batch_put_int(b, NULL, 1, "%s/online", be);
	for (unsigned i = 0; i < d->service->pci_count; i++) {
		store_batch_put(b, NULL, d->service->pci[i], "%s/key-%u", be, i);
		store_batch_put(b, NULL, d->service->pci[i], "%s/dev-%u", be, i);
		store_batch_put(b, NULL, "msitranslate=0,power_mgmt=0,permissive=0", "%s/opts-%u", be, i);
		store_batch_put_int(b, NULL, 1, "%s/state-%u", be, i);
	}
	store_batch_put_int(b, NULL, d->service->pci_count, "%s/num_devs", be);
	store_batch_put_int(b, NULL, 1, "%s/state", be);
}

void nodes_console_backend(struct store_batch *b, const struct domain *d, unsigned index, unsigned state)
{
	char be[80], fe[80], p[32];

	snprintf(be, sizeof(be), "/local/domain/%d/backend/console/%u/%u", DOMID_CONSOLE, d->domid, index);
	snprintf(fe, sizeof(fe), "/local/domain/%u/device/console/%u", d->domid, index);
	store_batch_put(b, perms(p, 0, d->domid), NULL, "%s", be);
	store_batch_put(b, NULL, fe, "%s/frontend", be);
	store_batch_put_int(b, NULL, d->domid, "%s/frontend-id", be);
	store_batch_put_int(b, NULL, 1, "%s/online", be);
	store_batch_put_int(b, NULL, state, "%s/state", be);
}

void nodes_console(struct store_batch *b, const struct domain *d, unsigned index)
{
	char be[80], fe[80], p[32];

	snprintf(be, sizeof(be), "/local/domain/%d/backend/console/%u/%u", DOMID_CONSOLE, d->domid, index);
	snprintf(fe, sizeof(fe), "/local/domain/%u/device/console/%u", d->domid, index);
	store_batch_put(b, only(p, d->domid), NULL, "%s", fe);
	store_batch_put(b, NULL, be, "%s/backend", fe);
	store_batch_put_int(b, NULL, DOMID_CONSOLE, "%s/backend-id", fe);
	store_batch_put(b, NULL, "xenconsoled", "%s/type", fe);
	store_batch_put(b, NULL, "pty", "%s/output", fe);
	store_batch_put(b, NULL, "vt100", "%s/protocol", fe);
	store_batch_put_int(b, NULL, 1, "%s/state", fe);
	nodes_console_backend(b, d, index, 1);
}

static const char *kind_name(const struct device *device)
{
	return device->kind == DEVICE_VIF ? "vif" : "vbd";
}

static void device_paths(const struct domain *guest, const struct device *device, char fe[96], char be[96])
{
	snprintf(fe, 96, "/local/domain/%u/device/%s/%u", guest->domid, kind_name(device), device->id);
	snprintf(be, 96, "/local/domain/%u/backend/%s/%u/%u", device->backend->domid, kind_name(device), guest->domid, device->id);
}

void nodes_backend(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	unsigned g = guest->domid, n = device->backend->domid;
	char fe[96], be[96], p[32];

	device_paths(guest, device, fe, be);
	/* the store took a dead backend's permissions away; without them the reborn one cannot read the frontend */
	store_batch_permit_tree(b, perms(p, g, n), "%s", fe);

	store_batch_put(b, perms(p, n, g), NULL, "%s", be);
	store_batch_put(b, NULL, fe, "%s/frontend", be);
	store_batch_put_int(b, NULL, g, "%s/frontend-id", be);
	store_batch_put_int(b, NULL, 1, "%s/online", be);
	if (device->kind == DEVICE_VIF) {
		store_batch_put(b, NULL, device->mac, "%s/mac", be);
		store_batch_put(b, NULL, device->vif->bridge, "%s/bridge", be);
		store_batch_put_int(b, NULL, device->id, "%s/handle", be);
		store_batch_put(b, NULL, "vif", "%s/type", be);
		store_batch_put(b, NULL, "none", "%s/script", be); /* Linux's netback wants one; the agent does its work */
	} else {
		store_batch_put(b, NULL, device->vbd->vdev, "%s/dev", be);
		store_batch_put(b, NULL, device->vbd->target, "%s/params", be);
		store_batch_put(b, NULL, device->vbd->writable ? "w" : "r", "%s/mode", be);
		store_batch_put(b, NULL, "phy", "%s/type", be);
		store_batch_put(b, NULL, "disk", "%s/device-type", be);
		store_batch_put_int(b, NULL, 0, "%s/removable", be);
		store_batch_put_int(b, NULL, 1, "%s/bootable", be);
		store_batch_put_int(b, NULL, 1, "%s/discard-enable", be);
		store_batch_put(b, NULL, device->physical, "%s/physical-device", be);
	}
	store_batch_put(b, NULL, "connected", "%s/hotplug-status", be);
	store_batch_put_int(b, NULL, 1, "%s/state", be);
}

void nodes_frontend(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	char fe[96], be[96], p[32];

	device_paths(guest, device, fe, be);
	store_batch_put(b, perms(p, guest->domid, device->backend->domid), NULL, "%s", fe);
	store_batch_put(b, NULL, be, "%s/backend", fe);
	store_batch_put_int(b, NULL, device->backend->domid, "%s/backend-id", fe);
	if (device->kind == DEVICE_VIF) {
		store_batch_put_int(b, NULL, device->id, "%s/handle", fe);
		store_batch_put(b, NULL, device->mac, "%s/mac", fe);
		store_batch_put_int(b, NULL, 1500, "%s/mtu", fe);
		store_batch_put_int(b, NULL, 0, "%s/xdp-headroom", fe);
	} else {
		store_batch_put_int(b, NULL, device->id, "%s/virtual-device", fe);
		store_batch_put(b, NULL, "disk", "%s/device-type", fe);
	}
	store_batch_put_int(b, NULL, 1, "%s/state", fe);
}

void nodes_remove_backend(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	char fe[96], be[96];

	device_paths(guest, device, fe, be);
	store_batch_remove(b, "%s", be);
}

void nodes_close_backend(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	char fe[96], be[96];

	device_paths(guest, device, fe, be);
	store_batch_put_int(b, NULL, 0, "%s/online", be);
	store_batch_put_int(b, NULL, 5, "%s/state", be);
}

void nodes_remove_device(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	char fe[96], be[96];

	device_paths(guest, device, fe, be);
	store_batch_remove(b, "%s", be);
	store_batch_remove(b, "%s", fe);
	/* the directory of the guest's devices of that kind, once it is empty, goes with the guest */
}

static bool shared_uuid(const struct domain *d)
{
	for (const struct domain *other = d->guest && d->atolld ? d->atolld->domains : NULL; other; other = other->next) {
		if (other != d && other->guest && !strcmp(other->guest->uuid, d->guest->uuid))
			return true;
	}
	return false;
}

void nodes_remove_domain(struct store_batch *b, const struct domain *d)
{
	char uuid[37];

	domain_uuid(d, uuid);
	if (!shared_uuid(d)) /* as while a guest moves to the same host */
		store_batch_remove(b, "/vm/%s", uuid);
	store_batch_remove(b, "/local/domain/%u", d->domid);
	store_batch_remove(b, "/local/domain/%d/backend/console/%u", DOMID_CONSOLE, d->domid);
	if (d->service && d->service->pci_count)
		store_batch_remove(b, "/local/domain/0/backend/pci/%u", d->domid);
	for (unsigned i = 0; i < d->device_count; i++)
		store_batch_remove(b, "/local/domain/%u/backend/%s/%u", d->devices[i].backend->domid, kind_name(&d->devices[i]),
				   d->domid);
}
