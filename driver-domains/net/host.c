// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the switch asks and tells the kernel through sysfs and procfs: is this a real NIC, and: this domain has no IP of its own. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "net/switch.h"

bool is_physical_nic(const char *sys_root, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *bus;
	ssize_t n;

	if (!interface_name_valid(name) || vif_name_valid(name) ||
	    format(path, sizeof(path), "%s/class/net/%s/device/subsystem", sys_root, name) < 0)
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	bus = strrchr(target, '/');
	bus = bus ? bus + 1 : target;
	return strcmp(bus, "xen-backend") != 0;
}

static int write_setting(const char *proc_root, const char *name, const char *value)
{
	char path[PATH_MAX];
	AUTO_CLOSE int fd = -1;
	int r = format(path, sizeof(path), "%s/sys/net/%s", proc_root, name);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 has nothing to silence */
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

void silence_ip_stack(const char *proc_root)
{
	static const struct {
		const char *name, *value;
	} settings[] = {
		/* No link-local addresses, no router solicitations, no neighbour discovery on bridges, NICs and vifs. */
		{"ipv6/conf/all/disable_ipv6", "1"},
		{"ipv6/conf/default/disable_ipv6", "1"},
		/* 8: answer ARP for no local address. */
		{"ipv4/conf/all/arp_ignore", "8"},
		{"ipv4/conf/default/arp_ignore", "8"},
		{"ipv4/icmp_echo_ignore_all", "1"},
		{"ipv4/ip_forward", "0"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		int r = write_setting(proc_root, settings[i].name, settings[i].value);

		if (r < 0)
			log_warning("net: cannot set %s: %s", settings[i].name, strerror(-r));
	}
}
