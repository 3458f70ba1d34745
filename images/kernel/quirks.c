// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Built into the trimmed kernel of driver domains.
 *
 * A device's registers are sized with its decoding switched off, once for each register. In a driver domain that is of no use, since
 * xen-pciback answers the sizing itself and the device does not see it, but each switch makes the control domain disable or enable
 * the device, look its interrupt up in the firmware's tables and log it.
 */
#include <linux/pci.h>
#include <xen/xen.h>

static void leave_decoding_on(struct pci_dev *dev)
{
	if (xen_pv_domain())
		dev->mmio_always_on = 1;
}
DECLARE_PCI_FIXUP_EARLY(PCI_ANY_ID, PCI_ANY_ID, leave_decoding_on);
