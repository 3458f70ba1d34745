// SPDX-License-Identifier: LGPL-2.1-or-later
/* Rtnetlink messages, built and parsed. */
#include "net/netlink.h"

#include <ctype.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* Appends zeroed room for LEN bytes, padded to the alignment of netlink; NULL (and the overflow noted) if there is none. */
static void *put_room(struct nl_msg *msg, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);
	void *room = msg->data + msg->len;

	if (msg->overflow || padded < len || padded > sizeof(msg->data) - msg->len) {
		msg->overflow = true;
		return NULL;
	}
	memset(room, 0, padded);
	msg->len += padded;
	return room;
}

void nl_msg_begin(struct nl_msg *msg, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *hdr;

	msg->len = 0;
	msg->depth = 0;
	msg->overflow = false;
	hdr = put_room(msg, sizeof(*hdr));
	hdr->nlmsg_type = type;
	hdr->nlmsg_flags = flags;
}

void nl_msg_put_fixed(struct nl_msg *msg, const void *data, size_t len)
{
	void *room = put_room(msg, len);

	if (room)
		memcpy(room, data, len);
}

void nl_msg_put(struct nl_msg *msg, uint16_t attribute, const void *data, size_t len)
{
	struct nlattr *attr = len > NL_MSG_MAX ? NULL : put_room(msg, NLA_HDRLEN + len);

	if (!attr) {
		msg->overflow = true;
		return;
	}
	attr->nla_type = attribute;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + len);
	if (len)
		memcpy((uint8_t *)attr + NLA_HDRLEN, data, len);
}

void nl_msg_put_string(struct nl_msg *msg, uint16_t attribute, const char *string)
{
	nl_msg_put(msg, attribute, string, strlen(string) + 1);
}

void nl_msg_put_u32(struct nl_msg *msg, uint16_t attribute, uint32_t value)
{
	nl_msg_put(msg, attribute, &value, sizeof(value));
}

void nl_msg_put_u8(struct nl_msg *msg, uint16_t attribute, uint8_t value)
{
	nl_msg_put(msg, attribute, &value, sizeof(value));
}

void nl_msg_nest(struct nl_msg *msg, uint16_t attribute)
{
	if (msg->depth == NL_NEST_MAX) {
		msg->overflow = true;
		return;
	}
	msg->nest[msg->depth++] = msg->len;
	nl_msg_put(msg, attribute, NULL, 0);
}

void nl_msg_unnest(struct nl_msg *msg)
{
	struct nlattr *attr;
	size_t at;

	if (msg->overflow || msg->depth == 0) {
		msg->overflow = true;
		return;
	}
	at = msg->nest[--msg->depth];
	attr = (struct nlattr *)(void *)(msg->data + at);
	attr->nla_len = (uint16_t)(msg->len - at);
}

int nl_msg_end(struct nl_msg *msg, uint32_t seq)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)(void *)msg->data;

	if (msg->overflow || msg->depth)
		return -EMSGSIZE;
	hdr->nlmsg_len = (uint32_t)msg->len;
	hdr->nlmsg_seq = seq;
	return 0;
}

/* --- parsing --- */

const struct nlmsghdr *nl_next(const void *data, size_t len, size_t *at)
{
	struct nlmsghdr hdr;
	size_t start = *at;

	if (start > len || len - start < sizeof(hdr))
		return NULL;
	memcpy(&hdr, (const uint8_t *)data + start, sizeof(hdr));
	if (hdr.nlmsg_len < sizeof(hdr) || hdr.nlmsg_len > len - start)
		return NULL;
	*at = start + MIN(NLMSG_ALIGN((size_t)hdr.nlmsg_len), len - start);
	return (const struct nlmsghdr *)(const void *)((const uint8_t *)data + start);
}

int nl_parse_error(const struct nlmsghdr *hdr)
{
	int error;

	if (hdr->nlmsg_len < NLMSG_HDRLEN + sizeof(error))
		return -EBADMSG;
	memcpy(&error, (const uint8_t *)hdr + NLMSG_HDRLEN, sizeof(error));
	return error > 0 ? -EBADMSG : error;
}

typedef void attr_fn(struct nl_link *link, uint16_t type, const uint8_t *value, size_t len);

static int each_attr(const uint8_t *data, size_t len, attr_fn *fn, struct nl_link *link)
{
	while (len >= NLA_HDRLEN) {
		struct nlattr attr;
		size_t step;

		memcpy(&attr, data, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > len)
			return -EINVAL;
		fn(link, attr.nla_type & NLA_TYPE_MASK, data + NLA_HDRLEN, attr.nla_len - (size_t)NLA_HDRLEN);
		step = MIN(NLA_ALIGN((size_t)attr.nla_len), len);
		data += step;
		len -= step;
	}
	return 0;
}

static void copy_string(char *out, size_t size, const uint8_t *value, size_t len)
{
	size_t n = strnlen((const char *)value, MIN(len, size - 1));

	memcpy(out, value, n);
	out[n] = '\0';
}

static uint32_t get_u32(const uint8_t *value, size_t len)
{
	uint32_t v = 0;

	memcpy(&v, value, MIN(len, sizeof(v)));
	return v;
}

static void on_linkinfo_attr(struct nl_link *link, uint16_t type, const uint8_t *value, size_t len)
{
	if (type == IFLA_INFO_KIND)
		copy_string(link->kind, sizeof(link->kind), value, len);
}

static void on_stats(struct nl_link *link, const uint8_t *value, size_t len)
{
	struct rtnl_link_stats64 stats = {0};

	memcpy(&stats, value, MIN(len, sizeof(stats))); /* the kernel may know more or fewer counters */
	link->rx_bytes = stats.rx_bytes;
	link->tx_bytes = stats.tx_bytes;
	link->rx_packets = stats.rx_packets;
	link->tx_packets = stats.tx_packets;
	link->rx_dropped = stats.rx_dropped;
	link->tx_dropped = stats.tx_dropped;
}

static void on_link_attr(struct nl_link *link, uint16_t type, const uint8_t *value, size_t len)
{
	switch (type) {
	case IFLA_IFNAME:
		copy_string(link->name, sizeof(link->name), value, len);
		break;
	case IFLA_MASTER:
		link->master = (int)get_u32(value, len);
		break;
	case IFLA_MTU:
		link->mtu = get_u32(value, len);
		break;
	case IFLA_ADDRESS:
		if (len == NL_MAC_LEN) {
			memcpy(link->mac, value, len);
			link->has_mac = true;
		}
		break;
	case IFLA_CARRIER:
		link->carrier = len > 0 && value[0];
		break;
	case IFLA_STATS64:
		on_stats(link, value, len);
		break;
	case IFLA_LINKINFO:
		each_attr(value, len, on_linkinfo_attr, link); /* the kind stays empty if it is broken */
		break;
	}
}

int nl_parse_link(const struct nlmsghdr *hdr, struct nl_link *link)
{
	const uint8_t *data = (const uint8_t *)hdr + NLMSG_HDRLEN;
	struct ifinfomsg info;
	size_t len;
	int r;

	if (hdr->nlmsg_type != RTM_NEWLINK && hdr->nlmsg_type != RTM_DELLINK)
		return -EINVAL;
	if (hdr->nlmsg_len < NLMSG_HDRLEN + sizeof(info))
		return -EINVAL;
	memcpy(&info, data, sizeof(info));
	if (info.ifi_family != AF_UNSPEC)
		return -EINVAL;
	memset(link, 0, sizeof(*link));
	link->index = info.ifi_index;
	link->flags = info.ifi_flags;
	len = hdr->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(sizeof(info));
	r = each_attr(data + NLMSG_ALIGN(sizeof(info)), len, on_link_attr, link);
	if (r < 0)
		return r;
	return link->index > 0 && link->name[0] ? 0 : -EINVAL;
}

static const char *skip_number(const char *p)
{
	const char *start = p;

	while (isdigit((unsigned char)*p))
		p++;
	return p == start || (*start == '0' && p - start > 1) ? NULL : p;
}

bool vif_name_valid(const char *name)
{
	const char *p = name;

	if (strlen(name) >= IFNAMSIZ || strncmp(p, "vif", 3) != 0)
		return false;
	p = skip_number(p + 3);
	if (!p || *p != '.')
		return false;
	p = skip_number(p + 1);
	return p && *p == '\0';
}
