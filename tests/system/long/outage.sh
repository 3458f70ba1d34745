#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How long guests wait while net0 or disk0 is destroyed and rebuilt, with each kernel that there is, on an idle host and beside two
# guests that keep the processor busy. A guest measures (tests/load/outage.c): the time without an answer to its pings, the longest
# write to its disk. Median and worst, and the phases of the last restart.
#
#   images/boot --run /usr/lib/atoll/tests/long/outage.sh --timeout 3600 [--append-dom0 atoll.rounds=N] [--append-dom0 atoll.kernels=A,B]
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

argument() { sed -n "s/.*\batoll\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
: "${ROUNDS:=$(argument rounds)}" "${KERNELS:=$(argument kernels | tr , ' ')}"
: "${ROUNDS:=5}" "${KERNELS:=debian $(ls "$IMAGES_DIR/kernels" 2>/dev/null)}"
JSON=/run/outage.json
QUIET_S=10

create_guest() { # NAME WORK
	jq -n --arg name "$1" --arg work "$2" '{name: $name, type: "pvh", memory: 96, kernel: "/usr/lib/atoll/guests/vmlinux",
		ramdisk: "/usr/lib/atoll/guests/guest.cpio", cmdline: "console=hvc0 loglevel=4 atoll.name=\($name) atoll.work=\($work)"}
		+ if $work == "outage" then {vif: [{bridge: "xenbr0", backend: "net0"}],
			disk: [{vdev: "xvda", backend: "disk0", target: "nvme0n1p3", access: "rw"}]} else {} end' >"/run/$1.json"
	atoll create "/run/$1.json"
}

outages() { grep -a -o "OUTAGE $1 [0-9]* ms" "$(console_log probe)" | cut -d' ' -f3; }
one_more() { [ "$(outages "$1" | wc -l)" -gt "$2" ]; }

# measure KERNEL SERVICE KIND BESIDE
measure() {
	local before seen i list
	list=$(for ((i = 0; i < ROUNDS; i++)); do
		before=$(restarts "$2")
		seen=$(outages "$3" | wc -l)
		kill_domain "$2" >&2
		sleep $QUIET_S	# asking would take the processor from the service that starts
		within 120 restarted "$2" "$before" && within 60 one_more "$3" "$seen" || echo LOST
		outages "$3" | tail -n +$((seen + 1)) | sort -n | tail -n 1
		sleep 2
	done)
	ok "$1, $4: $2 comes back $ROUNDS times, and the guest's $3 with it" [ "$(grep -c '^[0-9]*$' <<<"$list")" = "$ROUNDS" ]
	note "$1, $4: $3 stood still for $(sort -n <<<"$list" | sed -n "$(((ROUNDS + 1) / 2))p") ms (median), $(sort -n <<<"$list" | tail -n 1) ms (worst of $ROUNDS)"
	note "$(atoll status | grep "^$2: last restart")"
	jq -n --arg kernel "$1" --arg service "$2" --arg beside "$4" --arg list "$list" \
		--argjson last "$(atoll --json status | jq --arg n "$2" '.domains[] | select(.name == $n).last_outage')" \
		'{kernel: $kernel, service: $service, beside: $beside, guest_ms: ($list | split("\n") | map(tonumber)), last: $last}' >>$JSON
}

measure_all() { # BESIDE
	local kernel
	for kernel in $KERNELS; do
		for service in net0 disk0; do
			[ "$(domain_field $service kernel)" = "$kernel" ] || ok "$service takes $kernel" atoll restart $service --kernel "$kernel"
		done
		sleep 3
		measure "$kernel" net0 net "$1"
		measure "$kernel" disk0 disk "$1"
	done
}

within 120 systemctl is-active atolld
ok "all services run" atoll up
ok "a guest that measures is created" create_guest probe outage
ok "and is ready" within 60 ready probe
sleep 2
measure_all "idle host"
for g in busy1 busy2; do ok "$g is created" create_guest $g soak; done
sleep 5
measure_all "two busy guests"
ok "the guest saw no error" no_errors probe
for g in probe busy1 busy2; do atoll destroy $g; done
echo "@@file outage.json $(base64 -w0 $JSON)"
