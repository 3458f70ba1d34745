// SPDX-License-Identifier: LGPL-2.1-or-later
/* `atoll top`: the terminal. */
#include "cli/top.h"

#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>

#include "cli/cli.h"

#define REFRESH_MS 1000
#define SCREEN_MAX (256 * 1024)

struct screen {
	struct cli *cli;
	struct top top;
	struct source *keys, *tick;
	bool leave, due;
};

static void draw(struct screen *s)
{
	AUTO_BUF struct buf out = BUF_INIT(SCREEN_MAX);
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	time_t now = time(NULL);
	char clock[16];
	struct tm tm;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%T", &tm);
	if (top_render(&s->top, size.ws_row ? size.ws_row : 24, size.ws_col ? size.ws_col : 80, clock, &out) == 0)
		fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
}

static void on_tick(struct source *source, uint32_t events, void *data)
{
	struct screen *s = data;

	source_set_timer(source, REFRESH_MS);
	s->due = true;
}

/* Not from on_tick(): the answer is waited for. */
static void refresh(struct screen *s)
{
	AUTO_JSON struct json *status = NULL;

	s->due = false;
	if (cli_status(s->cli, &status) != 0)
		return;
	top_sample(&s->top, status);
	draw(s);
}

static void on_key(struct source *source, uint32_t events, void *data)
{
	struct screen *s = data;
	char key;

	if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 3 /* ^C */) {
		s->leave = true;
		return;
	}
	if (strchr("icmndr", key))
		s->top.sort = key;
	draw(s);
}

static void add_event(struct top *top, const struct json *event)
{
	char line[160], when[32];

	snprintf(line, sizeof(line), "%s %s: %s: %s", cli_time(event, "%T", when), json_get_string(event, "name", "?"), json_get_string(event, "event", "?"),
		 json_get_string(event, "text", ""));
	top_event(top, line);
}

static void on_event(struct cli *cli, const char *name, const struct json *params)
{
	if (!strcmp(name, "event"))
		add_event(cli->data, params);
}

int top_run(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *events = NULL;
	struct screen *s = calloc(1, sizeof(*s));
	struct termios old, raw;
	bool tty = tcgetattr(STDIN_FILENO, &old) == 0;
	int r;

	r = s ? cli_call(cli, "events", json_build("follow?%d", true), &events) : 1;
	if (r != 0) {
		free(s);
		return 1;
	}
	s->cli = cli;
	json_for_each(event, json_get(events, "events"))
		add_event(&s->top, event);
	cli->data = &s->top;
	cli->on_event = on_event;
	if (tty) {
		raw = old;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	printf("\033[?1049h\033[?25l\033[2J"); /* the other screen, no cursor, clear */
	if (loop_add_timer(cli->loop, 0, on_tick, s, &s->tick) == 0 && loop_add_fd(cli->loop, STDIN_FILENO, EPOLLIN, on_key, s, &s->keys) == 0) {
		while (!s->leave && !cli->lost && loop_step(cli->loop, -1) == 0) {
			if (s->due)
				refresh(s);
		}
	}
	printf("\033[?25h\033[?1049l");
	fflush(stdout);
	if (tty)
		tcsetattr(STDIN_FILENO, TCSANOW, &old);
	source_destroy(s->keys);
	source_destroy(s->tick);
	if (cli->lost)
		fprintf(stderr, "atoll: atolld closed the connection\n");
	cli_fini(cli); /* its calls have our address */
	free(s);
	return cli->lost;
}
