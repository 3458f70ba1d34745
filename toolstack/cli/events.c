// SPDX-License-Identifier: LGPL-2.1-or-later
/* `atoll events`: what happened, one line each; with --json one object a line. */
#include <string.h>

#include "cli/cli.h"

static void print_event(const struct cli *cli, const struct json *event)
{
	char when[32];

	if (cli->json) {
		AUTO_BUF struct buf out = BUF_INIT(1u << 20);

		if (json_print(event, &out, false) == 0)
			printf("%.*s\n", (int)out.len, out.data);
		return;
	}
	printf("%s.%03d  %-16s %-16s %s\n", cli_time(event, "%F %T", when), (int)(json_get_int(event, "time_ms", 0) % 1000), json_get_string(event, "name", "?"),
	       json_get_string(event, "event", "?"), json_get_string(event, "text", ""));
}

static void on_event(struct cli *cli, const char *event, const struct json *params)
{
	if (!strcmp(event, "event"))
		print_event(cli, params);
	fflush(stdout);
}

int events_print(struct cli *cli, const struct json *words)
{
	bool follow = json_get_bool(words, "follow", false);
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, "events", json_build("follow?%d", follow), &result);

	if (r != 0)
		return r;
	json_for_each(event, json_get(result, "events"))
		print_event(cli, event);
	fflush(stdout);
	cli->on_event = on_event;
	while (follow && !cli->lost && !ferror(stdout) && loop_step(cli->loop, -1) == 0)
		;
	if (cli->lost)
		fprintf(stderr, "atoll: atolld closed the connection\n");
	return cli->lost;
}
