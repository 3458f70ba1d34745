#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `atoll check` and `atoll setup` on machines that are folders: a fake /sys, /proc and /etc, and programs that only note that they were called.
set -u
tool=$(dirname "$(realpath "$0")")/../../toolstack/setup/atoll-setup
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0

ok() { # SENTENCE COMMAND...
	local sentence=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $count - $sentence"
	else
		echo "not ok $count - $sentence"
		sed 's/^/# /' "$work/log"
	fi
}
not() { ! "$@"; }
says() { local text=$1; shift; { "$@" 2>&1 || true; } | tee "$work/said" | grep -e "$text" >/dev/null || { cat "$work/said"; false; }; }
status() { local want=$1 got=0; shift; "$@" || got=$?; [ $got = "$want" ]; }
check() { ATOLL_SYSROOT=$root PATH=$work/bin:$PATH "$tool" check "$@" </dev/null; }
setup() { ATOLL_SYSROOT=$root PATH=$work/bin:$PATH "$tool" setup "$@" </dev/null; }
field() { check --json | jq -e "$1" >/dev/null; } # a condition on what check says
why() { field ".devices[] | select(.bdf == \"0000:$1\") | (.why | contains(\"$2\")) and (.give | not)"; }
gives() { field ".devices[] | select(.bdf == \"0000:$1\") | .give"; }
verdict() { field ".checks[] | select(.name == \"$1\") | .verdict == \"$2\""; }

# pci BDF CLASS DRIVER: a function of the fake machine
pci() {
	local dir=$root/sys/devices/pci0000:00/0000:$1 module=$root/sys/module/$3
	mkdir -p "$dir" "$root/sys/bus/pci/devices" "$root/sys/bus/pci/drivers/$3" "$module"
	echo "0x${2}00" >"$dir/class"
	ln -s "$root/sys/bus/pci/drivers/$3" "$dir/driver"
	ln -sfn "$module" "$root/sys/bus/pci/drivers/$3/module"
	ln -s "$dir" "$root/sys/bus/pci/devices/0000:$1"
}
nic() { # BDF NAME
	mkdir -p "$root/sys/devices/pci0000:00/0000:$1/net/$2" "$root/sys/class/net"
	ln -s "$root/sys/devices/pci0000:00/0000:$1" "$root/sys/devices/pci0000:00/0000:$1/net/$2/device"
	ln -s "$root/sys/devices/pci0000:00/0000:$1/net/$2" "$root/sys/class/net/$2"
}
disk() { # PATH-BELOW-DEVICES NAME [PARTITION...]
	local dir=$root/sys/devices/$1/block/$2 part
	shift
	mkdir -p "$dir/holders" "$root/sys/class/block" "$root/sys/block"
	ln -s "$dir" "$root/sys/block/$1"
	ln -s "$dir" "$root/sys/class/block/$1"
	for part in "${@:2}"; do
		mkdir -p "$dir/$part/holders"
		ln -s "$dir/$part" "$root/sys/class/block/$part"
	done
}
upper() { # NAME LOWER...: a device of the device mapper
	local dir=$root/sys/devices/virtual/block/$1 lower
	mkdir -p "$dir/slaves"
	ln -s "$dir" "$root/sys/class/block/$1"
	for lower in "${@:2}"; do
		ln -s "$root/sys/class/block/$lower" "$dir/slaves/$lower"
		mkdir -p "$(readlink -f "$root/sys/class/block/$lower")/holders/$1"
	done
}
route() { printf 'Iface Destination Gateway Flags RefCnt Use Metric Mask\n%s 00000000 0202000A 3 0 0 0 00000000 0 0 0\n' "$1" >"$root/proc/net/route"; }

# A machine with a disk of its own behind AHCI, a card of its own, and a card and a disk to give away.
machine() {
	rm -rf "$work/root"
	root=$work/root
	mkdir -p "$root"/{proc/net,proc/self,proc/xen,sys/hypervisor/version,etc/default/grub.d,dev/mapper,usr/lib/systemd/system}
	mkdir -p "$root"/usr/{lib/atoll/images,share/initramfs-tools/hooks} "$root/sys/class/net" "$root/sys/class/block"
	echo xen >"$root/sys/hypervisor/type"
	echo 4 >"$root/sys/hypervisor/version/major"
	echo 17 >"$root/sys/hypervisor/version/minor"
	echo .7 >"$root/sys/hypervisor/version/extra"
	echo control_d >"$root/proc/xen/capabilities"
	echo 'MemTotal: 2000000 kB' >"$root/proc/meminfo"
	touch "$root"/usr/lib/systemd/system/{atoll-{builder,monitor,guests}.service,atolld.service,atoll-metrics.socket}
	touch "$root"/usr/lib/atoll/images/{store.elf,console.elf,driver-vmlinux} "$root/etc/default/grub"
	install /dev/null "$root/usr/share/initramfs-tools/hooks/atoll"
	(mkdir -p "$work/ramdisk/lib" && cd "$work/ramdisk" && touch lib/e1000.ko lib/nvme.ko && find . | cpio --quiet -o -H newc) >"$root/usr/lib/atoll/images/driver.cpio"
	pci 00:01.0 0600 none
	pci 00:0f.0 0200 e1000
	pci 00:10.0 0200 e1000
	pci 00:11.0 0108 nvme
	pci 00:1f.2 0106 ahci
	nic 00:0f.0 eth0
	nic 00:10.0 eth1
	disk pci0000:00/0000:00:1f.2/ata1/host0 sda sda1
	disk pci0000:00/0000:00:11.0/nvme/nvme0 nvme0n1 nvme0n1p1
	route eth0
	echo '/dev/sda1 / ext4 rw 0 0' >"$root/proc/self/mounts"
	printf 'total_memory           : 2047\nvirt_caps              : pv hvm hvm_directio pv_directio hap\n' >"$work/xl-info"
	: >"$work/called"
}

mkdir "$work/bin"
for name in update-grub update-initramfs systemctl; do
	printf '#!/bin/sh\necho "%s $*" >>"%s"\n' $name "$work/called" >"$work/bin/$name"
done
echo 'case $1 in is-enabled) exit 1 ;; is-active) exit 3 ;; esac' >>"$work/bin/systemctl"
printf '#!/bin/sh\n[ -s "%s" ] && cat "%s"\n' "$work/xl-info" "$work/xl-info" >"$work/bin/xl"
chmod +x "$work"/bin/*

machine
ok "a host that can be set up passes" check
ok "check says what stays, and why" says "0000:00:1f.2  kept  .*sda)  holds /" check
ok "the card with the default route stays" why 00:0f.0 "eth0 has the default route"
ok "the other card goes" gives 00:10.0
ok "the disk without a mount goes" gives 00:11.0
ok "a bridge is not spoken of" not says "00:01.0" check
ok "check changes nothing" [ "$(grep -cv is- "$work/called")" = 0 ]

# What is wrong, each with the way to mend it.
rm "$root/sys/hypervisor/type"
ok "a machine without Xen fails" status 1 check
ok "and it is said how to get Xen" says "to mend: apt install xen-system-amd64" check
machine; echo 18 >"$root/sys/hypervisor/version/minor"
ok "another version of Xen fails" verdict xen fail
machine; : >"$root/proc/xen/capabilities"
ok "a guest fails" verdict control fail
machine; sed -i 's/ [a-z]*_directio//g' "$work/xl-info"
ok "no IOMMU fails" verdict iommu fail
ok "and the firmware is named" says "VT-d" check
machine; : >"$work/xl-info"
ok "without xl it is not known, and said so" verdict iommu warn
machine; sed -i 's/2047/600/' "$work/xl-info"
ok "too little memory fails" verdict memory fail
machine; rm "$root/usr/lib/atoll/images/driver.cpio"
ok "a missing image of driver domains fails" says "atoll-image build" check
machine; rm "$root/usr/lib/systemd/system/atolld.service"
ok "a missing unit is named" says "missing units: atolld.service" check
machine; rm -r "$root/etc/default/grub.d"
ok "another boot loader fails" verdict boot fail
machine; rm "$root/usr/share/initramfs-tools/hooks/atoll"
ok "without the ramdisk's hook it is warned" verdict boot warn
machine; mkdir -p "$root/etc/xen/auto"; touch "$root/etc/xen/auto/web"
ok "guests of xendomains are told of" says "1 guests of xendomains" check
machine; (cd "$work/ramdisk" && echo ./lib | cpio --quiet -o -H newc) >"$root/usr/lib/atoll/images/driver.cpio"
ok "a driver that the image lacks is named" says "no nvme" check

# Who needs a disk.
machine; mkdir -p "$root/dev/mapper"; ln -s ../dm-0 "$root/dev/mapper/vg-root"; upper dm-0 nvme0n1p1
echo '/dev/mapper/vg-root / ext4 rw 0 0' >"$root/proc/self/mounts"
ok "a root on LVM keeps the disk below" why 00:11.0 "holds /"
machine; upper dm-0 nvme0n1
ok "a disk that LVM holds stays, mounted or not" why 00:11.0 "nvme0n1 is in use"
machine; printf 'Filename Type Size Used Priority\n/dev/nvme0n1p1 partition 1 0 -2\n' >"$root/proc/swaps"
ok "a disk with swap stays" why 00:11.0 "holds swap"
machine; mkdir -p "$root/sys/fs/btrfs/uuid/devices/nvme0n1"
ok "each disk of a btrfs stays" why 00:11.0 "nvme0n1 is in use"
machine; echo 'tank /tank zfs rw 0 0' >>"$root/proc/self/mounts"
ok "with ZFS all disks stay" why 00:11.0 ZFS
machine; s=$root/sys/devices/virtual/nvme-subsystem/nvme-subsys0; disk virtual/nvme-subsystem/nvme-subsys0/x nvme1n1
mkdir -p "$root/sys/devices/pci0000:00/0000:00:11.0/nvme/nvme0"; ln -s "$root/sys/devices/pci0000:00/0000:00:11.0/nvme/nvme0" "$s/nvme0"
echo '/dev/nvme1n1 /srv ext4 rw 0 0' >>"$root/proc/self/mounts"
ok "a disk with several paths is found below them" why 00:11.0 "holds /srv"
machine; mkdir -p "$root/sys/class/net/br0"; ln -s ../eth1 "$root/sys/class/net/br0/lower_eth1"; route br0
ok "a card below the bridge with the default route stays" why 00:10.0 "br0 has the default route"
machine; : >"$root/proc/net/route"; echo "$(printf %032d 0) 00 $(printf %032d 0) 00 fe800000000000000000000000000001 400 1 0 3 eth1" >"$root/proc/net/ipv6_route"
ok "a default route of IPv6 counts" why 00:10.0 "eth1 has the default route"

# Setup.
machine
find "$root" -type f | sort | xargs sha256sum >"$work/before"
ok "without an answer nothing is done" not setup
ok "no file was written" eval 'find "$root" -type f | sort | xargs sha256sum | diff "$work/before" -'
ok "every line to be written is shown first" says '^+GRUB_CMDLINE_XEN=' setup
ok "devices that stay are named, with the way to give them" says "All the same: --give 0000:00:1f.2" setup
ok "with --yes it is done" setup --yes
ok "the card and the disk have a domain each" eval 'jq -e "[.services[] | [.name, .role, .pci[]]] == [[\"net0\", \"net\", \"0000:00:10.0\"], [\"disk0\", \"disk\", \"0000:00:11.0\"]]" "$root/etc/atoll/host.json"'
grub_says() { GRUB_CMDLINE_LINUX=ro GRUB_CMDLINE_XEN=loglvl=all bash -c ". '$root/etc/default/grub.d/zz-atoll.cfg'; echo \"\$$1\""; }
ok "Xen's parameters are kept, and get ours" [ "$(grub_says GRUB_CMDLINE_XEN)" = "loglvl=all dom0_mem=512M,max:512M iommu=on" ]
ok "Linux's too" [ "$(grub_says GRUB_CMDLINE_LINUX_XEN_REPLACE)" = "ro xen-pciback.passthrough=1 xen-pciback.hide=(0000:00:10.0)(0000:00:11.0)" ]
ok "GRUB is told" grep -q '^update-grub' "$work/called"
ok "units are enabled" grep -q '^systemctl --quiet enable .*atolld.service' "$work/called"
ok "until the next boot none of them starts" [ -e "$root/run/atoll/reboot" ]
ok "check says that the host has to be rebooted" says "not rebooted since" check
ok "a second setup changes nothing" says "Nothing is to be changed" setup --yes
ok "a third, other one is shown as a change" says '^-.*0000:00:11.0' setup --keep 0000:00:11.0 --yes
rm -r "$root/run/atoll/reboot"
ok "a host whose atolld does not run fails" verdict state fail
ok "undo asks too" not setup --undo
ok "undo" setup --undo --yes
ok "every file is as it was before the first setup" eval 'find "$root" -type f | sort | xargs sha256sum | diff "$work/before" -'
ok "units that were not enabled are disabled" grep -q '^systemctl --quiet disable .*atolld.service' "$work/called"
ok "there is nothing more to undo" says "nothing to undo" setup --undo --yes

machine
mkdir "$root/etc/atoll"; echo mine >"$root/etc/atoll/host.json"
ok "a description that was there" setup --yes
ok "comes back" eval 'setup --undo --yes && [ "$(cat "$root/etc/atoll/host.json")" = mine ]'
ok "--give gives away what the machine needs" setup --give 0000:00:1f.2 --yes
ok "and it is in the description" grep -q 00:1f.2 "$root/etc/atoll/host.json"
machine
ok "--give warns" says "WARNING: holds /: this machine loses that" setup --give 0000:00:1f.2 --yes
ok "an address without a device is refused" says "no network card or disk controller at that address" setup --give 0000:00:02.0 --yes
ok "a word that is no address is refused" says "needs an address" setup --give '(x)' --yes
ok "--control-memory is taken" eval 'setup --control-memory 700 --yes && grep -q dom0_mem=700M "$root/etc/default/grub.d/zz-atoll.cfg"'
machine
ok "nothing is left to give: refused" says "nothing to give away" setup --keep 0000:00:10.0 --keep 0000:00:11.0 --yes
echo 16 >"$root/sys/hypervisor/version/minor"
ok "a host that fails the check is refused" says "mend these first" setup --yes
ok "and left alone" [ ! -e "$root/etc/atoll/host.json" ]
ok "an unknown option shows the usage" status 2 setup --frobnicate

# The tutorial has no command that the test on a real Debian does not run.
source=$(dirname "$tool")/../..
commands() { sed -n 's/^    \([a-z-]* [^=]*\)$/\1/p' "$source/docs/tutorial.md"; }
ok "the tutorial has commands" [ "$(commands | wc -l)" -ge 10 ]
while read -r command; do
	ok "tests/host runs: $command" grep -rqF -e "$command" "$source/tests/host"
done < <(commands | sort -u)
echo "1..$count"
