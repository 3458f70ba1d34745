/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Atoll's JSON-RPC framing, version 1: the same bytes on a unix socket and on a vchan.
 *
 *   frame   := length (4 bytes, little-endian, 1 … RPC_FRAME_MAX) text (length bytes of JSON, one object)
 *   request := {"id": 1…2^31-1, "method": string, "params": object?}
 *   reply   := {"id": the request's, "result": any}  |  {"id": …, "error": {"code": "ENOENT", "message": string}}
 *   event   := {"event": string, "params": object?}             no reply
 *
 * Both sides may send requests. Replies may come in any order. A frame that breaks a rule ends the session.
 */
#ifndef ATOLL_RPC_H
#define ATOLL_RPC_H

#define RPC_VERSION 1
#define RPC_FRAME_MAX 65536     /* bytes of JSON in a frame: a status table of 100 domains fits */
#define RPC_QUEUE_MAX (4 * 65536) /* unsent bytes after which a peer that does not read is dropped */
#define RPC_CALLS_MAX 128       /* requests that wait for their reply, each way */

#define RPC_SOCKET_ATOLLD "/run/atoll/atolld.sock"
#define RPC_SOCKET_BUILDER "/run/atoll/builder.sock"

#endif
