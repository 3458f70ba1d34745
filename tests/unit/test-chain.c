// SPDX-License-Identifier: LGPL-2.1-or-later
/* The chained log: what was done to it is found. */
#include "base/chain.h"

#include <errno.h>
#include <string.h>

#include "tap.h"

#define LINES 5

static char lines[LINES][256];
static struct chain whole;

/* Follows the lines; the number of the first that breaks the chain, 0 if none does. */
static int broken(void)
{
	struct chain chain;

	chain_init(&chain);
	for (int i = 0; i < LINES; i++) {
		if (lines[i][0] && chain_follow(&chain, lines[i], strlen(lines[i])) < 0)
			return i + 1;
	}
	return strcmp(chain.head, whole.head) ? LINES + 1 : 0;
}

int main(void)
{
	char kept[256];

	chain_init(&whole);
	for (int i = 0; i < LINES; i++) {
		AUTO_BUF struct buf line = BUF_INIT(256);
		AUTO_JSON struct json *record = json_new(JSON_OBJECT);

		json_set_int(record, "number", i);
		if (chain_add(&whole, record, &line) < 0)
			return 1;
		snprintf(lines[i], sizeof(lines[i]), "%.*s", (int)line.len - 1, line.data);
	}
	ok(whole.seq == LINES && broken() == 0, "an untouched log is right");
	strcpy(kept, lines[2]);
	*strchr(lines[2], '2') = '7';
	ok(broken() == 4, "a changed line is found");
	lines[2][0] = '\0';
	ok(broken() == 4, "so is one that was taken out");
	strcpy(lines[2], lines[1]);
	ok(broken() == 3, "or put in");
	strcpy(lines[2], "rubbish");
	ok(broken() == 3, "or is none");
	strcpy(lines[2], kept);
	lines[4][0] = '\0';
	ok(broken() == LINES + 1, "a log that was cut off does not end in its head");
	return plan_done();
}
