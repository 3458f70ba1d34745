#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mistakes in guest files: one line that names the thing, exit status 1, and nothing left behind.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

K='kernel = "/usr/lib/atoll/guests/vmlinux"'
store_nodes() { xenstore-ls -f / | grep -c -E '^/(local/domain/[0-9]+|vm/[^/]*|local/domain/[0-9]+/backend/(vif|vbd)/[0-9]+) '; }
domains() { atoll --json list | jq -c '[.[] | .name]'; }

# refused SENTENCE EXPECTED-TEXT FILE-TEXT
refused() {
	local sentence=$1 expected=$2 file=/run/mistake.cfg output status before_nodes before_domains
	printf '%b\n' "$3" >$file
	before_nodes=$(store_nodes)
	before_domains=$(domains)
	output=$(atoll create $file 2>&1)
	status=$?
	ok "$sentence: exit status 1" [ $status = 1 ]
	ok "$sentence: one line" [ "$(printf '%s\n' "$output" | wc -l)" = 1 ]
	ok "$sentence: names it ($output)" grep -q -F -- "$expected" <<<"$output"
	ok "$sentence: no domain is left" [ "$(domains)" = "$before_domains" ]
	ok "$sentence: no store node is left" [ "$(store_nodes)" = "$before_nodes" ]
}

refused "a wrong key" "vcpuss" "name = 'm'\n$K\nvcpuss = 2"
refused "a missing kernel" "/no/such/kernel" "name = 'm'\nkernel = '/no/such/kernel'"
refused "a kernel that is none" "/etc/passwd" "name = 'm'\nkernel = '/etc/passwd'"
refused "an unknown backend" "net7" "name = 'm'\n$K\nvif = ['backend=net7']"
refused "an unknown disk" "nvme9n9p9" "name = 'm'\n$K\ndisk = ['phy:nvme9n9p9,xvda,w']"
refused "a disk that another guest writes to" "nvme0n1p1" "name = 'm'\n$K\ndisk = ['phy:nvme0n1p1,xvda,w']"
refused "too much memory" "not enough memory" "name = 'm'\n$K\nmemory = 900000"
refused "a name taken" "alpha" "name = 'alpha'\n$K"
refused "no name" "name is missing" "$K"
refused "a syntax error" "line 2" "name = 'm'\nkernel = '/x"
