/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The head of a saved guest, version 1, before libxenguest's stream:
 *
 *   "ATOLLSAV"  version (4 bytes, little-endian)  length (4 bytes)  the guest's description (length bytes of JSON)
 *
 * It is hostile when it is read: from here come a length within its limit and JSON within that of lib/base; atolld checks the
 * description as any other.
 */
#ifndef ATOLL_CONFIG_SAVEFILE_H
#define ATOLL_CONFIG_SAVEFILE_H

#include "base/json.h"

#define SAVE_VERSION 1
#define SAVE_HEAD_SIZE 16
#define SAVE_CONFIG_MAX (32 * 1024) /* more than the largest description, less than an RPC frame */

/* Appends head and description. 0 or -errno. */
int savefile_write(const struct json *config, struct buf *out);
/* The length of what follows the head, or -EINVAL (not such a file), -ENOTSUP (another version), -EFBIG. */
int savefile_head(const unsigned char head[SAVE_HEAD_SIZE]);
/* 0, -EINVAL or -ENOMEM. */
int savefile_config(const char *text, size_t len, struct json **config);

#endif
