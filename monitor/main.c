// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * atoll-monitor: notices a store that does not answer. Everybody else in the control domain would wait with it, atolld too.
 *
 *   probe (a child, may block for ever) ──pipe: one byte an answer──▶ monitor ──restart──▶ atolld
 *                                                                        └── domain.reload ──▶ atoll-builder, if atolld is stuck
 *
 * Holds: /dev/xen/xenbus (the child), connections to the sockets of atolld and the builder, which take orders from root only.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <xenstore.h>

#include "base/log.h"
#include "config/host.h"
#include "rpc/rpc.h"

#define PROBE_MS 500
#define PROBE_NODE "/tool/atoll/probe"
#define SILENCE_MS 1500       /* without an answer the store counts as hung */
#define ATOLLD_TIMEOUT_MS 3000
#define BUILDER_TIMEOUT_MS 5000
#define CHECK_MS 250

struct monitor {
	struct loop *loop;
	struct host_config host;
	int fd; /* the probe's pipe */
	struct source *answers, *check;
	struct rpc *rpc; /* to atolld or the builder, while a restart is under way */
	uint64_t answer_ms; /* of the last answer; 0: none yet, the store is still to come */
};

/* --- the child --- */

/* A store that answers has to keep what it is told, too. 1: it did; 0: it did not; -1: the connection is broken. */
static int ask_store(struct xs_handle *xs, unsigned number)
{
	char text[16];
	AUTO_FREE char *back = NULL;
	unsigned len;

	snprintf(text, sizeof(text), "%u", number);
	if (!xs_write(xs, XBT_NULL, PROBE_NODE, text, (unsigned)strlen(text)))
		return errno == ENOSPC || errno == EACCES ? 0 : -1;
	back = xs_read(xs, XBT_NULL, PROBE_NODE, &len);
	if (!back)
		return errno == ENOENT ? 0 : -1;
	return !strcmp(back, text);
}

static void probe(int fd)
{
	struct xs_handle *xs = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned number = 1;; number++, usleep(PROBE_MS * 1000)) {
		int r;

		if (!xs)
			xs = xs_open(0);
		if (!xs)
			continue;
		r = ask_store(xs, number);
		if (r < 0) { /* the connection is broken, not the store silent */
			xs_close(xs);
			xs = NULL;
		} else if (r > 0 && write(fd, "", 1) != 1) {
			_exit(0);
		}
	}
}

static int start_probe(struct monitor *m)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		probe(fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -EAGAIN;
	}
	m->fd = fds[0];
	return 0;
}

static void on_answer(struct source *source, uint32_t events, void *data)
{
	struct monitor *m = data;
	char bytes[64];

	if (read(m->fd, bytes, sizeof(bytes)) > 0)
		m->answer_ms = now_ms();
	else /* it ended; SIGCHLD tells what to do */
		m->answers = source_destroy(source);
}

/* --- what is done about it --- */

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	struct monitor *m = data;

	m->rpc = rpc_destroy(rpc);
}

static const struct rpc_ops ops = {.on_close = on_close};

static struct rpc *connect_to(struct monitor *m, const char *path, const char *name)
{
	int fd = rpc_socket_connect(path);

	m->rpc = rpc_destroy(m->rpc);
	if (fd < 0 || rpc_create_socket(m->loop, fd, name, &ops, m, &m->rpc) < 0)
		log_warning("%s cannot be reached", name);
	return m->rpc;
}

static void finish(struct monitor *m)
{
	m->rpc = rpc_destroy(m->rpc);
	m->answer_ms = now_ms(); /* the fresh store has its own time to answer */
}

static void on_reloaded(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	if (error)
		log_error("store: cannot be reloaded: %s", error->message);
	else
		log_warning("store: reloaded in place by the builder");
	finish(data);
}

static void ask_builder(struct monitor *m)
{
	struct json *params = json_build("domid=%d image=%s", DOMID_STORE, m->host.services[0].kernel);

	if (!connect_to(m, RPC_SOCKET_BUILDER, "builder"))
		json_free(params);
	else if (rpc_call(m->rpc, "domain.reload", params, BUILDER_TIMEOUT_MS, on_reloaded, m) == 0)
		return;
	finish(m);
}

static void on_restarted(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct monitor *m = data;

	if (!error) {
		log_warning("store: restarted in place");
		finish(m);
		return;
	}
	log_warning("atolld did not restart the store: %s", error->message);
	ask_builder(m);
}

static void restart_store(struct monitor *m)
{
	struct json *params = json_build("name=%s reason=%s", "store", "hung: no answer to the monitor");

	log_warning("store: no answer for %llu ms: it hangs", (unsigned long long)(now_ms() - m->answer_ms));
	if (!connect_to(m, RPC_SOCKET_ATOLLD, "atolld"))
		json_free(params);
	else if (rpc_call(m->rpc, "restart", params, ATOLLD_TIMEOUT_MS, on_restarted, m) == 0)
		return;
	ask_builder(m);
}

static void on_check(struct source *source, uint32_t events, void *data)
{
	struct monitor *m = data;

	sd_notify(0, "WATCHDOG=1");
	source_set_timer(source, CHECK_MS);
	if (m->answer_ms && !m->rpc && now_ms() - m->answer_ms > SILENCE_MS)
		restart_store(m);
}

static void on_signal(struct source *source, uint32_t signo, void *data)
{
	loop_quit(data, signo == SIGCHLD ? EXIT_FAILURE : EXIT_SUCCESS); /* a probe that ended: systemd starts us again */
}

static int load_host(struct monitor *m)
{
	AUTO_FREE char *text = NULL;
	char why[300] = "";
	size_t len;
	int r = read_file(HOST_FILE, HOST_FILE_MAX, &text, &len);

	if (r == 0)
		r = host_config_parse(text, len, &m->host, why, sizeof(why));
	if (r < 0)
		log_error("%s: %s", HOST_FILE, why[0] ? why : strerror(-r));
	return r;
}

int main(void)
{
	struct monitor m = {0};
	struct source *term = NULL, *child = NULL;
	int r = load_host(&m);

	signal(SIGPIPE, SIG_IGN);
	if (r == 0)
		r = loop_create(&m.loop);
	if (r == 0)
		r = start_probe(&m);
	if (r == 0)
		r = loop_add_fd(m.loop, m.fd, EPOLLIN, on_answer, &m, &m.answers);
	if (r == 0)
		r = loop_add_timer(m.loop, CHECK_MS, on_check, &m, &m.check);
	if (r == 0)
		r = loop_add_signal(m.loop, SIGTERM, on_signal, m.loop, &term);
	if (r == 0)
		r = loop_add_signal(m.loop, SIGCHLD, on_signal, m.loop, &child);
	if (r < 0)
		return EXIT_FAILURE;
	sd_notify(0, "READY=1");
	r = loop_run(m.loop);
	rpc_destroy(m.rpc);
	source_destroy(m.answers);
	source_destroy(m.check);
	source_destroy(term);
	source_destroy(child);
	loop_destroy(m.loop);
	host_config_fini(&m.host);
	return r;
}
