// SPDX-License-Identifier: LGPL-2.1-or-later
/* PCI devices for service domains: sysfs on one side, the hypervisor on the other. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "builder.h"

#define DEVICES "bus/pci/devices"
#define PCIBACK "bus/pci/drivers/pciback"
#define SYSFS_FILE_MAX 65536
#define CLASS_BRIDGE 0x06

/* Writes TEXT to the file of sysfs with that path. */
static int sys_write(const struct builder *builder, const char *text, const char *fmt, ...) PRINTF(3, 4);
static int sys_write(const struct builder *builder, const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];
	int at = snprintf(path, sizeof(path), "%s/", builder->sysfs), fd AUTO_CLOSE = -1;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + at, sizeof(path) - at, fmt, ap);
	va_end(ap);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* A file of a device. The caller frees TEXT. */
static int device_read(const struct builder *builder, const char *bdf, const char *file, char **text)
{
	char path[PATH_MAX];
	int ret = format(path, sizeof(path), "%s/" DEVICES "/%s/%s", builder->sysfs, bdf, file);

	return ret < 0 ? ret : read_file(path, SYSFS_FILE_MAX, text, NULL);
}

/* The name of the driver that holds the device; "" if none does. */
static int current_driver(const struct builder *builder, const char *bdf, char driver[PCI_DRIVER_MAX])
{
	char path[PATH_MAX], target[PATH_MAX], *name;
	int ret = format(path, sizeof(path), "%s/" DEVICES "/%s/driver", builder->sysfs, bdf);
	ssize_t n;

	driver[0] = '\0';
	if (ret < 0)
		return ret;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	target[n] = '\0';
	name = strrchr(target, '/');
	return format(driver, PCI_DRIVER_MAX, "%s", name ? name + 1 : target);
}

static int check_device(struct builder *builder, const char *bdf)
{
	char *text AUTO_FREE = NULL;
	int ret = device_read(builder, bdf, "class", &text);

	if (ret == -ENOENT)
		return fail(builder, ENOENT, "PCI device %s: this host has none at that address", bdf);
	if (ret < 0)
		return fail(builder, -ret, "PCI device %s: %s", bdf, strerror(-ret));
	if (strtoul(text, NULL, 16) >> 16 == CLASS_BRIDGE)
		return fail(builder, EINVAL, "PCI device %s: a bridge cannot be given to a domain", bdf);
	return 0;
}

static int check_iommu(struct builder *builder, const char *bdf)
{
	uint64_t free_kib;
	xc_physinfo_t info;
	int ret = host_info(builder, &info, &free_kib);

	if (ret < 0)
		return ret;
	if (!(info.capabilities & XEN_SYSCTL_PHYSCAP_directio))
		return fail(builder, ENOTSUP,
			    "PCI device %s: no IOMMU: switch it on in the firmware and on Xen's command line (iommu=on)", bdf);
	return 0;
}

static int bind_pciback(struct builder *builder, const char *bdf, const char *driver)
{
	/* Pciback takes no device without; nor can a host driver take it when pciback lets go. */
	int ret = sys_write(builder, "pciback", DEVICES "/%s/driver_override", bdf);

	if (ret == 0 && driver[0]) {
		ret = sys_write(builder, bdf, DEVICES "/%s/driver/unbind", bdf);
		if (ret < 0 && ret != -ENODEV)
			return fail(builder, -ret, "PCI device %s: cannot be taken from %s: %s", bdf, driver, strerror(-ret));
		ret = 0; /* it may have left by itself */
	}
	if (ret == 0)
		ret = sys_write(builder, bdf, PCIBACK "/bind");
	if (ret == -ENOENT)
		return fail(builder, ENOENT, "PCI device %s: xen-pciback is not loaded (modprobe xen-pciback)", bdf);
	if (ret < 0)
		return fail(builder, -ret, "PCI device %s: xen-pciback does not take it: %s", bdf, strerror(-ret));
	return 0;
}

int pci_seize(struct builder *builder, uint32_t address, char driver[PCI_DRIVER_MAX])
{
	char bdf[PCI_TEXT_MAX];
	int ret;

	pci_format_address(address, bdf);
	ret = check_device(builder, bdf);
	if (ret == 0)
		ret = check_iommu(builder, bdf);
	if (ret < 0)
		return ret;
	ret = current_driver(builder, bdf, driver);
	if (ret < 0)
		return fail(builder, -ret, "PCI device %s: cannot tell its driver: %s", bdf, strerror(-ret));
	if (strcmp(driver, "pciback")) {
		ret = bind_pciback(builder, bdf, driver);
		if (ret < 0)
			return ret;
	} else if (xc_test_assign_device(builder->xen, DOMID_INVALID, address) < 0) {
		return 0; /* a domain has it: adopted after a restart */
	}
	if (xc_assign_device(builder->xen, DOMID_IO, address, XEN_DOMCTL_DEV_RDM_RELAXED) < 0)
		return fail_xen(builder, "PCI device %s: cannot be quarantined", bdf);
	return 0;
}

static int allow_resource(struct builder *builder, uint32_t domid, const char *bdf, const struct pci_resource *r)
{
	uint64_t first = r->start / PAGE_BYTES, last = (r->start + r->size - 1) / PAGE_BYTES;
	int ret;

	if (r->io)
		ret = xc_domain_ioport_permission(builder->xen, domid, r->start, r->size, 1);
	else
		ret = xc_domain_iomem_permission(builder->xen, domid, first, last - first + 1, 1);
	if (ret < 0)
		return fail_xen(builder, "PCI device %s: cannot give %s at 0x%llx to domain %u", bdf,
				r->io ? "its ports" : "its memory", (unsigned long long)r->start, domid);
	return 0;
}

static int allow_resources(struct builder *builder, uint32_t domid, const char *bdf)
{
	struct pci_resource resources[PCI_RESOURCES];
	char *text AUTO_FREE = NULL;
	int ret = device_read(builder, bdf, "resource", &text), count;

	count = ret < 0 ? ret : pci_parse_resources(text, resources);
	if (count < 0)
		return fail(builder, -count, "PCI device %s: cannot tell its resources: %s", bdf, strerror(-count));
	for (int i = 0; i < count && ret == 0; i++)
		ret = allow_resource(builder, domid, bdf, &resources[i]);
	return ret;
}

static int allow_interrupt(struct builder *builder, uint32_t domid, const char *bdf)
{
	char *text AUTO_FREE = NULL;
	int ret = device_read(builder, bdf, "irq", &text), irq;

	if (ret < 0)
		return fail(builder, -ret, "PCI device %s: cannot tell its interrupt: %s", bdf, strerror(-ret));
	irq = atoi(text);
	if (irq <= 0)
		return 0;
	if (xc_physdev_map_pirq(builder->xen, domid, irq, &irq) < 0 ||
	    xc_domain_irq_permission(builder->xen, domid, irq, true) < 0)
		return fail_xen(builder, "PCI device %s: cannot give interrupt %d to domain %u", bdf, irq, domid);
	return 0;
}

int pci_assign(struct builder *builder, uint32_t domid, uint32_t address)
{
	char bdf[PCI_TEXT_MAX], driver[PCI_DRIVER_MAX];
	int ret;

	pci_format_address(address, bdf);
	ret = check_device(builder, bdf);
	if (ret < 0)
		return ret;
	if (current_driver(builder, bdf, driver) < 0 || strcmp(driver, "pciback"))
		return fail(builder, EBUSY, "PCI device %s: is the host's (driver %s): seize it first", bdf,
			    driver[0] ? driver : "none");
	if (xc_test_assign_device(builder->xen, DOMID_INVALID, address) < 0)
		return fail(builder, EBUSY, "PCI device %s: another domain has it", bdf);
	/* A predecessor may have left it in the middle of something; a device without a reset is quiet in quarantine. */
	ret = sys_write(builder, "1", DEVICES "/%s/reset", bdf);
	if (ret < 0 && ret != -ENOENT)
		log_warning("PCI device %s: cannot be reset: %s", bdf, strerror(-ret));
	if (xc_assign_device(builder->xen, domid, address, 0) < 0) {
		if (errno == EOPNOTSUPP)
			return fail(builder, EOPNOTSUPP,
				    "PCI device %s: domain %u was built without devices: name it in domain.build", bdf, domid);
		return fail_xen(builder, "PCI device %s: cannot be given to domain %u", bdf, domid);
	}
	ret = allow_resources(builder, domid, bdf);
	return ret < 0 ? ret : allow_interrupt(builder, domid, bdf);
}
