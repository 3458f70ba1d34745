# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# First boot: the host as Debian made it, our packages on it, nothing set up.
. ./boot-lib.sh

check() { jq -e "$1" </run/check >/dev/null; }

ours >/var/lib/test/stock
is_stock
not_ok "no unit of ours runs even when it is started" sh -c 'systemctl start atoll-builder; systemctl is-active --quiet atoll-builder'
ok "atoll check finds nothing that fails" sh -c 'atoll check --json >/run/check'
ok "it knows of the IOMMU" check '.checks[] | select(.name == "iommu") | .verdict == "ok"'
ok "it keeps the controller of the root file system" check '.devices[] | select(.bdf == "0000:00:1f.2") | (.give | not) and .why == "holds /"'
ok "it keeps the card with the default route" check '.devices[] | select(.bdf == "0000:00:0f.0") | (.give | not) and (.why | contains("default route"))'
ok "it gives the other card and the other disk" check '[.devices[] | select(.give) | .bdf] == ["0000:00:10.0", "0000:00:11.0"]'
not_ok "atoll setup does nothing without an answer" atoll setup
ok "no file was changed" diff /var/lib/test/stock <(ours)
ok "atoll setup --yes" sh -c 'atoll setup --yes >/run/setup 2>&1 || { cat /run/setup; false; }'
comment /run/setup
ok "its parameters are in GRUB's menu" grep -q 'xen-pciback.hide=(0000:00:10.0)(0000:00:11.0)' /boot/grub/grub.cfg
ok "until the reboot the host is as it was" [ "$(xl list | wc -l)" = 2 ]
not_ok "and atolld does not start" sh -c 'systemctl start atolld; systemctl is-active --quiet atolld'
