// SPDX-License-Identifier: LGPL-2.1-or-later
/* The syntax of xl.cfg(5) files, by recursive descent over bounded text. */
#include "config/xlcfg.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct scanner {
	const char *at, *end;
	unsigned line;
	char why[160];
};

static int fail(struct scanner *s, int error, const char *text)
{
	snprintf(s->why, sizeof(s->why), "line %u: %s", s->line, text);
	return error;
}

static int peek(const struct scanner *s)
{
	return s->at < s->end ? (unsigned char)*s->at : -1;
}

/* Blanks and comments; newlines too where they mean nothing (inside lists and between settings). */
static void skip(struct scanner *s, bool newlines)
{
	for (;;) {
		int c = peek(s);

		if (c == '#') {
			while (peek(s) != -1 && peek(s) != '\n')
				s->at++;
		} else if (c == '\n' && newlines) {
			s->line++;
			s->at++;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			s->at++;
		} else {
			return;
		}
	}
}

static int scan_string(struct scanner *s, struct json **out)
{
	char quote = *s->at++;
	const char *start = s->at;
	AUTO_FREE char *copy = NULL;

	while (s->at < s->end && *s->at != quote && *s->at != '\n')
		s->at++;
	if (peek(s) != quote)
		return fail(s, -EINVAL, "a string without its closing quote");
	if (memchr(start, 0, (size_t)(s->at - start)))
		return fail(s, -EINVAL, "a string with a NUL byte");
	copy = strndup(start, (size_t)(s->at - start));
	s->at++;
	*out = copy ? json_new_string(copy) : NULL;
	return *out ? 0 : -ENOMEM;
}

static int scan_number(struct scanner *s, struct json **out)
{
	char text[24], *end;
	size_t n = 0;
	long long value;

	while (s->at < s->end && (isalnum((unsigned char)*s->at) || *s->at == '-') && n < sizeof(text) - 1)
		text[n++] = *s->at++;
	text[n] = '\0';
	errno = 0;
	value = strtoll(text, &end, 0);
	if (errno || end == text || *end)
		return fail(s, -EINVAL, "a value that is no number; text needs quotes");
	*out = json_new_int(value);
	return *out ? 0 : -ENOMEM;
}

static int scan_value(struct scanner *s, unsigned depth, struct json **out);

static int scan_list(struct scanner *s, unsigned depth, struct json **out)
{
	AUTO_JSON struct json *list = json_new(JSON_ARRAY);
	unsigned count = 0;

	if (!list)
		return -ENOMEM;
	if (depth == XLCFG_DEPTH_MAX)
		return fail(s, -E2BIG, "lists nested too deeply");
	s->at++;
	for (;;) {
		struct json *item = NULL;
		int r;

		skip(s, true);
		if (peek(s) == ']')
			break;
		if (++count > XLCFG_LIST_MAX)
			return fail(s, -E2BIG, "a list with more than 256 items");
		r = scan_value(s, depth + 1, &item);
		if (r < 0)
			return r;
		json_append(list, item);
		skip(s, true);
		if (peek(s) == ',')
			s->at++;
		else if (peek(s) != ']')
			return fail(s, -EINVAL, "a list needs ',' or ']' after an item");
	}
	s->at++;
	*out = TAKE_PTR(list);
	return 0;
}

static int scan_value(struct scanner *s, unsigned depth, struct json **out)
{
	int c = peek(s);

	if (c == '"' || c == '\'')
		return scan_string(s, out);
	if (c == '[')
		return scan_list(s, depth, out);
	return scan_number(s, out);
}

static void json_replace(struct json *object, const char *key, struct json *value)
{
	for (struct json *item = object->first; item; item = item->next) {
		struct json old = *item;

		if (strcmp(item->key, key))
			continue;
		/* the new value's contents move into the old place */
		*item = *value;
		item->key = old.key;
		item->next = old.next;
		*value = (struct json){.type = old.type, .first = old.first, .string = old.string};
		json_free(value);
		return;
	}
	json_set(object, key, value);
}

static int scan_setting(struct scanner *s, struct json *object)
{
	char key[64];
	size_t n = 0;
	struct json *value = NULL;
	int r;

	while (s->at < s->end && (isalnum((unsigned char)*s->at) || *s->at == '_') && n < sizeof(key) - 1)
		key[n++] = *s->at++;
	key[n] = '\0';
	skip(s, false);
	if (!n || peek(s) != '=')
		return fail(s, -EINVAL, "expected `key = value`");
	s->at++;
	skip(s, false);
	r = scan_value(s, 0, &value);
	if (r < 0)
		return r;
	json_replace(object, key, value);
	skip(s, false);
	if (peek(s) != -1 && peek(s) != '\n' && peek(s) != ';')
		return fail(s, -EINVAL, "text after the value");
	if (peek(s) == ';')
		s->at++;
	return 0;
}

int xlcfg_parse(const char *text, size_t len, struct json **out, char **why)
{
	struct scanner s = {.at = text, .end = text + len, .line = 1};
	AUTO_JSON struct json *object = json_new(JSON_OBJECT);
	unsigned keys = 0;
	int r = object ? 0 : -ENOMEM;

	*why = NULL;
	while (r == 0) {
		skip(&s, true);
		if (peek(&s) == -1)
			break;
		r = ++keys > XLCFG_KEYS_MAX ? fail(&s, -E2BIG, "more than 256 settings") : scan_setting(&s, object);
	}
	if (r < 0) {
		*why = strdup(s.why[0] ? s.why : "out of memory");
		return r;
	}
	*out = TAKE_PTR(object);
	return 0;
}
