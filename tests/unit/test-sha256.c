// SPDX-License-Identifier: LGPL-2.1-or-later
/* SHA-256 against the standard's examples and lengths around a block's end. */
#include "base/sha256.h"

#include <string.h>

#include "tap.h"

static bool is(const char *text, size_t len, const char *hex)
{
	char out[SHA256_HEX_SIZE];

	sha256_hex(text, len, out);
	return !strcmp(out, hex);
}

int main(void)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	char many[200];

	memset(many, 'a', sizeof(many));
	ok(is("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), "nothing");
	ok(is("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "one block");
	ok(is(two, strlen(two), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"), "two blocks");
	ok(is(many, 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"), "the longest that one block holds");
	ok(is(many, 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"), "a full block");
	ok(is(many, 200, "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5"), "several");
	return plan_done();
}
