// SPDX-License-Identifier: LGPL-2.1-or-later
/* `atoll console`: a terminal on a domain's console. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <termios.h>

#include "base/base64.h"
#include "cli/cli.h"

#define ESCAPE_KEY 0x1d /* ^] */

static void write_all(const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

static void on_event(struct cli *cli, const char *event, const struct json *params)
{
	const char *text = json_get_string(params, "data", "");
	AUTO_FREE unsigned char *bytes = malloc(strlen(text) + 1);
	ssize_t n;

	if (strcmp(event, "console.output") || !bytes)
		return;
	n = base64_decode(text, bytes, strlen(text) + 1);
	if (n > 0)
		write_all(bytes, (size_t)n);
}

struct terminal {
	struct cli *cli;
	const char *name;
	struct source *source;
	bool leave;
};

static void on_sent(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	if (error)
		fprintf(stderr, "\r\natoll: %s\r\n", error->message);
}

static void on_key(struct source *source, uint32_t events, void *data)
{
	struct terminal *t = data;
	char keys[512], text[700];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n <= 0 || memchr(keys, ESCAPE_KEY, (size_t)n)) {
		t->leave = true;
		return;
	}
	base64_encode(keys, (size_t)n, text, sizeof(text));
	if (t->cli->rpc)
		rpc_call(t->cli->rpc, "console.input", json_build("name=%s data=%s", t->name, text), 0, on_sent, NULL);
}

int console_attach(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *result = NULL;
	const char *name = json_get_string(words, "name", "");
	bool watch = json_get_bool(words, "watch", false);
	struct terminal t = {.cli = cli, .name = name};
	struct termios old, raw;
	bool tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;

	cli->on_event = on_event;
	if (cli_call(cli, "console.attach", json_copy(words), &result) != 0)
		return 1;
	if (tty) {
		raw = old;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
		fprintf(stderr, "%s %s; ^] leaves.\r\n", json_get_bool(result, "writes", true) ? "Attached to"
			: watch ? "Watching" : "Another client writes, so you watch", name);
	}
	if (loop_add_fd(cli->loop, STDIN_FILENO, EPOLLIN, on_key, &t, &t.source) < 0)
		t.source = NULL; /* standard input is a file: watch only */
	while (!t.leave && !cli->lost && loop_step(cli->loop, -1) == 0)
		;
	source_destroy(t.source);
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSANOW, &old);
		fprintf(stderr, "\n");
	}
	if (cli->lost)
		fprintf(stderr, "atoll: atolld closed the connection\n");
	return cli->lost ? 1 : 0;
}
