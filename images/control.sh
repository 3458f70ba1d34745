# shellcheck shell=bash disable=SC2034 # the names are used by whoever sources this
# SPDX-License-Identifier: LGPL-2.1-or-later
# The control domain: its root (Debian minbase with systemd, as erofs), its kernel and its small initramfs.
#
# The root is never written: an overlay of the root, of the payload's layers and of memory is what systemd sees. Our own
# programs are in the payload (payload.sh), so that a change to them does not rebuild this.

# The libraries are those that our programs are linked with; the rest is what a person at a prompt wants.
CONTROL_PACKAGES=(systemd systemd-sysv udev kmod dbus libxenmisc4.17 libxencall1 libxendevicemodel1 libxenevtchn1
	libxenforeignmemory1 libxengnttab1 libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1 xenstore-utils
	libyajl2 libsystemd0 busybox procps less jq)

# All the modules there are in the control domain. There is no driver for the NIC or the disk controller, and no
# backend: those belong to the service domains.
CONTROL_MODULES=(xen-privcmd xenfs xen-evtchn xen-gntdev xen-gntalloc xen-pciback virtio_pci virtio_blk virtio_console
	erofs overlay loop)
CONTROL_BOOT_MODULES=(virtio_pci virtio_blk erofs overlay)

# Units that a machine without disk, clock, network or users has no use for.
CONTROL_MASKED=(getty@tty1.service console-getty.service getty-static.service systemd-logind.service
	e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer systemd-tmpfiles-clean.timer
	systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
	systemd-pstore.service systemd-hwdb-update.service systemd-journal-catalog-update.service
	systemd-journal-flush.service systemd-boot-system-token.service systemd-update-done.service
	systemd-sysusers.service systemd-firstboot.service systemd-machine-id-commit.service ldconfig.service
	systemd-remount-fs.service systemd-quotacheck.service systemd-user-sessions.service
	systemd-ask-password-console.path systemd-ask-password-wall.path
	systemd-binfmt.service proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount
	sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount
	modprobe@fuse.service modprobe@drm.service modprobe@dm_mod.service modprobe@efi_pstore.service
	modprobe@configfs.service modprobe@loop.service sys-kernel-config.mount)

# Each generator is a program that systemd runs before anything else.
CONTROL_NO_GENERATORS=(systemd-bless-boot-generator systemd-cryptsetup-generator systemd-getty-generator
	systemd-gpt-auto-generator systemd-hibernate-resume-generator systemd-integritysetup-generator
	systemd-rc-local-generator systemd-run-generator systemd-system-update-generator systemd-sysv-generator
	systemd-veritysetup-generator systemd-fstab-generator)

control_root() {
	local kernel versions
	kernel=$(kernel_tree "$KERNEL_FULL")
	versions=$(for p in "${CONTROL_PACKAGES[@]}"; do candidate "$p"; done)
	cached control "$(key "$kernel" "$versions" "$(cat "$IMAGES/control.sh")" "$(key_tree "$IMAGES/control")" \
		"$(declare -f pack_erofs)" </dev/null)" build_control "$kernel"
}

build_control() {
	local out=$1 kernel=$2 base include
	include=$(IFS=,; echo "${CONTROL_PACKAGES[*]}")
	base=$(cached control-base "$(key "$include" "$(for p in "${CONTROL_PACKAGES[@]}"; do candidate "$p"; done)" \
		"$(declare -f build_control_base strip_root)" </dev/null)" build_control_base "$include")
	cp -a "$base/root" "$out/root"
	configure_control "$out/root"
	control_modules "$out/root" "$kernel"
	pack_erofs "$out/root" "$out/root.erofs"
	control_initramfs "$kernel" "$out/initramfs"
	ln -s "$kernel/vmlinux" "$out/vmlinux"
	rm -rf "$out/root"
}

build_control_base() {
	local out=$1 include=$2
	mmdebstrap --variant=essential --mode=root --include="$include" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/zoneinfo/*' --dpkgopt='path-exclude=/usr/share/i18n/*' \
		--aptopt='Apt::Install-Recommends "false"' bookworm "$out/root"
	strip_root "$out/root"
}

# What the packages bring and a running system never reads.
strip_root() {
	local root=$1
	rm -rf "$root"/var/lib/apt "$root"/var/cache/* "$root"/var/lib/dpkg/info "$root"/var/log/* "$root"/usr/share/bash-completion \
		"$root"/usr/lib/udev/hwdb.d "$root"/usr/lib/udev/hwdb.bin "$root"/usr/lib/systemd/catalog "$root"/usr/share/perl5 \
		"$root"/usr/lib/x86_64-linux-gnu/gconv "$root"/usr/lib/x86_64-linux-gnu/perl-base "$root"/usr/share/keyrings \
		"$root"/var/lib/systemd/catalog "${root:?}"/boot
	mkdir -p "$root"/boot "$root"/var/log/journal
	rmdir "$root"/var/log/journal
	rm -f "$root"/etc/hostname "$root"/etc/resolv.conf "$root"/var/lib/dpkg/*-old
	# Same bytes each time: no random identity is baked in (systemd makes one at each boot).
	: >"$root"/etc/machine-id
	rm -f "$root"/var/lib/dbus/machine-id
}

configure_control() {
	local root=$1 unit
	cp -a "$IMAGES/control/root/." "$root/"
	echo atoll >"$root/etc/hostname"
	: >"$root/etc/fstab"
	sed -i 's|^root:[^:]*:|root::|' "$root/etc/shadow"
	for unit in "${CONTROL_MASKED[@]}"; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
	mkdir -p "$root/etc/systemd/system-generators"
	for unit in "${CONTROL_NO_GENERATORS[@]}"; do ln -sf /dev/null "$root/etc/systemd/system-generators/$unit"; done
	rm -rf "$root"/etc/systemd/system/{getty,timers}.target.wants
	# D-Bus starts when somebody talks to it.
	rm -f "$root"/usr/lib/systemd/system/multi-user.target.wants/{dbus,getty,systemd-ask-password-wall,systemd-update-utmp-runlevel,systemd-user-sessions,systemd-logind}.*
	ln -sf /usr/lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/etc/atoll"
	ln -sf ../atoll-script.service "$root/etc/systemd/system/multi-user.target.wants/atoll-script.service"
	ln -sf ../atoll-shell.service "$root/etc/systemd/system/multi-user.target.wants/atoll-shell.service"
}

control_modules() {
	local root=$1 kernel=$2 version file
	version=$(cat "$kernel/version")
	modules_in_order "$kernel" "$version" "${CONTROL_MODULES[@]}" | while read -r file; do
		install -D -m 644 "$kernel$file" "$root$file"
	done
	cp "$kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
	depmod -b "$root" "$version"
}

# The initramfs: busybox, the modules that reach the root, and init.
control_initramfs() {
	local kernel=$1 file=$2 dir version module
	version=$(cat "$kernel/version")
	dir=$(mktemp -d)
	mkdir -p "$dir"/{bin,dev,proc,sys,layers,rw,new,m}
	cp /bin/busybox "$dir/bin/busybox"
	install -m 755 "$IMAGES/control/init" "$dir/init"
	modules_in_order "$kernel" "$version" "${CONTROL_BOOT_MODULES[@]}" | while read -r module; do
		cp "$kernel$module" "$dir/m/"
		echo "/m/${module##*/}"
	done >"$dir/modules.list"
	pack_cpio "$dir" "$file"
	rm -r "$dir"
}
