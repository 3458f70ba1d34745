// SPDX-License-Identifier: LGPL-2.1-or-later
/* The handles on the hypervisor, and a logger that remembers why libxc or libxenguest failed. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xentoollog.h>

#include "base/log.h"
#include "builder.h"

struct xen_log {
	xentoollog_logger logger; /* first: libxc hands us this */
	char last[256];           /* the first error of a method: later ones only repeat that a step failed */
	xen_progress_fn *on_progress;
	void *data;
};

/* A word of the prefix: a file's line ("xg_dom_core.c:689") or a function's name, either followed by ": ". */
static size_t prefix_word(const char *text)
{
	size_t len = strcspn(text, ": ");

	if (text[len] == ':' && isdigit((unsigned char)text[len + 1]))
		len += 1 + strspn(text + len + 1, "0123456789");
	if (!len || text[len] != ':' || text[len + 1] != ' ')
		return 0;
	if (!memchr(text, '_', len) && strncmp(text, "panic", len))
		return 0;
	return len + 2;
}

const char *xen_reason(const char *text)
{
	size_t len;

	while ((len = prefix_word(text)))
		text += len;
	return text;
}

static void xen_log_message(xentoollog_logger *logger, xentoollog_level level, int error, const char *context,
			    const char *fmt, va_list ap)
{
	struct xen_log *log = container_of(logger, struct xen_log, logger);
	char text[256];

	if (level < XTL_WARN)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("%s: %s", context ? context : "xen", text);
	if (level >= XTL_ERROR && !log->last[0])
		snprintf(log->last, sizeof(log->last), "%s", xen_reason(text));
}

static void xen_log_percent(xentoollog_logger *logger, const char *context, const char *what, int percent, unsigned long done,
			    unsigned long total)
{
	struct xen_log *log = container_of(logger, struct xen_log, logger);

	if (log->on_progress)
		log->on_progress(log->data, percent);
}

static void xen_log_logger_destroy(xentoollog_logger *logger)
{
}

void xen_log_progress(struct xen_log *log, xen_progress_fn *fn, void *data)
{
	log->on_progress = fn;
	log->data = data;
}

void xen_log_clear(struct xen_log *log)
{
	log->last[0] = '\0';
	errno = 0;
}

int fail_xen(struct builder *builder, const char *fmt, ...)
{
	int error = errno;
	const char *reason = builder->log->last;
	char what[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (!reason[0])
		reason = error ? strerror(error) : "refused, no reason given";
	fail(builder, error ? error : EINVAL, "%s: %.160s", what, reason);
	xen_log_clear(builder->log);
	return -builder->failure.error;
}

int builder_init(struct builder *builder, const char *state_dir)
{
	int ret = make_dirs(state_dir, 0700);

	*builder = (struct builder){.state_dir = state_dir, .sysfs = "/sys", .stream_fd = -1, .link_fd = -1};
	if (ret < 0)
		return fail(builder, -ret, "%s: %s", state_dir, strerror(-ret));
	builder->log = calloc(1, sizeof(*builder->log));
	if (!builder->log)
		return fail(builder, ENOMEM, "no memory to start");
	builder->log->logger = (xentoollog_logger){xen_log_message, xen_log_percent, xen_log_logger_destroy};
	builder->xen = xc_interface_open(&builder->log->logger, &builder->log->logger, 0);
	builder->memory = builder->xen ? xenforeignmemory_open(&builder->log->logger, 0) : NULL;
	return builder->memory ? 0 : fail_xen(builder, "cannot open /dev/xen/privcmd (is this Xen's control domain?)");
}
