# shellcheck shell=bash disable=SC2034 # the names are used by whoever sources this
# SPDX-License-Identifier: LGPL-2.1-or-later
# The test host: Xen in QEMU, with an emulated IOMMU, one NIC and one disk meant for service domains.
#
#   00:02.0  results port (virtio-serial)        control domain
#   00:03.0  00:04.0 ...  layers of the root     control domain
#   00:10.0  NIC (e1000, user networking)        net0
#   00:11.0  disk controller (NVMe)              disk0
#
# -icount makes guest time count instructions, so a busy machine cannot cause a timeout (docs: images/README.md).

HOST_MEMORY=${HOST_MEMORY:-2048M}
CONTROL_MEMORY=${CONTROL_MEMORY:-448M}
HOST_NIC=00:10.0
HOST_DISK=00:11.0
HOST_DISK_PARTITIONS=6
HOST_DISK_PARTITION_MIB=64

# No xsave and no avx: programs crashed with them under emulation (images/README.md has the counts). No rdtscp: PVH
# guests hang with it.
HOST_CPU=${HOST_CPU:-qemu64,+svm,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt,-rdtscp}

# smap and smep off: a PV dom0 dies with them here. The rest makes the boot cheap.
XEN_OPTIONS="console=com1 com1=115200,8n1 smap=0 smep=0 bootscrub=0 spec-ctrl=no xpti=0 iommu=verbose loglvl=warning guest_loglvl=warning"
LINUX_OPTIONS="console=hvc0 quiet loglevel=3 mitigations=off rodata=off cryptomgr.notests systemd.show_status=0 rd.udev.log_level=3 net.ifnames=0 audit=0"

# shellcheck disable=SC2054 # QEMU's commas
HOST_MACHINE=(-accel tcg,thread=single -smp 1 -machine q35,kernel-irqchip=off -device intel-iommu,intremap=on,caching-mode=off
	-cpu "$HOST_CPU" -m "$HOST_MEMORY" -nodefaults -display none -vga none -no-reboot)

# make_disk FILE: a disk with a partition table, the same each time; the last partition holds the HVM test guest, the others nothing
make_disk() {
	local i size=$((HOST_DISK_PARTITIONS * HOST_DISK_PARTITION_MIB + 8))
	rm -f "$1"
	truncate -s ${size}M "$1"
	{
		echo "label: gpt"
		echo "label-id: 00000000-0000-0000-0000-0000000a7011"
		for ((i = 1; i <= HOST_DISK_PARTITIONS; i++)); do
			echo "start=$(((1 + (i - 1) * HOST_DISK_PARTITION_MIB) * 2048)), size=$((HOST_DISK_PARTITION_MIB * 2048)), uuid=00000000-0000-0000-0000-00000000000$i, name=part$i"
		done
	} | sfdisk --quiet "$1"
	dd if="$(hvm_disk "$KERNEL_CLOUD")/disk.img" of="$1" bs=1M seek=$((1 + (HOST_DISK_PARTITIONS - 1) * HOST_DISK_PARTITION_MIB)) \
		conv=notrunc,sparse status=none
}

# run_host DIR CONSOLE TIMEOUT LAYERS XEN_ARGS LINUX_ARGS: boots and waits for the end. DIR gets disk.img, results and
# pid; CONSOLE is a file, or - for this terminal. LAYERS is a list of erofs files, the base first.
run_host() {
	local dir=$1 console=$2 timeout=$3 layers=$4 xen_args=$5 linux_args=$6
	local control xen slot=3 layer icount=shift=1,sleep=off display=() disks=()
	control=$(control_root)
	xen=$(xen_tree)
	: >"$dir/results"
	make_disk "$dir/disk.img"
	for layer in $control/root.erofs $layers; do
		disks+=(-drive "file=$layer,format=raw,if=none,id=layer$slot,readonly=on"
			-device "virtio-blk-pci,drive=layer$slot,addr=$slot.0")
		slot=$((slot + 1))
	done
	if [ "$console" = - ]; then
		# A person types: guest time has to wait for them.
		icount=shift=1,sleep=on
		display=(-chardev "stdio,id=console,mux=on,signal=off" -mon "chardev=console")
	else
		display=(-chardev "file,id=console,path=$console" -monitor "unix:$dir/monitor,server,nowait")
	fi
	set -- "${HOST_MACHINE[@]}" -icount "${HOST_ICOUNT:-$icount}" \
		-kernel "$xen/xen.elf" -append "$XEN_OPTIONS dom0_mem=$CONTROL_MEMORY,max:$CONTROL_MEMORY $xen_args" \
		-initrd "$control/vmlinux $LINUX_OPTIONS $linux_args,$control/initramfs" \
		"${display[@]}" -serial chardev:console \
		-device virtio-serial-pci,addr=2.0 -chardev "file,id=results,path=$dir/results" \
		-device virtserialport,chardev=results,name=atoll.results \
		"${disks[@]}" \
		-netdev user,id=net,restrict=on -device "e1000,netdev=net,addr=${HOST_NIC#*:},mac=52:54:00:a7:01:01" \
		-drive "file=$dir/disk.img,format=raw,if=none,id=disk,cache=unsafe" \
		-device "nvme,drive=disk,serial=atoll,addr=${HOST_DISK#*:}"
	if [ "$console" = - ]; then
		timeout --foreground "$timeout" qemu-system-x86_64 "$@"
	else
		timeout "$timeout" qemu-system-x86_64 "$@" </dev/null >"$dir/qemu.log" 2>&1 &
		echo $! >"$dir/pid"
		wait $!
	fi
}
