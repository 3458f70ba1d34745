#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The store crashes at once, again and again, as one does that cannot bear its state: the state is given up, and the store begins
# empty. Guests keep what they have; the log says that the host has to be rebooted. Not part of `./run test`, because of just that.
#   images/boot --run /usr/lib/atoll/tests/long/store-lost.sh
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

CRASHES=5
lost() { journalctl -u atolld | grep -q 'store: its state is lost'; }
crash_store() {
	local i before
	for ((i = 0; i < CRASHES; i++)); do
		before=$(restarts store)
		/usr/libexec/atoll/atoll-fault crash 1 && within 20 restarted store "$before" || return
	done
}

within 60 running store || exit 1
atoll up
ok "a guest is created" atoll create guests/alpha.cfg
ok "it works" within 120 ready alpha
not_ok "no state was lost" lost
ok "the store crashes $CRASHES times, and runs each time" crash_store
ok "the log says what is lost" lost
ok "the guest's name is in the new store" [ "$(xenstore-read "/local/domain/$(domain_field alpha domid)/name")" = alpha ]
ok "the guest goes on" still_works alpha 60
ok "and saw no error" no_errors alpha
# Its backends lost their watches too: they keep its pages mapped.
pages_stay() { atoll destroy alpha 2>&1 | grep 'are still in use'; }
ok "when it is destroyed, atoll says that its pages stay" pages_stay
