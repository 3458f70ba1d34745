#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An HVM guest whose device model runs in a domain of its own.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

no_qemu_here() { pgrep -x systemd && ! pgrep -f -i qemu; } # the first shows that it would be seen
connected() { [ "$(xenstore-read "/local/domain/$(domain_field omega domid)/device/$1/state")" = 4 ]; }
said() { grep -a -q -- "$2" "$(console_log "$1")"; }
journal() { journalctl -u atolld -o cat --no-pager; }
mappings() { journal | grep -a "omega-dm: QEMU runs" | tail -n 1; }
guest_domains() { atoll --json list | jq -r '.[] | select(.domid >= 32) | .name' | sort | tr '\n' ' '; }
leftovers() { xenstore-ls -f / | grep -E "^/local/domain/($1|$2)(/| )|/backend/(vif|vbd)/($1|$2)(/| )"; }
vms() { xenstore-list /vm | wc -l; }

ok "all services run" within 120 atoll up
before=$(guest_domains)
vms=$(vms)
ok "an HVM guest is created from an xl.cfg file" atoll create guests/omega.cfg
guest=$(domain_field omega domid)
dm=$(domain_field omega-dm domid)
ok "it is an HVM domain" [ "$(domain_field omega type)" = hvm ]
ok "its device model is a domain of its own" [ "$(domain_field omega-dm role) $(domain_field omega-dm type)" = "dm pv" ]
ok "the control domain runs no QEMU" no_qemu_here
ok "firmware and boot loader, read from a disk of the disk domain, speak on the emulated serial line" within 120 said omega-dm "Loading vmlinuz"
ok "Linux boots, and reaches its disk and the network" within 300 ready omega
ok "Linux speaks on the emulated serial line too" said omega-dm "GUEST omega on its serial line"
for device in vif/0 vbd/51712 vbd/51728; do
	ok "its PV $device is connected" connected $device
done
ok "omega goes on, on its PV devices" still_works omega 60
ok "omega saw no error" no_errors omega
note "$(mappings)"
ok "the device model's domain can map pages of one domain" grep -q "pages of 1 domains can be mapped" <<<"$(mappings)"
ok "which is its guest, and it is refused all others" said omega-dm "can map d$guest and no other"
ok "the device model answers what it may be asked" atoll qmp omega query-status
not_ok "and nothing else" atoll qmp omega human-monitor-command
ok "omega is destroyed" atoll destroy omega
ok "no domain is left of it" [ "$(guest_domains)" = "$before" ]
not_ok "no store node is left of it" leftovers "$guest" "$dm"
ok "nor below /vm" [ "$(vms)" = "$vms" ]
ok "it can be created again" atoll create guests/omega.cfg
ok "its device model's domain dies" kill_domain omega-dm
ok "which is said" within 30 eval 'domain_field omega why | grep -q "device model died"'
ok "and cleaned up" within 30 eval '[ -z "$(domain_field omega-dm name)" ]'
ok "omega is destroyed" atoll destroy omega
ok "no domain is left of it" [ "$(guest_domains)" = "$before" ]
