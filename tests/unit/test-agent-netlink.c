// SPDX-License-Identifier: LGPL-2.1-or-later
/* Rtnetlink messages of the net agent: built, parsed, and broken ones refused. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "net/netlink.h"
#include "tap.h"

static struct nl_msg msg;

static const struct nlmsghdr *header(void)
{
	return (const struct nlmsghdr *)(const void *)msg.data;
}

static void build_link(int family)
{
	struct ifinfomsg info = {.ifi_family = (unsigned char)family, .ifi_index = 7, .ifi_flags = IFF_UP};
	const uint8_t mac[NL_MAC_LEN] = {0, 0x16, 0x3e, 1, 2, 3};
	struct rtnl_link_stats64 stats = {.rx_bytes = 1ull << 40, .tx_packets = 5};

	nl_msg_begin(&msg, RTM_NEWLINK, 0);
	nl_msg_put_fixed(&msg, &info, sizeof(info));
	nl_msg_put_string(&msg, IFLA_IFNAME, "vif32.0");
	nl_msg_put_u32(&msg, IFLA_MASTER, 3);
	nl_msg_put_u32(&msg, IFLA_MTU, 1500);
	nl_msg_put(&msg, IFLA_ADDRESS, mac, sizeof(mac));
	nl_msg_put_u8(&msg, IFLA_CARRIER, 1);
	nl_msg_put(&msg, IFLA_STATS64, &stats, sizeof(stats));
	nl_msg_nest(&msg, IFLA_LINKINFO);
	nl_msg_put_string(&msg, IFLA_INFO_KIND, "veth");
	nl_msg_unnest(&msg);
}

static void test_round_trip(void)
{
	struct nl_link link;

	build_link(AF_UNSPEC);
	ok(nl_msg_end(&msg, 42) == 0, "a link message is built");
	ok(header()->nlmsg_len == msg.len && msg.len % 4 == 0 && header()->nlmsg_seq == 42, "its header has length and number");
	ok(nl_parse_link(header(), &link) == 0, "it parses");
	ok(link.index == 7 && link.flags == IFF_UP && link.master == 3 && link.mtu == 1500, "numbers come back");
	ok(!strcmp(link.name, "vif32.0") && !strcmp(link.kind, "veth"), "strings come back, nested ones too");
	ok(link.has_mac && link.mac[1] == 0x16 && link.carrier, "address and carrier come back");
	ok(link.rx_bytes == 1ull << 40 && link.tx_packets == 5, "counters come back");

	build_link(AF_BRIDGE);
	nl_msg_end(&msg, 1);
	ok(nl_parse_link(header(), &link) == -EINVAL, "a message of the bridge family is not about the interface");
}

static void test_broken(void)
{
	struct nl_link link;
	struct nlmsghdr *hdr = (struct nlmsghdr *)(void *)msg.data;
	int accepted = 0;

	build_link(AF_UNSPEC);
	nl_msg_end(&msg, 1);
	/* Every cut either ends at an attribute's end, and is a shorter message, or is refused: no read beyond it (ASan). */
	for (uint32_t len = NLMSG_HDRLEN; len < msg.len; len++) {
		uint8_t *copy = malloc(len);

		hdr->nlmsg_len = len;
		memcpy(copy, msg.data, len);
		accepted += nl_parse_link((const struct nlmsghdr *)(const void *)copy, &link) == 0;
		free(copy);
	}
	ok(accepted > 0, "cut messages are read within their length");
	hdr->nlmsg_len = (uint32_t)msg.len;
	((struct nlattr *)(void *)(msg.data + NLMSG_HDRLEN + sizeof(struct ifinfomsg)))->nla_len = 2;
	ok(nl_parse_link(hdr, &link) == -EINVAL, "an attribute shorter than its header is refused");
	((struct nlattr *)(void *)(msg.data + NLMSG_HDRLEN + sizeof(struct ifinfomsg)))->nla_len = 0xffff;
	ok(nl_parse_link(hdr, &link) == -EINVAL, "an attribute longer than the message is refused");
	nl_msg_begin(&msg, RTM_NEWADDR, 0);
	nl_msg_end(&msg, 1);
	ok(nl_parse_link(hdr, &link) == -EINVAL, "another type is refused");
}

static void test_build_limits(void)
{
	uint8_t big[NL_MSG_MAX] = {0};

	nl_msg_begin(&msg, RTM_NEWLINK, 0);
	nl_msg_put(&msg, 1, big, sizeof(big));
	nl_msg_put_u32(&msg, 2, 1);
	ok(nl_msg_end(&msg, 1) == -EMSGSIZE, "an overflow is reported at the end");
	nl_msg_begin(&msg, RTM_NEWLINK, 0);
	nl_msg_nest(&msg, 1);
	ok(nl_msg_end(&msg, 1) == -EMSGSIZE, "an open nest is reported");
	nl_msg_begin(&msg, RTM_NEWLINK, 0);
	for (int i = 0; i <= NL_NEST_MAX; i++)
		nl_msg_nest(&msg, 1);
	for (int i = 0; i <= NL_NEST_MAX; i++)
		nl_msg_unnest(&msg);
	ok(nl_msg_end(&msg, 1) == -EMSGSIZE, "nesting too deep is reported");
}

static void test_next_and_error(void)
{
	_Alignas(4) uint8_t data[64] = {0};
	struct nlmsghdr *hdr = (struct nlmsghdr *)(void *)data;
	int error = -EBUSY;
	size_t at = 0;

	hdr->nlmsg_len = NLMSG_HDRLEN + sizeof(error);
	hdr->nlmsg_type = NLMSG_ERROR;
	memcpy(data + NLMSG_HDRLEN, &error, sizeof(error));
	ok(nl_parse_error(hdr) == -EBUSY, "an error is read");
	ok(nl_next(data, 20, &at) == hdr && at == 20 && !nl_next(data, 20, &at), "a datagram of one message has one");
	at = 0;
	ok(!nl_next(data, 19, &at), "a message longer than the datagram is not given out");
	at = 0;
	hdr->nlmsg_len = 8;
	ok(!nl_next(data, sizeof(data), &at), "nor one shorter than its header");
	hdr->nlmsg_len = NLMSG_HDRLEN;
	ok(nl_parse_error(hdr) == -EBADMSG, "an error without a number is refused");
}

static void test_vif_names(void)
{
	static const char *const good[] = {"vif0.0", "vif32.0", "vif32751.15"};
	static const char *const bad[] = {"", "vif", "vif.", "vif1", "vif1.", "vif.1", "eth0", "vif1.0 ", "vif1.0/..", "vif1.0.0",
					  "Vif1.0", "vif01.0", "vif1.00", "vif-1.0", "vif1234567.12345", "vif1.0-emu"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(vif_name_valid(good[i]), "%s is a vif", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!vif_name_valid(bad[i]), "\"%s\" is no vif", bad[i]);
}

int main(void)
{
	test_round_trip();
	test_broken();
	test_build_limits();
	test_next_and_error();
	test_vif_names();
	return plan_done();
}
