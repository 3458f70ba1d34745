# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Second boot: the host is disaggregated, its guests of /etc/atoll/guests.d are up.
. ./lib.sh
. ./guest-lib.sh

runs() { pgrep -f "/bin/$1( |\$)" >/dev/null; }
driver() { basename "$(readlink -f "/sys/bus/pci/devices/0000:$1/driver")"; }
seen() { journalctl -k -b --no-pager | grep -E "$1"; }
# A card's link comes up a while after its domain: until then net0 is degraded.
services() { [ "$(atoll --json list | jq -r '[.[] | select(.role != "guest") | .name + ":" + .health] | join(" ")')" = "store:ok console:ok net0:ok disk0:ok" ]; }

ok "atolld is up" within 200 systemctl is-active atolld
ok "all services run" timeout 100 atoll up
ok "they are the store, the consoles, the card's and the disk's, and well" within 60 services
ok "the guests of guests.d were created" within 60 systemctl is-active atoll-guests
for guest in alpha beta; do ok "$guest has network and disk" within 100 ready $guest; done
ok "no unit has failed" [ -z "$(systemctl --failed --plain --no-legend)" ]
for name in 'o?xenstored' xenconsoled 'xen-qemu.*'; do not_ok "domain 0 runs no $name" runs "$name"; done
ok "the card is held by pciback" [ "$(driver 00:10.0)" = pciback ]
ok "the disk is held by pciback" [ "$(driver 00:11.0)" = pciback ]
not_ok "domain 0 never looked at the disk" seen 'nvme nvme|nvme0n1'
not_ok "nor at the card" seen 'e1000 0000:00:10'
ok "domain 0 has the memory that was set" [ "$(awk '$1 == "MemTotal:" { print int($2 / 1024 / 512) }' /proc/meminfo)" = 0 ]
ok "domain 0's own card works" ping -c 1 -W 5 10.0.2.2
ok "xl lists guests" sh -c 'xl list | grep -q "^alpha "'
ok "xenstore-ls reads the store domain" sh -c 'xenstore-ls /local/domain/1 | grep -q store'
ok "atoll check finds nothing that fails" sh -c 'atoll check >/run/check || { cat /run/check; false; }'
ok "it says that this is an Atoll host" grep -q 'an Atoll host: atolld runs' /run/check
sed 's/^/# /' /run/check
ok "systemd finds the exposure of atoll-guests OK" systemd-analyze security --no-pager --threshold=30 atoll-guests.service
ok "net0 is restarted" timeout 100 atoll restart net0
for guest in alpha beta; do
	ok "$guest goes on" still_works $guest 60
	ok "$guest saw no error" no_errors $guest
done
not_ok "atoll setup --undo does nothing without an answer" atoll setup --undo
ok "atoll setup --undo --yes" atoll setup --undo --yes
for guest in alpha beta; do ok "until the reboot $guest goes on" still_works $guest 60; done
atoll status | sed 's/^/# /'
