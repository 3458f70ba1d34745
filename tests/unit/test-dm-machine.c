// SPDX-License-Identifier: LGPL-2.1-or-later
/* The device model's domain: from dm.start's parameters to QEMU's arguments. */
#include <errno.h>
#include <string.h>

#include "machine.h"
#include "tap.h"

static struct machine machine;
static char why[200];

static int read_text(const char *text)
{
	AUTO_JSON struct json *json = NULL;

	if (json_parse(text, strlen(text), &json, NULL) < 0)
		return -ENOEXEC;
	return machine_read(json, &machine, why, sizeof(why));
}

/* The argument that follows FLAG for the Nth time, or "". */
static const char *after(const struct arguments *a, const char *flag, unsigned n)
{
	for (unsigned i = 0; i + 1 < a->count; i++) {
		if (!strcmp(a->list[i], flag) && n-- == 0)
			return a->list[i + 1];
	}
	return "";
}

#define BASE "\"guest\":33,\"name\":\"g\",\"memory_mib\":128,\"vcpus\":2"

static void test_reading(void)
{
	ok(read_text("{" BASE "}") == 0 && machine.guest == 33 && machine.vcpus == 2 && !strcmp(machine.boot, "c") && !machine.ahci,
	   "a machine without devices has defaults");
	ok(read_text("{" BASE ",\"disks\":[{\"vdev\":\"xvda\",\"writable\":true},{\"vdev\":\"xvdb\"},{\"vdev\":\"xvdc1\",\"writable\":true}]}") == 0 &&
	   machine.disk_count == 1, "disks that QEMU cannot show are left out");
	ok(read_text("{" BASE ",\"disks\":[{\"vdev\":\"../a\",\"writable\":true}]}") == -EINVAL, "a disk's name is no path");
	ok(read_text("{" BASE ",\"disks\":[{\"vdev\":\"xvd,\",\"writable\":true}]}") == -EINVAL, "nor has it a comma");
	ok(read_text("{" BASE ",\"nics\":[{\"mac\":\"00:16:3e:00:00:0c\"}]}") == 0 && machine.nic_count == 1, "a card has an address");
	ok(read_text("{" BASE ",\"nics\":[{\"mac\":\"00:16:3e:00:00:0c,id=x\"}]}") == -EINVAL, "and nothing behind it");
	ok(read_text("{" BASE ",\"boot\":\"c,menu=on\"}") == -EINVAL, "boot has letters only");
	ok(read_text("{" BASE ",\"disk_bus\":\"scsi\"}") == -EINVAL, "an unknown bus is refused");
	ok(read_text("{\"guest\":0,\"name\":\"g\",\"memory_mib\":128,\"vcpus\":2}") == -EINVAL, "the control domain is no guest");
	ok(read_text("{\"guest\":33,\"name\":\"a b\",\"memory_mib\":128,\"vcpus\":2}") == -EINVAL, "a name is one");
}

static void test_arguments(void)
{
	const int taps[MACHINE_NICS_MAX] = {7};
	struct arguments a;

	read_text("{" BASE ",\"serial\":true,\"disks\":[{\"vdev\":\"xvda\",\"writable\":true}],\"nics\":[{\"mac\":\"00:16:3e:00:00:0c\"}]}");
	ok(machine_arguments(&machine, "/bin/qemu", "/dev/hvc0", 5, taps, &a) == 0 && !strcmp(a.list[0], "/bin/qemu") && !a.list[a.count],
	   "arguments begin with the program and end with NULL");
	ok(!strcmp(after(&a, "-xen-domid", 0), "33"), "QEMU is told its guest");
	ok(!strcmp(after(&a, "-chardev", 0), "socket,id=qmp,fd=5"), "its monitor is an inherited socket");
	ok(!strcmp(after(&a, "-serial", 0), "chardev:serial"), "the serial line is there when it is wanted");
	ok(!strncmp(after(&a, "-drive", 0), "file=/dev/xvda,", 15), "the disk is our disk of that name");
	ok(strstr(after(&a, "-drive", 0), ",cache=writeback,"), "it is not read directly into the guest's pages, which the kernel refuses");
	ok(strstr(after(&a, "-netdev", 0), "fd=7") && strstr(after(&a, "-device", 1), "mac=00:16:3e:00:00:0c"),
	   "the card has the guest's address and an inherited tap");
	arguments_free(&a);

	read_text("{" BASE ",\"disk_bus\":\"ahci\",\"disks\":[{\"vdev\":\"xvda\",\"writable\":true}]}");
	ok(machine_arguments(&machine, "/bin/qemu", "/dev/hvc0", 5, taps, &a) == 0 && !strcmp(after(&a, "-device", 0), "ahci,id=ahci") &&
	   !*after(&a, "-serial", 0), "AHCI on request, no serial line without");
	arguments_free(&a);
}

int main(void)
{
	test_reading();
	test_arguments();
	return plan_done();
}
