// SPDX-License-Identifier: LGPL-2.1-or-later
/* From dm.start's parameters to QEMU's arguments. */
#include "machine.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define DOMID_MAX 0x7fef
#define MEMORY_MIB_MAX (1 << 20)
#define VCPUS_MAX 128
#define ARGUMENT_MAX 256

static int complain(char *why, size_t size, const char *fmt, ...) PRINTF(3, 4);
static int complain(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool mac_valid(const char *mac)
{
	for (unsigned i = 0; i < 17; i++) {
		if (i % 3 == 2 ? mac[i] != ':' : !isxdigit((unsigned char)mac[i]))
			return false;
	}
	return !mac[17];
}

/* "xvda": a whole disk, which has the same name here. */
static bool vdev_valid(const char *vdev)
{
	return strlen(vdev) == 4 && !strncmp(vdev, "xvd", 3) && islower((unsigned char)vdev[3]);
}

static int read_disks(const struct json *list, struct machine *m, char *why, size_t size)
{
	json_for_each(item, list) {
		const char *vdev = json_get_string(item, "vdev", "");

		if (!json_get_bool(item, "writable", false) || m->disk_count == MACHINE_DISKS_MAX)
			continue;
		if (strlen(vdev) != 4)
			continue; /* a partition: no machine has one of its own */
		if (!vdev_valid(vdev))
			return complain(why, size, "disks: %.16s is no disk's name", vdev);
		strcpy(m->disks[m->disk_count++].vdev, vdev);
	}
	return 0;
}

static int read_nics(const struct json *list, struct machine *m, char *why, size_t size)
{
	json_for_each(item, list) {
		const char *mac = json_get_string(item, "mac", "");

		if (!mac_valid(mac) || m->nic_count == MACHINE_NICS_MAX)
			return complain(why, size, "nics: at most %d with an address each", MACHINE_NICS_MAX);
		strcpy(m->macs[m->nic_count++], mac);
	}
	return 0;
}

int machine_read(const struct json *params, struct machine *m, char *why, size_t size)
{
	const char *name = json_get_string(params, "name", ""), *boot = json_get_string(params, "boot", "c");
	const char *bus = json_get_string(params, "disk_bus", "ide"), *vga = json_get_string(params, "vga", "none");
	int64_t guest, memory, vcpus;
	int r;

	*m = (struct machine){0};
	if (json_read_int(params, "guest", 1, DOMID_MAX, &guest) < 0 ||
	    json_read_int(params, "memory_mib", 1, MEMORY_MIB_MAX, &memory) < 0 ||
	    json_read_int(params, "vcpus", 1, VCPUS_MAX, &vcpus) < 0)
		return complain(why, size, "guest, memory_mib and vcpus are needed");
	if (!name_valid(name) || format(m->name, sizeof(m->name), "%s", name) < 0)
		return complain(why, size, "name: not one");
	if (!*boot || strspn(boot, "cdn") != strlen(boot) || format(m->boot, sizeof(m->boot), "%s", boot) < 0)
		return complain(why, size, "boot: up to 4 letters of c, d, n are wanted");
	if (strcmp(bus, "ide") && strcmp(bus, "ahci"))
		return complain(why, size, "disk_bus: ide or ahci is wanted");
	if (strcmp(vga, "none") && strcmp(vga, "stdvga"))
		return complain(why, size, "vga: none or stdvga is wanted");
	m->guest = (unsigned)guest;
	m->memory_mib = (unsigned)memory;
	m->vcpus = (unsigned)vcpus;
	m->ahci = *bus == 'a';
	m->vga = *vga == 's';
	m->serial = json_get_bool(params, "serial", false);
	r = read_disks(json_get(params, "disks"), m, why, size);
	return r < 0 ? r : read_nics(json_get(params, "nics"), m, why, size);
}

static int add(struct arguments *a, const char *fmt, ...) PRINTF(2, 3);
static int add(struct arguments *a, const char *fmt, ...)
{
	char text[ARGUMENT_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(text) || a->count == ARGUMENTS_MAX)
		return -E2BIG;
	a->list[a->count] = strdup(text);
	return a->list[a->count] ? (a->count++, 0) : -ENOMEM;
}

static int add_disk(const struct machine *m, unsigned i, struct arguments *a)
{
	int r = add(a, "-drive");

	/* Through the page cache: direct I/O is refused for the guest's pages, which are not this domain's. QEMU flushes it when the
	 * guest's own driver unplugs the disk. */
	r |= add(a, "file=/dev/%s,if=none,id=disk%u,format=raw,cache=writeback,aio=threads,file.locking=off", m->disks[i].vdev, i);
	r |= add(a, "-device");
	if (m->ahci)
		r |= add(a, "ide-hd,bus=ahci.%u,drive=disk%u,bootindex=%u", i, i, i + 1);
	else
		r |= add(a, "ide-hd,bus=ide.%u,unit=%u,drive=disk%u,bootindex=%u", i / 2, i % 2, i, i + 1);
	return r;
}

int machine_arguments(const struct machine *m, const char *qemu, const char *serial, int qmp_fd, const int *tap_fds,
		      struct arguments *a)
{
	static const char *const fixed[] = {"-nodefaults", "-no-user-config", "-machine", "xenfv,suppress-vmdesc=on",
					    "-display", "none", "-no-shutdown", "-L", "/firmware"};
	int r;

	*a = (struct arguments){0};
	r = add(a, "%s", qemu);
	r |= add(a, "-xen-domid") | add(a, "%u", m->guest) | add(a, "-name") | add(a, "%s", m->name);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		r |= add(a, "%s", fixed[i]);
	r |= add(a, "-m") | add(a, "%u", m->memory_mib) | add(a, "-smp") | add(a, "%u,maxcpus=%u", m->vcpus, m->vcpus);
	r |= add(a, "-boot") | add(a, "order=%s", m->boot) | add(a, "-vga") | add(a, m->vga ? "std" : "none");
	r |= add(a, "-chardev") | add(a, "socket,id=qmp,fd=%d", qmp_fd) | add(a, "-mon") | add(a, "chardev=qmp,mode=control");
	if (m->serial)
		r |= add(a, "-chardev") | add(a, "serial,id=serial,path=%s", serial) | add(a, "-serial") | add(a, "chardev:serial");
	if (m->ahci)
		r |= add(a, "-device") | add(a, "ahci,id=ahci");
	for (unsigned i = 0; i < m->disk_count; i++)
		r |= add_disk(m, i, a);
	for (unsigned i = 0; i < m->nic_count; i++) {
		r |= add(a, "-netdev") | add(a, "tap,id=net%u,fd=%d", i, tap_fds[i]);
		r |= add(a, "-device") | add(a, "e1000,netdev=net%u,mac=%s,romfile=", i, m->macs[i]);
	}
	if (r)
		arguments_free(a);
	return r ? -E2BIG : 0;
}

void arguments_free(struct arguments *a)
{
	while (a->count)
		free(a->list[--a->count]);
	*a = (struct arguments){0};
}
