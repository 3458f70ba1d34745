// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A preload stub that lets a xenstore daemon run without Xen: domains, rings and event channels are files and sockets
 * below the directory $FAKEXEN, which tests/peers/cases.py fills and plays the other side of.
 *
 *	ring.<domid>	the shared page, 4 KiB
 *	dom.<domid>	first byte: r running, s shut down, d dying; no file: no such domain
 *	port.0		domain 0's remote port, as /proc/xen/xsd_port shows it
 *	daemon.sock	datagrams to the daemon: struct event
 *	domain.<domid>	datagrams to a domain: one byte a notification
 *
 * Paths under /var/run/xenstored and /proc/xen/xsd_* are redirected there.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define PORTS 1024
#define VIRQ_SENDER 0xffffffffu
#define PATH_SIZE 108

struct event { /* what a domain sends to the daemon */
	uint32_t domid; /* VIRQ_SENDER: port is a VIRQ */
	uint32_t port;
};

static struct event bound[PORTS]; /* local port -> other end; port 0 is never used */
static bool in_use[PORTS];
static int daemon_socket = -1;
static int handle; /* its address stands for every handle that the libraries give out */

static void fake_path(char path[PATH_SIZE], const char *name, long number)
{
	const char *dir = getenv("FAKEXEN");

	if (number < 0)
		snprintf(path, PATH_SIZE, "%s/%s", dir ? dir : ".", name);
	else
		snprintf(path, PATH_SIZE, "%s/%s.%ld", dir ? dir : ".", name, number);
}

static struct sockaddr_un fake_address(const char *name, long number)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	fake_path(addr.sun_path, name, number);
	return addr;
}

/* 'r', 's', 'd', or 0. */
static char domain_state(uint32_t domid)
{
	char path[PATH_SIZE], state = 0;
	FILE *f;

	if (!domid)
		return 'r';
	fake_path(path, "dom", domid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fread(&state, 1, 1, f) != 1)
		state = 0;
	fclose(f);
	return state;
}

/* ---- event channels */

xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger, unsigned int flags)
{
	struct sockaddr_un addr = fake_address("daemon.sock", -1);
	int type = SOCK_DGRAM | SOCK_NONBLOCK | (flags & XENEVTCHN_NO_CLOEXEC ? 0 : SOCK_CLOEXEC);

	unlink(addr.sun_path);
	daemon_socket = socket(AF_UNIX, type, 0);
	if (daemon_socket < 0 || bind(daemon_socket, (struct sockaddr *)&addr, sizeof addr))
		return NULL;
	return (xenevtchn_handle *)&handle;
}

xenevtchn_handle *xenevtchn_fdopen(xentoollog_logger *logger, int fd, unsigned int flags)
{
	daemon_socket = fd;
	return (xenevtchn_handle *)&handle;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
	return close(daemon_socket);
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	return daemon_socket;
}

static int port_take(uint32_t domid, uint32_t port)
{
	for (int i = 1; i < PORTS; i++) {
		if (in_use[i])
			continue;
		in_use[i] = true;
		bound[i] = (struct event){ domid, port };
		return i;
	}
	errno = ENOSPC;
	return -1;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote)
{
	struct sockaddr_un addr = fake_address("daemon.sock", -1);
	struct event first = { domid, remote };
	int port, fd;

	if (!domain_state(domid) || !remote || remote > 65535) {
		errno = domain_state(domid) ? EINVAL : ESRCH;
		return -1;
	}
	port = port_take(domid, remote);
	/* Xen makes a port that was just bound pending. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		sendto(fd, &first, sizeof first, MSG_DONTWAIT, (struct sockaddr *)&addr, sizeof addr);
		close(fd);
	}
	return port;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
	return port_take(VIRQ_SENDER, virq);
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	if (port >= PORTS || !in_use[port]) {
		errno = EINVAL;
		return -1;
	}
	in_use[port] = false;
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	struct event e;

	while (recv(daemon_socket, &e, sizeof e, MSG_DONTWAIT) == (ssize_t)sizeof e)
		for (int i = 1; i < PORTS; i++)
			if (in_use[i] && bound[i].domid == e.domid && (e.domid == VIRQ_SENDER || bound[i].port == e.port))
				return i;
	return -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	return 0;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	static int fd = -1;
	struct sockaddr_un addr;

	if (port >= PORTS || !in_use[port]) {
		errno = EINVAL;
		return -1;
	}
	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	addr = fake_address("domain", bound[port].domid);
	sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&addr, sizeof addr);
	return 0;
}

/* ---- rings */

static void *ring_map(uint32_t domid)
{
	char path[PATH_SIZE];
	void *page;
	int fd;

	fake_path(path, "ring", domid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		errno = EINVAL;
		return NULL;
	}
	page = mmap(NULL, XC_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

xengnttab_handle *xengnttab_open(xentoollog_logger *logger, unsigned int flags)
{
	return (xengnttab_handle *)&handle;
}

int xengnttab_close(xengnttab_handle *xgt)
{
	return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t count)
{
	return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	return ring_map(domid);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start, uint32_t count)
{
	return munmap(start, (size_t)count * XC_PAGE_SIZE);
}

/* ---- the hypervisor's view of domains */

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *other, unsigned int flags)
{
	return (xc_interface *)&handle;
}

int xc_interface_close(xc_interface *xc)
{
	return 0;
}

void *xc_map_foreign_range(xc_interface *xc, uint32_t domid, int size, int prot, unsigned long mfn)
{
	return ring_map(domid);
}

int xc_domain_getinfo(xc_interface *xc, uint32_t first, unsigned int max, xc_dominfo_t *info)
{
	char state = domain_state(first);

	if (!state)
		return 0;
	memset(info, 0, sizeof *info);
	info->domid = first;
	info->running = state == 'r';
	info->shutdown = state != 'r';
	info->dying = state == 'd';
	return 1;
}

int xc_domain_getinfolist(xc_interface *xc, uint32_t first, unsigned int max, xc_domaininfo_t *info)
{
	char state = domain_state(first);

	if (!state)
		return 0;
	memset(info, 0, sizeof *info);
	info->domain = (domid_t)first;
	info->flags = (state != 'r' ? XEN_DOMINF_shutdown : 0) | (state == 'd' ? XEN_DOMINF_dying : 0);
	return 1;
}

const xc_error *xc_get_last_error(xc_interface *xc)
{
	static xc_error none;

	return &none;
}

const char *xc_error_code_to_desc(int code)
{
	return "none";
}

/* Daemons raise their limits, which a test must not depend on. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return 0;
}

/* ---- paths */

#define RUN_DIR "/var/run/xenstored/"
#define REAL(type, name) ((type)dlsym(RTLD_NEXT, name))

static const char *redirect(const char *path, char buffer[PATH_SIZE])
{
	if (!strcmp(path, "/proc/xen/xsd_kva"))
		fake_path(buffer, "ring", 0);
	else if (!strcmp(path, "/proc/xen/xsd_port"))
		fake_path(buffer, "port", 0);
	else if (!strncmp(path, RUN_DIR, sizeof RUN_DIR - 1))
		fake_path(buffer, path + sizeof RUN_DIR - 1, -1);
	else
		return path;
	return buffer;
}

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = REAL(int (*)(const char *, int, ...), "open");
	char buffer[PATH_SIZE];
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return real(redirect(path, buffer), flags, mode);
}

int open64(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = REAL(int (*)(const char *, int, ...), "open64");
	char buffer[PATH_SIZE];
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return real(redirect(path, buffer), flags, mode);
}

int unlink(const char *path)
{
	char buffer[PATH_SIZE];

	return REAL(int (*)(const char *), "unlink")(redirect(path, buffer));
}

int chmod(const char *path, mode_t mode)
{
	char buffer[PATH_SIZE];

	return REAL(int (*)(const char *, mode_t), "chmod")(redirect(path, buffer), mode);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	int (*real)(int, const struct sockaddr *, socklen_t) = REAL(int (*)(int, const struct sockaddr *, socklen_t), "bind");
	struct sockaddr_un un;
	char buffer[PATH_SIZE];

	if (addr->sa_family != AF_UNIX || len > sizeof un)
		return real(fd, addr, len);
	memset(&un, 0, sizeof un);
	memcpy(&un, addr, len);
	if (redirect(un.sun_path, buffer) == buffer) {
		memcpy(un.sun_path, buffer, sizeof un.sun_path);
		len = sizeof un;
		return real(fd, (struct sockaddr *)&un, len);
	}
	return real(fd, addr, len);
}
