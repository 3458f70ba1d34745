// SPDX-License-Identifier: LGPL-2.1-or-later
/* The store's nodes of domains and devices: the store is replaced by a list at link time. */
#include "atolld/nodes.h"

#include <string.h>

#include "tap.h"

static struct {
	char path[STORE_PATH_MAX], perms[32], value[128];
	char kind; /* 'w'rite, 'p'ermit, 'r'emove */
} ops[STORE_BATCH_MAX];
static unsigned count;

static void add(char kind, const char *perms, const char *value, const char *fmt, va_list ap)
{
	ops[count].kind = kind;
	snprintf(ops[count].perms, sizeof(ops[count].perms), "%s", perms ? perms : "");
	snprintf(ops[count].value, sizeof(ops[count].value), "%s", value ? value : "");
	vsnprintf(ops[count].path, sizeof(ops[count].path), fmt, ap);
	count++;
}

/* --- the fake store --- */

void store_batch_put(struct store_batch *batch, const char *perms, const char *value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add('w', perms, value, fmt, ap);
	va_end(ap);
}

void store_batch_put_int(struct store_batch *batch, const char *perms, int64_t value, const char *fmt, ...)
{
	char text[24];
	va_list ap;

	snprintf(text, sizeof(text), "%lld", (long long)value);
	va_start(ap, fmt);
	add('w', perms, text, fmt, ap);
	va_end(ap);
}

void store_batch_permit_tree(struct store_batch *batch, const char *perms, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add('p', perms, NULL, fmt, ap);
	va_end(ap);
}

void store_batch_remove(struct store_batch *batch, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add('r', NULL, NULL, fmt, ap);
	va_end(ap);
}

void domain_uuid(const struct domain *d, char out[37])
{
	snprintf(out, 37, "uuid-%u", d->domid);
}

/* --- */

static int find(char kind, const char *path)
{
	for (unsigned i = 0; i < count; i++) {
		if (ops[i].kind == kind && !strcmp(ops[i].path, path))
			return (int)i;
	}
	return -1;
}

static bool has(const char *path, const char *value, const char *perms)
{
	int i = find('w', path);

	return i >= 0 && !strcmp(ops[i].value, value) && (!perms || !strcmp(ops[i].perms, perms));
}

#define BE "/local/domain/3/backend/vif/32/0"
#define FE "/local/domain/32/device/vif/0"

int main(void)
{
	struct guest_config config = {.name = "g", .memory_mib = 64, .vcpus = 2};
	struct host_service service = {.name = "net0", .role = ROLE_NET, .memory_mib = 96, .pci = {"0000:00:10.0"}, .pci_count = 1};
	struct domain net = {.name = "net0", .role = ROLE_NET, .domid = 3, .service = &service};
	struct domain guest = {.name = "g", .role = ROLE_GUEST, .domid = 32, .guest = &config, .device_count = 1};
	struct domain dm = {.name = "g-dm", .role = ROLE_DM, .domid = 33, .service = &service, .owner = &guest};

	guest.devices[0] = (struct device){.spec = {.kind = DEVICE_VIF, .mac = "00:16:3e:00:00:01", .bridge = "xenbr0"}, .backend = &net};

	nodes_domain(NULL, &guest);
	ok(has("/local/domain/32", "", "n0,r32"), "a domain reads its directory and does not own it");
	ok(has("/local/domain/32/data", "", "n32"), "it owns its data");
	ok(has("/local/domain/32/control/shutdown", "", "n32"), "and answers shutdown requests");
	ok(has("/local/domain/32/cpu/1/availability", "online", NULL), "each processor is online");
	ok(has("/local/domain/32/console/backend-id", "2", NULL), "its console is the console domain's");

	count = 0;
	nodes_frontend(NULL, &guest, &guest.devices[0]);
	nodes_backend(NULL, &guest, &guest.devices[0]);
	ok(has(FE, "", "n32,r3"), "a frontend is the guest's, and its backend reads it");
	ok(has(BE, "", "n3,r32"), "a backend is the service's, and the guest reads it");
	ok(has(BE "/hotplug-status", "connected", NULL) && has(BE "/script", "none", NULL), "no script is waited for");
	ok(find('p', FE) >= 0 && find('p', FE) < find('w', BE), "a reborn backend may read the frontend before it is told of it");
	ok(find('w', BE "/state") == (int)count - 1, "the backend's state is written last");

	ok(find('w', "/local/domain/32/hvmloader/bios") < 0, "firmware is HVM guests' affair");
	count = 0;
	config.type = GUEST_HVM;
	nodes_domain(NULL, &guest);
	ok(has("/local/domain/32/hvmloader/bios", "seabios", NULL), "an HVM guest is told its firmware");
	count = 0;
	nodes_domain(NULL, &dm);
	ok(has("/local/domain/33/device-model/32", "", "n33,r32"), "QEMU writes its state where its guest may read it");

	count = 0;
	nodes_pci(NULL, &net);
	ok(has("/local/domain/0/backend/pci/3/0", "", "n0,r3") && has("/local/domain/0/backend/pci/3/0/dev-0", "0000:00:10.0", NULL),
	   "a PCI device is offered by the control domain");
	ok(strstr(ops[find('w', "/local/domain/0/backend/pci/3/0/opts-0")].value, "permissive=0") != NULL, "strictly");

	count = 0;
	nodes_remove_device(NULL, &guest, &guest.devices[0]);
	ok(find('r', BE) >= 0 && find('r', FE) >= 0, "both halves of a device are removed");
	count = 0;
	nodes_remove_domain(NULL, &guest);
	ok(find('r', "/local/domain/32") >= 0 && find('r', "/vm/uuid-32") >= 0 && find('r', "/local/domain/3/backend/vif/32") >= 0,
	   "nothing of a guest stays");
	count = 0;
	nodes_remove_domain(NULL, &net);
	ok(find('r', "/local/domain/0/backend/pci/3") >= 0, "nor a service's PCI backend");
	return plan_done();
}
