// SPDX-License-Identifier: LGPL-2.1-or-later
/* docs/xlcfg.md says what the table of keys says. `test-xlcfg-doc --print > docs/xlcfg.md` writes it anew. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "config/guest.h"

#include "tap.h"

#define DOC_MAX 65536

static void add(struct buf *out, const char *title, const char *column)
{
	buf_printf(out, "\n## %s\n\n| key | %s |\n|---|---|\n", title, column);
}

static void add_others(struct buf *out, bool ignored)
{
	for (const struct guest_other_keys *keys = guest_other_keys; keys->names; keys++) {
		if (keys->ignored != ignored)
			continue;
		buf_printf(out, "| `");
		for (const char *c = keys->names; *c; c++)
			buf_printf(out, *c == ' ' ? "`, `" : "%c", *c);
		buf_printf(out, "` | %s |\n", keys->text);
	}
}

static void document(struct buf *out)
{
	static const char head[] =
		"# Keys of xl.cfg(5)\n\nMade from the tables in `toolstack/config/guest.c` by `build/tests/test-xlcfg-doc --print`; the unit test "
		"`xlcfg-doc` fails when\nthe two differ. JSON descriptions have the same keys. What a key's value may be is in atoll-guest(5).\n";

	buf_append(out, head, strlen(head));
	add(out, "Supported", "what it is");
	for (const struct key *key = guest_keys; key->name; key++)
		buf_printf(out, "| `%s` | %s |\n", key->name, key->text);
	add(out, "Ignored, with a warning", "why");
	add_others(out, true);
	add(out, "Refused", "why not, or what instead");
	add_others(out, false);
}

int main(int argc, char **argv)
{
	AUTO_BUF struct buf out = BUF_INIT(DOC_MAX);
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	bool twice = false;

	document(&out);
	if (argc > 1 && !strcmp(argv[1], "--print"))
		return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
	for (const struct key *key = guest_keys; key->name; key++) {
		twice |= key_find(key + 1, 0, key->name) != NULL;
		for (const struct guest_other_keys *keys = guest_other_keys; keys->names; keys++)
			twice |= guest_other_key(keys, key->name);
	}
	ok(!twice, "a key is read by one line, and by no other");
	ok(read_file(DOCS_DIR "/xlcfg.md", DOC_MAX, &text, &len) == 0 && len == out.len && !memcmp(text, out.data, len),
	   "docs/xlcfg.md is current (else: build/tests/test-xlcfg-doc --print > docs/xlcfg.md)");
	return plan_done();
}
