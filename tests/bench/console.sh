#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One guest says LINES lines of 64 bytes on its console, in the control domain of Atoll or (images/boot --tools) of Debian's xl with
# xenconsoled. Hands over console.json: bytes, the guest's seconds, and the control domain's seconds of processor time meanwhile.
LINES=${LINES:-65536}
GUEST=bench
KERNEL=/usr/lib/atoll/guests/vmlinux RAMDISK=/usr/lib/atoll/guests/guest.cpio
CMDLINE="console=hvc0 loglevel=1 atoll.name=$GUEST atoll.work=console atoll.lines=$LINES"

# The control domain's own processor time in ticks: all but idle, iowait and what others had.
ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }
# Cheap, and the same for both.
until_says() {
	local n
	for ((n = 0; n < 4000; n++)); do
		tail -q -c 400 "$2" 2>/dev/null | grep -q -a "$1" && return
		sleep 0.25
	done
	return 1
}

if command -v xen-tools-up >/dev/null; then
	system=xenconsoled log=/var/log/xen/console/guest-$GUEST.log
	xen-tools-up
	printf 'name = "%s"\ntype = "pv"\nkernel = "%s"\nramdisk = "%s"\nextra = "%s"\nmemory = 96\n' $GUEST $KERNEL $RAMDISK "$CMDLINE" >/run/bench.cfg
	start_guest() { xl create /run/bench.cfg; }
else
	system=atoll log=/var/log/atoll/console/$GUEST.log
	atoll up >/dev/null
	jq '.console.rate_kib = 0 | .console.log_kib = 65536' /etc/atoll/host.json >/run/host.json && cat /run/host.json >/etc/atoll/host.json
	systemctl restart atolld
	sleep 2
	jq -n --arg c "$CMDLINE" --arg n $GUEST --arg k $KERNEL --arg r $RAMDISK \
		'{name: $n, type: "pv", memory: 96, kernel: $k, ramdisk: $r, cmdline: $c}' >/run/bench.json
	start_guest() { atoll create /run/bench.json; }
fi
start_guest || exit 1
until_says '^LINE ' $log || { tail -n 5 $log; exit 1; }
before=$(ticks) from=$(stat -c %s $log)
until_says 'CONSOLE LOAD DONE' $log || { tail -n 5 $log; exit 1; }
after=$(ticks) to=$(stat -c %s $log)
/usr/libexec/atoll/atoll-load-console --check "$LINES" $log || exit 1
seconds=$(tail -c 400 $log | tr -d '\r' | sed -n 's/^CONSOLE LOAD DONE [0-9]* lines \([0-9.]*\) s$/\1/p')
jq -n --arg s $system --argjson bytes $((LINES * 64)) --argjson seconds "$seconds" --argjson ticks $((after - before)) \
	--argjson watched $((to - from)) --argjson hz "$(getconf CLK_TCK)" '{system: $s, bytes: $bytes, seconds: $seconds,
	mib_per_s: ($bytes / 1048576 / $seconds), control_cpu_s_per_mib: ($ticks / $hz / ($watched / 1048576))}' | tee /run/console.json
echo "@@file console.json $(base64 -w0 /run/console.json)"
