/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine that QEMU emulates, as the control domain describes it in dm.start, and QEMU's arguments for it. Pure: no text of
 * the control domain's becomes an argument without having been checked for what it is.
 */
#ifndef ATOLL_QEMU_STUBDOM_MACHINE_H
#define ATOLL_QEMU_STUBDOM_MACHINE_H

#include "base/json.h"

#define MACHINE_DISKS_MAX 4 /* IDE has two channels of two */
#define MACHINE_NICS_MAX 8
#define MACHINE_VDEV_MAX 7
#define ARGUMENTS_MAX 96

struct machine {
	unsigned guest; /* domid */
	char name[NAME_LEN_MAX + 1];
	unsigned memory_mib, vcpus;
	char boot[5]; /* letters of c, d, n */
	bool ahci, vga, serial;
	struct {
		char vdev[MACHINE_VDEV_MAX + 1]; /* the same name in this domain: /dev/VDEV */
	} disks[MACHINE_DISKS_MAX];
	unsigned disk_count;
	char macs[MACHINE_NICS_MAX][18];
	unsigned nic_count;
};

/* QEMU's arguments; owned. */
struct arguments {
	char *list[ARGUMENTS_MAX + 1]; /* NULL at the end */
	unsigned count;
};

/* 0, or -EINVAL with a message for people in WHY. Disks that QEMU cannot show (read-only, beyond the fourth) are left out: the
 * guest's own drivers have them. */
int machine_read(const struct json *params, struct machine *machine, char *why, size_t size);

/* SERIAL is a terminal's path; QMP_FD and TAP_FDS (one a NIC) are inherited descriptors. 0, -ENOMEM or -E2BIG. */
int machine_arguments(const struct machine *machine, const char *qemu, const char *serial, int qmp_fd, const int *tap_fds,
		      struct arguments *arguments);
void arguments_free(struct arguments *arguments);

#endif
