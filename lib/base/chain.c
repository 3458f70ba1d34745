// SPDX-License-Identifier: LGPL-2.1-or-later
/* A log whose lines are chained. */
#include "base/chain.h"

#include <errno.h>
#include <string.h>

void chain_init(struct chain *chain)
{
	*chain = (struct chain){0};
	memset(chain->head, '0', SHA256_HEX_SIZE - 1);
}

int chain_add(struct chain *chain, struct json *record, struct buf *line)
{
	size_t start = line->len;
	int r = json_set_int(record, "seq", (int64_t)chain->seq + 1);

	if (r == 0)
		r = json_set_string(record, "prev", chain->head);
	if (r == 0)
		r = json_print(record, line, false);
	if (r < 0)
		return r;
	while (line->len > start && line->data[line->len - 1] == '\n')
		line->len--;
	chain->seq++;
	sha256_hex(line->data + start, line->len - start, chain->head);
	return buf_append(line, "\n", 1);
}

int chain_follow(struct chain *chain, const char *line, size_t len)
{
	AUTO_JSON struct json *record = NULL;
	int64_t seq;

	if (len > CHAIN_LINE_MAX || json_parse(line, len, &record, NULL) < 0 || json_read_int(record, "seq", 1, INT64_MAX, &seq) < 0)
		return -EINVAL;
	if (chain->seq && ((uint64_t)seq != chain->seq + 1 || strcmp(json_get_string(record, "prev", ""), chain->head)))
		return -EBADMSG;
	chain->seq = (uint64_t)seq;
	sha256_hex(line, len, chain->head);
	return 0;
}
