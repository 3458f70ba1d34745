// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing by tables of keys. */
#include "config/key.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

int key_complain(const struct key_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* --- types --- */

static int read_text(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	if (value->type != JSON_STRING)
		return key_complain(r, "%s: expected a string", key->name);
	if (format(field, key->size, "%s", value->string) < 0)
		return key_complain(r, "%s: longer than %zu characters", key->name, key->size - 1);
	return 0;
}

struct json *key_write_text(const struct key *key, const void *field)
{
	return *(const char *)field ? json_new_string(field) : NULL;
}

static int read_path(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	const char *path = field;
	int e = read_text(r, key, value, field);

	if (e == 0 && *path && *path != '/')
		return key_complain(r, "%s: %s is not an absolute path", key->name, path);
	return e;
}

static int read_name(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	if (value->type != JSON_STRING || !name_valid(value->string))
		return key_complain(r, "%s: expected 1 to %zu letters, digits, '_', '.', '-'", key->name, MIN(NAME_LEN_MAX, key->size - 1));
	return read_text(r, key, value, field);
}

static int read_hex(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	const char *text = value->type == JSON_STRING ? value->string : "", *pattern = key->pattern;
	char *out = field;

	for (; *pattern && (*pattern == 'x' ? isxdigit((unsigned char)*text) : *text == *pattern); pattern++)
		*out++ = (char)tolower((unsigned char)*text++);
	*out = '\0';
	return *pattern || *text ? key_complain(r, "%s: expected %s, with hexadecimal digits", key->name, key->pattern) : 0;
}

/* The place of VALUE among the key's words, or -EINVAL. */
static int find_word(const struct key_reader *r, const struct key *key, const struct json *value)
{
	char hint[120] = "";

	for (int i = 0; key->words[i]; i++) {
		size_t at = strlen(hint);

		if (value->type == JSON_STRING && !strcmp(value->string, key->words[i]))
			return i;
		snprintf(hint + at, sizeof(hint) - at, "%s\"%s\"", !i ? "" : key->words[i + 1] ? ", " : " or ", key->words[i]);
	}
	return key_complain(r, "%s: expected %s", key->name, hint);
}

static int read_word(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	int i = find_word(r, key, value);

	if (i >= 0)
		*(unsigned *)field = (unsigned)i;
	return MIN(i, 0);
}

static struct json *write_word(const struct key *key, const void *field)
{
	return json_new_string(key->words[*(const unsigned *)field]);
}

static int read_only(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	return MIN(find_word(r, key, value), 0);
}

static int read_text_word(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	int i = find_word(r, key, value);

	return i < 0 ? i : read_text(r, key, value, field);
}

static int read_number(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	int64_t n;

	if (value->type == JSON_INT)
		n = value->integer;
	else if (value->type != JSON_STRING || parse_u64(value->string, 0, INT64_MAX, (uint64_t *)&n) < 0)
		return key_complain(r, "%s: expected a number", key->name);
	if (n < key->min || n > key->max)
		return key_complain(r, "%s: %lld is outside %lld to %lld", key->name, (long long)n, (long long)key->min, (long long)key->max);
	*(unsigned *)field = (unsigned)n;
	return 0;
}

static struct json *write_number(const struct key *key, const void *field)
{
	return *(const unsigned *)field ? json_new_int(*(const unsigned *)field) : NULL;
}

static int read_bool(const struct key_reader *r, const struct key *key, const struct json *value, void *field)
{
	if ((value->type != JSON_BOOL && value->type != JSON_INT) || (value->integer & ~1))
		return key_complain(r, "%s: expected true or false, 1 or 0", key->name);
	*(bool *)field = value->integer;
	return 0;
}

static struct json *write_bool(const struct key *key, const void *field)
{
	return json_new_bool(*(const bool *)field);
}

const struct key_type key_text = {read_text, key_write_text}, key_path = {read_path, key_write_text}, key_name = {read_name, key_write_text},
		      key_hex = {read_hex, key_write_text}, key_text_word = {read_text_word, key_write_text}, key_word = {read_word, write_word},
		      key_number = {read_number, write_number}, key_bool = {read_bool, write_bool},
		      key_only = {read_only, NULL};

/* --- tables --- */

const struct key *key_find(const struct key *keys, unsigned who, const char *name)
{
	for (; keys->name; keys++) {
		if (!strcmp(keys->name, name) && (!keys->who || keys->who & who))
			return keys;
	}
	return NULL;
}

int key_read(const struct key_reader *r, const struct key *key, const struct json *value)
{
	return key->type->read(r, key, value, (char *)r->object + key->offset);
}

int keys_read(const struct key_reader *r, const struct key *keys, unsigned who, const char *label, const struct json *object)
{
	char detail[300];
	struct key_reader inner = {r->object, detail, sizeof(detail)};
	int e = object->type == JSON_OBJECT ? 0 : key_complain(&inner, "expected an object");

	for (const struct json *item = object->first; item && e == 0; item = item->next) {
		const struct key *key = key_find(keys, who, item->key);

		e = key ? key_read(&inner, key, item) : key_complain(&inner, "%.60s: this key is not known here", item->key);
	}
	if (e < 0)
		key_complain(r, "%s%s%s", label, *label ? ": " : "", e == -ENOMEM ? "out of memory" : detail);
	return e;
}

struct json *key_write(const struct key *key, const void *object)
{
	return key->type->write ? key->type->write(key, (const char *)object + key->offset) : NULL;
}

struct json *keys_write(const struct key *keys, const void *object)
{
	struct json *json = json_new(JSON_OBJECT);
	int r = 0;

	for (; keys->name; keys++) {
		struct json *value = key_write(keys, object);

		if (value)
			r |= json_set(json, keys->name, value);
	}
	return r < 0 ? json_free(json) : json;
}
