# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Third boot: the disaggregated host again, after its guests were powered off with it. xl and libvirt beside it; then --undo.
. ./boot-lib.sh

counts() { local n; n=$(count "$1" '^COUNT'); within 20 more_counts "$1" "$n"; }
more_counts() { [ "$(count "$1" '^COUNT')" -gt "$2" ]; }
gone() { ! xl domid "$1"; }

for guest in $GUESTS; do ok "$guest was powered off with the host, in order" [ "$(count $guest 'reboot: Power down\|reboot: System halted')" = 1 ]; done
is_disaggregated 2
for guest in $GUESTS; do ok "xl lists $guest" shows "^$guest " xl list; done
ok "xl vcpu-list knows a guest of ours" shows '^alpha ' xl vcpu-list alpha
ok "xentop shows it" shows '^ *alpha ' timeout 60 xentop -b -i 1
ok "xenstore-ls reads the store domain" shows 'name = "disk0"' xenstore-ls /local/domain/4
ok "xenstore-write writes there" sh -c 'xenstore-write /tool/test/node 1 && [ "$(xenstore-read /tool/test/node)" = 1 ] && xenstore-rm /tool/test'

ok "xl creates a PV guest without devices" timeout 100 xl create -q /srv/guests/other.cfg
ok "its console is logged by the console domain" within 60 ready other
ok "it goes on" counts other
xl list | comment
say other 'echo SAID-$((6 * 7))'
ok "atoll console types to it" within 20 shows SAID-42 atoll logs other
ok "atolld started again, it goes on" sh -c 'systemctl restart atolld && timeout 100 atoll up'
ok "its console is served again" counts other
ok "xl pauses it and lets it go on" sh -c 'xl pause other && xl unpause other'
ok "xl shuts it down" xl shutdown other
ok "then nothing of it is left" within 60 gone other
not_ok "xl does not create a guest with a card of a net domain" sh -c 'timeout 200 xl create -q /srv/guests/card.cfg >/run/card 2>&1'
comment /run/card
ok "nor does it leave anything of it" within 20 gone card

libvirtd -d >/run/libvirtd.log 2>&1
virsh() { command virsh -q -c xen:///system "$@"; }
ok "libvirt's Xen driver runs, and knows domain 0" within 30 shows Domain-0 virsh list
virsh list --all 2>&1 | comment
ok "libvirt creates a PVH guest without devices" timeout 100 virsh create /srv/guests/virt.xml
ok "its console is logged by the console domain" within 60 ready virt
ok "it goes on" counts virt
ok "libvirt shuts it down" virsh shutdown virt
ok "then nothing of it is left" within 60 gone virt
journalctl -t libvirtd --no-pager -o cat | tail -n 20 | comment
kill "$(cat /run/libvirtd.pid)"
guests_go_on

not_ok "atoll setup --undo does nothing without an answer" atoll setup --undo
ok "atoll setup --undo --yes" atoll setup --undo --yes
for guest in $GUESTS; do ok "until the reboot $guest goes on" still_works $guest 60; done
