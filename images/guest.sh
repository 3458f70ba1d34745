# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The test guest: an unmodified Debian cloud kernel (PV and PVH) with an initramfs of busybox and one script.
# Kernel command line: atoll.name=HOSTNAME, atoll.work=io|idle|soak|store. What it prints is described in guest/init.

GUEST_MODULES=(xen-netfront xen-blkfront)

# guest_image KERNEL-METAPACKAGE: a folder with vmlinux and guest.cpio, which has the build directory's load program for the store
guest_image() {
	local kernel load=$ATOLL_BUILD/tests/atoll-store-load
	kernel=$(kernel_tree "$1")
	cached "guest-$1" "$(key "$kernel" "$(cat "$IMAGES/guest.sh" "$IMAGES/guest/init" "$IMAGES/guest/udhcpc")" \
		"$([ ! -e "$load" ] || sha256sum <"$load")" </dev/null)" build_guest "$kernel" "$load"
}

build_guest() {
	local out=$1 kernel=$2 load=$3 root=$1/root version file
	version=$(cat "$kernel/version")
	mkdir -p "$root"/{bin,dev,etc,proc,sys,run,tmp,m}
	cp /bin/busybox "$root/bin/busybox"
	install -m 755 "$IMAGES/guest/init" "$root/init"
	[ ! -e "$load" ] || install -m 755 "$load" "$root/bin/atoll-store-load"
	install -m 755 "$IMAGES/guest/udhcpc" "$root/etc/udhcpc"
	modules_in_order "$kernel" "$version" "${GUEST_MODULES[@]}" | while read -r file; do
		cp "$kernel$file" "$root/m/"
		echo "/m/${file##*/}"
	done >"$root/etc/modules"
	ln -s "$kernel/vmlinux" "$out/vmlinux"
	pack_cpio "$root" "$out/guest.cpio"
	rm -rf "$root"
}
