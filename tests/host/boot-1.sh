# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# First boot: the host as Debian made it, our packages on it, nothing set up.
. ./lib.sh

runs() { pgrep -f "/bin/$1( |\$)" >/dev/null; }
active() { systemctl is-active --quiet "$1"; }
driver() { basename "$(readlink -f "/sys/bus/pci/devices/0000:$1/driver")"; }
ours() { find /etc/default /etc/atoll /etc/systemd/system \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%p -> %l\n' \) | sort; }

ours >/var/lib/test/stock
ok "the stock host has no failed unit" [ -z "$(systemctl --failed --plain --no-legend)" ]
ok "Debian's xenstored serves it" runs 'o?xenstored'
ok "Debian's xenconsoled serves it" runs xenconsoled
ok "xl lists its one domain" [ "$(xl list | awk 'NR > 1 { print $1 }')" = Domain-0 ]
for unit in atoll-builder atolld atoll-monitor atoll-guests; do not_ok "installed only, $unit does not run" active $unit; done
not_ok "not even when it is started" sh -c 'systemctl start atoll-builder; systemctl is-active --quiet atoll-builder'
ok "the network card is driven by domain 0" [ "$(driver 00:10.0)" = e1000 ]
ok "the disk is driven by domain 0" [ "$(driver 00:11.0)" = nvme ]
ok "atoll check finds nothing that fails" sh -c 'atoll check --json >/run/check'
check() { jq -e "$1" </run/check >/dev/null; }
ok "it knows of the IOMMU" check '.checks[] | select(.name == "iommu") | .verdict == "ok"'
ok "it keeps the controller of the root file system" check '.devices[] | select(.bdf == "0000:00:1f.2") | (.give | not) and .why == "holds /"'
ok "it keeps the card with the default route" check '.devices[] | select(.bdf == "0000:00:0f.0") | (.give | not) and (.why | contains("default route"))'
ok "it gives the other card and the other disk" check '[.devices[] | select(.give) | .bdf] == ["0000:00:10.0", "0000:00:11.0"]'
not_ok "atoll setup does nothing without an answer" atoll setup
ok "no file was changed" diff /var/lib/test/stock <(ours)
ok "atoll setup --yes" sh -c 'atoll setup --yes >/run/setup 2>&1 || { cat /run/setup; false; }'
sed 's/^/# /' /run/setup
ok "its parameters are in GRUB's menu" grep -q 'xen-pciback.hide=(0000:00:10.0)(0000:00:11.0)' /boot/grub/grub.cfg
ok "until the reboot the host is as it was" [ "$(xl list | wc -l)" = 2 ]
not_ok "and atolld does not start" sh -c 'systemctl start atolld; systemctl is-active --quiet atolld'
