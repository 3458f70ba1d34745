#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What happens is told: by `atoll events`, to programs that follow, and to the journal (needs the guests of 20).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

FOLLOWED=/run/followed-events
has() { jq -e -s --arg e "$2" --arg n "$3" 'any(.event == $e and .name == $n)' "$1"; }
journal_has() { journalctl -o json "ATOLL_EVENT=$1" "ATOLL_NAME=$2" | jq -e -s "any($3)"; }

atoll --json events --follow >$FOLLOWED &
follower=$!
within 5 test -s $FOLLOWED
ok "a service is restarted" atoll restart console
ok "a follower is told" within 5 has $FOLLOWED restarted console
ok "with phases" sh -c "jq -e -s 'map(select(.event == \"restarted\" and .name == \"console\"))[-1].details.phases_ms | length > 0' $FOLLOWED"
kill $follower
ok "events are numbered without a gap" sh -c "jq -e -s 'map(.number) | . == [range(.[0]; .[0] + length)]' $FOLLOWED"
atoll --json events >$FOLLOWED
ok "who asks later is told too" has $FOLLOWED restarted console
ok "and is not told more than fits" [ "$(wc -l <$FOLLOWED)" -le 96 ]
ok "people get a line each" sh -c 'atoll events | grep -q "console *restarted *domain 2 runs"'
ok "the journal has it with fields" journal_has restarted console '(.ATOLL_DETAILS | fromjson | .reason) == "asked for"'
ok "the journal has what earlier atollds told" journal_has created alpha true
not_ok "an option that is none is refused" atoll events --forever
rm -f $FOLLOWED
