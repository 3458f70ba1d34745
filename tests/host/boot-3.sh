# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Third boot: the stock host is back.
. ./lib.sh
. ./guest-lib.sh

runs() { pgrep -f "/bin/$1( |\$)" >/dev/null; }
active() { systemctl is-active --quiet "$1"; }
driver() { basename "$(readlink -f "/sys/bus/pci/devices/0000:$1/driver")"; }
ours() { find /etc/default /etc/atoll /etc/systemd/system \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%p -> %l\n' \) | sort; }

for guest in alpha beta; do ok "$guest was powered off in order" grep -q -a 'reboot: Power down' "$(console_log $guest)"; done
ok "every file is as it was before" diff /var/lib/test/stock <(ours)
ok "the boot parameters are" [ -z "$(grep -E 'pciback|dom0_mem' /boot/grub/grub.cfg /proc/cmdline)" ]
ok "the stock host has no failed unit" [ -z "$(systemctl --failed --plain --no-legend)" ]
ok "Debian's xenstored serves it" runs 'o?xenstored'
ok "Debian's xenconsoled serves it" runs xenconsoled
ok "xl lists its one domain" [ "$(xl list | awk 'NR > 1 { print $1 }')" = Domain-0 ]
for unit in atoll-builder atolld atoll-monitor atoll-guests; do not_ok "$unit does not run" active $unit; done
ok "the card is driven by domain 0" [ "$(driver 00:10.0)" = e1000 ]
ok "the disk is driven by domain 0" [ "$(driver 00:11.0)" = nvme ]
ok "atoll check finds nothing that fails" atoll check
