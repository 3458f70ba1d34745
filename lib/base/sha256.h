/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256 (FIPS 180-4) of bytes in memory, as 64 hexadecimal digits. */
#ifndef ATOLL_BASE_SHA256_H
#define ATOLL_BASE_SHA256_H

#include <stddef.h>

#define SHA256_HEX_SIZE 65 /* with the end */

void sha256_hex(const void *data, size_t len, char out[SHA256_HEX_SIZE]);

#endif
