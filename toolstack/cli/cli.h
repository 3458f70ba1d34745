/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command's connection to atolld, its tables and its console. */
#ifndef ATOLL_CLI_H
#define ATOLL_CLI_H

#include "rpc/rpc.h"

#define CLI_FILE_MAX (64 * 1024)

struct cli {
	bool json;
	struct loop *loop;
	struct rpc *rpc;
	void (*on_event)(struct cli *cli, const char *event, const struct json *params);
	void *data; /* on_event's */
	bool lost; /* atolld closed the connection */
	int fd;    /* goes with the next call, which closes it; -1: none */
};

void cli_fini(struct cli *cli);
/* One call, waited for; connects first if needed. 0, or 1 after the error was printed. The caller frees RESULT. */
int cli_call(struct cli *cli, const char *method, struct json *params, struct json **result);
/* `status`, all pages in one. */
int cli_status(struct cli *cli, struct json **result);
void cli_print_json(const struct json *json);
/* The local time of an event or record, as FORMAT of strftime() has it. */
const char *cli_time(const struct json *json, const char *format, char out[32]);

/* What atolld answers, for people. */
typedef void show_fn(const struct json *result, FILE *out);
show_fn table_domains, table_status; /* of `status` */
show_fn table_created, table_phases, table_plan, table_attached, table_info;
show_fn table_outage; /* of `restart` */

/* Verbs get what they were told under its names, and return an exit status; USAGE: they were told nonsense. */
#define USAGE 2
int stream_save(struct cli *cli, const struct json *words);
int stream_restore(struct cli *cli, const struct json *words);
int stream_migrate(struct cli *cli, const struct json *words);
int stream_receive(struct cli *cli, const struct json *words);
int console_attach(struct cli *cli, const struct json *words);
int events_print(struct cli *cli, const struct json *words);
int audit_run(struct cli *cli, const struct json *words);
int top_run(struct cli *cli, const struct json *words);
/* The logs in DIR of console NAME, each line with its time if TIMES. 0 or -errno (-EINVAL: no name). */
int logs_print(const char *dir, const char *name, bool times, FILE *out);
/* What `status` answered, for Prometheus. */
show_fn metrics_print;

#endif
