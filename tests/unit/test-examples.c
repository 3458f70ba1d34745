// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Descriptions of hosts and guests in documents are accepted: each block of a page's ``` lines, or of lines with four spaces before
 * them, that looks like one. What the commands of documents may be is in examples.sh.
 */
#include <string.h>

#include "base/buf.h"
#include "config/guest.h"
#include "config/host.h"

#include "tap.h"

#define FILE_MAX (1u << 20)
#define BLOCK_MAX (64u << 10)

static unsigned found;

static void try_block(const char *file, unsigned line, struct buf *block)
{
	struct host_config host;
	struct guest_config guest;
	char why[300] = "";
	int r;

	buf_append(block, "", 1);
	if (strstr(block->data, "\"services\"")) {
		r = host_config_parse(block->data, block->len - 1, &host, why, sizeof(why));
		if (r == 0)
			host_config_fini(&host);
	} else if (strstr(block->data, "name") && strstr(block->data, "kernel") && strstr(block->data, "type")) {
		r = guest_config_parse(block->data, block->len - 1, &guest, why, sizeof(why));
	} else {
		return;
	}
	found++;
	if (!ok(r == 0, "%s:%u: the %s there is accepted", file, line, strstr(block->data, "\"services\"") ? "host" : "guest"))
		printf("# %s\n", why);
}

static void try_file(const char *dir, const char *file)
{
	AUTO_BUF struct buf block = BUF_INIT(BLOCK_MAX);
	AUTO_FREE char *text = NULL;
	char path[512];
	bool fenced = false;
	unsigned n = 0, first = 0;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (!ok(read_file(path, FILE_MAX, &text, &len) == 0, "%s can be read", file))
		return;
	for (char *line = text, *next; line; line = next) {
		bool fence = !strncmp(line, "```", 3), in;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		n++;
		fenced ^= fence;
		in = !fence && (fenced || !strncmp(line, "    ", 4));
		if (in && !block.len)
			first = n;
		if (in)
			buf_printf(&block, "%s\n", line + (fenced ? 0 : 4));
		if (block.len && (!in || !next)) {
			try_block(file, first, &block);
			block.len = 0;
		}
	}
}

int main(void)
{
	static const char *const files[] = {"README.md", "docs/tutorial.md", "docs/atoll-guest.5.scd", "docs/atoll-host.json.5.scd"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		try_file(SOURCE, files[i]);
	ok(found >= 4, "%u descriptions were found", found);
	return plan_done();
}
