# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The disk of the HVM test guest: a FAT file system with syslinux, the cloud kernel as Debian ships it, and the test guest's
# initramfs. It has no partition table: firmware starts a disk's first sector, and syslinux's is one that can be started.

HVM_DISK_MIB=40
# The loader talks on the serial line; the kernel and init on the PV console, which costs no emulation, and a word on the serial line.
HVM_CMDLINE="console=ttyS0 console=hvc0 loglevel=4 cryptomgr.notests mitigations=off atoll.name=omega atoll.work=io atoll.disk=xvdb"

# hvm_disk KERNEL-METAPACKAGE: a folder with disk.img
hvm_disk() {
	local kernel guest syslinux common
	kernel=$(package_tree "$(kernel_package "$1")")
	guest=$(guest_image "$1")
	syslinux=$(package_tree syslinux)
	common=$(package_tree syslinux-common)
	cached hvm-disk "$(key "$kernel" "$guest" "$syslinux" "$common" "$(cat "$IMAGES/hvm.sh")" </dev/null)" \
		build_hvm_disk "$kernel" "$guest" "$syslinux" "$common"
}

build_hvm_disk() {
	local out=$1 kernel=$2 guest=$3 syslinux=$4 common=$5 image=$1/disk.img
	truncate -s ${HVM_DISK_MIB}M "$image"
	mformat -i "$image" -v ATOLL -N 0a7011 -F -T $((HVM_DISK_MIB * 2048)) -h 16 -s 63 ::
	printf '%s\n' 'SERIAL 0 115200' 'DEFAULT linux' 'LABEL linux' ' KERNEL vmlinuz' ' INITRD guest.cpio' " APPEND $HVM_CMDLINE" >"$out/syslinux.cfg"
	mcopy -i "$image" "$kernel"/boot/vmlinuz-* ::vmlinuz
	mcopy -i "$image" "$guest/guest.cpio" "$out/syslinux.cfg" ::
	mcopy -i "$image" "$common/usr/lib/syslinux/modules/bios/ldlinux.c32" ::
	"$syslinux/usr/bin/syslinux" --install "$image"
}
