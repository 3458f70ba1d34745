/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every key of xl.cfg(5): what reads it, or why it is ignored, or what to do instead. One table serves the parser, its messages and
 * docs/xlcfg.md.
 */
#ifndef ATOLL_CONFIG_KEYS_H
#define ATOLL_CONFIG_KEYS_H

#include "config/guest.h"

struct key_reader {
	struct guest_config *config;
	char *why;
	size_t size;
	char root[256]; /* "root", which stands before "extra" if there is no "cmdline" */
	char extra[GUEST_CMDLINE_MAX];
};

struct guest_key {
	const char *name;
	int (*read)(struct key_reader *reader, const struct json *value, const struct guest_key *key); /* NULL: not supported */
	bool ignored;     /* without READ: accepted with a warning, since nothing a guest can notice depends on it */
	const char *text; /* what it is; why it is ignored; or the way out */
	size_t offset;    /* in struct guest_config */
	int64_t min, max; /* a number's range; a text's size */
};

extern const struct guest_key guest_keys[];
extern const size_t guest_key_count;

/* Reads VALUE, or refuses it with a message. 0 or -EINVAL. */
int guest_key_read(struct key_reader *reader, const struct json *value);
extern const char *const guest_type_names[];
extern const char *const guest_action_names[];

#endif
