#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `atoll audit` says of a host with every role (an HVM guest and its device model's domain too) beside what the hypervisor prints of
# itself on its console (debug keys e: event channels, g: grants in use, Q: PCI devices) and what the store has.
#   images/boot --run /usr/lib/atoll/tests/long/audit.sh --append-xen conring_size=1m --timeout 900
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

create_guest() { # NAME TYPE
	jq -n --arg n "$1" --arg t "$2" '{name: $n, type: $t, memory: 80, kernel: "/usr/lib/atoll/guests/vmlinux", ramdisk: "/usr/lib/atoll/guests/guest.cpio",
		cmdline: ("console=hvc0 loglevel=4 atoll.work=idle atoll.name=" + $n), vif: [{bridge: "xenbr0", backend: "net0"}],
		disk: [{vdev: "xvda", backend: "disk0", target: ({pv: "nvme0n1p1", pvh: "nvme0n1p2"}[$t]), access: "rw"}]}' >"/run/$1.json"
	atoll create "/run/$1.json"
}
# What was printed since the mark: (XEN) lines without it
said_by_xen() { /usr/libexec/atoll/atoll-fault keys "$1" && sleep 1 && atoll logs xen | tr -d '\r' | sed 's/^(XEN) //'; }
# Each of these prints "DOMAIN PEER COUNT" lines. A channel that Xen itself holds the other end of (x=1: a device model's) is nobody's.
channels_of_xen() {
	said_by_xen e | awk '/^Event channel information for domain/ { d = $NF + 0; if (!d) delete n; next }
		/ s=3 / && / x=0 / { match($0, / d=[0-9]+/); n[d " " substr($0, RSTART + 3, RLENGTH - 3)]++ }
		END { for (k in n) print k, n[k] }' | sort
}
channels_of_audit() { jq -r '.[] | .domid as $d | .ties[] | select(.channels > 0) | "\($d) \(.domid) \(.channels)"' /run/audit.json | sort; }
grants_of_xen() {
	said_by_xen g | awk '/^gnttab_usage_print_all/ { delete n; next } /^grant-table for remote d/ { d = substr($4, 2) + 0; next }
		/^\[0x/ { sub(/^\[[^]]*\] */, ""); sub(/^d/, ""); n[d " " $1 + 0]++ }
		END { for (k in n) print k, n[k] }' | sort
}
grants_of_audit() { jq -r '.[] | .domid as $d | .ties[] | select(.grants > 0) | "\($d) \(.domid) \(.grants)"' /run/audit.json | sort; }
pci_of_xen() { said_by_xen Q | awk '/^==== PCI devices/ { delete o } $2 == "-" && $3 ~ /^d[1-9]/ { o[substr($3, 2) " " $1] } END { for (k in o) print k }' | sort; }
pci_of_audit() { jq -r '.[] | .domid as $d | .pci[]? | "\($d) \(.)"' /run/audit.json | sort; }
devices_of_store() {
	xenstore-ls -f /local/domain | sed -n 's,^/local/domain/\([0-9]*\)/device/\([a-z]*\)/\([0-9]*\)/backend-id = "\([0-9]*\)"$,\1 \2 \3 \4,p' | grep -v ' pci ' | sort
}
devices_of_audit() { jq -r '.[] | .domid as $d | .devices[]? | select(.kind != "pci") | "\($d) \(.kind) \(.id) \(.backend)"' /run/audit.json | sort; }

audit() { atoll --json audit >/run/audit.json; }
# same A B: the two lists; taken again, since channels and grants come and go
same() {
	for _ in 1 2 3; do
		"$1" >/run/said
		audit
		diff /run/said <("$2") && return
	done
	return 1
}
# Pages may be granted and not be mapped; the other way round is a lie.
grants_are_known() {
	grants_of_xen >/run/said
	audit
	[ -s /run/said ] && awk 'NR == FNR { n[$1 " " $2] = $3; next } n[$1 " " $2] + 0 < $3 { print $0, "but the audit has", n[$1 " " $2] + 0; bad = 1 }
		END { exit bad }' <(grants_of_audit) /run/said
}
connected() { [ "$(xenstore-read "/local/domain/$(domain_field "$1" domid)/device/vbd/51712/state")" = 4 ]; }

ok "the host is up" within 120 atoll up
ok "a PV guest is created" create_guest a1 pv
ok "a PVH guest is created" create_guest a2 pvh
ok "an HVM guest is created" atoll create guests/omega.cfg
for g in a1 a2; do ok "$g uses its disk" within 60 connected $g; done
ok "the audit is made" audit
ok "it has a domain of every role" [ "$(jq -r '[.[].role // empty] | unique | length' <(atoll --json status | jq '.domains + [{role: "control"}]'))" = 7 ]
ok "and all domains that the hypervisor has" [ "$(jq -r '.[].domid' /run/audit.json | sort -n)" = "$(/usr/libexec/atoll/atoll-fault list | awk '!/dying/ { print $1 }' | sort -n)" ]
ok "event channels are those of the hypervisor's dump, one by one" same channels_of_xen channels_of_audit
note "$(channels_of_audit | wc -l) pairs of domains, $(channels_of_audit | awk '{ n += $3 } END { print n }') channels"
ok "every page that somebody has mapped is in it" grants_are_known
note "$(grants_of_audit | wc -l) pairs of domains, $(awk '{ n += $3 } END { print n }' /run/said) pages mapped"
ok "nobody has a page of the control domain" [ -z "$(grep '^0 ' /run/said)" ]
ok "PCI devices are those of the hypervisor" same pci_of_xen pci_of_audit
note "$(pci_of_audit | tr '\n' ',')"
ok "devices and who serves them are those of the store" same devices_of_store devices_of_audit
ok "only the store may ask for other domains' state" [ "$(jq -c '[.[] | select(.xs_domain) | .name]' /run/audit.json)" = '["store"]' ]
ok "only the device model has power over a domain, its guest" \
	[ "$(jq -c '[.[] | select(.target) | [.name, .target]]' /run/audit.json)" = "[[\"omega-dm\",$(domain_field omega domid)]]" ]
atoll audit | sed 's/^/# /'
for g in a1 a2 omega; do ok "$g is destroyed" atoll destroy $g; done
rm -f /run/audit.json /run/said
