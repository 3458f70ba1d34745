// SPDX-License-Identifier: LGPL-2.1-or-later
/* Kernel modules that a role needs. */
#include "agent/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/log.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void parse_line(struct modules *modules, const char *line, size_t len)
{
	struct module *module = &modules->list[modules->count];
	size_t path = 0;

	while (len && is_blank(line[len - 1]))
		len--;
	while (len && is_blank(*line)) {
		line++;
		len--;
	}
	if (len == 0 || *line == '#')
		return;
	while (path < len && !is_blank(line[path]))
		path++;
	if (modules->count == MODULES_MAX || path >= MODULE_PATH_MAX || memchr(line, 0, len)) {
		modules->skipped++;
		return;
	}
	*module = (struct module){0};
	memcpy(module->path, line, path);
	while (path < len && is_blank(line[path]))
		path++;
	if (len - path >= MODULE_ARGS_MAX) {
		modules->skipped++;
		return;
	}
	memcpy(module->args, line + path, len - path);
	modules->count++;
}

void modules_parse(struct modules *modules, const char *text, size_t len)
{
	memset(modules, 0, sizeof(*modules));
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;

		parse_line(modules, text, line);
		text += line;
		len -= line;
		if (end) {
			text++;
			len--;
		}
	}
}

static int load(const struct module *module)
{
	AUTO_CLOSE int fd = open(module->path, O_RDONLY | O_CLOEXEC);
	const char *suffix = strrchr(module->path, '.');
	int flags = suffix && strcmp(suffix, ".ko") != 0 ? MODULE_INIT_COMPRESSED_FILE : 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, module->args, flags) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int modules_load(struct modules *modules, const char *path)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	int r = read_file(path, MODULES_FILE_MAX, &text, &len);

	if (r < 0) {
		memset(modules, 0, sizeof(*modules));
		return r;
	}
	modules_parse(modules, text, len);
	if (modules->skipped)
		log_warning("%s: %zu lines skipped", path, modules->skipped);
	for (size_t i = 0; i < modules->count; i++) {
		struct module *module = &modules->list[i];

		module->error = load(module);
		if (module->error < 0)
			log_warning("%s: %s", module->path, strerror(-module->error));
	}
	return 0;
}

void module_name(const struct module *module, char *out, size_t size)
{
	const char *slash = strrchr(module->path, '/');
	const char *base = slash ? slash + 1 : module->path;
	size_t n = 0;

	for (; base[n] && base[n] != '.' && n + 1 < size; n++)
		out[n] = base[n] == '-' ? '_' : base[n];
	out[n] = '\0';
}
