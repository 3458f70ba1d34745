/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptions are JSON objects whose keys are in tables: guests (xl.cfg files become objects first), their devices, the host and its
 * services. A row says what a key's value may be and where in a structure it goes; reading, messages and writing follow from it.
 */
#ifndef ATOLL_CONFIG_KEY_H
#define ATOLL_CONFIG_KEY_H

#include "base/json.h"

/* What is being filled, and the message (SIZE bytes) if it cannot be. */
struct key_reader {
	void *object;
	char *why;
	size_t size;
};

struct key;
struct key_type {
	/* Checks VALUE and puts it to FIELD. 0, -ENOMEM, or -EINVAL after key_complain(). */
	int (*read)(const struct key_reader *reader, const struct key *key, const struct json *value, void *field);
	/* What read() reads back; NULL: nothing to say, or no memory. NULL instead of a function: it is not said. */
	struct json *(*write)(const struct key *key, const void *field);
};

struct key {
	const char *name; /* NULL ends a table */
	const struct key_type *type;
	size_t offset, size;      /* of its field */
	int64_t min, max;         /* of a number */
	const char *const *words; /* what a word may be; NULL ends the list */
	const char *pattern;      /* of hexadecimal digits, each an 'x' */
	unsigned who;             /* bits of those who have the key; 0: all */
	const char *text;         /* what it is, for documents */
};
#define KEY(name_, type_, object, member, ...) \
	{.name = name_, .type = &(type_), .offset = offsetof(object, member), .size = sizeof(((object *)0)->member), __VA_ARGS__}

/* A char array: any text; an absolute path; a name (name_valid()); one of `words`; digits of `pattern`, in lower case. */
extern const struct key_type key_text, key_path, key_name, key_text_word, key_hex;
/* An unsigned, also from text; the place of one of `words` in an unsigned or enum; a bool, also from 0 and 1; one of `words`, and no field. */
extern const struct key_type key_number, key_word, key_bool, key_only;

/* For types of one's own. */
struct json *key_write_text(const struct key *key, const void *field);

/* Writes the message. -EINVAL. */
int key_complain(const struct key_reader *reader, const char *fmt, ...) PRINTF(2, 3);
const struct key *key_find(const struct key *keys, unsigned who, const char *name);
int key_read(const struct key_reader *reader, const struct key *key, const struct json *value);
/* All of OBJECT, for WHO; a key that is not in the table is refused. Messages begin with LABEL, if it is not "". */
int keys_read(const struct key_reader *reader, const struct key *keys, unsigned who, const char *label, const struct json *object);
struct json *key_write(const struct key *key, const void *object);
/* NULL without memory. */
struct json *keys_write(const struct key *keys, const void *object);

#endif
