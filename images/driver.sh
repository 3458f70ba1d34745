# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The image of driver domains (net and disk): an initramfs with our agent as init, its libraries, and kernel modules.
# One image serves both roles; the agent reads /etc/modules.net or /etc/modules.disk, one `PATH [ARGUMENT...]` a line in
# the order in which they have to be loaded (or /etc/modules.net-linux, disk-linux, with the kernel's backend). The kernel is a parameter:
# a module that a kernel lacks is left out.
#
# Modules are stripped, and so lose Debian's signature, which each start would check for nothing: nobody but us makes the image, and
# driver domains' kernels take unsigned modules.

DRIVER_MODULES_COMMON=(xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs xen-pcifront)
DRIVER_MODULES_NET=(virtio_net e1000 e1000e llc stp bridge tun)
DRIVER_MODULES_DISK=(nvme libata ahci scsi_mod sd_mod virtio_blk)
DRIVER_FIRMWARE=''	# a folder: the files that modules ask for come along from there

# The kernels that a driver domain may be given beside the usual one, `debian`: what `"kernel"` of host.json and `atoll restart --kernel`
# call them. One that the archive does not have, or that is not built, is left out.
driver_kernels() {
	case $(candidate "$KERNEL_NEWER") in '' | '(none)') ;; *) echo newer ;; esac
	! trimmed_exists || echo "$KERNEL_TRIMMED"
}

# driver_kernel NAME: the folder with its vmlinux, version and modules
driver_kernel() {
	case $1 in
		debian) kernel_tree "$KERNEL_FULL" ;;
		newer) kernel_tree "$KERNEL_NEWER" ;;
		"$KERNEL_TRIMMED") trimmed_tree ;;
		*) kernel_tree "$1" ;;
	esac
}

# driver_image NAME|KERNEL-METAPACKAGE BUILD: a folder with driver-vmlinux and driver.cpio
driver_image() {
	local kernel agent=''
	kernel=$(driver_kernel "$1")
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
		[ -e "$root${file%.xz}" ] || driver_module "$kernel$file" "$root${file%.xz}"
		[ -z "$DRIVER_FIRMWARE" ] || driver_firmware "$kernel$file" "$root/lib/firmware"
		echo "${file%.xz}"
	done
}

driver_module() {
	install -d "${2%/*}"
	case $1 in *.xz) xz -dc "$1" >"$2" ;; *) cp "$1" "$2" ;; esac
	strip --strip-debug "$2"
	chmod 644 "$2"
}

driver_firmware() {
	local name
	for name in $(modinfo -F firmware "$1"); do
		[ ! -e "$DRIVER_FIRMWARE/$name" ] || install -D -m 644 "$DRIVER_FIRMWARE/$name" "$2/$name"
	done
}
