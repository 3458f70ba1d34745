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

/* Directory DIR, if PERMS are given, and nodes below it: lines of NAME=VALUE, none of which has a newline in it (config/). */
static void put(struct store_batch *b, const char *perms, const char *dir, const char *fmt, ...) PRINTF(4, 5);
static void put(struct store_batch *b, const char *perms, const char *dir, const char *fmt, ...)
{
	char text[1024], *rest = text, *line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (perms)
		store_batch_put(b, perms, NULL, "%s", dir);
	while ((line = strsep(&rest, "\n"))) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		store_batch_put(b, NULL, value, "%s/%s", dir, line);
	}
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
	char base[64], control[80], uuid[37], vm[48], readable[32], p[32];

	perms(readable, 0, n);
	snprintf(base, sizeof(base), "/local/domain/%u", n);
	snprintf(control, sizeof(control), "%s/control", base);
	domain_uuid(d, uuid);
	snprintf(vm, sizeof(vm), "/vm/%s", uuid);
	put(b, readable, vm, "name=%s\nuuid=%s", d->name, uuid);
	put(b, readable, base, "name=%s\ndomid=%u\nvm=%s\nmemory/static-max=%lu", d->name, n, vm, memory_kib);
	if (!d->service || !d->service->snapshot) /* else it gets its memory when it serves */
		put(b, NULL, base, "memory/target=%lu", memory_kib);
	for (unsigned i = 0; i < vcpus_max; i++)
		store_batch_put(b, NULL, i < vcpus ? "online" : "offline", "%s/cpu/%u/availability", base, i);
	put(b, readable, control, "platform-feature-multiprocessor-suspend=1\nplatform-feature-xs_reset_watches=1");
	store_batch_put(b, readable, NULL, "%s/device", base);
	snprintf(p, sizeof(p), "n%u", n);
	for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
		store_batch_put(b, p, NULL, "%s/%s", base, own[i]);
	if (d->role == ROLE_NET || d->role == ROLE_DISK)
		store_batch_put(b, readable, NULL, "%s/backend", base);

	if (d->owner) /* QEMU says there how far it is */
		store_batch_put(b, perms(p, n, d->owner->domid), NULL, "%s/device-model/%u", base, d->owner->domid);
	if (d->guest && d->guest->type == GUEST_HVM) /* QEMU would not learn of relocated memory; its ACPI tables fit qemu_xen */
		put(b, NULL, base, "hvmloader/bios=seabios\nhvmloader/allow-memory-relocate=0\nplatform/device-model=qemu_xen\n"
		    "platform/acpi=1\nplatform/acpi_s3=0\nplatform/acpi_s4=0");
	put(b, NULL, base, "store/port=%u\nstore/ring-ref=%lu\nconsole/type=xenconsoled\nconsole/backend-id=%d\nconsole/port=%u\n"
	    "console/ring-ref=%lu", d->store_port, d->store_gfn, DOMID_CONSOLE, d->console_port, d->console_gfn);
}

void nodes_pci(struct store_batch *b, const struct domain *d)
{
	unsigned n = d->domid;
	char be[64], fe[64], p[32];

	snprintf(be, sizeof(be), "/local/domain/0/backend/pci/%u/0", n);
	snprintf(fe, sizeof(fe), "/local/domain/%u/device/pci/0", n);
	put(b, perms(p, n, 0), fe, "backend=%s\nbackend-id=0\nstate=1", be);
	put(b, perms(p, 0, n), be, "frontend=%s\nfrontend-id=%u\nonline=1", fe, n);
	for (unsigned i = 0; i < d->service->pci_count; i++)
		put(b, NULL, be, "key-%u=%s\ndev-%u=%s\nopts-%u=msitranslate=0,power_mgmt=0,permissive=0\nstate-%u=1", i, d->service->pci[i], i,
		    d->service->pci[i], i, i);
	put(b, NULL, be, "num_devs=%u\nstate=1", d->service->pci_count);
}

void nodes_console_backend(struct store_batch *b, const struct domain *d, unsigned index, unsigned state)
{
	char be[80], p[32];

	snprintf(be, sizeof(be), "/local/domain/%d/backend/console/%u/%u", DOMID_CONSOLE, d->domid, index);
	put(b, perms(p, 0, d->domid), be, "frontend=/local/domain/%u/device/console/%u\nfrontend-id=%u\nonline=1\nstate=%u", d->domid, index,
	    d->domid, state);
}

void nodes_console(struct store_batch *b, const struct domain *d, unsigned index)
{
	char fe[80], p[32];

	snprintf(fe, sizeof(fe), "/local/domain/%u/device/console/%u", d->domid, index);
	snprintf(p, sizeof(p), "n%u", d->domid);
	put(b, p, fe, "backend=/local/domain/%d/backend/console/%u/%u\nbackend-id=%d\ntype=xenconsoled\noutput=pty\nprotocol=vt100\nstate=1",
	    DOMID_CONSOLE, d->domid, index, DOMID_CONSOLE);
	nodes_console_backend(b, d, index, 1);
}

void nodes_device_path(const struct domain *guest, const struct device *device, bool frontend, char path[NODES_PATH_MAX])
{
	if (frontend)
		snprintf(path, NODES_PATH_MAX, "/local/domain/%u/device/%s/%u", guest->domid, device_kind_name(device->spec.kind), device->spec.id);
	else
		snprintf(path, NODES_PATH_MAX, "/local/domain/%u/backend/%s/%u/%u", device->backend->domid, device_kind_name(device->spec.kind),
			 guest->domid, device->spec.id);
}

static void device_paths(const struct domain *guest, const struct device *device, char fe[NODES_PATH_MAX], char be[NODES_PATH_MAX])
{
	nodes_device_path(guest, device, true, fe);
	nodes_device_path(guest, device, false, be);
}

void nodes_backend(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	unsigned g = guest->domid, n = device->backend->domid;
	char fe[NODES_PATH_MAX], be[NODES_PATH_MAX], p[32];

	device_paths(guest, device, fe, be);
	/* the store took a dead backend's permissions away; without them the reborn one cannot read the frontend */
	store_batch_permit_tree(b, perms(p, g, n), "%s", fe);

	put(b, perms(p, n, g), be, "frontend=%s\nfrontend-id=%u\nonline=1", fe, g);
	if (device->spec.kind == DEVICE_VIF) /* Linux's netback wants a script; the agent does its work */
		put(b, NULL, be, "mac=%s\nbridge=%s\nhandle=%u\ntype=vif\nscript=none", device->spec.mac, device->spec.bridge, device->spec.id);
	else
		put(b, NULL, be, "dev=%s\nparams=%s\nmode=%s\ntype=phy\ndevice-type=disk\nremovable=0\nbootable=1\ndiscard-enable=1\n"
		    "physical-device=%s", device->spec.name, device->spec.target, device->spec.writable ? "w" : "r", device->physical);
	put(b, NULL, be, "hotplug-status=connected\nstate=1");
}

void nodes_frontend(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	char fe[NODES_PATH_MAX], be[NODES_PATH_MAX], p[32];

	device_paths(guest, device, fe, be);
	put(b, perms(p, guest->domid, device->backend->domid), fe, "backend=%s\nbackend-id=%u", be, device->backend->domid);
	if (device->spec.kind == DEVICE_VIF)
		put(b, NULL, fe, "handle=%u\nmac=%s\nmtu=1500\nxdp-headroom=0", device->spec.id, device->spec.mac);
	else
		put(b, NULL, fe, "virtual-device=%u\ndevice-type=disk", device->spec.id);
	put(b, NULL, fe, "state=1");
}

void nodes_remove_backend(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	char be[NODES_PATH_MAX];

	nodes_device_path(guest, device, false, be);
	store_batch_remove(b, "%s", be);
}

void nodes_close_backend(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	char be[NODES_PATH_MAX];

	nodes_device_path(guest, device, false, be);
	put(b, NULL, be, "online=0\nstate=5");
}

void nodes_remove_device(struct store_batch *b, const struct domain *guest, const struct device *device)
{
	char fe[NODES_PATH_MAX];

	nodes_remove_backend(b, guest, device);
	nodes_device_path(guest, device, true, fe);
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
		store_batch_remove(b, "/local/domain/%u/backend/%s/%u", d->devices[i].backend->domid, device_kind_name(d->devices[i].spec.kind), d->domid);
}
