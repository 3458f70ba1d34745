// SPDX-License-Identifier: LGPL-2.1-or-later
/* The switch in a network namespace of its own, with veth pairs in place of vifs and NICs. Needs root; skipped without. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "net/switch.h"
#include "tap.h"

static struct loop *loop;
static struct net_switch *sw;
static char sys_root[] = "/tmp/atoll-sys-XXXXXX";
static int ups, downs;
static char last_up[IFNAMSIZ];

static void on_vif(const struct switch_vif *vif, bool up, void *data)
{
	if (up) {
		ups++;
		snprintf(last_up, sizeof(last_up), "%s", vif->name);
	} else {
		downs++;
	}
}

static void run(void)
{
	for (int i = 0; i < 20; i++)
		loop_step(loop, 5);
}

/* The test's own way to make interfaces: a veth pair NAME and PEER. */
static int make_veth(const char *name, const char *peer)
{
	struct ifinfomsg info = {0};
	struct nl_msg msg;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), r;
	uint8_t reply[1024];

	nl_msg_begin(&msg, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	nl_msg_put_fixed(&msg, &info, sizeof(info));
	nl_msg_put_string(&msg, IFLA_IFNAME, name);
	nl_msg_nest(&msg, IFLA_LINKINFO);
	nl_msg_put_string(&msg, IFLA_INFO_KIND, "veth");
	nl_msg_nest(&msg, IFLA_INFO_DATA);
	nl_msg_nest(&msg, VETH_INFO_PEER);
	nl_msg_put_fixed(&msg, &info, sizeof(info));
	nl_msg_put_string(&msg, IFLA_IFNAME, peer);
	nl_msg_unnest(&msg);
	nl_msg_unnest(&msg);
	nl_msg_unnest(&msg);
	r = nl_msg_end(&msg, 1);
	if (r == 0 && send(fd, msg.data, msg.len, 0) > 0 && recv(fd, reply, sizeof(reply), 0) > 0)
		r = nl_parse_error((const struct nlmsghdr *)(const void *)reply);
	close(fd);
	return r;
}

/* In the fake sysfs, NAME becomes a device on BUS. */
static void make_device(const char *name, const char *bus)
{
	char path[256], target[64];

	snprintf(path, sizeof(path), "%s/class/net/%s/device", sys_root, name);
	make_dirs(path, 0755);
	snprintf(path, sizeof(path), "%s/class/net/%s/device/subsystem", sys_root, name);
	snprintf(target, sizeof(target), "../../../../bus/%s", bus);
	if (symlink(target, path) < 0)
		perror(path);
}

static struct nl_link find(const char *name)
{
	struct nl_link link;

	if (links_find(switch_links(sw), name, &link) < 0)
		memset(&link, 0, sizeof(link));
	return link;
}

static void test_links(void)
{
	struct links *links = switch_links(sw);
	const uint8_t mac[NL_MAC_LEN] = {2, 0, 0, 0, 0, 9};
	struct nl_link link, *list;
	size_t count;
	int r = links_create_bridge(links, "br-test");

	ok(r == 0, "a bridge is made (%s)", strerror(-r));
	ok(links_create_bridge(links, "br-test") == -EEXIST, "a second time is refused");
	ok(links_find(links, "br-test", &link) == 0 && !strcmp(link.kind, "bridge"), "it is found by name");
	ok(links_find(links, "nothing", &link) == -ENODEV, "what is not there is not found");
	link = find("br-test");
	ok(links_set_mac(links, link.index, mac) == 0 && !memcmp(find("br-test").mac, mac, sizeof(mac)), "its address is set");
	ok(links_list(links, &list, &count) == 0 && count >= 2, "the list has the bridge and the loopback");
	free(list);
	ok(links_delete(links, link.index) == 0 && find("br-test").index == 0, "it is deleted");
	ok(links_set_up(links, 12345, true) == -ENODEV, "an interface that is not there cannot be set up");
}

static void test_configure(void)
{
	ok(switch_configure(sw, "xenbr0", NIC_AUTO, NULL) == 0 && find("xenbr0").flags & IFF_UP, "a bridge is configured and up");
	ok(switch_configure(sw, "xenbr0", NIC_AUTO, NULL) == 0, "and again: nothing to do");
	ok(switch_configure(sw, "vif1.0", NIC_NONE, NULL) == -EINVAL, "a bridge cannot have a guest's name");
	ok(switch_configure(sw, "a/b", NIC_NONE, NULL) == -EINVAL, "nor a slash in its name");
	ok(switch_configure(sw, "lo", NIC_NONE, NULL) == -EEXIST, "nor the name of another interface");

	make_device("eth7", "pci");
	make_device("back0", "xen-backend");
	ok(make_veth("back0", "back1") == 0 && make_veth("eth7", "wire7") == 0, "a backend's interface and a NIC appear");
	run();
	ok(find("eth7").master == find("xenbr0").index && find("eth7").flags & IFF_UP, "auto takes the NIC and sets it up");
	ok(find("back0").master == 0 && find("wire7").master == 0, "and nothing that is no NIC");
	ok(switch_configure(sw, "xenbr1", NIC_NAMED, "eth7") == -EBUSY, "a NIC belongs to one bridge");
	ok(switch_configure(sw, "xenbr0", NIC_NONE, NULL) == 0 && find("eth7").master == 0, "without a NIC it lets go of it");
	ok(switch_configure(sw, "xenbr0", NIC_NAMED, "eth7") == 0 && find("eth7").master == find("xenbr0").index,
	   "a NIC can be named, and is there at once");
	links_delete(switch_links(sw), find("eth7").index);
	run();
	make_veth("eth7", "wire7");
	run();
	ok(find("eth7").master == find("xenbr0").index, "a NIC that comes back is taken again");
	for (int i = 1; i < SWITCH_BRIDGES_MAX; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "b%d", i);
		switch_configure(sw, name, NIC_NONE, NULL);
	}
	ok(switch_configure(sw, "more", NIC_NONE, NULL) == -ENOSPC && find("more").index == 0, "the number of bridges is limited");
}

static void test_vifs(void)
{
	const struct switch_vif *vif;

	ok(switch_attach(sw, "vif9.0", "nobridge", 0, NULL) == -ENOENT, "an unknown bridge is refused");
	ok(switch_attach(sw, "eth7", "xenbr0", 0, NULL) == -EINVAL, "what is no vif is refused");
	ok(switch_attach(sw, "vif9.0", "xenbr0", 20, NULL) == -EINVAL, "a tiny mtu is refused");
	ok(switch_attach(sw, "vif9.0", "xenbr0", 1400, &vif) == 0 && vif->index == 0, "a vif that is not there is waited for");
	ok(make_veth("vif9.0", "peer9") == 0 && ups == 0, "netback makes it");
	run();
	ok(ups == 1 && !strcmp(last_up, "vif9.0"), "its coming up is told once (%d)", ups);
	ok(find("vif9.0").master == find("xenbr0").index && find("vif9.0").flags & IFF_UP, "it is a port and up");
	ok(find("vif9.0").mtu == 1400, "its mtu is set");
	ok(switch_attach(sw, "vif9.0", "xenbr0", 1400, &vif) == 0 && vif->index && ups == 1, "the same order again is no news");
	ok(switch_attach(sw, "vif9.0", "b1", 0, &vif) == 0 && find("vif9.0").master == find("b1").index, "it can be moved");
	links_set_master(switch_links(sw), find("vif9.0").index, 0);
	run();
	ok(find("vif9.0").master == find("b1").index, "who takes it out finds it put back");

	links_delete(switch_links(sw), find("vif9.0").index);
	run();
	ok(downs == 1, "its going is told");
	make_veth("vif9.0", "peer9");
	run();
	ok(ups == 2 && find("vif9.0").master == find("b1").index, "it is attached again when it comes back");
	ok(switch_detach(sw, "vif9.0") == 0 && find("vif9.0").master == 0, "a detached vif leaves the bridge");
	ok(switch_detach(sw, "vif9.0") == -ENOENT && switch_detach(sw, "") == -ENOENT, "it cannot be detached twice");
	ok(make_veth("vif8.0", "peer8") == 0 && switch_attach(sw, "vif8.0", "xenbr0", 0, &vif) == 0 && vif->index,
	   "a vif that is there already is attached at once");
}

static void test_many(void)
{
	int r = 0, n = 0;

	for (n = 0; n < SWITCH_VIFS_MAX + 1 && r == 0; n++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "vif%d.3", n + 100);
		r = switch_attach(sw, name, "xenbr0", 0, NULL);
	}
	ok(r == -ENOSPC && n == SWITCH_VIFS_MAX, "the number of vifs is limited (%d with the one before)", n);
}

static void test_silence(void)
{
	char *text = NULL;

	silence_ip_stack("/proc");
	ok(read_file("/proc/sys/net/ipv4/conf/all/arp_ignore", 65536, &text, NULL) == 0 && text[0] == '8', "ARP is not answered");
	free(text);
	text = NULL;
	if (read_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", 65536, &text, NULL) == 0)
		ok(text[0] == '1', "new interfaces have no IPv6");
	free(text);
}

int main(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		printf("1..0 # SKIP needs root for a network namespace\n");
		return 0;
	}
	if (!mkdtemp(sys_root) || loop_create(&loop) < 0 || switch_create(loop, sys_root, on_vif, NULL, &sw) < 0)
		return 1;
	test_silence();
	test_links();
	test_configure();
	test_vifs();
	test_many();
	sw = switch_destroy(sw);
	loop = loop_destroy(loop);
	return plan_done();
}
