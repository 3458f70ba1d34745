# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A plain Debian 12 host with Xen, as its installer and `apt install xen-system-amd64` make it, on a disk image: dom0 with xl, Debian's
# store and consoles. Our packages are put on it by apt. What is not stock: the boot parameters that the emulated machine
# needs (in /etc/default/grub, where an administrator writes them), and a unit that runs a test's script at each boot
# (tests/host/run puts the scripts there).

PLAIN_PACKAGES=(systemd-sysv udev dbus kmod linux-image-amd64 xen-system-amd64 grub-pc iproute2 iputils-ping initramfs-tools busybox
	zstd ca-certificates procps libvirt-daemon libvirt-daemon-driver-xen libvirt-clients)	# libvirt's without its units
PLAIN_DISK_MIB=3072
PLAIN_UUID=a7011a7a-7011-4000-8000-00000000000a
PLAIN_OFFSET=1048576	# of the one partition: all behind the partition table

# plain_base: a folder with the root file system, and apt's lists, as the administrator has them
plain_base() {
	local include
	include=$(IFS=,; echo "${PLAIN_PACKAGES[*]}")
	cached plain-base "$(key "$include" "$(for p in "${PLAIN_PACKAGES[@]}"; do candidate "$p"; done)" "$(declare -f build_plain_base)" </dev/null)" \
		build_plain_base "$include"
}

build_plain_base() {
	mmdebstrap --variant=minbase --mode=root --include="$2" --skip=cleanup/apt --aptopt='Apt::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$1/root"
	rm -rf "$1"/root/var/cache/apt/*
}

# plain_host DEBS: the disk of a host with the packages of that folder, and two test guests in /etc/atoll/guests.d; nothing was set up
plain_host() {
	local base guest
	base=$(plain_base)
	guest=$(guest_image "$KERNEL_CLOUD")
	cached plain-host "$(key "$base" "$guest" "$(cat "$1"/*.deb "$HOST_TESTS/image.sh" | sha256sum)" "$XEN_OPTIONS $LINUX_OPTIONS" </dev/null)" \
		build_plain_host "$base" "$guest" "$1"
}

build_plain_host() {
	local out=$1 base=$2 guest=$3 debs=$4 root=$1/root
	cp -a "$base/root" "$root"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	mkdir "$root/debs"
	cp "$debs"/*.deb "$root/debs"
	mount -t proc proc "$root/proc"
	chroot "$root" env DEBIAN_FRONTEND=noninteractive sh -ec 'apt-get -q update; apt-get -q -y install /debs/*.deb' || { umount "$root/proc"; return 1; }
	umount "$root/proc"
	chroot "$root" useradd -r -U libvirt-qemu	# libvirtd does not start without, though only its driver for QEMU needs it
	rm -rf "$root"/debs "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
	next_packages "$debs" "$root/opt/next"
	configure_plain_host "$root" "$guest"
	truncate -s $((PLAIN_DISK_MIB + 2))M "$out/disk.img"
	echo 'start=2048, type=83, bootable' | sfdisk --quiet "$out/disk.img"
	mke2fs -q -t ext4 -U $PLAIN_UUID -E offset=$PLAIN_OFFSET -d "$root" "$out/disk.img" ${PLAIN_DISK_MIB}M
	rm -rf "$root"
}

# next_packages DEBS DIR: the same with a higher version, for an upgrade
next_packages() {
	local deb tree version
	mkdir -p "$2"
	tree=$(mktemp -d)
	for deb in "$1"/*.deb; do
		version=$(dpkg-deb -f "$deb" Version)
		rm -rf "$tree"
		dpkg-deb -R "$deb" "$tree"
		sed -i "s/^Version: .*/&+next/; s/(= $version)/(= $version+next)/" "$tree/DEBIAN/control"
		dpkg-deb -Zgzip -z1 -b "$tree" "$2"
	done
	rm -rf "$tree"
}

configure_plain_host() {
	local root=$1 guest=$2
	echo plain >"$root/etc/hostname"
	echo a7011a7a701140008000000000000001 >"$root/etc/machine-id"	# it has been booted before: the first boot of all costs a minute
	echo "UUID=$PLAIN_UUID / ext4 errors=remount-ro 0 1" >"$root/etc/fstab"
	sed -i "s|^GRUB_CMDLINE_LINUX=.*|GRUB_CMDLINE_LINUX=\"$LINUX_OPTIONS\"\nGRUB_CMDLINE_XEN=\"$XEN_OPTIONS\"|" "$root/etc/default/grub"
	printf '[Match]\nMACAddress=%s\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n' $PLAIN_MAC >"$root/etc/systemd/network/own.network"
	ln -s /usr/lib/systemd/system/systemd-networkd.service "$root/etc/systemd/system/multi-user.target.wants/"
	install -D -m 644 -t "$root/srv/guests" "$guest/vmlinux" "$guest/guest.cpio"
	for file in alpha.cfg beta.json; do
		sed 's|/usr/lib/atoll/guests/|/srv/guests/|' "$ATOLL_SOURCE/tests/system/guests/$file" >"$root/etc/atoll/guests.d/$file"
	done
	mkdir -p "$root/opt/test"
	install -m 644 "$HOST_TESTS/boot.service" "$root/etc/systemd/system/test.service"
	ln -s ../test.service "$root/etc/systemd/system/multi-user.target.wants/test.service"
}
