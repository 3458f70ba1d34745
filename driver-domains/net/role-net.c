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
	struct json *params = json_new(JSON_OBJECT);
	struct net *net = ((struct agent *)data)->state;

	if (net->vifs)
		vifs_set_up(net->vifs, vif->name, up, some_wait(net->sw));
	json_set_string(params, "vif", vif->name);
	json_set_string(params, "bridge", vif->bridge->name);
	agent_event(data, up ? "net.vif-up" : "net.vif-gone", params);
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
	silence_ip_stack(agent->proc_root);
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
	struct json *json = json_new(JSON_OBJECT);
	int r = json_set_string(json, "name", bridge->name);

	r |= json_set_string(json, "nic", bridge->nic[0] ? bridge->nic : NULL);
	r |= json_set_string(json, "nic_state", bridge->choice == NIC_NONE ? "none" : bridge->nic_index ? "attached" : "waiting");
	return r < 0 ? json_free(json) : json;
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
	struct json *result, *described;
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
	result = json_new(JSON_OBJECT);
	described = json_new(JSON_ARRAY);
	count = switch_bridges(switch_of(agent), &bridges);
	for (size_t i = 0; i < count; i++)
		json_append(described, describe_bridge(&bridges[i]));
	if (json_set(result, "bridges", described) < 0)
		result = json_free(result);
	rpc_reply(rpc, id, result);
}

/* --- net.attach, net.detach --- */

static void explain_attach(struct rpc *rpc, uint32_t id, int r, const char *vif, const char *bridge)
{
	switch (r) {
	case -EINVAL:
		rpc_fail(rpc, id, r, "%.32s: not a vif<domid>.<device>, or a bad mtu (%d to %d)", vif, SWITCH_MTU_MIN,
			 SWITCH_MTU_MAX);
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
	struct json *result;
	int64_t mtu = 0;
	int r;

	if (!name || !bridge) {
		rpc_fail(rpc, id, EINVAL, "net.attach: \"vif\" and \"bridge\" are needed");
		return;
	}
	r = json_read_int(params, "mtu", SWITCH_MTU_MIN, SWITCH_MTU_MAX, &mtu);
	if (r == 0 || r == -ENOENT)
		r = switch_attach(switch_of(agent), name, bridge, (uint32_t)mtu, &vif);
	else
		r = -EINVAL;
	if (r < 0) {
		explain_attach(rpc, id, r, name, bridge);
		return;
	}
	result = json_new(JSON_OBJECT);
	r = json_set_string(result, "vif", vif->name);
	r |= json_set_string(result, "bridge", vif->bridge->name);
	r |= json_set_string(result, "state", vif->index ? "attached" : "waiting");
	if (r < 0)
		result = json_free(result);
	rpc_reply(rpc, id, result);
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

/* --- net.list --- */

static struct json *describe_port(const struct nl_link *link)
{
	struct json *json = json_new(JSON_OBJECT);
	int r = json_set_string(json, "name", link->name);

	r |= json_set_bool(json, "up", link->flags & IFF_UP);
	r |= json_set_bool(json, "carrier", link->carrier);
	r |= json_set_int(json, "mtu", link->mtu);
	r |= json_set_int(json, "rx_bytes", (int64_t)link->rx_bytes);
	r |= json_set_int(json, "tx_bytes", (int64_t)link->tx_bytes);
	r |= json_set_int(json, "rx_packets", (int64_t)link->rx_packets);
	r |= json_set_int(json, "tx_packets", (int64_t)link->tx_packets);
	r |= json_set_int(json, "rx_dropped", (int64_t)link->rx_dropped);
	r |= json_set_int(json, "tx_dropped", (int64_t)link->tx_dropped);
	return r < 0 ? json_free(json) : json;
}

static struct json *list_bridge(const struct switch_bridge *bridge, const struct nl_link *list, size_t count)
{
	struct json *json = describe_bridge(bridge), *ports = json_new(JSON_ARRAY);

	for (size_t i = 0; i < count; i++) {
		if (list[i].index == bridge->index)
			json_set_bool(json, "carrier", list[i].carrier);
		if (list[i].master == bridge->index)
			json_append(ports, describe_port(&list[i]));
	}
	return json_set(json, "ports", ports) < 0 ? json_free(json) : json;
}

static struct json *list_waiting(struct net_switch *sw)
{
	struct json *waiting = json_new(JSON_ARRAY);

	for (size_t slot = 0; slot < SWITCH_VIFS_MAX; slot++) {
		const struct switch_vif *vif = switch_vif_at(sw, slot);

		if (vif && !vif->index)
			json_append(waiting, json_new_string(vif->name));
	}
	return waiting;
}

static void handle_list(struct agent *agent, struct rpc *rpc, uint32_t id, const struct json *params)
{
	AUTO_FREE struct nl_link *list = NULL;
	const struct switch_bridge *bridges;
	struct json *result, *described;
	size_t count, bridge_count = switch_bridges(switch_of(agent), &bridges);
	int r = links_list(switch_links(switch_of(agent)), &list, &count);

	if (r < 0) {
		rpc_fail(rpc, id, r, "cannot list interfaces: %s", strerror(-r));
		return;
	}
	result = json_new(JSON_OBJECT);
	described = json_new(JSON_ARRAY);
	for (size_t i = 0; i < bridge_count; i++)
		json_append(described, list_bridge(&bridges[i], list, count));
	r = json_set(result, "bridges", described);
	r |= json_set(result, "waiting", list_waiting(switch_of(agent)));
	if (r < 0)
		result = json_free(result);
	rpc_reply(rpc, id, result);
}

/* A number that sysfs tells of an interface; -1: nothing is told. */
static long interface_number(const struct agent *agent, const char *name, const char *file)
{
	AUTO_FREE char *text = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%.60s/class/net/%.15s/%s", agent->sys_root, name, file);
	return read_file(path, 4096, &text, NULL) < 0 ? -1 : strtol(text, NULL, 0);
}

static void net_probe(struct agent *agent, char broken[PROBE_TEXT_SIZE], char missing[PROBE_TEXT_SIZE])
{
	const struct switch_bridge *bridges;
	size_t count = switch_bridges(switch_of(agent), &bridges);

	for (size_t i = 0; i < count; i++) {
		const struct switch_bridge *b = &bridges[i];
		long flags = interface_number(agent, b->name, "flags");

		if (flags < 0 || !(flags & IFF_UP))
			snprintf(broken, PROBE_TEXT_SIZE, "bridge %s is %s", b->name, flags < 0 ? "gone" : "down");
		if (b->choice != NIC_NONE && !b->nic_index)
			snprintf(missing, PROBE_TEXT_SIZE, "bridge %s has no network card", b->name);
		else if (b->choice != NIC_NONE && interface_number(agent, b->nic, "carrier") == 0)
			snprintf(missing, PROBE_TEXT_SIZE, "%s: no carrier", b->nic);
	}
}

/* What the interface received is what the guest sent. */
static void net_count(struct agent *agent, struct json *devices)
{
	AUTO_FREE struct nl_link *list = NULL;
	unsigned guest, id;
	size_t count;

	if (links_list(switch_links(switch_of(agent)), &list, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (sscanf(list[i].name, "vif%u.%u", &guest, &id) == 2)
			agent_count_device(devices, guest, id, list[i].tx_bytes, list[i].rx_bytes);
	}
}

static const struct method methods[] = {
	{"net.configure", handle_configure},
	{"net.attach", handle_attach},
	{"net.detach", handle_detach},
	{"net.list", handle_list},
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
