// SPDX-License-Identifier: LGPL-2.1-or-later
/* Text of guests on a person's terminal. */
#include <string.h>

#include "base/util.h"
#include "tap.h"

static const char *harmless(const char *text)
{
	static char out[64];

	snprintf(out, sizeof(out), "%s", text);
	make_harmless(out, strlen(out));
	return out;
}

static const char *line(const char *text)
{
	static char out[64];

	snprintf(out, sizeof(out), "%s", text);
	make_line(out);
	return out;
}

int main(void)
{
	ok(!strcmp(harmless("plain\ttext\n"), "plain\ttext\n"), "plain text stays as it is");
	ok(!strcmp(harmless("\033]0;title\007\033[2J"), "?]0;title??[2J"), "escape sequences lose their escape");
	ok(!strcmp(harmless("line\r\nrm -rf\rls"), "line\r\nrm -rf?ls"), "a carriage return cannot hide what stands before it");
	ok(!strcmp(harmless("\xc2\x9b"
			    "31m"),
		   "??31m"),
	   "the control characters of UTF-8 are none either");
	ok(!strcmp(harmless("gr\xc3\xbc\xc3\x9f\x7f"), "gr\xc3\xbc\xc3\x9f?"), "letters beyond ASCII stay");
	ok(!strcmp(line("disk0: \033[2Jgone\r\nall is well"), "disk0: ?[2Jgone??all is well"), "a line stays one line");
	ok(!strcmp(line("\x9b\xc2\x9b\x7f~"), "????~"), "and has only what is printable");
	return plan_done();
}
