/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rtnetlink messages, built and parsed: rtnetlink(7), linux/if_link.h. Pure: no socket, no allocation. Building goes on after an
 * overflow and nl_msg_end() reports it, so that a chain of puts needs one check. Parsing checks every length; what it returns is
 * a copy.
 */
#ifndef ATOLL_DRIVER_DOMAINS_NETLINK_H
#define ATOLL_DRIVER_DOMAINS_NETLINK_H

#include <linux/netlink.h>
#include <net/if.h>

#include "base/util.h"

/* Our largest request (a bridge with its options) is below 200 bytes. */
#define NL_MSG_MAX 512
/* Attributes in attributes: link → linkinfo → data is all that we write. */
#define NL_NEST_MAX 4
#define NL_MAC_LEN 6
#define NL_KIND_MAX 16

struct nl_msg {
	_Alignas(4) uint8_t data[NL_MSG_MAX];
	size_t len;
	size_t nest[NL_NEST_MAX]; /* offsets of the open nested attributes */
	unsigned depth;
	bool overflow;
};

void nl_msg_begin(struct nl_msg *msg, uint16_t type, uint16_t flags);
/* The fixed part that follows the header: ifinfomsg and the like. */
void nl_msg_put_fixed(struct nl_msg *msg, const void *data, size_t len);
void nl_msg_put(struct nl_msg *msg, uint16_t attribute, const void *data, size_t len);
void nl_msg_put_string(struct nl_msg *msg, uint16_t attribute, const char *string);
void nl_msg_put_u32(struct nl_msg *msg, uint16_t attribute, uint32_t value);
void nl_msg_put_u8(struct nl_msg *msg, uint16_t attribute, uint8_t value);
void nl_msg_nest(struct nl_msg *msg, uint16_t attribute);
void nl_msg_unnest(struct nl_msg *msg);
/* Closes the message with its length and SEQ. 0 or -EMSGSIZE. */
int nl_msg_end(struct nl_msg *msg, uint32_t seq);

/* An interface as RTM_NEWLINK or RTM_DELLINK describes it. */
struct nl_link {
	int index;
	unsigned flags;  /* IFF_* */
	char name[IFNAMSIZ];
	char kind[NL_KIND_MAX]; /* "bridge", "veth", "" for most drivers */
	int master;      /* index of the bridge it is a port of, 0: none */
	uint32_t mtu;
	uint8_t mac[NL_MAC_LEN];
	bool has_mac;
	bool carrier;
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, rx_dropped, tx_dropped;
};

/* 0, or -EINVAL for what is not a whole link message; that includes the bridge family's, which tell of ports coming and going
 * with the same types. */
int nl_parse_link(const struct nlmsghdr *hdr, struct nl_link *link);

/* The error of an NLMSG_ERROR: 0 or -errno; -EBADMSG if it is too short. */
int nl_parse_error(const struct nlmsghdr *hdr);

/* Steps through a received datagram: the next whole message at *at, or NULL at the end or at the first broken one. */
const struct nlmsghdr *nl_next(const void *data, size_t len, size_t *at);

/* vif<domid>.<device>, no leading zeros, as netback names them: anything else is not a guest's interface. */
bool vif_name_valid(const char *name);

#endif
