// SPDX-License-Identifier: LGPL-2.1-or-later
/* TAP devices. */
#include "vif/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* What interfaces on this side of a vif are called by: it never is the source of a frame. */
static const uint8_t mac[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff};

static int open_queue(const char *name, bool many)
{
	struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (many ? IFF_MULTI_QUEUE : 0))};
	AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : TAKE_FD(fd);
}

static int set_up(int fd, const char *name, unsigned offloads)
{
	AUTO_CLOSE int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};

	if (control < 0 || ioctl(fd, TUNSETOFFLOAD, offloads) < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	memcpy(request.ifr_hwaddr.sa_data, mac, sizeof(mac));
	if (ioctl(control, SIOCSIFHWADDR, &request) < 0)
		return -errno;
	request.ifr_qlen = TAP_QUEUE_MAX;
	return ioctl(control, SIOCSIFTXQLEN, &request) < 0 ? -errno : 0;
}

int tap_open(const char *name, unsigned count, unsigned offloads, int fds[])
{
	unsigned opened = 0;
	int r = 0;

	while (r == 0 && opened < count) {
		fds[opened] = open_queue(name, count > 1);
		if (fds[opened] < 0)
			r = fds[opened];
		else
			opened++;
	}
	if (r == 0)
		r = set_up(fds[0], name, offloads);
	while (r < 0 && opened)
		close(fds[--opened]);
	return r;
}
