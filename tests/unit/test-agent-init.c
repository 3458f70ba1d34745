// SPDX-License-Identifier: LGPL-2.1-or-later
/* The agent's list of modules and its kernel command line. */
#include <errno.h>
#include <string.h>

#include "agent/init.h"
#include "tap.h"

static bool is(const char *text, const char *path, const char *args)
{
	char line[64];
	const char *p, *a;

	snprintf(line, sizeof(line), "%s", text);
	return module_parse(line, &p, &a) && !strcmp(p, path) && !strcmp(a, args);
}

static void test_modules(void)
{
	char path[] = "/tmp/atoll-modules-XXXXXX", line[] = "# x", none[] = " ";
	const char *p, *a;
	int fd = mkstemp(path);

	ok(is("/m/xen-netback.ko max_queues=4 tx=1", "/m/xen-netback.ko", "max_queues=4 tx=1"), "a module and its parameters");
	ok(is("  /m/bridge.ko  \r", "/m/bridge.ko", "") && is("/b.ko.xz", "/b.ko.xz", ""), "blanks around a line are dropped");
	ok(!module_parse(line, &p, &a) && !module_parse(none, &p, &a) && !module_parse(none + 1, &p, &a), "comments and empty lines are no modules");
	ok(fd >= 0 && dprintf(fd, "/nonexistent/a.ko\n\n/nonexistent/b.ko\n") > 0 && modules_load(path) == 0, "absent modules do not fail the list");
	unlink(path);
	close(fd);
	ok(modules_load(path) == -ENOENT, "an absent list is reported");
}

static void test_cmdline(void)
{
	const char *line = "root=/dev/ram0 atoll.role=net quiet atoll.name=net0\n";
	char out[8];

	ok(cmdline_get(line, "atoll.role", out, sizeof(out)) == 0 && !strcmp(out, "net"), "a value is found");
	ok(cmdline_get(line, "atoll.name", out, sizeof(out)) == 0 && !strcmp(out, "net0"), "the newline ends the last one");
	ok(cmdline_get(line, "quiet", out, sizeof(out)) == -ENOENT, "a word without = has no value");
	ok(cmdline_get(line, "role", out, sizeof(out)) == -ENOENT, "a key is a whole word");
	ok(cmdline_get("a=1 a=2", "a", out, sizeof(out)) == 0 && !strcmp(out, "2"), "the last one counts");
	ok(cmdline_get("a=12345678", "a", out, sizeof(out)) == -ENAMETOOLONG, "a value that is too long is refused");
	ok(cmdline_get("a=", "a", out, sizeof(out)) == 0 && !out[0], "a value may be empty");
}

int main(void)
{
	test_modules();
	test_cmdline();
	return plan_done();
}
