#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Driver domains change their kernel under two guests' I/O, and go back by themselves when the new one does not come up.
# `newer` is there if the archive has it, `trimmed` if `./run kernel` built it.
#
#   images/boot --run /usr/lib/atoll/tests/long/kernel.sh --timeout 3600
cd "$(dirname "$(realpath "$0")")/.." || exit 1
. ./lib.sh
. ./guest-lib.sh

KERNELS=$IMAGES_DIR/kernels

has_kernel() { [ "$(domain_field "$1" kernel)" = "$2" ]; }

guests_go_on() {
	for guest in alpha beta; do
		ok "$guest goes on $1" still_works $guest 90
		ok "$guest saw no error" no_errors $guest
	done
}

changes() { # SERVICE KERNEL
	ok "$1: it takes the kernel $2" atoll restart "$1" --kernel "$2"
	ok "$1: and says so" has_kernel "$1" "$2"
	note "$1: $(domain_field "$1" kernel_release); $(atoll status | grep "^$1: last restart")"
}

# goes_back SERVICE KERNEL WHAT: the order fails with a word of what it has now, and the service runs
goes_back() {
	local output
	output=$(timeout 120 atoll restart "$1" --kernel "$2" 2>&1)
	ok "$1: it goes back to debian by itself from $3" grep -q "has debian again" <<<"$output"
	note "$output"
	ok "$1: and runs with it" running "$1"
	ok "$1: and says so" has_kernel "$1" debian
}

within 120 systemctl is-active atolld
ok "all services run" atoll up
for guest in alpha.cfg beta.json; do
	ok "${guest%.*} is created" atoll create guests/$guest
	ok "and works" within 120 ready "${guest%.*}"
done

restarted_before=$(restarts net0)
not_ok "a kernel that is not there is refused" atoll restart net0 --kernel no-such-kernel
not_ok "so is one for the store, which has none" atoll restart store --kernel debian
ok "and nothing was restarted for it" [ "$(restarts net0)" = "$restarted_before" ]

release=$(domain_field net0 kernel_release)
for kernel in newer trimmed; do
	[ -e "$KERNELS/$kernel/vmlinux" ] || continue
	for service in net0 disk0; do changes $service $kernel; done
	ok "that is another kernel" [ "$(domain_field net0 kernel_release)" != "$release" ]
	guests_go_on "on $kernel"
done
ok "atolld is restarted" systemctl restart atolld
ok "the services are adopted" within 60 running net0
[ ! -e "$KERNELS/newer/vmlinux" ] || ok "and the choice of kernel is known" [ "$(domain_field net0 kernel)" != debian ]
for service in net0 disk0; do
	has_kernel $service debian || changes $service debian
done

echo "this is no kernel" >/run/no-kernel
goes_back net0 /run/no-kernel "a file that is no kernel"
mkdir -p "$KERNELS/panics"
ln -sf "$IMAGES_DIR/driver-vmlinux" "$KERNELS/panics/vmlinux"
head -c 512 /dev/zero >"$KERNELS/panics/driver.cpio"	# no init in it
goes_back disk0 panics "one that panics"
rm -rf "$KERNELS/panics" /run/no-kernel
guests_go_on "after both"
