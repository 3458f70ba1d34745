// SPDX-License-Identifier: LGPL-2.1-or-later
/* The agent of a driver domain: its session and the methods that every role has. */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/log.h"

const struct role *role_find(const char *name)
{
	static const struct role *const roles[] = {&net_role, &disk_role, &dm_role};

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		if (!strcmp(roles[i]->name, name))
			return roles[i];
	}
	return NULL;
}

static uint64_t uptime_ms(void)
{
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	return (uint64_t)up.tv_sec * 1000 + (uint64_t)up.tv_nsec / 1000000;
}

void agent_mark_boot(struct agent *agent, enum boot_phase phase)
{
	agent->boot_ms[phase] = uptime_ms() - agent->born_ms;
}

void agent_restart_clock(struct agent *agent)
{
	agent->born_ms = uptime_ms();
	agent->boot_ms[BOOT_KERNEL] = agent->boot_ms[BOOT_MODULES] = 0;
}

int agent_init(struct agent *agent, struct loop *loop)
{
	agent->loop = loop;
	if (!agent->sys_root)
		agent->sys_root = "/sys";
	return agent->role->init(agent);
}

void agent_fini(struct agent *agent)
{
	agent->rpc = rpc_destroy(agent->rpc);
	agent->role->fini(agent);
}

/* --- methods of every role --- */

static void handle_hello(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	int64_t version = json_get_int(params, "version", AGENT_VERSION);
	const uint64_t *boot = agent->boot_ms;
	struct utsname uts;

	if (version != AGENT_VERSION) {
		rpc_fail(rpc, id, EPROTONOSUPPORT, "%s speaks version %d, not %lld", agent->name, AGENT_VERSION, (long long)version);
		return;
	}
	uname(&uts);
	rpc_reply(rpc, id, json_build("name=%s role=%s version=%d kernel=%s domid=%d boot_ms=%p", agent->name, agent->role->name, AGENT_VERSION,
				      uts.release, agent->domid,
				      json_build("kernel=%lu modules=%lu agent=%lu", boot[BOOT_KERNEL], boot[BOOT_MODULES], boot[BOOT_AGENT])));
}

/* What could be had without the last resort; -1: not known. */
static int64_t memory_available_kib(void)
{
	char text[256];
	AUTO_CLOSE int fd = -1;
	const char *line;
	ssize_t n;

	fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[MAX(n, 0)] = '\0';
	line = strstr(text, "MemAvailable:");
	return line ? strtoll(line + strlen("MemAvailable:"), NULL, 10) : -1;
}

static void handle_ping(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	char broken[PROBE_TEXT_SIZE] = "", missing[PROBE_TEXT_SIZE] = "";
	struct sysinfo info;

	if (agent->role->probe)
		agent->role->probe(agent, broken, missing);
	sysinfo(&info);
	rpc_reply(rpc, id, json_build("broken~%s missing~%s memory_kib=%lu available_kib=%ld", broken, missing,
				      info.totalram * info.mem_unit / 1024, memory_available_kib()));
}

void agent_count_device(struct json *devices, uint64_t guest, uint64_t id, uint64_t read, uint64_t written)
{
	const uint64_t numbers[] = {guest, id, read, written};
	struct json *device = json_new(JSON_ARRAY);

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_append(device, json_new_int((int64_t)MIN(numbers[i], (uint64_t)INT64_MAX)));
	json_append(devices, device);
}

static void handle_counters(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct json *devices = json_new(JSON_ARRAY);

	if (agent->role->count && devices)
		agent->role->count(agent, devices);
	rpc_reply(rpc, id, json_build("devices=%p", devices));
}

static const struct method common_methods[] = {
	{"hello", handle_hello},
	{"ping", handle_ping},
	{"counters", handle_counters},
};

/* --- the session --- */

static method_fn *find_method(const struct method *methods, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(methods[i].name, name))
			return methods[i].fn;
	}
	return NULL;
}

static void on_request(struct rpc *rpc, uint32_t id, const char *method, const struct json *params, void *data)
{
	struct agent *agent = data;
	method_fn *fn = find_method(common_methods, ARRAY_SIZE(common_methods), method);

	if (!fn)
		fn = find_method(agent->role->methods, agent->role->method_count, method);
	if (fn)
		fn(agent, rpc, id, params);
	else
		rpc_fail(rpc, id, ENOSYS, "%s has no method %.64s", agent->name, method);
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	struct agent *agent = data;

	log_debug("session ended: %s", why);
	if (agent->role->on_disconnect)
		agent->role->on_disconnect(agent);
	agent->rpc = rpc_destroy(agent->rpc);
	if (agent->on_session_end)
		agent->on_session_end(agent, agent->on_session_end_data);
}

const struct rpc_ops agent_rpc_ops = {
	.on_request = on_request,
	.on_close = on_close,
};
