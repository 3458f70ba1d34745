#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests are saved, restored and moved while their counters, pings and disk writes go on.
#   images/boot --run /usr/lib/atoll/tests/long/save.sh --timeout 1800
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

last_ping() { grep -a '^PING' "$(console_log "$1")" | tail -n 1 | cut -d' ' -f2; }
# its counters live in its memory: a new boot would count from 1
went_on() { still_works "$1" 60 && [ "$(last_ping "$1")" -gt "$2" ] && [ "$(count "$1" 'GUEST READY')" = "$3" ]; }
gone() { [ -z "$(domain_field "$1" name)" ]; }
uuid() { atoll --json info "$1" | jq -r .uuid; }

ok "all services run" within 200 atoll up
ok "a PV guest is created" atoll create guests/alpha.cfg
ok "a PVH guest is created" atoll create guests/beta.json
for guest in alpha beta; do
	ok "$guest is ready" within 120 ready $guest
done
for guest in alpha beta; do
	file=/var/tmp/$guest.save
	boots=$(count $guest 'GUEST READY')
	domid=$(domain_field $guest domid) uuid=$(uuid $guest) ping=$(last_ping $guest)
	ok "$guest is saved and goes on (--checkpoint)" atoll save $guest $file --checkpoint
	ok "$guest works as before" went_on $guest "$ping" "$boots"
	rm -f $file
	ping=$(last_ping $guest)
	start=$(now_ms)
	ok "$guest is saved" atoll save $guest $file
	note "$guest: saved in $(($(now_ms) - start)) ms, $(stat -c %s $file) bytes"
	ok "$guest is gone" gone $guest
	not_ok "$guest: none of its nodes is left" xenstore-exists "/local/domain/$domid"
	start=$(now_ms)
	ok "$guest is restored" atoll restore $file
	note "$guest: restored in $(($(now_ms) - start)) ms"
	ok "$guest goes on where it was: counters, pings, disk" went_on $guest "$ping" "$boots"
	ok "$guest has its uuid" [ "$(uuid $guest)" = "$uuid" ]
	ok "$guest has a new domid" [ "$(domain_field $guest domid)" != "$domid" ]
	ok "$guest saw no error" no_errors $guest
	ping=$(last_ping $guest)
	start=$(now_ms)
	ok "$guest is moved while it runs" atoll migrate $guest --to 'atoll receive'
	note "$guest: moved in $(($(now_ms) - start)) ms"
	ok "$guest has its name" running $guest
	not_ok "$guest: no other is left" grep -q incoming <<<"$(atoll list)"
	ok "$guest goes on" went_on $guest "$ping" "$boots"
	ok "$guest saw no error" no_errors $guest
	ping=$(last_ping $guest)
	not_ok "$guest: a receiver that does not take it is an error" atoll migrate $guest --to 'head -c 300000 >/dev/null'
	ok "$guest goes on here" went_on $guest "$ping" "$boots"
	head -c 1000000 $file >$file.half
	atoll destroy $guest >/dev/null
	not_ok "half a file is refused" atoll restore $file.half
	ok "and leaves nothing" gone $guest
	printf 'ATOLLSAV\1\0\0\0\377\377\377\177' >$file.half
	not_ok "a head with a huge length is refused" atoll restore $file.half
	ok "$guest is restored once more" atoll restore $file
	rm -f $file $file.half
	ok "$guest works" still_works $guest 60
	ok "$guest is destroyed" atoll destroy $guest
done
