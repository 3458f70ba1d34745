// SPDX-License-Identifier: LGPL-2.1-or-later
/* The net role: what the control domain can order of the switch. The methods are described in atoll-agent(8). */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "base/log.h"
#include "net/switch.h"
#include "vif/vif.h"

struct net {
	struct net_switch *sw;
	struct pv pv;
	struct vifs *vifs; /* NULL: Linux's netback serves */
};

static struct net_switch *switch_of(const struct agent *agent)
{
	return ((const struct net *)agent->state)->sw;
}

static bool some_wait(const struct net_switch *sw)
{
	for (size_t slot = 0; slot < SWITCH_VIFS_MAX; slot++) {
		const struct switch_vif *vif = switch_vif_at(sw, slot);

		if (vif && !vif->index)
			return true;
	}
	return false;
}

static void on_vif(const struct switch_vif *vif, bool up, void *data)
{
	struct net *net = ((struct agent *)data)->state;

	if (net->vifs)
		vifs_set_up(net->vifs, vif->name, up, some_wait(net->sw));
}

static void net_fini(struct agent *agent)
{
	struct net *net = agent->state;

	vifs_destroy(net->vifs);
	if (agent->own_backend)
		pv_close(&net->pv);
	switch_destroy(net->sw);
	free(net);
	agent->state = NULL;
}

static int net_init(struct agent *agent)
{
	struct net *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return -ENOMEM;
	agent->state = net;
	silence_ip_stack();
	r = switch_create(agent->loop, agent->sys_root, on_vif, agent, &net->sw);
	if (r == 0 && agent->own_backend)
		r = pv_open(&net->pv, agent->loop);
	if (r == 0 && agent->own_backend)
		r = vifs_create(&net->pv, &net->vifs);
	if (r < 0)
		net_fini(agent);
	return r;
}

static struct json *describe_bridge(const struct switch_bridge *bridge)
{
	return json_build("name=%s nic=%s nic_state=%s", bridge->name, bridge->nic[0] ? bridge->nic : NULL,
			  bridge->choice == NIC_NONE ? "none" : bridge->nic_index ? "attached" : "waiting");
}

/* --- net.configure --- */

static int read_choice(const struct json *nic, enum nic_choice *choice)
{
	if (!nic || nic->type == JSON_NULL)
		*choice = NIC_NONE;
	else if (nic->type != JSON_STRING)
		return -EINVAL;
	else
		*choice = !strcmp(nic->string, "auto") ? NIC_AUTO : NIC_NAMED;
	return 0;
}

static int configure_one(struct net_switch *sw, const struct json *item, const char **name)
{
	const struct json *nic = json_get(item, "nic");
	enum nic_choice choice;

	*name = json_get_string(item, "name", NULL);
	if (!*name || read_choice(nic, &choice) < 0)
		return -EINVAL;
	return switch_configure(sw, *name, choice, choice == NIC_NAMED ? nic->string : NULL);
}

static void handle_configure(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const struct json *list = json_get(params, "bridges");
	const struct switch_bridge *bridges;
	struct json *described;
	size_t count;

	if (!list || list->type != JSON_ARRAY) {
		rpc_fail(rpc, id, EINVAL, "net.configure: \"bridges\" must be a list of {name, nic}");
		return;
	}
	json_for_each(item, list) {
		const char *name;
		int r = configure_one(switch_of(agent), item, &name);

		if (r < 0) {
			rpc_fail(rpc, id, r, "bridge %.32s: %s", name ? name : "without a name", strerror(-r));
			return;
		}
	}
	described = json_new(JSON_ARRAY);
	count = switch_bridges(switch_of(agent), &bridges);
	for (size_t i = 0; i < count; i++)
		json_append(described, describe_bridge(&bridges[i]));
	rpc_reply(rpc, id, json_build("bridges=%p", described));
}

/* --- net.attach, net.detach --- */

static void explain_attach(struct rpc *rpc, uint32_t id, int r, const char *vif, const char *bridge)
{
	switch (r) {
	case -EINVAL:
		rpc_fail(rpc, id, r, "%.32s: not a vif<domid>.<device>", vif);
		break;
	case -ENOENT:
		rpc_fail(rpc, id, r, "%.32s: there is no bridge %.32s", vif, bridge);
		break;
	case -ENOSPC:
		rpc_fail(rpc, id, r, "%.32s: there are %d vifs already, which is the limit", vif, SWITCH_VIFS_MAX);
		break;
	default:
		rpc_fail(rpc, id, r, "%.32s: cannot attach to %.32s: %s", vif, bridge, strerror(-r));
	}
}

static void handle_attach(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *name = json_get_string(params, "vif", NULL), *bridge = json_get_string(params, "bridge", NULL);
	const struct switch_vif *vif;
	int r;

	if (!name || !bridge) {
		rpc_fail(rpc, id, EINVAL, "net.attach: \"vif\" and \"bridge\" are needed");
		return;
	}
	r = vif_name_valid(name) ? switch_attach(switch_of(agent), name, bridge, &vif) : -EINVAL;
	if (r < 0)
		explain_attach(rpc, id, r, name, bridge);
	else
		rpc_reply(rpc, id, json_build("vif=%s bridge=%s state=%s", vif->name, vif->bridge->name, vif->index ? "attached" : "waiting"));
}

static void handle_detach(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	const char *name = json_get_string(params, "vif", "");
	int r = switch_detach(switch_of(agent), name);

	if (r < 0)
		rpc_fail(rpc, id, r, "%.32s: cannot detach: %s", name[0] ? name : "no vif given", strerror(-r));
	else
		rpc_reply(rpc, id, json_new(JSON_OBJECT));
}

static void net_probe(struct agent *agent, char broken[PROBE_TEXT_SIZE], char missing[PROBE_TEXT_SIZE])
{
	const struct switch_bridge *bridges;
	size_t count = switch_bridges(switch_of(agent), &bridges);

	for (size_t i = 0; i < count; i++) {
		const struct switch_bridge *b = &bridges[i];
		int64_t flags = interface_number(b->name, "flags");

		if (flags < 0 || !(flags & IFF_UP))
			snprintf(broken, PROBE_TEXT_SIZE, "bridge %s is %s", b->name, flags < 0 ? "gone" : "down");
		if (b->choice != NIC_NONE && !b->nic_index)
			snprintf(missing, PROBE_TEXT_SIZE, "bridge %s has no network card", b->name);
		else if (b->choice != NIC_NONE && interface_number(b->nic, "carrier") == 0)
			snprintf(missing, PROBE_TEXT_SIZE, "%s: no carrier", b->nic);
	}
}

/* What the interface received is what the guest sent. */
static void net_count(struct agent *agent, struct json *devices)
{
	unsigned guest, id;

	for (size_t slot = 0; slot < SWITCH_VIFS_MAX; slot++) {
		const struct switch_vif *vif = switch_vif_at(switch_of(agent), slot);

		if (vif && vif->index && sscanf(vif->name, "vif%u.%u", &guest, &id) == 2)
			agent_count_device(devices, guest, id, (uint64_t)MAX(interface_number(vif->name, "statistics/tx_bytes"), 0),
					   (uint64_t)MAX(interface_number(vif->name, "statistics/rx_bytes"), 0));
	}
}

static const struct method methods[] = {
	{"net.configure", handle_configure},
	{"net.attach", handle_attach},
	{"net.detach", handle_detach},
};

const struct role net_role = {
	.name = "net",
	.methods = methods,
	.method_count = ARRAY_SIZE(methods),
	.init = net_init,
	.fini = net_fini,
	.probe = net_probe,
	.count = net_count,
};
