// SPDX-License-Identifier: LGPL-2.1-or-later
/* A call that is waited for, for programs that have nothing else to do. */
#include <errno.h>

#include "rpc/rpc.h"

struct answer {
	bool there;
	struct json *result;
	struct rpc_error error;
};

static void on_answer(struct rpc *rpc, const struct json *result, const struct rpc_error *error, void *data)
{
	struct answer *answer = data;

	answer->there = true;
	answer->result = json_copy(result);
	if (error)
		answer->error = *error;
}

int rpc_call_wait(struct loop *loop, struct rpc *rpc, const char *method, struct json *params, unsigned timeout_ms,
		  struct json **result, struct rpc_error *error)
{
	struct answer answer = {0};
	int r = rpc_call(rpc, method, params, timeout_ms, on_answer, &answer);

	while (r == 0 && !answer.there)
		r = loop_step(loop, -1);
	*result = answer.result;
	*error = answer.error;
	return r < 0 ? r : answer.error.code[0] ? -EREMOTEIO : 0;
}
