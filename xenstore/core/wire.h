// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The xenstore wire protocol: message numbers, limits, and the pure codec of headers, strings, numbers, paths and
 * permissions.  Nothing here allocates, and nothing trusts its input.
 *
 * Specification: docs/misc/xenstore.txt and docs/misc/xenstore-ring.txt of Xen; the messages after 4.17 as in its
 * development head.
 */
#ifndef ATOLL_XENSTORE_WIRE_H
#define ATOLL_XENSTORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
	WIRE_CONTROL = 0,
	WIRE_DIRECTORY = 1,
	WIRE_READ = 2,
	WIRE_GET_PERMS = 3,
	WIRE_WATCH = 4,
	WIRE_UNWATCH = 5,
	WIRE_TRANSACTION_START = 6,
	WIRE_TRANSACTION_END = 7,
	WIRE_INTRODUCE = 8,
	WIRE_RELEASE = 9,
	WIRE_GET_DOMAIN_PATH = 10,
	WIRE_WRITE = 11,
	WIRE_MKDIR = 12,
	WIRE_RM = 13,
	WIRE_SET_PERMS = 14,
	WIRE_WATCH_EVENT = 15,
	WIRE_ERROR = 16,
	WIRE_IS_DOMAIN_INTRODUCED = 17,
	WIRE_RESUME = 18,
	WIRE_SET_TARGET = 19,
	WIRE_RESET_WATCHES = 21, /* 20 was RESTRICT */
	WIRE_DIRECTORY_PART = 22,
	WIRE_GET_FEATURE = 23,
	WIRE_SET_FEATURE = 24,
	WIRE_GET_QUOTA = 25,
	WIRE_SET_QUOTA = 26,
	WIRE_TYPE_COUNT
};

#define WIRE_PAYLOAD_MAX 4096 /* of any message */
#define WIRE_ABS_PATH_MAX 3072
#define WIRE_REL_PATH_MAX 2048
#define WIRE_HEADER_SIZE 16
#define WIRE_MESSAGE_MAX (WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX)
#define WIRE_MAX_DOMID 0x7fefu /* DOMID_FIRST_RESERVED - 1 */

/* Bits of the server features field and of GET_FEATURE. */
#define WIRE_FEATURE_RECONNECTION 1u
#define WIRE_FEATURE_ERROR 2u
#define WIRE_FEATURE_WATCH_DEPTH 4u
#define WIRE_FEATURE_QUOTA 8u
#define WIRE_FEATURES_ALL 15u

struct wire_header {
	uint32_t type;
	uint32_t req_id;
	uint32_t tx_id;
	uint32_t len; /* of the payload that follows */
};
_Static_assert(sizeof(struct wire_header) == WIRE_HEADER_SIZE, "wire header");

/* A permission entry. */
#define PERM_READ 1u
#define PERM_WRITE 2u
#define PERM_OWNER 4u /* never on the wire */
struct perm {
	uint32_t domid;
	uint32_t bits;
};

void wire_header_get(struct wire_header *header, const void *bytes);
void wire_header_put(void *bytes, const struct wire_header *header);

/* "EINVAL" and the like for a positive errno; anything the protocol has no word for is "EINVAL". */
const char *wire_error_name(int error);

/* The number of NUL-terminated strings in the payload; -EINVAL if the last one is not terminated. */
int wire_count_strings(const char *data, size_t len);
/* The string after @at, or NULL at the payload's end. The payload must end in NUL. */
const char *wire_next_string(const char *data, size_t len, const char *at);

/* Decimal digits only, no sign, no blanks; -EINVAL when empty, other bytes, or above @max. */
int wire_parse_number(const char *text, uint64_t max, uint64_t *value);
/* Writes @value and a NUL; @text has room for 21 bytes. Returns the length without the NUL. */
size_t wire_format_number(char *text, uint64_t value);

/* One entry such as "n0" or "b12". */
int wire_parse_perm(const char *text, struct perm *perm);
/* Writes one entry with its NUL (at most 12 bytes); returns the length with the NUL. */
size_t wire_format_perm(char *text, const struct perm *perm);

/* True for a valid absolute path: known bytes, no empty component, no trailing slash, at most @max bytes. */
bool wire_path_valid(const char *path, size_t len, size_t max);

#endif
