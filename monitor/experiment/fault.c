// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How things are broken. Domains through the builder, behind atolld's back, and through the store where a guest or an operator would do it
 * so; daemons as any program of the control domain can be: signals, limits, their unit's CPU quota.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <xenstore.h>

#include "experiment/lab.h"

#define CALL_TIMEOUT_MS 10000
#define RESTART_TIMEOUT_MS 120000
#define STARVED_KIB 8192	/* what an out-of-memory Linux domain is asked to shrink to: it cannot, and tries */
#define STARVED_DAEMON (1 << 16) /* bytes of address space: less than any process has, so it gets nothing more */
#define PID_MAX_LEN 12

extern char **environ;

pid_t target_daemon(const char *unit)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *e; proc && !found && (e = readdir(proc));) {
		char path[64], *comm = NULL;

		if (strlen(e->d_name) > PID_MAX_LEN || atoi(e->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%.12s/comm", e->d_name);
		if (read_file(path, 64, &comm, NULL) == 0 && !strncmp(comm, unit, MIN(strlen(unit), 15)) &&
		    comm[MIN(strlen(unit), 15)] == '\n')
			found = atoi(e->d_name);
		free(comm);
	}
	if (proc)
		closedir(proc);
	return found;
}

static int daemon_target(const char *unit, struct target *t, char *why, size_t size)
{
	t->unit = unit;
	t->pid = target_daemon(unit);
	return t->pid ? 0 : (snprintf(why, size, "%s does not run", unit), -ESRCH);
}

int target_find(struct lab *lab, const struct cell_spec *spec, struct target *t, char *why, size_t size)
{
	const struct json *d = lab_domain(lab, spec->target);
	const char *role = json_get_string(d, "role", "");

	snprintf(t->name, sizeof(t->name), "%s", spec->target);
	if (!strcmp(spec->target, "atolld"))
		return daemon_target("atolld", t, why, size);
	if (!strcmp(spec->target, "monitor"))
		return daemon_target("atoll-monitor", t, why, size);
	if (!d || !strcmp(role, "guest"))
		return snprintf(why, size, "%s: this host has no such service", spec->target), -ENOENT;
	snprintf(t->name, sizeof(t->name), "%s", json_get_string(d, "name", spec->target));
	t->domid = (unsigned)json_get_int(d, "domid", 0);
	t->restarts = (unsigned)json_get_int(d, "restarts", 0);
	t->memory_kib = (unsigned)json_get_int(d, "memory_kib", 0);
	t->is_linux = strcmp(role, "store") && strcmp(role, "console");
	if (spec->fault == EXP_OOM && !t->is_linux && !t->hog_domid)
		return snprintf(why, size, "%s: out of memory needs a guest with \"hog\": true", spec->target), -ENOENT;
	return 0;
}

static int builder_order(struct lab *lab, const char *method, struct json *params, char *why, size_t size)
{
	return lab_call(lab, &lab->builder, method, params, CALL_TIMEOUT_MS, NULL, why, size);
}

static int break_domain(struct lab *lab, unsigned domid, enum exp_fault fault, unsigned percent, char *why, size_t size)
{
	static const char *const methods[EXP_FAULTS] = {
		[EXP_DESTROY] = "fault.destroy", [EXP_PANIC] = "fault.panic", [EXP_HANG] = "domain.pause"};

	if (fault == EXP_SLOW)
		return builder_order(lab, "domain.set", json_build("domid=%u cap=%u", domid, percent), why, size);
	return builder_order(lab, methods[fault], json_build("domid=%u", domid), why, size);
}

static int store_write(unsigned domid, const char *path, const char *value)
{
	struct xs_handle *xs = xs_open(0);
	char full[128];
	int r;

	if (!xs)
		return -errno;
	snprintf(full, sizeof(full), "/local/domain/%u/%s", domid, path);
	r = xs_write(xs, XBT_NULL, full, value, (unsigned)strlen(value)) ? 0 : -errno;
	xs_close(xs);
	return r;
}

static int write_target(unsigned domid, unsigned kib)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", kib);
	return store_write(domid, "memory/target", text);
}

static int set_quota(const char *unit, unsigned percent)
{
	char property[32];
	char *args[] = {(char *)"systemctl", (char *)"set-property", (char *)"--runtime", (char *)unit, property, NULL};
	int status = 0;
	pid_t pid;

	snprintf(property, sizeof(property), percent ? "CPUQuota=%u%%" : "CPUQuota=", percent);
	if (posix_spawnp(&pid, args[0], NULL, NULL, args, environ) != 0 || waitpid(pid, &status, 0) != pid)
		return -ENOSYS;
	return status ? -EIO : 0;
}

static int starve_daemon(pid_t pid, rlim_t limit)
{
	struct rlimit r = {limit, RLIM_INFINITY};

	return prlimit(pid, RLIMIT_AS, &r, NULL) < 0 ? -errno : 0;
}

static int break_daemon(const struct target *t, enum exp_fault fault, unsigned percent)
{
	switch (fault) {
	case EXP_DESTROY:
	case EXP_RESTART:
		return kill(t->pid, fault == EXP_DESTROY ? SIGKILL : SIGTERM) < 0 ? -errno : 0;
	case EXP_PANIC:
		return kill(t->pid, SIGSEGV) < 0 ? -errno : 0;
	case EXP_HANG:
		return kill(t->pid, SIGSTOP) < 0 ? -errno : 0;
	case EXP_OOM:
		return starve_daemon(t->pid, STARVED_DAEMON);
	default:
		return set_quota(t->unit, percent);
	}
}

static int restart(struct lab *lab, const struct target *t, char *why, size_t size)
{
	struct json *params = json_build("name=%s reason=%s", t->name, "experiment");

	return lab_call(lab, &lab->atolld, "restart", params, RESTART_TIMEOUT_MS, NULL, why, size);
}

int fault_inject(struct lab *lab, const struct target *t, enum exp_fault fault, unsigned percent, char *why, size_t size)
{
	int r;

	if (t->unit)
		r = break_daemon(t, fault, percent);
	else if (fault == EXP_RESTART)
		return restart(lab, t, why, size);
	else if (fault != EXP_OOM)
		return break_domain(lab, t->domid, fault, percent, why, size);
	else if (t->is_linux)
		r = write_target(t->domid, STARVED_KIB);
	else
		r = store_write(t->hog_domid, "data/do", t->name);
	if (r < 0)
		snprintf(why, size, "%s: %s cannot be injected: %s", t->name, exp_fault_names[fault], strerror(-r));
	return r;
}

void fault_end(struct lab *lab, const struct target *t, enum exp_fault fault)
{
	char why[320];

	if (t->unit && fault == EXP_HANG)
		kill(t->pid, SIGCONT);
	else if (t->unit && fault == EXP_OOM)
		starve_daemon(t->pid, RLIM_INFINITY);
	else if (t->unit && fault == EXP_SLOW)
		set_quota(t->unit, 0);
	else if (!t->unit && fault == EXP_HANG)
		builder_order(lab, "domain.unpause", json_build("domid=%u", t->domid), why, sizeof(why));
	else if (!t->unit && fault == EXP_SLOW)
		break_domain(lab, t->domid, EXP_SLOW, 0, why, sizeof(why));
	else if (!t->unit && fault == EXP_OOM && t->is_linux)
		write_target(t->domid, t->memory_kib);
}
