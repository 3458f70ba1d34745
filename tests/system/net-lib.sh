# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two guests that carry verified TCP streams between them (tests/load/tcp.c), and what they say of it.

# net_guest NAME TYPE MAC VCPUS WORDS: WORDS are for its kernel command line
net_guest() {
	jq -n --arg name "$1" --arg type "$2" --arg mac "$3" --argjson vcpus "$4" --arg words "$5" '{name: $name, type: $type, memory: 96,
		vcpus: $vcpus, kernel: "/usr/lib/atoll/guests/vmlinux", ramdisk: "/usr/lib/atoll/guests/guest.cpio",
		cmdline: "console=hvc0 loglevel=4 atoll.name=\($name) atoll.work=net \($words)",
		vif: [{mac: $mac, bridge: "xenbr0", backend: "net0"}]}' >"/run/$1.json"
	atoll create "/run/$1.json"
}

net_log() { tr -d '\r' <"$(console_log "$1")"; }

net_address() { net_log "$1" | awk '/^GUEST .* address/ { a = $4 } END { print a; exit !a }'; }

# net_seconds GUEST: how many seconds it has reported
net_seconds() { net_log "$1" | grep -c -a '^TCP [0-9]* out' || true; }

# net_moves GUEST FROM: data came in for two seconds after its second FROM
net_moves() { [ "$(net_log "$1" | grep -a '^TCP [0-9]* out' | tail -n +$(($2 + 1)) | awk '$6 > 0' | wc -l)" -ge 2 ]; }

# net_stop GUEST: its streams end, and it says how they went
net_stop() { (echo 'killall -TERM atoll-load-tcp'; sleep 2) | timeout 4 atoll console "$1" >/dev/null || true; }

net_verdict() { net_log "$1" | grep -a '^TCP END' | tail -n 1 | grep .; }

# net_mib GUEST FROM TO: MiB in both directions between two of its seconds
net_mib() {
	net_log "$1" | grep -a '^TCP [0-9]* out' | sed -n "$(($2 + 1)),$3p" | awk '{ n += $4 + $6 } END { printf "%.1f", n / 1048576 }'
}

# net_stall GUEST FROM TO: longest time that a stream waited for data
net_stall() { net_log "$1" | grep -a '^TCP [0-9]* out' | sed -n "$(($2 + 1)),$3p" | awk '$8 > n { n = $8 } END { print n + 0 }'; }

# What a guest's kernel says when a backend answers what it was not asked, or twice
net_no_complaint() { ! net_log "$1" | grep -a -E 'KERNEL ERROR|TCP (LOST|WRONG)'; }
