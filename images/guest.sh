# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The test guest: an unmodified Debian cloud kernel (PV and PVH) with an initramfs of busybox and one script.
# Kernel command line: atoll.name=HOSTNAME, atoll.work=io|net|disk|bench|outage|idle|soak|store|rtt|console. What it prints is described in guest/init.

GUEST_MODULES=(xen-netfront xen-blkfront)

# guest_image KERNEL-METAPACKAGE: a folder with vmlinux and guest.cpio, which has the build directory's load programs
guest_image() {
	local kernel loads
	loads=$(find "$ATOLL_BUILD/tests" -maxdepth 1 -type f \( -name 'atoll-load-*' -o -name atoll-store-load \) | sort)
	kernel=$(kernel_tree "$1")
	cached "guest-$1" "$(key "$kernel" "$(cat "$IMAGES/guest.sh" "$IMAGES/guest/init" "$IMAGES/guest/udhcpc")" \
		"$([ -z "$loads" ] || cat $loads | sha256sum)" </dev/null)" build_guest "$kernel" $loads
}

build_guest() {
	local out=$1 kernel=$2 root=$1/root version file
	shift 2
	version=$(cat "$kernel/version")
	mkdir -p "$root"/{bin,dev,etc,proc,sys,run,tmp,m}
	cp /bin/busybox "$root/bin/busybox"
	install -m 755 "$IMAGES/guest/init" "$root/init"
	for file; do install -m 755 "$file" "$root/bin/"; done
	install -m 755 "$IMAGES/guest/udhcpc" "$root/etc/udhcpc"
	modules_in_order "$kernel" "$version" "${GUEST_MODULES[@]}" | while read -r file; do
		cp "$kernel$file" "$root/m/"
		echo "/m/${file##*/}"
	done >"$root/etc/modules"
	ln -s "$kernel/vmlinux" "$out/vmlinux"
	pack_cpio "$root" "$out/guest.cpio"
	rm -rf "$root"
}
