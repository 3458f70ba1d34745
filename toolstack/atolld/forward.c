// SPDX-License-Identifier: LGPL-2.1-or-later
/* Requests of clients that the builder or an agent answers. */
#include <errno.h>

#include "atolld/api.h"

struct forward {
	struct atolld *atolld;
	uint64_t client; /* its serial: it may leave before the answer comes */
	uint32_t id;
	unsigned domid;
	forward_fn *answer;
};

static void on_answer(struct rpc *from, const struct json *result, const struct rpc_error *error, void *data)
{
	AUTO_FREE struct forward *f = data;
	struct rpc *client = api_client(f->atolld, f->client);

	if (client && error)
		rpc_fail_with(client, f->id, error);
	else if (client)
		rpc_reply(client, f->id, f->answer ? f->answer(f->atolld, f->domid, json_copy(result)) : json_copy(result));
	census_request(f->atolld);
}

void api_forward(struct atolld *a, struct rpc *client, uint32_t id, struct rpc *to, const char *method, struct json *params,
		 unsigned timeout_ms, forward_fn *answer)
{
	struct forward *f = malloc(sizeof(*f));

	if (f) {
		*f = (struct forward){a, api_serial(a, client), id, (unsigned)json_get_int(params, "domid", 0), answer};
		if (rpc_call(to, method, params, timeout_ms, on_answer, f) == 0)
			return;
	} else {
		json_free(params);
	}
	free(f);
	rpc_fail(client, id, EIO, "%s does not take orders", rpc_peer(to));
}
