// SPDX-License-Identifier: LGPL-2.1-or-later
/* The stub for daemons that exec: event channels stay bound, as those of the kernel do, in the file $FAKEXEN/ports. */
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

xenevtchn_handle *once_fdopen(xentoollog_logger *logger, int fd, unsigned int flags);
xenevtchn_port_or_error_t once_bind_interdomain(xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote);
xenevtchn_port_or_error_t once_bind_virq(xenevtchn_handle *xce, unsigned int virq);
int once_unbind(xenevtchn_handle *xce, evtchn_port_t port);

#define xenevtchn_fdopen once_fdopen
#define xenevtchn_bind_interdomain once_bind_interdomain
#define xenevtchn_bind_virq once_bind_virq
#define xenevtchn_unbind once_unbind
#include "fakexen.c"
#undef xenevtchn_fdopen
#undef xenevtchn_bind_interdomain
#undef xenevtchn_bind_virq
#undef xenevtchn_unbind

static void ports_keep(bool write)
{
	char path[PATH_SIZE];
	FILE *f;
	size_t n = 0;

	fake_path(path, "ports", -1);
	f = fopen(path, write ? "w" : "r");
	if (!f)
		return;
	if (write)
		n = fwrite(bound, sizeof bound, 1, f) + fwrite(in_use, sizeof in_use, 1, f);
	else
		n = fread(bound, sizeof bound, 1, f) + fread(in_use, sizeof in_use, 1, f);
	fclose(f);
	if (n != 2)
		abort();
}

xenevtchn_handle *xenevtchn_fdopen(xentoollog_logger *logger, int fd, unsigned int flags)
{
	ports_keep(false);
	return once_fdopen(logger, fd, flags);
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote)
{
	int port = once_bind_interdomain(xce, domid, remote);

	ports_keep(true);
	return port;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
	int port = once_bind_virq(xce, virq);

	ports_keep(true);
	return port;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	int r = once_unbind(xce, port);

	ports_keep(true);
	return r;
}
