/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an HVM domain has beside a PVH one: emulated chips in Xen, room for the device model's requests, and hvmloader, which
 * starts the firmware that it is handed as a module. Its devices are the device model's business (qemu-stubdom/).
 */
#ifndef ATOLL_BUILDER_HVM_H
#define ATOLL_BUILDER_HVM_H

#include "builder.h"

#include <xenguest.h>

/* The chips that Xen emulates: all, but PCI configuration space. Xen 4.17 takes no other set for a guest with any. */
#define HVM_EMULATION (XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI)

/* The device model puts the display's memory and option ROMs into the guest: at most this beside the guest's own. */
#define HVM_SLACK_KIB (18 * 1024)

/* FIRMWARE (SIZE bytes, of the caller, until the domain is built) is what hvmloader starts. */
void hvm_prepare(struct xc_dom_image *dom, const void *firmware, size_t size);

/* Each returns 0, or -1 with errno. */
int hvm_params_set(struct builder *builder, uint32_t domid);
/* After the image is loaded: the table in which hvmloader looks for the processors. */
int hvm_info_finish(struct builder *builder, uint32_t domid, uint32_t vcpus);

#endif
