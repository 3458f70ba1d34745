#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The monitor gives no false alarm while two guests load net, disk, store and console for MINUTES, and then names each fault rightly and soon.
#   images/boot --run /usr/lib/atoll/tests/long/monitor.sh --timeout 3600 [--append-dom0 atoll.minutes=N]       (MINUTES=N; FAULTS=: none)
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

: "${MINUTES:=$(sed -n 's/.*\batoll\.minutes=\([0-9]*\).*/\1/p' /proc/cmdline)}" "${MINUTES:=10}"
FOUND_MS=2000
SERVICES='store console net0 disk0'
EVENTS=/run/monitor-events

create_guest() { # NAME TYPE NUMBER
	jq -n --arg n "$1" --arg t "$2" --arg i "$3" '{name: $n, type: $t, memory: 96, kernel: "/usr/lib/atoll/guests/vmlinux",
		ramdisk: "/usr/lib/atoll/guests/guest.cpio", cmdline: ("console=hvc0 loglevel=4 atoll.work=load atoll.rate=4 atoll.name=" + $n +
			" atoll.address=10.77.0." + $i + " atoll.peer=10.77.0." + (3 - ($i | tonumber) | tostring)),
		vif: [{bridge: "xenbr0", backend: "net0"}], disk: [{vdev: "xvda", backend: "disk0", target: ("nvme0n1p" + $i), access: "rw"}]}' >"/run/$1.json"
	atoll create "/run/$1.json"
}
all_well() { [ "$(atoll --json status | jq '[.domains[] | select(.health != "ok")] | length')" = 0 ]; }
# loads GUEST: the last second's counters: tcp=done,stall,lost,wrong ...
loads() { tail -c 2000 "$(console_log "$1")" | grep -a '^LOAD ' | tail -n 2 | head -n 1 | tr -d '\r'; }
done_of() { loads "$1" | grep -o "$2=[0-9]*" | cut -d= -f2; }
loaded() { sleep 1; for l in tcp disk store; do [ "$(done_of "$1" $l)" -gt 0 ] || return; done; }
harmed() { loads "$1" | grep -o '[a-z]*=[0-9]*,[0-9]*,[0-9]*,[0-9]*' | grep -v ',0,0$'; }
alarms() { jq -c -s --argjson last "$last" '.[] | select(.number > $last) | select(.event == "health" or .event == "restarted" or .event == "waiting" or .event == "gave-up")' $EVENTS; }
restarts_of_all() { for s in $SERVICES; do restarts "$s"; done; }

ok "the host is up" within 200 atoll up
ok "guest l1 is created" create_guest l1 pv 1
ok "guest l2 is created" create_guest l2 pvh 2
for g in l1 l2; do ok "$g sends to the other, uses its disk and the store" within 120 loaded $g; done
ok "all domains are well" within 60 all_well
before=$(restarts_of_all)
start=$(now_ms)
last=$(atoll --json events | jq -s '.[-1].number // 0')
atoll --json events --follow >$EVENTS &
follower=$!
for ((m = 1; m <= MINUTES; m++)); do
	while [ $(($(now_ms) - start)) -lt $((m * 60000)) ]; do sleep 10; done
	note "minute $m: $(loads l1)"
done
kill $follower
for g in l1 l2; do
	ok "$g did work in these $((($(now_ms) - start) / 1000)) s: $(done_of $g tcp) bytes of TCP, $(done_of $g disk) requests of disk, $(done_of $g store) of store" loaded $g
	ok "$g lost nothing, and nothing was wrong" [ -z "$(harmed $g)" ]
done
ok "no alarm was given" [ -z "$(alarms)" ]
alarms | sed 's/^/# /'
ok "nothing was restarted" [ "$(restarts_of_all)" = "$before" ]
ok "all domains are well still" all_well

# --- each fault, under the same load; not those of the control domain's own processes, which systemd knows ---
fault() { /usr/libexec/atoll/atoll-fault "$1" "$(domain_field "$2" domid)"; }
faults() {
	for s in net0 disk0 console store; do
		found $s gone '' fault destroy $s
		sleep 4 # a store or console that fails sooner is thought not to bear its state
		found $s crashed '' fault crash $s
		sleep 4
		[ $s = store ] || found $s hung 'no answer' fault hang $s
	done
	# The store is found hung by atoll-monitor, whose verdict is the restart's reason.
	before=$(restarts store) start=$(now_real)
	ok "store: hung: the fault is there" fault hang store
	ok "store: it is found and restarted" within 20 restarted store "$before"
	took=$(atoll --json events | jq -e -s --argjson t "$start" '[.[] | select(.name == "store" and .event == "restarted" and .time_ms >= $t)][0].time_ms - $t')
	ok "store: it was named hung, and serves again (after ${took:-?} ms)" [ "${took:-999999}" -le $FOUND_MS ]
	ok "store: with a reason ($(reason store))" grep -q hung <<<"$(reason store)"
	for s in net0 disk0; do
		domid=$(domain_field $s domid) before=$(restarts $s)
		xenstore-write "/local/domain/$domid/memory/target" 4096
		ok "$s: without memory it is found and restarted" within 90 restarted $s "$before"
		ok "$s: it was named out of memory ($(reason $s))" grep -q "out of memory" <<<"$(reason $s)"
	done
	for s in $SERVICES; do
		start=$(now_real)
		fault slow $s
		sleep 3
		took=$(verdict $s slow "$start")
		ok "$s: slow: it was named so (after ${took:-?} ms)" [ "${took:-999999}" -le $FOUND_MS ]
		fault fast $s
	done
}
[ -z "${FAULTS-yes}" ] || faults
ok "all domains are well in the end" within 60 all_well
note "$(atoll events | tail -n 60)"
for g in l1 l2; do
	ok "$g goes on, and nothing was wrong or lost" eval "within 60 loaded $g && [ -z \"\$(harmed $g)\" ]"
	note "$(loads $g)"
	ok "$g is destroyed" atoll destroy $g
done
rm -f $EVENTS
