/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The syntax of xl.cfg(5) files: `key = value` with strings, numbers and lists. Pure: text in, JSON tree out. */
#ifndef ATOLL_CONFIG_XLCFG_H
#define ATOLL_CONFIG_XLCFG_H

#include "base/json.h"

#define XLCFG_KEYS_MAX 256  /* settings in one file */
#define XLCFG_LIST_MAX 256  /* items in one list */
#define XLCFG_DEPTH_MAX 2   /* lists in lists, as xl knows them */

/* Parses TEXT (LEN bytes) to an object of strings, integers and arrays; a key that is set twice has its last value. 0; or
 * -EINVAL, -E2BIG, -ENOMEM and *WHY, a message with the line number, to free. */
int xlcfg_parse(const char *text, size_t len, struct json **out, char **why);

#endif
