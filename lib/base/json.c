// SPDX-License-Identifier: LGPL-2.1-or-later
/* Bounded JSON over yajl: the parser's callbacks build a tree with a stack of bounded depth. */
#include "base/json.h"

#include <errno.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

struct parse {
	struct json *root;
	struct json *stack[JSON_DEPTH_MAX];
	unsigned depth;
	unsigned values;
	char *key; /* the name read before the next value */
	int error;
};

struct json *json_new(enum json_type type)
{
	struct json *json = calloc(1, sizeof(*json));

	if (json)
		json->type = type;
	return json;
}

struct json *json_new_string(const char *string)
{
	struct json *json = string ? json_new(JSON_STRING) : json_new(JSON_NULL);

	if (!json || !string)
		return json;
	json->string = strdup(string);
	return json->string ? json : json_free(json);
}

struct json *json_new_int(int64_t value)
{
	struct json *json = json_new(JSON_INT);

	if (json)
		json->integer = value;
	return json;
}

struct json *json_new_bool(bool value)
{
	struct json *json = json_new(JSON_BOOL);

	if (json)
		json->integer = value;
	return json;
}

struct json *json_new_double(double value)
{
	struct json *json = json_new(JSON_DOUBLE);

	if (json)
		json->number = value;
	return json;
}

/* Recursion is bounded by JSON_DEPTH_MAX for parsed values, and by our own code for built ones. */
struct json *json_free(struct json *json)
{
	if (!json)
		return NULL;
	for (struct json *item = json->first, *next; item; item = next) {
		next = item->next;
		json_free(item);
	}
	free(json->key);
	free(json->string);
	free(json);
	return NULL;
}

void json_auto(struct json **json)
{
	json_free(*json);
}

static void link_last(struct json *parent, struct json *value)
{
	if (parent->last)
		parent->last->next = value;
	else
		parent->first = value;
	parent->last = value;
}

int json_append(struct json *array, struct json *value)
{
	if (!array || !value) {
		json_free(value);
		return -ENOMEM;
	}
	link_last(array, value);
	return 0;
}

int json_set(struct json *object, const char *key, struct json *value)
{
	if (!object || !value || !(value->key = strdup(key))) {
		json_free(value);
		return -ENOMEM;
	}
	link_last(object, value);
	return 0;
}

/* The value of a conversion; *NONE: 0, "" or NULL. */
static struct json *take_value(const char **fmt, bool boolean, va_list *ap, bool *none)
{
	bool wide = **fmt == 'l';
	char type = (*fmt += wide + 1)[-1];
	struct json *json;
	const char *string;
	int64_t n;

	if (type == 'p') {
		json = va_arg(*ap, struct json *);
		*none = !json;
		return json;
	}
	if (type == 's') {
		string = va_arg(*ap, const char *);
		*none = !string || !*string;
		return json_new_string(string);
	}
	if (type == 'f')
		return json_new_double(va_arg(*ap, double));
	n = wide ? va_arg(*ap, int64_t) : type == 'd' ? va_arg(*ap, int) : (int64_t)va_arg(*ap, unsigned);
	*none = !n;
	return boolean ? json_new_bool(n) : json_new_int(n);
}

static int add(struct json *object, const char *fmt, va_list *ap)
{
	int r = object ? 0 : -ENOMEM;

	while (*(fmt += strspn(fmt, " "))) {
		size_t len = strcspn(fmt, "=?~");
		char how = fmt[len], key[64];
		bool none = false;
		struct json *value;

		snprintf(key, sizeof(key), "%.*s", (int)len, fmt);
		fmt += len + 2; /* "=%" */
		value = take_value(&fmt, how == '?', ap, &none);
		if (how == '~' && none)
			json_free(value);
		else
			r |= json_set(object, key, value);
	}
	return r < 0 ? -ENOMEM : 0;
}

int json_add(struct json *object, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = add(object, fmt, &ap);
	va_end(ap);
	return r;
}

struct json *json_build(const char *fmt, ...)
{
	struct json *object = json_new(JSON_OBJECT);
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = add(object, fmt, &ap);
	va_end(ap);
	return r < 0 ? json_free(object) : object;
}

struct json *json_copy(const struct json *json)
{
	struct json *copy;

	if (!json)
		return NULL;
	copy = json_new(json->type);
	if (!copy)
		return NULL;
	copy->integer = json->integer;
	copy->number = json->number;
	if (json->string && !(copy->string = strdup(json->string)))
		return json_free(copy);
	json_for_each(item, json) {
		struct json *child = json_copy(item);
		int r = item->key ? json_set(copy, item->key, child) : json_append(copy, child);

		if (r < 0)
			return json_free(copy);
	}
	return copy;
}

/* --- parsing --- */

static int add_value(struct parse *parse, struct json *value)
{
	struct json *parent = parse->depth ? parse->stack[parse->depth - 1] : NULL;

	if (!value) {
		parse->error = -ENOMEM;
		return 0;
	}
	if (++parse->values > JSON_VALUES_MAX) {
		json_free(value);
		parse->error = -E2BIG;
		return 0;
	}
	value->key = TAKE_PTR(parse->key);
	if (parent)
		link_last(parent, value);
	else
		parse->root = value;
	return 1;
}

static int on_null(void *ctx)
{
	return add_value(ctx, json_new(JSON_NULL));
}

static int on_bool(void *ctx, int value)
{
	return add_value(ctx, json_new_bool(value));
}

static int on_integer(void *ctx, long long value)
{
	return add_value(ctx, json_new_int(value));
}

static int on_double(void *ctx, double value)
{
	return add_value(ctx, json_new_double(value));
}

/* yajl has decoded escapes: a NUL from \u0000 would silently shorten the string. */
static char *copy_text(struct parse *parse, const unsigned char *text, size_t len)
{
	char *copy = memchr(text, 0, len) ? NULL : strndup((const char *)text, len);

	if (!copy)
		parse->error = -EINVAL;
	return copy;
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	char *copy = copy_text(ctx, text, len);
	struct json *value;

	if (!copy)
		return 0;
	value = json_new(JSON_STRING);
	if (value)
		value->string = copy;
	else
		free(copy);
	return add_value(ctx, value);
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parse *parse = ctx;

	parse->key = copy_text(parse, text, len);
	return parse->key != NULL;
}

static int push(struct parse *parse, enum json_type type)
{
	struct json *value;

	if (parse->depth == JSON_DEPTH_MAX) {
		parse->error = -E2BIG;
		return 0;
	}
	value = json_new(type);
	if (!add_value(parse, value))
		return 0;
	parse->stack[parse->depth++] = value;
	return 1;
}

static int on_start_map(void *ctx)
{
	return push(ctx, JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
	return push(ctx, JSON_ARRAY);
}

static int on_end(void *ctx)
{
	((struct parse *)ctx)->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_integer = on_integer,
	.yajl_double = on_double,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

static void explain(yajl_handle handle, const char *text, size_t len, int error, char **why)
{
	if (!why)
		return;
	if (error == -E2BIG) {
		if (asprintf(why, "more than %d values or %d levels", JSON_VALUES_MAX, JSON_DEPTH_MAX) < 0)
			*why = NULL;
	} else {
		unsigned line = 1;
		size_t at = yajl_get_bytes_consumed(handle);

		for (size_t i = 0; i < MIN(at, len); i++)
			line += text[i] == '\n';
		if (asprintf(why, "not valid JSON near line %u", line) < 0)
			*why = NULL;
	}
}

int json_parse(const char *text, size_t len, struct json **out, char **why)
{
	struct parse parse = {0};
	yajl_handle handle = yajl_alloc(&callbacks, NULL, &parse);
	int r = 0;

	if (why)
		*why = NULL;
	if (!handle)
		return -ENOMEM;
	if (yajl_parse(handle, (const unsigned char *)text, len) != yajl_status_ok ||
	    yajl_complete_parse(handle) != yajl_status_ok || !parse.root)
		r = parse.error ? parse.error : -EINVAL;
	if (r < 0) {
		explain(handle, text, len, r, why);
		json_free(parse.root);
	} else {
		*out = parse.root;
	}
	free(parse.key);
	yajl_free(handle);
	return r;
}

/* --- reading --- */

const struct json *json_get(const struct json *object, const char *key)
{
	if (!object || object->type != JSON_OBJECT)
		return NULL;
	json_for_each(item, object) {
		if (!strcmp(item->key, key))
			return item;
	}
	return NULL;
}

const char *json_get_string(const struct json *object, const char *key, const char *fallback)
{
	const struct json *value = json_get(object, key);

	return value && value->type == JSON_STRING ? value->string : fallback;
}

int64_t json_get_int(const struct json *object, const char *key, int64_t fallback)
{
	const struct json *value = json_get(object, key);

	return value && value->type == JSON_INT ? value->integer : fallback;
}

bool json_get_bool(const struct json *object, const char *key, bool fallback)
{
	const struct json *value = json_get(object, key);

	return value && value->type == JSON_BOOL ? value->integer : fallback;
}

int json_read_int(const struct json *object, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const struct json *value = json_get(object, key);

	if (!value)
		return -ENOENT;
	if (value->type != JSON_INT)
		return -EINVAL;
	if (value->integer < min || value->integer > max)
		return -ERANGE;
	*out = value->integer;
	return 0;
}

size_t json_count(const struct json *json)
{
	size_t n = 0;

	json_for_each(item, json)
		n++;
	return n;
}

/* --- printing --- */

static yajl_gen_status print_value(yajl_gen gen, const struct json *json)
{
	yajl_gen_status s;

	switch (json->type) {
	case JSON_NULL:
		return yajl_gen_null(gen);
	case JSON_BOOL:
		return yajl_gen_bool(gen, json->integer != 0);
	case JSON_INT:
		return yajl_gen_integer(gen, json->integer);
	case JSON_DOUBLE:
		return yajl_gen_double(gen, json->number);
	case JSON_STRING:
		return yajl_gen_string(gen, (const unsigned char *)json->string, strlen(json->string));
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	s = json->type == JSON_ARRAY ? yajl_gen_array_open(gen) : yajl_gen_map_open(gen);
	json_for_each(item, json) {
		if (s == yajl_gen_status_ok && json->type == JSON_OBJECT)
			s = yajl_gen_string(gen, (const unsigned char *)item->key, strlen(item->key));
		if (s == yajl_gen_status_ok)
			s = print_value(gen, item);
		if (s != yajl_gen_status_ok)
			return s;
	}
	return json->type == JSON_ARRAY ? yajl_gen_array_close(gen) : yajl_gen_map_close(gen);
}

int json_print(const struct json *json, struct buf *out, bool pretty)
{
	yajl_gen gen = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t len;
	int r = -EINVAL;

	if (!gen)
		return -ENOMEM;
	yajl_gen_config(gen, yajl_gen_beautify, pretty);
	yajl_gen_config(gen, yajl_gen_indent_string, "  ");
	yajl_gen_config(gen, yajl_gen_validate_utf8, 1);
	if (json && print_value(gen, json) == yajl_gen_status_ok && yajl_gen_get_buf(gen, &text, &len) == yajl_gen_status_ok)
		r = buf_append(out, text, len);
	yajl_gen_free(gen);
	return r;
}
