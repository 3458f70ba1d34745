# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest with two disks and a program on each that keeps 32 verified requests in flight (tests/load/disk.c).

disk_seconds() { count gamma "^DISK xvd. second"; }
disk_ends() { [ "$(count gamma "^DISK xvd. END")" -ge "$1" ]; }
disk_good() { [ "$(count gamma "^DISK xvd. END .* errors 0 wrong 0 .* ok")" = "$1" ]; }
disk_goes_on() { [ "$(disk_seconds)" -gt "$1" ]; }

# disk_dies: disk0 is destroyed under the load, rebuilt, and the load goes on
disk_dies() {
	local before seconds
	before=$(restarts disk0)
	kill_domain disk0 && within 90 restarted disk0 "$before" || return 1
	seconds=$(disk_seconds)
	disk_ends 2 || within 60 disk_goes_on $((seconds + 1))
}

host_argument() { sed -n "s/.*\batoll\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

# use_backend atoll|linux: the disk domain is built again with that backend. For a host without guests.
use_backend() {
	systemctl stop atolld
	jq --arg b "$1" '.services |= map(if .role == "disk" then . + {backend: $b} else . end)' /etc/atoll/host.json >/run/host.json
	cp /run/host.json /etc/atoll/host.json
	systemctl start atolld
	atoll up && atoll restart disk0
}

# For a fresh host: atoll.backend=atoll|linux on the kernel's command line, nothing without.
choose_backend() {
	local backend
	backend=$(host_argument backend)
	[ -z "$backend" ] || use_backend "$backend"
}
