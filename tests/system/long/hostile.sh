#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A net domain under an attacker's control harms nobody but its own clients; and what the hypervisor refuses it, tried from inside.
#   images/boot --run /usr/lib/atoll/tests/long/hostile.sh --timeout 1800
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

HOST=/etc/atoll/host.json
RAMDISK=/run/hostile.cpio
ATTACK_SECONDS=6
ATTACKS='length deep noise flood ask lies twice silence scribble store'
ANSWER_MS=1000		# atolld answers, whatever one of its services does
GROWTH_KIB=4096		# and does not grow
PRIVILEGES='version|own grant table|event channel of its own'

atolld_pid() { systemctl show -P MainPID atolld; }
atolld_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(atolld_pid)/status"; }
atolld_files() { find "/proc/$(atolld_pid)/fd" | wc -l; }
# $took: milliseconds until atolld has answered
answer() {
	local start
	start=$(now_ms)
	timeout 20 atoll --json status >/run/status.json
	took=$(($(now_ms) - start))
}
not_well() { [ "$(domain_field "$1" health)" != ok ]; }
said() { grep -a -q -- "$1" "$(console_log evil)"; }
# attack NAME: evil is built again, and does so
attack() {
	jq --arg a "atoll.attack=$1" '.services |= map(if .name == "evil" then .cmdline = $a else . end)' $HOST >/run/host.new
	cp /run/host.new $HOST
	systemctl restart atolld
	within 30 atoll status >/dev/null
	: >"$(console_log evil)"
	timeout 60 atoll restart evil >/dev/null 2>&1 &
	within 40 said "attacks: $1"
}

ok "the host is up" within 120 atoll up
ok "two guests are created" eval 'atoll create guests/alpha.cfg && atoll create guests/beta.json'
for g in alpha beta; do ok "$g works" within 120 ready $g; done
cat "$IMAGES_DIR/driver.cpio" hostile.cpio >$RAMDISK
cp $HOST /run/host.json
jq --arg r $RAMDISK '.services += [{name: "evil", role: "net", memory_mib: 128, ramdisk: $r, restart: {on_failure: false}}]' /run/host.json >$HOST
restarts=$(restarts net0):$(restarts disk0)
for a in $ATTACKS; do
	ok "$a: evil attacks" attack "$a"
	pid=$(atolld_pid) kib=$(atolld_kib) files=$(atolld_files)
	sleep $ATTACK_SECONDS
	answer
	ok "$a: atolld answers, after $took ms" [ "$took" -le $ANSWER_MS ]
	note "$a: evil is $(jq -c '.domains[] | select(.name == "evil") | [.state, .health, .why]' /run/status.json)"
	case $a in length | deep | noise) ok "$a: it is known that it does not serve" within 20 not_well evil ;; esac
	ok "$a: atolld is the same process" [ "$(atolld_pid)" = "$pid" ]
	ok "$a: it has not grown: $kib, now $(atolld_kib) KiB" [ "$(atolld_kib)" -le $((kib + GROWTH_KIB)) ]
	ok "$a: nor keeps files: $files, now $(atolld_files)" [ "$(atolld_files)" -le $((files + 4)) ]
	for g in alpha beta; do ok "$a: $g goes on" still_works $g 60; done
	wait
done
note "$(journalctl -u atolld -o cat --no-pager | grep '^evil: agent' | sort | uniq -c | sort -rn | head -n 12)"
ok "who broke the rules is named" sh -c 'journalctl -u atolld -o cat --no-pager | grep -q "^evil: agent: "'
ok "nobody else had to be restarted" [ "$(restarts net0):$(restarts disk0)" = "$restarts" ]
ok "the store has no node of evil's making elsewhere" [ "$(xenstore-read /local/domain/0/name)" != evil ]
for g in alpha beta; do ok "$g saw no error" no_errors $g; done

# --- privileges ---
ok "evil asked the hypervisor for all" said "hostile: asked all"
grep -a -o 'hostile: MAY.*' "$(console_log evil)" | sort -u >/run/privileges.txt
sed 's/^hostile/# evil/' /run/privileges.txt
ok "it may what concerns itself" [ "$(grep -c -E "MAY [^N].*($PRIVILEGES)" /run/privileges.txt)" = 3 ]
not_ok "and nothing that concerns others" sh -c "grep -E 'MAY [^N]' /run/privileges.txt | grep -v -E '$PRIVILEGES'"
echo "@@file privileges.txt $(base64 -w0 /run/privileges.txt)"

cp /run/host.json $HOST
systemctl restart atolld
ok "without it the host is as before" within 60 atoll up
for g in alpha beta; do atoll destroy $g >/dev/null; done
