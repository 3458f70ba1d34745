// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Late set-up of the store. The control domain's kernel allocates its own store ring; this grants it (reference 1) to the store
 * domain and opens a channel. The kernel does so only until its store is up, so the port is also kept in a file: a store domain
 * that is rebuilt with the same id finds the same channel, unbound and waiting for its id.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#include <xen/sys/xenbus_dev.h>

#include "base/log.h"
#include "builder.h"

#define BACKEND_DEVICE "/dev/xen/xenbus_backend"
#define RECORD_MAX 64

static int record_path(const struct builder *builder, char path[PATH_MAX])
{
	return format(path, PATH_MAX, "%s/store.port", builder->state_dir);
}

static int record_write(struct builder *builder, uint32_t domid, uint32_t port)
{
	char path[PATH_MAX], text[RECORD_MAX];
	int ret = record_path(builder, path);

	if (ret < 0)
		return ret;
	snprintf(text, sizeof(text), "%u %u\n", domid, port);
	return write_file_atomic(path, text, strlen(text), 0600);
}

static int record_read(struct builder *builder, uint32_t domid, uint32_t *port)
{
	char *text AUTO_FREE = NULL, path[PATH_MAX], end;
	unsigned int of, value;
	int ret = record_path(builder, path);

	if (ret == 0)
		ret = read_file(path, RECORD_MAX, &text, NULL);
	if (ret < 0)
		return ret;
	if (sscanf(text, "%u %u%c", &of, &value, &end) != 3 || end != '\n' || of != domid || !value)
		return -EINVAL;
	*port = value;
	return 0;
}

int store_setup(struct builder *builder, uint32_t domid, uint32_t *port, bool *again)
{
	int fd AUTO_CLOSE = -1, ret;

	/* Asked again, the kernel would first wait for the answers to its requests, which a store that died owes it. */
	*again = record_read(builder, domid, port) == 0;
	if (*again)
		return 0;
	fd = open(BACKEND_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail(builder, errno, "%s: %s", BACKEND_DEVICE, strerror(errno));
	ret = ioctl(fd, IOCTL_XENBUS_BACKEND_SETUP, (unsigned long)domid);
	if (ret > 0) {
		*port = (uint32_t)ret;
		ret = record_write(builder, domid, *port);
		if (ret < 0)
			log_warning("store port %u: cannot be kept for a restart: %s", *port, strerror(-ret));
		return 0;
	}
	if (ret < 0 && errno == EEXIST)
		return fail(builder, EEXIST,
			    "the control domain's kernel already has a store that was not set up here: reboot the host to change it");
	return fail(builder, ret ? errno : EIO, "%s: cannot set the store up for domain %u: %s", BACKEND_DEVICE, domid,
		    ret ? strerror(errno) : "no port");
}

int store_virq(struct builder *builder, uint32_t domid)
{
	int ret = domain_lookup(builder, domid, &(xc_domaininfo_t){0});

	if (ret < 0)
		return ret;
	if (xc_domain_set_virq_handler(builder->xen, domid, VIRQ_DOM_EXC) < 0)
		return fail_xen(builder, "domain %u: cannot have it told of dying domains", domid);
	return 0;
}
