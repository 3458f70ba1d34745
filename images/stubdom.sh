# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The image of device models' domains: an initramfs with our agent as init and Debian's QEMU for Xen with the libraries that it
# links. There is no shell and no other program in it. Beside it hvmloader and SeaBIOS, which the builder puts into HVM guests.
# Kernel: the cloud kernel.

STUBDOM_MODULES=(xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs xen-blkfront xen-netfront tun llc stp bridge)

# stubdom_image KERNEL-METAPACKAGE BUILD: a folder with dm.cpio, hvmloader and seabios.bin
stubdom_image() {
	local base agent=''
	base=$(stubdom_base "$1")
	[ ! -d "$2/driver-domains" ] || agent=$(find "$2/driver-domains" -type f -name atoll-agent | head -n 1)
	cached stubdom "$(key "$base" "$(declare -f build_stubdom)" "$([ -z "$agent" ] || sha256sum <"$agent")" </dev/null)" \
		build_stubdom "$base" "$agent"
}

# The agent, which changes often, is in an archive of its own in front.
build_stubdom() {
	local out=$1 base=$2 agent=$3 root=$1/root
	mkdir -p "$root"
	[ -z "$agent" ] || copy_program "$root" "$agent" /init
	pack_cpio "$root" "$out/dm.cpio"
	cat "$base/qemu.cpio.lz4" >>"$out/dm.cpio"
	ln -s "$base"/{hvmloader,seabios.bin} "$out/"
	rm -rf "$root"
}

# stubdom_base KERNEL-METAPACKAGE: all but the agent
stubdom_base() {
	local kernel qemu xen seabios
	kernel=$(kernel_tree "$1")
	qemu=$(package_tree qemu-system-xen)
	xen=$(package_tree xen-utils-4.17)
	seabios=$(package_tree seabios)
	cached stubdom-base "$(key "$kernel" "$qemu" "$xen" "$seabios" "${STUBDOM_MODULES[*]}" \
		"$(declare -f build_stubdom_base driver_modules driver_module pack_cpio)" </dev/null)" build_stubdom_base "$kernel" "$qemu" "$xen" "$seabios"
}

build_stubdom_base() {
	local out=$1 kernel=$2 qemu=$3 xen=$4 seabios=$5 root=$1/root version
	version=$(cat "$kernel/version")
	install -m 644 "$xen/usr/lib/xen-4.17/boot/hvmloader" "$out/hvmloader"
	install -m 644 "$seabios/usr/share/seabios/bios-256k.bin" "$out/seabios.bin"
	mkdir -p "$root"/{dev,etc,proc,sys,run,tmp,firmware}
	copy_program "$root" "$qemu/usr/libexec/xen-qemu-system-i386" /bin/qemu
	cp "$seabios/usr/share/seabios/vgabios-stdvga.bin" "$root/firmware/"
	# unrestricted: else the kernel lets QEMU reach only whom the store names, and refuses how libxendevicemodel asks for what
	# there is. The hypervisor's own check, that it is its target, stays.
	driver_modules "$root" "$kernel" "$version" "${STUBDOM_MODULES[@]}" |
		sed 's|xen-privcmd\.ko$|& unrestricted=1|' >"$root/etc/modules.dm"
	pack_cpio "$root" "$out/qemu.cpio"
	# The archive is in memory beside what is unpacked of it, so this one is compressed; lz4 costs little to unpack.
	lz4 -l -12 -q "$out/qemu.cpio" "$out/qemu.cpio.lz4"
	rm -rf "$root" "$out/qemu.cpio"
}
