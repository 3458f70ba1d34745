/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A growing byte buffer with a limit: appended at the end, consumed from the front. */
#ifndef ATOLL_BASE_BUF_H
#define ATOLL_BASE_BUF_H

#include "base/util.h"

struct buf {
	char *data;  /* owned; NULL when empty */
	size_t len;  /* bytes in use */
	size_t size; /* bytes allocated */
	size_t max;  /* the limit for len */
};

#define BUF_INIT(limit) ((struct buf){.max = (limit)})
#define AUTO_BUF CLEANUP(buf_fini)

void buf_fini(struct buf *buf);

/* All return 0, -ENOMEM, or -ENOSPC when the limit would be passed; the buffer is unchanged on errors. */
int buf_append(struct buf *buf, const void *data, size_t len);
int buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
/* Makes room for LEN more bytes at data + len. */
int buf_reserve(struct buf *buf, size_t len);

/* Drops LEN bytes (at most buf->len) from the front. */
void buf_consume(struct buf *buf, size_t len);

#endif
