#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The store domain is restarted in place, again and again, under load from three guests and the control domain. Each load
# program (tests/store-load) compares each answer and each event with its own model.
#
# Not part of `./run test`, because it takes minutes. With atoll.long on the control domain's command line: 200 restarts instead of 12.
#   images/boot --run /usr/lib/atoll/tests/long/store-restarts.sh [--append-dom0 atoll.long] --timeout 3600
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

RESTARTS=12
CRASH_EVERY=6		# the others are asked for
PAUSE_MS=400		# at most, between two
QUIET_S=5		# guest seconds of load before the first restart, for comparison
NODES=5000
GUESTS='load1:pv load2:pvh load3:pv'
LOAD=/usr/libexec/atoll/atoll-store-load
OWN_LOG=/run/store-load.log
OUTAGES=/run/store-outages
grep -q -w atoll.long /proc/cmdline && RESTARTS=200

loads=dom0
for g in $GUESTS; do loads+=" ${g%:*}"; done

log_of() { if [ "$1" = dom0 ]; then echo $OWN_LOG; else console_log "$1"; fi; }
beats() { grep -c -a '^STORE LOAD' "$(log_of "$1")" 2>/dev/null || true; }
works() { [ "$(beats "$1")" -ge "$2" ] || { tail -n 3 "$(log_of "$1")"; return 1; }; }
verdict() { grep -a '^STORE [0-9]* requests' "$(log_of "$1")" | tr -d '\r'; }
ended() { [ -n "$(verdict "$1")" ]; }
is_right() { verdict "$1" | grep -q ', ok$' || { tail -n 5 "$(log_of "$1")"; return 1; }; }
# worst LOAD FROM TO: the longest round trip in us, from its line FROM to its line TO
worst() { grep -a '^STORE LOAD' "$(log_of "$1")" | sed -n "$2,$3s/.*worst \([0-9]*\) us.*/\1/p" | sort -n | tail -n 1; }
ms() { awk -v us="${1:-0}" 'BEGIN { printf "%.2f", us / 1000 }'; }

create_guest() {
	jq -n --arg name "$1" --arg type "$2" '{name: $name, type: $type, memory: 96, kernel: "/usr/lib/atoll/guests/vmlinux",
		ramdisk: "/usr/lib/atoll/guests/guest.cpio", cmdline: "console=hvc0 loglevel=4 atoll.name=\($name) atoll.work=store"}' \
		>"/run/$1.json"
	atoll create "/run/$1.json"
}

restart_all() {
	local i before
	RANDOM=1
	: >$OUTAGES
	for ((i = 1; i <= RESTARTS; i++)); do
		before=$(restarts store)
		if [ $((i % CRASH_EVERY)) = 0 ]; then
			/usr/libexec/atoll/atoll-fault crash "$(domain_field store domid)" || return
			within 20 restarted store "$before" || return
			atoll --json status | jq -c '.domains[] | select(.name == "store").last_outage' >>$OUTAGES
		else
			timeout 20 atoll --json restart store | jq -c .last_outage >>$OUTAGES || return
		fi
		sleep "$(printf '0.%03d' $((RANDOM % PAUSE_MS)))"
	done
}

within 60 running store || exit 1
ok "$NODES nodes are made" $LOAD fill /test/many $NODES
for g in $GUESTS; do ok "a ${g#*:} guest is created" create_guest "${g%:*}" "${g#*:}"; done
$LOAD load /test/load 3500 >$OWN_LOG &
for l in $loads; do ok "$l puts load on the store" within 60 works "$l" 1; done
for l in $loads; do works "$l" 1 || exit 1; done
for l in $loads; do
	eval "from_$l=$(($(beats "$l") + 1))"
done
sleep $QUIET_S
for l in $loads; do eval "quiet_$l=$(beats "$l")"; done

count=$(restarts store)
start=$(now_ms)
ok "the store is restarted in place $RESTARTS times" restart_all
took=$(($(now_ms) - start))
ok "each of them happened, and no other" [ "$(restarts store)" = $((count + RESTARTS)) ]
for l in $loads; do
	eval "last_$l=$(($(beats "$l") + 1))"
	ok "$l still goes on" within 30 works "$l" $(($(beats "$l") + 2))
done

ok "the control domain is told to end" xenstore-write /test/load/stop 1
for g in $GUESTS; do
	g=${g%:*}
	ok "$g is told to end, through its watch" xenstore-write "/local/domain/$(domain_field "$g" domid)/data/load/stop" 1
done
for l in $loads; do
	within 60 ended "$l"
	ok "$l: each request was answered once and rightly, no event was lost, the tree is its model's" is_right "$l"
done
ok "all $NODES nodes are there" [ "$(xenstore-ls -f /test/many | grep -c '"node"')" = $NODES ]

note "$RESTARTS restarts in $took ms, $(jq -r .reason $OUTAGES | sort | uniq -c | tr -s ' \n' ' ')"
for l in $loads; do
	note "$l: $(verdict "$l")"
	eval "from=\$from_$l quiet=\$quiet_$l last=\$last_$l"
	note "$l: longest round trip $(ms "$(worst "$l" "$from" "$quiet")") ms before, $(ms "$(worst "$l" $((quiet + 1)) "$last")") ms during the restarts"
done
# The store's own: from its pause to its going on (the builder's log), and from there until it is ready (its own log).
stalls() {
	paste -d ' ' <(journalctl -u atoll-builder -o cat | sed -n 's/^.*domain 1: reloaded in \([0-9]*\) us.*/\1/p' | tail -n $RESTARTS) \
		<(grep -a '^store: ready after' "$(console_log store)" | sed 's/^store: ready after \([0-9]*\) us.*/\1/' | tail -n $RESTARTS)
}
note "store away: $(stalls | awk '{ print $1 + $2, $1, $2 }' | sort -n | awk '{ all[NR] = $0 } END { split(all[int((NR + 1) / 2)], m); split(all[NR], w)
	printf "median %.2f ms (swapped %.2f, starting %.2f), longest %.2f ms (%.2f, %.2f)", m[1] / 1000, m[2] / 1000, m[3] / 1000, w[1] / 1000, w[2] / 1000, w[3] / 1000 }')"
note "reload: $(jq -s -r 'map(.phases_ms.reload // .total_ms) | sort | "median \(.[length / 2 | floor]) ms, longest \(.[-1]) ms"' $OUTAGES)"

for g in $GUESTS; do ok "${g%:*} is destroyed" atoll destroy "${g%:*}"; done
xenstore-rm /test
