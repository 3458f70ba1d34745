#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The audit says what is so, and its log cannot be changed unseen (needs the guests of 20).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

LOG=/var/log/atoll/audit.log
# held NAME FILTER: a jq condition on what the audit says of a domain
held() { jq -e --arg n "$1" ".[] | select(.name == \$n) | $2" /run/audit.json; }
peers() { jq -c --arg n "$1" '.[] | select(.name == $n) | [.ties[] | select(.grants > 0) | .domid] | sort' /run/audit.json; }

ok "the audit is made" sh -c 'atoll --json audit >/run/audit.json'
atoll audit | head -n 40 | sed 's/^/# /'
ok "only the store may ask for other domains' state" [ "$(jq -c '[.[] | select(.xs_domain) | .name]' /run/audit.json)" = '["store"]' ]
ok "net0 holds its network card and nothing else" held net0 '.pci == ["0000:00:10.0"]'
ok "disk0 holds its disk and nothing else" held disk0 '.pci == ["0000:00:11.0"]'
ok "no guest holds a device" [ "$(jq '[.[] | select(.domid >= 32) | .pci[]] | length' /run/audit.json)" = 0 ]
ok "no domain has power over another" [ "$(jq '[.[] | select(.target)] | length' /run/audit.json)" = 0 ]
net=$(domain_field net0 domid) disk=$(domain_field disk0 domid)
for guest in alpha beta; do
	ok "$guest shares memory with the store, the console, net0 and disk0, and nobody else" [ "$(peers $guest)" = "[1,2,$net,$disk]" ]
	ok "$guest's vif is served by net0" held $guest ".devices | any(.kind == \"vif\" and .backend == $net)"
	ok "$guest's disk is served by disk0" held $guest ".devices | any(.kind == \"vbd\" and .backend == $disk)"
	ok "net0 and $guest have channels" held net0 ".ties | any(.domid == $(domain_field $guest domid) and .channels > 0)"
	ok "$guest and the other guest have nothing in common" [ "$(jq "[.[] | select(.name == \"$guest\") | .ties[] | select(.domid >= 32)] | length" /run/audit.json)" = 0 ]
done

ok "the log is whole" atoll audit verify
atoll pause beta
atoll unpause beta
ok "it has the calls" sh -c "tail -n 2 $LOG | jq -s -e '.[0].method == \"pause\" and .[1].method == \"unpause\" and .[0].name == \"beta\" and .[0].pid > 0'"
ok "it has who was exposed to whom" sh -c 'atoll audit exposures | grep -q "alpha (domain [0-9]*) exposed to store#.* console#.* net0#.* disk0#"'
ok "and which incarnation of a service had which guests" sh -c 'atoll audit exposures | grep -q "#[1-9][0-9]* begins, and has.* alpha"'
ok "it is still whole" atoll audit verify
cp $LOG /run/audit.kept
sed -i '2s/"what"/"what":"nothing","that"/' $LOG
not_ok "a changed line is found" atoll audit verify
sed '3d' /run/audit.kept >$LOG
not_ok "so is a missing one" atoll audit verify
head -n -1 /run/audit.kept >$LOG
not_ok "and a cut end" atoll audit verify
cat /run/audit.kept >$LOG
ok "as it was, it is right again" atoll audit verify
ok "who is not root cannot read it" [ "$(stat -c %a $LOG)" = 600 ]
rm -f /run/audit.kept /run/audit.json
