// SPDX-License-Identifier: LGPL-2.1-or-later
/* The duties of process 1 in a domain that has no other process. */
#include "agent/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"

#define BLANKS " \t\r"
/* The domain holds a few small files there, all made by us. */
#define TMPFS_OPTIONS "size=1m,nr_inodes=256,mode=0755"

static void mount_one(const char *type, const char *path, unsigned long flags, const char *options)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		log_warning("%s: cannot make it: %s", path, strerror(errno));
	if (mount(type, path, type, flags, options) < 0 && errno != EBUSY)
		log_warning("%s: cannot mount: %s", path, strerror(errno));
}

/*
 * Writing never waits: a console that nobody empties must not stop the service. (The kernel's own console output can still
 * spin in such a case, which is why we log little once we are up.)
 */
static void open_console(void)
{
	static const char *const candidates[] = {"/dev/console", "/dev/hvc0", "/dev/kmsg", "/dev/null"};
	int fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(candidates) && fd < 0; i++)
		fd = open(candidates[i], O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

void init_mount(void)
{
	const unsigned long safe = MS_NOSUID | MS_NOEXEC | MS_NODEV;

	mount_one("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755");
	open_console();
	mount_one("proc", "/proc", safe, NULL);
	mount_one("sysfs", "/sys", safe, NULL);
	mount_one("tmpfs", "/run", safe, TMPFS_OPTIONS);
	mount_one("tmpfs", "/tmp", safe, TMPFS_OPTIONS);
}

int init_set(const char *path, const char *value)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static void set_or_log(const char *path, const char *value)
{
	int r = init_set(path, value);

	if (r < 0)
		log_warning("%s: cannot write %s: %s", path, value, strerror(-r));
}

void init_fail_loudly(void)
{
	/* -1: at once. On Xen the "reboot" after a panic is a shutdown with reason crash, which the toolstack sees. */
	set_or_log("/proc/sys/kernel/panic", "-1");
	set_or_log("/proc/sys/kernel/panic_on_oops", "1");
	/* There is nobody but us and the kernel's threads: out of memory is the end of the service either way. */
	set_or_log("/proc/sys/vm/panic_on_oom", "1");
	reboot(LINUX_REBOOT_CMD_CAD_OFF);
}

void init_pin_memory(void)
{
	set_or_log("/proc/self/oom_score_adj", "-1000");
	/* On fault: stacks of libxenstore's threads are large and hardly touched. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_warning("cannot lock memory: %s", strerror(errno));
}

static void on_child(struct source *source, uint32_t signo, void *data)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int init_reap(struct loop *loop, struct source **source)
{
	return loop_add_signal(loop, SIGCHLD, on_child, NULL, source);
}

int cmdline_get(const char *cmdline, const char *key, char *out, size_t size)
{
	size_t key_len = strlen(key);
	int r = -ENOENT;

	for (const char *p = cmdline; *p;) {
		size_t len = strcspn(p, " \t\n");

		if (len > key_len && p[key_len] == '=' && !strncmp(p, key, key_len))
			r = format(out, size, "%.*s", (int)(len - key_len - 1), p + key_len + 1);
		p += len;
		p += strspn(p, " \t\n");
	}
	return r;
}

/* --- modules --- */

bool module_parse(char *line, const char **path, const char **args)
{
	line += strspn(line, BLANKS);
	*path = strsep(&line, BLANKS);
	*args = line ? line + strspn(line, BLANKS) : "";
	return **path && **path != '#';
}

static int load_module(const char *path, const char *args)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *suffix = strrchr(path, '.');
	int flags = suffix && strcmp(suffix, ".ko") != 0 ? MODULE_INIT_COMPRESSED_FILE : 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, args, flags) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int modules_load(const char *list)
{
	AUTO_FREE char *text = NULL;
	char *lines, *line;
	int r = read_file(list, MODULES_FILE_MAX, &text, NULL), count = 0;

	if (r < 0)
		return r;
	for (lines = text; (line = strsep(&lines, "\n"));) {
		const char *path, *args;

		if (!module_parse(line, &path, &args))
			continue;
		r = load_module(path, args);
		if (r < 0)
			log_warning("%s: %s", path, strerror(-r));
		count += r == 0;
	}
	return count;
}
