# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fourth boot: the stock host is back.
. ./boot-lib.sh

for guest in $GUESTS; do ok "$guest was powered off with the host, in order" [ "$(count $guest 'reboot: Power down\|reboot: System halted')" = 2 ]; done
ok "every file is as it was before" diff /var/lib/test/stock <(ours)
ok "the boot parameters are" [ -z "$(grep -E 'pciback|dom0_mem' /boot/grub/grub.cfg /proc/cmdline)" ]
is_stock
ok "atoll check finds nothing that fails" atoll check
