/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Base64 (RFC 4648 §4): bytes in JSON strings. */
#ifndef ATOLL_BASE_BASE64_H
#define ATOLL_BASE_BASE64_H

#include <sys/types.h>

#include "base/util.h"

/* Characters for LEN bytes, with the NUL. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* 0, or -ENOSPC. */
int base64_encode(const void *data, size_t len, char *out, size_t size);
/* The number of bytes, -EINVAL or -ENOSPC. */
ssize_t base64_decode(const char *text, void *out, size_t size);

#endif
