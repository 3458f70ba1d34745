// SPDX-License-Identifier: LGPL-2.1-or-later
/* The head of a saved guest. */
#include "config/savefile.h"

#include <errno.h>
#include <string.h>

static const char magic[8] = {'A', 'T', 'O', 'L', 'L', 'S', 'A', 'V'};

static void put32(unsigned char *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (unsigned char)(value >> 8 * i);
}

static uint32_t get32(const unsigned char *in)
{
	return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

int savefile_write(const struct json *config, struct buf *out)
{
	AUTO_BUF struct buf text = BUF_INIT(SAVE_CONFIG_MAX);
	unsigned char head[SAVE_HEAD_SIZE];
	int r = json_print(config, &text, false);

	if (r < 0)
		return r;
	memcpy(head, magic, sizeof(magic));
	put32(head + 8, SAVE_VERSION);
	put32(head + 12, (uint32_t)text.len);
	r = buf_append(out, head, sizeof(head));
	return r < 0 ? r : buf_append(out, text.data, text.len);
}

int savefile_head(const unsigned char head[SAVE_HEAD_SIZE])
{
	if (memcmp(head, magic, sizeof(magic)))
		return -EINVAL;
	if (get32(head + 8) != SAVE_VERSION)
		return -ENOTSUP;
	return get32(head + 12) > SAVE_CONFIG_MAX ? -EFBIG : (int)get32(head + 12);
}

int savefile_config(const char *text, size_t len, struct json **config)
{
	int r = json_parse(text, len, config, NULL);

	return r < 0 && r != -ENOMEM ? -EINVAL : r;
}
