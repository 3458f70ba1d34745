// SPDX-License-Identifier: LGPL-2.1-or-later
/* A growing byte buffer with a limit. */
#include "base/buf.h"

#include <errno.h>
#include <string.h>

void buf_fini(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = buf->size = 0;
}

int buf_reserve(struct buf *buf, size_t len)
{
	size_t size = buf->size ? buf->size : 256;
	char *data;

	if (len > buf->max || buf->len > buf->max - len)
		return -ENOSPC;
	if (buf->data && buf->len + len <= buf->size)
		return 0;
	while (size < buf->len + len)
		size *= 2;
	data = realloc(buf->data, size);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->size = size;
	return 0;
}

int buf_append(struct buf *buf, const void *data, size_t len)
{
	int r = buf_reserve(buf, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return 0;
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return buf_append(buf, text, (size_t)n);
}

void buf_consume(struct buf *buf, size_t len)
{
	len = MIN(len, buf->len);
	buf->len -= len;
	if (buf->len)
		memmove(buf->data, buf->data + len, buf->len);
}
