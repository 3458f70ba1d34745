// SPDX-License-Identifier: LGPL-2.1-or-later
/* The agent's methods over a socket pair, in both roles, as atolld would call them. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "agent/agent.h"
#include "tap.h"

static struct loop *loop;
static struct agent agent;
static struct rpc *client;
static char sys_root[] = "/tmp/atoll-sys-XXXXXX";
static int sessions_ended;

/* The last answer. */
static bool answered;
static struct json *result;
static struct rpc_error failure;

static void on_client_close(struct rpc *rpc, const char *why, void *data)
{
	client = rpc_destroy(rpc);
}

static const struct rpc_ops client_ops = {.on_close = on_client_close};

static void on_session_end(struct agent *a, void *data)
{
	sessions_ended++;
}

static void connect_client(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		exit(1);
	if (rpc_create_socket(loop, fds[0], "client", &agent_rpc_ops, &agent, &agent.rpc) < 0 ||
	    rpc_create_socket(loop, fds[1], "agent", &client_ops, NULL, &client) < 0)
		exit(1);
}

static void on_answer(struct rpc *rpc, const struct json *answer, const struct rpc_error *error, void *data)
{
	answered = true;
	result = json_free(result);
	memset(&failure, 0, sizeof(failure));
	if (error)
		failure = *error;
	else
		result = json_copy(answer);
}

static void send_call(const char *method, const char *params)
{
	struct json *json = NULL;

	answered = false;
	if (params && json_parse(params, strlen(params), &json, NULL) < 0)
		exit(1);
	if (rpc_call(client, method, json, 0, on_answer, NULL) < 0)
		exit(1);
}

static void step(int rounds)
{
	for (int i = 0; i < rounds && !answered; i++)
		loop_step(loop, 10);
}

static void call(const char *method, const char *params)
{
	send_call(method, params);
	step(200);
}

static bool failed_with(const char *code)
{
	return answered && !result && !strcmp(failure.code, code);
}

static void start(const char *role)
{
	agent = (struct agent){.role = role_find(role), .domid = 5, .sys_root = sys_root, .on_session_end = on_session_end};
	snprintf(agent.name, sizeof(agent.name), "%s0", role);
	if (agent_init(&agent, loop) < 0)
		exit(1);
	connect_client();
}

static void stop(void)
{
	client = rpc_destroy(client);
	agent_fini(&agent);
}

static void test_common(void)
{
	start("disk");
	call("hello", "{\"version\":1}");
	ok(result && !strcmp(json_get_string(result, "role", ""), "disk") && json_get_int(result, "domid", 0) == 5,
	   "hello says who it is");
	ok(json_get_string(result, "kernel", NULL), "and what it runs on");
	call("hello", "{\"version\":99}");
	ok(failed_with("EPROTONOSUPPORT"), "another version is refused");
	call("ping", NULL);
	ok(result && json_get_int(result, "available_kib", -1) > 0 &&
		   json_get_int(result, "memory_kib", 0) >= json_get_int(result, "available_kib", -1),
	   "ping tells how much memory is left");
	call("net.attach", NULL);
	ok(failed_with("ENOSYS"), "the other role's methods are not there: %s", failure.message);
	stop();
}

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s/class/block/%s", sys_root, path);
	*strrchr(full, '/') = '\0';
	make_dirs(full, 0755);
	snprintf(full, sizeof(full), "%s/class/block/%s", sys_root, path);
	file = fopen(full, "w");
	if (file) {
		fputs(text, file);
		fclose(file);
	}
}

static void make_disk(void)
{
	put("vda/size", "2048\n");
	put("vda/dev", "254:16\n");
}

static void test_disk_absent(void)
{
	start("disk");
	call("disk.attach", "{\"guest\":32,\"vdev\":51712,\"target\":\"vda\",\"mode\":\"w\"}");
	ok(failed_with("ENODEV"), "an absent disk is refused: %s", failure.message);
	make_disk();
	call("disk.attach", "{\"guest\":32,\"vdev\":51712,\"target\":\"vda\",\"mode\":\"w\"}");
	ok(result && !strcmp(json_get_string(result, "physical_device", ""), "fe:10"),
	   "an order is answered when the disk is there, with hexadecimal numbers");
}

static void test_disk(void)
{
	char text[512];

	call("disk.attach", "{\"guest\":33,\"vdev\":51712,\"target\":\"vda\",\"mode\":\"w\"}");
	ok(failed_with("EBUSY") && strstr(failure.message, "d32"), "a second writer hears of the first: %s", failure.message);
	call("disk.attach", "{\"guest\":32,\"vdev\":51712,\"target\":\"vda\",\"mode\":\"w\"}");
	ok(result != NULL, "the same order again is answered again");
	call("disk.attach", "{\"guest\":33,\"vdev\":51712,\"target\":\"/dev/vda\",\"mode\":\"w\"}");
	ok(failed_with("EINVAL"), "a path is refused: %s", failure.message);
	snprintf(text, sizeof(text), "{\"guest\":33,\"vdev\":1,\"mode\":\"w\",\"target\":\"%0300d\"}", 0);
	call("disk.attach", text);
	ok(failed_with("EINVAL"), "a target that is too long is refused");
	call("disk.attach", "{\"guest\":99999,\"vdev\":51712,\"target\":\"vda\",\"mode\":\"w\"}");
	ok(failed_with("EINVAL"), "a guest that cannot be is refused");
	call("disk.attach", "{\"guest\":33,\"vdev\":51712,\"target\":\"vda\",\"mode\":\"rw\"}");
	ok(failed_with("EINVAL"), "a mode that is none is refused");
	call("disk.attach", NULL);
	ok(failed_with("EINVAL"), "no parameters are refused");
	call("disk.detach", "{\"guest\":32,\"vdev\":51712}");
	ok(result != NULL, "a disk is detached");
	call("disk.detach", "{\"guest\":32,\"vdev\":51712}");
	ok(failed_with("ENOENT"), "once");
}

static void test_session_end(void)
{
	client = rpc_destroy(client);
	for (int i = 0; i < 20; i++)
		loop_step(loop, 10);
	ok(sessions_ended == 1 && !agent.rpc, "the end of a session is told");
	connect_client();
	call("ping", NULL);
	ok(result != NULL, "the next client is served");
	stop();
}

static void test_net(void)
{
	start("net");
	call("net.configure", "{\"bridges\":[{\"name\":\"xenbr0\",\"nic\":\"auto\"}]}");
	ok(result && !strcmp(json_get_string(json_get(result, "bridges")->first, "nic_state", ""), "waiting"),
	   "a bridge waits for its NIC");
	call("net.configure", "{\"bridges\":[{\"name\":\"xen br\",\"nic\":null}]}");
	ok(failed_with("EINVAL"), "a bad name is refused: %s", failure.message);
	call("net.configure", "{\"bridges\":[{\"name\":\"b1\",\"nic\":5}]}");
	ok(failed_with("EINVAL"), "a NIC that is a number is refused");
	call("net.configure", "{\"bridges\":{}}");
	ok(failed_with("EINVAL"), "bridges that are no list are refused");
	call("net.attach", "{\"vif\":\"vif32.0\",\"bridge\":\"xenbr0\"}");
	ok(result && !strcmp(json_get_string(result, "state", ""), "waiting"), "a vif is waited for");
	call("net.attach", "{\"vif\":\"vif32.0\",\"bridge\":\"xenbr9\"}");
	ok(failed_with("ENOENT"), "an unknown bridge is refused: %s", failure.message);
	call("net.attach", "{\"vif\":\"eth0\",\"bridge\":\"xenbr0\"}");
	ok(failed_with("EINVAL"), "what is no vif is refused: %s", failure.message);
	call("net.detach", "{\"vif\":\"vif32.0\"}");
	ok(result != NULL, "it is detached");
	call("net.detach", "{\"vif\":\"vif32.0\"}");
	ok(failed_with("ENOENT"), "once");
	stop();
}

int main(void)
{
	char command[64];

	if (!mkdtemp(sys_root) || loop_create(&loop) < 0)
		return 1;
	test_common();
	test_disk_absent();
	test_disk();
	test_session_end();
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("sysfs", "/sys", "sysfs", 0, NULL) == 0)
		test_net();
	else
		printf("# the net role needs root for a network namespace\n");
	json_free(result);
	loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -r %s", sys_root);
	if (system(command) != 0)
		printf("# %s is left behind\n", sys_root);
	return plan_done();
}
