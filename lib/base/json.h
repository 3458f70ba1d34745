/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bounded JSON: a small tree over yajl's parser and generator (RFC 8259). Text comes from peers and files, so depth, number of
 * values and size are limited; strings hold no NUL. Readers take defaults or say exactly what is wrong.
 */
#ifndef ATOLL_BASE_JSON_H
#define ATOLL_BASE_JSON_H

#include "base/buf.h"

#define JSON_DEPTH_MAX 16    /* nested arrays and objects */
#define JSON_VALUES_MAX 8192 /* values in one text */

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	char *key;          /* inside an object: the name; owned */
	struct json *next;  /* inside an array or object: the following sibling */
	struct json *first; /* array, object: the values in order; owned */
	struct json *last;
	char *string;       /* JSON_STRING; owned */
	int64_t integer;    /* JSON_INT, JSON_BOOL */
	double number;      /* JSON_DOUBLE */
};

#define AUTO_JSON CLEANUP(json_auto)

/* Parses one value. On failure returns -EINVAL (syntax), -E2BIG (a limit) or -ENOMEM, and *WHY (if not NULL) a message to free. */
int json_parse(const char *text, size_t len, struct json **out, char **why);
struct json *json_free(struct json *json);
void json_auto(struct json **json);

/* --- reading: OBJECT may be NULL or of any type; a missing or wrong value gives NULL / the default --- */
const struct json *json_get(const struct json *object, const char *key);
const char *json_get_string(const struct json *object, const char *key, const char *fallback);
int64_t json_get_int(const struct json *object, const char *key, int64_t fallback);
bool json_get_bool(const struct json *object, const char *key, bool fallback);
/* The checked form for peers: -ENOENT if missing, -EINVAL if no integer, -ERANGE outside [min, max]; *out only on 0. */
int json_read_int(const struct json *object, const char *key, int64_t min, int64_t max, int64_t *out);
#define json_for_each(item, parent) \
	for (const struct json *item = (parent) ? (parent)->first : NULL; item; item = item->next)
size_t json_count(const struct json *json);

/* --- building: constructors return NULL without memory; json_set and json_append take VALUE over, also on failure, and a
 * NULL value makes them fail, so that a chain of calls needs one check at its end: they return 0 or -ENOMEM --- */
struct json *json_new(enum json_type type);
struct json *json_new_string(const char *string);
struct json *json_new_int(int64_t value);
struct json *json_new_bool(bool value);
struct json *json_new_double(double value);
struct json *json_copy(const struct json *json);
int json_set(struct json *object, const char *key, struct json *value);
int json_append(struct json *array, struct json *value);
static inline int json_set_string(struct json *object, const char *key, const char *value)
{
	return json_set(object, key, json_new_string(value));
}
static inline int json_set_int(struct json *object, const char *key, int64_t value)
{
	return json_set(object, key, json_new_int(value));
}
static inline int json_set_bool(struct json *object, const char *key, bool value)
{
	return json_set(object, key, json_new_bool(value));
}

/*
 * The short way: an object from a list of KEY=CONVERSION, separated by blanks, with printf's conversions %s %d %u %ld %lu %f for the
 * arguments, or %p for a value, which is taken over. KEY?%d is a bool; KEY~CONVERSION is left out if it is 0, "" or NULL.
 */
struct json *json_build(const char *fmt, ...) PRINTF(1, 2);
/* Adds to OBJECT likewise. */
int json_add(struct json *object, const char *fmt, ...) PRINTF(2, 3);

/* Appends the text of JSON. 0, -ENOMEM, -ENOSPC (the buffer's limit), -EINVAL (a string that is not UTF-8). */
int json_print(const struct json *json, struct buf *out, bool pretty);

#endif
