// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The role of a device model's domain: QEMU for one HVM guest. The methods are described in atoll-agent(8).
 *
 *	dm.start ─▶ devices and taps are prepared ─▶ QEMU starts ─▶ it greets on QMP ─▶ answer; from then on dm.qmp
 *
 * QEMU ends: we end, hence the kernel panics, and the control domain sees a crashed domain. QEMU's side of QMP is as little
 * trusted as the guest that it works for.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/agent.h"
#include "base/log.h"
#include "machine.h"
#include "net/switch.h"
#include "qmp.h"
#include "spawn.h"

#define PENDING_MAX 8 /* commands under way: the control domain has a few clients */

struct pending {
	struct rpc *rpc; /* NULL: free */
	uint32_t id;
};

struct dm_state {
	struct agent *agent;
	struct machine machine;
	bool started;
	struct rpc *starter; /* who waits for dm.start */
	uint32_t starter_id;
	struct json *mapped, *refused;
	struct net_switch *network;
	int pidfd, qmp;
	struct source *exit_source, *qmp_source;
	struct buf in;
	bool ready;
	struct pending pending[PENDING_MAX];
};

static void dm_fini(struct agent *agent)
{
	struct dm_state *state = agent->state;

	source_destroy(state->exit_source);
	source_destroy(state->qmp_source);
	switch_destroy(state->network);
	json_free(state->mapped);
	json_free(state->refused);
	buf_fini(&state->in);
	if (state->pidfd >= 0)
		close(state->pidfd);
	if (state->qmp >= 0)
		close(state->qmp);
	free(state);
	agent->state = NULL;
}

static int dm_init(struct agent *agent)
{
	struct dm_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	*state = (struct dm_state){.agent = agent, .pidfd = -1, .qmp = -1, .in = BUF_INIT(QMP_LINE_MAX)};
	agent->state = state;
	return 0;
}

static void dm_on_disconnect(struct agent *agent)
{
	struct dm_state *state = agent->state;

	memset(state->pending, 0, sizeof(state->pending)); /* QEMU's answers to them are then nobody's */
	state->starter = NULL;
}

/* --- QMP --- */

/* The domain is of no use any more. */
static void give_up(struct dm_state *state, const char *why)
{
	log_error("%s: %s", state->agent->name, why);
	loop_quit(state->agent->loop, EXIT_FAILURE);
}

static int send_command(struct dm_state *state, const char *execute, const struct json *arguments, int64_t id, char *why, size_t size)
{
	AUTO_BUF struct buf line = BUF_INIT(QMP_LINE_MAX);
	int r = qmp_encode(execute, arguments, id, &line, why, size);

	if (r < 0)
		return r;
	/* a socket that cannot take a line has a QEMU that reads none */
	if (send(state->qmp, line.data, line.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)line.len)
		return snprintf(why, size, "QEMU does not read its monitor"), -EAGAIN;
	return 0;
}

static void answer_start(struct dm_state *state)
{
	struct json *result = json_new(JSON_OBJECT);
	int r = json_set(result, "mapped", json_copy(state->mapped));

	r |= json_set(result, "refused", json_copy(state->refused));
	state->ready = true;
	log_info("%s: QEMU runs for d%u", state->agent->name, state->machine.guest);
	if (state->starter)
		rpc_reply(state->starter, state->starter_id, r < 0 ? json_free(result) : result);
	else
		json_free(result);
	state->starter = NULL;
}

static void on_answer(struct dm_state *state, const struct qmp_message *m)
{
	struct pending pending;

	if (m->id < 0 || m->id >= PENDING_MAX || !state->pending[m->id].rpc)
		return; /* its client is gone */
	pending = state->pending[m->id];
	state->pending[m->id].rpc = NULL;
	if (m->kind == QMP_ERROR) {
		rpc_fail(pending.rpc, pending.id, EIO, "QEMU: %.200s", json_get_string(m->body, "desc", "refused"));
	} else {
		struct json *result = json_new(JSON_OBJECT);

		if (json_set(result, "return", json_copy(m->body)) < 0)
			result = json_free(result);
		rpc_reply(pending.rpc, pending.id, result);
	}
}

static int on_message(struct dm_state *state, const struct qmp_message *m)
{
	char why[80];

	switch (m->kind) {
	case QMP_GREETING:
		return state->ready ? -EPROTO : send_command(state, "qmp_capabilities", NULL, PENDING_MAX, why, sizeof(why));
	case QMP_EVENT:
		log_debug("%s: QEMU says %s", state->agent->name, m->event);
		return 0;
	case QMP_RETURN:
		if (!state->ready && m->id == PENDING_MAX) {
			answer_start(state);
			return 0;
		}
		break;
	case QMP_ERROR:
		break;
	}
	on_answer(state, m);
	return 0;
}

static void on_qmp(struct source *source, uint32_t events, void *data)
{
	struct dm_state *state = data;
	char piece[4096], *end;
	ssize_t n = recv(state->qmp, piece, sizeof(piece), MSG_DONTWAIT);
	int r = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || buf_append(&state->in, piece, (size_t)n) < 0) {
		give_up(state, n <= 0 ? "QEMU closed its monitor" : "QEMU sends too long a line");
		return;
	}
	while (r == 0 && (end = memchr(state->in.data, '\n', state->in.len))) {
		struct qmp_message message;
		size_t len = (size_t)(end - state->in.data);

		r = qmp_decode(state->in.data, len, &message);
		if (r == 0)
			r = on_message(state, &message);
		qmp_message_free(&message);
		buf_consume(&state->in, len + 1);
	}
	if (r < 0)
		give_up(state, "QEMU sends what is no QMP");
}

static void on_exit_of_qemu(struct source *source, uint32_t events, void *data)
{
	give_up(data, "QEMU ended");
}

/* --- dm.start --- */

static void on_port(const struct switch_vif *vif, bool up, void *data)
{
	log_debug("%s is %s", vif->name, up ? "up" : "gone");
}

/* A bridge between QEMU's card and our vif, for each of the guest's. */
static int connect_nics(struct dm_state *state, int *taps)
{
	struct machine *m = &state->machine;
	int r = 0;

	if (!m->nic_count)
		return 0;
	r = switch_create(state->agent->loop, state->agent->sys_root, on_port, NULL, &state->network);
	for (unsigned i = 0; i < m->nic_count && r == 0; i++) {
		char bridge[16], nic[16], tap[16];

		snprintf(bridge, sizeof(bridge), "br%u", i);
		snprintf(nic, sizeof(nic), "eth%u", i);
		snprintf(tap, sizeof(tap), "vif%u.%u", m->guest, i); /* a switch takes vifs */
		taps[i] = spawn_tap(tap);
		r = MIN(taps[i], 0);
		if (r == 0)
			r = switch_configure(state->network, bridge, NIC_NAMED, nic);
		if (r == 0)
			r = switch_attach(state->network, tap, bridge, NULL);
	}
	silence_ip_stack();
	return r;
}

static int launch(struct dm_state *state, const int *taps, char *why, size_t size)
{
	struct arguments arguments;
	int pair[2], fds[MACHINE_NICS_MAX + 1], r;
	unsigned count = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return snprintf(why, size, "socketpair: %s", strerror(errno)), -errno;
	state->qmp = pair[0];
	fds[count++] = pair[1];
	for (unsigned i = 0; i < state->machine.nic_count; i++)
		fds[count++] = taps[i];
	r = machine_arguments(&state->machine, QEMU_PATH, QEMU_SERIAL, pair[1], taps, &arguments);
	if (r == 0)
		r = state->pidfd = spawn_qemu(&arguments, fds, count);
	arguments_free(&arguments);
	close(pair[1]);
	if (r >= 0)
		r = loop_add_fd(state->agent->loop, state->pidfd, EPOLLIN, on_exit_of_qemu, state, &state->exit_source);
	if (r == 0)
		r = loop_add_fd(state->agent->loop, state->qmp, EPOLLIN, on_qmp, state, &state->qmp_source);
	return r < 0 ? snprintf(why, size, "QEMU: %s", strerror(-r)), r : 0;
}

/* A hypervisor that gives this domain more than its guest's memory, or not even that, is not one to run a guest's device model on. */
static int check_reach(struct dm_state *state, char *why, size_t size)
{
	AUTO_BUF struct buf mapped = BUF_INIT(1024), refused = BUF_INIT(1024);
	unsigned guest = state->machine.guest;
	int r = reach_try(guest, &state->mapped, &state->refused);

	if (r < 0)
		return snprintf(why, size, "/dev/xen/privcmd: %s", strerror(-r)), r;
	if (json_print(state->mapped, &mapped, false) < 0 || json_print(state->refused, &refused, false) < 0)
		return snprintf(why, size, "out of memory"), -ENOMEM;
	if (json_count(state->mapped) != 1 || state->mapped->first->integer != guest)
		return snprintf(why, size, "of domains %.*s it can map memory, and not of d%u alone", (int)mapped.len, mapped.data, guest),
		       -EPERM;
	log_info("%s: can map d%u and no other: refused are %.*s", state->agent->name, guest, (int)refused.len, refused.data);
	return 0;
}

static void handle_start(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct dm_state *state = agent->state;
	int taps[MACHINE_NICS_MAX], r;
	char why[200];

	for (unsigned i = 0; i < MACHINE_NICS_MAX; i++)
		taps[i] = -1;
	if (state->started) {
		rpc_fail(rpc, id, EEXIST, "%s: QEMU was started for d%u", agent->name, state->machine.guest);
		return;
	}
	r = machine_read(params, &state->machine, why, sizeof(why));
	if (r == 0)
		r = check_reach(state, why, sizeof(why));
	if (r == 0)
		r = spawn_prepare(&state->machine, why, sizeof(why));
	if (r == 0) {
		r = connect_nics(state, taps);
		snprintf(why, sizeof(why), "network: %s", strerror(-r));
	}
	state->started = r == 0;
	if (r == 0)
		r = launch(state, taps, why, sizeof(why));
	for (unsigned i = 0; i < MACHINE_NICS_MAX; i++) {
		if (taps[i] >= 0)
			close(taps[i]); /* QEMU has them */
	}
	if (r < 0) {
		rpc_fail(rpc, id, r, "%s: %s", agent->name, why);
		return;
	}
	state->starter = rpc;
	state->starter_id = id;
}

/* --- dm.qmp --- */

static void handle_qmp(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	struct dm_state *state = agent->state;
	unsigned at = 0;
	char why[200];
	int r;

	while (at < PENDING_MAX && state->pending[at].rpc)
		at++;
	if (!state->ready || at == PENDING_MAX) {
		rpc_fail(rpc, id, EAGAIN, "%s: %s", agent->name, state->ready ? "too many commands are under way" : "QEMU does not run yet");
		return;
	}
	r = send_command(state, json_get_string(params, "execute", ""), json_get(params, "arguments"), at, why, sizeof(why));
	if (r < 0)
		rpc_fail(rpc, id, r, "%s: %s", agent->name, why);
	else
		state->pending[at] = (struct pending){.rpc = rpc, .id = id};
}

static const struct method methods[] = {
	{"dm.start", handle_start},
	{"dm.qmp", handle_qmp},
};

const struct role dm_role = {
	.name = "dm",
	.methods = methods,
	.method_count = ARRAY_SIZE(methods),
	.init = dm_init,
	.fini = dm_fini,
	.on_disconnect = dm_on_disconnect,
};
