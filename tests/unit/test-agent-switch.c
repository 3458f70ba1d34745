// SPDX-License-Identifier: LGPL-2.1-or-later
/* The switch in a network namespace of its own, with veth pairs in place of vifs and NICs. Needs root, but for names. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
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

/* --- the test's own way to make interfaces: messages to the kernel --- */

struct message {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char attributes[512];
};

/* Appends bytes, and nothing but them if there is no TYPE; returns where, for unnest(). */
static struct rtattr *put(struct message *m, int type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)m + m->head.nlmsg_len);

	if (type)
		*a = (struct rtattr){(unsigned short)RTA_LENGTH(len), (unsigned short)type};
	memcpy(type ? RTA_DATA(a) : a, data, len);
	m->head.nlmsg_len += (unsigned)(type ? RTA_SPACE(len) : RTA_ALIGN(len));
	return a;
}

static void unnest(struct message *m, struct rtattr *a)
{
	a->rta_len = (unsigned short)((char *)m + m->head.nlmsg_len - (char *)a);
}

static int tell(struct message *m)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char more[1024];
	} reply;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool told = send(fd, m, m->head.nlmsg_len, 0) > 0 && recv(fd, &reply, sizeof(reply), 0) > 0;

	close(fd);
	return told ? reply.error.error : -EIO;
}

/* A veth pair NAME and PEER. */
static int make_veth(const char *name, const char *peer)
{
	struct message m = {.head = {NLMSG_LENGTH(sizeof(m.info)), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, 0}};
	struct ifinfomsg info = {0};
	struct rtattr *link, *data, *other;

	put(&m, IFLA_IFNAME, name, strlen(name) + 1);
	link = put(&m, IFLA_LINKINFO, "", 0);
	put(&m, IFLA_INFO_KIND, "veth", 5);
	data = put(&m, IFLA_INFO_DATA, "", 0);
	other = put(&m, VETH_INFO_PEER, "", 0);
	put(&m, 0, &info, sizeof(info));
	put(&m, IFLA_IFNAME, peer, strlen(peer) + 1);
	unnest(&m, other);
	unnest(&m, data);
	unnest(&m, link);
	return tell(&m);
}

static int delete(const char *name)
{
	struct message m = {.head = {NLMSG_LENGTH(sizeof(m.info)), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
			    .info.ifi_index = (int)if_nametoindex(name)};

	return tell(&m);
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

static struct interface find(const char *name)
{
	struct interface interface;

	interface_read(name, &interface);
	return interface;
}

static bool is_port(const char *name, const char *bridge)
{
	return find(name).index && !strcmp(find(name).master, bridge);
}

static void count_interface(const struct interface *interface, void *data)
{
	(*(int *)data)++;
}

static void test_links(void)
{
	struct interface interface;
	int count = 0, r = bridge_create("br-test");

	ok(r == 0, "a bridge is made (%s)", strerror(-r));
	ok(interface_number("br-test", "bridge/forward_delay") == 0 && interface_number("br-test", "bridge/stp_state") == 0 &&
		   interface_number("br-test", "bridge/multicast_snooping") <= 0, "its ports forward at once, and it does not snoop");
	ok(bridge_create("br-test") == -EEXIST, "a second time is refused");
	ok(interface_read("br-test", &interface) == 0 && interface.bridge && !interface.up, "it is found by name");
	ok(interface_read("nothing", &interface) == -ENODEV && interface_read("../net", &interface) == -ENODEV, "what is not there is not found");
	ok(interface_for_each(count_interface, &count) == 0 && count >= 2, "the list has the bridge and the loopback");
	ok(delete("br-test") == 0 && interface_read("br-test", &interface) == -ENODEV, "it is deleted");
	ok(interface_set_up("nothing", true) == -ENODEV, "an interface that is not there cannot be set up");
	ok(bridge_release("nothing", 1) < 0, "and has no ports");
}

static void test_names(void)
{
	static const char *const good[] = {"vif0.0", "vif32.0", "vif32751.15"};
	static const char *const bad[] = {"", "vif", "vif.", "vif1", "vif1.", "vif.1", "eth0", "vif1.0 ", "vif1.0/..", "vif1.0.0",
					  "Vif1.0", "vif01.0", "vif1.00", "vif-1.0", "vif1234567.12345", "vif1.0-emu"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(vif_name_valid(good[i]), "%s is a vif", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!vif_name_valid(bad[i]), "\"%s\" is no vif", bad[i]);
}

static void test_configure(void)
{
	ok(switch_configure(sw, "xenbr0", NIC_AUTO, NULL) == 0 && find("xenbr0").up, "a bridge is configured and up");
	ok(switch_configure(sw, "xenbr0", NIC_AUTO, NULL) == 0, "and again: nothing to do");
	ok(switch_configure(sw, "vif1.0", NIC_NONE, NULL) == -EINVAL, "a bridge cannot have a guest's name");
	ok(switch_configure(sw, "a/b", NIC_NONE, NULL) == -EINVAL, "nor a slash in its name");
	ok(switch_configure(sw, "lo", NIC_NONE, NULL) == -EEXIST, "nor the name of another interface");

	make_device("eth7", "pci");
	make_device("back0", "xen-backend");
	ok(make_veth("back0", "back1") == 0 && make_veth("eth7", "wire7") == 0, "a backend's interface and a NIC appear");
	run();
	ok(is_port("eth7", "xenbr0") && find("eth7").up, "auto takes the NIC and sets it up");
	ok(is_port("back0", "") && is_port("wire7", ""), "and nothing that is no NIC");
	ok(switch_configure(sw, "xenbr1", NIC_NAMED, "eth7") == -EBUSY, "a NIC belongs to one bridge");
	ok(switch_configure(sw, "xenbr0", NIC_NONE, NULL) == 0 && is_port("eth7", ""), "without a NIC it lets go of it");
	ok(switch_configure(sw, "xenbr0", NIC_NAMED, "eth7") == 0 && is_port("eth7", "xenbr0"),
	   "a NIC can be named, and is there at once");
	delete("eth7");
	run();
	make_veth("eth7", "wire7");
	run();
	ok(is_port("eth7", "xenbr0"), "a NIC that comes back is taken again");
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

	ok(switch_attach(sw, "vif9.0", "nobridge", NULL) == -ENOENT, "an unknown bridge is refused");
	ok(switch_attach(sw, "a/b", "xenbr0", NULL) == -EINVAL, "what is no interface's name is refused");
	ok(switch_attach(sw, "vif9.0", "xenbr0", &vif) == 0 && vif->index == 0, "a vif that is not there is waited for");
	ok(make_veth("vif9.0", "peer9") == 0 && ups == 0, "netback makes it");
	run();
	ok(ups == 1 && !strcmp(last_up, "vif9.0"), "its coming up is told once (%d)", ups);
	ok(is_port("vif9.0", "xenbr0") && find("vif9.0").up, "it is a port and up");
	ok(switch_attach(sw, "vif9.0", "xenbr0", &vif) == 0 && vif->index && ups == 1, "the same order again is no news");
	ok(switch_attach(sw, "vif9.0", "b1", &vif) == 0 && is_port("vif9.0", "b1"), "it can be moved");
	bridge_release("b1", find("vif9.0").index);
	run();
	ok(is_port("vif9.0", "b1"), "who takes it out finds it put back");

	delete("vif9.0");
	run();
	ok(downs == 1, "its going is told");
	make_veth("vif9.0", "peer9");
	run();
	ok(ups == 2 && is_port("vif9.0", "b1"), "it is attached again when it comes back");
	ok(switch_detach(sw, "vif9.0") == 0 && is_port("vif9.0", "") && !find("vif9.0").up, "a detached vif leaves the bridge");
	ok(switch_detach(sw, "vif9.0") == -ENOENT && switch_detach(sw, "") == -ENOENT, "it cannot be detached twice");
	ok(make_veth("vif8.0", "peer8") == 0 && switch_attach(sw, "vif8.0", "xenbr0", &vif) == 0 && vif->index,
	   "a vif that is there already is attached at once");
}

static void test_many(void)
{
	int r = 0, n = 0;

	for (n = 0; n < SWITCH_VIFS_MAX + 1 && r == 0; n++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "vif%d.3", n + 100);
		r = switch_attach(sw, name, "xenbr0", NULL);
	}
	ok(r == -ENOSPC && n == SWITCH_VIFS_MAX, "the number of vifs is limited (%d with the one before)", n);
}

static void test_silence(void)
{
	char *text = NULL;

	silence_ip_stack();
	ok(read_file("/proc/sys/net/ipv4/conf/all/arp_ignore", 65536, &text, NULL) == 0 && text[0] == '8', "ARP is not answered");
	free(text);
	text = NULL;
	if (read_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", 65536, &text, NULL) == 0)
		ok(text[0] == '1', "new interfaces have no IPv6");
	free(text);
}

int main(void)
{
	test_names();
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) < 0) {
		printf("# the rest needs root, for namespaces of its own\n");
		return plan_done();
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
