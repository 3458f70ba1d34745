// SPDX-License-Identifier: LGPL-2.1-or-later
/* The agent's list of modules and its kernel command line. */
#include <errno.h>
#include <string.h>

#include "agent/init.h"
#include "agent/modules.h"
#include "tap.h"

static struct modules modules;

static void parse(const char *text)
{
	modules_parse(&modules, text, strlen(text));
}

static void test_modules(void)
{
	char name[32];

	parse("# comment\n\n/lib/m/xen-netback.ko max_queues=4 separate_tx_rx_irq=1\n  /lib/m/bridge.ko  \r\n/a/b.ko.xz");
	ok(modules.count == 3 && modules.skipped == 0, "three modules, comments and empty lines are no modules");
	ok(!strcmp(modules.list[0].path, "/lib/m/xen-netback.ko"), "the path ends at the first blank");
	ok(!strcmp(modules.list[0].args, "max_queues=4 separate_tx_rx_irq=1"), "the rest of the line are parameters");
	ok(!strcmp(modules.list[1].path, "/lib/m/bridge.ko") && !modules.list[1].args[0], "blanks around a line are dropped");
	ok(!strcmp(modules.list[2].path, "/a/b.ko.xz"), "the last line needs no newline");
	module_name(&modules.list[0], name, sizeof(name));
	ok(!strcmp(name, "xen_netback"), "a module's name has underscores");
	module_name(&modules.list[2], name, sizeof(name));
	ok(!strcmp(name, "b"), "a module's name ends before .ko.xz");

	parse("");
	ok(modules.count == 0 && modules.skipped == 0, "an empty list is fine");
	modules_parse(&modules, "/a\0b\n/c\n", 8);
	ok(modules.count == 1 && modules.skipped == 1 && !strcmp(modules.list[0].path, "/c"), "a line with NUL is skipped");
}

static void test_module_limits(void)
{
	static char text[MODULES_FILE_MAX];
	size_t len = 0;

	memset(text, 'x', MODULE_PATH_MAX);
	text[0] = '/';
	text[MODULE_PATH_MAX] = '\n';
	modules_parse(&modules, text, MODULE_PATH_MAX + 1);
	ok(modules.count == 0 && modules.skipped == 1, "a path that is too long is skipped");
	text[1] = ' ';
	modules_parse(&modules, text, MODULE_PATH_MAX + 1);
	ok(modules.count == 1 && strlen(modules.list[0].args) == MODULE_PATH_MAX - 2, "long parameters fit to their limit");

	for (int i = 0; i < MODULES_MAX + 5; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "/m%d\n", i);
	modules_parse(&modules, text, len);
	ok(modules.count == MODULES_MAX && modules.skipped == 5, "what is beyond the limit is skipped and counted");
}

static void test_module_load(void)
{
	char path[] = "/tmp/atoll-modules-XXXXXX";
	int fd = mkstemp(path);

	ok(fd >= 0 && dprintf(fd, "/nonexistent/a.ko\n/nonexistent/b.ko\n") > 0, "a list is written");
	ok(modules_load(&modules, path) == 0 && modules.count == 2, "absent modules do not fail the list");
	ok(modules.list[0].error == -ENOENT && modules.list[1].error == -ENOENT, "but each is marked with its error");
	unlink(path);
	close(fd);
	ok(modules_load(&modules, path) == -ENOENT && modules.count == 0, "an absent list is reported");
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
	test_module_limits();
	test_module_load();
	test_cmdline();
	return plan_done();
}
