#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Consoles under load: three guests say numbered lines at once while the console domain is restarted in place. console-64m.sh
# sets the two numbers.
#   images/boot --run /usr/lib/atoll/tests/long/console-load.sh --timeout 1800
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

within 120 running console || exit 1
LINES_EACH=${LINES_EACH:-49152} # of 64 bytes
RELOADS=${RELOADS:-3}
PAUSE_S=${PAUSE_S:-0} # between two restarts, at least
LIMITED=${LIMITED-yes} # host.json has a limit that they pass
GUESTS='con1:pv con2:pvh con3:pv'

create_guest() {
	jq -n --arg name "$1" --arg type "$2" --arg lines "$LINES_EACH" '{name: $name, type: $type, memory: 80, consoles: 2,
		kernel: "/usr/lib/atoll/guests/vmlinux", ramdisk: "/usr/lib/atoll/guests/guest.cpio",
		cmdline: "console=hvc0 loglevel=1 atoll.name=\($name) atoll.work=console atoll.echo=1 atoll.lines=\($lines)"}' >"/run/$1.json"
	atoll create "/run/$1.json"
}
logs() { ls -v -r "$(console_log "$1")" "$(console_log "$1")".* 2>/dev/null; }
# The ends of the logs only, and seldom: who looks at all of them all the time has the processor instead of the guests.
end_of() { logs "$1" | xargs tail -q -c 400; }
said() { end_of "$1" | grep -a -o '^LINE [0-9]*' | tail -n 1 | sed 's/^LINE 0*//'; }
has_said() { [ "$(sleep 1; said "$1")" -ge "$2" ]; }
has_ended() { end_of "$1" | grep -q -a 'CONSOLE LOAD DONE'; }
ended() { sleep 2; has_ended "$1"; }
none_ended() { ! has_ended con1 && ! has_ended con2 && ! has_ended con3; }
# shellcheck disable=SC2046 # names without blanks
each_once() { /usr/libexec/atoll/atoll-load-console --check "$LINES_EACH" $(logs "$1"); }
event() { atoll --json events | jq -e -s --arg n "$1" --arg e "$2" 'any(.name == $n and .event == $e)'; }
reload_all() {
	local i
	for ((i = 0; i < RELOADS; i++)); do
		timeout 20 atoll restart console || return
		sleep $PAUSE_S.$((RANDOM % 9))
	done
}

rm -f /var/log/atoll/console/con[123]*
for g in $GUESTS; do ok "a ${g#*:} guest with two consoles is created" create_guest "${g%:*}" "${g#*:}"; done
for g in $GUESTS; do ok "${g%:*} says numbered lines" within 120 has_said "${g%:*}" 10; done
# A client that never reads, and types nothing: stopped as soon as it is attached.
mkfifo /run/silent
exec 9<>/run/silent
atoll console con1 <&9 >/dev/null 2>&1 &
deaf=$!
sleep 0.5
kill -STOP $deaf
start=$(now_ms)
before=$(restarts console)
ok "the console domain is restarted in place $RELOADS times meanwhile" reload_all
ok "and no other time" [ "$(restarts console)" = $((before + RELOADS)) ]
ok "all three speak still" none_ended
for g in $GUESTS; do ok "${g%:*} comes to an end" within 2000 ended "${g%:*}"; done
took=$(($(now_ms) - start))
for g in $GUESTS; do
	ok "each of ${g%:*}'s lines is there once, whole and in order" eval "each_once ${g%:*} >/run/each-once"
	note "${g%:*}: $(cat /run/each-once); $(end_of "${g%:*}" | grep -a -h -o 'CONSOLE LOAD DONE.* s')"
done
note "all in $took ms"
ok "a client that never read stalled nobody" kill -0 $deaf
kill -KILL $deaf
wait $deaf 2>/dev/null
[ -z "$LIMITED" ] || ok "a guest that says more than it may is limited, and named" event con1 console-limited
for g in con1 con2; do
	ok "$g's second console is logged apart" within 20 grep -q -a "GUEST $g second console" "$(console_log $g:1)"
done
ok "its second console hears what is typed" sh -c '(sleep 0.5; echo hello; sleep 2) | timeout 10 atoll console con2:1 | grep -q "HEARD hello"'
(sleep 6) | atoll console con2:1 >/run/con-writer &
writer=$!
sleep 1
ok "a second client may watch only" sh -c '(echo mine; sleep 1) | timeout 5 atoll console con2:1 2>&1 | grep -q "another client writes"'
wait $writer
ok "a client that attaches sees what was said last" grep -q "HEARD hello" /run/con-writer
ok "the hypervisor's own messages are printed" sh -c 'atoll logs xen | grep -q "(XEN)"'
ok "logs are printed without escape sequences" sh -c '! atoll logs con1 | grep -q -P "\x1b"'
for g in $GUESTS; do ok "${g%:*} is destroyed" atoll destroy "${g%:*}"; done
ok "nothing of their consoles is left in the store" [ -z "$(xenstore-list /local/domain/2/backend/console 2>/dev/null)" ]
rm -f /var/log/atoll/console/con[123]* /run/con-writer /run/silent
