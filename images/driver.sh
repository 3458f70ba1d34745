# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The image of driver domains (net and disk): an initramfs with our agent as init, its libraries, and kernel modules.
# One image serves both roles; the agent reads /etc/modules.net or /etc/modules.disk, one `PATH [ARGUMENT...]` a line in
# the order in which they have to be loaded (or /etc/modules.net-linux, disk-linux, with the kernel's backend). The kernel is a parameter: a module that a kernel lacks is left out.

DRIVER_MODULES_COMMON=(xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs xen-pcifront)
DRIVER_MODULES_NET=(virtio_net e1000 e1000e llc stp bridge tun)
DRIVER_MODULES_DISK=(nvme libata ahci scsi_mod sd_mod virtio_blk loop)

# driver_image KERNEL-METAPACKAGE BUILD: a folder with driver-vmlinux and driver.cpio
driver_image() {
	local kernel agent=''
	kernel=$(kernel_tree "$1")
	[ ! -d "$2/driver-domains" ] || agent=$(find "$2/driver-domains" -type f -name atoll-agent | head -n 1)
	cached "driver-$1" "$(key "$kernel" "$(cat "$IMAGES/driver.sh" "$IMAGES/driver/init")" \
		"$([ -z "$agent" ] || sha256sum <"$agent")" </dev/null)" build_driver "$kernel" "$agent"
}

build_driver() {
	local out=$1 kernel=$2 agent=$3 root=$1/root version
	version=$(cat "$kernel/version")
	mkdir -p "$root"/{bin,dev,etc,proc,sys,run,tmp}
	driver_modules "$root" "$kernel" "$version" "${DRIVER_MODULES_COMMON[@]}" "${DRIVER_MODULES_NET[@]}" >"$root/etc/modules.net"
	driver_modules "$root" "$kernel" "$version" "${DRIVER_MODULES_COMMON[@]}" "${DRIVER_MODULES_NET[@]}" xen-netback >"$root/etc/modules.net-linux"
	driver_modules "$root" "$kernel" "$version" "${DRIVER_MODULES_COMMON[@]}" "${DRIVER_MODULES_DISK[@]}" >"$root/etc/modules.disk"
	driver_modules "$root" "$kernel" "$version" "${DRIVER_MODULES_COMMON[@]}" "${DRIVER_MODULES_DISK[@]}" xen-blkback >"$root/etc/modules.disk-linux"
	if [ -n "$agent" ]; then
		copy_program "$root" "$agent" /init
	else
		install -m 755 /bin/busybox "$root/bin/busybox"
		install -m 755 "$IMAGES/driver/init" "$root/init"
	fi
	ln -s "$kernel/vmlinux" "$out/driver-vmlinux"
	pack_cpio "$root" "$out/driver.cpio"
	rm -rf "$root"
}

# copies modules with all that they need, and prints the load order
driver_modules() {
	local root=$1 kernel=$2 version=$3 m file
	shift 3
	for m; do
		modprobe -d "$kernel" -S "$version" --show-depends "$m" 2>/dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | sed "s|^$kernel||" | while read -r file; do
		[ -e "$root$file" ] || install -D -m 644 "$kernel$file" "$root$file"
		echo "$file"
	done
}
