# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Second boot: the host is disaggregated, its guests of /etc/atoll/guests.d are up. The packages are upgraded under them.
. ./boot-lib.sh

seen() { journalctl -k -b --no-pager | grep -E "$1"; }
lost() { for guest in $GUESTS; do count "$guest" '^PING [0-9]* LOST'; done; }
domains() { atoll --json list | jq -c '.[] | [.name, .domid, .restarts]'; }
pids() { systemctl show -P MainPID atoll-builder atolld atoll-monitor | grep .; }
new_programs() { # all three run, from files that were not replaced
	local pid
	for pid in $(pids); do [[ $pid != 0 && $(readlink "/proc/$pid/exe") != *deleted* ]] || return; done
}

is_disaggregated 1
ok "the card is held by pciback" [ "$(driver 00:10.0)" = pciback ]
ok "the disk is held by pciback" [ "$(driver 00:11.0)" = pciback ]
not_ok "domain 0 never looked at the disk" seen 'nvme nvme|nvme0n1'
not_ok "nor at the card" seen 'e1000 0000:00:10'
ok "domain 0 has the memory that was set" [ "$(awk '$1 == "MemTotal:" { print int($2 / 1024 / 512) }' /proc/meminfo)" = 0 ]
ok "domain 0's own card works" ping -c 1 -W 5 10.0.2.2
ok "atoll check finds nothing that fails" sh -c 'atoll check >/run/check || { cat /run/check; false; }'
ok "it says that this is an Atoll host" grep -q 'an Atoll host: atolld runs' /run/check
comment /run/check
for unit in atolld.service atoll-builder.service atoll-monitor.service atoll-guests.service atoll-metrics@test.service; do
	ok "systemd finds the exposure of $unit OK" systemd-analyze security --no-pager --threshold=30 "$unit"
done

# The ramdisk would be made anew, of the same files: minutes, emulated.
sed -i 's/^update_initramfs=.*/update_initramfs=no/' /etc/initramfs-tools/update-initramfs.conf
lost=$(lost) domains=$(domains) pids=$(pids)
ok "the packages' next version is installed over this one" sh -c 'dpkg -i /opt/next/*.deb >/run/upgrade 2>&1 || { cat /run/upgrade; false; }'
comment /run/upgrade
ok "it says how services get their new images" grep -q 'atoll restart SERVICE' /run/upgrade
ok "the daemons are the new ones" within 60 new_programs
not_ok "all of them were started again" grep -qxF "$pids" <(pids)
ok "atolld adopted what runs" within 100 services
ok "no service was restarted, no guest built again" [ "$(domains)" = "$domains" ]
ok "the guests' unit is as it was" systemctl is-active atoll-guests
guests_go_on
ok "no ping of theirs was lost" [ "$(lost)" = "$lost" ]
ok "net0 gets its new image" timeout 100 atoll restart net0
for service in store console disk0; do ok "$service gets its new image" timeout 100 atoll restart $service; done
guests_go_on
ok "no unit has failed" no_failed_unit
atoll status | comment
