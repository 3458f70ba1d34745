/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting QEMU as a user that has nothing but the devices it is given. */
#ifndef ATOLL_QEMU_STUBDOM_SPAWN_H
#define ATOLL_QEMU_STUBDOM_SPAWN_H

#include "machine.h"

#define QEMU_PATH "/bin/qemu"
#define QEMU_UID 1000
#define QEMU_SERIAL "/dev/hvc0"

/* Waits until the guest's disks are there and gives QEMU's user what it needs of /dev. 0 or -errno with the thing in WHY. */
int spawn_prepare(const struct machine *machine, char *why, size_t size);

/* A tap interface NAME that lives as long as the descriptor. The descriptor, or -errno. */
int spawn_tap(const char *name);

/* Starts QEMU; FDS (COUNT of them) are inherited under the same numbers. A pidfd, or -errno. */
int spawn_qemu(const struct arguments *arguments, const int *fds, unsigned count);

/*
 * What this domain can reach of others: tries to map a page of every domain below DOMID_TRIED and of GUEST. *MAPPED and *REFUSED
 * get arrays of domids; ids without a domain are in neither. 0 or -errno.
 */
#define DOMID_TRIED 64
int reach_try(unsigned guest, struct json **mapped, struct json **refused);

#endif
