// SPDX-License-Identifier: LGPL-2.1-or-later
/* The head of a saved guest. */
#include <errno.h>
#include <string.h>

#include "config/savefile.h"

#include "tap.h"

int main(void)
{
	AUTO_BUF struct buf out = BUF_INIT(SAVE_HEAD_SIZE + SAVE_CONFIG_MAX);
	AUTO_JSON struct json *config = json_new(JSON_OBJECT);
	AUTO_JSON struct json *again = NULL;
	unsigned char head[SAVE_HEAD_SIZE];
	struct json *none = NULL;
	int len;

	json_set_string(config, "name", "web");
	ok(savefile_write(config, &out) == 0, "a head is written");
	memcpy(head, out.data, sizeof(head));
	len = savefile_head(head);
	ok(len > 0 && (size_t)len == out.len - SAVE_HEAD_SIZE, "its length is that of the description");
	ok(savefile_config(out.data + SAVE_HEAD_SIZE, (size_t)len, &again) == 0 && !strcmp(json_get_string(again, "name", ""), "web"),
	   "the description reads back");
	head[8] = 2;
	ok(savefile_head(head) == -ENOTSUP, "another version is told apart");
	head[8] = 1;
	head[15] = 0x80;
	ok(savefile_head(head) == -EFBIG, "a length beyond the limit is refused");
	head[0] = 'x';
	ok(savefile_head(head) == -EINVAL, "another file is refused");
	ok(savefile_config("{\"name\":", 8, &none) == -EINVAL && !none, "a broken description is refused");
	return plan_done();
}
