# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the boots' scripts share.
. ./lib.sh
. ./guest-lib.sh
GUESTS='alpha beta'

runs() { pgrep -f "/bin/$1( |\$)" >/dev/null; }
active() { systemctl is-active --quiet "$1"; }
driver() { basename "$(readlink -f "/sys/bus/pci/devices/0000:$1/driver")"; }
# Files that the set-up may change
ours() { find /etc/default /etc/atoll /etc/systemd/system \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%p -> %l\n' \) | sort; }
no_failed_unit() { [ -z "$(systemctl --failed --plain --no-legend | tee /dev/stderr)" ]; }
shows() { local pattern=$1; shift; "$@" 2>&1 | tee /run/shown | grep -E "$pattern" >/dev/null || { cat /run/shown; false; }; }
comment() { sed 's/^/# /' "$@"; }

# A card's link comes up a while after its domain: until then net0 is degraded.
services() { [ "$(atoll --json list | jq -r '[.[] | select(.role != "guest") | .name + ":" + .health] | join(" ")')" = "store:ok console:ok net0:ok disk0:ok" ]; }

# Logs go on over reboots: TIMES counts the guests' starts.
has_started() { [ "$(count "$1" 'GUEST READY')" -ge "$2" ]; }

is_disaggregated() { # TIMES
	local guest name
	ok "atolld is up" within 200 systemctl is-active atolld
	ok "all services run" timeout 100 atoll up
	ok "they are the store, the consoles, the card's and the disk's, and well" within 60 services
	ok "the guests of guests.d were created" within 60 systemctl is-active atoll-guests
	for guest in $GUESTS; do ok "$guest has network and disk" within 100 has_started "$guest" "$1"; done
	ok "no unit has failed" no_failed_unit
	for name in 'o?xenstored' xenconsoled 'xen-qemu.*'; do not_ok "domain 0 runs no $name" runs "$name"; done
}

is_stock() {
	ok "the stock host has no failed unit" no_failed_unit
	ok "Debian's xenstored serves it" runs 'o?xenstored'
	ok "Debian's xenconsoled serves it" runs xenconsoled
	ok "xl lists its one domain" [ "$(xl list | awk 'NR > 1 { print $1 }')" = Domain-0 ]
	for unit in atoll-builder atolld atoll-monitor atoll-guests; do not_ok "$unit does not run" active $unit; done
	ok "the card is driven by domain 0" [ "$(driver 00:10.0)" = e1000 ]
	ok "the disk is driven by domain 0" [ "$(driver 00:11.0)" = nvme ]
}

guests_go_on() {
	local guest
	for guest in $GUESTS; do
		ok "$guest goes on" still_works "$guest" 60
		ok "$guest saw no error" no_errors "$guest"
	done
}
