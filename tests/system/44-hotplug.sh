#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Devices come and go while the guest runs (needs the guests of 20).
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

device() { atoll --json info "$1" | jq -r ".devices[] | select(.id == \"$2\" or .id == \"vif$2\") | .state"; }
has() { say "$1" "ls -d $2 && echo HAS\$((1))"; }
sees() { local n; n=$(count "$1" '^HAS1'); has "$1" "$2"; [ "$(count "$1" '^HAS1')" -gt "$n" ]; }

for guest in alpha beta; do
	domid=$(domain_field $guest domid)
	ok "$guest: a disk is attached" atoll attach $guest vbd 'nvme0n1p3,raw,xvdb,w'
	ok "$guest: it is connected" [ "$(device $guest xvdb)" = connected ]
	ok "$guest: its kernel has it" within 20 sees $guest /dev/xvdb
	not_ok "$guest: a disk name that is used is refused" atoll attach $guest vbd 'nvme0n1p4,raw,xvdb,w'
	not_ok "$guest: a disk that it writes to itself is refused" atoll attach $guest vbd 'nvme0n1p3,raw,xvdc,w'
	ok "$guest: a second interface is attached" atoll attach $guest vif bridge=xenbr0
	ok "$guest: it is connected" [ "$(device $guest 1)" = connected ]
	ok "$guest: its kernel has it" within 20 sees $guest /sys/class/net/eth1
	ok "$guest: the interface is detached" atoll detach $guest vif 1
	ok "$guest: the disk is detached" atoll detach $guest vbd xvdb
	not_ok "$guest: no node of it is left" xenstore-exists "/local/domain/4/backend/vbd/$domid/51728"
	not_ok "$guest: none of the interface either" xenstore-exists "/local/domain/3/backend/vif/$domid/1"
	ok "$guest: the disk is free for others" atoll attach $guest vbd 'nvme0n1p3,raw,xvdd,r'
	ok "$guest: its kernel has it again" within 20 sees $guest /dev/xvdd
	ok "$guest: --force takes it away at once" atoll detach $guest vbd xvdd --force
	not_ok "$guest: what is not there cannot be detached" atoll detach $guest vbd xvdz
	ok "$guest goes on" still_works $guest 60
	ok "$guest saw no error" no_errors $guest
done
