#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest says LINES lines of 64 bytes on its console, in one boot first to Atoll's console service, then to Debian's xenconsoled in the
# control domain. Hands over console.json: of each bytes, the guest's seconds, and the control domain's seconds of processor time meanwhile,
# less what it needs in as long a time when that guest is silent.
#
# For the second, the tools layer has xl and xenconsoled; the store is ours for both, and atolld is stopped, so that the guest is xl's alone.
LINES=${LINES:-49152}
WINDOW_S=20 # the load lasts less
WAIT_S=$((WINDOW_S + 3)) # the guest's, from when it is up
KERNEL=/usr/lib/atoll/guests/vmlinux RAMDISK=/usr/lib/atoll/guests/guest.cpio
HOST=/etc/atoll/host.json
export PATH=$PATH:/usr/lib/xen-4.17/bin

cmdline() { echo "console=hvc0 loglevel=1 atoll.name=$1 atoll.work=console atoll.wait=$WAIT_S atoll.lines=$LINES"; }
# The control domain's processor time, by the hypervisor, which counts what the kernel's own ticks miss.
cpu_us() { /usr/libexec/atoll/atoll-fault cpu; }
# until_says TEXT LOG TIMES: looks once a second
until_says() {
	local n
	for ((n = 0; n < $3; n++)); do
		tail -q -c 400 "$2" 2>/dev/null | grep -q -a "$1" && return
		sleep 1
	done
	return 1
}
# What the control domain uses in WINDOW_S seconds. Nobody looks meanwhile: that would be most of it.
window() {
	local before
	before=$(cpu_us)
	sleep $WINDOW_S
	echo $(($(cpu_us) - before))
}
# measure SYSTEM LOG COMMAND...: the command starts the guest, which says that it waits before it begins
measure() {
	local system=$1 log=$2 idle cpu seconds
	shift 2
	"$@" || return
	until_says '^CONSOLE LOAD BEGINS' "$log" 200 || return
	idle=$(window)
	cpu=$(window)
	until_says 'CONSOLE LOAD DONE' "$log" 1 || return
	/usr/libexec/atoll/atoll-load-console --check "$LINES" "$log" || return
	seconds=$(tail -c 400 "$log" | tr -d '\r' | sed -n 's/.*CONSOLE LOAD DONE [0-9]* lines \([0-9.]*\) s$/\1/p')
	jq -n --arg s "$system" --argjson bytes $((LINES * 64)) --argjson seconds "$seconds" --argjson cpu "$cpu" --argjson idle "$idle" \
		'{system: $s, bytes: $bytes, seconds: $seconds, cpu_us: $cpu, idle_us: $idle, mib_per_s: ($bytes / 1048576 / $seconds),
		control_cpu_s_per_mib: (($cpu - $idle) / ($bytes / 1048576) / 1000000)}' | tee "/run/console-$system.json"
}
atoll_guest() {
	jq -n --arg c "$(cmdline ours)" --arg k $KERNEL --arg r $RAMDISK \
		'{name: "ours", type: "pv", memory: 96, kernel: $k, ramdisk: $r, cmdline: $c}' >/run/ours.json
	atoll create /run/ours.json
}
xl_guest() {
	printf 'name = "theirs"\ntype = "pv"\nkernel = "%s"\nramdisk = "%s"\nextra = "%s"\nmemory = 96\n' $KERNEL $RAMDISK "$(cmdline theirs)" \
		>/run/theirs.cfg
	xl create /run/theirs.cfg
}

atoll up >/dev/null
# Neither has a limit on logs here; xenconsoled has one on how often it looks, which cannot be turned off.
jq '.console.rate_kib = 0 | .console.log_kib = 65536' $HOST >/run/host.json && cat /run/host.json >$HOST
systemctl restart atolld
sleep 5
measure atoll /var/log/atoll/console/ours.log atoll_guest || exit 1
atoll destroy ours

systemctl stop atoll-monitor atolld atoll-builder
mkdir -p /var/log/xen/console /run/xen /var/lib/xen
xenstore-rm /local/domain/0/name # or it thinks that all has been done
xen-init-dom0
xenconsoled --pid-file=/run/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console >/dev/null 2>&1 </dev/null
sleep 2
measure xenconsoled /var/log/xen/console/guest-theirs.log xl_guest || exit 1
jq -s . /run/console-atoll.json /run/console-xenconsoled.json >/run/console.json
echo "@@file console.json $(base64 -w0 /run/console.json)"
xl destroy theirs
kill "$(cat /run/xenconsoled.pid)"
