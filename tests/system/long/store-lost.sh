#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The store domain and the builder, which keeps its memory, end in the same moment: the state of the store is lost. Guests keep what
# they have; the host says that it has to be rebooted. Not part of `./run test`, because of just that.
#   images/boot --run /usr/lib/atoll/tests/long/store-lost.sh
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

within 60 running store || exit 1
atoll up
ok "a guest is created" atoll create guests/alpha.cfg
ok "it works" within 120 ready alpha
before=$(systemctl show -p NRestarts --value atoll-builder)
ok "the builder is killed" pkill -9 -x atoll-builder
ok "the store is destroyed" /usr/libexec/atoll/atoll-fault destroy 1
ok "the builder comes back" within 20 eval '[ "$(systemctl show -p NRestarts --value atoll-builder)" -gt "$before" ]'
ok "the store runs again" within 90 running store
ok "the log says what is lost" within 20 eval 'journalctl -u atolld | grep -q "store: its state is lost"'
ok "the guest's name is in the new store" [ "$(xenstore-read "/local/domain/$(domain_field alpha domid)/name")" = alpha ]
ok "the guest goes on" still_works alpha 60
ok "and saw no error" no_errors alpha
ok "it can be destroyed" atoll destroy alpha
