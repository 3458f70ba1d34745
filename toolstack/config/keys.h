/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every key of xl.cfg(5): what reads it, or why it is ignored, or what to do instead. These tables serve the parser, its messages and
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
	int (*read)(struct key_reader *reader, const struct json *value, const struct guest_key *key);
	const char *text; /* what it is */
	size_t offset;    /* in struct guest_config */
	int64_t min, max; /* a number's range; a text's size */
	const char *const *words; /* what a word may be; NULL ends the list */
};
extern const struct guest_key guest_keys[];
extern const size_t guest_key_count;

/* Keys that are not read. */
struct guest_other_keys {
	bool ignored;      /* accepted with a warning, since nothing a guest can notice depends on it */
	const char *text;  /* why, or the way out */
	const char *names; /* separated by blanks */
};
extern const struct guest_other_keys guest_other_keys[];
extern const size_t guest_other_key_count;
bool guest_other_key(const struct guest_other_keys *keys, const char *name);

/* Reads VALUE, or refuses it with a message. 0 or -EINVAL. */
int guest_key_read(struct key_reader *reader, const struct json *value);
/* What guest_key_read() reads back; NULL: nothing to say, or no memory. */
struct json *guest_key_write(const struct guest_config *config, const struct guest_key *key);
extern const char *const guest_type_names[];

#endif
