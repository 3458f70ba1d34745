#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the control domain: how long creates and destroys take, with xl (tools layer) or with atoll, on the same files.
# Lines: WHAT WARM-MEDIAN-US COLD-US, in guest time, for out/bench-create.json.
LC_ALL=C
ROUNDS=7
OTHERS=60
K='memory = 128
type = "pvh"
ramdisk = "/usr/lib/atoll/guests/guest.cpio"
extra = "console=hvc0 quiet"'
printf 'name = "b"\n%s\nkernel = "/usr/lib/atoll/guests/bzImage"\n' "$K" >/run/bzimage.cfg
printf 'name = "b"\n%s\nkernel = "/usr/lib/atoll/guests/vmlinux"\n' "$K" >/run/elf.cfg
# xl would give so small a guest too little memory for its page tables: it is told how much.
unikernel() { printf 'name = "%s"\ntype = "pvh"\nmemory = 8\nshadow_memory = 2\nkernel = "/usr/lib/atoll/tests/unikernel.elf"\n' "$1"; }
unikernel b >/run/unikernel.cfg

if command -v xl >/dev/null; then
	tool=xl
	xen-tools-up >/dev/null 2>&1
	create() { xl create "$1" >/dev/null 2>&1; }
	destroy() { xl destroy "$1"; }
else
	tool=atoll
	atoll up >/dev/null
	create() { atoll create "$1" >/dev/null 2>&1; }
	destroy() { atoll destroy "$1"; }
fi

# timed COMMAND...: microseconds in $us
timed() {
	local start=${EPOCHREALTIME/./}
	"$@" || { echo "# failed: $*"; exit 1; }
	us=$((${EPOCHREALTIME/./} - start))
}

median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

# measure NAME FILE: cold is the first; the others are warm
measure() {
	local n creates=() destroys=() cold='' cold_destroy=''
	for ((n = 0; n <= ROUNDS; n++)); do
		timed create "$2"
		if [ $n = 0 ]; then cold=$us; else creates+=("$us"); fi
		timed destroy b
		if [ $n = 0 ]; then cold_destroy=$us; else destroys+=("$us"); fi
	done
	echo "$tool create-$1 $(median "${creates[@]}") $cold"
	echo "$tool destroy-$1 $(median "${destroys[@]}") $cold_destroy"
}

head -c 1 /dev/random >/dev/null # a create needs randomness, which a kernel that just started may have to wait for
kernels="unikernel elf"
[ ! -e /usr/lib/atoll/guests/bzImage ] || kernels+=" bzimage"
for what in $kernels; do measure "$what" "/run/$what.cfg"; done
[ $tool = xl ] || { for what in $kernels; do atoll create "/run/$what.cfg" --explain | sed 's/^/# /'; atoll destroy b; done; }
for ((n = 0; n < OTHERS; n++)); do
	unikernel "o$n" >/run/other.cfg
	create /run/other.cfg || exit 1
done
measure unikernel-with-$OTHERS-others /run/unikernel.cfg
[ $tool = xl ] || atoll create /run/unikernel.cfg --explain | sed 's/^/# /'
