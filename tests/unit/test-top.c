// SPDX-License-Identifier: LGPL-2.1-or-later
/* Rates and the screen of `atoll top`. */
#include "cli/top.h"

#include <string.h>

#include "tap.h"

static void take(struct top *top, const char *text)
{
	AUTO_JSON struct json *json = NULL;

	if (json_parse(text, strlen(text), &json, NULL) < 0)
		exit(1);
	top_sample(top, json);
}

/* The screen without colours, and the width in characters of its widest line. */
static char *plain(struct top *top, unsigned rows, unsigned columns, unsigned *lines, unsigned *widest)
{
	static char text[32768];
	struct buf out AUTO_BUF = BUF_INIT(sizeof(text) - 1);
	unsigned width = 0;
	char *to = text;

	*lines = 1;
	*widest = 0;
	if (top_render(top, rows, columns, "12:00:00", &out) != 0)
		return NULL;
	for (size_t i = 0; i < out.len; i++) {
		if (out.data[i] == '\033') {
			while (!strchr("mHKJhl", out.data[++i]))
				;
			continue;
		}
		*to++ = out.data[i];
		*lines += out.data[i] == '\n';
		width = out.data[i] == '\n' || out.data[i] == '\r' ? 0 : width + ((out.data[i] & 0xc0) != 0x80);
		*widest = MAX(*widest, width);
	}
	*to = '\0';
	return text;
}

int main(void)
{
	static struct top top;
	unsigned lines, widest;
	const char *screen;

	take(&top, "{\"up\":true,\"domains\":[{\"name\":\"net0\",\"domid\":3,\"state\":\"running\",\"health\":\"ok\",\"cpu_ms\":1000,"
		   "\"sampled_ms\":10000,\"restarts\":0},{\"name\":\"alpha\",\"domid\":32,\"state\":\"running\",\"health\":\"ok\",\"cpu_ms\":0,"
		   "\"sampled_ms\":10000,\"devices\":[{\"kind\":\"vif\",\"read_bytes\":0},{\"kind\":\"vbd\",\"written_bytes\":1048576}]}]}");
	ok(top.count == 2 && top.rows[0].cpu == 0, "one sample tells no rate");
	take(&top, "{\"up\":true,\"domains\":[{\"name\":\"net0\",\"domid\":3,\"state\":\"running\",\"health\":\"slow\",\"why\":\"net0 is slow\","
		   "\"cpu_ms\":1500,\"sampled_ms\":12000,\"restarts\":2,\"last_outage\":{\"total_ms\":12345}},{\"name\":\"alpha\",\"domid\":32,"
		   "\"state\":\"running\",\"health\":\"ok\",\"cpu_ms\":1800,\"sampled_ms\":12000,\"memory_kib\":98304,\"devices\":[{\"kind\":"
		   "\"vif\",\"read_bytes\":20480},{\"kind\":\"vbd\",\"written_bytes\":3145728}]}]}");
	ok(top.rows[0].cpu == 25 && top.rows[1].cpu == 90, "two samples tell the share of a processor");
	ok(top.rows[1].net == 10 && top.rows[1].disk == 1024, "and what devices move in a second");
	take(&top, "{\"up\":true,\"domains\":[{\"name\":\"net0\",\"domid\":3,\"state\":\"running\",\"health\":\"slow\",\"why\":\"net0 is slow\","
		   "\"cpu_ms\":10,\"sampled_ms\":14000,\"restarts\":2,\"last_outage\":{\"total_ms\":12345}},{\"name\":\"alpha\",\"domid\":32,"
		   "\"state\":\"running\",\"health\":\"ok\",\"cpu_ms\":1800,\"sampled_ms\":12000}]}");
	ok(top.rows[0].cpu == 25 && top.rows[1].cpu == 90, "a counter that began anew and a sample seen before change no rate");
	top_event(&top, "an event");
	screen = plain(&top, 24, 80, &lines, &widest);
	ok(screen && lines == 24, "24 lines are filled (%u)", lines);
	ok(widest <= 80, "80 columns hold them (%u)", widest);
	ok(strstr(screen, "12.3 s") && strstr(screen, "net0 is slow") && strstr(screen, "an event"), "outages, reasons and events are there");
	ok(strstr(screen, "net0") < strstr(screen, "alpha"), "domids count up");
	top.sort = 'c';
	screen = plain(&top, 24, 80, &lines, &widest);
	ok(strstr(screen, "alpha") < strstr(screen, "net0 "), "or the busiest comes first");
	for (unsigned i = 0; i < 30; i++)
		top_event(&top, "a flood of events, each of them far longer than any terminal, and nobody knows why, but it goes on and on and on");
	plain(&top, 24, 80, &lines, &widest);
	ok(lines == 24 && widest <= 80, "long events are cut (%u lines of %u)", lines, widest);
	plain(&top, 50, 200, &lines, &widest);
	ok(lines == 50 && widest <= 200, "a large terminal is filled (%u lines of %u)", lines, widest);
	take(&top, "{\"domains\":[]}");
	ok(top.count == 0 && plain(&top, 24, 80, &lines, &widest) && lines == 24, "domains that went are not shown");
	return plan_done();
}
