# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The layers above the control domain's root: the kernels (large, change seldom) and the project (small, changes often).

ATOLL_SOURCE=$(dirname "$IMAGES")
ATOLL_BUILD=${ATOLL_BUILD:-$ATOLL_SOURCE/build}

# kernels_layer: /usr/lib/atoll/images/driver-vmlinux, /usr/lib/atoll/images/kernels/NAME/vmlinux and /usr/lib/atoll/guests. Not
# compressed: emulated unpacking costs more than reading.
kernels_layer() {
	local driver guest kernels=() name
	driver=$(kernel_tree "$KERNEL_FULL")
	guest=$(guest_image "$KERNEL_CLOUD")
	for name in $(driver_kernels); do kernels+=("$name=$(driver_kernel "$name")"); done
	echo "$(cached kernels "$(key "$driver" "$guest" "${kernels[@]}" "$(declare -f build_kernels pack_plain)" </dev/null)" \
		build_kernels "$driver" "$guest" "${kernels[@]}")/kernels.erofs"
}

build_kernels() {
	local out=$1 driver=$2 guest=$3 root=$1/root kernel
	shift 3
	for kernel; do install -D -m 644 "${kernel#*=}/vmlinux" "$root/usr/lib/atoll/images/kernels/${kernel%%=*}/vmlinux"; done
	install -D -m 644 "$driver/vmlinux" "$root/usr/lib/atoll/images/driver-vmlinux"
	install -D -m 644 "$guest/vmlinux" "$root/usr/lib/atoll/guests/vmlinux"
	ln -s ../guests/vmlinux "$root/usr/lib/atoll/images/dm-vmlinux"
	install -D -m 644 "$guest/guest.cpio" "$root/usr/lib/atoll/guests/guest.cpio"
	pack_plain "$root" "$out/kernels.erofs"
	rm -rf "$root"
}

pack_plain() {
	mkfs.erofs -T "$SOURCE_DATE_EPOCH" -U 00000000-0000-0000-0000-000000000000 --all-root --quiet "$2" "$1"
}

# payload_layer: what the build directory installs, the driver domains' image, the test host's description, and the system tests
payload_layer() {
	local tree driver stubdom name
	driver=$(driver_image debian "$ATOLL_BUILD")
	stubdom=$(stubdom_image "$KERNEL_CLOUD" "$ATOLL_BUILD")
	tree=$(mktemp -d)
	if [ -e "$ATOLL_BUILD/build.ninja" ]; then
		meson install -C "$ATOLL_BUILD" --destdir "$tree" --no-rebuild --quiet >/dev/null ||
			die "meson install failed in $ATOLL_BUILD"
	fi
	payload_merge_usr "$tree"
	payload_enable_units "$tree"
	install -D -m 644 "$driver/driver.cpio" "$tree/usr/lib/atoll/images/driver.cpio"
	for name in $(driver_kernels); do
		install -D -m 644 "$(driver_image "$name" "$ATOLL_BUILD")/driver.cpio" "$tree/usr/lib/atoll/images/kernels/$name/driver.cpio"
	done
	install -D -m 644 -t "$tree/usr/lib/atoll/images" "$stubdom"/{dm.cpio,hvmloader,seabios.bin}
	install -D -m 644 "$ATOLL_SOURCE/tests/system/host.json" "$tree/etc/atoll/host.json"
	mkdir -p "$tree/usr/lib/atoll/tests"
	cp -r "$ATOLL_SOURCE/tests/system/." "$tree/usr/lib/atoll/tests/"
	payload_hostile "$tree"
	echo "$(cached payload "$(key "$(key_tree "$tree")" "$(declare -f build_payload pack_plain)" </dev/null)" \
		build_payload "$tree")/payload.erofs"
	rm -rf "$tree"
}

# An archive that, after a driver domain's, replaces its agent with the tests' attacker.
payload_hostile() {
	local root
	[ -e "$ATOLL_BUILD/tests/atoll-hostile" ] || return 0
	root=$(mktemp -d)
	copy_program "$root" "$ATOLL_BUILD/tests/atoll-hostile" /init
	pack_cpio "$root" "$1/usr/lib/atoll/tests/hostile.cpio"
	rm -rf "$root"
}

build_payload() { pack_plain "$2" "$1/payload.erofs"; }

# The root has /lib as a link to /usr/lib; a layer with a real /lib folder would hide it.
payload_merge_usr() {
	local d
	for d in bin sbin lib lib64; do
		[ ! -d "$1/$d" ] || [ -L "$1/$d" ] || { mkdir -p "$1/usr/$d" && cp -a "$1/$d/." "$1/usr/$d/" && rm -r "${1:?}/$d"; }
	done
}

# What `systemctl enable` would do for the units that the project brings.
payload_enable_units() {
	local unit target
	for unit in "$1"/usr/lib/systemd/system/*.service "$1"/usr/lib/systemd/system/*.socket; do
		[ -e "$unit" ] || continue
		# shellcheck disable=SC2013 # words are what is meant
		for target in $(sed -n 's/^WantedBy=//p' "$unit"); do
			mkdir -p "$1/etc/systemd/system/$target.wants"
			ln -sf "/usr/lib/systemd/system/${unit##*/}" "$1/etc/systemd/system/$target.wants/"
		done
	done
}
