// SPDX-License-Identifier: LGPL-2.1-or-later
/* The command's connection to atolld. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

static void on_event(struct rpc *rpc, const char *event, const struct json *params, void *data)
{
	struct cli *cli = data;

	if (cli->on_event)
		cli->on_event(cli, event, params);
}

static void on_close(struct rpc *rpc, const char *why, void *data)
{
	struct cli *cli = data;

	cli->rpc = rpc_destroy(rpc);
	cli->lost = true;
}

static const struct rpc_ops ops = {.on_event = on_event, .on_close = on_close};

static int connect_atolld(struct cli *cli)
{
	int fd, r = cli->loop ? 0 : loop_create(&cli->loop);

	if (r < 0)
		return r;
	fd = rpc_socket_connect(RPC_SOCKET_ATOLLD);
	if (fd < 0) {
		fprintf(stderr, "atoll: %s: %s%s\n", RPC_SOCKET_ATOLLD, strerror(-fd),
			fd == -ENOENT || fd == -ECONNREFUSED ? "; does atolld run? `systemctl status atolld`" : "");
		return fd;
	}
	return rpc_create_socket(cli->loop, fd, "atolld", &ops, cli, &cli->rpc);
}

void cli_fini(struct cli *cli)
{
	cli->rpc = rpc_destroy(cli->rpc);
	cli->loop = loop_destroy(cli->loop);
}

int cli_call(struct cli *cli, const char *method, struct json *params, struct json **result)
{
	struct rpc_error error;
	int r = cli->rpc ? 0 : connect_atolld(cli);

	if (r < 0) {
		json_free(params);
		return 1;
	}
	if (cli->fd >= 0)
		rpc_push_fd(cli->rpc, TAKE_FD(cli->fd));
	r = rpc_call_wait(cli->loop, cli->rpc, method, params, 0, result, &error);
	if (r == -EREMOTEIO)
		fprintf(stderr, "atoll: %s\n", error.message);
	else if (r < 0)
		fprintf(stderr, "atoll: %s: %s\n", method, strerror(-r));
	return r < 0;
}

int cli_status(struct cli *cli, struct json **out)
{
	AUTO_JSON struct json *all = NULL;
	int64_t first = 0;

	do {
		AUTO_JSON struct json *page = NULL;

		if (cli_call(cli, "status", json_build("first=%ld", first), &page) != 0)
			return 1;
		first = json_get_int(page, "next", 0);
		if (!all) {
			all = TAKE_PTR(page);
			continue;
		}
		json_for_each(d, json_get(page, "domains"))
			json_append((struct json *)json_get(all, "domains"), json_copy(d));
	} while (first);
	*out = TAKE_PTR(all);
	return 0;
}

const char *cli_time(const struct json *json, const char *format, char out[32])
{
	time_t seconds = (time_t)(json_get_int(json, "time_ms", 0) / 1000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(out, 32, format, &tm);
	return out;
}

void cli_print_json(const struct json *json)
{
	AUTO_BUF struct buf out = BUF_INIT(1u << 20);

	if (json_print(json, &out, true) == 0)
		fwrite(out.data, 1, out.len, stdout);
}
