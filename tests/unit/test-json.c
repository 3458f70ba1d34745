// SPDX-License-Identifier: LGPL-2.1-or-later
/* Bounded JSON: what is read, what is refused, what is printed. */
#include "base/json.h"

#include <errno.h>
#include <string.h>

#include "tap.h"

static int parse(const char *text, struct json **out)
{
	*out = NULL;
	return json_parse(text, strlen(text), out, NULL);
}

static void test_reading(void)
{
	AUTO_JSON struct json *j = NULL;
	int64_t n = -1;

	ok(parse("{\"a\":1,\"b\":[true,null,2.5],\"c\":{\"d\":\"x\"}}", &j) == 0, "an object is parsed");
	ok(json_get_int(j, "a", 0) == 1, "an integer is read");
	ok(json_count(json_get(j, "b")) == 3, "array items are counted");
	ok(!strcmp(json_get_string(json_get(j, "c"), "d", ""), "x"), "a nested string is read");
	ok(json_get_string(j, "a", NULL) == NULL, "a value of another type gives the default");
	ok(json_read_int(j, "a", 2, 9, &n) == -ERANGE && n == -1, "an integer outside its range is refused");
	ok(json_read_int(j, "zz", 0, 9, &n) == -ENOENT, "a missing integer is told from a wrong one");
	ok(json_read_int(j, "b", 0, 9, &n) == -EINVAL, "an array is no integer");
}

static void test_refusals(void)
{
	static const char *const bad[] = {"", "{", "{\"a\":}", "[1,]", "nul", "{\"a\":1}x", "\"\\u0000\"", "[99999999999999999999]", "\xff"};
	char deep[64] = "";
	struct json *j;
	char *why = NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		ok(parse(bad[i], &j) == -EINVAL && !j, "text %u that is not JSON is refused", i);
	memset(deep, '[', JSON_DEPTH_MAX + 1);
	ok(parse(deep, &j) == -E2BIG && !j, "nesting past the limit is refused");
	ok(json_parse("{\n\n:", 4, &j, &why) == -EINVAL && why && strstr(why, "line 3"), "an error names its line");
	free(why);
}

static void test_printing(void)
{
	AUTO_JSON struct json *j = json_new(JSON_OBJECT), *copy = NULL;
	AUTO_BUF struct buf out = BUF_INIT(64), again = BUF_INIT(64), small = BUF_INIT(4);

	json_set_string(j, "s", "a\"b");
	json_set_int(j, "n", -5);
	json_set_bool(j, "t", true);
	copy = json_copy(j);
	ok(json_print(j, &out, false) == 0 && buf_append(&out, "", 1) == 0 &&
		   !strcmp(out.data, "{\"s\":\"a\\\"b\",\"n\":-5,\"t\":true}"),
	   "an object is printed");
	ok(json_print(copy, &again, false) == 0 && again.len + 1 == out.len, "a copy prints the same");
	ok(json_print(j, &small, false) == -ENOSPC && small.len == 0, "a buffer's limit is kept");
	ok(json_set(NULL, "x", json_new_int(1)) == -ENOMEM, "building on nothing fails without a leak");
}

static void test_building(void)
{
	AUTO_JSON struct json *j = json_build("a=%d b=%lu on?%d off?%d s=%s none~%u empty~%s gone~%p kept~%s list=%p f=%f", -1, UINT64_MAX >> 1,
					      2, 0, "x y", 0u, "", NULL, "z", json_new(JSON_ARRAY), 0.5);
	AUTO_BUF struct buf out = BUF_INIT(256);

	json_print(j, &out, false);
	buf_append(&out, "", 1);
	ok(!strcmp(out.data, "{\"a\":-1,\"b\":9223372036854775807,\"on\":true,\"off\":false,\"s\":\"x y\",\"kept\":\"z\",\"list\":[],\"f\":0.5}"),
	   "an object is built from its keys (%s)", out.data);
	ok(json_add(j, "more=%s", "m") == 0 && !strcmp(json_get_string(j, "more", ""), "m"), "and added to");
	ok(!json_build("a=%d none=%p", 1, NULL), "a value that is missing makes it fail");
	ok(json_add(NULL, "list=%p", json_new(JSON_ARRAY)) == -ENOMEM, "there is nothing to add to without memory");
}

int main(void)
{
	test_building();
	test_reading();
	test_refusals();
	test_printing();
	return plan_done();
}
