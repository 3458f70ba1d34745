# shellcheck shell=bash disable=SC2034 # the names are used by whoever sources this
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian packages, unpacked but not installed: the hypervisor and the kernels, in the forms that boot fastest.

# The kernels by the name that is used in arguments and in folder names.
KERNEL_FULL=linux-image-amd64		# control domain and driver domains
KERNEL_NEWER=linux-image-6.12-amd64	# driver domains, to change to and back
KERNEL_CLOUD=linux-image-cloud-amd64	# test guests

candidate() { apt-cache policy "$1" | awk '$1 == "Candidate:" { print $2 }'; }

# package_tree PACKAGE: the folder with the unpacked files of a package in the version apt would install
package_tree() {
	local version
	version=$(candidate "$1")
	if [ -z "$version" ] || [ "$version" = "(none)" ]; then die "no package $1"; fi
	cached "package-$1" "$(key "$version" </dev/null)" unpack_package "$1" "$version"
}

unpack_package() {
	local out=$1 package=$2 version=$3 debs
	debs=$(mktemp -d)
	# Lists older than the archive name versions that are gone.
	(cd "$debs" && { apt-get -q -o APT::Sandbox::User=root download "$package=$version" ||
		{ apt-get -q update && apt-get -q -o APT::Sandbox::User=root download "$package"; }; })
	dpkg -x "$debs"/*.deb "$out"
	rm -r "$debs"
}

# kernel_package METAPACKAGE: the package that holds the kernel itself (a real package is its own answer)
kernel_package() {
	local real
	real=$(apt-cache depends "$1" | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
	echo "${real:-$1}"
}

# kernel_tree METAPACKAGE: a folder with vmlinux (ELF), version, and lib/modules with its index
kernel_tree() {
	local tree
	tree=$(package_tree "$(kernel_package "$1")")
	cached "kernel-$1" "$(key "$tree" "$(declare -f unpack_kernel extract_vmlinux)" </dev/null)" unpack_kernel "$tree"
}

unpack_kernel() {
	local out=$1 tree=$2 version image
	image=$(find "$tree/boot" -name 'vmlinuz-*')
	version=${image##*/vmlinuz-}
	echo "$version" >"$out/version"
	extract_vmlinux "$image" "$out/vmlinux"
	cp -a "$tree/lib" "$out/lib"
	cp "$tree/boot/config-$version" "$out/config"
	depmod -b "$out" "$version"
}

# extract_vmlinux BZIMAGE ELF. The setup header tells where the compressed kernel is (boot protocol 2.08 and later).
# Xen's own unpacker and a domain builder's cost seconds under emulation each time; this is done once.
extract_vmlinux() {
	local image=$1 elf=$2 setup offset length tool
	setup=$(od -An -tu1 -j $((0x1f1)) -N1 "$image" | tr -d ' ')
	offset=$(od -An -tu4 -j $((0x248)) -N4 "$image" | tr -d ' ')
	length=$(od -An -tu4 -j $((0x24c)) -N4 "$image" | tr -d ' ')
	offset=$(((setup + 1) * 512 + offset))
	case $(od -An -tx1 -j $offset -N4 "$image" | tr -d ' ') in
		fd377a58) tool="xz -dc" ;;
		28b52ffd) tool="zstd -dc" ;;
		02214c18) tool="lz4 -dc" ;;
		1f8b*) tool="gzip -dc" ;;
		*) die "$image: unknown compression" ;;
	esac
	# The last four bytes are the unpacked size, except for gzip, whose format has them anyway.
	[ "$tool" = "gzip -dc" ] || length=$((length - 4))
	dd if="$image" iflag=skip_bytes,count_bytes skip=$offset count="$length" bs=1M status=none | $tool >"$elf"
	[ "$(head -c4 "$elf" | tail -c3)" = ELF ] || die "$image: the payload is not an ELF file"
}

# xen_tree: a folder with xen.elf, which QEMU can load with -kernel
xen_tree() {
	local tree
	tree=$(package_tree xen-hypervisor-4.17-amd64)
	cached xen "$(key "$tree" "$(declare -f unpack_xen)" </dev/null)" unpack_xen "$tree"
}

unpack_xen() { gzip -dc "$2"/boot/xen-*.gz >"$1/xen.elf"; }
